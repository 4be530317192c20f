//! Connections that another flow announced, as FTP's control connection announces its data
//! connections.
//!
//! Asked before all others: a file on its way may look like any protocol.

use etiage_capture::Transport;

use super::Scratch;
use crate::class::{Confidence, Evidence};
use crate::recogniser::{Answer, Finding, FlowEnds, View};

/// An endpoint may be used again for something else within the minutes that an announcement counts.
const CONFIDENCE: Confidence = Confidence(95);

pub(super) fn ask<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let FlowEnds { initiator, responder, .. } = *view.ends;
    let announced = [(responder, initiator), (initiator, responder)]
        .into_iter()
        .find_map(|(end, other)| view.knowledge.expected(view.now, end, other.ip()));
    match announced {
        Some(announced) if !announced.call_only || is_call(view) => {
            Answer::Match(Finding::new(announced.protocol, CONFIDENCE, Evidence::RELATED))
        }
        _ => Answer::No,
    }
}

/// Whether a datagram begins as STUN's or DTLS' do (RFC 7983, section 7).
fn is_call(view: &View<'_>) -> bool {
    let first = view.payload.first();
    view.ends.transport == Transport::UDP && matches!(first, Some(0..=3 | 20..=63))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said};
    use super::*;
    use crate::class::Protocol;

    #[test]
    fn an_announced_endpoint_decides_whatever_is_sent() {
        let mut flow = Flow::tcp(50021);
        let word = flow.own(flow.ends.responder.ip());
        flow.knowledge.expect(flow.now, flow.ends.responder, Protocol::FtpData, word);
        let said = flow.server(ask, b"\x13BitTorrent protocol");
        assert_eq!(said.settled(), Some(Protocol::FtpData));
        assert_eq!(Flow::tcp(50021).server(ask, b"abc"), Said::No);
    }

    #[test]
    fn what_anybody_offers_as_a_candidate_says_something_of_calls_alone() {
        let mut flow = Flow::udp(50021);
        let candidate = flow.ends.responder;
        let word = flow.own(flow.ends.initiator.ip());
        flow.knowledge.expect_call(flow.now, candidate, Protocol::BitTorrent, word);
        assert_eq!(flow.client(ask, b"\x40an own protocol"), Said::No);
        flow.restart(true);
        let stun = flow.client(ask, b"\0\x01\0\0\x21\x12\xa4\x42transaction ");
        assert_eq!(stun.settled(), Some(Protocol::BitTorrent));
    }
}
