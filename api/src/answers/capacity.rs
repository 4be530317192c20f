//! When each link is full, and what its months cost.

use std::collections::HashMap;

use etiage_planner::{
    Bill, Bins, Crossing, ForecastSettings, Measure, Month, ReportInput, Trend, forecast, report,
};
use etiage_store::TimeRange;
use serde::Serialize;
use time::{Date, Duration, OffsetDateTime};
use tokio::sync::Mutex;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::planning::{HISTORY, bins};
use crate::problem::ApiError;
use crate::settings::{LinkInfo, Settings};

/// How long a link's figures are given again: a day more or less of 400 changes little.
const FRESH: Duration = Duration::hours(1);
/// How long one request may work on links; the next goes on.
const BUDGET: std::time::Duration = std::time::Duration::from_secs(10);
/// Months side by side, the running one included.
const MONTHS: usize = 6;
/// Thresholds whose figures are kept at the same time.
const MAX_THRESHOLDS: usize = 4;

/// All links by when they are full.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Capacity {
    /// Whether all links are here; if not, ask again: the others are worked on.
    complete: bool,
    /// The links that are not here yet.
    pending: Vec<String>,
    /// Which part of the capacity counts as full.
    #[schema(example = 0.8)]
    threshold: f64,
    /// The months side by side, the running one last.
    #[schema(example = json!(["2026-10", "2026-11"]))]
    months: Vec<String>,
    /// Those that are full first come first; then by their percentile as a part of the capacity.
    links: Vec<LinkCapacity>,
}

/// A link's month, and when it is full.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LinkCapacity {
    /// The link's name.
    name: String,
    /// What it is.
    kind: String,
    /// Capacity in bit/s each way.
    capacity_bps: Option<u64>,
    /// What the contract commits to, in bit/s.
    commit_bps: Option<u64>,
    /// The running month's 95th percentile so far, the higher of both directions, in bit/s.
    p95_bps: Option<f64>,
    /// Towards our network.
    p95_in_bps: Option<f64>,
    /// Out of our network.
    p95_out_bps: Option<f64>,
    /// The percentile that is billed as a part of the commitment.
    p95_of_commit: Option<f64>,
    /// The percentile as a part of the capacity.
    p95_of_capacity: Option<f64>,
    /// What the month costs so far, where the link has a price.
    bill: Option<Bill>,
    /// Month by month, the running one last.
    months: Vec<MonthFigures>,
    /// When the threshold is crossed towards our network.
    crossing_in: Crossing,
    /// When it is crossed out of our network.
    crossing_out: Crossing,
    /// The earlier of both expected days; today where it was crossed already.
    #[schema(value_type = Option<String>, format = Date)]
    runout: Option<String>,
    /// How it grows towards our network.
    trend_in: Option<Trend>,
    /// How it grows out of our network.
    trend_out: Option<Trend>,
}

/// A month's figures.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct MonthFigures {
    /// Which.
    #[schema(example = "2026-11")]
    month: String,
    /// Its 95th percentile, the higher of both directions, in bit/s; `null` where it was not watched.
    p95_bps: Option<f64>,
    /// Its highest bin of both directions, in bit/s.
    peak_bps: Option<f64>,
    /// What part of it was watched.
    watched: f64,
}

/// Figures of links that were worked out, by link and threshold.
#[derive(Debug, Default)]
pub(crate) struct Worked(Mutex<HashMap<(String, u64), (OffsetDateTime, LinkCapacity)>>);

/// All links, those that are full first coming first; `threshold` is the part of the capacity that counts as full.
///
/// # Errors
/// What the store answers.
pub(crate) async fn get(
    settings: &Settings,
    worked: &Worked,
    threshold: f64,
) -> Result<Capacity, ApiError> {
    let now = settings.clock.now();
    let until = Instant::now() + BUDGET;
    let (mut links, mut pending) = (Vec::new(), Vec::new());
    // One works, whoever asks meanwhile waits and finds it done.
    let mut worked = worked.0.lock().await;
    let usable = |at: &OffsetDateTime| (Duration::ZERO..=FRESH).contains(&(now - *at));
    worked.retain(|_, (at, _)| usable(at));
    for link in &settings.links {
        let key = (link.name.clone(), threshold.to_bits());
        let known = worked.get(&key).map(|(_, figures)| figures.clone());
        let figures = match known {
            Some(figures) => figures,
            None if Instant::now() >= until => {
                pending.push(link.name.clone());
                continue;
            }
            None => {
                let figures = work_out(settings, link, threshold, now).await?;
                if worked.len() >= settings.links.len() * MAX_THRESHOLDS {
                    worked.clear();
                }
                worked.insert(key, (now, figures.clone()));
                figures
            }
        };
        links.push(figures);
    }
    drop(worked);
    links.sort_by(|a, b| {
        let days = (a.runout.is_none(), &a.runout).cmp(&(b.runout.is_none(), &b.runout));
        let fill = |link: &LinkCapacity| link.p95_of_capacity.unwrap_or(-1.0);
        days.then(fill(b).total_cmp(&fill(a)))
    });
    let running = Month::of(now, time::UtcOffset::UTC);
    let months = months_until(running).into_iter().map(|month| month.to_string()).collect();
    Ok(Capacity { complete: pending.is_empty(), pending, threshold, months, links })
}

