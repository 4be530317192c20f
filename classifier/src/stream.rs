//! The first octets of each side of a TCP connection, put in order.
//!
//! Recognisers need the start of a stream: a ClientHello of 1,700 octets spans two segments since
//! post-quantum key shares, and segments arrive out of order or twice. Nothing is copied while the
//! first segment alone is enough.

use std::net::SocketAddr;

use crate::segment::Segment;

/// Longest prefix that is put together: a ClientHello with two post-quantum shares and ECH is under
/// 4 KB; a server's certificate chain starts within it.
pub(crate) const MAX_PREFIX: usize = 8 * 1024;
/// Segments that wait for a gap before them. Where so many come after a gap, what is missing was not
/// captured, and will not be.
const MAX_HELD: usize = 8;

/// One side's stream from its first payload octet.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// Sequence number of the stream's first payload octet, once known.
    start: Option<u32>,
    prefix: Vec<u8>,
    held: Vec<(u32, Vec<u8>)>,
    /// Segments that came after a gap, held or not.
    after_gap: u8,
}

/// What a segment lets be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown<'a> {
    /// The stream's first octets, all in this segment. They are not kept unless [`Stream::keep`] is
    /// called.
    First(&'a [u8]),
    /// The stream from its first octet on, longer than before.
    Prefix(&'a [u8]),
    /// The segment by itself: the stream's start, or what lies between, was not seen.
    Alone(&'a [u8]),
    /// Nothing new: a repetition, a segment after a gap, or the prefix has its full length.
    Nothing,
}

impl Stream {
    /// The side's SYN carried this sequence number: payload starts one after it.
    pub(crate) fn syn(&mut self, sequence: u32) {
        if self.prefix.is_empty() {
            self.start = Some(sequence.wrapping_add(1));
        }
    }

    /// Whether it is known where the stream begins.
    pub(crate) const fn is_begun(&self) -> bool {
        self.start.is_some()
    }

    /// Whether the other end has acknowledged octets of this stream that were not seen; a FIN counts
    /// as one.
    pub(crate) fn lacks(&self, acknowledgment: u32) -> bool {
        let Some(start) = self.start else { return false };
        let (have, acknowledged) = (self.prefix.len(), acknowledgment.wrapping_sub(start) as usize);
        have < MAX_PREFIX && (have + 2..1 << 31).contains(&acknowledged)
    }

    /// The segments that wait for a gap before them, from one end to the other.
    pub(crate) fn into_held(
        self,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> impl Iterator<Item = Segment> {
        let segment =
            move |(sequence, payload)| Segment::new(source, destination, sequence, payload);
        self.held.into_iter().map(segment)
    }

    /// Octets of its buffers.
    pub(crate) fn octets(&self) -> usize {
        let held: usize = self.held.iter().map(|(_, octets)| octets.capacity()).sum();
        self.prefix.capacity() + held
    }

    /// Takes a segment. A connection whose SYN was not seen has no start, and its segments are looked
    /// at one by one: they are not put in order.
    pub(crate) fn show<'a>(&'a mut self, sequence: u32, payload: &'a [u8]) -> Shown<'a> {
        let Some(start) = self.start else { return Shown::Alone(payload) };
        let offset = sequence.wrapping_sub(start) as usize;
        if offset == 0 && self.prefix.is_empty() && self.held.is_empty() {
            return Shown::First(payload.get(..MAX_PREFIX).unwrap_or(payload));
        }
        let before = self.prefix.len();
        // Half of the sequence space lies behind: what is there was sent before the start.
        if offset > before && offset < 1 << 31 && before < MAX_PREFIX {
            self.after_gap = self.after_gap.saturating_add(1);
            if usize::from(self.after_gap) > MAX_HELD {
                *self = Self::default();
                return Shown::Alone(payload);
            }
        }
        self.keep(sequence, payload);
        if self.prefix.len() > before { Shown::Prefix(&self.prefix) } else { Shown::Nothing }
    }

    /// Adds a segment, and those that waited for it.
    pub(crate) fn keep(&mut self, sequence: u32, payload: &[u8]) {
        let Some(start) = self.start else { return };
        self.take(sequence.wrapping_sub(start) as usize, sequence, payload);
        while let Some(next) = self
            .held
            .iter()
            .position(|(held, _)| (held.wrapping_sub(start) as usize) <= self.prefix.len())
        {
            let (held, bytes) = self.held.swap_remove(next);
            self.take(held.wrapping_sub(start) as usize, held, &bytes);
        }
    }

    fn take(&mut self, offset: usize, sequence: u32, payload: &[u8]) {
        let have = self.prefix.len();
        if offset > have {
            if offset < MAX_PREFIX && self.held.len() < MAX_HELD {
                self.held.push((sequence, payload.to_vec()));
            }
        } else if let Some(new) = payload.get(have - offset..) {
            // What came first stays: a retransmission with other content changes nothing.
            let room = MAX_PREFIX.saturating_sub(have);
            self.prefix.extend_from_slice(new.get(..room).unwrap_or(new));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_segments_in_order_and_ignores_what_it_has() {
        let mut stream = Stream::default();
        assert_eq!(stream.show(7, b"no start"), Shown::Alone(b"no start"));
        stream.syn(u32::MAX - 1);
        assert_eq!(stream.show(2, b"def"), Shown::Nothing);
        assert_eq!(stream.show(u32::MAX, b"abc"), Shown::Prefix(b"abcdef"));
        assert_eq!(stream.show(u32::MAX, b"XYZ"), Shown::Nothing);
        stream.syn(77);
        let overlap = stream.show(3, b"XXg");
        assert_eq!(overlap, Shown::Prefix(b"abcdefg"), "overlap adds only what is new");
        assert_eq!(
            stream.show(u32::MAX - 1, b"?"),
            Shown::Nothing,
            "a keep-alive repeats an octet"
        );
    }

    #[test]
    fn the_first_segment_is_not_copied_until_it_must_be() {
        let mut stream = Stream::default();
        stream.syn(0);
        assert_eq!(stream.show(1, b"abc"), Shown::First(b"abc"));
        assert_eq!(stream.prefix.capacity(), 0);
        stream.keep(1, b"abc");
        assert_eq!(stream.show(4, b"d"), Shown::Prefix(b"abcd"));
    }

    #[test]
    fn a_gap_that_is_never_filled_ends_the_order() {
        let mut stream = Stream::default();
        stream.syn(0);
        for index in 0..MAX_HELD as u32 {
            assert_eq!(stream.show(100 + index * 10, &[1; 10]), Shown::Nothing);
        }
        assert_eq!(stream.show(1000, b"alone"), Shown::Alone(b"alone"));
        assert_eq!(stream.show(1, b"late"), Shown::Alone(b"late"));
        assert!(stream.held.is_empty());
    }

    #[test]
    fn is_bounded() {
        let mut stream = Stream::default();
        stream.syn(0);
        for index in 0..64u32 {
            stream.keep(1 + index * 1000, &[1; 1000]);
            stream.keep(100_000 + index * 1000, &[1; 1000]);
            stream.keep(5 + index * 1000, &[1; 10]);
        }
        assert_eq!(stream.prefix.len(), MAX_PREFIX);
        assert!(stream.held.len() <= MAX_HELD);
        let mut gaps = Stream::default();
        gaps.syn(0);
        for index in 0..64u32 {
            gaps.keep(100 + index, &[1; 1000]);
        }
        assert_eq!(gaps.held.len(), MAX_HELD);
    }
}
