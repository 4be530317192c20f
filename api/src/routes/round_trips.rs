//! TCP round-trip times over time.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use etiage_store::RoundTripQuery;

use super::export::{Wanted, sent, wanted};
use crate::answers::round_trips::{RoundTrips, round_trips as find};
use crate::params::{
    FormatParams, HistogramParams, History, RangeParams, RawPairs, RoundTripParams, StepParams,
    flag,
};
use crate::problem::{ApiError, StoreAway, WrongParameters};
use crate::state::ApiState;

/// Round-trip times of TCP handshakes over time, in microseconds.
#[utoipa::path(
    get,
    path = "/api/v1/round-trips",
    tag = "history",
    params(FormatParams, RangeParams, StepParams, RoundTripParams, HistogramParams),
    responses(
        (status = 200, description = "Quantiles per bucket", body = RoundTrips),
        WrongParameters,
        StoreAway,
    )
)]
pub(crate) async fn round_trips(
    State(state): State<ApiState>,
    headers: HeaderMap,
    RawPairs(mut pairs): RawPairs,
) -> Result<Response, ApiError> {
    let settings = state.settings();
    let wanted = wanted(&mut pairs, &headers);
    let mut asked = History::new(pairs, settings);
    asked.step(false);
    let filter = RoundTripParams::take(&mut asked.pairs).resolve(&mut asked.pairs, settings);
    let histogram = flag(&mut asked.pairs, "histogram");
    let (range, step_secs) = asked.finish_with_step()?;
    let query = RoundTripQuery { range, step_secs, filter };
    if let Wanted::File(format) = wanted {
        let export = settings.store.export_round_trips(&query, format).await?;
        return sent(export, format, "round-trips").await;
    }
    Ok(Json(find(&settings.store, query, histogram).await?).into_response())
}
