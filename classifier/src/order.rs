//! TCP segments of both ends in the order of cause and effect.
//!
//! Packets overtake one another: on parallel links, on the queues of a network card, between two
//! mirror ports. [`crate::stream`] puts each end's octets in order; here an answer waits for its
//! question, and data that came before the connection's SYN is shown again once that is there.

use std::net::SocketAddr;

use etiage_capture::{Packet, PerSide, Side, TcpHeader};

use crate::segment::Segment;
use crate::stream::Stream;

/// Packets of a flow that an answer waits for its question: two that each are three places from
/// where they belong are six apart. What did not come by then was not captured.
const PATIENCE: u16 = 6;
/// Packets of a flow among which a SYN or its answer, three places late, is still awaited.
const LATE_SYN: u16 = 4;

/// What is kept of a connection's first packets besides the streams.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// Packets so far, without payload too.
    packets: u16,
    /// One end's octets are not all captured: nothing waits for them.
    incomplete: bool,
    /// Answers to what was not seen yet.
    waiting: Vec<Segment>,
    /// What was shown before a SYN said where its stream begins.
    early: Vec<Segment>,
}

impl Order {
    /// Counts a packet.
    pub(crate) fn count(&mut self, packet: &Packet<'_>) {
        self.packets = self.packets.saturating_add(1);
        self.incomplete |= packet.payload.len() < packet.payload_octets as usize;
    }

    /// Counts so many connection requests.
    pub(crate) const fn count_requests(&mut self, packets: u16) {
        self.packets = self.packets.saturating_add(packets);
    }

    /// Octets of what is kept.
    pub(crate) fn octets(&self) -> usize {
        let kept = self.waiting.iter().chain(&self.early);
        kept.map(|segment| size_of::<Segment>() + segment.payload.capacity()).sum()
    }

    /// Frees what is kept, and keeps nothing more.
    pub(crate) fn forget(&mut self) {
        *self = Self { packets: u16::MAX, incomplete: true, ..Self::default() };
    }

    /// Whether this packet answers what was not seen yet; then it is kept until that has come.
    pub(crate) fn waits(
        &mut self,
        streams: &PerSide<Stream>,
        side: Side,
        packet: &Packet<'_>,
    ) -> bool {
        let Some(tcp) = packet.tcp else { return false };
        let waits = !self.incomplete && answers_unseen(streams, side, tcp);
        if waits {
            let until = self.packets.saturating_add(PATIENCE);
            self.waiting.push(segment(packet, tcp, until));
        }
        waits
    }

    /// The next segment that waits no longer.
    pub(crate) fn release(
        &mut self,
        streams: &PerSide<Stream>,
        initiator: SocketAddr,
    ) -> Option<Segment> {
        self.incomplete |= self.waiting.first().is_some_and(|first| first.until <= self.packets);
        let ready = self.waiting.iter().position(|segment| {
            self.incomplete || !answers_unseen(streams, segment.side(initiator), segment.tcp)
        })?;
        Some(self.waiting.remove(ready))
    }

    /// The next segment that waits, though what it waits for has not come.
    pub(crate) fn give_up(&mut self) -> Option<Segment> {
        self.incomplete = true;
        (!self.waiting.is_empty()).then(|| self.waiting.remove(0))
    }

    /// Keeps a segment that is shown though its stream's start is not known, while that can still
    /// come.
    pub(crate) fn keep_early(&mut self, stream: &Stream, packet: &Packet<'_>) {
        if let Some(tcp) = packet.tcp
            && self.packets <= LATE_SYN
            && !stream.is_begun()
        {
            self.early.push(segment(packet, tcp, 0));
        }
    }

    /// The segments that came before their connection's SYN.
    pub(crate) fn take_early(&mut self) -> Vec<Segment> {
        std::mem::take(&mut self.early)
    }
}

fn segment(packet: &Packet<'_>, tcp: TcpHeader, until: u16) -> Segment {
    let Packet { source, destination, payload, .. } = *packet;
    Segment { source, destination, tcp, payload: payload.to_vec(), until }
}

fn answers_unseen(streams: &PerSide<Stream>, side: Side, tcp: TcpHeader) -> bool {
    tcp.has(TcpHeader::ACK) && streams.get(side.other()).lacks(tcp.acknowledgment)
}
