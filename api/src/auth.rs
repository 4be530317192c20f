//! Who asks, and what they may do: tokens, sessions, proxies, roles.
//!
//! A token in a header serves programs. People give theirs once and get a session: a random number in a cookie
//! that scripts cannot read and other sites cannot send. Where a proxy has asked for names already, its header
//! counts, from its own addresses alone.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use crate::guard::{Token, bearer};
use crate::problem::ApiError;
use crate::state::{ApiState, Settings};

/// The cookie that holds a session.
pub(crate) const COOKIE: &str = "etiage_session";
/// How long a session lasts that nobody uses: a working day.
const IDLE: Duration = Duration::hours(12);
/// How long one lasts at most.
pub(crate) const LONGEST: Duration = Duration::days(30);
/// Sessions at the same time; a further one ends the one that was used longest ago.
const MAX_SESSIONS: usize = 1_024;
/// Wrong tokens that one address may send in [`WINDOW`].
const MAX_WRONG: u32 = 10;
const WINDOW: Duration = Duration::minutes(1);
/// Addresses whose wrong tokens are counted apart; beyond them all others count together.
const MAX_ADDRESSES: usize = 4_096;
/// Longest name that a proxy may give.
const MAX_NAME: usize = 128;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
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
}

/// Whose requests count as whose, beside the one token.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// A token for those who only look.
    pub viewer_token: Option<Token>,
    /// Proxies that say who asks.
    pub proxy: Option<TrustedProxy>,
}

/// Proxies that ask people for their names, and say them in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxy {
    addresses: Vec<IpNet>,
    user_header: HeaderName,
    role_header: Option<HeaderName>,
    operators: Vec<String>,
}

impl TrustedProxy {
    /// Proxies at these addresses and prefixes: from anywhere else the headers mean nothing. They say a name in one
    /// header, and a role (`viewer` or `operator`) in another where there is one; these names are operators
    /// whatever that says.
    ///
    /// # Errors
    /// What is no address, prefix or header, in words.
    pub fn new(
        addresses: &[String],
        user_header: &str,
        role_header: Option<&str>,
        operators: Vec<String>,
    ) -> Result<Self, String> {
        let address = |text: &String| {
            let single = text.parse::<IpAddr>().map(IpNet::from);
            let own = single.or_else(|_| text.parse::<IpNet>());
            own.map_err(|_| format!("{text:?} is neither an address nor a prefix"))
        };
        let header = |text: &str| {
            text.parse::<HeaderName>().map_err(|_| format!("{text:?} is not a header's name"))
        };
        if addresses.is_empty() {
            return Err("say in `addresses` which proxies are trusted".to_owned());
        }
        Ok(Self {
            addresses: addresses.iter().map(address).collect::<Result<_, _>>()?,
            user_header: header(user_header)?,
            role_header: role_header.map(header).transpose()?,
            operators,
        })
    }
}

/// The address that a request comes from: an extension of the request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

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

    fn proxy_of(&self, peer: Option<Peer>) -> Option<&TrustedProxy> {
        let Peer(address) = peer?;
        let address = address.to_canonical();
        let proxy = self.access.proxy.as_ref()?;
        proxy.addresses.iter().any(|own| own.contains(&address)).then_some(proxy)
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
    fn caller(self, via: Via, expires: Option<OffsetDateTime>) -> Caller {
        Caller { name: self.name().to_owned(), role: self, via, expires }
    }
}

/// Who sends a request with these headers.
///
/// # Errors
/// [`ApiError::Unauthorized`], [`ApiError::TooManyAttempts`].
pub(crate) fn identify(
    state: &ApiState,
    headers: &HeaderMap,
    peer: Option<Peer>,
) -> Result<Caller, ApiError> {
    let settings = state.settings();
    let now = settings.clock.now();
    if !settings.needs_login() {
        return Ok(Role::Operator.caller(Via::Open, None));
    }
    if let Some(presented) = bearer(headers) {
        let role = check_token(state, presented, headers, peer)?;
        return Ok(role.caller(Via::Token, None));
    }
    if let Some(caller) = settings.proxy_of(peer).and_then(|proxy| by_proxy(proxy, headers)) {
        return Ok(caller);
    }
    let session = cookie(headers).and_then(|id| state.sessions().find(id, now));
    session.ok_or(ApiError::Unauthorized)
}

/// Whose token this is; wrong ones are counted.
pub(crate) fn check_token(
    state: &ApiState,
    presented: &[u8],
    headers: &HeaderMap,
    peer: Option<Peer>,
) -> Result<Role, ApiError> {
    let settings = state.settings();
    let now = settings.clock.now();
    let address = client(settings, headers, peer);
    state.attempts().allow(address, now)?;
    settings.role_of(presented).ok_or_else(|| {
        state.attempts().failed(address, now);
        ApiError::Unauthorized
    })
}

