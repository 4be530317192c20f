//! Who may ask: one user, whose password only the parent process knows.

use axum::http::{HeaderMap, header};

/// The one user's name and password.
pub(crate) struct Credentials {
    /// ClickHouse's usual first user.
    pub user: String,
    /// Never printed, never in the process's arguments.
    pub password: String,
}

impl Credentials {
    /// Whether the request brings them, as `X-ClickHouse-User` and `-Key` or as Basic authorization.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        let header = |name: &str| headers.get(name).map(|value| value.as_bytes());
        if let Some(key) = header("x-clickhouse-key") {
            let user = header("x-clickhouse-user").unwrap_or(b"default");
            return equal(user, self.user.as_bytes()) & equal(key, self.password.as_bytes());
        }
        let basic = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Basic "))
            .and_then(decode_base64);
        basic.is_some_and(|given| {
            equal(&given, format!("{}:{}", self.user, self.password).as_bytes())
        })
    }
}

/// Compares in a time that depends on the lengths only, so that an answer's delay tells nothing
/// about how much of a guess was right.
fn equal(given: &[u8], wanted: &[u8]) -> bool {
    let differences = given.iter().zip(wanted).fold(0, |all, (a, b)| all | (a ^ b));
    std::hint::black_box(differences) == 0 && given.len() == wanted.len()
}

/// RFC 4648, section 4, with or without padding.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    let data = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    for &byte in data {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        buffer = (buffer << 6 | u32::from(value)) & 0xff_ffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64() {
        assert_eq!(decode_base64(b"ZGVmYXVsdDpzZWNyZXQ=").unwrap(), b"default:secret");
        assert_eq!(decode_base64(b"").unwrap(), b"");
        assert_eq!(decode_base64(b"Zm8").unwrap(), b"fo");
        assert!(decode_base64(b"a b").is_none());
    }

    #[test]
    fn only_the_right_ones() {
        let credentials = Credentials { user: "default".to_owned(), password: "secret".to_owned() };
        let admits = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            credentials.admit(&headers)
        };
        assert!(admits(&[("x-clickhouse-user", "default"), ("x-clickhouse-key", "secret")]));
        assert!(admits(&[("x-clickhouse-key", "secret")]));
        assert!(admits(&[("authorization", "Basic ZGVmYXVsdDpzZWNyZXQ=")]));
        assert!(!admits(&[]));
        assert!(!admits(&[("x-clickhouse-user", "default")]));
        assert!(!admits(&[("x-clickhouse-key", "")]));
        assert!(!admits(&[("x-clickhouse-key", "secre")]));
        assert!(!admits(&[("x-clickhouse-key", "secrets")]));
        assert!(!admits(&[("x-clickhouse-user", "root"), ("x-clickhouse-key", "secret")]));
        assert!(!admits(&[("authorization", "Basic ZGVmYXVsdDpzZWNyZXU=")]));
        assert!(!admits(&[("authorization", "Bearer secret")]));
    }
}
