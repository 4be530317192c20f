//! Opening: hold the directory, read what is there, repair what a crash has left.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::checkpoint::{self, Checkpoint};
use super::cursor::{Cursor, Place};
use super::disk::{Disk, Mode, RealDisk};
use super::log::Spool;
use super::segment::{HEADER, HeaderFound, Segment, SegmentHeader, VERSION, scan};
use super::{MIN_SPOOL_BYTES, SpoolError, SpoolSettings, SpoolStats};

fn unusable(path: &Path) -> impl Fn(std::io::Error) -> SpoolError {
    move |source| SpoolError::Unusable { path: path.to_owned(), source }
}

/// Opens the spool.
pub(super) fn open(settings: SpoolSettings, now: u32) -> Result<Spool, SpoolError> {
    let directory = &settings.directory;
    fs::create_dir_all(directory).map_err(unusable(directory))?;
    let lock = hold(directory)?;
    open_on(Box::new(RealDisk), settings, Some(lock), now)
}

/// The same on any disk.
pub(super) fn open_on(
    disk: Box<dyn Disk>,
    settings: SpoolSettings,
    lock: Option<File>,
    now: u32,
) -> Result<Spool, SpoolError> {
    if settings.max_bytes < MIN_SPOOL_BYTES {
        return Err(SpoolError::TooSmall { given: settings.max_bytes });
    }
    let directory = settings.directory.clone();
    let path = directory.join("cursor");
    let (file, known) = Cursor::open(&*disk, &path).map_err(unusable(&path))?;
    let segments = read_segments(&*disk, &directory)?;
    let place = known.map(|(_, place)| place);
    let id = place
        .map(|place| place.id)
        .or_else(|| segments.iter().find_map(|read| read.id))
        .unwrap_or_else(rand::random);
    if place.is_none() && !segments.is_empty() {
        tracing::error!(
            "{} is damaged: what the spool's first segment holds may be counted twice",
            path.display()
        );
    }
    let place = Place { id, ..place.unwrap_or_default() };
    let generation = known.map_or(0, |(generation, _)| generation);
    let cursor = Cursor::begin(file, generation, place).map_err(unusable(&path))?;
    let mut spool = Spool {
        settings,
        disk,
        id,
        cursor,
        segments: VecDeque::new(),
        appender: None,
        next: 1,
        stats: SpoolStats::default(),
        buffer: Vec::new(),
        unsynced_open: None,
        unsynced_names: false,
        has_open: false,
        _lock: lock,
    };
    let segments = spool.sort_out(segments)?;
    let repairs = spool.adopt(segments)?;
    if known.is_some() {
        spool.see_what_is_missing(place);
    }
    let flying = place.flying.map_or(0, |(_, last)| last);
    let last = spool.segments.back().map_or(0, |segment| segment.last);
    spool.next = last.max(place.acknowledged).max(flying).max(place.synced) + 1;
    spool.recover_open(now)?;
    // Last: a start that the disk refuses before leaves what it has counted to the next one.
    for repair in repairs {
        spool.repair(repair)?;
    }
    spool.disk.sync_directory(&directory).map_err(unusable(&directory))?;
    let stats = spool.stats();
    spool.stats.recovered_records = stats.records;
    if stats.records > 0 {
        let (records, rows) = (stats.records, stats.rows);
        tracing::info!(records, rows, "the spool holds rows that are still to be written");
    }
    Ok(spool)
}

/// Holds the directory for this process.
fn hold(directory: &Path) -> Result<File, SpoolError> {
    let path = directory.join("lock");
    let mut lock = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(unusable(&path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The text only serves the message; without it the message is still right.
            drop(Read::by_ref(&mut lock).take(64).read_to_string(&mut holder));
            let holder = match holder.trim() {
                "" => "of unknown number".to_owned(),
                pid => format!("pid {pid}"),
            };
            return Err(SpoolError::Held { directory: directory.to_owned(), holder });
        }
        Err(TryLockError::Error(error)) => return Err(unusable(&path)(error)),
    }
    lock.set_len(0).map_err(unusable(&path))?;
    lock.rewind().map_err(unusable(&path))?;
    writeln!(lock, "{}", std::process::id()).map_err(unusable(&path))?;
    Ok(lock)
}

/// A segment's file as it was found.
struct ReadSegment {
    path: PathBuf,
    octets: Vec<u8>,
    first: u64,
    header: HeaderFound,
    id: Option<u128>,
}

