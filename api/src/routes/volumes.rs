//! Volumes over time.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use etiage_store::{ExportQuery, VolumeQuery};

use super::explain::statements;
use super::export::{Wanted, file, wanted};
use crate::answers::volumes::{Beside, Volumes, volumes as find};
use crate::params::{
    CompareParams, ExplainParams, FilterParams, FormatParams, GroupParams, History, RangeParams,
    RawPairs, StatisticsParams, StepParams, flag,
};
use crate::problem::{ApiError, StoreAway, WrongParameters};
use crate::state::ApiState;

/// Octets, packets and flows over time, by any dimensions.
///
/// Rates: octets × 8 / `step_seconds` is bit/s. With `compare`, the same groups earlier; with `statistics`, each
/// series' figures; with `explain=sql`, the statements instead of the answer.
#[utoipa::path(
    get,
    path = "/api/v1/volumes",
    tag = "history",
    params(FormatParams, RangeParams, StepParams, GroupParams, FilterParams, CompareParams,
        StatisticsParams, ExplainParams),
    responses(
        (status = 200, description = "Volumes per bucket and group", body = Volumes),
        WrongParameters,
        StoreAway,
    )
)]
pub(crate) async fn volumes(
    State(state): State<ApiState>,
    headers: HeaderMap,
    RawPairs(mut pairs): RawPairs,
) -> Result<Response, ApiError> {
    let settings = state.settings();
    let wanted = wanted(&mut pairs, &headers);
    let mut asked = History::new(pairs, settings);
    // A file may have more points than a chart.
    let step = asked.step(wanted != Wanted::Json);
    let grouping = GroupParams::take(&mut asked.pairs).resolve(&mut asked.pairs);
    let filter = asked.filter();
    let back = CompareParams::take(&mut asked.pairs, step);
    let statistics = flag(&mut asked.pairs, "statistics");
    let explain = asked.explain();
    let (range, step_secs) = asked.finish_with_step()?;
    if let (Wanted::File(format), false) = (wanted, explain) {
        let (group_by, step_secs) = (grouping.by, Some(step_secs));
        let query = ExportQuery { range, step_secs, group_by, filter, format };
        return file(&settings.store, &query, "volumes").await;
    }
    let (store, trace) = settings.store.traced();
    let query =
        VolumeQuery { range, step_secs, group_by: grouping.by, filter, top: Some(grouping.top) };
    // Figures are of bins that are settled.
    let statistics = statistics.then(|| settings.clock.now());
    let found = find(&store, &query, Beside { back, statistics }).await?;
    if explain {
        return Ok(statements(&trace));
    }
    Ok(Json(found).into_response())
}
