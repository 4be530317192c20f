//! Under what packets are counted: each flow from its first packet to its verdict and beyond.

use etiage_capture::flow::{Flow, FlowEndReason, FlowId, FlowTable, SideCount};
use etiage_capture::source::Frame;
use etiage_capture::{
    Direction, FlowPacket, LinkIndex, Packet, PerSide, Placement, Side, TcpHeader, Timestamp,
    Transport,
};
use etiage_classifier::{
    Class, Classifier, Confidence, Evidence, FlowEnds, FlowState, Progress, Protocol, Requests,
    Verdict, Watch,
};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::batch::Batch;
use crate::interval::{Intervals, Slot};
use crate::live::{Counted, LiveDelta};
use crate::network_ids::NetworkId;
use crate::networks::NetworksReader;
use crate::open::{Handshake, Open, Rank, Stage, Waiting};
use crate::pool::{OpenId, Pool, kept};
use crate::record::{FlowRecord, FlowSink};
use crate::rows::RowRef;
use crate::share::Share;
use crate::stats::{self, ProbeLengths, Stopwatch};
use crate::teachers::{TeacherId, Teachers};

/// States that wait, where they were allocated.
#[allow(clippy::vec_box, reason = "it is the allocation that is kept")]
type Spare = Vec<Box<FlowState>>;

/// States that are kept to be used again: half a megabyte at most.
const MAX_SPARE: usize = 512;
/// Octets of a flow from which on it carries volume.
const VOLUME: u64 = 16 * 1024;
/// Flows that make room for one packet at most; it takes no more than one place and a few segments.
const MAX_EVICTED: usize = 8;

/// What the table keeps of each flow.
#[derive(Debug, Default)]
pub(crate) struct Tracked {
    /// The link of its first packet.
    link: LinkIndex,
    /// Where its packets are counted.
    row_ref: RowRef,
    /// The sampling during which it began; 0 for none.
    pub(crate) sampling: u8,
    phase: Phase,
}

/// What it knows is written out in each: within a verdict of its own it would not fit into twelve octets.
#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    #[default]
    New,
    Open(OpenId),
    /// It made room while nothing had come of its connection request; the verdict is a guess. Its first
    /// payload opens it again.
    Parked {
        class: Class,
        confidence: Confidence,
        evidence: Evidence,
    },
    /// It made room while nobody had answered it. It is opened again once it is answered, or carries
    /// volume.
    Evicted {
        class: Class,
        confidence: Confidence,
        evidence: Evidence,
    },
    /// Settled, but its packets teach.
    Lessons {
        class: Class,
        confidence: Confidence,
        evidence: Evidence,
    },
    /// With what taught its name.
    Settled {
        class: Class,
        confidence: Confidence,
        evidence: Evidence,
        teacher: TeacherId,
    },
}

impl Phase {
    const fn parked(Verdict { class, confidence, evidence }: Verdict) -> Self {
        Self::Parked { class, confidence, evidence }
    }

    const fn evicted(Verdict { class, confidence, evidence }: Verdict) -> Self {
        Self::Evicted { class, confidence, evidence }
    }

    const fn lessons(Verdict { class, confidence, evidence }: Verdict) -> Self {
        Self::Lessons { class, confidence, evidence }
    }

    const fn settled(Verdict { class, confidence, evidence }: Verdict, teacher: TeacherId) -> Self {
        Self::Settled { class, confidence, evidence, teacher }
    }

    /// The verdict, if there is one.
    const fn verdict(self) -> Option<Verdict> {
        match self {
            Self::New | Self::Open(_) => None,
            Self::Parked { class, confidence, evidence }
            | Self::Evicted { class, confidence, evidence }
            | Self::Lessons { class, confidence, evidence }
            | Self::Settled { class, confidence, evidence, .. } => {
                Some(Verdict { class, confidence, evidence })
            }
        }
    }
}

impl Tracked {
    /// Whether it may have octets that wait for a verdict.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open(_))
    }
}

/// Everything but the flow table, so that flows can be counted while the table is being walked.
pub(crate) struct Tracker {
    pool: Pool,
    /// States that are used again: the allocator would merge and split them for each flow.
    spare: Spare,
    pub(crate) ledger: Ledger,
}

