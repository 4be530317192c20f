//! Any packets of one flow after another, shown to a classifier that keeps what it learns.

#![no_main]

use std::sync::{Arc, OnceLock};

use etiage_capture::{Packet, TcpHeader, Timestamp, Transport};
use etiage_classifier::{Classifier, FlowEnds, FlowState, Knowledge, Progress, Rules};
use etiage_fuzz::Choices;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    static RULES: OnceLock<Arc<Rules>> = OnceLock::new();
    let rules =
        RULES.get_or_init(|| Arc::new(Rules::builtin().expect("the rules that come with it")));
    let classifier = Classifier::new(rules.clone(), Arc::new(Knowledge::with_capacity(64)));
    let mut choices = Choices::new(octets);
    let mut now = Timestamp::from_secs(1_700_000_000);
    while !choices.is_empty() {
        let v6 = choices.octet() & 1 == 1;
        let transport = choices.one_of(&[Transport::TCP, Transport::UDP, Transport::SCTP]);
        let (initiator, responder) = (choices.endpoint(v6), choices.endpoint(v6));
        let ends = FlowEnds { initiator, responder, transport };
        let mut state = FlowState::default();
        for _ in 0..1 + choices.octet() % 40 {
            now = choices.step(now);
            let side = choices.side();
            let tcp = (transport == Transport::TCP).then(|| TcpHeader {
                sequence: choices.word().into(),
                acknowledgment: choices.word().into(),
                flags: choices.octet(),
            });
            let payload = choices.piece();
            let packet = Packet {
                source: ends.end(side),
                destination: ends.end(side.other()),
                transport,
                tcp,
                payload,
                payload_octets: payload.len() as u32 + u32::from(choices.octet() / 128),
            };
            let progress = classifier.observe(&mut state, &ends, &packet, side, now);
            if matches!(progress, Progress::Settled(_) | Progress::Lessons(_)) {
                break;
            }
            let _ = classifier.conclude(&mut state, &ends, now);
        }
    }
});
