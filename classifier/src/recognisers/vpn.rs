//! Tunnels that name themselves: WireGuard, OpenVPN over UDP and TCP, IPsec's IKE and ESP in UDP.

use etiage_capture::{PerSide, Transport};

use super::Scratch;
use super::le::le32;
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};
use etiage_capture::Cursor;

/// What is remembered of a flow.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// WireGuard: each side's last receiver index and counter, and how many followed.
    wireguard: PerSide<Option<(u32, u64)>>,
    row: PerSide<u8>,
    /// OpenVPN: the server's reset came before the client's.
    answered_early: bool,
}

/// WireGuard's first message: kind, zeros and length.
const INITIATED: Confidence = Confidence(93);
/// WireGuard's second message; the first is not in view.
const RESPONSE_ALONE: Confidence = Confidence(92);
/// WireGuard's cookie, which names the sender of the message that it answers.
const ANSWERED: Confidence = Confidence(97);
/// WireGuard's data: [`ROW`] messages of one receiver, with counters that rise.
const COUNTED: Confidence = Confidence(95);
/// OpenVPN's first message alone: its shape has few fixed bits without the server's answer.
const RESET: Confidence = Confidence(80);
/// OpenVPN's first message, and a server's reset in the other direction.
const RESET_ANSWERED: Confidence = Confidence(95);
/// OpenVPN's server returns the client's session, or has the client's clock.
const SESSION_RETURNED: Confidence = Confidence(98);
/// IKE's header with payloads that fit, on another port than its own.
const IKE_ELSEWHERE: Confidence = Confidence(92);
/// ESP has no fixed octet: the port, an index and a number that fit, a few times.
const ESP: Confidence = Confidence(85);

fn found<'a>(protocol: Protocol, confidence: Confidence, evidence: Evidence) -> Answer<'a> {
    Answer::Match(Finding::new(protocol, confidence, evidence))
}

/// Lengths of WireGuard's handshake initiation, response, and cookie reply.
const INITIATION: usize = 148;
const RESPONSE: usize = 92;
const COOKIE: usize = 64;
/// Transport data: header and tag without contents.
const KEEPALIVE: usize = 32;
/// Data packets of one side in a row that must agree.
const ROW: u8 = 3;

/// WireGuard: kind, three zeros, and for each kind its length.
pub(super) fn wireguard<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    let payload = view.payload;
    let Some(&[kind, 0, 0, 0]) = payload.first_chunk::<4>() else { return Answer::No };
    let other = view.heads.get(view.side.other());
    let handshake = |confidence| found(Protocol::WireGuard, confidence, Evidence::HANDSHAKE);
    match (kind, payload.len()) {
        (1, INITIATION) => handshake(INITIATED),
        (2, RESPONSE) => {
            let answers = other.first() == Some(&1) && other.get(4..8) == payload.get(8..12);
            handshake(if answers { Confidence::CERTAIN } else { RESPONSE_ALONE })
        }
        (3, COOKIE) => {
            let answers = other.get(4..8) == payload.get(4..8);
            if answers { handshake(ANSWERED) } else { Answer::Unsure }
        }
        (4, KEEPALIVE..) if payload.len().is_multiple_of(16) => data(view, scratch),
        // Providers append octets to the handshake to hide it; the data that follows is as ever.
        (1, INITIATION..) | (2, RESPONSE..) | (3, COOKIE..) if view.sent <= 2 => Answer::Unsure,
        _ => Answer::No,
    }
}

fn data<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    let (Some(index), Some(counter)) = (
        view.payload.get(4..).and_then(le32),
        view.payload.get(8..).and_then(|rest| rest.first_chunk().copied().map(u64::from_le_bytes)),
    ) else {
        return Answer::No;
    };
    let memory = &mut scratch.vpn;
    let before = memory.wireguard.get_mut(view.side).replace((index, counter));
    let row = memory.row.get_mut(view.side);
    let follows =
        before.is_some_and(|(last, at)| last == index && counter > at && counter - at <= 64);
    *row = if follows { row.saturating_add(1) } else { 1 };
    if *row >= ROW {
        return found(Protocol::WireGuard, COUNTED, Evidence::FRAMING);
    }
    Answer::Unsure
}