/// What is counted, and by what it is told.
pub(crate) struct Ledger {
    pub(crate) classifier: Classifier,
    pub(crate) intervals: Intervals,
    pub(crate) closed: Vec<Batch>,
    pub(crate) delta: LiveDelta,
    pub(crate) active: Vec<u64>,
    /// A few classes at most: by transport and port, without service.
    pub(crate) without_flow: HashMap<Class, Counted, RandomState>,
    pub(crate) now: Timestamp,
    pub(crate) probe_lengths: ProbeLengths,
    pub(crate) stopwatch: Stopwatch,
    /// What taught the names of flows that are settled by one.
    pub(crate) teachers: Teachers,
    /// Whose addresses are; none where nobody asks.
    pub(crate) networks: Option<NetworksReader>,
}

/// A packet of a flow, as the tracker need it.
pub(crate) struct Entry<'a> {
    pub(crate) id: FlowId,
    pub(crate) side: Side,
    pub(crate) packet: &'a FlowPacket<'a>,
    pub(crate) time: Timestamp,
    pub(crate) share: Share,
    /// Whether a flow that begins may be inspected.
    pub(crate) inspects: bool,
}

impl Tracker {
    pub(crate) fn new(ledger: Ledger, max_open_octets: u64) -> Self {
        Self { pool: Pool::new(max_open_octets), spare: Vec::new(), ledger }
    }

    /// How many flows are open, and the octets that they take.
    pub(crate) fn open_flows(&self) -> (usize, usize) {
        (self.pool.len(), self.pool.octets() + self.pool.kept_octets)
    }

    /// Lets the oldest flows that have shown least make room, if there is none.
    #[inline(always)]
    pub(crate) fn make_room(&mut self, table: &mut FlowTable<Tracked>) {
        if self.pool.is_full() {
            self.evict(table);
        }
    }

    #[cold]
    fn evict(&mut self, table: &mut FlowTable<Tracked>) {
        for _ in 0..MAX_EVICTED {
            let Some((open, id)) = self.pool.oldest().filter(|_| self.pool.is_full()) else {
                return;
            };
            match table.get_mut(id) {
                Some(flow) => self.give_up(flow, open),
                None => self.close(open),
            }
        }
    }

    /// A flow makes room: it is counted under the best that is known of it.
    fn give_up(&mut self, flow: &mut Flow<Tracked>, open: OpenId) {
        let Some(Open { waiting, stage, rank }) = self.pool.get_mut(open) else { return };
        let ledger = &mut self.ledger;
        let verdict = ledger.best(stage, &ends(flow));
        ledger.decide(waiting, verdict, None, &mut flow.state.row_ref);
        ledger.delta.unsettled_evicted += 1;
        let known = matches!(stage, Stage::Inspected(_, Some(_)) | Stage::Watched(_));
        flow.state.phase = match *rank {
            Rank::Asking => Phase::parked(verdict),
            Rank::Silent if !known => Phase::evicted(verdict),
            Rank::Silent | Rank::Answered | Rank::Heavy => {
                if !known {
                    ledger.known_after(flow, verdict);
                }
                ledger.unprobed(None, flow.state.link);
                Phase::settled(verdict, ledger.taught(&verdict, &ends(flow)))
            }
        };
        self.close(open);
    }

    /// Counts a packet under what is known of its flow, after showing it to the classifier.
    #[inline]
    pub(crate) fn packet(&mut self, flow: &mut Flow<Tracked>, entry: &Entry<'_>) {
        match flow.state.phase {
            Phase::Settled { class, .. } => {
                self.ledger.count(&mut flow.state.row_ref, class, &entry.share);
            }
            Phase::Open(open) => self.open(flow, open, entry),
            Phase::New => self.begin(flow, entry),
            Phase::Lessons { class, .. } => {
                let shown = shown(&ends(flow), entry.side, entry.packet);
                let now = self.ledger.now;
                self.ledger.classifier.lesson(&ends(flow), &shown, entry.side, now);
                self.ledger.count(&mut flow.state.row_ref, class, &entry.share);
            }
            Phase::Parked { class, .. } => self.again(flow, class, true, entry),
            Phase::Evicted { class, .. } => self.again(flow, class, false, entry),
        }
    }

