//! BitTorrent's message stream encryption over TCP, as far as circumstances tell it.
//!
//! Nothing is fixed on the wire. Each side sends a public key of 96 octets and up to 512 octets of
//! padding, and waits for the other's. Then the initiator sends its offer: two hashes of 20 octets, 8 octets of
//! verification, 8 octets of choices and lengths, up to 512 octets of padding; and the handshake of 68 octets that
//! BitTorrent begins with (BEP 3), within the offer or in a segment of its own. The responder answers with a
//! choice of 14 octets, as much padding, and its own handshake. Where both choose it, what follows is in clear.
//!
//! Other protocols that hide look alike, so no verdict on hidden octets settles, and each says what it rests on:
//!
//! - certain: BitTorrent's handshake in clear behind the keys.
//! - 85: the shape, towards a known peer.
//! - 80: the shape with both sides' lengths exact.
//! - 75: the shape, from a host that speaks BitTorrent itself, or that does the same to strangers
//!   ([`crate::Knowledge::suspect`]).
//! - 70: the shape with one side's lengths exact.
//! - 65: one side only, its lengths exact.
//!
//! Exact is what the protocol itself fixes: an offer without padding, alone (56) or with the handshake (124); the
//! handshake alone (68) in the segment after an offer; the same of a choice (14, 82, 68). Padding is drawn anew for
//! each connection, which tells a client of BitTorrent from one of a proxy.
//!
//! Of connections with lengths drawn at random, one in some thousands has an exact one by chance
//! (`hidden_tests`).

use etiage_capture::Side;
use memchr::memmem;

use super::Scratch;
use super::random::looks_random;
use crate::class::{Confidence, Evidence, Protocol};
use crate::ports;
use crate::recogniser::{Answer, Finding, View};

/// Length of a public key.
const KEY: u16 = 96;
/// Most octets of padding, wherever it may stand.
const MAX_PADDING: u16 = 512;
/// Most that a side sends before it must hear from the other: key and padding.
const MAX_FLIGHT: u16 = KEY + MAX_PADDING;
/// Least that the initiator sends next: two hashes of 20 octets, verification, offer and two
/// lengths.
const OFFER: u16 = 20 + 20 + 8 + 4 + 2 + 2;
/// BitTorrent's handshake.
const BITTORRENT: u16 = 68;
/// How that begins.
const HANDSHAKE: &[u8] = b"\x13BitTorrent protocol";
/// Most of an offer with padding, handshake and a few messages.
const MAX_OFFER: u16 = OFFER + MAX_PADDING + BITTORRENT + 512;
/// Least that the responder answers: verification, choice, length of padding.
const CHOICE: u16 = 8 + 4 + 2;
/// Segments after which a side must have sent its part.
const MAX_SEGMENTS: u16 = 5;

/// The shape, towards a known peer.
const OFFER_OF_PEER: Confidence = Confidence(85);
/// The shape with both sides' lengths exact. From here on nothing more can be learnt of the flow.
const BOTH_LENGTHS: Confidence = Confidence(80);
/// The key alone, of one side, towards a known peer.
const KEY_OF_PEER: Confidence = Confidence(80);
/// The shape, from a host that speaks BitTorrent itself, or that does the same to strangers.
const HOST_SHARES: Confidence = Confidence(75);
/// The shape with one side's lengths exact.
const ONE_LENGTH: Confidence = Confidence(70);
/// One side only, its lengths exact.
const ONE_SIDE: Confidence = Confidence(65);

/// The lengths of what the sides sent in turn; 0 where it was not yet.
#[derive(Debug, Default)]
pub(super) struct Memory {
    key: u16,
    answer: u16,
    offer: Part,
    choice: Part,
    /// The initiator does this to strangers.
    fans_out: bool,
}

impl Memory {
    /// Whether keys and an offer were seen, whosever they are.
    pub(super) const fn has_shape(&self) -> bool {
        self.answer >= KEY && self.offer.octets >= OFFER
    }
}

/// What a side sent after the keys.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    octets: u16,
    /// Its lengths are those that the protocol fixes.
    exact: bool,
}

impl Part {
    /// It has grown to so many octets; without padding it has `least`.
    fn grow(&mut self, octets: u16, least: u16) {
        let before = std::mem::replace(&mut self.octets, octets);
        let padded = least..=least + MAX_PADDING;
        self.exact |= before == 0 && (octets == least || octets == least + BITTORRENT)
            || padded.contains(&before) && octets.saturating_sub(before) == BITTORRENT;
    }
}

pub(super) fn ask<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    let memory = &mut scratch.mse;
    let answer = look(view, memory);
    if answer == Answer::No && memory.key >= KEY && !is_to_service(view) {
        view.knowledge.clear_of_suspicion(view.now, view.ends.initiator.ip());
    }
    answer
}

