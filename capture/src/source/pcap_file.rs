//! Classic savefiles (pcap): a header of 24 octets, then frames_at of 16 octets and a packet.
//!
//! The format is that of draft-ietf-opsawg-pcap: in either byte order, with micro- or nanoseconds.
//! Versions other than 2.4, and the variants of other programs, are left to libpcap.

use super::record::{Next, Order};
use crate::decode::LinkLayer;
use crate::time::Timestamp;

/// Octets of the file's header.
pub(super) const HEADER: usize = 24;
/// Octets of a record's header.
const RECORD_HEADER: usize = 16;
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// No link layer that is decoded has longer frames; libpcap refuses them too.
pub(super) const MAX_CAPTURED: u32 = 262_144;

/// How to read a file's frames_at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PcapFile {
    order: Order,
    /// Nanoseconds in a unit of the timestamp's fraction.
    unit: u64,
    snap_octets: u32,
    layer: LinkLayer,
}

impl PcapFile {
    /// Reads a file's header; `None` for whatever is not plainly of this format.
    pub(super) fn read_header(file: &[u8]) -> Option<Self> {
        let (order, unit, snap, dlt) = header(file)?;
        let snap_octets = if snap == 0 { MAX_CAPTURED } else { snap.min(MAX_CAPTURED) };
        Some(Self { order, unit, snap_octets, layer: LinkLayer::from_dlt(dlt).ok()? })
    }

    /// The link type that a file's header names.
    pub(super) fn link_type(file: &[u8]) -> Option<i32> {
        header(file).map(|(.., dlt)| dlt)
    }

    pub(super) const fn layer(&self) -> LinkLayer {
        self.layer
    }

    /// Octets of the record at the beginning of these, as it says.
    #[inline]
    pub(super) fn length(&self, rest: &[u8]) -> Option<usize> {
        let captured = self.order.u32(*rest.get(8..12)?.first_chunk()?);
        (captured <= MAX_CAPTURED).then_some(RECORD_HEADER + captured as usize)
    }

    /// What stands at the beginning of these octets.
    #[inline]
    pub(super) fn next(&self, rest: &[u8]) -> Next {
        let Some(header) = rest.first_chunk::<RECORD_HEADER>() else {
            return Next::More { wanted: RECORD_HEADER, of: "header" };
        };
        let [secs, fraction, captured, octets] = words(header).map(|word| self.order.u32(word));
        if captured > MAX_CAPTURED {
            return Next::Bad(format!(
                "a packet of {captured} captured octets, more than the {MAX_CAPTURED} that there can be"
            ));
        }
        let length = RECORD_HEADER + captured as usize;
        if rest.len() < length {
            return Next::More { wanted: length, of: "captured" };
        }
        let nanos = u64::from(secs) * 1_000_000_000 + u64::from(fraction) * self.unit;
        Next::Frame {
            timestamp: Timestamp::from_nanos(nanos),
            octets,
            start: RECORD_HEADER,
            // More than the file says it holds of a packet: libpcap cuts it, and so do we.
            captured: captured.min(self.snap_octets),
            length,
            layer: self.layer,
        }
    }
}

/// A file's order, the nanoseconds of its units, its snap length and link type.
fn header(file: &[u8]) -> Option<(Order, u64, u32, i32)> {
    let header: &[u8; HEADER] = file.first_chunk()?;
    let [magic, version, _, _, snap, link_type] = words(header);
    let (order, unit) =
        [Order::Little, Order::Big].into_iter().find_map(|order| match order.u32(magic) {
            MICROSECONDS => Some((order, 1_000)),
            NANOSECONDS => Some((order, 1)),
            _ => None,
        })?;
    let [a, b, c, d] = version;
    if (order.u16([a, b]), order.u16([c, d])) != (2, 4) {
        return None;
    }
    // The upper bits say whether frames end with an FCS.
    let dlt = i32::try_from(order.u32(link_type) & 0x03ff_ffff).ok()?;
    Some((order, unit, order.u32(snap), dlt))
}

/// Octets as words of four.
fn words<const OCTETS: usize, const WORDS: usize>(octets: &[u8; OCTETS]) -> [[u8; 4]; WORDS] {
    let mut words = [[0; 4]; WORDS];
    for (word, octets) in words.iter_mut().zip(octets.as_chunks::<4>().0) {
        *word = *octets;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version: u16, link_type: u32) -> Vec<u8> {
        let words = [0, 0, 100, link_type].map(u32::to_le_bytes).concat();
        let version = [2u16.to_le_bytes(), version.to_le_bytes()].concat();
        [MICROSECONDS.to_le_bytes().to_vec(), version, words].concat()
    }

    #[test]
    fn what_is_not_plainly_of_this_format_is_left_to_libpcap() {
        assert!(PcapFile::read_header(&header(4, 1)).is_some());
        assert!(PcapFile::read_header(&header(4, 1)[..23]).is_none(), "cut");
        assert!(PcapFile::read_header(&header(3, 1)).is_none(), "lengths the other way round");
        assert!(PcapFile::read_header(&header(4, 147)).is_none(), "not decoded");
        let mut modified = header(4, 1);
        modified[1] = 0xcd;
        assert!(PcapFile::read_header(&modified).is_none(), "longer record headers");
    }

    #[test]
    fn a_record_is_read_once_all_of_it_is_there() {
        let file = PcapFile::read_header(&header(4, 1)).unwrap();
        let record = [[7, 3, 5, 60].map(u32::to_le_bytes).concat(), b"frame".to_vec()].concat();
        let whole = Next::Frame {
            timestamp: Timestamp::from_nanos(7_000_003_000),
            octets: 60,
            start: 16,
            captured: 5,
            length: 21,
            layer: LinkLayer::Ethernet,
        };
        assert_eq!(file.next(&record), whole);
        assert_eq!(file.next(&[&record[..], b"more"].concat()), whole);
        assert_eq!(file.next(&record[..15]), Next::More { wanted: 16, of: "header" });
        assert_eq!(file.next(&record[..20]), Next::More { wanted: 21, of: "captured" });
    }

    #[test]
    fn more_octets_than_the_snap_length_are_not_shown() {
        let file = PcapFile::read_header(&header(4, 1)).unwrap();
        let record = [[7, 3, 200, 200].map(u32::to_le_bytes).concat(), vec![1; 200]].concat();
        assert!(matches!(file.next(&record), Next::Frame { captured: 100, length: 216, .. }));
        let absurd = [7, 3, 300_000, 9].map(u32::to_le_bytes).concat();
        assert!(matches!(file.next(&absurd), Next::Bad(_)));
    }
}
