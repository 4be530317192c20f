//! The secrets that clients present: compared without telling how close a guess was.

use std::fmt;

use axum::http::{HeaderMap, header};
use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

/// A token that clients must present. Only its hash is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; SHA256_OUTPUT_LEN]);

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
    ///
    /// # Errors
    /// [`UnusableToken`].
    pub fn new(text: &str) -> Result<Self, UnusableToken> {
        let usable = (16..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if usable { Ok(Self(hash(text.as_bytes()))) } else { Err(UnusableToken) }
    }

    /// Whether this is the token. Hashes are compared, and to their ends: the time of the answer depends
    /// on nothing but the length of what was presented.
    pub(crate) fn is(&self, presented: &[u8]) -> bool {
        let differences = self
            .0
            .iter()
            .zip(hash(presented))
            .fold(0, |all: u8, (own, other)| std::hint::black_box(all | (own ^ other)));
        std::hint::black_box(differences) == 0
    }
}

/// SHA-256, of exactly that many octets.
fn hash(text: &[u8]) -> [u8; SHA256_OUTPUT_LEN] {
    let mut octets = [0; SHA256_OUTPUT_LEN];
    octets.iter_mut().zip(digest(&SHA256, text).as_ref()).for_each(|(own, octet)| *own = *octet);
    octets
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750, section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

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
