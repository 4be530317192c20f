//! The flow table: one worker's own, bounded, expiring on packet time.

use std::time::Duration;

use super::entry::{Flow, FlowEndReason, FlowId, Marks};
use super::half_open::{Brief, HalfOpen};
use super::index::Index;
use super::key::{FlowKey, FlowSeed, Sender};
use super::settings::FlowSettings;
use super::slab::Slab;
use super::wheel::Wheel;
use crate::packet::{PerSide, Side, TcpHeader, Transport};
use crate::time::Timestamp;

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
            slab: Slab::new(),
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

#[cfg(test)]
mod tests;
