//! Series against what they should hold: an event's, and any other.

use axum::Json;
use axum::extract::{Path, State};
use etiage_detection::MAX_POINTS;
use etiage_detector::{Key, TracePoint};
use etiage_store::{SeriesFilter, TimeRange};
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use super::event::{find, of, record};
use crate::params::{BaselineParams, OfParams, Pairs, RawPairs, baseline_query, series_key};
use crate::problem::{ApiError, NoSuchEvent, StoreAway, WrongParameters};
use crate::settings::Settings;
use crate::state::ApiState;
use crate::timestamps::format_unix;

/// How much of an event's time before its onset is shown.
const BEFORE: Duration = Duration::hours(6);
/// How much after its end.
const AFTER: Duration = Duration::hours(3);
/// An event lasts no longer: then what there is has become what is expected.
const LONGEST: Duration = Duration::days(28);
/// Lengths of points to choose from.
const STEPS: [i64; 6] = [60, 300, 900, 3_600, 21_600, 86_400];
/// The band is so many usual deviations wide, each way: what an event begins with is further out.
const BAND: f64 = 3.0;

/// A series and what it should hold, in bit/s. `null` is "not observed" in `values`, and "nothing is known of
/// the past" in the others.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Expected {
    /// Which series: `link:NAME`, `category:NAME`, `category:NAME@LINK`, `service:NAME`, `network:NUMBER`, or
    /// `all`.
    #[schema(example = "link:transit-1")]
    of: String,
    /// `in`, `out`, or `both`.
    #[schema(example = "in")]
    direction: String,
    /// Length of a point in seconds.
    #[schema(example = 300)]
    step: i64,
    /// Start of each point, RFC 3339, UTC.
    #[schema(example = json!(["2026-11-21T10:00:00Z"]))]
    times: Vec<String>,
    /// What was measured.
    values: Vec<Option<f64>>,
    /// What the same local time of past weeks lets expect, at today's level. In an event it stays at the
    /// level of its onset.
    baseline: Vec<Option<f64>>,
    /// Three usual deviations below.
    low: Vec<Option<f64>>,
    /// Three usual deviations above.
    high: Vec<Option<f64>>,
}

/// An event's main series, or another one, from 6 hours before its onset to 3 hours after its end.
#[utoipa::path(
    get,
    path = "/api/v1/events/{id}/series",
    tag = "events",
    params(
        ("id" = String, Path, description = "The event's id", example = "20261121-1915-3fa2"),
        OfParams
    ),
    responses(
        (status = 200, description = "The series with its expectation", body = Expected),
        WrongParameters,
        NoSuchEvent,
        StoreAway,
    )
)]
pub(crate) async fn event_series(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    RawPairs(mut pairs): RawPairs,
) -> Result<Json<Expected>, ApiError> {
    let settings = state.settings();
    let asked = pairs.one("of");
    let row = find(settings, &id).await?;
    let record = record(&row)?;
    let key = match &asked {
        None => record.event.main().map(|main| main.key.clone()),
        Some(text) => pairs.check("of", series_key(text, &row.direction)),
    };
    pairs.finish()?;
    let Some(key) = key else { return Err(ApiError::unresolved()) };
    let now = settings.clock.now();
    let at = |seconds: i64| OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(now);
    let onset = at(record.event.onset);
    let end = record.event.ended.map_or(now, |ended| at(ended) + AFTER);
    let range = TimeRange { from: onset - BEFORE, to: end.min(onset + LONGEST) };
    // Stream time may be ahead of the clock.
    let range = TimeRange { to: range.to.max(onset + AFTER), ..range };
    let filter = SeriesFilter::from(&key);
    let mut points = expected(settings, &key, &filter, range).await?;
    while points.last().is_some_and(|last| last.octets.is_none()) {
        points.pop();
    }
    let step = step(points.iter().map(|point| point.secs).sum());
    Ok(Json(Expected::new(of(&key), key.direction().to_string(), &points, step)))
}

