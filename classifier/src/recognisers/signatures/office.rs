//! Directories, shares, remote procedures, remote screens, and what tunnels them.

use super::{Message, Rule, ber, is_chain};
use crate::class::Protocol;

pub(super) const TCP: &[Rule] = &[
    (Protocol::Ldap, ldap),
    (Protocol::Kerberos, kerberos_stream),
    (Protocol::Diameter, diameter),
    (Protocol::Nfs, nfs_stream),
    (Protocol::Rpc, rpc_stream),
    (Protocol::Dcerpc, dcerpc),
    (Protocol::Socks, socks),
    (Protocol::Telnet, telnet),
    (Protocol::Vnc, vnc),
    (Protocol::X11, x11),
    (Protocol::TeamViewer, teamviewer),
    (Protocol::Pptp, pptp),
    (Protocol::Slp, slp),
    (Protocol::Rsync, rsync),
    (Protocol::Ssh, ssh_keys),
    (Protocol::Tls, ssl2),
    (Protocol::Quic, quic_crypto),
    (Protocol::Bgp, bgp_midway),
];

pub(super) const UDP: &[Rule] = &[
    (Protocol::NetBios, netbios_name),
    (Protocol::NetBios, netbios_datagram),
    (Protocol::Ldap, ldap),
    (Protocol::Kerberos, kerberos),
    (Protocol::Radius, radius),
    (Protocol::Nfs, nfs),
    (Protocol::Rpc, rpc),
    (Protocol::Tftp, tftp),
    (Protocol::L2tp, l2tp),
    (Protocol::Slp, slp),
    (Protocol::Rdp, rdp_datagram),
    (Protocol::Afs, afs),
    (Protocol::Tailscale, tailscale),
    (Protocol::TeamViewer, teamviewer),
    (Protocol::Ipmi, ipmi),
    (Protocol::Dcerpc, dcerpc_datagram),
    (Protocol::Dns, dnscrypt),
    (Protocol::IpTunnel, teredo),
    (Protocol::IpTunnel, ayiya),
];

/// A message of LDAP (RFC 4511, section 4.1.1): a sequence of a number and an operation.
fn ldap(message: Message<'_>) -> bool {
    let read = || {
        let (0x30, _, fields, _) = ber(message.octets)? else { return None };
        let (0x02, 1..=4, number, rest) = ber(fields)? else { return None };
        let (operation, length, body, _) = ber(rest)?;
        let first = body.first().copied();
        let known = match operation {
            // Bind: the version. What only asks: a name. What answers: a result code.
            0x60 => body.starts_with(&[2, 1, 2]) || body.starts_with(&[2, 1, 3]),
            0x63 | 0x64 | 0x66 | 0x68 | 0x6c => first == Some(0x04),
            0x61 | 0x65 | 0x67 | 0x69 | 0x6b | 0x6d | 0x6f | 0x78 => {
                body.starts_with(&[0x0a, 1]) && length >= 7
            }
            0x77 => first == Some(0x80),
            0x42 => length == 0,
            _ => false,
        };
        (known && number.first().is_some_and(|first| first & 0x80 == 0)).then_some(())
    };
    read().is_some()
}

/// A message of Kerberos 5 (RFC 4120): its version and its type, as the tag says it too.
fn kerberos(message: Message<'_>) -> bool {
    let read = || {
        let (tag, _, body, _) = ber(message.octets)?;
        let (0x30, _, fields, _) = ber(body)? else { return None };
        let kind = match tag {
            0x6a..=0x6f | 0x74..=0x76 | 0x7e => tag & 0x1f,
            _ => return None,
        };
        // Requests number their fields from one, all others from zero.
        let request = [0xa1, 3, 2, 1, 5, 0xa2, 3, 2, 1, kind];
        let other = [0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, kind];
        (fields.starts_with(&request) || fields.starts_with(&other)).then_some(())
    };
    read().is_some()
}

fn kerberos_stream(message: Message<'_>) -> bool {
    message.u32(0).is_some_and(|length| (32..1 << 20).contains(&length))
        && kerberos(message.after(4))
}

