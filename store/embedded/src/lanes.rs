//! Lanes: queues with threads of their own, so that questions never stand before what is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::http::HeaderMap;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::engine::Job;

/// The header that names the lane; without it a request is a question.
const HEADER: &str = "x-etiage-lane";

/// Statements that the writer has under way at the same time: its groups come one after the other, records of
/// flows and events beside them.
pub(crate) const WRITER_THREADS: usize = 2;
/// Statements of the writer that may wait. There are few, for it waits for each.
pub(crate) const WRITER_QUEUE: usize = 32;
/// Signs of life and cancellations take milliseconds: one thread does.
pub(crate) const LIFE_THREADS: usize = 1;
/// Cancellations that may wait; one that finds no room is left out, and the question runs to its own limit.
pub(crate) const LIFE_QUEUE: usize = 128;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Whoever wants to know something: bounded in time, memory and number.
    Questions,
    /// What is written, and what the schema needs.
    Writer,
    /// Whether the engine lives. Nothing that may take long.
    Life,
}

impl Lane {
    /// The lane that a request asks for; `None` if there is no such lane.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        match headers.get(HEADER).map(|value| value.as_bytes()) {
            None => Some(Self::Questions),
            Some(b"writer") => Some(Self::Writer),
            Some(b"life") => Some(Self::Life),
            Some(_) => None,
        }
    }

    /// What a statement of this lane runs with, unless it says otherwise.
    pub(crate) fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Questions | Self::Life => &[],
            // As much memory as there is; and where there is none left, a question gives way.
            Self::Writer => {
                &[("max_memory_usage", "0"), ("memory_overcommit_ratio_denominator", "0")]
            }
        }
    }
}

/// The queues' ends that requests go into.
#[derive(Clone)]
pub(crate) struct Lanes {
    pub questions: mpsc::Sender<Job>,
    pub writer: mpsc::Sender<Job>,
    pub life: mpsc::Sender<Job>,
}

impl Lanes {
    /// Puts a job in its lane's queue, if there is room.
    pub(crate) fn send(&self, lane: Lane, job: Job) -> Result<(), TrySendError<()>> {
        let queue = match lane {
            Lane::Questions => &self.questions,
            Lane::Writer => &self.writer,
            Lane::Life => &self.life,
        };
        queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => TrySendError::Full(()),
            TrySendError::Closed(_) => TrySendError::Closed(()),
        })
    }
}

/// By what a running question is known to the engine, so that it can be cancelled.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    /// What `log_comment` is set to.
    pub text: String,
    /// Whether the engine works on it.
    pub running: Arc<AtomicBool>,
}

/// Cancels a question when its asker goes away before the answer.
pub(crate) struct Asking<'a> {
    lanes: &'a Lanes,
    label: Label,
    answered: bool,
}

impl<'a> Asking<'a> {
    pub(crate) fn new(lanes: &'a Lanes) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let text = format!("etiage-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let label = Label { text, running: Arc::default() };
        Self { lanes, label, answered: false }
    }

    pub(crate) fn label(&self) -> Label {
        self.label.clone()
    }

    pub(crate) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        // One that still waits is left out when its turn comes.
        if !self.answered && self.label.running.load(Ordering::Acquire) {
            let label = self.label.text.clone();
            let _ = self.lanes.send(Lane::Life, Job::Cancel { label });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_named() {
        let of = |name: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, name.parse().unwrap());
            Lane::of(&headers)
        };
        assert_eq!(Lane::of(&HeaderMap::new()), Some(Lane::Questions));
        assert_eq!(of("writer"), Some(Lane::Writer));
        assert_eq!(of("life"), Some(Lane::Life));
        assert_eq!(of("fast"), None);
    }
}
