//! What to do next, and when.

use std::collections::BTreeSet;

use super::{Held, Item, JournalEntry, Labels, Queue, Tried, silenced};
use crate::Transition;

/// What a receiver's task is to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Work {
    /// Send this, whose event the receiver knows by these labels.
    Send {
        item: Box<Item>,
        /// Labels of what it knows; none where it knows nothing.
        known: Labels,
        /// The number of the message that told of the event first.
        first: u64,
        /// It was not tried before.
        fresh: bool,
    },
    /// Say again that these fire.
    Repeat(Vec<Held>),
    /// Nothing before this moment.
    Wait(i64),
}

/// Whatever happens, the clock is looked at again after so long: it may have been set.
const LONGEST_WAIT: i64 = 60_000;

impl Queue {
    /// What to do now. What is to be sent counts as under way until it is settled or has failed.
    pub(crate) fn next(&mut self, now: i64) -> Work {
        let mut wait = now + LONGEST_WAIT;
        let mut chosen: Option<(&Item, (bool, i64))> = None;
        let mut events = BTreeSet::new();
        for item in &self.items {
            // An event's messages keep their order.
            if !events.insert(item.event.id.as_str()) {
                continue;
            }
            // The end of what was told is told in any case.
            if item.transition != Transition::Resolved
                && let Some(until) = silenced(&item.event, now)
            {
                wait = wait.min(until);
                continue;
            }
            let key = self.tries.get(&item.number).map_or((false, 0), |tried| (true, tried.last));
            // Which was not tried, or not for the longest time: one that always fails holds up no other.
            if chosen.as_ref().is_none_or(|(_, best)| key < *best) {
                chosen = Some((item, key));
            }
        }
        let longest = now + self.limits.longest_pause;
        if let Some((item, (tried, _))) = chosen {
            let closed = self.closed_until.min(longest);
            let due = if tried { closed.max(self.gate.min(longest)) } else { closed };
            if due <= now {
                let (item, fresh) = (Box::new(item.clone()), !tried);
                let held = self.held.get(&item.event.id);
                let known = held.map(|held| held.labels.clone()).unwrap_or_default();
                let first = held.map_or(item.number, |held| held.first);
                self.flying = Some(item.number);
                return Work::Send { item, known, first, fresh };
            }
            wait = wait.min(due);
        }
        let updates = self.held.values().filter_map(|held| self.update_due(held, now));
        wait = updates.fold(wait, i64::min);
        if let Some(every) = self.limits.repeat
            && self.held.values().any(|held| held.fired)
        {
            let due = self.repeat_at.min(now + every).max(self.closed_until.min(longest));
            if due <= now {
                let firing = self.held.values().filter(|held| held.fired);
                return Work::Repeat(firing.cloned().collect());
            }
            wait = wait.min(due);
        }
        Work::Wait(wait.max(now + 1))
    }

    /// The receiver has taken a message, and knows its event by these labels from now on.
    pub(crate) fn delivered(&mut self, number: u64, labels: Labels, now: i64) -> JournalEntry {
        // Whoever waits for a receiver that was away need not wait any longer.
        self.failures = 0;
        self.gate = 0;
        self.closed_until = 0;
        if let Some(every) = self.limits.repeat
            && !self.held.values().any(|held| held.fired)
        {
            self.repeat_at = now + every;
        }
        JournalEntry::Settled { number, taken: Some(labels) }
    }

    /// A message could not be delivered, and is tried again. `chance` from 0 to 1 spreads those who
    /// failed together; `after` is what the receiver asked for.
    pub(crate) fn failed(&mut self, number: u64, now: i64, chance: f64, after: Option<i64>) {
        if self.flying == Some(number) {
            self.flying = None;
        }
        self.tries.insert(number, Tried { last: now });
        self.pause(now, chance, after);
    }

    /// What fires was said again, or could not be.
    pub(crate) fn repeated(&mut self, now: i64, chance: f64, failed: Option<Option<i64>>) {
        match failed {
            None => {
                self.failures = 0;
                self.gate = 0;
                self.repeat_at = now + self.limits.repeat.unwrap_or(0);
            }
            Some(after) => {
                self.pause(now, chance, after);
                self.repeat_at = self.gate;
            }
        }
    }

    fn pause(&mut self, now: i64, chance: f64, after: Option<i64>) {
        let doubled = self.limits.first_pause.saturating_mul(1 << self.failures.min(30));
        let pause = doubled.min(self.limits.longest_pause) as f64;
        // From a half to the whole.
        self.gate = now + (pause * (0.5 + 0.5 * chance.clamp(0.0, 1.0))) as i64;
        self.failures = self.failures.saturating_add(1);
        if let Some(after) = after {
            self.closed_until = now + after.clamp(0, self.limits.longest_pause);
        }
    }
}
