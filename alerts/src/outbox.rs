//! A queue on disk: every decision is written down before anything follows from it.
//!
//! One file a receiver, one record a line: `CHECKSUM JSON`, the checksum (CRC-32) of the JSON in eight
//! hexadecimal digits. A line that a crash has torn or a disk has spoilt is passed over and counted. When
//! the file has grown, it is written anew with what still matters, and takes the old one's place.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::queue::{JournalEntry, Limits, Queue};

/// A file that is larger is written anew, when it has also doubled since it last was.
const TIDY_AT: u64 = 1 << 20;
/// A file that cannot be one of ours: some thousand messages of two kilobytes, and their past.
const MAX_OCTETS: u64 = 256 << 20;

/// Why an outbox cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// Another process works in the directory.
    #[error(
        "the alerts' directory {} is held by another process: stop that process, or use another \
         directory", directory.display()
    )]
    Held {
        /// Which directory.
        directory: PathBuf,
    },
    /// The directory or a file in it cannot be made, read or written.
    #[error("cannot use the alerts' {}: {source}: make it writable, or use another directory", path.display())]
    Unusable {
        /// Which directory or file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A receiver cannot be set up.
    #[error("the receiver \"{receiver}\": {reason}")]
    Receiver {
        /// Which.
        receiver: String,
        /// What is wrong.
        reason: String,
    },
}

fn unusable(path: &Path) -> impl Fn(io::Error) -> OutboxError {
    move |source| OutboxError::Unusable { path: path.to_owned(), source }
}

/// Makes the directory and holds it for this process, for as long as the file is open.
pub(crate) fn hold(directory: &Path) -> Result<File, OutboxError> {
    fs::create_dir_all(directory).map_err(unusable(directory))?;
    let path = directory.join("lock");
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(unusable(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OutboxError::Held { directory: directory.to_owned() }),
        Err(TryLockError::Error(error)) => Err(unusable(&path)(error)),
    }
}

/// The file of a receiver.
pub(crate) fn path(directory: &Path, receiver: &str) -> PathBuf {
    directory.join(format!("{receiver}.outbox"))
}

/// A queue, and the file that it is in.
#[derive(Debug)]
pub(crate) struct Outbox {
    path: PathBuf,
    file: File,
    /// Octets of the file, and when it was written anew.
    octets: u64,
    tidied: u64,
    queue: Queue,
    /// What is in the file is not what is in the queue: the next write writes all of it.
    behind: bool,
    damaged: u64,
    failed_writes: u64,
}

impl Outbox {
    /// Reads what is there.
    pub(crate) fn open(path: &Path, limits: Limits) -> Result<Self, OutboxError> {
        let (records, damaged) = read(path)?;
        let mut queue = Queue::new(limits);
        for record in &records {
            queue.apply(record);
        }
        if damaged > 0 {
            let path = path.display();
            tracing::warn!("alerts: {damaged} lines of {path} are damaged, and passed over");
        }
        let (file, octets) = rewrite(path, &queue).map_err(unusable(path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            octets,
            tidied: octets,
            queue,
            behind: false,
            damaged,
            failed_writes: 0,
        })
    }

    pub(crate) const fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The queue, for what is not written down.
    pub(crate) const fn queue_mut(&mut self) -> &mut Queue {
        &mut self.queue
    }

    /// Lines that were damaged when it was opened.
    pub(crate) const fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Decisions that could not be written down; they hold until the program ends.
    pub(crate) const fn failed_writes(&self) -> u64 {
        self.failed_writes
    }

