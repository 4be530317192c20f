//! The frames of Initial packets (RFC 9000, section 19), and the handshake put together from them.

use super::packet::varint;
use etiage_capture::Cursor;

/// Longest handshake that is put together: as much as of a TCP stream.
const MAX_HANDSHAKE: usize = crate::stream::MAX_PREFIX;
/// Pieces with gaps between them: clients that shuffle their frames send about twenty.
const MAX_PIECES: usize = 64;

/// The CRYPTO stream of one side, pieces in any order, overlapping or repeated.
#[derive(Debug, Default)]
pub(super) struct Handshake {
    octets: Vec<u8>,
    /// Which octets are there: start and end of each piece, in order, no two touching.
    pieces: Vec<(usize, usize)>,
}

impl Handshake {
    /// Octets that it takes.
    pub(super) fn octets(&self) -> usize {
        self.octets.capacity() + self.pieces.capacity() * size_of::<(usize, usize)>()
    }

    /// Takes the CRYPTO frames of a packet; false if a frame is none that an Initial may carry.
    pub(super) fn take(&mut self, frames: &[u8]) -> bool {
        let mut cursor = Cursor::new(frames);
        while !cursor.is_empty() {
            if self.frame(&mut cursor).is_none() {
                return false;
            }
        }
        true
    }

    fn frame(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        const PADDING: u64 = 0;
        const PING: u64 = 1;
        const ACK: u64 = 2;
        const ACK_ECN: u64 = 3;
        const CRYPTO: u64 = 6;
        match varint(cursor)? {
            PADDING | PING => Some(()),
            CRYPTO => {
                let offset = varint(cursor)?;
                let length = varint(cursor)?;
                let piece = cursor.take(usize::try_from(length).ok()?)?;
                self.add(usize::try_from(offset).ok()?, piece);
                Some(())
            }
            kind @ (ACK | ACK_ECN) => {
                let (_largest, _delay) = (varint(cursor)?, varint(cursor)?);
                let ranges = varint(cursor)?;
                let _first = varint(cursor)?;
                let counts = if kind == ACK_ECN { 3 } else { 0 };
                for _ in 0..ranges.checked_mul(2)?.checked_add(counts)? {
                    varint(cursor)?;
                }
                Some(())
            }
            _ => None,
        }
    }

    fn add(&mut self, start: usize, piece: &[u8]) {
        let room = MAX_HANDSHAKE.saturating_sub(start);
        let piece = piece.get(..room).unwrap_or(piece);
        if piece.is_empty() {
            return;
        }
        let mut end = start + piece.len();
        let mut merged = start;
        let apart = |other: &(usize, usize)| other.1 < start || other.0 > end;
        if self.pieces.len() >= MAX_PIECES && self.pieces.iter().all(apart) {
            return;
        }
        if self.octets.len() < end {
            self.octets.resize(end, 0);
        }
        if let Some(place) = self.octets.get_mut(start..end) {
            place.copy_from_slice(piece);
        }
        self.pieces.retain(|(from, to)| {
            let touches = *to >= merged && *from <= end;
            if touches {
                merged = merged.min(*from);
                end = end.max(*to);
            }
            !touches
        });
        let place = self.pieces.partition_point(|(from, _)| *from < merged);
        self.pieces.insert(place, (merged, end));
    }

    /// The stream from its first octet up to the first gap.
    pub(super) fn prefix(&self) -> &[u8] {
        match self.pieces.first() {
            Some((0, end)) => self.octets.get(..*end).unwrap_or_default(),
            _ => &[],
        }
    }

    /// Whether the prefix has its full length.
    pub(super) fn is_full(&self) -> bool {
        self.prefix().len() >= MAX_HANDSHAKE
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A CRYPTO frame with a length and offset of two octets each.
    fn frame(offset: u16, piece: &[u8]) -> Vec<u8> {
        let offset = (0x4000 | offset).to_be_bytes();
        let length = (0x4000 | piece.len() as u16).to_be_bytes();
        [&[6][..], &offset, &length, piece].concat()
    }

    #[test]
    fn frames_are_walked() {
        let mut handshake = Handshake::default();
        let ack = [2, 9, 0x40, 1, 1, 0, 3, 4];
        let ecn = [3, 9, 0, 0, 0, 1, 2, 3];
        let frames = [&[0, 1, 0][..], &frame(3, b"def"), &ack, &ecn, &frame(0, b"abc"), &[0]];
        assert!(handshake.take(&frames.concat()));
        assert_eq!(handshake.prefix(), b"abcdef");
        assert!(!handshake.take(&[8, 0]), "a STREAM frame");
        assert!(!handshake.take(&frame(6, b"ghi")[..7]), "cut");
        assert!(!handshake.take(&[2, 9, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]));
        assert_eq!(handshake.prefix(), b"abcdef");
    }

    #[test]
    fn it_is_bounded() {
        let mut handshake = Handshake::default();
        for index in 0..4000 {
            handshake.take(&frame(index * 4, b"x"));
        }
        assert_eq!(handshake.pieces.len(), MAX_PIECES);
        handshake.take(&frame(MAX_HANDSHAKE as u16 - 1, b"last and beyond"));
        assert!(handshake.octets.len() <= MAX_HANDSHAKE);
        let mut handshake = Handshake::default();
        assert!(handshake.take(&[6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, b'x']));
        assert!(handshake.octets.is_empty(), "an offset past every bound");
    }

    proptest! {
        #[test]
        fn pieces_in_any_order_make_the_whole(
            cuts in prop::collection::btree_set(1..300usize, 0..20),
            order in prop::collection::vec(any::<prop::sample::Index>(), 60),
        ) {
            let whole: Vec<u8> = (0..300u16).map(|octet| octet as u8).collect();
            let cuts: Vec<usize> = [0].into_iter().chain(cuts).chain([300]).collect();
            let mut handshake = Handshake::default();
            let pieces: Vec<_> = cuts.windows(2).map(|cut| (cut[0], cut[1])).collect();
            let shuffled = order.iter().map(|index| pieces[index.index(pieces.len())]);
            for (start, end) in shuffled.chain(pieces.iter().copied().rev()) {
                prop_assert!(whole.starts_with(handshake.prefix()));
                // Each piece repeats an octet of the one before.
                handshake.take(&frame(start.saturating_sub(1) as u16, &whole[start.saturating_sub(1)..end]));
            }
            prop_assert_eq!(handshake.prefix(), &whole[..]);
            prop_assert_eq!(handshake.pieces.len(), 1);
        }
    }
}
