//! What of the acknowledged rows is on the disk for certain.
//!
//! The embedded engine takes durable marks (`store/embedded/src/durable`), and answers two statements
//! that are no ClickHouse's. A server is asked for its settings instead: whether it forces what it
//! acknowledges to disk is its operator's choice.

use std::collections::BTreeMap;
use std::time::Duration;

use clickhouse::Row;
use serde::Deserialize;

use crate::{Error, Store};

/// The setting with which an insert says which rollback its sender knows of.
pub(crate) const EPOCH: &str = "etiage_epoch";
/// What the engine answers to an insert that does not know of the last one.
const OTHER_EPOCH: &str = "(ETIAGE_EPOCH)";
/// Longest that a mark may take: a slow disk with much to write.
const PATIENCE: Duration = Duration::from_secs(100);
/// ClickHouse's own default: merged parts must outlive the kernel's time to write their result.
const OLD_PARTS_SECS: u64 = 480;

/// The engine's last durable mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marked {
    /// Another one after each time that the data was taken back to a mark.
    pub(crate) epoch: u64,
    /// Seconds since it was taken.
    pub(crate) age: u64,
    /// Why there is no newer one.
    pub(crate) failure: Option<String>,
    /// By spool: the group that was sent last before it. All before that group is durable.
    pub(crate) spools: BTreeMap<u128, (u64, u64)>,
}

impl Marked {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut words = lines.next()?.split('\t');
        let (epoch, age) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let failure = words.nth(1).filter(|text| !text.is_empty()).map(str::to_owned);
        let mut spools = BTreeMap::new();
        for line in lines {
            let mut words = line.split('\t');
            let id = u128::from_str_radix(words.next()?, 16).ok()?;
            spools.insert(id, (words.next()?.parse().ok()?, words.next()?.parse().ok()?));
        }
        Some(Self { epoch, age, failure, spools })
    }
}

impl Error {
    /// Whether the embedded engine was taken back to a mark that whoever inserts does not know of.
    pub(crate) fn is_other_epoch(&self) -> bool {
        matches!(
            self,
            Self::Query { source: clickhouse::error::Error::BadResponse(text), .. }
                if text.contains(OTHER_EPOCH)
        )
    }
}

#[derive(Row, Deserialize)]
struct TableSettings {
    name: String,
    value: String,
}

impl Store {
    /// The embedded engine's last durable mark, or a new one; `None` for a server, which has none.
    pub(crate) async fn marked(&self, take: bool) -> Result<Option<Marked>, Error> {
        if self.settings.engine.is_none() {
            return Ok(None);
        }
        let sql = if take { "SYSTEM DURABLE MARK" } else { "SYSTEM DURABLE STATE" };
        let what = "force its data to disk";
        let answer = async {
            let mut cursor = self.writing.query(sql).fetch_bytes("TabSeparated")?;
            cursor.collect().await
        };
        let answer = tokio::time::timeout(PATIENCE, answer)
            .await
            .unwrap_or(Err(clickhouse::error::Error::TimedOut))
            .map_err(|source| self.error(what, source))?;
        let marked = Marked::parse(&String::from_utf8_lossy(&answer));
        marked.map(Some).ok_or_else(|| {
            let text = "its answer is no mark".to_owned();
            self.error(what, clickhouse::error::Error::BadResponse(text))
        })
    }

    /// Completes when the embedded engine has all that was inserted on disk. A server decides that itself.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn force_to_disk(&self) -> Result<(), Error> {
        self.marked(true).await.map(drop)
    }

    /// Which of a server's settings let it lose acknowledged rows with its power, in words; none for the embedded
    /// engine.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub(crate) async fn weak_settings(&self) -> Result<Vec<String>, Error> {
        if self.settings.engine.is_some() {
            return Ok(Vec::new());
        }
        let query = self.client.query(
            "SELECT name, value FROM system.merge_tree_settings WHERE name IN ('fsync_after_insert', \
             'fsync_part_directory', 'min_rows_to_fsync_after_merge', \
             'min_compressed_bytes_to_fsync_after_merge', 'old_parts_lifetime') ORDER BY name",
        );
        let settings: Vec<TableSettings> = self.fetch("tell its settings", query).await?;
        let value = |name: &str| {
            let found = settings.iter().find(|setting| setting.name == name);
            found.and_then(|setting| setting.value.parse::<u64>().ok()).unwrap_or(0)
        };
        let mut weak = Vec::new();
        for name in ["fsync_after_insert", "fsync_part_directory"] {
            if value(name) == 0 {
                weak.push(format!("{name} is 0: rows acknowledged last may be lost"));
            }
        }
        let merges = ["min_rows_to_fsync_after_merge", "min_compressed_bytes_to_fsync_after_merge"];
        let forced = merges.iter().any(|name| value(name) == 1);
        let (lifetime, name) = (value("old_parts_lifetime"), "old_parts_lifetime");
        if !forced && lifetime < OLD_PARTS_SECS {
            weak.push(format!(
                "{name} is {lifetime} and merges are not forced to disk: old rows may be lost with \
                 a merge that was not written out"
            ));
        }
        Ok(weak)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_answer() {
        let text = "7\t31\ttrue\tno room\n000000000000000000000000000000ff\t3\t9\n";
        let marked = Marked::parse(text).unwrap();
        assert_eq!((marked.epoch, marked.age), (7, 31));
        assert_eq!(marked.failure.as_deref(), Some("no room"));
        assert_eq!(marked.spools, [(255, (3, 9))].into());
        assert_eq!(Marked::parse("7\t0\tfalse\t\n").unwrap().failure, None);
        for text in ["", "x\t1", "7", "7\t0\tfalse\t\nxyz\t1\t2"] {
            assert_eq!(Marked::parse(text), None, "{text:?}");
        }
    }
}
