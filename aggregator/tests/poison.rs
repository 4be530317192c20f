//! Lies about addresses: what one forger or one client claims does not become another's verdict.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod support;

use std::net::SocketAddrV4;
use std::time::Duration;

use etiage_capture::{LinkLayer, Timestamp, Transport};
use etiage_classifier::{Category, Protocol, Rules, ServiceId, Verdict};

use support::packets::{ACK, SYN, answer, end, noise, question, tcp, udp};
use support::{Recorded, classify};

const CLIENT: [u8; 4] = [100, 64, 0, 1];
const RESOLVER: [u8; 4] = [8, 8, 8, 8];
const SERVER: [u8; 4] = [203, 0, 113, 9];
const FORGER: [u8; 4] = [198, 51, 100, 7];

/// Packets as they come, a millisecond apart.
#[derive(Default)]
struct Wire {
    frames: Vec<Recorded>,
    millis: u64,
    port: u16,
}

impl Wire {
    fn now(&mut self) -> Timestamp {
        self.millis += 1;
        Timestamp::from_secs(1_700_000_000).after(Duration::from_millis(self.millis))
    }

    fn udp(&mut self, from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) {
        let at = self.now();
        self.frames.push(udp(at, from, to, payload));
    }

    fn tcp(
        &mut self,
        from: SocketAddrV4,
        to: SocketAddrV4,
        header: (u8, u32, u32),
        payload: &[u8],
    ) {
        let at = self.now();
        self.frames.push(tcp(at, from, to, header, payload));
    }

    /// A question of a client, and what is answered to it.
    fn asks(&mut self, client: [u8; 4], (asked, told): (&str, &str), ids: (u16, u16)) {
        let (client, resolver) = (end(client, 4444), end(RESOLVER, 53));
        self.udp(client, resolver, &question(ids.0, asked));
        self.udp(resolver, client, &answer(ids.1, told, &[SERVER]));
    }

    /// An answer that nobody asked for.
    fn forged(&mut self, from: [u8; 4], client: [u8; 4]) {
        self.udp(end(from, 53), end(client, 4444), &answer(7, "mega.nz", &[SERVER]));
    }

    /// A connection: what each end says after its handshake.
    fn connects(
        &mut self,
        client: [u8; 4],
        server: SocketAddrV4,
        said: &[u8],
        answered: &[u8],
    ) -> SocketAddrV4 {
        self.port += 1;
        let client = end(client, 5000 + self.port);
        self.tcp(client, server, (SYN, 1, 0), &[]);
        self.tcp(server, client, (SYN | ACK, 1, 2), &[]);
        self.tcp(client, server, (ACK, 2, 2), said);
        let asked = 2 + said.len() as u32;
        for (place, piece) in answered.chunks(1400).enumerate() {
            self.tcp(server, client, (ACK, 2 + 1400 * place as u32, asked), piece);
        }
        client
    }

    /// A download over TLS 1.3, with or without a name; a quarter of a megabyte, so that its shape tells
    /// nothing.
    fn downloads(&mut self, client: [u8; 4], server: SocketAddrV4, name: Option<&str>) -> Flow {
        let mut octets = server_hello();
        for place in 0..60 {
            octets.extend(record(23, &noise(place, 4000)));
        }
        let client = self.connects(client, server, &client_hello(name), &octets);
        Flow(Transport::TCP, client, server)
    }

    fn verdict(&self, Flow(transport, one, other): Flow) -> Verdict {
        let (one, other) = (one.into(), other.into());
        let flows = classify(LinkLayer::Ethernet, &self.frames);
        flows[&(transport, std::cmp::min(one, other), std::cmp::max(one, other))].0
    }
}

/// What happens before the download.
type Case = fn(&mut Wire);

#[derive(Clone, Copy)]
struct Flow(Transport, SocketAddrV4, SocketAddrV4);

fn record(kind: u8, octets: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &(octets.len() as u16).to_be_bytes(), octets].concat()
}

fn handshake(kind: u8, octets: &[u8]) -> Vec<u8> {
    let length = (octets.len() as u32).to_be_bytes();
    record(22, &[&[kind][..], &length[1..], octets].concat())
}

fn client_hello(name: Option<&str>) -> Vec<u8> {
    let mut extensions = vec![0, 10, 0, 4, 0, 2, 0, 29, 0, 43, 0, 3, 2, 3, 4];
    if let Some(name) = name {
        let length = name.len() as u16;
        for number in [0, length + 5, length + 3] {
            extensions.extend(number.to_be_bytes());
        }
        extensions.push(0);
        extensions.extend(length.to_be_bytes());
        extensions.extend(name.bytes());
    }
    let mut hello = vec![3, 3];
    hello.extend(noise(1, 32));
    hello.extend([0, 0, 2, 0x13, 1, 1, 0]);
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    handshake(1, &hello)
}

