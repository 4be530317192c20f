//! Applications that speak a protocol of their own: calls, films, games, instruments, measurements.

use super::{Message, Rule};
use crate::class::Protocol;

pub(super) const TCP: &[Rule] = &[
    (Protocol::Viber, viber_stream),
    (Protocol::Bigo, bigo),
    (Protocol::Spotify, spotify),
    (Protocol::Skinny, skinny),
    (Protocol::NoMachine, nomachine),
    (Protocol::Sstp, sstp),
    (Protocol::Adb, adb),
    (Protocol::Elasticsearch, elasticsearch),
    (Protocol::Ajp, ajp),
    (Protocol::Hislip, hislip),
    (Protocol::OpcUa, opc_ua),
    (Protocol::EthernetIp, ethernet_ip),
    (Protocol::TpLink, tp_link_stream),
    (Protocol::SpeedTest, speed_test),
];

pub(super) const UDP: &[Rule] = &[
    (Protocol::Viber, viber),
    (Protocol::Imo, imo),
    (Protocol::XboxLive, xbox_live),
    (Protocol::Tribler, tribler),
    (Protocol::Kcp, kcp_greeting),
    (Protocol::Spotify, spotify_local),
    (Protocol::EthernetIp, ethernet_ip),
    (Protocol::TpLink, tp_link),
    (Protocol::SpeedTest, iperf),
];

/// What TP-Link's devices send, `{"system":{`, each octet combined with the one before it; the first
/// with 171.
const TP_LINK: &[u8] = b"\xd0\xf2\x81\xf8\x8b\xff\x9a\xf7\xd5\xef\x94\xb6";
/// The overlays of Tribler that every client joins: discovery, and the hash table.
const TRIBLER: [&[u8]; 2] = [
    b"\x7e\x31\x36\x85\xc1\x91\x2a\x14\x12\x79\xf8\x24\x8f\xc8\xdb\x58\x99\xc5\xdf\x5a",
    b"\x8d\x0b\xe1\x84\x5d\x74\xd1\x75\xf1\x78\x19\x7c\xad\x00\x15\x91\xd0\x4d\x73\xec",
];

fn viber_port(message: Message<'_>) -> bool {
    [4244, 5242, 5243, 7985, 7987, 9785].iter().any(|port| message.port(*port))
}

/// Viber over TCP, on its ports: the message's length, and its number.
fn viber_stream(message: Message<'_>) -> bool {
    viber_port(message)
        && message.is_long(message.u16_le(0))
        && message.length() > 6
        && message.u32_le(2).is_some_and(|number| (1..=0xffff).contains(&number))
}

/// Viber's calls, on its ports: two octets of the call, a kind, zero; each kind has its length.
fn viber(message: Message<'_>) -> bool {
    let length = match message.u8(2) {
        Some(0x19) => 34,
        Some(0x09 | 0x1a) => 20,
        Some(0x0c) => 76,
        _ => return false,
    };
    viber_port(message) && message.u8(3) == Some(0) && message.length() == length
}

/// imo measures a path: question and answer, milliseconds in eight octets; through a relay a zero comes
/// before.
fn imo(message: Message<'_>) -> bool {
    let recogniser = |octets: &[u8]| match *octets {
        [9, 2 | 3, a, b, c, 0..=0x7f, 0, 0, 0, 0] => [a, b, c].iter().all(|octet| *octet != 0),
        _ => false,
    };
    recogniser(message.octets) || message.octets.strip_prefix(&[0]).is_some_and(recogniser)
}

/// Xbox Live between consoles, on its port.
fn xbox_live(message: Message<'_>) -> bool {
    message.port(3074)
        && message.u32(0) == Some(0)
        && message.u8(5) == Some(0x58)
        && message.has(7, &[0; 3])
}

/// IPv8's prefix: zero, a version, and which overlay.
fn tribler(message: Message<'_>) -> bool {
    message.starts_any(&[&[0, 1], &[0, 2]]) && TRIBLER.iter().any(|name| message.has(2, name))
}

/// The greeting of the KCP that some games changed: two marks, the conversation's numbers between.
fn kcp_greeting(message: Message<'_>) -> bool {
    let asks = message.u32(0) == Some(0xff) && message.u32(16) == Some(u32::MAX);
    let answers = message.u32(0) == Some(0x145) && message.u32(16) == Some(0x1451_4545);
    message.length() == 20 && (asks || answers) && message.u32(12) == Some(0x4996_02d2)
}

/// Bigo's messages: length, kind, and a result that says success in requests too.
fn bigo(message: Message<'_>) -> bool {
    message.is_long(message.u32_le(0))
        && message.u8(7) == Some(0)
        && message.u32(4).is_some_and(|kind| kind != 0)
        && message.u16_le(8) == Some(200)
        && message.length() > 10
}

