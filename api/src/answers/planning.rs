//! A link's month, and what comes.

use etiage_planner::{
    BIN_SECS, Bin, Bins, Forecast, ForecastSettings, Measure, Month, Report, ReportInput, forecast,
    report,
};
use etiage_store::TimeRange;
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use crate::problem::ApiError;
use crate::settings::{LinkInfo, Settings};

/// How far back a forecast looks.
pub(super) const HISTORY: Duration = Duration::days(400);

/// What comes on a link.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkForecast {
    /// The link's name.
    #[schema(example = "transit-1")]
    link: String,
    /// Its capacity each way in bit/s, where it is configured.
    capacity_bps: Option<u64>,
    /// Towards our network.
    r#in: Forecast,
    /// Out of our network.
    out: Forecast,
}

/// A link's month; `None` if it was not watched, or is not kept any more.
///
/// # Errors
/// What the store answers.
pub(crate) async fn month(
    settings: &Settings,
    link: &LinkInfo,
    month: Month,
    now: OffsetDateTime,
) -> Result<Option<Report>, ApiError> {
    let offset = link.billing.offset;
    let range = TimeRange { from: month.previous().start(offset), to: month.end(offset) };
    let bins = bins(settings, link, range).await?;
    let report = report(&ReportInput {
        link: &link.name,
        month,
        offset,
        bins: &bins,
        now,
        capacity_bps: link.capacity_bps,
        tariff: link.billing.tariff,
    });
    Ok((report.coverage.watched_bins > 0).then_some(report))
}

/// What is looked for ahead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead {
    /// A day's figure.
    pub(crate) measure: Measure,
    /// Which part of the capacity.
    pub(crate) threshold: f64,
    /// Days that are answered one by one.
    pub(crate) days: u16,
}

/// What comes on a link, both ways.
///
/// # Errors
/// What the store answers.
pub(crate) async fn coming(
    settings: &Settings,
    link: &LinkInfo,
    ahead: Ahead,
) -> Result<LinkForecast, ApiError> {
    let now = settings.clock.now();
    let range = TimeRange { from: now.saturating_sub(HISTORY), to: now };
    let bins = bins(settings, link, range).await?;
    let Ahead { measure, threshold, days } = ahead;
    let asked = ForecastSettings {
        measure,
        offset: link.billing.offset,
        threshold_bps: link.capacity_bps.map(|capacity| capacity as f64 * threshold),
        days,
        now,
    };
    // Some hundredths of a second of work, that no other request shall wait for.
    let both = tokio::task::spawn_blocking(move || {
        let inwards = forecast(&bins, |bin| bin.octets_in, &asked);
        (inwards, forecast(&bins, |bin| bin.octets_out, &asked))
    });
    let (inwards, outwards) = both.await.map_err(|error| ApiError::Internal(error.into()))?;
    Ok(LinkForecast {
        link: link.name.clone(),
        capacity_bps: link.capacity_bps,
        r#in: inwards,
        out: outwards,
    })
}

/// The bins that have ended.
pub(super) async fn bins(
    settings: &Settings,
    link: &LinkInfo,
    range: TimeRange,
) -> Result<Bins, ApiError> {
    let now = settings.clock.now();
    let range = TimeRange { to: range.to.min(now), ..range };
    if range.from >= range.to {
        return Ok(Bins::default());
    }
    let bins = settings.store.link_bins(&link.name, range).await?;
    let ended = |start: u32| {
        let end = i64::from(start) + i64::from(BIN_SECS);
        end <= OffsetDateTime::unix_timestamp(now)
    };
    Ok(Bins::new(bins.into_iter().filter(|bin| ended(bin.start)).map(|bin| Bin {
        start: bin.start,
        octets_in: bin.octets_in,
        octets_out: bin.octets_out,
    })))
}
