//! What planners ask: a link's month, and what comes.

use axum::Json;
use axum::extract::State;
use etiage_planner::{Measure, Month, Report};
use time::UtcOffset;

use crate::answers::planning::{Ahead, LinkForecast, coming as find, month as work_out};
use crate::params::{ForecastParams, Pairs, RawPairs, ReportParams};
use crate::problem::{ApiError, Problem, StoreAway, WrongParameters};
use crate::settings::{LinkInfo, Settings};
use crate::state::ApiState;

/// The part of a link's capacity whose crossing is looked for, where the client does not say.
pub(super) const DEFAULT_THRESHOLD: f64 = 0.8;
/// Days of a forecast, where the client does not say, and at most.
const DEFAULT_DAYS: u16 = 90;
const MAX_DAYS: u16 = 730;

/// A link's month from exact 5-minute bins: 95th percentile, peak, mean, growth, bill.
///
/// The percentile is the nearest rank: the top 5 % of the watched bins are discarded, and the highest that is
/// left is it. Bins that were not watched are left out and counted as missing.
#[utoipa::path(
    get,
    path = "/api/v1/report",
    tag = "planning",
    params(ReportParams),
    responses(
        (status = 200, description = "The month", body = Report),
        WrongParameters,
        (status = 404, description = "The month was not watched, or is not kept any more", body = Problem,
         content_type = "application/problem+json"),
        StoreAway,
    )
)]
pub(crate) async fn month(
    State(state): State<ApiState>,
    RawPairs(mut pairs): RawPairs,
) -> Result<Json<Report>, ApiError> {
    let settings = state.settings();
    let now = settings.clock.now();
    let link = link(&mut pairs, settings);
    let month = pairs.one("month");
    let month = month.map(|text| text.parse::<Month>().map_err(|error| error.to_string()));
    let month = month.and_then(|month| pairs.check("month", month));
    let offset = link.map_or(UtcOffset::UTC, |link| link.billing.offset);
    let running = Month::of(now, offset);
    if let Some(month) = month.filter(|month| *month > running) {
        pairs.error("month", format!("{month} is in the future; the running month is {running}"));
    }
    pairs.finish()?;
    let Some(link) = link else { return Err(ApiError::unresolved()) };
    let month = month.unwrap_or(running);
    match work_out(settings, link, month, now).await? {
        Some(report) => Ok(Json(report)),
        None => Err(ApiError::NoData(format!(
            "link {} has no 5-minute bins in {month}: it was not watched then, or they are not kept any \
             more; /api/v1/volumes may have coarser history",
            link.name
        ))),
    }
}

/// What comes on a link: its days' utilisation and months' 95th percentile with intervals, and when a part
/// of its capacity is reached.
///
/// Made of the last 400 days' 5-minute bins: the pattern of the week is taken out, and a straight line is laid
/// through the logarithms. Without a trend that can be told from chance, it says so.
#[utoipa::path(
    get,
    path = "/api/v1/forecast",
    tag = "planning",
    params(ForecastParams),
    responses(
        (status = 200, description = "Both directions", body = LinkForecast),
        WrongParameters,
        StoreAway,
    )
)]
pub(crate) async fn coming(
    State(state): State<ApiState>,
    RawPairs(mut pairs): RawPairs,
) -> Result<Json<LinkForecast>, ApiError> {
    let settings = state.settings();
    let link = link(&mut pairs, settings);
    let measure = match pairs.one("measure").as_deref() {
        None | Some("p95") => Measure::P95,
        Some("peak") => Measure::Peak,
        Some(other) => {
            pairs.error(
                "measure",
                format!("`{other}` is not a figure of a day; there are p95, peak"),
            );
            Measure::P95
        }
    };
    let threshold = number(&mut pairs, "threshold", DEFAULT_THRESHOLD, 0.01, 10.0);
    let days = number(&mut pairs, "days", DEFAULT_DAYS, 1, MAX_DAYS);
    pairs.finish()?;
    let Some(link) = link else { return Err(ApiError::unresolved()) };
    let ahead = Ahead { measure, threshold, days };
    Ok(Json(find(settings, link, ahead).await?))
}

fn link<'a>(pairs: &mut Pairs, settings: &'a Settings) -> Option<&'a LinkInfo> {
    let Some(name) = pairs.one("link") else {
        pairs.error("link", "which? /api/v1/links lists them".to_owned());
        return None;
    };
    let found = settings.links.iter().find(|link| link.name == name);
    if found.is_none() {
        pairs.error("link", format!("`{name}` is not a configured link; /api/v1/links lists them"));
    }
    found
}

pub(super) fn number<T>(pairs: &mut Pairs, name: &'static str, default: T, least: T, most: T) -> T
where
    T: std::str::FromStr + PartialOrd + Copy + std::fmt::Display,
{
    let Some(text) = pairs.one(name) else { return default };
    let number = text.parse::<T>().ok().filter(|number| *number >= least && *number <= most);
    number.unwrap_or_else(|| {
        pairs.error(name, format!("`{text}` is not a number from {least} to {most}"));
        default
    })
}
