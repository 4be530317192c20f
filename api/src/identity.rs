//! Who asks: a token, a session or a proxy's word, and what that allows.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::access::{Caller, Origin, Role, Share, Token, Via, bearer, cookie, network};
use crate::problem::ApiError;
use crate::quiet;
use crate::settings::Settings;
use crate::state::ApiState;

impl Settings {
    /// Whether anything is asked for.
    pub(crate) const fn needs_login(&self) -> bool {
        self.token.is_some() || self.access.viewer_token.is_some() || self.access.proxy.is_some()
    }

    /// Whose token this is.
    fn role_of(&self, presented: &[u8]) -> Option<Role> {
        // Both are compared, so that the time tells nothing about which is closer.
        let is = |token: &Option<Token>| token.as_ref().is_some_and(|token| token.is(presented));
        let (operator, viewer) = (is(&self.token), is(&self.access.viewer_token));
        match (operator, viewer) {
            (true, _) => Some(Role::Operator),
            (_, true) => Some(Role::Viewer),
            _ => None,
        }
    }
}

/// Who sends a request with these headers.
///
/// # Errors
/// [`ApiError::Unauthorized`], [`ApiError::TooManyAttempts`].
pub(crate) fn identify(
    state: &ApiState,
    headers: &HeaderMap,
    origin: Origin,
) -> Result<Caller, ApiError> {
    let settings = state.settings();
    let now = settings.clock.now();
    let share = Share::Address(network(origin.address));
    if !settings.needs_login() {
        return Ok(Role::Operator.caller(Via::Open, None, share));
    }
    if let Some(presented) = bearer(headers) {
        let role = check_token(state, presented, origin)?;
        return Ok(role.caller(Via::Token, None, share));
    }
    if let Some(proxy) = &settings.access.proxy {
        if let Some(caller) = origin.by_proxy.then(|| proxy.caller(headers)).flatten() {
            return Ok(caller);
        }
        if !origin.by_proxy && proxy.names_somebody(headers) {
            quiet::warn("unproven proxy", || {
                let address = origin.address;
                format!(
                    "a request from {address} names a user, but does not prove that the proxy sends it"
                )
            });
        }
    }
    let session = cookie(headers).and_then(|id| state.sessions().find(id, now));
    session.ok_or(ApiError::Unauthorized)
}

/// Whose token this is. A right one is never made to wait for others' wrong ones; these are counted.
///
/// # Errors
/// [`ApiError::Unauthorized`], [`ApiError::TooManyAttempts`].
pub(crate) fn check_token(
    state: &ApiState,
    presented: &[u8],
    origin: Origin,
) -> Result<Role, ApiError> {
    let settings = state.settings();
    settings
        .role_of(presented)
        .ok_or_else(|| state.attempts().failed(origin.address, presented, settings.clock.now()))
}

/// Somebody who may change things.
#[derive(Clone, Debug)]
pub(crate) struct Operator(pub(crate) Caller);

impl FromRequestParts<ApiState> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Caller>().ok_or(ApiError::Unauthorized)?;
        if caller.role < Role::Operator {
            return Err(ApiError::Forbidden(format!(
                "{} may look, not change: this needs the role operator",
                caller.name
            )));
        }
        Ok(Self(caller.clone()))
    }
}
