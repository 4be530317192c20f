//! BitTorrent over HTTP: trackers (BEP 3, 7, 23, 48) and web seeds (BEP 19).

use super::bencode::{self, Pairs, Value};
use super::text::{self, Start};
use super::{Scratch, peers};
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};
use std::net::SocketAddr;

/// Segments of the tracker's answer that are waited for, for the peers in it.
const MAX_ANSWER: u16 = 8;
/// Peers of a list of dictionaries (BEP 3's original form) that are learnt.
const MAX_PEERS: usize = 100;
/// A request whose line is longer than this is no tracker's: an announce has about 400 octets.
const MAX_LINE: usize = 4096;

/// How clients that fetch pieces from web servers name themselves. aria2 and others that download
/// files of any kind are not among them.
const CLIENTS: &[&str] = &[
    "libtorrent/",
    "transmission/",
    "qbittorrent/",
    "qbittorrent ",
    "utorrent",
    "bittorrent/",
    "deluge/",
    "deluge ",
    "azureus",
    "vuze",
    "biglybt",
    "bitcomet",
    "tixati",
    "rtorrent/",
    "webtorrent/",
    "ktorrent/",
    "rain/",
];

/// What is remembered of a flow.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// A request to a tracker was seen.
    asked: bool,
}

/// A BitTorrent client that asks for a part of a file: it names itself, and could name another.
const WEB_SEED: Confidence = Confidence(92);

pub(super) fn ask<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    match text::start_any(view.payload, &[b"GET /", b"HTTP/1."]) {
        Start::Whole => {}
        start => return unless_asked(text::not_yet(start, view), scratch),
    }
    if view.payload.starts_with(b"HTTP/1.") {
        return answer(view, scratch);
    }
    let Some(line) = text::first_line(view.payload) else {
        let wait = text::may_grow(view) && view.payload.len() < MAX_LINE;
        return if wait { Answer::Unsure } else { Answer::No };
    };
    if is_tracker_request(line) {
        scratch.bittorrent_http.asked = true;
        if let Some(port) = parameter(line, b"port=").and_then(text::number)
            && let Ok(port) = u16::try_from(port.0)
        {
            peers::learn(view, SocketAddr::new(view.source().ip(), port));
        }
        let finding = Finding::certain(Protocol::BitTorrent, Evidence::TRACKER);
        return Answer::Match(finding.with_more());
    }
    let by_client = text::header(view.payload, "User-Agent").is_some_and(is_client);
    if by_client && text::header(view.payload, "Range").is_some() {
        let evidence = Evidence::USER_AGENT;
        return Answer::Match(Finding::new(Protocol::BitTorrent, WEB_SEED, evidence));
    }
    Answer::No
}

/// Once a tracker was asked, the flow is its, whatever comes.
fn unless_asked<'a>(otherwise: Answer<'a>, scratch: &Scratch) -> Answer<'a> {
    if scratch.bittorrent_http.asked {
        return Answer::Match(Finding::certain(Protocol::BitTorrent, Evidence::TRACKER));
    }
    otherwise
}

fn is_client(agent: &[u8]) -> bool {
    CLIENTS.iter().any(|client| {
        agent.get(..client.len()).is_some_and(|head| head.eq_ignore_ascii_case(client.as_bytes()))
    })
}

/// The value of a parameter of the request's query, name and equals sign given.
fn parameter<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let query = line.split(|octet| *octet == b'?').nth(1)?;
    query.split(|octet| matches!(octet, b'&' | b' ')).find_map(|pair| pair.strip_prefix(name))
}

/// An announce or a scrape asks for an info hash: 20 octets, percent-encoded where needed.
fn is_tracker_request(line: &[u8]) -> bool {
    let Some(hash) = parameter(line, b"info_hash=") else { return false };
    let escapes = hash.iter().filter(|octet| **octet == b'%').count();
    let length = hash.len().checked_sub(2 * escapes);
    length == Some(20) || parameter(line, b"peer_id=").is_some()
}

fn answer<'a>(view: &View<'a>, scratch: &Scratch) -> Answer<'a> {
    let asked = scratch.bittorrent_http.asked;
    let waits = text::may_grow(view) && view.sent < MAX_ANSWER;
    let more = |finding: Finding<'a>| if waits { finding.with_more() } else { finding };
    let finding = Finding::certain(Protocol::BitTorrent, Evidence::TRACKER);
    let body = view.payload.windows(4).position(|place| place == b"\r\n\r\n");
    let Some(mut body) = body.and_then(|end| view.payload.get(end + 4..)) else {
        return if asked { Answer::Match(more(finding)) } else { wait_or(waits) };
    };
    if text::header(view.payload, "Transfer-Encoding").is_some() {
        // The list is short: one chunk holds it.
        body = body.splitn(2, |octet| *octet == b'\n').nth(1).unwrap_or_default();
    }
    let Some(reply) = bencode::open_dict(body) else {
        return match (asked, body.is_empty()) {
            (true, empty) => Answer::Match(if empty { more(finding) } else { finding }),
            (false, true) => wait_or(waits),
            (false, false) => Answer::No,
        };
    };
    let is_reply = [&b"interval"[..], b"files", b"peers", b"failure reason"]
        .iter()
        .any(|key| reply.get(key).is_some());
    if !is_reply && !asked {
        return wait_or(waits);
    }
    learn_reply(view, reply);
    let whole = text::header(view.payload, "Content-Length")
        .and_then(text::number)
        .is_none_or(|(length, _)| body.len() >= length as usize);
    Answer::Match(if whole { finding } else { more(finding) })
}

