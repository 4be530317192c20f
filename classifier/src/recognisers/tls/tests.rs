use std::net::{IpAddr, SocketAddr};

use etiage_capture::{PerSide, Side, Timestamp, Transport};
use proptest::prelude::*;

use super::hello::tests::{alpn, client_body, extension, server_body, sni};
use super::*;
use crate::knowledge::{Knowledge, Word};
use crate::recogniser::FlowEnds;
use crate::recognisers::x509::tests::certificate;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}

fn in_record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &(body.len() as u16).to_be_bytes(), body].concat()
}

fn client(extensions: &[Vec<u8>]) -> Vec<u8> {
    in_record(HANDSHAKE, &message(CLIENT_HELLO, &client_body(extensions)))
}

fn server_flight(name: &str) -> Vec<u8> {
    let der = certificate(name, &[]);
    let entry = [&(der.len() as u32).to_be_bytes()[1..], &der].concat();
    let chain = [&(entry.len() as u32).to_be_bytes()[1..], &entry].concat();
    let flight = [
        message(SERVER_HELLO, &server_body(&[])),
        message(CERTIFICATE, &chain),
        message(SERVER_HELLO_DONE, &[]),
    ]
    .concat();
    // Records of 100 octets: messages span them.
    flight.chunks(100).flat_map(|part| in_record(HANDSHAKE, part)).collect()
}

struct Shown<'a> {
    payload: &'a [u8],
    port: u16,
    from_start: bool,
    cut: u32,
    answered: u16,
}

impl<'a> Shown<'a> {
    const fn start(payload: &'a [u8]) -> Self {
        Self { payload, port: 443, from_start: true, cut: 0, answered: 0 }
    }

