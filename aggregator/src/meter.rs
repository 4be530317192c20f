//! One worker's way from frames to batches: decode, place, find the flow, classify, count.

use std::sync::Arc;

use etiage_capture::decode::{self, Content, FragmentId};
use etiage_capture::flow::{
    Admission, Flow, FlowEndReason, FlowId, FlowKey, FlowSettings, FlowTable, Fragments, SideCount,
};
use etiage_capture::source::Frame;
use etiage_capture::{
    InterfaceIndex, LinkIndex, LinkLayer, LinkMap, Packet, PerSide, Placement, Side, TcpHeader,
    Timestamp,
};
use etiage_classifier::{
    Class, Classifier, FlowEnds, FlowState, Progress, Protocol, Verdict, Watch,
};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::batch::Batch;
use crate::interval::{Intervals, Share, Slot};
use crate::live::{Counted, Live, LiveDelta};

/// Datagrams whose later fragments can be found, in each of two generations.
const MAX_FRAGMENTS: usize = 16_384;
/// Packets after which a worker adds what it counted to the shared gauges.
const LIVE_EVERY: u64 = 256;

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

/// A flow as it is reported at its end, or when the active timeout has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowRecord {
    /// First packet.
    pub first: Timestamp,
    /// Last packet.
    pub last: Timestamp,
    /// The ends: the initiator first.
    pub ends: FlowEnds,
    /// What each sent.
    pub counts: PerSide<SideCount>,
    /// What it is.
    pub verdict: Verdict,
    /// Why it is reported.
    pub reason: FlowEndReason,
}

/// Takes reported flows; `()` takes no notice of them.
pub trait FlowSink {
    /// A flow has ended, or the active timeout has passed.
    fn flow(&mut self, record: &FlowRecord);
}

impl FlowSink for () {
    fn flow(&mut self, _: &FlowRecord) {}
}

/// What the table keeps of each flow.
#[derive(Debug, Default)]
struct Tracked {
    /// The link of its first packet.
    link: LinkIndex,
    phase: Phase,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    New,
    Probing(Box<Probing>),
    Watched(Box<Watched>),
    Settled(Verdict),
}

/// What is kept of a flow while it is probed.
#[derive(Debug, Default)]
struct Probing {
    state: FlowState,
    waiting: Waiting,
    /// What it is counted under, where that is known though more is still asked.
    known: Option<Verdict>,
}

/// What is kept of a flow whose protocol is known while its shape may say what it is for.
#[derive(Debug)]
struct Watched {
    watch: Watch,
    waiting: Waiting,
}

/// What waits for a verdict.
#[derive(Debug, Default)]
struct Waiting {
    /// Counted under no class yet: at most two intervals by two directions, on the links it was seen.
    pending: Vec<Share>,
    handshake: Handshake,
}

/// The time of a TCP handshake, from the SYN to the acknowledgment of its answer: a full round trip
/// between the ends, wherever on the way one looks, and even if only the initiator is seen.
#[derive(Clone, Copy, Debug, Default)]
enum Handshake {
    #[default]
    Unseen,
    Syn(Timestamp),
    /// Microseconds; to be counted once the category is known.
    Measured(u64),
    /// Counted, or never to be: a repeated SYN makes it ambiguous (RFC 6298, section 3).
    Done,
}

/// Counts frames of one worker.
pub struct Meter {
    table: FlowTable<Tracked>,
    fragments: Fragments,
    books: Books,
    vlan_in_key: bool,
    max_undecided: usize,
    links: Arc<LinkMap>,
    live: Option<Arc<Live>>,
    since_live: u64,
}

/// Everything but the flow table, so that flows can be counted while the table is being walked.
struct Books {
    classifier: Classifier,
    intervals: Intervals,
    closed: Vec<Batch>,
    delta: LiveDelta,
    active: Vec<u64>,
    /// A few classes at most: by transport and port, without service.
    without_flow: HashMap<Class, Counted, RandomState>,
    now: Timestamp,
}

