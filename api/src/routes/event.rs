//! One event: what it is made of, what rose meanwhile, who knows of it.

use axum::Json;
use axum::extract::{Path, State};
use etiage_detector::{End, Explanation, Gain, Key, Loss, Member, Record};
use etiage_store::{AlertLogRow, EventNote, EventQuery, EventRow};
use serde::Serialize;
use utoipa::ToSchema;

use super::events::EventSummary;
use crate::params::RawPairs;
use crate::problem::{ApiError, NoSuchEvent, StoreAway, UnknownParameter};
use crate::settings::Settings;
use crate::state::ApiState;
use crate::timestamps::format_unix;

/// Everything about an event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventDetail {
    #[serde(flatten)]
    summary: EventSummary,
    /// What the expectation of its main series was founded on: `time-of-week` (the same local time of past
    /// weeks), `time-of-day` (of past days, for want of weeks) or `recent-level` (the last hour).
    #[schema(example = "time-of-week")]
    basis: String,
    /// The main series, as `of` takes it.
    #[schema(example = "link:transit-1")]
    main: String,
    /// After how long half of the depth was made up for.
    recover_50_seconds: Option<i64>,
    /// After how long nine tenths were.
    recover_90_seconds: Option<i64>,
    /// The series that take part, those with the most octets first.
    members: Vec<EventMember>,
    /// What the loss (of a surge: the gain) is made of: each list's shares add up to 1.
    attribution: Attribution,
    /// What did the opposite meanwhile, the largest first. Coincident: nothing says that it was caused.
    ledger: Vec<LedgerEntry>,
    /// What no category's rise stands against.
    unexplained: Unexplained,
    /// From how many seconds since the onset attribution and ledger are made.
    explained_seconds: u32,
    /// What people said of it, the oldest first.
    notes: Vec<Note>,
    /// What was told to whom.
    alerts: Vec<Alert>,
    /// When which link was not seen: nothing follows from what was not seen.
    blind: Vec<BlindSpan>,
}

/// A series that takes part in an event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventMember {
    /// Which, as `of` takes it.
    #[schema(example = "category:direct-download@transit-1")]
    of: String,
    /// `in` or `out`.
    #[schema(example = "in")]
    direction: String,
    /// `drop` or `surge`.
    #[schema(example = "drop")]
    sign: String,
    /// When it began.
    #[schema(format = DateTime)]
    onset: String,
    /// When it was certain.
    #[schema(format = DateTime)]
    confirmed: String,
    /// When it was over.
    #[schema(format = DateTime)]
    ended: Option<String>,
    /// Whether it is over because it has become the new normal.
    accepted: bool,
    /// When it was deepest.
    #[schema(format = DateTime)]
    trough: String,
    /// How deep, in percent of what was expected.
    depth_percent: f64,
    /// Octets lost (or gained).
    lost_octets: f64,
}

/// What a loss is made of.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Attribution {
    /// By category.
    categories: Vec<Part>,
    /// By service.
    services: Vec<Part>,
    /// By remote network (`AS64500`), where networks are known.
    networks: Vec<Part>,
    /// By link.
    links: Vec<Part>,
    /// Octets expected in the event's direction over all links.
    expected_octets: f64,
    /// Octets measured.
    measured_octets: f64,
    /// Octets lost where any were.
    lost_octets: f64,
}

/// A part of a loss.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Part {
    /// What; `other` for all that is small.
    #[schema(example = "megaupload")]
    name: String,
    /// Octets less (of a surge: more) than expected.
    octets: f64,
    /// Of all, from 0 to 1.
    #[schema(example = 0.73)]
    share: f64,
    /// Of what was expected here, in percent.
    #[schema(example = 98.2)]
    depth_percent: f64,
}

