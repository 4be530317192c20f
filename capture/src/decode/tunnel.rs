//! Tunnels whose inner flow is the flow: GRE, GTP-U, VXLAN, Geneve and their kin (IP-in-IP and 6in4 need no
//! header).
//!
//! A header that says little of itself is believed only if what follows makes sense: the ports are nobody's own.

use super::sane::{is_sane_ethernet, is_sane_ip};
use super::{Content, Decoder};
use crate::cursor::Cursor;
use crate::packet::Packet;

/// GTP-U (3GPP TS 29.281).
const GTP_U: u16 = 2152;
/// VXLAN (RFC 7348).
const VXLAN: u16 = 4789;
/// VXLAN's port in Linux, which is older than the RFC.
const VXLAN_LINUX: u16 = 8472;
/// VXLAN with a protocol field (draft-ietf-nvo3-vxlan-gpe).
const VXLAN_GPE: u16 = 4790;
/// Geneve (RFC 8926).
const GENEVE: u16 = 6081;
/// L2TP (RFC 2661, RFC 3931).
const L2TP: u16 = 1701;
/// Teredo (RFC 4380).
const TEREDO: u16 = 3544;
/// CAPWAP's data channel (RFC 5415).
const CAPWAP_DATA: u16 = 5247;
/// MPLS over UDP (RFC 7510).
const MPLS_UDP: u16 = 6635;
/// TaZmen sniffer protocol, by which access points and routers send what they capture.
const TZSP: u16 = 37008;
/// Transparent Ethernet bridging (RFC 1701's list of protocol types).
const BRIDGED: u16 = 0x6558;

/// All of them, each at the place that [`place`] gives it: a look at one place tells, for the ports of every
/// datagram are looked at.
const PORTS: [u16; 16] = [
    MPLS_UDP,
    0,
    TEREDO,
    0,
    TZSP,
    GENEVE,
    VXLAN,
    VXLAN_GPE,
    VXLAN_LINUX,
    L2TP,
    0,
    0,
    CAPWAP_DATA,
    GTP_U,
    0,
    0,
];

/// Where one is not at its place, choose another factor.
const _: () = {
    let (mut rest, mut at) = (PORTS.as_slice(), 0);
    while let [port, others @ ..] = rest {
        assert!(*port == 0 || place(*port) == at);
        (rest, at) = (others, at + 1);
    }
};

/// The upper four bits of a product whose factor gives each of the ports a place of its own.
const fn place(port: u16) -> usize {
    (port.wrapping_mul(909) >> 12) as usize
}

/// Whether a datagram between these ports may be a tunnel's.
#[inline]
pub(crate) fn is_tunnel_port((source, destination): (u16, u16)) -> bool {
    let is_one = |port: u16| PORTS.get(place(port)) == Some(&port);
    is_one(destination) || is_one(source)
}

