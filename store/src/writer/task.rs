//! The task that inserts.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etiage_aggregator::Batch;
use tokio::time::Instant;

use super::database::Database;
use super::shared::{Shared, State};
use crate::error::Refusal;
use crate::spool::Spool;

/// Attempts after which a group is set aside whose error is not known to be about its content, nor to pass:
/// a quarter of an hour of the longest pauses.
const UNKNOWN_REFUSALS: u32 = 100;

/// How often the database's durable mark is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// Marks are asked for no more often than so, where the spool's room is short.
const ASK: Duration = Duration::from_secs(2);
/// The part of the spool that may wait for a mark before one is asked for.
const WAITING_PART: u64 = 8;

/// Inserts until the writer is closed and everything was acknowledged.
pub(super) async fn run<D: Database>(database: D, shared: Arc<Shared>) {
    let _ended = EndGuard(Arc::clone(&shared));
    let task = Task {
        database,
        shared,
        id: rand::random(),
        epoch: AtomicU64::new(0),
        knows: AtomicBool::new(false),
        looked: Mutex::new(None),
    };
    let mut number = 0_u64;
    while let Some(source) = task.wait_for_work().await {
        let began = Instant::now();
        let rows = match source {
            Source::Spool => task.insert_from_spool().await,
            Source::Memory => {
                number += 1;
                task.insert_from_memory(number).await
            }
        };
        // A filled spool is emptied no faster than the database has leave to be asked.
        let share = Duration::from_secs_f64(
            rows as f64 / task.shared.settings.rows_per_second.max(1) as f64,
        );
        tokio::time::sleep_until(began + share).await;
    }
}

struct Task<D> {
    database: D,
    shared: Arc<Shared>,
    /// Random, so that no two writers ever use the same token for what comes from memory.
    id: u128,
    /// The database's last rollback, as the spool knows it.
    epoch: AtomicU64,
    /// Whether it knows it: nothing leaves before.
    knows: AtomicBool,
    /// When the mark was looked at last.
    looked: Mutex<Option<Instant>>,
}

/// How an insert ended.
enum Inserted {
    Taken,
    /// For its content, for good.
    Refused(String),
    /// The database was taken back to its last durable mark.
    TakenBack,
}

/// Where the next block comes from.
enum Source {
    Spool,
    Memory,
}

/// What the queue and the spool ask of the task.
enum Look {
    /// A block, now.
    Due(Source),
    /// A block, then.
    DueAt(Instant),
    /// Nothing yet.
    Empty,
    /// Nothing ever more.
    Ended,
}

impl<D: Database> Task<D> {
    /// Waits until a block is due; `None` when closed and empty.
    async fn wait_for_work(&self) -> Option<Source> {
        loop {
            self.follow_marks().await;
            let due = match self.look() {
                Look::Due(source) => return Some(source),
                Look::Ended => return None,
                Look::DueAt(due) => Some(due),
                Look::Empty => None,
            };
            let woken = self.shared.work.notified();
            let due = due.into_iter().chain(self.next_look()).min();
            match due {
                // Whichever comes first; then everything is looked at again.
                Some(due) => drop(tokio::time::timeout_at(due, woken).await),
                None => woken.await,
            }
        }
    }

    fn look(&self) -> Look {
        let settings = &self.shared.settings;
        let mut state = self.shared.lock();
        let from_memory = !state.has_spool || state.spool_error.is_some();
        let (source, since, rows) = if state.spool.records > 0 {
            (Source::Spool, state.spooled_since, state.spool.rows as usize)
        } else if let Some(first) = state.queue.front().filter(|_| from_memory) {
            (Source::Memory, Some(first.since), state.queued_rows)
        } else if state.queue.is_empty() && state.flying.is_none() {
            state.flush = false;
            return if state.closed { Look::Ended } else { Look::Empty };
        } else {
            return Look::Empty; // On its way to the spool.
        };
        let now = Instant::now();
        let due = since.map_or(now, |since| since + settings.collect);
        let full = rows >= settings.block_rows;
        if full || state.flush || state.closed || due <= now {
            Look::Due(source)
        } else {
            Look::DueAt(due)
        }
    }

