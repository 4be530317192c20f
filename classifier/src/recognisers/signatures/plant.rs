//! Plants, buildings, and the telling of what networks do.

use super::{Message, Rule};
use crate::class::Protocol;
use crate::recognisers::text;

pub(super) const TCP: &[Rule] = &[
    (Protocol::S7, s7),
    (Protocol::Modbus, modbus),
    (Protocol::Dnp3, dnp3),
    (Protocol::Syslog, syslog),
    (Protocol::Routing, ldp),
];

pub(super) const UDP: &[Rule] = &[
    (Protocol::Bacnet, bacnet),
    (Protocol::Dnp3, dnp3),
    (Protocol::Netflow, netflow),
    (Protocol::Netflow, ipfix),
    (Protocol::Sflow, sflow),
    (Protocol::Syslog, syslog),
    (Protocol::Collectd, collectd),
    (Protocol::Coap, coap),
    (Protocol::Routing, rip),
    (Protocol::Routing, bfd),
    (Protocol::Capwap, capwap),
    (Protocol::Gtp, gtp),
    (Protocol::Routing, hsrp),
    (Protocol::Routing, ldp),
];

/// Siemens' S7 in ISO transport (RFC 1006), after the transport's request to connect or without it.
fn s7(message: Message<'_>) -> bool {
    let first = message.u16(2).map_or(0, usize::from);
    let connects = matches!(message.u8(5), Some(0xd0 | 0xe0))
        && message.starts(b"\x03\0")
        && message.u8(4).is_some_and(|length| usize::from(length) + 5 == first);
    s7_data(message) || connects && s7_data(message.after(first))
}

/// Job, acknowledgment or user data; or the header of the protocol's successor, version 1 to 3.
fn s7_data(message: Message<'_>) -> bool {
    let rest = message.u8(8);
    message.starts(b"\x03\0")
        && message.u16(2).is_some_and(|length| u64::from(length) <= message.length() && length > 7)
        && (message.has(4, b"\x02\xf0\x80\x32") && matches!(rest, Some(1..=3 | 7))
            || message.has(4, b"\x02\xf0\x80\x72") && matches!(rest, Some(1..=3)))
}

/// Modbus over TCP, on its port: transaction, zero, a length that fits.
fn modbus(message: Message<'_>) -> bool {
    let code = message.u8(7).map(|code| code & 0x7f);
    // A length that is the segment's makes up for a function that nobody has.
    let whole = message.u16(4).is_some_and(|length| u64::from(length) + 6 == message.length());
    message.port(502)
        && message.u16(2) == Some(0)
        && message.u16(4).is_some_and(|length| {
            (2..=254).contains(&length) && u64::from(length) + 6 <= message.length()
        })
        && (matches!(code, Some(1..=8 | 11..=17 | 20..=24 | 43 | 90)) || code.is_some() && whole)
}

/// DNP3's link layer (IEEE 1815): two octets of start, and a check sum over eight.
fn dnp3(message: Message<'_>) -> bool {
    let header = message.octets.get(..8).filter(|header| header.starts_with(&[0x05, 0x64]));
    header.is_some_and(|header| {
        let sum = header.iter().fold(0u16, |sum, octet| {
            (0..8).fold(sum ^ u16::from(*octet), |sum, _| {
                if sum & 1 == 1 { sum >> 1 ^ 0xa6bc } else { sum >> 1 }
            })
        });
        message.u16_le(8) == Some(!sum)
    })
}

/// A priority in angle brackets, then a version or a month (RFC 5424, RFC 3164).
fn syslog(message: Message<'_>) -> bool {
    const MONTHS: [&[u8]; 12] = [
        b"Jan ", b"Feb ", b"Mar ", b"Apr ", b"May ", b"Jun ", b"Jul ", b"Aug ", b"Sep ", b"Oct ",
        b"Nov ", b"Dec ",
    ];
    let Some(rest) = message.octets.strip_prefix(b"<") else { return false };
    // On its port a priority that was damaged does not hide the rest of the text.
    let head = message.octets.get(..64.min(message.octets.len())).unwrap_or_default();
    let brackets = rest.iter().take(4).any(|octet| *octet == b'>');
    if message.port(514) && brackets && head.len() >= 16 && text::is_printable(head) {
        return true;
    }
    let Some((0..=191, rest)) = text::number(rest) else { return false };
    let Some(rest) = rest.strip_prefix(b">") else { return false };
    let start = rest.get(..8.min(rest.len())).unwrap_or_default();
    let words = start.len() >= 4 && text::is_printable(start);
    words
        && (rest.starts_with(b"1 ")
            || MONTHS.iter().any(|month| rest.starts_with(month))
            || message.port(514))
}

