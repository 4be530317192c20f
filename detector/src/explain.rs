//! What an event is made of, what rose meanwhile, and what kind of event that is.
//!
//! From sums over windows only: the time of the event and the same local time of some past weeks, with
//! the hours before each. So the question is one query, and its answer can be kept and checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::history::median;
use crate::series::Sign;

/// In order: sums are added up in the same order each time, and come out the same to the last bit.
type Map<K, V> = BTreeMap<K, V>;

/// Octets of the hours before the onset, and since the onset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Windows {
    /// Before the onset.
    pub before: f64,
    /// Since the onset.
    pub during: f64,
}

impl Windows {
    fn add(&mut self, other: Self) {
        self.before += other.before;
        self.during += other.during;
    }
}

/// Where octets were counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The link.
    pub link: Arc<str>,
    /// Which way: `in` or `out`.
    pub direction: Arc<str>,
    /// The category.
    pub category: Arc<str>,
    /// The service, or the network (`AS64496`), by what the rows are of.
    pub name: Arc<str>,
}

/// One place, now and then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonRow {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// The event's own windows.
    pub now: Windows,
    /// The same windows of past weeks, the latest first; as many in every row.
    pub past: Vec<Windows>,
}

/// Everything that an explanation is made from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// By service.
    pub services: Vec<ComparisonRow>,
    /// By remote network, where networks are known.
    pub networks: Vec<ComparisonRow>,
}

/// A part of what was lost (of a surge: of what was gained).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// What: a category's, service's, link's or network's name; `other` for the rest.
    pub name: Arc<str>,
    /// Octets less (of a surge: more) than expected.
    pub octets: f64,
    /// Of all that was lost; the shares of a list add up to 1.
    pub share: f64,
    /// Of what was expected here: how deep it fell.
    pub depth: f64,
}

/// What did the opposite meanwhile. Coincident: nothing says that it was caused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// What.
    pub name: Arc<str>,
    /// Octets more (of a surge: less) than expected.
    pub octets: f64,
    /// How much such sums differ from what is expected in ordinary weeks (root mean square), in octets.
    pub usual: f64,
    /// Of all that was lost.
    pub share: f64,
}

/// The substitution ledger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Categories that rose, the largest first.
    pub categories: Vec<Gain>,
    /// Services that rose.
    pub services: Vec<Gain>,
    /// Links that rose.
    pub links: Vec<Gain>,
    /// What no category's rise stands against, in octets.
    pub unexplained: f64,
}

/// What kind of event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One service or a few fell wherever they come in.
    Shutdown,
    /// One link fell, with all that it carries.
    LinkOutage,
    /// One link lost what others gained.
    Shift,
    /// More than expected.
    Surge,
    /// The total stayed; what it is made of did not.
    MixChange,
    /// None of these.
    Unknown,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Shutdown,
        Self::LinkOutage,
        Self::Shift,
        Self::Surge,
        Self::MixChange,
        Self::Unknown,
    ];

    /// The word for it, as it is stored and told.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shutdown => "shutdown",
            Self::LinkOutage => "link-outage",
            Self::Shift => "shift",
            Self::Surge => "surge",
            Self::MixChange => "mix-change",
            Self::Unknown => "unknown",
        }
    }
}

/// What an event is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// What kind it is.
    pub kind: Kind,
    /// Which way most of it was lost.
    pub direction: Arc<str>,
    /// Octets expected in that direction since the onset, over all links.
    pub expected: f64,
    /// Octets measured.
    pub measured: f64,
    /// Octets lost where any were, not balanced by gains elsewhere.
    pub lost: f64,
    /// By category, the largest first.
    pub categories: Vec<Loss>,
    /// By service.
    pub services: Vec<Loss>,
    /// By link.
    pub links: Vec<Loss>,
    /// By remote network.
    pub networks: Vec<Loss>,
    /// What rose meanwhile.
    pub ledger: Ledger,
}

/// Services without a name are no service that could be shut.
const NAMELESS: [&str; 2] = ["none", "unattributed"];
/// Parts of less than this share are added up as `other`.
const LEAST_SHARE: f64 = 0.01;
/// What differs by less than so many times the usual is noise.
const NOISE: f64 = 2.5;
/// So few services are "one or a few".
const FEW: usize = 4;

/// One place's difference from what was expected, now and, as if it were now, in each past week.
struct Difference<'a> {
    place: &'a Place,
    expected: f64,
    measured: f64,
    /// Expected less measured (of a surge: the opposite).
    lost: f64,
    /// The same of each past week against the others.
    placebo: Vec<f64>,
}