    /// When the database's mark is to be looked at next, even if nothing happens; `None` where there is no spool.
    fn next_look(&self) -> Option<Instant> {
        self.shared.spool.as_ref()?;
        let looked = *self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let state = self.shared.lock();
        let waiting = state.spool.unforced_bytes > state.spool.max_bytes / WAITING_PART;
        let every = if waiting { ASK } else { LOOK };
        let has_marks = state.counts.mark.is_some() || !self.knows.load(Ordering::Relaxed);
        has_marks.then(|| looked.map_or(now, |looked| looked + every))
    }

    /// Tells the spool of the database's last durable mark, now and again.
    async fn follow_marks(&self) {
        let now = Instant::now();
        let knew = self.knows.load(Ordering::Relaxed);
        if self.next_look().is_none_or(|due| due > now && knew) {
            return;
        }
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        let take = {
            let state = self.shared.lock();
            state.spool.unforced_bytes > state.spool.max_bytes / WAITING_PART
        };
        let marked = match self.database.marked(take).await {
            Ok(marked) => Arc::new(marked),
            Err(error) => {
                let text = error.to_string();
                tracing::debug!("the database's durable mark: {text}");
                if !knew {
                    let mut state = self.shared.lock();
                    state.counts.failed_inserts += 1;
                    state.counts.last_error = Some(text);
                }
                return;
            }
        };
        self.shared.lock().counts.mark =
            marked.as_ref().as_ref().map(|marked| (marked.age, marked.failure.clone()));
        let for_spool = Arc::clone(&marked);
        let follow = move |spool: &mut Spool| spool.follow(for_spool.as_ref().as_ref());
        if self.with_spool(follow).await.is_some() {
            let epoch = marked.as_ref().as_ref().map_or(0, |marked| marked.epoch);
            self.epoch.store(epoch, Ordering::Relaxed);
            self.knows.store(true, Ordering::Relaxed);
            self.shared.announce_progress(); // There may be room again.
        }
    }

    /// Inserts a block from the queue; its rows.
    async fn insert_from_memory(&self, number: u64) -> u64 {
        let block = self.take_block();
        let token = format!("{:032x}-memory-{number}", self.id);
        let refused = match self.insert(&block, &token, 0).await {
            Inserted::Refused(reason) => Some(reason),
            Inserted::Taken | Inserted::TakenBack => None,
        };
        let mut state = self.shared.lock();
        let rows = std::mem::take(&mut state.flying_rows) as u64;
        state.flying = None;
        if let Some(reason) = refused {
            // There is no disk to set it aside on.
            state.counts.dropped_rows += rows;
            let octets: u64 = block.iter().map(crate::spool::octets_of).sum();
            state.counts.dropped_octets += octets;
            tracing::error!(rows, "rows are dropped, for the database refuses them: {reason}");
        } else {
            acknowledged(&mut state, rows, &block);
        }
        drop(state);
        self.shared.spooling.notify_all();
        self.shared.announce_progress();
        rows
    }

    fn take_block(&self) -> Vec<Batch> {
        let mut state = self.shared.lock();
        let mut block = Vec::new();
        state.flying = state.queue.front().map(|queued| queued.number);
        while state.flying_rows < self.shared.settings.block_rows {
            let Some(queued) = state.queue.pop_front() else { break };
            state.queued_rows -= queued.rows;
            state.flying_rows += queued.rows;
            block.push(queued.batch);
        }
        block
    }