fn look<'a>(view: &View<'a>, memory: &mut Memory) -> Answer<'a> {
    let length = u16::try_from(view.payload.len()).unwrap_or(u16::MAX);
    let sent = match view.side {
        Side::Initiator if memory.answer > 0 => memory.key,
        Side::Responder if memory.offer.octets > 0 => memory.answer,
        _ => 0,
    };
    let new = view.payload.get(usize::from(sent)..).unwrap_or_default();
    if !view.from_start {
        return Answer::No;
    }
    if memory.answer >= KEY && memmem::find(new, HANDSHAKE).is_some() {
        return Answer::Match(Finding::certain(Protocol::BitTorrent, Evidence::HANDSHAKE));
    }
    if !looks_random(new) {
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
        Side::Responder if memory.offer.octets == 0 => keep_key(&mut memory.answer, new),
        Side::Initiator => {
            if memory.answer < KEY || new < OFFER {
                // The responder's key, or the initiator's offer, comes in several segments.
                return if view.sent < MAX_SEGMENTS { Answer::Unsure } else { Answer::No };
            }
            if memory.offer.octets == 0 && !is_to_service(view) {
                let host = view.ends.initiator.ip();
                memory.fans_out =
                    view.knowledge.suspect(view.now, host, view.ends.responder, memory.key);
            }
            memory.offer.grow(new, OFFER);
            // Behind the choice comes the connection itself, of any length.
            if memory.choice.octets == 0 && new > MAX_OFFER && !memory.offer.exact {
                return Answer::No;
            }
            grade(view, memory)
        }
        Side::Responder => {
            memory.choice.grow(new, CHOICE);
            if new < CHOICE {
                return if view.sent < MAX_SEGMENTS { Answer::Unsure } else { Answer::No };
            }
            grade(view, memory)
        }
    }
}

/// A service's port says that what is hidden is the service's own encryption.
fn is_to_service(view: &View<'_>) -> bool {
    let ends = [view.ends.responder, view.ends.initiator];
    ends.into_iter().any(|end| ports::is_service(end.port()))
}

/// Only one side is in view, for its answers take another way: its first segment is a key, and the
/// second an offer or a choice of exact length.
fn one_way<'a>(view: &View<'_>, key: u16, length: u16) -> Answer<'a> {
    let second = length.saturating_sub(key);
    let exact = match view.side {
        Side::Initiator => second == OFFER || second == OFFER + BITTORRENT,
        Side::Responder => second == CHOICE + BITTORRENT,
    };
    if !(KEY..=MAX_FLIGHT).contains(&key) || is_to_service(view) {
        return Answer::No;
    }
    let known = view.has_peer(Protocol::BitTorrent);
    let shape = Evidence::MSE.with(Evidence::SHAPE);
    if exact {
        return Answer::Match(Finding::new(Protocol::BitTorrent, ONE_SIDE, shape));
    }
    if known {
        let evidence = shape.with(Evidence::PEER);
        return Answer::Match(Finding::new(Protocol::BitTorrent, KEY_OF_PEER, evidence));
    }
    // A key and its padding may come in two segments; the other side may yet be seen.
    if view.sent < 3 && length <= MAX_FLIGHT { Answer::Unsure } else { Answer::No }
}

/// A public key and its padding, or as much of it as has come.
fn keep_key<'a>(kept: &mut u16, length: u16) -> Answer<'a> {
    *kept = length;
    if length <= MAX_FLIGHT { Answer::Unsure } else { Answer::No }
}

