//! The verdict on a flow: what was found in its packets, and what rules and knowledge say of it and its ends.

use std::net::SocketAddr;
use std::sync::Arc;

use etiage_capture::{Timestamp, Transport};

use crate::class::{Class, Confidence, Evidence, Protocol, Verdict};
use crate::knowledge::{Endpoint, Knowledge, LearntName, Teacher, Trust};
use crate::ports;
use crate::recogniser::{Finding, FlowEnds};
use crate::recognisers;
use crate::rules::Rules;
use crate::service_id::ServiceId;
use crate::signs::Signs;

/// A name that other clients were given for an address: often one of many that it serves.
const SHARED_NAME: Confidence = Confidence(60);
/// A name that was told by a resolver, though nobody was seen to ask.
const TOLD_NAME: Confidence = Confidence(50);
/// A peer that was told of without being asked for.
const TOLD_PEER: Confidence = Confidence(60);
/// Another flow of the same endpoint was recognised minutes ago.
pub(crate) const SAME_ENDPOINT: Confidence = Confidence(60);
/// A flow without any fixed octet between two hosts that speak the same peer-to-peer protocol.
const BETWEEN_KNOWN_HOSTS: Confidence = Confidence(65);
/// A handshake of the right shape, of a host that does the same to many.
const ONE_OF_MANY: Confidence = Confidence(75);
/// The peer-to-peer protocols that also hide, the rarer ones first.
const SPOKEN: &[Protocol] =
    &[Protocol::DirectConnect, Protocol::Soulseek, Protocol::Edonkey, Protocol::BitTorrent];

/// Reaches verdicts by the service rules and by what is learnt.
#[derive(Debug, Clone)]
pub(crate) struct Judge {
    pub(crate) rules: Arc<Rules>,
    pub(crate) knowledge: Arc<Knowledge>,
}

impl Judge {
    /// A finding with its name looked up in the rules.
    pub(crate) fn verdict(&self, finding: &Finding<'_>) -> Verdict {
        let service = finding
            .service
            .or_else(|| finding.host.as_deref().and_then(|host| self.rules.lookup(host)))
            .unwrap_or(ServiceId::NONE);
        self.classed(finding.protocol, service, finding.confidence, finding.evidence)
    }

    fn classed(
        &self,
        protocol: Protocol,
        service: ServiceId,
        confidence: Confidence,
        evidence: Evidence,
    ) -> Verdict {
        // A service says what carries it (web protocols) is for; it does not turn BitTorrent into web.
        let category = match protocol {
            Protocol::Http | Protocol::Tls | Protocol::Quic | Protocol::Unknown => {
                self.rules.category(service).unwrap_or(protocol.category())
            }
            _ => protocol.category(),
        };
        Verdict { class: Class { protocol, service, category }, confidence, evidence }
    }

    /// A web protocol without a name of its own takes the one that DNS gave for the address.
    pub(crate) fn name_from_dns(
        &self,
        verdict: Verdict,
        ends: &FlowEnds,
        now: Timestamp,
    ) -> Verdict {
        let protocol = verdict.class.protocol;
        let takes_name = matches!(protocol, Protocol::Http | Protocol::Tls | Protocol::Quic);
        if !takes_name || verdict.is_named() || verdict.class.service != ServiceId::NONE {
            return verdict;
        }
        let Some((service, teacher)) = self.learnt_service(ends, now) else { return verdict };
        let (confidence, evidence) = match teacher.trust {
            Trust::Asked => (Confidence::LIKELY, Evidence::NONE),
            Trust::Others => (SHARED_NAME, Evidence::OTHERS),
            Trust::OneWay => (TOLD_NAME, Evidence::ONE_WAY),
        };
        let evidence = verdict.evidence.with(Evidence::DNS_NAME).with(evidence);
        self.classed(protocol, service, verdict.confidence.min(confidence), evidence)
    }

    /// What taught the name on which a verdict rests, if it is one that DNS gave.
    pub(crate) fn teacher(
        &self,
        verdict: &Verdict,
        ends: &FlowEnds,
        now: Timestamp,
    ) -> Option<Teacher> {
        if !verdict.evidence.has(Evidence::DNS_NAME) {
            return None;
        }
        self.learnt_service(ends, now).map(|(_, teacher)| teacher)
    }

    /// The service of a name that DNS gave for one of the ends: what the other end asked for itself
    /// first, for an address serves many names; else what others were given for it, or it was told.
    pub(crate) fn learnt_service(
        &self,
        ends: &FlowEnds,
        now: Timestamp,
    ) -> Option<(ServiceId, Teacher)> {
        let (initiator, responder) = (ends.initiator.ip(), ends.responder.ip());
        let names = [(initiator, responder), (responder, initiator)]
            .map(|(client, server)| self.knowledge.name(now, client, server));
        let service = |wanted: Trust| {
            let is_wanted = move |name: &&LearntName| name.teacher.trust == wanted;
            let service = |name: &LearntName| Some((self.rules.lookup(&name.host)?, name.teacher));
            names.iter().flatten().filter(is_wanted).find_map(service)
        };
        [Trust::Asked, Trust::Others, Trust::OneWay].into_iter().find_map(service)
    }

