//! What a recognised flow teaches of its ends, for other flows.

use std::net::SocketAddr;

use etiage_capture::Transport;

use crate::class::{Category, Class, Evidence, Verdict};
use crate::ports;
use crate::recogniser::{Finding, FlowEnds, View};

/// Where a protocol was recognised that its port does not give away: other flows there may show less.
/// Not for what is shared: peers are learnt by their own recognisers, and a hoster's front end serves others
/// too. Only the end that listens is meant: over TCP the one that was called; of calls over UDP, whose
/// sockets speak with many, either.
pub(crate) fn learn_endpoint(view: &View<'_>, verdict: &Verdict) {
    let FlowEnds { initiator, responder, transport } = *view.ends;
    let Class { protocol, service, category } = verdict.class;
    let teaches_nothing = [Evidence::ENDPOINT, Evidence::PEER, Evidence::RELATED]
        .iter()
        .any(|evidence| verdict.evidence.has(*evidence));
    let shared = matches!(category, Category::P2p | Category::DirectDownload);
    let by_port = ports::guess(view.ends).is_some_and(|guess| guess.class.protocol == protocol);
    if teaches_nothing || shared || by_port {
        return;
    }
    let learn = |end, client: SocketAddr| {
        let endpoint = (transport, end);
        view.knowledge.learn_endpoint(view.now, endpoint, protocol, service, client.ip());
    };
    if transport == Transport::UDP {
        learn(responder, initiator);
        if matches!(category, Category::Voip | Category::Messaging) {
            learn(initiator, responder);
        }
    } else if view.from_start {
        learn(responder, initiator);
    }
}

/// Who speaks a peer-to-peer protocol by its own framing, and where it listens: other flows of the
/// same hosts may hide what they are. What was itself found by knowledge teaches nothing.
pub(crate) fn learn_hosts(view: &View<'_>, finding: &Finding<'_>) {
    let evidence = finding.evidence;
    let by_knowledge = evidence.has(Evidence::PEER) || evidence.has(Evidence::RELATED);
    let own = finding.protocol.category() == Category::P2p
        && !by_knowledge
        && !evidence.has(Evidence::USER_AGENT);
    if !own {
        return;
    }
    let FlowEnds { initiator, responder, transport } = *view.ends;
    let learn = |host| {
        view.knowledge.learn_host(view.now, host, finding.protocol, view.word_of(host));
    };
    learn(initiator.ip());
    // A tracker shares nothing itself.
    if !evidence.has(Evidence::TRACKER) && !evidence.has(Evidence::LSD) {
        learn(responder.ip());
    }
    let listens = transport == Transport::TCP && view.from_start;
    if listens && !ports::is_service(responder.port()) {
        let word = view.word_of(responder.ip());
        view.knowledge.learn_peer(view.now, responder, finding.protocol, word);
    }
}
