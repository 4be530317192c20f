//! STUN and TURN (RFC 8489, RFC 8656), over UDP and TCP, framed (RFC 4571) or not; classic STUN
//! (RFC 3489).

use super::{Scratch, text};
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};
use etiage_capture::Cursor;

const COOKIE: u32 = 0x2112_A442;
const HEADER: usize = 20;

/// What an octet string is as a message of STUN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    /// With the magic cookie.
    Modern,
    /// Without it, and its attributes end where the message ends.
    Classic,
}

/// Looks at a message that must fill the whole of `octets`, or start it (`exact` false).
fn parse(octets: &[u8], exact: bool) -> Option<Message> {
    let mut cursor = Cursor::new(octets);
    let (kind, length, cookie) = (cursor.u16()?, usize::from(cursor.u16()?), cursor.u32()?);
    cursor.take(12)?;
    let body = cursor.rest();
    let fits = if exact { body.len() == length } else { body.len() >= length };
    if kind & 0xc000 != 0 || !fits {
        return None;
    }
    if cookie == COOKIE {
        // Attributes are padded to four octets, but not by every implementation.
        return Some(Message::Modern);
    }
    // Binding and shared secret; request, answer, error.
    let classic = matches!(kind, 0x0001 | 0x0101 | 0x0111 | 0x0002 | 0x0102 | 0x0112);
    (classic && exact && has_whole_attributes(body)).then_some(Message::Classic)
}

/// At least one attribute, each of a known kind, up to the very end.
fn has_whole_attributes(body: &[u8]) -> bool {
    let mut cursor = Cursor::new(body);
    while !cursor.is_empty() {
        let (Some(kind), Some(value)) = (cursor.u16(), cursor.vec16()) else { return false };
        let known = matches!(kind, 0x0001..=0x0020 | 0x8000..=0x8060);
        let padding = value.len().wrapping_neg() % 4;
        if !known || cursor.take(padding).is_none() {
            return false;
        }
    }
    !body.is_empty()
}

/// A message of RFC 3489, without the magic cookie: kind, length and attributes fit.
const CLASSIC: Confidence = Confidence(92);

pub(super) fn udp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    match parse(view.payload, view.payload.len() >= view.wire_octets as usize) {
        Some(Message::Modern) => Answer::Match(Finding::certain(Protocol::Stun, Evidence::FRAMING)),
        Some(Message::Classic) => {
            Answer::Match(Finding::new(Protocol::Stun, CLASSIC, Evidence::FRAMING))
        }
        None => Answer::No,
    }
}

pub(super) fn tcp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let framed = view.payload.get(2..).unwrap_or_default();
    for octets in [view.payload, framed] {
        if parse(octets, false) == Some(Message::Modern) {
            return Answer::Match(Finding::certain(Protocol::Stun, Evidence::FRAMING));
        }
    }
    let short = view.payload.len() < HEADER && view.payload.first().is_some_and(|kind| *kind < 4);
    if short && text::may_grow(view) { Answer::Unsure } else { Answer::No }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, truncations};
    use super::*;

    fn request(body: &[u8]) -> Vec<u8> {
        let mut octets = vec![0, 1];
        octets.extend((body.len() as u16).to_be_bytes());
        octets.extend(COOKIE.to_be_bytes());
        octets.extend(b"transaction!");
        octets.extend(body);
        octets
    }

    #[test]
    fn a_request_settles_only_whole() {
        let request = request(b"\x00\x06\x00\x04user");
        assert_eq!(Flow::udp(3478).client(udp, &request).settled(), Some(Protocol::Stun));
        truncations(udp, || Flow::udp(3478), &request, |length| length == request.len());
        truncations(tcp, || Flow::tcp(3478), &request, |length| length == request.len());
    }

    #[test]
    fn framed_over_tcp_settles_too() {
        let framed = [&[0, 20][..], &request(b"")].concat();
        assert_eq!(Flow::tcp(3478).client(tcp, &framed).settled(), Some(Protocol::Stun));
        assert_eq!(Flow::tcp(3478).client(tcp, &framed[..5]), Said::Unsure);
    }

    #[test]
    fn classic_messages_need_whole_attributes() {
        let mut classic = request(b"\x00\x03\x00\x04\0\0\0\x06");
        classic[4] = 9;
        assert_eq!(Flow::udp(3478).client(udp, &classic).settled(), Some(Protocol::Stun));
        classic[21] = 0xff;
        assert_eq!(Flow::udp(3478).client(udp, &classic), Said::No);
        let mut bare = request(b"");
        bare[4] = 9;
        assert_eq!(Flow::udp(3478).client(udp, &bare), Said::No);
    }
}