    /// A packet of a flow that made room, or had shown nothing.
    #[cold]
    fn again(&mut self, flow: &mut Flow<Tracked>, class: Class, parked: bool, entry: &Entry<'_>) {
        let PerSide { initiator, responder } = flow.counts;
        let answered = initiator.packets > 0 && responder.packets > 0;
        let grown = initiator.octets.saturating_add(responder.octets) >= VOLUME;
        let speaks = entry.packet.payload_octets > 0 && (parked || answered || grown);
        if !speaks || !entry.inspects || self.pool.is_full() {
            return self.ledger.count(&mut flow.state.row_ref, class, &entry.share);
        }
        if !parked {
            // Its first packets were shown and are forgotten.
            self.ledger.unprobed(Some(entry.share.start), entry.share.link);
        }
        let open = self.pool.begin(entry.id);
        flow.state.phase = Phase::Open(open);
        if let Some(Open { stage, .. }) = self.pool.get_mut(open) {
            *stage = Stage::Asking(request(flow));
        }
        self.open(flow, open, entry);
    }

    fn begin(&mut self, flow: &mut Flow<Tracked>, entry: &Entry<'_>) {
        let share = &entry.share;
        flow.state.link = share.link;
        flow.state.row_ref = RowRef::of(self.ledger.network(flow, entry));
        let transport = flow.transport();
        if entry.inspects && Classifier::inspects(transport) && !self.pool.is_full() {
            let open = self.pool.begin(entry.id);
            flow.state.phase = Phase::Open(open);
            return self.open(flow, open, entry);
        }
        let ledger = &mut self.ledger;
        if Classifier::inspects(transport) {
            ledger.unprobed(Some(share.start), share.link);
        }
        let verdict = ledger.classifier.uninspected(&ends(flow), ledger.now);
        ledger.settle(flow, verdict);
        ledger.count(&mut flow.state.row_ref, verdict.class, share);
    }

    /// A packet of a flow that is not settled.
    fn open(&mut self, flow: &mut Flow<Tracked>, open: OpenId, entry: &Entry<'_>) {
        let Self { pool, spare, ledger } = self;
        let overflows = pool.overflows();
        let Some(Open { waiting, stage, rank }) = pool.get_mut(open) else { return };
        let before = kept(stage);
        let Entry { side, packet, share, .. } = *entry;
        waiting.handshake = waiting.handshake.next(side, packet.tcp, entry.time);
        if let Stage::Asking(requests) = stage {
            if packet.payload_octets == 0
                && let Some(tcp) = packet.tcp.filter(|tcp| tcp.is_syn())
            {
                requests.add(side, tcp);
                return ledger.postpone(waiting, entry.id, share);
            }
            let mut state = spare.pop().unwrap_or_default();
            state.ask(requests);
            *stage = Stage::Inspected(state, None);
        }
        let settled = match stage {
            Stage::Asking(_) => None,
            Stage::Watched(watch) => {
                let settled = ledger.watch(watch, waiting, flow, entry);
                // It keeps what it kept, and shows no more than it has shown.
                if settled.is_none() && *rank == Rank::Heavy {
                    return;
                }
                settled
            }
            Stage::Inspected(state, known) => {
                let ends = ends(flow);
                let shown = shown(&ends, side, packet);
                let progress = ledger.classifier.observe(state, &ends, &shown, side, ledger.now);
                if overflows {
                    state.forget_streams();
                }
                ledger.stopwatch.lap(stats::Step::Classify);
                match progress {
                    Progress::Undecided => {
                        match known {
                            Some(verdict) => {
                                ledger.count(&mut flow.state.row_ref, verdict.class, &share);
                            }
                            None => ledger.postpone(waiting, entry.id, share),
                        }
                        None
                    }
                    Progress::Known(verdict) => {
                        if known.is_none() {
                            ledger.known_after(flow, verdict);
                        }
                        *known = Some(verdict);
                        ledger.decide(waiting, verdict, None, &mut flow.state.row_ref);
                        ledger.count(&mut flow.state.row_ref, verdict.class, &share);
                        // Known by data that came before the handshake's last acknowledgment.
                        ledger.time(&mut waiting.handshake, verdict, share.link);
                        None
                    }
                    Progress::Watched(watch) => {
                        ledger.known_after(flow, watch.verdict());
                        let mut watch = Box::new(watch);
                        let settled = ledger.watch(&mut watch, waiting, flow, entry);
                        recycle(spare, std::mem::replace(stage, Stage::Watched(watch)));
                        settled
                    }
                    Progress::Settled(verdict) => {
                        if known.is_none() {
                            ledger.known_after(flow, verdict);
                        }
                        ledger.decide(waiting, verdict, None, &mut flow.state.row_ref);
                        ledger.count(&mut flow.state.row_ref, verdict.class, &share);
                        Some(Phase::settled(verdict, TeacherId::default()))
                    }
                    Progress::Lessons(verdict) => {
                        ledger.known_after(flow, verdict);
                        ledger.decide(waiting, verdict, None, &mut flow.state.row_ref);
                        ledger.count(&mut flow.state.row_ref, verdict.class, &share);
                        Some(Phase::lessons(verdict))
                    }
                }
            }
        };
        let rank = (settled.is_none() && *rank < Rank::Heavy).then(|| Rank::of(stage, flow));
        let after = kept(stage);
        pool.kept_octets = (pool.kept_octets + after).saturating_sub(before);
        if let Some(phase) = settled {
            flow.state.phase = match phase {
                Phase::Settled { class, confidence, evidence, .. } => {
                    let verdict = Verdict { class, confidence, evidence };
                    Phase::settled(verdict, ledger.taught(&verdict, &ends(flow)))
                }
                other => other,
            };
            self.close(open);
        } else if let Some(rank) = rank {
            pool.promote(open, rank);
            if flow.is_closed() && rank < Rank::Heavy {
                self.closed(flow, open);
            }
        }
    }

