//! What an event follows from, to be recomputed elsewhere.

use etiage_detector::{Evidence, EvidenceSeries, Key, Record, Run, masks};
use etiage_store::{Error, EventQuery, EventRow, MAX_EVENTS, SeriesFilter, Tier, TimeRange};
use time::{Duration, OffsetDateTime};

use crate::bins::{self, Span, whole};
use crate::windows::compare_windows;
use crate::{History, bundle};

/// Most of an event's series: each is some weeks long.
const MAX_SERIES: usize = 24;
/// How long before the onset minutes are judged.
const JUDGED_BEFORE: Duration = Duration::days(2);
/// How long after the end: until an alarm is over, its series must have been close for a while.
const AFTER: Duration = Duration::hours(3);
/// An open event is followed so far.
const LONGEST: Duration = Duration::days(4);

/// An event and what it follows from.
#[derive(Debug)]
pub struct Evidenced {
    /// The event as it was kept.
    pub record: Record,
    /// Parameters, series with their past, and the sums that it is explained from.
    pub evidence: Evidence,
    /// The statements that the numbers come from.
    pub queries: Vec<String>,
}

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum NoEvidence {
    /// The row was written by another version.
    #[error("the event is kept in a form that this version does not read: {0}")]
    Form(#[from] serde_json::Error),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Reads everything that a kept event follows from: the series of the event and the totals of their links, by five
/// minutes for the weeks before, by the minute from two days before the onset on, where minutes are still kept.
///
/// # Errors
/// [`NoEvidence`].
pub async fn evidence(history: &History, row: &EventRow) -> Result<Evidenced, NoEvidence> {
    let record: Record = serde_json::from_str(&row.document)?;
    let parameters = &history.detection.parameters;
    let at =
        |time: i64| OffsetDateTime::from_unix_timestamp(time).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let onset = at(record.event.onset.div_euclid(300) * 300);
    let judged = onset - JUDGED_BEFORE;
    let end = record.event.ended.map_or(onset + LONGEST, |ended| at(ended) + AFTER);
    let from = judged - Duration::weeks(i64::from(parameters.weeks) + 1);
    let from = from.max(OffsetDateTime::UNIX_EPOCH);
    let span = Span { from, fine: judged, to: whole(end) };
    let past = TimeRange { from, to: judged };
    let others = others(history, &row.id, &row.probe, past).await?;
    let mut reading = Reading { history, span, cut: None, queries: Vec::new() };
    let mut series = Vec::new();
    for key in keys(&record) {
        let runs = reading.runs(&key).await?;
        let masked = masks(others.iter(), &key);
        series.push(EvidenceSeries { key, masked, runs });
    }
    let until = record.event.onset + i64::from(record.explained_secs);
    let windows = compare_windows(record.event.onset, until, parameters.weeks);
    let comparison = history.store.compare(&windows).await?;
    let mut queries = reading.queries;
    queries.extend(history.store.compare_statements(&windows));
    let evidence = Evidence {
        parameters: parameters.clone(),
        calendar: history.detection.calendar.clone(),
        source: row.probe.clone(),
        judged_from: judged.unix_timestamp(),
        series,
        comparison,
        explained_secs: record.explained_secs,
    };
    Ok(Evidenced { record, evidence, queries })
}

/// The event's series, and the totals by which the floors of their categories are found.
fn keys(record: &Record) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    let mut add = |key: Key| {
        if !keys.contains(&key) {
            keys.push(key);
        }
    };
    for member in record.event.members.iter().take(MAX_SERIES) {
        add(member.key.clone());
        if let Key::LinkCategory { link, direction, .. } = &member.key {
            add(Key::Link { link: link.clone(), direction: direction.clone() });
        }
    }
    keys
}

/// Other events of the weeks before: their spans are no history.
///
/// # Errors
/// As [`etiage_store::Store::events`].
pub async fn others(
    history: &History,
    id: &str,
    probe: &str,
    range: TimeRange,
) -> Result<Vec<Record>, Error> {
    let query = EventQuery { range: Some(range), limit: MAX_EVENTS, ..EventQuery::default() };
    let rows = history.store.events(&query).await?;
    let rows = rows.iter().filter(|row| row.id != id && row.probe == probe);
    // One of another version's form is left out.
    Ok(rows.filter_map(|row| serde_json::from_str(&row.document).ok()).collect())
}

struct Reading<'a> {
    history: &'a History,
    span: Span,
    /// From where on there are minutes: the same for all series.
    cut: Option<OffsetDateTime>,
    queries: Vec<String>,
}

impl Reading<'_> {
    async fn runs(&mut self, key: &Key) -> Result<Vec<Run>, Error> {
        let Self { history, span, .. } = *self;
        let filter = SeriesFilter::from(key);
        let cut = match self.cut {
            Some(cut) => cut,
            None => bins::cut(history, &filter, span).await?,
        };
        self.cut = Some(cut);
        let (before, after) = bins::bins(history, &filter, span, cut).await?;
        for (tier, from, to) in [(Tier::FiveMinutes, span.from, cut), (Tier::Minute, cut, span.to)]
        {
            if from < to {
                let range = TimeRange { from, to };
                let sql = history.store.series_statement(tier, range, &filter)?;
                self.queries.push(format!("-- {}\n{sql}", bundle::name(key)));
            }
        }
        Ok(Run::of(&before).into_iter().chain(Run::of(&after)).collect())
    }
}
