//! From batches to acknowledged rows.
//!
//! Three sides. Whoever counts hands batches in and never waits: they go to a queue in memory. A thread
//! takes them from there to the spool on disk, at once; from then on they are taken. A task reads the
//! spool in order and inserts group after group, each until the database acknowledges it. A group is
//! repeated with the same rows and the same token, also by the next process, so that an insert whose
//! answer was lost is not counted twice.
//!
//! The embedded engine has what it acknowledges on disk only from its next durable mark on: the task looks at its
//! marks, and the spool keeps what is behind the last one. If the engine was taken back to that, by a power
//! cut, the spool goes back too.
//!
//! Everything is bounded. A full spool adds its oldest rows up to minutes, then drops the oldest. Where the
//! spool cannot be written (or there is none), the queue in memory is what is inserted, and drops its
//! oldest batches when full. What is dropped is counted.

mod database;
mod left;
mod shared;
#[cfg(test)]
mod simulation;
mod spooler;
mod task;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use etiage_aggregator::Batch;
use tokio::task::JoinHandle;

pub use self::left::{LostRows, RowsLeft};
pub use self::shared::WriterStats;
use self::shared::{Shared, State};
use crate::spool::Spool;
use crate::{Store, rows};

/// How often who waits for room looks whether there is time to wait.
const LOOK: Duration = Duration::from_millis(100);

/// How the writer collects and how much it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterSettings {
    /// A batch waits at most this long for others to share its block. ClickHouse wants about one
    /// insert a second and table.
    pub collect: Duration,
    /// A block is inserted at once when it has this many rows.
    pub block_rows: usize,
    /// Rows kept in memory, on their way to the spool or, without a spool, while the database is away;
    /// beyond that the oldest are dropped. A row takes about 100 bytes.
    pub max_rows: usize,
    /// First pause after a failed insert; doubled with each further one.
    pub first_pause: Duration,
    /// Longest pause between two attempts.
    pub longest_pause: Duration,
    /// Rows inserted per second at most: what a filled spool may ask of a database that comes back,
    /// beside the queries that it answers.
    pub rows_per_second: u64,
    /// Attempts after which a group that the database refuses for its content is set aside.
    pub refusals: u32,
}

impl Default for WriterSettings {
    fn default() -> Self {
        Self {
            collect: Duration::from_secs(1),
            block_rows: 50_000,
            max_rows: 2_000_000,
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(10),
            rows_per_second: 200_000,
            refusals: 8,
        }
    }
}

/// What writes; see [`Writer::spawn`].
#[derive(Debug)]
pub struct Writer;

impl Writer {
    /// Starts a writer that keeps its rows in memory alone. It ends after [`WriterHandle::close`].
    pub fn spawn(store: Store, settings: WriterSettings) -> (WriterHandle, JoinHandle<()>) {
        start(store, settings, None)
    }

    /// Starts a writer with a spool. It ends after [`WriterHandle::close`]; what the spool holds then is
    /// written by the next one.
    pub fn with_spool(
        store: Store,
        settings: WriterSettings,
        spool: Spool,
    ) -> (WriterHandle, JoinHandle<()>) {
        start(store, settings, Some(spool))
    }
}

fn start(
    store: Store,
    settings: WriterSettings,
    spool: Option<Spool>,
) -> (WriterHandle, JoinHandle<()>) {
    let shared = Arc::new(Shared::new(settings, spool));
    if shared.spool.is_some() {
        let spooling = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("spool".to_owned());
        if let Err(error) = thread.spawn(move || spooler::run(&spooling)) {
            // A spool that cannot be written: memory serves.
            shared.lock().spool_error = Some(format!("its thread cannot be started: {error}"));
        }
    }
    let handle = WriterHandle { shared: Arc::clone(&shared) };
    (handle, tokio::spawn(task::run(store, shared)))
}