/// RADIUS (RFC 2865): the datagram's length, and attributes that fill it.
fn radius(message: Message<'_>) -> bool {
    let known = matches!(message.u8(0), Some(1..=5 | 11..=13 | 40..=45));
    let attributes = message.octets.get(20..).and_then(is_chain);
    let port = [1812, 1813, 1645, 1646, 3799].iter().any(|port| message.port(*port));
    known
        && message
            .u16(2)
            .is_some_and(|length| u64::from(length) == message.length() || port && length >= 20)
        && (port || attributes.is_some_and(|count| count >= 2))
}

/// Diameter (RFC 6733, section 3): version 1, a length in words, a command of the base or of its
/// best-known applications.
fn diameter(message: Message<'_>) -> bool {
    let first = message.u32(0).unwrap_or_default();
    let (version, length) = (first >> 24, first & 0x00ff_ffff);
    let second = message.u32(4).unwrap_or_default();
    let (flags, command) = (second >> 24, second & 0x00ff_ffff);
    version == 1
        && length >= 20
        && length % 4 == 0
        && flags & 0x0f == 0
        && (257..=330).contains(&command)
        && (u64::from(length) == message.length() || message.port(3868))
}

/// A name in the first level's coding: 32 letters from A to P (RFC 1001, section 14.1).
fn has_netbios_name(message: Message<'_>, at: usize) -> bool {
    let name = message.octets.get(at + 1..at + 33);
    message.u8(at) == Some(0x20)
        && name.is_some_and(|name| name.iter().all(|letter| (b'A'..=b'P').contains(letter)))
}

/// The name service (RFC 1002, section 4.2); on its ports a name is enough, whatever came before it.
fn netbios_name(message: Message<'_>) -> bool {
    const LETTERS: usize = 28;
    let has_name = || {
        let head = message.octets.get(..64.min(message.octets.len())).unwrap_or_default();
        head.windows(LETTERS).any(|name| name.iter().all(|letter| (b'A'..=b'P').contains(letter)))
    };
    has_netbios_name(message, 12) || (message.port(137) || message.port(138)) && has_name()
}

/// The datagram service (RFC 1002, section 4.4).
fn netbios_datagram(message: Message<'_>) -> bool {
    matches!(message.u8(0), Some(0x10..=0x12))
        && message.u16(8) == Some(138)
        && has_netbios_name(message, 14)
}

/// A call of ONC RPC (RFC 5531): its program; or none for an answer.
fn onc_rpc(message: Message<'_>) -> Option<Option<u32>> {
    match (message.u32(4)?, message.u32(8)?) {
        (0, 2) => {
            let program = message.u32(12)?;
            let calls = message.u32(16)? <= 16 && message.u32(20)? <= 255;
            ((100_000..0x6000_0000).contains(&program) && calls).then_some(Some(program))
        }
        // Accepted, with a verifier; or denied.
        (1, 0) => {
            let verifier = message.u32(16)?;
            let status = message.u32(20 + usize::try_from(verifier).ok()?)?;
            (message.u32(12)? <= 6 && verifier <= 400 && status <= 5).then_some(None)
        }
        // Two versions, or why the caller is not believed.
        (1, 1) => matches!((message.u32(12)?, message.length()), (0, 24) | (1, 20)).then_some(None),
        _ => None,
    }
}

/// The file system, and the mounts and locks that belong to it.
fn nfs(message: Message<'_>) -> bool {
    let program = onc_rpc(message).flatten();
    matches!(program, Some(100_003 | 100_005 | 100_021 | 100_024 | 100_227))
        || onc_rpc(message).is_some() && message.port(2049)
}

fn rpc(message: Message<'_>) -> bool {
    onc_rpc(message).is_some()
}

fn nfs_stream(message: Message<'_>) -> bool {
    record(message) && nfs(message.after(4))
}

fn rpc_stream(message: Message<'_>) -> bool {
    record(message) && rpc(message.after(4))
}

