//! A segment: a file of records behind a header that says whose they are.
//!
//! ```text
//! magic 8 | version 4 | kind 4 | spool's id 16 | first sequence 8 | last sequence 8 | checksum 4
//! ```
//!
//! The last sequence is 0 while records are appended; a segment of merged records says which sequences it
//! stands for. In every version the header is this long, begins with magic and version and ends
//! with its checksum, so that another version's file can be told from a damaged one.

use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Disk, DiskFile, Mode};
use super::record::{Found, Records, u32_at, u64_at};

/// The version of this format.
pub(super) const VERSION: u32 = 1;
/// Octets before the first record.
pub(super) const HEADER: usize = 52;
const MAGIC: [u8; 8] = *b"EtiSpool";

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// The spool's id.
    pub(super) id: u128,
    /// Sequence of the first record.
    pub(super) first: u64,
    /// Of a merged segment, the last sequence that it stands for.
    pub(super) merged_through: Option<u64>,
}

/// What the octets at the start of a segment are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFound {
    /// A header of this version.
    Good(SegmentHeader),
    /// A whole header of another version.
    OtherVersion(u32),
    /// No whole header.
    Damaged,
}

impl SegmentHeader {
    pub(super) fn octets(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(HEADER);
        octets.extend(MAGIC);
        octets.extend(VERSION.to_le_bytes());
        octets.extend(u32::from(self.merged_through.is_some()).to_le_bytes());
        octets.extend(self.id.to_le_bytes());
        octets.extend(self.first.to_le_bytes());
        octets.extend(self.merged_through.unwrap_or(0).to_le_bytes());
        let checksum = crc32fast::hash(&octets);
        octets.extend(checksum.to_le_bytes());
        octets
    }

    pub(super) fn read(octets: &[u8]) -> HeaderFound {
        let read = || {
            let header: &[u8; HEADER] = octets.first_chunk()?;
            let (checked, checksum) = header.split_last_chunk::<4>()?;
            let whole = checked.starts_with(&MAGIC)
                && crc32fast::hash(checked) == u32::from_le_bytes(*checksum);
            if !whole {
                return None;
            }
            let version = u32_at(checked, 8)?;
            if version != VERSION {
                return Some(HeaderFound::OtherVersion(version));
            }
            let last = u64_at(checked, 40)?;
            Some(HeaderFound::Good(Self {
                id: u128::from_le_bytes(*checked.get(16..)?.first_chunk()?),
                first: u64_at(checked, 32)?,
                merged_through: (u32_at(checked, 12)? != 0).then_some(last),
            }))
        };
        read().unwrap_or(HeaderFound::Damaged)
    }
}

/// One segment, as the spool knows it.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    /// Sequence of its first record.
    pub(super) first: u64,
    /// The last sequence that it stands for; `first - 1` while it is empty.
    pub(super) last: u64,
    pub(super) merged: bool,
    /// Octets on disk.
    pub(super) octets: u64,
    /// Where the first record that was not acknowledged begins.
    pub(super) unread: u64,
    /// What was not acknowledged.
    pub(super) left: Left,
    /// Damage in it has been reported.
    pub(super) damaged: bool,
}

/// Records that were not acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) records: u64,
    pub(super) rows: u64,
    pub(super) octets: u64,
    /// When the oldest was taken, in seconds since the Unix epoch; 0 if there is none.
    pub(super) oldest: u32,
}

impl Left {
    pub(super) fn add(&mut self, rows: u64, octets: u64, taken: u32) {
        if self.records == 0 {
            self.oldest = taken;
        }
        self.records += 1;
        self.rows += rows;
        self.octets = self.octets.saturating_add(octets);
    }
}

/// What reading a whole segment found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// What lies behind the acknowledged records.
    pub(super) left: Left,
    /// Where the first of these begins.
    pub(super) unread: usize,
    /// Sequence of the last record; 0 if there is none.
    pub(super) last: u64,
    /// Where the last whole record ends.
    pub(super) end: usize,
    /// Octets in the middle that are no records.
    pub(super) damaged_octets: u64,
    /// Octets behind the last record.
    pub(super) tail: u64,
    /// Sequences before the last one of which there is no record.
    pub(super) missing: u64,
}

/// Reads a segment's octets: records from its first sequence up to those that another one begins with.
pub(super) fn scan(octets: &[u8], acknowledged: u64, (first, below): (u64, u64)) -> Scan {
    let start = HEADER.min(octets.len());
    let mut scan = Scan { unread: start, end: start, ..Scan::default() };
    let mut expected = first;
    for found in Records::new(octets, start, 0).within(first, below) {
        match found {
            Found::Record { header, end, .. } => {
                scan.damaged_octets += std::mem::take(&mut scan.tail);
                scan.missing += header.sequence.saturating_sub(expected);
                expected = header.sequence.saturating_add(1);
                scan.last = header.sequence;
                scan.end = end;
                if header.sequence <= acknowledged {
                    scan.unread = end;
                } else {
                    scan.left.add(header.rows.into(), header.octets, header.taken);
                }
            }
            Found::Damage { start, end } => scan.tail += (end - start) as u64,
        }
    }
    scan
}

/// The segment that records are appended to.
#[derive(Debug)]
pub(super) struct Appender {
    file: Box<dyn DiskFile>,
    /// Octets of whole records, header included.
    good: u64,
    /// How many of these are on disk for certain.
    synced: u64,
    /// Half a record lies behind them that could not be cut off.
    torn: bool,
    /// It could not be forced to disk: the kernel takes it for written all the same.
    failed: bool,
}

impl Appender {
    /// Makes the file with its header.
    pub(super) fn create(disk: &dyn Disk, path: &Path, header: &SegmentHeader) -> io::Result<Self> {
        // Nothing was ever appended at its sequence: what has the name, an earlier attempt left.
        let mut file = disk.open(path, Mode::Replace)?;
        if let Err(error) = file.write_at(&header.octets(), 0) {
            // Best effort: what is left is a torn header, which the next start removes.
            let _ = disk.remove(path);
            return Err(error);
        }
        Ok(Self { file, good: HEADER as u64, synced: 0, torn: false, failed: false })
    }

    /// Goes on with a file that is on disk as a whole.
    pub(super) fn resume(file: Box<dyn DiskFile>, octets: u64) -> Self {
        Self { file, good: octets, synced: octets, torn: false, failed: false }
    }

    /// Whether another segment must be begun for so many octets.
    pub(super) const fn is_full_for(&self, needed: u64, bound: u64) -> bool {
        self.torn || self.good + needed > bound
    }

    /// Appends a whole record or nothing. After an error that left half a record which cannot be cut off,
    /// nothing more is to be appended.
    pub(super) fn append(&mut self, record: &[u8]) -> io::Result<()> {
        match self.file.write_at(record, self.good) {
            Ok(()) => {
                self.good += record.len() as u64;
                Ok(())
            }
            Err(source) => {
                self.torn = self.file.set_len(self.good).is_err();
                Err(source)
            }
        }
    }

    /// Octets of the file.
    pub(super) const fn octets(&self) -> u64 {
        self.good
    }

    /// Forces what was written to disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other("it could not before"));
        }
        if self.synced < self.good {
            self.failed = true;
            self.file.sync()?;
            (self.synced, self.failed) = (self.good, false);
        }
        Ok(())
    }
}
