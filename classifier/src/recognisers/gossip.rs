//! Networks that gossip: Bitcoin's framing, libp2p's negotiation, Ethereum's discovery; and what is left
//! of FastTrack. Strict: each asks for octets that no other protocol has at that place.

use etiage_capture::Cursor;

use super::Scratch;
use super::random::looks_random;
use super::text::{self, Start};
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};

/// How Bitcoin's networks, and those that forked it, begin a message: main, test 3, signet, regression
/// test, test 4; Bitcoin Cash, Litecoin, Dogecoin.
const MAGICS: &[[u8; 4]] = &[
    [0xf9, 0xbe, 0xb4, 0xd9],
    [0x0b, 0x11, 0x09, 0x07],
    [0x0a, 0x03, 0xcf, 0x40],
    [0xfa, 0xbf, 0xb5, 0xda],
    [0x1c, 0x16, 0x3f, 0x28],
    [0xe3, 0xe1, 0xf3, 0xe8],
    [0xfb, 0xc0, 0xb6, 0xdb],
    [0xc0, 0xc0, 0xc0, 0xc0],
];
/// Magic, command, length, checksum.
const HEADER: usize = 24;
/// Most that a message has (Bitcoin Core's `MAX_PROTOCOL_MESSAGE_LENGTH`).
const MAX_LENGTH: u32 = 4_000_000;
/// What opens a negotiation of libp2p: a length of one octet and a line.
const MULTISTREAM: &[u8] = b"\x13/multistream/1.0.0\n";
/// Hash, signature, kind of a datagram of Ethereum's discovery, version 4.
const DISCOVERY: usize = 32 + 65 + 1;
/// Length of the first message of devp2p: 194 or 97 octets and what seals them, padded by 100 to 300.
const HANDSHAKE: std::ops::RangeInclusive<usize> = 300..=720;
/// About thirty bits of that message are as they must be.
const LIKELY: Confidence = Confidence(91);

fn found<'a>(protocol: Protocol, evidence: Evidence) -> Answer<'a> {
    Answer::Match(Finding::certain(protocol, evidence))
}

pub(super) fn bitcoin<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    match bitcoin_header(view.payload) {
        Some(true) => found(Protocol::Bitcoin, Evidence::FRAMING),
        Some(false) => Answer::No,
        None if text::may_grow(view) && begins_magic(view.payload) => Answer::Unsure,
        None => Answer::No,
    }
}

fn begins_magic(octets: &[u8]) -> bool {
    MAGICS.iter().any(|magic| octets.iter().zip(magic).all(|(octet, magic)| octet == magic))
}

/// Whether a header stands here; `None` if it is not all here.
fn bitcoin_header(octets: &[u8]) -> Option<bool> {
    let header = octets.get(..HEADER)?;
    let mut cursor = Cursor::new(header);
    let (magic, command) = (cursor.take(4)?, cursor.take(12)?);
    let length = u32::from_le_bytes(*cursor.take(4)?.first_chunk()?);
    let end = command.iter().position(|octet| *octet == 0).unwrap_or(command.len());
    let (name, padding) = command.split_at_checked(end)?;
    let named =
        name.len() >= 2 && name.iter().all(|o| o.is_ascii_lowercase() || o.is_ascii_digit());
    let padded = padding.iter().all(|octet| *octet == 0);
    Some(begins_magic(magic) && named && padded && length <= MAX_LENGTH)
}

pub(super) fn libp2p<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    match text::start(view.payload, MULTISTREAM) {
        Start::Whole => found(Protocol::Libp2p, Evidence::HANDSHAKE),
        start => text::not_yet(start, view),
    }
}

/// A datagram of devp2p's discovery: hash and signature are anything, but the signature ends with its
/// recovery number, and the list that follows (RLP) ends with the datagram.
pub(super) fn ethereum<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let Some((head, body)) = view.payload.split_at_checked(DISCOVERY) else { return Answer::No };
    let &[.., recovery, kind] = head else { return Answer::No };
    let length = match *body {
        [short @ 0xc1..=0xf7, ..] => usize::from(short - 0xc0) + 1,
        [0xf8, length @ 56..=255, ..] => usize::from(length) + 2,
        [0xf9, high @ 1..=255, low, ..] => usize::from(u16::from_be_bytes([high, low])) + 3,
        _ => return Answer::No,
    };
    let exact = body.len() == length;
    if recovery <= 1 && (1..=6).contains(&kind) && exact {
        return found(Protocol::Ethereum, Evidence::FRAMING);
    }
    Answer::No
}

