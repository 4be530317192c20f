//! One worker's way from frames to batches: decode, place, find the flow, classify, count.

use std::sync::Arc;

use etiage_capture::decode::{self, Content, FragmentId};
use etiage_capture::flow::{Admission, FlowSettings, FlowTable, Fragments};
use etiage_capture::source::Frame;
use etiage_capture::{
    FlowPacket, InterfaceIndex, LinkIndex, LinkLayer, LinkMap, Packet, Placement, Timestamp,
    decode_plain,
};
use etiage_classifier::{Class, Classifier, FlowEnds, Protocol};
use hashbrown::HashMap;

use crate::batch::Batch;
use crate::interval::Intervals;
use crate::live::{Counted, Live, LiveDelta, Told};
use crate::networks::{NetworksReader, SharedNetworks};
use crate::pressure::Pressure;
use crate::record::FlowSink;
use crate::share::Share;
use crate::stats::{MeterStats, ProbeLengths, Step, Stopwatch};
use crate::teachers::Teachers;
use crate::tracker::{Entry, Ledger, Tracked, Tracker};

/// Datagrams whose later fragments can be found, in each of two generations.
const MAX_FRAGMENTS: usize = 16_384;
/// Packets after which a worker adds what it counted to the shared gauges.
const LIVE_EVERY: u64 = 256;
/// Packets whose flows are asked of memory at once: what is asked for first has come when the last was
/// asked for, and all of it fits into the nearest cache.
const BATCH: usize = 32;

/// What a meter needs to know.
#[derive(Clone, Debug)]
pub struct MeterSettings {
    /// The probe's name, which its batches carry.
    pub probe: Arc<str>,
    /// The links.
    pub links: Arc<LinkMap>,
    /// The links' names, in the order of the map.
    pub link_names: Vec<Arc<str>>,
    /// Bounds and timeouts of the flow table.
    pub flows: FlowSettings,
    /// Whether the VLAN is part of the flow key: where address spaces overlap between VLANs.
    pub vlan_in_key: bool,
}

/// Counts frames of one worker.
pub struct Meter {
    table: FlowTable<Tracked>,
    fragments: Fragments,
    tracker: Tracker,
    vlan_in_key: bool,
    max_undecided: usize,
    links: Arc<LinkMap>,
    live: Option<Arc<Live>>,
    since_live: u64,
    told: Told,
    /// The next whole second: until then no flow and no interval ends.
    next_second: Timestamp,
    pressure: Pressure,
    /// Which sampling this is, or was last; never 0 while there is one.
    sampling: u8,
}

/// A frame of the short way: whose it is, and its flow's hash.
#[derive(Clone, Copy)]
struct Ready<'a> {
    placement: Option<Placement>,
    hash: u32,
    packet: FlowPacket<'a>,
}

impl Meter {
    /// A meter with an empty flow table.
    pub fn new(settings: &MeterSettings, classifier: Classifier, live: Option<Arc<Live>>) -> Self {
        let links = settings.link_names.len();
        let ledger = Ledger {
            classifier,
            intervals: Intervals::new(settings.probe.clone(), settings.link_names.clone()),
            closed: Vec::new(),
            delta: LiveDelta::new(links),
            active: vec![0; links],
            without_flow: HashMap::default(),
            now: Timestamp::EPOCH,
            probe_lengths: ProbeLengths::default(),
            stopwatch: Stopwatch::default(),
            teachers: Teachers::default(),
            networks: None,
        };
        Self {
            table: FlowTable::new(settings.flows),
            fragments: Fragments::new(MAX_FRAGMENTS),
            tracker: Tracker::new(ledger, settings.flows.probing_memory()),
            vlan_in_key: settings.vlan_in_key,
            // Twice the flows that can live: half of them at least have ended then.
            max_undecided: (settings.flows.max_flows as usize).saturating_mul(2).max(1024),
            links: settings.links.clone(),
            live,
            since_live: 0,
            told: Told::default(),
            next_second: Timestamp::EPOCH,
            pressure: Pressure::Normal,
            sampling: 0,
        }
    }

