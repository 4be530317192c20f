//! ClickHouse's HTTP interface, as far as the `clickhouse` crate and curl need it.
//!
//! `GET /ping`; `GET` and `POST /` with `query`, `database`, `default_format`, `param_*` and settings
//! in the URL; the body is the query, its continuation, an insert's data, or a multipart form with
//! the query and its parameters. Errors carry ClickHouse's own code and text.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::StreamExt;
use tokio::sync::{mpsc, oneshot};

use crate::auth::Credentials;
use crate::engine::{Answer, Chunk, Job, Session};
use crate::lanes::{Asking, Lane, Lanes};
use crate::{refused, statement};

/// Longest query text. ClickHouse's own default is 256 KiB; a filter with thousands of values fits.
const MAX_QUERY: usize = 4 << 20;
/// Pieces of an insert's body that may wait for the engine: with the usual 256 KiB a few megabytes.
const INSERT_WINDOW: usize = 8;
/// An insert whose sender is silent for this long is given up, so that it does not hold a thread.
const INSERT_PATIENCE: Duration = Duration::from_secs(60);
/// How much of a refused insert is still read, so that its sender gets to read the answer.
const DRAIN: usize = 64 << 20;
/// Statements end after this time unless the request sets its own `max_execution_time`.
const MAX_EXECUTION_SECS: &str = "120";

/// URL parameters of ClickHouse's interface that are neither settings nor needed here.
const IGNORED: [&str; 8] = [
    "query_id",
    "session_id",
    "session_check",
    "session_timeout",
    "wait_end_of_query",
    "buffer_size",
    "client_protocol_version",
    "quota_key",
];

/// What the handlers share.
pub(crate) struct Service {
    /// The queues of the engine.
    pub lanes: Lanes,
    /// Who may ask.
    pub credentials: Credentials,
    /// Largest result, in bytes.
    pub max_result: usize,
}

/// The interface; needs no socket.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/ping", get(|| async { "Ok.\n" }))
        .route("/", get(handle).post(handle))
        .layer(DefaultBodyLimit::max(MAX_QUERY))
        .with_state(service)
}

/// An error as ClickHouse words it: `Code: 60. DB::Exception: ... (UNKNOWN_TABLE)`.
#[derive(Debug)]
struct Exception {
    status: StatusCode,
    text: String,
}

impl Exception {
    fn new(status: StatusCode, code: u32, text: &str) -> Self {
        Self { status, text: format!("Code: {code}. DB::Exception: {text}") }
    }

    fn bad_request(text: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 36, &format!("{text} (BAD_ARGUMENTS)"))
    }

    fn stopping() -> Self {
        let text = "The engine is stopping. (ABORTED)";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, 236, text)
    }

    /// From the engine's text: the status that ClickHouse's server gives to the code.
    fn of_engine(text: String) -> Self {
        let status = match code_of(&text) {
            Some(60 | 81 | 46 | 47 | 50 | 115 | 16) => StatusCode::NOT_FOUND,
            Some(6 | 26 | 27 | 36 | 38 | 41 | 53 | 62 | 72 | 117 | 130 | 386 | 456 | 457) => {
                StatusCode::BAD_REQUEST
            }
            Some(48) => StatusCode::NOT_IMPLEMENTED,
            Some(164 | 497) => StatusCode::FORBIDDEN,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, text }
    }
}

fn code_of(text: &str) -> Option<u32> {
    text.strip_prefix("Code: ")?.split_once('.')?.0.parse().ok()
}