/// The verdict once there is an offer, and again as more comes.
fn grade<'a>(view: &View<'_>, memory: &Memory) -> Answer<'a> {
    let shape = Evidence::MSE.with(Evidence::SHAPE);
    let found = |confidence: Confidence, evidence: Evidence| {
        let finding = Finding::new(Protocol::BitTorrent, confidence, evidence);
        // What the offer leaves open, the choice may tell.
        let open = confidence < BOTH_LENGTHS && view.sent < MAX_SEGMENTS;
        Answer::Match(if open { finding.with_more() } else { finding })
    };
    if view.has_peer(Protocol::BitTorrent) {
        return found(OFFER_OF_PEER, shape.with(Evidence::PEER));
    }
    if is_to_service(view) {
        return Answer::No;
    }
    let (source, destination) = view.speak(Protocol::BitTorrent);
    match (memory.offer.exact, memory.choice.exact) {
        (true, true) => found(BOTH_LENGTHS, shape),
        _ if source || destination => found(HOST_SHARES, shape.with(Evidence::PEER)),
        _ if memory.fans_out => found(HOST_SHARES, shape),
        (false, false) => Answer::Unsure,
        _ => found(ONE_LENGTH, shape),
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
    fn a_handshake_alone_after_a_padded_offer_is_exact_and_so_is_one_after_a_choice() {
        // The initiator does not wait for the choice with its handshake, or does.
        for waits in [false, true] {
            let mut flow = Flow::tcp(44_005);
            assert_eq!(handshake(&mut flow, 536, 252, 118), Said::Unsure);
            if waits {
                assert_eq!(flow.server(ask, &noise(5, 493)), Said::Unsure);
            }
            assert_eq!(confidence(flow.client(ask, &noise(4, 68))), 70);
            if !waits {
                assert_eq!(confidence(flow.server(ask, &noise(5, 320))), 70);
            }
            assert_eq!(confidence(flow.server(ask, &noise(6, 68))), 80);
        }
        let mut flow = Flow::tcp(44_005);
        handshake(&mut flow, 536, 252, 118);
        for other in [67, 69] {
            assert_eq!(flow.client(ask, &noise(4, other)), Said::Unsure);
        }
        let mut flow = Flow::tcp(44_005);
        handshake(&mut flow, 536, 252, 569);
        assert_eq!(flow.client(ask, &noise(4, 68)), Said::Unsure, "more than padding");
    }

    #[test]
    fn the_handshake_in_clear_behind_the_keys_is_certain() {
        let hello = [HANDSHAKE, &[0; 48]].concat();
        let mut flow = Flow::tcp(43_211);
        assert_eq!(handshake(&mut flow, 269, 412, 553), Said::Unsure);
        assert_eq!(flow.client(ask, &hello).settled(), Some(Protocol::BitTorrent));
        // With the offer, and from the responder.
        let mut flow = Flow::tcp(43_211);
        flow.client(ask, &noise(1, 269));
        flow.server(ask, &noise(2, 412));
        let offer = [noise(3, 100), hello.clone()].concat();
        assert_eq!(flow.client(ask, &offer).settled(), Some(Protocol::BitTorrent));
        let mut flow = Flow::tcp(43_211);
        handshake(&mut flow, 269, 412, 553);
        let choice = [noise(4, 14), hello].concat();
        assert_eq!(flow.server(ask, &choice).settled(), Some(Protocol::BitTorrent));
    }

    #[test]
    fn other_lengths_count_only_for_a_host_that_does_it_to_many_or_speaks_bittorrent() {
        let mut flow = Flow::tcp(51413);
        for (stranger, expected) in [(2, 0), (3, 0), (4, 0), (5, 75), (6, 75)] {
            flow.restart(true);
            flow.ends.responder = format!("198.51.100.{stranger}:600{stranger}").parse().unwrap();
            let said = handshake(&mut flow, 300 + stranger, 200, 400);
            assert_eq!(confidence(said), expected);
        }
        let mut flow = Flow::tcp(51413);
        let host = flow.ends.initiator.ip();
        flow.knowledge.learn_host(flow.now, host, Protocol::BitTorrent, flow.own(host));
        assert_eq!(confidence(handshake(&mut flow, 300, 200, 400)), 75);
    }

    #[test]
    fn a_proxys_client_that_comes_again_and_again_is_not_enough() {
        let mut flow = Flow::tcp(8389);
        for _ in 0..8 {
            flow.restart(true);
            assert_eq!(handshake(&mut flow, 300, 200, 400), Said::Unsure);
            assert_eq!(flow.server(ask, &noise(4, 900)), Said::Unsure);
        }
        // Nor are five servers, with beginnings of one length, or of any.
        for step in [0, 1] {
            let mut flow = Flow::tcp(8389);
            for turn in 0..20 {
                flow.restart(true);
                let server = turn % 5;
                flow.ends.responder =
                    format!("198.51.100.{}:600{server}", 2 + server).parse().unwrap();
                let said = handshake(&mut flow, 195 + turn * step, 259 + turn, 122);
                let many = step == 1 && (3..=6).contains(&turn);
                assert!(said == Said::Unsure || many, "{turn}: {said:?}");
            }
        }
    }

    /// A hundred clients, each with twenty connections of any lengths to strangers on any ports.
    #[test]
    fn connections_of_random_lengths_are_not_suspected() {
        let mut matched = 0;
        for client in 0..100_u32 {
            let mut flow = Flow::tcp(51413);
            for turn in 0..20_u32 {
                flow.restart(true);
                let seed = client * 1000 + turn * 10;
                let end = format!("198.51.100.{}:{}", turn + 1, 20_000 + seed % 40_000);
                flow.ends.responder = end.parse().unwrap();
                let lengths: Vec<_> = noise(seed, 16)
                    .chunks(2)
                    .map(|pair| 1 + usize::from(u16::from_be_bytes([pair[0], pair[1]])) % 1448)
                    .collect();
                for (place, length) in lengths.iter().enumerate() {
                    let side = if place % 2 == 0 { Side::Initiator } else { Side::Responder };
                    match flow.packet(ask, side, &noise(seed + place as u32, *length)) {
                        Said::Match { .. } => {
                            matched += 1;
                            break;
                        }
                        Said::No => break,
                        Said::Unsure => {}
                    }
                }
            }
        }
        assert!(matched <= 4, "{matched} of 2000");
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
