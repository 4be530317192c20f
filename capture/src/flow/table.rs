//! The flow table: one worker's own, bounded, expiring on packet time.

use std::time::Duration;

use super::half_open::{BRIEF, Brief, HalfOpen};
use super::index::Index;
use super::key::{FlowKey, FlowSeed, Sender};
use super::wheel::{Linked, Links, Wheel};
use crate::packet::{PerSide, Side, TcpHeader, Transport};
use crate::places::Places;
use crate::time::Timestamp;

/// Bounds and timeouts of a flow table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowSettings {
    /// Flows held at most. A quarter of them may be half-open.
    pub max_flows: u32,
    /// Octets that flows, what is kept of them while they are probed, and its buffers may take. Three
    /// quarters of it are the table's: it holds fewer flows than `max_flows` where that is too little.
    pub max_memory: u64,
    /// A TCP flow without a packet for so long has ended.
    pub tcp_idle: Duration,
    /// A flow of any other transport without a packet for so long has ended.
    pub udp_idle: Duration,
    /// A TCP flow that both ends closed, or one reset, is kept so long for stragglers.
    pub closed_linger: Duration,
    /// A flow that lasts longer is reported again each time this has passed; `None` for only at its end.
    pub active: Option<Duration>,
}

impl FlowSettings {
    /// Octets of the flow table, of `max_memory`.
    pub const fn table_memory(&self) -> u64 {
        self.max_memory / 4 * 3
    }

    /// Octets of what is kept of flows while they are probed, of `max_memory`.
    pub const fn probing_memory(&self) -> u64 {
        self.max_memory - self.table_memory()
    }
}

impl Default for FlowSettings {
    /// 1 Mi flows within 1 GiB; TCP 300 s (RFC 5382 asks NATs for 2 h, exporters use minutes), UDP 60 s,
    /// closed 5 s, no active timeout.
    fn default() -> Self {
        Self {
            max_flows: 1 << 20,
            max_memory: 1 << 30,
            tcp_idle: Duration::from_secs(300),
            udp_idle: Duration::from_secs(60),
            closed_linger: Duration::from_secs(5),
            active: None,
        }
    }
}

/// Why a flow was reported (IPFIX information element 136, flowEndReason).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowEndReason {
    /// 1: no packet for the idle timeout.
    Idle,
    /// 2: it goes on, but the active timeout has passed.
    Active,
    /// 3: closed or reset.
    EndOfFlow,
    /// 4: the capture ended.
    Forced,
    /// 5, lack of resources: it was half-open, or of a few packets, and another needed its room.
    Evicted,
}

impl FlowEndReason {
    /// In IPFIX's words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Active => "active",
            Self::EndOfFlow => "end-of-flow",
            Self::Forced => "forced",
            Self::Evicted => "lack-of-resources",
        }
    }
}

/// Packets and octets of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideCount {
    /// Packets.
    pub packets: u64,
    /// Octets on the wire.
    pub octets: u64,
}

/// A flow and what its user keeps of it: two cache lines, so that a packet of a flow that was long
/// not seen waits for memory once.
#[derive(Debug)]
#[repr(align(64))]
pub struct Flow<S> {
    key: FlowKey,
    /// First packet since the flow began, or since it was last reported for the active timeout.
    pub first: Timestamp,
    /// Last packet.
    pub last: Timestamp,
    /// What each side sent since `first`.
    pub counts: PerSide<SideCount>,
    /// Which flow of those that were in this place.
    generation: u32,
    /// Sequence number of the connection request.
    syn_sequence: u32,
    links: Links,
    /// What the user keeps.
    pub state: S,
    marks: Marks,
}

/// What is so or not of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks(u8);

impl Marks {
    /// This place holds a flow.
    const LIVES: u8 = 1;
    /// The initiator is the key's high end.
    const HIGH: u8 = 1 << 1;
    const FIN_INITIATOR: u8 = 1 << 2;
    const FIN_RESPONDER: u8 = 1 << 3;
    const RESET: u8 = 1 << 4;
    /// A connection request was seen.
    const SYN: u8 = 1 << 5;
    const HALF_OPEN: u8 = 1 << 6;
    /// A SYN or its answer was seen: who is the initiator is known.
    const MET: u8 = 1 << 7;

