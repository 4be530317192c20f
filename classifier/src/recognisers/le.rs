//! Little-endian integers, as peer-to-peer protocols of the PC's days have them.

/// The first two octets.
pub(super) fn le16(octets: &[u8]) -> Option<u16> {
    octets.first_chunk().copied().map(u16::from_le_bytes)
}

/// The first four octets.
pub(super) fn le32(octets: &[u8]) -> Option<u32> {
    octets.first_chunk().copied().map(u32::from_le_bytes)
}

/// A string after its length of four octets, and what follows it.
pub(super) fn string32(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::try_from(le32(octets)?).ok()?;
    octets.get(4..)?.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_to_the_end_and_not_beyond() {
        assert_eq!((le16(&[1, 2]), le16(&[1])), (Some(0x0201), None));
        assert_eq!((le32(&[1, 0, 0, 2]), le32(&[1, 0, 0])), (Some(0x0200_0001), None));
        assert_eq!(string32(b"\x02\0\0\0abc"), Some((&b"ab"[..], &b"c"[..])));
        assert_eq!(string32(b"\x04\0\0\0abc"), None);
    }
}
