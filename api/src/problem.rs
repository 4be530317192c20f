//! The one error of the API: problem details for HTTP APIs (RFC 9457).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::quiet;

/// Seconds after which a client may try again when the store is down or streams are exhausted.
const RETRY_AFTER_SECS: HeaderValue = HeaderValue::from_static("5");
/// The same when the store itself says that it is busy.
const STORE_BUSY_SECS: u64 = 2;

/// What is wrong with one parameter of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ParameterError {
    /// The parameter's name.
    #[schema(example = "step")]
    pub parameter: String,
    /// What is wrong with it, and what would be right.
    #[schema(example = "`7s` is not a multiple of 10 seconds")]
    pub detail: String,
    /// Of a filter: where it is wrong.
    #[serde(flatten)]
    pub place: Option<Place>,
}

/// Where a text is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Place {
    /// Where it begins, in UTF-16 code units: what JavaScript counts strings in.
    #[schema(example = 7)]
    pub offset: usize,
    /// How long it is, in UTF-16 code units.
    #[schema(example = 3)]
    pub length: usize,
    /// What could stand there.
    #[schema(example = json!(["link", "category"]))]
    pub expected: Vec<String>,
}

impl ParameterError {
    /// Of a parameter as a whole.
    pub fn new(parameter: impl Into<String>, detail: String) -> Self {
        Self { parameter: parameter.into(), detail, place: None }
    }
}

/// An error answer, `application/problem+json` (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    kind: &'static str,
    /// The status in words.
    #[schema(example = "Bad Request")]
    title: &'static str,
    /// The HTTP status code.
    #[schema(example = 400)]
    status: u16,
    /// What happened, and what to do.
    #[schema(example = "step: `7s` is not a multiple of 10 seconds")]
    detail: String,
    /// Every parameter that is wrong, where parameters are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ParameterError>,
}

// What many paths answer, for the OpenAPI document alone: nothing makes these.

#[derive(IntoResponses)]
#[response(
    status = 400,
    description = "Wrong parameters: all of them",
    content_type = "application/problem+json"
)]
pub(crate) struct WrongParameters(#[expect(dead_code)] Problem);

#[derive(IntoResponses)]
#[response(
    status = 400,
    description = "An unknown parameter",
    content_type = "application/problem+json"
)]
pub(crate) struct UnknownParameter(#[expect(dead_code)] Problem);

#[derive(IntoResponses)]
#[response(
    status = 403,
    description = "This needs the role operator",
    content_type = "application/problem+json"
)]
pub(crate) struct OperatorsOnly(#[expect(dead_code)] Problem);

#[derive(IntoResponses)]
#[response(
    status = 404,
    description = "There is no such event",
    content_type = "application/problem+json"
)]
pub(crate) struct NoSuchEvent(#[expect(dead_code)] Problem);

#[derive(IntoResponses)]
#[response(
    status = 503,
    description = "The store does not answer, or too much is asked of it",
    content_type = "application/problem+json",
    headers(("Retry-After" = u32, description = "Seconds to wait")),
)]
pub(crate) struct StoreAway(#[expect(dead_code)] Problem);

/// Why a request got no answer. What is inside is logged, and only what helps the client is told.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Parameters that are wrong: all of them.
    #[error("{}", join(.0))]
    Parameters(Vec<ParameterError>),
    /// There is nothing at this path.
    #[error("there is nothing at {0}; /api/docs lists what there is")]
    NotFound(String),
    /// What was asked for is not there.
    #[error("{0}")]
    NoData(String),
    /// The path knows other methods.
    #[error("{0} does not take this method; the Allow header lists those it takes")]
    MethodNotAllowed(String),
    /// No token, or a wrong one.
    #[error(
        "a valid token is needed: send `Authorization: Bearer TOKEN` with the configured token, or log in"
    )]
    Unauthorized,
    /// Too many wrong tokens from one address.
    #[error("too many wrong tokens from this address; try again in {seconds} s")]
    TooManyAttempts {
        /// When a token is looked at again.
        seconds: i64,
    },
    /// Whoever asks may not.
    #[error("{0}")]
    Forbidden(String),
    /// The Host header names a host that this server does not answer for.
    #[error(
        "this server does not answer for the host `{0}`; use the address it listens on, or add the \
         name to the configured host names"
    )]
    WrongHost(String),
    /// The URL is too long.
    #[error("the URL has more than {limit} characters")]
    UrlTooLong {
        /// The longest that is taken.
        limit: usize,
    },
    /// The request has a body that is too large.
    #[error("the request's body has more than {limit} octets; no request here needs that")]
    BodyTooLarge {
        /// The largest that is taken.
        limit: u64,
    },
    /// As many live streams are open as may be.
    #[error("{limit} live streams are open, which is the limit; close one, or try again later")]
    TooManyStreams {
        /// How many may be open.
        limit: usize,
    },
    /// As many questions are with the database, and wait for it, as may.
    #[error("too much is asked of the database at present; try again in {seconds} s")]
    Busy {
        /// When there may be a place.
        seconds: u64,
    },
    /// As many live streams of one session, name or address are open as may be.
    #[error(
        "{limit} live streams of yours are open, which is the limit; close one, or try again later"
    )]
    TooManyOwnStreams {
        /// How many may be open.
        limit: usize,
    },
    /// As many exports run as may.
    #[error("{limit} exports run, which is the limit; try again when one has ended")]
    TooManyExports {
        /// How many may run.
        limit: usize,
    },
    /// The answer was not there in time.
    #[error("no answer within {secs} s; ask for a shorter range or a larger step")]
    Timeout {
        /// How long was waited.
        secs: u64,
    },
    /// The store cannot be reached.
    #[error("the store does not answer at present; counting goes on, try again in a few seconds")]
    StoreDown(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Anything else that failed inside.
    #[error("the request failed inside; the log of etiage says why")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn join(errors: &[ParameterError]) -> String {
    let parts: Vec<String> =
        errors.iter().map(|error| format!("{}: {}", error.parameter, error.detail)).collect();
    parts.join("; ")
}