impl Meter {
    /// A meter with an empty flow table.
    pub fn new(settings: &MeterSettings, classifier: Classifier, live: Option<Arc<Live>>) -> Self {
        let links = settings.link_names.len();
        Self {
            table: FlowTable::new(settings.flows),
            fragments: Fragments::new(MAX_FRAGMENTS),
            books: Books {
                classifier,
                intervals: Intervals::new(settings.probe.clone(), settings.link_names.clone()),
                closed: Vec::new(),
                delta: LiveDelta::new(links),
                active: vec![0; links],
                without_flow: HashMap::default(),
                now: Timestamp::EPOCH,
            },
            vlan_in_key: settings.vlan_in_key,
            // Twice the flows that can live: half of them at least have ended then.
            max_undecided: (settings.flows.max_flows as usize).saturating_mul(2).max(1024),
            links: settings.links.clone(),
            live,
            since_live: 0,
        }
    }

    /// The latest stream time.
    pub const fn now(&self) -> Timestamp {
        self.books.now
    }

    /// Counts a frame.
    pub fn frame(
        &mut self,
        interface: InterfaceIndex,
        layer: LinkLayer,
        frame: &Frame<'_>,
        sink: &mut impl FlowSink,
    ) {
        self.advance(frame.timestamp, sink);
        let decoded = decode::decode(layer, frame.data);
        let packet = self.resolve(&decoded.content);
        let addresses = packet.as_ref().map(Packet::addresses).or(match decoded.content {
            Content::LaterFragment(id) => Some((id.source, id.destination)),
            _ => None,
        });
        self.books.delta.received.count(frame.octets);
        let placement = self.links.place(interface, &decoded.outer, addresses);
        match (placement, packet) {
            (None, _) => self.books.delta.unmapped.count(frame.octets),
            (Some(placement), Some(packet)) => {
                let vlan = decoded.outer.vlan.filter(|_| self.vlan_in_key);
                self.packet(placement, frame, vlan, &packet, sink);
            }
            (Some(placement), None) => {
                let protocol = match decoded.content {
                    Content::LaterFragment(_) | Content::Packet(..) => Protocol::Fragment,
                    Content::NonIp => Protocol::NonIp,
                    Content::Undecodable(_) => Protocol::Undecodable,
                };
                self.books.frame_without_flow(placement, frame, Class::of(protocol));
            }
        }
        self.since_live += 1;
        if self.since_live >= LIVE_EVERY {
            self.publish();
        }
    }

    /// Lets stream time pass without a packet: intervals and flows end when nothing comes too.
    pub fn advance(&mut self, to: Timestamp, sink: &mut impl FlowSink) {
        let Self { table, books, .. } = self;
        if to <= books.now && books.now != Timestamp::EPOCH {
            return;
        }
        books.now = to;
        table.advance(to, |flow, reason| books.report(flow, reason, sink));
        loop {
            while let Some((start, flows)) = books.intervals.undecided_before(to) {
                for id in flows {
                    books.decide_for_now(table, id, start);
                }
            }
            if books.intervals.has_reached(to) {
                break;
            }
            let batch = books.intervals.advance(to, books.classifier.rules(), &books.active);
            books.closed.extend(batch);
        }
    }

    /// Packets of a link were lost before they could be seen.
    pub fn lost(&mut self, link: LinkIndex, packets: u64) {
        self.books.intervals.lost(link, packets);
    }

    /// Adds what was counted since the last time to the shared gauges.
    pub fn publish(&mut self) {
        self.since_live = 0;
        if let Some(live) = &self.live {
            live.add(&mut self.books.delta);
        }
    }

    /// Whether an interval has closed since the last [`Meter::take_batches`].
    pub const fn has_batches(&self) -> bool {
        !self.books.closed.is_empty()
    }

    /// The intervals that have closed since the last call.
    pub fn take_batches(&mut self) -> Vec<Batch> {
        std::mem::take(&mut self.books.closed)
    }

    /// What was counted under a class but belongs to no flow: non-IP frames, fragments without their
    /// first, what could not be decoded, and packets that found the flow table full.
    pub fn without_flow(&self) -> impl Iterator<Item = (Class, Counted)> {
        self.books.without_flow.iter().map(|(class, counted)| (*class, *counted))
    }

