//! How each kind of receiver is spoken to.

mod alertmanager;
mod email;
mod http;
mod slack;
mod syslog;
mod webhook;

use std::time::Duration;

use crate::message::Message;
use crate::{Receiver, Target};

/// Why a receiver has not taken a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SendError {
    /// It may take it later; `after` is when it asks for.
    Again { reason: String, after: Option<Duration> },
    /// It will never take this one.
    Refused { reason: String },
}

impl SendError {
    pub(crate) fn again(reason: impl Into<String>) -> Self {
        Self::Again { reason: reason.into(), after: None }
    }

    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Again { reason, .. } | Self::Refused { reason } => reason,
        }
    }
}

/// Speaks to one receiver.
#[derive(Debug)]
pub(crate) struct Sender {
    way: Way,
    timeout: Duration,
}

#[derive(Debug)]
enum Way {
    Alertmanager(alertmanager::Alertmanager),
    Webhook(webhook::Webhook),
    Slack(slack::Slack),
    Syslog(syslog::Syslog),
    Email(email::Email),
}

impl Sender {
    /// Sets up what is needed; nothing is sent.
    pub(crate) fn new(receiver: &Receiver) -> Result<Self, String> {
        let timeout = receiver.timeout;
        let way = match &receiver.target {
            Target::Alertmanager { http, repeat } => {
                let http = http::Http::new(&http.joined("/api/v2/alerts"))?;
                Way::Alertmanager(alertmanager::Alertmanager::new(http, *repeat))
            }
            Target::Webhook { http, secret } => {
                let http = http::Http::new(http)?;
                Way::Webhook(webhook::Webhook::new(http, secret.as_ref())?)
            }
            Target::Slack { http, channel } => {
                Way::Slack(slack::Slack::new(http::Http::new(http)?, channel.clone()))
            }
            Target::Syslog(target) => Way::Syslog(syslog::Syslog::new(target.clone())),
            Target::Email(target) => Way::Email(email::Email::new(target, timeout)?),
        };
        Ok(Self { way, timeout })
    }

    /// Sends a message, and waits for the answer, which is returned.
    pub(crate) async fn send(&self, message: &Message) -> Result<String, SendError> {
        let sending = async {
            match &self.way {
                Way::Alertmanager(way) => way.send(message).await,
                Way::Webhook(way) => way.send(message).await,
                Way::Slack(way) => way.send(message).await,
                Way::Syslog(way) => way.send(message).await,
                Way::Email(way) => way.send(message).await,
            }
        };
        self.in_time(sending).await
    }

    /// Says again what fires, to receivers that want it.
    pub(crate) async fn repeat(&self, messages: &[Message]) -> Result<String, SendError> {
        match &self.way {
            Way::Alertmanager(way) => self.in_time(way.repeat(messages)).await,
            _ => Ok(String::new()),
        }
    }

    async fn in_time(
        &self,
        sending: impl Future<Output = Result<String, SendError>>,
    ) -> Result<String, SendError> {
        let late = |_| SendError::again(format!("no answer within {:?}", self.timeout));
        tokio::time::timeout(self.timeout, sending).await.map_err(late)?
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !text.contains(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        cause = error.source();
    }
    text
}