/// OpenVPN's first messages: opcode in the upper five bits, key in the lower three.
const CLIENT_RESET: [u8; 2] = [0x38, 0x50];
const SERVER_RESET: u8 = 0x40;
/// Acknowledgement, control, and data in both versions; key 0 while a connection is young.
const OTHERS: [u8; 4] = [0x20, 0x28, 0x30, 0x48];
/// Lengths of the digests in use: MD5, SHA-1, SHA-256, SHA-512.
const DIGESTS: [usize; 4] = [16, 20, 32, 64];
/// tls-crypt: packet number and time follow the session, then the digest.
const TLS_CRYPT_RESET: usize = 54;
/// How far the clocks of two ends may lie apart, in seconds, where both are in view.
const MAX_CLOCK: u32 = 24 * 3600;

pub(super) fn openvpn<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    let own = message(view.payload, view.ends.transport);
    let Some(own) = own.filter(|message| message.len() >= 10) else {
        let more = super::text::may_grow(view) && view.payload.len() < 12;
        return if more { Answer::Unsure } else { Answer::No };
    };
    let other = message(view.heads.get(view.side.other()), view.ends.transport).unwrap_or_default();
    let (Some(&first), session) = (own.first(), own.get(1..9)) else { return Answer::No };
    let other_first = other.first().copied().unwrap_or_default();
    if CLIENT_RESET.contains(&first) {
        let shape = reset_shape(own, first);
        let answered = other_first == SERVER_RESET || scratch.vpn.answered_early;
        return match shape {
            true if answered => found(Protocol::OpenVpn, RESET_ANSWERED, Evidence::HANDSHAKE),
            true => Answer::Match(
                Finding::new(Protocol::OpenVpn, RESET, Evidence::HANDSHAKE).with_more(),
            ),
            false => Answer::No,
        };
    }
    if first == SERVER_RESET && CLIENT_RESET.contains(&other_first) {
        if session == other.get(1..9) {
            return Answer::No;
        }
        let returned = returns_session(own, other);
        let clocks = clock(own).zip(clock(other));
        let near = clocks.is_some_and(|(one, two)| one.abs_diff(two) <= MAX_CLOCK);
        if returned || near {
            return found(Protocol::OpenVpn, SESSION_RETURNED, Evidence::HANDSHAKE);
        }
    }
    // Datagrams come out of order: messages after the resets, and a server's reset before its client's,
    // keep the flow open.
    let early = first == SERVER_RESET && (other.is_empty() || OTHERS.contains(&other_first));
    scratch.vpn.answered_early |= early;
    if (early || OTHERS.contains(&first)) && view.sent < 6 { Answer::Unsure } else { Answer::No }
}

/// The first message of a payload: over TCP behind its length.
fn message(payload: &[u8], transport: Transport) -> Option<&[u8]> {
    if transport != Transport::TCP {
        return Some(payload);
    }
    let mut cursor = Cursor::new(payload);
    let length = usize::from(cursor.u16()?);
    let rest = cursor.rest();
    // The start that is remembered of the other side may be shorter than the message.
    (10..=2048).contains(&length).then(|| rest.get(..length).unwrap_or(rest))
}

/// A client's reset: plain, authenticated with one of the digests, or encrypted.
fn reset_shape(message: &[u8], first: u8) -> bool {
    let length = message.len();
    if first == 0x50 {
        // tls-crypt-v2 appends the client's wrapped key.
        return length > TLS_CRYPT_RESET && clock(message).is_some();
    }
    let plain = length == 14 && message.get(9..) == Some(&[0; 5]);
    // Behind the digest: packet number 1, time, no acknowledgements, message number 0.
    let digested = DIGESTS.iter().any(|digest| {
        length == digest + 22
            && number_at(message, 9 + digest) == Some(1)
            && message.get(17 + digest..) == Some(&[0; 5])
    });
    let encrypted = length == TLS_CRYPT_RESET && number_at(message, 9) == Some(1);
    plain || digested || encrypted
}

fn number_at(message: &[u8], at: usize) -> Option<u32> {
    Cursor::new(message.get(at..)?).u32()
}

