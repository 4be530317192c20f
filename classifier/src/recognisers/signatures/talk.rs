//! Talk, films and games: what people do with one another.

use super::{Message, Rule};
use crate::class::Protocol;
use crate::recognisers::text;

pub(super) const TCP: &[Rule] = &[
    (Protocol::Rtsp, rtsp),
    (Protocol::Rtmp, rtmp),
    (Protocol::Irc, irc),
    (Protocol::Xmpp, xmpp),
    (Protocol::WhatsApp, whatsapp),
    (Protocol::Telegram, telegram),
    (Protocol::H323, h323),
    (Protocol::Rtp, framed_rtp),
    (Protocol::Minecraft, minecraft),
    (Protocol::Stratum, stratum),
    (Protocol::Fix, fix),
];

pub(super) const UDP: &[Rule] = &[
    (Protocol::Zoom, zoom),
    (Protocol::SourceEngine, source_engine),
    (Protocol::RakNet, raknet),
    (Protocol::TeamSpeak, teamspeak),
    (Protocol::Discord, discord),
    (Protocol::DropboxLan, dropbox),
    (Protocol::H323, ras),
];

/// A request or an answer of RTSP (RFC 2326, RFC 7826).
fn rtsp(message: Message<'_>) -> bool {
    const METHODS: [&[u8]; 8] = [
        b"OPTIONS ",
        b"DESCRIBE ",
        b"SETUP ",
        b"PLAY ",
        b"PAUSE ",
        b"TEARDOWN ",
        b"ANNOUNCE ",
        b"GET_PARAMETER ",
    ];
    let version = |line: &[u8]| line.ends_with(b" RTSP/1.0") || line.ends_with(b" RTSP/2.0");
    message.starts_any(&[b"RTSP/1.0 ", b"RTSP/2.0 "])
        || message.starts_any(&METHODS) && text::first_line(message.octets).is_some_and(version)
}

/// RTMP's handshake: version 3, a time, zeros, and more than a thousand octets that look random.
fn rtmp(message: Message<'_>) -> bool {
    let zeros = message.u32(5) == Some(0);
    message.u8(0) == Some(3) && message.octets.len() >= 1000 && (zeros || message.port(1935))
}

/// A client that says who it is, or a server that answers (RFC 2812).
fn irc(message: Message<'_>) -> bool {
    let line = text::first_line(message.octets).unwrap_or_default();
    if !text::is_printable(line) || line.len() > 510 {
        return false;
    }
    let mut words = line.split(|octet| *octet == b' ');
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let third = words.next().unwrap_or_default();
    let from_server = first.len() > 3 && first.starts_with(b":") && !second.is_empty();
    let numeric = second.len() == 3 && second.iter().all(u8::is_ascii_digit);
    // Some servers leave the nick out before it is known.
    let nameless = numeric && third.is_empty() && line.contains(&b'.') && is_irc_port(message);
    let speaks = matches!(second, b"NOTICE" | b"PRIVMSG" | b"JOIN" | b"MODE" | b"PONG" | b"CAP");
    let registers = first == b"NICK" && message.holds(b"\nUSER ")
        || first == b"CAP" && matches!(second, b"LS" | b"REQ")
        || first == b"USER"
            && (line.contains(&b':') || is_irc_port(message))
            && message.holds(b"\nNICK ")
        || first == b"NOTICE" && (second == b"AUTH" || second == b"*") && third.starts_with(b":");
    from_server && ((numeric || speaks) && !third.is_empty() || nameless)
        || registers
        || first == b"NICK" && !second.is_empty() && third.is_empty() && is_irc_port(message)
}

fn is_irc_port(message: Message<'_>) -> bool {
    (6660..=6669).chain([7000, 6697]).any(|port| message.port(port))
}