/// Reads all segments, in order of sequence; removes what a crash has left half-written.
fn read_segments(disk: &dyn Disk, directory: &Path) -> Result<Vec<ReadSegment>, SpoolError> {
    let mut found = Vec::new();
    for (path, _) in disk.list(directory).map_err(unusable(directory))? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".new") {
            disk.remove(&path).map_err(unusable(&path))?;
            continue;
        }
        let Some(first) = name.strip_suffix(".spool") else { continue };
        let first = first.strip_suffix(".merged").unwrap_or(first);
        let Ok(first) = first.parse::<u64>() else { continue };
        let octets = disk.read(&path, 0).map_err(unusable(&path))?;
        let header = SegmentHeader::read(&octets);
        if let HeaderFound::OtherVersion(found) = header {
            return Err(SpoolError::OtherVersion { path, found, known: VERSION });
        }
        let id = match header {
            HeaderFound::Good(header) => Some(header.id),
            _ => None,
        };
        found.push(ReadSegment { path, octets, first, header, id });
    }
    found.sort_by(|a, b| (a.first, &a.path).cmp(&(b.first, &b.path)));
    Ok(found)
}

/// What a crash makes necessary.
enum Repair {
    /// A segment that nobody needs goes.
    Remove(PathBuf),
    /// What is torn at its end is cut off.
    Cut(PathBuf, u64),
}

impl Spool {
    fn repair(&self, repair: Repair) -> Result<(), SpoolError> {
        match repair {
            // Its name may have been taken again since.
            Repair::Remove(path) if self.segments.iter().any(|used| used.path == path) => {}
            Repair::Remove(path) => self.remove(&path),
            Repair::Cut(path, octets) => self
                .disk
                .open(&path, Mode::Keep)
                .and_then(|mut file| {
                    file.set_len(octets)?;
                    file.sync()
                })
                .map_err(unusable(&path))?,
        }
        Ok(())
    }

    /// Looks at names and headers: a file that is another's, or is there twice, is set aside; one under
    /// a wrong name gets its own back.
    fn sort_out(&mut self, mut found: Vec<ReadSegment>) -> Result<Vec<ReadSegment>, SpoolError> {
        let header = |read: &ReadSegment| match read.header {
            HeaderFound::Good(header) => Some(header),
            _ => None,
        };
        let named = |read: &ReadSegment| header(read).is_none_or(|own| own.first == read.first);
        // Those under their own names first: of two that are the same, the other is the copy.
        found.sort_by_key(|read| !named(read));
        let mut seen = BTreeSet::new();
        let mut kept = Vec::new();
        for mut read in found {
            let Some(own) = header(&read) else {
                kept.push(read);
                continue;
            };
            let octets = read.octets.len() as u64;
            let first_of_its_name = seen.insert((own.first, own.merged_through.is_some()));
            if own.id != self.id || !first_of_its_name {
                let why = if own.id == self.id { "it is a copy" } else { "it is another spool's" };
                self.count_damage(&read.path, octets, why);
                self.set_file_aside(&read.path)?;
                continue;
            }
            if own.first != read.first {
                self.count_damage(&read.path, 0, "its name is not its own");
                let merged = if own.merged_through.is_some() { ".merged" } else { "" };
                let name = format!("{:020}{merged}.spool", own.first);
                let path = self.settings.directory.join(name);
                self.disk.rename(&read.path, &path).map_err(unusable(&read.path))?;
                (read.path, read.first) = (path, own.first);
            }
            kept.push(read);
        }
        kept.sort_by(|a, b| (a.first, &a.path).cmp(&(b.first, &b.path)));
        Ok(kept)
    }

    fn set_file_aside(&self, path: &Path) -> Result<(), SpoolError> {
        let aside = path.with_extension("aside");
        self.disk.rename(path, &aside).map_err(unusable(path))
    }

    fn count_damage(&mut self, path: &Path, octets: u64, why: &str) {
        self.stats.corrupt_segments += 1;
        self.stats.corrupt_bytes += octets;
        tracing::error!("{} is not used, or not all of it: {why}", path.display());
    }

    /// Records count without a gap: what was taken and is not durable elsewhere must be there.
    fn see_what_is_missing(&mut self, place: Place) {
        // Without marks the group on its way may have been acknowledged, and deleted.
        let flying = place.flying.filter(|_| place.epoch == 0).map_or(0, |(_, last)| last);
        let gone = if place.epoch == 0 { place.acknowledged.max(flying) } else { place.durable };
        let mut expected = gone + 1;
        let mut gaps = Vec::new();
        for segment in &self.segments {
            if segment.first > expected {
                gaps.push((expected, segment.first - 1));
            }
            expected = expected.max(segment.last + 1);
        }
        if place.synced >= expected {
            gaps.push((expected, place.synced));
        }
        for (first, last) in gaps {
            let path = self.settings.directory.join(format!("{first:020}.spool"));
            self.count_damage(&path, 0, &format!("the records {first} to {last} are gone"));
        }
    }

