//! BitTorrent's micro transport protocol (BEP 29), with plain or encrypted contents.
//!
//! A header of 20 octets has few fixed bits, so one datagram proves little: two sides that agree on
//! their connection, or three datagrams whose numbers follow each other, prove it. What uTP carries
//! is BitTorrent, encrypted (MSE) or not.

use etiage_capture::{PerSide, Side};

use super::{Scratch, bittorrent, peers};
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};
use etiage_capture::Cursor;

const DATA: u8 = 0;
const STATE: u8 = 2;
const RESET: u8 = 3;
const SYN: u8 = 4;

/// Largest window that clients announce is a few megabytes; larger numbers are another protocol's.
const MAX_WINDOW: u32 = 1 << 26;
/// How far two numbers of one connection may lie apart in the datagrams of a inspected flow.
const MAX_STEP: u16 = 512;
/// The sender's clock between two datagrams, in microseconds: inspecting ends long before a minute.
const MAX_PAUSE: u32 = 120_000_000;
/// Datagrams of one side in a row that must agree.
const ROW: u8 = 3;

/// The fields that tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    kind: u8,
    connection: u16,
    sent_at: u32,
    delay: u32,
    sequence: u16,
    acknowledged: u16,
    has_extension: bool,
}

/// What is remembered of a flow.
#[derive(Debug, Default)]
pub(super) struct Memory {
    last: PerSide<Option<Header>>,
    row: PerSide<u8>,
}

/// A header whose extensions end within the datagram, and what follows it.
fn parse(datagram: &[u8]) -> Option<(Header, &[u8])> {
    let mut cursor = Cursor::new(datagram);
    let first = cursor.u8()?;
    let (kind, version) = (first >> 4, first & 15);
    let mut extension = cursor.u8()?;
    let has_extension = extension != 0;
    let connection = cursor.u16()?;
    let (sent_at, delay, window) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
    let (sequence, acknowledged) = (cursor.u16()?, cursor.u16()?);
    if version != 1 || kind > SYN || window > MAX_WINDOW {
        return None;
    }
    while extension != 0 {
        let known = extension;
        extension = cursor.u8()?;
        let length = cursor.vec8()?.len();
        let fits = match known {
            // Selective acknowledgement: a mask of at least 32 bits, in steps of 32.
            1 => length >= 4 && length.is_multiple_of(4),
            // µTorrent's extension bits, and libtorrent's reason for closing.
            2 => length == 8,
            3 => length == 4,
            _ => false,
        };
        if !fits {
            return None;
        }
    }
    let body = cursor.rest();
    let fits = match kind {
        DATA => !body.is_empty(),
        STATE | RESET | SYN => body.is_empty(),
        _ => true,
    };
    let header = Header { kind, connection, sent_at, delay, sequence, acknowledged, has_extension };
    fits.then_some((header, body))
}

/// BitTorrent's handshake inside, or both sides' headers agree.
const AGREED: Confidence = Confidence(98);
/// [`ROW`] headers of one side that follow each other.
const IN_ROW: Confidence = Confidence(94);
/// Two headers of one connection, with a known peer.
const KNOWN_PEER: Confidence = Confidence(93);
/// A first SYN towards a known peer: nothing has followed it, so it does not settle the flow.
const SYN_TO_PEER: Confidence = Confidence(89);
/// A first SYN towards a stranger.
const SYN_ALONE: Confidence = Confidence(85);

