//! Hours of the week.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use etiage_store::{HeatmapQuery, HourOfWeek};
use serde::Serialize;
use utoipa::ToSchema;

use super::explain::statements;
use crate::live::format_time;
use crate::params::{ExplainParams, FilterParams, RangeParams, RawPairs};
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

/// How much flows at which hour of which day of the week.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WeekHours {
    /// Start of the range, RFC 3339, UTC.
    #[schema(format = DateTime)]
    from: String,
    /// End of the range, exclusive, RFC 3339, UTC.
    #[schema(format = DateTime)]
    to: String,
    /// By whose clock.
    #[schema(example = "Europe/Paris")]
    zone: String,
    /// Towards our network.
    r#in: WeekRates,
    /// Out of our network.
    out: WeekRates,
}

/// Rates of a week's hours: seven rows, Monday's first, of 24 hours each. `null`: never watched.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WeekRates {
    /// The mean over all weeks of the range, in bit/s.
    mean_bps: Vec<Vec<Option<f64>>>,
    /// The highest mean of such an hour, in bit/s.
    max_bps: Vec<Vec<Option<f64>>>,
}

impl WeekRates {
    fn new(hours: &[HourOfWeek]) -> Self {
        let days = |of: fn(&HourOfWeek) -> Option<f64>| {
            hours.chunks(24).map(|day| day.iter().map(of).collect()).collect()
        };
        Self { mean_bps: days(|hour| hour.mean_bps), max_bps: days(|hour| hour.max_bps) }
    }
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
    RawPairs(mut pairs): RawPairs,
) -> Result<Response, ApiError> {
    let settings = state.settings();
    let range = RangeParams::take(&mut pairs).resolve(&mut pairs, settings.clock.now());
    let zone = pairs.one("zone").unwrap_or_else(|| "UTC".to_owned());
    let filter = FilterParams::take(&mut pairs).resolve(&mut pairs, settings);
    let explain = ExplainParams::take(&mut pairs);
    pairs.finish()?;
    let Some(range) = range else { return Err(ApiError::unresolved()) };
    let (store, trace) = settings.store.traced();
    let found = store.heatmap(&HeatmapQuery { range, zone: zone.clone(), filter }).await?;
    if explain {
        return Ok(statements(&trace));
    }
    Ok(Json(WeekHours {
        from: format_time(found.range.from),
        to: format_time(found.range.to),
        zone,
        r#in: WeekRates::new(&found.inwards),
        out: WeekRates::new(&found.outwards),
    })
    .into_response())
}
