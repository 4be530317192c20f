//! From batches to acknowledged rows.
//!
//! Two sides with a queue between. Whoever counts hands batches in and never waits for the database;
//! one task collects them into blocks and inserts each until the database acknowledges it. A block is
//! repeated with the same rows and the same token, so that an insert whose answer was lost is not
//! counted twice. The queue is bounded in rows: while the database is away the newest are kept, the
//! oldest dropped and counted.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etiage_aggregator::Batch;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::{Store, rows};

/// How the writer collects and how much it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterSettings {
    /// A batch waits at most this long for others to share its block. ClickHouse wants about one
    /// insert a second and table.
    pub collect: Duration,
    /// A block is inserted at once when it has this many rows.
    pub block_rows: usize,
    /// Rows kept while the database is away; beyond that the oldest are dropped. A row takes about
    /// 100 bytes.
    pub max_rows: usize,
    /// First pause after a failed insert; doubled with each further one.
    pub first_pause: Duration,
    /// Longest pause between two attempts.
    pub longest_pause: Duration,
}

impl Default for WriterSettings {
    fn default() -> Self {
        Self {
            collect: Duration::from_secs(1),
            block_rows: 50_000,
            max_rows: 2_000_000,
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(10),
        }
    }
}

/// How the writer fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriterStats {
    /// Rows handed in and not yet acknowledged.
    pub queued_rows: u64,
    /// Rows the database has acknowledged.
    pub written_rows: u64,
    /// Attempts that failed.
    pub failed_inserts: u64,
    /// Rows dropped because the queue was full.
    pub dropped_rows: u64,
    /// Octets those rows had counted.
    pub dropped_octets: u64,
    /// Why the last attempt failed; none after a success.
    pub last_error: Option<String>,
    /// Start of the newest interval that was acknowledged, in seconds since the Unix epoch.
    pub last_written_interval: Option<u32>,
}

/// The task that writes; see [`Writer::spawn`].
pub struct Writer {
    store: Store,
    settings: WriterSettings,
    shared: Arc<Shared>,
    /// Random, so that no two writers ever use the same token.
    token: String,
}

/// Where batches are handed in. Clones feed the same writer.
#[derive(Clone)]
pub struct WriterHandle {
    shared: Arc<Shared>,
    max_rows: usize,
    block_rows: usize,
}

struct Shared {
    state: Mutex<State>,
    /// Wakes the writer: a full block, a flush, the end.
    work: Notify,
    /// Wakes whoever waits for room or for acknowledgement.
    progress: Notify,
    /// The same for threads that are not of the async kind.
    room: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Queued>,
    queued_rows: usize,
    /// Rows of the block being inserted.
    flying_rows: usize,
    /// Number of the last batch handed in; batches are numbered from 1.
    last_number: u64,
    /// Number of the first batch being inserted, if any.
    flying: Option<u64>,
    /// Somebody waits for all that is here now.
    flush: bool,
    /// Nothing more is taken in.
    closed: bool,
    /// The writer has gone.
    ended: bool,
    stats: WriterStats,
}

struct Queued {
    number: u64,
    since: Instant,
    rows: usize,
    batch: Batch,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Counters and a queue: whatever a panicking thread left is still usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce_progress(&self) {
        self.progress.notify_waiters();
        self.room.notify_all();
    }
}

impl State {
    fn push(&mut self, batch: Batch, max_rows: usize) {
        let rows = rows::count(&batch);
        self.last_number += 1;
        let (number, since) = (self.last_number, Instant::now());
        self.queue.push_back(Queued { number, since, rows, batch });
        self.queued_rows += rows;
        // What is being inserted cannot be dropped, and the newest batch is never dropped.
        while self.queued_rows + self.flying_rows > max_rows && self.queue.len() > 1 {
            let Some(oldest) = self.queue.pop_front() else { return };
            self.queued_rows -= oldest.rows;
            self.stats.dropped_rows += oldest.rows as u64;
            let octets: u64 = oldest.batch.volumes.iter().map(|volume| volume.octets).sum();
            self.stats.dropped_octets += octets;
        }
    }

