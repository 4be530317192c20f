//! All links by when they are full, and by what they cost.

use axum::Json;
use axum::extract::State;

use super::planning::{DEFAULT_THRESHOLD, number};
use crate::answers::capacity::{self, Capacity};
use crate::params::RawPairs;
use crate::problem::{ApiError, StoreAway, WrongParameters};
use crate::state::ApiState;

/// Which part of the capacity counts as full.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handler takes by name")]
pub(crate) struct CapacityParams {
    /// Which part of the capacity is looked for: from 0.01 to 10. Absent: 0.8.
    #[param(example = 0.8)]
    threshold: Option<f64>,
}

/// All links by when they are full, and their 95th percentiles against commitment and capacity, months side by side.
///
/// Worked out from the last 400 days and kept for an hour; one answer works for at most 10 seconds.
#[utoipa::path(
    get,
    path = "/api/v1/capacity",
    tag = "planning",
    params(CapacityParams),
    responses(
        (status = 200, description = "The links", body = Capacity),
        WrongParameters,
        StoreAway,
    )
)]
pub(crate) async fn capacity(
    State(state): State<ApiState>,
    RawPairs(mut pairs): RawPairs,
) -> Result<Json<Capacity>, ApiError> {
    let threshold = number(&mut pairs, "threshold", DEFAULT_THRESHOLD, 0.01, 10.0);
    pairs.finish()?;
    Ok(Json(capacity::get(state.settings(), &state.caches().capacity, threshold).await?))
}
