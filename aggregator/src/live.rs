//! Live gauges: what the whole probe has counted so far, readable at any time.
//!
//! Workers collect in a [`LiveDelta`] of their own and add it a few times a second, so that no packet
//! touches memory that another worker writes. All numbers only grow, but for the flows that are active.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use etiage_capture::{Direction, LinkIndex};
use etiage_classifier::Category;

use crate::pressure::Pressure;
use crate::stats::{Costs, ProbeLengths, StageCost, Step};

#[derive(Debug, Default)]
struct Pair {
    octets: AtomicU64,
    packets: AtomicU64,
}

impl Pair {
    fn add(&self, delta: Counted) {
        add(&self.octets, delta.octets);
        add(&self.packets, delta.packets);
    }

    fn get(&self) -> Counted {
        Counted { octets: get(&self.octets), packets: get(&self.packets) }
    }
}

fn add(counter: &AtomicU64, value: u64) {
    if value != 0 {
        counter.fetch_add(value, Ordering::Relaxed);
    }
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Octets and packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Octets on the wire.
    pub octets: u64,
    /// Packets.
    pub packets: u64,
}

impl Counted {
    /// As much more.
    pub fn add(&mut self, more: Self) {
        self.octets = self.octets.saturating_add(more.octets);
        self.packets = self.packets.saturating_add(more.packets);
    }

    /// One packet more.
    pub fn count(&mut self, octets: u32) {
        self.octets = self.octets.saturating_add(octets.into());
        self.packets = self.packets.saturating_add(1);
    }
}

/// Packets that were lost, or not treated as they should be, by place and reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Dropped by the kernel: the capture ring was full.
    pub kernel: u64,
    /// Dropped by the network interface or its driver.
    pub interface: u64,
    /// Dropped on the way to a worker or to the store, for a full queue.
    pub queue: u64,
    /// Counted, but without a flow of their own: the flow table was full.
    pub table_full: u64,
}

/// The gauges of one probe, shared by its workers and whoever shows them.
#[derive(Debug)]
pub struct Live {
    link_names: Vec<Arc<str>>,
    /// One for each link and direction: in, then out.
    links: Vec<Pair>,
    /// Stream time of each link's last packet, in nanoseconds; 0 for none.
    last_packet: Vec<AtomicU64>,
    /// One for each category and direction: in, then out.
    categories: Vec<Pair>,
    received: Pair,
    undecodable: AtomicU64,
    late: AtomicU64,
    implausible: AtomicU64,
    unmapped: Pair,
    undetermined: AtomicU64,
    kernel: AtomicU64,
    interface: AtomicU64,
    queue: AtomicU64,
    table_full: AtomicU64,
    flows_started: AtomicU64,
    flows_ended: AtomicU64,
    flow_capacity: AtomicU64,
    unprobed_flows: AtomicU64,
    half_open_evicted: AtomicU64,
    unsettled_evicted: AtomicU64,
    sampled_packets: AtomicU64,
    half_open_flows: AtomicU64,
    open_flows: AtomicU64,
    flow_octets: AtomicU64,
    /// Workers at each step of pressure, but the first.
    pressed: [AtomicU64; 2],
    engine: WorkerGauges,
}

/// What workers say of themselves, once a second.
#[derive(Debug)]
struct WorkerGauges {
    /// Packets timed and their nanoseconds, for each stage.
    steps: [(AtomicU64, AtomicU64); Step::ALL.len()],
    /// As [`ProbeLengths`] counts them.
    probe_lengths: Vec<AtomicU64>,
}

impl Default for WorkerGauges {
    fn default() -> Self {
        let probe_lengths = ProbeLengths::default().counts().map(AtomicU64::new).collect();
        Self { steps: Default::default(), probe_lengths }
    }
}

/// What of a worker's numbers about itself is in the shared gauges already.
#[derive(Debug, Default)]
pub(crate) struct Told {
    steps: Costs,
    probe_lengths: ProbeLengths,
}

/// One link's counters since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkGauge {
    /// The link's name.
    pub name: Arc<str>,
    /// Towards our network.
    pub incoming: Counted,
    /// Out of our network.
    pub outgoing: Counted,
    /// Stream time of its last packet, in nanoseconds since the Unix epoch.
    pub last_packet: Option<u64>,
}

/// One category's counters since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassGauge {
    /// The category.
    pub category: Category,
    /// Towards our network.
    pub incoming: Counted,
    /// Out of our network.
    pub outgoing: Counted,
}