/// A stream of XMPP (RFC 6120, section 4), or a stanza in the middle of one.
fn xmpp(message: Message<'_>) -> bool {
    let begins = message.starts_any(&[b"<stream:stream", b"<?xml"]);
    let stream = || message.holds(b"http://etherx.jabber.org/streams");
    let stanza = message.starts_any(&[b"<iq ", b"<presence ", b"<message "]);
    begins && stream()
        || stanza && (message.port(5222) || message.port(5269))
        || message.starts(b"<stream:features>")
}

/// WhatsApp's start: its letters and the version of its dictionary, after a routing hint or not.
fn whatsapp(message: Message<'_>) -> bool {
    let greeting = |at: usize| {
        message.has(at, b"WA")
            && matches!(message.u8(at + 2), Some(1..=6))
            && matches!(message.u8(at + 3), Some(1..=16))
    };
    let hint = message.u16(5).map(usize::from).map_or(0, |length| length + 7);
    let noise = message.u8(4) == Some(0) && message.u16(5).is_some_and(|length| length > 20);
    greeting(0) && (noise || message.port(5222) || message.port(443))
        || message.starts(b"ED\0\x01\0") && greeting(hint)
}

/// MTProto in its plain framings: the client names them first.
fn telegram(message: Message<'_>) -> bool {
    let rest = message.octets.len().saturating_sub(8);
    let intermediate = message.u32(0) == Some(0xeeee_eeee)
        && message.u32_le(4).is_some_and(|length| length as usize == rest);
    let words = message.u8(1).map_or(0, usize::from);
    // An unencrypted message: key 0, then the time it was made, and its length.
    let abridged = message.u8(0) == Some(0xef)
        && words * 4 + 2 == message.octets.len()
        && message.has(2, &[0; 8])
        && words > 5;
    intermediate || abridged
}

/// H.225's call signalling in TPKT (Q.931): setup, proceeding, alerting, connect, release.
fn h323(message: Message<'_>) -> bool {
    message.starts(b"\x03\0")
        && message.u16(2).is_some_and(|length| u64::from(length) <= message.length() && length > 12)
        && message.has(4, b"\x08\x02")
        && matches!(message.u8(8), Some(1..=3 | 5 | 7 | 0x0d | 0x5a | 0x62 | 0x6e | 0x7b | 0x7d))
}

/// H.323's registration, admission and status: the name of H.225.0 near the start of the datagram.
fn ras(message: Message<'_>) -> bool {
    const H225: &[u8] = b"\x06\x00\x08\x91\x4a\x00";
    let head = message.octets.get(..24.min(message.octets.len())).unwrap_or_default();
    message.u8(0).is_some_and(|first| first & 0x80 == 0)
        && head.windows(H225.len()).any(|place| place == H225)
}

/// RTP in TCP with a length before each packet (RFC 4571): two in a row, of one source.
fn framed_rtp(message: Message<'_>) -> bool {
    let length = usize::from(message.u16(0).unwrap_or_default());
    let next = 2 + length;
    (13..=1600).contains(&length)
        && message.u8(2) == Some(0x80)
        && message.u8(next + 2) == Some(0x80)
        && message.u32(10).is_some_and(|source| Some(source) == message.u32(next + 10))
        && message.u32(6).zip(message.u32(next + 6)).is_some_and(|(time, after)| {
            // A source that calls itself zero must show by its clock that it is one.
            message.u32(10) != Some(0) || (1..1 << 16).contains(&after.wrapping_sub(time))
        })
        && message.u16(4).map(|number| number.wrapping_add(1)) == message.u16(next + 4)
}

/// The handshake of Minecraft's Java edition: a packet of number 0 with the server's name and port.
fn minecraft(message: Message<'_>) -> bool {
    let length = message.u8(0).map_or(0, usize::from);
    // The protocol's version takes one octet or two.
    let at =
        2 + (0..3).take_while(|at| message.u8(2 + at).is_some_and(|o| o & 0x80 != 0)).count() + 1;
    let name = message.u8(at).map_or(0, usize::from);
    let host = message.octets.get(at + 1..at + 1 + name).unwrap_or_default();
    let end = at + 1 + name + 3;
    message.u8(1) == Some(0)
        && length < 0x80
        && end == length + 1
        && name >= 3
        && host.iter().all(|octet| octet.is_ascii_graphic() || *octet == 0)
        && matches!(message.u8(end - 1), Some(1..=3))
}