    fn has_room(&self, rows: usize, max_rows: usize) -> bool {
        self.queued_rows + self.flying_rows + rows <= max_rows
            || (self.queue.is_empty() && self.flying.is_none())
    }

    /// Number of the oldest batch that is neither acknowledged nor dropped.
    fn oldest(&self) -> Option<u64> {
        self.flying.or_else(|| self.queue.front().map(|queued| queued.number))
    }

    fn is_settled(&self, number: u64) -> bool {
        self.ended || self.oldest().is_none_or(|oldest| oldest > number)
    }
}

impl WriterHandle {
    /// Hands a batch in; never waits. If the queue is full the oldest batches are dropped and counted.
    ///
    /// # Errors
    /// The batch comes back if the writer was closed.
    #[allow(clippy::result_large_err)] // The caller gets its batch back.
    pub fn try_send(&self, batch: Batch) -> Result<(), Batch> {
        let mut state = self.shared.lock();
        if state.closed || state.ended {
            return Err(batch);
        }
        state.push(batch, self.max_rows);
        self.wake(&state);
        Ok(())
    }

    /// Hands a batch in as soon as there is room for it: for replays, which can wait.
    ///
    /// # Errors
    /// The batch comes back if the writer was closed.
    #[allow(clippy::result_large_err)]
    pub async fn send(&self, batch: Batch) -> Result<(), Batch> {
        let rows = rows::count(&batch);
        loop {
            let progress = self.shared.progress.notified();
            tokio::pin!(progress);
            progress.as_mut().enable(); // From here on no progress is missed.
            {
                let state = self.shared.lock();
                if state.closed || state.ended || state.has_room(rows, self.max_rows) {
                    drop(state);
                    return self.try_send(batch);
                }
            }
            progress.await;
        }
    }

    /// As [`WriterHandle::send`], for a thread outside the async runtime.
    ///
    /// # Errors
    /// The batch comes back if the writer was closed.
    #[allow(clippy::result_large_err)]
    pub fn blocking_send(&self, batch: Batch) -> Result<(), Batch> {
        let rows = rows::count(&batch);
        let mut state = self.shared.lock();
        while !(state.closed || state.ended || state.has_room(rows, self.max_rows)) {
            state = self.shared.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        self.try_send(batch)
    }

    fn wake(&self, state: &State) {
        // The first batch starts the writer's clock; a full block ends it early.
        if state.queue.len() == 1 || state.queued_rows >= self.block_rows {
            self.shared.work.notify_one();
        }
    }

    /// How the writer fares now.
    pub fn stats(&self) -> WriterStats {
        let state = self.shared.lock();
        let queued_rows = (state.queued_rows + state.flying_rows) as u64;
        WriterStats { queued_rows, ..state.stats.clone() }
    }

    /// Completes when all that was handed in before is acknowledged (or was dropped, and counted).
    /// While the database is away that may take for ever: put a time limit around it.
    pub async fn flush(&self) {
        let number = {
            let mut state = self.shared.lock();
            state.flush = true;
            state.last_number
        };
        self.shared.work.notify_one();
        self.wait_for(|state| state.is_settled(number)).await;
    }

    /// Takes nothing more in, and completes when all is acknowledged and the writer has ended. As
    /// with [`WriterHandle::flush`], put a time limit around it.
    pub async fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_one();
        self.shared.announce_progress();
        self.wait_for(|state| state.ended).await;
    }

    async fn wait_for(&self, condition: impl Fn(&State) -> bool) {
        loop {
            let progress = self.shared.progress.notified();
            tokio::pin!(progress);
            progress.as_mut().enable();
            if condition(&self.shared.lock()) {
                return;
            }
            progress.await;
        }
    }
}

