//! QUIC's long headers (RFC 9000, section 17.2; RFC 8999), and the versions whose packets are read.

use etiage_capture::Cursor;

/// Longest connection id of the versions known here (RFC 9000, section 17.2).
const MAX_CONNECTION_ID: usize = 20;
/// Least length of what follows a header: a sample of 16 octets starts 4 after the packet number's
/// first (RFC 9001, section 5.4.2).
const MIN_PROTECTED: u64 = 20;

/// A version that can be decrypted: it tells salt, labels and packet types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Drafts 29 to 32, deployed for years: version 1 with another salt.
    Draft29,
    /// RFC 9000; drafts 33 and 34 are the same on the wire.
    One,
    /// RFC 9369.
    Two,
}

impl Version {
    /// The version of this number, if its packets can be read.
    pub(super) const fn of(number: u32) -> Option<Self> {
        match number {
            0xff00_001d..=0xff00_0020 => Some(Self::Draft29),
            1 | 0xff00_0021 | 0xff00_0022 => Some(Self::One),
            0x6b33_43cf => Some(Self::Two),
            _ => None,
        }
    }
}

/// A version that is QUIC but is not read: drafts 17 to 28, mvfst, Google's own (`Q046`, `T051`).
pub(super) const fn is_other_version(number: u32) -> bool {
    matches!(number, 0xff00_0011..=0xff00_001c | 0xface_b001..=0xface_b00f)
        || matches!(number.to_be_bytes(), [b'Q' | b'T', b'0', b'4' | b'5', b'0'..=b'9'])
}

/// A version made to be refused (RFC 9000, section 15).
pub(super) const fn is_greased(number: u32) -> bool {
    number & 0x0f0f_0f0f == 0x0a0a_0a0a
}

/// What kind of packet follows a long header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Carries the hellos, under keys that anybody can derive. The packet number's place.
    Initial { number_at: usize },
    /// 0-RTT or Handshake: under keys of the ends alone.
    Secret,
    /// The server wants the client's first packet again, with a token.
    Retry,
    /// The server knows other versions.
    VersionNegotiation,
    /// The version is not one that is read.
    Foreign,
}

/// A packet with a long header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    /// The version's number.
    pub(super) number: u32,
    /// The version, where it is one that is read.
    pub(super) version: Option<Version>,
    /// Its kind.
    pub(super) kind: Kind,
    /// Destination connection id: of a client's first packet, what keys are made of.
    pub(super) destination: &'a [u8],
    /// The packet from its first octet to its last, or as far as it was captured.
    pub(super) octets: &'a [u8],
    /// All of it was captured.
    pub(super) whole: bool,
}

/// Reads the packet at the start of a datagram, and gives what follows it.
pub(super) fn long(datagram: &[u8]) -> Option<(Packet<'_>, &[u8])> {
    let mut cursor = Cursor::new(datagram);
    let first = cursor.u8()?;
    if first & 0x80 == 0 {
        return None;
    }
    let number = cursor.u32()?;
    let version = Version::of(number);
    let (destination, source) = (cursor.vec8()?, cursor.vec8()?);
    let fits = destination.len() <= MAX_CONNECTION_ID && source.len() <= MAX_CONNECTION_ID;
    let known = version.is_some() || number == 0;
    if known && !fits {
        return None;
    }
    let packet =
        |kind| Packet { number, version, kind, destination, octets: datagram, whole: true };
    let Some(version) = version else {
        if number != 0 {
            return Some((packet(Kind::Foreign), &[]));
        }
        let (versions, odd) = cursor.rest().as_chunks::<4>();
        let listed = versions.iter().map(|octets| u32::from_be_bytes(*octets));
        let quic = |number| Version::of(number).is_some() || is_other_version(number);
        let valid = odd.is_empty() && listed.into_iter().any(quic);
        return valid.then(|| (packet(Kind::VersionNegotiation), &[][..]));
    };
    // The fixed bit (section 17.2): only ends that agreed on it may clear it (RFC 9287).
    if first & 0x40 == 0 {
        return None;
    }
    // Version 2 numbers the types one further (RFC 9369, section 3.2).
    let kind = (first >> 4 & 3).wrapping_sub(u8::from(version == Version::Two)) & 3;
    match kind {
        0 => {
            let token = varint(&mut cursor)?;
            cursor.take(usize::try_from(token).ok()?)?;
        }
        3 => return (cursor.rest().len() > 16).then(|| (packet(Kind::Retry), &[][..])),
        _ => {}
    }
    let length = varint(&mut cursor)?;
    if length < MIN_PROTECTED {
        return None;
    }
    let number_at = datagram.len() - cursor.rest().len();
    let end = number_at.checked_add(usize::try_from(length).ok()?)?;
    let (octets, rest) = datagram.split_at_checked(end).unwrap_or((datagram, &[]));
    let kind = if kind == 0 { Kind::Initial { number_at } } else { Kind::Secret };
    Some((Packet { octets, whole: octets.len() == end, ..packet(kind) }, rest))
}

/// A variable-length integer (RFC 9000, section 16).
pub(super) fn varint(cursor: &mut Cursor<'_>) -> Option<u64> {
    let first = cursor.u8()?;
    let mut value = u64::from(first & 0x3f);
    for _ in 1..1 << (first >> 6) {
        value = value << 8 | u64::from(cursor.u8()?);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_those_of_the_standard() {
        // RFC 9000, appendix A.1.
        let check = |octets: &[u8]| varint(&mut Cursor::new(octets));
        assert_eq!(
            check(&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c]),
            Some(151_288_809_941_952_652)
        );
        assert_eq!(check(&[0x9d, 0x7f, 0x3e, 0x7d]), Some(494_878_333));
        assert_eq!(check(&[0x7b, 0xbd]), Some(15_293));
        assert_eq!(check(&[0x25]), Some(37));
        assert_eq!(check(&[0x40]), None);
        assert_eq!(check(&[]), None);
    }

    #[test]
    fn connection_ids_are_bounded() {
        let check = |length: u8| {
            let mut octets = vec![0xe0, 0, 0, 0, 1, length];
            octets.extend(vec![7; length.into()]);
            octets.extend([0, 20]);
            octets.extend([9; 20]);
            long(&octets).map(|(packet, rest)| (packet.kind, rest.len()))
        };
        assert_eq!(check(20), Some((Kind::Secret, 0)));
        assert_eq!(check(21), None);
    }

    #[test]
    fn negotiation_lists_a_version_that_exists() {
        let list = |versions: &[u8]| [&[0x80, 0, 0, 0, 0, 0, 0], versions].concat();
        let kind = |octets: Vec<u8>| long(&octets).map(|(packet, _)| packet.kind);
        assert_eq!(
            kind(list(&[0x1a, 0x2a, 0x3a, 0x4a, 0, 0, 0, 1])),
            Some(Kind::VersionNegotiation)
        );
        assert_eq!(kind(list(&[0x1a, 0x2a, 0x3a, 0x4a])), None);
        assert_eq!(kind(list(&[0, 0, 0, 1, 0])), None);
        assert_eq!(kind(list(&[])), None);
    }
}
