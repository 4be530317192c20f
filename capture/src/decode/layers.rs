//! Link layers: what libpcap's link types begin with, down to an EtherType or an IP packet.

use super::{Content, Decoder};
use crate::cursor::Cursor;
use crate::mac::MacAddress;

/// What a frame begins with, by libpcap's link type (DLT).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkLayer {
    /// IEEE 802.3 (DLT 1).
    #[default]
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
    /// PPP after an octet that tells the direction (DLT 204).
    PppWithDirection,
    /// Cisco HDLC (DLT 104).
    CiscoHdlc,
    /// Frame relay (DLT 107).
    FrameRelay,
    /// IEEE 802.11 (DLT 105).
    Ieee80211,
    /// IEEE 802.11 after a radiotap header (DLT 127).
    Radiotap,
    /// Per-Packet Information: a header that tells the link type of what follows (DLT 192).
    Ppi,
    /// Linux netfilter's log (DLT 239).
    Nflog,
    /// OpenBSD's packet filter log (DLT 117).
    Pflog,
    /// One that is not decoded, in a file that has others too: its frames hold no IP to see.
    Undecoded,
}

/// A link type that is not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "link type {0} is not supported: Ethernet, raw IP, Linux cooked (SLL, SLL2), loopback, PPP, Cisco HDLC, frame \
     relay, 802.11, radiotap, PPI, NFLOG and pflog are"
)]
pub struct UnsupportedLinkType(pub i32);

impl LinkLayer {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Ethernet,
        Self::RawIp,
        Self::LinuxSll,
        Self::LinuxSll2,
        Self::Loopback,
        Self::Ppp,
        Self::PppWithDirection,
        Self::CiscoHdlc,
        Self::FrameRelay,
        Self::Ieee80211,
        Self::Radiotap,
        Self::Ppi,
        Self::Nflog,
        Self::Pflog,
        Self::Undecoded,
    ];

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
            204 => Ok(Self::PppWithDirection),
            104 => Ok(Self::CiscoHdlc),
            107 => Ok(Self::FrameRelay),
            105 => Ok(Self::Ieee80211),
            127 => Ok(Self::Radiotap),
            192 => Ok(Self::Ppi),
            239 => Ok(Self::Nflog),
            117 => Ok(Self::Pflog),
            other => Err(UnsupportedLinkType(other)),
        }
    }
}

