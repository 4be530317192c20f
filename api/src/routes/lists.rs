//! What is configured: links, and the services of the rules.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::params::{NetworkParams, RawPairs};
use crate::problem::{ApiError, UnknownParameter, WrongParameters};
use crate::settings::{LinkInfo, ServiceInfo};
use crate::state::ApiState;

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
        UnknownParameter,
    )
)]
pub(crate) async fn links(
    State(state): State<ApiState>,
    RawPairs(pairs): RawPairs,
) -> Result<Json<Links>, ApiError> {
    pairs.finish()?;
    Ok(Json(Links { links: state.settings().links.clone() }))
}

/// Names of networks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Networks {
    /// In the order asked for.
    networks: Vec<NetworkInfo>,
}

/// A network.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NetworkInfo {
    /// The autonomous system's number.
    #[schema(example = 64_500)]
    asn: u32,
    /// Its name, where the configured files know it.
    #[schema(example = "Example Net")]
    name: Option<String>,
}

/// The names of networks, as the configured files have them.
#[utoipa::path(
    get,
    path = "/api/v1/networks",
    tag = "configuration",
    params(NetworkParams),
    responses(
        (status = 200, description = "The names", body = Networks),
        WrongParameters,
    )
)]
pub(crate) async fn networks(
    State(state): State<ApiState>,
    RawPairs(mut pairs): RawPairs,
) -> Result<Json<Networks>, ApiError> {
    let mut numbers = Vec::new();
    for word in pairs.many("asn") {
        match word.parse::<u32>() {
            Ok(number) => numbers.push(number),
            Err(_) => pairs.error("asn", format!("`{word}` is not an autonomous system's number")),
        }
    }
    if numbers.is_empty() {
        pairs.error("asn", "which? Give the numbers whose names are wanted".to_owned());
    }
    pairs.finish()?;
    let table = state.settings().networks.get();
    let info = |asn| NetworkInfo { asn, name: table.name(asn).map(str::to_owned) };
    Ok(Json(Networks { networks: numbers.into_iter().map(info).collect() }))
}

/// The services that the rules know, with their categories.
#[utoipa::path(
    get,
    path = "/api/v1/services",
    tag = "configuration",
    responses(
        (status = 200, description = "The services", body = Services),
        UnknownParameter,
    )
)]
pub(crate) async fn services(
    State(state): State<ApiState>,
    RawPairs(pairs): RawPairs,
) -> Result<Json<Services>, ApiError> {
    pairs.finish()?;
    Ok(Json(Services { services: state.settings().services.clone() }))
}