    /// Whether DNS gave a name for one of the ends, that a rule knows or not.
    pub(crate) fn has_learnt_name(&self, ends: &FlowEnds, now: Timestamp) -> bool {
        let (initiator, responder) = (ends.initiator.ip(), ends.responder.ip());
        [(initiator, responder), (responder, initiator)]
            .iter()
            .any(|(client, server)| self.knowledge.name(now, *client, *server).is_some())
    }

    /// What is known of the flow's ends: announced, peers, or hosts that both speak one peer-to-peer
    /// protocol and have a flow that hides what it is.
    pub(crate) fn learnt(&self, signs: &Signs, ends: &FlowEnds, now: Timestamp) -> Option<Verdict> {
        let both = [(ends.responder, ends.initiator.ip()), (ends.initiator, ends.responder.ip())];
        let learnt = both.into_iter().find_map(|(end, other)| {
            let expected = self.knowledge.expected(now, end, other);
            let expected = expected
                .filter(|expected| !expected.call_only)
                .map(|expected| (expected.protocol, Confidence::LIKELY, Evidence::RELATED));
            expected.or_else(|| {
                let (protocol, asked) = self.knowledge.peer(now, end, other)?;
                let confidence = if asked { Confidence::LIKELY } else { TOLD_PEER };
                Some((protocol, confidence, Evidence::PEER))
            })
        });
        if let Some((protocol, confidence, evidence)) = learnt {
            return Some(self.classed(protocol, ServiceId::NONE, confidence, evidence));
        }
        let known = both.into_iter().find_map(|(end, other)| {
            let known = self.knowledge.endpoint(now, ends.transport, end, other)?;
            (!contradicts(signs.candidates, ends.transport, known.protocol)).then_some(known)
        });
        if let Some(Endpoint { protocol, service, .. }) = known {
            return Some(self.classed(protocol, service, SAME_ENDPOINT, Evidence::ENDPOINT));
        }
        if !signs.hidden || both.into_iter().any(|(end, _)| ports::is_service(end.port())) {
            return None;
        }
        let speak = |protocol: &Protocol| {
            let speaks = |(end, other): (SocketAddr, _)| {
                self.knowledge.speaks(now, end.ip(), *protocol, other)
            };
            both.into_iter().all(speaks)
        };
        if let Some(protocol) = SPOKEN.iter().copied().find(speak) {
            return Some(self.classed(
                protocol,
                ServiceId::NONE,
                BETWEEN_KNOWN_HOSTS,
                Evidence::PEER,
            ));
        }
        // A handshake of BitTorrent's shape, from a host that has since done the same to others.
        let alike = signs.handshake && self.knowledge.is_suspected(now, ends.initiator.ip());
        let evidence = Evidence::MSE.with(Evidence::SHAPE);
        alike.then(|| self.classed(Protocol::BitTorrent, ServiceId::NONE, ONE_OF_MANY, evidence))
    }

    /// No recogniser knew it: what is known of its ends, then the port.
    pub(crate) fn guess(&self, signs: &Signs, ends: &FlowEnds, now: Timestamp) -> Verdict {
        if let Some(learnt) = self.learnt(signs, ends, now) {
            return learnt;
        }
        let by_port = ports::guess(ends)
            .filter(|guess| !contradicts(signs.candidates, ends.transport, guess.class.protocol));
        by_port.map_or(Verdict::UNKNOWN, |verdict| self.name_from_dns(verdict, ends, now))
    }
}

/// Whether the protocol's own recogniser saw the payload and said no: then port and endpoint mean nothing.
fn contradicts(candidates: u64, transport: Transport, protocol: Protocol) -> bool {
    let list = recognisers::for_transport(transport).unwrap_or_default();
    let mut places = list.iter().enumerate();
    places.any(|(place, recogniser)| {
        recogniser.protocol == Some(protocol) && candidates & (1 << place) == 0
    })
}

/// Two findings on one flow. Of one protocol they add up: a later packet shows the name. Of two, the
/// surer one stands, then the one that knows the service, then the earlier one.
pub(crate) fn merge(old: Option<Verdict>, new: Verdict) -> Verdict {
    let Some(old) = old else { return new };
    let rank = |verdict: &Verdict| (verdict.confidence, verdict.class.service != ServiceId::NONE);
    if old.class.protocol == new.class.protocol {
        let unnamed = new.class.service == ServiceId::NONE;
        Verdict {
            class: if unnamed { old.class } else { new.class },
            confidence: old.confidence.max(new.confidence),
            evidence: old.evidence.with(new.evidence),
        }
    } else if rank(&new) > rank(&old) {
        new
    } else {
        old
    }
}

/// The verdict where the transport itself is one.
pub(crate) fn by_transport(transport: Transport) -> Verdict {
    let protocol = match transport {
        Transport::ICMP | Transport::ICMPV6 | Transport(2) => Protocol::Icmp,
        Transport(50 | 51) => Protocol::Ipsec,
        // EGP, IGP, RSVP, EIGRP, OSPF, PIM, VRRP, IS-IS.
        Transport(8 | 9 | 46 | 88 | 89 | 103 | 112 | 124) => Protocol::Routing,
        _ => Protocol::OtherIp,
    };
    Verdict {
        class: Class::of(protocol),
        confidence: Confidence::CERTAIN,
        evidence: Evidence::TRANSPORT,
    }
}
