//! Volumes over time.

use std::collections::{BTreeMap, BTreeSet};

use clickhouse::Row;
use serde::Deserialize;

use super::{
    BUCKET, Counts, Dimension, Filter, Group, Grouping, Span, Statement, TimeRange, group, limit,
    others, plan::Plan,
};
use crate::schema::Family;
use crate::{Error, Store};

/// Volumes over time, by group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeQuery {
    /// Widened to whole steps; the answer says to what.
    pub range: TimeRange,
    /// Length of a bucket: a multiple of 10 s, aligned to UTC. Where history is kept only coarser than
    /// that, the answer's steps are longer.
    pub step_secs: u32,
    /// One series a combination of these; none: one series.
    pub group_by: Vec<Dimension>,
    /// What to count.
    pub filter: Filter,
    /// How many groups, by octets over the whole range; the rest becomes [`super::OTHER`]. At most,
    /// and by default, [`super::MAX_GROUPS`].
    pub top: Option<u32>,
}

/// Equally long series, largest first, the rest last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeAnswer {
    /// What was looked at.
    pub range: TimeRange,
    /// Length of a bucket.
    pub step_secs: u32,
    /// Starts of the buckets, in seconds since the Unix epoch.
    pub buckets: Vec<i64>,
    /// Whether any of the links asked for was watched in the bucket.
    pub observed: Vec<bool>,
    /// One a group.
    pub series: Vec<Series>,
    /// How many groups there are, those that were summed as the rest included.
    pub groups: u64,
}

/// One group over time. `None` is "no data": nobody watched. 0 is "watched, and nothing came".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The group's values.
    pub group: Group,
    /// Octets per bucket.
    pub octets: Vec<Option<u64>>,
    /// Packets per bucket.
    pub packets: Vec<Option<u64>>,
    /// New flows per bucket.
    pub flows: Vec<Option<u64>>,
    /// Over the whole range.
    pub total: Counts,
}

#[derive(Row, Deserialize)]
struct TopRow {
    group: Vec<String>,
    groups: u64,
}

/// The largest groups, and how many there are.
struct Top {
    names: Vec<Vec<String>>,
    groups: u64,
}

#[derive(Row, Deserialize)]
struct PointRow {
    bucket: u32,
    rest: bool,
    group: Vec<String>,
    octets: u64,
    packets: u64,
    flows: u64,
}

#[derive(Row, Deserialize)]
struct ObservedRow {
    bucket: u32,
    name: String,
}

impl Store {
    /// Volumes over time.
    ///
    /// # Errors
    /// [`Error::BadQuery`] for more than [`super::MAX_BUCKETS`] buckets or a step that is no multiple
    /// of 10 s, or for networks by what they are not known by; [`Error::TooSlow`], [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn volumes(&self, query: &VolumeQuery) -> Result<VolumeAnswer, Error> {
        let plan = self
            .plan_steps(
                None,
                (&query.group_by, &query.filter),
                (query.range, query.step_secs),
                Span::of_series,
            )
            .await?;
        let top = self.top_groups(query, &plan).await?;
        let (points, observed) =
            tokio::try_join!(self.points(query, &plan, &top.names), self.observed(query, &plan))?;
        let mut answer = assemble(query, plan.span, top.names, points, &observed);
        answer.groups = top.groups;
        Ok(answer)
    }

    /// The same of given groups, whether they are large or not; the rest last. For comparisons: the groups of
    /// one range in another one.
    ///
    /// # Errors
    /// As [`Store::volumes`].
    pub async fn volumes_of(
        &self,
        query: &VolumeQuery,
        groups: &[Group],
    ) -> Result<VolumeAnswer, Error> {
        let plan = self
            .plan_steps(
                None,
                (&query.group_by, &query.filter),
                (query.range, query.step_secs),
                Span::of_series,
            )
            .await?;
        let names = names(groups);
        let (points, observed) =
            tokio::try_join!(self.points(query, &plan, &names), self.observed(query, &plan))?;
        Ok(assemble(query, plan.span, names, points, &observed))
    }

    async fn top_groups(&self, query: &VolumeQuery, plan: &Plan) -> Result<Top, Error> {
        if query.group_by.is_empty() {
            return Ok(Top { names: vec![Vec::new()], groups: 1 });
        }
        let Grouping { columns, keys, array, rest } = Grouping::new(&query.group_by)?;
        let sql = format!(
            "SELECT {array} AS group, count() OVER () AS groups FROM {rows} WHERE NOT ({rest}) \
             GROUP BY {keys} ORDER BY sum(octets) DESC, group LIMIT {{top:UInt32}}",
            rows = plan.rows(&format!("{columns}octets"), &query.filter)?,
        );
        let sql = query.filter.bind(Statement::new(sql))?.with("top", limit(query.top)?);
        let rows: Vec<TopRow> = self.ask("find the largest groups", sql).await?;
        let groups = rows.first().map_or(0, |row| row.groups);
        Ok(Top { names: rows.into_iter().map(|row| row.group).collect(), groups })
    }

    async fn points(
        &self,
        query: &VolumeQuery,
        plan: &Plan,
        top: &[Vec<String>],
    ) -> Result<Vec<PointRow>, Error> {
        let Grouping { keys, array, .. } = Grouping::new(&query.group_by)?;
        // Summed by the columns first: only these few rows are looked up among the top groups.
        let sql = format!(
            "SELECT bucket, NOT has({{top:Array(Array(String))}}, name) AS rest, \
             if(rest, emptyArrayString(), name) AS group, \
             sum(o) AS octets, sum(p) AS packets, sum(f) AS flows FROM \
             (SELECT {BUCKET} AS bucket, {array} AS name, \
             sum(octets) AS o, sum(packets) AS p, sum(flows) AS f \
             FROM {table} WHERE {time}{condition} GROUP BY bucket, {keys}) \
             GROUP BY bucket, rest, group",
            table = plan.table(),
            time = plan.time(),
            condition = query.filter.condition()?,
        );
        let sql = query.filter.bind(Statement::new(sql))?;
        self.ask("sum up volumes", sql.with("step", plan.span.step).with("top", top.to_vec())).await
    }

    /// Which links were watched when. The links are told apart only where the answer is.
    async fn observed(&self, query: &VolumeQuery, plan: &Plan) -> Result<Vec<ObservedRow>, Error> {
        let filter = query.filter.only(&[Dimension::Link, Dimension::Probe]);
        let name = match query.group_by.contains(&Dimension::Link) {
            true => "toString(link)",
            false => "''",
        };
        let sql = format!(
            "SELECT DISTINCT {BUCKET} AS bucket, {name} AS name FROM {} WHERE {}{}",
            Family::Observations.table(plan.tier),
            plan.time(),
            filter.condition()?,
        );
        let sql = filter.bind(Statement::new(sql))?;
        self.ask("look up what was watched", sql.with("step", plan.span.step)).await
    }
}

