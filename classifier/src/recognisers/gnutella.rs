//! Gnutella 0.4 and 0.6, and Gnutella2: handshake, transfers, datagrams.

use super::Scratch;
use super::le::le32;
use super::text::{self, Start};
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};

/// What stands first in a stream.
const FIRST: &[&[u8]] = &[b"GNUTELLA CONNECT/", b"GNUTELLA/0.", b"GIV ", b"CHAT CONNECT/0."];
/// Header of a descriptor: identifier, kind, time to live, hops, length.
const HEADER: usize = 23;
/// No descriptor travels further.
const MAX_HOPS: u8 = 16;
/// A header of a request for a file is shorter.
const MAX_REQUEST: usize = 4096;

/// A push's `GIV` with the identifier that it must carry.
const GIVE: Confidence = Confidence(97);
/// A request in HTTP with Gnutella's paths or fields, which other programs could send as well.
const REQUEST: Confidence = Confidence(93);
/// A datagram whose kind, hops and length fit, and whose identifier looks random.
const DESCRIPTOR: Confidence = Confidence(92);
/// Gnutella2's magic, and flags and parts that fit.
const GNUTELLA2: Confidence = Confidence(95);

fn found<'a>(confidence: Confidence, evidence: Evidence) -> Answer<'a> {
    Answer::Match(Finding::new(Protocol::Gnutella, confidence, evidence))
}

pub(super) fn tcp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    match text::start_any(view.payload, FIRST) {
        Start::Whole if view.payload.starts_with(b"GIV ") => give(view),
        Start::Whole => found(Confidence::CERTAIN, Evidence::HANDSHAKE),
        Start::Partly => text::not_yet(Start::Partly, view),
        Start::Other => request(view),
    }
}

/// `GIV 36:809BC12168A1852CFF5D7A785833F600/file`: a client behind a firewall offers a file.
fn give<'a>(view: &View<'a>) -> Answer<'a> {
    let rest = view.payload.get(4..).and_then(text::number);
    let Some(rest) = rest.and_then(|(_, rest)| rest.strip_prefix(b":")) else {
        return if view.payload.len() < 16 {
            text::not_yet(Start::Partly, view)
        } else {
            Answer::No
        };
    };
    match rest.get(..33) {
        Some([guid @ .., b'/']) if guid.iter().all(u8::is_ascii_hexdigit) => {
            found(GIVE, Evidence::HANDSHAKE)
        }
        Some(_) => Answer::No,
        None => text::not_yet(Start::Partly, view),
    }
}

/// A download by HTTP whose address or header is Gnutella's own.
fn request<'a>(view: &View<'a>) -> Answer<'a> {
    let addresses: &[&[u8]] = &[
        b"GET /uri-res/N2R?urn:",
        b"GET /uri-res/N2X?urn:",
        b"HEAD /uri-res/N2R?urn:",
        b"GET /get/",
    ];
    match text::start_any(view.payload, addresses) {
        Start::Whole => {}
        start => return text::not_yet(start, view),
    }
    let marked =
        ["X-Gnutella-Content-URN", "X-Queue", "X-Gnutella-Alternate-Location", "X-Alt", "X-Node"]
            .iter()
            .any(|field| text::header(view.payload, field).is_some());
    let by_hash = !view.payload.starts_with(b"GET /get/");
    let ended = text::has_word(view.payload, b"\r\n\r\n");
    match (marked || by_hash && ended, ended) {
        (true, _) => found(REQUEST, Evidence::FRAMING),
        (false, false) if view.payload.len() < MAX_REQUEST && text::may_grow(view) => {
            Answer::Unsure
        }
        _ => Answer::No,
    }
}

pub(super) fn udp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    if let Some(rest) = view.payload.strip_prefix(b"GND") {
        return gnutella2(rest);
    }
    let Some((header, body)) = view.payload.split_at_checked(HEADER) else { return Answer::No };
    let &[.., kind, live, hops, _, _, _, _] = header else { return Answer::No };
    let length = header.get(19..).and_then(le32);
    // Ping, pong, bye, route, push, query, hit; vendors' messages; and Mojito, the hash table,
    // which has its version in place of the hops.
    let known = matches!(kind, 0x00 | 0x01 | 0x02 | 0x30..=0x32 | 0x40 | 0x44 | 0x80 | 0x81);
    let fits = length.is_some_and(|length| length as usize == body.len());
    if !known || !fits || live.saturating_add(hops) > MAX_HOPS {
        return Answer::No;
    }
    // An identifier is random; zeros, or any octet again and again, are padding.
    let identifier = header.get(..16).unwrap_or_default();
    let random = identifier.iter().any(|octet| Some(octet) != identifier.first());
    if random && (kind == 0x44 || live.saturating_add(hops) > 0) {
        return found(DESCRIPTOR, Evidence::FRAMING);
    }
    Answer::No
}

/// Gnutella2's datagram: flags, number of the packet, part and parts. Of the flags the lower four
/// are critical, and two of them are in use; an acknowledgement has no parts.
fn gnutella2<'a>(rest: &[u8]) -> Answer<'a> {
    match rest {
        [flags, _, _, part, parts, ..]
            if flags & 0x0c == 0 && part >= &1 && (part <= parts || *parts == 0) =>
        {
            found(GNUTELLA2, Evidence::FRAMING)
        }
        _ => Answer::No,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, truncations};
    use super::*;

    #[test]
    fn handshakes_and_offers_settle() {
        let connect = b"GNUTELLA CONNECT/0.6\r\n";
        truncations(tcp, || Flow::tcp(6346), connect, |length| length >= 17);
        assert!(Flow::tcp(6346).server(tcp, b"GNUTELLA/0.6 200 OK\r\n").settled().is_some());
        let give = b"GIV 36:809BC12168A1852CFF5D7A785833F600/f.txt\n\n";
        truncations(tcp, || Flow::tcp(6346), give, |length| length >= 40);
        assert_eq!(Flow::tcp(6346).client(tcp, b"GIVE me"), Said::No);
        assert_eq!(Flow::tcp(6346).client(tcp, b"GIV nothing of the kind"), Said::No);
    }

    #[test]
    fn downloads_are_told_from_other_http() {
        let get = b"GET /uri-res/N2R?urn:sha1:ABC HTTP/1.1\r\nX-Queue: 0.1\r\n\r\n";
        assert_eq!(Flow::tcp(6346).client(tcp, get).settled(), Some(Protocol::Gnutella));
        assert_eq!(Flow::tcp(80).client(tcp, b"GET /get/1/a HTTP/1.1\r\n\r\n"), Said::No);
        assert_eq!(Flow::tcp(80).client(tcp, b"GET / HTTP/1.1\r\n\r\n"), Said::No);
        assert_eq!(Flow::tcp(80).client(tcp, b"GET /g"), Said::Unsure);
    }

    #[test]
    fn datagrams_must_have_their_length() {
        let mut ping = b"random identity!".to_vec();
        ping.extend([0x00, 1, 0, 3, 0, 0, 0, 1, 2, 3]);
        truncations(udp, || Flow::udp(6346), &ping, |length| length == 26);
        ping[16] = 0x77;
        assert_eq!(Flow::udp(6346).client(udp, &ping), Said::No);
        assert_eq!(Flow::udp(6346).client(udp, &[0; 23]), Said::No);
        assert!(Flow::udp(6346).client(udp, b"GND\x02\x01\x02\x01\x01x").settled().is_some());
        assert_eq!(Flow::udp(6346).client(udp, b"GND\xfe\x01\x02\x01\x01x"), Said::No);
    }
}
