//! From a frame to the innermost IP packet: link layers, tags, labels, tunnels, fragments.
//!
//! 99 of 100 packets are Ethernet, IP, TCP or UDP: [`decode_plain`] reads these straight into what the
//! flow table needs, [`decode`] reads everything. Plain IP within tunnels takes a short way in `ip`;
//! extension headers and what contradicts itself is read by etherparse.
//!
//! Lengths are lax: trailers and packets cut by a snap length are normal. Nothing here panics.

mod ip;
mod plain;
mod tunnel;

use std::net::IpAddr;

pub use plain::{FlowPacket, decode_plain};

use crate::cursor::Cursor;
use crate::link::MacAddress;
use crate::packet::{Packet, Transport};

/// Tunnels in tunnels that are followed: GTP-U in GRE in MPLS is real, more is an attack.
const MAX_DEPTH: u8 = 4;
/// VLAN tags and MPLS labels that are skipped, so that no frame of nothing but tags costs much.
const MAX_TAGS: usize = 16;

/// What a frame begins with, by libpcap's link type (DLT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkLayer {
    /// IEEE 802.3 (DLT 1).
    Ethernet,
    /// An IP packet of either version (DLT 12, 14, 101, 228, 229).
    RawIp,
    /// Linux cooked capture, first version (DLT 113).
    LinuxSll,
    /// Linux cooked capture, second version (DLT 276).
    LinuxSll2,
    /// BSD loopback: an address family of four octets in either order (DLT 0, 108).
    Loopback,
    /// PPP, with or without HDLC-like framing (DLT 9, 50).
    Ppp,
}

/// A link type that is not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "link type {0} is not supported: Ethernet, raw IP, Linux cooked (SLL, SLL2), loopback and PPP are"
)]
pub struct UnsupportedLinkType(pub i32);

impl LinkLayer {
    /// From libpcap's DLT number.
    ///
    /// # Errors
    /// The link type is not one that is decoded.
    pub const fn from_dlt(dlt: i32) -> Result<Self, UnsupportedLinkType> {
        match dlt {
            1 => Ok(Self::Ethernet),
            12 | 14 | 101 | 228 | 229 => Ok(Self::RawIp),
            113 => Ok(Self::LinuxSll),
            276 => Ok(Self::LinuxSll2),
            0 | 108 => Ok(Self::Loopback),
            9 | 50 => Ok(Self::Ppp),
            other => Err(UnsupportedLinkType(other)),
        }
    }
}

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
    let mut decoder = Decoder { outer: Outer::default(), depth: 0 };
    let content =
        decoder.frame(layer, frame).unwrap_or(Content::Undecodable(Undecodable::Truncated));
    Decoded { outer: decoder.outer, content }
}

/// Where in the nest of headers decoding is. Its methods return `None` for what is cut short.
struct Decoder {
    outer: Outer,
    depth: u8,
}

impl Decoder {
    fn frame<'a>(&mut self, layer: LinkLayer, frame: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(frame);
        match layer {
            LinkLayer::Ethernet => self.ethernet(frame),
            LinkLayer::RawIp => self.ip(frame),
            LinkLayer::LinuxSll => {
                let packet_type = cursor.u16()?;
                cursor.take(12)?;
                self.cooked(packet_type, cursor.u16()?, cursor.rest())
            }
            LinkLayer::LinuxSll2 => {
                let protocol = cursor.u16()?;
                cursor.take(8)?;
                let packet_type = cursor.u8()?;
                cursor.take(9)?;
                self.cooked(packet_type.into(), protocol, cursor.rest())
            }
            LinkLayer::Loopback => {
                let family = cursor.u32()?;
                // The family is in the capturing machine's order for DLT_NULL, in network order for
                // DLT_LOOP; real families are small. IPv6 is 10 on Linux, 24, 28 or 30 on the BSDs.
                match if family > 0xffff { family.swap_bytes() } else { family } {
                    2 | 10 | 24 | 28 | 30 => self.ip(cursor.rest()),
                    _ => Some(Content::NonIp),
                }
            }
            LinkLayer::Ppp => {
                if cursor.rest().starts_with(&[0xff, 0x03]) {
                    cursor.take(2)?;
                }
                self.ppp(cursor.rest())
            }
        }
    }

    /// `packet_type` 4 is a packet that the capturing host sent.
    fn cooked<'a>(
        &mut self,
        packet_type: u16,
        protocol: u16,
        rest: &'a [u8],
    ) -> Option<Content<'a>> {
        self.outer.sent_by_host = Some(packet_type == 4);
        self.ethertype(protocol, rest)
    }

    fn ethernet<'a>(&mut self, frame: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(frame);
        let destination = MacAddress(*cursor.take(6)?.first_chunk()?);
        let source = MacAddress(*cursor.take(6)?.first_chunk()?);
        if self.depth == 0 {
            self.outer.macs = Some((source, destination));
        }
        self.ethertype(cursor.u16()?, cursor.rest())
    }

    /// What follows an EtherType (or, below 0x600, an IEEE 802.3 length).
    fn ethertype<'a>(&mut self, mut ethertype: u16, rest: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(rest);
        for _ in 0..MAX_TAGS {
            match ethertype {
                0x0800 | 0x86dd => return self.ip(cursor.rest()),
                // IEEE 802.1Q, 802.1ad, and the number that came before 802.1ad.
                0x8100 | 0x88a8 | 0x9100 => {
                    let tag = cursor.u16()? & 0x0fff;
                    if self.depth == 0 && self.outer.vlan.is_none() {
                        self.outer.vlan = Some(tag);
                    }
                    ethertype = cursor.u16()?;
                }
                0x8847 | 0x8848 => return self.mpls(cursor.rest()),
                0x8864 => {
                    // RFC 2516, section 4: version and type, code 0 (session), session, length.
                    cursor.take(6)?;
                    return self.ppp(cursor.rest());
                }
                0..0x0600 => {
                    // LLC with SNAP and no organisation: an EtherType follows (RFC 1042).
                    if !cursor.rest().starts_with(&[0xaa, 0xaa, 0x03, 0, 0, 0]) {
                        return Some(Content::NonIp);
                    }
                    cursor.take(6)?;
                    ethertype = cursor.u16()?;
                }
                _ => return Some(Content::NonIp),
            }
        }
        Some(Content::Undecodable(Undecodable::Malformed))
    }

    /// A label stack (RFC 3032); nothing says what follows it but the first nibble (RFC 4928).
    fn mpls<'a>(&mut self, rest: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(rest);
        for _ in 0..MAX_TAGS {
            if cursor.u32()? & 0x100 == 0 {
                continue;
            }
            return match cursor.rest().first()? >> 4 {
                4 | 6 => self.ip(cursor.rest()),
                // A pseudowire's control word, then an Ethernet frame (RFC 4448).
                0 => {
                    cursor.take(4)?;
                    self.deeper()?;
                    self.ethernet(cursor.rest())
                }
                _ => Some(Content::NonIp),
            };
        }
        Some(Content::Undecodable(Undecodable::Malformed))
    }

    /// A PPP frame from its protocol field on (RFC 1661); one octet where it is compressed.
    fn ppp<'a>(&mut self, rest: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(rest);
        let first = u16::from(cursor.u8()?);
        let protocol = if first & 1 == 1 { first } else { first << 8 | u16::from(cursor.u8()?) };
        match protocol {
            0x21 | 0x57 => self.ip(cursor.rest()),
            0x0281 | 0x0283 => self.mpls(cursor.rest()),
            _ => Some(Content::NonIp),
        }
    }

    /// One tunnel further in; `None` if that is too deep.
    fn deeper(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())
    }
}
