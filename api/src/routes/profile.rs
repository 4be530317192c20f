//! One service or one network: where it comes in, and its share.

use axum::Json;
use axum::extract::{Path, State};
use etiage_store::Dimension;

use crate::answers::profile::{Asked, Profile};
use crate::params::{CompareParams, FilterParams, History, Pairs, RangeParams, RawPairs};
use crate::problem::{ApiError, Problem, WrongParameters};
use crate::settings::Settings;
use crate::state::ApiState;

/// One service over a range: where it comes in, its share, what it is made of.
#[utoipa::path(
    get,
    path = "/api/v1/services/{name}",
    tag = "history",
    params(
        ("name" = String, Path, description = "The service; `none` for traffic of no known one"),
        RangeParams, FilterParams, CompareParams,
    ),
    responses(
        (status = 200, description = "The service", body = Profile),
        WrongParameters,
        (status = 404, description = "The rules know no such service", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(crate) async fn service(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    RawPairs(pairs): RawPairs,
) -> Result<Json<Profile>, ApiError> {
    let settings = state.settings();
    let known = settings.services.iter().find(|service| service.name == name);
    if known.is_none() && !matches!(name.as_str(), "none" | "unattributed") {
        return Err(ApiError::NoData(format!(
            "`{name}` is not a service of the rules; /api/v1/services lists them"
        )));
    }
    let asked = take(pairs, settings)?;
    let mut profile = asked.profile(&settings.store, Dimension::Service, &name).await?;
    profile.category = known.map(|service| service.category.clone());
    profile.name = Some(name);
    Ok(Json(profile))
}

/// One remote network over a range: where it comes in, its share, what it is made of.
#[utoipa::path(
    get,
    path = "/api/v1/networks/{asn}",
    tag = "history",
    params(
        ("asn" = u32, Path, description = "The autonomous system's number; 0 for those not known"),
        RangeParams, FilterParams, CompareParams,
    ),
    responses(
        (status = 200, description = "The network", body = Profile),
        WrongParameters,
        (status = 404, description = "No such number", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(crate) async fn network(
    State(state): State<ApiState>,
    Path(asn): Path<String>,
    RawPairs(pairs): RawPairs,
) -> Result<Json<Profile>, ApiError> {
    let settings = state.settings();
    let Ok(number) = asn.parse::<u32>() else {
        let text = format!("`{asn}` is not an autonomous system's number");
        return Err(ApiError::NoData(text));
    };
    let asked = take(pairs, settings)?;
    let value = number.to_string();
    let mut profile = asked.profile(&settings.store, Dimension::Asn, &value).await?;
    profile.asn = Some(number);
    profile.name = settings.networks.get().name(number).map(str::to_owned);
    Ok(Json(profile))
}

fn take(pairs: Pairs, settings: &Settings) -> Result<Asked, ApiError> {
    let mut asked = History::new(pairs, settings);
    let filter = asked.filter();
    let back = CompareParams::take(&mut asked.pairs, None);
    Ok(Asked { range: asked.finish()?, filter, back })
}
