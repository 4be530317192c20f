//! BitTorrent's message stream encryption over TCP, as far as circumstances tell it.
//!
//! Nothing is fixed on the wire: each side sends a public key of 96 octets and up to 512 octets of
//! padding, then the initiator sends two hashes and its encrypted offer. Other encrypted protocols
//! look alike, so the shape counts only towards an endpoint that is known as a peer, and never
//! settles alone.

use etiage_capture::{PerSide, Side};

use super::Scratch;
use crate::class::{Confidence, Evidence, Protocol};
use crate::probe::{Answer, Finding, View};

/// Length of a public key.
const KEY: usize = 96;
/// Most that a side sends before it must hear from the other: key and padding.
const MAX_FLIGHT: u16 = 96 + 512;
/// Least that the initiator sends next: two hashes of 20 octets, verification, offer and two
/// lengths.
const OFFER: u16 = 20 + 20 + 8 + 4 + 2 + 2;
/// Different octets among 96 random ones: 80 on average, fewer than 64 once in some millions.
const MIN_DIFFERENT: u32 = 64;
/// Set bits among 768 random ones: 384 on average, and further off than 70 once in some millions.
const BITS: std::ops::RangeInclusive<u32> = 314..=454;

/// What is remembered of a flow.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// How much each side sent before the initiator's second flight.
    flights: PerSide<u16>,
}

pub(super) fn ask<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    let length = u16::try_from(view.payload.len()).unwrap_or(u16::MAX);
    let flights = &mut scratch.mse.flights;
    let random = view.payload.get(..KEY).is_none_or(is_random);
    let first = view.side == Side::Responder || view.answered == 0;
    // The responder must not speak first.
    let in_turn = view.side == Side::Initiator || view.answered > 0;
    if !view.from_start || !random || !in_turn || first && length > MAX_FLIGHT {
        return Answer::No;
    }
    if first {
        *flights.get_mut(view.side) = length;
        return Answer::Unsure;
    }
    let whole = |flight: u16| (KEY as u16..=MAX_FLIGHT).contains(&flight);
    if !whole(flights.initiator) {
        return Answer::No;
    }
    if !whole(flights.responder) || length.saturating_sub(flights.initiator) < OFFER {
        // The responder's key, or the initiator's offer, comes in several segments.
        return if view.sent < 5 { Answer::Unsure } else { Answer::No };
    }
    let known = [view.ends.responder, view.ends.initiator]
        .into_iter()
        .any(|end| view.knowledge.peer(view.now, end) == Some(Protocol::BitTorrent));
    if !known {
        return Answer::No;
    }
    let evidence = Evidence::MSE.with(Evidence::PEER).with(Evidence::SHAPE);
    Answer::Match(Finding::new(Protocol::BitTorrent, Confidence(85), evidence))
}

/// Whether a key's octets look like a random number.
fn is_random(key: &[u8]) -> bool {
    let mut seen = [0u64; 4];
    for octet in key {
        if let Some(word) = seen.get_mut(usize::from(octet >> 6)) {
            *word |= 1 << (octet & 63);
        }
    }
    let different: u32 = seen.iter().map(|word| word.count_ones()).sum();
    let bits: u32 = key.iter().map(|octet| octet.count_ones()).sum();
    different >= MIN_DIFFERENT && BITS.contains(&bits)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said};
    use super::*;

    /// Octets that look random (Marsaglia's xorshift).
    fn noise(seed: u32, length: usize) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    fn handshake(flow: &mut Flow, key: usize, answer: usize, offer: usize) -> Said {
        flow.client(ask, &noise(2_654_435_761, key));
        flow.server(ask, &noise(2_246_822_519, answer));
        flow.client(ask, &noise(3_266_489_917, offer))
    }

    fn to_peer() -> Flow {
        let flow = Flow::tcp(51413);
        flow.knowledge.learn_peer(flow.now, flow.ends.responder, Protocol::BitTorrent);
        flow
    }

    #[test]
    fn the_shape_counts_towards_a_known_peer_only_and_never_settles() {
        for (key, answer, offer) in [(96, 96, 56), (608, 608, 56), (300, 120, 400)] {
            let said = handshake(&mut to_peer(), key, answer, offer);
            assert_eq!(said.matched(), Some(Protocol::BitTorrent), "{key} {answer} {offer}");
            assert_eq!(said.settled(), None);
            assert_eq!(handshake(&mut Flow::tcp(51413), key, answer, offer), Said::No);
        }
    }

    #[test]
    fn lengths_outside_the_bounds_do_not_count() {
        assert_eq!(handshake(&mut to_peer(), 95, 96, 56), Said::No);
        assert_eq!(to_peer().client(ask, &noise(2_654_435_761, 609)), Said::No);
        assert_eq!(handshake(&mut to_peer(), 96, 96, 55), Said::Unsure);
        assert_eq!(handshake(&mut to_peer(), 96, 95, 56), Said::Unsure);
        assert_eq!(to_peer().server(ask, &noise(2_246_822_519, 96)), Said::No);
    }

    #[test]
    fn text_and_padding_are_not_random() {
        assert_eq!(to_peer().client(ask, &[b'a'; 96]), Said::No);
        let text = b"Accept: text/html, */*; User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/115.0 x";
        assert_eq!(to_peer().client(ask, text), Said::No);
        assert_eq!(to_peer().midway().client(ask, &noise(2_654_435_761, 96)), Said::No);
    }
}
