//! eDonkey2000 and eMule: client and server over TCP, server, client and Kad over UDP.
//!
//! There is no public standard; facts as in eMule's `opcodes.h` and Kulbak's and Bickson's "The
//! eMule Protocol Specification" (2005). Integers are little-endian. Every message is a protocol
//! octet, over TCP a length of four octets that counts from the opcode on, an opcode, and its body.

use super::le::{le16, le32};
use super::{Scratch, edonkey_peers};
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};

const EDONKEY: u8 = 0xE3;
const EMULE: u8 = 0xC5;
const PACKED: u8 = 0xD4;
const KAD: u8 = 0xE4;
const KAD_PACKED: u8 = 0xE5;
/// Octets before a TCP message's body: protocol, length, opcode.
const HEADER: usize = 6;
/// Largest message in use: a part's piece of 180 KB, a list of shared files.
const MAX_LENGTH: u32 = 1 << 21;
const HASH: usize = 16;
const SENDING_PART: u8 = 0x46;
const HELLO_ANSWER: u8 = 0x4c;
/// The most tags that a hello or a login carries.
const MAX_TAGS: u32 = 32;

/// A part of a file whose range fits its length, or messages whose lengths lead from one to the next.
const CHAIN: Confidence = Confidence(97);
/// One message that fills the stream so far, from its first octet.
const ONE_MESSAGE: Confidence = Confidence(93);
/// One message that fills a segment, in a stream whose start was not seen.
const MIDWAY: Confidence = crate::SETTLED;
/// A datagram with at least [`STRONG`] fixed bits.
const STRONG_DATAGRAM: Confidence = Confidence(93);
/// Datagrams of both sides, each with few fixed bits.
const BOTH_DATAGRAMS: Confidence = Confidence(92);
/// A datagram with few fixed bits: the next one can tell.
const WEAK_DATAGRAM: Confidence = Confidence(70);

fn found<'a>(confidence: Confidence, evidence: Evidence) -> Answer<'a> {
    Answer::Match(Finding::new(Protocol::Edonkey, confidence, evidence))
}

pub(super) fn tcp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let payload = view.payload;
    let otherwise = || if view.from_start { Answer::No } else { Answer::Unsure };
    let Some((&protocol, rest)) = payload.split_first() else { return Answer::No };
    if !matches!(protocol, EDONKEY | EMULE | PACKED) {
        return otherwise();
    }
    let (Some(length), Some(&opcode)) = (le32(rest), rest.get(4)) else {
        return if super::text::may_grow(view) { Answer::Unsure } else { Answer::No };
    };
    if !plausible(protocol, opcode, length) {
        return otherwise();
    }
    let body = payload.get(HEADER..).unwrap_or_default();
    if protocol == EDONKEY && opcode == 0x01 && is_hello(body) {
        edonkey_peers::learn_hello(view, body);
        let finding = Finding::certain(Protocol::Edonkey, Evidence::HANDSHAKE);
        // A server tells its clients of sources.
        let login = body.first() != Some(&16);
        return Answer::Match(if login { finding.with_lessons() } else { finding });
    }
    if is_part(opcode, length, body) {
        return found(CHAIN, Evidence::FRAMING);
    }
    let (messages, exact) = chain(view);
    match (messages, exact, view.from_start) {
        (2.., _, _) => found(CHAIN, Evidence::FRAMING),
        (1, true, true) => found(ONE_MESSAGE, Evidence::FRAMING),
        (1, true, false) if length >= 3 => found(MIDWAY, Evidence::FRAMING),
        (_, _, true) if payload.len() < 1024 && super::text::may_grow(view) => Answer::Unsure,
        _ => otherwise(),
    }
}

/// How many whole messages follow each other, learning what they tell, and whether the last ends with the payload.
fn chain(view: &View<'_>) -> (usize, bool) {
    let (mut rest, mut messages) = (view.payload, 0);
    while let (Some(&protocol), Some(length)) = (rest.first(), rest.get(1..).and_then(le32)) {
        let Some(&opcode) = rest.get(5) else { break };
        if !plausible(protocol, opcode, length) {
            return (0, false);
        }
        let Some((message, next)) = rest.split_at_checked(5 + length as usize) else { break };
        if protocol == EDONKEY {
            let body = message.get(HEADER..).unwrap_or_default();
            if opcode == HELLO_ANSWER && is_hello(body) {
                edonkey_peers::learn_hello(view, body);
            }
            edonkey_peers::learn_message(view, opcode, body);
        }
        messages += 1;
        rest = next;
    }
    (messages, rest.is_empty())
}

