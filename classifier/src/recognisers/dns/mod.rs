//! DNS over UDP and TCP (RFC 1035), mDNS (RFC 6762) and LLMNR (RFC 4795).
//!
//! What resolvers answer teaches the names of addresses, for flows that show no name of their own:
//! as far as it was asked for ([`crate::Knowledge`]), so every question is noted.
//! On the well-known ports a header and a question are enough; elsewhere every octet must fit.

mod message;

use etiage_capture::{PerSide, Transport};

use self::message::{End, HEADER, Header, Message};
use super::Scratch;
use crate::class::{Confidence, Evidence, Protocol};
use crate::knowledge::Question;
use crate::recogniser::{Answer, Finding, View};
use crate::stream::MAX_PREFIX;
use etiage_capture::Cursor;

const DNS: u16 = 53;
const MDNS: u16 = 5353;
const LLMNR: u16 = 5355;
/// NetBIOS name service and datagrams (RFC 1002) borrow DNS's header.
const NETBIOS: [u16; 2] = [137, 138];
/// Every octet fits, on a port that says nothing.
const ELSEWHERE: Confidence = Confidence(95);

/// A header of one question, on the port, and nothing readable behind it.
const BY_HEADER: Confidence = Confidence(60);
/// Datagrams that are no DNS after which, on its port, none is expected.
const MAX_DAMAGED: u16 = 4;

/// What is remembered of a connection.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Octets of each side's stream whose messages have been learnt from.
    learnt: PerSide<u16>,
}

/// Asks whether this is DNS, and learns names from it.
pub(super) fn ask<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    if NETBIOS.iter().any(|port| view.ends.has_port(*port)) {
        return Answer::No;
    }
    match view.ends.transport {
        Transport::TCP => stream(view, &mut scratch.dns),
        _ => datagram(view),
    }
}

/// Learns from a datagram of a flow that is known to be DNS.
pub(crate) fn lesson(view: &View<'_>) {
    let cut = (view.payload.len() as u64) < u64::from(view.wire_octets);
    if let Some(message) = message::read(view.payload)
        && accepted(view, &message, cut)
    {
        learn(view, &message);
    }
}

fn is_port(view: &View<'_>) -> bool {
    [DNS, MDNS, LLMNR].iter().any(|port| view.ends.has_port(*port))
}

fn datagram<'a>(view: &View<'_>) -> Answer<'a> {
    let cut = (view.payload.len() as u64) < u64::from(view.wire_octets);
    match message::read(view.payload) {
        Some(message) if accepted(view, &message, cut) => {
            learn(view, &message);
            Answer::Match(finding(view))
        }
        _ if view.ends.has_port(DNS) => damaged(view),
        _ => Answer::No,
    }
}

/// What else is sent on DNS's own port: a damaged message, and perhaps a whole one after it.
fn damaged<'a>(view: &View<'_>) -> Answer<'a> {
    let evidence = Evidence::FRAMING.with(Evidence::PORT);
    let header = Header::read(&mut Cursor::new(view.payload));
    let confidence = if names_a_host(view.payload) {
        Confidence::LIKELY
    } else if header.is_some_and(Header::asks_once) {
        BY_HEADER
    } else if view.sent.saturating_add(view.answered) < MAX_DAMAGED {
        return Answer::Unsure;
    } else {
        return Answer::No;
    };
    Answer::Match(Finding::new(Protocol::Dns, confidence, evidence).with_more())
}

/// Whether a first question stands where it must, though the rest is damaged, or in another fragment:
/// two labels of what names are made of, or one and the root; where the first is one letter, four.
fn names_a_host(payload: &[u8]) -> bool {
    let mut cursor = Cursor::new(payload.get(HEADER..).unwrap_or_default());
    let mut label = || {
        let length = cursor.u8().filter(|length| *length <= 63)?;
        let octets = cursor.take(length.into())?;
        let text = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        octets.iter().all(text).then_some(length)
    };
    match (label(), label()) {
        (Some(2..), Some(_)) => true,
        (Some(1), Some(1..)) => label().is_some() && label().is_some(),
        _ => false,
    }
}

/// Messages in a stream, each behind its length (RFC 1035, section 4.2.2).
fn stream<'a>(view: &View<'_>, memory: &mut Memory) -> Answer<'a> {
    let mut cursor = Cursor::new(view.payload);
    let mut found = None;
    while let Some(length) = cursor.u16() {
        let Some(octets) = cursor.take(length.into()) else {
            return found.unwrap_or_else(|| unfinished(view, length, cursor.rest()));
        };
        let end = view.payload.len().saturating_sub(cursor.rest().len());
        match message::read(octets) {
            Some(message) if accepted(view, &message, false) => {
                found = Some(Answer::Match(finding(view)));
                // A stream is shown from its start again and again.
                let learnt = memory.learnt.get_mut(view.side);
                if !view.from_start || end > usize::from(*learnt) {
                    learn(view, &message);
                    *learnt = u16::try_from(end).unwrap_or(u16::MAX);
                }
            }
            _ => return found.unwrap_or_else(|| otherwise(view)),
        }
    }
    found.unwrap_or_else(|| if view.from_start { Answer::Unsure } else { otherwise(view) })
}

