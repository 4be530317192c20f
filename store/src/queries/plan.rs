//! From which table a question is answered: the smallest family that has its dimensions, and the coarsest
//! tier that gives its resolution and holds all that there is.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clickhouse::Row;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::{Dimension, Filter, Span, Statement, TimeRange};
use crate::schema::Family;
use crate::{Error, Store, Tier};

/// A row and its rollups become visible one after the other, within milliseconds. A tier that lacks
/// something is asked again after so long.
const SETTLE: Duration = Duration::from_millis(150);

/// Look-ups that are remembered at most.
const MAX_LOOKUPS: usize = 256;

/// Batches that tiers hold of a window: (length of the window, of the tier's interval, batches).
type Held = Vec<(u32, u32, u64)>;

/// Look-ups that found a tier to lack something, after the wait of [`SETTLE`]: who finds the same again need not
/// wait, for it does not come any more.
#[derive(Debug, Default)]
pub(crate) struct Lookups(Mutex<HashMap<String, (Instant, Held)>>);

impl Lookups {
    fn has_settled(&self, lookup: &str, held: &Held, now: Instant) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let settled = |since: Instant| now.saturating_duration_since(since) >= SETTLE;
        known.get(lookup).is_some_and(|(since, known)| settled(*since) && known == held)
    }

    fn note(&self, lookup: String, held: Held, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(&lookup).is_some_and(|(_, known)| *known == held) {
            return; // Since then.
        }
        if known.len() >= MAX_LOOKUPS {
            known.clear();
        }
        known.insert(lookup, (now, held));
    }
}

/// Where the answer is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) family: Family,
    /// The tier of a series' points; of a sum's edges.
    pub(super) tier: Tier,
    /// What is looked at, in whole steps of what `tier` has.
    pub(super) span: Span,
}

/// A range of time that one table answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    tier: Tier,
    from: u32,
    to: u32,
}

impl Family {
    /// The smallest family of volumes that has all these dimensions.
    fn with(group_by: &[Dimension], filter: &Filter) -> Result<Self, Error> {
        use Dimension::{Asn, Category, Direction, Link, Probe, Protocol, Service};
        let used: BTreeSet<_> = group_by.iter().copied().chain(filter.dimensions()).collect();
        let only = |known: &[Dimension]| used.iter().all(|dimension| known.contains(dimension));
        if used.contains(&Asn) {
            return match only(&[Link, Direction, Category, Asn]) {
                true if !used.contains(&Link) => Ok(Self::Asns),
                true => Ok(Self::Networks),
                false => Err(Error::BadQuery(
                    "networks are known by link, direction and category only: leave out asn, or \
                     protocol, service and probe"
                        .to_owned(),
                )),
            };
        }
        Ok(match () {
            () if only(&[Direction, Category, Protocol, Service]) => Self::Classes,
            () if only(&[Link, Direction]) => Self::Loads,
            () if only(&[Link, Direction, Category]) => Self::Links,
            () if only(&[Link, Direction, Category, Protocol, Service, Probe]) => Self::Volumes,
            () => Self::Networks,
        })
    }

    /// The coarsest tier from which steps of this length can be added up, and the step: where it is finer
    /// than anything there is, the next longer one.
    fn for_step(self, step: u32) -> (Tier, u32) {
        let fitting = self.tiers().iter().rev().find(|tier| step.is_multiple_of(tier.secs()));
        match fitting {
            Some(tier) => (*tier, step),
            None => self.lift(self.at_least(Tier::TenSeconds), step),
        }
    }

    /// The step in whole intervals of a tier.
    fn lift(self, tier: Tier, step: u32) -> (Tier, u32) {
        let tier = self.at_least(tier);
        (tier, step.div_ceil(tier.secs()).saturating_mul(tier.secs()))
    }
}

/// How exact the ends of a sum are: to a few thousandths of its range at worst. Finer ends would be read
/// from many more rows than all the rest.
fn resolution(range: TimeRange) -> Tier {
    match (range.to - range.from).whole_hours() {
        ..6 => Tier::TenSeconds,
        6..48 => Tier::Minute,
        48..336 => Tier::FiveMinutes,
        _ => Tier::Hour,
    }
}