/// All gauges at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSnapshot {
    /// Each configured link.
    pub links: Vec<LinkGauge>,
    /// Each category, in the order of [`Category::ALL`].
    pub categories: Vec<ClassGauge>,
    /// Everything that was received.
    pub received: Counted,
    /// Frames whose headers could not be decoded.
    pub undecodable: u64,
    /// Packets counted in a later interval than their own.
    pub late: u64,
    /// Packets whose time cannot be true: counted at the stream time of the packet before.
    pub implausible: u64,
    /// Packets of no configured link.
    pub unmapped: Counted,
    /// Packets whose direction nothing told: counted as `in`.
    pub undetermined: u64,
    /// What was dropped.
    pub dropped: Drops,
    /// Flows in the tables now.
    pub active_flows: u64,
    /// Flows that the tables can hold.
    pub flow_capacity: u64,
    /// Flows begun.
    pub flows_started: u64,
    /// Flows begun that were not probed, or not to their verdict, for want of time or memory.
    pub unprobed_flows: u64,
    /// Half-open flows that had to make room for others.
    pub half_open_evicted: u64,
    /// Flows without a verdict that had to make room for others among what is probed.
    pub unsettled_evicted: u64,
    /// Packets that are counted under no class: others stand for them.
    pub sampled_packets: u64,
    /// Half-open flows in the tables now.
    pub half_open_flows: u64,
    /// Flows in the tables now that are still inspected or watched.
    pub open_flows: u64,
    /// Octets of the tables and of what is kept of open flows.
    pub flow_octets: u64,
    /// Workers that do not probe new flows, for want of time.
    pub unprobed_workers: u64,
    /// Workers that sample new flows, for want of more time.
    pub sampling_workers: u64,
    /// What packets cost, in the order of [`Step::ALL`].
    pub steps: Costs,
    /// How soon flows were known.
    pub probe_lengths: ProbeLengths,
}

impl Live {
    /// Gauges for these links, in the order of the link map.
    pub fn new(link_names: Vec<Arc<str>>) -> Self {
        let pairs = |count: usize| (0..count * 2).map(|_| Pair::default()).collect();
        Self {
            links: pairs(link_names.len()),
            last_packet: link_names.iter().map(|_| AtomicU64::new(0)).collect(),
            link_names,
            categories: pairs(Category::ALL.len()),
            received: Pair::default(),
            undecodable: AtomicU64::new(0),
            late: AtomicU64::new(0),
            implausible: AtomicU64::new(0),
            unmapped: Pair::default(),
            undetermined: AtomicU64::new(0),
            kernel: AtomicU64::new(0),
            interface: AtomicU64::new(0),
            queue: AtomicU64::new(0),
            table_full: AtomicU64::new(0),
            flows_started: AtomicU64::new(0),
            flows_ended: AtomicU64::new(0),
            flow_capacity: AtomicU64::new(0),
            unprobed_flows: AtomicU64::new(0),
            half_open_evicted: AtomicU64::new(0),
            unsettled_evicted: AtomicU64::new(0),
            sampled_packets: AtomicU64::new(0),
            half_open_flows: AtomicU64::new(0),
            open_flows: AtomicU64::new(0),
            flow_octets: AtomicU64::new(0),
            pressed: Default::default(),
            engine: WorkerGauges::default(),
        }
    }

    /// Adds what a worker has counted, and empties its delta.
    pub fn add(&self, delta: &mut LiveDelta) {
        for (pair, counted) in self.links.iter().zip(&mut delta.links) {
            pair.add(std::mem::take(counted));
        }
        for (last, seen) in self.last_packet.iter().zip(&delta.last_packet) {
            last.fetch_max(*seen, Ordering::Relaxed);
        }
        for (pair, counted) in self.categories.iter().zip(&mut delta.categories) {
            pair.add(std::mem::take(counted));
        }
        self.received.add(std::mem::take(&mut delta.received));
        self.unmapped.add(std::mem::take(&mut delta.unmapped));
        for (counter, value) in [
            (&self.undecodable, &mut delta.undecodable),
            (&self.late, &mut delta.late),
            (&self.undetermined, &mut delta.undetermined),
            (&self.table_full, &mut delta.table_full),
            (&self.flows_started, &mut delta.flows_started),
            (&self.flows_ended, &mut delta.flows_ended),
            (&self.unprobed_flows, &mut delta.unprobed_flows),
            (&self.half_open_evicted, &mut delta.half_open_evicted),
            (&self.unsettled_evicted, &mut delta.unsettled_evicted),
            (&self.sampled_packets, &mut delta.sampled_packets),
        ] {
            add(counter, std::mem::take(value));
        }
        let Levels { now, before } = &mut delta.levels;
        for (gauge, (now, before)) in [&self.half_open_flows, &self.open_flows, &self.flow_octets]
            .into_iter()
            .zip(now.iter().zip(before.iter_mut()))
        {
            // What a worker has less of is added as a negative number.
            add(gauge, now.wrapping_sub(*before));
            *before = *now;
        }
    }

