//! What the writer's sides share: a queue, counters, and how they wake each other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use etiage_aggregator::Batch;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::WriterSettings;
use crate::rows;
use crate::spool::{Spool, SpoolStats, octets_of};

/// How the writer fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriterStats {
    /// Rows handed in and not yet acknowledged, in memory and in the spool.
    pub queued_rows: u64,
    /// Rows the database has acknowledged.
    pub written_rows: u64,
    /// Attempts that failed.
    pub failed_inserts: u64,
    /// Rows dropped because the queue in memory was full, or the spool was.
    pub dropped_rows: u64,
    /// Octets those rows had counted.
    pub dropped_octets: u64,
    /// Why the last attempt failed; none after a success.
    pub last_error: Option<String>,
    /// Start of the newest interval that was acknowledged, in seconds since the Unix epoch.
    pub last_written_interval: Option<u32>,
    /// The spool; none if rows are kept in memory alone.
    pub spool: Option<SpoolStats>,
    /// Why the spool cannot be written at the moment: rows are kept in memory.
    pub spool_error: Option<String>,
    /// Seconds since the embedded engine's last durable mark, and why there is no newer one; none where there
    /// are no marks.
    pub mark: Option<(u64, Option<String>)>,
}

pub(super) struct Shared {
    pub(super) settings: WriterSettings,
    /// Locked for as long as the disk takes: never by who must not wait, and never while `state` is.
    pub(super) spool: Option<Mutex<Spool>>,
    state: Mutex<State>,
    /// Wakes the task: something to insert, a flush, the end.
    pub(super) work: Notify,
    /// Wakes whoever waits for room or for acknowledgement.
    pub(super) progress: Notify,
    /// The same for threads that are not of the async kind.
    pub(super) room: Condvar,
    /// Wakes the spool's thread.
    pub(super) spooling: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) queue: VecDeque<Queued>,
    pub(super) queued_rows: usize,
    /// Rows from memory that are being inserted, or on their way to the spool.
    pub(super) flying_rows: usize,
    /// Number of the last batch handed in; batches are numbered from 1.
    pub(super) last_number: u64,
    /// Number of the first batch that is inserted from memory or on its way to the spool, if any.
    pub(super) flying: Option<u64>,
    /// Open intervals by worker.
    pub(super) open: BTreeMap<u32, Arc<Vec<Batch>>>,
    /// They have changed since they were written down.
    pub(super) open_changed: bool,
    /// Somebody waits for all that is here now.
    pub(super) flush: bool,
    /// Nothing more is taken in.
    pub(super) closed: bool,
    /// The writer's task has gone.
    pub(super) ended: bool,
    /// What the spool held when it was last touched.
    pub(super) spool: SpoolStats,
    pub(super) has_spool: bool,
    /// Since when records wait in the spool.
    pub(super) spooled_since: Option<Instant>,
    /// Why the spool cannot be written.
    pub(super) spool_error: Option<String>,
    pub(super) counts: WriterStats,
}

pub(super) struct Queued {
    pub(super) number: u64,
    pub(super) since: Instant,
    pub(super) rows: usize,
    pub(super) batch: Batch,
}

impl Shared {
    pub(super) fn new(settings: WriterSettings, spool: Option<Spool>) -> Self {
        let mut state = State { has_spool: spool.is_some(), ..State::default() };
        if let Some(spool) = &spool {
            state.see_spool(spool);
        }
        Self {
            settings,
            spool: spool.map(Mutex::new),
            state: Mutex::new(state),
            work: Notify::new(),
            progress: Notify::new(),
            room: Condvar::new(),
            spooling: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Counters and a queue: whatever a panicking thread left is still usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn announce_progress(&self) {
        self.progress.notify_waiters();
        self.room.notify_all();
    }

    /// After something was handed in.
    pub(super) fn wake(&self, state: &State) {
        if state.has_spool {
            self.spooling.notify_all();
        }
        // The first batch starts the task's clock; a full block ends it early.
        if state.queue.len() == 1 || state.queued_rows >= self.settings.block_rows {
            self.work.notify_one();
        }
    }
}

impl State {
    pub(super) fn push(&mut self, batch: Batch, max_rows: usize) {
        let rows = rows::count(&batch);
        self.last_number += 1;
        let (number, since) = (self.last_number, Instant::now());
        self.queue.push_back(Queued { number, since, rows, batch });
        self.queued_rows += rows;
        // What is being inserted cannot be dropped, and the newest batch is never dropped.
        while self.queued_rows + self.flying_rows > max_rows && self.queue.len() > 1 {
            let Some(oldest) = self.queue.pop_front() else { return };
            self.queued_rows -= oldest.rows;
            self.counts.dropped_rows += oldest.rows as u64;
            self.counts.dropped_octets += octets_of(&oldest.batch);
        }
    }

    pub(super) fn remember(&mut self, worker: u32, open: Vec<Batch>) {
        if open.is_empty() {
            self.open_changed |= self.open.remove(&worker).is_some();
        } else {
            self.open.insert(worker, Arc::new(open));
            self.open_changed = true;
        }
    }

    /// Whether there is room for so many rows, or no use in waiting for it.
    pub(super) fn is_open_for(&self, rows: usize, shared: &Shared) -> bool {
        let max_rows = shared.settings.max_rows;
        let memory = self.queued_rows + self.flying_rows + rows <= max_rows
            || (self.queue.is_empty() && self.flying.is_none());
        // The spool is filled by what has left memory: as long as anything is there it may become full.
        let spool = !self.has_spool
            || !self.spool.nearly_full && self.queued_rows + self.flying_rows <= rows.max(1_000);
        self.closed || self.ended || memory && spool
    }

    /// Whether a batch was acknowledged, dropped or has come to the spool.
    pub(super) fn has_left_memory(&self, number: u64) -> bool {
        let queued = || self.queue.front().map(|queued| queued.number);
        self.flying.or_else(queued).is_none_or(|oldest| oldest > number)
    }

    /// Looks at the spool after it was touched.
    pub(super) fn see_spool(&mut self, spool: &Spool) {
        self.spool = spool.stats();
        if self.spool.records == 0 {
            self.spooled_since = None;
        } else if self.spooled_since.is_none() {
            self.spooled_since = Some(Instant::now());
        }
    }

    pub(super) fn stats(&self) -> WriterStats {
        let spool = self.has_spool.then_some(self.spool);
        WriterStats {
            queued_rows: (self.queued_rows + self.flying_rows) as u64 + self.spool.rows,
            dropped_rows: self.counts.dropped_rows + self.spool.dropped_rows,
            dropped_octets: self.counts.dropped_octets.saturating_add(self.spool.dropped_octets),
            spool,
            spool_error: self.spool_error.clone(),
            ..self.counts.clone()
        }
    }
}
