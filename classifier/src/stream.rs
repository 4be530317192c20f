//! The first octets of each side of a TCP connection, put in order.
//!
//! Probes need the start of a stream: a ClientHello of 1,700 octets spans two segments since
//! post-quantum key shares, and segments arrive out of order or twice. Nothing is copied while the
//! first segment alone is enough.

/// Longest prefix that is put together: a ClientHello with two post-quantum shares and ECH is under
/// 4 KB; a server's certificate chain starts within it.
pub(crate) const MAX_PREFIX: usize = 8 * 1024;
/// Segments that wait for a gap before them.
const MAX_HELD: usize = 8;

/// One side's stream from its first payload octet.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// Sequence number of the stream's first payload octet, once known.
    start: Option<u32>,
    prefix: Vec<u8>,
    held: Vec<(u32, Vec<u8>)>,
}

impl Stream {
    /// The side's SYN carried this sequence number: payload starts one after it.
    pub(crate) fn syn(&mut self, sequence: u32) {
        self.start = Some(sequence.wrapping_add(1));
    }

    /// Whether the stream is known from its first octet on.
    pub(crate) fn from_start(&self) -> bool {
        self.start.is_some()
    }

    /// Takes a segment; true if the prefix grew. A connection whose SYN was not seen has no start,
    /// and its segments are looked at one by one: they are not put in order.
    pub(crate) fn push(&mut self, sequence: u32, payload: &[u8]) -> bool {
        let Some(start) = self.start else { return false };
        let before = self.prefix.len();
        self.take(sequence.wrapping_sub(start) as usize, sequence, payload);
        while let Some(next) = self
            .held
            .iter()
            .position(|(held, _)| (held.wrapping_sub(start) as usize) <= self.prefix.len())
        {
            let (held, bytes) = self.held.swap_remove(next);
            self.take(held.wrapping_sub(start) as usize, held, &bytes);
        }
        self.prefix.len() > before
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
            self.prefix.extend(new.iter().take(room));
        }
    }

    /// The octets put together so far.
    pub(crate) fn prefix(&self) -> &[u8] {
        &self.prefix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_segments_in_order_and_ignores_what_it_has() {
        let mut stream = Stream::default();
        assert!(!stream.push(7, b"no start known"));
        stream.syn(u32::MAX - 1);
        assert!(!stream.push(2, b"def"));
        assert!(stream.push(u32::MAX, b"abc"));
        assert_eq!(stream.prefix(), b"abcdef");
        assert!(!stream.push(u32::MAX, b"XYZ"));
        assert!(stream.push(3, b"XXg"), "overlap adds only what is new");
        assert_eq!(stream.prefix(), b"abcdefg");
    }

    #[test]
    fn is_bounded() {
        let mut stream = Stream::default();
        stream.syn(0);
        for index in 0..64u32 {
            stream.push(1 + index * 1000, &[1; 1000]);
            stream.push(100_000 + index * 1000, &[1; 1000]);
        }
        assert_eq!(stream.prefix().len(), MAX_PREFIX);
        assert!(stream.held.len() <= MAX_HELD);
    }
}