impl Store {
    /// For a series with a point a step.
    pub(super) async fn plan_series(
        &self,
        family: Option<Family>,
        group_by: &[Dimension],
        filter: &Filter,
        range: TimeRange,
        step: u32,
    ) -> Result<Plan, Error> {
        let family = family.map_or_else(|| Family::with(group_by, filter), Ok)?;
        Span::of_series(range, step)?; // Refused as asked for, not as answered.
        let (wanted, lifted) = family.for_step(step);
        let span = Span::of_series(range, lifted)?;
        let found = self.complete(filter, &Windows::all(span), wanted).await?;
        let (tier, step) = match found == wanted {
            true => (wanted, lifted),
            false => family.lift(found, lifted),
        };
        Ok(Plan { family, tier, span: Span::of_series(range, step)? })
    }

    /// For figures of many bins, of which none is drawn: not bound to as many as a chart has.
    pub(super) async fn plan_bins(
        &self,
        group_by: &[Dimension],
        filter: &Filter,
        range: TimeRange,
        bin: u32,
    ) -> Result<Plan, Error> {
        let family = Family::with(group_by, filter)?;
        let (wanted, lifted) = family.for_step(bin);
        let windows = Windows::all(Span::new(range, lifted)?);
        let found = self.complete(filter, &windows, wanted).await?;
        let (tier, bin) = match found == wanted {
            true => (wanted, lifted),
            false => family.lift(found, lifted),
        };
        Ok(Plan { family, tier, span: Span::new(range, bin)? })
    }

    /// For a sum of [`Plan::rows`].
    pub(super) async fn plan_sum(
        &self,
        group_by: &[Dimension],
        filter: &Filter,
        range: TimeRange,
    ) -> Result<Plan, Error> {
        let family = Family::with(group_by, filter)?;
        let wanted = family.at_least(resolution(range));
        let windows = Windows::ends(Span::new(range, wanted.secs())?);
        let tier = family.at_least(self.complete(filter, &windows, wanted).await?);
        Ok(Plan { family, tier, span: Span::new(range, tier.secs())? })
    }

    /// For a sum of one table's rows.
    pub(super) async fn plan_table(&self, family: Family, range: TimeRange) -> Result<Plan, Error> {
        let wanted = family.at_least(resolution(range));
        let windows = Windows::all(Span::new(range, wanted.secs())?);
        let found = self.complete(&Filter::default(), &windows, wanted).await?;
        let tier = family.at_least(found);
        Ok(Plan { family, tier, span: Span::new(range, tier.secs())? })
    }

    /// The finest tier from `wanted` on that holds all batches of these windows that coarser ones hold. A
    /// fine tier lacks what has expired, and what was never that fine: merged or imported rows.
    async fn complete(
        &self,
        filter: &Filter,
        windows: &Windows,
        wanted: Tier,
    ) -> Result<Tier, Error> {
        if wanted == Tier::Day || windows.hours.is_empty() && windows.days.is_empty() {
            return Ok(wanted);
        }
        let lookup = lookup(filter, windows, wanted)?;
        let held = self.ask_held(&lookup).await?;
        let found = finest(&held, wanted);
        let name = format!("{lookup:?}");
        if found == wanted || self.lookups.has_settled(&name, &held, Instant::now()) {
            return Ok(found);
        }
        sleep(SETTLE).await;
        let held = self.ask_held(&lookup).await?;
        let found = finest(&held, wanted);
        if found != wanted {
            self.lookups.note(name, held, Instant::now());
        }
        Ok(found)
    }

    async fn ask_held(&self, lookup: &Statement) -> Result<Held, Error> {
        #[derive(Row, Deserialize)]
        struct HeldRow {
            window: u32,
            tier: u32,
            batches: u64,
        }
        let held: Vec<HeldRow> = self.ask("look up which rows it holds", lookup.clone()).await?;
        let mut held: Held =
            held.into_iter().map(|row| (row.window, row.tier, row.batches)).collect();
        held.sort_unstable();
        Ok(held)
    }
}

/// Asks for the batches that each tier holds of these windows.
fn lookup(filter: &Filter, windows: &Windows, wanted: Tier) -> Result<Statement, Error> {
    let filter = filter.only(&[Dimension::Link, Dimension::Probe]);
    let condition = filter.condition()?;
    // Tiers are compared over whole hours, hours and days over whole days.
    let mut selects = Vec::new();
    for (window, finest, windows) in
        [(Tier::Hour, wanted, &windows.hours), (Tier::Day, Tier::Hour, &windows.days)]
    {
        if windows.is_empty() {
            continue;
        }
        let windows = windows.join(" OR ");
        for tier in Tier::ALL.into_iter().filter(|tier| (finest..=window).contains(tier)) {
            selects.push(format!(
                "SELECT toUInt32({}) AS window, toUInt32({}) AS tier, sum(batches) AS batches \
                     FROM {} WHERE ({windows}){condition}",
                window.secs(),
                tier.secs(),
                Family::Observations.table(tier),
            ));
        }
    }
    filter.bind(Statement::new(selects.join(" UNION ALL ")))
}

