//! Alertmanager's interface for alerts, `POST /api/v2/alerts` (its OpenAPI document, `postAlerts`).
//!
//! An alert is its labels; it fires until `endsAt`. So what fires is said again well before that, and what
//! is over is said with an `endsAt` that has passed. Where labels change, the alert of the old ones
//! ends in the same message in which the new one begins.

use std::time::Duration;

use serde::Serialize;

use super::SendError;
use super::http::Http;
use crate::Transition;
use crate::message::Message;
use crate::queue::Labels;
use crate::template::moment;

/// Prometheus gives its alerts as many of its own intervals: some may be missed.
const REPEATS: i64 = 4;

#[derive(Debug)]
pub(super) struct Alertmanager {
    http: Http,
    /// Seconds that an alert lives without being repeated.
    life: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    labels: &'a Labels,
    annotations: Annotations<'a>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<&'a str>,
}

#[derive(Serialize)]
struct Annotations<'a> {
    summary: &'a str,
    description: &'a str,
    links: String,
    categories: String,
    fingerprint: &'a str,
}

impl Alertmanager {
    pub(super) fn new(http: Http, repeat: Duration) -> Self {
        let repeat = i64::try_from(repeat.as_secs()).unwrap_or(i64::MAX);
        Self { http, life: repeat.saturating_mul(REPEATS) }
    }

    pub(super) async fn send(&self, message: &Message) -> Result<String, SendError> {
        let (known, over) = (&message.known, message.transition == Transition::Resolved);
        if over && !known.is_empty() {
            return self.post(&[self.alert(message, known)]).await;
        }
        let mut alerts = vec![self.alert(message, &message.labels)];
        if !known.is_empty() && *known != message.labels {
            let over =
                Alert { ends_at: moment(message.now), ..self.alert(message, &message.known) };
            alerts.push(over);
        }
        self.post(&alerts).await
    }

    pub(super) async fn repeat(&self, messages: &[Message]) -> Result<String, SendError> {
        // Under the labels that it knows: new ones are told by a message of their own.
        let alerts = messages.iter().map(|message| self.alert(message, &message.known));
        self.post(&alerts.collect::<Vec<_>>()).await
    }

    async fn post(&self, alerts: &[Alert<'_>]) -> Result<String, SendError> {
        let body = serde_json::to_vec(alerts);
        let body = body.map_err(|error| SendError::Refused { reason: error.to_string() })?;
        self.http.post(body, &[]).await
    }

    fn alert<'a>(&self, message: &'a Message, labels: &'a Labels) -> Alert<'a> {
        let Message { event, now, .. } = message;
        // Of a replay, events may lie in the past or seem to lie in the future.
        let starts = event.onset.min(*now);
        let ends = match message.transition {
            Transition::Resolved => event.ended.unwrap_or(*now).min(*now).max(starts),
            _ => now.saturating_add(self.life),
        };
        Alert {
            labels,
            annotations: Annotations {
                summary: &message.words.title,
                description: &message.words.text,
                links: event.links.join(", "),
                categories: event.categories.join(", "),
                fingerprint: &message.fingerprint,
            },
            starts_at: moment(starts),
            ends_at: moment(ends),
            generator_url: message.link.as_deref(),
        }
    }
}
