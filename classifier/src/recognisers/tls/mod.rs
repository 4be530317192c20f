//! TLS over TCP: the names in its handshake, and its records where the handshake was not seen.
//!
//! A ClientHello's server name settles a flow. Without one (an old client, or a capture of one way
//! only) the server's certificate may name it: up to TLS 1.2 it travels in clear.

pub(crate) mod hello;
mod record;
mod tor;

use std::borrow::Cow;

use self::hello::{CLIENT_HELLO, SERVER_HELLO};
use self::record::{APPLICATION_DATA, Flight, HANDSHAKE, HEADER, Header, Message};
use super::{Scratch, x509};
use crate::class::{Confidence, Evidence, Protocol};
use crate::ports;
use crate::recogniser::{Answer, Finding, View};
use crate::stream::MAX_PREFIX;
use etiage_capture::Cursor;

const CERTIFICATE: u8 = 11;
const SERVER_HELLO_DONE: u8 = 14;
/// Octets up to the cipher suites of an SSL 2.0 ClientHello.
const SSLV2_HEADER: usize = 11;
/// Longest hello that is waited for; what is longer than a stream's prefix is read as far as it goes.
const MAX_HELLO: usize = 1 << 16;
/// Records in the middle of a connection, sizes that fit the packets: nothing else looks like it, but
/// no handshake was seen.
const RECORDS: Confidence = Confidence(85);
/// One record header whose end was not seen.
const RECORD_START: Confidence = Confidence(70);

/// A connection without names between two hosts that speak Direct Connect.
const BETWEEN_CLIENTS: Confidence = Confidence(90);
/// The same to a host that speaks it, from one that is not known to: the hubs of peers on other links
/// are not in view.
const TO_CLIENT: Confidence = Confidence(80);

/// Ports where TLS carries another protocol from the first octet (IANA service names).
const IMPLICIT: &[(u16, Protocol)] = &[
    (465, Protocol::Smtp),
    (563, Protocol::Nntp),
    (853, Protocol::Dns),
    (989, Protocol::FtpData),
    (990, Protocol::Ftp),
    (993, Protocol::Imap),
    (995, Protocol::Pop3),
];

/// Asks whether this is TLS.
pub(crate) fn ask<'a>(view: &View<'a>, _scratch: &mut Scratch) -> Answer<'a> {
    let payload = view.payload;
    if let Some(answer) = handshake(view) {
        return answer;
    }
    if view.from_start {
        return if may_begin(payload) { Answer::Unsure } else { Answer::No };
    }
    records(view).map_or(Answer::Unsure, |finding| Answer::Match(finding.with_more()))
}

/// Whether these first octets, too few for a record's header or for an SSL 2.0 hello, may become one.
fn may_begin(payload: &[u8]) -> bool {
    match payload {
        [HANDSHAKE] | [HANDSHAKE, 3] | [HANDSHAKE, 3, 0..=4] | [HANDSHAKE, 3, 0..=4, _] => true,
        [0x80..=0xff, rest @ ..] => match rest {
            [] | [_] | [_, CLIENT_HELLO] => true,
            [_, CLIENT_HELLO, 3, ..] => rest.len() < SSLV2_HEADER - 1,
            _ => false,
        },
        _ => false,
    }
}

/// A hello at the start of what is in view.
fn handshake<'a>(view: &View<'a>) -> Option<Answer<'a>> {
    let flight = match record::header(&mut Cursor::new(view.payload)) {
        Some(Header { kind: HANDSHAKE, .. }) => record::flight(view.payload),
        _ => {
            return sslv2_hello(view.payload)
                .then(|| Answer::Match(protocol(view, None).with_more()));
        }
    };
    // More of the stream cannot come: it is as long as it gets, or the packet was cut.
    let last = flight.last
        || !view.from_start
        || view.payload.len() >= MAX_PREFIX
        || (view.payload.len() as u64) < u64::from(view.wire_octets);
    let seen = Flight { last, ..flight };
    match &seen.octets {
        Cow::Borrowed(octets) => hello(view, octets, &seen),
        Cow::Owned(octets) => hello(view, octets, &seen).map(owned),
    }
}