    /// Adds what a worker says of itself; `told` is what it has said before, and is what it says now
    /// afterwards.
    pub(crate) fn add_engine(&self, steps: &Costs, lengths: &ProbeLengths, told: &mut Told) {
        let costs = steps.iter().zip(&told.steps);
        for ((packets, nanos), (now, told)) in self.engine.steps.iter().zip(costs) {
            add(packets, now.packets.saturating_sub(told.packets));
            add(nanos, now.nanos.saturating_sub(told.nanos));
        }
        let flows = lengths.counts().zip(told.probe_lengths.counts());
        for (counter, (now, told)) in self.engine.probe_lengths.iter().zip(flows) {
            add(counter, now.saturating_sub(told));
        }
        told.steps = *steps;
        told.probe_lengths.copy_from(lengths);
    }

    /// Packets that the kernel and the interface dropped since the last call.
    pub fn add_kernel_drops(&self, kernel: u64, interface: u64) {
        add(&self.kernel, kernel);
        add(&self.interface, interface);
    }

    /// Packets whose counts a full queue lost.
    pub fn add_queue_drops(&self, packets: u64) {
        add(&self.queue, packets);
    }

    /// A packet had a time that cannot be true.
    pub fn add_implausible(&self) {
        add(&self.implausible, 1);
    }

