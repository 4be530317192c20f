//! The spool: batches on disk until the database has acknowledged them.
//!
//! An append-only log of segments in a directory of its own, bounded in octets. Batches are appended in
//! the order in which they come and get a sequence; the writer takes them in groups, each with a token
//! made of the spool's id and the group's first and last sequence. Which group is on its way is written
//! down before it leaves, so that after a crash the same records are sent with the same token. Segments
//! are deleted once all of them was acknowledged and is on the database's disk for certain.
//!
//! | file | what it is |
//! |---|---|
//! | `lock` | held by the one process that works here |
//! | `cursor` | how far was acknowledged, how far is durable, and the group on its way |
//! | `open` | the meters' open intervals, rewritten about once a second |
//! | `N.spool` | records from sequence N on |
//! | `N.merged.spool` | records of a full spool, added up to minutes |
//! | `*.aside` | segments that are another spool's, or copies |
//! | `refused/` | groups that the database refuses for their content |
//!
//! Writes reach the kernel at once: whatever ends this process, they are kept. They are forced to disk
//! before a group leaves, and at least once in the configured time: that much a power cut can take.
//!
//! A format of our own: of the kept crates, yaque has no bound, okaywal no reading besides recovery,
//! commitlog no checksums, and fjall or sled do not open at all where one block is damaged; none lets
//! the oldest records be replaced by their sums.

mod checkpoint;
mod cursor;
pub(crate) mod disk;
mod log;
mod merge;
mod record;
mod recovery;
mod refused;
mod rewind;
mod room;
mod segment;
#[cfg(test)]
mod tests;
mod verify;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub use log::{Group, Spool};
pub(crate) use record::octets_of;
pub use refused::Refused;
#[doc(hidden)]
pub use verify::check_octets;

/// Least octets that a spool can work with.
pub const MIN_SPOOL_BYTES: u64 = 1 << 20;

/// Where the spool is and how much it may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Its directory; made if it does not exist.
    pub directory: PathBuf,
    /// Octets that its segments may take. A row takes about 13: a hundred links with sixty classes each way
    /// are 1.3 GB a day.
    pub max_bytes: u64,
    /// Longest time for which what was written is not forced to disk: what a power cut can take. Zero
    /// forces each write.
    pub fsync: Duration,
}

impl SpoolSettings {
    /// In this directory, with the default bounds.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, max_bytes: 4 << 30, fsync: Duration::from_secs(1) }
    }

    /// A sixteenth of the whole, so that what is dropped or merged at a time is little; at most 8 MiB,
    /// for a segment is read in one piece.
    const fn segment_bytes(&self) -> u64 {
        let part = self.max_bytes / 16;
        if part < 8 << 20 { part } else { 8 << 20 }
    }
}

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// Another process works in the directory.
    #[error(
        "the spool {} is held by another process ({holder}): stop that process, or use \
         another directory", directory.display()
    )]
    Held {
        /// Which directory.
        directory: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// A file was written by another version of this program.
    #[error(
        "the spool's file {} has format {found}, this program knows {known}: let the program that wrote \
         it run until its spool is empty, or move the directory away", path.display()
    )]
    OtherVersion {
        /// Which file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The format known.
        known: u32,
    },
    /// The directory or a file in it cannot be made, read or written.
    #[error("cannot use the spool {}: {source}: make it writable, or use another directory", path.display())]
    Unusable {
        /// Which directory or file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The bound is too small to work with.
    #[error(
        "the spool's bound of {given} octets is too small: at least {MIN_SPOOL_BYTES} are needed"
    )]
    TooSmall {
        /// The bound.
        given: u64,
    },
}

/// What the spool holds, and what has happened to it since the program started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolStats {
    /// Octets of its segments on disk, acknowledged records in them included.
    pub bytes: u64,
    /// Octets that its segments may take.
    pub max_bytes: u64,
    /// Records that the database has not acknowledged.
    pub records: u64,
    /// Their rows.
    pub rows: u64,
    /// When the oldest of them was taken, in seconds since the Unix epoch.
    pub oldest: Option<u32>,
    /// Records that the database has acknowledged and has not on disk for certain: they are kept until then.
    pub unforced_records: u64,
    /// Octets of segments that are kept for nothing else.
    pub unforced_bytes: u64,
    /// Acknowledged records that were sent once more: the database was taken back to its last durable mark.
    pub rewound_records: u64,
    /// Records that were waiting when the program started, open intervals of a killed program included.
    pub recovered_records: u64,
    /// Rows that were added up to rows of a minute, for a full spool.
    pub merged_rows: u64,
    /// Rows dropped, for a full spool in which everything was merged.
    pub dropped_rows: u64,
    /// Octets that those rows counted.
    pub dropped_octets: u64,
    /// Segments with damage in the middle; what is whole in them is used.
    pub corrupt_segments: u64,
    /// Octets of that damage.
    pub corrupt_bytes: u64,
    /// Octets at the end of the last segment that a crash had torn.
    pub torn_bytes: u64,
    /// Groups that the database refused for their content, set aside in `refused/`.
    pub refused_groups: u64,
    /// Their rows.
    pub refused_rows: u64,
    /// Writes to the spool that failed; each is repeated.
    pub failed_writes: u64,
    /// The last sequence that was appended.
    pub(crate) last_sequence: u64,
    /// Everything up to this sequence has left the spool.
    pub(crate) settled: u64,
    /// Three segments more and the spool is full: whoever can wait does.
    pub(crate) nearly_full: bool,
}
