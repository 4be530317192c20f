//! What is counted but not closed: each worker's open intervals, written down about once a second.
//!
//! The file replaces the one before it in one step. It also holds the batches that are about to be
//! appended, and the sequence that the first of them will get: whoever is killed between the two
//! steps finds here what is missing from the segments, and never takes anything twice.
//!
//! ```text
//! magic 8 | batches to append 4 | the last sequence before them 8 | checksum of these 4 | records…
//! ```
//!
//! The records' own sequences only say their order in this file.

use std::io;
use std::path::Path;

use etiage_aggregator::Batch;

use super::disk::{Disk, DiskFile, Mode};
use super::record::{self, Found, Records, u32_at, u64_at};

const MAGIC: [u8; 8] = *b"EtiOpen1";
const HEADER: usize = 24;

/// What the file holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Checkpoint {
    /// Sequence of the last record that was appended before.
    pub(super) after: u64,
    /// Batches that get the next sequences, with these.
    pub(super) closed: Vec<(u64, Batch)>,
    /// Intervals that were open.
    pub(super) open: Vec<Batch>,
}

/// Writes the file beside its place, then moves it there.
pub(super) fn write<'a>(
    disk: &dyn Disk,
    path: &Path,
    after: u64,
    closed: impl Iterator<Item = &'a Batch>,
    open: impl Iterator<Item = &'a Batch>,
    buffer: &mut Vec<u8>,
) -> io::Result<Box<dyn DiskFile>> {
    buffer.clear();
    buffer.resize(HEADER, 0);
    let mut sequence = 0;
    let mut put = |batch: &Batch, buffer: &mut Vec<u8>| {
        sequence += 1;
        record::write(batch, sequence, 0, buffer);
    };
    let mut count = 0_u32;
    for batch in closed {
        put(batch, buffer);
        count += 1;
    }
    for batch in open {
        put(batch, buffer);
    }
    let mut header = Vec::with_capacity(HEADER);
    header.extend(MAGIC);
    header.extend(count.to_le_bytes());
    header.extend(after.to_le_bytes());
    let checksum = crc32fast::hash(&header);
    header.extend(checksum.to_le_bytes());
    for (to, from) in buffer.iter_mut().zip(header) {
        *to = from;
    }
    let beside = path.with_extension("new");
    let mut file = disk.open(&beside, Mode::Replace)?;
    file.write_at(buffer, 0)?;
    disk.rename(&beside, path)?;
    Ok(file)
}

/// Reads the file; `None` if its header is damaged. Of its records, those that are whole.
pub(super) fn read(octets: &[u8]) -> Option<Checkpoint> {
    let (checked, rest) = octets.split_at_checked(HEADER - 4)?;
    let checksum = u32::from_le_bytes(*rest.first_chunk()?);
    if !checked.starts_with(&MAGIC) || crc32fast::hash(checked) != checksum {
        return None;
    }
    let count = u64::from(u32_at(checked, 8)?);
    let mut checkpoint = Checkpoint { after: u64_at(checked, 12)?, ..Checkpoint::default() };
    for found in Records::new(octets, HEADER, 0) {
        let Found::Record { header, payload, .. } = found else { continue };
        let Some(batch) = record::decode(payload) else { continue };
        if header.sequence <= count {
            checkpoint.closed.push((checkpoint.after.saturating_add(header.sequence), batch));
        } else {
            checkpoint.open.push(batch);
        }
    }
    Some(checkpoint)
}