    /// A connection was closed. If nothing was said in it, it keeps no more than a request does.
    #[cold]
    fn closed(&mut self, flow: &Flow<Tracked>, open: OpenId) {
        let Self { pool, spare, .. } = self;
        let Some(Open { stage, .. }) = pool.get_mut(open) else { return };
        match stage {
            Stage::Inspected(state, None) if state.spoke() == PerSide::default() => {}
            _ => return,
        }
        let freed = kept(stage);
        recycle(spare, std::mem::replace(stage, Stage::Asking(request(flow))));
        pool.kept_octets = pool.kept_octets.saturating_sub(freed);
        pool.demote(open);
    }

    /// Frees what an open flow keeps.
    fn close(&mut self, open: OpenId) {
        if let Some(Open { stage, .. }) = self.pool.get_mut(open) {
            let stage = std::mem::take(stage);
            self.pool.kept_octets = self.pool.kept_octets.saturating_sub(kept(&stage));
            recycle(&mut self.spare, stage);
        }
        self.pool.end(open);
    }

    /// An interval closes: what a flow has in it is counted under the best that is known by now.
    pub(crate) fn decide_for_now(
        &mut self,
        table: &mut FlowTable<Tracked>,
        id: FlowId,
        start: u32,
    ) {
        let Some(flow) = table.get_mut(id) else { return };
        let Phase::Open(open) = flow.state.phase else { return };
        let Some(Open { waiting, stage, .. }) = self.pool.get_mut(open) else { return };
        let verdict = self.ledger.best(stage, &ends(flow));
        self.ledger.decide(waiting, verdict, Some(start), &mut flow.state.row_ref);
    }

    /// A flow ends, or is reported for the active timeout.
    pub(crate) fn report(
        &mut self,
        flow: &mut Flow<Tracked>,
        reason: FlowEndReason,
        sink: &mut impl FlowSink,
    ) {
        let ends = ends(flow);
        let goes_on = reason == FlowEndReason::Active;
        let verdict = match flow.state.phase {
            Phase::Open(open) => {
                let Some(Open { waiting, stage, .. }) = self.pool.get_mut(open) else { return };
                let verdict = match stage {
                    Stage::Inspected(_, Some(known)) => *known,
                    _ => self.ledger.best(stage, &ends),
                };
                if !goes_on {
                    if matches!(stage, Stage::Asking(_) | Stage::Inspected(_, None)) {
                        self.ledger.known_after(flow, verdict);
                    }
                    self.ledger.decide(waiting, verdict, None, &mut flow.state.row_ref);
                    self.close(open);
                }
                verdict
            }
            phase => {
                let verdict = phase.verdict().unwrap_or(Verdict::UNKNOWN);
                if !goes_on && matches!(phase, Phase::Parked { .. } | Phase::Evicted { .. }) {
                    self.ledger.known_after(flow, verdict);
                }
                verdict
            }
        };
        let ledger = &mut self.ledger;
        if !goes_on {
            ledger.delta.flows_ended += 1;
            if let Some(active) = ledger.active.get_mut(usize::from(flow.state.link)) {
                *active = active.saturating_sub(1);
            }
        }
        if reason == FlowEndReason::Evicted {
            ledger.delta.half_open_evicted += 1;
            ledger.intervals.evicted(flow.state.link);
        }
        let (first, last, counts) = (flow.first, flow.last, flow.counts);
        let link = flow.state.link;
        let teacher = match flow.state.phase {
            Phase::Settled { teacher, .. } => ledger.teachers.get(teacher),
            _ => ledger.classifier.teacher(&verdict, &ends, ledger.now),
        };
        sink.flow(&FlowRecord { first, last, link, ends, counts, verdict, teacher, reason });
    }
}

