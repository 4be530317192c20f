//! What is kept of a flow while it is inspected.

use std::fmt;

use etiage_capture::{PerSide, Side, TcpHeader};

use crate::class::Verdict;
use crate::order::Order;
use crate::recognisers::Scratch;
use crate::recognisers::random::looks_random;
use crate::signs::Signs;
use crate::stream::Stream;

/// How many octets of each side's start are remembered while a flow is inspected.
pub const HEAD: usize = 64;

/// What is kept of a flow while it is inspected; freed at the verdict.
pub struct FlowState {
    /// Bit i: the recogniser at place i of its transport's list still asks.
    pub(crate) candidates: u64,
    pub(crate) streams: PerSide<Stream>,
    pub(crate) order: Order,
    pub(crate) heads: PerSide<Head>,
    pub(crate) sent: PerSide<u16>,
    pub(crate) scratch: Scratch,
    pub(crate) best: Option<Verdict>,
    pub(crate) depth: Depth,
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

/// How far the questions have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) enum Depth {
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

pub(crate) struct Head {
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
    pub(crate) fn fill(&mut self, payload: &[u8], grows: bool) {
        let have = usize::from(self.length);
        if have == 0 || (grows && have < HEAD && payload.len() > have) {
            self.length = 0;
            for (place, octet) in self.octets.iter_mut().zip(payload) {
                *place = *octet;
                self.length += 1;
            }
        }
    }

    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.length)).unwrap_or_default()
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
    pub(crate) fn signs(&self) -> Signs {
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

/// What a flow takes while it is inspected, without buffers.
const _: () = assert!(size_of::<FlowState>() <= 768);