/// What an event is made of; `None` if nothing was expected and nothing was measured.
pub fn explain(comparison: &Comparison, sign: Sign) -> Option<Explanation> {
    let all = differences(&comparison.services, sign);
    let direction = main_direction(&all)?;
    let rows: Vec<&Difference<'_>> =
        all.iter().filter(|row| row.place.direction == direction).collect();
    let of_networks = differences(&comparison.networks, sign);
    let networks: Vec<&Difference<'_>> =
        of_networks.iter().filter(|row| row.place.direction == direction).collect();
    let categories = sums(&rows, |place| place.category.clone());
    let services = sums(&rows, |place| place.name.clone());
    let links = sums(&rows, |place| place.link.clone());
    let networks = sums(&networks, |place| place.name.clone());
    let expected = rows.iter().map(|row| row.expected).sum();
    let measured = rows.iter().map(|row| row.measured).sum();
    // By category and link: within one of them a service's loss and another's gain are substitution already.
    let parts = sums(&rows, |place| (place.category.clone(), place.link.clone()));
    let lost = parts.values().map(Sum::lost).sum::<f64>();
    let named_services: Map<Arc<str>, Sum> = services
        .iter()
        .filter(|(name, _)| !NAMELESS.contains(&&***name))
        .map(|(name, sum)| (name.clone(), sum.clone()))
        .collect();
    let gains = gains(&categories, lost);
    let explained: f64 = gains.iter().map(|gain| gain.octets).sum();
    let ledger = Ledger {
        unexplained: (lost - explained).max(0.0),
        categories: gains,
        services: self::gains(&named_services, lost),
        links: self::gains(&links, lost),
    };
    let kind = kind(&rows, sign, lost, expected, measured);
    Some(Explanation {
        kind,
        direction,
        expected,
        measured,
        lost,
        categories: losses(&categories),
        services: losses(&services),
        links: losses(&links),
        networks: losses(&networks),
        ledger,
    })
}

fn differences(rows: &[ComparisonRow], sign: Sign) -> Vec<Difference<'_>> {
    // A small place's own level says little: its link's has to do.
    let mut levels: Map<(&str, &str), (Windows, Vec<Windows>)> = Map::default();
    for row in rows {
        let key = (&*row.place.link, &*row.place.direction);
        let (now, past) = levels.entry(key).or_default();
        now.add(row.now);
        past.resize(past.len().max(row.past.len()), Windows::default());
        for (sum, windows) in past.iter_mut().zip(&row.past) {
            sum.add(*windows);
        }
    }
    let differences = rows.iter().map(|row| {
        let link = levels.get(&(&*row.place.link, &*row.place.direction));
        let weeks: Vec<(Windows, f64)> = (0..row.past.len())
            .map(|week| {
                let own = row.past.get(week).copied().unwrap_or_default();
                let link = link.and_then(|(_, past)| past.get(week)).copied();
                (own, link.unwrap_or_default().before)
            })
            .collect();
        let now = (row.now, link.map_or(0.0, |(now, _)| now.before));
        let expected = expected(now, weeks.iter());
        let placebo = weeks.iter().enumerate().map(|(week, as_now)| {
            let others = weeks.iter().enumerate().filter(|(other, _)| *other != week);
            let expected = self::expected(*as_now, others.map(|(_, windows)| windows));
            sign.depth(as_now.0.during - expected)
        });
        Difference {
            place: &row.place,
            expected,
            measured: row.now.during,
            lost: sign.depth(row.now.during - expected),
            placebo: placebo.collect(),
        }
    });
    differences.collect()
}

/// What a place should hold in its window: each past week's at this week's level, the median of them.
fn expected<'a>(
    (own, link): (Windows, f64),
    past: impl Iterator<Item = &'a (Windows, f64)>,
) -> f64 {
    let past = past.filter(|(_, link)| *link > 0.0).map(|(then, link_then)| {
        let large = then.before >= 0.01 * link_then && own.before > 0.0;
        let level = if large { own.before / then.before } else { link / link_then };
        then.during * level
    });
    median(&mut past.collect::<Vec<f64>>()).unwrap_or(0.0)
}

/// What a group of places adds up to.
#[derive(Clone, Debug, Default)]
struct Sum {
    expected: f64,
    lost: f64,
    placebo: Vec<f64>,
}

impl Sum {
    fn usual(&self) -> f64 {
        let squares: f64 = self.placebo.iter().map(|lost| lost * lost).sum();
        (squares / self.placebo.len().max(1) as f64).sqrt()
    }

    /// What it lost, if that is more than noise.
    fn lost(&self) -> f64 {
        if self.lost > NOISE * self.usual() { self.lost } else { 0.0 }
    }

    fn depth(&self) -> f64 {
        if self.expected > 0.0 { self.lost / self.expected } else { 0.0 }
    }
}

fn sums<K: Ord>(rows: &[&Difference<'_>], key: impl Fn(&Place) -> K) -> Map<K, Sum> {
    let mut sums: Map<K, Sum> = Map::default();
    for row in rows {
        let sum = sums.entry(key(row.place)).or_default();
        sum.expected += row.expected;
        sum.lost += row.lost;
        sum.placebo.resize(sum.placebo.len().max(row.placebo.len()), 0.0);
        for (sum, placebo) in sum.placebo.iter_mut().zip(&row.placebo) {
            *sum += placebo;
        }
    }
    sums
}

/// The direction that lost most.
fn main_direction(rows: &[Difference<'_>]) -> Option<Arc<str>> {
    let mut lost: Map<&Arc<str>, f64> = Map::default();
    for row in rows {
        *lost.entry(&row.place.direction).or_default() += row.lost;
    }
    let most = lost.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b));
    most.map(|(direction, _)| direction.clone())
}