fn server_hello() -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend(noise(2, 32));
    hello.extend([0, 0x13, 1, 0, 0, 6, 0, 43, 0, 2, 3, 4]);
    [handshake(2, &hello), record(20, &[1])].concat()
}

fn service(verdict: &Verdict) -> String {
    Rules::builtin().unwrap().name(verdict.class.service).to_owned()
}

/// What a download from the server is called after all this.
fn download_after(what: impl FnOnce(&mut Wire)) -> Verdict {
    let mut wire = Wire::default();
    what(&mut wire);
    let flow = wire.downloads(CLIENT, end(SERVER, 443), None);
    wire.verdict(flow)
}

#[test]
fn an_answer_that_was_asked_for_names_the_server() {
    let verdict = download_after(|wire| wire.asks(CLIENT, ("mega.nz", "mega.nz"), (7, 7)));
    assert_eq!((service(&verdict).as_str(), verdict.confidence.0), ("mega", 80));
    assert_eq!(verdict.evidence.to_string(), "handshake+dns-name");
}

#[test]
fn an_answer_that_nobody_asked_for_teaches_nothing() {
    let cases: [(&str, Case); 9] = [
        ("nothing at all", |_| {}),
        ("in a resolver's name", |wire| wire.forged(RESOLVER, CLIENT)),
        ("by the server itself", |wire| wire.forged(SERVER, CLIENT)),
        ("to another subscriber", |wire| wire.forged(FORGER, [100, 64, 9, 9])),
        ("to many others", |wire| {
            for last in 1..=200 {
                wire.asks([100, 64, 7, last], ("a.example", "b.example"), (7, 8));
                wire.asks([100, 64, 7, last], ("a.example", "a.example"), (9, 9));
                wire.forged(RESOLVER, [100, 64, 7, last]);
            }
        }),
        ("another identifier", |wire| wire.asks(CLIENT, ("mega.nz", "mega.nz"), (7, 9))),
        ("another name", |wire| wire.asks(CLIENT, ("example.org", "mega.nz"), (7, 7))),
        ("the server names itself in mDNS", |wire| {
            let group = end([224, 0, 0, 251], 5353);
            wire.udp(end(SERVER, 5353), group, &answer(0, "mega.nz", &[SERVER]));
            wire.udp(end(SERVER, 5355), end(CLIENT, 5355), &answer(7, "mega.nz", &[SERVER]));
        }),
        ("in the middle of a connection that was not seen", |wire| {
            let message = answer(7, "mega.nz", &[SERVER]);
            let stream = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
            wire.tcp(end(RESOLVER, 53), end(CLIENT, 4444), (ACK, 1, 1), &stream);
        }),
    ];
    for (case, what) in cases {
        let verdict = download_after(what);
        assert_eq!(verdict.class.service, ServiceId::NONE, "{case}: {verdict:?}");
        assert_eq!(verdict.class.category, Category::Web, "{case}");
    }
}

#[test]
fn a_forged_answer_does_not_replace_what_was_learnt_rightly() {
    for forger in [RESOLVER, SERVER, FORGER] {
        let verdict = download_after(|wire| {
            wire.asks(CLIENT, ("www.youtube.com", "www.youtube.com"), (7, 7));
            wire.forged(forger, CLIENT);
            wire.forged(forger, [100, 64, 9, 9]);
        });
        assert_eq!((service(&verdict).as_str(), verdict.confidence.0), ("youtube", 80));
    }
}

#[test]
fn over_tcp_what_was_asked_teaches_and_an_answer_with_it_does_not() {
    let framed = |message: Vec<u8>| [&(message.len() as u16).to_be_bytes()[..], &message].concat();
    for (asked, expected) in [("mega.nz", "mega"), ("example.org", "none")] {
        let verdict = download_after(|wire| {
            let answers = [
                framed(answer(9, "example.org", &[[192, 0, 2, 1]])),
                framed(answer(7, "mega.nz", &[SERVER])),
            ];
            let asks = [framed(question(9, "example.org")), framed(question(7, asked))].concat();
            wire.connects(CLIENT, end(RESOLVER, 53), &asks, &answers.concat());
        });
        assert_eq!(service(&verdict), expected);
    }
}

#[test]
fn one_client_that_asks_its_own_resolver_teaches_nobody_else() {
    let download = |clients: u8| {
        download_after(|wire| {
            for last in 1..=clients {
                let (client, resolver) = (end([100, 64, 5, last], 4444), end(FORGER, 53));
                wire.udp(client, resolver, &question(7, "mega.nz"));
                wire.udp(resolver, client, &answer(7, "mega.nz", &[SERVER]));
            }
        })
    };
    assert_eq!(download(1).class.service, ServiceId::NONE);
    assert_eq!(download(2).class.service, ServiceId::NONE);
    let three = download(3);
    assert_eq!((service(&three).as_str(), three.confidence.0), ("mega", 60));
    assert_eq!(three.evidence.to_string(), "handshake+dns-name+others");
}

