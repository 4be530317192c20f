//! The whole network on one screen: now against last week, each link with its month.

use std::collections::BTreeMap;
use std::sync::Arc;

use etiage_planner::Month;
use etiage_store::{
    Dimension, Filter, Group, StatisticsQuery, Store, TimeRange, VolumeAnswer, VolumeQuery,
};
use serde::Serialize;
use time::{Duration, OffsetDateTime, UtcOffset};
use utoipa::ToSchema;

use super::cache::Cached;
use super::volumes::{SETTLED, SeriesStatistics};
use crate::problem::ApiError;
use crate::settings::{LinkInfo, Settings};
use crate::timestamps::format_time;

/// How long an answer is given again.
const FRESH: Duration = Duration::seconds(20);
/// How long the month's percentiles are.
const MONTH_FRESH: Duration = Duration::minutes(2);
/// What "now" is: the last of these that has ended.
const BIN_SECS: u32 = 300;
const BIN: Duration = Duration::seconds(BIN_SECS as i64);
const SPARK_SECS: u32 = 1_800;
const SPARK: Duration = Duration::seconds(SPARK_SECS as i64);

/// The whole network on one screen.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Overview {
    /// When this was made, RFC 3339, UTC.
    #[schema(format = DateTime)]
    at: String,
    /// How long the bins of `now` and `last_week` are.
    #[schema(example = 300)]
    bin_seconds: u32,
    /// All links in the last bin that has ended.
    now: Rates,
    /// All links at the same time last week.
    last_week: Rates,
    /// now ÷ last week − 1; `null` where either was not watched or last week carried nothing.
    change: WeekChange,
    /// The running month, as each link's contract has it.
    #[schema(example = "2026-11")]
    month: String,
    /// The configured links, in the order of the configuration.
    links: Vec<LinkRow>,
}

/// Rates of a bin.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Rates {
    /// Its start, RFC 3339, UTC.
    #[schema(format = DateTime)]
    time: String,
    /// Towards our network, in bit/s; `null` where no link was watched.
    in_bps: Option<f64>,
    /// Out of our network, in bit/s.
    out_bps: Option<f64>,
}

/// Growth by direction.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct WeekChange {
    /// Towards our network.
    r#in: Option<f64>,
    /// Out of our network.
    out: Option<f64>,
}

/// One link.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkRow {
    /// The link's name.
    name: String,
    /// What it is: `transit`, `pni`, `ix`, `cache`, `customer` or `backbone`.
    kind: String,
    /// Capacity in bit/s each way.
    capacity_bps: Option<u64>,
    /// Towards our network in the last bin, in bit/s; `null` where it was not watched.
    in_bps: Option<f64>,
    /// Out of our network.
    out_bps: Option<f64>,
    /// Towards our network at the same time last week.
    last_week_in_bps: Option<f64>,
    /// Out of our network at the same time last week.
    last_week_out_bps: Option<f64>,
    /// out ÷ in; `null` where nothing comes in.
    ratio: Option<f64>,
    /// The busier direction as a part of the capacity.
    utilisation: Option<f64>,
    /// The month's 95th percentile so far towards our network, of exact 5-minute bins, in bit/s.
    p95_in_bps: Option<f64>,
    /// The same out of our network.
    p95_out_bps: Option<f64>,
    /// The higher of both.
    p95_bps: Option<f64>,
    /// Capacity less the percentile, in bit/s; negative beyond it.
    headroom_bps: Option<f64>,
    /// What the contract commits to, in bit/s.
    commit_bps: Option<u64>,
    /// The last day.
    sparkline: Sparkline,
}

/// A day in half hours that have ended.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Sparkline {
    /// Start of the first, RFC 3339, UTC.
    #[schema(format = DateTime)]
    from: String,
    /// Length of each in seconds.
    step_seconds: u32,
    /// Towards our network, in bit/s; `null` where it was not watched.
    in_bps: Vec<Option<f64>>,
    /// Out of our network, in bit/s.
    out_bps: Vec<Option<f64>>,
}

