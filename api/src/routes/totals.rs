//! Sums over a range.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use etiage_store::{ExportQuery, TotalsQuery};
use serde::Serialize;
use utoipa::ToSchema;

use super::explain::statements;
use super::volumes::{Sums, group, is_rest, moved_back};
use crate::export::{Wanted, file, wanted};
use crate::live::format_time;
use crate::params::{
    CompareParams, ExplainParams, FilterParams, FormatParams, GroupParams, RangeParams, RawPairs,
};
use crate::problem::{ApiError, StoreAway, WrongParameters};
use crate::state::ApiState;

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
    previous: Option<Sums>,
}

/// Octets, packets and flows of a range, by any dimensions.
#[utoipa::path(
    get,
    path = "/api/v1/totals",
    tag = "history",
    params(FormatParams, RangeParams, GroupParams, FilterParams, CompareParams, ExplainParams),
    responses(
        (status = 200, description = "Sums per group, and of everything", body = Totals),
        WrongParameters,
        StoreAway,
    )
)]
pub(crate) async fn totals(
    State(state): State<ApiState>,
    headers: HeaderMap,
    RawPairs(mut pairs): RawPairs,
) -> Result<Response, ApiError> {
    let settings = state.settings();
    let wanted = wanted(&mut pairs, &headers);
    let range = RangeParams::take(&mut pairs).resolve(&mut pairs, settings.clock.now());
    let grouping = GroupParams::take(&mut pairs).resolve(&mut pairs);
    let filter = FilterParams::take(&mut pairs).resolve(&mut pairs, settings);
    let back = CompareParams::take(&mut pairs, None);
    let explain = ExplainParams::take(&mut pairs);
    pairs.finish()?;
    let Some(range) = range else { return Err(ApiError::unresolved()) };
    if let (Wanted::File(format), false) = (wanted, explain) {
        let query = ExportQuery { range, step_secs: None, group_by: grouping.by, filter, format };
        return file(&settings.store, &query, "totals").await;
    }
    let group_by = grouping.by.iter().map(ToString::to_string).collect();
    let query = TotalsQuery { range, group_by: grouping.by, filter, top: Some(grouping.top) };
    let (store, trace) = settings.store.traced();
    let answer = store.totals(&query).await?;
    let previous = match back {
        Some(back) => {
            let length = (answer.range.to - answer.range.from).whole_seconds();
            let range = moved_back(answer.range, back.seconds(length, 1))?;
            let groups: Vec<_> = answer.rows.iter().map(|row| row.group.clone()).collect();
            let own = groups.iter().filter(|group| !is_rest(group)).cloned().collect::<Vec<_>>();
            Some(store.totals_of(&TotalsQuery { range, ..query }, &own).await?)
        }
        None => None,
    };
    if explain {
        return Ok(statements(&trace));
    }
    let rows = answer.rows.into_iter().enumerate().map(|(place, row)| Row {
        group: group(row.group),
        sums: row.counts.into(),
        previous: previous.as_ref().map(|previous| {
            previous.rows.get(place).map_or_else(Default::default, |row| row.counts).into()
        }),
    });
    Ok(Json(Totals {
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
    .into_response())
}