impl Ledger {
    #[inline(always)]
    pub(crate) fn receive(&mut self, placement: Placement, frame: &Frame<'_>) -> Slot {
        let Placement { link, direction, determined } = placement;
        let slot = self.intervals.slot(frame.timestamp);
        self.intervals.receive(slot, link, frame.octets);
        self.delta.on_link(link, direction, frame.octets, frame.timestamp.as_nanos());
        self.delta.late += u64::from(slot.late);
        self.delta.undetermined += u64::from(!determined);
        slot
    }

    pub(crate) fn frame_without_flow(
        &mut self,
        placement: Placement,
        frame: &Frame<'_>,
        class: Class,
    ) {
        let slot = self.receive(placement, frame);
        self.delta.undecodable += u64::from(class.protocol == Protocol::Undecodable);
        let mut counted = Counted::default();
        counted.count(frame.octets);
        let Placement { link, direction, .. } = placement;
        let share = Share { start: slot.start, link, direction, counted, flows: 0 };
        self.count_without_flow(class, &share);
    }

    pub(crate) fn count_without_flow(&mut self, class: Class, share: &Share) {
        self.without_flow.entry(class).or_default().add(share.counted);
        self.count(&mut RowRef::default(), class, share);
    }

    /// A flow is not looked at as it should be: from its first packet on, or to its verdict. `start` is the
    /// interval in which it showed; the newest without one.
    fn unprobed(&mut self, start: Option<u32>, link: LinkIndex) {
        self.delta.unprobed_flows += 1;
        self.intervals.unprobed(start, link);
    }

    /// A packet that others stand for.
    pub(crate) fn stand_in(&mut self, share: &Share) {
        self.delta.sampled_packets += 1;
        self.intervals.sampled(share.start, share.link);
    }

    /// Counts under a class and the network of a row_ref.
    #[inline(always)]
    fn count(&mut self, row_ref: &mut RowRef, class: Class, share: &Share) {
        let (mut row, network) = row_ref.get();
        let before = row;
        self.intervals.count(&mut row, class, network, share);
        if row != before {
            *row_ref = row_ref.at(row, network);
        }
        let Counted { octets, packets } = share.counted;
        self.delta.in_category(class.category, share.direction, octets, packets);
    }

    /// Whose the far end of a flow is, seen from the link and way of this packet.
    fn network(&mut self, flow: &Flow<Tracked>, entry: &Entry<'_>) -> NetworkId {
        let Some(networks) = &self.networks else { return NetworkId::UNKNOWN };
        let far = match entry.share.direction {
            Direction::In => entry.side,
            Direction::Out => entry.side.other(),
        };
        let number = networks.look_up(ends(flow).end(far).ip());
        self.intervals.network(number)
    }

    fn settle(&mut self, flow: &mut Flow<Tracked>, verdict: Verdict) {
        self.known_after(flow, verdict);
        flow.state.phase = Phase::settled(verdict, self.taught(&verdict, &ends(flow)));
    }

    /// What taught the name on which a verdict rests.
    fn taught(&mut self, verdict: &Verdict, ends: &FlowEnds) -> TeacherId {
        let teacher = self.classifier.teacher(verdict, ends, self.now);
        teacher.map_or_else(TeacherId::default, |teacher| self.teachers.id(teacher))
    }

    /// A flow's verdict stands.
    fn known_after(&mut self, flow: &Flow<Tracked>, verdict: Verdict) {
        let PerSide { initiator, responder } = &flow.counts;
        let packets = initiator.packets.saturating_add(responder.packets);
        self.probe_lengths.note(verdict.class.protocol, packets);
    }

    /// The best that is known of an open flow.
    fn best(&self, stage: &mut Stage, ends: &FlowEnds) -> Verdict {
        match stage {
            Stage::Asking(_) => self.classifier.uninspected(ends, self.now),
            Stage::Inspected(_, Some(known)) => *known,
            Stage::Inspected(state, None) => self.classifier.conclude(state, ends, self.now),
            Stage::Watched(watch) => {
                self.classifier.ask_again(watch, ends, self.now);
                watch.verdict()
            }
        }
    }