impl IntoResponse for Exception {
    fn into_response(self) -> Response {
        let code = code_of(&self.text).unwrap_or(1001); // 1001: STD_EXCEPTION
        let mut response = (self.status, self.text + "\n").into_response();
        response.headers_mut().insert("x-clickhouse-exception-code", HeaderValue::from(code));
        if self.status == StatusCode::UNAUTHORIZED {
            let value = HeaderValue::from_static("Basic realm=\"etiage-clickhouse\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }
}

/// The URL's parameters, sorted by what they are.
#[derive(Default)]
struct Parameters {
    query: String,
    format: Option<String>,
    session: Session,
}

impl Parameters {
    fn parse(pairs: Vec<(String, String)>, headers: &HeaderMap) -> Result<Self, Exception> {
        let mut this = Self::default();
        for (name, value) in pairs {
            this.take(name, value)?;
        }
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(database) = header("x-clickhouse-database") {
            this.session.database.get_or_insert_with(|| database.to_owned());
        }
        if let Some(format) = header("x-clickhouse-format") {
            this.format.get_or_insert_with(|| format.to_owned());
        }
        Ok(this)
    }

    fn take(&mut self, name: String, value: String) -> Result<(), Exception> {
        match name.as_str() {
            "query" => self.query = value,
            "database" => self.session.database = Some(value),
            "default_format" => self.format = Some(value),
            "compress" | "decompress" | "enable_http_compression" if value != "0" => {
                let text = format!("{name} is not supported: turn compression off");
                return Err(Exception::bad_request(&text));
            }
            "compress" | "decompress" | "enable_http_compression" => {}
            ignored if IGNORED.contains(&ignored) => {}
            "etiage_epoch" => self.session.epoch = value.parse().ok(),
            _ if !statement::is_identifier(&name) => {
                return Err(Exception::bad_request(&format!("{name:?} is not a setting's name")));
            }
            _ => match name.strip_prefix("param_") {
                Some(parameter) => self.session.parameters.push((parameter.to_owned(), value)),
                None => self.session.settings.push((name, value)),
            },
        }
        Ok(())
    }

    fn has_setting(&self, name: &str) -> bool {
        self.session.settings.iter().any(|(setting, _)| setting == name)
    }
}

async fn handle(State(service): State<Arc<Service>>, request: Request) -> Response {
    if !service.credentials.admit(request.headers()) {
        let text = "Authentication failed: wrong user or password. (AUTHENTICATION_FAILED)";
        return Exception::new(StatusCode::UNAUTHORIZED, 516, text).into_response();
    }
    answer(&service, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(service: &Service, request: Request) -> Result<Response, Exception> {
    let Query(pairs) = Query::try_from_uri(request.uri())
        .map_err(|error| Exception::bad_request(&error.to_string()))?;
    let mut parameters = Parameters::parse(pairs, request.headers())?;
    let lane = Lane::of(request.headers())
        .ok_or_else(|| Exception::bad_request("no such lane: writer, life, or none"))?;
    let given = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    parameters.session.settings.splice(0..0, lane.settings().iter().map(given));
    if request.method() != Method::POST {
        // As the server has it: GET may read and choose settings, and change nothing.
        parameters.session.settings.push(("readonly".to_owned(), "2".to_owned()));
    }
    if request.method() == Method::POST && statement::is_insert(&parameters.query) {
        return insert(service, lane, parameters, request).await;
    }
    if is_multipart(request.headers()) {
        form(&mut parameters, request).await?;
    } else {
        let text = String::from_request(request, &()).await.map_err(|rejection| Exception {
            status: rejection.status(),
            text: rejection.body_text(),
        })?;
        if !parameters.query.is_empty() && !text.is_empty() {
            parameters.query.push('\n');
        }
        parameters.query.push_str(&text);
    }
    query(service, lane, parameters).await
}

fn is_multipart(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"multipart/form-data"))
}

/// Reads `query` and `param_*` out of a multipart body.
async fn form(parameters: &mut Parameters, request: Request) -> Result<(), Exception> {
    let refuse = |error: String| Exception::bad_request(&error);
    let mut form =
        Multipart::from_request(request, &()).await.map_err(|error| refuse(error.body_text()))?;
    while let Some(field) = form.next_field().await.map_err(|error| refuse(error.body_text()))? {
        let name = field.name().unwrap_or_default().to_owned();
        let value = field.text().await.map_err(|error| refuse(error.body_text()))?;
        match name.as_str() {
            "query" => parameters.query.push_str(&value),
            name if name.starts_with("param_") => parameters.take(name.to_owned(), value)?,
            _ => return Err(refuse(format!("unexpected form field {name:?}"))),
        }
    }
    Ok(())
}

/// Refuses what reaches outside the database.
fn inside(sql: &str) -> Result<(), Exception> {
    match refused::outside(sql) {
        None => Ok(()),
        Some(word) => {
            let text = format!("{word} reaches outside the database. (ACCESS_DENIED)");
            Err(Exception::new(StatusCode::FORBIDDEN, 497, &text))
        }
    }
}

async fn query(
    service: &Service,
    lane: Lane,
    mut parameters: Parameters,
) -> Result<Response, Exception> {
    inside(&parameters.query)?;
    if parameters.query.trim().is_empty() {
        return Err(Exception::new(StatusCode::BAD_REQUEST, 62, "Empty query (SYNTAX_ERROR)"));
    }
    let max_result = service.max_result.to_string();
    for (name, value) in
        [("max_execution_time", MAX_EXECUTION_SECS), ("max_result_bytes", &max_result)]
    {
        if !parameters.has_setting(name) {
            parameters.session.settings.insert(0, (name.to_owned(), value.to_owned()));
        }
    }
    let format = parameters.format.unwrap_or_else(|| "TabSeparated".to_owned());
    let (sender, receiver) = oneshot::channel();
    let (sql, mut session) = (parameters.query, parameters.session);
    // What is written is not cancelled half way, whoever has gone.
    let asking = (lane == Lane::Questions).then(|| Asking::new(&service.lanes));
    let label = asking.as_ref().map(Asking::label);
    session.settings.extend(label.iter().map(|l| ("log_comment".to_owned(), l.text.clone())));
    let answer = sender;
    enqueue(service, lane, Job::Query { session, sql, format: format.clone(), label, answer })?;
    let result = receive(receiver).await;
    if let Some(asking) = asking {
        asking.answered();
    }
    let result = result?;
    if result.len() > service.max_result {
        let text = format!(
            "The result has {} bytes, more than the {} that are allowed: ask for less. \
             (TOO_MANY_ROWS_OR_BYTES)",
            result.len(),
            service.max_result
        );
        return Err(Exception::new(StatusCode::INTERNAL_SERVER_ERROR, 396, &text));
    }
    let mut response = result.into_response();
    if let Ok(format) = HeaderValue::from_str(&format) {
        response.headers_mut().insert("x-clickhouse-format", format);
    }
    Ok(response)
}

/// An INSERT in the URL: its data streams through a small window into the engine.
async fn insert(
    service: &Service,
    lane: Lane,
    parameters: Parameters,
    request: Request,
) -> Result<Response, Exception> {
    inside(&parameters.query)?;
    let mut body = request.into_body().into_data_stream();
    let first = next_chunk(&mut body).await?;
    let (sql, format) = statement::split_format(&parameters.query);
    let (sql, format) = (sql.to_owned(), format.map(str::to_owned));
    let Some(first) = first else {
        // No data: INSERT ... SELECT, or the values are in the URL.
        return query(service, lane, parameters).await;
    };
    let format = format.or(parameters.format).unwrap_or_else(|| "TabSeparated".to_owned());
    let (sender, receiver) = oneshot::channel();
    let (data, window) = mpsc::channel(INSERT_WINDOW);
    let session = parameters.session;
    enqueue(service, lane, Job::Insert { session, sql, format, data: window, answer: sender })?;
    let mut next = Some(first);
    while let Some(chunk) = next {
        if data.send(Chunk::Data(chunk)).await.is_err() {
            break; // The engine has refused the data; it says why below.
        }
        next = next_chunk(&mut body).await?;
    }
    drop(data.send(Chunk::End).await);
    let answer = receive(receiver).await;
    if answer.is_err() {
        drain(&mut body).await;
    }
    answer.map(|_| StatusCode::OK.into_response())
}

type BodyStream = axum::body::BodyDataStream;

/// The next piece that is not empty, `None` at the end.
async fn next_chunk(body: &mut BodyStream) -> Result<Option<Bytes>, Exception> {
    loop {
        match tokio::time::timeout(INSERT_PATIENCE, body.next()).await {
            Ok(Some(Ok(chunk))) if chunk.is_empty() => {}
            Ok(Some(Ok(chunk))) => return Ok(Some(chunk)),
            Ok(None) => return Ok(None),
            Ok(Some(Err(error))) => return Err(Exception::bad_request(&error.to_string())),
            Err(_) => {
                let text = "No data for a minute: insert given up. (TIMEOUT_EXCEEDED)";
                return Err(Exception::new(StatusCode::REQUEST_TIMEOUT, 159, text));
            }
        }
    }
}

async fn drain(body: &mut BodyStream) {
    let mut left = DRAIN;
    while let Ok(Some(chunk)) = next_chunk(body).await {
        left = left.saturating_sub(chunk.len());
        if left == 0 {
            return;
        }
    }
}

fn enqueue(service: &Service, lane: Lane, job: Job) -> Result<(), Exception> {
    service.lanes.send(lane, job).map_err(|error| match error {
        mpsc::error::TrySendError::Full(_) => {
            let text = "Too many requests are waiting: try again. (TOO_MANY_SIMULTANEOUS_QUERIES)";
            Exception::new(StatusCode::SERVICE_UNAVAILABLE, 202, text)
        }
        mpsc::error::TrySendError::Closed(_) => Exception::stopping(),
    })
}

async fn receive(receiver: oneshot::Receiver<Answer>) -> Result<Vec<u8>, Exception> {
    match receiver.await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(text)) => Err(Exception::of_engine(text)),
        Err(_) => Err(Exception::stopping()),
    }
}
