//! Volumes summed over a range.

use clickhouse::Row;
use serde::Deserialize;

use super::{Counts, Dimension, Filter, Group, Grouping, Span, TimeRange, group, limit, others};
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
            rows = plan.rows(&format!("{columns}octets, packets, flows"), &query.filter),
        );
        let sql = query.filter.bind(self.client.query(&sql))?;
        let found: Vec<SumRow> =
            self.fetch("sum up volumes", sql.param("top", limit(query.top)?)).await?;
        Ok(assemble(query, plan.span, found))
    }
}

fn assemble(query: &TotalsQuery, span: Span, found: Vec<SumRow>) -> TotalsAnswer {
    let Some(first) = found.first() else {
        return TotalsAnswer { range: span.range(), rows: Vec::new(), total: Counts::default() };
    };
    let total =
        Counts { octets: first.all_octets, packets: first.all_packets, flows: first.all_flows };
    let listed = found.iter().filter(|row| !row.rest).count();
    let more = first.groups > listed as u64;
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
    TotalsAnswer { range: span.range(), rows, total }
}
