//! What is said to a receiver, before it is put into its form.

use crate::event::{kind_name, severity_name};
use crate::queue::Labels;
use crate::template::{Subject, Words};
use crate::{Event, Templates, Transition};

/// A message, in words.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) transition: Transition,
    pub(crate) event: Event,
    pub(crate) fingerprint: String,
    /// Names this message: the same however often it is sent.
    pub(crate) id: String,
    /// Names the message that told of the event first.
    pub(crate) first: String,
    pub(crate) words: Words,
    /// The page that shows the event as it was.
    pub(crate) link: Option<String>,
    pub(crate) labels: Labels,
    /// By which labels the receiver knows the event.
    pub(crate) known: Labels,
    pub(crate) receiver: String,
    pub(crate) probe: String,
    /// Unix seconds.
    pub(crate) now: i64,
}

/// What all messages to a receiver have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageContext<'a> {
    pub(crate) probe: &'a str,
    pub(crate) public_url: Option<&'a str>,
    pub(crate) receiver: &'a str,
    pub(crate) templates: &'a Templates,
}

impl MessageContext<'_> {
    /// A message; `number` is its own, `first` that of the one that told of the event first.
    pub(crate) fn message(
        &self,
        transition: Transition,
        event: Event,
        (number, first): (u64, u64),
        now: i64,
    ) -> Message {
        let Self { probe, public_url, receiver, templates } = *self;
        let fingerprint = event.fingerprint(probe);
        let link = public_url.map(|url| link(url, &event));
        let url = link.as_deref();
        let subject = Subject { transition, event: &event, fingerprint: &fingerprint, probe, url };
        Message {
            transition,
            words: templates.words(subject),
            id: format!("{fingerprint}.{number}"),
            first: format!("{fingerprint}.{first}"),
            labels: labels(&event, probe),
            known: Labels::new(),
            receiver: receiver.to_owned(),
            probe: probe.to_owned(),
            fingerprint,
            link,
            event,
            now,
        }
    }
}

/// The dashboards' page of an event.
fn link(public_url: &str, event: &Event) -> String {
    let mut id = String::new();
    for octet in event.id.bytes() {
        if octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.' | b'~') {
            id.push(char::from(octet));
        } else {
            id.push_str(&format!("%{octet:02X}"));
        }
    }
    format!("{}/event?v=1&id={id}", public_url.trim_end_matches('/'))
}

/// What tells this alert from others, and what receivers sort alerts by. Kind and severity may change
/// as more is known of an event; all else stays.
fn labels(event: &Event, probe: &str) -> Labels {
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Labels::from([
        label("alertname", "EtiageEvent"),
        label("probe", probe),
        label("event", &event.id),
        label("kind", kind_name(event.kind)),
        label("severity", severity_name(event.severity)),
        label("direction", &event.direction),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_urls_whatever_an_event_is_called() {
        let event = |id: &str| Event { id: id.to_owned(), ..Event::sample(0) };
        let base = "https://etiage.example.net/";
        assert_eq!(link(base, &event("17")), "https://etiage.example.net/event?v=1&id=17");
        assert_eq!(
            link(base, &event("a b/é")),
            "https://etiage.example.net/event?v=1&id=a%20b%2F%C3%A9"
        );
    }
}
