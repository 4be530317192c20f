//! Appending, taking groups, acknowledging.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use etiage_aggregator::Batch;

use super::cursor::{Cursor, Place};
use super::record::{self, Found, Records};
use super::segment::{Appender, Left, Segment, SegmentHeader};
use super::{SpoolError, SpoolSettings, SpoolStats, checkpoint};
use crate::rows;

/// The open spool. One process has it; dropping it forces nothing to disk, which is [`Spool::sync`].
#[derive(Debug)]
pub struct Spool {
    pub(super) settings: SpoolSettings,
    pub(super) id: u128,
    pub(super) cursor: Cursor,
    /// In order of sequence; the last one may be appended to.
    pub(super) segments: VecDeque<Segment>,
    pub(super) appender: Option<Appender>,
    /// Sequence of the next record.
    pub(super) next: u64,
    pub(super) stats: SpoolStats,
    pub(super) buffer: Vec<u8>,
    /// The file of open intervals as it was last written, if it was not forced to disk.
    pub(super) unsynced_open: Option<File>,
    /// Whether there is a file of open intervals.
    pub(super) has_open: bool,
    pub(super) _lock: File,
}

/// Records that are inserted together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Sequence of its first record.
    pub first: u64,
    /// Sequence of its last record.
    pub last: u64,
    /// The batches, in order.
    pub batches: Vec<Batch>,
    /// Rows in all tables.
    pub rows: u64,
    /// The same for the same records, and for no others.
    pub token: String,
}

/// What a group is known by to the database: the spool's id, its first and its last record.
pub(super) fn token(id: u128, first: u64, last: u64) -> String {
    format!("{id:032x}-{first}-{last}")
}

/// Why batches were not appended.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to the spool {}: {source}", directory.display())]
pub(crate) struct WriteFailed {
    pub(crate) directory: PathBuf,
    pub(crate) source: io::Error,
    /// How many of the batches were appended before.
    pub(crate) appended: usize,
}

impl Spool {
    /// Opens the directory: makes it if need be, holds it, reads what is there and repairs what a crash
    /// has left. `now` is in seconds since the Unix epoch.
    ///
    /// # Errors
    /// [`SpoolError`] says what is wrong and what to do. Damaged records are no error: they are counted.
    pub fn open(settings: SpoolSettings, now: u32) -> Result<Self, SpoolError> {
        super::recovery::open(settings, now)
    }

    /// What it holds now.
    pub fn stats(&self) -> SpoolStats {
        let mut left = Left::default();
        for segment in self.segments.iter().filter(|segment| segment.left.records > 0) {
            let oldest = if left.records == 0 { segment.left.oldest } else { left.oldest };
            left.records += segment.left.records;
            left.rows += segment.left.rows;
            left.oldest = oldest;
        }
        let bytes = self.bytes();
        let waiting = self.segments.iter().find(|segment| segment.left.records > 0);
        let acknowledged = self.cursor.place().acknowledged;
        SpoolStats {
            bytes,
            max_bytes: self.settings.max_bytes,
            records: left.records,
            rows: left.rows,
            oldest: (left.records > 0).then_some(left.oldest),
            last_sequence: self.next - 1,
            settled: waiting.map_or(self.next - 1, |first| (first.first.max(acknowledged + 1)) - 1),
            nearly_full: bytes + 3 * self.settings.segment_bytes() > self.settings.max_bytes,
            ..self.stats
        }
    }

