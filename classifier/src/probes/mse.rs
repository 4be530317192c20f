//! BitTorrent's message stream encryption over TCP, as far as circumstances tell it.
//!
//! Nothing is fixed on the wire. Each side sends a public key of 96 octets and up to 512 octets of
//! padding, and waits for the other's; then the initiator sends two hashes of 20 octets, 8 octets of
//! verification, its offer and, mostly, the handshake of 68 octets that BitTorrent begins with; the
//! responder's answer is 14 octets and its own handshake. Other protocols that hide look alike, so
//! no verdict here settles, and each says what it rests on:
//!
//! - 85: the shape, towards a known peer.
//! - 80: the shape with both sides' lengths exact.
//! - 75: the shape, from a host that speaks BitTorrent itself, or that did the same to three more
//!   strangers of different addresses and ports.
//! - 70: the shape with the initiator's length exact.
//! - 65: one side only, its lengths exact.
//! - 60: the shape, from a host that did the same to one more such stranger.
//!
//! A false positive would be another protocol without any fixed octet, on ports that no service is
//! known for, whose first client message and first server message have 96 to 608 octets each, and
//! whose client then sends exactly 56 or 124: an obfuscated proxy could, one connection in some
//! hundreds.

use etiage_capture::Side;

use super::Scratch;
use super::random::looks_random;
use crate::class::{Confidence, Evidence, Protocol};
use crate::ports;
use crate::probe::{Answer, Finding, View};

/// Length of a public key.
const KEY: u16 = 96;
/// Most that a side sends before it must hear from the other: key and padding.
const MAX_FLIGHT: u16 = 96 + 512;
/// Least that the initiator sends next: two hashes of 20 octets, verification, offer and two
/// lengths. Padding there is reserved for the future, and clients send none.
const OFFER: u16 = 20 + 20 + 8 + 4 + 2 + 2;
/// What it offers at once, if anything: BitTorrent's handshake.
const BITTORRENT: u16 = 68;
/// Most of an offer with padding, handshake and a few messages.
const MAX_OFFER: u16 = OFFER + 512 + BITTORRENT + 512;
/// Least that the responder answers: verification, choice, length of padding.
const CHOICE: u16 = 8 + 4 + 2;
/// Segments after which a side must have sent its part.
const MAX_SEGMENTS: u16 = 5;

/// The lengths of what the sides sent in turn; 0 where it was not yet.
#[derive(Debug, Default)]
pub(super) struct Memory {
    key: u16,
    answer: u16,
    offer: u16,
    /// How many strangers the initiator did this to, once counted.
    strangers: u8,
}

pub(super) fn ask<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    let length = u16::try_from(view.payload.len()).unwrap_or(u16::MAX);
    let memory = &mut scratch.mse;
    let sent = match view.side {
        Side::Initiator if memory.answer > 0 => memory.key,
        Side::Responder if memory.offer > 0 => memory.answer,
        _ => 0,
    };
    let new = view.payload.get(usize::from(sent)..).unwrap_or_default();
    if !view.from_start || !looks_random(new) {
        return Answer::No;
    }
    let new = length.saturating_sub(sent);
    if view.answered == 0 && memory.key > 0 {
        let first = std::mem::replace(&mut memory.key, length);
        return one_way(view, first, length);
    }
    match view.side {
        Side::Responder if view.answered == 0 => keep_key(&mut memory.key, new),
        Side::Initiator if memory.answer == 0 => keep_key(&mut memory.key, new),
        Side::Responder if memory.key < KEY => Answer::No,
        Side::Responder if memory.offer == 0 => keep_key(&mut memory.answer, new),
        Side::Initiator => {
            if memory.answer < KEY || new < OFFER {
                // The responder's key, or the initiator's offer, comes in several segments.
                return if view.sent < MAX_SEGMENTS { Answer::Unsure } else { Answer::No };
            }
            if memory.offer == 0 {
                let host = view.ends.initiator.ip();
                let count = view.knowledge.suspect(view.now, host, view.ends.responder);
                memory.strangers = u8::try_from(count).unwrap_or(u8::MAX);
            }
            memory.offer = new;
            grade(view, memory, None)
        }
        Side::Responder => grade(view, memory, Some(new)),
    }
}

