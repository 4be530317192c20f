use std::net::SocketAddr;

use etiage_capture::{PerSide, Timestamp, Transport};
use proptest::prelude::*;

use super::*;
use crate::knowledge::Knowledge;
use crate::recogniser::FlowEnds;
use crate::recognisers::tls::hello::tests::{alpn, client_body, extension, sni};

const V1: u32 = 1;
const V2: u32 = 0x6b33_43cf;
/// The connection id of RFC 9001 and RFC 9369, appendix A.
const ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
/// The CRYPTO frame of both (appendix A.2): a ClientHello for example.com.
const CRYPTO_FRAME: &str = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868\
    04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578616d706c652e636f6dff0100010000\
    0a00080006001d0017001800100007000504616c706e000500050100000000003300260024001d00209370b2c9caa4\
    7fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203\
    080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000ffff07048000ffff080110\
    0104800075300901100f088394c8f03e51570806048000ffff";

fn hex(text: &str) -> Vec<u8> {
    let digit = |octet: u8| (octet as char).to_digit(16).unwrap() as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

struct Flow {
    ends: FlowEnds,
    scratch: Scratch,
    heads: PerSide<Vec<u8>>,
    sent: PerSide<u16>,
}

impl Flow {
    fn new(port: u16) -> Self {
        let ends = FlowEnds {
            initiator: SocketAddr::from(([192, 0, 2, 1], 50000)),
            responder: SocketAddr::from(([198, 51, 100, 1], port)),
            transport: Transport::UDP,
        };
        let (heads, sent) = (PerSide::default(), PerSide::default());
        Self { ends, scratch: Scratch::default(), heads, sent }
    }

    fn ask<'a>(&mut self, side: Side, payload: &'a [u8], wire_octets: usize) -> Answer<'a> {
        *self.sent.get_mut(side) += 1;
        if self.heads.get(side).is_empty() {
            *self.heads.get_mut(side) = payload[..payload.len().min(64)].to_vec();
        }
        let heads = self.heads.clone();
        let view = View {
            now: Timestamp::from_secs(1),
            ends: &self.ends,
            side,
            payload,
            from_start: true,
            wire_octets: wire_octets as u32,
            sent: *self.sent.get(side),
            answered: *self.sent.get(side.other()),
            heads: PerSide { initiator: &heads.initiator, responder: &heads.responder },
            knowledge: &Knowledge::with_capacity(1),
        };
        match ask(&view, &mut self.scratch) {
            Answer::Match(finding) => {
                let host = finding.host.map(|host| host.into_owned().into());
                Answer::Match(Finding { host, ..finding })
            }
            Answer::Unsure => Answer::Unsure,
            Answer::No => Answer::No,
        }
    }

    fn client<'a>(&mut self, payload: &'a [u8]) -> Finding<'a> {
        match self.ask(Side::Initiator, payload, payload.len()) {
            Answer::Match(finding) => finding,
            other => panic!("{other:?}"),
        }
    }
}

/// A client's Initial packet with these frames, padded to a datagram's least size.
fn initial(version: u32, id: &[u8], token: &[u8], frames: &[u8]) -> Vec<u8> {
    let mut frames = frames.to_vec();
    frames.resize(frames.len().max(1162), 0);
    let first = if version == V2 { 0xd3 } else { 0xc3 };
    let length = (0x4000 | (frames.len() + 4 + 16) as u16).to_be_bytes();
    let header = [
        &[first][..],
        &version.to_be_bytes(),
        &[id.len() as u8],
        id,
        &[0, token.len() as u8],
        token,
        &length,
        &[0, 0, 0, 2],
    ]
    .concat();
    Keys::client(Version::of(version).unwrap(), id).unwrap().seal(&header, &frames)
}

fn crypto(offset: usize, piece: &[u8]) -> Vec<u8> {
    let number = |value: usize| (0x4000 | value as u16).to_be_bytes();
    [&[6][..], &number(offset), &number(piece.len()), piece].concat()
}