    const fn has(self, mark: u8) -> bool {
        self.0 & mark != 0
    }

    const fn set(&mut self, mark: u8, set: bool) {
        self.0 |= mark * set as u8;
    }

    /// The same with the ends' parts exchanged.
    const fn swapped(self) -> Self {
        let kept = self.0 & !(Self::FIN_INITIATOR | Self::FIN_RESPONDER) ^ Self::HIGH;
        let initiator = Self::FIN_INITIATOR * self.has(Self::FIN_RESPONDER) as u8;
        let responder = Self::FIN_RESPONDER * self.has(Self::FIN_INITIATOR) as u8;
        Self(kept | initiator | responder)
    }

    const fn closed(self) -> bool {
        let both = Self::FIN_INITIATOR | Self::FIN_RESPONDER;
        self.has(Self::RESET) || self.0 & both == both
    }
}

impl<S> Flow<S> {
    /// The two ends.
    pub fn ends(&self) -> PerSide<std::net::SocketAddr> {
        self.key.ends(self.initiator())
    }

    /// Transport protocol.
    pub const fn transport(&self) -> Transport {
        self.key.transport()
    }

    /// The sequence number of the initiator's last connection request, if one was seen.
    pub fn request(&self) -> Option<u32> {
        self.marks.has(Marks::SYN).then_some(self.syn_sequence)
    }

    /// Whether both ends closed it, or one reset it.
    pub const fn is_closed(&self) -> bool {
        self.marks.closed()
    }

    const fn initiator(&self) -> Sender {
        if self.marks.has(Marks::HIGH) { Sender::High } else { Sender::Low }
    }

    const fn lives(&self) -> bool {
        self.marks.has(Marks::LIVES)
    }

    fn end_reason(&self, otherwise: FlowEndReason) -> FlowEndReason {
        if self.marks.closed() { FlowEndReason::EndOfFlow } else { otherwise }
    }

    /// Takes a SYN, or the answer to one: the first says who began the connection, though data may have
    /// been seen before it.
    fn meet(&mut self, sender: Sender, tcp: TcpHeader) {
        let initiator = if tcp.is_syn() { sender } else { sender.other() };
        if !self.marks.has(Marks::MET) && initiator != self.initiator() {
            self.counts = self.counts.swapped();
            self.marks = self.marks.swapped();
        }
        self.marks.set(Marks::MET, true);
        if tcp.is_syn() {
            self.marks.set(Marks::SYN, true);
            self.syn_sequence = tcp.sequence;
        }
    }

    /// Whether a packet begins a new connection on the ports of one that was closed.
    fn is_reused(&self, tcp: Option<TcpHeader>) -> bool {
        let Some(tcp) = tcp.filter(|tcp| tcp.is_syn() && self.marks.closed()) else { return false };
        !(self.marks.has(Marks::SYN) && self.syn_sequence == tcp.sequence)
    }
}

/// Names a flow for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowId {
    index: u32,
    generation: u32,
}

/// What the table did with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It belongs to this flow; `new` if it is the flow's first.
    Flow {
        /// The flow.
        id: FlowId,
        /// Who sent it.
        side: Side,
        /// Whether the flow begins with it.
        new: bool,
    },
    /// It would begin a flow, but the table is full.
    Full,
}

/// How full a table is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowTableStats {
    /// Flows held.
    pub flows: usize,
    /// Flows that it may hold.
    pub capacity: usize,
    /// Of the flows held, those that are half-open: one packet, or connection requests only.
    pub half_open: usize,
    /// Half-open flows that had to make room, and in a full table answered ones of a few packets.
    pub half_open_evicted: u64,
    /// Octets of the table.
    pub octets: usize,
}

/// Flows by key. `S` is what the user keeps of each.
#[derive(Debug)]
pub struct FlowTable<S> {
    settings: FlowSettings,
    index: Index,
    slab: Slab<S>,
    wheel: Wheel,
    half_open: HalfOpen,
    brief: Brief,
    half_open_evicted: u64,
    seed: FlowSeed,
    /// The latest packet's time: timers never run backwards.
    now: Timestamp,
}

