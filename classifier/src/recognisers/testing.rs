//! A flow to try a recogniser on: what the engine shows, without the engine.

use std::net::{IpAddr, SocketAddr};

use etiage_capture::{PerSide, Side, Timestamp, Transport};

use super::Scratch;
use crate::class::{Evidence, Protocol};
use crate::flow_state::HEAD;
use crate::knowledge::{Knowledge, Word};
use crate::recogniser::{Answer, FlowEnds, View};

type Ask = for<'a> fn(&View<'a>, &mut Scratch) -> Answer<'a>;

/// What a recogniser said, without what it borrows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Match { protocol: Protocol, confidence: u8, evidence: Evidence, more: bool, teaches: bool },
    Unsure,
    No,
}

impl Said {
    /// The protocol of a match that settles the flow.
    pub(super) fn settled(self) -> Option<Protocol> {
        match self {
            Self::Match { protocol, confidence: 90.., .. } => Some(protocol),
            _ => None,
        }
    }

    /// The protocol of any match.
    pub(super) fn matched(self) -> Option<Protocol> {
        if let Self::Match { protocol, .. } = self { Some(protocol) } else { None }
    }

    pub(super) fn wants_more(self) -> bool {
        matches!(self, Self::Match { more: true, .. })
    }

    pub(super) fn teaches(self) -> bool {
        matches!(self, Self::Match { teaches: true, .. })
    }
}

/// A flow between a client and a server.
pub(super) struct Flow {
    pub(super) ends: FlowEnds,
    pub(super) knowledge: Knowledge,
    pub(super) now: Timestamp,
    scratch: Scratch,
    streams: PerSide<Vec<u8>>,
    heads: PerSide<Vec<u8>>,
    sent: PerSide<u16>,
    from_start: bool,
}

impl Flow {
    pub(super) fn new(transport: Transport, client: &str, server: &str) -> Self {
        let end = |text: &str| text.parse::<SocketAddr>().unwrap();
        Self {
            ends: FlowEnds { initiator: end(client), responder: end(server), transport },
            knowledge: Knowledge::default(),
            now: Timestamp::from_secs(1_700_000_000),
            scratch: Scratch::default(),
            streams: PerSide::default(),
            heads: PerSide::default(),
            sent: PerSide::default(),
            from_start: true,
        }
    }

    pub(super) fn tcp(port: u16) -> Self {
        Self::new(Transport::TCP, "192.0.2.1:50000", &format!("198.51.100.2:{port}"))
    }

    pub(super) fn udp(port: u16) -> Self {
        Self::new(Transport::UDP, "192.0.2.1:50000", &format!("198.51.100.2:{port}"))
    }

    /// The same ends and what was learnt, but nothing sent yet.
    pub(super) fn restart(&mut self, from_start: bool) {
        self.scratch = Scratch::default();
        self.sent = PerSide::default();
        self.from_start = from_start;
        for side in [Side::Initiator, Side::Responder] {
            self.streams.get_mut(side).clear();
            self.heads.get_mut(side).clear();
        }
    }

    /// A connection whose start was not seen.
    pub(super) fn midway(mut self) -> Self {
        self.from_start = false;
        self
    }

    pub(super) fn client(&mut self, ask: Ask, payload: &[u8]) -> Said {
        self.packet(ask, Side::Initiator, payload)
    }

    pub(super) fn server(&mut self, ask: Ask, payload: &[u8]) -> Said {
        self.packet(ask, Side::Responder, payload)
    }

    pub(super) fn packet(&mut self, ask: Ask, side: Side, payload: &[u8]) -> Said {
        let in_order = self.ends.transport == Transport::TCP && self.from_start;
        let stream = self.streams.get_mut(side);
        if !in_order {
            stream.clear();
        }
        stream.extend_from_slice(payload);
        let head = self.heads.get_mut(side);
        if head.is_empty() {
            head.extend(stream.iter().take(HEAD));
        }
        *self.sent.get_mut(side) += 1;
        let view = View {
            now: self.now,
            ends: &self.ends,
            side,
            payload: self.streams.get(side),
            from_start: in_order || self.ends.transport == Transport::UDP,
            wire_octets: payload.len() as u32,
            sent: *self.sent.get(side),
            answered: *self.sent.get(side.other()),
            heads: PerSide { initiator: &self.heads.initiator, responder: &self.heads.responder },
            knowledge: &self.knowledge,
        };
        match ask(&view, &mut self.scratch) {
            Answer::Match(finding) => Said::Match {
                protocol: finding.protocol,
                confidence: finding.confidence.0,
                evidence: finding.evidence,
                more: finding.more,
                teaches: finding.teaches,
            },
            Answer::Unsure => Said::Unsure,
            Answer::No => Said::No,
        }
    }

    /// Whether this endpoint was learnt as a peer of BitTorrent, for one of the flow's ends at least.
    pub(super) fn knows(&self, endpoint: &str) -> bool {
        self.peer(endpoint) == Some(Protocol::BitTorrent)
    }

    /// The protocol of which this endpoint was learnt as a peer, for one of the flow's ends at least.
    pub(super) fn peer(&self, endpoint: &str) -> Option<Protocol> {
        let endpoint = endpoint.parse().unwrap();
        let ends = [self.ends.initiator, self.ends.responder];
        let known = |end: SocketAddr| self.knowledge.peer(self.now, endpoint, end.ip());
        ends.into_iter().find_map(known).map(|(protocol, _)| protocol)
    }

    /// What was announced for this endpoint, for one of the flow's ends at least.
    pub(super) fn announced(&self, endpoint: SocketAddr) -> Option<Protocol> {
        let ends = [self.ends.initiator, self.ends.responder];
        let expected = |end: SocketAddr| self.knowledge.expected(self.now, endpoint, end.ip());
        ends.into_iter().find_map(expected).map(|expected| expected.protocol)
    }

    /// What a host says of itself to somebody who asked.
    pub(super) fn own(&self, host: IpAddr) -> Word {
        Word { by: host, to: IpAddr::from([192, 0, 2, 99]), asked: true }
    }

    /// An endpoint said that it is a peer of this protocol.
    pub(super) fn is_peer(&self, endpoint: SocketAddr, protocol: Protocol) {
        self.knowledge.learn_peer(self.now, endpoint, protocol, self.own(endpoint.ip()));
    }
}

/// Octets that look random, the same for the same seed (Marsaglia's xorshift, seeded by a hash).
pub(super) fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = u64::from(seed).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Shows every truncation of a payload to a recogniser, in a new flow each; none may settle but those
/// that `settles` allows.
pub(super) fn truncations(
    ask: Ask,
    flow: impl Fn() -> Flow,
    payload: &[u8],
    settles: impl Fn(usize) -> bool,
) {
    for length in 1..=payload.len() {
        let said = flow().client(ask, &payload[..length]);
        assert_eq!(said.settled().is_some(), settles(length), "at {length}: {said:?}");
    }
}
