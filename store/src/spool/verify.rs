//! What must hold for any octets that are read as the spool's: asked by the fuzz target and by tests.

use super::record::{self, Found, Records};
use super::{checkpoint, segment};

/// Reads octets as a segment, as a payload, as a file of open intervals, and as a record whose checksums are
/// right.
///
/// # Panics
/// If an octet is neither a record's nor damage, if records are out of order, or if a batch that was read
/// is not written as it was.
#[doc(hidden)]
pub fn check_octets(octets: &[u8]) {
    let _ = segment::SegmentHeader::read(octets);
    let scan = segment::scan(octets, 0, (0, u64::MAX));
    assert!(scan.end <= octets.len());
    let (mut at, mut last) = (0, 0);
    for found in Records::new(octets, 0, 0) {
        let (start, end) = match found {
            Found::Damage { start, end } => (start, end),
            Found::Record { header, payload, end } => {
                assert!(header.sequence > last);
                last = header.sequence;
                (end - payload.len() - record::HEADER, end)
            }
        };
        assert!(start == at && end > start);
        at = end;
    }
    assert_eq!(at, octets.len());
    let _ = checkpoint::read(octets);
    let Some(batch) = record::decode(octets) else { return };
    let mut written = Vec::new();
    if record::write(&batch, 1, 0, &mut written).is_none() {
        return;
    }
    let found: Vec<_> = Records::new(&written, 0, 0).collect();
    assert!(
        matches!(found[..], [Found::Record { payload, .. }] if record::decode(payload) == Some(batch))
    );
}
