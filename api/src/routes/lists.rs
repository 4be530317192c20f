//! What is configured: links, and the services of the rules.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::params::RawPairs;
use crate::problem::{ApiError, Problem};
use crate::state::{ApiState, LinkInfo, ServiceInfo};

/// The configured links.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Links {
    /// In the order of the configuration.
    links: Vec<LinkInfo>,
}

/// The services that the rules know.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Services {
    /// By name.
    services: Vec<ServiceInfo>,
}

/// The configured links, in the order of the configuration.
#[utoipa::path(
    get,
    path = "/api/v1/links",
    tag = "configuration",
    responses(
        (status = 200, description = "The links", body = Links),
        (status = 400, description = "An unknown parameter", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(crate) async fn links(
    State(state): State<ApiState>,
    RawPairs(pairs): RawPairs,
) -> Result<Json<Links>, ApiError> {
    pairs.finish()?;
    Ok(Json(Links { links: state.settings().links.clone() }))
}

/// The services that the rules know, with their categories.
#[utoipa::path(
    get,
    path = "/api/v1/services",
    tag = "configuration",
    responses(
        (status = 200, description = "The services", body = Services),
        (status = 400, description = "An unknown parameter", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(crate) async fn services(
    State(state): State<ApiState>,
    RawPairs(pairs): RawPairs,
) -> Result<Json<Services>, ApiError> {
    pairs.finish()?;
    Ok(Json(Services { services: state.settings().services.clone() }))
}
