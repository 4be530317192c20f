//! The thread that takes batches from memory to disk.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use etiage_aggregator::Batch;

use super::shared::{Queued, Shared, State};
use crate::spool::Spool;

/// Pause after a write that failed: a full disk is not better a millisecond later.
const PAUSE: Duration = Duration::from_secs(1);

/// Open intervals are written down no more often than so, however many workers name theirs.
const OPEN_EVERY: Duration = Duration::from_millis(500);

/// Until the writer has ended.
pub(super) fn run(shared: &Shared) {
    let Some(spool) = &shared.spool else { return };
    let fsync = lock(spool).settings().fsync;
    let mut synced = Instant::now();
    let mut wrote: Option<Instant> = None;
    let mut unsynced = false;
    loop {
        let open_due = wrote.map_or(synced, |wrote| wrote + OPEN_EVERY);
        let work = match wait(shared, unsynced.then(|| synced + fsync), open_due) {
            Wake::Ended => break,
            Wake::Sync => None,
            Wake::Work(work) => Some(work),
        };
        let failed = work.is_some_and(|work| {
            (unsynced, wrote) = (true, Some(Instant::now()));
            !append(shared, spool, work)
        });
        if unsynced && synced.elapsed() >= fsync {
            lock(spool).sync_counted();
            (synced, unsynced) = (Instant::now(), false);
        }
        if failed {
            // The task may insert from memory meanwhile.
            std::thread::sleep(PAUSE);
        }
    }
    lock(spool).sync_counted();
}

fn lock(spool: &Mutex<Spool>) -> std::sync::MutexGuard<'_, Spool> {
    spool.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Wake {
    Work(Work),
    /// It is time to force to disk what was written.
    Sync,
    Ended,
}

/// What is taken from memory at once: a consistent cut through what was handed in.
struct Work {
    closed: Vec<Queued>,
    open: Vec<Arc<Vec<Batch>>>,
}

fn wait(shared: &Shared, sync: Option<Instant>, open_due: Instant) -> Wake {
    let mut state = shared.lock();
    loop {
        if state.ended && (state.queue.is_empty() || state.spool_error.is_some()) {
            return Wake::Ended;
        }
        let now = Instant::now();
        // What the task has taken from memory comes first: the order is kept.
        let free = state.flying.is_none();
        if free && (!state.queue.is_empty() || state.open_changed && open_due <= now) {
            return Wake::Work(take(&mut state));
        }
        if sync.is_some_and(|due| due <= now) {
            return Wake::Sync;
        }
        let open_due = (free && state.open_changed).then_some(open_due);
        let due = sync.into_iter().chain(open_due).min();
        state = match due {
            None => shared.spooling.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(due) => {
                let waited = shared.spooling.wait_timeout(state, due.duration_since(now));
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

fn take(state: &mut State) -> Work {
    let closed: Vec<_> = std::mem::take(&mut state.queue).into();
    state.flying = closed.first().map(|queued| queued.number);
    state.flying_rows = std::mem::take(&mut state.queued_rows);
    state.open_changed = false;
    Work { closed, open: state.open.values().cloned().collect() }
}

/// False if not all of it could be written: the rest is in the queue again.
fn append(shared: &Shared, spool: &Mutex<Spool>, work: Work) -> bool {
    let Work { closed, open } = work;
    let mut batches = Vec::with_capacity(closed.len());
    let mut places = VecDeque::with_capacity(closed.len());
    for Queued { number, since, rows, batch } in closed {
        places.push_back((number, since, rows));
        batches.push(batch);
    }
    let mut spool = lock(spool);
    let result = spool.take(&batches, open.iter().flat_map(|open| open.iter()), now());
    let mut state = shared.lock();
    let appended = result.as_ref().map_or_else(|failed| failed.appended, |()| batches.len());
    for (batch, (number, since, rows)) in batches.into_iter().zip(places).skip(appended).rev() {
        state.queue.push_front(Queued { number, since, rows, batch });
        state.queued_rows += rows;
    }
    (state.flying, state.flying_rows) = (None, 0);
    state.see_spool(&spool);
    drop(spool);
    let failed = result.err();
    if let Some(failed) = &failed {
        if state.spool_error.is_none() {
            tracing::error!("{failed}: rows are kept in memory until it can be written again");
        }
        state.open_changed = true;
    } else if state.spool_error.is_some() {
        tracing::info!("the spool can be written again");
    }
    state.spool_error = failed.map(|failed| failed.to_string());
    let ok = state.spool_error.is_none();
    drop(state);
    shared.work.notify_one();
    shared.announce_progress();
    ok
}

fn now() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}
