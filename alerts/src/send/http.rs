//! A POST, and what the answer means.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Proxy, StatusCode, redirect};

use super::{SendError, chain};
use crate::receiver::{Authorization, HttpTarget};

/// Octets of an answer that are read: what it complains of stands at the beginning.
const MAX_ANSWER: usize = 1_024;
/// Characters of it that are told.
const TOLD: usize = 200;
/// Connections that nobody uses are closed before most servers do it.
const IDLE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    target: HttpTarget,
}

impl Http {
    pub(super) fn new(target: &HttpTarget) -> Result<Self, String> {
        // The first one to come decides for the process; all would decide the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("etiage/", env!("CARGO_PKG_VERSION")))
            // What is sent is meant for this server alone, and signed for it.
            .redirect(redirect::Policy::none())
            .pool_idle_timeout(IDLE);
        builder = match &target.proxy {
            // The environment's proxies were meant for others.
            None => builder.no_proxy(),
            Some(proxy) => {
                let proxy =
                    Proxy::all(proxy).map_err(|error| format!("`proxy`: {}", chain(&error)))?;
                builder.no_proxy().proxy(proxy)
            }
        };
        if let Some(path) = &target.ca_file {
            let pem = std::fs::read(path)
                .map_err(|error| format!("`ca_file`: cannot read {}: {error}", path.display()))?;
            let certificates = Certificate::from_pem_bundle(&pem)
                .map_err(|error| format!("`ca_file`: {}: {}", path.display(), chain(&error)))?;
            if certificates.is_empty() {
                return Err(format!("`ca_file`: {} holds no certificate", path.display()));
            }
            builder = builder.tls_certs_merge(certificates);
        } else if target.url().scheme() == "http" {
            // A machine without roots of trust can speak to its own network.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| chain(&error))?;
        Ok(Self { client, target: target.clone() })
    }

    /// Posts JSON; returns the answer's status.
    pub(super) async fn post(
        &self,
        body: Vec<u8>,
        headers: &[(HeaderName, String)],
    ) -> Result<String, SendError> {
        let mut request = self
            .client
            .post(self.target.url().clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request = match &self.target.authorization {
            None => request,
            Some(Authorization::Basic { user, password }) => {
                request.basic_auth(user, Some(password.reveal()))
            }
            Some(Authorization::Bearer(token)) => request.bearer_auth(token.reveal()),
        };
        // The URL may be a secret.
        let failed = |error: reqwest::Error| SendError::again(chain(&error.without_url()));
        let mut answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        if status.is_success() {
            // Read to its end, so that the connection can be used again; but not for long.
            while let Ok(Some(_)) = answer.chunk().await {}
            return Ok(status.to_string());
        }
        let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let after = after.and_then(|after| after.parse().ok()).map(Duration::from_secs);
        let mut text = Vec::new();
        while text.len() < MAX_ANSWER
            && let Ok(Some(chunk)) = answer.chunk().await
        {
            text.extend_from_slice(&chunk);
        }
        let reason = self.reason(status, &text);
        Err(match status {
            // It understood, and does not want this. Whatever else is wrong can be put right at its end.
            StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY => SendError::Refused { reason },
            _ => SendError::Again { reason, after },
        })
    }

    fn reason(&self, status: StatusCode, answer: &[u8]) -> String {
        if status.is_redirection() {
            return format!(
                "it answered {status}: redirections are not followed, set the final URL"
            );
        }
        let text = String::from_utf8_lossy(answer);
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut text: String = words.join(" ").chars().take(TOLD).collect();
        text = match &self.target.authorization {
            None => text,
            Some(Authorization::Basic { password, .. }) => password.redact(&text),
            Some(Authorization::Bearer(token)) => token.redact(&text),
        };
        let url = self.target.url();
        if url.path().len() > 1 {
            text = text.replace(url.path(), "…");
        }
        let separator = if text.is_empty() { "" } else { ": " };
        format!("it answered {status}{separator}{text}")
    }
}
