//! What questions of the history have in common.

use etiage_store::{Filter, TimeRange};

use super::asking::ExplainParams;
use super::pairs::Pairs;
use super::query::{FilterParams, RangeParams, StepParams};
use crate::problem::ApiError;
use crate::settings::Settings;

/// A question of the history while it is read: which time, how fine, what to count at all. Parameters of its own are
/// taken from `pairs` in between; what is wrong is told in the order in which they are taken.
pub(crate) struct History<'a> {
    pub(crate) pairs: Pairs,
    settings: &'a Settings,
    range: Option<TimeRange>,
    step_secs: Option<u32>,
}

impl<'a> History<'a> {
    /// Begins with the range.
    pub(crate) fn new(mut pairs: Pairs, settings: &'a Settings) -> Self {
        let range = RangeParams::take(&mut pairs).resolve(&mut pairs, settings.clock.now());
        Self { pairs, settings, range, step_secs: None }
    }

    /// How fine; `None` if that is wrong. With `unbounded`, a step that is given may make any number of buckets.
    pub(crate) fn step(&mut self, unbounded: bool) -> Option<u32> {
        let step = StepParams::take(&mut self.pairs);
        let bound = self.range.as_ref().filter(|_| !(unbounded && step.is_given()));
        self.step_secs = step.resolve(&mut self.pairs, bound);
        self.step_secs
    }

    /// What to count at all.
    pub(crate) fn filter(&mut self) -> Filter {
        FilterParams::take(&mut self.pairs).resolve(&mut self.pairs, self.settings)
    }

    /// Whether the statements are wanted instead of the answer.
    pub(crate) fn explain(&mut self) -> bool {
        ExplainParams::take(&mut self.pairs)
    }

    /// The range, if nothing was wrong.
    ///
    /// # Errors
    /// [`ApiError::Parameters`] with everything that was.
    pub(crate) fn finish(self) -> Result<TimeRange, ApiError> {
        self.pairs.finish()?;
        self.range.ok_or_else(ApiError::unresolved)
    }

    /// The range and the step in seconds, if nothing was wrong.
    ///
    /// # Errors
    /// [`ApiError::Parameters`] with everything that was.
    pub(crate) fn finish_with_step(self) -> Result<(TimeRange, u32), ApiError> {
        let step_secs = self.step_secs;
        let range = self.finish()?;
        Ok((range, step_secs.ok_or_else(ApiError::unresolved)?))
    }
}