    /// Writes decisions down, on disk, and takes them for facts. A full disk stops no alert: what cannot be
    /// written holds all the same, and is written with what comes next.
    pub(crate) fn take(&mut self, records: &[JournalEntry]) {
        if records.is_empty() {
            return;
        }
        let written = if self.behind { Ok(()) } else { self.append(records) };
        for record in records {
            self.queue.apply(record);
        }
        let grown = self.octets > TIDY_AT && self.octets / 2 > self.tidied;
        let written =
            written.and_then(|()| if self.behind || grown { self.renew() } else { Ok(()) });
        if let Err(error) = written {
            if !self.behind {
                tracing::error!("alerts: cannot write {}: {error}", self.path.display());
            }
            self.behind = true;
            self.failed_writes += 1;
        }
    }

    fn append(&mut self, records: &[JournalEntry]) -> io::Result<()> {
        let lines = lines(records)?;
        self.file.write_all(&lines)?;
        self.octets += lines.len() as u64;
        self.file.sync_data()
    }

    fn renew(&mut self) -> io::Result<()> {
        let (file, octets) = rewrite(&self.path, &self.queue)?;
        (self.file, self.octets, self.tidied, self.behind) = (file, octets, octets, false);
        Ok(())
    }
}

fn lines(records: &[JournalEntry]) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for record in records {
        let json = serde_json::to_vec(record)?;
        write!(lines, "{:08x} ", crc32fast::hash(&json))?;
        lines.extend(json);
        lines.push(b'\n');
    }
    Ok(lines)
}

/// Writes the queue into a new file, which takes the place of the one at `path` when it is on disk.
fn rewrite(path: &Path, queue: &Queue) -> io::Result<(File, u64)> {
    let new = path.with_extension("outbox.new");
    let lines = lines(&queue.snapshot())?;
    let mut file = File::create(&new)?;
    file.write_all(&lines)?;
    file.sync_data()?;
    fs::rename(&new, path)?;
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok((file, lines.len() as u64))
}

/// The records of a file, and how many lines are none.
fn read(path: &Path) -> Result<(Vec<JournalEntry>, u64), OutboxError> {
    let octets = match fs::metadata(path) {
        Ok(metadata) if metadata.len() > MAX_OCTETS => {
            let reason = io::Error::other("it is too large to be an outbox");
            return Err(unusable(path)(reason));
        }
        Ok(_) => fs::read(path).map_err(unusable(path))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(unusable(path)(error)),
    };
    let lines = octets.split(|octet| *octet == b'\n').filter(|line| !line.is_empty());
    let (mut records, mut damaged) = (Vec::new(), 0);
    for line in lines {
        match record(line) {
            Some(record) => records.push(record),
            None => damaged += 1,
        }
    }
    Ok((records, damaged))
}

