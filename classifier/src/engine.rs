//! The classification of one flow: which recognisers still ask, what the best finding is, when it is settled.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use etiage_capture::{Packet, PerSide, Side, TcpHeader, Timestamp, Transport};

use crate::class::{Category, Class, Confidence, Evidence, Protocol, SETTLED, Verdict};
use crate::knowledge::{Endpoint, Knowledge, LearntName, Teacher, Trust, Turn};
use crate::order::Order;
use crate::ports;
use crate::recogniser::{Answer, Finding, FlowEnds, View};
use crate::recognisers::random::looks_random;
use crate::recognisers::{self, Recogniser, Scratch};
use crate::rules::{Rules, ServiceId};
use crate::signs::Signs;
use crate::stream::{Shown, Stream};
use crate::watch::Watch;

/// How many octets of each side's start are remembered while a flow is inspected.
pub const HEAD: usize = 64;
/// Packets with payload after which inspecting ends. Names come within the first flight of either side;
/// uTP, RTP and the shape of encrypted handshakes need a few more.
pub const MAX_INSPECTED: u16 = 16;
/// A name that other clients were given for an address: often one of many that it serves.
const SHARED_NAME: Confidence = Confidence(60);
/// A name that was told by a resolver, though nobody was seen to ask.
const TOLD_NAME: Confidence = Confidence(50);
/// A peer that was told of without being asked for.
const TOLD_PEER: Confidence = Confidence(60);
/// Another flow of the same endpoint was recognised minutes ago.
const SAME_ENDPOINT: Confidence = Confidence(60);
/// A flow without any fixed octet between two hosts that speak the same peer-to-peer protocol.
const BETWEEN_KNOWN_HOSTS: Confidence = Confidence(65);
/// A handshake of the right shape, of a host that does the same to many.
const ONE_OF_MANY: Confidence = Confidence(75);
/// The peer-to-peer protocols that also hide, the rarer ones first.
const SPOKEN: &[Protocol] =
    &[Protocol::DirectConnect, Protocol::Soulseek, Protocol::Edonkey, Protocol::BitTorrent];

/// Classifies flows: the rules, and what is learnt. One is shared by all workers.
#[derive(Debug, Clone)]
pub struct Classifier {
    rules: Arc<Rules>,
    knowledge: Arc<Knowledge>,
}

/// What is kept of a flow while it is inspected; freed at the verdict.
pub struct FlowState {
    /// Bit i: the recogniser at place i of its transport's list still asks.
    candidates: u64,
    streams: PerSide<Stream>,
    order: Order,
    heads: PerSide<Head>,
    sent: PerSide<u16>,
    scratch: Scratch,
    best: Option<Verdict>,
    depth: Depth,
}

impl fmt::Debug for FlowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowState")
            .field("depth", &self.depth)
            .field("sent", &self.sent)
            .field("best", &self.best)
            .finish_non_exhaustive()
    }
}

impl Default for FlowState {
    fn default() -> Self {
        Self {
            candidates: u64::MAX,
            streams: PerSide::default(),
            order: Order::default(),
            heads: PerSide::default(),
            sent: PerSide::default(),
            scratch: Scratch::default(),
            best: None,
            depth: Depth::Inspecting,
        }
    }
}

/// The connection requests that a flow began with: all that need be known of them while nothing else
/// was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// The last of each side.
    sequences: PerSide<Option<u32>>,
    packets: u16,
}

impl Requests {
    /// One more, without payload.
    pub const fn add(&mut self, side: Side, tcp: TcpHeader) {
        *self.sequences.get_mut(side) = Some(tcp.sequence);
        self.packets = self.packets.saturating_add(1);
    }
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

/// How far the questions have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Depth {
    /// No finding is sure yet.
    Inspecting,
    /// The protocol is sure; its recogniser alone still asks, for the name.
    Naming,
    /// The same, and what the flow says is about other flows: it is shown to its end.
    Teaching,
    /// Teaching for longer than flows are inspected: streams are no longer put in order, so that a
    /// connection that lasts for days costs no buffer.
    TeachingUnordered,
    /// Known, and it teaches without any state.
    Stateless,
}

