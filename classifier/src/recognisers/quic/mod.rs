//! QUIC (RFC 9000): the server's name in the client's Initial packets.
//!
//! Initial packets are encrypted, but with keys that follow from what they show; a packet that
//! decrypts is beyond doubt. A ClientHello fills two datagrams or more since post-quantum key shares,
//! and clients shuffle it over many frames.

mod crypto;
mod google;
mod packet;
mod protection;

use etiage_capture::Side;

use self::crypto::Handshake;
use self::packet::{Kind, Packet, Version};
use self::protection::Keys;
use super::Scratch;
use super::tls::hello::{CLIENT_HELLO, client_hello};
use super::tls::of_alpn;
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};
use etiage_capture::Cursor;

/// Packets looked at in one datagram: an Initial, a 0-RTT and a Handshake packet, some twice.
const MAX_COALESCED: usize = 8;
/// Least size of a datagram with a client's Initial packet (RFC 9000, section 14.1).
const MIN_CLIENT_DATAGRAM: u32 = 1200;
/// Least size of a packet with a short header whose peers can read it (RFC 9000, section 10.3).
const MIN_SHORT: usize = 21;
/// Packets to one connection id on HTTPS's port, the handshake not seen.
const SHORT_HEADERS: Confidence = Confidence(60);
const HTTPS: u16 = 443;
/// DNS over dedicated QUIC connections (RFC 9250).
const DOQ: u16 = 853;

/// What is remembered of a flow.
#[derive(Default)]
pub(super) struct Memory {
    /// A long header was seen.
    long: bool,
    client: Option<Box<Client>>,
}

/// The client's handshake, while it is put together.
struct Client {
    side: Side,
    keys: Keys,
    handshake: Handshake,
}

impl Memory {
    /// Octets of the handshake that is put together: under 6 KB.
    pub(super) fn octets(&self) -> usize {
        let kept = |client: &Client| size_of::<Client>() + client.handshake.octets();
        self.client.as_deref().map_or(0, kept)
    }
}

/// Asks whether this is QUIC.
pub(super) fn ask<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    let memory = &mut scratch.quic;
    let answer = match view.payload {
        [first, ..] if first & 0x80 == 0 => short(view, memory),
        _ => long(view, memory),
    };
    if matches!(&answer, Answer::Match(finding) if !finding.more) {
        memory.client = None;
    }
    answer
}

fn certain<'a>() -> Finding<'a> {
    Finding::certain(Protocol::Quic, Evidence::HANDSHAKE)
}

fn pending<'a>() -> Answer<'a> {
    Answer::Match(Finding { confidence: Confidence::PENDING, ..certain() }.with_more())
}

fn long<'a>(view: &View<'a>, memory: &mut Memory) -> Answer<'a> {
    let Some((packet, mut rest)) = packet::long(view.payload) else {
        if google::is_long_header(view.payload) {
            return Answer::Match(match google::server_name(view.payload) {
                Some(host) => certain().named(host, Evidence::SNI),
                None => certain(),
            });
        }
        // Once it is QUIC, what cannot be read is no proof that it is not.
        return if memory.long { Answer::Unsure } else { Answer::No };
    };
    match packet.kind {
        Kind::Foreign if packet::is_other_version(packet.number) => {
            return Answer::Match(match google::server_name(view.payload) {
                Some(host) => certain().named(host, Evidence::SNI),
                None => certain(),
            });
        }
        // The server will answer with the versions it knows, and the client starts again.
        Kind::Foreign if is_forced_negotiation(view, &packet) => return pending(),
        Kind::Foreign => return Answer::No,
        Kind::VersionNegotiation | Kind::Retry => {
            memory.long = true;
            memory.client = None;
            return pending();
        }
        Kind::Initial { .. } | Kind::Secret => {}
    }
    memory.long = true;
    let mut next = Some(packet);
    let mut buffer = Vec::new();
    for _ in 0..MAX_COALESCED {
        let Some(packet) = next else { break };
        memory.take(view, &packet, &mut buffer);
        next = packet::long(rest).map(|(packet, after)| {
            rest = after;
            packet
        });
    }
    let Some(client) = &memory.client else {
        // The server's way only, or the first packets are missing: the client's may still come.
        return Answer::Match(certain().with_more());
    };
    hello(view, &client.handshake).map_or_else(pending, Answer::Match)
}

