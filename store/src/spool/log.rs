//! Appending, taking groups, acknowledging.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use etiage_aggregator::Batch;

use super::cursor::{Cursor, Place};
use super::disk::{Disk, DiskFile};
use super::record::{self, Found, Records};
use super::segment::{Appender, Left, Segment, SegmentHeader, scan};
use super::{SpoolError, SpoolSettings, SpoolStats, checkpoint};
use crate::rows;

/// The open spool. One process has it; dropping it forces nothing to disk, which is [`Spool::sync`].
#[derive(Debug)]
pub struct Spool {
    pub(super) settings: SpoolSettings,
    pub(super) disk: Box<dyn Disk>,
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
    pub(super) unsynced_open: Option<Box<dyn DiskFile>>,
    /// Names in the directory have changed since it was forced to disk.
    pub(super) unsynced_names: bool,
    /// Whether there is a file of open intervals.
    pub(super) has_open: bool,
    /// None on a simulated disk.
    pub(super) _lock: Option<File>,
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

    /// The same on a disk that exists only in memory.
    #[cfg(test)]
    pub(crate) fn open_simulated(
        disk: Box<dyn Disk>,
        settings: SpoolSettings,
    ) -> Result<Self, SpoolError> {
        super::recovery::open_on(disk, settings, None, 1)
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
        let place = self.cursor.place();
        let acknowledged = place.acknowledged;
        SpoolStats {
            bytes,
            max_bytes: self.settings.max_bytes,
            unforced_records: place.acknowledged.saturating_sub(place.durable),
            unforced_bytes: self.unforced_bytes(),
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
        if let Err(source) = self.remember(closed, open) {
            // What is there names intervals that may close next: nothing must be appended beside it.
            let directory = self.settings.directory.clone();
            return Err(WriteFailed { directory, source, appended: 0 });
        }
        for (place, batch) in closed.iter().enumerate() {
            if let Err(source) = self.append(batch, now) {
                self.stats.failed_writes += 1;
                // What is not appended may be inserted from memory: it must not come again from here.
                let _ = self.forget_open().and_then(|()| self.sync_names());
                let directory = self.settings.directory.clone();
                return Err(WriteFailed { directory, source, appended: place });
            }
        }
        if self.settings.fsync.is_zero() {
            self.sync_counted();
        }
        Ok(())
    }

    fn remember<'a>(
        &mut self,
        closed: &'a [Batch],
        open: impl Iterator<Item = &'a Batch> + Clone,
    ) -> io::Result<()> {
        if open.clone().next().is_none() && !self.has_open {
            // Records of several batches need no more than their own checksums; but a file that was
            // deleted must not come back beside them.
            return self.sync_names();
        }
        let path = self.open_path();
        let after = self.next - 1;
        let mut buffer = std::mem::take(&mut self.buffer);
        let written =
            checkpoint::write(&*self.disk, &path, after, closed.iter(), open, &mut buffer);
        self.buffer = buffer;
        let written = written.and_then(|mut file| {
            (self.has_open, self.unsynced_names) = (true, true);
            if closed.is_empty() {
                self.unsynced_open = Some(file);
                return Ok(());
            }
            // An older file may name as open what closes now. It must not be found beside the records that
            // come next, whichever the disk writes first.
            self.unsynced_open = None;
            file.sync()?;
            self.sync_names()
        });
        match written {
            Ok(()) => Ok(()),
            Err(error) => {
                // An old one would name intervals again that have closed since.
                self.stats.failed_writes += 1;
                tracing::debug!("the spool's open intervals: {error}");
                self.forget_open()?;
                self.sync_names()
            }
        }
    }

    fn forget_open(&mut self) -> io::Result<()> {
        self.unsynced_open = None;
        if self.has_open {
            self.disk.remove(&self.open_path())?;
            (self.has_open, self.unsynced_names) = (false, true);
        }
        Ok(())
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
            .is_some_and(|appender| appender.is_full_for(needed, self.settings.segment_bytes()));
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
        appender.append(octets)?;
        segment.octets = appender.octets();
        segment.last = header.sequence;
        segment.left.add(header.rows.into(), header.octets, header.taken);
        Ok(())
    }