/// The questions go out on a link that is not captured.
#[test]
fn where_no_question_is_seen_answers_teach_with_less_confidence() {
    let verdict = download_after(|wire| {
        for id in 0..10 {
            let told = answer(id, "mega.nz", &[SERVER]);
            wire.udp(end(RESOLVER, 53), end(CLIENT, 4444 + id), &told);
        }
    });
    assert_eq!((service(&verdict).as_str(), verdict.confidence.0), ("mega", 50));
    assert_eq!(verdict.evidence.to_string(), "handshake+dns-name+one-way");
}

/// A client can say any name to any server; it lies about its own flow alone.
#[test]
fn a_name_that_one_client_says_to_a_server_is_not_learnt_for_others() {
    let other = [100, 64, 0, 2];
    for port in [443, 8443] {
        let mut wire = Wire::default();
        let lie = wire.downloads(CLIENT, end(SERVER, port), Some("www.youtube.com"));
        let nameless = wire.downloads(other, end(SERVER, port), None);
        let said = end(other, 6000);
        wire.tcp(said, end(SERVER, port), (SYN, 1, 0), &[]);
        wire.tcp(said, end(SERVER, port), (ACK, 2, 2), &noise(3, 700));
        assert_eq!(service(&wire.verdict(lie)), "youtube");
        for flow in [nameless, Flow(Transport::TCP, said, end(SERVER, port))] {
            assert_eq!(wire.verdict(flow).class.service, ServiceId::NONE, "{port}");
        }
    }
    // The same in plain HTTP, on a port that says nothing.
    let mut wire = Wire::default();
    let server = end(SERVER, 8081);
    let request = b"GET / HTTP/1.1\r\nHost: www.youtube.com\r\n\r\n";
    wire.connects(CLIENT, server, request, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let said = wire.connects(other, server, &noise(4, 700), &noise(5, 700));
    let verdict = wire.verdict(Flow(Transport::TCP, said, server));
    assert_eq!(verdict.class.service, ServiceId::NONE, "{verdict:?}");
}

/// A tracker, a node of the DHT, or whoever forges their datagrams, names a host as a peer of BitTorrent.
#[test]
fn a_list_of_peers_says_nothing_of_a_host_to_those_who_did_not_ask() {
    let victim = end([203, 0, 113, 77], 51_820);
    let compact = [&victim.ip().octets()[..], &victim.port().to_be_bytes()].concat();
    let list = [&b"\0\0\0\x01tran\0\0\x07\x08\0\0\0\x01\0\0\0\x01"[..], &compact].concat();
    let nodes = [
        &b"d1:rd2:id20:abcdefghij01234567895:nodes26:abcdefghij0123456789"[..],
        &compact,
        b"e1:t2:aa1:y1:re",
    ]
    .concat();
    let query = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe";
    for (tellers, told, expected) in [(1, 100, false), (3, 1, true)] {
        let mut wire = Wire::default();
        for teller in 1..=tellers {
            for client in 1..=told {
                let (node, client) =
                    (end([198, 51, 100, teller], 6881), end([100, 64, 3, client], 6881));
                // Forged, asked for, and in the victim's own name.
                wire.udp(SocketAddrV4::new(*node.ip(), 6969), client, &list);
                wire.udp(client, node, query);
                wire.udp(node, client, &nodes);
                wire.udp(victim, client, query);
            }
        }
        let user = end([100, 64, 0, 9], 40_000);
        wire.udp(user, victim, &noise(9, 148));
        wire.udp(victim, user, &noise(10, 92));
        for place in 0..20 {
            wire.udp(user, victim, &noise(20 + place, 1200));
        }
        let verdict = wire.verdict(Flow(Transport::UDP, user, victim));
        assert_eq!(verdict.class.protocol == Protocol::BitTorrent, expected, "{verdict:?}");
    }
}

/// FTP's control connection announces where data will flow, to any address it likes.
#[test]
fn an_announcement_names_no_connection_of_others() {
    let mut wire = Wire::default();
    let hello = b"220 FTP ready\r\n227 Entering Passive Mode (203,0,113,9,1,187)\r\n";
    wire.connects([100, 64, 5, 5], end(FORGER, 21), b"USER x\r\nPASV\r\n", hello);
    let flow = wire.downloads(CLIENT, end(SERVER, 443), None);
    assert_eq!(wire.verdict(flow).class.protocol, Protocol::Tls);
}
