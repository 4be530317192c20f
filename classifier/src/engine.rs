//! The classification of one flow: which probes still ask, what the best finding is, when it is settled.

use std::fmt;
use std::sync::Arc;

use etiage_capture::{Packet, PerSide, Side, TcpHeader, Timestamp, Transport};

use crate::class::{Class, Confidence, Evidence, Protocol, Verdict};
use crate::knowledge::Knowledge;
use crate::ports;
use crate::probe::{Answer, Finding, FlowEnds, View};
use crate::probes::{self, Probe, Scratch};
use crate::rules::{Rules, ServiceId};
use crate::stream::Stream;

/// A finding at least this sure ends the questions to other probes.
pub const SETTLED: Confidence = Confidence(90);
/// How many octets of each side's start are remembered while a flow is probed.
pub const HEAD: usize = 64;
/// Packets with payload after which probing ends. Names come within the first flight of either side;
/// uTP, RTP and the shape of encrypted handshakes need a few more.
pub const MAX_PROBED: u16 = 16;

/// Classifies flows: the rules, and what is learnt. One is shared by all workers.
#[derive(Debug, Clone)]
pub struct Classifier {
    rules: Arc<Rules>,
    knowledge: Arc<Knowledge>,
}

/// What is kept of a flow while it is probed; freed at the verdict.
pub struct FlowState {
    /// Bit i: the probe at place i of its transport's list still asks.
    candidates: u64,
    streams: PerSide<Stream>,
    heads: PerSide<Head>,
    sent: PerSide<u16>,
    scratch: Scratch,
    best: Option<Verdict>,
}

impl fmt::Debug for FlowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowState").field("sent", &self.sent).field("best", &self.best).finish()
    }
}

impl Default for FlowState {
    fn default() -> Self {
        Self {
            candidates: u64::MAX,
            streams: PerSide::default(),
            heads: PerSide::default(),
            sent: PerSide::default(),
            scratch: Scratch::default(),
            best: None,
        }
    }
}

