//! What is known of the engine's process by those who ask it.

use std::sync::Arc;

use tokio::sync::watch;

/// The engine's process, as its supervisor sees it. Clones know the same.
#[derive(Clone, Debug)]
pub struct Presence(Arc<watch::Sender<State>>);

/// How the process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// There is none: it has ended, and is being started again.
    #[default]
    Away,
    /// It answers.
    Serves { pid: u32 },
    /// It runs, and has not answered its last sign of life.
    Silent { pid: u32 },
}

/// Why an engine that has ended does not answer.
const ENDED: &str = "the embedded engine has ended, and is being started again";

impl State {
    const fn absence(self) -> Option<&'static str> {
        match self {
            Self::Serves { .. } => None,
            Self::Silent { .. } => Some("the embedded engine gives no sign of life"),
            Self::Away => Some(ENDED),
        }
    }
}

impl Default for Presence {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(State::Away)))
    }
}

impl Presence {
    /// The process that serves, if there is one.
    pub fn pid(&self) -> Option<u32> {
        match *self.0.borrow() {
            State::Away => None,
            State::Serves { pid } | State::Silent { pid } => Some(pid),
        }
    }

    /// Completes when the engine is known not to answer, at once if it is known already: nothing that was
    /// asked of it is worth waiting for.
    pub(crate) async fn lost(&self) -> &'static str {
        let mut state = self.0.subscribe();
        let lost = state.wait_for(|state| state.absence().is_some()).await;
        lost.ok().and_then(|state| state.absence()).unwrap_or(ENDED)
    }

    /// Why the engine is known not to answer just now; none if it does.
    pub(crate) fn absence(&self) -> Option<&'static str> {
        self.0.borrow().absence()
    }

    pub(super) fn set(&self, pid: Option<u32>) {
        self.0.send_replace(pid.map_or(State::Away, |pid| State::Serves { pid }));
    }

    /// Whether it answered its last sign of life.
    pub(super) fn heard(&self, answered: bool) {
        self.0.send_if_modified(|state| {
            let next = match (*state, answered) {
                (State::Serves { pid } | State::Silent { pid }, true) => State::Serves { pid },
                (State::Serves { pid } | State::Silent { pid }, false) => State::Silent { pid },
                (State::Away, _) => State::Away,
            };
            std::mem::replace(state, next) != next
        });
    }
}

impl PartialEq for Presence {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Presence {}
