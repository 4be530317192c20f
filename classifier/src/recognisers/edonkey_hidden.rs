//! eMule's protocol obfuscation: RC4 keyed by the receiver's user hash or Kad identifier, which an
//! observer lacks. No octet is fixed; what shows are lengths, and who takes part.
//!
//! Facts as in eMule's `EncryptedStreamSocket` and `EncryptedDatagramSocket`.
//!
//! - TCP: the initiator sends 12 octets and up to 254 of padding, the responder 6 and as many; then
//!   each its hello. Clients then identify themselves: a challenge of exactly 11 octets, a public
//!   key of exactly 83 and a signature of 55 or 56, each in a segment of its own.
//! - UDP: 8 octets (16 for Kad) before the message; for Kad the lowest bit of the first octet is 0,
//!   and the next says by which key.
//!
//! Verdicts rest on learnt endpoints (85 to 88), or on lengths alone (75). Another protocol without
//! fixed octets that sends three of these within its first messages would be a false positive, as would datagrams of a game at the port of a client that has just gone.

use std::net::SocketAddr;

use etiage_capture::Side;

use super::Scratch;
use super::random::looks_random;
use crate::class::{Confidence, Evidence, Protocol};
use crate::ports;
use crate::recogniser::{Answer, Finding, FlowEnds, View};

/// First octets that begin a message in clear: such a datagram hides nothing.
const CLEAR: &[u8] = &[0xe3, 0xc5, 0xd4, 0xe4, 0xe5, 0xa3, 0xb2];
const MAX_PADDING: usize = 254;
/// A hello: name, version and ports.
const HELLO: std::ops::RangeInclusive<usize> = 60..=420;
/// What clients identify themselves with: a challenge, a public key, a signature with or without a
/// mark.
const FIXED: [std::ops::RangeInclusive<usize>; 3] = [11..=11, 83..=83, 55..=56];
/// What Kad's obfuscation adds.
const KAD_HEADER: usize = 16;
/// Kad's request: who is near this identifier?
const KAD_REQUEST: usize = KAD_HEADER + 35;
/// Kad's ping, and its request for first contacts.
const KAD_PING: usize = KAD_HEADER + 2;
/// Datagrams of a side that are looked at without a verdict.
const MAX_DATAGRAMS: u16 = 6;

/// What is remembered of a flow.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Octets of each side's stream so far.
    seen: etiage_capture::PerSide<u16>,
    /// What each side sent of the messages of fixed length: two times three bits.
    fixed: u8,
    /// Kad: what was last asked, and by whom.
    asked: Option<(Side, u16)>,
    answered: u8,
}

/// Both ends are known to speak eDonkey.
const BOTH_KNOWN: Confidence = Confidence(88);
/// One end is known to speak eDonkey.
const ONE_KNOWN: Confidence = Confidence(85);
/// Lengths alone: three that are fixed, or two answers of Kad to what was asked.
const LENGTHS: Confidence = Confidence(75);

fn found<'a>(confidence: Confidence, evidence: Evidence) -> Finding<'a> {
    Finding::new(Protocol::Edonkey, confidence, evidence.with(Evidence::SHAPE))
}

/// How sure the ends make it: both known, or one.
fn known_ends(view: &View<'_>) -> Option<Confidence> {
    let FlowEnds { initiator, responder, .. } = *view.ends;
    let known = |end, other: SocketAddr| {
        view.knowledge.peer(view.now, end, other.ip()) == Some((Protocol::Edonkey, true))
    };
    match (known(initiator, responder), known(responder, initiator)) {
        (true, true) => Some(BOTH_KNOWN),
        (true, _) | (_, true) => Some(ONE_KNOWN),
        _ => None,
    }
}

pub(super) fn tcp<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    let memory = &mut scratch.edonkey_hidden;
    let length = view.payload.len();
    let seen = memory.seen.get_mut(view.side);
    let new = length.saturating_sub(usize::from(*seen));
    *seen = u16::try_from(length).unwrap_or(u16::MAX);
    if !view.from_start || !looks_random(view.payload) {
        return Answer::No;
    }
    let fits = match (view.side, view.sent) {
        (Side::Initiator, 1) => {
            view.answered == 0
                && (12..=12 + MAX_PADDING).contains(&length)
                && view.payload.first().is_some_and(|octet| !CLEAR.contains(octet))
        }
        (Side::Responder, 1) => (6..=6 + MAX_PADDING).contains(&length),
        (_, 2) => HELLO.contains(&new),
        _ => true,
    };
    if !fits {
        return Answer::No;
    }
    let place = FIXED.iter().position(|lengths| view.sent > 2 && lengths.contains(&new));
    if let Some(place) = place {
        let mine = if view.side == Side::Initiator { 0 } else { FIXED.len() };
        // What answers a challenge comes after one's own.
        if place == 0 || memory.fixed & 1 << mine != 0 {
            memory.fixed |= 1 << (place + mine);
        }
    }
    let begun = view.answered > 0 || view.sent > 1;
    if begun && let Some(confidence) = known_ends(view) {
        return Answer::Match(found(confidence, Evidence::PEER));
    }
    // Any three: of one side where only that is in view.
    if memory.fixed.count_ones() >= 3 {
        return Answer::Match(found(LENGTHS, Evidence::NONE));
    }
    Answer::Unsure
}

