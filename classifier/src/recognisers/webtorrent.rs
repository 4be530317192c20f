//! WebTorrent's trackers: announcements in JSON over WebSocket (RFC 6455), which carry the peers' WebRTC
//! offers and answers.
//!
//! The data between peers is DTLS over UDP like any meeting's. Its endpoints are the candidates in those
//! offers (RFC 8839, section 5.1), and each serves one connection: they are announced, as FTP announces
//! its data connections. A browser that hides its addresses gives names of its own making instead, which
//! teach nothing, and the addresses that STUN found, which do.

use std::borrow::Cow;
use std::net::SocketAddr;

use etiage_capture::{Cursor, Side};

use super::{Scratch, http, peers, text};
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};

/// Octets of a first message within which an announcement shows.
const ENOUGH: usize = 400;
/// Candidates learnt of what one packet shows: ten offers of five each.
const MAX_CANDIDATES: usize = 50;
/// A WebSocket so far: less than the announcement that may follow it.
const PENDING: Confidence = Confidence(98);
/// Final text frame, and the first of several.
const TEXT: u8 = 0x81;
const TEXT_BEGINS: u8 = 0x01;

/// A masked frame whose rest comes in the next segment.
#[derive(Debug, Default)]
pub(super) struct Memory {
    key: [u8; 4],
    /// Octets of the frame that are still to come.
    left: u64,
    /// How many octets of the frame have been, modulo the key's length.
    phase: u8,
    /// An announcement was seen.
    announced: bool,
}

pub(super) fn ask<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    let switches = view.payload.starts_with(b"HTTP/1.1 101");
    if !view.from_start && !switches && !view.payload.starts_with(b"GET /") {
        return in_the_middle(view, &mut scratch.webtorrent);
    }
    // Where the start was lost, who is the server shows by what it says.
    let begins = match view.side {
        Side::Initiator if !switches => text::start(view.payload, b"GET /"),
        _ => text::start(view.payload, b"HTTP/1.1 101"),
    };
    if begins != text::Start::Whole {
        return text::not_yet(begins, view);
    }
    let Some(end) = view.payload.windows(4).position(|place| place == b"\r\n\r\n") else {
        return if may_upgrade(view.payload) { Answer::Unsure } else { Answer::No };
    };
    let upgrade = text::header(view.payload, "Upgrade");
    if !upgrade.is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")) {
        return Answer::No;
    }
    let Answer::Match(finding) = http::ask(view, scratch) else { return Answer::No };
    let websocket = Finding { confidence: PENDING, ..finding };
    let frames = view.payload.get(end + 4..).unwrap_or_default();
    if frames.is_empty() {
        return Answer::Match(websocket.with_more());
    }
    let Some((message, whole)) = message(frames, &mut scratch.webtorrent) else {
        return Answer::Match(websocket);
    };
    if is_announcement(&message) {
        scratch.webtorrent.announced = true;
        learn_frames(view, frames, &mut scratch.webtorrent);
        return Answer::Match(announced());
    }
    let undecided = !whole && message.len() < ENOUGH;
    Answer::Match(if undecided { websocket.with_more() } else { websocket })
}

fn announced<'a>() -> Finding<'a> {
    Finding::certain(Protocol::BitTorrent, Evidence::TRACKER).with_lessons()
}

/// Whether the headers so far speak for an upgrade: browsers send the field early.
fn may_upgrade(headers: &[u8]) -> bool {
    text::has_word(headers, b"upgrade") || headers.len() < 512
}

/// A segment by itself: it begins with a frame, or goes on with the one before.
fn in_the_middle<'a>(view: &View<'_>, memory: &mut Memory) -> Answer<'a> {
    let begins = matches!(view.payload.first(), Some(&(TEXT | TEXT_BEGINS)));
    let text = match view.side {
        _ if begins => message(view.payload, memory).map(|(message, _)| message),
        // A masked frame goes on; a server's needs no key.
        Side::Initiator if memory.left > 0 => Some(Cow::Owned(unmask(view.payload, memory))),
        Side::Initiator => None,
        Side::Responder => Some(Cow::Borrowed(view.payload)),
    };
    let Some(text) = text else { return Answer::Unsure };
    if begins && is_announcement(&text) {
        memory.announced = true;
        learn_candidates(view, &text);
        return Answer::Match(announced());
    }
    // Shown to the end of a flow that is known: the offers after the first.
    if memory.announced {
        learn_candidates(view, &text);
    }
    Answer::Unsure
}

