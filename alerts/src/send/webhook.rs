//! A webhook in the shape of Alertmanager's, version 4, with what Etiage knows more under `etiage`; signed as
//! Standard Webhooks are (<https://www.standardwebhooks.com>), for which there are libraries.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderName;
use ring::hmac;
use serde::Serialize;

use super::SendError;
use super::http::Http;
use crate::message::Message;
use crate::queue::Labels;
use crate::template::moment;
use crate::{Event, Secret, Transition};

/// A key of this many octets cannot be guessed.
const MIN_KEY: usize = 16;
/// What marks a key in base64.
const PREFIX: &str = "whsec_";

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

#[derive(Debug)]
pub(super) struct Webhook {
    http: Http,
    key: Option<hmac::Key>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    version: &'static str,
    group_key: String,
    truncated_alerts: u32,
    status: &'static str,
    receiver: &'a str,
    group_labels: Labels,
    common_labels: &'a Labels,
    common_annotations: Annotations<'a>,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    alerts: [Alert<'a>; 1],
    etiage: Etiage<'a>,
}

#[derive(Serialize)]
struct Annotations<'a> {
    summary: &'a str,
    description: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    status: &'static str,
    labels: &'a Labels,
    annotations: Annotations<'a>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: &'a str,
    fingerprint: &'a str,
}

#[derive(Serialize)]
struct Etiage<'a> {
    transition: Transition,
    event: &'a Event,
}

impl Webhook {
    pub(super) fn new(http: Http, secret: Option<&Secret>) -> Result<Self, String> {
        let key = secret.map(key).transpose()?;
        Ok(Self { http, key })
    }

    pub(super) async fn send(&self, message: &Message) -> Result<String, SendError> {
        let body = serde_json::to_vec(&body(message));
        let body = body.map_err(|error| SendError::Refused { reason: error.to_string() })?;
        let mut headers = vec![(ID, message.id.clone()), (TIMESTAMP, message.now.to_string())];
        if let Some(key) = &self.key {
            headers.push((SIGNATURE, sign(key, &message.id, message.now, &body)));
        }
        self.http.post(body, &headers).await
    }
}

/// The key in a secret: as it is, or in base64 after `whsec_`.
fn key(secret: &Secret) -> Result<hmac::Key, String> {
    let text = secret.reveal();
    let octets = match text.strip_prefix(PREFIX) {
        Some(encoded) => STANDARD
            .decode(encoded)
            .map_err(|_| format!("`secret`: what follows {PREFIX} is not base64"))?,
        None => text.as_bytes().to_vec(),
    };
    if octets.len() < MIN_KEY {
        let advice = "`openssl rand -hex 32` makes a good one";
        return Err(format!("`secret` must have at least {MIN_KEY} octets: {advice}"));
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &octets))
}

fn sign(key: &hmac::Key, id: &str, now: i64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{id}.{now}.").as_bytes());
    context.update(body);
    format!("v1,{}", STANDARD.encode(context.sign().as_ref()))
}

fn body(message: &Message) -> Body<'_> {
    let Message { event, words, labels, .. } = message;
    let over = message.transition == Transition::Resolved;
    let status = if over { "resolved" } else { "firing" };
    let annotations = || Annotations { summary: &words.title, description: &words.text };
    let grouped = ["alertname", "probe", "event"];
    let group_labels = labels.iter().filter(|(name, _)| grouped.contains(&name.as_str()));
    let link = message.link.as_deref().unwrap_or_default();
    Body {
        version: "4",
        group_key: format!("{{}}:{{fingerprint=\"{}\"}}", message.fingerprint),
        truncated_alerts: 0,
        status,
        receiver: &message.receiver,
        group_labels: group_labels.map(|(name, value)| (name.clone(), value.clone())).collect(),
        common_labels: labels,
        common_annotations: annotations(),
        external_url: link,
        alerts: [Alert {
            status,
            labels,
            annotations: annotations(),
            starts_at: moment(event.onset),
            // As Alertmanager says that something is not over.
            ends_at: match event.ended.filter(|_| over) {
                Some(ended) => moment(ended),
                None if over => moment(message.now),
                None => "0001-01-01T00:00:00Z".to_owned(),
            },
            generator_url: link,
            fingerprint: &message.fingerprint,
        }],
        etiage: Etiage { transition: message.transition, event },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_standard() {
        // The example that implementations of Standard Webhooks are tested with.
        let key = key(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
        let signature =
            sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn weak_or_broken_keys_are_refused_without_being_said() {
        for secret in ["", "short", "whsec_AAAA", "whsec_not base64 at all!"] {
            let error = key(&Secret::new(secret)).unwrap_err();
            assert!(secret.is_empty() || !error.contains(secret), "{error}");
        }
        assert!(key(&Secret::new("0123456789abcdef")).is_ok());
    }
}
