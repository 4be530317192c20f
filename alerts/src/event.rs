//! What a receiver is told.

use std::fmt;

use etiage_detector::{Kind, Severity};
use ring::digest;
use serde::{Deserialize, Serialize};

/// An event, as far as it is known at one moment. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its number or name, as API and pages know it: the same for as long as it is remembered.
    pub id: String,
    /// What happened, in a line.
    pub subject: String,
    /// What kind of event it is.
    pub kind: Kind,
    /// How bad.
    pub severity: Severity,
    /// Which way most of it happened: `in` or `out`.
    pub direction: String,
    /// When it began.
    pub onset: i64,
    /// When it was certain.
    pub confirmed: i64,
    /// When it was over; nothing while it lasts.
    pub ended: Option<i64>,
    /// Furthest from what was expected, in per cent of that.
    pub depth_percent: f64,
    /// Octets lost (of a surge: gained) since the onset.
    pub lost_octets: f64,
    /// The links it is seen on.
    pub links: Vec<String>,
    /// The categories that take part.
    pub categories: Vec<String>,
    /// What it is made of, the largest first.
    pub parts: Vec<Part>,
    /// What did the opposite meanwhile, the largest first.
    pub meanwhile: Vec<Part>,
    /// Somebody has taken it on: no more updates. Once an event was told, only
    /// [`crate::Delivery::mark`] changes this.
    pub acknowledged: bool,
    /// Nobody is told of it until then; likewise.
    pub silenced_until: Option<i64>,
}

/// One part of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// `category`, `service`, `network` or `link`.
    pub scope: String,
    /// Which.
    pub name: String,
    /// Octets.
    pub octets: f64,
    /// Of all that was lost: 1 is all.
    pub share: f64,
}

/// What has become of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transition {
    /// It is certain.
    Firing,
    /// It goes on, and more is known of it.
    Update,
    /// It is over.
    Resolved,
}

impl Transition {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Update => "update",
            Self::Resolved => "resolved",
        }
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// All kinds.
pub const KINDS: [Kind; 6] =
    [Kind::Shutdown, Kind::LinkOutage, Kind::Shift, Kind::Surge, Kind::MixChange, Kind::Unknown];

/// A kind's name, as in the API.
pub const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Shutdown => "shutdown",
        Kind::LinkOutage => "link-outage",
        Kind::Shift => "shift",
        Kind::Surge => "surge",
        Kind::MixChange => "mix-change",
        Kind::Unknown => "unknown",
    }
}

/// A severity's name, as in the API.
pub const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

impl Event {
    /// What stays the same from firing to resolved: 16 hexadecimal digits of the probe's and the event's
    /// names.
    pub fn fingerprint(&self, probe: &str) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        for word in ["etiage event", probe, &self.id] {
            context.update(&(word.len() as u64).to_le_bytes());
            context.update(word.as_bytes());
        }
        let octets = context.finish();
        octets.as_ref().iter().take(8).map(|octet| format!("{octet:02x}")).collect()
    }

    /// An invented event, to try templates and receivers on. Nobody is to take it for a real one.
    pub fn sample(now: i64) -> Self {
        let part = |scope: &str, name: &str, octets, share| Part {
            scope: scope.to_owned(),
            name: name.to_owned(),
            octets,
            share,
        };
        Self {
            id: "test".to_owned(),
            subject: "test of etiage's alerts: nothing has happened".to_owned(),
            kind: Kind::Shutdown,
            severity: Severity::Warning,
            direction: "in".to_owned(),
            onset: now - 600,
            confirmed: now,
            ended: None,
            depth_percent: 20.5,
            lost_octets: 1.5e12,
            links: vec!["transit-1".to_owned(), "ix-1".to_owned()],
            categories: vec!["direct-download".to_owned()],
            parts: vec![
                part("service", "example.com", 1.2e12, 0.8),
                part("category", "direct-download", 1.4e12, 0.93),
            ],
            meanwhile: vec![part("category", "p2p", 3e11, 0.2)],
            acknowledged: false,
            silenced_until: None,
        }
    }

    /// The same with nothing that an event may lack.
    pub(crate) fn bare_sample(now: i64) -> Self {
        Self {
            kind: Kind::Unknown,
            links: Vec::new(),
            categories: Vec::new(),
            parts: Vec::new(),
            meanwhile: Vec::new(),
            ..Self::sample(now)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_events_own() {
        let event = Event::sample(0);
        let later =
            Event { subject: "x".to_owned(), severity: Severity::Critical, ..event.clone() };
        assert_eq!(event.fingerprint("a"), later.fingerprint("a"));
        assert_ne!(event.fingerprint("a"), event.fingerprint("b"));
        // Where one name ends and the next begins makes a difference.
        let other = Event { id: "1test".to_owned(), ..event.clone() };
        assert_ne!(event.fingerprint("probe1"), other.fingerprint("probe"));
        assert_eq!(event.fingerprint("a").len(), 16);
    }

    #[test]
    fn names_are_those_that_are_written_down() {
        for kind in KINDS {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind_name(kind));
        }
        for severity in [Severity::Info, Severity::Warning, Severity::Critical] {
            assert_eq!(serde_json::to_value(severity).unwrap(), severity_name(severity));
        }
        for transition in [Transition::Firing, Transition::Update, Transition::Resolved] {
            assert_eq!(serde_json::to_value(transition).unwrap(), transition.name());
        }
    }
}
