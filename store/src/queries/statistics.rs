//! Figures of groups over exact bins: what a table beside a chart says, whatever the chart's step is.

use std::collections::BTreeMap;

use clickhouse::Row;
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use super::volumes::names;
use super::{
    BUCKET, Dimension, Filter, Group, Grouping, OTHER, Span, Statement, TimeRange, plan::Plan,
};
use crate::schema::Family;
use crate::{Error, Store, Tier};

/// Most values that are sorted for one answer.
const MAX_VALUES: i64 = 4_000_000;
/// Longest range of which links' services and networks are looked at by 5 minutes.
const MAX_FINE_DAYS: i64 = 100;
/// Of how many percent of bins the percentile is as high as any.
const PERCENT: u64 = 95;

/// Of which groups the figures are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatisticsQuery {
    /// Bins that lie wholly within are looked at.
    pub range: TimeRange,
    /// What a group is a combination of.
    pub group_by: Vec<Dimension>,
    /// What to count.
    pub filter: Filter,
    /// The groups; all others are one.
    pub groups: Vec<Group>,
}

/// The figures, over bins of one length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// Length of a bin: 10 s up to an hour, 1 min up to 6 hours, else 5 min, as bills have it; longer where
    /// history is kept only coarser, or would be too much to sort.
    pub bin_secs: u32,
    /// Of each group, in their order. `None` where it was never watched.
    pub groups: Vec<Option<Figures>>,
    /// Of all others together, where there are any.
    pub rest: Option<Figures>,
}

/// One group's figures, in octets of a bin. A bin that was watched and in which nothing came is a 0 like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Bins that were watched.
    pub bins: u64,
    /// The lowest.
    pub min: u64,
    /// The highest.
    pub max: u64,
    /// The latest.
    pub last: u64,
    /// The 95th percentile by the nearest rank: the top 5 % are discarded, the highest that is left is it.
    pub p95: u64,
    /// All together.
    pub total: u64,
}

#[derive(Row, Deserialize)]
struct WatchedRow {
    name: String,
    bins: u64,
    last: u32,
}

#[derive(Row, Deserialize)]
struct FiguresRow {
    rest: bool,
    group: Vec<String>,
    bins: u64,
    min: u64,
    max: u64,
    total: u64,
    last_bin: u32,
    last: u64,
    p95: u64,
}

/// How many bins were watched, and the last of them.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    bins: u64,
    last: u32,
}

impl Seen {
    /// How many bins are above the percentile.
    const fn discarded(self) -> u64 {
        self.bins - (self.bins * PERCENT).div_ceil(100)
    }
}