    fn ask(&self) -> Answer<'static> {
        let ends = FlowEnds {
            initiator: SocketAddr::from(([192, 0, 2, 1], 50000)),
            responder: SocketAddr::from(([198, 51, 100, 1], self.port)),
            transport: Transport::TCP,
        };
        let view = View {
            now: Timestamp::from_secs(1),
            ends: &ends,
            side: Side::Initiator,
            payload: self.payload,
            from_start: self.from_start,
            wire_octets: self.payload.len() as u32 + self.cut,
            sent: 1,
            answered: self.answered,
            heads: PerSide { initiator: &[], responder: &[] },
            knowledge: &Knowledge::with_capacity(1),
        };
        owned(ask(&view, &mut Scratch::default()))
    }

    fn found(&self) -> Finding<'static> {
        match self.ask() {
            Answer::Match(finding) => finding,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_server_name_settles_it() {
    let octets = client(&[sni("www.example.com"), alpn(&[b"h2"])]);
    let found = Shown::start(&octets).found();
    assert_eq!(found.protocol, Protocol::Tls);
    assert_eq!(found.host.as_deref(), Some("www.example.com"));
    assert_eq!(found.confidence, Confidence::CERTAIN);
    assert!(!found.more);
    assert_eq!(found.evidence.to_string(), "handshake+sni+alpn");
}

#[test]
fn without_a_name_more_is_asked_for() {
    let found = Shown::start(&client(&[])).found();
    assert_eq!((found.host, found.more), (None, true));
    assert_eq!(found.confidence, Confidence::CERTAIN);
}

#[test]
fn cut_at_any_octet_it_waits_and_never_denies() {
    let octets = client(&[alpn(&[b"h2"]), sni("www.example.com"), extension(21, &[0; 900])]);
    for length in 1..octets.len() {
        match Shown::start(&octets[..length]).ask() {
            Answer::Unsure => assert!(length < 11, "{length}"),
            Answer::Match(found) => {
                assert!(length >= 11 && found.more && found.confidence < crate::SETTLED);
                assert_eq!(found.protocol, Protocol::Tls);
                assert!(found.host.is_none_or(|host| host == "www.example.com"));
            }
            Answer::No => panic!("{length}"),
        }
    }
}

#[test]
fn a_hello_in_small_records_is_put_together() {
    let body = message(CLIENT_HELLO, &client_body(&[sni("www.example.com")]));
    for size in [1, 3, 7, 50] {
        let octets: Vec<u8> =
            body.chunks(size).flat_map(|part| in_record(HANDSHAKE, part)).collect();
        assert_eq!(Shown::start(&octets).found().host.as_deref(), Some("www.example.com"));
        for length in 1..octets.len() {
            assert_ne!(Shown::start(&octets[..length]).ask(), Answer::No, "{size} {length}");
        }
    }
}

#[test]
fn a_packet_that_was_cut_tells_what_it_has() {
    let octets = client(&[sni("www.example.com"), extension(21, &[0; 900])]);
    let cut = Shown { cut: 800, ..Shown::start(&octets[..200]) }.found();
    assert_eq!((cut.host.as_deref(), cut.more), (Some("www.example.com"), false));
    let long = client(&[sni("www.example.com"), extension(21, &[0; 9000])]);
    assert!(Shown::start(&long[..MAX_PREFIX - 1]).found().more);
    assert!(!Shown::start(&long[..MAX_PREFIX]).found().more, "the prefix grows no more");
}

#[test]
fn alpn_then_the_port_tell_what_is_inside() {
    let check = |protocols: &[&[u8]], port, expected, evidence: &str| {
        let octets = client(&[alpn(protocols), sni("mail.example.com")]);
        let octets = if protocols.is_empty() { client(&[sni("mail.example.com")]) } else { octets };
        let found = Shown { port, ..Shown::start(&octets) }.found();
        assert_eq!((found.protocol, found.evidence.to_string().as_str()), (expected, evidence));
    };
    check(&[b"imap"], 443, Protocol::Imap, "handshake+sni+alpn");
    check(&[&[0x2a, 0x2a], b"dot"], 443, Protocol::Dns, "handshake+sni+alpn");
    check(&[b"acme-tls/1"], 443, Protocol::Tls, "handshake+sni+alpn");
    check(&[], 993, Protocol::Imap, "handshake+sni+port");
    check(&[], 563, Protocol::Nntp, "handshake+sni+port");
    check(&[], 853, Protocol::Dns, "handshake+sni+port");
    check(&[], 8443, Protocol::Tls, "handshake+sni");
    check(&[b"h2"], 993, Protocol::Tls, "handshake+sni+alpn");
}

#[test]
fn a_servers_certificate_names_it_up_to_tls12() {
    let octets = server_flight("*.example.com");
    let found = Shown::start(&octets).found();
    assert_eq!(found.host.as_deref(), Some("example.com"));
    assert!(!found.more && found.evidence.has(Evidence::CERTIFICATE));
    for length in 1..octets.len() {
        match Shown::start(&octets[..length]).ask() {
            Answer::Match(found) if found.host.is_none() => assert!(found.more, "{length}"),
            Answer::Match(found) => assert_eq!(found.host.as_deref(), Some("example.com")),
            Answer::Unsure => assert!(length < 11),
            Answer::No => panic!("{length}"),
        }
    }
    let resumed = in_record(HANDSHAKE, &message(SERVER_HELLO, &server_body(&[])));
    let resumed = [resumed, in_record(20, &[1])].concat();
    assert!(!Shown::start(&resumed).found().more, "a resumed session shows no certificate");
}

#[test]
fn tls13_hides_the_certificate() {
    let body = server_body(&[extension(43, &[3, 4])]);
    let octets = in_record(HANDSHAKE, &message(SERVER_HELLO, &body));
    assert!(Shown::start(&octets).found().more, "the client may still be seen");
    assert!(!Shown { answered: 1, ..Shown::start(&octets) }.found().more);
}

#[test]
fn a_broken_hello_is_likely_tls_without_a_name() {
    let mut octets = client(&[sni("www.example.com")]);
    let compressions = HEADER + 4 + 2 + 32 + 1 + 2 + 4;
    octets[compressions] = 0;
    let found = Shown::start(&octets).found();
    assert_eq!((found.host, found.confidence, found.more), (None, RECORDS, true));
    octets[HEADER + 4 + 1] = 9;
    assert_eq!(Shown::start(&octets).ask(), Answer::No, "no such version");
}

#[test]
fn an_sslv2_hello_is_tls_without_a_name() {
    let mut octets = vec![0x80, 9 + 6 + 16, CLIENT_HELLO, 3, 1, 0, 6, 0, 0, 0, 16];
    octets.extend([7; 6 + 16]);
    let found = Shown::start(&octets).found();
    assert_eq!((found.protocol, found.more), (Protocol::Tls, true));
    for length in 1..11 {
        assert_eq!(Shown::start(&octets[..length]).ask(), Answer::Unsure, "{length}");
    }
    octets[1] += 1;
    assert_eq!(Shown::start(&octets).ask(), Answer::No);
}

#[test]
fn records_in_the_middle_are_likely_tls() {
    let data = in_record(APPLICATION_DATA, &[5; 100]);
    let middle = |payload| Shown { from_start: false, ..Shown::start(payload) };
    let found = middle(&data).found();
    assert_eq!((found.protocol, found.confidence), (Protocol::Tls, RECORDS));
    assert_eq!(found.evidence, Evidence::FRAMING);
    let two = [&data[..], &data[..5]].concat();
    assert_eq!(middle(&two).found().confidence, RECORDS);
    assert_eq!(middle(&data[..90]).found().confidence, RECORD_START);
    assert_eq!(Shown { port: 993, ..middle(&data) }.found().protocol, Protocol::Imap);
    let other = [&data[..], b"GET / HTTP/1.1"].concat();
    assert_eq!(middle(&other).ask(), Answer::Unsure);
    assert_eq!(middle(b"\x17\x03\x05\x00\x40 not a version").ask(), Answer::Unsure);
    assert_eq!(Shown::start(&data).ask(), Answer::No, "no connection starts with data");
}

#[test]
fn other_protocols_are_denied_at_once() {
    for other in
        ["GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n", "\x13BitTorrent protocol", "\x16\x03\x01\0\0"]
    {
        assert_eq!(Shown::start(other.as_bytes()).ask(), Answer::No, "{other:?}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(octets in prop::collection::vec(any::<u8>(), 1..600), from_start: bool) {
        let _ = Shown { from_start, ..Shown::start(&octets) }.ask();
        let _ = x509::name_of(&octets);
    }

    #[test]
    fn nothing_panics_near_a_valid_message(
        which in 0..2usize, place in any::<prop::sample::Index>(), octet: u8, length in any::<prop::sample::Index>(),
    ) {
        let mut octets = if which == 0 {
            client(&[sni("www.example.com"), alpn(&[b"h2"])])
        } else {
            server_flight("*.example.com")
        };
        let place = place.index(octets.len());
        octets[place] = octet;
        octets.truncate(1 + length.index(octets.len()));
        let _ = Shown::start(&octets).ask();
    }
}

/// A ClientHello without names shown where these ends are known to speak Direct Connect; how sure it is.
fn between(hosts: &[Side], port: u16, extensions: &[Vec<u8>]) -> Option<u8> {
    let ends = FlowEnds {
        initiator: SocketAddr::from(([192, 0, 2, 1], 50000)),
        responder: SocketAddr::from(([198, 51, 100, 1], port)),
        transport: Transport::TCP,
    };
    let now = Timestamp::from_secs(1);
    let knowledge = Knowledge::default();
    for side in hosts {
        let (by, to) = (ends.end(*side).ip(), IpAddr::from([192, 0, 2, 99]));
        let word = Word { by, to, asked: true };
        knowledge.learn_host(now, by, Protocol::DirectConnect, word);
    }
    let payload = client(extensions);
    let view = View {
        now,
        ends: &ends,
        side: Side::Initiator,
        payload: &payload,
        from_start: true,
        wire_octets: payload.len() as u32,
        sent: 1,
        answered: 0,
        heads: PerSide::default(),
        knowledge: &knowledge,
    };
    match ask(&view, &mut Scratch::default()) {
        Answer::Match(finding) if finding.protocol == Protocol::DirectConnect => {
            Some(finding.confidence.0)
        }
        _ => None,
    }
}

#[test]
fn without_names_it_is_direct_connects_where_who_is_called_speaks_that() {
    use Side::{Initiator, Responder};
    assert_eq!(between(&[Initiator, Responder], 14124, &[]), Some(90));
    assert_eq!(between(&[Responder], 14124, &[]), Some(80));
    assert_eq!(between(&[Initiator], 14124, &[]), None, "a client has other connections");
    assert_eq!(between(&[], 14124, &[]), None);
    assert_eq!(between(&[Initiator, Responder], 443, &[]), None);
    assert_eq!(between(&[Responder], 14124, &[alpn(&[b"h2"])]), None);
    assert_eq!(between(&[Responder], 14124, &[sni("a.example")]), None);
}
