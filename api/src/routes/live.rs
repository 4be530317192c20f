//! The live view as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use tokio::sync::watch;
use tokio_stream::wrappers::{BroadcastStream, WatchStream};
use tokio_stream::{Stream, StreamExt as _};

use crate::access::{Caller, Share, Via};
use crate::answers::live::LiveEvent;
use crate::params::RawPairs;
use crate::problem::{ApiError, Problem, UnknownParameter};
use crate::state::ApiState;

/// Proxies commonly close what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a stream lasts at most that a proxy has let through: then its client comes again, and the proxy is
/// asked anew who that is.
const LONGEST_BY_PROXY: Duration = Duration::from_secs(3_600);

/// Rates of links and categories, one event a second; and transitions of events.
///
/// Server-sent events: `event: live`, and in `data:` a JSON object; `event: event` at each transition of an
/// event (a drop or surge), with `id`, `state`, `kind` and `severity`. The stream goes on until the
/// client closes it, its session ends (logout included), or the program ends. At most 256 streams are open at
/// the same time, 64 of one session, user of a proxy, or address.
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
    Extension(caller): Extension<Caller>,
    RawPairs(pairs): RawPairs,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    pairs.finish()?;
    let place = state.streams().open(caller.share.clone())?;
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
    let ended = Box::pin(ended(state.stopped(), caller.via));
    let events = futures_util::StreamExt::take_until(rates.merge(notices), ended);
    let events = events.take_while(move |_| is_known(&state, &caller));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Completes when the stream must end, whoever watches.
async fn ended(mut stopped: watch::Receiver<bool>, via: Via) {
    let stopped = stopped.wait_for(|stopped| *stopped);
    match via {
        Via::Proxy => drop(tokio::time::timeout(LONGEST_BY_PROXY, stopped).await),
        Via::Open | Via::Token | Via::Session => drop(stopped.await),
    }
}

/// Whether whoever watches is still logged in; looked at with each event, once a second.
fn is_known(state: &ApiState, caller: &Caller) -> bool {
    match &caller.share {
        Share::Session(id) => state.sessions().lives(id, state.settings().clock.now()),
        Share::Name(_) | Share::Address(_) => true,
    }
}
