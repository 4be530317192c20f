//! Opening: hold the directory, read what is there, repair what a crash has left.

use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::checkpoint::{self, Checkpoint};
use super::cursor::{Cursor, Place};
use super::log::{Spool, remove, sync_directory};
use super::segment::{HEADER, HeaderFound, Segment, SegmentHeader, VERSION, scan};
use super::{MIN_SPOOL_BYTES, SpoolError, SpoolSettings, SpoolStats};

fn unusable(path: &Path) -> impl Fn(std::io::Error) -> SpoolError {
    move |source| SpoolError::Unusable { path: path.to_owned(), source }
}

/// Opens the spool.
pub(super) fn open(settings: SpoolSettings, now: u32) -> Result<Spool, SpoolError> {
    if settings.max_bytes < MIN_SPOOL_BYTES {
        return Err(SpoolError::TooSmall { given: settings.max_bytes });
    }
    let directory = settings.directory.clone();
    fs::create_dir_all(&directory).map_err(unusable(&directory))?;
    let lock = hold(&directory)?;
    let path = directory.join("cursor");
    let (file, known) = Cursor::open(&path).map_err(unusable(&path))?;
    let segments = read_segments(&directory)?;
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
        id,
        cursor,
        segments: VecDeque::new(),
        appender: None,
        next: 1,
        stats: SpoolStats::default(),
        buffer: Vec::new(),
        unsynced_open: None,
        has_open: false,
        _lock: lock,
    };
    spool.adopt(segments)?;
    let flying = place.flying.map_or(0, |(_, last)| last);
    let last = spool.segments.back().map_or(0, |segment| segment.last);
    spool.next = last.max(place.acknowledged).max(flying) + 1;
    spool.recover_open(now)?;
    sync_directory(&directory).map_err(unusable(&directory))?;
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
fn read_segments(directory: &Path) -> Result<Vec<ReadSegment>, SpoolError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(unusable(directory))? {
        let path = entry.map_err(unusable(directory))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".new") {
            remove(&path);
            continue;
        }
        let Some(first) = name.strip_suffix(".spool") else { continue };
        let first = first.strip_suffix(".merged").unwrap_or(first);
        let Ok(first) = first.parse::<u64>() else { continue };
        let octets = fs::read(&path).map_err(unusable(&path))?;
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

impl Spool {
    /// Takes over the segments that were found.
    fn adopt(&mut self, found: Vec<ReadSegment>) -> Result<(), SpoolError> {
        let acknowledged = self.cursor.place().acknowledged;
        let merged_range = |read: &ReadSegment| match read.header {
            HeaderFound::Good(SegmentHeader { first, merged_through: Some(last), .. }) => {
                Some((first, last))
            }
            _ => None,
        };
        let merged: Vec<(u64, u64)> = found.iter().filter_map(merged_range).collect();
        let newest = found.last().map(|read| read.path.clone());
        for read in found {
            let scan = scan(&read.octets, acknowledged);
            let range = merged_range(&read);
            let last = range.map_or(scan.last, |(_, last)| last);
            let from = read.first.max(acknowledged + 1);
            let superseded = range.is_none()
                && merged.iter().any(|(first, through)| *first <= from && last <= *through);
            if superseded || last <= acknowledged {
                remove(&read.path);
                continue;
            }
            let is_newest = newest.as_ref() == Some(&read.path);
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
                    File::options()
                        .write(true)
                        .open(&read.path)
                        .and_then(|file| file.set_len(octets))
                        .map_err(unusable(&read.path))?;
                } else {
                    damage += scan.tail;
                }
            }
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
            }
        }
        Ok(())
    }

    /// What the file of open intervals holds is appended: its intervals will not go on.
    fn recover_open(&mut self, now: u32) -> Result<(), SpoolError> {
        let path = self.open_path();
        let octets = match fs::read(&path) {
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
            remove(&path);
            self.has_open = false;
            return Ok(());
        };
        let missing = closed.into_iter().filter(|(sequence, _)| *sequence > last);
        let batches: Vec<_> = missing.map(|(_, batch)| batch).chain(open).collect();
        // Killed again from here on, the next start finds the same batches and appends what is missing.
        checkpoint::write(&path, last, batches.iter(), [].iter(), &mut self.buffer)
            .and_then(|file| file.sync_data())
            .map_err(unusable(&path))?;
        for batch in &batches {
            self.append(batch, now).map_err(unusable(&path))?;
        }
        self.sync().map_err(unusable(&path))?;
        remove(&path);
        self.has_open = false;
        Ok(())
    }
}
