//! Skype's own network, which its clients were peers of until 2017: the datagrams with which a client
//! looks for a super node.
//!
//! All but one octet of them is encrypted: the third tells the kind. What adds up: the kind of a first
//! message, a length of 18 to 37 octets, and the ports that the super nodes run by Microsoft had. It
//! never settles a flow. Where such a node answers over TCP, with nothing fixed at all, it is known by
//! its endpoint. A false positive would be a datagram of another protocol to one of these 50 ports,
//! once in 256 by its third octet.

use etiage_capture::{Side, Transport};

use super::Scratch;
use super::random::looks_random;
use crate::class::{Confidence, Evidence, Protocol};
use crate::knowledge::Word;
use crate::recogniser::{Answer, Finding, View};
use crate::service_id::ServiceId;

/// Super nodes in Microsoft's data centres.
const PORTS: std::ops::RangeInclusive<u16> = 40_001..=40_048;
/// The same.
const OLDER_PORT: u16 = 33_033;
/// The kind of a message with content.
const PAYLOAD: u8 = 2;
const LENGTHS: std::ops::RangeInclusive<u32> = 18..=37;

/// Where clients log in, and are told of calls.
const SERVERS: [u16; 2] = [12_350, 13_392];

/// Nothing is fixed: a host that spoke Skype calls a port of its servers.
const TO_SERVER: Confidence = Confidence(70);

/// Asks whether a host that spoke Skype calls one of its servers, with nothing fixed.
pub(super) fn tcp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let server = SERVERS.contains(&view.ends.responder.port());
    let (host, called) = (view.ends.initiator.ip(), view.ends.responder.ip());
    if !server
        || !looks_random(view.payload)
        || !view.knowledge.speaks(view.now, host, Protocol::Skype, called)
    {
        return Answer::No;
    }
    let evidence = Evidence::PEER.with(Evidence::PORT);
    Answer::Match(Finding::new(Protocol::Skype, TO_SERVER, evidence))
}

/// Asks whether a client looks for a super node.
pub(super) fn udp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let port = view.ends.responder.port();
    let first = view.side == Side::Initiator && view.sent == 1 && view.answered == 0;
    let known = (PORTS.contains(&port) || port == OLDER_PORT)
        && view.payload.get(2) == Some(&PAYLOAD)
        && LENGTHS.contains(&view.wire_octets)
        && looks_random(view.payload);
    if !first || !known {
        return Answer::No;
    }
    for transport in [Transport::UDP, Transport::TCP] {
        let node = (transport, view.ends.responder);
        let client = view.source().ip();
        view.knowledge.learn_endpoint(view.now, node, Protocol::Skype, ServiceId::NONE, client);
    }
    // Believed unasked: it tells no more than what random octets to Skype's own servers are.
    let word = Word { asked: true, ..view.word() };
    view.knowledge.learn_host(view.now, view.source().ip(), Protocol::Skype, word);
    let evidence = Evidence::SHAPE.with(Evidence::PORT);
    Answer::Match(Finding::new(Protocol::Skype, Confidence::LIKELY, evidence))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, noise};
    use super::*;

    fn looks(length: usize) -> Vec<u8> {
        let mut octets = noise(7, length);
        octets[2] = PAYLOAD;
        octets
    }

    #[test]
    fn a_super_nodes_port_kind_and_length_are_likely_and_teach_its_endpoint() {
        for (port, length) in [(40_001, 18), (40_048, 37), (33_033, 30)] {
            let mut flow = Flow::udp(port);
            let said = flow.client(udp, &looks(length));
            assert_eq!((said.matched(), said.settled()), (Some(Protocol::Skype), None));
            let node = flow.ends.responder;
            let client = flow.ends.initiator.ip();
            let known = flow.knowledge.endpoint(flow.now, Transport::TCP, node, client);
            let known = known.unwrap();
            assert_eq!(known.protocol, Protocol::Skype);
        }
    }

    #[test]
    fn its_servers_are_called_by_a_host_that_spoke_it() {
        let mut flow = Flow::tcp(12_350);
        assert_eq!(flow.client(tcp, &noise(3, 60)), Said::No);
        let host = flow.ends.initiator.ip();
        flow.knowledge.learn_host(flow.now, host, Protocol::Skype, flow.own(host));
        flow.restart(true);
        assert_eq!(flow.client(tcp, &noise(3, 60)).matched(), Some(Protocol::Skype));
        flow.restart(true);
        assert_eq!(flow.client(tcp, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), Said::No);
        flow.ends.responder.set_port(12_351);
        flow.restart(true);
        assert_eq!(flow.client(tcp, &noise(3, 60)), Said::No);
    }

    #[test]
    fn another_port_kind_length_or_direction_is_nothing() {
        assert_eq!(Flow::udp(40_000).client(udp, &looks(30)), Said::No);
        assert_eq!(Flow::udp(40_049).client(udp, &looks(30)), Said::No);
        assert_eq!(Flow::udp(40_001).client(udp, &looks(17)), Said::No);
        assert_eq!(Flow::udp(40_001).client(udp, &looks(38)), Said::No);
        assert_eq!(Flow::udp(40_001).client(udp, &noise(7, 2)), Said::No);
        assert_eq!(Flow::udp(40_001).server(udp, &looks(30)), Said::No);
        let mut other = looks(30);
        other[2] = 3;
        assert_eq!(Flow::udp(40_001).client(udp, &other), Said::No);
        assert_eq!(Flow::udp(40_001).client(udp, &[PAYLOAD; 30]), Said::No);
        let mut late = Flow::udp(40_001);
        late.server(udp, &looks(30));
        assert_eq!(late.client(udp, &looks(30)), Said::No);
    }
}
