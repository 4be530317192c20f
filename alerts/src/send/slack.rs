//! Slack's incoming webhooks, in the part of their form that Mattermost, Rocket.Chat and others take too:
//! `text`, and one attachment with title, colour and text.

use etiage_detector::Severity;
use serde::Serialize;

use super::SendError;
use super::http::Http;
use crate::Transition;
use crate::message::Message;

#[derive(Debug)]
pub(super) struct Slack {
    http: Http,
    channel: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    text: String,
    attachments: [Attachment<'a>; 1],
}

#[derive(Serialize)]
struct Attachment<'a> {
    color: &'static str,
    fallback: String,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title_link: Option<&'a str>,
    text: String,
    footer: String,
    ts: i64,
}

impl Slack {
    pub(super) const fn new(http: Http, channel: Option<String>) -> Self {
        Self { http, channel }
    }

    pub(super) async fn send(&self, message: &Message) -> Result<String, SendError> {
        let title = escape(&message.words.title);
        let body = Body {
            channel: self.channel.as_deref(),
            text: title.clone(),
            attachments: [Attachment {
                color: color(message),
                fallback: title.clone(),
                title,
                title_link: message.link.as_deref(),
                text: escape(&message.words.text),
                footer: format!("{} · {}", message.probe, message.id),
                ts: message.now,
            }],
        };
        let body = serde_json::to_vec(&body);
        let body = body.map_err(|error| SendError::Refused { reason: error.to_string() })?;
        self.http.post(body, &[]).await
    }
}

fn color(message: &Message) -> &'static str {
    match (message.transition, message.event.severity) {
        (Transition::Resolved, _) => "good",
        (_, Severity::Critical) => "danger",
        (_, Severity::Warning) => "warning",
        (_, Severity::Info) => "#439FE0",
    }
}

/// The three characters that have a meaning of their own there.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_an_event_calls_everybody() {
        assert_eq!(escape("<!channel> a & b"), "&lt;!channel&gt; a &amp; b");
    }
}
