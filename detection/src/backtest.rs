//! Which events detection would have raised over stored history.

use etiage_detector::{Change, Event, Record};
use etiage_store::TimeRange;
use time::Duration;

use crate::{Feed, History, Past};

/// Judges a range, having learnt the weeks before it. The events, open ones too, by name; and how often links
/// turned blind.
///
/// # Errors
/// The store does not answer, or the parameters contradict each other.
pub async fn judge(
    history: &History,
    range: TimeRange,
) -> Result<(Vec<Record>, usize), anyhow::Error> {
    let learnt = Duration::weeks(i64::from(history.detection.parameters.weeks) + 1);
    let past = TimeRange { from: range.from - learnt, to: range.from };
    let whole = TimeRange { from: past.from, to: range.to };
    let mut feed = Feed::new(history, whole).await?;
    feed.take(past, Past::Learn, |_, _| {}).await?;
    let mut closed: Vec<Event> = Vec::new();
    let mut blind = 0;
    feed.take(range, Past::Judge, |_, change| match change {
        Change::Closed(event) => closed.push(event),
        Change::Blind(_) => blind += 1,
        Change::Opened(_) | Change::Updated(_) | Change::Seen(_) => {}
    })
    .await?;
    closed.extend(feed.open());
    closed.sort_by(|a, b| a.id.cmp(&b.id));
    let mut told = Vec::new();
    for event in closed {
        told.push(feed.explain(event, range.to).await?);
    }
    Ok((told, blind))
}