/// The address of whoever asks: behind a proxy of ours the one that it names last.
fn client(settings: &Settings, headers: &HeaderMap, peer: Option<Peer>) -> IpAddr {
    let own = peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |Peer(address)| address);
    if settings.proxy_of(peer).is_none() {
        return own;
    }
    let last = headers.get_all("x-forwarded-for").iter().next_back();
    let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next());
    last.and_then(|text| text.trim().parse().ok()).unwrap_or(own)
}

/// What a proxy says; nothing where it says nothing, or says it twice.
fn by_proxy(proxy: &TrustedProxy, headers: &HeaderMap) -> Option<Caller> {
    let only = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?.trim();
        values.next().is_none().then_some(value)
    };
    let name = only(&proxy.user_header).filter(|name| (1..=MAX_NAME).contains(&name.len()))?;
    let said = proxy.role_header.as_ref().and_then(only);
    let operator = said == Some("operator") || proxy.operators.iter().any(|own| own == name);
    let role = if operator { Role::Operator } else { Role::Viewer };
    Some(Caller { name: name.to_owned(), role, via: Via::Proxy, expires: None })
}

/// Whether a proxy of ours says that the browser's side is encrypted.
pub(crate) fn is_https(settings: &Settings, headers: &HeaderMap, peer: Option<Peer>) -> bool {
    let said = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    settings.proxy_of(peer).is_some() && said == Some("https")
}

/// The session's number that a browser sends.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Refuses what another site makes a browser send: it would send what it knows somebody by along.
///
/// # Errors
/// [`ApiError::Forbidden`].
pub(crate) fn same_origin(headers: &HeaderMap, via: Via) -> Result<(), ApiError> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let own = match (site, text(&header::ORIGIN)) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let authority = origin.split_once("://").map_or("", |(_, authority)| authority);
            text(&header::HOST).is_some_and(|host| host.eq_ignore_ascii_case(authority))
        }
        // Every browser says one of both; programs need not, where they are known by nothing of a browser's.
        (None, None) => matches!(via, Via::Open | Via::Token),
    };
    if own || via == Via::Token {
        return Ok(());
    }
    Err(ApiError::Forbidden(
        "this request comes from another site, or does not say where it comes from; use the pages, or \
         a token in the Authorization header"
            .to_owned(),
    ))
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

/// People who are logged in.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Session>>);

#[derive(Clone, Copy, Debug)]
struct Session {
    role: Role,
    begun: OffsetDateTime,
    used: OffsetDateTime,
}

impl Session {
    fn ends(&self) -> OffsetDateTime {
        let longest = self.begun.saturating_add(LONGEST);
        self.used.saturating_add(IDLE).min(longest)
    }
}

impl Sessions {
    /// Begins one, and says its number.
    pub(crate) fn begin(&self, role: Role, now: OffsetDateTime) -> String {
        let id = random();
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.ends() > now);
        if sessions.len() >= MAX_SESSIONS {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.used);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                sessions.remove(&oldest);
            }
        }
        sessions.insert(id.clone(), Session { role, begun: now, used: now });
        id
    }

    /// Whose it is, if it has not ended; it is used now.
    fn find(&self, id: &str, now: OffsetDateTime) -> Option<Caller> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get_mut(id)?;
        if session.ends() <= now {
            sessions.remove(id);
            return None;
        }
        session.used = session.used.max(now);
        Some(session.role.caller(Via::Session, Some(session.ends())))
    }

    /// Ends one.
    pub(crate) fn end(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// How many there are.
    pub(crate) fn count(&self, now: OffsetDateTime) -> usize {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.values().filter(|session| session.ends() > now).count()
    }
}

/// 256 bits that nobody can guess, in hexadecimal digits.
pub(crate) fn random() -> String {
    format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>())
}

/// Wrong tokens, by where they come from.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<IpAddr, (u32, OffsetDateTime)>>);

impl Attempts {
    /// Whether this address may try a token.
    fn allow(&self, address: IpAddr, now: OffsetDateTime) -> Result<(), ApiError> {
        let attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = attempts.get(&network(address)).or_else(|| {
            // Where there were too many addresses, whoever has no count of its own has the common one.
            (attempts.len() >= MAX_ADDRESSES).then(|| attempts.get(&OTHERS)).flatten()
        });
        let Some((wrong, since)) = counted else { return Ok(()) };
        let over = since.saturating_add(WINDOW);
        if *wrong < MAX_WRONG || over <= now {
            return Ok(());
        }
        Err(ApiError::TooManyAttempts { seconds: (over - now).whole_seconds().max(1) })
    }

