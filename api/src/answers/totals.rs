//! Sums over a range.

use std::collections::BTreeMap;

use etiage_store::{Store, TotalsAnswer, TotalsQuery};
use serde::Serialize;
use utoipa::ToSchema;

use super::volumes::{Sums, group, is_rest, moved_back};
use crate::params::Back;
use crate::problem::ApiError;
use crate::timestamps::format_time;

/// Sums per group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Totals {
    /// Start of the range, RFC 3339, UTC.
    #[schema(example = "2026-11-21T10:00:00Z", format = DateTime)]
    from: String,
    /// End of the range, exclusive, RFC 3339, UTC.
    #[schema(example = "2026-11-21T11:00:00Z", format = DateTime)]
    to: String,
    /// The dimensions of each row's group.
    #[schema(example = json!(["protocol"]))]
    group_by: Vec<String>,
    /// One row a group, the largest first; the groups beyond `top` are summed as the last one.
    rows: Vec<Row>,
    /// Everything that the filter lets through.
    total: Sums,
    /// How many groups there are, those that are summed as the rest included.
    #[schema(example = 17)]
    groups: u64,
    /// What the rows are compared with, where a comparison is asked for.
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    previous: Option<PreviousTotals>,
}

/// The earlier range of a comparison.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviousTotals {
    /// Start of the earlier range, RFC 3339, UTC.
    #[schema(format = DateTime)]
    previous_from: String,
    /// Its end, exclusive.
    #[schema(format = DateTime)]
    previous_to: String,
    /// Everything that the filter lets through then.
    previous_total: Sums,
}

/// One group's sums.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Row {
    /// The value of each dimension of `group_by`; `other` in the row that sums the rest.
    #[schema(example = json!({"protocol": "bittorrent"}))]
    group: BTreeMap<String, String>,
    #[serde(flatten)]
    sums: Sums,
    /// The same group earlier, where a comparison is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    previous: Option<Sums>,
}

/// The sums, and where a comparison is asked for, those of the same groups earlier.
///
/// # Errors
/// What the store answers; a comparison with a time before 1970.
pub(crate) async fn totals(
    store: &Store,
    query: TotalsQuery,
    back: Option<Back>,
) -> Result<Totals, ApiError> {
    let answer = store.totals(&query).await?;
    let group_by = query.group_by.iter().map(ToString::to_string).collect();
    let previous = match back {
        Some(back) => Some(earlier(store, query, &answer, back).await?),
        None => None,
    };
    let rows = answer.rows.into_iter().enumerate().map(|(place, row)| Row {
        group: group(row.group),
        sums: row.counts.into(),
        previous: previous.as_ref().map(|previous| {
            previous.rows.get(place).map_or_else(Default::default, |row| row.counts).into()
        }),
    });
    Ok(Totals {
        from: format_time(answer.range.from),
        to: format_time(answer.range.to),
        group_by,
        rows: rows.collect(),
        total: answer.total.into(),
        groups: answer.groups,
        previous: previous.as_ref().map(|previous| PreviousTotals {
            previous_from: format_time(previous.range.from),
            previous_to: format_time(previous.range.to),
            previous_total: previous.total.into(),
        }),
    })
}

/// The same groups, earlier.
async fn earlier(
    store: &Store,
    query: TotalsQuery,
    answer: &TotalsAnswer,
    back: Back,
) -> Result<TotalsAnswer, ApiError> {
    let length = (answer.range.to - answer.range.from).whole_seconds();
    let range = moved_back(answer.range, back.seconds(length, 1))?;
    let groups = answer.rows.iter().map(|row| &row.group);
    let own: Vec<_> = groups.filter(|group| !is_rest(group)).cloned().collect();
    Ok(store.totals_of(&TotalsQuery { range, ..query }, &own).await?)
}
