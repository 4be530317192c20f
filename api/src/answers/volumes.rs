//! Volumes over time, with figures and a comparison.

use std::collections::BTreeMap;

use etiage_aggregator::SETTLED_SECS;
use etiage_store::{
    Counts, Figures, Group, OTHER, StatisticsQuery, Store, TimeRange, VolumeAnswer, VolumeQuery,
};
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use crate::params::Back;
use crate::problem::{ApiError, ParameterError};
use crate::timestamps::{format_time, format_unix};

/// How long after its end a bin is complete: late packets, and the way to the database.
pub(crate) const SETTLED: Duration = Duration::seconds(SETTLED_SECS as i64);

/// Volumes per bucket and group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Volumes {
    #[serde(flatten)]
    period: Period,
    /// The dimensions of each series' group.
    #[schema(example = json!(["category", "direction"]))]
    group_by: Vec<String>,
    /// How many groups there are, those that are summed as the rest included.
    #[schema(example = 17)]
    groups: u64,
    /// The same groups in the same order, earlier, where a comparison is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    previous: Option<Period>,
}

/// A range and its series.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Period {
    /// Start of the range, RFC 3339, UTC.
    #[schema(example = "2026-11-21T10:00:00Z", format = DateTime)]
    from: String,
    /// End of the range, exclusive, RFC 3339, UTC.
    #[schema(example = "2026-11-21T11:00:00Z", format = DateTime)]
    to: String,
    /// Length of a bucket in seconds. Of an earlier range it can be longer: older history is coarser.
    #[schema(example = 300)]
    step_seconds: u32,
    /// Start of each bucket, RFC 3339, UTC.
    #[schema(example = json!(["2026-11-21T10:00:00Z"]))]
    buckets: Vec<String>,
    /// Whether any of the selected links was observed in each bucket.
    observed: Vec<bool>,
    /// One series a group, the largest first; the groups beyond `top` are summed as the last one.
    series: Vec<Series>,
}

/// One group's volumes. `null` is "not observed"; 0 is "observed, and there was none".
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Series {
    /// The value of each dimension of `group_by`; `other` in the series that sums the rest.
    #[schema(example = json!({"category": "p2p", "direction": "in"}))]
    group: BTreeMap<String, String>,
    /// Octets per bucket: whole frames on the wire, without FCS.
    octets: Vec<Option<u64>>,
    /// Packets per bucket.
    packets: Vec<Option<u64>>,
    /// Flows begun per bucket.
    flows: Vec<Option<u64>>,
    /// Sums over the range.
    total: Sums,
    /// Figures over exact bins, where they are asked for and anything was watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    statistics: Option<SeriesStatistics>,
}

/// A series' figures, over bins that lie wholly within the range and have ended. Bins that were watched and in
/// which nothing came are zeros like any other.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct SeriesStatistics {
    /// Length of a bin: 10 s up to an hour, 1 min up to 6 hours, else 5 min, as bills have it; an hour where
    /// 5 min are not kept or would be too many.
    #[schema(example = 300)]
    bin_seconds: u32,
    /// Bins that were watched.
    #[schema(example = 2016)]
    bins: u64,
    /// The lowest bin, in bit/s.
    min_bps: f64,
    /// The highest bin, in bit/s.
    max_bps: f64,
    /// The mean over all bins, in bit/s.
    mean_bps: f64,
    /// The latest bin, in bit/s.
    last_bps: f64,
    /// The 95th percentile of the bins, nearest rank, in bit/s.
    pub(crate) p95_bps: f64,
}

impl SeriesStatistics {
    pub(crate) fn new(figures: &Figures, bin_seconds: u32) -> Self {
        let bps = |octets: u64| octets as f64 * 8.0 / f64::from(bin_seconds.max(1));
        Self {
            bin_seconds,
            bins: figures.bins,
            min_bps: bps(figures.min),
            max_bps: bps(figures.max),
            mean_bps: bps(figures.total) / figures.bins.max(1) as f64,
            last_bps: bps(figures.last),
            p95_bps: bps(figures.p95),
        }
    }
}

/// Sums over a range.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Sums {
    /// Octets: whole frames on the wire, without FCS.
    pub(crate) octets: u64,
    /// Packets.
    pub(crate) packets: u64,
    /// Flows begun.
    pub(crate) flows: u64,
}