fn is_forced_negotiation(view: &View<'_>, packet: &Packet<'_>) -> bool {
    packet::is_greased(packet.number) && view.wire_octets >= MIN_CLIENT_DATAGRAM
}

impl Memory {
    /// Takes what an Initial packet of the client adds to its handshake.
    fn take(&mut self, view: &View<'_>, packet: &Packet<'_>, buffer: &mut Vec<u8>) {
        let (Kind::Initial { .. }, Some(version), true) =
            (packet.kind, packet.version, packet.whole)
        else {
            return;
        };
        if let Some(client) = &mut self.client {
            if client.side != view.side {
                return;
            }
            if let Some(frames) = client.keys.open(packet, buffer) {
                client.handshake.take(frames);
                return;
            }
        }
        // The first packet, or the first after a Retry, which changes the keys and nothing else.
        let Some((keys, frames)) = open_first(version, packet, buffer) else { return };
        let mut handshake = Handshake::default();
        handshake.take(frames);
        self.client = Some(Box::new(Client { side: view.side, keys, handshake }));
    }
}

fn open_first<'b>(
    version: Version,
    packet: &Packet<'_>,
    buffer: &'b mut Vec<u8>,
) -> Option<(Keys, &'b [u8])> {
    let keys = Keys::client(version, packet.destination)?;
    let frames = keys.open(packet, buffer)?;
    Some((keys, frames))
}

/// What the client's hello shows; `None` while it is not all there.
fn hello<'a>(view: &View<'_>, handshake: &Handshake) -> Option<Finding<'a>> {
    let mut cursor = Cursor::new(handshake.prefix());
    let (kind, length) = (cursor.u8()?, cursor.u24()? as usize);
    let rest = cursor.rest();
    let body = rest.get(..length).unwrap_or(rest);
    let whole = body.len() == length;
    if !whole && !handshake.is_full() {
        return None;
    }
    // A packet that decrypts is QUIC, whatever it says.
    let hello = client_hello(body, whole).filter(|_| kind == CLIENT_HELLO).unwrap_or_default();
    let (protocol, evidence) = match hello.alpn {
        Some(alpn) => (of_alpn(alpn).unwrap_or(Protocol::Quic), Evidence::ALPN),
        None if view.ends.has_port(DOQ) => (Protocol::Dns, Evidence::PORT),
        None => (Protocol::Quic, Evidence::NONE),
    };
    let finding = Finding::certain(protocol, Evidence::HANDSHAKE.with(evidence));
    Some(match hello.host {
        Some(host) => finding.named(host.to_owned(), Evidence::SNI),
        None => finding,
    })
}

/// A packet with a short header (RFC 9000, section 17.3): almost all of it looks random.
fn short<'a>(view: &View<'a>, memory: &Memory) -> Answer<'a> {
    if memory.long {
        // The handshake is over: no name comes any more.
        return Answer::Match(certain());
    }
    if google::is_public_header(view.payload) {
        return Answer::Match(match google::server_name(view.payload) {
            Some(host) => certain().named(host, Evidence::SNI),
            None => certain(),
        });
    }
    let fixed_bit = view.payload.first().is_some_and(|first| first & 0x40 != 0);
    if !view.ends.has_port(HTTPS) || view.payload.len() < MIN_SHORT {
        return Answer::No;
    }
    if !fixed_bit {
        return match google::is_next(view.heads.get(view.side), view.payload) {
            _ if !google::may_be_next(view.payload) => Answer::No,
            _ if view.sent == 1 => Answer::Unsure,
            true => {
                let evidence = Evidence::PORT.with(Evidence::SHAPE);
                Answer::Match(Finding::new(Protocol::Quic, SHORT_HEADERS, evidence).with_more())
            }
            false if view.sent < 4 => Answer::Unsure,
            false => Answer::No,
        };
    }
    // Servers give connection ids of eight octets or more, the same in each packet to them.
    let id = |octets: &'a [u8]| octets.get(1..9);
    let head = view.heads.get(view.side);
    let same = view.sent > 1 && id(head).is_some() && id(head) == id(view.payload);
    let confidence = if same { SHORT_HEADERS } else { Confidence::GUESS };
    let evidence = Evidence::PORT.with(Evidence::SHAPE);
    Answer::Match(Finding::new(Protocol::Quic, confidence, evidence).with_more())
}

#[cfg(test)]
mod tests;