/// Miners and their pools talk JSON in lines.
fn stratum(message: Message<'_>) -> bool {
    message.starts(b"{")
        && [
            &b"\"mining."[..],
            b"\"eth_submitLogin\"",
            b"\"eth_getWork\"",
            b"\"job_id\"",
            b"\"eth_submitWork\"",
        ]
        .iter()
        .any(|word| message.holds(word))
}

/// Financial information exchange: tag 8, the version.
fn fix(message: Message<'_>) -> bool {
    message.starts(b"8=FIX") && message.holds(b"\x019=")
}

/// Zoom's own header before its media, on its ports: packets with media and those that keep it alive.
fn zoom(message: Message<'_>) -> bool {
    let port = (8801..=8810).any(|port| message.port(port));
    let media = message.u8(0) == Some(5)
        && message.u8(3) == Some(0)
        && matches!(message.u8(7), Some(0 | 4))
        && message.u8(8).is_some_and(|kind| (0x0a..=0x25).contains(&kind));
    let begins = matches!(*message.octets, [1 | 2, 0, 1..=4, ..]) && message.length() >= 24;
    port && (media || begins)
}

/// Queries of Valve's and id's engines: four octets of ones, then a letter or a word.
fn source_engine(message: Message<'_>) -> bool {
    const WORDS: [&[u8]; 12] = [
        b"TSource Engine Query\0",
        b"getstatus",
        b"getinfo",
        b"getchallenge",
        b"getservers",
        b"statusResponse",
        b"infoResponse",
        b"challengeResponse",
        b"connect ",
        b"rcon ",
        b"print\n",
        b"connectResponse",
    ];
    let rest = message.after(4);
    let query = matches!(rest.u8(0), Some(b'U' | b'V' | b'W' | b'i')) && message.length() == 9
        || rest.u8(0) == Some(b'A') && message.length() == 9
        || rest.u8(0) == Some(b'I') && rest.c_string(2).is_some_and(|(name, _)| name.len() >= 4);
    message.u32(0) == Some(u32::MAX) && (rest.starts_any(&WORDS) || query)
}

/// RakNet's messages without connection: sixteen octets of magic.
fn raknet(message: Message<'_>) -> bool {
    const MAGIC: &[u8] = b"\0\xff\xff\0\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78";
    let at = match message.u8(0) {
        Some(0x05..=0x08) => 1,
        Some(0x01 | 0x02) => 9,
        Some(0x1c) => 17,
        _ => 0,
    };
    // Roblox has a header of its own before it.
    let wrapped = || {
        message.starts(&[1, 0, 0])
            && message.octets.get(24..80).is_some_and(|o| o.windows(16).any(|w| w == MAGIC))
    };
    at > 0 && message.has(at, MAGIC) || wrapped()
}

fn teamspeak(message: Message<'_>) -> bool {
    message.starts(b"TS3INIT1")
}

/// Discord asks its voice servers for the client's address: 74 octets, nearly all zero up to the port
/// at the end; the answer has the address in words.
fn discord(message: Message<'_>) -> bool {
    let address = message.octets.get(8..72);
    let asks = message.starts(b"\0\x01\0\x46")
        && address.is_some_and(|rest| rest.iter().all(|octet| *octet == 0));
    let answers = message.starts(b"\0\x02\0\x46")
        && message.c_string(8).is_some_and(|(text, _)| {
            str::from_utf8(text).is_ok_and(|text| text.parse::<std::net::IpAddr>().is_ok())
        });
    message.length() == 74 && (asks || answers)
}

/// Dropbox looks for others in the local network.
fn dropbox(message: Message<'_>) -> bool {
    message.starts(b"{\"host_int\": ")
        || message.port(17500) && message.starts(b"{\"") && message.holds(b"\"host_int\": ")
}
