//! The flow table: one worker's own, bounded, expiring on packet time.

use std::hash::BuildHasher;
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::key::{FlowKey, Sender};
use super::wheel::{Linked, Links, Wheel};
use crate::packet::{PerSide, Side, TcpHeader, Transport};
use crate::time::Timestamp;

/// Bounds and timeouts of a flow table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowSettings {
    /// Flows held at most.
    pub max_flows: u32,
    /// A TCP flow without a packet for so long has ended.
    pub tcp_idle: Duration,
    /// A flow of any other transport without a packet for so long has ended.
    pub udp_idle: Duration,
    /// A TCP flow that both ends closed, or one reset, is kept so long for stragglers.
    pub closed_linger: Duration,
    /// A flow that lasts longer is reported again each time this has passed; `None` for only at its end.
    pub active: Option<Duration>,
}

impl Default for FlowSettings {
    /// 1 Mi flows; TCP 300 s (RFC 5382 asks NATs for 2 h, exporters use minutes), UDP 60 s,
    /// closed 5 s, no active timeout.
    fn default() -> Self {
        Self {
            max_flows: 1 << 20,
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
}

/// Packets and octets of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SideCount {
    /// Packets.
    pub packets: u64,
    /// Octets on the wire.
    pub octets: u64,
}

/// A flow and what its user keeps of it.
#[derive(Debug)]
pub struct Flow<S> {
    key: FlowKey,
    /// Which end of the key is the initiator.
    initiator: Sender,
    closing: Closing,
    /// First packet since the flow began, or since it was last reported for the active timeout.
    pub first: Timestamp,
    /// Last packet.
    pub last: Timestamp,
    /// What each side sent since `first`.
    pub counts: PerSide<SideCount>,
    /// What the user keeps.
    pub state: S,
    links: Links,
}

/// What was seen of a TCP connection's beginning and end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Closing {
    fin: PerSide<bool>,
    reset: bool,
    syn_sequence: Option<u32>,
    /// A SYN or its answer was seen: who is the initiator is known.
    met: bool,
}

impl Closing {
    const fn closed(self) -> bool {
        self.reset || self.fin.initiator && self.fin.responder
    }
}

impl<S> Flow<S> {
    /// The two ends.
    pub fn ends(&self) -> PerSide<std::net::SocketAddr> {
        self.key.ends(self.initiator)
    }

    /// Transport protocol.
    pub const fn transport(&self) -> Transport {
        self.key.transport()
    }

    /// Takes a SYN, or the answer to one: the first says who began the connection, though data may have
    /// been seen before it.
    fn meet(&mut self, sender: Sender, tcp: TcpHeader) {
        let initiator = if tcp.is_syn() { sender } else { sender.other() };
        if !self.closing.met && initiator != self.initiator {
            self.initiator = initiator;
            self.counts = self.counts.swapped();
            self.closing.fin = self.closing.fin.swapped();
        }
        self.closing.met = true;
        if tcp.is_syn() {
            self.closing.syn_sequence = Some(tcp.sequence);
        }
    }
}

/// Names a flow for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Flows by key. `S` is what the user keeps of each.
#[derive(Debug)]
pub struct FlowTable<S> {
    settings: FlowSettings,
    index: HashTable<u32>,
    slab: Slab<S>,
    wheel: Wheel,
    /// Keys come from strangers: a known seed would let them choose collisions.
    hasher: RandomState,
    /// The latest packet's time: timers never run backwards.
    now: Timestamp,
}

impl<S: Default> FlowTable<S> {
    /// An empty table.
    pub fn new(settings: FlowSettings) -> Self {
        Self {
            settings,
            index: HashTable::new(),
            slab: Slab { slots: Vec::new(), free: Vec::new() },
            wheel: Wheel::new(),
            hasher: RandomState::default(),
            now: Timestamp::EPOCH,
        }
    }

