//! How the system itself is doing, over time and in detail.

use axum::extract::State;
use axum::{Extension, Json};

use crate::access::Caller;
use crate::answers::health::health;
use crate::answers::system::{Stored, Streams, System};
use crate::params::{History, RangeParams, RawPairs, StepParams};
use crate::problem::{ApiError, WrongParameters};
use crate::state::ApiState;

/// Probes, what was received and lost, tables, streams: everything about the system itself.
///
/// Answers 200 also while the database does not answer or too much is asked of it, with what is known without it.
#[utoipa::path(
    get,
    path = "/api/v1/system",
    tag = "now",
    params(RangeParams, StepParams),
    responses(
        (status = 200, description = "The system", body = System),
        WrongParameters,
    )
)]
pub(crate) async fn system(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    RawPairs(pairs): RawPairs,
) -> Result<Json<System>, ApiError> {
    let settings = state.settings();
    let mut asked = History::new(pairs, settings);
    asked.step(false);
    let (range, step) = asked.finish_with_step()?;
    let stored = async {
        // Without a place it is as if the database did not answer.
        let _place = state.questions().enter(caller.share).await.ok()?;
        Some(Stored::read(&settings.store, range, step).await)
    };
    let feed = state.feed();
    let health = health(settings, state.sizes(), &feed);
    let (stored, health) = tokio::join!(stored, health);
    let now = settings.clock.now();
    let streams = Streams { open: state.streams().count(), limit: settings.max_streams };
    let sessions = state.sessions().count(now);
    let stored = stored.unwrap_or_default();
    Ok(Json(System::new((range, now), health, stored, streams, sessions)))
}
