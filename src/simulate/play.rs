//! Simulated traffic that goes on while the appliance runs, at so many times real speed.

use std::thread;
use std::time::{Duration, Instant};

use etiage_simulator::{Scenario, Stretch, World};
use etiage_store::WriterHandle;

use crate::appliance::Stop;

/// Longest sleep between two intervals, so that a stop is noticed.
const NAP: Duration = Duration::from_millis(100);

/// What is played.
pub(super) struct Play {
    pub(super) world: World,
    /// All of history: what was before goes on where it was.
    pub(super) stretches: Vec<Stretch>,
    pub(super) scenario: Scenario,
    pub(super) probe: String,
    /// The first second that is played.
    pub(super) from: u32,
    /// Times real speed.
    pub(super) speed: u32,
}

impl Play {
    /// Plays to the end, or until stopped: whether it has come to the end.
    pub(super) fn run(self, writer: &WriterHandle, stop: &Stop) -> bool {
        let Self { world, stretches, scenario, probe, from, speed } = self;
        let mut begun = None;
        for batch in world.history(&probe, &stretches, scenario) {
            if stop.is_set() {
                return false;
            }
            if batch.start < from {
                continue;
            }
            let begun = *begun.get_or_insert_with(Instant::now);
            let due = Duration::from_secs(u64::from(batch.start + batch.seconds - from)) / speed;
            loop {
                let left = due.saturating_sub(begun.elapsed());
                if stop.is_set() {
                    return false;
                }
                if left.is_zero() {
                    break;
                }
                thread::sleep(left.min(NAP));
            }
            if writer.blocking_send(batch).is_err() {
                return false;
            }
        }
        true
    }
}