/// What opens a connection to Spotify's access points: its version, the length of the whole, and the
/// first two fields of its message.
fn spotify(message: Message<'_>) -> bool {
    message.starts(&[0, 4])
        && message.is_long(message.u32(2))
        && message.u8(6) == Some(0x52)
        && matches!(message.u8(7), Some(0x0e | 0x0f))
        && message.u8(8) == Some(0x50)
}

/// Spotify looks for itself in the local network.
fn spotify_local(message: Message<'_>) -> bool {
    message.starts(b"SpotUdp")
}

/// Skinny, on its port: length, version, message.
fn skinny(message: Message<'_>) -> bool {
    message.port(2000)
        && message.u32_le(0).is_some_and(|length| {
            (4..=4096).contains(&length) && u64::from(length) + 8 <= message.length()
        })
        && matches!(message.u32_le(4), Some(0 | 0x0a..=0x19))
        && message.u32_le(8).is_some_and(|kind| kind <= 0x160)
}

fn nomachine(message: Message<'_>) -> bool {
    let digit = |at: usize| message.u8(at).is_some_and(|octet| octet.is_ascii_digit());
    message.starts(b"NXSH-") && digit(5) || message.starts(b"NXD-") && digit(4)
}

/// The request that opens SSTP's tunnel (MS-SSTP, section 3.2.4.1), where nothing encrypts it.
fn sstp(message: Message<'_>) -> bool {
    message.starts(b"SSTP_DUPLEX_POST /")
}

/// A message of Android's debug bridge: its command, and the same with every bit turned.
fn adb(message: Message<'_>) -> bool {
    const COMMANDS: [&[u8]; 8] =
        [b"CNXN", b"AUTH", b"OPEN", b"OKAY", b"CLSE", b"WRTE", b"SYNC", b"STLS"];
    let command = message.u32(0).unwrap_or_default();
    message.starts_any(&COMMANDS) && message.u32(20) == Some(!command)
}

/// Elasticsearch's transport: two letters, a length that fits.
fn elasticsearch(message: Message<'_>) -> bool {
    message.starts(b"ES")
        && message.u32(2).map(u64::from).is_some_and(|length| length + 6 == message.length())
        && message.length() >= 17
}

/// AJP: from the server two octets and from the servlets two letters, a length, a kind.
fn ajp(message: Message<'_>) -> bool {
    let fits = message.u16(2).map(u64::from).is_some_and(|length| length + 4 == message.length());
    fits && (message.starts(&[0x12, 0x34]) && matches!(message.u8(4), Some(2 | 7 | 8 | 10))
        || message.starts(b"AB") && matches!(message.u8(4), Some(3..=6 | 9)))
}

/// HiSLIP's header: two letters, a kind, a length of eight octets that fits.
fn hislip(message: Message<'_>) -> bool {
    message.starts(b"HS")
        && message.u8(2).is_some_and(|kind| kind <= 27)
        && message.u32(8) == Some(0)
        && message.u32(12).map(u64::from).is_some_and(|length| length + 16 == message.length())
}

/// OPC UA's connection protocol: three letters, which chunk, a length that fits.
fn opc_ua(message: Message<'_>) -> bool {
    message.starts_any(&[b"HELF", b"ACKF", b"ERRF", b"OPNF", b"MSGF", b"MSGC", b"CLOF"])
        && message.is_long(message.u32_le(4))
}

/// EtherNet/IP's encapsulation, on its port: a command and a length that fits.
fn ethernet_ip(message: Message<'_>) -> bool {
    message.port(44818)
        && matches!(message.u16_le(0), Some(0 | 4 | 0x63..=0x66 | 0x6f | 0x70))
        && message.u16_le(2).map(u64::from).is_some_and(|length| length + 24 == message.length())
}

fn tp_link(message: Message<'_>) -> bool {
    message.starts(TP_LINK)
}

/// The same behind its length.
fn tp_link_stream(message: Message<'_>) -> bool {
    message.u32(0).map(u64::from).is_some_and(|length| length + 4 == message.length())
        && message.after(4).starts(TP_LINK)
}

/// What Ookla's clients and servers say first, and what netperf and iperf 2 fill their segments with.
fn speed_test(message: Message<'_>) -> bool {
    let ookla = message.starts(b"HI ")
        && message.octets.len() >= 40
        && [11, 16, 21, 26].iter().all(|at| message.u8(*at) == Some(b'-'))
        || message.starts(b"HELLO 2.")
            && message.octets.get(..24).is_some_and(|o| o.contains(&b'('));
    ookla || message.starts(b"netperf\0netperf\0") || iperf(message)
}

/// After its header iperf 2 counts in digits.
fn iperf(message: Message<'_>) -> bool {
    let digits = message.octets.get(40..64).unwrap_or_default();
    let counts = |pair: &[u8]| match *pair {
        [b'9', next] => next == b'0',
        [digit, next] => digit.is_ascii_digit() && next == digit + 1,
        _ => false,
    };
    !digits.is_empty() && digits.windows(2).all(counts)
}