/// The first message of a stream is not all there.
fn unfinished<'a>(view: &View<'_>, length: u16, octets: &[u8]) -> Answer<'a> {
    if !view.from_start || usize::from(length) < HEADER {
        return otherwise(view);
    }
    match Header::read(&mut Cursor::new(octets)) {
        // A zone transfer's messages are longer than what is put together.
        Some(_) if view.payload.len() >= MAX_PREFIX => match message::read(octets) {
            Some(message) if accepted(view, &message, true) => Answer::Match(finding(view)),
            _ => Answer::No,
        },
        Some(header) if is_port(view) || header.is_plain() => Answer::Unsure,
        None if octets.len() < HEADER => Answer::Unsure,
        _ => Answer::No,
    }
}

/// Not the start of a message: which in the middle of a stream says nothing.
fn otherwise<'a>(view: &View<'_>) -> Answer<'a> {
    if view.from_start { Answer::No } else { Answer::Unsure }
}

fn accepted(view: &View<'_>, message: &Message, cut: bool) -> bool {
    if is_port(view) {
        message.end == End::Exact || message.end == End::Cut && cut
    } else {
        message.end == End::Exact && message.header.is_plain() && message.common
    }
}

fn finding<'a>(view: &View<'_>) -> Finding<'a> {
    let finding = if is_port(view) {
        Finding::certain(Protocol::Dns, Evidence::FRAMING.with(Evidence::PORT))
    } else {
        Finding::new(Protocol::Dns, ELSEWHERE, Evidence::FRAMING)
    };
    match view.ends.transport {
        _ if !teaches(view) => finding,
        Transport::TCP => finding.with_lessons(),
        _ => finding.with_stateless_lessons(),
    }
}

/// Names of the local link tell nothing about the addresses of services.
fn teaches(view: &View<'_>) -> bool {
    !is_port(view) || view.ends.has_port(DNS)
}

