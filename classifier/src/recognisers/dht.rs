//! BitTorrent's distributed hash table: BEP 5, with BEP 32 (IPv6), 33, 42, 43, 44 and 51.

use std::net::SocketAddr;

use super::bencode::{self, Pairs, Value};
use super::{Scratch, peers};
use crate::class::{Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};

/// Length of a node's identifier.
const ID: usize = 20;
/// Values of one answer that are learnt.
const MAX_VALUES: usize = 100;
/// Datagrams of a flow that are read for what they teach; two nodes repeat themselves soon.
const MAX_READ: u16 = 12;

/// Keys that start a message, as bencoding sorts them: for datagrams that the capture cut short.
const CUT_STARTS: &[&[u8]] = &[b"d1:ad2:id20:", b"d1:rd2:id20:", b"d2:ip6:", b"d2:ip18:"];

pub(super) fn ask<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    if view.payload.first() != Some(&b'd') {
        return Answer::No;
    }
    let known = match bencode::whole_dict(view.payload) {
        Some(message) => read(view, message),
        None => {
            let cut = view.payload.len() < view.wire_octets as usize;
            cut && CUT_STARTS.iter().any(|start| view.payload.starts_with(start))
        }
    };
    if !known {
        return Answer::No;
    }
    let finding = Finding::certain(Protocol::BitTorrent, Evidence::DHT);
    let read = view.sent.saturating_add(view.answered);
    Answer::Match(if read < MAX_READ { finding.with_more() } else { finding })
}

/// The values of a message by their keys, found in one walk.
#[derive(Default)]
struct Message<'a> {
    kind: Option<&'a [u8]>,
    query: Option<&'a [u8]>,
    transaction: Option<&'a [u8]>,
    arguments: Option<Pairs<'a>>,
    reply: Option<Pairs<'a>>,
    error: Option<Value<'a>>,
    read_only: Option<Value<'a>>,
}

impl<'a> Message<'a> {
    fn of(pairs: Pairs<'a>) -> Self {
        let mut message = Self::default();
        for (key, value) in pairs {
            match key {
                b"y" => message.kind = value.text(),
                b"q" => message.query = value.text(),
                b"t" => message.transaction = value.text(),
                b"a" => message.arguments = value.dict(),
                b"r" => message.reply = value.dict(),
                b"e" => message.error = Some(value),
                b"ro" => message.read_only = Some(value),
                _ => {}
            }
        }
        message
    }
}

/// Whether the dictionary is a message of the DHT; learns what it tells.
fn read(view: &View<'_>, message: Pairs<'_>) -> bool {
    let message = Message::of(message);
    let has_id =
        |dict: Pairs<'_>| dict.get(b"id").and_then(Value::text).is_some_and(|id| id.len() == ID);
    match message.kind {
        Some(b"q") => {
            let Some(arguments) = message.arguments else { return false };
            let Some(query) = message.query else { return false };
            if !has_id(arguments) || message.transaction.is_none() {
                return false;
            }
            // A node that only asks is nobody's peer (BEP 43).
            if message.read_only != Some(Value::Integer(1)) {
                peers::learn(view, view.source());
            }
            if query == b"announce_peer" {
                let port = arguments.get(b"port").and_then(Value::integer);
                if let Some(port) = port.and_then(|port| u16::try_from(port).ok()) {
                    peers::learn(view, SocketAddr::new(view.source().ip(), port));
                }
            }
            true
        }
        Some(b"r") => {
            let Some(reply) = message.reply else { return false };
            if !has_id(reply) || message.transaction.is_none() {
                return false;
            }
            peers::learn(view, view.source());
            learn_reply(view, reply);
            true
        }
        Some(b"e") => {
            let error = message.error.and_then(Value::list).and_then(|mut list| list.next());
            matches!(error, Some(Value::Integer(200..=399))) && message.transaction.is_some()
        }
        _ => false,
    }
}

fn learn_reply(view: &View<'_>, reply: Pairs<'_>) {
    if let Some(nodes) = reply.get(b"nodes").and_then(Value::text) {
        peers::learn_compact_v4(view, nodes, ID);
    }
    if let Some(nodes) = reply.get(b"nodes6").and_then(Value::text) {
        peers::learn_compact_v6(view, nodes, ID);
    }
    let values = reply.get(b"values").and_then(Value::list).into_iter().flatten();
    for value in values.take(MAX_VALUES).filter_map(Value::text) {
        match value.len() {
            6 => peers::learn_compact_v4(view, value, 0),
            18 => peers::learn_compact_v6(view, value, 0),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, truncations};
    use super::*;

    const PING: &[u8] = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe";

    #[test]
    fn a_query_counts_whole_and_not_in_part() {
        let said = Flow::udp(6881).client(ask, PING);
        assert_eq!(said.settled(), Some(Protocol::BitTorrent));
        assert!(said.wants_more(), "the reply will tell of nodes");
        truncations(ask, || Flow::udp(6881), PING, |length| length == PING.len());
    }

    #[test]
    fn a_reply_teaches_nodes_values_and_its_sender() {
        let mut reply = b"d1:rd2:id20:0123456789abcdefghij5:nodes26:".to_vec();
        reply.extend_from_slice(b"aaaaaaaaaaaaaaaaaaaa\xcb\x00\x71\x07\x1a\xe1");
        reply.extend_from_slice(b"6:nodes638:bbbbbbbbbbbbbbbbbbbb");
        reply.extend_from_slice(b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x1a\xe2");
        reply.extend_from_slice(b"6:valuesl6:\xcb\x00\x71\x08\x1a\xe36:\xcb\x00\x71\x09\x00\x50ee");
        reply.extend_from_slice(b"1:t2:aa1:y1:re");
        let mut flow = Flow::udp(6881);
        assert_eq!(flow.server(ask, &reply).settled(), Some(Protocol::BitTorrent));
        assert!(flow.knows("203.0.113.7:6881"));
        assert!(flow.knows("[2001:db8::1]:6882"));
        assert!(flow.knows("203.0.113.8:6883"));
        assert!(flow.knows("198.51.100.2:6881"));
        assert!(!flow.knows("203.0.113.9:80"), "a web server's port is not believed");
    }

    #[test]
    fn announces_teach_their_port_and_read_only_nodes_teach_nothing() {
        let mut flow = Flow::udp(6881);
        let announce =
            b"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:porti7001e\
            5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe";
        assert_eq!(flow.client(ask, announce).settled(), Some(Protocol::BitTorrent));
        assert!(flow.knows("192.0.2.1:7001"));
        let mut flow = Flow::udp(6881);
        let read_only = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping2:roi1e1:t2:aa1:y1:qe";
        assert_eq!(flow.client(ask, read_only).settled(), Some(Protocol::BitTorrent));
        assert!(!flow.knows("192.0.2.1:50000"));
    }

    #[test]
    fn other_dictionaries_are_not_messages() {
        for other in [
            &b"d1:eli900e5:othere1:t2:aa1:y1:ee"[..],
            b"d1:ad2:id19:abcdefghij012345678e1:q4:ping1:t2:aa1:y1:qe",
            b"d8:completei1ee",
            b"d1:t2:aa1:y1:qe",
            b"dddd",
        ] {
            assert_eq!(Flow::udp(6881).client(ask, other), Said::No);
        }
        let error = b"d1:eli203e14:Protocol Errore1:t2:aa1:y1:ee";
        assert_eq!(Flow::udp(1).server(ask, error).settled(), Some(Protocol::BitTorrent));
    }
}