/// The finest tier from `wanted` on that lacks nothing.
fn finest(held: &Held, wanted: Tier) -> Tier {
    let batches = |window: Tier, tier: Tier| {
        let row = held.iter().find(|row| row.0 == window.secs() && row.1 == tier.secs());
        row.map_or(0, |row| row.2)
    };
    if batches(Tier::Day, Tier::Hour) < batches(Tier::Day, Tier::Day) {
        return Tier::Day;
    }
    let all = batches(Tier::Hour, Tier::Hour);
    let fine = Tier::ALL.into_iter().filter(|tier| (wanted..Tier::Hour).contains(tier));
    fine.into_iter().find(|tier| batches(Tier::Hour, *tier) >= all).unwrap_or(Tier::Hour)
}

/// Conditions for the whole hours over which tiers finer than an hour must agree with it, and for the
/// whole days over which hours must agree with days.
struct Windows {
    hours: Vec<String>,
    days: Vec<String>,
}

impl Windows {
    /// Everything that a span touches: for who reads all of it from one tier.
    fn all(span: Span) -> Self {
        let around = |window: Tier| {
            let last = window.floor(span.to.saturating_sub(1));
            vec![between(window.floor(span.from), last.saturating_add(window.secs()))]
        };
        Self { hours: around(Tier::Hour), days: around(Tier::Day) }
    }

    /// Where a span begins and ends within an hour or a day: for who reads all the rest from coarser tiers.
    fn ends(span: Span) -> Self {
        let around = |window: Tier| {
            let inside = |end: &u32| !end.is_multiple_of(window.secs());
            let starts: BTreeSet<u32> = [span.from, span.to]
                .into_iter()
                .filter(inside)
                .map(|end| window.floor(end))
                .collect();
            let whole = |start| between(start, start.saturating_add(window.secs()));
            starts.into_iter().map(whole).collect()
        };
        Self { hours: around(Tier::Hour), days: around(Tier::Day) }
    }
}

/// The condition for a range of time.
pub(super) fn between(from: u32, to: u32) -> String {
    format!("(time >= toDateTime({from}, 'UTC') AND time < toDateTime({to}, 'UTC'))")
}

impl Plan {
    /// The table of a series' points.
    pub(super) fn table(&self) -> String {
        self.family.table(self.tier)
    }

    /// The condition for the plan's span.
    pub(super) fn time(&self) -> String {
        between(self.span.from, self.span.to)
    }

    /// The columns of all rows of the span, as a subquery: the middle from coarse tables, the ends from
    /// fine ones.
    pub(super) fn rows(&self, columns: &str, filter: &Filter) -> Result<String, Error> {
        let condition = filter.condition()?;
        let mut sql = String::from("(");
        for (index, Piece { tier, from, to }) in self.pieces().into_iter().enumerate() {
            let union = if index > 0 { " UNION ALL " } else { "" };
            let (table, time) = (self.family.table(tier), between(from, to));
            // Writing to a string cannot fail.
            let _ = write!(sql, "{union}SELECT {columns} FROM {table} WHERE {time}{condition}");
        }
        sql.push(')');
        Ok(sql)
    }

    /// The span, cut where coarser tiers can take over.
    fn pieces(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let tiers: Vec<Tier> =
            self.family.tiers().iter().copied().filter(|tier| *tier >= self.tier).collect();
        cut(&tiers, self.span.from, self.span.to, &mut pieces);
        pieces
    }
}

