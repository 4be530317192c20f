//! Events, what people said of them, and what was told to whom.

use clickhouse::{Row, RowOwned, RowWrite};
use serde::{Deserialize, Serialize};

use super::TimeRange;
use crate::schema::Single;
use crate::store::{INSERT_SETTINGS, INSERT_TIMEOUTS};
use crate::{Error, Store};

/// Most events of an answer.
pub const MAX_EVENTS: u32 = 1000;
/// Most notes, and most lines of the log of alerts, that are read of one event.
const MAX_NOTES: u32 = 1000;

/// A state of an event, as it is stored. Times are seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize)]
pub struct EventRow {
    /// Its name, the same for all of its states.
    pub id: String,
    /// Which state: the highest is the latest.
    pub version: u64,
    /// The probe that found it.
    pub probe: String,
    /// `open` or `ended`.
    pub state: String,
    /// What kind of event: `shutdown`, `link-outage`, `shift`, `surge`, `mix-change`, `unknown`.
    pub kind: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// `drop` or `surge`.
    pub sign: String,
    /// Which way most of it was lost: `in` or `out`.
    pub direction: String,
    /// When it began.
    pub onset: u32,
    /// When it was certain.
    pub confirmed: u32,
    /// When it was over; nothing while it lasts.
    pub ended: Option<u32>,
    /// When it was deepest.
    pub trough: u32,
    /// How deep: 0.2 is 20 %.
    pub depth: f64,
    /// Octets lost (of a surge: gained) since the onset.
    pub lost_octets: f64,
    /// A line that says what it is.
    pub subject: String,
    /// The links that it touches.
    pub links: Vec<String>,
    /// The categories that it touches.
    pub categories: Vec<String>,
    /// What most of it is: a service's or a link's name.
    pub top_name: String,
    /// Its share.
    pub top_share: f64,
    /// Everything, as JSON: the detector's `Record`.
    pub document: String,
}

/// Which events. What is empty lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Those that touch this range.
    pub range: Option<TimeRange>,
    /// This one only.
    pub id: Option<String>,
    /// `open` or `ended`.
    pub states: Vec<String>,
    /// Kinds.
    pub kinds: Vec<String>,
    /// Severities.
    pub severities: Vec<String>,
    /// Those that touch one of these links.
    pub links: Vec<String>,
    /// Those that touch one of these categories.
    pub categories: Vec<String>,
    /// At most so many, the latest first; up to [`MAX_EVENTS`].
    pub limit: u32,
}

/// What somebody said of an event.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct EventNote {
    /// The event's id.
    pub event: String,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
    /// Who.
    pub who: String,
    /// `acknowledge`, `unacknowledge`, `comment`, `silence` or `unsilence`.
    pub action: String,
    /// In their words.
    pub text: String,
    /// Until when it is silenced.
    pub until: Option<u32>,
}

/// What was told to whom.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct AlertLogRow {
    /// The event's id.
    pub event: String,
    /// What receivers know it by.
    pub fingerprint: String,
    /// The route that it took.
    pub route: String,
    /// Where it went.
    pub receiver: String,
    /// `firing`, `update` or `resolved`.
    pub transition: String,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
    /// `delivered`, `failed`, `given up`, …
    pub outcome: String,
    /// What went wrong.
    pub error: String,
}

