//! Records of single flows.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use etiage_store::FlowRecordQuery;

use super::export::{Wanted, sent, wanted};
use crate::answers::flow_records::FlowRecords;
use crate::params::{FilterParams, FormatParams, History, LimitParams, RangeParams, RawPairs};
use crate::problem::{ApiError, StoreAway, WrongParameters};
use crate::state::ApiState;

/// Records of an answer where the client does not say.
const DEFAULT_LIMIT: u32 = 100;

/// Records of single flows whose last packet is in the range, the heaviest first: those that `[flow_records]` of the
/// configuration has kept. Filters know links, categories, protocols, services and probes here.
#[utoipa::path(
    get,
    path = "/api/v1/flow-records",
    tag = "history",
    params(FormatParams, RangeParams, FilterParams, LimitParams),
    responses(
        (status = 200, description = "Records", body = FlowRecords),
        WrongParameters,
        StoreAway,
    )
)]
pub(crate) async fn flow_records(
    State(state): State<ApiState>,
    headers: HeaderMap,
    RawPairs(mut pairs): RawPairs,
) -> Result<Response, ApiError> {
    let settings = state.settings();
    let wanted = wanted(&mut pairs, &headers);
    let mut asked = History::new(pairs, settings);
    let filter = asked.filter();
    let limit = LimitParams::take(&mut asked.pairs);
    let range = asked.finish()?;
    if let Wanted::File(format) = wanted {
        let query = FlowRecordQuery { range, filter, limit };
        let export = settings.store.export_flow_records(&query, format).await?;
        return sent(export, format, "flow-records").await;
    }
    let query = FlowRecordQuery { range, filter, limit: limit.or(Some(DEFAULT_LIMIT)) };
    let records = settings.store.flow_records(&query).await?;
    Ok(Json(FlowRecords::new(range, records)).into_response())
}
