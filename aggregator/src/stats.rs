//! Numbers of a worker about itself: what each stage costs, how soon flows are known, how full it is.

use etiage_capture::flow::FlowTableStats;
use etiage_classifier::Protocol;

/// Packets of which one is timed.
const TIMED: u32 = 1024;

/// What is done with a packet, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading its headers.
    Decode,
    /// Link, interval, and finding its flow.
    Table,
    /// Showing it to the probes.
    Classify,
    /// Adding it to what is counted.
    Count,
}

impl Step {
    /// All, in order.
    pub const ALL: [Self; 4] = [Self::Decode, Self::Table, Self::Classify, Self::Count];

    /// Its name in output and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Table => "table",
            Self::Classify => "classify",
            Self::Count => "count",
        }
    }
}

/// Nanoseconds that packets took in a stage, of those that were timed. Reading the clock is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageCost {
    /// Packets timed.
    pub packets: u64,
    /// Nanoseconds, all together.
    pub nanos: u64,
}

/// Costs in the order of [`Step::ALL`].
pub type Costs = [StageCost; Step::ALL.len()];

/// Times one packet in 1,024. The clock is the caller's: the core has none.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    clock: Option<fn() -> u64>,
    passed: u32,
    running: bool,
    last: u64,
    costs: Costs,
}

impl Stopwatch {
    pub(crate) fn new(clock: fn() -> u64) -> Self {
        Self { clock: Some(clock), ..Self::default() }
    }

    /// So many packets come; whether the first of them is timed. Begins with its decoding.
    #[inline(always)]
    pub(crate) fn begin(&mut self, packets: usize) {
        self.passed += packets as u32;
        if self.passed >= TIMED {
            self.passed = 0;
            if let Some(clock) = self.clock {
                self.running = true;
                self.last = clock();
            }
        }
    }

    /// A stage is over.
    #[inline(always)]
    pub(crate) fn lap(&mut self, stage: Step) {
        if self.running {
            self.note(stage);
        }
    }

    /// The clock starts again: what was between belongs to no stage.
    #[inline(always)]
    pub(crate) fn resume(&mut self) {
        if self.running
            && let Some(clock) = self.clock
        {
            self.last = clock();
        }
    }

    #[cold]
    fn note(&mut self, stage: Step) {
        let Some(now) = self.clock.map(|clock| clock()) else { return };
        if let Some(cost) = self.costs.get_mut(stage as usize) {
            cost.packets += 1;
            cost.nanos += now.saturating_sub(self.last);
        }
        self.last = now;
        self.running = stage != Step::Count;
    }

    pub(crate) const fn costs(&self) -> Costs {
        self.costs
    }
}

/// The most packets of the bins of a [`ProbeLengths`] row; the last bin has no bound.
pub const PROBE_LENGTH_BINS: [u32; 8] = [1, 2, 4, 6, 8, 12, 16, u32::MAX];

/// For each protocol: of how many flows the verdict stood after at most so many packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeLengths(Vec<[u64; PROBE_LENGTH_BINS.len()]>);

impl Default for ProbeLengths {
    fn default() -> Self {
        Self(vec![[0; PROBE_LENGTH_BINS.len()]; Protocol::ALL.len()])
    }
}

impl ProbeLengths {
    pub(crate) fn note(&mut self, protocol: Protocol, packets: u64) {
        let bin = PROBE_LENGTH_BINS.iter().position(|most| packets <= u64::from(*most));
        if let Some(row) = self.0.get_mut(protocol as usize)
            && let Some(count) = row.get_mut(bin.unwrap_or(PROBE_LENGTH_BINS.len() - 1))
        {
            *count += 1;
        }
    }

    /// Row by row, in the order of [`Protocol::ALL`].
    pub(crate) fn counts(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flatten().copied()
    }

    /// From counts in that order.
    pub(crate) fn from_counts(counts: impl IntoIterator<Item = u64>) -> Self {
        let mut lengths = Self::default();
        for (count, told) in lengths.0.iter_mut().flatten().zip(counts) {
            *count = told;
        }
        lengths
    }

    /// Becomes the same, in the memory that it has.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.0.copy_from_slice(&other.0);
    }

    /// Adds another worker's.
    pub fn add(&mut self, other: &Self) {
        for (row, more) in self.0.iter_mut().flatten().zip(other.0.iter().flatten()) {
            *row += more;
        }
    }

    /// The protocols that were seen, each with its row of flows by [`PROBE_LENGTH_BINS`].
    pub fn iter(&self) -> impl Iterator<Item = (Protocol, [u64; PROBE_LENGTH_BINS.len()])> {
        let rows = Protocol::ALL.iter().copied().zip(self.0.iter().copied());
        rows.filter(|(_, row)| row.iter().any(|flows| *flows != 0))
    }
}

/// A worker's numbers about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeterStats {
    /// Cost of each stage, in the order of [`Step::ALL`]; nothing without a clock.
    pub steps: Costs,
    /// How soon flows were known.
    pub probe_lengths: ProbeLengths,
    /// The flow table.
    pub table: FlowTableStats,
    /// Flows without a final verdict.
    pub open_flows: usize,
    /// Octets of what is kept of these, buffers included.
    pub open_octets: usize,
}

impl MeterStats {
    /// Adds another worker's, or another recording's.
    pub fn add(&mut self, other: &Self) {
        for (cost, more) in self.steps.iter_mut().zip(other.steps) {
            cost.packets += more.packets;
            cost.nanos += more.nanos;
        }
        self.probe_lengths.add(&other.probe_lengths);
        let (table, more) = (&mut self.table, other.table);
        table.flows += more.flows;
        table.capacity += more.capacity;
        table.half_open += more.half_open;
        table.half_open_evicted += more.half_open_evicted;
        table.octets += more.octets;
        self.open_flows += other.open_flows;
        self.open_octets += other.open_octets;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn one_packet_in_a_thousand_is_timed() {
        static NOW: AtomicU64 = AtomicU64::new(0);
        let mut watch = Stopwatch::new(|| NOW.load(Ordering::Relaxed));
        for _ in 0..4096 {
            watch.begin(1);
            for (stage, nanos) in [(Step::Decode, 10), (Step::Table, 20), (Step::Count, 5)] {
                NOW.fetch_add(nanos, Ordering::Relaxed);
                watch.lap(stage);
            }
        }
        let costs = watch.costs().map(|cost| (cost.packets, cost.nanos));
        assert_eq!(costs, [(4, 40), (4, 80), (0, 0), (4, 20)]);
    }

    #[test]
    fn probe_lengths_fall_into_their_bins_and_add_up() {
        let mut lengths = ProbeLengths::default();
        for packets in [1, 2, 3, 4, 16, 17, 1 << 40] {
            lengths.note(Protocol::Tls, packets);
        }
        let again = lengths.clone();
        lengths.add(&again);
        let rows: Vec<_> = lengths.iter().collect();
        assert_eq!(rows, [(Protocol::Tls, [2, 2, 4, 0, 0, 0, 2, 4])]);
    }
}