/// The text of the first frame as far as it is here, unmasked, and whether that is all of it.
fn message<'a>(octets: &'a [u8], memory: &mut Memory) -> Option<(Cow<'a, [u8]>, bool)> {
    let mut cursor = Cursor::new(octets);
    let (first, second) = (cursor.u8()?, cursor.u8()?);
    if !matches!(first, TEXT | TEXT_BEGINS) {
        return None;
    }
    let length = match second & 0x7f {
        126 => cursor.u16()?.into(),
        127 => cursor.u64()?,
        length => length.into(),
    };
    let key = if second & 0x80 != 0 { Some(*cursor.take(4)?.first_chunk::<4>()?) } else { None };
    let rest = cursor.rest();
    let body = usize::try_from(length).ok().and_then(|length| rest.get(..length));
    let whole = body.is_some();
    let body = body.unwrap_or(rest);
    let Some(key) = key else { return Some((Cow::Borrowed(body), whole)) };
    *memory = Memory { key, left: length, phase: 0, ..*memory };
    Some((Cow::Owned(unmask(body, memory)), whole))
}

/// Unmasks the next octets of the frame (RFC 6455, section 5.3).
fn unmask(octets: &[u8], memory: &mut Memory) -> Vec<u8> {
    let length = usize::try_from(memory.left).unwrap_or(usize::MAX);
    let octets = octets.get(..length).unwrap_or(octets);
    let key = memory.key.iter().cycle().skip(memory.phase.into());
    let text = octets.iter().zip(key).map(|(octet, key)| octet ^ key).collect();
    memory.left = memory.left.saturating_sub(octets.len() as u64);
    memory.phase = (memory.phase + (octets.len() & 3) as u8) & 3;
    text
}

fn is_announcement(text: &[u8]) -> bool {
    let has = |word: &[u8]| text.windows(word.len()).any(|place| place == word);
    text.first() == Some(&b'{')
        && has(b"\"info_hash\"")
        && has(b"\"action\"")
        && (has(b"\"announce\"") || has(b"\"scrape\""))
}

/// Learns of all frames that follow each other.
fn learn_frames(view: &View<'_>, mut frames: &[u8], memory: &mut Memory) {
    while let Some((text, whole)) = message(frames, memory) {
        learn_candidates(view, &text);
        let masked = frames.get(1).is_some_and(|octet| octet & 0x80 != 0);
        let header =
            2 + match frames.get(1).map(|octet| octet & 0x7f) {
                Some(126) => 2,
                Some(127) => 8,
                _ => 0,
            } + if masked { 4 } else { 0 };
        let Some(next) = frames.get(header + text.len()..).filter(|_| whole) else { return };
        frames = next;
    }
}