    /// Ends the segment at hand: the next record begins another.
    pub(super) fn seal(&mut self) -> io::Result<()> {
        self.sync_records()?;
        self.appender = None;
        Ok(())
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        let header = SegmentHeader { id: self.id, first: self.next, merged_through: None };
        // One that could neither be written nor cut off has this name already, and holds nothing.
        if self.segments.back().is_some_and(|segment| segment.last < segment.first)
            && let Some(empty) = self.segments.pop_back()
        {
            self.remove(&empty.path);
        }
        let path = self.settings.directory.join(format!("{:020}.spool", self.next));
        let appender = Appender::create(&*self.disk, &path, &header)?;
        if let Err(error) = self.disk.sync_directory(&self.settings.directory) {
            // Or its name would be taken the next time.
            let _ = self.disk.remove(&path);
            return Err(error);
        }
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
        self.sync_records()?;
        if let Some(file) = &mut self.unsynced_open {
            file.sync()?;
            self.unsynced_open = None;
        }
        let place = self.cursor.place();
        if place.synced + 1 < self.next {
            // Not forced itself: it goes with the next group.
            self.cursor.set(Place { synced: self.next - 1, ..place })?;
        }
        // Or an older file of open intervals would count again what has closed since.
        self.sync_names()
    }

    fn sync_names(&mut self) -> io::Result<()> {
        if self.unsynced_names {
            self.disk.sync_directory(&self.settings.directory)?;
            self.unsynced_names = false;
        }
        Ok(())
    }

    /// Forces the records to disk. Where the kernel says that it could not, it takes for written what is
    /// not, and a second attempt proves nothing: the file is then written anew.
    fn sync_records(&mut self) -> io::Result<()> {
        let Some(appender) = &mut self.appender else { return Ok(()) };
        let Err(error) = appender.sync() else { return Ok(()) };
        self.stats.failed_writes += 1;
        tracing::warn!("the spool's last segment cannot be forced to disk ({error}): written anew");
        let Some(segment) = self.segments.back() else { return Err(error) };
        let mut octets = self.disk.read(&segment.path, 0)?;
        octets.truncate(segment.octets as usize);
        if octets.len() as u64 != segment.octets
            || scan(&octets, 0, (0, u64::MAX)).last != segment.last
        {
            return Err(error);
        }
        let file = self.write_whole(&segment.path, &octets)?;
        self.unsynced_names = true;
        self.appender = Some(Appender::resume(file, segment.octets));
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
            self.cursor.sync()?;
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
            let octets = match self.disk.read(&segment.path, segment.unread) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    tracing::error!("{} has gone", segment.path.display());
                    self.abandon(index);
                    continue;
                }
                octets => octets?,
            };
            let mut damaged = 0;
            for found in
                Records::new(&octets, 0, acknowledged).within(segment.first, segment.last + 1)
            {
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
        let place = self.cursor.place();
        let acknowledged = last.max(place.acknowledged);
        let durable = if place.epoch == 0 { acknowledged } else { place.durable };
        self.cursor.set(Place { acknowledged, durable, flying: None, ..place })?;
        self.pass_over(acknowledged)?;
        self.release();
        Ok(())
    }

    /// Leaves acknowledged records behind.
    fn pass_over(&mut self, acknowledged: u64) -> io::Result<()> {
        for index in 0..self.segments.len() {
            let Some(segment) = self.segments.get(index) else { break };
            if segment.first > acknowledged {
                break;
            }
            let (left, unread) = if segment.last <= acknowledged {
                (Left::default(), segment.octets)
            } else {
                let (start, octets) =
                    (segment.unread, self.disk.read(&segment.path, segment.unread)?);
                left_of(&octets, start, acknowledged, (segment.first, segment.last))
            };
            if let Some(segment) = self.segments.get_mut(index) {
                (segment.left, segment.unread) = (left, unread);
            }
        }
        Ok(())
    }

    /// Deletes the segments that are durable where they went.
    pub(super) fn release(&mut self) {
        let durable = self.cursor.place().durable;
        while let Some(segment) = self.segments.front() {
            if segment.first > durable || segment.last > durable {
                break;
            }
            if self.appender.is_some() && self.segments.len() == 1 {
                if segment.octets <= self.settings.segment_bytes() / 4 {
                    break;
                }
                self.appender = None; // Nobody needs it any more: it is not forced to disk.
            }
            if let Some(segment) = self.segments.pop_front() {
                self.remove(&segment.path);
            }
        }
    }

    pub(super) fn count_dropped(&mut self, rows: u64, octets: u64) {
        self.stats.dropped_rows += rows;
        self.stats.dropped_octets = self.stats.dropped_octets.saturating_add(octets);
    }
}

/// What is left behind the acknowledged records of a segment's octets from a place on, and where it begins.
pub(super) fn left_of(
    octets: &[u8],
    start: u64,
    acknowledged: u64,
    (first, last): (u64, u64),
) -> (Left, u64) {
    let (mut left, mut unread) = (Left::default(), start);
    for found in Records::new(octets, 0, 0).within(first, last + 1) {
        let Found::Record { header, end, .. } = found else { continue };
        if header.sequence <= acknowledged {
            unread = start + end as u64;
        } else {
            left.add(header.rows.into(), header.octets, header.taken);
        }
    }
    (left, unread)
}