impl Decoder {
    /// The packet inside a UDP tunnel, where the datagram is one's.
    pub(super) fn udp_tunnel<'a>(&mut self, packet: &Packet<'a>) -> Option<Content<'a>> {
        match packet.destination.port() {
            GTP_U => self.gtp_u(packet.payload),
            VXLAN => self.vxlan(packet.payload),
            // The port is nobody's by IANA: the whole header must fit.
            VXLAN_LINUX if is_plain_vxlan(packet.payload) => self.vxlan(packet.payload),
            VXLAN_GPE => self.vxlan_gpe(packet.payload),
            GENEVE => self.geneve(packet.payload),
            MPLS_UDP => self.mpls_in_udp(packet.payload),
            TZSP => self.tzsp(packet.payload),
            destination => match (packet.source.port(), destination) {
                (GTP_U, _) => self.gtp_u(packet.payload),
                (L2TP, _) | (_, L2TP) => self.l2tp(packet.payload),
                (TEREDO, _) | (_, TEREDO) => self.teredo(packet.payload),
                (CAPWAP_DATA, _) | (_, CAPWAP_DATA) => self.capwap(packet.payload),
                _ => None,
            },
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
            0x880b => self.framed_ppp(cursor.rest()),
            // ERSPAN: the first type has no header, the second has a sequence number and one of 8 octets.
            0x88be => {
                if has(0x1000) {
                    cursor.take(8)?;
                }
                self.ethernet(cursor.rest())
            }
            // ERSPAN's third type: 12 octets, whose last bit says that 8 more follow.
            0x22eb => {
                let header = cursor.take(12)?;
                if header.last()? & 1 != 0 {
                    cursor.take(8)?;
                }
                self.ethernet(cursor.rest())
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

    /// VXLAN whose header says what follows it; the flag for that must be set.
    fn vxlan_gpe<'a>(&mut self, payload: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(payload);
        let (flags, reserved, next) = (cursor.u8()?, cursor.u16()?, cursor.u8()?);
        let network = cursor.u32()?;
        if reserved != 0 || network & 0xff != 0 {
            return None;
        }
        match flags & 0x0c {
            0x0c => self.next_protocol(next, cursor.rest()),
            0x08 => self.ethernet(cursor.rest()),
            _ => None,
        }
    }

    /// A label stack whose contents make sense.
    fn mpls_in_udp<'a>(&mut self, payload: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(payload);
        while cursor.u32()? & 0x100 == 0 {}
        let inner = cursor.rest();
        let after_word = inner.get(4..).unwrap_or_default();
        let sane = is_sane_ip(inner) || is_sane_ethernet(inner) || is_sane_ethernet(after_word);
        sane.then(|| self.mpls(payload))?
    }

    /// Ethernet in IP (RFC 3378): version 3, and nothing else in its two octets.
    pub(super) fn ether_ip<'a>(&mut self, payload: &'a [u8]) -> Option<Content<'a>> {
        self.ethernet(payload.strip_prefix(&[0x30, 0x00])?)
    }

    /// L2TP over UDP: version 2 carries PPP (RFC 2661, section 3.1), version 3 anything (RFC 3931, section
    /// 4.1.2). Control messages carry no user's packet.
    fn l2tp<'a>(&mut self, payload: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(payload);
        let flags = cursor.u16()?;
        let has = |flag: u16| flags & flag != 0;
        if has(0x8000) {
            return None;
        }
        match flags & 0x000f {
            2 => {
                // Length; tunnel and session; sequence numbers; an offset with its padding.
                if has(0x4000) {
                    cursor.take(2)?;
                }
                cursor.take(4)?;
                if has(0x0800) {
                    cursor.take(4)?;
                }
                if has(0x0200) {
                    let offset = usize::from(cursor.u16()?);
                    cursor.take(offset)?;
                }
                let frame = cursor.rest();
                let frame = frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame);
                let packet = match frame {
                    [0x21 | 0x57, packet @ ..] | [0, 0x21 | 0x57, packet @ ..] => packet,
                    _ => return None,
                };
                is_sane_ip(packet).then(|| self.ip(packet))?
            }
            3 => {
                cursor.take(2)?;
                self.l2tp_v3(cursor.rest())
            }
            _ => None,
        }
    }

    /// L2TP version 3 from its session on (RFC 3931, section 4.1). How long the cookie is, and whether a
    /// sublayer follows, was agreed on elsewhere: what makes sense first is what it is.
    pub(super) fn l2tp_v3<'a>(&mut self, payload: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(payload);
        // Session 0 is the control channel.
        (cursor.u32()? != 0).then_some(())?;
        for skipped in [0, 4, 8, 12] {
            let inner = cursor.rest().get(skipped..)?;
            if is_sane_ethernet(inner) {
                return self.ethernet(inner);
            }
            if is_sane_ip(inner) {
                return self.ip(inner);
            }
        }
        None
    }

    /// IPv6 in Teredo, after what authentication and origin may stand before it (RFC 4380, section 5.1.1).
    fn teredo<'a>(&mut self, payload: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(payload);
        if cursor.rest().starts_with(&[0, 1]) {
            cursor.take(2)?;
            let (identifier, value) = (usize::from(cursor.u8()?), usize::from(cursor.u8()?));
            cursor.take(identifier + value + 9)?;
        }
        if cursor.rest().starts_with(&[0, 0]) {
            cursor.take(8)?;
        }
        let packet = cursor.rest();
        (packet.first()? >> 4 == 6 && is_sane_ip(packet)).then(|| self.ip(packet))?
    }

    /// A station's frame in CAPWAP (RFC 5415, section 4.3): not encrypted, and no fragment.
    fn capwap<'a>(&mut self, payload: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(payload);
        (cursor.u8()? == 0).then_some(())?;
        let words = usize::from(cursor.u8()? >> 3);
        let native = cursor.u8()? & 0x01 != 0;
        let flags = cursor.u8()?;
        if flags & 0x88 != 0 {
            return None;
        }
        cursor.take((words * 4).checked_sub(4)?)?;
        let frame = cursor.rest();
        match native {
            true => self.ieee80211(frame),
            false => is_sane_ethernet(frame).then(|| self.ethernet(frame))?,
        }
    }

    /// A captured frame: fields up to the one that ends them, then a frame of the type that was named.
    fn tzsp<'a>(&mut self, payload: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(payload);
        let (version, kind, encapsulated) = (cursor.u8()?, cursor.u8()?, cursor.u16()?);
        if version != 1 || kind > 1 {
            return None;
        }
        loop {
            match cursor.u8()? {
                0 => {}
                1 => break,
                _ => {
                    cursor.vec8()?;
                }
            }
        }
        match encapsulated {
            1 => is_sane_ethernet(cursor.rest()).then(|| self.ethernet(cursor.rest()))?,
            0x12 => self.ieee80211(cursor.rest()),
            _ => None,
        }
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