fn record(line: &[u8]) -> Option<JournalEntry> {
    let (checksum, json) = line.split_first_chunk::<9>()?;
    let checksum = str::from_utf8(checksum).ok()?.strip_suffix(' ')?;
    let checksum = u32::from_str_radix(checksum, 16).ok()?;
    (crc32fast::hash(json) == checksum).then(|| serde_json::from_slice(json).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::queue::{By, Labels};
    use crate::{Event, Transition};

    const BY: Option<By<'_>> = Some(By { route: "r", update_every: Some(1_000) });

    fn event(id: &str) -> Event {
        Event { id: id.to_owned(), ..Event::sample(0) }
    }

    fn tell(outbox: &mut Outbox, now: i64, transition: Transition, event: &Event) {
        let steps = outbox.queue().tell(now, transition, event, BY);
        outbox.take(&steps.records);
    }

    fn waiting(outbox: &Outbox) -> Vec<(u64, &str, Transition)> {
        let waiting = outbox.queue().waiting();
        waiting.map(|item| (item.number, item.event.id.as_str(), item.transition)).collect()
    }

    #[test]
    fn what_was_decided_is_there_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = path(directory.path(), "pager");
        let mut outbox = Outbox::open(&path, Limits::default()).unwrap();
        for id in ["a", "b", "c"] {
            tell(&mut outbox, 0, Transition::Firing, &event(id));
        }
        let taken = outbox.queue_mut().delivered(1, Labels::new(), 0);
        outbox.take(&[taken]);
        tell(&mut outbox, 5, Transition::Resolved, &event("a"));
        let before: Vec<_> = outbox.queue().snapshot();
        drop(outbox);
        let outbox = Outbox::open(&path, Limits::default()).unwrap();
        assert_eq!(outbox.queue().snapshot(), before);
        assert_eq!(
            waiting(&outbox),
            [
                (2, "b", Transition::Firing),
                (3, "c", Transition::Firing),
                (4, "a", Transition::Resolved)
            ]
        );
    }

    #[test]
    fn a_torn_end_takes_nothing_else_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = path(directory.path(), "pager");
        let mut outbox = Outbox::open(&path, Limits::default()).unwrap();
        tell(&mut outbox, 0, Transition::Firing, &event("a"));
        tell(&mut outbox, 0, Transition::Firing, &event("b"));
        drop(outbox);
        let octets = fs::read(&path).unwrap();
        fs::write(&path, &octets[..octets.len() - 10]).unwrap();
        let mut outbox = Outbox::open(&path, Limits::default()).unwrap();
        assert_eq!(outbox.damaged(), 1);
        assert_eq!(waiting(&outbox), [(1, "a", Transition::Firing)]);
        tell(&mut outbox, 0, Transition::Firing, &event("b"));
        drop(outbox);
        let outbox = Outbox::open(&path, Limits::default()).unwrap();
        assert_eq!((outbox.damaged(), outbox.queue().waiting().len()), (0, 2));
    }

    #[test]
    fn a_file_does_not_grow_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let path = path(directory.path(), "pager");
        let mut outbox = Outbox::open(&path, Limits::default()).unwrap();
        let large = Event { subject: "x".repeat(100_000), ..event("a") };
        for now in 0..200 {
            tell(&mut outbox, now, Transition::Firing, &large);
        }
        assert!(fs::metadata(&path).unwrap().len() < 4 << 20);
        assert_eq!(waiting(&outbox), [(1, "a", Transition::Firing)]);
    }

    #[test]
    fn a_disk_that_does_not_take_it_stops_no_alert() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let path = path(&inner, "pager");
        let mut outbox = Outbox::open(&path, Limits::default()).unwrap();
        outbox.behind = true; // as after a write that failed
        fs::rename(&inner, directory.path().join("away")).unwrap();
        tell(&mut outbox, 0, Transition::Firing, &event("a"));
        assert_eq!((outbox.failed_writes(), outbox.queue().waiting().len()), (1, 1));
        fs::rename(directory.path().join("away"), &inner).unwrap();
        tell(&mut outbox, 0, Transition::Firing, &event("b"));
        assert_eq!(outbox.failed_writes(), 1);
        drop(outbox);
        assert_eq!(Outbox::open(&path, Limits::default()).unwrap().queue().waiting().len(), 2);
    }

    #[test]
    fn one_process_works_in_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let held = hold(directory.path()).unwrap();
        assert!(matches!(hold(directory.path()), Err(OutboxError::Held { .. })));
        drop(held);
        hold(directory.path()).unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever lies in the file, it is read, and nothing is there that was not written.
        #[test]
        fn any_file_is_read(octets in proptest::collection::vec(any::<u8>(), 0..500), at in 0_usize..2_000) {
            let directory = tempfile::tempdir().unwrap();
            let path = path(directory.path(), "pager");
            let mut outbox = Outbox::open(&path, Limits::default()).unwrap();
            tell(&mut outbox, 0, Transition::Firing, &event("a"));
            tell(&mut outbox, 0, Transition::Firing, &event("b"));
            drop(outbox);
            let mut file = fs::read(&path).unwrap();
            let at = at.min(file.len());
            file.splice(at..at, octets);
            fs::write(&path, file).unwrap();
            let outbox = Outbox::open(&path, Limits::default()).unwrap();
            prop_assert!(outbox.queue().waiting().all(|item| item.event == event(&item.event.id)));
        }
    }
}