/// What opens a connection of devp2p (RLPx, EIP-8): a length of two octets that counts to the end, and
/// an uncompressed point of the curve, which begins with 4; the rest is encrypted.
pub(super) fn ethereum_tcp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let Some(&[high, low, 4, ref sealed @ ..]) = view.payload.get(..) else { return Answer::No };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let fits = (HANDSHAKE.contains(&length) && view.from_start).then_some(length);
    let whole = fits == Some(view.payload.len() - 2);
    if whole && looks_random(sealed) {
        return Answer::Match(Finding::new(Protocol::Ethereum, LIKELY, Evidence::HANDSHAKE));
    }
    Answer::No
}

pub(super) fn fasttrack<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    match text::start(view.payload, b"GET /.hash=") {
        Start::Whole => return found(Protocol::FastTrack, Evidence::HANDSHAKE),
        Start::Partly => return text::not_yet(Start::Partly, view),
        Start::Other => {}
    }
    if text::start_any(view.payload, &[b"GET /", b"HTTP/1."]) == Start::Whole {
        let names = ["X-Kazaa-Username", "X-Kazaa-Network", "X-Kazaa-SupernodeIP"];
        if names.iter().any(|name| text::header(view.payload, name).is_some()) {
            return found(Protocol::FastTrack, Evidence::HANDSHAKE);
        }
        let ended = view.payload.windows(4).any(|place| place == b"\r\n\r\n");
        let wait = !ended && text::may_grow(view) && view.payload.len() < 2048;
        return if wait { Answer::Unsure } else { Answer::No };
    }
    // A client behind a firewall gives what was asked of it: `GIVE 1234567`.
    let give = text::first_line(view.payload).and_then(|line| line.strip_prefix(b"GIVE "));
    match give.and_then(text::number) {
        Some((_, [])) => found(Protocol::FastTrack, Evidence::HANDSHAKE),
        _ => text::not_yet(text::start(view.payload, b"GIVE "), view),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, noise, truncations};
    use super::*;

    #[test]
    fn a_bitcoin_header_settles_whole() {
        let version = [&MAGICS[0][..], b"version\0\0\0\0\0", &[102, 0, 0, 0], b"sum!"].concat();
        truncations(bitcoin, || Flow::tcp(8333), &version, |length| length == HEADER);
        let mut wrong = version.clone();
        wrong[12] = b'x';
        assert_eq!(Flow::tcp(8333).client(bitcoin, &wrong), Said::No);
        assert_eq!(Flow::tcp(8333).client(bitcoin, &[0xc0; 24]), Said::No);
    }

    #[test]
    fn libp2p_opens_with_its_line() {
        truncations(libp2p, || Flow::tcp(4001), MULTISTREAM, |length| length == MULTISTREAM.len());
        assert_eq!(Flow::tcp(4001).client(libp2p, b"\x13BitTorrent protocol"), Said::No);
    }

    #[test]
    fn ethereums_list_must_end_with_the_datagram() {
        let mut ping = noise(3, DISCOVERY);
        ping[96] = 1;
        ping[97] = 1;
        ping.extend([0xc3, 1, 2, 3]);
        let length = ping.len();
        truncations(ethereum, || Flow::udp(30303), &ping, |cut| cut == length);
        ping[97] = 9;
        assert_eq!(Flow::udp(30303).client(ethereum, &ping), Said::No);
    }

    #[test]
    fn ethereums_handshake_counts_to_its_end() {
        let mut auth = noise(5, 420);
        auth[..3].copy_from_slice(&[1, 162, 4]);
        truncations(ethereum_tcp, || Flow::tcp(30303), &auth, |length| length == 420);
        auth[2] = 3;
        assert_eq!(Flow::tcp(30303).client(ethereum_tcp, &auth), Said::No);
        let text = [&[1, 162, 4][..], &[b'a'; 417]].concat();
        assert_eq!(Flow::tcp(30303).client(ethereum_tcp, &text), Said::No);
    }

    #[test]
    fn fasttrack_is_known_by_what_only_it_says() {
        let get = b"GET /.hash=ab01 HTTP/1.1\r\nHost: 192.0.2.1:1214\r\n\r\n";
        assert!(Flow::tcp(1214).client(fasttrack, get).settled().is_some());
        assert!(Flow::tcp(1214).client(fasttrack, b"GIVE 1234567\r\n\r\n").settled().is_some());
        let named = b"HTTP/1.1 200 OK\r\nX-Kazaa-Username: joe\r\n\r\n";
        assert!(Flow::tcp(1214).server(fasttrack, named).settled().is_some());
        assert_eq!(Flow::tcp(80).client(fasttrack, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Said::No);
        assert_eq!(Flow::tcp(80).client(fasttrack, b"GIVE me\r\n"), Said::No);
    }
}