/// DCE/RPC version 4, without connections (DCE 1.1, chapter 12): PROFINET's objects and interfaces end
/// alike; other interfaces on the end point mapper's port.
fn dcerpc_datagram(message: Message<'_>) -> bool {
    const PROFINET: &[u8] = b"\x00\xa0\x24\x42\xdf\x7d";
    let little = message.u8(4) == Some(0x10);
    let body = if little { message.u16_le(74) } else { message.u16(74) };
    let fits = body.is_some_and(|body| u64::from(body) + 80 == message.length());
    message.u8(0) == Some(4)
        && message.u8(1).is_some_and(|kind| kind <= 10)
        && matches!(message.u8(4), Some(0 | 0x10))
        && (message.has(34, PROFINET) || message.port(135) && fits)
}

/// What a resolver of DNSCrypt answers with (DNSCrypt version 2, section 4).
fn dnscrypt(message: Message<'_>) -> bool {
    message.starts(b"r6fnvWj8") && message.length() >= 48
}

/// Teredo (RFC 4380, section 5.1.1): IPv6 that fills the datagram, of an address that is Teredo's, or
/// on its port; what authenticates or tells the origin may come before.
fn teredo(message: Message<'_>) -> bool {
    let mut packet = message;
    if packet.starts(&[0, 1]) {
        let lengths = packet.u8(2).zip(packet.u8(3));
        let skip = lengths.map(|(client, key)| 13 + usize::from(client) + usize::from(key));
        packet = packet.after(skip.unwrap_or(usize::MAX));
    }
    if packet.starts(&[0, 0]) {
        packet = packet.after(8);
    }
    let own = packet.has(8, &[0x20, 1, 0, 0]) || packet.has(24, &[0x20, 1, 0, 0]);
    is_ip6(packet) && (own || message.port(3544))
}

/// A header of IPv6 whose length is that of what is there, or was sent: a bubble may carry more.
fn is_ip6(packet: Message<'_>) -> bool {
    packet.u8(0).is_some_and(|first| first >> 4 == 6)
        && packet.u16(4).is_some_and(|body| usize::from(body) + 40 <= packet.octets.len())
        && matches!(packet.u8(6), Some(0 | 6 | 17 | 43 | 44 | 58..=60))
}

/// AYIYA: an address as identity, a hash of 20 octets, and IPv6 or nothing within.
fn ayiya(message: Message<'_>) -> bool {
    message.starts(&[0x41, 0x52, 0x11]) && matches!(message.u8(3), Some(41 | 59))
        || message.starts(&[0x41, 0x52, 0x10, 59])
}

/// Keys are agreed on, where the greeting before was not seen (RFC 4253, section 7.1).
fn ssh_keys(message: Message<'_>) -> bool {
    let methods = message.octets.get(26..).unwrap_or_default();
    message.u32(0).is_some_and(|length| (64..=35_000).contains(&length))
        && message.u8(5) == Some(20)
        && [&b"diffie-hellman-"[..], b"curve25519-", b"ecdh-sha2-"]
            .iter()
            .any(|method| methods.starts_with(method))
}

/// A ClientHello of SSL 2.0: three lengths that fill it.
fn ssl2(message: Message<'_>) -> bool {
    let [Some(ciphers), Some(session), Some(challenge)] = [5, 7, 9].map(|at| message.u16(at))
    else {
        return false;
    };
    let body = 9 + u64::from(ciphers) + u64::from(session) + u64::from(challenge);
    message.u16(0).is_some_and(|length| length >> 15 == 1 && u64::from(length & 0x7fff) == body)
        && message.u8(2) == Some(1)
        && message.u16(3) == Some(2)
        && ciphers % 3 == 0
        && (16..=32).contains(&challenge)
        && body + 2 == message.length()
}

/// The handshake of gQUIC over TCP, as Facebook's applications had it for a while.
fn quic_crypto(message: Message<'_>) -> bool {
    message.starts(b"1QTV0") && message.has(9, b"CHLO")
}

