//! The mark's file: which parts are on the disk for certain, and how far each spool had come then.
//!
//! Text, a line a fact, with a checksum at its end. It is replaced in one step and forced to disk, so that a
//! power cut leaves the old one or the new one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// The file's name in the data directory.
pub(crate) const FILE: &str = "etiage.mark";
const FIRST_LINE: &str = "etiage mark 1";

/// First and last record of the group that a spool sent last: all before the first is in the tables, and of
/// the group itself, the deduplication logs know which tables have it.
pub(crate) type Sent = (u64, u64);

/// A table's directory, relative to the data directory, and what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// Active parts.
    pub(crate) parts: BTreeSet<String>,
    /// Files of the deduplication log and how long they are. They are only ever appended to.
    pub(crate) logs: BTreeMap<String, u64>,
}

/// What was on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Another one after each rollback.
    pub(crate) epoch: u64,
    /// By the spool's id.
    pub(crate) spools: BTreeMap<u128, Sent>,
    /// By directory.
    pub(crate) tables: BTreeMap<String, Table>,
}

impl Mark {
    /// Reads the file: `None` if there is none, an error if it is damaged.
    pub(crate) fn read(directory: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(directory.join(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Self::parse(&text).map(Some).ok_or_else(|| io::Error::other("it is damaged"))
    }

    fn parse(text: &str) -> Option<Self> {
        let (body, checksum) = text.trim_end().rsplit_once("\ncheck\t")?;
        if u32::from_str_radix(checksum, 16).ok()? != crc32fast::hash(body.as_bytes()) {
            return None;
        }
        let mut lines = body.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let mut mark = Self::default();
        let mut table = None;
        for line in lines {
            let mut words = line.split('\t');
            match (words.next()?, words.next()?) {
                ("epoch", epoch) => mark.epoch = epoch.parse().ok()?,
                ("spool", id) => {
                    let id = u128::from_str_radix(id, 16).ok()?;
                    let sent = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
                    mark.spools.insert(id, sent);
                }
                ("table", directory) => {
                    table = Some(mark.tables.entry(directory.to_owned()).or_default());
                }
                ("log", name) => {
                    table.as_mut()?.logs.insert(name.to_owned(), words.next()?.parse().ok()?);
                }
                ("part", name) => {
                    table.as_mut()?.parts.insert(name.to_owned());
                }
                _ => return None,
            }
        }
        Some(mark)
    }

    fn text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\nepoch\t{}", self.epoch);
        // Writing to a string cannot fail.
        for (id, (first, last)) in &self.spools {
            let _ = write!(text, "\nspool\t{id:032x}\t{first}\t{last}");
        }
        for (directory, table) in &self.tables {
            let _ = write!(text, "\ntable\t{directory}");
            for (name, length) in &table.logs {
                let _ = write!(text, "\nlog\t{name}\t{length}");
            }
            for name in &table.parts {
                let _ = write!(text, "\npart\t{name}");
            }
        }
        let checksum = crc32fast::hash(text.as_bytes());
        let _ = writeln!(text, "\ncheck\t{checksum:08x}");
        text
    }

    /// Replaces the file; on the disk when this returns.
    pub(crate) fn write(&self, directory: &Path) -> io::Result<()> {
        write_whole(directory, FILE, &self.text())
    }
}

/// A file that is there as a whole or not at all, on disk when this returns.
pub(crate) fn write_whole(directory: &Path, name: &str, text: &str) -> io::Result<()> {
    let beside = directory.join(format!("{name}.new"));
    let mut file = File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, directory.join(name))?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Mark::read(folder.path()).unwrap(), None);
        let table = Table {
            parts: ["all_1_1_0".to_owned(), "20261121_3_9_2".to_owned()].into(),
            logs: [("deduplication_log_1.txt".to_owned(), 77)].into(),
        };
        let mark = Mark {
            epoch: u64::MAX,
            spools: [(u128::MAX, (3, 9)), (1, (1, 1))].into(),
            tables: [("store/a/b".to_owned(), table), ("store/c/d".to_owned(), Table::default())]
                .into(),
        };
        mark.write(folder.path()).unwrap();
        assert_eq!(Mark::read(folder.path()).unwrap(), Some(mark));
        let path = folder.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        for place in 0..whole.len() - 1 {
            let mut octets = whole.clone();
            octets[place] ^= 1;
            fs::write(&path, &octets).unwrap();
            assert!(Mark::read(folder.path()).is_err(), "octet {place}");
            fs::write(&path, &whole[..place]).unwrap();
            assert!(Mark::read(folder.path()).is_err(), "cut at {place}");
        }
    }
}
