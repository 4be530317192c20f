//! Any packets of a flow, shown to one recogniser.

use std::sync::OnceLock;

use etiage_capture::{PerSide, Side, Timestamp, Transport};
use etiage_classifier::recognisers::{Recogniser, Scratch};
use etiage_classifier::{FlowEnds, HEAD, Knowledge, View};

use crate::Choices;

/// The recogniser that the first octet chooses, or the one that the environment variable `RECOGNISER` names.
fn choose(list: &'static [Recogniser], choices: &mut Choices<'_>) -> &'static Recogniser {
    static ONLY: OnceLock<Option<String>> = OnceLock::new();
    let chosen = &list[usize::from(choices.octet()) % list.len()];
    match ONLY.get_or_init(|| std::env::var("RECOGNISER").ok()) {
        None => chosen,
        Some(name) => match list.iter().find(|recogniser| recogniser.name == name) {
            Some(recogniser) => recogniser,
            None => {
                let names: Vec<_> = list.iter().map(|recogniser| recogniser.name).collect();
                eprintln!("RECOGNISER={name} is none of {}", names.join(", "));
                std::process::exit(2);
            }
        },
    }
}

/// Shows a recogniser what the octets make up: views of a stream from its start or from its middle, or of
/// datagrams, from both sides, with what they learn kept.
pub fn ask(list: &'static [Recogniser], transport: Transport, octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let recogniser = choose(list, &mut choices);
    let v6 = choices.octet() & 1 == 1;
    let ends =
        FlowEnds { initiator: choices.endpoint(v6), responder: choices.endpoint(v6), transport };
    let in_order = transport == Transport::TCP && choices.octet() & 3 != 0;
    let knowledge = Knowledge::with_capacity(64);
    let mut scratch = Scratch::default();
    let mut streams: PerSide<Vec<u8>> = PerSide::default();
    let mut heads: PerSide<Vec<u8>> = PerSide::default();
    let mut sent: PerSide<u16> = PerSide::default();
    let mut now = Timestamp::from_secs(1_700_000_000);
    // The engine shows streams 16 times at most, and single packets for as long as they teach.
    for _ in 0..64 {
        if choices.is_empty() {
            break;
        }
        now = choices.step(now);
        let side = choices.side();
        let cut = choices.octet();
        let payload = choices.piece();
        if payload.is_empty() {
            continue;
        }
        let stream = streams.get_mut(side);
        if !in_order {
            stream.clear();
        }
        stream.extend_from_slice(payload);
        let head = heads.get_mut(side);
        if head.is_empty() || in_order {
            head.clear();
            head.extend(stream.iter().take(HEAD));
        }
        *sent.get_mut(side) += 1;
        let view = View {
            now,
            ends: &ends,
            side,
            payload: streams.get(side),
            from_start: in_order || transport == Transport::UDP,
            wire_octets: payload.len() as u32 + u32::from(cut / 128 * 100),
            sent: *sent.get(side),
            answered: *sent.get(side.other()),
            heads: PerSide {
                initiator: heads.get(Side::Initiator),
                responder: heads.get(Side::Responder),
            },
            knowledge: &knowledge,
        };
        let _ = (recogniser.ask)(&view, &mut scratch);
    }
}
