//! Who asks, and what they may do: tokens, sessions, proxies, roles.
//!
//! A token in a header serves programs. People give theirs once and get a session: a random number in a cookie
//! that scripts cannot read and other sites cannot send. Where a proxy has asked for names already, its header
//! counts, once it has proven that it is ours.

mod attempts;
mod origin;
mod proxy;
mod sessions;
mod token;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

pub(crate) use attempts::Attempts;
pub(crate) use origin::same_origin;
pub(crate) use proxy::Origin;
pub use proxy::{Peer, ProxyWords, SECRET_HEADER, TrustedProxy, Way};
pub(crate) use sessions::{COOKIE, LONGEST, Sessions, cookie, random};
pub(crate) use token::bearer;
pub use token::{Token, UnusableToken};

use crate::problem::ApiError;
use crate::state::{ApiState, Settings};

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// See everything.
    Viewer,
    /// Acknowledge, silence and comment events and save views, too.
    Operator,
}

/// How somebody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// Nothing is asked for: the API listens on loopback alone.
    Open,
    /// By a token in the Authorization header.
    Token,
    /// By a session's cookie.
    Session,
    /// By a header that a configured proxy sets.
    Proxy,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name that a proxy gives, else that of the role.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// How they are known.
    pub via: Via,
    /// When their session ends, if nobody uses it.
    pub expires: Option<OffsetDateTime>,
    /// Whose share of questions and streams they take.
    pub(crate) share: Share,
}

/// Whose share of what is bounded a request takes: people are told apart as well as they are known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Share {
    /// A session.
    Session(Arc<str>),
    /// A name that a proxy gives.
    Name(Arc<str>),
    /// An address, where a token or nothing is all that is known.
    Address(IpAddr),
}

/// Whose requests count as whose, beside the one token.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// A token for those who only look.
    pub viewer_token: Option<Token>,
    /// A proxy that says who asks.
    pub proxy: Option<TrustedProxy>,
}

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

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }

    /// Somebody of this role, without a name of their own.
    fn caller(self, via: Via, expires: Option<OffsetDateTime>, share: Share) -> Caller {
        Caller { name: self.name().to_owned(), role: self, via, expires, share }
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
            crate::quiet::warn("unproven proxy", || {
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

/// What one subscriber has: an IPv4 address, or 64 bits of an IPv6 one.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
    }
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
