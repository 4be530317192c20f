//! What flows from one dimension's values to another's: the numbers of a Sankey diagram.

use clickhouse::Row;
use serde::Deserialize;

use super::{Counts, Dimension, Filter, Grouping, OTHER, Statement, TimeRange, TotalsQuery};
use crate::{Error, Store};

/// Most values of each dimension; further ones are [`OTHER`].
pub const MAX_PATH_VALUES: u32 = 30;

/// Volumes by combinations of dimensions, each with its own largest values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathQuery {
    /// Widened as that of totals.
    pub range: TimeRange,
    /// Two or three different dimensions, in their order from left to right.
    pub path: Vec<Dimension>,
    /// What to count.
    pub filter: Filter,
    /// How many values of each, by octets; the rest becomes [`OTHER`]. At most [`MAX_PATH_VALUES`].
    pub top: u32,
}

/// All combinations that occur.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// What was looked at.
    pub range: TimeRange,
    /// A value of each dimension, and what was counted with all of them; the largest first.
    pub paths: Vec<(Vec<String>, Counts)>,
    /// Everything together.
    pub total: Counts,
}

#[derive(Row, Deserialize)]
struct PathRow {
    path: Vec<String>,
    octets: u64,
    packets: u64,
    flows: u64,
}

impl Store {
    /// Volumes by combinations of dimensions, each with its own largest values.
    ///
    /// # Errors
    /// [`Error::BadQuery`], [`Error::TooSlow`], [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn paths(&self, query: &PathQuery) -> Result<Paths, Error> {
        if !(2..=3).contains(&query.path.len()) || !(1..=MAX_PATH_VALUES).contains(&query.top) {
            return Err(Error::BadQuery(format!(
                "a path has 2 or 3 dimensions, with 1 to {MAX_PATH_VALUES} values of each"
            )));
        }
        let plan = self.plan_sum(&query.path, &query.filter, query.range).await?;
        let Grouping { columns, keys, array, .. } = Grouping::new(&query.path)?;
        let value = |place: usize| {
            format!(
                "if(has({{top_{place}:Array(String)}}, name[{place}]), name[{place}], '{OTHER}')"
            )
        };
        let values: Vec<String> = (1..=query.path.len()).map(value).collect();
        let sql = format!(
            "SELECT [{}] AS path, sum(o) AS octets, sum(p) AS packets, sum(f) AS flows FROM \
             (SELECT {array} AS name, sum(octets) AS o, sum(packets) AS p, sum(flows) AS f \
             FROM {} GROUP BY {keys}) GROUP BY path ORDER BY octets DESC, path",
            values.join(", "),
            plan.rows(&format!("{columns}octets, packets, flows"), &query.filter)?,
        );
        let mut statement = query.filter.bind(Statement::new(sql))?;
        for (place, dimension) in query.path.iter().enumerate() {
            let largest = TotalsQuery {
                range: query.range,
                group_by: vec![*dimension],
                filter: query.filter.clone(),
                top: Some(query.top),
            };
            let largest = self.totals(&largest).await?.rows;
            let values = largest.into_iter().flat_map(|row| row.group).map(|(_, value)| value);
            let values: Vec<String> = values.filter(|value| value != OTHER).collect();
            statement = statement.with(format!("top_{}", place + 1), values);
        }
        let rows: Vec<PathRow> = self.ask("sum up what flows where", statement).await?;
        let mut total = Counts::default();
        let mut paths = Vec::with_capacity(rows.len());
        for PathRow { path, octets, packets, flows } in rows {
            total.octets += octets;
            total.packets += packets;
            total.flows += flows;
            paths.push((path, Counts { octets, packets, flows }));
        }
        Ok(Paths { range: plan.span.range(), paths, total })
    }
}
