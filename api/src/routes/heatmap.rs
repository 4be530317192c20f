//! Hours of the week.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use etiage_store::HeatmapQuery;

use super::explain::statements;
use crate::answers::heatmap::WeekHours;
use crate::params::{ExplainParams, FilterParams, History, RangeParams, RawPairs};
use crate::problem::{ApiError, StoreAway, WrongParameters};
use crate::state::ApiState;

/// By whose clock.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handler takes by name")]
pub(crate) struct ZoneParams {
    /// The time zone, by its name in the IANA's database. Absent: UTC.
    #[param(example = "Europe/Paris")]
    zone: Option<String>,
}

/// Mean and highest rates of the hours of a week, by the clock of a time zone.
///
/// Over at most 400 days, from hours; zones whose clocks are not whole hours ahead of UTC from quarters of an hour.
#[utoipa::path(
    get,
    path = "/api/v1/heatmap",
    tag = "history",
    params(RangeParams, ZoneParams, FilterParams, ExplainParams),
    responses(
        (status = 200, description = "The hours of a week", body = WeekHours),
        WrongParameters,
        StoreAway,
    )
)]
pub(crate) async fn heatmap(
    State(state): State<ApiState>,
    RawPairs(pairs): RawPairs,
) -> Result<Response, ApiError> {
    let settings = state.settings();
    let mut asked = History::new(pairs, settings);
    let zone = asked.pairs.one("zone").unwrap_or_else(|| "UTC".to_owned());
    let (filter, explain) = (asked.filter(), asked.explain());
    let range = asked.finish()?;
    let (store, trace) = settings.store.traced();
    let found = store.heatmap(&HeatmapQuery { range, zone: zone.clone(), filter }).await?;
    if explain {
        return Ok(statements(&trace));
    }
    Ok(Json(WeekHours::new(&found, zone)).into_response())
}
