//! Network Time Protocol, versions 1 to 4 (RFC 5905), with its control and private modes.

use super::Scratch;
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};
use etiage_capture::Cursor;

const PORT: u16 = 123;
/// Header without extensions and authentication.
const HEADER: usize = 48;
/// Header, key identifier, digest and the longest extensions in use (RFC 8915's cookies).
const MAX_LENGTH: usize = 1024;

/// A control message on NTP's port: its few fields fit, but it has no time to check.
const CONTROL: Confidence = Confidence(97);
/// Private mode on NTP's port: nothing but version and mode can be checked.
const PRIVATE: Confidence = crate::SETTLED;

pub(super) fn ask<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let payload = view.payload;
    let Some(first) = payload.first() else { return Answer::No };
    let (version, mode) = (first >> 3 & 7, first & 7);
    let on_port = view.ends.has_port(PORT);
    let found =
        |confidence, evidence| Answer::Match(Finding::new(Protocol::Ntp, confidence, evidence));
    let is_time = is_time_message(payload);
    match (version, mode) {
        (1..=4, 1..=5) if on_port && is_time => {
            found(Confidence::CERTAIN, Evidence::FRAMING.with(Evidence::PORT))
        }
        (3 | 4, 4) if is_time && answers(view) => found(Confidence::CERTAIN, Evidence::HANDSHAKE),
        (3 | 4, 3) if is_time => Answer::Unsure,
        // Control messages (RFC 9327): 12 octets, data counted at their end.
        (1..=4, 6) if on_port && is_control(payload) => {
            found(CONTROL, Evidence::FRAMING.with(Evidence::PORT))
        }
        // Private mode has no public format: the port decides.
        (2..=4, 7) if on_port && payload.len() >= 8 => found(PRIVATE, Evidence::PORT),
        _ => Answer::No,
    }
}

/// Length, stratum and poll interval as they may be.
fn is_time_message(payload: &[u8]) -> bool {
    let fits = (HEADER..=MAX_LENGTH).contains(&payload.len()) && payload.len().is_multiple_of(4);
    let mut cursor = Cursor::new(payload);
    let (Some(_), Some(stratum), Some(poll)) = (cursor.u8(), cursor.u8(), cursor.u8()) else {
        return false;
    };
    fits && stratum <= 16 && (poll as i8) >= -7 && poll as i8 <= 24
}

fn is_control(payload: &[u8]) -> bool {
    let count = payload.get(10..12).and_then(|count| Cursor::new(count).u16());
    count.is_some_and(|count| payload.len() >= 12 + usize::from(count))
}

/// The server returns the client's transmit timestamp as the originate timestamp.
fn answers(view: &View<'_>) -> bool {
    let asked = view.heads.get(view.side.other()).get(40..HEADER);
    asked.is_some() && view.payload.get(24..32) == asked && asked != Some(&[0; 8])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, truncations};
    use super::*;

    fn message(first: u8) -> Vec<u8> {
        let mut octets = vec![first, 2, 6, 0xec];
        octets.resize(40, 0);
        octets.extend(b"transmit");
        octets
    }

    #[test]
    fn a_client_on_the_port_settles() {
        assert_eq!(Flow::udp(123).client(ask, &message(0x23)).settled(), Some(Protocol::Ntp));
        truncations(ask, || Flow::udp(123), &message(0xe3), |length| length == 48);
    }

    #[test]
    fn elsewhere_the_answer_must_carry_the_questions_timestamp() {
        let mut flow = Flow::udp(4000);
        assert_eq!(flow.client(ask, &message(0x23)), Said::Unsure);
        let mut reply = message(0x24);
        assert_eq!(flow.server(ask, &reply), Said::No);
        reply[24..32].copy_from_slice(b"transmit");
        assert_eq!(flow.server(ask, &reply).settled(), Some(Protocol::Ntp));
    }

    #[test]
    fn control_and_private_modes_need_the_port() {
        let control = b"\x16\x02\0\x01\0\0\0\0\0\0\0\0";
        assert!(Flow::udp(123).client(ask, control).settled().is_some());
        assert_eq!(Flow::udp(124).client(ask, control), Said::No);
        let monlist = b"\x17\0\x03\x2a\0\0\0\0";
        assert!(Flow::udp(123).client(ask, monlist).settled().is_some());
        assert_eq!(Flow::udp(124).client(ask, monlist), Said::No);
        let mut stratum = message(0x23);
        stratum[1] = 17;
        assert_eq!(Flow::udp(123).client(ask, &stratum), Said::No);
    }
}