/// The groups' values alone.
pub(super) fn names(groups: &[Group]) -> Vec<Vec<String>> {
    groups.iter().map(|group| group.iter().map(|(_, value)| value.clone()).collect()).collect()
}

/// A bucket's number and what was counted in it.
type Point = (usize, Counts);

/// Puts the pieces together: every series with a value, 0 or `None` for every bucket.
fn assemble(
    query: &VolumeQuery,
    span: Span,
    top: Vec<Vec<String>>,
    points: Vec<PointRow>,
    watched: &[ObservedRow],
) -> VolumeAnswer {
    let buckets: Vec<i64> = span.buckets().map(i64::from).collect();
    let mut observed = vec![false; buckets.len()];
    let mut by_link: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for row in watched {
        let Some(index) = span.index(row.bucket) else { continue };
        mark(&mut observed, index);
        by_link.entry(&row.name).or_default().insert(index);
    }
    let mut by_group: BTreeMap<(bool, Vec<String>), Vec<Point>> = BTreeMap::new();
    for PointRow { bucket, rest, group, octets, packets, flows } in points {
        let Some(index) = span.index(bucket) else { continue };
        // Whatever was counted was watched, even if the observation is still on its way.
        mark(&mut observed, index);
        let counts = Counts { octets, packets, flows };
        by_group.entry((rest, group)).or_default().push((index, counts));
    }
    let link = query.group_by.iter().position(|dimension| *dimension == Dimension::Link);
    let mut series = Vec::with_capacity(top.len() + 1);
    for values in top {
        // Of one link's series, only what is known of that link counts.
        let own = link.and_then(|index| values.get(index)).map(|name| by_link.get(name.as_str()));
        let watched = |index: usize| match own {
            Some(own) => own.is_some_and(|own| own.contains(&index)),
            None => observed.get(index).copied().unwrap_or_default(),
        };
        let points = by_group.remove(&(false, values.clone())).unwrap_or_default();
        if values.is_empty() && points.is_empty() {
            continue; // No group was asked for, and there is nothing.
        }
        series.push(fill(group(&query.group_by, values), buckets.len(), watched, &points));
    }
    if let Some(points) = by_group.remove(&(true, Vec::new())) {
        let watched = |index: usize| observed.get(index).copied().unwrap_or_default();
        series.push(fill(others(&query.group_by), buckets.len(), watched, &points));
    }
    let groups = series.len() as u64;
    VolumeAnswer { range: span.range(), step_secs: span.step, buckets, observed, series, groups }
}

fn mark(observed: &mut [bool], index: usize) {
    if let Some(observed) = observed.get_mut(index) {
        *observed = true;
    }
}

fn fill(group: Group, length: usize, watched: impl Fn(usize) -> bool, points: &[Point]) -> Series {
    let empty: Vec<Option<u64>> = (0..length).map(|index| watched(index).then_some(0)).collect();
    let (mut octets, mut packets, mut flows) = (empty.clone(), empty.clone(), empty);
    let mut total = Counts::default();
    for (index, counts) in points {
        for (values, value) in [
            (&mut octets, counts.octets),
            (&mut packets, counts.packets),
            (&mut flows, counts.flows),
        ] {
            if let Some(slot) = values.get_mut(*index) {
                *slot = Some(slot.unwrap_or(0) + value);
            }
        }
        total.octets += counts.octets;
        total.packets += counts.packets;
        total.flows += counts.flows;
    }
    Series { group, octets, packets, flows, total }
}
