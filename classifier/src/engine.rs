//! The classification of one flow: which recognisers still ask, what the best finding is, when it is settled.

use std::sync::Arc;

use etiage_capture::{Packet, PerSide, Side, TcpHeader, Timestamp, Transport};

use crate::class::{Category, Protocol, SETTLED, Verdict};
use crate::flow_state::{Depth, FlowState};
use crate::judge::{Judge, by_transport, merge};
use crate::knowledge::{Knowledge, Teacher, Turn};
use crate::lessons::{learn_endpoint, learn_hosts};
use crate::ports;
use crate::recogniser::{Answer, FlowEnds, View};
use crate::recognisers::{self, Recogniser, Scratch};
use crate::rules::Rules;
use crate::signs::Signs;
use crate::stream::Shown;
use crate::watch::Watch;

/// Packets with payload after which inspecting ends. Names come within the first flight of either side;
/// uTP, RTP and the shape of encrypted handshakes need a few more.
pub const MAX_INSPECTED: u16 = 16;
/// Classifies flows: the rules, and what is learnt. One is shared by all workers.
#[derive(Debug, Clone)]
pub struct Classifier {
    judge: Judge,
}

/// What is known after a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More packets are needed; [`Classifier::conclude`] tells the best guess so far.
    Undecided,
    /// The protocol is certain: count the flow under this, but keep its state and keep showing its
    /// packets. Either its name can still come (a TLS connection without SNI may show a certificate),
    /// and a later answer can then carry a service that this one lacks; or it teaches about other
    /// flows (DNS, FTP's control connection), and stays `Known` until it ends.
    Known(Verdict),
    /// The state can be freed: no payload says more. But what the flow is for can still show in its
    /// shape: tell the [`Watch`] of its packets.
    Watched(Watch),
    /// This is it: the state can be freed. But what the flow says is about other flows: show its further
    /// packets to [`Classifier::lesson`].
    Lessons(Verdict),
    /// This is it: the state can be freed, and the flow need not be shown again.
    Settled(Verdict),
}

impl Classifier {
    /// A classifier with these rules, sharing what is learnt through `knowledge`.
    pub fn new(rules: Arc<Rules>, knowledge: Arc<Knowledge>) -> Self {
        Self { judge: Judge { rules, knowledge } }
    }

    /// The same classifier for a worker that waits for its turn whenever it looks at what is learnt.
    #[must_use]
    pub fn in_turn(&self, turn: Arc<dyn Turn>) -> Self {
        Self::new(self.judge.rules.clone(), Arc::new(self.judge.knowledge.in_turn(turn)))
    }

    /// The service rules.
    pub fn rules(&self) -> &Rules {
        &self.judge.rules
    }

    /// What was learnt.
    pub fn knowledge(&self) -> &Knowledge {
        &self.judge.knowledge
    }

    /// Shows a packet of the flow to the recognisers that still ask.
    pub fn observe(
        &self,
        state: &mut FlowState,
        ends: &FlowEnds,
        packet: &Packet<'_>,
        side: Side,
        now: Timestamp,
    ) -> Progress {
        let Some(list) = recognisers::for_transport(ends.transport) else {
            return Progress::Settled(by_transport(ends.transport));
        };
        let ordered = packet.tcp.is_some() && state.depth != Depth::TeachingUnordered;
        let mut settled = ordered && self.track_stream(list, state, ends, packet, side, now);
        if !ordered || !state.order.waits(&state.streams, side, packet) {
            settled |= self.take(list, state, ends, packet, side, now);
        }
        while ordered
            && !settled
            && let Some(segment) = state.order.release(&state.streams, ends.initiator)
        {
            let side = segment.side(ends.initiator);
            settled = self.take(list, state, ends, &segment.packet(), side, now);
        }
        let spent = state.sent.initiator.saturating_add(state.sent.responder) >= MAX_INSPECTED;
        if settled || state.candidates & mask(list) == 0 || spent && state.depth < Depth::Teaching {
            return self.settle(state, ends, now);
        }
        if spent && state.depth == Depth::Teaching {
            state.depth = Depth::TeachingUnordered;
            self.show_kept(list, state, ends, now);
        }
        self.progress(state, ends, now)
    }

    /// Nothing is put in order any more: what waited for its turn is shown as it is.
    fn show_kept(
        &self,
        list: &'static [Recogniser],
        state: &mut FlowState,
        ends: &FlowEnds,
        now: Timestamp,
    ) {
        let streams = std::mem::take(&mut state.streams);
        for (side, stream) in
            [(Side::Initiator, streams.initiator), (Side::Responder, streams.responder)]
        {
            for segment in stream.into_held(ends.end(side), ends.end(side.other())) {
                self.take(list, state, ends, &segment.packet(), side, now);
            }
        }
        while let Some(segment) = state.order.give_up() {
            let side = segment.side(ends.initiator);
            self.take(list, state, ends, &segment.packet(), side, now);
        }
    }

