//! Bodies of requests: JSON, of a bounded size.

use axum::extract::Request;
use axum::http::header;
use serde::de::DeserializeOwned;

use crate::guard::MAX_BODY;
use crate::problem::{ApiError, ParameterError};

/// A body, read. Its media type must be JSON's: a form of another site cannot send that unasked.
///
/// # Errors
/// [`ApiError::Parameters`], [`ApiError::BodyTooLarge`].
pub(crate) async fn json<T: DeserializeOwned>(request: Request) -> Result<T, ApiError> {
    let wrong = |detail: String| ApiError::Parameters(vec![ParameterError::new("body", detail)]);
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or("").trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(wrong("must be JSON, with `Content-Type: application/json`".to_owned()));
    }
    let limit = usize::try_from(MAX_BODY).unwrap_or(usize::MAX);
    let bytes = axum::body::to_bytes(request.into_body(), limit)
        .await
        .map_err(|_| ApiError::BodyTooLarge { limit: MAX_BODY })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| wrong(format!("is not as it should be: {error}")))
}