/// BACnet over IP: a length that is the datagram's, and version 1 of the network layer.
fn bacnet(message: Message<'_>) -> bool {
    let network = match message.u8(1) {
        Some(0x09..=0x0b) => message.u8(4) == Some(1),
        Some(0x04) => message.u8(10) == Some(1),
        Some(0..=0x0c) => message.port(47808),
        _ => false,
    };
    message.u8(0) == Some(0x81) && message.is_long(message.u16(2)) && network
}

/// NetFlow versions 5 and 9 (RFC 3954).
fn netflow(message: Message<'_>) -> bool {
    match message.u16(0) {
        Some(5) => message.u16(2).is_some_and(|count| {
            (1..=30).contains(&count) && u64::from(count) * 48 + 24 == message.length()
        }),
        Some(9) => message.u16(2).is_some_and(|count| count > 0) && has_sets(message, 20, 0, 1),
        _ => false,
    }
}

/// IPFIX (RFC 7011, section 3.1).
fn ipfix(message: Message<'_>) -> bool {
    message.u16(0) == Some(10) && message.is_long(message.u16(2)) && has_sets(message, 16, 2, 3)
}

/// Whether sets of records, templates or options fill the message from here on.
fn has_sets(message: Message<'_>, at: usize, template: u16, option: u16) -> bool {
    let (mut at, mut sets) = (at, 0);
    while let (Some(id), Some(length)) = (message.u16(at), message.u16(at + 2)) {
        if !(id >= 256 || id == template || id == option) || length < 4 {
            return false;
        }
        at += usize::from(length);
        sets += 1;
    }
    sets > 0 && at as u64 >= message.length() && at as u64 <= message.length() + 4
}

/// sFlow version 5: an agent's address, and how long it has run.
fn sflow(message: Message<'_>) -> bool {
    let address = match message.u32(4) {
        Some(1) => 4,
        Some(2) => 16,
        _ => return false,
    };
    let samples = message.u32(8 + address + 12);
    message.u32(0) == Some(5)
        && samples.is_some_and(|count| (1..=64).contains(&count))
        && message.u32(8 + address + 16).is_some_and(|kind| kind & 0xfff <= 4)
        && message.length().is_multiple_of(4)
}

/// collectd's parts, the first of them the host's name; on its port three of them are enough, or parts
/// signed or encrypted.
fn collectd(message: Message<'_>) -> bool {
    message.port(25826) && begins_collectd(message) || is_collectd(message)
}

fn begins_collectd(message: Message<'_>) -> bool {
    let length = message.u16(2).map_or(0, usize::from);
    let next = message.u16(length).zip(message.u16(length + 2));
    let host = message.u16(0) == Some(0)
        && message.c_string(4).is_some_and(|(name, _)| name.len() + 5 == length)
        && next.is_some_and(|(kind, length)| matches!((kind, length), (1 | 8, 12)));
    let user = message.u16(4).map_or(0, usize::from);
    let name = message.octets.get(6..6 + user);
    let hidden = message.starts(&[2, 0x10])
        && (1..=64).contains(&user)
        && name.is_some_and(|name| name.iter().all(u8::is_ascii_graphic));
    host || hidden
}

fn is_collectd(message: Message<'_>) -> bool {
    let (mut at, mut parts) = (0, 0);
    while let (Some(kind), Some(length)) = (message.u16(at), message.u16(at + 2)) {
        if length < 5 || kind > 0x210 {
            return false;
        }
        at += usize::from(length);
        parts += 1;
    }
    let host = message.u16(0) == Some(0) && message.c_string(4).is_some_and(|(n, _)| n.len() > 1);
    host && parts >= 3 && at as u64 == message.length()
}

/// CoAP (RFC 7252), on its ports: few of its bits are fixed.
fn coap(message: Message<'_>) -> bool {
    let token = message.u8(0).map_or(16, |first| first & 0x0f);
    let code = message.u8(1).is_some_and(|code| {
        matches!(code, 0..=7 | 0x40..=0x46 | 0x5f | 0x80..=0x8f | 0x9d | 0xa0..=0xa5 | 0xe1..=0xe5)
    });
    message.u8(0).is_some_and(|first| first >> 6 == 1)
        && token <= 8
        && code
        && message.length() >= 4 + u64::from(token)
        && (message.port(5683)
            || message.port(5684)
            || has_path(message.after(4 + usize::from(token))))
}