struct Head {
    octets: [u8; HEAD],
    length: u8,
}

impl Default for Head {
    fn default() -> Self {
        Self { octets: [0; HEAD], length: 0 }
    }
}

impl Head {
    /// Takes the first octets a side sent: of a stream again as it grows, else of the first packet.
    fn fill(&mut self, payload: &[u8], grows: bool) {
        let have = usize::from(self.length);
        if have == 0 || (grows && have < HEAD && payload.len() > have) {
            self.length = 0;
            for (place, octet) in self.octets.iter_mut().zip(payload) {
                *place = *octet;
                self.length += 1;
            }
        }
    }

    fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl Classifier {
    /// A classifier with these rules, sharing what is learnt through `knowledge`.
    pub fn new(rules: Arc<Rules>, knowledge: Arc<Knowledge>) -> Self {
        Self { rules, knowledge }
    }

    /// The same classifier for a worker that waits for its turn whenever it looks at what is learnt.
    #[must_use]
    pub fn in_turn(&self, turn: Arc<dyn Turn>) -> Self {
        Self { rules: self.rules.clone(), knowledge: Arc::new(self.knowledge.in_turn(turn)) }
    }

    /// The service rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What was learnt.
    pub fn knowledge(&self) -> &Knowledge {
        &self.knowledge
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
        let named = || verdict.is_named() || self.has_learnt_name(ends, now);
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
            knowledge: &self.knowledge,
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
                let learnt = self.learnt(&state.signs(), ends, now);
                learnt.map_or(best, |learnt| merge(Some(best), learnt))
            }
            Some(best) => self.name_from_dns(best, ends, now),
            None => self.guess(&state.signs(), ends, now),
        }
    }

    /// What has been learnt since of the ends of a flow that no recogniser knew. To be asked where a watch
    /// says that it is due, when an interval closes, and when the flow ends.
    pub fn ask_again(&self, watch: &mut Watch, ends: &FlowEnds, now: Timestamp) {
        let Some(late) = watch.late() else { return };
        if let Some(verdict) = self.learnt(&late.signs, ends, now) {
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
            Some(_) => self.guess(&Signs::NOTHING_SEEN, ends, now),
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
            knowledge: &self.knowledge,
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
                    *best = Some(merge(*best, self.verdict(&finding)));
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

    /// A finding with its name looked up in the rules.
    fn verdict(&self, finding: &Finding<'_>) -> Verdict {
        let service = finding
            .service
            .or_else(|| finding.host.as_deref().and_then(|host| self.rules.lookup(host)))
            .unwrap_or(ServiceId::NONE);
        self.classed(finding.protocol, service, finding.confidence, finding.evidence)
    }

    fn classed(
        &self,
        protocol: Protocol,
        service: ServiceId,
        confidence: Confidence,
        evidence: Evidence,
    ) -> Verdict {
        // A service says what carries it (web protocols) is for; it does not turn BitTorrent into web.
        let category = match protocol {
            Protocol::Http | Protocol::Tls | Protocol::Quic | Protocol::Unknown => {
                self.rules.category(service).unwrap_or(protocol.category())
            }
            _ => protocol.category(),
        };
        Verdict { class: Class { protocol, service, category }, confidence, evidence }
    }

    /// A web protocol without a name of its own takes the one that DNS gave for the address.
    fn name_from_dns(&self, verdict: Verdict, ends: &FlowEnds, now: Timestamp) -> Verdict {
        let protocol = verdict.class.protocol;
        let takes_name = matches!(protocol, Protocol::Http | Protocol::Tls | Protocol::Quic);
        if !takes_name || verdict.is_named() || verdict.class.service != ServiceId::NONE {
            return verdict;
        }
        let Some((service, teacher)) = self.learnt_service(ends, now) else { return verdict };
        let (confidence, evidence) = match teacher.trust {
            Trust::Asked => (Confidence::LIKELY, Evidence::NONE),
            Trust::Others => (SHARED_NAME, Evidence::OTHERS),
            Trust::OneWay => (TOLD_NAME, Evidence::ONE_WAY),
        };
        let evidence = verdict.evidence.with(Evidence::DNS_NAME).with(evidence);
        self.classed(protocol, service, verdict.confidence.min(confidence), evidence)
    }

    /// What taught the name on which a verdict rests, if it is one that DNS gave.
    pub fn teacher(&self, verdict: &Verdict, ends: &FlowEnds, now: Timestamp) -> Option<Teacher> {
        if !verdict.evidence.has(Evidence::DNS_NAME) {
            return None;
        }
        self.learnt_service(ends, now).map(|(_, teacher)| teacher)
    }

    /// The service of a name that DNS gave for one of the ends: what the other end asked for itself
    /// first, for an address serves many names; else what others were given for it, or it was told.
    fn learnt_service(&self, ends: &FlowEnds, now: Timestamp) -> Option<(ServiceId, Teacher)> {
        let (initiator, responder) = (ends.initiator.ip(), ends.responder.ip());
        let names = [(initiator, responder), (responder, initiator)]
            .map(|(client, server)| self.knowledge.name(now, client, server));
        let service = |wanted: Trust| {
            let is_wanted = move |name: &&LearntName| name.teacher.trust == wanted;
            let service = |name: &LearntName| Some((self.rules.lookup(&name.host)?, name.teacher));
            names.iter().flatten().filter(is_wanted).find_map(service)
        };
        [Trust::Asked, Trust::Others, Trust::OneWay].into_iter().find_map(service)
    }

    /// Whether DNS gave a name for one of the ends, that a rule knows or not.
    fn has_learnt_name(&self, ends: &FlowEnds, now: Timestamp) -> bool {
        let (initiator, responder) = (ends.initiator.ip(), ends.responder.ip());
        [(initiator, responder), (responder, initiator)]
            .iter()
            .any(|(client, server)| self.knowledge.name(now, *client, *server).is_some())
    }

    /// What is known of the flow's ends: announced, peers, or hosts that both speak one peer-to-peer
    /// protocol and have a flow that hides what it is.
    fn learnt(&self, signs: &Signs, ends: &FlowEnds, now: Timestamp) -> Option<Verdict> {
        let both = [(ends.responder, ends.initiator.ip()), (ends.initiator, ends.responder.ip())];
        let learnt = both.into_iter().find_map(|(end, other)| {
            let expected = self.knowledge.expected(now, end, other);
            let expected = expected
                .filter(|expected| !expected.call_only)
                .map(|expected| (expected.protocol, Confidence::LIKELY, Evidence::RELATED));
            expected.or_else(|| {
                let (protocol, asked) = self.knowledge.peer(now, end, other)?;
                let confidence = if asked { Confidence::LIKELY } else { TOLD_PEER };
                Some((protocol, confidence, Evidence::PEER))
            })
        });
        if let Some((protocol, confidence, evidence)) = learnt {
            return Some(self.classed(protocol, ServiceId::NONE, confidence, evidence));
        }
        let known = both.into_iter().find_map(|(end, other)| {
            let known = self.knowledge.endpoint(now, ends.transport, end, other)?;
            (!contradicts(signs.candidates, ends.transport, known.protocol)).then_some(known)
        });
        if let Some(Endpoint { protocol, service, .. }) = known {
            return Some(self.classed(protocol, service, SAME_ENDPOINT, Evidence::ENDPOINT));
        }
        if !signs.hidden || both.into_iter().any(|(end, _)| ports::is_service(end.port())) {
            return None;
        }
        let speak = |protocol: &Protocol| {
            let speaks = |(end, other): (SocketAddr, _)| {
                self.knowledge.speaks(now, end.ip(), *protocol, other)
            };
            both.into_iter().all(speaks)
        };
        if let Some(protocol) = SPOKEN.iter().copied().find(speak) {
            return Some(self.classed(
                protocol,
                ServiceId::NONE,
                BETWEEN_KNOWN_HOSTS,
                Evidence::PEER,
            ));
        }
        // A handshake of BitTorrent's shape, from a host that has since done the same to others.
        let alike = signs.handshake && self.knowledge.is_suspected(now, ends.initiator.ip());
        let evidence = Evidence::MSE.with(Evidence::SHAPE);
        alike.then(|| self.classed(Protocol::BitTorrent, ServiceId::NONE, ONE_OF_MANY, evidence))
    }

    /// No recogniser knew it: what is known of its ends, then the port.
    fn guess(&self, signs: &Signs, ends: &FlowEnds, now: Timestamp) -> Verdict {
        if let Some(learnt) = self.learnt(signs, ends, now) {
            return learnt;
        }
        let by_port = ports::guess(ends)
            .filter(|guess| !contradicts(signs.candidates, ends.transport, guess.class.protocol));
        by_port.map_or(Verdict::UNKNOWN, |verdict| self.name_from_dns(verdict, ends, now))
    }
}

impl FlowState {
    /// Takes note of the requests that a connection began with, as if they had been observed: to be
    /// called before anything else is.
    pub fn ask(&mut self, requests: &Requests) {
        for side in [Side::Initiator, Side::Responder] {
            if let Some(sequence) = *requests.sequences.get(side) {
                self.streams.get_mut(side).syn(sequence);
            }
        }
        self.order.count_requests(requests.packets);
    }

    /// Octets that it takes, its buffers included.
    pub fn octets(&self) -> usize {
        let PerSide { initiator, responder } = &self.streams;
        let buffers = initiator.octets() + responder.octets() + self.order.octets();
        size_of::<Self>() + buffers + self.scratch.octets()
    }

    /// Which sides have sent payload so far.
    pub const fn spoke(&self) -> PerSide<bool> {
        PerSide { initiator: self.sent.initiator > 0, responder: self.sent.responder > 0 }
    }

    /// Frees the buffers in which streams are put in order: what comes next is looked at by itself.
    pub fn forget_streams(&mut self) {
        self.streams = PerSide::default();
        self.order.forget();
    }

    /// What the flow's own octets say, where no recogniser knew them.
    fn signs(&self) -> Signs {
        Signs {
            candidates: self.candidates,
            hidden: self.is_hidden(),
            handshake: self.scratch.has_hidden_handshake(),
        }
    }

    /// Whether neither side began with anything that is fixed.
    fn is_hidden(&self) -> bool {
        let heads = [&self.heads.initiator, &self.heads.responder];
        heads.into_iter().all(|head| looks_random(head.octets()))
    }
}

/// Whether the protocol's own recogniser saw the payload and said no: then port and endpoint mean nothing.
fn contradicts(candidates: u64, transport: Transport, protocol: Protocol) -> bool {
    let list = recognisers::for_transport(transport).unwrap_or_default();
    let mut places = list.iter().enumerate();
    places.any(|(place, recogniser)| {
        recogniser.protocol == Some(protocol) && candidates & (1 << place) == 0
    })
}

/// Where a protocol was recognised that its port does not give away: other flows there may show less.
/// Not for what is shared: peers are learnt by their own recognisers, and a hoster's front end serves others
/// too. Only the end that listens is meant: over TCP the one that was called; of calls over UDP, whose
/// sockets speak with many, either.
fn learn_endpoint(view: &View<'_>, verdict: &Verdict) {
    let FlowEnds { initiator, responder, transport } = *view.ends;
    let Class { protocol, service, category } = verdict.class;
    let teaches_nothing = [Evidence::ENDPOINT, Evidence::PEER, Evidence::RELATED]
        .iter()
        .any(|evidence| verdict.evidence.has(*evidence));
    let shared = matches!(category, Category::P2p | Category::DirectDownload);
    let by_port = ports::guess(view.ends).is_some_and(|guess| guess.class.protocol == protocol);
    if teaches_nothing || shared || by_port {
        return;
    }
    let learn = |end, client: SocketAddr| {
        let endpoint = (transport, end);
        view.knowledge.learn_endpoint(view.now, endpoint, protocol, service, client.ip());
    };
    if transport == Transport::UDP {
        learn(responder, initiator);
        if matches!(category, Category::Voip | Category::Messaging) {
            learn(initiator, responder);
        }
    } else if view.from_start {
        learn(responder, initiator);
    }
}

/// Who speaks a peer-to-peer protocol by its own framing, and where it listens: other flows of the
/// same hosts may hide what they are. What was itself found by knowledge teaches nothing.
fn learn_hosts(view: &View<'_>, finding: &Finding<'_>) {
    let evidence = finding.evidence;
    let by_knowledge = evidence.has(Evidence::PEER) || evidence.has(Evidence::RELATED);
    let own = finding.protocol.category() == Category::P2p
        && !by_knowledge
        && !evidence.has(Evidence::USER_AGENT);
    if !own {
        return;
    }
    let FlowEnds { initiator, responder, transport } = *view.ends;
    let learn = |host| {
        view.knowledge.learn_host(view.now, host, finding.protocol, view.word_of(host));
    };
    learn(initiator.ip());
    // A tracker shares nothing itself.
    if !evidence.has(Evidence::TRACKER) && !evidence.has(Evidence::LSD) {
        learn(responder.ip());
    }
    let listens = transport == Transport::TCP && view.from_start;
    if listens && !ports::is_service(responder.port()) {
        let word = view.word_of(responder.ip());
        view.knowledge.learn_peer(view.now, responder, finding.protocol, word);
    }
}

/// Two findings on one flow. Of one protocol they add up: a later packet shows the name. Of two, the
/// surer one stands, then the one that knows the service, then the earlier one.
fn merge(old: Option<Verdict>, new: Verdict) -> Verdict {
    let Some(old) = old else { return new };
    let rank = |verdict: &Verdict| (verdict.confidence, verdict.class.service != ServiceId::NONE);
    if old.class.protocol == new.class.protocol {
        let unnamed = new.class.service == ServiceId::NONE;
        Verdict {
            class: if unnamed { old.class } else { new.class },
            confidence: old.confidence.max(new.confidence),
            evidence: old.evidence.with(new.evidence),
        }
    } else if rank(&new) > rank(&old) {
        new
    } else {
        old
    }
}

const fn mask(list: &[Recogniser]) -> u64 {
    match list.len() {
        64.. => u64::MAX,
        length => (1 << length) - 1,
    }
}

fn by_transport(transport: Transport) -> Verdict {
    let protocol = match transport {
        Transport::ICMP | Transport::ICMPV6 | Transport(2) => Protocol::Icmp,
        Transport(50 | 51) => Protocol::Ipsec,
        // EGP, IGP, RSVP, EIGRP, OSPF, PIM, VRRP, IS-IS.
        Transport(8 | 9 | 46 | 88 | 89 | 103 | 112 | 124) => Protocol::Routing,
        _ => Protocol::OtherIp,
    };
    Verdict {
        class: Class::of(protocol),
        confidence: Confidence::CERTAIN,
        evidence: Evidence::TRANSPORT,
    }
}

/// What a flow takes while it is inspected, without buffers.
const _: () = assert!(size_of::<FlowState>() <= 768);

#[cfg(test)]
mod tests;
