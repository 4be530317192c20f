//! BitTorrent's peer wire protocol over TCP (BEP 3, 6, 10, 52): the handshake, and messages where
//! it was not seen.

use super::text::{self, Start};
use super::{Scratch, peers};
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};
use etiage_capture::Cursor;
use memchr::memchr_iter;

/// The first twenty octets of the handshake.
pub(super) const HANDSHAKE: &[u8] = b"\x13BitTorrent protocol";
/// The block that every client asks for, and asks for at its multiples.
const BLOCK: u32 = 16 * 1024;
/// The largest block that clients still serve.
const MAX_BLOCK: u32 = 128 * 1024;
/// The largest message that is no block: a bitfield of 8 million pieces, an extended handshake.
const MAX_OTHER: u32 = 1 << 20;

/// Messages, or a block, in the middle of a stream: lengths and kinds fit.
const MESSAGES: Confidence = Confidence(92);
/// Too few fixed octets to settle; the next segment can tell.
const ONE_MESSAGE: Confidence = Confidence(70);

pub(super) fn ask<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let start = text::start(view.payload, HANDSHAKE);
    if start == Start::Whole {
        // Whoever is connected to listens there.
        peers::learn(view, view.ends.responder);
        return Answer::Match(Finding::certain(Protocol::BitTorrent, Evidence::HANDSHAKE));
    }
    if view.from_start {
        return text::not_yet(start, view);
    }
    match weigh(view.payload) {
        weight if weight >= STRONG || has_block(view.payload) => {
            Answer::Match(Finding::new(Protocol::BitTorrent, MESSAGES, Evidence::FRAMING))
        }
        weight if weight >= WEAK => Answer::Match(
            Finding::new(Protocol::BitTorrent, ONE_MESSAGE, Evidence::FRAMING).with_more(),
        ),
        // A segment in the middle of a block says nothing; the next one may begin a message.
        _ => Answer::Unsure,
    }
}

/// Weight from which messages alone settle the flow.
const STRONG: u32 = 90;
/// Weight from which they are worth a guess. Other protocols too send a length of four octets and a
/// small number after it.
const WEAK: u32 = 70;

/// Whether a block's message begins anywhere: length and kind, a piece and an offset as they may be
/// are 68 bits, which the 1,448 places of a segment do not meet by chance. Of any 12 segments in a
/// row of a download one has it.
fn has_block(payload: &[u8]) -> bool {
    memchr_iter(0x40, payload).any(|at| {
        let message = at.checked_sub(2).and_then(|start| payload.get(start..start + 13));
        message.is_some_and(|message| {
            message.starts_with(&[0, 0, 0x40, 9, 7, 0])
                && matches!(message.last_chunk(), Some([0..=3, _, high, 0]) if high & 0x3f == 0)
        })
    })
}

/// About how many bits of the payload are as BitTorrent's messages would have them. The messages
/// must follow each other from the payload's start to its end, or to one that goes on behind it.
pub(super) fn weigh(payload: &[u8]) -> u32 {
    let mut cursor = Cursor::new(payload);
    let mut weight = 0u32;
    while !cursor.is_empty() {
        let Some(length) = cursor.u32() else { return weight };
        if length == 0 {
            continue;
        }
        let Some(kind) = cursor.u8() else { return weight };
        let rest = cursor.rest();
        let body = usize::try_from(length - 1).unwrap_or(usize::MAX);
        let Some(more) = weigh_message(kind, length, rest.get(..body).unwrap_or(rest)) else {
            return 0;
        };
        weight = weight.saturating_add(more);
        if cursor.take(body).is_none() {
            return weight;
        }
    }
    weight
}

