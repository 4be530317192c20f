//! The live view as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use tokio_stream::wrappers::{BroadcastStream, WatchStream};
use tokio_stream::{Stream, StreamExt as _};

use crate::live::LiveEvent;
use crate::params::RawPairs;
use crate::problem::{ApiError, Problem, UnknownParameter};
use crate::state::ApiState;

/// Proxies commonly close what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Rates of links and categories, one event a second; and transitions of events.
///
/// Server-sent events: `event: live`, and in `data:` a JSON object; `event: event` at each transition of an
/// event (a drop or surge), with `id`, `state`, `kind` and `severity`. The stream goes on until the
/// client closes it or the program ends. At most 256 streams are open at the same time.
#[utoipa::path(
    get,
    path = "/api/v1/live",
    tag = "now",
    responses(
        (status = 200, description = "A stream of events; the schema is that of an event's data",
         body = LiveEvent, content_type = "text/event-stream"),
        UnknownParameter,
        (status = 503, description = "Too many streams are open", body = Problem,
         content_type = "application/problem+json",
         headers(("Retry-After" = u32, description = "Seconds to wait"))),
    )
)]
pub(crate) async fn live(
    State(state): State<ApiState>,
    RawPairs(pairs): RawPairs,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    pairs.finish()?;
    let limit = state.settings().max_streams;
    let place =
        state.streams().try_acquire_owned().map_err(|_| ApiError::TooManyStreams { limit })?;
    let rates = WatchStream::new(state.feed()).filter_map(move |event| {
        // Held as long as the stream is.
        let _place = &place;
        // A number or a string is all that an event holds; it always becomes JSON.
        Event::default().event("live").json_data(event?.as_ref()).ok().map(Ok)
    });
    let notices = BroadcastStream::new(state.notices()).filter_map(|notice| {
        // One that does not keep up goes on with what comes next.
        Event::default().event("event").json_data(notice.ok()?).ok().map(Ok)
    });
    let mut stopped = state.stopped();
    let stopped = Box::pin(async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    });
    let events = futures_util::StreamExt::take_until(rates.merge(notices), stopped);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}
