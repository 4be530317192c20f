//! Several workers on one capture, with the results of one.
//!
//! Frames are dealt by their pair of addresses, so a flow and its fragments meet in one worker. Two things
//! would still let results depend on how many workers there are, and on chance:
//!
//! - *Stream time.* Every worker walks over the frames of all, and lets time pass at each new second,
//!   in which flows and intervals end, whoever's frame brought it.
//! - *What is learnt.* A worker that looks at what flows have taught waits until the others are past
//!   all frames before its own ([`Turn`]): it sees what one worker would have seen. Only flows that are
//!   being probed, and DNS, look; packets of settled flows never wait. The worker that is last never waits, so
//!   no two can wait for each other.

use std::collections::VecDeque;
use std::panic;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use etiage_capture::source::{Frame, SourceError};
use etiage_capture::{LinkLayer, Note, StreamClock, Timestamp, WallClock};
use etiage_classifier::{Classifier, Turn};

use crate::reader::{Dealer, Epoch, Next};

/// Epochs that the fastest worker may be ahead of the slowest: bounds what is kept for the slowest.
const MAX_AHEAD: usize = 8;
/// Looks at another worker's progress before the processor is left to it.
const SPINS: u32 = 100;

/// Frames that a worker is given at once: it hands over what they closed before it takes more.
const CHUNK: usize = 256;

/// Why not everything was read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file cannot be opened or is damaged; what came before it is counted.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A worker ended before the last frame.
    #[error("the capture was not read to its end")]
    Unfinished,
}

/// What one worker does with its frames.
pub trait Worker: Send {
    /// Counts a frame of its own, at this stream time.
    fn frame(&mut self, layer: LinkLayer, frame: &Frame<'_>, now: Timestamp) -> Next;
    /// Counts frames of its own that follow one another and have nothing odd about them; `meanwhile` is to be
    /// called once for each.
    fn frames<'a>(
        &mut self,
        layer: LinkLayer,
        frames: impl Iterator<Item = Frame<'a>>,
        now: Timestamp,
        meanwhile: impl FnMut(),
    ) -> Next;
    /// A frame of its own had a time that cannot be true; it is shown at the present stream time.
    fn implausible(&mut self);
    /// Time passes without a frame of its own.
    fn advance(&mut self, now: Timestamp);
    /// Another recording begins: what there is ends.
    fn other_recording(&mut self);
    /// Frames of so many captured octets have been dealt with, by all workers together.
    fn epoch(&mut self, octets: u64) -> Next;
}

/// How far each worker has come: twice the number of the frame at hand, and one more once time has
/// passed up to it. `u64::MAX` once a worker has ended.
#[derive(Debug)]
struct Progress(Box<[Place]>);

/// Of one cache line: each is written by one worker at every frame of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Place(AtomicU64);

impl Progress {
    fn set(&self, worker: usize, place: u64) {
        if let Some(own) = self.0.get(worker) {
            own.0.store(place, Ordering::Release);
        }
    }
}

/// One worker's turn.
#[derive(Debug)]
struct OwnTurn {
    progress: Arc<Progress>,
    worker: usize,
}

impl Turn for OwnTurn {
    fn wait(&self) {
        let Self { progress, worker } = self;
        let Some(own) = progress.0.get(*worker) else { return };
        let own = own.0.load(Ordering::Relaxed);
        for other in &progress.0 {
            let mut spins = 0;
            // Its own place is not before itself.
            while other.0.load(Ordering::Acquire) < own {
                spins += 1;
                if spins < SPINS { std::hint::spin_loop() } else { thread::yield_now() }
            }
        }
    }
}

/// Workers that share captures, and how far they have come.
#[derive(Debug)]
pub struct Workers {
    progress: Arc<Progress>,
    wall: WallClock,
}

impl Workers {
    /// At least one. `wall` is the system's clock: it judges the times of what comes through a pipe.
    pub fn new(count: usize, wall: fn() -> Timestamp) -> Self {
        let places = (0..count.max(1)).map(|_| Place(AtomicU64::new(u64::MAX)));
        Self { progress: Arc::new(Progress(places.collect())), wall: WallClock::new(wall) }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.progress.0.len()
    }