    /// Where it is and how it is bounded.
    pub const fn settings(&self) -> &SpoolSettings {
        &self.settings
    }

    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.octets).sum()
    }

    /// Appends closed batches, and replaces what is remembered of the open intervals: in a way that
    /// whatever moment the process ends at, each batch is there once. What was appended is in the
    /// kernel's hands when this returns.
    pub(crate) fn take<'a>(
        &mut self,
        closed: &'a [Batch],
        open: impl Iterator<Item = &'a Batch> + Clone,
        now: u32,
    ) -> Result<(), WriteFailed> {
        self.remember(closed, open);
        for (place, batch) in closed.iter().enumerate() {
            if let Err(source) = self.append(batch, now) {
                self.stats.failed_writes += 1;
                // What is not appended may be inserted from memory: it must not come again from here.
                self.forget_open();
                let directory = self.settings.directory.clone();
                return Err(WriteFailed { directory, source, appended: place });
            }
        }
        if self.settings.fsync.is_zero() {
            self.sync_counted();
        }
        Ok(())
    }

    fn remember<'a>(&mut self, closed: &'a [Batch], open: impl Iterator<Item = &'a Batch> + Clone) {
        if open.clone().next().is_none() && !self.has_open {
            return; // Records of several batches need no more than their own checksums.
        }
        let path = self.open_path();
        let after = self.next - 1;
        let mut buffer = std::mem::take(&mut self.buffer);
        let written = checkpoint::write(&path, after, closed.iter(), open, &mut buffer);
        self.buffer = buffer;
        match written {
            Ok(file) => {
                self.unsynced_open = Some(file);
                self.has_open = true;
            }
            Err(error) => {
                // An old one would name intervals again that have closed since.
                self.stats.failed_writes += 1;
                tracing::debug!("the spool's open intervals: {error}");
                self.forget_open();
            }
        }
    }

    fn forget_open(&mut self) {
        self.unsynced_open = None;
        if self.has_open && fs::remove_file(self.open_path()).is_ok() {
            self.has_open = false;
        }
    }

    pub(super) fn open_path(&self) -> PathBuf {
        self.settings.directory.join("open")
    }

    /// Appends one batch as the next record.
    pub(super) fn append(&mut self, batch: &Batch, now: u32) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let result = match record::write(batch, self.next, now, &mut buffer) {
            Some(header) => self.append_record(&buffer, &header),
            None => {
                self.count_dropped(rows::count(batch) as u64, record::octets_of(batch));
                Ok(())
            }
        };
        self.buffer = buffer;
        if result.is_ok() {
            self.next += 1;
        }
        result
    }

    fn append_record(&mut self, octets: &[u8], header: &record::Header) -> io::Result<()> {
        let needed = octets.len() as u64;
        let full = self
            .appender
            .as_ref()
            .is_some_and(|appender| appender.octets() + needed > self.settings.segment_bytes());
        if full {
            self.seal()?;
        }
        self.make_room(needed, header.taken)?;
        if self.appender.is_none() {
            self.begin_segment()?;
        }
        let (Some(appender), Some(segment)) = (&mut self.appender, self.segments.back_mut()) else {
            return Err(io::Error::other("the segment has gone"));
        };
        if let Err(failed) = appender.append(octets) {
            if !failed.usable {
                self.appender = None;
            }
            return Err(failed.source);
        }
        segment.octets = appender.octets();
        segment.last = header.sequence;
        segment.left.add(header.rows.into(), header.octets, header.taken);
        Ok(())
    }

    /// Ends the segment at hand: the next record begins another.
    pub(super) fn seal(&mut self) -> io::Result<()> {
        if let Some(appender) = &mut self.appender {
            appender.sync()?;
            self.appender = None;
        }
        Ok(())
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        let header = SegmentHeader { id: self.id, first: self.next, merged_through: None };
        let path = self.settings.directory.join(format!("{:020}.spool", self.next));
        let appender = Appender::create(&path, &header)?;
        sync_directory(&self.settings.directory)?;
        let octets = appender.octets();
        self.appender = Some(appender);
        self.segments.push_back(Segment {
            path,
            first: self.next,
            last: self.next - 1,
            merged: false,
            octets,
            unread: octets,
            left: Left::default(),
            damaged: false,
        });
        Ok(())
    }

    /// Forces to disk what was written.
    ///
    /// # Errors
    /// The system's; what was written is still in the kernel's hands.
    pub fn sync(&mut self) -> io::Result<()> {
        if let Some(appender) = &mut self.appender {
            appender.sync()?;
        }
        if let Some(file) = self.unsynced_open.take() {
            file.sync_data()?;
        }
        Ok(())
    }

    /// As [`Spool::sync`]; a failure is counted and logged.
    pub(crate) fn sync_counted(&mut self) {
        if let Err(error) = self.sync() {
            self.stats.failed_writes += 1;
            tracing::warn!("the spool cannot be forced to disk: {error}");
        }
    }

    /// The next records, of about so many rows: the group that was on its way, if there is one. None if
    /// all was acknowledged. It is remembered as on its way, and on disk, before this returns.
    ///
    /// # Errors
    /// The system's; nothing has changed then.
    pub fn next_group(&mut self, max_rows: u64) -> io::Result<Option<Group>> {
        let place = self.cursor.place();
        if let Some((first, last)) = place.flying {
            let group = self.read_group(u64::MAX, last)?;
            if let Some(mut group) = group {
                (group.first, group.last) = (first, last);
                group.token = self.token(first, last);
                return Ok(Some(group));
            }
            self.settle(last)?; // Damaged since, or the database had it all before a power cut.
        }
        let Some(group) = self.read_group(max_rows, u64::MAX)? else { return Ok(None) };
        self.sync()?;
        let flying = Some((group.first, group.last));
        self.cursor.set(Place { flying, ..self.cursor.place() })?;
        self.cursor.sync()?;
        Ok(Some(group))
    }

    fn token(&self, first: u64, last: u64) -> String {
        token(self.id, first, last)
    }

    /// Reads records that were not acknowledged, up to a sequence.
    fn read_group(&mut self, max_rows: u64, through: u64) -> io::Result<Option<Group>> {
        let acknowledged = self.cursor.place().acknowledged;
        let mut group: Option<Group> = None;
        for index in 0..self.segments.len() {
            let Some(segment) = self.segments.get(index).cloned() else { break };
            if segment.first > through || group.as_ref().is_some_and(|group| group.rows >= max_rows)
            {
                break;
            }
            if segment.left.records == 0 {
                continue;
            }
            let octets = match read_from(&segment.path, segment.unread) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    tracing::error!("{} has gone", segment.path.display());
                    self.abandon(index);
                    continue;
                }
                octets => octets?,
            };
            let mut damaged = 0;
            for found in Records::new(&octets, 0, acknowledged) {
                let (header, payload) = match found {
                    Found::Record { header, payload, .. } => (header, payload),
                    Found::Damage { start, end } => {
                        damaged += (end - start) as u64;
                        continue;
                    }
                };
                if header.sequence > through {
                    break;
                }
                let Some(batch) = record::decode(payload) else {
                    damaged += u64::from(header.length);
                    continue;
                };
                let group = group.get_or_insert_with(|| Group {
                    first: header.sequence,
                    last: header.sequence,
                    batches: Vec::new(),
                    rows: 0,
                    token: String::new(),
                });
                group.last = header.sequence;
                group.rows += u64::from(header.rows);
                group.batches.push(batch);
                if group.rows >= max_rows {
                    break;
                }
            }
            if damaged > 0 {
                self.report_damage(index, damaged);
            }
            if group.is_none() && through == u64::MAX {
                // Nothing whole is left in it: it must not be read again and again.
                self.abandon(index);
            }
        }
        Ok(group.map(|mut group| {
            group.token = self.token(group.first, group.last);
            group
        }))
    }

    /// What is left of a segment cannot be read.
    fn abandon(&mut self, index: usize) {
        if let Some(segment) = self.segments.get_mut(index) {
            let left = std::mem::take(&mut segment.left);
            self.count_dropped(left.rows, left.octets);
        }
    }

    pub(super) fn report_damage(&mut self, index: usize, octets: u64) {
        let Some(segment) = self.segments.get_mut(index) else { return };
        if segment.damaged {
            return;
        }
        segment.damaged = true;
        self.stats.corrupt_segments += 1;
        self.stats.corrupt_bytes += octets;
        let name = segment.path.display();
        tracing::error!("{name} is damaged: {octets} octets are skipped, the rest is used");
    }

    /// The database has taken the group that was on its way.
    ///
    /// # Errors
    /// The system's; the group will be sent again then, with the same token.
    pub fn acknowledge(&mut self, group: &Group) -> io::Result<()> {
        self.settle(group.last)
    }

    fn settle(&mut self, last: u64) -> io::Result<()> {
        let acknowledged = last.max(self.cursor.place().acknowledged);
        self.cursor.set(Place { id: self.id, acknowledged, flying: None })?;
        while let Some(segment) = self.segments.front() {
            if segment.first > last {
                break;
            }
            if segment.last > last {
                self.pass_over(last)?;
                break;
            }
            let active = self.appender.is_some() && self.segments.len() == 1;
            let worn = segment.octets > self.settings.segment_bytes() / 4;
            if active && !worn {
                if let Some(segment) = self.segments.front_mut() {
                    segment.left = Left::default();
                    segment.unread = segment.octets;
                }
                break;
            }
            if active {
                self.appender = None; // All of it was acknowledged: no need to force it to disk.
            }
            if let Some(segment) = self.segments.pop_front() {
                remove(&segment.path);
            }
        }
        Ok(())
    }

    /// Leaves the acknowledged records of the first segment behind.
    fn pass_over(&mut self, last: u64) -> io::Result<()> {
        let Some(segment) = self.segments.front() else { return Ok(()) };
        let (start, octets) = (segment.unread, read_from(&segment.path, segment.unread)?);
        let mut left = Left::default();
        let mut unread = start;
        for found in Records::new(&octets, 0, 0) {
            let Found::Record { header, end, .. } = found else { continue };
            if header.sequence <= last {
                unread = start + end as u64;
            } else {
                left.add(header.rows.into(), header.octets, header.taken);
            }
        }
        if let Some(segment) = self.segments.front_mut() {
            (segment.left, segment.unread) = (left, unread);
        }
        Ok(())
    }

    pub(super) fn count_dropped(&mut self, rows: u64, octets: u64) {
        self.stats.dropped_rows += rows;
        self.stats.dropped_octets = self.stats.dropped_octets.saturating_add(octets);
    }
}

/// A file's octets from a place on.
pub(super) fn read_from(path: &Path, at: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(at))?;
    let mut octets = Vec::new();
    file.read_to_end(&mut octets)?;
    Ok(octets)
}

/// Deletes a file that is no longer needed; one that stays is found again at the next start.
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!("cannot delete {}: {error}", path.display());
    }
}

/// A file's name is on disk only once its directory is.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
