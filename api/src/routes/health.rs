//! How the probe is doing.

use axum::Json;
use axum::extract::State;

use crate::answers::health::{Health, health as find};
use crate::params::RawPairs;
use crate::problem::{ApiError, UnknownParameter};
use crate::state::ApiState;

/// How capture, flow tables, the store and each link are doing.
///
/// Always answers 200 with what is known; `status` says whether all is well.
#[utoipa::path(
    get,
    path = "/api/v1/health",
    tag = "now",
    responses(
        (status = 200, description = "The probe's health", body = Health),
        UnknownParameter,
    )
)]
pub(crate) async fn health(
    State(state): State<ApiState>,
    RawPairs(pairs): RawPairs,
) -> Result<Json<Health>, ApiError> {
    pairs.finish()?;
    Ok(Json(find(state.settings(), state.sizes(), &state.feed()).await))
}