    /// A classifier for each of them.
    pub fn classifiers(&self, shared: &Classifier) -> Vec<Classifier> {
        let turn = |worker| Arc::new(OwnTurn { progress: self.progress.clone(), worker });
        match self.count() {
            // Nobody to wait for.
            1 => vec![shared.clone()],
            many => (0..many).map(|worker| shared.in_turn(turn(worker))).collect(),
        }
    }

    /// Shows all frames to these workers, one for each of [`Self::count`]. `clock` is the stream time so
    /// far.
    ///
    /// # Errors
    /// What came before the error is counted.
    pub fn run<W: Worker>(
        &self,
        files: &[PathBuf],
        clock: &mut StreamClock,
        workers: &mut [W],
    ) -> Result<Next, ReadError> {
        let mut dealer = Dealer::new(files, workers.len(), *clock, self.wall);
        if let [only] = workers {
            let result = alone(&mut dealer, only);
            *clock = dealer.clock();
            return Ok(result?);
        }
        let table = Table {
            shared: Mutex::new(Shared {
                dealer,
                ready: VecDeque::new(),
                first: 0,
                taken: vec![0; workers.len()],
                end: None,
            }),
            taken: Condvar::new(),
        };
        for worker in 0..workers.len() {
            self.progress.set(worker, 0);
        }
        let died = thread::scope(|scope| {
            let table = &table;
            let run = |(place, worker)| scope.spawn(move || self.together(place, table, worker));
            let threads: Vec<_> = workers.iter_mut().enumerate().map(run).collect();
            threads.into_iter().filter_map(|thread| thread.join().err()).next()
        });
        if let Some(reason) = died {
            panic::resume_unwind(reason);
        }
        let shared = table.shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        *clock = shared.dealer.clock();
        match shared.end {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(error.into()),
            None => Err(ReadError::Unfinished),
        }
    }

    fn together<W: Worker>(&self, place: usize, table: &Table<'_>, worker: &mut W) {
        // Whatever ends it, the others must not wait for it.
        let _ended = Ended { progress: &self.progress, table, place };
        while let Some(epoch) = table.take(place) {
            if work(place, &epoch, worker, Some(&self.progress)) == Next::Stop {
                table.end(Ok(Next::Stop));
                break;
            }
        }
    }
}

/// Shows all frames to one worker. `wall` is as in [`Workers::new`].
///
/// # Errors
/// What came before the error is counted.
pub fn run_alone<W: Worker>(
    files: &[PathBuf],
    wall: fn() -> Timestamp,
    worker: &mut W,
) -> Result<Next, SourceError> {
    alone(&mut Dealer::new(files, 1, StreamClock::default(), WallClock::new(wall)), worker)
}

/// One worker reads and counts.
fn alone<W: Worker>(dealer: &mut Dealer<'_>, worker: &mut W) -> Result<Next, SourceError> {
    let mut epoch = Epoch::default();
    while dealer.deal(&mut epoch)? {
        let plain = epoch.dealt.iter().all(|(_, note)| matches!(note, Note::Plain));
        let next = if plain {
            match chunks(worker, &epoch, || dealer.look_ahead()) {
                Next::Continue => {
                    worker.epoch(epoch.batch.frames().map(|frame| frame.data.len() as u64).sum())
                }
                Next::Stop => Next::Stop,
            }
        } else {
            work(0, &epoch, worker, None)
        };
        if next == Next::Stop {
            return Ok(Next::Stop);
        }
    }
    Ok(Next::Continue)
}

/// Gives an epoch's frames to a worker, some at a time.
fn chunks<W: Worker>(worker: &mut W, epoch: &Epoch, mut meanwhile: impl FnMut()) -> Next {
    let mut frames = epoch.batch.frames();
    let mut now = epoch.now;
    loop {
        let (mut taken, mut latest) = (0, now);
        let chunk = frames.by_ref().take(CHUNK).inspect(|frame| {
            taken += 1;
            latest = latest.max(frame.timestamp);
        });
        if worker.frames(epoch.layer, chunk, now, &mut meanwhile) == Next::Stop {
            return Next::Stop;
        }
        if taken < CHUNK {
            return Next::Continue;
        }
        now = latest;
    }
}