    /// Times one packet in 1,024 by this clock, which tells nanoseconds from any starting point.
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> u64) -> Self {
        self.tracker.ledger.stopwatch = Stopwatch::new(clock);
        self
    }

    /// Tells remote networks apart by this table: volumes by network are added to the batches unless it
    /// is empty.
    #[must_use]
    pub fn with_networks(mut self, networks: Arc<SharedNetworks>) -> Self {
        let reader = NetworksReader::new(networks);
        self.tracker.ledger.intervals.tell_networks(!reader.is_empty());
        self.tracker.ledger.networks = Some(reader);
        self
    }

    /// The latest stream time.
    pub const fn now(&self) -> Timestamp {
        self.tracker.ledger.now
    }

    /// What to leave out from now on, for want of time.
    pub fn set_pressure(&mut self, pressure: Pressure) {
        let sampled = |pressure| matches!(pressure, Pressure::Sampled { .. });
        if sampled(pressure) && !sampled(self.pressure) {
            self.sampling = self.sampling.checked_add(1).unwrap_or(1);
        }
        self.pressure = pressure;
    }

    /// What is left out.
    pub const fn pressure(&self) -> Pressure {
        self.pressure
    }

    /// Counts a frame.
    pub fn frame(
        &mut self,
        interface: InterfaceIndex,
        layer: LinkLayer,
        frame: &Frame<'_>,
        sink: &mut impl FlowSink,
    ) {
        self.tracker.ledger.stopwatch.begin(1);
        let ready = self.read(interface, layer, frame);
        self.count(interface, layer, frame, ready.as_ref(), sink);
    }

    /// Counts frames, with the same result as one after the other, and faster: memory is asked for the
    /// flows of several at once. `meanwhile` is called after each, for the source to ask memory for
    /// frames to come.
    pub fn frames<'a>(
        &mut self,
        interface: InterfaceIndex,
        layer: LinkLayer,
        frames: impl IntoIterator<Item = Frame<'a>>,
        mut meanwhile: impl FnMut(),
        sink: &mut impl FlowSink,
    ) {
        let mut frames = frames.into_iter();
        let mut batch = [const { None }; BATCH];
        loop {
            self.tracker.ledger.stopwatch.begin(BATCH);
            let mut taken = 0;
            for (place, frame) in batch.iter_mut().zip(&mut frames) {
                let ready = self.read(interface, layer, &frame);
                if let Some(Ready { hash, .. }) = ready {
                    self.table.prefetch_index(hash);
                }
                *place = Some((frame, ready));
                taken += 1;
            }
            let batch = batch.get(..taken).unwrap_or_default();
            for (_, ready) in batch.iter().flatten() {
                if let Some(Ready { hash, .. }) = ready {
                    self.table.prefetch_flow(*hash);
                }
            }
            self.tracker.ledger.stopwatch.resume();
            for (frame, ready) in batch.iter().flatten() {
                meanwhile();
                self.count(interface, layer, frame, ready.as_ref(), sink);
            }
            if taken < BATCH {
                return;
            }
        }
    }

    /// Reads a frame that is one of the many. It is placed here, where its addresses are in registers:
    /// written and read again they cost more than the look-up.
    #[inline(always)]
    fn read<'a>(
        &mut self,
        interface: InterfaceIndex,
        layer: LinkLayer,
        frame: &Frame<'a>,
    ) -> Option<Ready<'a>> {
        let (outer, mut packet) = decode_plain(layer, frame.data)?;
        let addresses = packet.key.addresses(packet.sender);
        let placement = self.links.place(interface, &outer, Some(addresses));
        if self.vlan_in_key {
            packet.key = packet.key.in_vlan(outer.vlan);
        }
        let hash = self.table.hash(&packet.key);
        self.tracker.ledger.stopwatch.lap(Step::Decode);
        Some(Ready { placement, hash, packet })
    }

    #[inline(always)]
    fn count(
        &mut self,
        interface: InterfaceIndex,
        layer: LinkLayer,
        frame: &Frame<'_>,
        ready: Option<&Ready<'_>>,
        sink: &mut impl FlowSink,
    ) {
        self.advance(frame.timestamp, sink);
        self.tracker.ledger.delta.received.count(frame.octets);
        match ready {
            Some(Ready { placement: Some(placement), hash, packet }) => {
                self.packet(*placement, frame, packet, *hash, sink);
            }
            Some(Ready { placement: None, .. }) => {
                self.tracker.ledger.delta.unmapped.count(frame.octets);
            }
            None => self.any_frame(interface, layer, frame, sink),
        }
        self.tracker.ledger.stopwatch.lap(Step::Count);
        self.since_live += 1;
        if self.since_live >= LIVE_EVERY {
            self.publish();
        }
    }

    /// Counts a frame that took the long way.
    fn any_frame(
        &mut self,
        interface: InterfaceIndex,
        layer: LinkLayer,
        frame: &Frame<'_>,
        sink: &mut impl FlowSink,
    ) {
        let decoded = decode::decode(layer, frame.data);
        let packet = self.resolve(&decoded.content);
        let addresses = packet.as_ref().map(Packet::addresses).or(match decoded.content {
            Content::LaterFragment(id) => Some((id.source, id.destination)),
            _ => None,
        });
        let addresses = addresses.map(|(source, destination)| (source.into(), destination.into()));
        match (self.links.place(interface, &decoded.outer, addresses), packet) {
            (None, _) => self.tracker.ledger.delta.unmapped.count(frame.octets),
            (Some(placement), Some(packet)) => {
                let mut packet = FlowPacket::of(&packet);
                if self.vlan_in_key {
                    packet.key = packet.key.in_vlan(decoded.outer.vlan);
                }
                let hash = self.table.hash(&packet.key);
                self.packet(placement, frame, &packet, hash, sink);
            }
            (Some(placement), None) => {
                let protocol = match decoded.content {
                    Content::LaterFragment(_) | Content::Packet(..) => Protocol::Fragment,
                    Content::NonIp => Protocol::NonIp,
                    Content::Undecodable(_) => Protocol::Undecodable,
                };
                let class = Class::of(protocol);
                self.tracker.ledger.frame_without_flow(placement, frame, class);
            }
        }
    }

    /// Lets stream time pass without a packet: intervals and flows end when nothing comes too.
    #[inline(always)]
    pub fn advance(&mut self, to: Timestamp, sink: &mut impl FlowSink) {
        let now = &mut self.tracker.ledger.now;
        if to < self.next_second {
            *now = to.max(*now);
            return;
        }
        self.next(to, sink);
    }

    /// Another second has begun.
    fn next(&mut self, to: Timestamp, sink: &mut impl FlowSink) {
        let Self { table, tracker, .. } = self;
        tracker.ledger.now = to;
        self.next_second = Timestamp::from_secs(to.as_secs() + 1);
        if let Some(networks) = &mut tracker.ledger.networks {
            networks.refresh();
            tracker.ledger.intervals.tell_networks(!networks.is_empty());
        }
        table.advance(to, |flow, reason| tracker.report(flow, reason, sink));
        loop {
            while let Some((start, flows)) = tracker.ledger.intervals.undecided_before(to) {
                for id in flows {
                    tracker.decide_for_now(table, id, start);
                }
            }
            let Ledger { classifier, intervals, closed, active, .. } = &mut tracker.ledger;
            if intervals.has_reached(to) {
                break;
            }
            closed.extend(intervals.advance(to, classifier.rules(), active));
        }
        self.publish_engine();
    }

    /// Packets of a link were lost before they could be seen.
    pub fn lost(&mut self, link: LinkIndex, packets: u64) {
        self.tracker.ledger.intervals.lost(link, packets);
    }

    /// Adds what was counted since the last time to the shared gauges.
    pub fn publish(&mut self) {
        self.since_live = 0;
        if let Some(live) = &self.live {
            let table = self.table.stats();
            let (open, octets) = self.tracker.open_flows();
            let delta = &mut self.tracker.ledger.delta;
            delta.levels(table.half_open as u64, open as u64, (table.octets + octets) as u64);
            live.add(delta);
        }
    }

    /// Adds this worker's numbers about itself, once a second.
    fn publish_engine(&mut self) {
        let Self { live, told, tracker, .. } = self;
        let Ledger { stopwatch, probe_lengths, .. } = &tracker.ledger;
        if let Some(live) = live {
            live.add_engine(&stopwatch.costs(), probe_lengths, told);
        }
    }

    /// This worker's numbers about itself.
    pub fn stats(&self) -> MeterStats {
        let (open_flows, open_octets) = self.tracker.open_flows();
        MeterStats {
            steps: self.tracker.ledger.stopwatch.costs(),
            probe_lengths: self.tracker.ledger.probe_lengths.clone(),
            table: self.table.stats(),
            open_flows,
            open_octets,
        }
    }

    /// Whether an interval has closed since the last [`Meter::take_batches`].
    pub const fn has_batches(&self) -> bool {
        !self.tracker.ledger.closed.is_empty()
    }

    /// The intervals that have closed since the last call.
    pub fn take_batches(&mut self) -> Vec<Batch> {
        std::mem::take(&mut self.tracker.ledger.closed)
    }

    /// What the intervals that have not closed hold so far. The sum over all classes is what was received:
    /// what waits for its flow's verdict is under `unknown`.
    pub fn open_batches(&self) -> Vec<Batch> {
        let Ledger { classifier, intervals, active, .. } = &self.tracker.ledger;
        intervals.so_far(classifier.rules(), active)
    }

    /// What was counted under a class but belongs to no flow: non-IP frames, fragments without their
    /// first, what could not be decoded, and packets that found the flow table full.
    pub fn without_flow(&self) -> impl Iterator<Item = (Class, Counted)> {
        self.tracker.ledger.without_flow.iter().map(|(class, counted)| (*class, *counted))
    }

    /// Ends all flows and closes all intervals: the capture is over. Their batches are left for
    /// [`Meter::take_batches`].
    pub fn finish(&mut self, sink: &mut impl FlowSink) {
        let Self { table, tracker, .. } = self;
        let active = tracker.ledger.active.clone();
        table.drain(|flow, reason| tracker.report(flow, reason, sink));
        let Ledger { classifier, intervals, closed, .. } = &mut tracker.ledger;
        while let Some(batch) = intervals.close(classifier.rules(), &active) {
            closed.push(batch);
        }
        self.publish();
        self.publish_engine();
    }

    /// The packet that a frame's content is, if it belongs to a flow.
    fn resolve<'a>(&mut self, content: &Content<'a>) -> Option<Packet<'a>> {
        let now = self.tracker.ledger.now;
        match content {
            Content::Packet(packet, None) => Some(*packet),
            Content::Packet(packet, Some(id)) => {
                self.fragments.learn(now, *id, packet);
                Some(*packet)
            }
            Content::LaterFragment(id) => self.later_fragment(id),
            Content::NonIp | Content::Undecodable(_) => None,
        }
    }

    fn later_fragment(&self, id: &FragmentId) -> Option<Packet<'static>> {
        self.fragments.find(self.tracker.ledger.now, id)
    }

    #[inline(always)]
    fn packet(
        &mut self,
        placement: Placement,
        frame: &Frame<'_>,
        packet: &FlowPacket<'_>,
        hash: u32,
        sink: &mut impl FlowSink,
    ) {
        let slot = self.tracker.ledger.receive(placement, frame);
        let mut counted = Counted::default();
        counted.count(frame.octets);
        let Placement { link, direction, .. } = placement;
        let mut share = Share { start: slot.start, link, direction, counted, flows: 0 };
        // One flow in so many stands for all: the others are received, and no more.
        let weight = self.pressure.weight();
        let chosen = hash >> 24 & (weight - 1) == 0;
        if !chosen && !self.table.holds(&packet.key, hash) {
            return self.tracker.ledger.stand_in(&share);
        }
        let Self { table, tracker, .. } = self;
        let key = (packet.key, packet.sender);
        let ended = |flow: &mut _, reason| tracker.report(flow, reason, sink);
        let admission = table.take(key, hash, frame.timestamp, frame.octets, packet.tcp, ended);
        let (id, side, new) = match admission {
            Admission::Flow { id, side, new } => (id, side, new),
            Admission::Full => {
                let ledger = &mut tracker.ledger;
                ledger.delta.table_full += 1;
                ledger.intervals.table_full(slot, link);
                let (initiator, responder) = packet.ends();
                let ends = FlowEnds { initiator, responder, transport: packet.key.transport() };
                let verdict = ledger.classifier.stateless(&ends);
                return ledger.count_without_flow(verdict.class, &share);
            }
        };
        if new {
            // Those that have ended, or are settled.
            let waits = |id| table.get_mut(id).is_some_and(|flow| flow.state.is_open());
            let Ledger { intervals, delta, active, .. } = &mut tracker.ledger;
            intervals.forget_ended(slot.start, self.max_undecided, waits);
            share.flows = 1;
            delta.flows_started += 1;
            if let Some(active) = active.get_mut(usize::from(link)) {
                *active += 1;
            }
        }
        tracker.make_room(table);
        let Some(flow) = table.get_mut(id) else { return };
        if weight > 1 {
            if new {
                flow.state.sampling = self.sampling;
            }
            if flow.state.sampling == self.sampling {
                if !chosen {
                    return tracker.ledger.stand_in(&share);
                }
                share.scale(weight);
            }
        }
        tracker.ledger.stopwatch.lap(Step::Table);
        let inspects = self.pressure == Pressure::Normal;
        tracker.packet(flow, &Entry { id, side, packet, time: frame.timestamp, share, inspects });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use etiage_capture::TcpHeader;
    use etiage_classifier::Rules;

    use crate::stats::Costs;

    use super::*;

    /// A SYN or RST of one connection, all in one interval: each SYN begins a new flow.
    fn segment(flags: u8, sequence: u32) -> Vec<u8> {
        let ip = [0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        let [a, b, c, d] = sequence.to_be_bytes();
        let tcp = [3, 232, 7, 208, a, b, c, d, 0, 0, 0, 0, 0x50, flags, 255, 255, 0, 0, 0, 0];
        [ip, tcp].concat()
    }

    #[test]
    fn what_a_worker_says_of_itself_reaches_the_gauges() {
        static NOW: AtomicU64 = AtomicU64::new(0);
        let live = Arc::new(Live::new(vec!["all".into()]));
        let settings = MeterSettings {
            probe: "test".into(),
            links: Arc::new(LinkMap::everything()),
            link_names: vec!["all".into()],
            flows: FlowSettings::default(),
            vlan_in_key: false,
        };
        let classifier = Classifier::new(Arc::new(Rules::default()), Arc::default());
        let meter = Meter::new(&settings, classifier, Some(live.clone()));
        let mut meter = meter.with_clock(|| NOW.fetch_add(10, Ordering::Relaxed));
        let mut icmp = segment(0, 0);
        icmp[9] = 1;
        let at =
            |second| Frame { timestamp: Timestamp::from_secs(second), octets: 40, data: &icmp };
        for _ in 0..2 * 1024 {
            meter.frame(0, LinkLayer::RawIp, &at(100), &mut ());
        }
        assert_eq!(live.snapshot().steps, Costs::default(), "told once a second");
        meter.frame(0, LinkLayer::RawIp, &at(101), &mut ());
        let told = live.snapshot();
        assert_eq!(told.steps.map(|stage| stage.packets), [0, 2, 0, 2], "decoded the long way");
        assert_eq!(told.steps.map(|stage| stage.nanos), [0, 20, 0, 20]);
        let lengths: Vec<_> = told.probe_lengths.iter().collect();
        assert_eq!(lengths, [(Protocol::Icmp, [1, 0, 0, 0, 0, 0, 0, 0])]);
        meter.finish(&mut ());
        assert_eq!(live.snapshot().probe_lengths, told.probe_lengths, "nothing twice");
    }

    #[test]
    fn undecided_flows_are_bounded_though_one_connection_begins_again_and_again() {
        let settings = MeterSettings {
            probe: "test".into(),
            links: Arc::new(LinkMap::everything()),
            link_names: vec!["all".into()],
            flows: FlowSettings { max_flows: 4, ..FlowSettings::default() },
            vlan_in_key: false,
        };
        let classifier = Classifier::new(Arc::new(Rules::default()), Arc::default());
        let mut meter = Meter::new(&settings, classifier, None);
        for sequence in 0..10_000 {
            for flags in [TcpHeader::SYN, TcpHeader::RST] {
                let data = segment(flags, sequence);
                let frame = Frame { timestamp: Timestamp::from_secs(100), octets: 40, data: &data };
                meter.frame(0, LinkLayer::RawIp, &frame, &mut ());
            }
        }
        let (_, undecided) =
            meter.tracker.ledger.intervals.undecided_before(Timestamp::from_secs(200)).unwrap();
        assert!(undecided.len() <= 1024, "{}", undecided.len());
    }
}
