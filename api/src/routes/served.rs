//! What the API counts of itself, for `/metrics`.

use crate::questions::Counted;
use crate::state::ApiState;

/// What the API counts of itself, at one moment.
#[derive(Debug)]
pub(super) struct Served {
    /// Connections that are open, and those of them that wait for a request.
    pub(super) connections: (usize, usize),
    /// Connections that were refused or ended, by reason.
    pub(super) refused: Vec<(&'static str, u64)>,
    /// Questions to the database.
    pub(super) questions: Counted,
    /// Questions that were answered with another's answer.
    pub(super) joined: u64,
    /// Wrong tokens, and those of them that were told to wait.
    pub(super) wrong_tokens: (u64, u64),
    /// Live streams that were refused.
    pub(super) streams_refused: u64,
}

impl Served {
    pub(super) fn of(state: &ApiState) -> Self {
        let counts = state.house().counts();
        Self {
            connections: state.house().open(),
            refused: counts.map(|(reason, count)| (reason.name(), count)).collect(),
            questions: state.questions().counted(),
            joined: state.flights().joined(),
            wrong_tokens: state.attempts().counts(),
            streams_refused: state.streams().refused(),
        }
    }

    /// Questions that were refused, by reason.
    pub(super) fn questions_refused(&self) -> [(&'static str, u64); 4] {
        let Counted { queue_full, share_full, too_late, gone, .. } = self.questions;
        [
            ("queue_full", queue_full),
            ("share_full", share_full),
            ("too_late", too_late),
            ("gone", gone),
        ]
    }
}