impl<S: Default> FlowTable<S> {
    /// Octets that a flow takes at most: itself, and its entry in an index that has just grown.
    pub const FLOW_OCTETS: usize = size_of::<Flow<S>>() + 22;

    /// An empty table.
    pub fn new(mut settings: FlowSettings) -> Self {
        let room = settings.table_memory() / Self::FLOW_OCTETS as u64;
        settings.max_flows = settings.max_flows.min(u32::try_from(room).unwrap_or(u32::MAX)).max(1);
        Self {
            settings,
            index: Index::new(),
            slab: Slab { flows: Places::default(), free: Vec::new() },
            wheel: Wheel::new(),
            half_open: HalfOpen::new(settings.max_flows),
            brief: Brief::new(settings.max_flows),
            half_open_evicted: 0,
            seed: FlowSeed::random(),
            now: Timestamp::EPOCH,
        }
    }

    /// Flows held now.
    pub const fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no flow is held.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How full it is.
    pub fn stats(&self) -> FlowTableStats {
        FlowTableStats {
            flows: self.len(),
            capacity: self.settings.max_flows as usize,
            half_open: self.half_open.len() as usize,
            half_open_evicted: self.half_open_evicted,
            octets: self.index.octets()
                + self.slab.octets()
                + self.half_open.octets()
                + self.brief.octets(),
        }
    }

    /// The latest packet's time.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// A flow, if it still lives.
    pub fn get_mut(&mut self, id: FlowId) -> Option<&mut Flow<S>> {
        self.slab.get_mut(id.index).filter(|flow| flow.generation == id.generation)
    }

    /// A key's hash in this table, for [`FlowTable::take`].
    #[inline(always)]
    pub fn hash(&self, key: &FlowKey) -> u32 {
        key.hash32(&self.seed)
    }

    /// Whether there is a flow of this key and hash.
    pub fn holds(&self, key: &FlowKey, hash: u32) -> bool {
        self.find(key, hash).is_some()
    }

    /// Asks memory for where a key's place is written.
    #[inline(always)]
    pub fn prefetch_index(&self, hash: u32) {
        self.index.prefetch(hash);
    }

    /// Asks memory for the flow of this hash, if there is one.
    #[inline(always)]
    pub fn prefetch_flow(&self, hash: u32) {
        if let Some(place) = self.index.find(hash, |_| true) {
            self.slab.flows.prefetch(place as usize);
        }
    }

    /// Lets time pass: flows whose timeout has passed are given to `ended`. To be called with each
    /// packet's time before the packet is taken; an earlier time than the latest changes nothing.
    pub fn advance(&mut self, to: Timestamp, mut ended: impl FnMut(&mut Flow<S>, FlowEndReason)) {
        if to <= self.now {
            return;
        }
        self.now = to;
        // A slot is looked at once its whole second has passed.
        while self.wheel.turn(to.as_secs()) {
            while let Some(index) = self.wheel.due() {
                self.wheel.remove(&mut self.slab, index);
                self.look_at(index, &mut ended);
            }
        }
    }

    /// Takes a packet of this key, hash and sender: finds its flow or begins one, and counts it. A
    /// flow that it ends, by taking over the ports of a closed one or the room of a half-open one, is
    /// given to `ended`.
    #[inline]
    pub fn take(
        &mut self,
        (key, sender): (FlowKey, Sender),
        hash: u32,
        time: Timestamp,
        octets: u32,
        tcp: Option<TcpHeader>,
        mut ended: impl FnMut(&mut Flow<S>, FlowEndReason),
    ) -> Admission {
        if let Some(index) = self.find(&key, hash)
            && let Some(flow) = self.slab.get_mut(index)
        {
            if !flow.is_reused(tcp) {
                if let Some(active) = self.settings.active
                    && time.since(flow.first) >= active
                {
                    report_active(flow, time, &mut ended);
                }
                return self.count(index, sender, time, octets, tcp, false);
            }
            ended(flow, FlowEndReason::EndOfFlow);
            self.remove(index);
        }
        self.begin((key, sender), hash, time, tcp, ended)
            .map_or(Admission::Full, |index| self.count(index, sender, time, octets, tcp, true))
    }