    /// Inserts a group from the spool; its rows.
    async fn insert_from_spool(&self) -> u64 {
        let settings = &self.shared.settings;
        if !self.knows.load(Ordering::Relaxed) {
            tokio::time::sleep(settings.first_pause).await; // Until the database answers.
            return 0;
        }
        // No more at once than a second's share, so that the bound on the rate is no saw.
        let block_rows = (settings.block_rows as u64).min(settings.rows_per_second);
        let Some(Some(group)) = self.with_spool(move |spool| spool.next_group(block_rows)).await
        else {
            return 0;
        };
        let epoch = self.epoch.load(Ordering::Relaxed);
        let refused = match self.insert(&group.batches, &group.token, epoch).await {
            Inserted::Taken => None,
            Inserted::Refused(reason) => Some(reason),
            Inserted::TakenBack => {
                self.knows.store(false, Ordering::Relaxed);
                return 0;
            }
        };
        let group = Arc::new(group);
        loop {
            let (group, refused) = (Arc::clone(&group), refused.clone());
            let leave = move |spool: &mut Spool| match &refused {
                Some(reason) => spool.set_aside(&group, reason),
                None => spool.acknowledge(&group),
            };
            if self.with_spool(leave).await.is_some() {
                break;
            }
        }
        let mut state = self.shared.lock();
        if refused.is_none() {
            acknowledged(&mut state, group.rows, &group.batches);
        }
        state.counts.last_error = None;
        // What came meanwhile collects anew.
        state.spooled_since = state.spooled_since.map(|_| Instant::now());
        drop(state);
        self.shared.announce_progress();
        group.rows
    }

    /// Does something with the spool, off the async threads: it waits for the disk. After an error,
    /// which is logged, pauses.
    async fn with_spool<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Spool) -> io::Result<T> + Send + 'static,
    ) -> Option<T> {
        let shared = Arc::clone(&self.shared);
        let act = move || {
            let mut spool = lock_spool(&shared)?;
            let result = act(&mut spool);
            shared.lock().see_spool(&spool);
            Some(result)
        };
        let done = if D::INLINE { Ok(act()) } else { tokio::task::spawn_blocking(act).await };
        match done {
            Ok(Some(Ok(result))) => return Some(result),
            Ok(Some(Err(error))) => {
                let text = format!("the spool cannot be read or written: {error}");
                tracing::error!("{text}");
                self.shared.lock().counts.last_error = Some(text);
            }
            Ok(None) | Err(_) => {}
        }
        tokio::time::sleep(self.shared.settings.longest_pause).await;
        None
    }

    /// Until it succeeds, or the database refuses it for good.
    async fn insert(&self, block: &[Batch], token: &str, epoch: u64) -> Inserted {
        let settings = &self.shared.settings;
        let mut pause = settings.first_pause;
        let mut attempts = 0_u64;
        let (mut refused, mut unknown) = (0_u32, 0_u32);
        while let Err(error) = self.database.insert(block, token, epoch).await {
            if error.is_other_epoch() {
                return Inserted::TakenBack;
            }
            attempts += 1;
            let text = error.to_string();
            // Once at 1, 2, 4, 8, …: a database that is away for a day does not fill the log.
            if attempts.is_power_of_two() {
                tracing::warn!(attempts, "rows are kept, for they cannot be written: {text}");
            }
            match error.refusal() {
                Refusal::Content => refused += 1,
                Refusal::Unknown => unknown += 1,
                Refusal::Passing => (refused, unknown) = (0, 0),
            }
            {
                let mut state = self.shared.lock();
                state.counts.failed_inserts += 1;
                state.counts.last_error = Some(text.clone());
            }
            if refused >= settings.refusals || unknown >= UNKNOWN_REFUSALS {
                return Inserted::Refused(text);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(settings.longest_pause);
        }
        if attempts > 0 {
            tracing::info!(attempts, "rows are written again");
        }
        Inserted::Taken
    }
}

fn lock_spool(shared: &Shared) -> Option<MutexGuard<'_, Spool>> {
    Some(shared.spool.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
}

fn acknowledged(state: &mut State, rows: u64, block: &[Batch]) {
    state.counts.written_rows += rows;
    state.counts.last_error = None;
    let newest = block.iter().map(|batch| batch.start).max();
    state.counts.last_written_interval = state.counts.last_written_interval.max(newest);
}

/// Tells everybody who waits that the writer has gone, also when its task was aborted.
struct EndGuard(Arc<Shared>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.spooling.notify_all();
        self.0.announce_progress();
    }
}