/// Only one side is in view, for its answers take another way: its first segment is a key, and the
/// second an offer or a choice of exact length.
fn one_way<'a>(view: &View<'_>, key: u16, length: u16) -> Answer<'a> {
    let ends = [view.ends.responder, view.ends.initiator];
    let second = length.saturating_sub(key);
    let exact = match view.side {
        Side::Initiator => second == OFFER || second == OFFER + BITTORRENT,
        Side::Responder => second == CHOICE + BITTORRENT,
    };
    if !(KEY..=MAX_FLIGHT).contains(&key)
        || ends.into_iter().any(|end| ports::is_service(end.port()))
    {
        return Answer::No;
    }
    let known = view.has_peer(Protocol::BitTorrent);
    let shape = Evidence::MSE.with(Evidence::SHAPE);
    if exact {
        return Answer::Match(Finding::new(Protocol::BitTorrent, Confidence(65), shape));
    }
    if known {
        let evidence = shape.with(Evidence::PEER);
        return Answer::Match(Finding::new(Protocol::BitTorrent, Confidence(80), evidence));
    }
    // A key and its padding may come in two segments; the other side may yet be seen.
    if view.sent < 3 && length <= MAX_FLIGHT { Answer::Unsure } else { Answer::No }
}

/// A public key and its padding, or as much of it as has come.
fn keep_key<'a>(kept: &mut u16, length: u16) -> Answer<'a> {
    *kept = length;
    if length <= MAX_FLIGHT { Answer::Unsure } else { Answer::No }
}