/// Notes a question, or takes an answer.
fn learn(view: &View<'_>, message: &Message) {
    if !teaches(view) || !message.header.is_exchange() {
        return;
    }
    let answers = message.header.is_response();
    let (source, destination) = (view.source(), view.destination());
    let (client, resolver) = if answers { (destination, source) } else { (source, destination) };
    let question = Question {
        client,
        resolver,
        transport: view.ends.transport,
        id: message.header.id,
        kind: message.kind,
        name: &message.name,
    };
    if answers {
        view.knowledge.answer(view.now, &question, message.host(), &message.addresses);
    } else {
        view.knowledge.ask(view.now, &question);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::net::{IpAddr, SocketAddr};

    use etiage_capture::{PerSide, Side, Timestamp};
    use proptest::prelude::*;

    use super::message::tests::{query, record, response};
    use super::*;
    use crate::knowledge::{Knowledge, Trust};
    use crate::recogniser::FlowEnds;

    struct Flow {
        ends: FlowEnds,
        knowledge: Knowledge,
        from_start: bool,
        scratch: RefCell<Scratch>,
    }

    impl Flow {
        fn new(transport: Transport, port: u16) -> Self {
            let ends = FlowEnds {
                initiator: SocketAddr::from(([192, 0, 2, 1], 50000)),
                responder: SocketAddr::from(([198, 51, 100, 1], port)),
                transport,
            };
            Self {
                ends,
                knowledge: Knowledge::default(),
                from_start: true,
                scratch: RefCell::default(),
            }
        }

        fn ask(&self, side: Side, payload: &[u8], cut: u32) -> Answer<'static> {
            let view = View {
                now: Timestamp::from_secs(1),
                ends: &self.ends,
                side,
                payload,
                from_start: self.from_start,
                wire_octets: payload.len() as u32 + cut,
                sent: 1,
                answered: 0,
                heads: PerSide { initiator: &[], responder: &[] },
                knowledge: &self.knowledge,
            };
            match ask(&view, &mut self.scratch.borrow_mut()) {
                Answer::Match(Finding { protocol, confidence, evidence, teaches, .. }) => {
                    let finding = Finding::new(protocol, confidence, evidence);
                    Answer::Match(if teaches { finding.with_lessons() } else { finding })
                }
                Answer::Unsure => Answer::Unsure,
                Answer::No => Answer::No,
            }
        }

        fn name(&self, server: [u8; 4]) -> Option<String> {
            let (client, server) = (self.ends.initiator.ip(), IpAddr::from(server));
            let name = self.knowledge.name(Timestamp::from_secs(2), client, server)?;
            (name.teacher.trust == Trust::Asked).then(|| name.host.to_string())
        }
    }

    fn dns() -> Answer<'static> {
        let evidence = Evidence::FRAMING.with(Evidence::PORT);
        Answer::Match(Finding::certain(Protocol::Dns, evidence).with_lessons())
    }

    fn likely() -> Answer<'static> {
        let evidence = Evidence::FRAMING.with(Evidence::PORT);
        Answer::Match(Finding::new(Protocol::Dns, Confidence::LIKELY, evidence))
    }

    fn by_header() -> Answer<'static> {
        let evidence = Evidence::FRAMING.with(Evidence::PORT);
        Answer::Match(Finding::new(Protocol::Dns, BY_HEADER, evidence))
    }

    fn answer() -> Vec<u8> {
        response("www.example.com", 1, &[record(1, &[203, 0, 113, 9])])
    }

    #[test]
    fn a_query_is_dns_and_its_answer_teaches() {
        let flow = Flow::new(Transport::UDP, 53);
        assert_eq!(flow.ask(Side::Initiator, &query("www.example.com", 1), 0), dns());
        assert_eq!(flow.name([203, 0, 113, 9]), None);
        assert_eq!(flow.ask(Side::Responder, &answer(), 0), dns());
        assert_eq!(flow.name([203, 0, 113, 9]).as_deref(), Some("www.example.com"));
    }

    #[test]
    fn an_answer_teaches_what_was_asked_and_nothing_else() {
        let flow = || Flow::new(Transport::UDP, 53);
        let learnt = |flow: Flow, answer: &[u8]| {
            flow.ask(Side::Responder, answer, 0);
            flow.name([203, 0, 113, 9]).is_some()
        };
        let asked = |name, kind| {
            let flow = flow();
            flow.ask(Side::Initiator, &query(name, kind), 0);
            flow
        };
        assert!(learnt(asked("WWW.example.COM", 1), &answer()));
        assert!(!learnt(flow(), &answer()), "nothing was asked");
        assert!(!learnt(asked("www.example.org", 1), &answer()), "something else");
        assert!(!learnt(asked("www.example.com", 28), &answer()), "of another type");
        let mut other = answer();
        other[1] ^= 1;
        assert!(!learnt(asked("www.example.com", 1), &other), "another identifier");
        let mut truncated = answer();
        truncated[2] |= 2;
        assert!(!learnt(asked("www.example.com", 1), &truncated));
        let more = [query("www.example.com", 1), vec![0, 1, 0, 1]].concat();
        let two = Flow::new(Transport::UDP, 53);
        two.ask(Side::Initiator, &[&more[..4], &[0, 2], &more[6..]].concat(), 0);
        assert!(!learnt(two, &answer()), "no question is two");
    }

    #[test]
    fn on_its_port_a_name_in_its_place_is_enough_for_a_damaged_message() {
        let damaged = b"\x12\x34\xff\xff\0\x09\0\x07\0\0\0\0\x04_sip\x04_udp\x03sip\0\0";
        assert!(names_a_host(damaged) && !names_a_host(&damaged[..18]));
        assert!(!names_a_host(b"\x12\x34\xff\xff\0\x09\0\x07\0\0\0\0\x04_s p\x04_udp\0"));
        let ask = |port| Flow::new(Transport::UDP, port).ask(Side::Initiator, damaged, 0);
        assert_eq!(ask(53), likely());
        assert_eq!(ask(5300), Answer::No);
    }

    #[test]
    fn on_its_port_a_header_of_one_question_is_a_hint_and_noise_waits_for_a_message() {
        let ask =
            |port, octets: &[u8]| Flow::new(Transport::UDP, port).ask(Side::Initiator, octets, 0);
        let question = b"\x4c\xd2\x01\0\0\x01\0\0\0\0\x25\x87\0_sip\x04_udp";
        assert_eq!(ask(53, question), by_header());
        assert_eq!(ask(5300, question), Answer::No);
        let reverse = b"\xaf\xf9\x80\0\0\x26\x73\x01\0\0\0\0\x011\x010\x010\x03127\0";
        assert_eq!(ask(53, reverse), likely());
        assert_eq!(ask(53, b"\xaf\xf9\x80\0\0\x26\x73\x01\0\0\0\0\x011\x010"), Answer::Unsure);
        // Operation 15, and two questions.
        assert_eq!(ask(53, b"\x12\x34\x78\0\0\x01\0\0\0\0\0\0"), Answer::Unsure);
        assert_eq!(ask(53, b"\x12\x34\0\0\0\x02\0\0\0\0\0\0"), Answer::Unsure);
    }

    #[test]
    fn a_cut_message_is_never_certain_unless_the_capture_cut_it() {
        let (flow, octets) = (Flow::new(Transport::UDP, 53), answer());
        let question = query("www.example.com", 1).len();
        for length in 1..octets.len() {
            let named = names_a_host(&octets[..length]);
            let damaged = match (named, length < HEADER) {
                (true, _) => likely(),
                (false, true) => Answer::Unsure,
                (false, false) => by_header(),
            };
            assert_eq!(flow.ask(Side::Responder, &octets[..length], 0), damaged, "{length}");
            let expected = if length < question { damaged } else { dns() };
            let cut = (octets.len() - length) as u32;
            assert_eq!(flow.ask(Side::Responder, &octets[..length], cut), expected, "{length}");
        }
    }

    #[test]
    fn elsewhere_every_octet_must_fit() {
        let flow = Flow::new(Transport::UDP, 5300);
        let good = query("www.example.com", 1);
        let expected = Finding::new(Protocol::Dns, ELSEWHERE, Evidence::FRAMING).with_lessons();
        assert_eq!(flow.ask(Side::Initiator, &good, 0), Answer::Match(expected));
        let mut chaos = good.clone();
        *chaos.last_mut().unwrap() = 3;
        assert_eq!(flow.ask(Side::Initiator, &chaos, 0), Answer::No);
        let trailing = [&good[..], &[0]].concat();
        assert_eq!(flow.ask(Side::Initiator, &trailing, 0), Answer::No);
        assert_eq!(Flow::new(Transport::UDP, 137).ask(Side::Initiator, &good, 0), Answer::No);
    }

    #[test]
    fn names_of_the_local_link_are_dns_but_teach_nothing() {
        let flow = Flow::new(Transport::UDP, 5353);
        flow.ask(Side::Initiator, &query("www.example.com", 1), 0);
        let Answer::Match(found) = flow.ask(Side::Responder, &answer(), 0) else { panic!() };
        assert_eq!((found.protocol, found.teaches), (Protocol::Dns, false));
        assert_eq!(flow.name([203, 0, 113, 9]), None);
    }

    #[test]
    fn a_stream_is_read_message_by_message() {
        let flow = Flow::new(Transport::TCP, 53);
        let one = |octets: &[u8]| [&(octets.len() as u16).to_be_bytes()[..], octets].concat();
        let other = response("b.example", 1, &[record(1, &[203, 0, 113, 10])]);
        for name in ["www.example.com", "b.example"] {
            assert_eq!(flow.ask(Side::Initiator, &one(&query(name, 1)), 0), dns());
            flow.scratch.take();
        }
        let octets = [one(&answer()), one(&other)].concat();
        let first = one(&answer()).len();
        for length in 1..octets.len() {
            let expected = if length < first { Answer::Unsure } else { dns() };
            assert_eq!(flow.ask(Side::Responder, &octets[..length], 0), expected, "{length}");
        }
        assert_eq!(flow.name([203, 0, 113, 10]), None);
        assert_eq!(flow.ask(Side::Responder, &octets, 0), dns());
        assert_eq!(flow.name([203, 0, 113, 10]).as_deref(), Some("b.example"));
        assert_eq!(flow.ask(Side::Responder, b"GET / HTTP/1.1\r\n\r\n", 0), Answer::No);
        let middle = Flow { from_start: false, ..Flow::new(Transport::TCP, 53) };
        assert_eq!(middle.ask(Side::Responder, &octets[5..], 0), Answer::Unsure);
        assert_eq!(middle.ask(Side::Responder, &octets, 0), dns());
    }

    proptest! {
        #[test]
        fn nothing_panics(
            octets in prop::collection::vec(any::<u8>(), 1..300), port in 52..54u16, tcp: bool,
        ) {
            let transport = if tcp { Transport::TCP } else { Transport::UDP };
            let _ = Flow::new(transport, port).ask(Side::Responder, &octets, 0);
        }

        #[test]
        fn nothing_panics_near_a_message(
            place in any::<prop::sample::Index>(), octet: u8, length in any::<prop::sample::Index>(),
        ) {
            let mut octets = answer();
            let place = place.index(octets.len());
            octets[place] = octet;
            octets.truncate(1 + length.index(octets.len()));
            let _ = Flow::new(Transport::UDP, 53).ask(Side::Responder, &octets, 0);
        }
    }
}