    /// Ends all flows and closes all intervals: the capture is over. Their batches are left for
    /// [`Meter::take_batches`].
    pub fn finish(&mut self, sink: &mut impl FlowSink) {
        let Self { table, books, .. } = self;
        let active = books.active.clone();
        table.drain(|flow, reason| books.report(flow, reason, sink));
        let rules = books.classifier.rules();
        while let Some(batch) = books.intervals.close(rules, &active) {
            books.closed.push(batch);
        }
        self.publish();
    }

    /// The packet that a frame's content is, if it belongs to a flow.
    fn resolve<'a>(&mut self, content: &Content<'a>) -> Option<Packet<'a>> {
        let now = self.books.now;
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
        self.fragments.find(self.books.now, id)
    }

    fn packet(
        &mut self,
        placement: Placement,
        frame: &Frame<'_>,
        vlan: Option<u16>,
        packet: &Packet<'_>,
        sink: &mut impl FlowSink,
    ) {
        let Self { table, books, .. } = self;
        let slot = books.receive(placement, frame);
        let key = FlowKey::new(packet.source, packet.destination, packet.transport, vlan);
        let admission =
            table.take(key, frame.timestamp, frame.octets, packet.tcp, |flow, reason| {
                books.report(flow, reason, sink);
            });
        let mut counted = Counted::default();
        counted.count(frame.octets);
        let Placement { link, direction, .. } = placement;
        let mut share = Share { start: slot.start, link, direction, counted, flows: 0 };
        match admission {
            Admission::Full => {
                books.delta.table_full += 1;
                books.intervals.table_full(slot, link);
                let (initiator, responder) = (packet.source, packet.destination);
                let ends = FlowEnds { initiator, responder, transport: packet.transport };
                let verdict = books.classifier.stateless(&ends);
                books.count_without_flow(verdict, &share);
            }
            Admission::Flow { id, side, new } => {
                if new {
                    let lives = |id| table.get_mut(id).is_some();
                    books.intervals.forget_ended(slot.start, self.max_undecided, lives);
                    share.flows = 1;
                    books.delta.flows_started += 1;
                    if let Some(active) = books.active.get_mut(usize::from(link)) {
                        *active += 1;
                    }
                }
                let Some(flow) = table.get_mut(id) else { return };
                if new {
                    flow.state.link = link;
                }
                books.classify(flow, id, side, packet, frame.timestamp, share);
            }
        }
    }
}

impl Books {
    fn receive(&mut self, placement: Placement, frame: &Frame<'_>) -> Slot {
        let Placement { link, direction, determined } = placement;
        let slot = self.intervals.slot(frame.timestamp);
        self.intervals.receive(slot, link, frame.octets);
        self.delta.on_link(link, direction, frame.octets, frame.timestamp.as_nanos());
        self.delta.late += u64::from(slot.late);
        self.delta.undetermined += u64::from(!determined);
        slot
    }

    fn frame_without_flow(&mut self, placement: Placement, frame: &Frame<'_>, class: Class) {
        let slot = self.receive(placement, frame);
        self.delta.undecodable += u64::from(class.protocol == Protocol::Undecodable);
        let mut counted = Counted::default();
        counted.count(frame.octets);
        let Placement { link, direction, .. } = placement;
        let share = Share { start: slot.start, link, direction, counted, flows: 0 };
        self.count_without_flow(Verdict { class, ..Verdict::UNKNOWN }, &share);
    }

    fn count_without_flow(&mut self, verdict: Verdict, share: &Share) {
        let counted = self.without_flow.entry(verdict.class).or_default();
        counted.octets = counted.octets.saturating_add(share.counted.octets);
        counted.packets = counted.packets.saturating_add(share.counted.packets);
        self.count(verdict, share);
    }

    fn count(&mut self, verdict: Verdict, share: &Share) {
        self.intervals.count(verdict.class, share);
        let Counted { octets, packets } = share.counted;
        self.delta.in_category(verdict.class.category, share.direction, octets, packets);
    }

