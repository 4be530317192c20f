//! Who changes tables, and the moments in which nobody does.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::mark::{Mark, Sent};
use crate::engine::Session;

/// Spools that are remembered; an appliance has one.
const SPOOLS: usize = 256;

/// What a statement does to tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Reads,
    Inserts,
    /// Makes or alters tables, or deletes expired rows.
    Changes,
    /// Takes tables away or renames them.
    Removes,
}

impl Kind {
    pub(crate) fn of(sql: &str) -> Self {
        let word = sql.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        match word.trim_start_matches('(') {
            "SELECT" | "WITH" | "SHOW" | "DESCRIBE" | "DESC" | "EXPLAIN" | "EXISTS" | "USE"
            | "SET" | "SYSTEM" | "KILL" | "CHECK" | "BACKUP" => Self::Reads,
            "INSERT" => Self::Inserts,
            "DROP" | "RENAME" | "TRUNCATE" | "EXCHANGE" | "DETACH" => Self::Removes,
            _ => Self::Changes,
        }
    }
}

/// The group that an insert is a part of: its token begins with the spool's id, first and last record.
pub(crate) fn spool_of(session: &Session) -> Option<(u128, Sent)> {
    let token = |(name, _): &&(String, String)| name == "insert_deduplication_token";
    let (_, token) = session.settings.iter().find(token)?;
    let mut words = token.splitn(4, '-');
    let id = words.next().filter(|id| id.len() == 32)?;
    let id = u128::from_str_radix(id, 16).ok()?;
    Some((id, (words.next()?.parse().ok()?, words.next()?.parse().ok()?)))
}

#[derive(Default)]
struct State {
    running: usize,
    /// A mark waits for those to end: no other begins.
    listing: bool,
    /// Rows were inserted since the last mark.
    inserted: bool,
    /// Tables were made or changed since.
    changed: bool,
    spools: BTreeMap<u128, Sent>,
    /// Inserts whose data has come, and since when they should be about to end; by number.
    ending: BTreeMap<u64, Instant>,
    endings: u64,
}

/// Lets statements in, or holds them back for a moment.
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

/// A statement under way.
pub(crate) struct Running<'a>(Option<&'a Gate>);

/// An insert whose data has come.
pub(crate) struct Ending<'a>(&'a Gate, u64);

impl Gate {
    pub(crate) fn new(mark: &Mark) -> Self {
        // Where nothing is listed yet, something may have been there before there were marks.
        let changed = mark.tables.is_empty();
        let state = State { spools: mark.spools.clone(), changed, ..State::default() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn reads(&self) -> Running<'_> {
        Running(None)
    }

    /// Waits while tables are listed.
    pub(crate) fn enter(&self, kind: Kind, spool: Option<(u128, Sent)>) -> Running<'_> {
        let state = self.lock();
        let waited = self.changed.wait_while(state, |state| state.listing);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.running += 1;
        match kind {
            Kind::Inserts => state.inserted = true,
            _ => state.changed = true,
        }
        if let Some((id, sent)) = spool {
            state.spools.insert(id, sent);
            while state.spools.len() > SPOOLS {
                state.spools.pop_first();
            }
        }
        Running(Some(self))
    }

    /// Notes that an insert's data has come: what is left is the engine's alone.
    pub(crate) fn ends(&self, now: Instant) -> Ending<'_> {
        let mut state = self.lock();
        state.endings += 1;
        let number = state.endings;
        state.ending.insert(number, now);
        Ending(self, number)
    }

    /// For how long the oldest of these has not ended.
    pub(crate) fn longest_ending(&self, now: Instant) -> Duration {
        let state = self.lock();
        let oldest = state.ending.values().min();
        oldest.map_or(Duration::ZERO, |since| now.saturating_duration_since(*since))
    }

    /// Whether a mark must come before a statement: of tables that were made since, before what a spool
    /// forgets is inserted into them; of rows, before what they were made from is taken away.
    pub(crate) fn wants_a_mark(&self, kind: Kind, from_spool: bool) -> bool {
        let state = self.lock();
        match kind {
            Kind::Inserts => from_spool && state.changed,
            Kind::Removes => state.inserted,
            Kind::Reads | Kind::Changes => false,
        }
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.lock().changed
    }

    /// Does something while nothing runs; nothing is done if that takes too long.
    pub(crate) fn while_quiet<T>(
        &self,
        patience: Duration,
        act: impl FnOnce(BTreeMap<u128, Sent>) -> T,
    ) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        state.listing = true;
        while state.running > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.listing = false;
                self.changed.notify_all();
                return None;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        (state.inserted, state.changed) = (false, false);
        let spools = state.spools.clone();
        drop(state);
        let done = act(spools);
        self.lock().listing = false;
        self.changed.notify_all();
        Some(done)
    }

    /// What was listed is not durable after all.
    pub(crate) fn mark_failed(&self) {
        let mut state = self.lock();
        (state.inserted, state.changed) = (true, true);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.0 {
            gate.lock().running -= 1;
            gate.changed.notify_all();
        }
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let Self(gate, number) = self;
        gate.lock().ending.remove(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_insert_that_does_not_end_counts() {
        let gate = Gate::new(&Mark::default());
        let start = Instant::now();
        let after = |secs| start + Duration::from_secs(secs);
        assert_eq!(gate.longest_ending(after(9)), Duration::ZERO);
        let first = gate.ends(start);
        let second = gate.ends(after(5));
        assert_eq!(gate.longest_ending(after(9)), Duration::from_secs(9));
        drop(first);
        assert_eq!(gate.longest_ending(after(9)), Duration::from_secs(4));
        drop(second);
        assert_eq!(gate.longest_ending(after(9)), Duration::ZERO);
    }
}