impl Decoder {
    pub(super) fn frame<'a>(&mut self, layer: LinkLayer, frame: &'a [u8]) -> Option<Content<'a>> {
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
                // DLT_LOOP; real families are small.
                self.family(
                    if family > 0xffff { family.swap_bytes() } else { family },
                    cursor.rest(),
                )
            }
            LinkLayer::Ppp => self.framed_ppp(frame),
            LinkLayer::PppWithDirection => {
                self.outer.sent_by_host = Some(cursor.u8()? != 0);
                self.framed_ppp(cursor.rest())
            }
            LinkLayer::CiscoHdlc => {
                // Address, control.
                cursor.take(2)?;
                self.ethertype(cursor.u16()?, cursor.rest())
            }
            LinkLayer::FrameRelay => self.frame_relay(frame),
            LinkLayer::Undecoded => Some(Content::NonIp),
            LinkLayer::Ieee80211 => self.ieee80211(frame),
            LinkLayer::Radiotap => {
                // Version, padding, length of the whole header; numbers are little-endian.
                cursor.take(2)?;
                let length = usize::from(cursor.u16()?.swap_bytes());
                cursor.take(length.checked_sub(4)?)?;
                self.ieee80211(cursor.rest())
            }
            LinkLayer::Ppi => {
                // Version, flags, length of the whole header, link type; numbers are little-endian.
                cursor.take(2)?;
                let length = usize::from(cursor.u16()?.swap_bytes());
                let dlt = cursor.u32()?.swap_bytes();
                cursor.take(length.checked_sub(8)?)?;
                match i32::try_from(dlt).map(LinkLayer::from_dlt) {
                    Ok(Ok(layer)) if layer != LinkLayer::Ppi => self.frame(layer, cursor.rest()),
                    _ => Some(Content::NonIp),
                }
            }
            LinkLayer::Nflog => self.nflog(frame),
            LinkLayer::Pflog => {
                // Its length does not count the padding to a whole word.
                let length = usize::from(cursor.u8()?).next_multiple_of(4);
                let family = cursor.u8()?;
                cursor.take(length.checked_sub(2)?)?;
                self.family(family.into(), cursor.rest())
            }
        }
    }

    /// By an address family. IPv6 is 10 on Linux, 24, 28 or 30 on the BSDs.
    fn family<'a>(&mut self, family: u32, rest: &'a [u8]) -> Option<Content<'a>> {
        match family {
            2 | 10 | 24 | 28 | 30 => self.ip(rest),
            _ => Some(Content::NonIp),
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

    pub(super) fn ethernet<'a>(&mut self, frame: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(frame);
        let destination = MacAddress(*cursor.take(6)?.first_chunk()?);
        let source = MacAddress(*cursor.take(6)?.first_chunk()?);
        if self.depth == 0 && self.outer.macs.is_none() {
            self.outer.macs = Some((source, destination));
        }
        self.ethertype(cursor.u16()?, cursor.rest())
    }

    /// PPP in HDLC-like framing (RFC 1662), whose address and control may be left out.
    pub(super) fn framed_ppp<'a>(&mut self, frame: &'a [u8]) -> Option<Content<'a>> {
        self.ppp(frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame))
    }

    /// A PPP frame from its protocol field on (RFC 1661); one octet where it is compressed.
    pub(super) fn ppp<'a>(&mut self, rest: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(rest);
        let first = u16::from(cursor.u8()?);
        let protocol = if first & 1 == 1 { first } else { first << 8 | u16::from(cursor.u8()?) };
        match protocol {
            0x21 | 0x57 => self.ip(cursor.rest()),
            0x0281 | 0x0283 => self.mpls(cursor.rest()),
            _ => Some(Content::NonIp),
        }
    }

    /// Multiprotocol frame relay (RFC 2427), or an EtherType as Cisco has it.
    fn frame_relay<'a>(&mut self, frame: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(frame);
        // The last octet of an address has its lowest bit set; four is the longest.
        for octet in 0..4 {
            match cursor.u8()? & 1 {
                1 if octet > 0 => break,
                1 => return Some(Content::NonIp),
                _ if octet == 3 => return Some(Content::NonIp),
                _ => {}
            }
        }
        if cursor.rest().first() != Some(&0x03) {
            return self.ethertype(cursor.u16()?, cursor.rest());
        }
        cursor.u8()?;
        let mut identifier = cursor.u8()?;
        if identifier == 0 {
            identifier = cursor.u8()?;
        }
        match identifier {
            0xcc | 0x8e => self.ip(cursor.rest()),
            0x80 => self.snap(cursor.rest()),
            _ => Some(Content::NonIp),
        }
    }

    /// A SNAP header: an organisation and what that calls a protocol (RFC 1042, RFC 2427, section 4.2).
    fn snap<'a>(&mut self, rest: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(rest);
        match (cursor.u24()?, cursor.u16()?) {
            (0, ethertype) => self.ethertype(ethertype, cursor.rest()),
            // IEEE 802.3 bridged, with its frame check sequence and without.
            (0x0080c2, 1 | 7) => self.ethernet(cursor.rest()),
            _ => Some(Content::NonIp),
        }
    }

    /// A data frame of IEEE 802.11-2020, section 9.3.2; all others, and encrypted ones, hold no IP to see.
    pub(super) fn ieee80211<'a>(&mut self, frame: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(frame);
        let (kind, flags) = (cursor.u8()?, cursor.u8()?);
        let (is_data, has_body) = (kind & 0x0c == 0x08, kind & 0x40 == 0);
        let is_encrypted = flags & 0x40 != 0;
        if !is_data || !has_body || is_encrypted {
            return Some(Content::NonIp);
        }
        // Duration, three addresses, sequence control; a fourth address between two access points.
        cursor.take(22)?;
        if flags & 0x03 == 0x03 {
            cursor.take(6)?;
        }
        let mut aggregated = false;
        if kind & 0x80 != 0 {
            aggregated = cursor.u16()? & 0x8000 != 0;
            if flags & 0x80 != 0 {
                // HT control.
                cursor.take(4)?;
            }
        }
        if aggregated {
            // The first of several: destination, source, length.
            cursor.take(14)?;
        }
        match cursor.rest() {
            [0xaa, 0xaa, 0x03, snap @ ..] => self.snap(snap),
            _ => Some(Content::NonIp),
        }
    }

    /// Attributes as netlink writes them, in the order of the machine that wrote them; 9 is the packet.
    fn nflog<'a>(&mut self, frame: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(frame);
        let family = cursor.u8()?;
        // Version, resource identifier.
        cursor.take(3)?;
        while !cursor.is_empty() {
            let (length, kind) = (cursor.u16()?, cursor.u16()?);
            // No kind reaches 256: the octet that is not 0 tells the order.
            let (length, kind) = match kind > 0xff {
                true => (length.swap_bytes(), kind.swap_bytes()),
                false => (length, kind),
            };
            let length = usize::from(length).checked_sub(4)?;
            if kind & 0x7fff == 9 {
                return self
                    .family(family.into(), cursor.rest().get(..length).unwrap_or(cursor.rest()));
            }
            cursor.take(length.next_multiple_of(4))?;
        }
        Some(Content::NonIp)
    }
}
