//! Names of parts: `PARTITION_FIRST_LAST_LEVEL`, and the mutation's number behind it if there was one.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// Which blocks a part holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    partition: &'a str,
    first: u64,
    last: u64,
    level: u64,
    mutation: u64,
}

impl<'a> Part<'a> {
    /// `None` for what is no part's name: temporary directories, `detached`, logs.
    pub(crate) fn parse(name: &'a str) -> Option<Self> {
        let mut words = name.split('_');
        let partition = words.next()?;
        // Partitions' ids are numbers, hashes or `all`; `tmp`, `delete` and the like have more words.
        let known = !partition.is_empty()
            && partition.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let mut number = || words.next().map(str::parse::<u64>).transpose().ok();
        let (first, last, level) = (number()??, number()??, number()??);
        let mutation = number()?.unwrap_or(0);
        (known && words.next().is_none()).then_some(Self {
            partition,
            first,
            last,
            level,
            mutation,
        })
    }

    /// Whether all rows of another part are in this one.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self != other
            && self.partition == other.partition
            && self.first <= other.first
            && other.last <= self.last
            && other.level <= self.level
            && other.mutation <= self.mutation
    }
}

/// Whether one of these parts covers another.
pub(crate) fn is_covered(name: &str, by: &BTreeSet<String>) -> bool {
    let Some(part) = Part::parse(name) else { return false };
    by.iter().filter_map(|other| Part::parse(other)).any(|other| other.covers(&part))
}

/// The parts in a table's directory.
pub(crate) fn list(table: &Path) -> io::Result<BTreeSet<String>> {
    let mut parts = BTreeSet::new();
    for entry in fs::read_dir(table)? {
        let name = entry?.file_name();
        if let Some(name) = name.to_str().filter(|name| Part::parse(name).is_some()) {
            parts.insert(name.to_owned());
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["all_1_1_0", "20261121_3_19_2", "all_1_1_0_7", "9fe3_0_0_0"] {
            assert!(Part::parse(name).is_some(), "{name}");
        }
        for name in [
            "detached",
            "tmp_insert_all_1_1_0",
            "delete_tmp_all_1_1_0",
            "deduplication_logs",
            "all_1_1",
            "all_1_1_0_7_8",
            "_1_1_0",
            "format_version.txt",
            "all_x_1_0",
        ] {
            assert!(Part::parse(name).is_none(), "{name}");
        }
    }

    #[test]
    fn merged_parts_cover_their_sources() {
        let covers = |one, other| Part::parse(one).unwrap().covers(&Part::parse(other).unwrap());
        assert!(covers("all_1_11_2", "all_1_6_1") && covers("all_1_11_2", "all_11_11_0"));
        assert!(covers("all_1_1_0_5", "all_1_1_0") && covers("all_1_1_1", "all_1_1_0"));
        for (one, other) in [
            ("all_1_11_2", "all_12_12_0"),
            ("a_1_9_2", "b_3_3_0"),
            ("all_1_1_0", "all_1_1_0"),
            ("all_1_6_1", "all_1_11_2"),
        ] {
            assert!(!covers(one, other), "{one} {other}");
        }
    }
}