    /// Shows a packet to the classifier, and counts it under what is known of its flow.
    fn classify(
        &mut self,
        flow: &mut Flow<Tracked>,
        id: FlowId,
        side: Side,
        packet: &Packet<'_>,
        time: Timestamp,
        share: Share,
    ) {
        let ends = ends(flow);
        let probing = match &mut flow.state.phase {
            Phase::Settled(verdict) => return self.count(*verdict, &share),
            Phase::Watched(watched) => {
                if let Some(verdict) = self.watch(watched, &ends, id, side, packet, share) {
                    flow.state.phase = Phase::Settled(verdict);
                }
                return;
            }
            Phase::Probing(probing) => probing,
            new @ Phase::New => {
                *new = Phase::Probing(Box::default());
                let Phase::Probing(probing) = new else { return };
                probing
            }
        };
        let waiting = &mut probing.waiting;
        waiting.handshake = waiting.handshake.next(side, packet.tcp, time);
        match self.classifier.observe(&mut probing.state, &ends, packet, side, self.now) {
            Progress::Probing => match probing.known {
                Some(verdict) => self.count(verdict, &share),
                None => self.postpone(waiting, id, share),
            },
            Progress::Known(verdict) => {
                probing.known = Some(verdict);
                self.decide(waiting, verdict, None);
                self.count(verdict, &share);
                // Known by data that came before the handshake's last acknowledgment.
                self.time(&mut waiting.handshake, verdict, share.link);
            }
            Progress::Watched(watch) => {
                let mut watched = Watched { watch, waiting: std::mem::take(waiting) };
                match self.watch(&mut watched, &ends, id, side, packet, share) {
                    Some(verdict) => flow.state.phase = Phase::Settled(verdict),
                    None => flow.state.phase = Phase::Watched(Box::new(watched)),
                }
            }
            Progress::Settled(verdict) => {
                self.decide(waiting, verdict, None);
                self.count(verdict, &share);
                flow.state.phase = Phase::Settled(verdict);
            }
        }
    }

    /// Counts a packet of a watched flow, or keeps it while the flow's shape does not tell; the verdict
    /// once the flow need not be watched any more.
    fn watch(
        &mut self,
        watched: &mut Watched,
        ends: &FlowEnds,
        id: FlowId,
        side: Side,
        packet: &Packet<'_>,
        share: Share,
    ) -> Option<Verdict> {
        let Watched { watch, waiting } = watched;
        let mut goes_on = watch.packet(ends, side, packet, self.now);
        if watch.is_due() || !goes_on {
            self.classifier.ask_again(watch, ends, self.now);
            goes_on &= watch.is_open();
        }
        let verdict = watch.verdict();
        if goes_on && watch.is_open() {
            self.postpone(waiting, id, share);
            return None;
        }
        self.decide(waiting, verdict, None);
        self.count(verdict, &share);
        (!goes_on).then_some(verdict)
    }

    /// Keeps a packet's share until its flow has a verdict.
    fn postpone(&mut self, waiting: &mut Waiting, id: FlowId, share: Share) {
        let same = |pending: &&mut Share| {
            (pending.start, pending.link, pending.direction)
                == (share.start, share.link, share.direction)
        };
        if let Some(pending) = waiting.pending.iter_mut().find(same) {
            pending.counted.octets = pending.counted.octets.saturating_add(share.counted.octets);
            pending.counted.packets = pending.counted.packets.saturating_add(share.counted.packets);
            pending.flows += share.flows;
            return;
        }
        if waiting.pending.iter().all(|pending| pending.start != share.start) {
            self.intervals.undecided(share.start, id);
        }
        waiting.pending.push(share);
    }

    /// Counts what was kept: of one interval, or all of it.
    fn decide(&mut self, waiting: &mut Waiting, verdict: Verdict, only: Option<u32>) {
        let Waiting { pending, handshake } = waiting;
        pending.retain(|share| {
            let now = only.is_none_or(|start| share.start == start);
            if now {
                self.count(verdict, share);
                self.time(handshake, verdict, share.link);
            }
            !now
        });
    }