    /// Ends every flow: the capture is over.
    pub fn drain(&mut self, mut ended: impl FnMut(&mut Flow<S>, FlowEndReason)) {
        for flow in self.slab.flows.iter_mut().filter(|flow| flow.lives()) {
            let reason = flow.end_reason(FlowEndReason::Forced);
            ended(flow, reason);
        }
        let half_open_evicted = self.half_open_evicted;
        *self = Self { now: self.now, half_open_evicted, ..Self::new(self.settings) };
    }

    #[inline(always)]
    fn find(&self, key: &FlowKey, hash: u32) -> Option<u32> {
        self.index.find(hash, |index| self.slab.get(index).is_some_and(|flow| flow.key == *key))
    }

    /// Begins a flow, not yet counting its packet; `None` where the table is full.
    fn begin(
        &mut self,
        (key, sender): (FlowKey, Sender),
        hash: u32,
        time: Timestamp,
        tcp: Option<TcpHeader>,
        mut ended: impl FnMut(&mut Flow<S>, FlowEndReason),
    ) -> Option<u32> {
        let full = self.len() >= self.settings.max_flows as usize;
        if full || self.half_open.is_full() {
            match self.superfluous() {
                Some(oldest) => {
                    let flow = self.slab.get_mut(oldest.index)?;
                    let reason = flow.end_reason(FlowEndReason::Evicted);
                    ended(flow, reason);
                    self.remove(oldest.index);
                    self.half_open_evicted += 1;
                }
                None if full => return None,
                None => {}
            }
        }
        // An answer to a connection request comes from the responder, though it is seen first.
        let answer = tcp.is_some_and(TcpHeader::is_syn_ack);
        let mut marks = Marks(Marks::LIVES | Marks::HALF_OPEN);
        marks.set(Marks::HIGH, (sender == Sender::High) != answer);
        let id = self.slab.insert(key, time, marks);
        self.index.insert(hash, id.index);
        let slab = &self.slab;
        self.half_open.begin(id, |id| slab.is_half_open(id));
        let deadline = self.slab.get(id.index).map_or(0, |flow| self.deadline(flow));
        self.wheel.insert(&mut self.slab, id.index, deadline);
        Some(id.index)
    }

    /// Who makes room for a flow: the oldest half-open one if they have more than their share; else
    /// that or the oldest brief one, whoever has been silent for longer.
    fn superfluous(&mut self) -> Option<FlowId> {
        let slab = &self.slab;
        let half_open = self.half_open.oldest(|id| slab.is_half_open(id));
        if self.half_open.is_full() {
            return half_open;
        }
        let brief = self.brief.oldest(|id| slab.is_brief(id));
        let last = |id: &FlowId| slab.get(id.index).map(|flow| flow.last);
        [half_open, brief].into_iter().flatten().min_by_key(last)
    }

    #[inline(always)]
    fn count(
        &mut self,
        index: u32,
        sender: Sender,
        time: Timestamp,
        octets: u32,
        tcp: Option<TcpHeader>,
        new: bool,
    ) -> Admission {
        let Some(flow) = self.slab.get_mut(index) else { return Admission::Full };
        if let Some(tcp) = tcp.filter(|tcp| tcp.has(TcpHeader::SYN)) {
            flow.meet(sender, tcp);
        }
        let side = if sender == flow.initiator() { Side::Initiator } else { Side::Responder };
        flow.first = flow.first.min(time);
        flow.last = flow.last.max(time);
        let count = flow.counts.get_mut(side);
        count.packets = count.packets.saturating_add(1);
        count.octets = count.octets.saturating_add(octets.into());
        let was_closed = flow.marks.closed();
        if let Some(tcp) = tcp {
            let fin = match side {
                Side::Initiator => Marks::FIN_INITIATOR,
                Side::Responder => Marks::FIN_RESPONDER,
            };
            flow.marks.set(fin, tcp.has(TcpHeader::FIN));
            flow.marks.set(Marks::RESET, tcp.has(TcpHeader::RST));
        }
        let id = FlowId { index, generation: flow.generation };
        let asks = tcp.is_some_and(TcpHeader::is_syn);
        if !new && !asks && flow.marks.has(Marks::HALF_OPEN) {
            flow.marks.0 &= !Marks::HALF_OPEN;
            self.half_open.end();
            self.brief.begin(id);
        }
        if flow.marks.closed() && !was_closed {
            let second = flow.last.after(self.settings.closed_linger).as_secs() + 1;
            self.wheel.remove(&mut self.slab, index);
            self.wheel.insert(&mut self.slab, index, second);
        }
        Admission::Flow { id, side, new }
    }

