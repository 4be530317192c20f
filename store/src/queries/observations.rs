//! How well each link was watched.

use clickhouse::Row;
use serde::Deserialize;

use super::TimeRange;
use crate::schema::Family;
use crate::{Error, Store};

/// One link over a range, as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct LinkObservation {
    /// The link's name.
    pub link: String,
    /// Start of the last interval in which it was watched, in seconds since the Unix epoch.
    pub last_interval: u32,
    /// Intervals in which it was watched.
    pub intervals: u64,
    /// Length of those intervals in seconds: that of the tier that answered.
    pub interval_secs: u32,
    /// Packets received.
    pub packets: u64,
    /// Octets received.
    pub octets: u64,
    /// Flows active at the end of the last interval; where it is longer than 10 s, their mean in it.
    pub active_flows: u64,
    /// Packets dropped before they were seen.
    pub dropped_kernel: u64,
    /// Packets that came too late for their own interval.
    pub late: u64,
    /// Packets whose flow the full table did not take.
    pub table_full: u64,
}

impl Store {
    /// How well each link was watched, by name. Links that were not watched at all are absent.
    ///
    /// # Errors
    /// [`Error::BadQuery`], [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn observations(&self, range: TimeRange) -> Result<Vec<LinkObservation>, Error> {
        let plan = self.plan_table(Family::Observations, range).await?;
        let step = plan.tier.secs();
        let sql = format!(
            "SELECT toString(link) AS link, toUnixTimestamp(max(time)) AS last_interval, \
             count() AS intervals, toUInt32({step}) AS interval_secs, sum(p) AS packets, \
             sum(o) AS octets, argMax(a, time) AS active_flows, sum(d) AS dropped_kernel, \
             sum(l) AS late, sum(t) AS table_full FROM \
             (SELECT time, link, sum(packets) AS p, sum(octets) AS o, \
             intDiv(sum(active_flows), {tens}) AS a, \
             sum(dropped_kernel) AS d, sum(late) AS l, sum(table_full) AS t \
             FROM {table} WHERE {time} GROUP BY time, link) \
             GROUP BY link ORDER BY link LIMIT 10000",
            tens = step / 10,
            table = plan.table(),
            time = plan.time(),
        );
        let sql = self.client.query(&sql);
        self.fetch("sum up observations", sql).await
    }
}
