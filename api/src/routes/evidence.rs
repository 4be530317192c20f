//! What an event follows from, to be recomputed elsewhere.

use axum::Json;
use axum::extract::{Path, State};
use etiage_detector::{Evidence, EvidenceSeries, Key, Record, Run, masks};
use etiage_store::{CompareWindows, EventQuery, MAX_EVENTS, SeriesFilter, Tier, TimeRange};
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use super::event::{find, of, record};
use super::mixed::{self, Span, whole};
use crate::params::RawPairs;
use crate::problem::{ApiError, NoSuchEvent, StoreAway, UnknownParameter};
use crate::settings::Settings;
use crate::state::ApiState;

/// Most of an event's series: each is some weeks long.
const MAX_SERIES: usize = 24;
/// How long before the onset minutes are judged.
const JUDGED_BEFORE: Duration = Duration::days(2);
/// How long after the end: until an alarm is over, its series must have been close for a while.
const AFTER: Duration = Duration::hours(3);
/// An event that goes on is followed so far.
const LONGEST: Duration = Duration::days(4);

/// An event and what it follows from, in the detector's own words.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventEvidence {
    /// The event as it was kept.
    #[schema(value_type = Object)]
    record: Record,
    /// Parameters, series with their past, and the sums that it is explained from.
    #[schema(value_type = Object)]
    evidence: Evidence,
    /// The statements that the numbers come from.
    queries: Vec<String>,
    /// This program's version.
    #[schema(example = "0.1.0")]
    etiage: String,
    /// The database's version.
    #[schema(example = "26.7.3.1")]
    clickhouse: String,
}

/// Everything that an event follows from: `etiage events show ID --bundle DIR` writes it into files, and
/// `etiage events verify DIR` recomputes the event from them.
///
/// The series of the event (its 24 largest) and the totals of their links: by five minutes for the weeks
/// before, by the minute from two days before the onset on, where minutes are still kept.
#[utoipa::path(
    get,
    path = "/api/v1/events/{id}/evidence",
    tag = "events",
    params(("id" = String, Path, description = "The event's id", example = "20261121-1915-3fa2")),
    responses(
        (status = 200, description = "The event with its evidence", body = EventEvidence),
        UnknownParameter,
        NoSuchEvent,
        StoreAway,
    )
)]
pub(crate) async fn evidence(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    RawPairs(pairs): RawPairs,
) -> Result<Json<EventEvidence>, ApiError> {
    pairs.finish()?;
    let settings = state.settings();
    let row = find(settings, &id).await?;
    let record = record(&row)?;
    let parameters = &settings.detection.parameters;
    let at =
        |time: i64| OffsetDateTime::from_unix_timestamp(time).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let onset = at(record.event.onset.div_euclid(300) * 300);
    let judged = onset - JUDGED_BEFORE;
    let end = record.event.ended.map_or(onset + LONGEST, |ended| at(ended) + AFTER);
    let from = judged - Duration::weeks(i64::from(parameters.weeks) + 1);
    let from = from.max(OffsetDateTime::UNIX_EPOCH);
    let span = Span { from, fine: judged, to: whole(end) };
    let past = TimeRange { from, to: judged };
    let others = others(settings, &row.id, &row.probe, past).await?;
    let mut reading = Reading { settings, span, cut: None, queries: Vec::new() };
    let mut series = Vec::new();
    for key in keys(&record) {
        let runs = reading.runs(&key).await?;
        let masked = masks(others.iter(), &key);
        series.push(EvidenceSeries { key, masked, runs });
    }
    let until = record.event.onset + i64::from(record.explained_secs);
    let windows = CompareWindows::of(record.event.onset, until, parameters.weeks);
    let comparison = settings.store.compare(&windows).await?;
    let mut queries = reading.queries;
    queries.extend(settings.store.compare_statements(&windows));
    let evidence = Evidence {
        parameters: parameters.clone(),
        calendar: settings.detection.calendar.clone(),
        source: row.probe.clone(),
        judged_from: judged.unix_timestamp(),
        series,
        comparison,
        explained_secs: record.explained_secs,
    };
    Ok(Json(EventEvidence {
        record,
        evidence,
        queries,
        etiage: settings.version.to_string(),
        clickhouse: settings.store.version().to_owned(),
    }))
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
pub(crate) async fn others(
    settings: &Settings,
    id: &str,
    probe: &str,
    range: TimeRange,
) -> Result<Vec<Record>, ApiError> {
    let query = EventQuery { range: Some(range), limit: MAX_EVENTS, ..EventQuery::default() };
    let rows = settings.store.events(&query).await?;
    let rows = rows.iter().filter(|row| row.id != id && row.probe == probe);
    // One of another version's form is left out.
    Ok(rows.filter_map(|row| record(row).ok()).collect())
}

struct Reading<'a> {
    settings: &'a Settings,
    span: Span,
    /// From where on there are minutes: the same for all series.
    cut: Option<OffsetDateTime>,
    queries: Vec<String>,
}

impl Reading<'_> {
    async fn runs(&mut self, key: &Key) -> Result<Vec<Run>, ApiError> {
        let Self { settings, span, .. } = *self;
        let filter = SeriesFilter::from(key);
        let cut = match self.cut {
            Some(cut) => cut,
            None => mixed::cut(settings, &filter, span).await?,
        };
        self.cut = Some(cut);
        let (before, after) = mixed::bins(settings, &filter, span, cut).await?;
        for (tier, from, to) in [(Tier::FiveMinutes, span.from, cut), (Tier::Minute, cut, span.to)]
        {
            if from < to {
                let range = TimeRange { from, to };
                let sql = settings.store.series_statement(tier, range, &filter)?;
                self.queries.push(format!("-- {} {}\n{sql}", of(key), key.direction()));
            }
        }
        Ok(Run::of(&before).into_iter().chain(Run::of(&after)).collect())
    }
}
