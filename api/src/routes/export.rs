//! Answers as files: what the database writes is passed on as it comes.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use etiage_store::{Export, ExportQuery, Format, Store};
use tokio_stream::Stream;

use crate::params::Pairs;
use crate::problem::{ApiError, chain};

/// How a client wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The JSON that is documented.
    Json,
    /// A file, one row a group and bucket.
    File(Format),
}

/// `format=` says it, or else the Accept header, in which the first media type that is known counts.
pub(crate) fn wanted(pairs: &mut Pairs, headers: &HeaderMap) -> Wanted {
    if let Some(word) = pairs.one("format") {
        if word == "json" {
            return Wanted::Json;
        }
        let format = word.parse::<Format>().map_err(|_| {
            let known = Format::ALL.map(Format::name).join(", ");
            format!("`{word}` is not a format; there are json, {known}")
        });
        return pairs.check("format", format).map_or(Wanted::Json, Wanted::File);
    }
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("");
    for range in accept.split(',') {
        let media = range.split(';').next().unwrap_or_default().trim();
        if media == "application/json" || media == "*/*" {
            return Wanted::Json;
        }
        let known = Format::ALL.into_iter().find(|format| {
            let own = format.media_type().split(';').next();
            own.is_some_and(|own| own.eq_ignore_ascii_case(media))
        });
        if let Some(format) = known {
            return Wanted::File(format);
        }
    }
    Wanted::Json
}

/// Volumes as a file.
pub(crate) async fn file(
    store: &Store,
    query: &ExportQuery,
    name: &str,
) -> Result<Response, ApiError> {
    sent(store.export(query).await?, query.format, name).await
}

/// The file. A client that goes away drops the body, and with it the query. An error after the first octet
/// breaks the connection: the client sees that the file is not whole.
pub(crate) async fn sent(
    mut export: Export,
    format: Format,
    name: &str,
) -> Result<Response, ApiError> {
    // The first octets are waited for: until then errors still have a status.
    let first = export.next().await?;
    let mut response = Body::from_stream(bytes(first, export)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    let disposition = format!("attachment; filename=\"etiage-{name}.{format}\"");
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

fn bytes(
    first: Option<Vec<u8>>,
    export: Export,
) -> impl Stream<Item = Result<Bytes, ApiError>> + Send + 'static {
    let begun = first.map(|bytes| (Some(bytes), export));
    futures_util::stream::unfold(begun, |state| async {
        let (ready, mut export) = state?;
        if let Some(bytes) = ready {
            return Some((Ok(Bytes::from(bytes)), Some((None, export))));
        }
        match export.next().await {
            Ok(Some(bytes)) => Some((Ok(Bytes::from(bytes)), Some((None, export)))),
            Ok(None) => None,
            Err(error) => {
                let error = ApiError::from(error);
                tracing::warn!("api: an export broke off: {}", chain(&error));
                Some((Err(error), None))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(format: Option<&str>, accept: Option<&'static str>) -> (Wanted, bool) {
        let list = format.map(|format| ("format".to_owned(), format.to_owned()));
        let mut pairs = Pairs::new(list.into_iter().collect());
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        }
        (wanted(&mut pairs, &headers), pairs.finish().is_ok())
    }

    #[test]
    fn the_parameter_wins_over_the_header() {
        assert_eq!(ask(None, None), (Wanted::Json, true));
        assert_eq!(ask(Some("parquet"), None), (Wanted::File(Format::Parquet), true));
        assert_eq!(ask(Some("json"), Some("text/csv")), (Wanted::Json, true));
        assert_eq!(ask(None, Some("text/csv; q=0.9, */*")), (Wanted::File(Format::Csv), true));
        assert_eq!(ask(None, Some("text/html, */*")), (Wanted::Json, true));
        let arrow = Some("application/vnd.apache.arrow.file");
        assert_eq!(ask(None, arrow), (Wanted::File(Format::Arrow), true));
        assert_eq!(ask(Some("xml"), None), (Wanted::Json, false));
    }
}
