//! What the capture's engine says of itself.

use axum::Json;
use axum::extract::State;

use crate::answers::engine::Engine;
use crate::params::RawPairs;
use crate::problem::{ApiError, UnknownParameter};
use crate::state::ApiState;

/// What the capture's engine says of itself: costs, table fill, how soon flows are known.
#[utoipa::path(
    get,
    path = "/api/v1/engine",
    tag = "now",
    responses(
        (status = 200, description = "Its numbers", body = Engine),
        UnknownParameter,
    )
)]
pub(crate) async fn engine(
    State(state): State<ApiState>,
    RawPairs(pairs): RawPairs,
) -> Result<Json<Engine>, ApiError> {
    pairs.finish()?;
    Ok(Json(Engine::from(&state.settings().live.snapshot())))
}
