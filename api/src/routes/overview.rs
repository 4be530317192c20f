//! The whole network on one screen.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::answers::overview::{self, Overview};
use crate::params::RawPairs;
use crate::problem::{ApiError, StoreAway, UnknownParameter};
use crate::state::ApiState;

/// The whole network on one screen: now against last week, and each link with its month so far.
///
/// Made once for all who ask within 20 seconds. Rates by the second are in the live stream, the 200 largest links
/// of each direction are told apart.
#[utoipa::path(
    get,
    path = "/api/v1/overview",
    tag = "now",
    responses(
        (status = 200, description = "The network", body = Overview),
        UnknownParameter,
        StoreAway,
    )
)]
pub(crate) async fn overview(
    State(state): State<ApiState>,
    RawPairs(pairs): RawPairs,
) -> Result<Response, ApiError> {
    pairs.finish()?;
    let caches = state.caches();
    let made = overview::get(state.settings(), &caches.overview, &caches.months).await?;
    Ok(Json(&*made).into_response())
}