pub(super) fn udp<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    let memory = &mut scratch.edonkey_hidden;
    let Some(&first) = view.payload.first() else { return Answer::No };
    let length = view.payload.len();
    if CLEAR.contains(&first) || !looks_random(view.payload) {
        return Answer::No;
    }
    if [view.ends.initiator, view.ends.responder].iter().any(|end| ports::is_service(end.port())) {
        return Answer::No;
    }
    if length >= KAD_PING
        && let Some(confidence) = known_ends(view)
    {
        return Answer::Match(found(confidence, Evidence::PEER));
    }
    // By the receiver's identifier, or by a key that it gave before.
    if matches!(first & 3, 0 | 2) {
        match memory.asked {
            Some((side, asked)) if side != view.side && answers(asked, first, length) => {
                memory.answered += 1;
                memory.asked = None;
            }
            Some((side, _)) if side != view.side => {}
            _ if matches!(length, KAD_REQUEST | KAD_PING) => {
                memory.asked = Some((view.side, length as u16));
            }
            _ => {}
        }
    }
    if memory.answered >= 2 {
        return Answer::Match(found(LENGTHS, Evidence::NONE));
    }
    if view.sent < MAX_DATAGRAMS { Answer::Unsure } else { Answer::No }
}

/// Whether a datagram of this first octet and length answers one of that length: it is keyed by what
/// the other gave, and has contacts of 25 octets each, or is a pong.
fn answers(asked: u16, first: u8, length: usize) -> bool {
    let contacts = |before: usize| {
        length.checked_sub(KAD_HEADER + before).is_some_and(|list| list.is_multiple_of(25))
    };
    first & 3 == 2
        && match usize::from(asked) {
            KAD_REQUEST => contacts(19),
            KAD_PING => length == KAD_HEADER + 4 || contacts(23),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, noise};
    use super::*;

    fn confidence(said: Said) -> u8 {
        if let Said::Match { confidence, .. } = said { confidence } else { 0 }
    }

    /// Noise whose first octet is Kad's: by identifier (0) or by key (2).
    fn kad(seed: u32, length: usize, by: u8) -> Vec<u8> {
        let mut octets = noise(seed, length);
        octets[0] = 0x50 | by;
        octets
    }

    fn hello(flow: &mut Flow) -> Said {
        flow.client(tcp, &noise(11, 58));
        flow.server(tcp, &noise(12, 109));
        flow.client(tcp, &noise(13, 121));
        flow.server(tcp, &noise(14, 120))
    }

    #[test]
    fn lengths_tell_once_both_have_challenged_and_shown_a_key() {
        let mut flow = Flow::tcp(23456);
        assert_eq!(hello(&mut flow), Said::Unsure);
        flow.server(tcp, &noise(15, 23));
        flow.server(tcp, &noise(16, 11));
        assert_eq!(flow.client(tcp, &noise(17, 11)), Said::Unsure);
        assert_eq!(confidence(flow.client(tcp, &noise(18, 83))), 75);
    }

    #[test]
    fn one_side_alone_is_told_by_all_three() {
        let mut flow = Flow::tcp(23456);
        for (seed, length) in [(1, 109), (2, 120), (3, 23), (4, 11), (5, 83)] {
            assert_eq!(flow.server(tcp, &noise(seed, length)), Said::Unsure);
        }
        assert_eq!(confidence(flow.server(tcp, &noise(6, 55))), 75);
    }

    #[test]
    fn a_known_endpoint_tells_with_the_answer() {
        let mut flow = Flow::tcp(23456);
        flow.is_peer(flow.ends.responder, Protocol::Edonkey);
        assert_eq!(flow.client(tcp, &noise(11, 58)), Said::Unsure);
        assert_eq!(confidence(flow.server(tcp, &noise(12, 109))), 85);
        flow.restart(true);
        assert_eq!(flow.client(tcp, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"), Said::No);
    }

    #[test]
    fn other_lengths_do_not_tell() {
        let mut flow = Flow::tcp(23456);
        assert_eq!(flow.client(tcp, &noise(11, 300)), Said::No);
        let mut flow = Flow::tcp(23456);
        flow.client(tcp, &noise(11, 58));
        assert_eq!(flow.server(tcp, &noise(12, 400)), Said::No);
        let mut flow = Flow::tcp(23456);
        hello(&mut flow);
        for seed in 20..30 {
            assert_eq!(flow.client(tcp, &noise(seed, 30 + seed as usize)), Said::Unsure);
        }
    }

    #[test]
    fn kad_is_told_by_a_known_endpoint_or_by_two_answers() {
        let mut flow = Flow::udp(23466);
        assert_eq!(flow.client(udp, &kad(1, 51, 0)), Said::Unsure);
        assert_eq!(flow.server(udp, &kad(2, 85, 2)), Said::Unsure);
        flow.client(udp, &kad(3, 18, 2));
        assert_eq!(confidence(flow.server(udp, &kad(4, 20, 2))), 75);
        let mut flow = Flow::udp(23466);
        flow.is_peer(flow.ends.responder, Protocol::Edonkey);
        assert_eq!(confidence(flow.client(udp, &noise(5, 37))), 85);
        assert_eq!(Flow::udp(443).client(udp, &noise(5, 51)), Said::No);
    }

    #[test]
    fn datagrams_that_do_not_answer_each_other_tell_nothing() {
        let mut flow = Flow::udp(23466);
        for seed in 0..5 {
            assert_eq!(flow.client(udp, &kad(seed, 51, 0)), Said::Unsure);
            assert_eq!(flow.server(udp, &kad(seed + 10, 84, 2)), Said::Unsure);
        }
        assert_eq!(flow.client(udp, &kad(6, 51, 0)), Said::No);
    }
}
