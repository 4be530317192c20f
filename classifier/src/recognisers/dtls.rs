//! DTLS 1.0, 1.2 and 1.3's visible records (RFC 4347, 6347, 9147).

use super::Scratch;
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};
use etiage_capture::Cursor;

/// What OpenSSL sent before RFC 4347, and Cisco's AnyConnect still does.
const BEFORE_RFC: u16 = 0x0100;
/// Largest record: 2^14 octets and what encryption adds (RFC 6347, section 4.1).
const MAX_RECORD: u16 = (1 << 14) + 2048;

/// Records that fill the datagram, without a handshake in view.
const RECORDS: Confidence = Confidence(95);

pub(super) fn ask<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    match records(view.payload) {
        Some(true) => Answer::Match(Finding::certain(Protocol::Dtls, Evidence::HANDSHAKE)),
        Some(false) => Answer::Match(Finding::new(Protocol::Dtls, RECORDS, Evidence::FRAMING)),
        None => Answer::No,
    }
}

/// Whether the datagram is records to its end; true if the first is of an unencrypted handshake.
fn records(datagram: &[u8]) -> Option<bool> {
    let mut cursor = Cursor::new(datagram);
    let mut handshake = false;
    let mut first = true;
    while !cursor.is_empty() {
        // Change cipher spec, alert, handshake, application data, heartbeat; 25 (connection
        // identifier) has no fixed length before its own and follows a handshake only.
        let (kind, version, epoch) = (cursor.u8()?, cursor.u16()?, cursor.u16()?);
        cursor.take(6)?;
        let length = cursor.u16()?;
        let plausible = matches!(kind, 20..=24)
            && matches!(version, 0xfeff | 0xfefd | 0xfefc | BEFORE_RFC)
            && (1..=MAX_RECORD).contains(&length);
        if !plausible {
            return None;
        }
        handshake |= first && kind == 22 && epoch == 0;
        first = false;
        cursor.take(length.into())?;
    }
    (!first).then_some(handshake)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, truncations};
    use super::*;

    fn record(kind: u8, version: u16, body: &[u8]) -> Vec<u8> {
        let mut octets = vec![kind];
        octets.extend(version.to_be_bytes());
        octets.extend([0; 8]);
        octets.extend((body.len() as u16).to_be_bytes());
        octets.extend(body);
        octets
    }

    #[test]
    fn records_must_fill_the_datagram() {
        let hello = record(22, 0xfeff, &[1; 60]);
        truncations(ask, || Flow::udp(443), &hello, |length| length == hello.len());
        let two = [record(23, 0xfefd, b"abc"), record(21, 0xfefd, b"ab")].concat();
        assert_eq!(Flow::udp(443).client(ask, &two).settled(), Some(Protocol::Dtls));
        assert_eq!(Flow::udp(443).client(ask, &[&two[..], b"x"].concat()), Said::No);
    }

    #[test]
    fn other_versions_and_kinds_are_not_dtls() {
        assert_eq!(Flow::udp(443).client(ask, &record(22, 0x0303, b"abc")), Said::No);
        assert_eq!(Flow::udp(443).client(ask, &record(19, 0xfefd, b"abc")), Said::No);
        assert_eq!(Flow::udp(443).client(ask, &record(22, 0xfefd, b"")), Said::No);
    }
}
