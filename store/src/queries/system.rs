//! How the system itself is doing: probes, what was lost when, tables on disk.

use clickhouse::Row;
use serde::Deserialize;

use super::plan::between;
use super::{BUCKET, Filter, Span, Statement, TimeRange};
use crate::schema::Family;
use crate::{Error, Store, Tier};

/// What a probe reported over a range.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct ProbeReport {
    /// The probe's name.
    pub name: String,
    /// Start of its last interval, in seconds since the Unix epoch.
    pub last_interval: u32,
    /// Packets received.
    pub packets: u64,
    /// Octets received.
    pub octets: u64,
    /// Packets dropped before they were seen.
    pub dropped_kernel: u64,
    /// Packets that came too late for their own interval.
    pub late: u64,
    /// Packets whose flow the full table did not take.
    pub table_full: u64,
    /// Flows that were not probed, for want of time or memory.
    pub unprobed_flows: u64,
    /// Packets that others stood for.
    pub sampled_packets: u64,
}

/// What was received and lost in a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct LossPoint {
    /// Start of the bucket, in seconds since the Unix epoch.
    pub bucket: u32,
    /// Packets received.
    pub packets: u64,
    /// Packets dropped before they were seen.
    pub dropped_kernel: u64,
    /// Packets that came too late for their own interval.
    pub late: u64,
    /// Packets whose flow the full table did not take.
    pub table_full: u64,
    /// Flows that were not probed.
    pub unprobed_flows: u64,
    /// Packets that others stood for.
    pub sampled_packets: u64,
}

/// What was received and lost over time; buckets that were not watched have no point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Losses {
    /// What was looked at.
    pub range: TimeRange,
    /// Length of a bucket.
    pub step_secs: u32,
    /// In the order of time.
    pub points: Vec<LossPoint>,
}

/// A table on disk.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct TableSize {
    /// Its name.
    pub name: String,
    /// Its rows, before pending merges add rows of the same key up.
    pub rows: u64,
    /// Octets on disk, compressed.
    pub octets: u64,
    /// Start of its oldest interval in seconds since the Unix epoch; 0 where it has no time.
    pub oldest: u32,
    /// Start of its newest interval; 0 where it has no time.
    pub newest: u32,
}

const SUMS: &str = "sum(r.packets) AS packets, sum(r.dropped_kernel) AS dropped_kernel, \
                    sum(r.late) AS late, sum(r.table_full) AS table_full, \
                    sum(r.unprobed_flows) AS unprobed_flows, sum(r.sampled_packets) AS sampled_packets";

impl Store {
    /// What each probe reported, by name; at most 1000 of them.
    ///
    /// # Errors
    /// [`Error::BadQuery`], [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn probes(&self, range: TimeRange) -> Result<Vec<ProbeReport>, Error> {
        let plan = self.plan_table(Family::Observations, range).await?;
        let sql = format!(
            "SELECT toString(r.probe) AS name, toUnixTimestamp(max(r.time)) AS last_interval, \
             sum(r.packets) AS packets, sum(r.octets) AS octets, \
             sum(r.dropped_kernel) AS dropped_kernel, sum(r.late) AS late, \
             sum(r.table_full) AS table_full, sum(r.unprobed_flows) AS unprobed_flows, \
             sum(r.sampled_packets) AS sampled_packets FROM {} AS r WHERE {} \
             GROUP BY name ORDER BY name LIMIT 1000",
            plan.table(),
            between(plan.span.from, plan.span.to).replace("time ", "r.time "),
        );
        self.ask("sum up what probes reported", Statement::new(sql)).await
    }

    /// What was received and lost over time.
    ///
    /// # Errors
    /// As [`Store::volumes`].
    pub async fn losses(&self, range: TimeRange, step: u32) -> Result<Losses, Error> {
        let family = Some(Family::Observations);
        let plan = self
            .plan_steps(family, (&[], &Filter::default()), (range, step), Span::of_series)
            .await?;
        let sql = format!(
            "SELECT {} AS bucket, {SUMS} FROM {} AS r WHERE {} GROUP BY bucket ORDER BY bucket",
            BUCKET.replace("(time)", "(r.time)"),
            plan.table(),
            plan.time().replace("time ", "r.time "),
        );
        let statement = Statement::new(sql).with("step", plan.span.step);
        let points = self.ask("sum up what was lost", statement).await?;
        Ok(Losses { range: plan.span.range(), step_secs: plan.span.step, points })
    }

    /// The tables of this database, the largest first.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn tables(&self) -> Result<Vec<TableSize>, Error> {
        let statement = Statement::new(
            "SELECT p.table AS name, sum(p.rows) AS rows, sum(p.bytes_on_disk) AS octets, \
             toUnixTimestamp(min(p.min_time)) AS oldest, toUnixTimestamp(max(p.max_time)) AS newest \
             FROM system.parts AS p WHERE p.active AND p.database = {database:String} \
             GROUP BY name ORDER BY octets DESC, name LIMIT 1000",
        );
        let statement = statement.with("database", self.settings.database.clone());
        self.ask("list its tables", statement).await
    }

    /// The names of the probes that reported within a range.
    ///
    /// # Errors
    /// [`Error::BadQuery`], [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn probe_names(&self, range: TimeRange) -> Result<Vec<String>, Error> {
        #[derive(Row, Deserialize)]
        struct NameRow {
            name: String,
        }
        let span = Span::new(range, Tier::Hour.secs())?;
        let sql = format!(
            "SELECT DISTINCT toString(probe) AS name FROM {} WHERE {} ORDER BY name LIMIT 1000",
            Family::Observations.table(Tier::Hour),
            between(span.from, span.to),
        );
        let rows: Vec<NameRow> = self.ask("list probes", Statement::new(sql)).await?;
        Ok(rows.into_iter().map(|row| row.name).collect())
    }
}