/// So many months, the given one last.
fn months_until(last: Month) -> Vec<Month> {
    let mut months: Vec<Month> =
        std::iter::successors(Some(last), |month| Some(month.previous())).take(MONTHS).collect();
    months.reverse();
    months
}

async fn work_out(
    settings: &Settings,
    link: &LinkInfo,
    threshold: f64,
    now: OffsetDateTime,
) -> Result<LinkCapacity, ApiError> {
    let range = TimeRange { from: now.saturating_sub(HISTORY), to: now };
    let bins = bins(settings, link, range).await?;
    let link = link.clone();
    // Some hundredths of a second of work, that no other request shall wait for.
    let worked = tokio::task::spawn_blocking(move || figures(&link, &bins, threshold, now));
    worked.await.map_err(|error| ApiError::Internal(error.into()))
}

fn figures(link: &LinkInfo, bins: &Bins, threshold: f64, now: OffsetDateTime) -> LinkCapacity {
    let (offset, tariff) = (link.billing.offset, link.billing.tariff);
    let running = Month::of(now, offset);
    let reports: Vec<_> = months_until(running)
        .into_iter()
        .map(|month| {
            let (link, capacity_bps) = (link.name.as_str(), link.capacity_bps);
            report(&ReportInput { link, month, offset, bins, now, capacity_bps, tariff })
        })
        .collect();
    let months = reports.iter().map(|report| {
        let directions = [report.inwards, report.outwards];
        let coverage = report.coverage;
        MonthFigures {
            month: report.month.to_string(),
            p95_bps: report.p95_max_bps,
            peak_bps: directions.iter().flatten().map(|own| own.peak_bps).reduce(f64::max),
            watched: coverage.watched_bins as f64 / coverage.expected_bins.max(1) as f64,
        }
    });
    let months = months.collect();
    let asked = ForecastSettings {
        measure: Measure::P95,
        offset,
        threshold_bps: link.capacity_bps.map(|capacity| capacity as f64 * threshold),
        days: 1,
        now,
    };
    let inwards = forecast(bins, |bin| bin.octets_in, &asked);
    let outwards = forecast(bins, |bin| bin.octets_out, &asked);
    let today = now.to_offset(offset).date();
    let runout = [inwards.crossing, outwards.crossing];
    let runout = runout.into_iter().filter_map(|crossing| day(crossing, today)).min();
    let month = reports.last();
    let p95_bps = month.and_then(|month| month.p95_max_bps);
    let p95 = |way: Option<etiage_planner::DirectionReport>| way.map(|own| own.p95_bps);
    let bill = month.and_then(|month| month.bill.clone());
    let commit_bps = tariff.map(|tariff| tariff.commit_bps);
    let part = |of: Option<f64>, whole: Option<u64>| {
        let whole = whole.filter(|whole| *whole > 0)?;
        of.map(|of| of / whole as f64)
    };
    LinkCapacity {
        name: link.name.clone(),
        kind: link.kind.clone(),
        capacity_bps: link.capacity_bps,
        commit_bps,
        p95_bps,
        p95_in_bps: month.and_then(|month| p95(month.inwards)),
        p95_out_bps: month.and_then(|month| p95(month.outwards)),
        p95_of_commit: part(
            bill.as_ref().map_or(p95_bps, |bill| Some(bill.billed_bps)),
            commit_bps,
        ),
        p95_of_capacity: part(p95_bps, link.capacity_bps),
        bill,
        months,
        crossing_in: inwards.crossing,
        crossing_out: outwards.crossing,
        runout: runout.map(|day| day.to_string()),
        trend_in: inwards.trend,
        trend_out: outwards.trend,
    }
}

/// The day of a crossing, if one is in sight.
const fn day(crossing: Crossing, today: Date) -> Option<Date> {
    match crossing {
        Crossing::Crossed { .. } => Some(today),
        Crossing::Expected { day, .. } => Some(day),
        _ => None,
    }
}
