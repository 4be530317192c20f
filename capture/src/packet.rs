//! A decoded packet: the innermost IP packet of a frame, its transport header read, its payload borrowed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The transport protocol of a flow, by IANA protocol number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Transport(pub u8);

impl Transport {
    /// ICMP for IPv4.
    pub const ICMP: Self = Self(1);
    /// Transmission Control Protocol (RFC 9293).
    pub const TCP: Self = Self(6);
    /// User Datagram Protocol (RFC 768).
    pub const UDP: Self = Self(17);
    /// ICMP for IPv6.
    pub const ICMPV6: Self = Self(58);
    /// Stream Control Transmission Protocol (RFC 9260).
    pub const SCTP: Self = Self(132);
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ICMP => f.write_str("icmp"),
            Self::TCP => f.write_str("tcp"),
            Self::UDP => f.write_str("udp"),
            Self::ICMPV6 => f.write_str("icmpv6"),
            Self::SCTP => f.write_str("sctp"),
            Self(47) => f.write_str("gre"),
            Self(50) => f.write_str("esp"),
            Self(51) => f.write_str("ah"),
            Self(2) => f.write_str("igmp"),
            Self(89) => f.write_str("ospf"),
            Self(other) => write!(f, "ip-{other}"),
        }
    }
}

/// What classification and the flow table need of a TCP header (RFC 9293, section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpHeader {
    /// Sequence number of the first payload octet (or of the SYN).
    pub sequence: u32,
    /// Acknowledgment number; meaningful when `ACK` is set.
    pub acknowledgment: u32,
    /// The flag octet: CWR, ECE, URG, ACK, PSH, RST, SYN, FIN from high to low.
    pub flags: u8,
}

impl TcpHeader {
    /// FIN flag.
    pub const FIN: u8 = 0x01;
    /// SYN flag.
    pub const SYN: u8 = 0x02;
    /// RST flag.
    pub const RST: u8 = 0x04;
    /// ACK flag.
    pub const ACK: u8 = 0x10;

    /// Whether any of the given flags is set.
    pub const fn has(self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// A connection request: SYN without ACK.
    pub const fn is_syn(self) -> bool {
        self.flags & (Self::SYN | Self::ACK) == Self::SYN
    }

    /// The answer to a connection request: SYN with ACK.
    pub const fn is_syn_ack(self) -> bool {
        self.flags & (Self::SYN | Self::ACK) == Self::SYN | Self::ACK
    }
}

/// The innermost IP packet of a frame, its payload borrowed from the capture buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Source address, and port (0 where the transport has none).
    pub source: SocketAddr,
    /// Destination address, and port (0 where the transport has none).
    pub destination: SocketAddr,
    /// Transport protocol.
    pub transport: Transport,
    /// The TCP header where `transport` is TCP.
    pub tcp: Option<TcpHeader>,
    /// Captured octets of the transport's payload: never link-layer padding, possibly cut by the snap length.
    pub payload: &'a [u8],
    /// Octets of payload on the wire, by the IP length: at least `payload.len()`.
    pub payload_octets: u32,
}

impl Packet<'_> {
    /// The same addresses and ports as two plain IP addresses.
    pub fn addresses(&self) -> (IpAddr, IpAddr) {
        (self.source.ip(), self.destination.ip())
    }
}

/// Which end of a flow sent a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The end that sent the flow's first packet, or its SYN.
    Initiator,
    /// The other end.
    Responder,
}

impl Side {
    /// The other end.
    pub const fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }
}

/// A pair of values, one for each side of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PerSide<T> {
    /// The initiator's.
    pub initiator: T,
    /// The responder's.
    pub responder: T,
}

impl<T> PerSide<T> {
    /// The value of one side.
    pub const fn get(&self, side: Side) -> &T {
        match side {
            Side::Initiator => &self.initiator,
            Side::Responder => &self.responder,
        }
    }

    /// The value of one side, to change it.
    pub const fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Initiator => &mut self.initiator,
            Side::Responder => &mut self.responder,
        }
    }

    /// The values with their sides exchanged.
    #[must_use]
    pub fn swapped(self) -> Self {
        Self { initiator: self.responder, responder: self.initiator }
    }
}
