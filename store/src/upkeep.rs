//! Keeping the database within its largest size: the oldest records of single flows go first, then the oldest
//! rows of the finest tier.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clickhouse::Row;
use serde::Deserialize;

use crate::schema::{Family, Single};
use crate::{Error, Store, Tier};

/// How often the size is looked at. Traffic adds megabytes in that time, disks have gigabytes.
const PERIOD: Duration = Duration::from_secs(300);

/// What was dropped because the database was too large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Spans of time of one tier.
    pub partitions: u64,
    /// Rows in them, over all tables.
    pub rows: u64,
    /// What they took on disk.
    pub bytes: u64,
}

/// The same, since the store was opened.
#[derive(Debug, Default)]
pub(crate) struct DroppedSoFar {
    partitions: AtomicU64,
    rows: AtomicU64,
    bytes: AtomicU64,
}

impl DroppedSoFar {
    fn add(&self, dropped: Dropped) {
        self.partitions.fetch_add(dropped.partitions, Ordering::Relaxed);
        self.rows.fetch_add(dropped.rows, Ordering::Relaxed);
        self.bytes.fetch_add(dropped.bytes, Ordering::Relaxed);
    }

    fn sum(&self) -> Dropped {
        Dropped {
            partitions: self.partitions.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

/// A table's rows of one span of time.
#[derive(Clone, Debug, Row, Deserialize)]
struct Partition {
    table: String,
    id: String,
    /// Start, in seconds since the Unix epoch.
    oldest: u32,
    /// Its newest interval.
    newest: u32,
    rows: u64,
    bytes: u64,
}

impl Store {
    /// What was dropped since the store was opened, for being more than `max_size`.
    pub fn dropped(&self) -> Dropped {
        self.dropped.sum()
    }

    /// Drops partitions, the oldest of the finest tier first, until the database is no larger than its
    /// `max_size`. The newest partition of each tier stays, however large.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn enforce_max_size(&self) -> Result<Dropped, Error> {
        let Some(max) = self.settings.max_size else { return Ok(Dropped::default()) };
        let query = self
            .client
            .query(
                "SELECT table, partition_id AS id, toUnixTimestamp(min(min_time)) AS oldest, \
                 toUnixTimestamp(max(max_time)) AS newest, sum(parts.rows) AS rows, \
                 sum(bytes_on_disk) AS bytes FROM system.parts AS parts \
                 WHERE active AND database = {database:String} GROUP BY table, id",
            )
            .param("database", &self.settings.database);
        let partitions: Vec<Partition> = self.fetch("tell its partitions", query).await?;
        let mut sum = Dropped::default();
        for (tier, id, tables) in choose(&partitions, max) {
            let mut dropped = Dropped { partitions: 1, ..Dropped::default() };
            for partition in tables {
                let days = [partition.oldest, partition.newest].map(|at| (at / 86_400) as u16);
                self.forget_days(&partition.table, (days[0], days[1]), "max_size").await?;
                // Both are the database's own words, and tables' names are ours.
                let sql = format!("ALTER TABLE {} DROP PARTITION ID '{id}'", partition.table);
                let done = self.writing.query_raw(&sql).execute().await;
                done.map_err(|source| self.error("drop old rows", source))?;
                dropped.rows += partition.rows;
                dropped.bytes += partition.bytes;
            }
            tracing::warn!(
                tier,
                partition = id,
                rows = dropped.rows,
                bytes = dropped.bytes,
                "the database is larger than max_size: the oldest rows of its finest tier are dropped"
            );
            self.dropped.add(dropped);
            sum.partitions += 1;
            sum.rows += dropped.rows;
            sum.bytes += dropped.bytes;
        }
        Ok(sum)
    }

    /// Calls [`Store::enforce_max_size`] now and again, for ever; ends at once where no size is set.
    pub async fn keep_within_max_size(self) {
        while self.settings.max_size.is_some() {
            if let Err(error) = self.enforce_max_size().await {
                tracing::warn!("the database's size cannot be kept: {error}");
            }
            tokio::time::sleep(PERIOD).await;
        }
    }
}

/// What to drop: the tier's name, or that of the table of flow records; partition and its tables.
fn choose(partitions: &[Partition], max: u64) -> Vec<(&'static str, &str, Vec<&Partition>)> {
    let mut size: u64 = partitions.iter().map(|partition| partition.bytes).sum();
    let mut chosen = Vec::new();
    let records = Single::FlowRecords.name();
    let tables_of = |tier: Tier| {
        let tables = Family::ALL.into_iter().map(|family| family.table(tier));
        (tier.name(), tables.collect::<BTreeSet<String>>())
    };
    let records = (records, BTreeSet::from([records.to_owned()]));
    for (tier, tables) in [records].into_iter().chain(Tier::ALL.map(tables_of)) {
        // The families of a tier have the same partitions: they go together.
        let mut by_id: BTreeMap<&str, Vec<&Partition>> = BTreeMap::new();
        for partition in partitions.iter().filter(|partition| tables.contains(&partition.table)) {
            by_id.entry(&partition.id).or_default().push(partition);
        }
        let oldest = |tables: &[&Partition]| tables.iter().map(|table| table.oldest).min();
        let mut by_age: Vec<_> = by_id.into_iter().collect();
        by_age.sort_by_key(|(_, tables)| oldest(tables));
        by_age.pop();
        for (id, tables) in by_age {
            if size <= max {
                return chosen;
            }
            size -= tables.iter().map(|table| table.bytes).sum::<u64>();
            chosen.push((tier, id, tables));
        }
    }
    if size > max {
        tracing::warn!(size, max, "the newest rows alone are more than max_size");
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(table: &str, id: &str, oldest: u32, bytes: u64) -> Partition {
        let (table, id) = (table.to_owned(), id.to_owned());
        Partition { table, id, oldest, newest: oldest, rows: 1, bytes }
    }

    #[test]
    fn the_oldest_of_the_finest_goes_first() {
        let partitions = [
            partition("volumes_10s", "3", 300, 10),
            partition("volumes_10s", "1", 100, 10),
            partition("links_10s", "1", 100, 5),
            partition("volumes_10s", "2", 200, 10),
            partition("volumes_1h", "1", 100, 20),
            partition("volumes_1h", "2", 400, 20),
            partition("schema_migrations", "all", 0, 1),
            partition("flow_records", "20261121", 500, 3),
            partition("flow_records", "20261120", 400, 4),
        ];
        let names = |max| -> Vec<String> {
            choose(&partitions, max)
                .into_iter()
                .map(|(tier, id, tables)| format!("{tier}/{id}x{}", tables.len()))
                .collect()
        };
        let first = "flow_records/20261120x1";
        assert!(names(83).is_empty());
        assert_eq!(names(82), [first], "records of flows before all else");
        assert_eq!(names(78), [first, "10s/1x2"]);
        assert_eq!(names(64), [first, "10s/1x2"]);
        assert_eq!(names(63), [first, "10s/1x2", "10s/2x1"]);
        assert_eq!(names(53), [first, "10s/1x2", "10s/2x1", "1h/1x1"]);
        assert_eq!(names(0), [first, "10s/1x2", "10s/2x1", "1h/1x1"], "the newest stay");
    }
}
