//! From a worker's meter to the writer: what has closed, and about once a second what is open.

use std::sync::Arc;
use std::time::{Duration, Instant};

use etiage_aggregator::{Live, Meter};
use etiage_capture::Timestamp;
use etiage_store::WriterHandle;

use crate::appliance::Stop;
use crate::flow_records::Recorder;

/// How often open intervals are written down: with the half second in which several workers' are written
/// together, what a killed program can lose stays below two.
const OPEN_EVERY: Duration = Duration::from_secs(1);
/// Intervals of a fast replay close one after the other: those still open are not written down each time.
/// A replay that is killed can be repeated.
const AT_MOST_EVERY: Duration = Duration::from_millis(100);
/// Stream time that passes meanwhile in a replay that is fast in this sense.
const FAST: Duration = Duration::from_secs(5);

/// One worker's.
pub(crate) struct Outbox {
    worker: u32,
    writer: WriterHandle,
    live: Arc<Live>,
    stop: Stop,
    /// Takes flows that end.
    pub(crate) recorder: Recorder,
    /// When the open intervals were written down, by the clock and in stream time.
    opened: Instant,
    opened_at: Timestamp,
    /// Whether there are any.
    remembers: bool,
    /// Stream time when the clock was looked at.
    looked: Timestamp,
}

impl Outbox {
    pub(crate) fn new(
        worker: u32,
        writer: WriterHandle,
        live: Arc<Live>,
        (recorder, stop): (Recorder, Stop),
    ) -> Self {
        let (opened, opened_at) = (Instant::now(), Timestamp::EPOCH);
        let looked = opened_at;
        Self { worker, writer, live, stop, recorder, opened, opened_at, remembers: false, looked }
    }

    /// Whether there is something to hand over. Looks at the clock once in a second of stream time.
    pub(crate) fn is_due(&mut self, meter: &Meter) -> bool {
        if meter.has_batches() {
            return true;
        }
        let now = meter.now();
        if now.since(self.looked) < OPEN_EVERY {
            return false;
        }
        self.looked = now;
        self.opened.elapsed() >= OPEN_EVERY
    }

    /// Hands over. Live capture never waits; a file can, until all comes to its end.
    pub(crate) fn hand_over(&mut self, meter: &mut Meter, can_wait: bool) {
        let closed = meter.take_batches();
        let elapsed = self.opened.elapsed();
        if closed.is_empty() && elapsed < OPEN_EVERY {
            return;
        }
        let fast = elapsed < AT_MOST_EVERY && meter.now().since(self.opened_at) > FAST;
        let open = if fast { Vec::new() } else { meter.open_batches() };
        if closed.is_empty() && open.is_empty() && !self.remembers {
            return;
        }
        self.remembers = !open.is_empty();
        if self.remembers {
            (self.opened, self.opened_at) = (Instant::now(), meter.now());
        }
        let handed = if can_wait {
            self.writer.blocking_hand_over(self.worker, closed, open, || self.stop.is_set())
        } else {
            self.writer.hand_over(self.worker, closed, open)
        };
        if let Err(closed) = handed {
            let seen = closed.iter().flat_map(|batch| &batch.observations);
            self.live.add_queue_drops(seen.map(|observation| observation.packets).sum());
        }
    }
}
