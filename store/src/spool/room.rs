//! A full spool, and groups that the database refuses.

use std::io;
use std::path::Path;

use super::disk::{DiskFile, Mode};
use super::log::{Group, Spool};
use super::merge::Merger;
use super::record::{self, Found, Records};
use super::segment::{HEADER, Left, Segment, SegmentHeader};

/// Segments that are merged into one at a time: a few minutes of a large probe, and what fits memory.
const MERGED_AT_A_TIME: usize = 4;
/// The part of the spool's bound that refused groups may take beside it.
const REFUSED_PART: u64 = 8;

impl Spool {
    /// Makes room for so many octets: merges the oldest rows, and where all are merged drops the oldest.
    /// What is on its way to the database stays.
    pub(super) fn make_room(&mut self, needed: u64, now: u32) -> io::Result<()> {
        while self.bytes() + needed + HEADER as u64 > self.settings.max_bytes {
            if self.merge_oldest(now)? {
                continue;
            }
            let active = usize::from(self.appender.is_some());
            let kept = |index: &usize| self.is_needed(*index) || self.was_dropped(*index);
            let first = (0..self.segments.len()).take_while(kept).count();
            if first + active >= self.segments.len() {
                return Err(io::Error::other(
                    "it is full of what is on its way to the database's disk",
                ));
            }
            let Some(segment) = self.segments.remove(first) else { break };
            let Left { rows, octets, .. } = segment.left;
            self.count_dropped(rows, octets);
            tracing::error!(rows, octets, "the spool is full: its oldest rows are dropped");
            self.remove(&segment.path);
            self.leave_header(first, (segment.first, segment.last));
        }
        Ok(())
    }

    /// Of dropped segments a header stays that says what they stood for: the next start does not
    /// miss them.
    fn leave_header(&mut self, index: usize, (first, last): (u64, u64)) {
        let before = index.checked_sub(1).filter(|before| self.was_dropped(*before));
        let before = before.and_then(|before| Some((before, self.segments.get(before)?.first)));
        let from = before.map_or(first, |(_, from)| from);
        // On a disk that takes nothing more, the next start counts them once more.
        if let Ok(header) = self.write_merged(Vec::new(), (from, last), 0) {
            match before.and_then(|(before, _)| self.segments.get_mut(before)) {
                Some(before) => *before = header, // Under the same name.
                None => self.segments.insert(index, header),
            }
        }
    }

    /// Whether nothing is left of a segment but the header that says what it stood for.
    fn was_dropped(&self, index: usize) -> bool {
        let segment = self.segments.get(index);
        segment.is_some_and(|segment| segment.merged && segment.octets <= HEADER as u64)
    }

    /// Whether records of a segment are on their way to the database, or to its disk.
    fn is_needed(&self, index: usize) -> bool {
        let place = self.cursor.place();
        let flying = place.flying.map_or(0, |(_, last)| last);
        let through = if place.epoch == 0 { flying } else { flying.max(place.acknowledged) };
        self.segments.get(index).is_some_and(|segment| segment.first <= through)
    }

    /// Merges the oldest segments that were not; false if there are none.
    fn merge_oldest(&mut self, now: u32) -> io::Result<bool> {
        let sealed = self.segments.len() - usize::from(self.appender.is_some());
        let raw = |index: &usize| {
            let segment = self.segments.get(*index);
            segment.is_some_and(|segment| !segment.merged) && !self.is_needed(*index)
        };
        let Some(first) = (0..sealed).find(raw) else { return Ok(false) };
        let count = (first..sealed).take(MERGED_AT_A_TIME).take_while(raw).count();
        self.merge(first, count, now)?;
        Ok(true)
    }

    fn merge(&mut self, index: usize, count: usize, now: u32) -> io::Result<()> {
        let acknowledged = self.cursor.place().acknowledged;
        let mut merger = Merger::default();
        let mut rows_before = 0;
        let mut oldest = 0;
        let range = index..index + count;
        for place in range.clone() {
            let Some(segment) = self.segments.get(place) else { break };
            let octets = self.disk.read(&segment.path, segment.unread)?;
            rows_before += segment.left.rows;
            oldest = if oldest == 0 { segment.left.oldest } else { oldest };
            let mut damaged = 0;
            for found in
                Records::new(&octets, 0, acknowledged).within(segment.first, segment.last + 1)
            {
                match found {
                    Found::Record { payload, .. } => match record::decode(payload) {
                        Some(batch) => merger.add(batch),
                        None => damaged += payload.len() as u64,
                    },
                    Found::Damage { start, end } => damaged += (end - start) as u64,
                }
            }
            if damaged > 0 {
                self.report_damage(place, damaged);
            }
        }
        let bounds = (self.segments.get(range.start), self.segments.get(range.end - 1));
        let (Some(start), Some(end)) = bounds else { return Ok(()) };
        let (first, last) = (start.first.max(acknowledged + 1), end.last);
        let taken = if oldest == 0 { now } else { oldest };
        let merged = self.write_merged(merger.finish(), (first, last), taken)?;
        let rows = rows_before.saturating_sub(merged.left.rows);
        self.stats.merged_rows += rows;
        tracing::warn!(rows, "the spool is nearly full: its oldest rows are added up to minutes");
        let old: Vec<_> = self.segments.drain(range).map(|segment| segment.path).collect();
        self.segments.insert(index, merged);
        old.iter().for_each(|path| self.remove(path));
        Ok(())
    }