    /// Takes note of a TCP packet. A SYN that comes after its connection's data says where that
    /// begins: the questions begin again, unless they have been answered.
    fn track_stream(
        &self,
        list: &'static [Recogniser],
        state: &mut FlowState,
        ends: &FlowEnds,
        packet: &Packet<'_>,
        side: Side,
        now: Timestamp,
    ) -> bool {
        state.order.count(packet);
        let Some(tcp) = packet.tcp.filter(|tcp| tcp.has(TcpHeader::SYN)) else { return false };
        state.streams.get_mut(side).syn(tcp.sequence);
        let early = state.order.take_early();
        if early.is_empty() {
            return false;
        }
        if state.depth == Depth::Inspecting {
            let FlowState { streams, order, .. } = std::mem::take(state);
            *state = FlowState { streams, order, ..FlowState::default() };
        }
        let mut settled = false;
        for segment in &early {
            let (packet, side) = (segment.packet(), segment.side(ends.initiator));
            if !settled && !state.order.waits(&state.streams, side, &packet) {
                settled = self.take(list, state, ends, &packet, side, now);
            }
        }
        settled
    }

    /// Shows a packet, if it has something to show; true if the verdict is final.
    fn take(
        &self,
        list: &'static [Recogniser],
        state: &mut FlowState,
        ends: &FlowEnds,
        packet: &Packet<'_>,
        side: Side,
        now: Timestamp,
    ) -> bool {
        if packet.payload_octets == 0 && packet.payload.is_empty() {
            return false;
        }
        let mine = state.sent.get_mut(side);
        *mine = mine.saturating_add(1);
        state.order.keep_early(state.streams.get(side), packet);
        // A snapped packet has nothing to show, but it is one of those that a flow is given.
        !packet.payload.is_empty() && self.show(list, state, ends, packet, side, now)
    }

    /// No recogniser asks any more.
    fn settle(&self, state: &FlowState, ends: &FlowEnds, now: Timestamp) -> Progress {
        let verdict = self.so_far(state, ends, now);
        if state.depth == Depth::Stateless {
            return Progress::Lessons(verdict);
        }
        if verdict.class.protocol == Protocol::Unknown {
            return Progress::Watched(Watch::unknown(state.signs(), now));
        }
        let named = || verdict.is_named() || self.judge.has_learnt_name(ends, now);
        match Watch::new(verdict, ends, named, now) {
            Some(watch) => Progress::Watched(watch),
            None => Progress::Settled(verdict),
        }
    }

    /// Shows a further packet of a flow that is known and teaches without state.
    pub fn lesson(&self, ends: &FlowEnds, packet: &Packet<'_>, side: Side, now: Timestamp) {
        if packet.payload.is_empty() {
            return;
        }
        recognisers::dns::lesson(&View {
            now,
            ends,
            side,
            payload: packet.payload,
            from_start: true,
            wire_octets: packet.payload_octets,
            sent: 1,
            answered: 0,
            heads: PerSide::default(),
            knowledge: &self.judge.knowledge,
        });
    }

    /// The best verdict there is: for a flow that ends, or whose octets must be counted now. What still
    /// waits for packets before it is shown first.
    pub fn conclude(&self, state: &mut FlowState, ends: &FlowEnds, now: Timestamp) -> Verdict {
        let list = recognisers::for_transport(ends.transport).unwrap_or_default();
        while let Some(segment) = state.order.give_up() {
            let side = segment.side(ends.initiator);
            if self.take(list, state, ends, &segment.packet(), side, now) {
                state.candidates = 0;
            }
        }
        self.so_far(state, ends, now)
    }

    /// The best verdict so far.
    fn so_far(&self, state: &FlowState, ends: &FlowEnds, now: Timestamp) -> Verdict {
        match state.best {
            // Circumstances that were learnt since may be surer than those of the packets.
            Some(best) if best.class.category == Category::P2p && best.confidence < SETTLED => {
                let learnt = self.judge.learnt(&state.signs(), ends, now);
                learnt.map_or(best, |learnt| merge(Some(best), learnt))
            }
            Some(best) => self.judge.name_from_dns(best, ends, now),
            None => self.judge.guess(&state.signs(), ends, now),
        }
    }

    /// What has been learnt since of the ends of a flow that no recogniser knew. To be asked where a watch
    /// says that it is due, when an interval closes, and when the flow ends.
    pub fn ask_again(&self, watch: &mut Watch, ends: &FlowEnds, now: Timestamp) {
        let Some(late) = watch.late() else { return };
        if let Some(verdict) = self.judge.learnt(&late.signs, ends, now) {
            watch.found(verdict);
        }
    }

    /// Whether flows of this transport are inspected; of another, the transport itself is the verdict.
    pub fn inspects(transport: Transport) -> bool {
        recognisers::for_transport(transport).is_some()
    }