fn losses(sums: &Map<Arc<str>, Sum>) -> Vec<Loss> {
    let all: f64 = sums.values().map(|sum| sum.lost.max(0.0)).sum();
    if all <= 0.0 {
        return Vec::new();
    }
    let loss = |name: &Arc<str>, sum: &Sum| Loss {
        name: name.clone(),
        octets: sum.lost,
        share: sum.lost / all,
        depth: sum.depth(),
    };
    let mut losses: Vec<Loss> = sums
        .iter()
        .filter(|(_, sum)| sum.lost() > 0.0 && sum.lost >= LEAST_SHARE * all)
        .map(|(name, sum)| loss(name, sum))
        .collect();
    losses.sort_by(|a, b| b.octets.total_cmp(&a.octets).then_with(|| a.name.cmp(&b.name)));
    let named: f64 = losses.iter().map(|loss| loss.octets).sum();
    let rest = all - named;
    if rest > 1e-9 * all {
        let expected: f64 = sums.values().map(|sum| sum.expected).sum();
        let depth = if expected > 0.0 { rest / expected } else { 0.0 };
        losses.push(Loss { name: "other".into(), octets: rest, share: rest / all, depth });
    }
    losses
}

fn gains(sums: &Map<Arc<str>, Sum>, lost: f64) -> Vec<Gain> {
    let gains = sums.iter().filter_map(|(name, sum)| {
        let (octets, usual) = (-sum.lost, sum.usual());
        let counts = octets > NOISE * usual && octets >= LEAST_SHARE * lost && lost > 0.0;
        counts.then(|| Gain { name: name.clone(), octets, usual, share: octets / lost })
    });
    let mut gains: Vec<Gain> = gains.collect();
    gains.sort_by(|a, b| b.octets.total_cmp(&a.octets).then_with(|| a.name.cmp(&b.name)));
    gains
}

fn kind(rows: &[&Difference<'_>], sign: Sign, lost: f64, expected: f64, measured: f64) -> Kind {
    if sign == Sign::Surge {
        return Kind::Surge;
    }
    if lost <= 0.0 {
        return Kind::Unknown;
    }
    let links = sums(rows, |place| place.link.clone());
    if let Some((link, sum)) = largest(&links)
        && sum.lost >= 0.8 * lost
        && falls_in_all_classes(rows, link, sum)
    {
        let others = links.iter().filter(|(other, _)| *other != link);
        let gained: f64 = others.map(|(_, sum)| (-sum.lost).max(0.0)).sum();
        return if gained >= 0.6 * sum.lost { Kind::Shift } else { Kind::LinkOutage };
    }
    if is_of_few_services(rows, lost) {
        return Kind::Shutdown;
    }
    if expected > 0.0 && (expected - measured) < 0.35 * lost {
        return Kind::MixChange;
    }
    Kind::Unknown
}

fn largest<K: Ord>(sums: &Map<K, Sum>) -> Option<(&K, &Sum)> {
    sums.iter().max_by(|(a, x), (b, y)| x.lost.total_cmp(&y.lost).then_with(|| a.cmp(b)))
}

/// Whether what a link carries fell alike: nine tenths of it by half as much as the whole.
fn falls_in_all_classes(rows: &[&Difference<'_>], link: &Arc<str>, whole: &Sum) -> bool {
    let of_link: Vec<&Difference<'_>> =
        rows.iter().copied().filter(|row| row.place.link == *link).collect();
    let categories = sums(&of_link, |place| place.category.clone());
    let fell = categories.values().filter(|sum| sum.depth() >= whole.depth() / 2.0);
    let fell: f64 = fell.map(|sum| sum.expected).sum();
    fell >= 0.9 * whole.expected
}

/// Whether a few services are most of what was lost, and each fell wherever it comes in.
fn is_of_few_services(rows: &[&Difference<'_>], lost: f64) -> bool {
    let services = sums(rows, |place| place.name.clone());
    let mut named: Vec<(&Arc<str>, &Sum)> = services
        .iter()
        .filter(|(name, sum)| !NAMELESS.contains(&&***name) && sum.lost() > 0.0)
        .collect();
    named.sort_by(|(a, x), (b, y)| y.lost.total_cmp(&x.lost).then_with(|| a.cmp(b)));
    named.truncate(FEW);
    let most: f64 = named.iter().map(|(_, sum)| sum.lost).sum();
    most >= 0.6 * lost && named.first().is_some_and(|(name, sum)| falls_everywhere(rows, name, sum))
}

/// Whether a service fell on nine tenths of where it comes in by half as much as on the whole.
fn falls_everywhere(rows: &[&Difference<'_>], service: &Arc<str>, whole: &Sum) -> bool {
    let of_service: Vec<&Difference<'_>> =
        rows.iter().copied().filter(|row| row.place.name == *service).collect();
    let links = sums(&of_service, |place| place.link.clone());
    let fell = links.values().filter(|sum| sum.depth() >= whole.depth() / 2.0);
    let fell: f64 = fell.map(|sum| sum.expected).sum();
    fell >= 0.9 * whole.expected
}