/// Covers a range with the coarsest of the tiers as far as its intervals fit, its ends with finer ones.
fn cut(tiers: &[Tier], from: u32, to: u32, pieces: &mut Vec<Piece>) {
    let Some((tier, finer)) = tiers.split_last() else { return };
    if from >= to {
        return;
    }
    if finer.is_empty() {
        pieces.push(Piece { tier: *tier, from, to });
        return;
    }
    let first = from.div_ceil(tier.secs()).saturating_mul(tier.secs());
    let last = tier.floor(to);
    if first >= last {
        return cut(finer, from, to, pieces);
    }
    cut(finer, from, first, pieces);
    pieces.push(Piece { tier: *tier, from: first, to: last });
    cut(finer, last, to, pieces);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(dimensions: &[Dimension]) -> Filter {
        dimensions.iter().fold(Filter::default(), |filter, own| filter.with(*own, "1"))
    }

    #[test]
    fn what_lacked_the_same_a_while_ago_is_not_waited_for() {
        let lookups = Lookups::default();
        let (held, now) = (vec![(3_600, 60, 5), (3_600, 3_600, 6)], Instant::now());
        let later = now + SETTLE;
        assert!(!lookups.has_settled("a", &held, later), "never looked up");
        lookups.note("a".to_owned(), held.clone(), now);
        assert!(
            !lookups.has_settled("a", &held, now),
            "just now: what is missing may be on its way"
        );
        lookups.note("a".to_owned(), held.clone(), later);
        assert!(lookups.has_settled("a", &held, later), "since the first time");
        assert!(!lookups.has_settled("b", &held, later), "another window");
        let more = vec![(3_600, 60, 5), (3_600, 3_600, 7)];
        assert!(!lookups.has_settled("a", &more, later), "something has come");
        for number in 0..2 * MAX_LOOKUPS {
            lookups.note(number.to_string(), held.clone(), now);
        }
        assert!(lookups.0.lock().unwrap().len() <= MAX_LOOKUPS);
    }

    #[test]
    fn the_smallest_family_answers() {
        use Dimension::{Asn, Category, Direction, Link, Probe, Protocol, Service};
        for (group_by, only, family) in [
            (&[][..], &[][..], Family::Classes),
            (&[Category, Direction], &[], Family::Classes),
            (&[Service], &[Protocol], Family::Classes),
            (&[Category], &[Link], Family::Links),
            (&[Link, Category], &[], Family::Links),
            (&[Link, Direction], &[], Family::Loads),
            (&[], &[Link], Family::Loads),
            (&[Service], &[Link], Family::Volumes),
            (&[Probe], &[], Family::Volumes),
            (&[Asn], &[], Family::Asns),
            (&[Asn, Category], &[Direction], Family::Asns),
            (&[Asn, Link], &[], Family::Networks),
            (&[Category], &[Asn, Link], Family::Networks),
        ] {
            assert_eq!(Family::with(group_by, &filter(only)).unwrap(), family, "{group_by:?}");
        }
        for wrong in [Protocol, Service, Probe] {
            assert!(Family::with(&[Asn], &filter(&[wrong])).is_err());
            assert!(Family::with(&[wrong, Asn], &filter(&[])).is_err());
        }
    }

    #[test]
    fn the_coarsest_tier_that_fits_the_step() {
        for (family, step, tier, lifted) in [
            (Family::Classes, 10, Tier::TenSeconds, 10),
            (Family::Classes, 90, Tier::TenSeconds, 90),
            (Family::Classes, 900, Tier::FiveMinutes, 900),
            (Family::Classes, 21_600, Tier::Hour, 21_600),
            (Family::Classes, 604_800, Tier::Day, 604_800),
            (Family::Networks, 10, Tier::Minute, 60),
            (Family::Networks, 90, Tier::Minute, 120),
            (Family::Networks, 300, Tier::Minute, 300),
            (Family::RoundTrips, 300, Tier::Minute, 300),
        ] {
            assert_eq!(family.for_step(step), (tier, lifted), "{family:?} {step}");
        }
        assert_eq!(Family::Classes.lift(Tier::Hour, 90), (Tier::Hour, 3_600));
        assert_eq!(Family::Classes.lift(Tier::Hour, 5_400), (Tier::Hour, 7_200));
    }

    #[test]
    fn pieces_are_the_range_without_gap_or_overlap() {
        let day = 20_000 * 86_400;
        for (from, to, count) in [
            (day, day + 86_400, 1),
            (day + 10, day + 20, 1),
            (day - 10, day + 10, 1),
            (day + 50, day + 130, 3),
            (day + 3_590, day + 2 * 86_400 + 3_610, 5),
            (day + 50, day + 86_400 * 400 - 50, 9),
        ] {
            let mut pieces = Vec::new();
            cut(&Tier::ALL, from, to, &mut pieces);
            assert_eq!(pieces.len(), count, "{pieces:?}");
            assert_eq!(pieces.first().unwrap().from, from);
            assert_eq!(pieces.last().unwrap().to, to);
            for pair in pieces.windows(2) {
                assert_eq!(pair[0].to, pair[1].from);
            }
            for piece in &pieces {
                assert!(piece.from < piece.to);
                assert_eq!(piece.from % piece.tier.secs(), 0);
                assert_eq!(piece.to % piece.tier.secs(), 0);
            }
        }
    }
}
