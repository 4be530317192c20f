//! Requests that another site makes a browser send.

use axum::http::{HeaderMap, HeaderName, header};

use super::Via;
use crate::problem::ApiError;

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

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

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