impl Store {
    /// Figures of groups over the bins that have ended by `until`. `None` where there is no such bin.
    ///
    /// # Errors
    /// [`Error::BadQuery`]; [`Error::TooSlow`], [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn statistics(
        &self,
        query: &StatisticsQuery,
        until: OffsetDateTime,
    ) -> Result<Option<Statistics>, Error> {
        let bin = bin_of(query);
        let Some(range) = whole_bins(query.range, until, bin) else { return Ok(None) };
        let plan = self
            .plan_steps(None, (&query.group_by, &query.filter), (range, bin), Span::new)
            .await?;
        let Some(range) = whole_bins(query.range, until, plan.span.step) else { return Ok(None) };
        let plan = Plan { span: Span::new(range, plan.span.step)?, ..plan };
        let watched = self.watched_bins(query, &plan).await?;
        let rows = self.figures(query, &plan, &watched).await?;
        Ok(Some(assemble(query, plan.span.step, rows, &watched)))
    }

    /// How many bins were watched: of each link, where links are told apart, and by the empty name of any.
    async fn watched_bins(
        &self,
        query: &StatisticsQuery,
        plan: &Plan,
    ) -> Result<BTreeMap<String, Seen>, Error> {
        let filter = query.filter.only(&[Dimension::Link, Dimension::Probe]);
        let by_link = match query.group_by.contains(&Dimension::Link) {
            true => "['', toString(link)]",
            false => "['']",
        };
        let sql = format!(
            "SELECT name, count() AS bins, max(bucket) AS last FROM \
             (SELECT DISTINCT {BUCKET} AS bucket, arrayJoin({by_link}) AS name FROM {} WHERE {}{}) \
             GROUP BY name",
            Family::Observations.table(plan.tier),
            plan.time(),
            filter.condition()?,
        );
        let sql = filter.bind(Statement::new(sql))?.with("step", plan.span.step);
        let rows: Vec<WatchedRow> = self.ask("count what was watched", sql).await?;
        let seen = |row: WatchedRow| (row.name, Seen { bins: row.bins, last: row.last });
        Ok(rows.into_iter().map(seen).collect())
    }

    async fn figures(
        &self,
        query: &StatisticsQuery,
        plan: &Plan,
        watched: &BTreeMap<String, Seen>,
    ) -> Result<Vec<FiguresRow>, Error> {
        let Grouping { keys, array, .. } = Grouping::new(&query.group_by)?;
        let link = query.group_by.iter().position(|dimension| *dimension == Dimension::Link);
        let links: Vec<(&String, &Seen)> =
            watched.iter().filter(|(name, _)| !name.is_empty()).collect();
        // Counted from the top: what is beyond the values there are is one of the zeros.
        let place = match link.filter(|_| !links.is_empty()) {
            Some(index) => format!(
                "transform(group[{}], {{links:Array(String)}}, {{cuts:Array(UInt32)}}, {{cut:UInt32}})",
                index + 1
            ),
            None => "{cut:UInt32}".to_owned(),
        };
        let sql = format!(
            "SELECT rest, group, count() AS bins, min(o) AS min, max(o) AS max, sum(o) AS total, \
             max(bucket) AS last_bin, argMax(o, bucket) AS last, \
             arrayReverseSort(groupArray(o))[1 + {place}] AS p95 FROM \
             (SELECT bucket, NOT has({{groups:Array(Array(String))}}, name) AS rest, \
             if(rest, emptyArrayString(), name) AS group, sum(n) AS o FROM \
             (SELECT {BUCKET} AS bucket, {array} AS name, sum(octets) AS n \
             FROM {table} WHERE {time}{condition} GROUP BY bucket, {keys}) \
             GROUP BY bucket, rest, group) GROUP BY rest, group",
            table = plan.table(),
            time = plan.time(),
            condition = query.filter.condition()?,
        );
        let cut = |seen: &Seen| u32::try_from(seen.discarded()).unwrap_or(u32::MAX);
        let mut statement = query
            .filter
            .bind(Statement::new(sql))?
            .with("step", plan.span.step)
            .with("groups", names(&query.groups))
            .with("cut", watched.get("").map_or(0, cut));
        if link.is_some() && !links.is_empty() {
            let cuts: Vec<u32> = links.iter().map(|(_, seen)| cut(seen)).collect();
            let links: Vec<String> = links.into_iter().map(|(name, _)| name.clone()).collect();
            statement = statement.with("links", links).with("cuts", cuts);
        }
        self.ask("work out minimum, maximum and percentile", statement).await
    }
}

/// The length of a bin that is wanted.
fn bin_of(query: &StatisticsQuery) -> u32 {
    let length = query.range.to - query.range.from;
    let groups = i64::try_from(query.groups.len()).unwrap_or(i64::MAX).saturating_add(1);
    let many = length.whole_seconds() / 300;
    let by_name = query
        .group_by
        .iter()
        .copied()
        .chain(query.filter.dimensions())
        .any(|dimension| matches!(dimension, Dimension::Service | Dimension::Asn));
    match () {
        () if length <= Duration::HOUR => 10,
        () if length <= Duration::hours(6) => 60,
        () if many.saturating_mul(groups) > MAX_VALUES => 3_600,
        () if by_name && length.whole_days() > MAX_FINE_DAYS => 3_600,
        () => Tier::FiveMinutes.secs(),
    }
}

