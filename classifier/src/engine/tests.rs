use std::net::{IpAddr, SocketAddr};

use super::*;
use crate::class::{Class, Confidence, Evidence};
use crate::judge::SAME_ENDPOINT;

use crate::knowledge::{Trust, Word};
use crate::recognisers::hello_tests as hello;
use crate::service_id::ServiceId;

const TCP: Transport = Transport::TCP;
const UDP: Transport = Transport::UDP;

fn now() -> Timestamp {
    Timestamp::from_secs(1000)
}

struct Flow {
    classifier: Classifier,
    ends: FlowEnds,
    state: FlowState,
}

impl Flow {
    fn new(transport: Transport, port: u16) -> Self {
        let rules = Rules::builtin().unwrap();
        let ends = FlowEnds {
            initiator: SocketAddr::from(([192, 0, 2, 1], 50000)),
            responder: SocketAddr::from(([198, 51, 100, 1], port)),
            transport,
        };
        let classifier = Classifier::new(Arc::new(rules), Arc::default());
        Self { classifier, ends, state: FlowState::default() }
    }

    fn show(
        &mut self,
        side: Side,
        tcp: Option<TcpHeader>,
        payload: &[u8],
        octets: u32,
    ) -> Progress {
        let packet = Packet {
            source: self.ends.end(side),
            destination: self.ends.end(side.other()),
            transport: self.ends.transport,
            tcp,
            payload,
            payload_octets: octets,
        };
        self.classifier.observe(&mut self.state, &self.ends, &packet, side, now())
    }

    fn syn(&mut self) {
        let header = TcpHeader { sequence: 99, flags: TcpHeader::SYN, ..TcpHeader::default() };
        assert_eq!(self.show(Side::Initiator, Some(header), &[], 0), Progress::Undecided);
    }

    /// A segment of the initiator, at this place of its stream.
    fn segment(&mut self, place: u32, payload: &[u8]) -> Progress {
        let header = TcpHeader { sequence: 100 + place, flags: 0x18, ..TcpHeader::default() };
        self.show(Side::Initiator, Some(header), payload, payload.len() as u32)
    }

    /// A segment of the responder, whose SYN had number 499, that acknowledges so many octets.
    fn answer(&mut self, place: u32, acknowledges: u32, payload: &[u8]) -> Progress {
        let acknowledgment = 100 + acknowledges;
        let header = TcpHeader { sequence: 500 + place, acknowledgment, flags: 0x18 };
        self.show(Side::Responder, Some(header), payload, payload.len() as u32)
    }

    fn datagram(&mut self, side: Side, payload: &[u8]) -> Progress {
        self.show(side, None, payload, payload.len() as u32)
    }

    /// A further datagram of a flow that teaches without state.
    fn lesson(&self, side: Side, payload: &[u8]) {
        let packet = Packet {
            source: self.ends.end(side),
            destination: self.ends.end(side.other()),
            transport: self.ends.transport,
            tcp: None,
            payload,
            payload_octets: payload.len() as u32,
        };
        self.classifier.lesson(&self.ends, &packet, side, now());
    }

    fn name(&self, host: &str) {
        let (client, server) = (self.ends.initiator.ip(), self.ends.responder.ip());
        self.classifier.judge.knowledge.learn_name(now(), client, server, host);
    }
}

/// A ClientHello in one record, with or without the server's name.
fn client_hello(host: Option<&str>) -> Vec<u8> {
    let extensions: Vec<_> = host.map(hello::sni).into_iter().collect();
    let body = hello::client_body(&extensions);
    let length = (body.len() as u16).to_be_bytes();
    let record = (body.len() as u16 + 4).to_be_bytes();
    [&[22, 3, 1][..], &record, &[1, 0], &length, &body].concat()
}