pub(super) fn ask<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    let Some((header, body)) = parse(view.payload) else { return Answer::No };
    let memory = &mut scratch.utp;
    let before = memory.last.get_mut(view.side).replace(header);
    let row = memory.row.get_mut(view.side);
    *row = match before {
        Some(before) if follows(&before, &header) => row.saturating_add(1),
        Some(before) if repeats(&before, &header) => *row,
        _ => 1,
    };
    let in_row = *row >= ROW;
    let other = *memory.last.get(view.side.other());
    let agreed = other.is_some_and(|other| agree(&other, &header));
    let inside = body.starts_with(bittorrent::HANDSHAKE);
    let known_peer = view.has_peer(Protocol::BitTorrent);
    if inside || agreed {
        if view.side == Side::Responder {
            peers::learn(view, view.source());
        }
        let evidence = if inside { Evidence::HANDSHAKE } else { Evidence::FRAMING };
        return found(AGREED, Evidence::UTP.with(evidence));
    }
    if in_row {
        return found(IN_ROW, Evidence::UTP.with(Evidence::FRAMING));
    }
    if known_peer && before.is_some_and(|before| before.connection == header.connection) {
        return found(KNOWN_PEER, Evidence::UTP.with(Evidence::PEER));
    }
    // A first SYN has nothing to acknowledge and no delay to report. Peers that are gone never
    // answer it.
    let opens = header.kind == SYN && header.acknowledged == 0 && header.delay == 0;
    if opens && (known_peer || header.sequence == 1 || header.has_extension) {
        let evidence = if known_peer { Evidence::PEER } else { Evidence::HANDSHAKE };
        let confidence = if known_peer { SYN_TO_PEER } else { SYN_ALONE };
        let finding = Finding::new(Protocol::BitTorrent, confidence, Evidence::UTP.with(evidence));
        return Answer::Match(finding.with_more());
    }
    Answer::Unsure
}

fn found<'a>(confidence: Confidence, evidence: Evidence) -> Answer<'a> {
    Answer::Match(Finding::new(Protocol::BitTorrent, confidence, evidence))
}

/// Two sides of a connection: the initiator sends with one more than what it receives (its SYN
/// apart), and what each acknowledges is what the other sent.
fn agree(earlier: &Header, later: &Header) -> bool {
    let near = |acknowledged: u16, sequence: u16| {
        sequence.wrapping_sub(acknowledged).wrapping_add(MAX_STEP) <= 2 * MAX_STEP
    };
    if earlier.kind == SYN {
        let answers = later.connection == earlier.connection && later.kind != SYN;
        return answers && later.acknowledged.wrapping_sub(earlier.sequence) <= 1;
    }
    let apart = earlier.connection.wrapping_sub(later.connection);
    let neighbours = apart == 1 || apart == u16::MAX;
    neighbours
        && later.kind != SYN
        && near(later.acknowledged, earlier.sequence)
        && near(earlier.acknowledged, later.sequence)
}

/// One side's next datagram of the same connection.
fn follows(before: &Header, next: &Header) -> bool {
    // The connection identifier of a SYN is one less than that of what follows it.
    let connection =
        before.connection.wrapping_add(u16::from(before.kind == SYN && next.kind != SYN));
    let steps = (
        next.sequence.wrapping_sub(before.sequence),
        next.acknowledged.wrapping_sub(before.acknowledged),
    );
    let clock = next.sent_at.wrapping_sub(before.sent_at);
    let known_ack = before.kind == SYN || steps.1 <= MAX_STEP;
    connection == next.connection
        && (1..=MAX_PAUSE).contains(&clock)
        && steps.0 <= MAX_STEP
        && known_ack
        && steps != (0, 0)
}