impl ApiError {
    /// For values that are only missing where an error was noted, and that error was already told.
    pub(crate) fn unresolved() -> Self {
        Self::Internal("a parameter is missing although none was wrong".into())
    }

    /// What the log tells apart of those that are the server's.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "busy",
            Self::StoreDown(_) => "store down",
            Self::Timeout { .. } => "timeout",
            Self::Internal(_) => "internal",
            Self::TooManyExports { .. } => "exports",
            Self::TooManyStreams { .. } | Self::TooManyOwnStreams { .. } => "streams",
            _ => "request",
        }
    }

    /// The HTTP status.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Parameters(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) | Self::NoData(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::WrongHost(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::UrlTooLong { .. } => StatusCode::URI_TOO_LONG,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyStreams { .. }
            | Self::TooManyOwnStreams { .. }
            | Self::TooManyExports { .. }
            | Self::Busy { .. }
            | Self::StoreDown(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error with all its causes, for the log.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl From<etiage_store::Error> for ApiError {
    fn from(error: etiage_store::Error) -> Self {
        use etiage_store::Error;
        match error {
            Error::Unreachable { .. } | Error::Denied { .. } => Self::StoreDown(error.into()),
            Error::Busy { .. } => {
                quiet::warn("store busy", || chain(&error));
                Self::Busy { seconds: STORE_BUSY_SECS }
            }
            // What the store refuses beyond what was checked here; its words name no internals.
            Error::TooManyExports { limit } => Self::TooManyExports { limit },
            Error::BadQuery(detail) => Self::Parameters(vec![ParameterError::new("query", detail)]),
            Error::Backup(_) => {
                let detail = error.to_string();
                Self::Parameters(vec![ParameterError::new("backup", detail)])
            }
            Error::TooSlow { seconds, .. } => Self::Timeout { secs: seconds },
            Error::Query { ref source, .. } if is_busy(source) => {
                quiet::warn("store busy", || chain(&error));
                Self::Busy { seconds: STORE_BUSY_SECS }
            }
            error => Self::Internal(error.into()),
        }
    }
}

/// Whether the database has no memory for a question, or no time: that passes.
fn is_busy(error: &impl std::error::Error) -> bool {
    // 241 MEMORY_LIMIT_EXCEEDED, 745 SERVER_OVERLOADED
    let text = error.to_string();
    ["Code: 241.", "Code: 745."].iter().any(|code| text.contains(code))
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            quiet::warn(self.kind(), || format!("answered {}: {}", status.as_u16(), chain(&self)));
        }
        let detail = self.to_string();
        let retry = self.status() == StatusCode::SERVICE_UNAVAILABLE;
        let wait = match &self {
            Self::TooManyAttempts { seconds } => Some(HeaderValue::from(*seconds)),
            Self::Busy { seconds } => Some(HeaderValue::from(*seconds)),
            _ => None,
        };
        let challenge = matches!(self, Self::Unauthorized);
        let errors = if let Self::Parameters(errors) = self { errors } else { Vec::new() };
        let problem = Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
            errors,
        };
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = wait.or(retry.then_some(RETRY_AFTER_SECS)) {
            headers.insert(header::RETRY_AFTER, wait);
        }
        if challenge {
            let scheme = HeaderValue::from_static("Bearer realm=\"etiage\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn internals_are_hidden() {
        let error = ApiError::Internal("password=hunter2 at 10.0.0.7".into());
        assert!(chain(&error).contains("hunter2"));
        let response = error.into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let body = std::str::from_utf8(&body).unwrap();
        assert!(!body.contains("hunter2") && !body.contains("10.0.0.7"), "{body}");
    }

    #[tokio::test]
    async fn a_problem_has_the_members_of_rfc_9457() {
        let wrong =
            ["from", "to"].map(|parameter| ParameterError::new(parameter, "not a time".to_owned()));
        let response = ApiError::Parameters(wrong.to_vec()).into_response();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["type"], "about:blank");
        assert_eq!(body["title"], "Bad Request");
        assert_eq!(body["status"], 400);
        assert_eq!(body["detail"], "from: not a time; to: not a time");
        assert_eq!(body["errors"][1]["parameter"], "to");
    }
}