/// Rates by direction and link; `None` where it was not watched.
type ByLink = BTreeMap<(String, String), Vec<Option<f64>>>;

/// The months' percentiles in and out, by link.
pub(crate) type Months = BTreeMap<String, [Option<f64>; 2]>;

/// The network as it was at most 20 seconds ago; the months' percentiles may be two minutes old.
pub(crate) async fn get(
    settings: &Settings,
    made: &Cached<Overview>,
    of_months: &Cached<Months>,
) -> Result<Arc<Overview>, ApiError> {
    let now = settings.clock.now();
    let make = || async {
        let months = of_months.get(now, MONTH_FRESH, || months(settings, now)).await?;
        make(settings, now, &months).await
    };
    made.get(now, FRESH, make).await
}

async fn make(
    settings: &Settings,
    now: OffsetDateTime,
    months: &Months,
) -> Result<Overview, ApiError> {
    let store = &settings.store;
    let ended = |length: Duration| {
        let seconds = length.whole_seconds();
        let at = (now - SETTLED).unix_timestamp().div_euclid(seconds) * seconds;
        OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    let end = ended(BIN);
    let bin = TimeRange { from: end - BIN, to: end };
    let week = Duration::WEEK;
    let before = TimeRange { from: bin.from - week, to: bin.to - week };
    let end = ended(SPARK);
    let day = TimeRange { from: end - Duration::DAY, to: end };
    let (current, past, sparks) = tokio::try_join!(
        rates(store, bin, BIN_SECS),
        rates(store, before, BIN_SECS),
        rates(store, day, SPARK_SECS),
    )?;
    let latest = |rates: &ByLink, link: &str, direction: &str| -> Option<f64> {
        let key = (direction.to_owned(), link.to_owned());
        rates.get(&key).and_then(|values| values.last().copied().flatten())
    };
    let row = |link: &LinkInfo| {
        let of = |rates: &ByLink, direction: &str| latest(rates, &link.name, direction);
        let (inwards, outwards) = (of(&current, "in"), of(&current, "out"));
        let busier = inwards.into_iter().chain(outwards).reduce(f64::max);
        let capacity = link.capacity_bps.filter(|capacity| *capacity > 0).map(|bps| bps as f64);
        let [p95_in, p95_out] = months.get(&link.name).copied().unwrap_or_default();
        let p95 = p95_in.into_iter().chain(p95_out).reduce(f64::max);
        let spark = |direction: &str| {
            let key = (direction.to_owned(), link.name.clone());
            let none =
                || vec![None; (Duration::DAY.whole_seconds() / SPARK.whole_seconds()) as usize];
            sparks.get(&key).cloned().unwrap_or_else(none)
        };
        LinkRow {
            name: link.name.clone(),
            kind: link.kind.clone(),
            capacity_bps: link.capacity_bps,
            in_bps: inwards,
            out_bps: outwards,
            last_week_in_bps: of(&past, "in"),
            last_week_out_bps: of(&past, "out"),
            ratio: outwards.zip(inwards).filter(|(_, i)| *i > 0.0).map(|(o, i)| o / i),
            utilisation: busier.zip(capacity).map(|(bps, capacity)| bps / capacity),
            p95_in_bps: p95_in,
            p95_out_bps: p95_out,
            p95_bps: p95,
            headroom_bps: p95.zip(capacity).map(|(bps, capacity)| capacity - bps),
            commit_bps: link.billing.tariff.map(|tariff| tariff.commit_bps),
            sparkline: Sparkline {
                from: format_time(day.from),
                step_seconds: SPARK_SECS,
                in_bps: spark("in"),
                out_bps: spark("out"),
            },
        }
    };
    let links = settings.links.iter().map(row).collect();
    let (now_rates, week_rates) = (all(bin, &current), all(before, &past));
    let grown = |now: Option<f64>, past: Option<f64>| {
        now.zip(past).filter(|(_, past)| *past > 0.0).map(|(now, past)| now / past - 1.0)
    };
    Ok(Overview {
        at: format_time(now),
        bin_seconds: BIN_SECS,
        change: WeekChange {
            r#in: grown(now_rates.in_bps, week_rates.in_bps),
            out: grown(now_rates.out_bps, week_rates.out_bps),
        },
        now: now_rates,
        last_week: week_rates,
        month: Month::of(now, UtcOffset::UTC).to_string(),
        links,
    })
}

/// All links together in the range's last bin.
fn all(range: TimeRange, rates: &ByLink) -> Rates {
    let sum = |wanted: &str| {
        let own = rates.iter().filter(|((direction, _), _)| direction == wanted);
        own.filter_map(|(_, values)| values.last().copied().flatten()).reduce(|a, b| a + b)
    };
    Rates { time: format_time(range.from), in_bps: sum("in"), out_bps: sum("out") }
}

/// Each link's rates, direction by direction.
async fn rates(store: &Store, range: TimeRange, step_secs: u32) -> Result<ByLink, ApiError> {
    let query = |direction: &str| VolumeQuery {
        range,
        step_secs,
        group_by: vec![Dimension::Link],
        filter: Filter::default().with(Dimension::Direction, direction),
        top: None,
    };
    let (inwards, outwards) = (query("in"), query("out"));
    let (inwards, outwards) = tokio::try_join!(store.volumes(&inwards), store.volumes(&outwards))?;
    let mut rates = ByLink::new();
    for (direction, answer) in [("in", inwards), ("out", outwards)] {
        let VolumeAnswer { step_secs, series, .. } = answer;
        for series in series {
            let Some((_, link)) = series.group.into_iter().next() else { continue };
            let bps = |octets: u64| octets as f64 * 8.0 / f64::from(step_secs.max(1));
            let values = series.octets.into_iter().map(|octets| octets.map(bps)).collect();
            rates.insert((direction.to_owned(), link), values);
        }
    }
    // What goes one way only was watched the other way too: nothing went there.
    for (own, other) in [("in", "out"), ("out", "in")] {
        let links = rates.iter().filter(|((direction, _), _)| direction == other);
        let missing: Vec<_> = links
            .map(|((_, link), values)| ((own.to_owned(), link.clone()), values))
            .filter(|(key, _)| !rates.contains_key(key))
            .map(|(key, values)| (key, values.iter().map(|value| value.map(|_| 0.0)).collect()))
            .collect();
        rates.extend::<Vec<((String, String), Vec<Option<f64>>)>>(missing);
    }
    Ok(rates)
}

/// Each link's 95th percentiles of its month so far.
async fn months(settings: &Settings, now: OffsetDateTime) -> Result<Months, ApiError> {
    let mut by_offset: BTreeMap<i32, Vec<&LinkInfo>> = BTreeMap::new();
    for link in &settings.links {
        by_offset.entry(link.billing.offset.whole_seconds()).or_default().push(link);
    }
    let mut months = Months::new();
    for (offset, links) in by_offset {
        let offset = UtcOffset::from_whole_seconds(offset).unwrap_or(UtcOffset::UTC);
        let range = TimeRange { from: Month::of(now, offset).start(offset), to: now };
        if range.from >= range.to {
            continue; // The month has just begun.
        }
        let group = |link: &LinkInfo, direction: &str| -> Group {
            vec![(Dimension::Link, link.name.clone()), (Dimension::Direction, direction.to_owned())]
        };
        let groups: Vec<Group> =
            links.iter().flat_map(|link| [group(link, "in"), group(link, "out")]).collect();
        let group_by = vec![Dimension::Link, Dimension::Direction];
        let query = StatisticsQuery { range, group_by, filter: Filter::default(), groups };
        let found = settings.store.statistics(&query, now.saturating_sub(SETTLED)).await?;
        let Some(found) = found else { continue };
        for (link, pair) in links.iter().zip(found.groups.chunks(2)) {
            let p95 = |place: usize| {
                let figures = pair.get(place).and_then(Option::as_ref)?;
                Some(SeriesStatistics::new(figures, found.bin_secs).p95_bps)
            };
            months.insert(link.name.clone(), [p95(0), p95(1)]);
        }
    }
    Ok(months)
}
