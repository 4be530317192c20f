//! Proxies that ask people for their names, and how one proves that it is ours.
//!
//! An address proves nothing where other programs have it too: anybody on this machine comes from
//! 127.0.0.1. So a proxy brings a secret in a header, or comes through a socket that only it may open.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use super::{Caller, Role, Share, Token, Via};

/// The header in which a proxy brings its secret.
pub const SECRET_HEADER: &str = "x-etiage-proxy-secret";
/// Longest name that a proxy may give.
const MAX_NAME: usize = 128;

/// A proxy that asks people for their names, and says them in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxy {
    proof: Proof,
    user_header: HeaderName,
    role_header: Option<HeaderName>,
    operators: Vec<String>,
}

/// How it proves that it is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Proof {
    /// It comes from one of these addresses, and brings this secret.
    Secret { addresses: Vec<IpNet>, secret: Token },
    /// It comes through a socket that nobody else may open.
    Socket,
}

/// What a proxy says of people: a name in one header, and a role (`viewer` or `operator`) in another where
/// there is one; `operators` are operators whatever that says.
#[derive(Clone, Debug)]
pub struct ProxyWords<'a> {
    /// The header with the name.
    pub user_header: &'a str,
    /// The header with the role.
    pub role_header: Option<&'a str>,
    /// Names of operators.
    pub operators: Vec<String>,
}

impl TrustedProxy {
    /// A proxy that brings a secret, from these addresses and prefixes; from this machine where none is given.
    /// Without the secret, or from anywhere else, its headers mean nothing.
    ///
    /// # Errors
    /// What is no address, prefix or header, in words.
    pub fn with_secret(
        addresses: &[String],
        secret: Token,
        words: ProxyWords<'_>,
    ) -> Result<Self, String> {
        let address = |text: &String| {
            let single = text.parse::<IpAddr>().map(IpNet::from);
            let own = single.or_else(|_| text.parse::<IpNet>());
            own.map_err(|_| format!("{text:?} is neither an address nor a prefix"))
        };
        let own = ["127.0.0.0/8".to_owned(), "::1".to_owned()];
        let addresses = if addresses.is_empty() { own.as_slice() } else { addresses };
        let addresses = addresses.iter().map(address).collect::<Result<_, _>>()?;
        Self::new(Proof::Secret { addresses, secret }, words)
    }

    /// A proxy that comes through a socket of its own.
    ///
    /// # Errors
    /// What is no header, in words.
    pub fn on_socket(words: ProxyWords<'_>) -> Result<Self, String> {
        Self::new(Proof::Socket, words)
    }

    fn new(proof: Proof, words: ProxyWords<'_>) -> Result<Self, String> {
        let header = |text: &str| {
            text.parse::<HeaderName>().map_err(|_| format!("{text:?} is not a header's name"))
        };
        Ok(Self {
            proof,
            user_header: header(words.user_header)?,
            role_header: words.role_header.map(header).transpose()?,
            operators: words.operators,
        })
    }

    /// Whether the one at the other end of a connection has proven that it is the proxy.
    fn is_proven(&self, peer: Peer, headers: &HeaderMap) -> bool {
        match &self.proof {
            Proof::Socket => peer.way == Way::ProxySocket,
            Proof::Secret { addresses, secret } => {
                let address = peer.address.to_canonical();
                let presented = only(headers, &HeaderName::from_static(SECRET_HEADER));
                peer.way != Way::ProxySocket
                    && addresses.iter().any(|own| own.contains(&address))
                    && presented.is_some_and(|presented| secret.is(presented.as_bytes()))
            }
        }
    }

    /// Whether connections from an address may be the proxy's: many people then share it.
    pub(crate) fn may_be_at(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match &self.proof {
            Proof::Socket => false,
            Proof::Secret { addresses, .. } => addresses.iter().any(|own| own.contains(&address)),
        }
    }

    /// Whom the proxy names; nobody where it says nothing, or says it twice.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        let name = only(headers, &self.user_header);
        let name = name.filter(|name| (1..=MAX_NAME).contains(&name.len()))?;
        let said = self.role_header.as_ref().and_then(|own| only(headers, own));
        let operator = said == Some("operator") || self.operators.iter().any(|own| own == name);
        let role = if operator { Role::Operator } else { Role::Viewer };
        let share = Share::Name(name.into());
        Some(Caller { name: name.to_owned(), role, via: Via::Proxy, expires: None, share })
    }

    /// Whether a request names somebody.
    pub(crate) fn names_somebody(&self, headers: &HeaderMap) -> bool {
        headers.contains_key(&self.user_header)
    }
}

/// The value of a header that comes once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?.trim();
    values.next().is_none().then_some(value)
}

/// Who is at the other end of a connection: an extension of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Their address; unspecified on a socket of the file system.
    pub address: IpAddr,
    /// What the connection is made of.
    pub way: Way,
}

/// What a connection is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// TCP.
    Plain,
    /// TLS, which ends here.
    Tls,
    /// The proxy's socket.
    ProxySocket,
}

impl Peer {
    /// A connection over TCP.
    pub const fn plain(address: IpAddr) -> Self {
        Self { address, way: Way::Plain }
    }

    /// A connection over TLS.
    pub const fn tls(address: IpAddr) -> Self {
        Self { address, way: Way::Tls }
    }

    /// A connection through the proxy's socket.
    pub const fn proxy_socket() -> Self {
        Self { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), way: Way::ProxySocket }
    }
}

/// Where a request comes from, after a proxy that has proven itself was believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The client's address: that of the connection, or the one that the proxy names.
    pub(crate) address: IpAddr,
    /// Whether the proxy passes it on.
    pub(crate) by_proxy: bool,
    /// Whether the client's own connection is encrypted.
    pub(crate) https: bool,
}

impl Origin {
    pub(crate) fn of(
        proxy: Option<&TrustedProxy>,
        headers: &HeaderMap,
        peer: Option<Peer>,
    ) -> Self {
        let peer = peer.unwrap_or(Peer::plain(IpAddr::V6(Ipv6Addr::UNSPECIFIED)));
        if !proxy.is_some_and(|proxy| proxy.is_proven(peer, headers)) {
            let https = peer.way == Way::Tls;
            return Self { address: peer.address, by_proxy: false, https };
        }
        // Each proxy appends the address that it sees: the last one is what ours has seen.
        let last = headers.get_all("x-forwarded-for").iter().next_back();
        let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next());
        let address = last.and_then(|text| text.trim().parse().ok()).unwrap_or(peer.address);
        let said = only(headers, &HeaderName::from_static("x-forwarded-proto"));
        Self { address, by_proxy: true, https: said == Some("https") }
    }
}