/// A ClientHello of 2,000 octets, as with two post-quantum key shares.
fn long_hello(host: &str) -> Vec<u8> {
    let body = client_body(&[extension(51, &[5; 1800]), alpn(&[b"h3"]), sni(host)]);
    [&[CLIENT_HELLO][..], &(body.len() as u32).to_be_bytes()[1..], &body].concat()
}

#[test]
fn the_standards_vectors() {
    let check = |version, start: &str, tag: &str| {
        // The AEAD's tag is over every octet: with it the whole packet is the standard's.
        let packet = initial(version, &ID, &[], &hex(CRYPTO_FRAME));
        assert_eq!(packet.len(), 1200);
        assert_eq!(packet[..32], hex(start), "header and first octets");
        assert_eq!(packet[1184..], hex(tag), "tag");
        let found = Flow::new(443).client(&packet);
        assert_eq!((found.protocol, found.more), (Protocol::Quic, false));
        assert_eq!(found.host.as_deref(), Some("example.com"));
        assert_eq!(found.evidence.to_string(), "handshake+sni+alpn");
    };
    check(
        V1,
        "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
        "e221af44860018ab0856972e194cd934",
    );
    check(
        V2,
        "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
        "a18b2faa745b6fe189cf772a9f84cbfc",
    );
}

#[test]
fn drafts_are_read_too() {
    for version in [0xff00_001d, 0xff00_0020, 0xff00_0021, 0xff00_0022] {
        let packet = initial(version, &ID, &[], &hex(CRYPTO_FRAME));
        assert_eq!(Flow::new(443).client(&packet).host.as_deref(), Some("example.com"));
    }
}

#[test]
fn a_hello_over_several_datagrams_in_any_order_is_put_together() {
    let hello = long_hello("www.example.com");
    let (first, second) = hello.split_at(1000);
    let scrambled = [crypto(500, &first[500..]), vec![1, 0], crypto(0, &first[..700])].concat();
    let packets = [initial(V1, &ID, &[], &scrambled), initial(V1, &ID, &[], &crypto(1000, second))];
    for order in [[0, 1], [1, 0]] {
        let mut flow = Flow::new(443);
        let found = flow.client(&packets[order[0]]);
        assert_eq!((found.confidence, found.more, found.host), (Confidence::PENDING, true, None));
        assert!(flow.client(&packets[order[0]]).more, "a repetition adds nothing");
        let found = flow.client(&packets[order[1]]);
        assert_eq!((found.more, found.host.as_deref()), (false, Some("www.example.com")));
        assert!(flow.scratch.quic.client.is_none(), "its memory is given back");
    }
    let coalesced = packets.concat();
    assert!(Flow::new(443).client(&coalesced).host.is_some(), "two packets in one datagram");
}

#[test]
fn a_retry_changes_the_keys_only() {
    let mut flow = Flow::new(443);
    let hello = long_hello("www.example.com");
    assert!(flow.client(&initial(V1, &ID, &[], &crypto(0, &hello[..1000]))).more);
    let retry = [&[0xf0, 0, 0, 0, 1, 0, 4][..], &[7; 4], &[9; 40]].concat();
    let Answer::Match(found) = flow.ask(Side::Responder, &retry, retry.len()) else { panic!() };
    assert!(found.more && found.confidence < crate::SETTLED);
    let again = initial(V1, &[7; 4], &[9; 24], &crypto(0, &hello[..1000]));
    assert!(flow.client(&again).more);
    let rest = initial(V1, &[7; 4], &[9; 24], &crypto(1000, &hello[1000..]));
    assert_eq!(flow.client(&rest).host.as_deref(), Some("www.example.com"));
}

#[test]
fn negotiation_starts_again() {
    let mut flow = Flow::new(4433);
    let mut greased = initial(V1, &ID, &[], &hex(CRYPTO_FRAME));
    greased[1..5].copy_from_slice(&[0x1a, 0x2a, 0x3a, 0x4a]);
    assert!(flow.client(&greased).more);
    let small = greased[..1000].to_vec();
    assert_eq!(Flow::new(4433).ask(Side::Initiator, &small, 1000), Answer::No);
    let versions = [&[0x80, 0, 0, 0, 0, 0, 8][..], &ID, &[0, 0, 0, 1]].concat();
    let answer = flow.ask(Side::Responder, &versions, versions.len());
    assert!(matches!(answer, Answer::Match(found) if found.more));
    assert!(flow.client(&initial(V1, &ID, &[], &hex(CRYPTO_FRAME))).host.is_some());
}