/// tls-crypt's clock: behind a packet number of 1, whose upper half may tell what the client can do
/// early.
fn clock(message: &[u8]) -> Option<u32> {
    let time = number_at(message, 13)?;
    let first = number_at(message, 9)? & 0xffff == 1;
    (first && time > 1_000_000_000).then_some(time)
}

/// A server's reset carries the client's session: behind an acknowledgement of message 0.
fn returns_session(own: &[u8], other: &[u8]) -> bool {
    let Some(session) = other.get(1..9) else { return false };
    let at = |skip: usize| {
        own.get(9 + skip..14 + skip) == Some(&[1, 0, 0, 0, 0])
            && own.get(14 + skip..22 + skip) == Some(session)
    };
    at(0) || DIGESTS.iter().any(|digest| at(digest + 8))
}

const IKE_PORT: u16 = 500;
const NAT_PORT: u16 = 4500;
/// ESP's datagrams that must have been seen on port 4500 both ways.
const ESP_ROW: u16 = 2;

/// IKE (RFC 7296, RFC 2409) and ESP in UDP (RFC 3948).
pub(super) fn ipsec<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let on_nat_port = view.ends.has_port(NAT_PORT);
    let marked = view.payload.strip_prefix(&[0; 4]).filter(|_| on_nat_port);
    let whole = view.payload.len() >= view.wire_octets as usize;
    if is_ike(marked.unwrap_or(view.payload), whole) {
        let on_port = on_nat_port || view.ends.has_port(IKE_PORT);
        return found(
            Protocol::Ipsec,
            if on_port { Confidence::CERTAIN } else { IKE_ELSEWHERE },
            Evidence::HANDSHAKE,
        );
    }
    if !on_nat_port {
        return Answer::No;
    }
    if view.payload == [0xff] {
        // Keeps a translation open (RFC 3948, section 2.3).
        return Answer::Unsure;
    }
    // ESP: an index above the reserved ones, and a number that counts from 1.
    let (index, number) = (number_at(view.payload, 0), number_at(view.payload, 4));
    let is_esp = index.is_some_and(|index| index > 255)
        && number.is_some_and(|number| (1..1 << 28).contains(&number))
        && view.payload.len() >= 24;
    match (is_esp, view.sent >= ESP_ROW) {
        (true, true) => found(Protocol::Ipsec, ESP, Evidence::FRAMING.with(Evidence::PORT)),
        (true, false) => Answer::Unsure,
        _ => Answer::No,
    }
}