/// What did the opposite meanwhile.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LedgerEntry {
    /// `category`, `service` or `link`.
    #[schema(example = "service")]
    kind: &'static str,
    /// Which.
    #[schema(example = "uploaded")]
    name: String,
    /// Octets more (of a surge: less) than expected.
    octets: f64,
    /// The same as a mean rate.
    bits_per_second: f64,
    /// How much such sums differ from what is expected in ordinary weeks, in octets.
    usual_deviation: f64,
    /// How many times the usual deviation it is; `null` where there is none to compare with.
    score: Option<f64>,
    /// Of all that was lost, from 0 to 1.
    share: f64,
}

/// The rest of a loss.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Unexplained {
    /// Octets.
    octets: f64,
    /// Of all that was lost, from 0 to 1.
    share: f64,
}

/// What somebody said of an event.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Note {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who.
    by: String,
    /// `acknowledge`, `unacknowledge`, `comment`, `silence` or `unsilence`.
    #[schema(example = "comment")]
    action: String,
    /// In their words.
    text: String,
    /// Until when it is silenced.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// What was told to whom.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Alert {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// What receivers know it by.
    fingerprint: String,
    /// The route that it took.
    #[schema(example = "operations")]
    route: String,
    /// Where it went.
    receiver: String,
    /// `firing`, `update` or `resolved`.
    #[schema(example = "firing")]
    transition: String,
    /// How that went.
    #[schema(example = "delivered")]
    outcome: String,
    /// What went wrong; empty where nothing did.
    error: String,
}

/// A span in which a link was not seen.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BlindSpan {
    /// The link.
    link: String,
    /// The first minute.
    #[schema(format = DateTime)]
    from: String,
    /// The first minute in which it was seen again; `null` while it is not.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// One event: its series, what it is made of, what rose meanwhile, what was said and told of it.
#[utoipa::path(
    get,
    path = "/api/v1/events/{id}",
    tag = "events",
    params(("id" = String, Path, description = "The event's id", example = "20261121-1915-3fa2")),
    responses(
        (status = 200, description = "The event", body = EventDetail),
        UnknownParameter,
        NoSuchEvent,
        StoreAway,
    )
)]
pub(crate) async fn event(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    RawPairs(pairs): RawPairs,
) -> Result<Json<EventDetail>, ApiError> {
    pairs.finish()?;
    let settings = state.settings();
    let row = find(settings, &id).await?;
    let record = record(&row)?;
    let notes = settings.store.notes(std::slice::from_ref(&id)).await?;
    let alerts = settings.store.alerts(&id).await?;
    let summary = EventSummary::new(&row, &notes, settings.clock.now());
    let main = record.event.main();
    let alarm = main.map(|main| &main.alarm);
    let after = |time: fn(&Member) -> Option<i64>| {
        main.and_then(|main| Some(time(main)? - main.alarm.onset))
    };
    let explanation = record.explanation.as_ref();
    let unexplained = explanation.map(|explanation| Unexplained {
        octets: explanation.ledger.unexplained,
        share: share(explanation.ledger.unexplained, explanation.lost),
    });
    Ok(Json(EventDetail {
        summary,
        basis: alarm.map_or("", |alarm| alarm.basis.name()).to_owned(),
        main: main.map_or_else(String::new, |main| of(&main.key)),
        recover_50_seconds: after(|main| main.alarm.half_recovered),
        recover_90_seconds: after(|main| main.alarm.recovered),
        members: record.event.members.iter().map(EventMember::from).collect(),
        attribution: explanation.map(Attribution::from).unwrap_or_default(),
        ledger: explanation.map_or_else(Vec::new, |explanation| ledger(explanation, &record)),
        unexplained: unexplained.unwrap_or_default(),
        explained_seconds: record.explained_secs,
        notes: notes.into_iter().map(Note::from).collect(),
        alerts: alerts.into_iter().map(Alert::from).collect(),
        blind: record
            .blind
            .iter()
            .map(|blind| BlindSpan {
                link: blind.link.to_string(),
                from: format_unix(blind.from),
                until: blind.until.map(format_unix),
            })
            .collect(),
    }))
}

