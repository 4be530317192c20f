//! BitTorrent's trackers over UDP (BEP 15, BEP 41) and local service discovery (BEP 14).

use std::net::SocketAddr;

use super::{Scratch, peers, text};
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};
use etiage_capture::Cursor;

/// What a connect request has in place of a connection identifier.
const MAGIC: u64 = 0x0417_2710_1980;
const CONNECT: u32 = 0;
const ANNOUNCE: u32 = 1;
const SCRAPE: u32 = 2;
const ERROR: u32 = 3;
/// Length of an announce request without options.
const ANNOUNCE_LENGTH: usize = 98;
/// Where the list of an announcement's answer begins.
const LIST: usize = 20;
/// An answer without its question.
const UNASKED: Confidence = Confidence(92);
/// Datagrams of a flow that are read for the peers in them.
const MAX_READ: u16 = 12;

/// What is remembered of a flow.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Transaction of the client's last request, and what it asked for.
    request: Option<(u32, u32)>,
}

pub(super) fn ask<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    let memory = &mut scratch.tracker;
    // Who asks is seen by the message: the first packet of a long conversation may be an answer.
    match request(view, memory).or_else(|| reply(view, memory)) {
        Some(Reading::More) if view.sent < MAX_READ => Answer::Match(finding().with_more()),
        Some(_) => Answer::Match(finding()),
        // Its question takes another way, or was lost.
        None if memory.request.is_none() && is_list(view) => {
            learn_list(view);
            Answer::Match(Finding::new(Protocol::BitTorrent, UNASKED, Evidence::TRACKER))
        }
        None if memory.request.is_none() && may_be_connected(view) => Answer::Unsure,
        // The tracker's port may serve as the DHT's too: other recognisers see the rest.
        None => Answer::No,
    }
}

/// An announcement's answer without its question: action 1, any transaction, an interval of a minute to
/// a day, numbers of peers below a million, and whole endpoints to the end, at least one of them.
fn is_list(view: &View<'_>) -> bool {
    fn fields(octets: &[u8]) -> Option<[u32; 4]> {
        let mut cursor = Cursor::new(octets);
        let action = cursor.u32()?;
        cursor.u32()?;
        Some([action, cursor.u32()?, cursor.u32()?, cursor.u32()?])
    }
    let Some([action, interval, leechers, seeders]) = fields(view.payload) else { return false };
    let peer = if view.ends.initiator.is_ipv4() { 6 } else { 18 };
    let list = view.payload.len().saturating_sub(LIST);
    action == ANNOUNCE
        && (60..=86_400).contains(&interval)
        && leechers < 1 << 20
        && seeders < 1 << 20
        && leechers + seeders > 0
        && list > 0
        && list.is_multiple_of(peer)
        && list / peer <= (leechers + seeders) as usize
}

/// A datagram that may answer a connect request that was not seen.
fn may_be_connected(view: &View<'_>) -> bool {
    view.payload.len() == 16 && view.payload.starts_with(&CONNECT.to_be_bytes())
}

fn learn_list(view: &View<'_>) {
    let list = view.payload.get(LIST..).unwrap_or_default();
    if view.ends.initiator.is_ipv4() {
        peers::learn_compact_v4(view, list, 0);
    } else {
        peers::learn_compact_v6(view, list, 0);
    }
}

fn finding<'a>() -> Finding<'a> {
    Finding::certain(Protocol::BitTorrent, Evidence::TRACKER)
}

enum Reading {
    More,
    Done,
}

fn request(view: &View<'_>, memory: &mut Memory) -> Option<Reading> {
    let mut cursor = Cursor::new(view.payload);
    let (connection, action, transaction) = (cursor.u64()?, cursor.u32()?, cursor.u32()?);
    let known = memory.request.is_some();
    let fits = match action {
        CONNECT => connection == MAGIC && cursor.is_empty(),
        ANNOUNCE => is_announce(view.payload, known),
        SCRAPE => {
            let hashes = cursor.rest().len();
            known && hashes >= 20 && hashes.is_multiple_of(20)
        }
        _ => false,
    };
    if !fits {
        return None;
    }
    if action == ANNOUNCE
        && let Some(port) = view.payload.get(96..98).and_then(|port| Cursor::new(port).u16())
    {
        peers::learn(view, SocketAddr::new(view.source().ip(), port));
    }
    memory.request = Some((transaction, action));
    Some(Reading::More)
}

/// An announce request. Where the connect request was not seen, the peer's identifier must be
/// written as clients write it (BEP 20): `-TR3000-` and the like.
fn is_announce(payload: &[u8], known: bool) -> bool {
    let event = payload.get(80..84).and_then(|event| Cursor::new(event).u32());
    let plausible = payload.len() >= ANNOUNCE_LENGTH && event.is_some_and(|event| event <= 3);
    let styled = payload.get(36..44).is_some_and(|id| {
        id.first() == Some(&b'-')
            && id.last() == Some(&b'-')
            && id.iter().all(|octet| octet.is_ascii_alphanumeric() || *octet == b'-')
    });
    plausible && (known || styled)
}

