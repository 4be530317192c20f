//! Google's QUIC before the standard (versions Q039 to Q046): its client hello names the server in
//! clear. Old apps and appliances still speak it.

use crate::host::host_name;
use etiage_capture::Cursor;

/// Octets before the hello: header, authentication hash and a stream frame's header.
const MAX_BEFORE: usize = 100;
/// Tags of a hello: clients send about thirty.
const MAX_TAGS: u16 = 128;

/// The version in a public header with a version and a connection id of eight octets.
pub(super) fn is_public_header(datagram: &[u8]) -> bool {
    matches!(
        datagram,
        [flags, _, _, _, _, _, _, _, _, b'Q', b'0', b'0'..=b'9', b'0'..=b'9', _, ..]
            if flags & 0x09 == 0x09 && flags & 0xc0 == 0
    )
}

/// A long header of versions Q046 to Q049: both connection ids' lengths share an octet.
pub(super) fn is_long_header(datagram: &[u8]) -> bool {
    matches!(datagram, [0xc0..=0xff, b'Q', b'0', b'4', b'6'..=b'9', 0x50 | 0x05 | 0x55, _, ..])
}

/// Whether this can be a public header without version: with a connection id, or a server's without.
pub(super) fn may_be_next(datagram: &[u8]) -> bool {
    matches!(datagram, [0 | 4, ..]) || matches!(datagram, [flags, ..] if flags & 0xc9 == 0x08)
}

/// Whether a public header without version follows the side's first one: a client repeats its
/// connection id, a server leaves it out and counts its packets.
pub(super) fn is_next(first: &[u8], next: &[u8]) -> bool {
    match (first, next) {
        ([a, before @ ..], [b, after @ ..]) if a & 0xc8 == 0x08 && b & 0xc8 == 0x08 => {
            before.get(..8).is_some_and(|id| after.starts_with(id))
        }
        ([0 | 4, before, ..], [0 | 4, after, ..]) => {
            (1..=16).contains(&after.wrapping_sub(*before))
        }
        _ => false,
    }
}

/// The server's name in the client hello of a datagram.
pub(super) fn server_name(datagram: &[u8]) -> Option<&str> {
    let before = datagram.get(..MAX_BEFORE).unwrap_or(datagram);
    let start = before.windows(4).position(|tag| tag == b"CHLO")?;
    let mut cursor = Cursor::new(datagram.get(start + 4..)?);
    // Numbers are little-endian here, unlike in anything standard.
    let tags = cursor.u16()?.swap_bytes();
    let _padding = cursor.u16()?;
    if tags > MAX_TAGS {
        return None;
    }
    let mut index = Cursor::new(cursor.take(usize::from(tags) * 8)?);
    let values = cursor.rest();
    let mut begin = 0;
    while let Some(tag) = index.take(4) {
        let end = index.u32()?.swap_bytes() as usize;
        if tag == b"SNI\0" {
            return host_name(values.get(begin..end)?);
        }
        begin = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hello_names_the_server() {
        let mut datagram = vec![0x0d, 1, 2, 3, 4, 5, 6, 7, 8, b'Q', b'0', b'4', b'3', 1];
        datagram.extend([0; 12]);
        datagram.extend([0xa0, 1, 0, 4]);
        datagram.extend(b"CHLO\x02\0\0\0PAD\0\x03\0\0\0SNI\0\x0c\0\0\0---a.example");
        assert!(is_public_header(&datagram));
        assert_eq!(server_name(&datagram), Some("a.example"));
        for length in 0..datagram.len() {
            assert_eq!(server_name(&datagram[..length]), None);
        }
        let id = b"\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x04";
        assert!(is_next(&datagram, id) && !is_next(&datagram, b"\x0c\x01\x02\x03\x04\x05"));
        assert!(is_next(b"\x04\x28", b"\x00\x2a") && !is_next(b"\x04\x28", b"\x00\x28"));
        assert!(is_long_header(b"\xc3Q046\x50\x01") && !is_long_header(b"\xc3Q046\x51\x01"));
        datagram[0] = 0x0c;
        assert!(!is_public_header(&datagram));
    }
}
