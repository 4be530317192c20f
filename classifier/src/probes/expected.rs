//! Connections that another flow announced, as FTP's control connection announces its data
//! connections.
//!
//! Asked before all others: a file on its way may look like any protocol.

use super::Scratch;
use crate::class::{Confidence, Evidence};
use crate::probe::{Answer, Finding, View};

/// An endpoint may be used again for something else within the minutes that an announcement counts.
const CONFIDENCE: Confidence = Confidence(95);

pub(super) fn ask<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let announced = [view.ends.responder, view.ends.initiator]
        .into_iter()
        .find_map(|end| view.knowledge.expected(view.now, end));
    match announced {
        Some(protocol) => Answer::Match(Finding::new(protocol, CONFIDENCE, Evidence::RELATED)),
        None => Answer::No,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said};
    use super::*;
    use crate::class::Protocol;

    #[test]
    fn an_announced_endpoint_decides_whatever_is_sent() {
        let mut flow = Flow::tcp(50021);
        flow.knowledge.expect(flow.now, flow.ends.responder, Protocol::FtpData);
        let said = flow.server(ask, b"\x13BitTorrent protocol");
        assert_eq!(said.settled(), Some(Protocol::FtpData));
        assert_eq!(Flow::tcp(50021).server(ask, b"abc"), Said::No);
    }
}
