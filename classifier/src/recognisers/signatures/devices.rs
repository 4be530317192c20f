//! Devices, their controllers, and what they tell one another.

use super::{Message, Rule};
use crate::class::Protocol;

pub(super) const TCP: &[Rule] = &[
    (Protocol::OpenFlow, openflow),
    (Protocol::Synchrophasor, synchrophasor),
    (Protocol::Weave, weave),
    (Protocol::Ncp, ncp),
    (Protocol::Drda, drda),
    (Protocol::CheckMk, check_mk),
];

pub(super) const UDP: &[Rule] = &[
    (Protocol::Uftp, uftp),
    (Protocol::Synchrophasor, synchrophasor),
    (Protocol::Rtps, rtps),
    (Protocol::WsDiscovery, ws_discovery),
    (Protocol::SomeIp, some_ip),
    (Protocol::Tuya, tuya),
    (Protocol::Routing, babel),
];

/// OpenFlow 1.0 to 1.5, on its ports: version, type, a length; the next message of the same version.
fn openflow(message: Message<'_>) -> bool {
    let is_header = |at: usize| {
        matches!(message.u8(at), Some(1..=6))
            && message.u8(at + 1).is_some_and(|kind| kind <= 35)
            && message.u16(at + 2).is_some_and(|length| length >= 8)
    };
    let next = message.u16(2).map_or(0, usize::from);
    let follows = next >= message.octets.len()
        || message.u8(next) == message.u8(0)
            && (message.octets.len() < next + 4 || is_header(next));
    (message.port(6633) || message.port(6653))
        && message.octets.len() >= 8
        && is_header(0)
        && follows
}

/// Synchrophasors (IEEE C37.118.2, section 6.2): the frame's length and its check sum (CRC-CCITT).
fn synchrophasor(message: Message<'_>) -> bool {
    let kind = message.u8(1).filter(|kind| kind >> 4 <= 5 && matches!(kind & 15, 1..=3));
    if message.u8(0) != Some(0xaa) || kind.is_none() {
        return false;
    }
    let size = message.u16(2).map_or(0, usize::from);
    let frame = message.octets.get(..size).and_then(<[u8]>::split_last_chunk::<2>);
    frame.filter(|_| size >= 16).is_some_and(|(body, sum)| {
        let crc = body.iter().fold(u16::MAX, |crc, octet| {
            (0..8).fold(crc ^ u16::from(*octet) << 8, |crc, _| {
                if crc >> 15 == 1 { crc << 1 ^ 0x1021 } else { crc << 1 }
            })
        });
        crc == u16::from_be_bytes(*sum)
    })
}

/// Weave, which Nest's devices speak: a length, and two nodes with numbers from Nest's range of
/// hardware addresses (18-B4-30).
fn weave(message: Message<'_>) -> bool {
    const NEST: &[u8] = &[0x30, 0xb4, 0x18];
    let flags = message.u16_le(2).unwrap_or_default();
    message.u16_le(0).is_some_and(|length| length >= 22)
        && flags >> 12 == 1
        && flags & 0x0300 == 0x0300
        && message.has(13, NEST)
        && message.has(21, NEST)
}

/// NetWare's core protocol over TCP: a word, and the length of the segment.
fn ncp(message: Message<'_>) -> bool {
    let length = message.u32(4).is_some_and(|length| {
        u64::from(length & 0x7fff_ffff) <= message.length() && length & 0x7fff_ffff >= 16
    });
    message.starts_any(&[b"tNcP", b"DmdT"]) && length
}

/// DRDA, which DB2 speaks: two lengths that agree, and between them the mark of its data streams.
fn drda(message: Message<'_>) -> bool {
    let length = message.u16(0).unwrap_or_default();
    length >= 10
        && u64::from(length) <= message.length()
        && message.u8(2) == Some(0xd0)
        && message.u8(3).is_some_and(|kind| matches!(kind & 0x8f, 1..=5))
        && message.u16(6).is_some_and(|inner| inner.checked_add(6) == Some(length))
        && message.u8(8).is_some_and(|code| matches!(code, 0x10..=0x24))
}

/// The first section of what Checkmk's agent tells.
fn check_mk(message: Message<'_>) -> bool {
    message.starts(b"<<<check_mk>>>\n")
}

/// UFTP, files by multicast: versions 4 and 5, and a message that says its kind and length again.
fn uftp(message: Message<'_>) -> bool {
    let kind = message.u8(1);
    let words = message.u8(17).map_or(0, u64::from);
    let fits = 16 + words * 4 <= message.length() && words > 0;
    let port = message.port(1044);
    let announces = kind == Some(1) && 16 + words * 4 == message.length() && words >= 6;
    matches!(message.u8(0), Some(0x40 | 0x50))
        && kind.is_some_and(|kind| (1..=17).contains(&kind))
        && message.u8(16) == kind
        && fits
        && (port || announces)
}

/// The wire protocol of DDS (OMG's RTPS 2.x, section 8.3.3).
fn rtps(message: Message<'_>) -> bool {
    message.starts(b"RTPS\x02") && message.u8(5).is_some_and(|minor| minor <= 5)
}

/// Web services look for one another: SOAP with the discovery's name space.
fn ws_discovery(message: Message<'_>) -> bool {
    message.starts(b"<")
        && message.port(3702)
        && (message.holds(b"http://schemas.xmlsoap.org/ws/2005/04/discovery")
            || message.holds(b"http://docs.oasis-open.org/ws-dd/ns/discovery/"))
}

/// SOME/IP of AUTOSAR: the length from its ninth octet on, protocol version 1, kind, result.
fn some_ip(message: Message<'_>) -> bool {
    let kind = message.u8(14).is_some_and(|kind| matches!(kind & !0x20, 0..=2 | 0x80 | 0x81));
    message.u32(4).is_some_and(|length| length >= 8 && u64::from(length) + 8 == message.length())
        && message.u8(12) == Some(1)
        && kind
        && message.u8(15).is_some_and(|result| result <= 0x0f)
}

/// Tuya's devices in the local network: marks at both ends and a length between.
fn tuya(message: Message<'_>) -> bool {
    message.u32(0) == Some(0x55aa)
        && message.u32(12).is_some_and(|length| u64::from(length) + 16 == message.length())
        && message.octets.ends_with(&[0, 0, 0xaa, 0x55])
}

/// Babel (RFC 8966, section 4.2), on its port: magic, version, and a body within the datagram.
fn babel(message: Message<'_>) -> bool {
    message.port(6696)
        && message.starts(&[42, 2])
        && message.u16(2).is_some_and(|body| u64::from(body) + 4 <= message.length())
}