    /// Counts a packet of a watched flow, or keeps it while the flow's shape does not tell; the verdict
    /// once the flow need not be watched any more.
    fn watch(
        &mut self,
        watch: &mut Watch,
        waiting: &mut Waiting,
        flow: &mut Flow<Tracked>,
        entry: &Entry<'_>,
    ) -> Option<Phase> {
        let shown = (entry.packet.payload_octets, entry.packet.tcp);
        let mut goes_on = watch.packet(flow.transport(), entry.side, shown, self.now);
        if watch.is_due() || !goes_on {
            self.classifier.ask_again(watch, &ends(flow), self.now);
            goes_on &= watch.is_open();
        }
        let verdict = watch.verdict();
        if goes_on && watch.is_open() {
            self.postpone(waiting, entry.id, entry.share);
            return None;
        }
        self.decide(waiting, verdict, None, &mut flow.state.row_ref);
        self.count(&mut flow.state.row_ref, verdict.class, &entry.share);
        (!goes_on).then_some(Phase::settled(verdict, TeacherId::default()))
    }

    /// Keeps a packet's share until its flow has a verdict.
    fn postpone(&mut self, waiting: &mut Waiting, id: FlowId, share: Share) {
        self.intervals.wait(&share);
        if waiting.pending.add(share) {
            self.intervals.undecided(share.start, id);
        }
    }

    /// Counts what was kept: of one interval, or all of it.
    fn decide(
        &mut self,
        waiting: &mut Waiting,
        verdict: Verdict,
        only: Option<u32>,
        row_ref: &mut RowRef,
    ) {
        let Waiting { pending, handshake } = waiting;
        pending.take(only, |share| {
            self.intervals.waits_no_longer(share);
            self.count(row_ref, verdict.class, share);
            self.time(handshake, verdict, share.link);
        });
    }

    /// Counts a handshake's time, once.
    fn time(&mut self, handshake: &mut Handshake, verdict: Verdict, link: LinkIndex) {
        if let Handshake::Measured(micros) = *handshake {
            self.intervals.round_trip(link, verdict.class.category, micros);
            *handshake = Handshake::Done;
        }
    }
}

/// The connection request that a flow began with, if it was seen.
fn request(flow: &Flow<Tracked>) -> Requests {
    let mut requests = Requests::default();
    if let Some(sequence) = flow.request() {
        requests.add(Side::Initiator, TcpHeader { sequence, ..TcpHeader::default() });
    }
    requests
}

impl Rank {
    /// What a flow that is not settled has shown.
    fn of(stage: &Stage, flow: &Flow<Tracked>) -> Self {
        let PerSide { initiator, responder } = &flow.counts;
        let both = initiator.packets > 0 && responder.packets > 0;
        let spoke = match stage {
            Stage::Asking(_) => return Self::Asking,
            Stage::Inspected(state, _) => state.spoke(),
            Stage::Watched(_) => PerSide { initiator: both, responder: both },
        };
        let connected = spoke.initiator && spoke.responder && flow.transport() == Transport::TCP;
        if connected || initiator.octets.saturating_add(responder.octets) >= VOLUME {
            Self::Heavy
        } else if both {
            Self::Answered
        } else {
            Self::Silent
        }
    }
}

/// Keeps the state of a stage that is over for another flow.
fn recycle(spare: &mut Spare, stage: Stage) {
    if let Stage::Inspected(mut state, _) = stage
        && spare.len() < MAX_SPARE
    {
        *state = FlowState::default();
        spare.push(state);
    }
}

fn ends(flow: &Flow<Tracked>) -> FlowEnds {
    let PerSide { initiator, responder } = flow.ends();
    FlowEnds { initiator, responder, transport: flow.transport() }
}

/// A packet as recognisers are shown it.
fn shown<'a>(ends: &FlowEnds, side: Side, packet: &FlowPacket<'a>) -> Packet<'a> {
    let FlowPacket { tcp, payload, payload_octets, .. } = *packet;
    let (source, destination) = (ends.end(side), ends.end(side.other()));
    Packet { source, destination, transport: ends.transport, tcp, payload, payload_octets }
}

/// Two cache lines, and every counter exact.
const _: () = assert!(size_of::<Flow<Tracked>>() == 128 && size_of::<SideCount>() == 16);