/// What links and categories should carry: the same local time of past weeks at today's level, with its band.
#[utoipa::path(
    get,
    path = "/api/v1/baseline",
    tag = "events",
    params(BaselineParams),
    responses(
        (status = 200, description = "The series with its expectation", body = Expected),
        WrongParameters,
        StoreAway,
    )
)]
pub(crate) async fn baseline(
    State(state): State<ApiState>,
    RawPairs(mut pairs): RawPairs,
) -> Result<Json<Expected>, ApiError> {
    let settings = state.settings();
    let asked = baseline_query(&mut pairs, settings);
    let asked_step = asked_step(&mut pairs);
    pairs.finish()?;
    let Some((range, filter)) = asked else { return Err(ApiError::unresolved()) };
    let direction = filter.direction.clone();
    let way = direction.as_deref().unwrap_or("both").into();
    // What is judged as a part is a part here too.
    let key = match (&filter.link, &filter.category) {
        (Some(link), None) => Key::Link { link: link.as_str().into(), direction: way },
        (Some(link), Some(category)) => Key::LinkCategory {
            link: link.as_str().into(),
            direction: way,
            category: category.as_str().into(),
        },
        (None, Some(category)) => {
            Key::Category { direction: way, category: category.as_str().into() }
        }
        (None, None) => Key::Link { link: "all".into(), direction: way },
    };
    let points = expected(settings, &key, &filter, range).await?;
    let length = (range.to - range.from).whole_seconds();
    let step = asked_step.unwrap_or_else(|| step(length));
    let name = if filter.link.is_none() && filter.category.is_none() {
        "all".to_owned()
    } else {
        of(&key)
    };
    let direction = direction.unwrap_or_else(|| "both".to_owned());
    Ok(Json(Expected::new(name, direction, &points, step)))
}

fn asked_step(pairs: &mut Pairs) -> Option<i64> {
    let text = pairs.one("step")?;
    let step = crate::params::parse_step(&text).and_then(|step| match step {
        60 => Ok(60),
        step if step > 0 && step % 300 == 0 => Ok(i64::from(step)),
        _ => Err(format!("`{text}` is neither a minute nor a multiple of five")),
    });
    pairs.check("step", step)
}

/// The finest that gives no more than so many points.
fn step(seconds: i64) -> i64 {
    STEPS.into_iter().find(|step| seconds / step <= MAX_POINTS).unwrap_or(86_400)
}

/// As [`etiage_detection::expected`]; what the store refuses keeps its own answer.
async fn expected(
    settings: &Settings,
    key: &Key,
    filter: &SeriesFilter,
    range: TimeRange,
) -> Result<Vec<TracePoint>, ApiError> {
    let expected = etiage_detection::expected(&settings.history(), key, filter, range).await;
    expected.map_err(|error| match error.downcast::<etiage_store::Error>() {
        Ok(error) => error.into(),
        Err(error) => ApiError::Internal(error.into()),
    })
}

impl Expected {
    fn new(of: String, direction: String, points: &[TracePoint], step: i64) -> Self {
        let step = step.max(points.iter().map(|point| point.secs).max().unwrap_or(60));
        let mut expected = Self {
            of,
            direction,
            step,
            times: Vec::new(),
            values: Vec::new(),
            baseline: Vec::new(),
            low: Vec::new(),
            high: Vec::new(),
        };
        let same =
            |a: &TracePoint, b: &TracePoint| a.start.div_euclid(step) == b.start.div_euclid(step);
        for group in points.chunk_by(same) {
            let Some(first) = group.first() else { continue };
            let rate = |of: fn(&TracePoint) -> Option<f64>| {
                let (octets, seconds) = group
                    .iter()
                    .filter_map(|point| Some((of(point)?, point.secs)))
                    .fold((0.0, 0), |(sum, all), (octets, secs)| (sum + octets, all + secs));
                (seconds > 0).then(|| octets * 8.0 / seconds as f64)
            };
            let usual = group.iter().map(|point| point.usual).fold(0.0, f64::max);
            let baseline = rate(|point| point.expected);
            let band =
                |sign: f64| baseline.map(|rate| (rate * (1.0 + sign * BAND * usual)).max(0.0));
            expected.times.push(format_unix(first.start.div_euclid(step) * step));
            expected.values.push(rate(|point| point.octets));
            expected.baseline.push(baseline);
            expected.low.push(band(-1.0));
            expected.high.push(band(1.0));
        }
        expected
    }
}