impl Writer {
    /// Starts the writer's task. It ends after [`WriterHandle::close`].
    pub fn spawn(store: Store, settings: WriterSettings) -> (WriterHandle, JoinHandle<()>) {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::default()),
            work: Notify::new(),
            progress: Notify::new(),
            room: Condvar::new(),
        });
        let handle = WriterHandle {
            shared: Arc::clone(&shared),
            max_rows: settings.max_rows,
            block_rows: settings.block_rows,
        };
        let token = format!("{:032x}", rand::random::<u128>());
        let writer = Self { store, settings, shared, token };
        (handle, tokio::spawn(writer.run()))
    }

    async fn run(self) {
        let _ended = EndGuard(Arc::clone(&self.shared));
        let mut number = 0_u64;
        while self.wait_for_work().await {
            let block = self.take_block();
            if block.is_empty() {
                continue;
            }
            number += 1;
            let token = format!("{}-{number}", self.token);
            self.insert(&block, &token).await;
            self.acknowledge(&block);
        }
    }

    /// Waits until a block is due; `false` when closed and empty.
    async fn wait_for_work(&self) -> bool {
        loop {
            let due = match self.look() {
                Look::Due => return true,
                Look::Ended => return false,
                Look::DueAt(due) => Some(due),
                Look::Empty => None,
            };
            let woken = self.shared.work.notified();
            match due {
                // Whichever comes first; then everything is looked at again.
                Some(due) => drop(tokio::time::timeout_at(due, woken).await),
                None => woken.await,
            }
        }
    }

    fn look(&self) -> Look {
        let mut state = self.shared.lock();
        let Some(first) = state.queue.front() else {
            state.flush = false;
            return if state.closed { Look::Ended } else { Look::Empty };
        };
        let due = first.since + self.settings.collect;
        let full = state.queued_rows >= self.settings.block_rows;
        let now = full || state.flush || state.closed || due <= Instant::now();
        if now { Look::Due } else { Look::DueAt(due) }
    }

    fn take_block(&self) -> Vec<Batch> {
        let mut state = self.shared.lock();
        let mut block = Vec::new();
        state.flying = state.queue.front().map(|queued| queued.number);
        while state.flying_rows < self.settings.block_rows {
            let Some(queued) = state.queue.pop_front() else { break };
            state.queued_rows -= queued.rows;
            state.flying_rows += queued.rows;
            block.push(queued.batch);
        }
        block
    }

    /// Until it succeeds.
    async fn insert(&self, block: &[Batch], token: &str) {
        let mut pause = self.settings.first_pause;
        let mut attempts = 0_u64;
        while let Err(error) = self.store.insert(block, token).await {
            attempts += 1;
            let text = error.to_string();
            // Once at 1, 2, 4, 8, …: a database that is away for a day does not fill the log.
            if attempts.is_power_of_two() {
                tracing::warn!(attempts, "rows are kept, for they cannot be written: {text}");
            }
            {
                let mut state = self.shared.lock();
                state.stats.failed_inserts += 1;
                state.stats.last_error = Some(text);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(self.settings.longest_pause);
        }
        if attempts > 0 {
            tracing::info!(attempts, "rows are written again");
        }
    }

    fn acknowledge(&self, block: &[Batch]) {
        let mut state = self.shared.lock();
        state.stats.written_rows += state.flying_rows as u64;
        state.flying_rows = 0;
        state.flying = None;
        state.stats.last_error = None;
        let newest = block.iter().map(|batch| batch.start).max();
        state.stats.last_written_interval = state.stats.last_written_interval.max(newest);
        drop(state);
        self.shared.announce_progress();
    }
}

/// What the queue asks of the writer.
enum Look {
    /// A block, now.
    Due,
    /// A block, then.
    DueAt(Instant),
    /// Nothing yet.
    Empty,
    /// Nothing ever more.
    Ended,
}

/// Tells everybody who waits that the writer has gone, also when its task was aborted.
struct EndGuard(Arc<Shared>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.announce_progress();
    }
}