#[test]
fn the_servers_way_alone_is_quic_without_a_name() {
    let mut flow = Flow::new(443);
    // RFC 9001, appendix A.3: the server's Initial packet starts like this.
    let mut server = hex("cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a");
    server.resize(18 + 0x75, 0x5a);
    let Answer::Match(found) = flow.ask(Side::Responder, &server, server.len()) else { panic!() };
    assert_eq!((found.confidence, found.more), (Confidence::CERTAIN, true));
    let data = [&[0x41][..], &[7; 40]].concat();
    let Answer::Match(found) = flow.ask(Side::Responder, &data, data.len()) else { panic!() };
    assert_eq!((found.confidence, found.more), (Confidence::CERTAIN, false));
}

#[test]
fn cut_at_any_octet_it_gives_no_wrong_name() {
    let packet = initial(V1, &ID, &[], &hex(CRYPTO_FRAME));
    for length in 1..packet.len() {
        match Flow::new(443).ask(Side::Initiator, &packet[..length], packet.len()) {
            Answer::Match(found) => {
                assert!(length >= 18 && found.host.is_none() && found.more, "{length}");
            }
            other => assert!(length < 18 && other == Answer::No, "{length}"),
        }
    }
}

#[test]
fn alpn_or_port_tell_dns() {
    let hello = |extensions: &[Vec<u8>]| {
        let body = client_body(extensions);
        let message = [&[1][..], &(body.len() as u32).to_be_bytes()[1..], &body].concat();
        initial(V1, &ID, &[], &crypto(0, &message))
    };
    assert_eq!(Flow::new(443).client(&hello(&[alpn(&[b"doq"])])).protocol, Protocol::Dns);
    assert_eq!(Flow::new(853).client(&hello(&[])).protocol, Protocol::Dns);
    assert_eq!(Flow::new(443).client(&hello(&[])).protocol, Protocol::Quic);
}

#[test]
fn short_headers_are_a_guess_on_https_port_only() {
    let mut flow = Flow::new(443);
    let one = [&[0x41, 1, 2, 3, 4, 5, 6, 7, 8][..], &[9; 30]].concat();
    let two = [&[0x5c, 1, 2, 3, 4, 5, 6, 7, 8][..], &[7; 50]].concat();
    assert_eq!(flow.client(&one).confidence, Confidence::GUESS);
    assert_eq!(flow.client(&two).confidence, SHORT_HEADERS);
    assert_eq!(Flow::new(4433).ask(Side::Initiator, &one, 39), Answer::No);
    assert_eq!(Flow::new(443).ask(Side::Initiator, &one[..MIN_SHORT - 1], 20), Answer::No);
    assert_eq!(Flow::new(443).ask(Side::Initiator, &[0x01; 40], 40), Answer::No, "no fixed bit");
}

proptest! {
    #[test]
    fn nothing_panics(
        datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 1..4),
        long: bool,
    ) {
        let mut flow = Flow::new(443);
        for mut datagram in datagrams {
            if long {
                datagram.splice(..0, [0xc0, 0, 0, 0, 1]);
            }
            let _ = flow.ask(Side::Initiator, &datagram, datagram.len());
        }
    }

    #[test]
    fn nothing_panics_whatever_is_encrypted(frames in prop::collection::vec(any::<u8>(), 1..200)) {
        let packet = initial(V1, &ID, &[], &frames);
        let _ = Flow::new(443).ask(Side::Initiator, &packet, packet.len());
    }

    #[test]
    fn a_changed_packet_gives_no_name(place in 0..1200usize, octet in 1..=255u8) {
        let mut packet = initial(V1, &ID, &[], &hex(CRYPTO_FRAME));
        packet[place] ^= octet;
        if let Answer::Match(found) = Flow::new(443).ask(Side::Initiator, &packet, 1200) {
            prop_assert_eq!(found.host, None);
        }
    }
}