/// The bins that lie wholly within a range and have ended; `None` where there are none.
fn whole_bins(range: TimeRange, until: OffsetDateTime, bin: u32) -> Option<TimeRange> {
    let bin = i64::from(bin.max(1));
    let to = range.to.min(until).unix_timestamp().div_euclid(bin) * bin;
    let first = range.from.unix_timestamp();
    let from = first.div_euclid(bin) * bin + if first.rem_euclid(bin) == 0 { 0 } else { bin };
    let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).ok();
    (from < to).then_some(TimeRange { from: at(from)?, to: at(to)? })
}

fn assemble(
    query: &StatisticsQuery,
    bin_secs: u32,
    rows: Vec<FiguresRow>,
    watched: &BTreeMap<String, Seen>,
) -> Statistics {
    let link = query.group_by.iter().position(|dimension| *dimension == Dimension::Link);
    let any = watched.get("").copied().unwrap_or_default();
    let mut found: BTreeMap<(bool, Vec<String>), FiguresRow> =
        rows.into_iter().map(|row| ((row.rest, row.group.clone()), row)).collect();
    let mut of = |rest: bool, name: Vec<String>| {
        let own = link.and_then(|index| name.get(index)).filter(|name| *name != OTHER);
        let seen = own.map_or(any, |name| watched.get(name).copied().unwrap_or_default());
        figures(found.remove(&(rest, name)), seen)
    };
    let groups = names(&query.groups).into_iter().map(|name| of(false, name)).collect();
    let rest = found.contains_key(&(true, Vec::new()));
    let rest = rest.then(|| figures(found.remove(&(true, Vec::new())), any)).flatten();
    Statistics { bin_secs, groups, rest }
}

/// A row with the zeros that it does not know of.
fn figures(row: Option<FiguresRow>, seen: Seen) -> Option<Figures> {
    let Some(row) = row else {
        let silent = Figures { bins: seen.bins, min: 0, max: 0, last: 0, p95: 0, total: 0 };
        return (seen.bins > 0).then_some(silent);
    };
    // Whatever was counted was watched, even if the observation is still on its way.
    let silent = seen.bins > row.bins;
    Some(Figures {
        bins: seen.bins.max(row.bins),
        min: if silent { 0 } else { row.min },
        max: row.max,
        last: if row.last_bin >= seen.last { row.last } else { 0 },
        p95: row.p95,
        total: row.total,
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn only_whole_bins_that_have_ended_count() {
        let range = TimeRange {
            from: datetime!(2026-11-21 10:01 UTC),
            to: datetime!(2026-11-21 10:59 UTC),
        };
        let late = datetime!(2026-11-22 0:00 UTC);
        let whole = whole_bins(range, late, 300).unwrap();
        assert_eq!(whole.from, datetime!(2026-11-21 10:05 UTC));
        assert_eq!(whole.to, datetime!(2026-11-21 10:55 UTC));
        let now = whole_bins(range, datetime!(2026-11-21 10:29:59 UTC), 300).unwrap();
        assert_eq!(now.to, datetime!(2026-11-21 10:25 UTC));
        assert_eq!(whole_bins(range, late, 3_600), None);
        assert_eq!(whole_bins(range, range.from, 10), None);
    }

    #[test]
    fn the_percentile_is_that_of_bills() {
        // As planner::percentile has it: of 8,640 bins 432 are above.
        for (bins, above) in [(1, 0), (19, 0), (20, 1), (21, 1), (8_640, 432), (0, 0)] {
            assert_eq!(Seen { bins, last: 0 }.discarded(), above, "{bins}");
        }
    }

    #[test]
    fn zeros_count() {
        let row = |bins, last_bin| FiguresRow {
            rest: false,
            group: Vec::new(),
            bins,
            min: 5,
            max: 9,
            total: 50,
            last_bin,
            last: 7,
            p95: 9,
        };
        let seen = Seen { bins: 10, last: 900 };
        let some = figures(Some(row(6, 600)), seen).unwrap();
        assert_eq!((some.min, some.last, some.bins), (0, 0, 10));
        let all = figures(Some(row(10, 900)), seen).unwrap();
        assert_eq!((all.min, all.last), (5, 7));
        assert_eq!(figures(None, seen).unwrap().max, 0);
        assert_eq!(figures(None, Seen::default()), None);
    }
}
