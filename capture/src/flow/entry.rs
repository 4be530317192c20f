//! One flow as the table keeps it: its ends, what each side sent, and what is so or not of it.

use super::key::{FlowKey, Sender};
use super::wheel::Links;
use crate::packet::{PerSide, TcpHeader, Transport};
use crate::time::Timestamp;

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
    pub(super) key: FlowKey,
    /// First packet since the flow began, or since it was last reported for the active timeout.
    pub first: Timestamp,
    /// Last packet.
    pub last: Timestamp,
    /// What each side sent since `first`.
    pub counts: PerSide<SideCount>,
    /// Which flow of those that were in this place.
    pub(super) generation: u32,
    /// Sequence number of the connection request.
    pub(super) syn_sequence: u32,
    pub(super) links: Links,
    /// What the user keeps.
    pub state: S,
    pub(super) marks: Marks,
}

/// What is so or not of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks(pub(super) u8);

impl Marks {
    /// This place holds a flow.
    pub(super) const LIVES: u8 = 1;
    /// The initiator is the key's high end.
    pub(super) const HIGH: u8 = 1 << 1;
    pub(super) const FIN_INITIATOR: u8 = 1 << 2;
    pub(super) const FIN_RESPONDER: u8 = 1 << 3;
    pub(super) const RESET: u8 = 1 << 4;
    /// A connection request was seen.
    pub(super) const SYN: u8 = 1 << 5;
    pub(super) const HALF_OPEN: u8 = 1 << 6;
    /// A SYN or its answer was seen: who is the initiator is known.
    const MET: u8 = 1 << 7;

    pub(super) const fn has(self, mark: u8) -> bool {
        self.0 & mark != 0
    }

    pub(super) const fn set(&mut self, mark: u8, set: bool) {
        self.0 |= mark * set as u8;
    }

    /// The same with the ends' parts exchanged.
    const fn swapped(self) -> Self {
        let kept = self.0 & !(Self::FIN_INITIATOR | Self::FIN_RESPONDER) ^ Self::HIGH;
        let initiator = Self::FIN_INITIATOR * self.has(Self::FIN_RESPONDER) as u8;
        let responder = Self::FIN_RESPONDER * self.has(Self::FIN_INITIATOR) as u8;
        Self(kept | initiator | responder)
    }

    pub(super) const fn closed(self) -> bool {
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

    pub(super) const fn initiator(&self) -> Sender {
        if self.marks.has(Marks::HIGH) { Sender::High } else { Sender::Low }
    }

    pub(super) const fn lives(&self) -> bool {
        self.marks.has(Marks::LIVES)
    }

    pub(super) fn end_reason(&self, otherwise: FlowEndReason) -> FlowEndReason {
        if self.marks.closed() { FlowEndReason::EndOfFlow } else { otherwise }
    }

    /// Takes a SYN, or the answer to one: the first says who began the connection, though data may have
    /// been seen before it.
    pub(super) fn meet(&mut self, sender: Sender, tcp: TcpHeader) {
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
    pub(super) fn is_reused(&self, tcp: Option<TcpHeader>) -> bool {
        let Some(tcp) = tcp.filter(|tcp| tcp.is_syn() && self.marks.closed()) else { return false };
        !(self.marks.has(Marks::SYN) && self.syn_sequence == tcp.sequence)
    }
}

/// Names a flow for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowId {
    pub(super) index: u32,
    pub(super) generation: u32,
}
