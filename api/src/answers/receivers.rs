//! How those who are told of events are doing.

use etiage_alerts::ReceiverStats;
use serde::Serialize;
use utoipa::ToSchema;

use crate::settings::Settings;
use crate::timestamps::format_unix;

/// A receiver of alerts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceiverHealth {
    /// Its name.
    #[schema(example = "noc-chat")]
    name: String,
    /// `alertmanager`, `webhook`, `slack`, `syslog` or `email`.
    #[schema(example = "slack")]
    kind: &'static str,
    /// Where it is, without what is secret.
    #[schema(example = "https://hooks.example.net/…")]
    place: String,
    /// Messages that wait for it.
    waiting: u64,
    /// When the oldest of them was handed over.
    #[schema(format = DateTime)]
    oldest: Option<String>,
    /// Events that it was told of and that are not over.
    firing: u64,
    /// Messages that it has taken.
    delivered: u64,
    /// Tries that failed.
    failed_tries: u64,
    /// Messages that it did not want.
    refused: u64,
    /// Messages that were given up after too long a time.
    expired: u64,
    /// Messages that were dropped because too many waited.
    overflowed: u64,
    /// Messages that were not sent because their event is silenced or acknowledged.
    silenced: u64,
    /// What the last try failed of; `null` after a success.
    error: Option<String>,
    /// When it has taken a message last.
    #[schema(format = DateTime)]
    last_delivered: Option<String>,
}

/// All receivers, in the order of the configuration.
pub(crate) fn receivers(settings: &Settings) -> Vec<ReceiverHealth> {
    let stats = settings.alerts.as_ref().map(etiage_alerts::Delivery::stats).unwrap_or_default();
    stats.into_iter().map(ReceiverHealth::from).collect()
}

impl From<ReceiverStats> for ReceiverHealth {
    fn from(stats: ReceiverStats) -> Self {
        Self {
            name: stats.name,
            kind: stats.kind,
            place: stats.place,
            waiting: stats.waiting,
            oldest: stats.oldest.map(format_unix),
            firing: stats.firing,
            delivered: stats.delivered,
            failed_tries: stats.failed_tries,
            refused: stats.refused,
            expired: stats.expired,
            overflowed: stats.overflowed,
            silenced: stats.silenced,
            error: stats.last_error,
            last_delivered: stats.last_delivered.map(format_unix),
        }
    }
}

/// What needs a look.
pub(crate) fn reasons(receivers: &[ReceiverHealth]) -> Vec<String> {
    let mut reasons = Vec::new();
    for receiver in receivers {
        let name = &receiver.name;
        if let Some(error) = &receiver.error {
            let waiting = receiver.waiting;
            reasons.push(format!(
                "{name} cannot be told of events ({waiting} messages wait): {error}"
            ));
        }
        let lost = receiver.expired + receiver.overflowed;
        if lost > 0 {
            reasons.push(format!("{lost} messages to {name} were given up, since the start"));
        }
    }
    reasons
}
