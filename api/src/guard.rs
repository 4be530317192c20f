//! What stands before every handler: limits, the Host check, the token; and the headers of answers.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::auth::{Peer, identify, same_origin};
use crate::problem::ApiError;
use crate::state::ApiState;

/// Longest URL: filters with a few hundred values fit.
const MAX_URL: usize = 8 * 1024;
/// No request here has a use for a larger body.
pub(crate) const MAX_BODY: u64 = 16 * 1024;
/// How long a handler may take, the store's query included: longer than the store lets one take, so that
/// the database does not work on for nobody.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The token that clients must present.
#[derive(Clone)]
pub struct Token(Box<str>);

/// A token that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the API token must have 16 to 256 printable ASCII characters without spaces; \
     `openssl rand -hex 32` makes one"
)]
pub struct UnusableToken;

impl Token {
    /// A token of 16 to 256 printable ASCII characters: such as an Authorization header can carry
    /// (RFC 9110, section 11.6.2) and as cannot be guessed.
    pub fn new(text: &str) -> Result<Self, UnusableToken> {
        let usable = (16..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if usable { Ok(Self(text.into())) } else { Err(UnusableToken) }
    }

    /// Whether this is the token. Takes as long for any two texts of the same length, so that the
    /// time of the answer tells nothing about how much of a guess was right.
    pub(crate) fn is(&self, presented: &[u8]) -> bool {
        let expected = self.0.as_bytes();
        let differences = expected
            .iter()
            .zip(presented)
            .fold(0, |acc: u8, (a, b)| std::hint::black_box(acc | (a ^ b)));
        expected.len() == presented.len() && std::hint::black_box(differences) == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The host names this server answers for. A web page on another host can make a browser send requests
/// here by pointing its own name to this address (DNS rebinding); its Host header gives it away.
#[derive(Clone, Debug)]
pub struct AllowedHosts {
    /// `None` where any name is right.
    names: Option<Vec<String>>,
}

impl AllowedHosts {
    /// For a server that listens on this address. On loopback: `localhost`, loopback addresses and
    /// the given names. Elsewhere any name is right, since the token protects it.
    pub fn for_address(address: IpAddr, names: &[String]) -> Self {
        let lower = || names.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { names: address.is_loopback().then(lower) }
    }

    /// Any name is right.
    pub const fn any() -> Self {
        Self { names: None }
    }

    fn allows(&self, host: &str) -> bool {
        let Some(names) = &self.names else { return true };
        let host = without_port(host).to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            || names.iter().any(|name| name == host)
    }
}

/// The host of `host:port`, without the brackets of an IPv6 address (RFC 3986, section 3.2.2).
fn without_port(authority: &str) -> &str {
    if let Some(inside) = authority.strip_prefix('[') {
        return inside.split_once(']').map_or(authority, |(address, _)| address);
    }
    authority.split_once(':').map_or(authority, |(host, _)| host)
}

/// Limits and the Host check, before anything is looked at.
pub(crate) async fn admit(
    State(state): State<ApiState>,
    request: Request,
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
    let peer = request.extensions().get::<Peer>().copied();
    let caller = identify(&state, request.headers(), peer)?;
    if !request.method().is_safe() {
        same_origin(request.headers(), caller.via)?;
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750, section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
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

/// Adds the security headers to every answer, and forbids to keep what says nothing about keeping.
pub(crate) async fn headers(request: Request, next: Next) -> Response {
    let policy = match request.uri().path().starts_with("/api/docs") {
        true => POLICY_OF_SWAGGER,
        false => CONTENT_SECURITY_POLICY,
    };
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
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        for wrong in
            ["", "0123456789abcdeX", "X123456789abcdef", "0123456789abcde", "0123456789abcdef0"]
        {
            assert!(!token.is(wrong.as_bytes()), "{wrong}");
        }
        assert!(!format!("{token:?}").contains("0123"));
        for unusable in ["", "short", "with space in the middle", "with\u{e9}accent-0123456789"] {
            assert_eq!(Token::new(unusable).unwrap_err(), UnusableToken, "{unusable}");
        }
    }

    #[test]
    fn hosts_on_loopback() {
        let hosts =
            AllowedHosts::for_address(IpAddr::from([127, 0, 0, 1]), &["Etiage.Example.net".into()]);
        for host in [
            "localhost",
            "localhost:8420",
            "LOCALHOST.:8420",
            "127.0.0.1:8420",
            "[::1]:8420",
            "[::1]",
            "etiage.example.net:8420",
        ] {
            assert!(hosts.allows(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1:8420",
            "[::2]",
            "127.0.0.1.evil",
            "[::1",
        ] {
            assert!(!hosts.allows(host), "{host}");
        }
    }

    #[test]
    fn hosts_elsewhere() {
        let hosts = AllowedHosts::for_address(IpAddr::from([192, 0, 2, 1]), &[]);
        assert!(hosts.allows("anything.example"));
    }

    #[test]
    fn bearer_tokens() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            bearer(&headers).map(<[u8]>::to_vec)
        };
        assert_eq!(of("Bearer abc"), Some(b"abc".to_vec()));
        assert_eq!(of("bearer  abc"), Some(b"abc".to_vec()));
        assert_eq!(of("Basic abc"), None);
        assert_eq!(of("Bearer"), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