/// BGP from its middle, on its port: a marker, a length, a type, wherever in the segment.
fn bgp_midway(message: Message<'_>) -> bool {
    let marker =
        |octets: &[u8]| matches!(*octets, [.., high @ 0..=16, low, 1..=5] if high > 0 || low >= 19);
    message.port(179)
        && message.octets.get(..4096.min(message.octets.len())).is_some_and(|head| {
            head.windows(19).any(|w| w.iter().take(16).all(|octet| *octet == 0xff) && marker(w))
        })
}

/// A record mark: the last fragment, and a length (RFC 5531, section 11).
fn record(message: Message<'_>) -> bool {
    message.u32(0).is_some_and(|mark| mark >> 24 == 0x80 && mark & 0x00ff_ffff >= 24)
}

/// DCE/RPC version 5 with connections: little-endian, a length that fits.
fn dcerpc(message: Message<'_>) -> bool {
    matches!(*message.octets, [5, 0 | 1, 0..=20, _, 0x10, 0, 0, 0, ..])
        && message.u16_le(8).is_some_and(|length| length >= 16)
        && message.u16_le(10).is_some_and(|length| length < 8192)
}

/// SOCKS (RFC 1928, and version 4): both sides' first words.
fn socks(message: Message<'_>) -> bool {
    let heads = message.view.heads;
    let pairs = [(heads.initiator, heads.responder), (heads.responder, heads.initiator)];
    pairs.into_iter().any(|(client, server)| {
        let methods = match client {
            [5, count @ 1..=10, methods @ ..] => methods.get(..usize::from(*count)),
            _ => None,
        };
        let five = methods.is_some_and(|all| all.iter().all(|one| *one <= 9 || *one >= 0x80))
            && matches!(server, [5, 0 | 1 | 2 | 0xff] | [5, 0, 5, 0..=8, 0, ..] | [5, 2, 1, 0, ..]);
        let four = matches!(client, [4, 1 | 2, _, _, _, _, _, _, user @ ..] if user.contains(&0))
            && matches!(server, [0, 0x5a..=0x5d, _, _, _, _, _, _, ..]);
        five || four
    }) || {
        // Both questions without the answers between, which went another way, or came from the end
        // that opened the connection: no credentials asked for, then an address of either version.
        let asks = |head: &[u8]| match *head {
            [5, 1, 0, 5, 1..=3, 0, 1, _, _, _, _, high, low] => high != 0 || low != 0,
            _ => false,
        };
        asks(heads.initiator) || asks(heads.responder)
    }
}

/// A request to read or write, with its mode in words (RFC 1350, section 5).
fn tftp(message: Message<'_>) -> bool {
    let asks = matches!(message.u16(0), Some(1 | 2));
    let file = message.c_string(2).filter(|(name, _)| asks && !name.is_empty());
    let mode = file.and_then(|(_, rest)| rest.c_string(0));
    mode.is_some_and(|(mode, _)| {
        ["octet", "netascii", "mail"]
            .iter()
            .any(|known| mode.eq_ignore_ascii_case(known.as_bytes()))
    })
}

/// Negotiation (RFC 854): commands and options, two in a row or on Telnet's port.
fn telnet(message: Message<'_>) -> bool {
    let command = |at: usize| {
        message.u8(at) == Some(0xff)
            && matches!(message.u8(at + 1), Some(0xfb..=0xfe))
            && message.u8(at + 2).is_some_and(|option| option <= 49)
    };
    command(0) && (command(3) || message.has(3, b"\xff\xfa") || message.port(23))
}

/// The version of the remote framebuffer protocol (RFC 6143, section 7.1.1).
fn vnc(message: Message<'_>) -> bool {
    message.starts(b"RFB 00") && message.u8(7) == Some(b'.') && message.u8(11) == Some(b'\n')
}