fn plausible(protocol: u8, opcode: u8, length: u32) -> bool {
    let known = match protocol {
        EDONKEY => matches!(opcode,
            0x01 | 0x05 | 0x14..=0x16 | 0x18..=0x1a | 0x1c | 0x21 | 0x23 | 0x32..=0x36 | 0x38
            | 0x40..=0x44 | 0x46..=0x4f | 0x50..=0x5f),
        EMULE => {
            matches!(opcode, 0x01 | 0x02 | 0x40 | 0x60..=0x63 | 0x81..=0x88 | 0x90..=0xaf)
        }
        // Packed with zlib: an opcode of either.
        PACKED => opcode != 0,
        _ => false,
    };
    known && (1..=MAX_LENGTH).contains(&length)
}

/// A client's hello (its hash's length, 16, first) or its login at a server: hash, identifier,
/// port, tags.
fn is_hello(body: &[u8]) -> bool {
    let fields = match body.split_first() {
        Some((&16, rest)) => rest,
        _ => body,
    };
    // Clients mark their hash: eMule with 14 and 111, others with their own letters.
    let tags = fields.get(HASH + 6..).and_then(le32);
    let first_tag = fields.get(HASH + 10);
    let typed = first_tag.is_some_and(|kind| matches!(kind & 0x7f, 1..=0x0b | 0x10..=0x20));
    tags.is_some_and(|tags| tags <= MAX_TAGS && (tags == 0 || typed))
}

/// A piece of a file: hash, start, end, and as many octets as lie between the two.
fn is_part(opcode: u8, length: u32, body: &[u8]) -> bool {
    let (start, end) = match opcode {
        SENDING_PART => (body.get(HASH..).and_then(le32), body.get(HASH + 4..).and_then(le32)),
        _ => return false,
    };
    let (Some(start), Some(end)) = (start, end) else { return false };
    end > start && u64::from(end - start) + 25 == u64::from(length)
}

pub(super) fn udp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let Some(bits) = weigh_datagram(view.payload) else { return Answer::No };
    edonkey_peers::learn_datagram(view);
    if bits >= STRONG {
        return found(STRONG_DATAGRAM, Evidence::FRAMING);
    }
    // The other side's first datagram is as good.
    let other = weigh_datagram(view.heads.get(view.side.other()));
    if other.is_some() {
        return found(BOTH_DATAGRAMS, Evidence::FRAMING);
    }
    Answer::Match(Finding::new(Protocol::Edonkey, WEAK_DATAGRAM, Evidence::FRAMING).with_more())
}

/// Bits from which one datagram settles.
const STRONG: u32 = 28;

