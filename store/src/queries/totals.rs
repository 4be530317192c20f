//! Volumes summed over a range.

use std::collections::BTreeMap;

use clickhouse::Row;
use serde::Deserialize;

use super::{
    Counts, Dimension, Filter, Group, Grouping, Span, Statement, TimeRange, group, limit, others,
};
use crate::{Error, Store};

/// Volumes summed over a range, by group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotalsQuery {
    /// Widened to whole intervals: of 10 s under 6 hours, 1 min under 2 days, 5 min under 14 days, else of
    /// an hour; of longer ones where history is kept only coarser. The answer says to what.
    pub range: TimeRange,
    /// One row a combination of these; none: one row.
    pub group_by: Vec<Dimension>,
    /// What to count.
    pub filter: Filter,
    /// How many groups, by octets; the rest becomes [`super::OTHER`]. At most, and by default,
    /// [`super::MAX_GROUPS`].
    pub top: Option<u32>,
}

/// Largest first, the rest last. The rows add up to the total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotalsAnswer {
    /// What was looked at.
    pub range: TimeRange,
    /// One a group.
    pub rows: Vec<TotalsRow>,
    /// Over all groups.
    pub total: Counts,
    /// How many groups there are, those that were summed as the rest included.
    pub groups: u64,
}

/// One group's sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotalsRow {
    /// The group's values.
    pub group: Group,
    /// What it counted.
    pub counts: Counts,
}

#[derive(Row, Deserialize)]
struct SumRow {
    group: Vec<String>,
    rest: bool,
    octets: u64,
    packets: u64,
    flows: u64,
    groups: u64,
    all_octets: u64,
    all_packets: u64,
    all_flows: u64,
}

impl Store {
    /// Volumes summed over a range.
    ///
    /// # Errors
    /// [`Error::BadQuery`], [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn totals(&self, query: &TotalsQuery) -> Result<TotalsAnswer, Error> {
        let plan = self.plan_sum(&query.group_by, &query.filter, query.range).await?;
        let Grouping { columns, keys, array, rest } = Grouping::new(&query.group_by)?;
        // Windows over all groups before the limit: rest and total are of the very same data.
        let sql = format!(
            "SELECT group, rest, octets, packets, flows, count() OVER () AS groups, \
             sum(octets) OVER () AS all_octets, sum(packets) OVER () AS all_packets, \
             sum(flows) OVER () AS all_flows FROM \
             (SELECT {array} AS group, {rest} AS rest, sum(octets) AS octets, \
             sum(packets) AS packets, sum(flows) AS flows FROM {rows} GROUP BY {keys}) \
             ORDER BY rest, octets DESC, group LIMIT {{top:UInt32}}",
            rows = plan.rows(&format!("{columns}octets, packets, flows"), &query.filter)?,
        );
        let sql = query.filter.bind(Statement::new(sql))?;
        let found: Vec<SumRow> =
            self.ask("sum up volumes", sql.with("top", limit(query.top)?)).await?;
        Ok(assemble(query, plan.span, found))
    }

    /// The same of given groups, whether they are large or not, in their order; the rest last. For
    /// comparisons: the groups of one range in another one.
    ///
    /// # Errors
    /// As [`Store::totals`].
    pub async fn totals_of(
        &self,
        query: &TotalsQuery,
        groups: &[Group],
    ) -> Result<TotalsAnswer, Error> {
        #[derive(Row, Deserialize)]
        struct OwnRow {
            group: Vec<String>,
            rest: bool,
            octets: u64,
            packets: u64,
            flows: u64,
        }
        let plan = self.plan_sum(&query.group_by, &query.filter, query.range).await?;
        let Grouping { columns, keys, array, .. } = Grouping::new(&query.group_by)?;
        let sql = format!(
            "SELECT NOT has({{groups:Array(Array(String))}}, name) AS rest, \
             if(rest, emptyArrayString(), name) AS group, sum(o) AS octets, sum(p) AS packets, \
             sum(f) AS flows FROM (SELECT {array} AS name, sum(octets) AS o, sum(packets) AS p, \
             sum(flows) AS f FROM {rows} GROUP BY {keys}) GROUP BY rest, group",
            rows = plan.rows(&format!("{columns}octets, packets, flows"), &query.filter)?,
        );
        let names = super::volumes::names(groups);
        let sql = query.filter.bind(Statement::new(sql))?.with("groups", names.clone());
        let found: Vec<OwnRow> = self.ask("sum up the same groups", sql).await?;
        let mut total = Counts::default();
        let mut by_group = BTreeMap::new();
        for OwnRow { group, rest, octets, packets, flows } in found {
            total.octets += octets;
            total.packets += packets;
            total.flows += flows;
            by_group.insert((rest, group), Counts { octets, packets, flows });
        }
        let mut rows: Vec<TotalsRow> = names
            .into_iter()
            .map(|name| {
                let counts = by_group.remove(&(false, name.clone())).unwrap_or_default();
                TotalsRow { group: group(&query.group_by, name), counts }
            })
            .collect();
        if let Some(counts) = by_group.remove(&(true, Vec::new())) {
            rows.push(TotalsRow { group: others(&query.group_by), counts });
        }
        let groups = rows.len() as u64;
        Ok(TotalsAnswer { range: plan.span.range(), rows, total, groups })
    }
}

fn assemble(query: &TotalsQuery, span: Span, found: Vec<SumRow>) -> TotalsAnswer {
    let Some(first) = found.first() else {
        let (rows, total) = (Vec::new(), Counts::default());
        return TotalsAnswer { range: span.range(), rows, total, groups: 0 };
    };
    let total =
        Counts { octets: first.all_octets, packets: first.all_packets, flows: first.all_flows };
    let listed = found.iter().filter(|row| !row.rest).count();
    let (groups, more) = (first.groups, first.groups > listed as u64);
    let mut rest = total;
    let mut rows = Vec::with_capacity(listed + 1);
    for row in found.into_iter().filter(|row| !row.rest) {
        let counts = Counts { octets: row.octets, packets: row.packets, flows: row.flows };
        rest.octets = rest.octets.saturating_sub(counts.octets);
        rest.packets = rest.packets.saturating_sub(counts.packets);
        rest.flows = rest.flows.saturating_sub(counts.flows);
        rows.push(TotalsRow { group: group(&query.group_by, row.group), counts });
    }
    if more {
        rows.push(TotalsRow { group: others(&query.group_by), counts: rest });
    }
    TotalsAnswer { range: span.range(), rows, total, groups }
}