/// The weight of one message, whose body may be cut short; `None` if it cannot be one.
fn weigh_message(kind: u8, length: u32, body: &[u8]) -> Option<u32> {
    let mut fields = Cursor::new(body);
    match (kind, length) {
        // Choke, unchoke, interested, not interested; have all, have none (BEP 6).
        (0..=3 | 14 | 15, 1) => Some(20),
        // Have; suggest, allowed fast (BEP 6).
        (4 | 13 | 17, 5) => {
            let piece = fields.u32()?;
            (piece < 1 << 24).then_some(36)
        }
        // The DHT's port (BEP 5).
        (9, 3) => Some(36),
        // Request, cancel, reject: piece, offset, length.
        (6 | 8 | 16, 13) => {
            let (piece, offset, block) = (fields.u32()?, fields.u32()?, fields.u32()?);
            let whole = block == BLOCK && offset.is_multiple_of(BLOCK);
            let plausible = piece < 1 << 24 && offset < 1 << 26 && (1..=MAX_BLOCK).contains(&block);
            plausible.then_some(if whole { 95 } else { 55 })
        }
        // A block: piece, offset, data.
        (7, 10..) => {
            let (piece, offset, block) = (fields.u32()?, fields.u32()?, length - 9);
            let whole = block == BLOCK && offset.is_multiple_of(BLOCK);
            let plausible = piece < 1 << 24 && offset < 1 << 26 && block <= MAX_BLOCK;
            plausible.then_some(if whole { 92 } else { 40 })
        }
        // Bitfield; its octets are anything.
        (5, 2..=MAX_OTHER) => Some(20),
        // Extended messages (BEP 10): number and a dictionary.
        (20, 4..=MAX_OTHER) => {
            let (extension, first) = (fields.u8()?, fields.u8()?);
            (extension < 32 && first == b'd').then_some(45)
        }
        // Hash request and reject (BEP 52).
        (21 | 23, 49) => Some(36),
        (22, 50..=MAX_OTHER) => Some(16),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, truncations};
    use super::*;

    const REQUEST: &[u8] = b"\0\0\0\x0d\x06\0\0\0\x05\0\0\x40\0\0\0\x40\0";

    fn handshake() -> Vec<u8> {
        [HANDSHAKE, &[0, 0, 0, 0, 0, 0x10, 0, 5], &[0xa5; 20], b"-TR3000-abcdefghijkl"].concat()
    }

    #[test]
    fn the_handshake_settles_from_either_side() {
        let mut flow = Flow::tcp(51413);
        assert_eq!(flow.client(ask, &handshake()).settled(), Some(Protocol::BitTorrent));
        assert!(flow.knows("198.51.100.2:51413"));
        assert!(!flow.knows("192.0.2.1:50000"), "the initiator's port is ephemeral");
        assert!(Flow::tcp(51413).server(ask, &handshake()).settled().is_some());
        assert!(Flow::tcp(51413).midway().server(ask, &handshake()).settled().is_some());
    }

    #[test]
    fn a_cut_handshake_is_waited_for() {
        truncations(ask, || Flow::tcp(6881), &handshake(), |length| length >= 20);
        let mut flow = Flow::tcp(6881);
        assert_eq!(flow.client(ask, b"\x13BitTorrent"), Said::Unsure);
        assert_eq!(flow.client(ask, b" protocol").settled(), Some(Protocol::BitTorrent));
        assert_eq!(Flow::tcp(6881).client(ask, b"\x13BitTorrent Protocol"), Said::No);
    }

    #[test]
    fn a_whole_request_or_block_settles_midway() {
        let said = Flow::tcp(6881).midway().client(ask, REQUEST);
        assert_eq!(said.settled(), Some(Protocol::BitTorrent));
        let mut block = b"\0\0\x40\x09\x07\0\0\0\x05\0\x01\0\0".to_vec();
        block.extend([7; 1400]);
        let said = Flow::tcp(6881).midway().server(ask, &block);
        assert_eq!(said.settled(), Some(Protocol::BitTorrent));
        truncations(ask, || Flow::tcp(6881).midway(), REQUEST, |length| length == REQUEST.len());
    }

    #[test]
    fn a_block_that_begins_within_a_segment_settles_midway() {
        let mut segment = vec![0xa7; 1448];
        segment[700..713].copy_from_slice(b"\0\0\x40\x09\x07\0\x01\x02\x03\0\0\x40\0");
        let said = Flow::tcp(6881).midway().server(ask, &segment);
        assert_eq!(said.settled(), Some(Protocol::BitTorrent));
        segment[711] = 0x41;
        assert_eq!(Flow::tcp(6881).midway().server(ask, &segment), Said::Unsure);
    }

    #[test]
    fn small_messages_settle_only_together() {
        let have = b"\0\0\0\x05\x04\0\0\0\x07";
        let mut flow = Flow::tcp(6881).midway();
        assert_eq!(flow.client(ask, have), Said::Unsure);
        let twice = flow.client(ask, &[&have[..], have].concat());
        assert!(twice.matched().is_some() && twice.settled().is_none());
        let thrice = flow.client(ask, &[&have[..], have, have].concat());
        assert_eq!(thrice.settled(), Some(Protocol::BitTorrent));
        assert_eq!(
            flow.client(ask, &[&have[..], have, have, b"\0\0\0\x05\x63"].concat()),
            Said::Unsure
        );
        assert_eq!(flow.client(ask, &[0; 1400]), Said::Unsure, "keep-alives alone prove nothing");
    }

    #[test]
    fn messages_do_not_count_where_the_handshake_should_be() {
        assert_eq!(Flow::tcp(6881).client(ask, REQUEST), Said::No);
    }
}