/// About how many bits of a datagram are as they must be; `None` if it cannot be one of these.
fn weigh_datagram(datagram: &[u8]) -> Option<u32> {
    let (&[protocol, opcode], body) = datagram.split_first_chunk::<2>()?;
    let length = body.len();
    // Protocol and opcode are fixed, and where the length is, it is worth another ten.
    let exact = |lengths: &[usize]| lengths.contains(&length).then_some(26);
    match (protocol, opcode) {
        // Server: status, description, sources, searches, callbacks.
        (EDONKEY, 0x96) => exact(&[4]),
        (EDONKEY, 0x97) => (8..=64).contains(&length).then_some(22),
        (EDONKEY, 0xa2) => exact(&[0, 4]),
        (EDONKEY, 0x9a) => (length > 0 && length.is_multiple_of(HASH)).then_some(22),
        (EDONKEY, 0x94) => (length >= 20 && length.is_multiple_of(20)).then_some(22),
        (EDONKEY, 0x9b) => {
            let sources = usize::from(*body.get(HASH)?);
            (length == HASH + 1 + sources * 6).then_some(30)
        }
        (EDONKEY, 0x9c) => exact(&[10]),
        (EDONKEY, 0xa3) => {
            let name = usize::from(le16(body)?);
            (length >= 4 + name).then_some(22)
        }
        // Client: asking again for a file, and the answers.
        (EMULE, 0x90) => (HASH..=HASH + 130).contains(&length).then_some(20),
        (EMULE, 0x91) => (2..=130).contains(&length).then_some(18),
        (EMULE, 0x92 | 0x93) => exact(&[0]),
        // Kad: bootstrap, hello, request, response.
        (KAD, 0x01 | 0x60) => exact(&[0]),
        (KAD, 0x00) => exact(&[25]),
        (KAD, 0x09) => {
            let contacts = usize::from(le16(body.get(19..)?)?);
            (length == 21 + contacts * 25).then_some(34)
        }
        (KAD, 0x11 | 0x19) => {
            let (version, tags) = (*body.get(18)?, *body.get(19)?);
            ((1..=20).contains(&version) && tags < 10).then_some(if tags == 0 { 33 } else { 26 })
        }
        (KAD, 0x22) => (length > HASH).then_some(18),
        (KAD, 0x21) => {
            let kind = body.first()? & 0x1f;
            (length == 33 && matches!(kind, 2 | 4 | 11)).then_some(34)
        }
        (KAD, 0x29) => {
            let contacts = usize::from(*body.get(HASH)?);
            (length == HASH + 1 + contacts * 25).then_some(34)
        }
        (KAD, 0x33..=0x35) => (length >= HASH).then_some(18),
        (KAD, 0x3b | 0x43..=0x45) => (length >= 2 * HASH).then_some(18),
        (KAD, 0x4b) => exact(&[17, 18]),
        (KAD, 0x50) => exact(&[2]),
        (KAD, 0x53) => (18..=64).contains(&length).then_some(18),
        (KAD, 0x58) => exact(&[4]),
        (KAD, 0x59) => exact(&[0]),
        (KAD, 0x61) => exact(&[2]),
        (KAD, 0x62) => exact(&[3]),
        // Packed with zlib, whose first two octets are a multiple of 31.
        (KAD_PACKED, 0x09..=0x63) => {
            let zlib = u16::from_be_bytes(*body.first_chunk::<2>()?);
            (zlib >> 8 == 0x78 && zlib.is_multiple_of(31)).then_some(26)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, truncations};
    use super::*;

    fn message(protocol: u8, opcode: u8, body: &[u8]) -> Vec<u8> {
        let mut octets = vec![protocol];
        octets.extend((body.len() as u32 + 1).to_le_bytes());
        octets.push(opcode);
        octets.extend(body);
        octets
    }

    fn hello() -> Vec<u8> {
        let mut body = vec![16];
        body.extend([7; 16]);
        body.extend([1, 2, 3, 4, 0x36, 0x12]);
        body.extend(1u32.to_le_bytes());
        body.extend(b"\x02\x01\x00\x01\x03\0abc\0\0\0\0\0\0");
        message(EDONKEY, 0x01, &body)
    }

    #[test]
    fn a_hello_settles_and_its_parts_wait() {
        let hello = hello();
        truncations(tcp, || Flow::tcp(4662), &hello, |length| length >= HEADER + 28);
        assert_eq!(Flow::tcp(4662).client(tcp, &hello[..4]), Said::Unsure);
        assert_eq!(Flow::tcp(4662).client(tcp, b"\xe3\xff\xff\xff\xff\x01"), Said::No);
        assert_eq!(Flow::tcp(4662).client(tcp, b"\x16\x03\x01"), Said::No);
    }

    #[test]
    fn messages_count_by_their_ends() {
        let part = message(EDONKEY, 0x55, b"");
        assert_eq!(Flow::tcp(1).server(tcp, &part).settled(), Some(Protocol::Edonkey));
        let two = [part.clone(), message(EMULE, 0x60, &[1; 12])].concat();
        assert_eq!(Flow::tcp(1).midway().server(tcp, &two).settled(), Some(Protocol::Edonkey));
        let mut long = message(EDONKEY, 0x4c, &[1; 30]);
        long.push(0x77);
        assert_eq!(Flow::tcp(1).midway().server(tcp, &long), Said::Unsure);
    }

    #[test]
    fn a_piece_of_a_file_settles_before_it_is_whole() {
        let mut body = vec![9; 16];
        body.extend(1000u32.to_le_bytes());
        body.extend(11_240u32.to_le_bytes());
        body.extend(vec![3; 10_240]);
        let part = message(EDONKEY, SENDING_PART, &body);
        let said = Flow::tcp(1).midway().server(tcp, &part[..1400]);
        assert_eq!(said.settled(), Some(Protocol::Edonkey));
        let mut wrong = part;
        wrong[22] ^= 1;
        assert_eq!(Flow::tcp(1).midway().server(tcp, &wrong[..1400]), Said::Unsure);
    }

    #[test]
    fn kad_requests_settle_by_length_and_pings_by_their_answer() {
        let request = [&[KAD, 0x21, 11][..], &[5; 32]].concat();
        truncations(udp, || Flow::udp(4672), &request, |length| length == 35);
        let mut flow = Flow::udp(4672);
        let ping = flow.client(udp, &[KAD, 0x60]);
        assert!(ping.matched().is_some() && ping.settled().is_none());
        assert!(flow.server(udp, &[KAD, 0x61, 0x40, 0x12]).settled().is_some());
        assert_eq!(Flow::udp(1).client(udp, &[KAD, 0x61, 0x40]), Said::No);
        assert_eq!(Flow::udp(1).client(udp, &[KAD]), Said::No);
    }

    #[test]
    fn server_status_needs_both_sides() {
        let mut flow = Flow::udp(4665);
        assert!(flow.client(udp, b"\xe3\x96\x11\x22\xaa\x55").settled().is_none());
        let status = [&b"\xe3\x97\x11\x22\xaa\x55"[..], &[0; 8]].concat();
        assert!(flow.server(udp, &status).settled().is_some());
    }
}