    /// A flow's time to be looked at has come: end it, report it, or put it back.
    fn look_at(&mut self, index: u32, ended: &mut impl FnMut(&mut Flow<S>, FlowEndReason)) {
        let Some(flow) = self.slab.get(index) else { return };
        if flow.last.after(self.idle_timeout(flow)) > self.now {
            let deadline = self.deadline(flow);
            self.wheel.insert(&mut self.slab, index, deadline);
            return;
        }
        if let Some(flow) = self.slab.get_mut(index) {
            let reason = flow.end_reason(FlowEndReason::Idle);
            ended(flow, reason);
            self.remove(index);
        }
    }

    const fn idle_timeout(&self, flow: &Flow<S>) -> Duration {
        match flow.transport() {
            _ if flow.marks.closed() => self.settings.closed_linger,
            Transport::TCP => self.settings.tcp_idle,
            _ => self.settings.udp_idle,
        }
    }

    /// The first whole second in which the flow can have timed out.
    fn deadline(&self, flow: &Flow<S>) -> u64 {
        flow.last.after(self.idle_timeout(flow)).as_secs() + 1
    }

    fn remove(&mut self, index: u32) {
        let Some(flow) = self.slab.get(index) else { return };
        if flow.marks.has(Marks::HALF_OPEN) {
            self.half_open.end();
        }
        self.index.remove(flow.key.hash32(&self.seed), index);
        self.wheel.remove(&mut self.slab, index);
        self.slab.remove(index);
    }
}

/// A flow that has lasted for the active timeout is reported, and counts from the packet at hand on:
/// that packet belongs to the next report.
#[cold]
fn report_active<S>(
    flow: &mut Flow<S>,
    time: Timestamp,
    ended: &mut impl FnMut(&mut Flow<S>, FlowEndReason),
) {
    ended(flow, FlowEndReason::Active);
    flow.first = time;
    flow.counts = PerSide::default();
}

/// Flows by place. A place is used again, under another generation.
#[derive(Debug)]
struct Slab<S> {
    flows: Places<Flow<S>>,
    free: Vec<u32>,
}

impl<S: Default> Slab<S> {
    #[inline(always)]
    fn get(&self, index: u32) -> Option<&Flow<S>> {
        self.flows.get(index as usize).filter(|flow| flow.lives())
    }

    #[inline(always)]
    fn get_mut(&mut self, index: u32) -> Option<&mut Flow<S>> {
        self.flows.get_mut(index as usize).filter(|flow| flow.lives())
    }

    fn is_half_open(&self, id: FlowId) -> bool {
        let flow = self.get(id.index).filter(|flow| flow.generation == id.generation);
        flow.is_some_and(|flow| flow.marks.has(Marks::HALF_OPEN))
    }

    fn is_brief(&self, id: FlowId) -> bool {
        let flow = self.get(id.index).filter(|flow| flow.generation == id.generation);
        flow.is_some_and(|flow| {
            let PerSide { initiator, responder } = &flow.counts;
            initiator.packets.saturating_add(responder.packets) <= BRIEF
        })
    }

    fn octets(&self) -> usize {
        self.flows.octets() + self.free.capacity() * size_of::<u32>()
    }

    fn insert(&mut self, key: FlowKey, time: Timestamp, marks: Marks) -> FlowId {
        let new = |generation| Flow {
            key,
            first: time,
            last: time,
            counts: PerSide::default(),
            generation,
            syn_sequence: 0,
            links: Links::default(),
            state: S::default(),
            marks,
        };
        if let Some(index) = self.free.pop()
            && let Some(flow) = self.flows.get_mut(index as usize)
        {
            *flow = new(flow.generation);
            return FlowId { index, generation: flow.generation };
        }
        let index = self.flows.push(new(0)) as u32;
        FlowId { index, generation: 0 }
    }

