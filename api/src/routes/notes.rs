//! What people say of events.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use etiage_store::EventNote;
use serde::Deserialize;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use super::event::{Note, find};
use super::events::{acknowledged, silenced_until};
use crate::access::Via;
use crate::identity::Operator;
use crate::params::{RawPairs, parse_moment};
use crate::problem::{ApiError, NoSuchEvent, OperatorsOnly, ParameterError, Problem, StoreAway};
use crate::settings::Settings;
use crate::state::ApiState;

/// Longest comment, in octets.
const MAX_TEXT: usize = 4_000;
/// Longest silence.
const MAX_SILENCE: Duration = Duration::days(366);
const ACTIONS: [&str; 5] = ["acknowledge", "unacknowledge", "comment", "silence", "unsilence"];

/// What to say of an event.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NewNote {
    /// `acknowledge` (I know of it), `unacknowledge`, `comment`, `silence` (no alerts until a moment) or
    /// `unsilence`.
    #[schema(example = "comment")]
    action: String,
    /// In your words; at most 4000 octets. A comment needs some.
    #[schema(example = "the hoster's servers were seized")]
    text: String,
    /// Until when to be silent: RFC 3339, at most 366 days ahead. For `silence` alone, and needed there.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// Acknowledge an event, comment on it, or silence it for a time.
#[utoipa::path(
    post,
    path = "/api/v1/events/{id}/notes",
    tag = "events",
    params(("id" = String, Path, description = "The event's id", example = "20261121-1915-3fa2")),
    request_body = NewNote,
    responses(
        (status = 201, description = "The note, as it is kept", body = Note),
        (status = 400, description = "What is wrong with it: everything", body = Problem,
         content_type = "application/problem+json"),
        OperatorsOnly,
        NoSuchEvent,
        StoreAway,
    )
)]
pub(crate) async fn add_note(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Operator(caller): Operator,
    RawPairs(pairs): RawPairs,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Note>), ApiError> {
    pairs.finish()?;
    let settings = state.settings();
    let new = read(&headers, &body)?;
    let until = check(&new, settings.clock.now())?;
    find(settings, &id).await?;
    let now = settings.clock.now().unix_timestamp_nanos() / 1_000_000;
    let now = i64::try_from(now).unwrap_or(0);
    // What is said later stands later, however fast it comes.
    let mut notes = settings.store.notes(std::slice::from_ref(&id)).await?;
    let last = notes.last().map(|note| note.at);
    let note = EventNote {
        event: id,
        at: last.map_or(now, |last| now.max(last + 1)),
        who: if caller.via == Via::Open { "local".to_owned() } else { caller.name },
        action: new.action,
        text: new.text,
        until,
    };
    settings.store.add_notes(std::slice::from_ref(&note)).await?;
    notes.push(note.clone());
    tell(settings, &notes).await;
    Ok((StatusCode::CREATED, Json(note.into())))
}

/// Tells delivery how an event stands: what is acknowledged or silenced is not told any more.
async fn tell(settings: &Settings, notes: &[EventNote]) {
    let (Some(delivery), Some(note)) = (settings.alerts.clone(), notes.last()) else { return };
    let acknowledged = acknowledged(notes).is_some();
    let until = silenced_until(notes, settings.clock.now()).map(i64::from);
    let event = note.event.clone();
    let marking = move || delivery.mark(&event, acknowledged, until);
    if let Err(error) = tokio::task::spawn_blocking(marking).await {
        tracing::error!("alerts were not told of a note: {error}");
    }
}

fn wrong(parameter: &str, detail: String) -> ParameterError {
    ParameterError::new(parameter, detail)
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<NewNote, ApiError> {
    // A form on another site can send anything but this without asking first.
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_json = kind.is_some_and(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json")
    });
    if !is_json {
        let detail = "send JSON, with `Content-Type: application/json`".to_owned();
        return Err(ApiError::Parameters(vec![wrong("body", detail)]));
    }
    let unreadable = |error: serde_json::Error| {
        ApiError::Parameters(vec![wrong("body", format!("not a note: {error}"))])
    };
    serde_json::from_slice(body).map_err(unreadable)
}

/// Until when, where that is asked for.
fn check(new: &NewNote, now: OffsetDateTime) -> Result<Option<u32>, ApiError> {
    let mut errors = Vec::new();
    if !ACTIONS.contains(&&*new.action) {
        let known = ACTIONS.join(", ");
        errors.push(wrong("action", format!("`{}` is none; there are {known}", new.action)));
    }
    if new.text.len() > MAX_TEXT {
        let length = new.text.len();
        errors.push(wrong("text", format!("{length} octets; at most {MAX_TEXT}")));
    }
    if new.action == "comment" && new.text.trim().is_empty() {
        errors.push(wrong("text", "a comment needs a text".to_owned()));
    }
    let mut until = None;
    match (&new.until, new.action == "silence") {
        (None, true) => errors.push(wrong("until", "until when? As 2026-11-22T08:00:00Z".into())),
        (Some(_), false) => errors.push(wrong("until", "only `silence` takes it".into())),
        (Some(text), true) => match parse_moment(text, now) {
            Ok(moment) if moment > now && moment <= now + MAX_SILENCE => {
                until = u32::try_from(moment.unix_timestamp()).ok();
            }
            Ok(_) => errors.push(wrong(
                "until",
                format!("`{text}` is not within the next {} days", MAX_SILENCE.whole_days()),
            )),
            Err(detail) => errors.push(wrong("until", detail)),
        },
        (None, false) => {}
    }
    if errors.is_empty() { Ok(until) } else { Err(ApiError::Parameters(errors)) }
}