fn wait_or<'a>(waits: bool) -> Answer<'a> {
    if waits { Answer::Unsure } else { Answer::No }
}

fn learn_reply(view: &View<'_>, reply: Pairs<'_>) {
    match reply.get(b"peers") {
        Some(Value::Text(compact)) => peers::learn_compact_v4(view, compact, 0),
        Some(list @ Value::List(_)) => {
            let dicts = list.list().into_iter().flatten().filter_map(Value::dict);
            for peer in dicts.take(MAX_PEERS) {
                let address = peer.get(b"ip").and_then(Value::text);
                let address = address.and_then(|ip| std::str::from_utf8(ip).ok()?.parse().ok());
                let port = peer.get(b"port").and_then(Value::integer);
                let port = port.and_then(|port| u16::try_from(port).ok());
                if let (Some(address), Some(port)) = (address, port) {
                    peers::learn(view, SocketAddr::new(address, port));
                }
            }
        }
        _ => {}
    }
    if let Some(compact) = reply.get(b"peers6").and_then(Value::text) {
        peers::learn_compact_v6(view, compact, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said};
    use super::*;

    const ANNOUNCE: &[u8] =
        b"GET /announce?info_hash=%7B%AC%A5%A0%05%33%BD%12%65%9B%B2%19%7B%19%74%F5\
        %1B%9A%A5%98&peer_id=-TR3000-abcdefghijkl&port=51413&uploaded=0 HTTP/1.1\r\n\
        Host: tracker.example\r\n\r\n";

    #[test]
    fn an_announce_and_its_answer_teach_peers() {
        let mut flow = Flow::tcp(6969);
        let said = flow.client(ask, ANNOUNCE);
        assert_eq!(said.settled(), Some(Protocol::BitTorrent));
        assert!(said.wants_more());
        assert!(flow.knows("192.0.2.1:51413"));
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 73\r\n\r\n";
        assert!(flow.server(ask, head).wants_more());
        let body = b"d8:intervali1800e5:peers6:\xcb\x00\x71\x07\x1a\xe16:peers618:\x20\x01\x0d\xb8\
            \0\0\0\0\0\0\0\0\0\0\0\x01\x1a\xe28:completei1ee";
        assert_eq!(flow.server(ask, body).settled(), Some(Protocol::BitTorrent));
        assert!(flow.knows("203.0.113.7:6881"));
        assert!(flow.knows("[2001:db8::1]:6882"));
    }

    #[test]
    fn the_answer_alone_is_known_in_either_form_and_chunked() {
        let listed =
            b"HTTP/1.0 200 OK\r\n\r\nd8:intervali60e5:peersld2:ip11:203.0.113.94:porti6999eeee";
        let mut flow = Flow::tcp(6969).midway();
        assert_eq!(flow.server(ask, listed).settled(), Some(Protocol::BitTorrent));
        assert!(flow.knows("203.0.113.9:6999"));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1d\r\n\
            d8:intervali60e5:peers0:e\r\n0\r\n\r\n";
        assert!(Flow::tcp(6969).server(ask, chunked).settled().is_some());
    }

    #[test]
    fn a_scrape_counts_and_a_request_for_anything_else_does_not() {
        let scrape = b"GET /scrape?info_hash=aaaaaaaaaaaaaaaaaaaa HTTP/1.0\r\n\r\n";
        assert!(Flow::tcp(80).client(ask, scrape).settled().is_some());
        for other in [
            &b"GET /search?q=info_hash HTTP/1.1\r\nHost: a\r\n\r\n"[..],
            b"GET /x?info_hash=short HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST /announce?info_hash=aaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        ] {
            assert_eq!(Flow::tcp(80).client(ask, other), Said::No);
        }
        assert_eq!(Flow::tcp(80).client(ask, b"GET /announce?info_ha"), Said::Unsure);
        assert_eq!(Flow::tcp(80).client(ask, b"GE"), Said::Unsure);
    }

    #[test]
    fn web_seeds_need_the_clients_name_and_a_range() {
        let seed = b"GET /file HTTP/1.1\r\nHost: a\r\nUser-Agent: libtorrent/2.0.8.0\r\nRange: bytes=0-9\r\n\r\n";
        assert!(Flow::tcp(80).client(ask, seed).settled().is_some());
        let list = b"GET /list HTTP/1.1\r\nHost: a\r\nUser-Agent: Transmission/3.00\r\n\r\n";
        assert_eq!(Flow::tcp(80).client(ask, list), Said::No);
        let other = b"GET /file HTTP/1.1\r\nUser-Agent: aria2/1.36.0\r\nRange: bytes=0-9\r\n\r\n";
        assert_eq!(Flow::tcp(80).client(ask, other), Said::No);
    }
}
