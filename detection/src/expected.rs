//! A series against what it should hold.

use etiage_detector::{BIN_SECS, Key, TracePoint, masks, trace};
use etiage_store::{SeriesFilter, TimeRange};
use time::{Duration, OffsetDateTime};

use crate::History;
use crate::bins::{self, Span, whole};
use crate::evidence::others;

/// Most points of a chart; minutes are read for a range of at most four times as many.
pub const MAX_POINTS: i64 = 600;
/// Events that began so long before a range are no history of it; later ones hold the level that they began at.
const JUDGED_BEFORE_SECS: i64 = 2 * 86_400;

/// A series with its expectation: the past by five minutes, and where it is short, the range by the minute.
///
/// # Errors
/// The store does not answer, or the parameters contradict each other.
pub async fn expected(
    history: &History,
    key: &Key,
    filter: &SeriesFilter,
    range: TimeRange,
) -> Result<Vec<TracePoint>, anyhow::Error> {
    let parameters = &history.detection.parameters;
    let from = whole(range.from);
    let to = range.to.max(from + Duration::seconds(BIN_SECS));
    let past = from - Duration::weeks(i64::from(parameters.weeks) + 1);
    let span = Span { from: past.max(OffsetDateTime::UNIX_EPOCH), fine: from, to };
    let short = (to - from).whole_seconds() <= MAX_POINTS * 60 * 4;
    let cut = if short { bins::cut(history, filter, span).await? } else { to };
    let (mut bins, minutes) = bins::bins(history, filter, span, cut).await?;
    bins.extend(minutes);
    let past = TimeRange { from: span.from, to: from };
    let others = others(history, "", &history.probe, past).await?;
    let judged = from.unix_timestamp() - JUDGED_BEFORE_SECS;
    let masked = masks(others.iter().filter(|other| other.event.onset < judged), key);
    let (parameters, calendar) = (parameters.clone(), history.detection.calendar.clone());
    let (key, from) = (key.clone(), from.unix_timestamp());
    // Some hundredths of a second of work: no other request shall wait for it.
    let traced = tokio::task::spawn_blocking(move || {
        trace(&parameters, &calendar, &key, (&bins, &masked), from)
    });
    Ok(traced.await??)
}
