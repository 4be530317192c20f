//! Logging in and out.

use axum::Extension;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body;
use crate::access::{COOKIE, Caller, LONGEST, Origin, Role, Via, cookie, same_origin};
use crate::identity::{check_token, identify};
use crate::params::RawPairs;
use crate::problem::{ApiError, Problem, UnknownParameter};
use crate::state::ApiState;
use crate::timestamps::format_time;

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Who {
    /// Whether anything is asked for: a token, or a proxy's word.
    required: bool,
    /// Whether whoever asks is known.
    authenticated: bool,
    /// Their name: a proxy's word, else that of the role.
    #[schema(example = "operator")]
    name: Option<String>,
    /// What they may do.
    #[schema(inline)]
    role: Option<Role>,
    /// How they are known.
    #[schema(inline)]
    via: Option<Via>,
    /// When their session ends, if nobody uses it, RFC 3339, UTC.
    #[schema(format = DateTime)]
    expires: Option<String>,
    /// How one can be known here: `token`, `proxy`.
    #[schema(example = json!(["token"]))]
    methods: Vec<&'static str>,
}

/// A token, for a session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// The configured token.
    token: String,
}

fn who(state: &ApiState, caller: Option<Caller>) -> Who {
    let settings = state.settings();
    let tokens = settings.token.is_some() || settings.access.viewer_token.is_some();
    let methods = [("token", tokens), ("proxy", settings.access.proxy.is_some())];
    Who {
        required: settings.needs_login(),
        authenticated: caller.is_some(),
        role: caller.as_ref().map(|caller| caller.role),
        via: caller.as_ref().map(|caller| caller.via),
        expires: caller.as_ref().and_then(|caller| caller.expires).map(format_time),
        name: caller.map(|caller| caller.name),
        methods: methods.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect(),
    }
}

/// Who asks, and whether a login is needed.
///
/// Answers everybody: the pages ask it first. A session that is asked for here is used, and lasts longer.
#[utoipa::path(
    get,
    path = "/api/v1/session",
    tag = "configuration",
    responses(
        (status = 200, description = "Who asks", body = Who),
        UnknownParameter,
        (status = 429, description = "A wrong token, after too many from this address", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(crate) async fn session(
    State(state): State<ApiState>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    RawPairs(pairs): RawPairs,
) -> Result<Json<Who>, ApiError> {
    pairs.finish()?;
    let caller = match identify(&state, &headers, origin) {
        Ok(caller) => Some(caller),
        Err(ApiError::Unauthorized) => None,
        Err(error) => return Err(error),
    };
    Ok(Json(who(&state, caller)))
}

/// Logs in: a token for a session's cookie.
///
/// The cookie cannot be read by scripts nor sent by other sites. The session ends after 12 hours in which nobody
/// uses it, after 30 days at the latest, and when the program ends.
#[utoipa::path(
    post,
    path = "/api/v1/session",
    tag = "configuration",
    request_body = Login,
    responses(
        (status = 200, description = "Who that is; the cookie is set", body = Who),
        (status = 400, description = "The body is not what it should be", body = Problem,
         content_type = "application/problem+json"),
        (status = 401, description = "A wrong token", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "Asked by another site", body = Problem,
         content_type = "application/problem+json"),
        (status = 429, description = "A wrong token, after too many from this address", body = Problem,
         content_type = "application/problem+json",
         headers(("Retry-After" = u32, description = "Seconds to wait"))),
    )
)]
pub(crate) async fn login(
    State(state): State<ApiState>,
    Extension(origin): Extension<Origin>,
    request: Request,
) -> Result<Response, ApiError> {
    let headers = request.headers().clone();
    same_origin(&headers, Via::Open)?;
    let Login { token } = body::json(request).await?;
    let settings = state.settings();
    if !settings.needs_login() {
        return Ok(Json(who(&state, identify(&state, &headers, origin).ok())).into_response());
    }
    let role = check_token(&state, token.as_bytes(), origin)?;
    // Whoever logs in again leaves the session before.
    if let Some(before) = cookie(&headers) {
        state.sessions().end(before);
    }
    let now = settings.clock.now();
    let id = state.sessions().begin(role, now);
    let answer = Json(who(&state, state.sessions().find(&id, now)));
    let set = set_cookie(&id, LONGEST.whole_seconds(), origin.https)?;
    Ok(([(header::SET_COOKIE, set)], answer).into_response())
}

/// Logs out: the session ends, here and in the browser.
#[utoipa::path(
    delete,
    path = "/api/v1/session",
    tag = "configuration",
    responses(
        (status = 204, description = "There is no session any more"),
        UnknownParameter,
        (status = 403, description = "Asked by another site", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(crate) async fn logout(
    State(state): State<ApiState>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
    RawPairs(pairs): RawPairs,
) -> Result<Response, ApiError> {
    pairs.finish()?;
    same_origin(&headers, Via::Session)?;
    if let Some(id) = cookie(&headers) {
        state.sessions().end(id);
    }
    let set = set_cookie("", 0, origin.https)?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, set)]).into_response())
}

fn set_cookie(id: &str, seconds: i64, secure: bool) -> Result<HeaderValue, ApiError> {
    let secure = if secure { "; Secure" } else { "" };
    let text =
        format!("{COOKIE}={id}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).map_err(|error| ApiError::Internal(error.into()))
}