/// X11's connection setup: byte order, version 11.0.
fn x11(message: Message<'_>) -> bool {
    let lengths = |cookie: Option<u16>, data: Option<u16>| {
        cookie.is_some_and(|length| length <= 64) && data.is_some_and(|length| length <= 64)
    };
    message.starts(b"l\0\x0b\0\0\0") && lengths(message.u16_le(6), message.u16_le(8))
        || message.starts(b"B\0\0\x0b\0\0") && lengths(message.u16(6), message.u16(8))
}

/// TeamViewer, on its port; or its mark, a command, and a length that fits.
fn teamviewer(message: Message<'_>) -> bool {
    let whole = message.starts(b"\x17\x24")
        && matches!(message.u8(2), Some(10..=0x4f))
        && message.u16_le(3).is_some_and(|length| u64::from(length) + 5 == message.length());
    if whole && message.length() >= 12 {
        return true;
    }
    let marks =
        message.starts(b"\x17\x24") || message.starts(b"\x11\x30") || message.has(11, b"\x17\x24");
    message.port(5938) && marks && message.octets.len() >= 5
}

/// PPTP's control connection: its cookie (RFC 2637, section 2).
fn pptp(message: Message<'_>) -> bool {
    message.u16(2).is_some_and(|kind| kind == 1 || kind == 2) && message.u32(4) == Some(0x1a2b_3c4d)
}

/// L2TP's control messages (RFC 2661, section 3.1), and its data on its port.
fn l2tp(message: Message<'_>) -> bool {
    let flags = message.u16(0).unwrap_or_default();
    let pair = message.u16(12).is_none_or(|first| first & 0x3c00 == 0);
    let control = flags == 0xc802 && message.is_long(message.u16(2)) && pair;
    let data = flags & 0x803f == 0x0002 && flags & 0x0cc0 == 0 && message.length() > 8;
    control || data && message.port(1701)
}

/// Service location (RFC 2608): version 2, the message's length, a language.
fn slp(message: Message<'_>) -> bool {
    let length = message.u32(1).map(|octets| octets & 0x00ff_ffff);
    let two = message.u8(0) == Some(2)
        && message.u8(1).is_some_and(|function| (1..=11).contains(&function))
        && message.is_long(length)
        && message.u16(12).is_some_and(|length| (2..=8).contains(&length))
        && message.u8(14).is_some_and(|letter| letter.is_ascii_alphabetic());
    let one = message.u8(0) == Some(1)
        && message.u8(1).is_some_and(|function| (1..=10).contains(&function))
        && message.is_long(message.u16(2));
    two || one && message.port(427)
}

fn rsync(message: Message<'_>) -> bool {
    message.starts(b"@RSYNCD: ")
}

/// RDP over UDP (MS-RDPEUDP, section 2.2.2): the first datagram of either side is padded with zeros.
fn rdp_datagram(message: Message<'_>) -> bool {
    let padded = message.octets.len() >= 1000
        && message
            .octets
            .get(message.octets.len() - 512..)
            .is_some_and(|rest| rest.iter().all(|octet| *octet == 0));
    let flags = message.u16(6).unwrap_or_default();
    let first = message.u32(0) == Some(u32::MAX) && flags & 1 == 1;
    padded && (first || message.port(3389) && flags & 0x0005 == 0x0005)
}

/// Rx, which AFS runs on, on its ports, those of its backups too: type, flags, security index.
fn afs(message: Message<'_>) -> bool {
    (7000..=7009).chain([7020, 7021]).any(|port| message.port(port))
        && message.u8(20).is_some_and(|kind| (1..=13).contains(&kind))
        && message.u8(21).is_some_and(|flags| flags < 0x40)
        && message.u8(23).is_some_and(|security| security <= 4)
        && message.octets.len() >= 28
}

/// Tailscale's discovery of ways.
fn tailscale(message: Message<'_>) -> bool {
    message.starts(b"TS\xf0\x9f\x92\xac") && message.octets.len() >= 62
}

/// IPMI and its presence (RMCP, DMTF's DSP0136).
fn ipmi(message: Message<'_>) -> bool {
    message.starts(b"\x06\0\xff") && matches!(message.u8(3), Some(6 | 7)) && message.port(623)
}