    /// The verdict on a flow that no recogniser has seen: by transport, by what is known of its ends, and by
    /// port.
    pub fn uninspected(&self, ends: &FlowEnds, now: Timestamp) -> Verdict {
        match recognisers::for_transport(ends.transport) {
            None => by_transport(ends.transport),
            // No recogniser has said no, and nothing speaks against the flow hiding what it is.
            Some(_) => self.judge.guess(&Signs::NOTHING_SEEN, ends, now),
        }
    }

    /// The verdict on an IP packet that has no flow (the table is full): by transport and port only.
    pub fn stateless(&self, ends: &FlowEnds) -> Verdict {
        match recognisers::for_transport(ends.transport) {
            None => by_transport(ends.transport),
            Some(_) => ports::guess(ends).unwrap_or(Verdict::UNKNOWN),
        }
    }

    fn progress(&self, state: &FlowState, ends: &FlowEnds, now: Timestamp) -> Progress {
        match state.depth {
            Depth::Inspecting => Progress::Undecided,
            _ => Progress::Known(self.so_far(state, ends, now)),
        }
    }

    /// What taught the name on which a verdict rests, if it is one that DNS gave.
    pub fn teacher(&self, verdict: &Verdict, ends: &FlowEnds, now: Timestamp) -> Option<Teacher> {
        self.judge.teacher(verdict, ends, now)
    }

    /// Shows what a packet adds; true if the verdict is final.
    fn show(
        &self,
        list: &'static [Recogniser],
        state: &mut FlowState,
        ends: &FlowEnds,
        packet: &Packet<'_>,
        side: Side,
        now: Timestamp,
    ) -> bool {
        let FlowState { candidates, streams, heads, sent, scratch, best, depth, .. } = state;
        let stream = streams.get_mut(side);
        // Data on a SYN (RFC 7413) starts one after the SYN's own number.
        let sequence =
            packet.tcp.map(|tcp| tcp.sequence.wrapping_add(u32::from(tcp.has(TcpHeader::SYN))));
        let shown = match sequence {
            Some(sequence) => stream.show(sequence, packet.payload),
            None => Shown::Alone(packet.payload),
        };
        let (seen, in_order) = match shown {
            Shown::Nothing => return false,
            Shown::First(seen) | Shown::Prefix(seen) => (seen, true),
            Shown::Alone(seen) => (seen, false),
        };
        let first = matches!(shown, Shown::First(_));
        heads.get_mut(side).fill(seen, in_order);
        let view = View {
            now,
            ends,
            side,
            payload: seen,
            from_start: in_order || packet.tcp.is_none(),
            wire_octets: packet.payload_octets,
            sent: *sent.get(side),
            answered: *sent.get(side.other()),
            heads: PerSide {
                initiator: heads.initiator.octets(),
                responder: heads.responder.octets(),
            },
            knowledge: &self.judge.knowledge,
        };
        let settled = self.ask(list, candidates, scratch, &view, best, depth);
        if let Some(sequence) = sequence.filter(|_| first && !settled) {
            stream.keep(sequence, packet.payload);
        }
        settled
    }

    fn ask(
        &self,
        list: &'static [Recogniser],
        candidates: &mut u64,
        scratch: &mut Scratch,
        view: &View<'_>,
        best: &mut Option<Verdict>,
        depth: &mut Depth,
    ) -> bool {
        for (place, recogniser) in list.iter().enumerate() {
            let bit = 1u64 << place;
            if *candidates & bit == 0 {
                continue;
            }
            match (recogniser.ask)(view, scratch) {
                Answer::Unsure => {}
                // A message that cannot be read does not end what a known flow teaches.
                Answer::No if *depth >= Depth::Teaching => {}
                Answer::No => *candidates &= !bit,
                Answer::Match(finding) => {
                    *best = Some(merge(*best, self.judge.verdict(&finding)));
                    let asks_on = finding.more || finding.teaches;
                    if finding.confidence >= SETTLED {
                        if *depth < Depth::Teaching {
                            learn_hosts(view, &finding);
                            if let Some(verdict) = best {
                                learn_endpoint(view, verdict);
                            }
                        }
                        if !asks_on {
                            return true;
                        }
                        if finding.stateless {
                            *depth = Depth::Stateless;
                            return true;
                        }
                        let next = if finding.teaches { Depth::Teaching } else { Depth::Naming };
                        if *depth < next {
                            *depth = next;
                        }
                        *candidates = bit;
                        return false;
                    }
                    if !asks_on {
                        *candidates &= !bit;
                    }
                }
            }
        }
        false
    }
}

const fn mask(list: &[Recogniser]) -> u64 {
    match list.len() {
        64.. => u64::MAX,
        length => (1 << length) - 1,
    }
}

#[cfg(test)]
mod tests;