/// The verdict after the offer, and after the choice that answers it.
fn grade<'a>(view: &View<'_>, memory: &Memory, choice: Option<u16>) -> Answer<'a> {
    if choice.is_some_and(|choice| choice < CHOICE) {
        return if view.sent < MAX_SEGMENTS { Answer::Unsure } else { Answer::No };
    }
    let ends = [view.ends.responder, view.ends.initiator];
    let shape = Evidence::MSE.with(Evidence::SHAPE);
    let found = |confidence: u8, evidence: Evidence| {
        let finding = Finding::new(Protocol::BitTorrent, Confidence(confidence), evidence);
        // What the offer leaves open, the choice may tell.
        Answer::Match(if choice.is_none() && confidence < 80 {
            finding.with_more()
        } else {
            finding
        })
    };
    if view.has_peer(Protocol::BitTorrent) {
        return found(85, shape.with(Evidence::PEER));
    }
    // A service's port says that it is the service's own encryption.
    if ends.into_iter().any(|end| ports::is_service(end.port())) {
        return Answer::No;
    }
    let exact = memory.offer == OFFER || memory.offer == OFFER + BITTORRENT;
    let exact_choice =
        choice.is_some_and(|choice| choice == CHOICE || choice == CHOICE + BITTORRENT);
    let (source, destination) = view.speak(Protocol::BitTorrent);
    let speaker = source || destination;
    match (exact, memory.strangers) {
        (true, _) if exact_choice => found(80, shape),
        _ if memory.offer > MAX_OFFER => Answer::No,
        _ if speaker => found(75, shape.with(Evidence::PEER)),
        (_, 4..) => found(75, shape),
        (true, _) => found(70, shape),
        (_, 2..) => found(60, shape),
        _ if choice.is_none() => Answer::Unsure,
        _ => Answer::No,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, noise};
    use super::*;

    fn handshake(flow: &mut Flow, key: usize, answer: usize, offer: usize) -> Said {
        flow.client(ask, &noise(1, key));
        flow.server(ask, &noise(2, answer));
        flow.client(ask, &noise(3, offer))
    }

    fn confidence(said: Said) -> u8 {
        if let Said::Match { confidence, .. } = said { confidence } else { 0 }
    }

    fn to_peer() -> Flow {
        let flow = Flow::tcp(51413);
        flow.is_peer(flow.ends.responder, Protocol::BitTorrent);
        flow
    }

    #[test]
    fn the_shape_counts_towards_a_known_peer_and_never_settles() {
        for (key, answer, offer) in [(96, 96, 56), (608, 608, 56), (300, 120, 400)] {
            let said = handshake(&mut to_peer(), key, answer, offer);
            assert_eq!(confidence(said), 85, "{key} {answer} {offer}");
        }
    }

    #[test]
    fn exact_lengths_count_without_knowledge_and_more_so_on_both_sides() {
        let mut flow = Flow::tcp(51413);
        assert_eq!(confidence(handshake(&mut flow, 506, 433, 124)), 70);
        assert_eq!(confidence(flow.server(ask, &noise(4, 82))), 80);
        let mut flow = Flow::tcp(51413);
        handshake(&mut flow, 506, 433, 124);
        assert_eq!(confidence(flow.server(ask, &noise(4, 500))), 70);
    }

    #[test]
    fn other_lengths_count_only_for_a_host_that_does_it_often_or_speaks_bittorrent() {
        let mut flow = Flow::tcp(51413);
        assert_eq!(handshake(&mut flow, 300, 200, 400), Said::Unsure);
        for (stranger, expected) in [(3, 60), (4, 60), (5, 75)] {
            flow.restart(true);
            flow.ends.responder = format!("198.51.100.{stranger}:600{stranger}").parse().unwrap();
            assert_eq!(confidence(handshake(&mut flow, 300, 200, 400)), expected);
        }
        let mut flow = Flow::tcp(51413);
        let host = flow.ends.initiator.ip();
        flow.knowledge.learn_speaker(flow.now, host, Protocol::BitTorrent, flow.own(host));
        assert_eq!(confidence(handshake(&mut flow, 300, 200, 400)), 75);
    }

    #[test]
    fn a_proxys_client_that_comes_again_and_again_is_not_enough() {
        let mut flow = Flow::tcp(8389);
        for _ in 0..8 {
            flow.restart(true);
            assert_eq!(handshake(&mut flow, 300, 200, 400), Said::Unsure);
            assert_eq!(flow.server(ask, &noise(4, 900)), Said::No);
        }
    }

    #[test]
    fn one_side_alone_is_told_by_its_exact_lengths() {
        let mut flow = Flow::tcp(51413);
        assert_eq!(flow.client(ask, &noise(1, 506)), Said::Unsure);
        assert_eq!(confidence(flow.client(ask, &noise(2, 124))), 65);
        let mut flow = Flow::tcp(51413);
        assert_eq!(flow.server(ask, &noise(1, 433)), Said::Unsure);
        assert_eq!(confidence(flow.server(ask, &noise(2, 82))), 65);
        let mut flow = Flow::tcp(51413);
        flow.client(ask, &noise(1, 506));
        assert_eq!(flow.client(ask, &noise(2, 125)), Said::No);
        let mut flow = to_peer();
        flow.client(ask, &noise(1, 506));
        assert_eq!(confidence(flow.client(ask, &noise(2, 125))), 80);
        // A key in two segments, then the answer.
        let mut flow = Flow::tcp(51413);
        flow.client(ask, &noise(1, 200));
        assert_eq!(flow.client(ask, &noise(2, 99)), Said::Unsure);
        flow.server(ask, &noise(3, 433));
        assert_eq!(confidence(flow.client(ask, &noise(4, 124))), 70);
    }

    #[test]
    fn a_services_port_speaks_against_it() {
        for port in [443, 22, 5222, 8388] {
            assert_eq!(handshake(&mut Flow::tcp(port), 96, 96, 124), Said::No, "{port}");
        }
    }

    #[test]
    fn lengths_outside_the_bounds_do_not_count() {
        assert_eq!(handshake(&mut to_peer(), 95, 96, 56), Said::Unsure);
        assert_eq!(to_peer().client(ask, &noise(1, 609)), Said::No);
        assert_eq!(handshake(&mut to_peer(), 96, 96, 55), Said::Unsure);
        assert_eq!(handshake(&mut to_peer(), 96, 95, 56), Said::Unsure);
        let mut flow = to_peer();
        flow.client(ask, &noise(1, 96));
        assert_eq!(flow.server(ask, &noise(2, 609)), Said::No);
    }

    #[test]
    fn text_and_padding_are_not_random() {
        assert_eq!(to_peer().client(ask, &[b'a'; 96]), Said::No);
        let text = b"Accept: text/html, */*; User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko";
        assert_eq!(to_peer().client(ask, text), Said::No);
        assert_eq!(to_peer().midway().client(ask, &noise(1, 96)), Said::No);
        let mut flow = to_peer();
        flow.client(ask, &noise(1, 300));
        flow.server(ask, &noise(2, 300));
        let framed = [&[0, 0, 0, 120][..], &[7; 120]].concat();
        assert_eq!(flow.client(ask, &framed), Said::No);
    }
}
