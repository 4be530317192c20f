//! Sums over a range.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use etiage_store::{ExportQuery, TotalsQuery};

use super::explain::statements;
use super::export::{Wanted, file, wanted};
use crate::answers::totals::{Totals, totals as find};
use crate::params::{
    CompareParams, ExplainParams, FilterParams, FormatParams, GroupParams, History, RangeParams,
    RawPairs,
};
use crate::problem::{ApiError, StoreAway, WrongParameters};
use crate::state::ApiState;

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
    let mut asked = History::new(pairs, settings);
    let grouping = GroupParams::take(&mut asked.pairs).resolve(&mut asked.pairs);
    let filter = asked.filter();
    let back = CompareParams::take(&mut asked.pairs, None);
    let explain = asked.explain();
    let range = asked.finish()?;
    if let (Wanted::File(format), false) = (wanted, explain) {
        let query = ExportQuery { range, step_secs: None, group_by: grouping.by, filter, format };
        return file(&settings.store, &query, "totals").await;
    }
    let query = TotalsQuery { range, group_by: grouping.by, filter, top: Some(grouping.top) };
    let (store, trace) = settings.store.traced();
    let found = find(&store, query, back).await?;
    if explain {
        return Ok(statements(&trace));
    }
    Ok(Json(found).into_response())
}