/// Learns the endpoints of `candidate:1445715334 1 udp 2113937151 198.51.100.21 39040 typ host`.
fn learn_candidates(view: &View<'_>, text: &[u8]) {
    const WORD: &[u8] = b"candidate:";
    let mut rest = text;
    for _ in 0..MAX_CANDIDATES {
        let Some(place) = rest.windows(WORD.len()).position(|place| place == WORD) else { return };
        rest = rest.get(place + WORD.len()..).unwrap_or_default();
        let mut words = rest.split(|octet| *octet == b' ').skip(2);
        let udp = words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"udp"));
        let address = words.nth(1).and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
        let port = words.next().and_then(text::number);
        let port = port.and_then(|(port, _)| u16::try_from(port).ok());
        if let (true, Some(address), Some(port)) = (udp, address, port) {
            peers::expect(view, SocketAddr::new(address, port));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said};
    use super::*;

    const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: tracker.example\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
    const OFFER: &str = r#"{"numwant":5,"action":"announce","info_hash":"abc","offers":[{"sdp":"v=0\r\n
        a=candidate:658 1 udp 2113937151 203.0.113.7 40929 typ host\r\n
        a=candidate:659 1 udp 2113937151 2001:db8::7 40930 typ host\r\n
        a=candidate:660 1 tcp 2113937151 203.0.113.8 9 typ host\r\n
        a=candidate:661 1 udp 2113937151 8a6f.local 40931 typ host\r\n
        a=candidate:662 1 udp 2113937151 203.0.113.9 53 typ host\r\n"}]}"#;

    fn frame(text: &str, key: Option<[u8; 4]>) -> Vec<u8> {
        let mut octets = vec![TEXT, 126 | if key.is_some() { 0x80 } else { 0 }];
        octets.extend((text.len() as u16).to_be_bytes());
        octets.extend(key.unwrap_or_default().iter().filter(|_| key.is_some()));
        let key = key.unwrap_or_default();
        octets.extend(text.bytes().zip(key.iter().cycle()).map(|(octet, key)| octet ^ key));
        octets
    }

    fn expects(flow: &Flow, endpoint: &str) -> bool {
        let endpoint = endpoint.parse().unwrap();
        flow.announced(endpoint) == Some(Protocol::BitTorrent)
    }

    #[test]
    fn an_announcement_teaches_its_candidates_and_no_others() {
        let mut flow = Flow::tcp(8000);
        let said = flow.client(ask, UPGRADE);
        assert!(said.matched() == Some(Protocol::Http) && said.wants_more(), "{said:?}");
        assert!(flow.server(ask, SWITCH).wants_more());
        let said = flow.client(ask, &frame(OFFER, Some([1, 2, 3, 4])));
        assert!(said.matched() == Some(Protocol::BitTorrent) && said.teaches(), "{said:?}");
        assert!(expects(&flow, "203.0.113.7:40929") && expects(&flow, "[2001:db8::7]:40930"));
        assert!(!expects(&flow, "203.0.113.8:9") && !expects(&flow, "203.0.113.9:53"));
    }

    #[test]
    fn a_frame_in_several_segments_and_one_way_only_teach_too() {
        let masked = frame(OFFER, Some([0x55, 0xaa, 0x0f, 0xf0]));
        let mut flow = Flow::tcp(8000).midway();
        let (head, tail) = masked.split_at(130);
        assert_eq!(flow.client(ask, head).matched(), Some(Protocol::BitTorrent));
        flow.client(ask, tail);
        assert!(expects(&flow, "[2001:db8::7]:40930"));
        let mut flow = Flow::tcp(8000).midway();
        assert!(flow.server(ask, &frame(OFFER, None)).teaches());
        assert!(expects(&flow, "203.0.113.7:40929"));
        // The side that is seen first passes for the initiator.
        let mut flow = Flow::tcp(8000).midway();
        assert!(flow.client(ask, SWITCH).wants_more());
        assert!(flow.client(ask, &frame(OFFER, None)).teaches());
        let mut flow = Flow::tcp(8000);
        let both = [SWITCH, &frame(OFFER, None)].concat();
        assert_eq!(flow.server(ask, &both).matched(), Some(Protocol::BitTorrent));
    }

    #[test]
    fn other_web_sockets_and_requests_stay_http() {
        let mut flow = Flow::tcp(8000);
        flow.client(ask, UPGRADE);
        let said = flow.client(ask, &frame(r#"{"type":"subscribe"}"#, Some([1, 2, 3, 4])));
        assert!(said.matched() == Some(Protocol::Http) && !said.wants_more());
        assert_eq!(Flow::tcp(80).client(ask, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Said::No);
        assert_eq!(Flow::tcp(80).client(ask, b"POST / HTTP/1.1\r\n"), Said::No);
        assert_eq!(Flow::tcp(80).server(ask, b"HTTP/1.1 200 OK\r\n\r\n"), Said::No);
        assert_eq!(Flow::tcp(80).midway().server(ask, &frame("{}", None)), Said::Unsure);
    }
}