fn hello<'a>(view: &View<'_>, octets: &'a [u8], flight: &Flight<'_>) -> Option<Answer<'a>> {
    let first = record::messages(octets).next();
    // Two octets of the body are its version: with the headers they make eleven that must be right.
    let Some(first) = first.filter(|message| message.body.len() >= 2) else {
        let begins = octets.first().is_none_or(|kind| matches!(*kind, CLIENT_HELLO | SERVER_HELLO));
        return (begins && !flight.last).then_some(Answer::Unsure);
    };
    match first.kind {
        _ if first.length > MAX_HELLO => None,
        CLIENT_HELLO => client(view, first, flight),
        SERVER_HELLO => server(view, first, octets, flight),
        _ => None,
    }
}

fn client<'a>(view: &View<'_>, message: Message<'a>, flight: &Flight<'_>) -> Option<Answer<'a>> {
    let Some(hello) = hello::client_hello(message.body, message.whole()) else {
        // Broken on the way, or on purpose; its headers and version are right all the same.
        let broken = matches!(message.body, [3, 0..=3, ..]);
        let finding = Finding { confidence: RECORDS, ..protocol(view, None) };
        return broken.then(|| Answer::Match(finding.with_more()));
    };
    if message.whole() && hello.host.is_none() && hello.alpn.is_none() {
        let evidence = Evidence::HANDSHAKE.with(Evidence::PEER);
        let found = |sure| Answer::Match(Finding::new(Protocol::DirectConnect, sure, evidence));
        if let Some(answer) = direct_connect(view).map(found) {
            return Some(answer);
        }
    }
    let finding = protocol(view, hello.alpn);
    if message.whole()
        && hello.alpn.is_none()
        && hello.host.is_some_and(|host| tor::asks(view, host))
    {
        let evidence = Evidence::HANDSHAKE.with(Evidence::SNI).with(Evidence::SHAPE);
        let finding = Finding::new(Protocol::Tor, Confidence::LIKELY, evidence);
        return Some(Answer::Match(finding));
    }
    let finding = match hello.host {
        Some(host) => finding.named(host, Evidence::SNI),
        None => finding.with_more(),
    };
    // The name, or the protocols after it, can be in the next segment.
    let complete = message.whole() || flight.last;
    Some(Answer::Match(if complete { finding } else { pending(finding) }))
}

/// Whether a connection without any name is one between clients of Direct Connect, which encrypt with
/// certificates of their own making: who is called speaks it, and perhaps the caller too, on ports that
/// are no service's. Clients of the web name what they speak, to a bare address too.
fn direct_connect(view: &View<'_>) -> Option<Confidence> {
    let (caller, called) = (view.source(), view.destination());
    if [caller, called].into_iter().any(|end| ports::is_service(end.port())) {
        return None;
    }
    match view.speak(Protocol::DirectConnect) {
        (true, true) => Some(BETWEEN_CLIENTS),
        (false, true) => Some(TO_CLIENT),
        _ => None,
    }
}

fn server<'a>(
    view: &View<'_>,
    message: Message<'a>,
    octets: &'a [u8],
    flight: &Flight<'_>,
) -> Option<Answer<'a>> {
    let hello = hello::server_hello(message.body, message.whole())?;
    let finding = protocol(view, hello.alpn);
    if hello.tls13 && message.whole() {
        // One way only: the client's hello may still be on its way.
        return Some(Answer::Match(if view.answered == 0 { finding.with_more() } else { finding }));
    }
    let (certificate, whole) = certificate(octets).unwrap_or_default();
    let done = whole
        || flight.last
        || record::messages(octets).any(|message| message.kind == SERVER_HELLO_DONE);
    if !done {
        return Some(Answer::Match(pending(finding)));
    }
    Some(Answer::Match(match x509::name_of(certificate) {
        Some(name) => finding.named(name, Evidence::CERTIFICATE),
        None => finding,
    }))
}

/// The handshake is known, what it says is not all here.
fn pending(finding: Finding<'_>) -> Finding<'_> {
    Finding { confidence: Confidence::PENDING, ..finding }.with_more()
}

fn owned<'a>(answer: Answer<'_>) -> Answer<'a> {
    match answer {
        Answer::Match(finding) => {
            let host = finding.host.map(|host| Cow::Owned(host.into_owned()));
            Answer::Match(Finding { host, ..finding })
        }
        Answer::Unsure => Answer::Unsure,
        Answer::No => Answer::No,
    }
}