/// Walks over an epoch's frames, and counts one's own.
fn work<W: Worker>(me: usize, epoch: &Epoch, worker: &mut W, progress: Option<&Progress>) -> Next {
    let reached = |place| {
        if let Some(progress) = progress {
            progress.set(me, place);
        }
    };
    let mut now = epoch.now;
    let mut octets = 0;
    for ((mut frame, (owner, note)), number) in
        epoch.batch.frames().zip(&epoch.dealt).zip(epoch.first..)
    {
        octets += frame.data.len() as u64;
        let mine = usize::from(*owner) == me;
        match note {
            Note::Plain if frame.timestamp > now => {
                let new_second = frame.timestamp.as_secs() != now.as_secs();
                now = frame.timestamp;
                if new_second {
                    reached(2 * number);
                    worker.advance(now);
                }
            }
            Note::Plain => {}
            Note::OtherRecording => {
                now = frame.timestamp;
                reached(2 * number);
                worker.other_recording();
                worker.advance(now);
            }
            Note::Implausible => {
                frame.timestamp = now;
                if mine {
                    worker.implausible();
                }
            }
        }
        if mine {
            reached(2 * number + 1);
            if worker.frame(epoch.layer, &frame, now) == Next::Stop {
                return Next::Stop;
            }
        }
    }
    reached(2 * (epoch.first + epoch.batch.len() as u64));
    worker.epoch(octets)
}

/// Where workers take epochs from. Whoever finds none ready deals the next.
struct Table<'a> {
    shared: Mutex<Shared<'a>>,
    /// A worker has taken an epoch, or all is over.
    taken: Condvar,
}

struct Shared<'a> {
    dealer: Dealer<'a>,
    /// Dealt, and not yet taken by all.
    ready: VecDeque<Arc<Epoch>>,
    /// The number of the first of them.
    first: u64,
    /// Epochs that each worker has taken; `u64::MAX` for one that has ended.
    taken: Vec<u64>,
    /// How it ended.
    end: Option<Result<Next, SourceError>>,
}

impl<'f> Table<'f> {
    fn lock(&self) -> MutexGuard<'_, Shared<'f>> {
        // Poisoned by a worker's panic, which ends the program once all threads have ended.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next epoch for a worker; `None` at the end.
    fn take(&self, worker: usize) -> Option<Arc<Epoch>> {
        let mut shared = self.lock();
        loop {
            if matches!(shared.end, Some(Ok(Next::Stop))) {
                return None;
            }
            let place = shared.taken.get(worker)?.checked_sub(shared.first)?;
            if let Some(epoch) = usize::try_from(place).ok().and_then(|at| shared.ready.get(at)) {
                let epoch = epoch.clone();
                shared.take(worker);
                self.taken.notify_all();
                return Some(epoch);
            }
            if shared.end.is_some() {
                return None;
            }
            if shared.ready.len() >= MAX_AHEAD {
                shared = self.taken.wait(shared).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let mut epoch = Epoch::default();
            match shared.dealer.deal(&mut epoch) {
                Ok(true) => shared.ready.push_back(Arc::new(epoch)),
                Ok(false) => shared.end = Some(Ok(Next::Continue)),
                Err(error) => shared.end = Some(Err(error)),
            }
        }
    }

    fn end(&self, result: Result<Next, SourceError>) {
        self.lock().end.get_or_insert(result);
        self.taken.notify_all();
    }
}

impl Shared<'_> {
    fn take(&mut self, worker: usize) {
        if let Some(taken) = self.taken.get_mut(worker) {
            *taken += 1;
        }
        self.forget();
    }

    /// Forgets epochs that all have taken.
    fn forget(&mut self) {
        let least = self.taken.iter().copied().min().unwrap_or_default();
        while self.first < least && self.ready.pop_front().is_some() {
            self.first += 1;
        }
    }
}

/// Tells the others that a worker has ended, even by a panic.
struct Ended<'a, 'f> {
    progress: &'a Progress,
    table: &'a Table<'f>,
    place: usize,
}

impl Drop for Ended<'_, '_> {
    fn drop(&mut self) {
        self.progress.set(self.place, u64::MAX);
        let mut shared = self.table.lock();
        if let Some(taken) = shared.taken.get_mut(self.place) {
            *taken = u64::MAX;
        }
        shared.forget();
        self.table.taken.notify_all();
    }
}
