//! A TCP segment that is kept.

use std::net::SocketAddr;

use etiage_capture::{Packet, Side, TcpHeader};

/// A segment that is kept.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) tcp: TcpHeader,
    pub(crate) payload: Vec<u8>,
    /// It waits no longer than until this packet.
    pub(crate) until: u16,
}

impl Segment {
    /// A segment of which only its place in its stream is known.
    pub(crate) fn new(
        source: SocketAddr,
        destination: SocketAddr,
        sequence: u32,
        payload: Vec<u8>,
    ) -> Self {
        let tcp = TcpHeader { sequence, ..TcpHeader::default() };
        Self { source, destination, tcp, payload, until: 0 }
    }

    /// Who sent it; ends can change their sides when a SYN comes late.
    pub(crate) fn side(&self, initiator: SocketAddr) -> Side {
        if self.source == initiator { Side::Initiator } else { Side::Responder }
    }

    /// The segment as it came.
    pub(crate) fn packet(&self) -> Packet<'_> {
        Packet {
            source: self.source,
            destination: self.destination,
            transport: etiage_capture::Transport::TCP,
            tcp: Some(self.tcp),
            payload: &self.payload,
            payload_octets: u32::try_from(self.payload.len()).unwrap_or(u32::MAX),
        }
    }
}
