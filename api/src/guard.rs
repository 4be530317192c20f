//! What stands before every handler: limits, the Host check, who asks; and the headers of answers.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::access::{Caller, Origin, Peer, Share, Way, same_origin};
use crate::identity::identify;
use crate::problem::ApiError;
use crate::questions::{Question, Queue};
use crate::state::ApiState;

/// Longest URL: filters with a few hundred values fit.
const MAX_URL: usize = 8 * 1024;
/// No request here has a use for a larger body.
pub(crate) const MAX_BODY: u64 = 16 * 1024;
/// How long a handler may take, the store's query included: longer than the store lets one take, so that
/// the database does not work on for nobody.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Limits and the Host check, before anything is looked at.
pub(crate) async fn admit(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let uri = request.uri();
    let url = uri.path().len() + uri.query().map_or(0, str::len);
    if url > MAX_URL {
        return Err(ApiError::UrlTooLong { limit: MAX_URL });
    }
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MAX_BODY) {
        return Err(ApiError::BodyTooLarge { limit: MAX_BODY });
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(|authority| authority.as_str())).unwrap_or("");
    if !state.settings().hosts.allows(host) {
        return Err(ApiError::WrongHost(host.to_owned()));
    }
    let peer = request.extensions().get::<Peer>().copied();
    let origin = Origin::of(state.settings().access.proxy.as_ref(), request.headers(), peer);
    request.extensions_mut().insert(origin);
    tokio::time::timeout(TIME_LIMIT, next.run(request))
        .await
        .map_err(|_| ApiError::Timeout { secs: TIME_LIMIT.as_secs() })
}

/// Who asks, where anything is configured that tells; it goes with the request. What changes something must not
/// come from another site.
pub(crate) async fn authorize(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let origin = request.extensions().get::<Origin>().copied().ok_or(ApiError::Unauthorized)?;
    let caller = identify(&state, request.headers(), origin)?;
    if !request.method().is_safe() {
        same_origin(request.headers(), caller.via)?;
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Answers by way of the queue; what asks the same as another question under way gets its answer.
pub(crate) async fn ask(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let Some(caller) = request.extensions().get::<Caller>() else {
        return ApiError::Unauthorized.into_response();
    };
    let share = caller.share.clone();
    match Question::of(&request, caller.role) {
        Some(question) => {
            let queue = state.questions().clone();
            let answer = in_turn(queue, share, request, next);
            state.flights().join(question, answer).await
        }
        None => in_turn(state.questions().clone(), share, request, next).await,
    }
}

async fn in_turn(queue: Queue, share: Share, request: Request, next: Next) -> Response {
    match queue.enter(share).await {
        // Held until the answer's head is there: what comes as a file has bounds of its own.
        Ok(_place) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Nothing but this server's own scripts, styles, images and data. Elements may have styles of their own, as those
/// that ECharts makes; sheets within pages may not be.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; \
     img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; \
     base-uri 'none'; form-action 'self'",
);
/// The same for the API's documentation: Swagger UI adds sheets to its page.
const POLICY_OF_SWAGGER: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; \
     base-uri 'none'; form-action 'self'",
);

/// Browsers ask by TLS alone for a year, once they have done so.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds the security headers to every answer, and forbids to keep what says nothing about keeping.
pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let policy = match request.uri().path().starts_with("/api/docs") {
        true => POLICY_OF_SWAGGER,
        false => CONTENT_SECURITY_POLICY,
    };
    let tls = request.extensions().get::<Peer>().is_some_and(|peer| peer.way == Way::Tls);
    let mut response = next.run(request).await.into_response();
    let headers = response.headers_mut();
    let mut default = |name: HeaderName, value: HeaderValue| {
        headers.entry(name).or_insert(value);
    };
    default(header::CONTENT_SECURITY_POLICY, policy);
    default(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    default(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    default(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    default(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
    default(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if tls {
        default(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}