/// Off its ports, options (RFC 7252, section 3.1): of known numbers, in words where they are words, at
/// least two in a path, and their end marked before a content in words.
fn has_path(options: Message<'_>) -> bool {
    let (mut rest, mut number, mut segments, mut letters) = (options.octets, 0u16, 0, 0u16);
    while let [first @ 0..=0xfe, after @ ..] = rest {
        let (delta, after) = extended(first >> 4, after);
        let (length, after) = extended(first & 15, after);
        let (Some(delta), Some(length)) = (delta, length) else { return false };
        let Some((value, next)) = after.split_at_checked(usize::from(length)) else { return false };
        number = number.saturating_add(delta);
        let words = matches!(number, 3 | 8 | 11 | 15 | 20 | 35 | 39);
        let known = words || matches!(number, 1 | 4..=7 | 12 | 14 | 17 | 23 | 27 | 28 | 60);
        if !known || words && !(text::is_printable(value) && value.is_ascii()) {
            return false;
        }
        if number == 11 {
            segments += 1;
            letters = letters.saturating_add(length);
        }
        rest = next;
    }
    let content = rest.get(1..).unwrap_or_default();
    segments >= 2 && letters >= 4 && content.len() >= 4 && text::is_printable(content)
}

/// A number of four bits, or in the one or two octets that follow.
fn extended(short: u8, rest: &[u8]) -> (Option<u16>, &[u8]) {
    match (short, rest) {
        (0..=12, _) => (Some(u16::from(short)), rest),
        (13, [more, rest @ ..]) => (Some(u16::from(*more) + 13), rest),
        (14, [high, low, rest @ ..]) => (u16::from_be_bytes([*high, *low]).checked_add(269), rest),
        _ => (None, rest),
    }
}

/// RIP (RFC 2453) and RIPng (RFC 2080), on their ports.
fn rip(message: Message<'_>) -> bool {
    let head = matches!(*message.octets, [1..=12, 1 | 2, 0, 0, ..]);
    (message.port(520) || message.port(521)) && head && message.length() % 20 == 4
}

/// HSRP versions 0 (RFC 2281) and 2, on its port.
fn hsrp(message: Message<'_>) -> bool {
    let first = message.octets.len() >= 20
        && matches!(*message.octets, [0, 0..=3, 0 | 1 | 2 | 4 | 8 | 16, _, ..]);
    message.port(1985) && (first || message.starts(&[1, 40, 2]))
}

/// Label distribution (RFC 5036, section 3.1), on its port: version 1, a length that fits.
fn ldp(message: Message<'_>) -> bool {
    message.port(646)
        && message.u16(0) == Some(1)
        && message
            .u16(2)
            .is_some_and(|length| length >= 14 && u64::from(length) + 4 <= message.length())
        && message.u16(8) == Some(0)
}

/// Bidirectional forwarding detection (RFC 5880): version 1, and its own length.
fn bfd(message: Message<'_>) -> bool {
    let port = [3784, 3785, 4784].iter().any(|port| message.port(*port));
    port && message.u8(0).is_some_and(|first| first >> 5 == 1)
        && message.u8(3).is_some_and(|length| length >= 24 && message.length() >= length.into())
}

/// CAPWAP (RFC 5415), on its ports: version 0, and a header's length in words, or DTLS within.
fn capwap(message: Message<'_>) -> bool {
    let plain = message.u8(0) == Some(0) && message.u8(1).is_some_and(|first| first >> 3 >= 2);
    (message.port(5246) || message.port(5247))
        && (plain || message.u32(0) == Some(0x0100_0000))
        && message.length() >= 8
}

/// GTP's user plane (3GPP TS 29.281) and its control (TS 29.060, 29.274), on their ports.
fn gtp(message: Message<'_>) -> bool {
    let length = |header: u64| {
        message.u16(2).is_some_and(|length| u64::from(length) + header == message.length())
    };
    match message.u8(0).map(|first| first >> 4) {
        Some(3) => (message.port(2152) || message.port(2123)) && length(8),
        Some(4) => message.port(2123) && length(4),
        _ => false,
    }
}
