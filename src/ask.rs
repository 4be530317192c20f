//! Asking the API from the command line: of the appliance that runs, or of one without capture that is
//! started for the question.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, Response, StatusCode, header, request};
use etiage_aggregator::Live;
use etiage_api::{Access, AllowedHosts, ApiState};
use etiage_classifier::Knowledge;
use etiage_store::embedded::Engine;
use etiage_store::{Writer, WriterSettings};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tower::ServiceExt;

use crate::appliance;
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::networks;
use crate::serving;

/// How long the appliance may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// Most octets of an answer that is read as a whole.
const MAX_ANSWER: usize = 64 << 20;

/// Where questions go.
pub(crate) enum Api {
    /// To the appliance that runs.
    Running(Running),
    /// To an API of our own, in this process.
    Own { router: Router, engine: Option<Box<Engine>> },
}

/// The appliance that runs.
pub(crate) struct Running {
    address: SocketAddr,
    token: Option<String>,
    /// What it proves by who it is, where it speaks TLS.
    certificate: Option<PathBuf>,
}

impl Api {
    /// The running appliance's, if the embedded engine is in its hands; else one of our own on the
    /// configured store.
    pub(crate) async fn open(config: &Config) -> Result<Self, Failure> {
        let running = match config.store {
            config::Store::Embedded { .. } => {
                let connection = TcpStream::connect(config.api.listen);
                matches!(tokio::time::timeout(CONNECT, connection).await, Ok(Ok(_)))
            }
            config::Store::Server(_) => false,
        };
        if running {
            let token = config.api.token.clone();
            let certificate = config.api.tls.as_ref().map(|files| files.certificate.clone());
            return Ok(Self::Running(Running { address: config.api.listen, token, certificate }));
        }
        let (store, store_kind, engine) = appliance::open_store(&config.store).await?;
        let (writer, _) = Writer::spawn(store.clone(), WriterSettings::default());
        let state = ApiState::start(etiage_api::Settings {
            networks: networks::load(config)?,
            // Nobody else can ask it.
            token: None,
            access: Access::default(),
            hosts: AllowedHosts::any(),
            ..serving::api_settings(
                config,
                (store, store_kind),
                writer,
                Arc::new(Live::new(config.link_names())),
                Arc::new(Knowledge::with_capacity(1)),
            )?
        });
        Ok(Self::Own { router: etiage_api::router(state), engine: engine.map(Box::new) })
    }

    /// Asks; whatever is not answered with success is the failure that the API says.
    pub(crate) async fn get(&self, path: &str) -> Result<Response<Body>, Failure> {
        self.ask(Request::get(path)).await
    }

    /// Asks for something to be done.
    pub(crate) async fn post(&self, path: &str) -> Result<(), Failure> {
        self.ask(Request::post(path)).await.map(drop)
    }

    /// Where the appliance runs that answers; `None` if what answers was started for the question.
    pub(crate) fn is_running_appliance(&self) -> Option<SocketAddr> {
        match self {
            Self::Running(running) => Some(running.address),
            Self::Own { .. } => None,
        }
    }

    async fn ask(&self, request: request::Builder) -> Result<Response<Body>, Failure> {
        let response = match self {
            Self::Running(running) => running.ask(request).await?,
            Self::Own { router, .. } => {
                let request = request.body(Body::empty()).context("the question")?;
                router.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
            }
        };
        match response.status() {
            status if status.is_success() => Ok(response),
            status => Err(problem(status, &whole(response).await?)),
        }
    }

    /// Asks for JSON.
    pub(crate) async fn json(&self, path: &str) -> Result<serde_json::Value, Failure> {
        let body = whole(self.get(path).await?).await?;
        Ok(serde_json::from_slice(&body).context("the API's answer is no JSON")?)
    }

    /// Ends what was started for the question.
    pub(crate) async fn close(self) {
        if let Self::Own { engine: Some(engine), .. } = self {
            engine.stop().await;
        }
    }
}

impl Running {
    async fn ask(&self, request: request::Builder) -> Result<Response<Body>, Failure> {
        let address = self.address;
        let what = || format!("cannot ask the API at {address}");
        let stream = TcpStream::connect(address).await.with_context(what)?;
        let mut sender = match &self.certificate {
            None => speak(stream).await.with_context(what)?,
            Some(certificate) => {
                let stream = etiage_api::connect_pinned(stream, certificate).await;
                speak(stream.with_context(what)?).await.with_context(what)?
            }
        };
        let mut request = request.header(header::HOST, address.to_string());
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Body::empty()).context("the question")?;
        Ok(sender.send_request(request).await.with_context(what)?.map(Body::new))
    }
}

/// Speaks HTTP over a connection.
async fn speak<S>(stream: S) -> hyper::Result<SendRequest<Body>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // Its error is the answer's too.
        let _ = connection.await;
    });
    Ok(sender)
}

async fn whole(response: Response<Body>) -> Result<Bytes, Failure> {
    let body = to_bytes(response.into_body(), MAX_ANSWER).await;
    Ok(body.map_err(|error| anyhow!("the API's answer broke off: {error}"))?)
}

/// What the API says was wrong, in its own words.
fn problem(status: StatusCode, body: &[u8]) -> Failure {
    let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = problem.get("detail").and_then(serde_json::Value::as_str);
    let detail = detail.unwrap_or("this is not the API of etiage; see [api] listen");
    match status {
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => {
            Failure::Unusable(format!("etiage: {detail}"))
        }
        _ => Failure::Failed(anyhow!("the API answers {status}: {detail}")),
    }
}

/// A name or a value as a part of a URL (RFC 3986, section 2).
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_leaves_its_value() {
        assert_eq!(escaped("transit-1/a b&c=d+e"), "transit-1%2Fa%20b%26c%3Dd%2Be");
        assert_eq!(escaped("é"), "%C3%A9");
    }
}
