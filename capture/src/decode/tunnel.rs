//! Tunnels whose inner flow is the flow: GRE, GTP-U, VXLAN, Geneve (IP-in-IP and 6in4 need no header).

use super::{Content, Decoder};
use crate::cursor::Cursor;
use crate::packet::Packet;

/// GTP-U (3GPP TS 29.281).
const GTP_U: u16 = 2152;
/// VXLAN (RFC 7348).
const VXLAN: u16 = 4789;
/// VXLAN's port in Linux, which is older than the RFC.
const VXLAN_LINUX: u16 = 8472;
/// Geneve (RFC 8926).
const GENEVE: u16 = 6081;
/// Transparent Ethernet bridging (RFC 1701's list of protocol types).
const BRIDGED: u16 = 0x6558;

/// Whether a datagram between these ports, source first, may be a tunnel's.
pub(super) const fn is_port((source, destination): (u16, u16)) -> bool {
    matches!(destination, GTP_U | VXLAN | VXLAN_LINUX | GENEVE) || source == GTP_U
}

impl Decoder {
    /// The packet inside a UDP tunnel, where the datagram is one's.
    pub(super) fn udp_tunnel<'a>(&mut self, packet: &Packet<'a>) -> Option<Content<'a>> {
        match packet.destination.port() {
            GTP_U => self.gtp_u(packet.payload),
            VXLAN => self.vxlan(packet.payload),
            // The port is nobody's by IANA: the whole header must fit.
            VXLAN_LINUX if is_plain_vxlan(packet.payload) => self.vxlan(packet.payload),
            GENEVE => self.geneve(packet.payload),
            _ if packet.source.port() == GTP_U => self.gtp_u(packet.payload),
            _ => None,
        }
    }

    /// GRE (RFC 2784, RFC 2890), and its enhanced form that carries PPP (RFC 2637).
    pub(super) fn gre<'a>(&mut self, payload: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(payload);
        let flags = cursor.u16()?;
        let protocol = cursor.u16()?;
        let has = |flag: u16| flags & flag != 0;
        let version = flags & 0x07;
        if version > 1 || has(0x4000) {
            // Source routing was never used (RFC 2784 removed it).
            return None;
        }
        let words = [has(0x8000), has(0x2000), has(0x1000), version == 1 && has(0x0080)];
        for _ in words.into_iter().filter(|present| *present) {
            cursor.take(4)?;
        }
        match protocol {
            BRIDGED => self.ethernet(cursor.rest()),
            0x880b => {
                if cursor.rest().starts_with(&[0xff, 0x03]) {
                    cursor.take(2)?;
                }
                self.ppp(cursor.rest())
            }
            other => self.ethertype(other, cursor.rest()),
        }
    }

    /// A user's packet in GTP-U: message type 255 (3GPP TS 29.281, section 5.1).
    fn gtp_u<'a>(&mut self, payload: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(payload);
        let flags = cursor.u8()?;
        if flags & 0xf0 != 0x30 || cursor.u8()? != 255 {
            return None;
        }
        cursor.take(6)?;
        if flags & 0x07 != 0 {
            cursor.take(3)?;
            let mut next = cursor.u8()?;
            // An extension header's length counts units of four octets, and is never 0.
            while next != 0 {
                let units = usize::from(cursor.u8()?).checked_sub(1)?;
                cursor.take(units * 4 + 2)?;
                next = cursor.u8()?;
            }
        }
        matches!(cursor.rest().first()? >> 4, 4 | 6).then_some(())?;
        self.ip(cursor.rest())
    }

    /// An Ethernet frame in VXLAN: the flag says that the network identifier is valid.
    fn vxlan<'a>(&mut self, payload: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(payload);
        let header = cursor.take(8)?;
        (header.first()? & 0x08 != 0).then_some(())?;
        self.ethernet(cursor.rest())
    }

    /// A packet or frame in Geneve: its type is told as in Ethernet (RFC 8926, section 3.4).
    fn geneve<'a>(&mut self, payload: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(payload);
        let first = cursor.u8()?;
        let flags = cursor.u8()?;
        let protocol = cursor.u16()?;
        let network = cursor.u32()?;
        // Version 0; reserved bits and the octet after the network's identifier are 0. A control
        // message (the flag 0x80) carries no user's packet.
        if first & 0xc0 != 0 || flags & 0xbf != 0 || network & 0xff != 0 {
            return None;
        }
        // Options are counted in units of four octets.
        cursor.take(usize::from(first & 0x3f) * 4)?;
        match protocol {
            BRIDGED => self.ethernet(cursor.rest()),
            other => self.ethertype(other, cursor.rest()),
        }
    }
}

/// Whether a VXLAN header has its one flag and no reserved bit set (RFC 7348, section 5).
fn is_plain_vxlan(payload: &[u8]) -> bool {
    matches!(payload, [0x08, 0, 0, 0, _, _, _, 0, ..])
}