    /// Takes over the segments that were found, and says what is to be repaired of them.
    fn adopt(&mut self, found: Vec<ReadSegment>) -> Result<Vec<Repair>, SpoolError> {
        let Place { acknowledged, durable, synced, .. } = self.cursor.place();
        let merged_range = |read: &ReadSegment| match read.header {
            HeaderFound::Good(SegmentHeader { first, merged_through: Some(last), .. }) => {
                Some((first, last))
            }
            _ => None,
        };
        let merged: Vec<(u64, u64)> = found.iter().filter_map(merged_range).collect();
        let newest = found.last().map(|read| read.path.clone());
        let firsts: Vec<u64> = found.iter().map(|read| read.first).collect();
        let mut repairs = Vec::new();
        for read in found {
            let range = merged_range(&read);
            let next = firsts.iter().copied().find(|first| *first > read.first);
            let below = range.map_or(next.unwrap_or(u64::MAX), |(_, last)| last + 1);
            let scan = scan(&read.octets, acknowledged, (read.first, below));
            let last = range.map_or(scan.last, |(_, last)| last);
            let from = read.first.max(durable + 1);
            let superseded = range.is_none()
                && merged.iter().any(|(first, through)| *first <= from && last <= *through);
            let is_newest = newest.as_ref() == Some(&read.path);
            if !superseded && scan.last == 0 && range.is_none() && !is_newest {
                // A crash leaves that of the last one alone.
                self.count_damage(&read.path, read.octets.len() as u64, "it holds no record");
            }
            if superseded || last <= durable {
                if is_newest && scan.last == 0 {
                    self.stats.torn_bytes += scan.tail;
                }
                repairs.push(Repair::Remove(read.path));
                continue;
            }
            let mut damage = scan.damaged_octets;
            if matches!(read.header, HeaderFound::Damaged) && scan.last > 0 {
                damage += HEADER as u64;
            }
            let mut octets = read.octets.len() as u64;
            if scan.tail > 0 {
                if is_newest {
                    // Half a record: what a crash leaves. Its batch was never taken.
                    self.stats.torn_bytes += scan.tail;
                    octets = scan.end as u64;
                } else {
                    damage += scan.tail;
                }
            }
            if last > synced {
                // Whoever was killed may have left them to the kernel alone. Where an earlier start
                // could not force them to disk, the kernel takes them for written: written anew.
                self.write_whole(&read.path, &read.octets).map_err(unusable(&read.path))?;
            }
            if octets < read.octets.len() as u64 {
                repairs.push(Repair::Cut(read.path.clone(), octets));
            }
            let path = read.path.clone();
            self.segments.push_back(Segment {
                path: read.path,
                first: read.first,
                last,
                merged: range.is_some(),
                octets,
                unread: scan.unread as u64,
                left: scan.left,
                damaged: false,
            });
            if damage > 0 {
                self.report_damage(self.segments.len() - 1, damage);
            } else if range.is_none() && scan.missing > 0 && last > durable {
                let why = format!("{} of its records are gone", scan.missing);
                self.count_damage(&path, 0, &why);
            }
        }
        Ok(repairs)
    }

    /// What the file of open intervals holds is appended: its intervals will not go on.
    fn recover_open(&mut self, now: u32) -> Result<(), SpoolError> {
        let path = self.open_path();
        let octets = match self.disk.read(&path, 0) {
            Ok(octets) => octets,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(unusable(&path)(error)),
        };
        self.has_open = true;
        let last = self.next - 1;
        let Some(Checkpoint { closed, open, .. }) = checkpoint::read(&octets) else {
            tracing::error!("{} is damaged: the intervals that were open are lost", path.display());
            self.stats.corrupt_segments += 1;
            self.stats.corrupt_bytes += octets.len() as u64;
            self.remove(&path);
            self.has_open = false;
            return Ok(());
        };
        let missing = closed.into_iter().filter(|(sequence, _)| *sequence > last);
        let batches: Vec<_> = missing.map(|(_, batch)| batch).chain(open).collect();
        // Killed again from here on, the next start finds the same batches and appends what is missing.
        checkpoint::write(&*self.disk, &path, last, batches.iter(), [].iter(), &mut self.buffer)
            .and_then(|mut file| file.sync())
            .and_then(|()| self.disk.sync_directory(&self.settings.directory))
            .map_err(unusable(&path))?;
        for batch in &batches {
            self.append(batch, now).map_err(unusable(&path))?;
        }
        self.sync().map_err(unusable(&path))?;
        self.remove(&path);
        self.has_open = false;
        Ok(())
    }
}
