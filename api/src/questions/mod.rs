//! What stands between people's questions and the database.
//!
//! Dashboards must never stop inserts: only so many questions are with the database at once, the others
//! wait in a bounded queue in which everybody has turns, and whoever finds it full is told when to come
//! again. Questions that are the same and under way at the same time are one. Health, metrics and the live
//! stream ask the database nothing, and wait for nobody.

mod flight;
mod queue;

pub(crate) use flight::{Flights, Question};
pub(crate) use queue::{Counted, Queue};

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
