//! TLS records (RFC 8446, section 5.1; RFC 5246, section 6.2), and the handshake messages in them.

use std::borrow::Cow;

use etiage_capture::Cursor;

/// Content type of the handshake.
pub(super) const HANDSHAKE: u8 = 22;
/// Content type of application data.
pub(super) const APPLICATION_DATA: u8 = 23;
/// Octets of a record's header.
pub(super) const HEADER: usize = 5;
/// Longest record: 2^14 octets and what compression, MAC and padding may add (RFC 5246, section 6.2.3).
pub(super) const MAX_RECORD: usize = (1 << 14) + 2048;

/// A record's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Content type: 20 change of cipher, 21 alert, 22 handshake, 23 application data, 24 heartbeat.
    pub(super) kind: u8,
    /// Protocol version; 0x0303 from TLS 1.2 on.
    pub(super) version: u16,
    /// Octets that follow.
    pub(super) length: usize,
}

/// A record header, if these octets are one.
pub(super) fn header(cursor: &mut Cursor<'_>) -> Option<Header> {
    let (kind, version, length) = (cursor.u8()?, cursor.u16()?, usize::from(cursor.u16()?));
    let known = matches!(kind, 20..=24) && matches!(version, 0x0300..=0x0304);
    // An empty fragment is legal for application data alone, and only a countermeasure of old.
    (known && (1..=MAX_RECORD).contains(&length)).then_some(Header { kind, version, length })
}

/// The handshake messages at the start of a stream, put together from their records.
pub(super) struct Flight<'a> {
    /// The messages, one after the other; borrowed where one record holds them all.
    pub(super) octets: Cow<'a, [u8]>,
    /// Whether no more of them can follow: another record came, encrypted or not.
    pub(super) last: bool,
}

/// Collects handshake octets from the records at the start of `stream`.
pub(super) fn flight(stream: &[u8]) -> Flight<'_> {
    let mut octets: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    let mut cursor = Cursor::new(stream);
    while !cursor.is_empty() {
        let at_header = cursor.rest();
        let Some(header) = header(&mut cursor) else {
            // Fewer octets are a header still to come; so many and none are no records.
            return Flight { octets, last: at_header.len() >= HEADER };
        };
        if header.kind != HANDSHAKE {
            return Flight { octets, last: true };
        }
        let rest = cursor.rest();
        let fragment = cursor.take(header.length).unwrap_or_else(|| {
            cursor = Cursor::new(&[]);
            rest
        });
        if octets.is_empty() {
            octets = Cow::Borrowed(fragment);
        } else {
            octets.to_mut().extend_from_slice(fragment);
        }
    }
    Flight { octets, last: false }
}

/// A handshake message (RFC 8446, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    /// Handshake type.
    pub(super) kind: u8,
    /// Its body, as much as there is.
    pub(super) body: &'a [u8],
    /// Octets that the body has in full.
    pub(super) length: usize,
}

impl Message<'_> {
    /// Whether all of the body is there.
    pub(super) const fn whole(&self) -> bool {
        self.body.len() == self.length
    }
}

/// The messages in these octets; the last may be cut short.
pub(super) fn messages(octets: &[u8]) -> impl Iterator<Item = Message<'_>> {
    let mut cursor = Cursor::new(octets);
    std::iter::from_fn(move || {
        let (kind, length) = (cursor.u8()?, cursor.u24()? as usize);
        let rest = cursor.rest();
        let body = cursor.take(length).unwrap_or_else(|| {
            cursor = Cursor::new(&[]);
            rest
        });
        Some(Message { kind, body, length })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_span_records() {
        let stream =
            [22, 3, 1, 0, 3, 1, 0, 0, 22, 3, 1, 0, 4, 2, b'a', b'b', 14, 22, 3, 3, 0, 9, 0];
        let flight = flight(&stream);
        assert_eq!(&*flight.octets, [1, 0, 0, 2, b'a', b'b', 14, 0]);
        assert!(!flight.last);
        let found: Vec<_> = messages(&flight.octets).collect();
        assert_eq!(found, [Message { kind: 1, body: b"ab", length: 2 }]);
    }

    #[test]
    fn another_record_ends_the_flight_and_a_lie_too() {
        assert!(flight(&[22, 3, 1, 0, 1, 1, 20, 3, 3, 0, 1, 1]).last);
        assert!(flight(b"\x16\x03\x01\x00\x01\x01GET / HTTP/1.1").last);
        assert!(!flight(&[22, 3, 1, 0, 1, 1, 20, 3, 3, 0]).last, "half a header");
    }

    #[test]
    fn lengths_are_bounded() {
        let check = |length: u16| {
            let [high, low] = length.to_be_bytes();
            header(&mut Cursor::new(&[23, 3, 3, high, low])).is_some()
        };
        assert!(check(1) && check(MAX_RECORD as u16));
        assert!(!check(0) && !check(MAX_RECORD as u16 + 1));
    }
}