fn reply(view: &View<'_>, memory: &Memory) -> Option<Reading> {
    let (transaction, asked) = memory.request?;
    let mut cursor = Cursor::new(view.payload);
    let action = cursor.u32()?;
    if cursor.u32()? != transaction {
        return None;
    }
    match action {
        CONNECT => (asked == CONNECT && view.payload.len() >= 16).then_some(Reading::More),
        ANNOUNCE => {
            view.payload.get(LIST..).filter(|_| asked == ANNOUNCE)?;
            learn_list(view);
            Some(Reading::Done)
        }
        SCRAPE => (asked == SCRAPE).then_some(Reading::More),
        ERROR => Some(Reading::Done),
        _ => None,
    }
}

/// Local service discovery: an announcement by multicast.
pub(super) fn ask_lsd<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    if !view.payload.starts_with(b"BT-SEARCH * HTTP/1.") {
        return Answer::No;
    }
    if let Some((port, _)) = text::header(view.payload, "Port").and_then(text::number)
        && let Ok(port) = u16::try_from(port)
    {
        peers::learn(view, SocketAddr::new(view.source().ip(), port));
    }
    Answer::Match(Finding::certain(Protocol::BitTorrent, Evidence::LSD))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, truncations};
    use super::*;

    fn connect() -> Vec<u8> {
        [&MAGIC.to_be_bytes()[..], &[0; 4], b"tran"].concat()
    }

    fn announce(id: &[u8; 20]) -> Vec<u8> {
        let mut octets = [&b"conn-id!"[..], &[0, 0, 0, 1], b"tra2", &[0xab; 20], id].concat();
        octets.extend([0; 40]);
        octets.extend([0xff, 0xff, 0xff, 0xff]);
        octets.splice(80..84, [0, 0, 0, 2]);
        octets.resize(96, 0);
        octets.extend(51413u16.to_be_bytes());
        octets
    }

    #[test]
    fn a_whole_conversation_teaches_both_the_client_and_its_peers() {
        let mut flow = Flow::udp(6969);
        assert!(flow.client(ask, &connect()).wants_more());
        assert!(flow.server(ask, b"\0\0\0\0tranconn-id!").wants_more());
        let said = flow.client(ask, &announce(b"any twenty octets ok"));
        assert_eq!(said.settled(), Some(Protocol::BitTorrent));
        assert!(flow.knows("192.0.2.1:51413"));
        let mut reply = b"\0\0\0\x01tra2\0\0\x07\x08\0\0\0\x01\0\0\0\x01".to_vec();
        reply.extend(b"\xcb\x00\x71\x07\x1a\xe1");
        assert!(flow.server(ask, &reply).settled().is_some());
        assert!(flow.knows("203.0.113.7:6881"));
    }

    #[test]
    fn replies_must_carry_the_transaction() {
        let mut flow = Flow::udp(6969);
        flow.client(ask, &connect());
        assert_eq!(flow.server(ask, b"\0\0\0\0TRANconn-id!"), Said::No);
        assert_eq!(Flow::udp(6969).server(ask, b"\0\0\0\x02tranconn-id!"), Said::No);
    }

    #[test]
    fn an_answer_alone_is_known_by_its_numbers_and_its_length() {
        let head = b"\0\0\0\x01tra2\0\0\x07\x08\0\0\0\x01\0\0\0\x01";
        let reply = [&head[..], b"\xcb\x00\x71\x07\x1a\xe1"].concat();
        let mut flow = Flow::udp(6969);
        assert_eq!(flow.server(ask, b"\0\0\0\0tranconn-id!"), Said::Unsure);
        assert!(flow.server(ask, &reply).settled().is_some());
        assert!(flow.knows("203.0.113.7:6881"));
        truncations(ask, || Flow::udp(6969), &reply, |length| length == reply.len());
        let mut never = reply.clone();
        never[8] = 0xff;
        assert_eq!(Flow::udp(6969).server(ask, &never), Said::No);
    }

    #[test]
    fn lengths_are_checked() {
        truncations(ask, || Flow::udp(6969), &connect(), |length| length == 16);
        let styled = announce(b"-TR3000-abcdefghijkl");
        truncations(ask, || Flow::udp(6969), &styled, |length| length == 98);
        assert_eq!(Flow::udp(6969).client(ask, &announce(b"any twenty octets ok")), Said::No);
    }

    #[test]
    fn ipv6_trackers_give_ipv6_peers() {
        let mut flow =
            Flow::new(etiage_capture::Transport::UDP, "[2001:db8::5]:4000", "[2001:db8::6]:6969");
        flow.client(ask, &announce(b"-TR3000-abcdefghijkl"));
        let mut reply = b"\0\0\0\x01tra2\0\0\x07\x08\0\0\0\x01\0\0\0\x01".to_vec();
        reply.extend(b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x1a\xe2");
        assert!(flow.server(ask, &reply).settled().is_some());
        assert!(flow.knows("[2001:db8::1]:6882"));
    }

    #[test]
    fn local_discovery_teaches_the_announcers_port() {
        let mut flow = Flow::udp(6771);
        let search = b"BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 51413\r\n\
            Infohash: 8240c9531c49c0f611b139ac13c14e02685f4de3\r\n\r\n\r\n";
        assert_eq!(flow.client(ask_lsd, search).settled(), Some(Protocol::BitTorrent));
        assert!(flow.knows("192.0.2.1:51413"));
        assert_eq!(Flow::udp(6771).client(ask_lsd, b"M-SEARCH * HTTP/1.1\r\n\r\n"), Said::No);
    }
}