impl Store {
    /// Adds a state of some events.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn save_events(&self, events: &[EventRow]) -> Result<(), Error> {
        self.add("save events", Single::Events, events).await
    }

    /// Adds what was said of events.
    ///
    /// # Errors
    /// As [`Store::save_events`].
    pub async fn add_notes(&self, notes: &[EventNote]) -> Result<(), Error> {
        self.add("save a note", Single::EventNotes, notes).await
    }

    /// Adds what was told of events.
    ///
    /// # Errors
    /// As [`Store::save_events`].
    pub async fn log_alerts(&self, alerts: &[AlertLogRow]) -> Result<(), Error> {
        self.add("write the log of alerts", Single::AlertLog, alerts).await
    }

    pub(super) async fn add<T>(
        &self,
        what: &'static str,
        table: Single,
        rows: &[T],
    ) -> Result<(), Error>
    where
        T: RowOwned + RowWrite,
    {
        if rows.is_empty() {
            return Ok(());
        }
        let added = async {
            let (piece, whole) = INSERT_TIMEOUTS;
            let insert = self.writing.insert::<T>(table.name()).await?;
            let mut insert = insert.with_timeouts(Some(piece), Some(whole));
            for (name, value) in INSERT_SETTINGS {
                insert = insert.with_setting(name, value);
            }
            for row in rows {
                insert.write(row).await?;
            }
            insert.end().await
        };
        added.await.map_err(|source| self.error(what, source))
    }

    /// The latest state of events, the latest onset first.
    ///
    /// # Errors
    /// As [`Store::save_events`].
    pub async fn events(&self, query: &EventQuery) -> Result<Vec<EventRow>, Error> {
        let mut conditions = vec!["1".to_owned()];
        if let Some(TimeRange { from, to }) = query.range {
            let (from, to) = (from.unix_timestamp(), to.unix_timestamp());
            conditions.push(format!("toUnixTimestamp(e.onset) < {to}"));
            conditions.push(format!("(e.ended IS NULL OR toUnixTimestamp(e.ended) >= {from})"));
        }
        if query.id.is_some() {
            conditions.push("e.id = {id:String}".to_owned());
        }
        for (column, values) in
            [("state", &query.states), ("kind", &query.kinds), ("severity", &query.severities)]
        {
            if !values.is_empty() {
                conditions.push(format!("e.{column} IN {{{column}:Array(String)}}"));
            }
        }
        for (column, values) in [("links", &query.links), ("categories", &query.categories)] {
            if !values.is_empty() {
                conditions.push(format!("hasAny(e.{column}, {{{column}:Array(String)}})"));
            }
        }
        let sql = format!(
            "SELECT e.id AS id, e.version AS version, toString(e.probe) AS probe, \
             toString(e.state) AS state, toString(e.kind) AS kind, \
             toString(e.severity) AS severity, toString(e.sign) AS sign, \
             toString(e.direction) AS direction, toUnixTimestamp(e.onset) AS onset, \
             toUnixTimestamp(e.confirmed) AS confirmed, toUnixTimestamp(e.ended) AS ended, \
             toUnixTimestamp(e.trough) AS trough, e.depth AS depth, e.lost_octets AS lost_octets, \
             e.subject AS subject, e.links AS links, e.categories AS categories, \
             e.top_name AS top_name, e.top_share AS top_share, e.document AS document \
             FROM {} AS e FINAL WHERE {} ORDER BY e.onset DESC, e.id DESC LIMIT {}",
            Single::Events.name(),
            conditions.join(" AND "),
            query.limit.min(MAX_EVENTS),
        );
        let mut sql = self.client.query(&sql);
        if let Some(id) = &query.id {
            sql = sql.param("id", id);
        }
        for (name, values) in [
            ("state", &query.states),
            ("kind", &query.kinds),
            ("severity", &query.severities),
            ("links", &query.links),
            ("categories", &query.categories),
        ] {
            if !values.is_empty() {
                sql = sql.param(name, values);
            }
        }
        self.fetch("read events", sql).await
    }

    /// What was said of some events, the oldest first.
    ///
    /// # Errors
    /// As [`Store::save_events`].
    pub async fn notes(&self, events: &[String]) -> Result<Vec<EventNote>, Error> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT n.event AS event, toUnixTimestamp64Milli(n.at) AS at, n.who AS who, \
             toString(n.action) AS action, n.text AS text, toUnixTimestamp(n.until) AS until \
             FROM {} AS n WHERE n.event IN {{events:Array(String)}} ORDER BY n.at DESC \
             LIMIT {MAX_NOTES} BY n.event",
            Single::EventNotes.name()
        );
        let sql = self.client.query(&sql).param("events", events);
        let mut notes = self.fetch("read notes", sql).await?;
        notes.reverse();
        Ok(notes)
    }

    /// What was told of an event, the oldest first.
    ///
    /// # Errors
    /// As [`Store::save_events`].
    pub async fn alerts(&self, event: &str) -> Result<Vec<AlertLogRow>, Error> {
        let sql = format!(
            "SELECT a.event AS event, a.fingerprint AS fingerprint, toString(a.route) AS route, \
             toString(a.receiver) AS receiver, toString(a.transition) AS transition, \
             toUnixTimestamp64Milli(a.at) AS at, toString(a.outcome) AS outcome, a.error AS error \
             FROM {} AS a WHERE a.event = {{event:String}} ORDER BY a.at DESC LIMIT {MAX_NOTES}",
            Single::AlertLog.name()
        );
        let sql = self.client.query(&sql).param("event", event);
        let mut alerts = self.fetch("read the log of alerts", sql).await?;
        alerts.reverse();
        Ok(alerts)
    }
}