/// The event of this name.
pub(crate) async fn find(settings: &Settings, id: &str) -> Result<EventRow, ApiError> {
    let query = EventQuery { id: Some(id.to_owned()), limit: 1, ..EventQuery::default() };
    let found = settings.store.events(&query).await?;
    let none = || ApiError::NoData(format!("there is no event `{id}`; /api/v1/events lists them"));
    found.into_iter().next().ok_or_else(none)
}

/// What is known of it.
pub(crate) fn record(row: &EventRow) -> Result<Record, ApiError> {
    serde_json::from_str(&row.document).map_err(|error| ApiError::Internal(error.into()))
}

/// A series as the parameter `of` takes it.
pub(crate) fn of(key: &Key) -> String {
    match key {
        Key::Link { link, .. } => format!("link:{link}"),
        Key::LinkCategory { link, category, .. } => format!("category:{category}@{link}"),
        Key::Category { category, .. } => format!("category:{category}"),
        Key::Service { service, .. } => format!("service:{service}"),
        Key::Network { asn, .. } => format!("network:{asn}"),
    }
}

impl From<&Member> for EventMember {
    fn from(Member { key, alarm }: &Member) -> Self {
        Self {
            of: of(key),
            direction: key.direction().to_string(),
            sign: alarm.sign.name().to_owned(),
            onset: format_unix(alarm.onset),
            confirmed: format_unix(alarm.confirmed),
            ended: alarm.ended.map(|(time, _)| format_unix(time)),
            accepted: matches!(alarm.ended, Some((_, End::Accepted))),
            trough: format_unix(alarm.trough),
            depth_percent: alarm.depth * 100.0,
            lost_octets: alarm.octets,
        }
    }
}

impl From<&Explanation> for Attribution {
    fn from(explanation: &Explanation) -> Self {
        let parts = |losses: &[Loss]| {
            let part = |loss: &Loss| Part {
                name: loss.name.to_string(),
                octets: loss.octets,
                share: loss.share,
                depth_percent: loss.depth * 100.0,
            };
            losses.iter().map(part).collect()
        };
        Self {
            categories: parts(&explanation.categories),
            services: parts(&explanation.services),
            networks: parts(&explanation.networks),
            links: parts(&explanation.links),
            expected_octets: explanation.expected,
            measured_octets: explanation.measured,
            lost_octets: explanation.lost,
        }
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn ledger(explanation: &Explanation, record: &Record) -> Vec<LedgerEntry> {
    let seconds = f64::from(record.explained_secs.max(1));
    let entry = |kind, gain: &Gain| LedgerEntry {
        kind,
        name: gain.name.to_string(),
        octets: gain.octets,
        bits_per_second: gain.octets * 8.0 / seconds,
        usual_deviation: gain.usual,
        score: (gain.usual > 0.0).then(|| gain.octets / gain.usual),
        share: gain.share,
    };
    let ledger = &explanation.ledger;
    let lists =
        [("category", &ledger.categories), ("service", &ledger.services), ("link", &ledger.links)];
    let entries = lists.into_iter().flat_map(|(kind, gains)| {
        let entry = &entry;
        gains.iter().map(move |gain| entry(kind, gain))
    });
    entries.collect()
}

impl From<EventNote> for Note {
    fn from(note: EventNote) -> Self {
        Self {
            at: format_unix(note.at.div_euclid(1000)),
            by: note.who,
            action: note.action,
            text: note.text,
            until: note.until.map(|until| format_unix(until.into())),
        }
    }
}

impl From<AlertLogRow> for Alert {
    fn from(row: AlertLogRow) -> Self {
        Self {
            at: format_unix(row.at.div_euclid(1000)),
            fingerprint: row.fingerprint,
            route: row.route,
            receiver: row.receiver,
            transition: row.transition,
            outcome: row.outcome,
            error: row.error,
        }
    }
}
