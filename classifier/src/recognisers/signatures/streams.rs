//! Television over the network, transfers between two people, and what monitors a network.

use super::{Message, Rule};
use crate::class::Protocol;

pub(super) const TCP: &[Rule] = &[
    (Protocol::Bmp, bmp),
    (Protocol::MagicWormhole, wormhole),
    (Protocol::Zabbix, zabbix),
    (Protocol::Tacacs, tacacs),
    (Protocol::Iec104, iec104),
    (Protocol::Http, http2_settings),
];

pub(super) const UDP: &[Rule] = &[
    (Protocol::MpegTs, mpeg_ts),
    (Protocol::Srt, srt),
    (Protocol::Syncthing, syncthing_discovery),
    (Protocol::Nebula, nebula),
    (Protocol::Pfcp, pfcp),
];

/// Octets of a transport stream's packet, and what each begins with (ISO/IEC 13818-1, section 2.4.3.2).
const TS_PACKET: usize = 188;
const TS_SYNC: u8 = 0x47;

/// A datagram of transport stream packets and nothing else, alone or in RTP (RFC 2250): at least two, so that the
/// length and both beginnings have to fit.
fn mpeg_ts(message: Message<'_>) -> bool {
    let whole = message.view.wire_octets as usize;
    let packets = |skipped: usize| {
        let stream = message.octets.get(skipped..).unwrap_or_default();
        let beginnings = stream.iter().step_by(TS_PACKET);
        let length = whole.saturating_sub(skipped);
        length >= 2 * TS_PACKET
            && length.is_multiple_of(TS_PACKET)
            && stream.len() > TS_PACKET
            && beginnings.clone().all(|octet| *octet == TS_SYNC)
    };
    // Version 2 without padding, extension or contributors; payload type 33.
    let in_rtp = message.u8(0) == Some(0x80) && message.u8(1).map(|kind| kind & 0x7f) == Some(33);
    packets(0) || in_rtp && packets(12)
}

/// SRT's handshake (draft-sharabayko-srt, section 3.2.1), which is UDT's: a control packet of type 0, version 4 or
/// 5, a packet size of Ethernet's, and one of the handshake's types.
fn srt(message: Message<'_>) -> bool {
    let kind = message.u32(36).map(u32::cast_signed);
    message.u32(0) == Some(0x8000_0000)
        && matches!(message.u32(16), Some(4 | 5))
        && message.u32(28).is_some_and(|size| (500..=9000).contains(&size))
        && kind.is_some_and(|kind| matches!(kind, -2..=1))
        && message.view.wire_octets >= 64
}

/// Syncthing's announcements on the local network: a magic number, then a message in protocol buffers.
fn syncthing_discovery(message: Message<'_>) -> bool {
    message.u32(0) == Some(0x2ea7_d90b) && message.u8(4) == Some(0x0a)
}

/// A Nebula packet: version 1, a type, a reserved field of 0, and a counter that is below 2^32 for years.
fn nebula(message: Message<'_>) -> bool {
    message.u8(0).is_some_and(|first| first >> 4 == 1 && first & 0x0f <= 5)
        && message.u8(1).is_some_and(|subtype| subtype <= 1)
        && message.u16(2) == Some(0)
        && message.u32(8) == Some(0)
        && message.octets.len() >= 16
        && (message.port(4242) || message.u32(12).is_some_and(|counter| counter < 1 << 16))
}

/// PFCP on its port (3GPP TS 29.244, section 7.2.2): version 1, and a length that fits.
fn pfcp(message: Message<'_>) -> bool {
    let length = message.u16(2).map(|length| u32::from(length) + 4);
    message.port(8805)
        && message.u8(0).is_some_and(|first| first >> 5 == 1)
        && length == Some(message.view.wire_octets)
}

/// BGP monitoring (RFC 7854): a router's introduction, or what a peer said, with BGP's marker in it.
fn bmp(message: Message<'_>) -> bool {
    const COMMON: usize = 6;
    const PER_PEER: usize = 42;
    /// A peer's arrival has addresses and ports before the messages.
    const ARRIVAL: usize = 20;
    if message.u8(0) != Some(3) {
        return false;
    }
    let marker = |at: usize| {
        let octets = message.octets.get(at..at + 16);
        octets.is_some_and(|octets| octets.iter().all(|octet| *octet == 0xff))
    };
    match message.u8(5) {
        Some(0) => marker(COMMON + PER_PEER),
        Some(3) => marker(COMMON + PER_PEER + ARRIVAL),
        // Introduction: pieces of information, each with a kind and a length.
        Some(4) => {
            let all = message.u32(1).map(|length| length as usize);
            let first = message.u16(8).map(|length| COMMON + 4 + usize::from(length));
            message.u16(6).is_some_and(|kind| kind <= 4)
                && all.zip(first).is_some_and(|(all, first)| first <= all && all < 4096)
                && message.u32(1).is_some_and(|length| length > COMMON as u32 + 4)
        }
        _ => false,
    }
}

/// A transfer of Magic Wormhole between two people: one says that it sends, the other that it receives.
fn wormhole(message: Message<'_>) -> bool {
    message.starts_any(&[b"transit sender ", b"transit receiver ", b"please relay "])
}

/// Zabbix's header: its name, then flags.
fn zabbix(message: Message<'_>) -> bool {
    message.starts(b"ZBXD") && message.u8(4).is_some_and(|flags| (1..=7).contains(&flags))
}

/// TACACS+ on its port (RFC 8907, section 4.1): version 12, a type, and a length that fits.
fn tacacs(message: Message<'_>) -> bool {
    let length = message.u32(8).map(|length| length as usize + 12);
    message.port(49)
        && message.u8(0).is_some_and(|version| version & 0xfe == 0xc0)
        && message.u8(1).is_some_and(|kind| (1..=3).contains(&kind))
        && length.is_some_and(|length| length <= 65_535 && length >= message.octets.len())
}

/// IEC 60870-5-104 on its port: frames of 0x68, their length and a control field, one after the other to the end.
fn iec104(message: Message<'_>) -> bool {
    let mut rest = message.octets;
    while let [0x68, length @ 4..=253, control, ..] = *rest {
        // Numbered, acknowledging, or one of six commands.
        let known =
            control & 1 == 0 || matches!(control, 0x01 | 0x07 | 0x0b | 0x13 | 0x23 | 0x43 | 0x83);
        match rest.get(2 + usize::from(length)..) {
            Some(next) if known => rest = next,
            _ => return false,
        }
    }
    message.port(2404) && rest.is_empty() && !message.octets.is_empty()
}

/// HTTP/2 in clear whose server speaks first (RFC 9113, section 3.4): its settings, on stream 0.
fn http2_settings(message: Message<'_>) -> bool {
    let length = message.u32(0).map(|word| word >> 8);
    message.view.from_start
        && length.is_some_and(|length| length > 0 && length <= 60 && length.is_multiple_of(6))
        && message.u16(3) == Some(0x0400)
        && message.u32(5) == Some(0)
        && message.u16(9).is_some_and(|setting| (1..=9).contains(&setting))
}