    /// Counts a handshake's time, once.
    fn time(&mut self, handshake: &mut Handshake, verdict: Verdict, link: LinkIndex) {
        if let Handshake::Measured(micros) = *handshake {
            self.intervals.round_trip(link, verdict.class.category, micros);
            *handshake = Handshake::Done;
        }
    }

    /// An interval closes: what a flow has in it is counted under the best that is known by now.
    fn decide_for_now(&mut self, table: &mut FlowTable<Tracked>, id: FlowId, start: u32) {
        let Some(flow) = table.get_mut(id) else { return };
        let ends = ends(flow);
        match &mut flow.state.phase {
            Phase::Probing(probing) => {
                let verdict = self.classifier.conclude(&mut probing.state, &ends, self.now);
                self.decide(&mut probing.waiting, verdict, Some(start));
            }
            Phase::Watched(watched) => {
                self.classifier.ask_again(&mut watched.watch, &ends, self.now);
                self.decide(&mut watched.waiting, watched.watch.verdict(), Some(start));
            }
            Phase::New | Phase::Settled(_) => {}
        }
    }

    /// A flow ends, or is reported for the active timeout.
    fn report(
        &mut self,
        flow: &mut Flow<Tracked>,
        reason: FlowEndReason,
        sink: &mut impl FlowSink,
    ) {
        let ends = ends(flow);
        let verdict = match &mut flow.state.phase {
            Phase::Settled(verdict) => *verdict,
            Phase::New => Verdict::UNKNOWN,
            Phase::Probing(probing) => {
                let concluded = || self.classifier.conclude(&mut probing.state, &ends, self.now);
                let verdict = probing.known.unwrap_or_else(concluded);
                if reason != FlowEndReason::Active {
                    self.decide(&mut probing.waiting, verdict, None);
                }
                verdict
            }
            Phase::Watched(watched) => {
                self.classifier.ask_again(&mut watched.watch, &ends, self.now);
                let verdict = watched.watch.verdict();
                if reason != FlowEndReason::Active {
                    self.decide(&mut watched.waiting, verdict, None);
                }
                verdict
            }
        };
        if reason != FlowEndReason::Active {
            self.delta.flows_ended += 1;
            if let Some(active) = self.active.get_mut(usize::from(flow.state.link)) {
                *active = active.saturating_sub(1);
            }
        }
        let (first, last, counts) = (flow.first, flow.last, flow.counts);
        sink.flow(&FlowRecord { first, last, ends, counts, verdict, reason });
    }
}

impl Handshake {
    fn next(self, side: Side, tcp: Option<TcpHeader>, time: Timestamp) -> Self {
        let Some(tcp) = tcp.filter(|_| side == Side::Initiator) else { return self };
        match self {
            Self::Unseen if tcp.is_syn() => Self::Syn(time),
            Self::Syn(_) if tcp.is_syn() => Self::Done,
            Self::Syn(sent) if tcp.has(TcpHeader::ACK) => {
                Self::Measured(u64::try_from(time.since(sent).as_micros()).unwrap_or(u64::MAX))
            }
            other => other,
        }
    }
}

fn ends(flow: &Flow<Tracked>) -> FlowEnds {
    let PerSide { initiator, responder } = flow.ends();
    FlowEnds { initiator, responder, transport: flow.transport() }
}

#[cfg(test)]
mod tests {
    use etiage_classifier::Rules;

    use super::*;

    /// A SYN or RST of one connection, all in one interval: each SYN begins a new flow.
    fn segment(flags: u8, sequence: u32) -> Vec<u8> {
        let ip = [0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        let [a, b, c, d] = sequence.to_be_bytes();
        let tcp = [3, 232, 7, 208, a, b, c, d, 0, 0, 0, 0, 0x50, flags, 255, 255, 0, 0, 0, 0];
        [ip, tcp].concat()
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
            meter.books.intervals.undecided_before(Timestamp::from_secs(200)).unwrap();
        assert!(undecided.len() <= 1024, "{}", undecided.len());
    }
}