    /// A worker goes from one step of pressure to another; each begins with [`Pressure::Normal`].
    pub fn change_pressure(&self, from: Pressure, to: Pressure) {
        // Those at the first step are not counted: whoever begins would have to be.
        let at =
            |pressure: Pressure| self.pressed.get(usize::from(pressure.step()).checked_sub(1)?);
        if let Some(from) = at(from) {
            from.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(to) = at(to) {
            to.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A flow table of this capacity has been set up.
    pub fn add_flow_capacity(&self, flows: u64) {
        add(&self.flow_capacity, flows);
    }

    /// All gauges now. Each is exact; together they may be a packet batch apart.
    pub fn snapshot(&self) -> LiveSnapshot {
        let pair = |pairs: &[Pair], place: usize| {
            let at = |offset| pairs.get(place * 2 + offset).map(Pair::get).unwrap_or_default();
            (at(0), at(1))
        };
        let link = |(place, (name, last)): (usize, (&Arc<str>, &AtomicU64))| {
            let (incoming, outgoing) = pair(&self.links, place);
            let last_packet = Some(get(last)).filter(|nanos| *nanos != 0);
            LinkGauge { name: name.clone(), incoming, outgoing, last_packet }
        };
        let category = |(place, category): (usize, &Category)| {
            let (incoming, outgoing) = pair(&self.categories, place);
            ClassGauge { category: *category, incoming, outgoing }
        };
        let flows_ended = get(&self.flows_ended);
        let flows_started = get(&self.flows_started);
        LiveSnapshot {
            links: self.link_names.iter().zip(&self.last_packet).enumerate().map(link).collect(),
            categories: Category::ALL.iter().enumerate().map(category).collect(),
            received: self.received.get(),
            undecodable: get(&self.undecodable),
            late: get(&self.late),
            implausible: get(&self.implausible),
            unmapped: self.unmapped.get(),
            undetermined: get(&self.undetermined),
            dropped: Drops {
                kernel: get(&self.kernel),
                interface: get(&self.interface),
                queue: get(&self.queue),
                table_full: get(&self.table_full),
            },
            active_flows: flows_started.saturating_sub(flows_ended),
            flow_capacity: get(&self.flow_capacity),
            flows_started,
            unprobed_flows: get(&self.unprobed_flows),
            half_open_evicted: get(&self.half_open_evicted),
            unsettled_evicted: get(&self.unsettled_evicted),
            sampled_packets: get(&self.sampled_packets),
            half_open_flows: get(&self.half_open_flows),
            open_flows: get(&self.open_flows),
            flow_octets: get(&self.flow_octets),
            unprobed_workers: self.pressed.first().map_or(0, get),
            sampling_workers: self.pressed.get(1).map_or(0, get),
            steps: self
                .engine
                .steps
                .each_ref()
                .map(|(packets, nanos)| StageCost { packets: get(packets), nanos: get(nanos) }),
            probe_lengths: ProbeLengths::from_counts(self.engine.probe_lengths.iter().map(get)),
        }
    }
}

/// What one worker has counted since it last added to the shared gauges.
#[derive(Clone, Debug)]
pub struct LiveDelta {
    links: Vec<Counted>,
    last_packet: Vec<u64>,
    categories: Vec<Counted>,
    /// Everything that was received.
    pub received: Counted,
    /// Packets of no configured link.
    pub unmapped: Counted,
    /// Frames whose headers could not be decoded.
    pub undecodable: u64,
    /// Packets counted in a later interval than their own.
    pub late: u64,
    /// Packets whose direction nothing told.
    pub undetermined: u64,
    /// Packets that the full flow table did not take.
    pub table_full: u64,
    /// Flows begun.
    pub flows_started: u64,
    /// Flows ended.
    pub flows_ended: u64,
    /// Flows begun that are not probed.
    pub unprobed_flows: u64,
    /// Half-open flows that made room.
    pub half_open_evicted: u64,
    /// Flows without a verdict that made room.
    pub unsettled_evicted: u64,
    /// Packets that others stand for.
    pub sampled_packets: u64,
    levels: Levels,
}

/// What goes up and down, and what of it is in the shared gauges already.
#[derive(Clone, Debug, Default)]
struct Levels {
    now: [u64; 3],
    before: [u64; 3],
}

impl LiveDelta {
    /// For so many links.
    pub fn new(links: usize) -> Self {
        Self {
            links: vec![Counted::default(); links * 2],
            last_packet: vec![0; links],
            categories: vec![Counted::default(); Category::ALL.len() * 2],
            received: Counted::default(),
            unmapped: Counted::default(),
            undecodable: 0,
            late: 0,
            undetermined: 0,
            table_full: 0,
            flows_started: 0,
            flows_ended: 0,
            unprobed_flows: 0,
            half_open_evicted: 0,
            unsettled_evicted: 0,
            sampled_packets: 0,
            levels: Levels::default(),
        }
    }

    /// How many flows are half-open and how many open now, and the octets that all flows take.
    pub const fn levels(&mut self, half_open: u64, open: u64, octets: u64) {
        self.levels.now = [half_open, open, octets];
    }

    /// A packet crossed a link, at this stream time in nanoseconds.
    pub fn on_link(&mut self, link: LinkIndex, direction: Direction, octets: u32, nanos: u64) {
        if let Some(counted) = self.links.get_mut(place(link.into(), direction)) {
            counted.count(octets);
        }
        if let Some(last) = self.last_packet.get_mut(usize::from(link)) {
            *last = nanos.max(*last);
        }
    }

    /// Octets and packets were counted under a category.
    pub fn in_category(
        &mut self,
        category: Category,
        direction: Direction,
        octets: u64,
        packets: u64,
    ) {
        if let Some(counted) = self.categories.get_mut(place(category as usize, direction)) {
            counted.add(Counted { octets, packets });
        }
    }
}

const fn place(index: usize, direction: Direction) -> usize {
    index * 2 + direction as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_of_workers_add_up() {
        let live = Live::new(vec!["a".into(), "b".into()]);
        for nanos in [5, 3] {
            let mut delta = LiveDelta::new(2);
            delta.received.count(100);
            delta.on_link(1, Direction::Out, 100, nanos);
            delta.in_category(Category::P2p, Direction::Out, 100, 1);
            delta.flows_started = 2;
            delta.flows_ended = 1;
            delta.levels(9, 8, 7);
            live.add(&mut delta);
            live.add(&mut delta);
            delta.levels(1, 8, 9);
            live.add(&mut delta);
        }
        let now = live.snapshot();
        let twice = Counted { octets: 200, packets: 2 };
        assert_eq!(now.received, twice);
        assert_eq!(now.links[1].outgoing, twice);
        assert_eq!(now.links[1].last_packet, Some(5));
        assert_eq!((now.links[0].incoming, now.links[0].last_packet), (Counted::default(), None));
        let p2p = now.categories.iter().find(|gauge| gauge.category == Category::P2p).unwrap();
        assert_eq!(p2p.outgoing, twice);
        assert_eq!((now.active_flows, now.flows_started), (2, 4));
        assert_eq!((now.half_open_flows, now.open_flows, now.flow_octets), (2, 16, 18));
    }
}
