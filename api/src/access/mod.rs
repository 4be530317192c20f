//! Who asks, and what they may do: tokens, sessions, proxies, roles.
//!
//! A token in a header serves programs. People give theirs once and get a session: a random number in a cookie
//! that scripts cannot read and other sites cannot send. Where a proxy has asked for names already, its header
//! counts, once it has proven that it is ours.

mod attempts;
mod hosts;
mod origin;
mod proxy;
mod sessions;
mod token;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

pub(crate) use attempts::Attempts;
pub use hosts::AllowedHosts;
pub(crate) use origin::same_origin;
pub(crate) use proxy::Origin;
pub use proxy::{Peer, ProxyWords, SECRET_HEADER, TrustedProxy, Way};
pub(crate) use sessions::{COOKIE, LONGEST, Sessions, cookie, random};
pub(crate) use token::bearer;
pub use token::{Token, UnusableToken};

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

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }

    /// Somebody of this role, without a name of their own.
    pub(crate) fn caller(self, via: Via, expires: Option<OffsetDateTime>, share: Share) -> Caller {
        Caller { name: self.name().to_owned(), role: self, via, expires, share }
    }
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
