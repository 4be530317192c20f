//! Sums over a range.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use etiage_store::{ExportQuery, TotalsQuery};
use serde::Serialize;
use utoipa::ToSchema;

use super::volumes::{Sums, group};
use crate::export::{Wanted, file, wanted};
use crate::live::format_time;
use crate::params::{FilterParams, FormatParams, GroupParams, RangeParams, RawPairs};
use crate::problem::{ApiError, Problem};
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
}

/// One group's sums.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Row {
    /// The value of each dimension of `group_by`; `other` in the row that sums the rest.
    #[schema(example = json!({"protocol": "bittorrent"}))]
    group: BTreeMap<String, String>,
    #[serde(flatten)]
    sums: Sums,
}

/// Octets, packets and flows of a range, by any dimensions.
#[utoipa::path(
    get,
    path = "/api/v1/totals",
    tag = "history",
    params(FormatParams, RangeParams, GroupParams, FilterParams),
    responses(
        (status = 200, description = "Sums per group, and of everything", body = Totals),
        (status = 400, description = "Wrong parameters: all of them", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The store does not answer", body = Problem,
         content_type = "application/problem+json",
         headers(("Retry-After" = u32, description = "Seconds to wait"))),
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
    pairs.finish()?;
    let Some(range) = range else { return Err(ApiError::unresolved()) };
    if let Wanted::File(format) = wanted {
        let query = ExportQuery { range, step_secs: None, group_by: grouping.by, filter, format };
        return file(&settings.store, &query, "totals").await;
    }
    let group_by = grouping.by.iter().map(ToString::to_string).collect();
    let query = TotalsQuery { range, group_by: grouping.by, filter, top: Some(grouping.top) };
    let answer = settings.store.totals(&query).await?;
    let rows = answer.rows.into_iter();
    let rows = rows.map(|row| Row { group: group(row.group), sums: row.counts.into() });
    Ok(Json(Totals {
        from: format_time(answer.range.from),
        to: format_time(answer.range.to),
        group_by,
        rows: rows.collect(),
        total: answer.total.into(),
    })
    .into_response())
}