    fn remove(&mut self, index: u32) {
        let Some(flow) = self.get_mut(index) else { return };
        flow.marks = Marks::default();
        flow.generation = flow.generation.wrapping_add(1);
        flow.state = S::default();
        self.free.push(index);
    }
}

impl<S: Default> Linked for Slab<S> {
    fn links(&mut self, index: u32) -> Option<&mut Links> {
        self.get_mut(index).map(|flow| &mut flow.links)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYN: u8 = TcpHeader::SYN;
    const ACK: u8 = TcpHeader::ACK;
    const FIN: u8 = TcpHeader::FIN;

    struct Bench {
        table: FlowTable<u8>,
        ended: Vec<(u64, u64, FlowEndReason)>,
    }

    impl Bench {
        fn new(settings: FlowSettings) -> Self {
            Self { table: FlowTable::new(settings), ended: Vec::new() }
        }

        /// A packet of 100 octets at a time in milliseconds.
        fn packet(
            &mut self,
            millis: u64,
            from: &str,
            to: &str,
            tcp: Option<(u8, u32)>,
        ) -> Admission {
            let time = Timestamp::from_nanos(millis * 1_000_000);
            let Self { table, ended } = self;
            let mut end = |flow: &mut Flow<u8>, reason| {
                let PerSide { initiator, responder } = flow.counts;
                ended.push((initiator.packets, responder.packets, reason));
            };
            table.advance(time, &mut end);
            let transport = if tcp.is_some() { Transport::TCP } else { Transport::UDP };
            let key = FlowKey::new(from.parse().unwrap(), to.parse().unwrap(), transport, None);
            let header = |(flags, sequence)| TcpHeader { sequence, acknowledgment: 0, flags };
            let hash = table.hash(&key.0);
            table.take(key, hash, time, 100, tcp.map(header), end)
        }
    }

    const A: &str = "192.0.2.1:1000";
    const B: &str = "198.51.100.1:80";
    const C: &str = "203.0.113.3:80";

    fn side(admission: Admission) -> (Side, bool) {
        match admission {
            Admission::Flow { side, new, .. } => (side, new),
            Admission::Full => panic!("full"),
        }
    }

    #[test]
    fn packets_of_both_sides_are_one_flow_and_it_ends_when_idle() {
        let mut bench = Bench::new(FlowSettings::default());
        assert_eq!(side(bench.packet(1_700_000_000_000, A, B, None)), (Side::Initiator, true));
        assert_eq!(side(bench.packet(1_700_000_000_500, B, A, None)), (Side::Responder, false));
        bench.packet(1_700_000_050_000, A, B, None);
        assert_eq!(bench.ended, []);
        bench.packet(1_700_000_200_000, A, C, None);
        assert_eq!(bench.ended, [(2, 1, FlowEndReason::Idle)]);
        assert_eq!(bench.table.len(), 1);
    }

    #[test]
    fn a_late_packet_does_not_turn_time_back() {
        let mut bench = Bench::new(FlowSettings::default());
        bench.packet(1_000_000, A, B, None);
        bench.packet(900_000, A, C, None);
        assert_eq!(bench.table.now(), Timestamp::from_secs(1000));
        assert_eq!(bench.table.len(), 2);
        bench.packet(1_000_001, C, A, None);
        assert_eq!(bench.table.len(), 2);
    }

    #[test]
    fn who_answers_a_connection_request_is_the_responder_though_seen_first() {
        let mut bench = Bench::new(FlowSettings::default());
        assert_eq!(side(bench.packet(1000, B, A, Some((SYN | ACK, 1)))), (Side::Responder, true));
        assert_eq!(side(bench.packet(1001, A, B, Some((ACK, 1)))), (Side::Initiator, false));
    }

    #[test]
    fn a_late_handshake_says_who_began_and_what_each_sent() {
        for (first, second) in [((SYN, A, B), (SYN | ACK, B, A)), ((SYN | ACK, B, A), (SYN, A, B))]
        {
            let mut bench = Bench::new(FlowSettings::default());
            // The server speaks first, and its octets overtake the handshake.
            assert_eq!(side(bench.packet(1000, B, A, Some((ACK, 2)))), (Side::Initiator, true));
            for (place, (flags, from, to)) in (1..).zip([first, second]) {
                let expected = if from == A { Side::Initiator } else { Side::Responder };
                let admitted = bench.packet(1000 + place, from, to, Some((flags, 1)));
                assert_eq!(side(admitted), (expected, false));
            }
            // What was met once stays: a stray SYN of the other end changes nothing.
            let stray = bench.packet(1004, B, A, Some((SYN, 77)));
            assert_eq!(side(stray), (Side::Responder, false));
            bench.packet(1_000_000, A, C, None);
            assert_eq!(bench.ended, [(1, 3, FlowEndReason::Idle)]);
        }
    }

    #[test]
    fn a_closed_connection_lingers_then_ends_and_its_ports_can_be_used_again() {
        let mut bench = Bench::new(FlowSettings::default());
        bench.packet(10_000, A, B, Some((SYN, 7)));
        bench.packet(10_001, A, B, Some((FIN | ACK, 8)));
        bench.packet(10_002, B, A, Some((FIN | ACK, 1)));
        assert_eq!(side(bench.packet(10_003, A, B, Some((ACK, 9)))), (Side::Initiator, false));
        assert!(!side(bench.packet(10_004, A, B, Some((SYN, 7)))).1, "a repeated SYN");
        assert!(side(bench.packet(10_005, A, B, Some((SYN, 99)))).1);
        assert_eq!(bench.ended, [(4, 1, FlowEndReason::EndOfFlow)]);
        bench.packet(10_006, B, A, Some((TcpHeader::RST, 0)));
        bench.packet(18_000, A, C, None);
        assert_eq!(bench.ended.last(), Some(&(1, 1, FlowEndReason::EndOfFlow)));
    }

    #[test]
    fn the_active_timeout_reports_before_the_packet_is_counted() {
        let active = Some(Duration::from_secs(60));
        let mut bench = Bench::new(FlowSettings { active, ..FlowSettings::default() });
        for second in [0, 30, 59, 60, 90] {
            bench.packet(1_000_000 + second * 1000, A, B, None);
        }
        assert_eq!(bench.ended, [(3, 0, FlowEndReason::Active)]);
        let Bench { mut table, mut ended } = bench;
        table.drain(|flow, reason| ended.push((flow.counts.initiator.packets, 0, reason)));
        assert_eq!(ended.last(), Some(&(2, 0, FlowEndReason::Forced)));
        assert!(table.is_empty());
    }

    #[test]
    fn a_full_table_takes_no_new_flow_but_still_knows_its_own() {
        let mut bench = Bench::new(FlowSettings { max_flows: 1, ..FlowSettings::default() });
        for _ in 0..9 {
            bench.packet(1000, A, B, None);
        }
        assert_eq!(bench.packet(1001, A, C, None), Admission::Full);
        assert!(!side(bench.packet(1002, A, B, None)).1);
        bench.packet(100_000, A, C, None);
        assert_eq!(bench.table.len(), 1);
        assert_eq!(bench.ended, [(10, 0, FlowEndReason::Idle)]);
    }

    /// Answered queries, and scans that are answered, fill a table as requests do; what moves something,
    /// and what has just begun, stays.
    #[test]
    fn in_a_full_table_the_oldest_brief_flow_makes_room() {
        for tcp in [Some(ACK), None] {
            let mut bench = Bench::new(FlowSettings { max_flows: 400, ..FlowSettings::default() });
            let end = |place: u32| format!("10.0.{}.{}:80", place / 256, place % 256);
            for place in 0..100 {
                for _ in 0..9 {
                    bench.packet(1000, A, &end(place), Some((ACK, 1)));
                }
            }
            let mut asks = 0;
            for place in 1000..5000 {
                let millis = 1000 + u64::from(place);
                // Somebody asks, and is answered 20 ms later.
                if place % 100 == 0 {
                    asks = place;
                    bench.packet(millis, B, &end(place), Some((SYN, 1)));
                }
                if place == asks + 20 {
                    let answer = bench.packet(millis, &end(asks), B, Some((SYN | ACK, 1)));
                    assert!(!side(answer).1, "it was still there");
                }
                bench.packet(millis, A, &end(place), tcp.map(|_| (SYN, 1)));
                bench.packet(millis, &end(place), A, tcp.map(|ack| (SYN | ack, 1)));
                assert!(bench.table.len() <= 400);
            }
            let evicted = bench.table.stats().half_open_evicted;
            assert!(evicted >= 3700, "{evicted}");
            for place in 0..100 {
                assert!(!side(bench.packet(7000, A, &end(place), Some((ACK, 2)))).1, "{place}");
            }
        }
    }

    /// A flow of one packet, or of connection requests alone, makes room for the next; no other does.
    #[test]
    fn a_flood_of_requests_and_a_scan_take_a_quarter_of_the_table() {
        for tcp in [Some((SYN, 1)), None] {
            let mut bench = Bench::new(FlowSettings { max_flows: 400, ..FlowSettings::default() });
            let end = |place: u32| format!("10.0.{}.{}:80", place / 256, place % 256);
            for place in 0..250 {
                bench.packet(1000, A, &end(place), Some((SYN, 1)));
                bench.packet(1001, &end(place), A, Some((SYN | ACK, 1)));
            }
            for place in 1000..5000 {
                let (_, new) = side(bench.packet(1002, A, &end(place), tcp));
                assert!(new);
                if tcp.is_some() {
                    bench.packet(1003, A, &end(place), tcp);
                }
                let stats = bench.table.stats();
                assert!(stats.half_open <= 100 && stats.flows <= 350);
            }
            assert_eq!(bench.table.stats().half_open_evicted, 3900);
            assert!(bench.ended.iter().all(|(_, _, reason)| *reason == FlowEndReason::Evicted));
            for place in 0..250 {
                assert!(!side(bench.packet(1004, A, &end(place), Some((ACK, 2)))).1);
            }
        }
    }

    #[test]
    fn memory_bounds_the_flows() {
        let settings = FlowSettings { max_memory: 1 << 20, ..FlowSettings::default() };
        let mut bench = Bench::new(settings);
        let capacity = bench.table.stats().capacity as u32;
        for place in 0..2 * capacity {
            let to = format!("10.{}.{}.1:80", place / 256, place % 256);
            bench.packet(1000, A, &to, None);
            bench.packet(1000, &to, A, None);
        }
        let stats = bench.table.stats();
        assert_eq!(stats.flows, stats.capacity);
        assert!(stats.octets as u64 <= 2 * settings.table_memory(), "an index grows by doubling");
    }

    #[test]
    fn a_flow_with_sixteen_octets_of_state_is_two_cache_lines() {
        assert_eq!(size_of::<Flow<[u32; 4]>>(), 128);
    }

    #[test]
    fn a_flow_id_does_not_outlive_its_flow() {
        let mut bench = Bench::new(FlowSettings { max_flows: 1, ..FlowSettings::default() });
        let Admission::Flow { id, .. } = bench.packet(1000, A, B, None) else { panic!() };
        bench.table.get_mut(id).unwrap().state = 9;
        bench.packet(100_000, A, C, None);
        assert!(bench.table.get_mut(id).is_none());
    }

    proptest::proptest! {
        /// Whatever comes, each packet is counted in exactly one flow, and the bound holds.
        #[test]
        fn every_packet_is_counted_once(
            packets in proptest::collection::vec((0u64..4_000_000, 0u8..6, 0u8..6, 0u8..32), 1..400),
        ) {
            let mut bench = Bench::new(FlowSettings { max_flows: 8, ..FlowSettings::default() });
            let mut full = 0;
            for (millis, from, to, flags) in &packets {
                let from = format!("192.0.2.{from}:1000");
                let to = format!("192.0.2.{to}:80");
                let tcp = (*flags > 8).then_some((*flags, u32::from(*flags)));
                full += u64::from(bench.packet(*millis, &from, &to, tcp) == Admission::Full);
                proptest::prop_assert!(bench.table.len() <= 8);
            }
            let Bench { mut table, mut ended } = bench;
            table.drain(|flow, reason| {
                ended.push((flow.counts.initiator.packets, flow.counts.responder.packets, reason));
            });
            let counted: u64 = ended.iter().map(|(initiator, responder, _)| initiator + responder).sum();
            proptest::prop_assert_eq!(counted + full, packets.len() as u64);
        }
    }
}