/// The same datagram sent again: neither progress nor contradiction.
fn repeats(before: &Header, next: &Header) -> bool {
    before.connection == next.connection
        && before.sequence == next.sequence
        && before.acknowledged == next.acknowledged
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, truncations};
    use super::*;

    fn packet(kind: u8, connection: u16, at: u32, numbers: (u16, u16), body: &[u8]) -> Vec<u8> {
        let mut octets = vec![kind << 4 | 1, 0];
        octets.extend(connection.to_be_bytes());
        octets.extend(at.to_be_bytes());
        octets.extend(if kind == SYN { 0u32 } else { 1500 }.to_be_bytes());
        octets.extend(0x0010_0000u32.to_be_bytes());
        octets.extend(numbers.0.to_be_bytes());
        octets.extend(numbers.1.to_be_bytes());
        octets.extend(body);
        octets
    }

    #[test]
    fn a_syn_and_its_answer_settle() {
        let mut flow = Flow::udp(45880);
        let syn = flow.client(ask, &packet(SYN, 700, 1000, (1, 0), b""));
        assert!(syn.matched().is_some() && syn.settled().is_none());
        let state = flow.server(ask, &packet(STATE, 700, 9000, (5555, 1), b""));
        assert_eq!(state.settled(), Some(Protocol::BitTorrent));
        assert!(flow.knows("198.51.100.2:45880"));
    }

    #[test]
    fn an_answer_to_another_connection_does_not_settle() {
        let mut flow = Flow::udp(45880);
        flow.client(ask, &packet(SYN, 700, 1000, (1, 0), b""));
        assert_eq!(flow.server(ask, &packet(STATE, 701, 9000, (5555, 1), b"")), Said::Unsure);
        let mut flow = Flow::udp(45880);
        flow.client(ask, &packet(SYN, 700, 1000, (1, 0), b""));
        assert_eq!(flow.server(ask, &packet(STATE, 700, 9000, (5555, 9), b"")), Said::Unsure);
    }

    #[test]
    fn encrypted_contents_are_known_by_the_numbers_of_either_or_both_sides() {
        let mut flow = Flow::udp(45880);
        assert_eq!(flow.client(ask, &packet(DATA, 701, 10, (20, 90), &[9; 500])), Said::Unsure);
        let answer = flow.server(ask, &packet(STATE, 700, 77, (91, 20), b""));
        assert_eq!(answer.settled(), Some(Protocol::BitTorrent));

        let mut flow = Flow::udp(45880);
        assert_eq!(flow.client(ask, &packet(DATA, 701, 10, (20, 90), &[9; 500])), Said::Unsure);
        assert_eq!(flow.client(ask, &packet(DATA, 701, 20, (21, 90), &[9; 500])), Said::Unsure);
        let third = flow.client(ask, &packet(DATA, 701, 30, (22, 91), &[9; 500]));
        assert_eq!(third.settled(), Some(Protocol::BitTorrent));
    }

    #[test]
    fn a_handshake_inside_settles_at_once() {
        let body = [bittorrent::HANDSHAKE, &[0; 48]].concat();
        let said = Flow::udp(6881).client(ask, &packet(DATA, 5, 1, (2, 3), &body));
        assert_eq!(said.settled(), Some(Protocol::BitTorrent));
    }

    #[test]
    fn constant_and_foreign_datagrams_never_settle() {
        let mut flow = Flow::udp(6881);
        for _ in 0..12 {
            assert_eq!(flow.client(ask, &packet(DATA, 5, 1, (2, 3), b"same")), Said::Unsure);
        }
        assert_eq!(Flow::udp(6881).client(ask, b"\x02\0"), Said::No);
        let syn = packet(SYN, 700, 1000, (1, 0), b"");
        truncations(ask, || Flow::udp(1), &syn, |_| false);
        for length in 1..20 {
            assert_eq!(Flow::udp(1).client(ask, &syn[..length]), Said::No);
        }
        assert_eq!(Flow::udp(1).client(ask, &packet(STATE, 1, 1, (1, 1), b"x")), Said::No);
        assert_eq!(Flow::udp(1).client(ask, &packet(5, 1, 1, (1, 1), b"x")), Said::No);
    }

    #[test]
    fn extensions_must_end_where_they_say() {
        let mut state = packet(STATE, 700, 1, (1, 1), &[0, 4, 1, 2, 3, 4]);
        state[1] = 1;
        assert_eq!(Flow::udp(1).client(ask, &state), Said::Unsure);
        for (place, octet) in [(21, 5), (21, 0), (20, 1), (1, 9)] {
            let mut wrong = state.clone();
            wrong[place] = octet;
            assert_eq!(Flow::udp(1).client(ask, &wrong), Said::No, "{place}");
        }
    }
}