    fn failed(&self, address: IpAddr, now: OffsetDateTime) {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = network(address);
        if !attempts.contains_key(&key) && attempts.len() >= MAX_ADDRESSES {
            attempts.retain(|_, (_, since)| since.saturating_add(WINDOW) > now);
            if attempts.len() >= MAX_ADDRESSES {
                key = OTHERS;
            }
        }
        let (wrong, since) = attempts.entry(key).or_insert((0, now));
        if since.saturating_add(WINDOW) <= now {
            (*wrong, *since) = (0, now);
        }
        *wrong = wrong.saturating_add(1);
    }
}

/// Stands for all addresses beyond those that are counted apart.
const OTHERS: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// What one subscriber has: an IPv4 address, or 64 bits of an IPv6 one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00:00 UTC);

    #[test]
    fn sessions_end_when_nobody_uses_them_and_at_last() {
        let sessions = Sessions::default();
        let id = sessions.begin(Role::Viewer, NOW);
        assert_eq!(id.len(), 64);
        assert_eq!(sessions.find("", NOW), None);
        let mut at = NOW;
        while at < NOW + Duration::days(29) {
            at += Duration::hours(11);
            assert!(sessions.find(&id, at).is_some(), "{at}");
        }
        assert_eq!(sessions.find(&id, NOW + LONGEST), None);
        assert_eq!(sessions.find(&id, NOW), None, "once ended, it is gone");

        let id = sessions.begin(Role::Operator, NOW);
        assert_eq!(sessions.find(&id, NOW + IDLE), None);
        let id = sessions.begin(Role::Operator, NOW);
        assert_eq!(sessions.count(NOW), 1);
        sessions.end(&id);
        assert_eq!(sessions.count(NOW), 0);
    }

    #[test]
    fn there_are_only_so_many_sessions() {
        let sessions = Sessions::default();
        let first = sessions.begin(Role::Viewer, NOW);
        for second in 1..=MAX_SESSIONS {
            sessions.begin(Role::Viewer, NOW + Duration::seconds(second as i64));
        }
        assert_eq!(sessions.count(NOW), MAX_SESSIONS);
        assert_eq!(sessions.find(&first, NOW), None);
    }

    #[test]
    fn whoever_guesses_waits() {
        let attempts = Attempts::default();
        let address = |last: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last));
        for guess in 0..10 {
            attempts.allow(address(guess), NOW).unwrap();
            attempts.failed(address(guess), NOW + Duration::seconds(guess.into()));
        }
        assert!(attempts.allow(address(99), NOW).is_err(), "one network");
        assert!(attempts.allow(IpAddr::from([192, 0, 2, 1]), NOW).is_ok(), "another one");
        assert!(attempts.allow(address(1), NOW + WINDOW).is_ok());
        attempts.failed(address(1), NOW + WINDOW);
        assert!(attempts.allow(address(1), NOW + WINDOW).is_ok(), "counted anew");
        // Any number of addresses is counted in a table of a bounded size.
        for number in 0..10_000_u32 {
            attempts.failed(IpAddr::from(number.to_be_bytes()), NOW + WINDOW);
        }
        assert!(attempts.0.lock().unwrap().len() <= MAX_ADDRESSES + 1);
        assert!(attempts.allow(IpAddr::from([203, 0, 113, 9]), NOW + WINDOW).is_err());
    }

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(cookie(&headers), None);
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; etiage_session_2=x"));
        headers.append(header::COOKIE, HeaderValue::from_static("c=d;etiage_session=abc"));
        assert_eq!(cookie(&headers), Some("abc"));
    }

    #[test]
    fn other_sites_are_refused() {
        let check = |site: Option<&'static str>, origin: Option<&'static str>, via| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("Etiage.example:8420"));
            if let Some(site) = site {
                headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            }
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            same_origin(&headers, via).is_ok()
        };
        for (site, origin, via, own) in [
            (Some("same-origin"), Some("http://etiage.example:8420"), Via::Session, true),
            (Some("none"), None, Via::Session, true),
            (Some("cross-site"), Some("http://etiage.example:8420"), Via::Session, false),
            (Some("same-site"), None, Via::Proxy, false),
            (None, Some("http://etiage.example:8420"), Via::Session, true),
            (None, Some("http://etiage.example"), Via::Session, false),
            (None, Some("null"), Via::Open, false),
            (None, None, Via::Session, false),
            (None, None, Via::Proxy, false),
            (None, None, Via::Open, true),
            (Some("cross-site"), Some("http://evil.example"), Via::Open, false),
            (Some("cross-site"), Some("http://evil.example"), Via::Token, true),
        ] {
            assert_eq!(check(site, origin, via), own, "{site:?} {origin:?} {via:?}");
        }
    }
}