    /// Flows held now.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no flow is held.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The latest packet's time.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// A flow, if it still lives.
    pub fn get_mut(&mut self, id: FlowId) -> Option<&mut Flow<S>> {
        let slot = self.slab.slots.get_mut(id.index as usize)?;
        slot.flow.as_mut().filter(|_| slot.generation == id.generation)
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

    /// Takes a packet: finds its flow or begins one, and counts it. A flow that it ends, by taking
    /// over the ports of a closed one, is given to `ended`.
    pub fn take(
        &mut self,
        key: (FlowKey, Sender),
        time: Timestamp,
        octets: u32,
        tcp: Option<TcpHeader>,
        mut ended: impl FnMut(&mut Flow<S>, FlowEndReason),
    ) -> Admission {
        let (key, sender) = key;
        if let Some(index) = self.find(&key) {
            let reused = self.slab.get(index).is_some_and(|flow| reuses(flow.closing, tcp));
            if !reused {
                self.report_active(index, time, &mut ended);
                return self.count(index, sender, time, octets, tcp);
            }
            if let Some(mut flow) = self.remove(index) {
                ended(&mut flow, FlowEndReason::EndOfFlow);
            }
        }
        if self.index.len() >= self.settings.max_flows as usize {
            return Admission::Full;
        }
        // An answer to a connection request comes from the responder, though it is seen first.
        let answer = tcp.is_some_and(TcpHeader::is_syn_ack);
        let initiator = match (sender, answer) {
            (Sender::Low, false) | (Sender::High, true) => Sender::Low,
            (Sender::High, false) | (Sender::Low, true) => Sender::High,
        };
        let id = self.insert(key, initiator, time);
        match self.count(id.index, sender, time, octets, tcp) {
            Admission::Flow { id, side, .. } => Admission::Flow { id, side, new: true },
            Admission::Full => Admission::Full,
        }
    }

    /// Ends every flow: the capture is over.
    pub fn drain(&mut self, mut ended: impl FnMut(&mut Flow<S>, FlowEndReason)) {
        for slot in &mut self.slab.slots {
            if let Some(mut flow) = slot.flow.take() {
                let closed = flow.closing.closed();
                ended(
                    &mut flow,
                    if closed { FlowEndReason::EndOfFlow } else { FlowEndReason::Forced },
                );
            }
        }
        *self = Self { now: self.now, ..Self::new(self.settings) };
    }

    fn find(&self, key: &FlowKey) -> Option<u32> {
        let hash = self.hash(key);
        let same = |index: &u32| self.slab.get(*index).is_some_and(|flow| flow.key == *key);
        self.index.find(hash, same).copied()
    }

    fn hash(&self, key: &FlowKey) -> u64 {
        self.hasher.hash_one(key)
    }

    fn insert(&mut self, key: FlowKey, initiator: Sender, time: Timestamp) -> FlowId {
        let flow = Flow {
            key,
            initiator,
            closing: Closing::default(),
            first: time,
            last: time,
            counts: PerSide::default(),
            state: S::default(),
            links: Links::default(),
        };
        let deadline = self.deadline(&flow);
        let id = self.slab.insert(flow);
        let (slab, hasher) = (&self.slab, &self.hasher);
        let rehash = |index: &u32| slab.get(*index).map_or(0, |flow| hasher.hash_one(flow.key));
        self.index.insert_unique(hasher.hash_one(key), id.index, rehash);
        self.wheel.insert(&mut self.slab, id.index, deadline);
        id
    }

    fn count(
        &mut self,
        index: u32,
        sender: Sender,
        time: Timestamp,
        octets: u32,
        tcp: Option<TcpHeader>,
    ) -> Admission {
        let Some(slot) = self.slab.slots.get_mut(index as usize) else { return Admission::Full };
        let generation = slot.generation;
        let Some(flow) = slot.flow.as_mut() else { return Admission::Full };
        if let Some(tcp) = tcp.filter(|tcp| tcp.has(TcpHeader::SYN)) {
            flow.meet(sender, tcp);
        }
        let side = if sender == flow.initiator { Side::Initiator } else { Side::Responder };
        flow.first = flow.first.min(time);
        flow.last = flow.last.max(time);
        let count = flow.counts.get_mut(side);
        count.packets = count.packets.saturating_add(1);
        count.octets = count.octets.saturating_add(octets.into());
        let was_closed = flow.closing.closed();
        if let Some(tcp) = tcp {
            *flow.closing.fin.get_mut(side) |= tcp.has(TcpHeader::FIN);
            flow.closing.reset |= tcp.has(TcpHeader::RST);
        }
        if flow.closing.closed() && !was_closed {
            let second = flow.last.after(self.settings.closed_linger).as_secs() + 1;
            self.wheel.remove(&mut self.slab, index);
            self.wheel.insert(&mut self.slab, index, second);
        }
        Admission::Flow { id: FlowId { index, generation }, side, new: false }
    }

    /// A flow that has lasted for the active timeout is reported, and counts from the packet at hand
    /// on: that packet belongs to the next report.
    fn report_active(
        &mut self,
        index: u32,
        time: Timestamp,
        ended: &mut impl FnMut(&mut Flow<S>, FlowEndReason),
    ) {
        let Some(active) = self.settings.active else { return };
        let slot = self.slab.slots.get_mut(index as usize);
        let Some(flow) = slot.and_then(|slot| slot.flow.as_mut()) else { return };
        if time.since(flow.first) >= active {
            ended(flow, FlowEndReason::Active);
            flow.first = time;
            flow.counts = PerSide::default();
        }
    }

    /// A flow's time to be looked at has come: end it, report it, or put it back.
    fn look_at(&mut self, index: u32, ended: &mut impl FnMut(&mut Flow<S>, FlowEndReason)) {
        let now = self.now;
        let Some(flow) = self.slab.get(index) else { return };
        let closed = flow.closing.closed();
        if flow.last.after(self.idle_timeout(flow)) <= now {
            let reason = if closed { FlowEndReason::EndOfFlow } else { FlowEndReason::Idle };
            if let Some(mut flow) = self.remove(index) {
                ended(&mut flow, reason);
            }
            return;
        }
        let deadline = self.deadline(flow);
        self.wheel.insert(&mut self.slab, index, deadline);
    }

    fn idle_timeout(&self, flow: &Flow<S>) -> Duration {
        match flow.transport() {
            _ if flow.closing.closed() => self.settings.closed_linger,
            Transport::TCP => self.settings.tcp_idle,
            _ => self.settings.udp_idle,
        }
    }

    /// The first whole second in which the flow can have timed out.
    fn deadline(&self, flow: &Flow<S>) -> u64 {
        flow.last.after(self.idle_timeout(flow)).as_secs() + 1
    }

    fn remove(&mut self, index: u32) -> Option<Flow<S>> {
        let hash = self.hash(&self.slab.get(index)?.key);
        if let Ok(entry) = self.index.find_entry(hash, |known| *known == index) {
            entry.remove();
        }
        self.wheel.remove(&mut self.slab, index);
        self.slab.remove(index)
    }
}

/// Whether a packet begins a new connection on the ports of one that was closed.
fn reuses(closing: Closing, tcp: Option<TcpHeader>) -> bool {
    let Some(tcp) = tcp else { return false };
    closing.closed() && tcp.is_syn() && closing.syn_sequence != Some(tcp.sequence)
}

#[derive(Debug)]
struct Slab<S> {
    slots: Vec<Slot<S>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot<S> {
    generation: u32,
    flow: Option<Flow<S>>,
}

impl<S> Slab<S> {
    fn get(&self, index: u32) -> Option<&Flow<S>> {
        self.slots.get(index as usize)?.flow.as_ref()
    }

    fn insert(&mut self, flow: Flow<S>) -> FlowId {
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(index as usize)
        {
            slot.flow = Some(flow);
            return FlowId { index, generation: slot.generation };
        }
        let index = self.slots.len() as u32;
        self.slots.push(Slot { generation: 0, flow: Some(flow) });
        FlowId { index, generation: 0 }
    }

    fn remove(&mut self, index: u32) -> Option<Flow<S>> {
        let slot = self.slots.get_mut(index as usize)?;
        let flow = slot.flow.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(index);
        Some(flow)
    }
}

impl<S> Linked for Slab<S> {
    fn links(&mut self, index: u32) -> Option<&mut Links> {
        Some(&mut self.slots.get_mut(index as usize)?.flow.as_mut()?.links)
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
            table.take(key, time, 100, tcp.map(header), end)
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
        bench.packet(1000, A, B, None);
        assert_eq!(bench.packet(1001, A, C, None), Admission::Full);
        assert!(!side(bench.packet(1002, A, B, None)).1);
        bench.packet(100_000, A, C, None);
        assert_eq!(bench.table.len(), 1);
        assert_eq!(bench.ended, [(2, 0, FlowEndReason::Idle)]);
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