/// Where batches are handed in. Clones feed the same writer.
#[derive(Clone)]
pub struct WriterHandle {
    shared: Arc<Shared>,
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
        state.push(batch, self.shared.settings.max_rows);
        self.shared.wake(&state);
        Ok(())
    }

    /// Hands in what a worker has counted: the intervals that it has closed, and as they are now those
    /// that are still open, in place of those that it named before. The open ones are only remembered on
    /// disk: they are taken if this process is killed before it closes them. Never waits.
    ///
    /// # Errors
    /// The closed batches come back if the writer was closed.
    pub fn hand_over(
        &self,
        worker: u32,
        closed: Vec<Batch>,
        open: Vec<Batch>,
    ) -> Result<(), Vec<Batch>> {
        let mut state = self.shared.lock();
        if state.closed || state.ended {
            return Err(closed);
        }
        for batch in closed {
            state.push(batch, self.shared.settings.max_rows);
        }
        if self.shared.spool.is_some() {
            state.remember(worker, open);
        }
        self.shared.wake(&state);
        Ok(())
    }

    /// As [`WriterHandle::hand_over`], but waits until there is room, or until there is no time to wait: for
    /// replays, which can.
    ///
    /// # Errors
    /// The closed batches come back if the writer was closed.
    pub fn blocking_hand_over(
        &self,
        worker: u32,
        closed: Vec<Batch>,
        open: Vec<Batch>,
        hurry: impl Fn() -> bool,
    ) -> Result<(), Vec<Batch>> {
        self.wait_for_room(closed.iter().map(rows::count).sum(), hurry);
        self.hand_over(worker, closed, open)
    }

    /// Hands a batch in as soon as there is room for it: for replays, which can wait.
    ///
    /// # Errors
    /// The batch comes back if the writer was closed.
    #[allow(clippy::result_large_err)]
    pub async fn send(&self, batch: Batch) -> Result<(), Batch> {
        let rows = rows::count(&batch);
        self.wait_for(|state| state.is_open_for(rows, &self.shared)).await;
        self.try_send(batch)
    }

    /// As [`WriterHandle::send`], for a thread outside the async runtime.
    ///
    /// # Errors
    /// The batch comes back if the writer was closed.
    #[allow(clippy::result_large_err)]
    pub fn blocking_send(&self, batch: Batch) -> Result<(), Batch> {
        self.wait_for_room(rows::count(&batch), || false);
        self.try_send(batch)
    }

    fn wait_for_room(&self, rows: usize, hurry: impl Fn() -> bool) {
        let mut state = self.shared.lock();
        while !state.is_open_for(rows, &self.shared) && !hurry() {
            let waited = self.shared.room.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How the writer fares now.
    pub fn stats(&self) -> WriterStats {
        self.shared.lock().stats()
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
        self.wait_for(|state| state.ended || state.has_left_memory(number)).await;
        let sequence = {
            let mut state = self.shared.lock();
            state.flush = true;
            state.spool.last_sequence
        };
        self.shared.work.notify_one();
        self.wait_for(|state| state.ended || state.spool.settled >= sequence).await;
    }

    /// Takes nothing more in, and completes when all is acknowledged and the writer has ended. As
    /// with [`WriterHandle::flush`], put a time limit around it.
    pub async fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_one();
        self.shared.spooling.notify_all();
        self.shared.announce_progress();
        self.wait_for(|state| state.ended).await;
    }

    /// Completes when the spool has all that was handed in, on disk. Without a spool, or if it cannot be
    /// written, only when the database has acknowledged it.
    pub async fn spooled(&self) {
        let number = self.shared.lock().last_number;
        self.wait_for(|state| state.ended || state.has_left_memory(number)).await;
        let shared = Arc::clone(&self.shared);
        let sync = move || {
            if let Some(spool) = &shared.spool {
                spool.lock().unwrap_or_else(PoisonError::into_inner).sync_counted();
            }
        };
        // It fails only where the runtime is ending: then the kernel has what was written.
        let _ = tokio::task::spawn_blocking(sync).await;
    }

    async fn wait_for(&self, condition: impl Fn(&State) -> bool) {
        loop {
            let progress = self.shared.progress.notified();
            tokio::pin!(progress);
            progress.as_mut().enable(); // From here on no progress is missed.
            if condition(&self.shared.lock()) {
                return;
            }
            progress.await;
        }
    }
}