impl From<Counts> for Sums {
    fn from(counts: Counts) -> Self {
        let Counts { octets, packets, flows } = counts;
        Self { octets, packets, flows }
    }
}

/// A group as the API writes it.
pub(crate) fn group(group: Group) -> BTreeMap<String, String> {
    group.into_iter().map(|(dimension, value)| (dimension.to_string(), value)).collect()
}

/// What is wanted beside the volumes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside {
    /// The same groups, so much earlier.
    pub(crate) back: Option<Back>,
    /// Each series' figures; `now`, as only bins that are settled by then count.
    pub(crate) statistics: Option<OffsetDateTime>,
}

/// The volumes, and what is wanted beside them.
///
/// # Errors
/// What the store answers; a comparison with a time before 1970.
pub(crate) async fn volumes(
    store: &Store,
    query: &VolumeQuery,
    beside: Beside,
) -> Result<Volumes, ApiError> {
    let answer = store.volumes(query).await?;
    let own = own_groups(&answer);
    let previous = match beside.back {
        Some(back) => Some(period(earlier(store, query, &answer, &own, back).await?)),
        None => None,
    };
    let (groups, range) = (answer.groups, answer.range);
    let mut period = period(answer);
    if let Some(now) = beside.statistics {
        add_statistics(store, query, range, own, now, &mut period).await?;
    }
    let group_by = query.group_by.iter().map(ToString::to_string).collect();
    Ok(Volumes { period, group_by, groups, previous })
}

/// The groups that are told apart.
fn own_groups(answer: &VolumeAnswer) -> Vec<Group> {
    let mut groups: Vec<Group> = answer.series.iter().map(|series| series.group.clone()).collect();
    if groups.last().is_some_and(is_rest) {
        groups.pop();
    }
    groups
}

/// Whether this is the sum of the groups that are not told apart.
pub(crate) fn is_rest(group: &Group) -> bool {
    !group.is_empty() && group.iter().all(|(_, value)| value == OTHER)
}

/// The same groups, earlier.
async fn earlier(
    store: &Store,
    query: &VolumeQuery,
    answer: &VolumeAnswer,
    groups: &[Group],
    back: Back,
) -> Result<VolumeAnswer, ApiError> {
    let length = (answer.range.to - answer.range.from).whole_seconds();
    let range = moved_back(answer.range, back.seconds(length, answer.step_secs))?;
    let query = VolumeQuery { range, step_secs: answer.step_secs, ..query.clone() };
    Ok(store.volumes_of(&query, groups).await?)
}

/// A range some seconds earlier.
pub(crate) fn moved_back(range: TimeRange, seconds: i64) -> Result<TimeRange, ApiError> {
    let back = Duration::seconds(seconds);
    let from = range.from.checked_sub(back).filter(|from| *from >= OffsetDateTime::UNIX_EPOCH);
    let Some(from) = from else {
        return Err(ApiError::Parameters(vec![ParameterError::new(
            "compare",
            "the earlier range begins before 1970".to_owned(),
        )]));
    };
    Ok(TimeRange { from, to: range.to.saturating_sub(back) })
}

async fn add_statistics(
    store: &Store,
    query: &VolumeQuery,
    range: TimeRange,
    groups: Vec<Group>,
    now: OffsetDateTime,
    period: &mut Period,
) -> Result<(), ApiError> {
    let (group_by, filter) = (query.group_by.clone(), query.filter.clone());
    let query = StatisticsQuery { range, group_by, filter, groups };
    let Some(found) = store.statistics(&query, now.saturating_sub(SETTLED)).await? else {
        return Ok(());
    };
    let figures = found.groups.iter().copied().chain([found.rest]);
    for (series, figures) in period.series.iter_mut().zip(figures) {
        series.statistics = figures.map(|figures| SeriesStatistics::new(&figures, found.bin_secs));
    }
    Ok(())
}

fn period(answer: VolumeAnswer) -> Period {
    let series = answer.series.into_iter().map(|series| Series {
        group: group(series.group),
        octets: series.octets,
        packets: series.packets,
        flows: series.flows,
        total: series.total.into(),
        statistics: None,
    });
    Period {
        from: format_time(answer.range.from),
        to: format_time(answer.range.to),
        step_seconds: answer.step_secs,
        buckets: answer.buckets.into_iter().map(format_unix).collect(),
        observed: answer.observed,
        series: series.collect(),
    }
}
