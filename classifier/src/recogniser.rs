//! What a recogniser sees and what it may answer.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use etiage_capture::{PerSide, Side, Timestamp, Transport};

use crate::class::{Confidence, Evidence, Protocol};
use crate::knowledge::{Knowledge, Word};
use crate::service_id::ServiceId;

/// A flow's ends, as the flow table knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowEnds {
    /// The end that sent the first packet, or the SYN.
    pub initiator: SocketAddr,
    /// The other end.
    pub responder: SocketAddr,
    /// Transport protocol.
    pub transport: Transport,
}

impl FlowEnds {
    /// The end on this side.
    pub const fn end(&self, side: Side) -> SocketAddr {
        match side {
            Side::Initiator => self.initiator,
            Side::Responder => self.responder,
        }
    }

    /// Whether either end has this port.
    pub const fn has_port(&self, port: u16) -> bool {
        self.initiator.port() == port || self.responder.port() == port
    }
}

/// What a recogniser looks at: one datagram, or one side's stream as far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Stream time of the packet that made this call.
    pub now: Timestamp,
    /// The flow's ends.
    pub ends: &'a FlowEnds,
    /// Who sent these octets.
    pub side: Side,
    /// UDP: the datagram's payload. TCP: this side's stream from its first octet (`from_start`), or
    /// the segment's payload where the start was not seen. Never empty.
    pub payload: &'a [u8],
    /// Whether `payload` begins where the side began to speak (always true for a datagram).
    pub from_start: bool,
    /// Payload length on the wire of the packet at hand; larger than its captured part if it was cut.
    pub wire_octets: u32,
    /// How many packets with payload this side has sent, this one included.
    pub sent: u16,
    /// How many packets with payload the other side has sent.
    pub answered: u16,
    /// The first octets (at most [`crate::HEAD`]) that each side sent; empty where nothing
    /// was seen.
    pub heads: PerSide<&'a [u8]>,
    /// What was learnt from other flows.
    pub knowledge: &'a Knowledge,
}

impl View<'_> {
    /// The sender's endpoint.
    pub const fn source(&self) -> SocketAddr {
        self.ends.end(self.side)
    }

    /// The receiver's endpoint.
    pub const fn destination(&self) -> SocketAddr {
        self.ends.end(self.side.other())
    }

    /// The same of one of the ends: its own word if it has spoken, for then both speak of one thing; else
    /// what the other claims of it.
    pub(crate) fn word_of(&self, host: IpAddr) -> Word {
        let (source, destination) = (self.source().ip(), self.destination().ip());
        let own = host == source || self.answered > 0;
        let other = if host == source { destination } else { source };
        let (by, to) = if own { (host, other) } else { (other, host) };
        Word { by, to, ..self.word() }
    }

    /// Whether either end is known as a peer of this protocol, and that was asked for.
    pub(crate) fn has_peer(&self, protocol: Protocol) -> bool {
        let (source, destination) = (self.source(), self.destination());
        let is_peer = |end, other: SocketAddr| {
            self.knowledge.peer(self.now, end, other.ip()) == Some((protocol, true))
        };
        is_peer(source, destination) || is_peer(destination, source)
    }

    /// Whether either end, the source first, is known to speak this protocol itself.
    pub(crate) fn speak(&self, protocol: Protocol) -> (bool, bool) {
        let (source, destination) = (self.source().ip(), self.destination().ip());
        let speaks = |host, other| self.knowledge.speaks(self.now, host, protocol, other);
        (speaks(source, destination), speaks(destination, source))
    }

    /// What is said here, by whom and to whom. A datagram was asked for if its receiver has spoken in
    /// this flow; who keeps a connection has shown that its address is its own.
    pub(crate) fn word(&self) -> Word {
        let asked = self.answered > 0 || self.ends.transport == Transport::TCP;
        Word { by: self.source().ip(), to: self.destination().ip(), asked }
    }
}

/// What a recogniser says of what it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// It is this.
    Match(Finding<'a>),
    /// It may be; show more.
    Unsure,
    /// It is not, and will not be: do not ask again for this flow.
    No,
}

/// What a recogniser found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<'a> {
    /// The protocol.
    pub protocol: Protocol,
    /// How sure the recogniser is. From [`crate::SETTLED`] on no other recogniser is asked.
    pub confidence: Confidence,
    /// Why.
    pub evidence: Evidence,
    /// A host name that the payload shows, lower or upper case, without port.
    pub host: Option<Cow<'a, str>>,
    /// A service that the payload shows by itself, without a host name.
    pub service: Option<ServiceId>,
    /// The protocol is known but later packets can still show the name: keep asking this recogniser alone.
    pub more: bool,
    /// What the flow says is about other flows (names, peers, connections to come): keep showing its
    /// packets to this recogniser alone, to its end. From packet [`crate::MAX_INSPECTED`] on a TCP segment is
    /// shown alone (`from_start` false), and what the recogniser keeps in its scratch must stay small.
    pub teaches: bool,
    /// What it teaches takes no memory of the flow: its state can be freed, and its packets go to
    /// [`crate::Classifier::lesson`].
    pub stateless: bool,
}

impl<'a> Finding<'a> {
    /// A protocol by its own checked framing.
    pub const fn certain(protocol: Protocol, evidence: Evidence) -> Self {
        Self::new(protocol, Confidence::CERTAIN, evidence)
    }

    /// A protocol with a stated confidence.
    pub const fn new(protocol: Protocol, confidence: Confidence, evidence: Evidence) -> Self {
        Self {
            protocol,
            confidence,
            evidence,
            host: None,
            service: None,
            more: false,
            teaches: false,
            stateless: false,
        }
    }

    /// With a host name, and how it was seen.
    #[must_use]
    pub fn named(mut self, host: impl Into<Cow<'a, str>>, evidence: Evidence) -> Self {
        self.host = Some(host.into());
        self.evidence = self.evidence.with(evidence);
        self
    }

    /// The name may still come.
    #[must_use]
    pub const fn with_more(mut self) -> Self {
        self.more = true;
        self
    }
    /// The flow teaches: its packets are shown to its end.
    #[must_use]
    pub const fn with_lessons(mut self) -> Self {
        self.teaches = true;
        self
    }

    /// The flow teaches, and nothing of it need be kept for that.
    #[must_use]
    pub const fn with_stateless_lessons(mut self) -> Self {
        self.stateless = true;
        self.with_lessons()
    }
}