fn dns_query() -> Vec<u8> {
    [&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x01a\x07example\0\0\x01\0\x01"].concat()
}

fn dns_answer(address: [u8; 4]) -> Vec<u8> {
    let mut octets = vec![0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    octets.extend(b"\x01a\x07example\0\0\x01\0\x01\xc0\x0c\0\x01\0\x01\0\0\0\x09\0\x04");
    octets.extend(address);
    octets
}

#[test]
fn a_name_over_segments_in_the_wrong_order_gives_service_and_category() {
    let mut flow = Flow::new(TCP, 443);
    let hello = client_hello(Some("a-1.1fichier.com"));
    let (first, second) = hello.split_at(30);
    flow.syn();
    assert_eq!(flow.segment(30, second), Progress::Undecided);
    let Progress::Settled(verdict) = flow.segment(0, first) else { panic!() };
    assert_eq!(verdict.class.protocol, Protocol::Tls);
    assert_eq!(verdict.class.category, Category::DirectDownload);
    assert_eq!(flow.classifier.rules().name(verdict.class.service), "1fichier");
    assert_eq!(verdict.evidence.to_string(), "handshake+sni");
}

#[test]
fn without_a_name_of_its_own_a_flow_takes_what_dns_gave() {
    let mut flow = Flow::new(TCP, 443);
    flow.name("www.1fichier.com");
    flow.syn();
    let Progress::Known(verdict) = flow.segment(0, &client_hello(None)) else { panic!() };
    assert_eq!(verdict.class.category, Category::DirectDownload);
    assert_eq!(verdict.confidence, Confidence::LIKELY);
    assert!(verdict.evidence.has(Evidence::DNS_NAME));
    let mut named = Flow::new(TCP, 443);
    named.name("www.1fichier.com");
    named.syn();
    let other = client_hello(Some("unheard.example"));
    let Progress::Watched(watch) = named.segment(0, &other) else { panic!() };
    let verdict = watch.verdict();
    assert_eq!(verdict.class.service, ServiceId::NONE, "its own name comes first");
}

#[test]
fn the_name_that_this_client_asked_for_comes_before_anybodys() {
    let flow = Flow::new(TCP, 443);
    let server = flow.ends.responder.ip();
    let service = |flow: &Flow| flow.classifier.judge.learnt_service(&flow.ends, now());
    for other in 77..=79 {
        assert_eq!(service(&flow), None, "{other}");
        let other = IpAddr::from([192, 0, 2, other]);
        flow.classifier.judge.knowledge.learn_name(now(), other, server, "www.1fichier.com");
    }
    assert_eq!(service(&flow).map(|(_, teacher)| teacher.trust), Some(Trust::Others));
    flow.name("www.youtube.com");
    let (found, teacher) = service(&flow).unwrap();
    assert_eq!(flow.classifier.rules().name(found), "youtube");
    assert_eq!(teacher.trust, Trust::Asked);
}

#[test]
fn what_teaches_is_shown_to_its_end_and_costs_no_buffer() {
    let mut flow = Flow::new(UDP, 53);
    let progress = flow.datagram(Side::Initiator, &dns_query());
    assert!(
        matches!(progress, Progress::Lessons(verdict) if verdict.class.protocol == Protocol::Dns)
    );
    for last in 1..=60 {
        flow.lesson(Side::Initiator, &dns_query());
        flow.lesson(Side::Responder, &dns_answer([203, 0, 113, last]));
        flow.lesson(Side::Responder, b"?");
        let server = IpAddr::from([203, 0, 113, last]);
        assert!(
            flow.classifier.judge.knowledge.name(now(), flow.ends.initiator.ip(), server).is_some()
        );
    }
    let mut flow = Flow::new(TCP, 53);
    flow.syn();
    let message = dns_answer([203, 0, 113, 1]);
    let message = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
    for place in 0..60 {
        let progress = flow.segment(place * message.len() as u32, &message);
        assert!(matches!(progress, Progress::Known(_)), "{place}: {progress:?}");
    }
    assert_eq!(flow.state.depth, Depth::TeachingUnordered);
}

#[test]
fn every_flow_settles_though_its_start_is_lost_or_its_payload_cut_away() {
    let settles = |show: &mut dyn FnMut(u32) -> Progress| {
        (0..64).any(|place| matches!(show(place), Progress::Settled(_) | Progress::Watched(_)))
    };
    let mut lost = Flow::new(TCP, 443);
    lost.syn();
    assert!(settles(&mut |place| lost.segment(1000 + place * 10, &[0xaa; 10])));
    let mut repeated = Flow::new(TCP, 9999);
    repeated.syn();
    assert!(settles(&mut |_| repeated.segment(0, b"GE")));
    let mut cut = Flow::new(TCP, 443);
    let header = Some(TcpHeader::default());
    assert!(settles(&mut |_| cut.show(Side::Initiator, header, &[], 500)));
    let verdict = cut.classifier.conclude(&mut cut.state, &cut.ends, now());
    assert_eq!((verdict.class.protocol, verdict.confidence), (Protocol::Tls, Confidence::GUESS));
}

#[test]
fn a_port_means_nothing_against_the_payload() {
    let noise = |from_start: bool| {
        let mut flow = Flow::new(TCP, 443);
        if from_start {
            flow.syn();
        }
        flow.segment(0, &[0xe7; 200]);
        flow.classifier.conclude(&mut flow.state, &flow.ends, now())
    };
    assert_eq!(noise(true).class.protocol, Protocol::Unknown, "no connection of TLS starts so");
    assert_eq!(noise(false).class.protocol, Protocol::Tls, "the middle of one may");
}

#[test]
fn findings_of_one_protocol_add_up() {
    let verdict = |protocol, service, confidence, evidence| Verdict {
        class: Class { service: ServiceId(service), ..Class::of(protocol) },
        confidence: Confidence(confidence),
        evidence,
    };
    let named = verdict(Protocol::Tls, 7, 89, Evidence::SNI);
    let sure = verdict(Protocol::Tls, 0, 99, Evidence::HANDSHAKE);
    let both = verdict(Protocol::Tls, 7, 99, Evidence::HANDSHAKE.with(Evidence::SNI));
    assert_eq!(merge(Some(named), sure), both);
    assert_eq!(merge(Some(sure), named), both);
    let other = verdict(Protocol::BitTorrent, 0, 95, Evidence::SHAPE);
    assert_eq!(merge(Some(other), named), other);
    assert_eq!(merge(Some(named), other), other);
}

const SEEDED: &[u8] =
    b"GET /f HTTP/1.1\r\nUser-Agent: libtorrent/2.0.8.0\r\nRange: bytes=0-9\r\n\r\n";
const PART: &[u8] = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 10\r\n\r\n0123456789";

/// A connection of which both SYNs were seen.
fn connected(port: u16) -> Flow {
    let mut flow = Flow::new(TCP, port);
    flow.syn();
    let header = TcpHeader { sequence: 499, acknowledgment: 100, flags: 0x12 };
    assert_eq!(flow.show(Side::Responder, Some(header), &[], 0), Progress::Undecided);
    flow
}

#[test]
fn an_answer_waits_for_its_question() {
    let length = SEEDED.len() as u32;
    let mut flow = connected(80);
    assert_eq!(flow.answer(0, length, PART), Progress::Undecided);
    let Progress::Settled(verdict) = flow.segment(0, SEEDED) else { panic!() };
    assert_eq!(verdict.class.protocol, Protocol::BitTorrent);
    let mut flow = connected(80);
    let Progress::Settled(other) = flow.segment(0, SEEDED) else { panic!() };
    assert_eq!(other, verdict);
}

#[test]
fn an_answer_does_not_wait_forever_nor_past_the_flows_end() {
    let protocol = |progress| match progress {
        Progress::Watched(watch) => watch.verdict().class.protocol,
        Progress::Settled(verdict) | Progress::Known(verdict) => verdict.class.protocol,
        other => panic!("{other:?}"),
    };
    let mut flow = connected(80);
    assert_eq!(flow.answer(0, 200, PART), Progress::Undecided);
    let header = TcpHeader { flags: 0x10, ..TcpHeader::default() };
    for _ in 0..5 {
        let bare = flow.show(Side::Initiator, Some(header), &[], 0);
        assert_eq!(bare, Progress::Undecided);
    }
    assert_eq!(protocol(flow.show(Side::Initiator, Some(header), &[], 0)), Protocol::Http);
    let mut flow = connected(80);
    assert_eq!(flow.answer(0, 200, PART), Progress::Undecided);
    let verdict = flow.classifier.conclude(&mut flow.state, &flow.ends, now());
    assert_eq!(verdict.class.protocol, Protocol::Http);
    assert_eq!(protocol(flow.show(Side::Initiator, Some(header), &[], 0)), Protocol::Http);
}

#[test]
fn a_cut_packet_lets_nothing_wait() {
    let mut flow = connected(80);
    let header = TcpHeader { sequence: 100, flags: 0x18, ..TcpHeader::default() };
    flow.show(Side::Initiator, Some(header), b"GET /", 400);
    flow.answer(0, 400, PART);
    assert_eq!(flow.state.sent.responder, 1, "shown at once");
}

#[test]
fn data_before_its_syn_is_shown_again_from_its_start() {
    let hello = client_hello(Some("a-1.1fichier.com"));
    let (first, second) = hello.split_at(30);
    let mut flow = Flow::new(TCP, 443);
    assert_eq!(flow.segment(30, second), Progress::Undecided);
    flow.segment(0, first);
    let header = TcpHeader { sequence: 99, flags: TcpHeader::SYN, ..TcpHeader::default() };
    let Progress::Settled(verdict) = flow.show(Side::Initiator, Some(header), &[], 0) else {
        panic!()
    };
    assert_eq!(flow.classifier.rules().name(verdict.class.service), "1fichier");
}

/// FTP's control connection is shown to its end, but put in order only for its first packets.
#[test]
fn what_waits_when_the_order_ends_is_shown_too() {
    let mut flow = connected(21);
    let greeting = b"220 FTP ready\r\n";
    assert!(matches!(flow.answer(0, 0, greeting), Progress::Known(_)));
    let mut place = 0;
    for _ in 0..13 {
        flow.segment(place, b"NOOP\r\n");
        place += 6;
    }
    let at = greeting.len() as u32;
    flow.answer(at + 100, place, b"229 Extended (|||50007|)\r\n");
    flow.answer(at + 200, place + 6, b"229 Extended (|||50008|)\r\n");
    let expected = |flow: &Flow, port| {
        let end = (flow.ends.responder.ip(), port).into();
        let expected =
            flow.classifier.judge.knowledge.expected(now(), end, flow.ends.initiator.ip());
        expected.map(|expected| expected.protocol)
    };
    assert_eq!(expected(&flow, 50007), None, "after a gap");
    flow.segment(place + 6, b"NOOP\r\n");
    assert_eq!(expected(&flow, 50007), Some(Protocol::FtpData));
    assert_eq!(expected(&flow, 50008), Some(Protocol::FtpData));
}

#[test]
fn an_endpoint_that_was_recognised_names_other_flows_but_not_against_their_payload() {
    let mut flow = Flow::new(UDP, 40_000);
    let stranger = |last| SocketAddr::from(([192, 0, 2, last], 31_480));
    let call = b"\x2f\xe4\x9f\xa7\x6c\x4e\xb4\x33\xcb\xcd\x82\xa1\xbb\xea\x62\x1e\
          \xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    for callee in 2..=4 {
        flow.ends.responder = stranger(7);
        flow.state = FlowState::default();
        flow.datagram(Side::Initiator, &[0xe7; 90]);
        let verdict = flow.classifier.conclude(&mut flow.state, &flow.ends, now());
        assert_eq!(verdict, Verdict::UNKNOWN, "two are not enough: {callee}");
        flow.state = FlowState::default();
        flow.ends.responder = stranger(callee);
        assert!(matches!(flow.datagram(Side::Initiator, call), Progress::Settled(_)));
    }
    // The same socket calls somebody else, with nothing fixed in it.
    flow.state = FlowState::default();
    flow.ends.responder = stranger(7);
    flow.datagram(Side::Initiator, &[0xe7; 90]);
    let verdict = flow.classifier.conclude(&mut flow.state, &flow.ends, now());
    assert_eq!(verdict.class.protocol, Protocol::Telegram);
    assert_eq!((verdict.confidence, verdict.evidence), (SAME_ENDPOINT, Evidence::ENDPOINT));
    let later = Timestamp::from_secs(1601);
    let verdict = flow.classifier.conclude(&mut flow.state, &flow.ends, later);
    assert_eq!(verdict, Verdict::UNKNOWN);
    let mut ssh = Flow::new(TCP, 2222);
    ssh.syn();
    assert!(matches!(ssh.segment(0, b"SSH-2.0-x\r\n"), Progress::Settled(_)));
    ssh.state = FlowState::default();
    ssh.syn();
    let verdict = ssh.classifier.conclude(&mut ssh.state, &ssh.ends, now());
    assert_eq!(verdict.class.protocol, Protocol::Ssh, "only called, not answered");
    ssh.segment(0, b"something else\r\n");
    let verdict = ssh.classifier.conclude(&mut ssh.state, &ssh.ends, now());
    assert_eq!(verdict, Verdict::UNKNOWN);
}

#[test]
fn peers_hosters_and_what_the_port_tells_are_no_endpoints_to_learn() {
    let endpoint = |flow: &Flow| {
        let Flow { classifier, ends, .. } = flow;
        classifier.judge.knowledge.endpoint(
            now(),
            ends.transport,
            ends.responder,
            ends.initiator.ip(),
        )
    };
    let mut peer = Flow::new(TCP, 51_413);
    peer.syn();
    peer.segment(0, &[&b"\x13BitTorrent protocol"[..], &[7; 48]].concat());
    assert_eq!(endpoint(&peer), None);
    let mut hoster = Flow::new(TCP, 8443);
    hoster.syn();
    hoster.segment(0, &client_hello(Some("a-1.1fichier.com")));
    assert_eq!(endpoint(&hoster), None);
    let mut web = Flow::new(TCP, 443);
    web.syn();
    web.segment(0, &client_hello(Some("www.youtube.com")));
    assert_eq!(endpoint(&web), None);
    let mut odd = Flow::new(TCP, 8443);
    odd.syn();
    odd.segment(0, &client_hello(Some("www.youtube.com")));
    assert_eq!(endpoint(&odd).map(|known| known.protocol), Some(Protocol::Tls));
}

#[test]
fn a_flow_that_nothing_was_recognised_in_is_asked_about_again_and_not_for_ever() {
    let mut flow = Flow::new(TCP, 46_000);
    flow.syn();
    let mut place = 0;
    let mut watch = loop {
        match flow.segment(place, b"\xff\x00not known at all") {
            Progress::Watched(watch) => break watch,
            Progress::Undecided => place += 18,
            other => panic!("{other:?}"),
        }
    };
    assert!(watch.is_open());
    let Flow { classifier, ends, .. } = &flow;
    classifier.ask_again(&mut watch, ends, now());
    assert_eq!(watch.verdict(), Verdict::UNKNOWN);
    let mut asked = 0;
    let mut unheard = watch;
    while unheard.packet(ends.transport, Side::Responder, (1000, None), now()) {
        asked += u32::from(unheard.is_due());
    }
    assert_eq!(asked, 10);
    let (by, to) = (ends.responder.ip(), ends.initiator.ip());
    let word = Word { by, to, asked: true };
    classifier.judge.knowledge.expect(now(), ends.responder, Protocol::FtpData, word);
    classifier.ask_again(&mut watch, ends, now());
    assert_eq!(watch.verdict().class.protocol, Protocol::FtpData);
    assert!(!watch.is_open() && !watch.is_due());
}

/// A host that is no server of Skype's by its port is not denied to be a super node.
#[test]
fn a_super_node_that_was_looked_for_is_known_when_it_is_called() {
    let mut flow = Flow::new(UDP, 40_009);
    let looks = b"\x3b\x9e\x02\xc4\x71\x0d\xe8\x52\xa6\x1f\xf3\x67\x88\x2c\xd9\x45\xb0\x7e\x13\xca";
    flow.datagram(Side::Initiator, looks);
    let verdict = flow.classifier.conclude(&mut flow.state, &flow.ends, now());
    assert_eq!(verdict.class.protocol, Protocol::Skype);
    flow.state = FlowState::default();
    flow.ends.transport = TCP;
    flow.syn();
    flow.segment(0, &looks[3..]);
    let verdict = flow.classifier.conclude(&mut flow.state, &flow.ends, now());
    assert_eq!(verdict.class.protocol, Protocol::Skype);
    assert_eq!(verdict.evidence, Evidence::ENDPOINT);
}