/// What is known after a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More packets are needed.
    Probing,
    /// This is it: the state can be freed.
    Settled(Verdict),
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
    fn fill(&mut self, payload: &[u8]) {
        if self.length == 0 {
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

    /// The service rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What was learnt.
    pub fn knowledge(&self) -> &Knowledge {
        &self.knowledge
    }

    /// Shows a packet of the flow to the probes that still ask.
    pub fn observe(
        &self,
        state: &mut FlowState,
        ends: &FlowEnds,
        packet: &Packet<'_>,
        side: Side,
        now: Timestamp,
    ) -> Progress {
        let Some(list) = probes::for_transport(ends.transport) else {
            return Progress::Settled(by_transport(ends.transport));
        };
        let FlowState { candidates, streams, heads, sent, scratch, best } = &mut *state;
        let stream = streams.get_mut(side);
        if let Some(tcp) = packet.tcp
            && tcp.has(TcpHeader::SYN)
        {
            stream.syn(tcp.sequence);
        }
        if packet.payload.is_empty() {
            return Progress::Probing;
        }
        if let Some(tcp) = packet.tcp
            && stream.from_start()
        {
            // Data on a SYN (RFC 7413) starts one after the SYN's own number.
            let sequence = tcp.sequence.wrapping_add(u32::from(tcp.has(TcpHeader::SYN)));
            if !stream.push(sequence, packet.payload) {
                return Progress::Probing;
            }
        }
        let in_order = packet.tcp.is_some() && stream.from_start();
        let seen = if in_order { stream.prefix() } else { packet.payload };
        let mine = sent.get_mut(side);
        *mine = mine.saturating_add(1);
        heads.get_mut(side).fill(seen);
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
        let asked = self.ask(list, candidates, scratch, &view, *best);
        *best = asked.best;
        let total = sent.initiator.saturating_add(sent.responder);
        if asked.settled || *candidates & mask(list) == 0 || total >= MAX_PROBED {
            return Progress::Settled(self.conclude(state, ends, now));
        }
        Progress::Probing
    }

    /// The best verdict so far: for a flow that ends, or whose octets must be counted now.
    pub fn conclude(&self, state: &FlowState, ends: &FlowEnds, now: Timestamp) -> Verdict {
        match state.best {
            Some(best) => self.name_from_dns(best, ends, now),
            None => self.guess(ends, now),
        }
    }

    /// The verdict on an IP packet that has no flow (the table is full): by transport and port only.
    pub fn stateless(&self, ends: &FlowEnds) -> Verdict {
        match probes::for_transport(ends.transport) {
            None => by_transport(ends.transport),
            Some(_) => ports::guess(ends).unwrap_or(Verdict::UNKNOWN),
        }
    }

    fn ask(
        &self,
        list: &'static [Probe],
        candidates: &mut u64,
        scratch: &mut Scratch,
        view: &View<'_>,
        mut best: Option<Verdict>,
    ) -> Asked {
        for (place, probe) in list.iter().enumerate() {
            let bit = 1u64 << (place & 63);
            if *candidates & bit == 0 {
                continue;
            }
            match (probe.ask)(view, scratch) {
                Answer::Unsure => {}
                Answer::No => *candidates &= !bit,
                Answer::Match(finding) => {
                    let (more, sure) = (finding.more, finding.confidence >= SETTLED);
                    let verdict = self.verdict(&finding);
                    if best.is_none_or(|best| better(&verdict, &best)) {
                        best = Some(verdict);
                    }
                    if sure && !more {
                        return Asked { best, settled: true };
                    }
                    if sure {
                        *candidates = bit;
                        return Asked { best, settled: false };
                    }
                    if !more {
                        *candidates &= !bit;
                    }
                }
            }
        }
        Asked { best, settled: false }
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
        let named = [Evidence::SNI, Evidence::HOST, Evidence::CERTIFICATE]
            .map(|fact| verdict.evidence.has(fact));
        let protocol = verdict.class.protocol;
        let takes_name = matches!(protocol, Protocol::Http | Protocol::Tls | Protocol::Quic);
        if !takes_name || named.contains(&true) || verdict.class.service != ServiceId::NONE {
            return verdict;
        }
        match self.learnt_service(ends, now) {
            Some((service, _)) => self.classed(
                protocol,
                service,
                verdict.confidence.min(Confidence::LIKELY),
                verdict.evidence.with(Evidence::DNS_NAME),
            ),
            None => verdict,
        }
    }

    fn learnt_service(&self, ends: &FlowEnds, now: Timestamp) -> Option<(ServiceId, bool)> {
        let (initiator, responder) = (ends.initiator.ip(), ends.responder.ip());
        [(initiator, responder), (responder, initiator)].into_iter().find_map(|(client, server)| {
            let (name, own) = self.knowledge.name(now, client, server)?;
            Some((self.rules.lookup(&name)?, own))
        })
    }

    /// No probe knew it: what is known of its ends, then the port.
    fn guess(&self, ends: &FlowEnds, now: Timestamp) -> Verdict {
        let learnt = [ends.responder, ends.initiator].into_iter().find_map(|end| {
            let expected = self.knowledge.expected(now, end).map(|p| (p, Evidence::RELATED));
            expected.or_else(|| self.knowledge.peer(now, end).map(|p| (p, Evidence::PEER)))
        });
        if let Some((protocol, evidence)) = learnt {
            return self.classed(protocol, ServiceId::NONE, Confidence::LIKELY, evidence);
        }
        let by_port = ports::guess(ends);
        by_port.map_or(Verdict::UNKNOWN, |verdict| self.name_from_dns(verdict, ends, now))
    }
}

struct Asked {
    best: Option<Verdict>,
    settled: bool,
}

/// A surer verdict, or as sure a one that knows the service.
fn better(new: &Verdict, old: &Verdict) -> bool {
    let rank = |verdict: &Verdict| (verdict.confidence, verdict.class.service != ServiceId::NONE);
    rank(new) > rank(old)
        || new.class.protocol == old.class.protocol && new.evidence != old.evidence
}

const fn mask(list: &[Probe]) -> u64 {
    match list.len() {
        64.. => u64::MAX,
        length => (1 << length) - 1,
    }
}

fn by_transport(transport: Transport) -> Verdict {
    let protocol = match transport {
        Transport::ICMP | Transport::ICMPV6 | Transport(2) => Protocol::Icmp,
        Transport(50 | 51) => Protocol::Ipsec,
        _ => Protocol::OtherIp,
    };
    Verdict {
        class: Class::of(protocol),
        confidence: Confidence::CERTAIN,
        evidence: Evidence::TRANSPORT,
    }
}