    /// Writes a segment that stands for a range of sequences. Under its name there is all of it or
    /// nothing, and the segments that it stands for are known from its header.
    fn write_merged(
        &self,
        batches: Vec<etiage_aggregator::Batch>,
        (first, last): (u64, u64),
        taken: u32,
    ) -> io::Result<Segment> {
        let header = SegmentHeader { id: self.id, first, merged_through: Some(last) };
        let mut octets = header.octets();
        let mut left = Left::default();
        // There are never more merged batches than there were records.
        for (batch, sequence) in batches.iter().zip(first..=last) {
            if let Some(header) = record::write(batch, sequence, taken, &mut octets) {
                left.add(header.rows.into(), header.octets, header.taken);
            }
        }
        let path = self.settings.directory.join(format!("{first:020}.merged.spool"));
        self.write_whole(&path, &octets)?;
        if let Err(error) = self.disk.sync_directory(&self.settings.directory) {
            // Those that it stands for are still in use: it must not be found beside them.
            self.remove(&path);
            return Err(error);
        }
        Ok(Segment {
            path,
            first,
            last,
            merged: true,
            octets: octets.len() as u64,
            unread: HEADER as u64,
            left,
            damaged: false,
        })
    }

    /// The database refuses the group for its content: it is kept aside for whoever looks into it, and
    /// the next one can go.
    ///
    /// # Errors
    /// The system's; the group stays on its way.
    pub fn set_aside(&mut self, group: &Group, reason: &str) -> io::Result<()> {
        let directory = self.settings.directory.join("refused");
        self.disk.make_directory(&directory)?;
        let (first, last) = (group.first, group.last);
        let header = SegmentHeader { id: self.id, first, merged_through: Some(last) };
        let mut octets = header.octets();
        for (batch, sequence) in group.batches.iter().zip(first..=last) {
            record::write(batch, sequence, 0, &mut octets);
        }
        let path = directory.join(format!("{first:020}-{last:020}.spool"));
        self.bound_refused(&directory, octets.len() as u64)?;
        self.write_whole(&path, &octets)?;
        self.disk.sync_directory(&directory)?;
        self.stats.refused_groups += 1;
        self.stats.refused_rows += group.rows;
        let (rows, path) = (group.rows, path.display());
        tracing::error!("{rows} rows are refused by the database and kept in {path}: {reason}");
        self.acknowledge(group)
    }

    /// Deletes the oldest refused groups until so many octets more keep within their bound.
    fn bound_refused(&mut self, directory: &Path, needed: u64) -> io::Result<()> {
        let mut files = self.disk.list(directory)?;
        files.sort();
        let mut total: u64 = files.iter().map(|(_, octets)| octets).sum();
        for (path, octets) in files {
            if total + needed <= self.settings.max_bytes / REFUSED_PART {
                break;
            }
            tracing::error!("{} is deleted: too many groups were refused", path.display());
            self.remove(&path);
            total -= octets;
        }
        Ok(())
    }

    /// A file that is there as a whole or not at all. Its octets are on disk when this returns, its name
    /// when its directory is.
    pub(super) fn write_whole(&self, path: &Path, octets: &[u8]) -> io::Result<Box<dyn DiskFile>> {
        let beside = path.with_extension("new");
        let written = self.disk.open(&beside, Mode::Replace).and_then(|mut file| {
            file.write_at(octets, 0)?;
            file.sync()?;
            self.disk.rename(&beside, path)?;
            Ok(file)
        });
        if written.is_err() {
            // Best effort: the next start removes what is left.
            let _ = self.disk.remove(&beside);
        }
        written
    }

    /// Deletes a file that is no longer needed; one that stays is found again at the next start.
    pub(super) fn remove(&self, path: &Path) {
        if let Err(error) = self.disk.remove(path) {
            tracing::warn!("cannot delete {}: {error}", path.display());
        }
    }
}
