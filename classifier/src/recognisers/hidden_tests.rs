//! Conversations that hide what they are and are no file sharing: none may become it.

use etiage_capture::{Side, Transport};

use super::testing::{Flow, Said, noise};
use super::{TCP, UDP};
use crate::class::Category;

/// Draws numbers for the lengths of a conversation.
struct Lengths(Vec<u8>);

impl Lengths {
    fn between(&mut self, low: usize, high: usize) -> usize {
        let (a, b) = (self.0.pop().unwrap(), self.0.pop().unwrap());
        low + usize::from(u16::from_be_bytes([a, b])) % (high - low + 1)
    }
}

/// What a conversation sends, and who: who begins, and the length of each message.
type Script = fn(&mut Lengths) -> Vec<(Side, usize)>;

const CLIENT: Side = Side::Initiator;
const SERVER: Side = Side::Responder;

/// An encrypted proxy: the client sends a salt and a request of a few hundred octets, the server a
/// salt and what it fetched.
fn proxy(lengths: &mut Lengths) -> Vec<(Side, usize)> {
    let mut said = vec![(CLIENT, lengths.between(300, 700)), (SERVER, lengths.between(1200, 1448))];
    said.extend((0..6).map(|_| (CLIENT, lengths.between(80, 1448))));
    said.extend((0..6).map(|_| (SERVER, lengths.between(1000, 1448))));
    said
}

/// A game over TCP: short messages both ways.
fn game(lengths: &mut Lengths) -> Vec<(Side, usize)> {
    let side = |turn| if turn % 2 == 0 { CLIENT } else { SERVER };
    (0..16).map(|turn| (side(turn), lengths.between(5, 95))).collect()
}

/// A bulk of one side only.
fn bulk(_: &mut Lengths) -> Vec<(Side, usize)> {
    (0..16).map(|_| (SERVER, 1448)).collect()
}

/// Messages of any lengths at all.
fn anything(lengths: &mut Lengths) -> Vec<(Side, usize)> {
    let side = |turn| if turn % 2 == 0 { CLIENT } else { SERVER };
    (0..16).map(|turn| (side(turn), lengths.between(1, 1448))).collect()
}

/// Datagrams of one size: voice, a tunnel.
fn fixed(lengths: &mut Lengths) -> Vec<(Side, usize)> {
    let length = lengths.between(60, 1400);
    (0..16).map(|turn| (if turn % 2 == 0 { CLIENT } else { SERVER }, length)).collect()
}

/// How many of a thousand such conversations were called peer-to-peer.
fn called_sharing(transport: Transport, script: Script, from_start: bool) -> usize {
    let list = if transport == Transport::TCP { TCP } else { UDP };
    let conversations = (0..1000u32).filter(|seed| {
        let said = script(&mut Lengths(noise(*seed, 64)));
        let said: Vec<_> = said
            .iter()
            .zip(seed * 100..)
            .map(|((side, length), seed)| (*side, noise(seed, *length)))
            .collect();
        list.iter().any(|recogniser| {
            // Each recogniser alone, and a new server each time: what is learnt is learnt of strangers.
            let port = 20_000 + (seed % 40_000) as u16;
            let mut flow = match transport {
                Transport::TCP => Flow::tcp(port),
                _ => Flow::udp(port),
            };
            flow.restart(from_start);
            for (side, payload) in &said {
                match flow.packet(recogniser.ask, *side, payload) {
                    Said::Match { protocol, .. } if protocol.category() == Category::P2p => {
                        return true;
                    }
                    Said::No => return false,
                    _ => {}
                }
            }
            false
        })
    });
    conversations.count()
}

#[test]
fn what_is_encrypted_is_not_therefore_file_sharing() {
    for (name, script) in [("proxy", proxy as Script), ("game", game), ("bulk", bulk)] {
        for from_start in [true, false] {
            let found = called_sharing(Transport::TCP, script, from_start);
            assert_eq!(found, 0, "{name}, from its start: {from_start}");
        }
    }
    for (name, script) in [("fixed", fixed as Script), ("game", game), ("bulk", bulk)] {
        assert_eq!(called_sharing(Transport::UDP, script, true), 0, "{name}");
    }
}

/// Lengths drawn at random hit exact ones now and then: no more often than the documentation says.
#[test]
fn random_lengths_hit_the_shapes_once_in_some_hundreds_at_most() {
    let (tcp, udp) = (
        called_sharing(Transport::TCP, anything, true),
        called_sharing(Transport::UDP, anything, true),
    );
    assert!(tcp <= 3 && udp <= 3, "{tcp} over TCP, {udp} over UDP, of a thousand");
}
