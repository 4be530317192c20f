//! Events: what fell or rose, as a list.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use etiage_store::{EventNote, EventRow};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::params::{EventParams, RawPairs};
use crate::problem::{ApiError, StoreAway, WrongParameters};
use crate::state::ApiState;
use crate::timestamps::format_unix;

/// Events, the latest onset first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Events {
    /// As many as were asked for.
    events: Vec<EventSummary>,
}

/// A drop or surge of volumes, in short.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct EventSummary {
    /// Its name: the minute in which it was certain, and which probe says so.
    #[schema(example = "20261121-1915-3fa2")]
    id: String,
    /// `shutdown` (a service or a few, everywhere), `link-outage` (all that a link carries), `shift` (other
    /// links gained it), `surge`, `mix-change` (the total stayed) or `unknown`.
    #[schema(example = "shutdown")]
    kind: String,
    /// `info`, `warning` or `critical`.
    #[schema(example = "critical")]
    severity: String,
    /// `open` or `ended`.
    #[schema(example = "open")]
    state: String,
    /// `drop` or `surge`.
    #[schema(example = "drop")]
    sign: String,
    /// Which way most of it was lost: `in` or `out`.
    #[schema(example = "in")]
    direction: String,
    /// When it began, found backwards; RFC 3339, UTC.
    #[schema(example = "2026-11-21T19:02:00Z", format = DateTime)]
    onset: String,
    /// When it was certain.
    #[schema(example = "2026-11-21T19:15:00Z", format = DateTime)]
    confirmed: String,
    /// When it was over; `null` while it lasts.
    #[schema(format = DateTime)]
    ended: Option<String>,
    /// When its main series was furthest from what was expected.
    #[schema(example = "2026-11-21T21:05:00Z", format = DateTime)]
    trough: String,
    /// How far, in percent of what was expected.
    #[schema(example = 34.5)]
    depth_percent: f64,
    /// Octets lost (of a surge: gained) since the onset, by its main series.
    #[schema(example = 1.5e12)]
    lost_octets: f64,
    /// What it is, in a line.
    #[schema(example = "megaupload and 2 more fell: direct-download −45 % on 4 links")]
    subject: String,
    /// The links that it touches, the largest loss first.
    links: Vec<String>,
    /// The categories that it touches.
    categories: Vec<String>,
    /// What most of it is.
    top: Option<Top>,
    /// Who has said that they know of it.
    acknowledged: Option<Acknowledged>,
    /// Until when it is silenced.
    #[schema(format = DateTime)]
    silenced_until: Option<String>,
    /// The probe that found it.
    #[schema(example = "probe-1")]
    probe: String,
}

/// What most of an event is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Top {
    /// A service's name; of a link's event the link's.
    #[schema(example = "megaupload")]
    name: String,
    /// Its share of the loss, from 0 to 1.
    #[schema(example = 0.73)]
    share: f64,
}

/// Somebody knows of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Acknowledged {
    /// Who.
    by: String,
    /// Since when.
    #[schema(format = DateTime)]
    at: String,
}

/// Events: drops and surges of volumes against the same hour of past weeks.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    params(EventParams),
    responses(
        (status = 200, description = "Events, the latest first", body = Events),
        WrongParameters,
        StoreAway,
    )
)]
pub(crate) async fn events(
    State(state): State<ApiState>,
    RawPairs(mut pairs): RawPairs,
) -> Result<Json<Events>, ApiError> {
    let settings = state.settings();
    let now = settings.clock.now();
    let query = EventParams::resolve(&mut pairs, settings, now);
    pairs.finish()?;
    let rows = settings.store.events(&query).await?;
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let mut notes: HashMap<String, Vec<EventNote>> = HashMap::new();
    for note in settings.store.notes(&ids).await? {
        notes.entry(note.event.clone()).or_default().push(note);
    }
    let events = rows.iter().map(|row| {
        let notes = notes.get(&row.id).map_or(&[][..], Vec::as_slice);
        EventSummary::new(row, notes, now)
    });
    Ok(Json(Events { events: events.collect() }))
}

impl EventSummary {
    pub(crate) fn new(row: &EventRow, notes: &[EventNote], now: OffsetDateTime) -> Self {
        let time = |seconds: u32| format_unix(seconds.into());
        let top = (!row.top_name.is_empty())
            .then(|| Top { name: row.top_name.clone(), share: row.top_share });
        Self {
            id: row.id.clone(),
            kind: row.kind.clone(),
            severity: row.severity.clone(),
            state: row.state.clone(),
            sign: row.sign.clone(),
            direction: row.direction.clone(),
            onset: time(row.onset),
            confirmed: time(row.confirmed),
            ended: row.ended.map(time),
            trough: time(row.trough),
            depth_percent: row.depth * 100.0,
            lost_octets: row.lost_octets,
            subject: row.subject.clone(),
            links: row.links.clone(),
            categories: row.categories.clone(),
            top,
            acknowledged: acknowledged(notes),
            silenced_until: silenced_until(notes, now).map(time),
            probe: row.probe.clone(),
        }
    }
}

pub(super) fn acknowledged(notes: &[EventNote]) -> Option<Acknowledged> {
    let of_it = |note: &&EventNote| matches!(&*note.action, "acknowledge" | "unacknowledge");
    let last = notes.iter().rev().find(of_it)?;
    (last.action == "acknowledge")
        .then(|| Acknowledged { by: last.who.clone(), at: format_unix(last.at.div_euclid(1000)) })
}

pub(super) fn silenced_until(notes: &[EventNote], now: OffsetDateTime) -> Option<u32> {
    let of_it = |note: &&EventNote| matches!(&*note.action, "silence" | "unsilence");
    let last = notes.iter().rev().find(of_it)?;
    let until = last.until.filter(|_| last.action == "silence")?;
    (i64::from(until) > now.unix_timestamp()).then_some(until)
}