fn is_ike(message: &[u8], whole: bool) -> bool {
    let mut cursor = Cursor::new(message);
    let mut parse = || {
        let initiator = cursor.u64()?;
        cursor.u64()?;
        let (_, version, exchange, _) = (cursor.u8()?, cursor.u8()?, cursor.u8()?, cursor.u8()?);
        cursor.u32()?;
        let length = cursor.u32()? as usize;
        let exchanges = match version {
            0x10 => matches!(exchange, 1..=6 | 32 | 33),
            0x20 => matches!(exchange, 34..=44),
            _ => false,
        };
        let fits = if whole { length == message.len() } else { length > message.len() };
        Some(initiator != 0 && exchanges && fits)
    };
    parse() == Some(true)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, truncations};
    use super::*;

    #[test]
    fn wireguards_handshake_settles_by_kind_and_length() {
        let mut start = vec![0; INITIATION];
        start[..8].copy_from_slice(&[1, 0, 0, 0, 7, 7, 7, 7]);
        truncations(wireguard, || Flow::udp(51820), &start, |length| length == INITIATION);
        let mut flow = Flow::udp(51820);
        flow.client(wireguard, &start);
        let mut answer = vec![0; RESPONSE];
        answer[..12].copy_from_slice(&[2, 0, 0, 0, 8, 8, 8, 8, 7, 7, 7, 7]);
        assert!(matches!(flow.server(wireguard, &answer), Said::Match { confidence: 99, .. }));
        start.push(0);
        assert_eq!(Flow::udp(51820).client(wireguard, &start), Said::Unsure);
        start[1] = 1;
        assert_eq!(Flow::udp(51820).client(wireguard, &start), Said::No);
    }

    #[test]
    fn wireguards_data_settles_by_its_counter() {
        let packet = |counter: u64| {
            [&[4, 0, 0, 0, 9, 9, 9, 9][..], &counter.to_le_bytes(), &[5; 16]].concat()
        };
        let mut flow = Flow::udp(51820);
        assert_eq!(flow.client(wireguard, &packet(5)), Said::Unsure);
        assert_eq!(flow.client(wireguard, &packet(5)), Said::Unsure);
        assert_eq!(flow.client(wireguard, &packet(6)), Said::Unsure);
        assert!(flow.client(wireguard, &packet(7)).settled().is_some());
    }

    fn reset(first: u8, session: u8, rest: &[u8]) -> Vec<u8> {
        [&[first][..], &[session; 8], rest].concat()
    }

    #[test]
    fn openvpn_needs_the_servers_answer() {
        let client = reset(0x38, 1, &[0; 5]);
        let server = reset(0x40, 2, b"\x01\0\0\0\0\x01\x01\x01\x01\x01\x01\x01\x01\0\0\0\0");
        let mut flow = Flow::udp(1194);
        assert!(flow.client(openvpn, &client).settled().is_none());
        assert_eq!(flow.server(openvpn, &server).settled(), Some(Protocol::OpenVpn));
        let mut flow = Flow::udp(1194);
        flow.client(openvpn, &client);
        assert_eq!(flow.server(openvpn, &reset(0x40, 2, &[3; 17])), Said::No);
        assert_eq!(Flow::udp(1194).client(openvpn, &reset(0x38, 1, &[1; 5])), Said::No);
    }

    #[test]
    fn openvpns_resets_and_what_follows_them_may_come_in_any_order() {
        let client = reset(0x38, 1, &[0; 5]);
        let server = reset(0x40, 2, b"\x01\0\0\0\0\x01\x01\x01\x01\x01\x01\x01\x01\0\0\0\0");
        let control = reset(0x20, 1, &[7; 40]);
        let mut flow = Flow::udp(1194);
        assert_eq!(flow.client(openvpn, &control), Said::Unsure);
        assert_eq!(flow.server(openvpn, &server), Said::Unsure);
        assert_eq!(flow.client(openvpn, &client).settled(), Some(Protocol::OpenVpn));
        let mut flow = Flow::udp(1194);
        assert_eq!(flow.server(openvpn, &server), Said::Unsure);
        assert_eq!(flow.client(openvpn, &reset(0x38, 1, &[1; 5])), Said::No);
    }

    #[test]
    fn openvpn_encrypted_over_tcp_is_known_by_both_clocks() {
        let message = |first, session, time: u32| {
            let rest = [&[0, 0, 0, 1][..], &time.to_be_bytes(), &[6; 37]].concat();
            let message = reset(first, session, &rest);
            [&(message.len() as u16).to_be_bytes()[..], &message].concat()
        };
        let mut flow = Flow::tcp(8443);
        assert!(flow.client(openvpn, &message(0x38, 1, 1_700_000_000)).settled().is_none());
        let answer = flow.server(openvpn, &message(0x40, 2, 1_700_000_003));
        assert_eq!(answer.settled(), Some(Protocol::OpenVpn));
        let mut flow = Flow::tcp(8443);
        flow.client(openvpn, &message(0x38, 1, 1_700_000_000));
        assert_eq!(flow.server(openvpn, &message(0x40, 2, 1_200_000_000)), Said::No);
    }

    #[test]
    fn ike_must_have_its_length() {
        let mut ike = vec![7; 8];
        ike.extend([0; 8]);
        ike.extend([0x21, 0x20, 34, 8, 0, 0, 0, 0, 0, 0, 0, 32, 1, 2, 3, 4]);
        truncations(ipsec, || Flow::udp(500), &ike, |length| length == 32);
        let marked = [&[0; 4][..], &ike].concat();
        assert!(Flow::udp(4500).client(ipsec, &marked).settled().is_some());
        assert_eq!(Flow::udp(4501).client(ipsec, &marked), Said::No);
    }
}
