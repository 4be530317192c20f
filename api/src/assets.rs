//! The dashboards, embedded in the program.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::problem::ApiError;

/// What `npm run build` made. Without it the program still builds, and says what is missing.
#[derive(RustEmbed)]
#[folder = "../dashboards/dist"]
#[allow_missing = true]
struct Dashboards;

const MISSING: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Etiage</title>\
    <h1>Etiage</h1><p>This program was built without its dashboards: run <code>npm ci</code> and \
    <code>npm run build</code> in <code>dashboards/</code>, and build it again.</p>\
    <p>The API is there: <a href=\"/api/docs/\">its documentation</a>.</p></html>";

/// Whatever no route of the API answers: a file of the dashboards, or their page for its own routes.
pub(crate) async fn serve(request: Request) -> Result<Response, ApiError> {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return Err(ApiError::NotFound(path.to_owned()));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(ApiError::MethodNotAllowed(path.to_owned()));
    }
    let name = path.trim_start_matches('/');
    if let Some(file) = Dashboards::get(name).filter(|_| !name.is_empty()) {
        return Ok(answer(name, file, request.headers()));
    }
    // `/assets/old.js` is a missing file; `/links/transit-1` is a view of the page.
    let last = name.rsplit('/').next().unwrap_or_default();
    if last.contains('.') || name.starts_with("assets/") {
        return Err(ApiError::NotFound(path.to_owned()));
    }
    Ok(match Dashboards::get("index.html") {
        Some(page) => answer("index.html", page, request.headers()),
        None => (StatusCode::OK, Html(MISSING)).into_response(),
    })
}

fn answer(name: &str, file: EmbeddedFile, request: &HeaderMap) -> Response {
    // Vite puts a hash of the content into the names under `assets/`; all others may change.
    let keep = if name.starts_with("assets/") {
        HeaderValue::from_static("public, max-age=31536000, immutable")
    } else {
        HeaderValue::from_static("no-cache")
    };
    let tag = tag(&file);
    let known = request.get(header::IF_NONE_MATCH).is_some_and(|known| matches(known, &tag));
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = HeaderValue::from_static(content_type(name));
        ([(header::CONTENT_TYPE, kind)], file.data).into_response()
    };
    response.headers_mut().insert(header::CACHE_CONTROL, keep);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// A weak entity tag (RFC 9110, section 8.8.3): the same file may be sent compressed or not.
fn tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{hex}\"")
}

/// If-None-Match: a list of tags, or `*` (RFC 9110, section 13.1.2).
fn matches(known: &HeaderValue, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let Ok(known) = known.to_str() else { return false };
    known.trim() == "*" || known.split(',').any(|known| opaque(known) == opaque(tag))
}

/// The media types of what a build of the dashboards holds.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use axum::body::{Body, to_bytes};
    use rust_embed::Metadata;

    use super::*;

    fn file() -> EmbeddedFile {
        EmbeddedFile {
            data: Cow::Borrowed(b"let a = 1;"),
            metadata: Metadata::__rust_embed_new([7; 32], None, None),
        }
    }

    async fn get(path: &str) -> Result<Response, ApiError> {
        serve(Request::get(path).body(Body::empty()).unwrap()).await
    }

    #[tokio::test]
    async fn hashed_files_are_kept_and_known_ones_not_sent_again() {
        let response = answer("assets/index-abc.js", file(), &HeaderMap::new());
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        let keep = response.headers()[header::CACHE_CONTROL].to_str().unwrap();
        assert!(keep.contains("immutable"));
        let tag = response.headers()[header::ETAG].clone();
        assert_eq!(to_bytes(response.into_body(), 100).await.unwrap(), "let a = 1;");

        let mut request = HeaderMap::new();
        request.insert(header::IF_NONE_MATCH, tag.clone());
        let response = answer("index.html", file(), &request);
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        assert_eq!(response.headers()[header::ETAG], tag);
        request.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"other\", W/\"more\""));
        assert_eq!(answer("index.html", file(), &request).status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn views_get_the_page_and_missing_files_do_not() {
        for path in ["/", "/links/transit-1"] {
            let response = get(path).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap();
            assert!(kind.starts_with("text/html"), "{path}: {kind}");
        }
        for path in ["/assets/gone", "/gone.js", "/api", "/api/v2/links", "/../Cargo.toml"] {
            assert!(matches!(get(path).await, Err(ApiError::NotFound(_))), "{path}");
        }
    }
}
