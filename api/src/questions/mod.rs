//! What stands between people's questions and the database.
//!
//! Dashboards must never stop inserts: only so many questions are with the database at once, the others
//! wait in a bounded queue in which everybody has turns, and whoever finds it full is told when to come
//! again. Questions that are the same and under way at the same time are one. Health, metrics and the live
//! stream ask the database nothing, and wait for nobody.

mod flight;
mod queue;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

pub(crate) use flight::Flights;
use flight::Question;
pub(crate) use queue::{Counted, Queue};

use crate::access::{Caller, Share};
use crate::problem::ApiError;
use crate::state::ApiState;

/// Answers by way of the queue; what asks the same as another question under way gets its answer.
pub(crate) async fn ask(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let Some(caller) = request.extensions().get::<Caller>() else {
        return ApiError::Unauthorized.into_response();
    };
    let share = caller.share.clone();
    match Question::of(&request, caller.role) {
        Some(question) => {
            let queue = state.questions().clone();
            let answer = in_turn(queue, share, request, next);
            state.flights().join(question, answer).await
        }
        None => in_turn(state.questions().clone(), share, request, next).await,
    }
}

async fn in_turn(queue: Queue, share: Share, request: Request, next: Next) -> Response {
    match queue.enter(share).await {
        // Held until the answer's head is there: what comes as a file has bounds of its own.
        Ok(_place) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::task::Poll;

    use futures_util::FutureExt;

    /// Looks at a future once.
    pub(super) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        future.now_or_never().map_or(Poll::Pending, Poll::Ready)
    }
}
