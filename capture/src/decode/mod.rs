//! From a frame to the innermost IP packet: link layers, tags, labels, tunnels, fragments.
//!
//! 99 of 100 packets are Ethernet, IP, TCP or UDP: [`decode_plain`] reads these straight into what the
//! flow table needs, [`decode`] reads everything. Plain IP within tunnels takes a short way in `ip`;
//! extension headers and what contradicts itself is read by etherparse.
//!
//! Lengths are lax: trailers and packets cut by a snap length are normal. Nothing here panics.

mod ip;
mod layers;
mod plain;
mod sane;
mod tags;
mod tunnel;

use std::net::IpAddr;

pub use layers::{LinkLayer, UnsupportedLinkType};
pub use plain::{FlowPacket, decode_plain};
pub(crate) use tunnel::is_tunnel_port;

use crate::mac::MacAddress;
use crate::packet::{Packet, Transport};

/// Tunnels in tunnels that are followed: GTP-U in GRE in MPLS is real, more is an attack.
const MAX_DEPTH: u8 = 4;
/// What is outside the innermost packet and tells the link and the direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outer {
    /// Source and destination MAC address.
    pub macs: Option<(MacAddress, MacAddress)>,
    /// Outermost VLAN tag.
    pub vlan: Option<u16>,
    /// Source and destination of the outermost IP packet, where it is a tunnel's.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// Linux cooked captures tell whether the capturing host sent the packet.
    pub sent_by_host: Option<bool>,
}

/// Which datagram a fragment belongs to (RFC 791, section 3.2; RFC 8200, section 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FragmentId {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Identification.
    pub identification: u32,
    /// Protocol number of what the whole datagram begins with: mostly its transport, perhaps an
    /// extension header before it.
    pub begins_with: Transport,
}

/// Why a frame could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecodable {
    /// A header reaches past what was captured.
    Truncated,
    /// Header fields contradict themselves or each other.
    Malformed,
}

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// An IP packet; with its fragment identity if it is the first fragment of several.
    Packet(Packet<'a>, Option<FragmentId>),
    /// A later fragment: its ports are in the first one.
    LaterFragment(FragmentId),
    /// No IP inside: ARP, LLDP, spanning tree, PPP control.
    NonIp,
    /// Headers that cannot be read.
    Undecodable(Undecodable),
}

/// A decoded frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// What tells the link and the direction.
    pub outer: Outer,
    /// What it holds.
    pub content: Content<'a>,
}

/// Decodes a captured frame.
pub fn decode(layer: LinkLayer, frame: &[u8]) -> Decoded<'_> {
    let mut decoder = Decoder { outer: Outer::default(), depth: 0, is_link_control: false };
    let content =
        decoder.frame(layer, frame).unwrap_or(Content::Undecodable(Undecodable::Truncated));
    Decoded { outer: decoder.outer, content }
}

/// Where in the nest of headers decoding is. Its methods return `None` for what is cut short.
struct Decoder {
    outer: Outer,
    depth: u8,
    /// The frame holds what links say to each other, ARP above all: in a tunnel it is no packet of a flow.
    is_link_control: bool,
}

impl Decoder {
    /// One tunnel further in; `None` if that is too deep.
    fn deeper(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())
    }
}