/// The server's own certificate, the first of its chain: as much of it as there is, and whether that
/// is all of it.
fn certificate(octets: &[u8]) -> Option<(&[u8], bool)> {
    let message = record::messages(octets).find(|message| message.kind == CERTIFICATE)?;
    let mut cursor = Cursor::new(message.body);
    let (_chain, length) = (cursor.u24()?, cursor.u24()? as usize);
    let rest = cursor.rest();
    Some(rest.get(..length).map_or((rest, false), |certificate| (certificate, true)))
}

/// What TLS carries: by the protocol negotiated, else by the port, else TLS itself.
fn protocol<'a>(view: &View<'_>, alpn: Option<&[u8]>) -> Finding<'a> {
    let certain = |protocol, evidence: Evidence| {
        Finding::certain(protocol, Evidence::HANDSHAKE.with(evidence))
    };
    if let Some(alpn) = alpn {
        return certain(of_alpn(alpn).unwrap_or(Protocol::Tls), Evidence::ALPN);
    }
    let implicit = IMPLICIT.iter().find(|(port, _)| view.ends.has_port(*port));
    match implicit {
        Some((_, protocol)) => certain(*protocol, Evidence::PORT),
        None => certain(Protocol::Tls, Evidence::NONE),
    }
}

/// The protocol of an ALPN identifier (IANA's registry of them), where it is not the web's.
pub(crate) fn of_alpn(alpn: &[u8]) -> Option<Protocol> {
    match alpn {
        b"dot" | b"doq" => Some(Protocol::Dns),
        b"imap" => Some(Protocol::Imap),
        b"pop3" => Some(Protocol::Pop3),
        b"nntp" | b"nnsp" => Some(Protocol::Nntp),
        b"ftp" => Some(Protocol::Ftp),
        b"ntske/1" => Some(Protocol::Ntp),
        b"smb" => Some(Protocol::Smb),
        b"adc" | b"nmdc" => Some(Protocol::DirectConnect),
        b"libp2p" => Some(Protocol::Libp2p),
        b"bep/1.0" => Some(Protocol::Syncthing),
        b"sip/2" => Some(Protocol::Sip),
        b"stun.turn" | b"stun.nat-discovery" => Some(Protocol::Stun),
        _ => None,
    }
}

/// A TLS ClientHello in an SSL 2.0 record, as clients up to about 2010 sent it (RFC 5246, appendix E.2).
fn sslv2_hello(payload: &[u8]) -> bool {
    let mut cursor = Cursor::new(payload);
    let mut read = || {
        let length = cursor.u16()?;
        let (kind, major, minor) = (cursor.u8()?, cursor.u8()?, cursor.u8()?);
        let (suites, session, challenge) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
        let fits = usize::from(length & 0x7fff)
            == 9 + usize::from(suites) + usize::from(session) + usize::from(challenge);
        let sizes = suites > 0 && suites % 3 == 0 && matches!(session, 0 | 16);
        let versions = kind == CLIENT_HELLO && major == 3 && minor <= 3;
        Some(length & 0x8000 != 0 && fits && sizes && versions && (16..=32).contains(&challenge))
    };
    read().unwrap_or(false)
}

/// Records at the start of a segment in the middle of a connection.
fn records<'a>(view: &View<'_>) -> Option<Finding<'a>> {
    let mut cursor = Cursor::new(view.payload);
    let first = record::header(&mut cursor).filter(plausible)?;
    let confidence = match cursor.take(first.length) {
        None => RECORD_START,
        // The record ends with the segment: its length fits the packet's.
        Some(_) if cursor.is_empty() => RECORDS,
        Some(_) => {
            let cut = cursor.rest().len() < HEADER;
            match record::header(&mut cursor).filter(plausible) {
                Some(second) if second.version == first.version => RECORDS,
                None if cut => RECORD_START,
                _ => return None,
            }
        }
    };
    let implicit = IMPLICIT.iter().find(|(port, _)| view.ends.has_port(*port));
    Some(match implicit {
        Some((_, protocol)) => {
            Finding::new(*protocol, confidence, Evidence::FRAMING.with(Evidence::PORT))
        }
        None => Finding::new(Protocol::Tls, confidence, Evidence::FRAMING),
    })
}

/// What a record after the handshake looks like: a version that is still in use, and data with room
/// for at least an authentication tag.
fn plausible(header: &Header) -> bool {
    matches!(header.version, 0x0301..=0x0303)
        && match header.kind {
            20 => header.length == 1,
            21 => header.length == 2 || header.length >= 16,
            APPLICATION_DATA | HANDSHAKE => header.length >= 16,
            _ => false,
        }
}

#[cfg(test)]
mod tests;
