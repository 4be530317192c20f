//! How well each link was watched.

use clickhouse::Row;
use etiage_aggregator::INTERVAL_SECS;
use serde::Deserialize;

use super::{Filter, Span, TimeRange};
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
    /// Packets received.
    pub packets: u64,
    /// Octets received.
    pub octets: u64,
    /// Flows active at the end of the last interval.
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
        let span = Span::new(range, INTERVAL_SECS)?;
        let filter = Filter::default();
        let sql = format!(
            "SELECT toString(link) AS link, toUnixTimestamp(max(time)) AS last_interval, \
             count() AS intervals, sum(p) AS packets, sum(o) AS octets, \
             argMax(a, time) AS active_flows, sum(d) AS dropped_kernel, sum(l) AS late, \
             sum(t) AS table_full FROM \
             (SELECT time, link, sum(packets) AS p, sum(octets) AS o, sum(active_flows) AS a, \
             sum(dropped_kernel) AS d, sum(late) AS l, sum(table_full) AS t \
             FROM observations_10s WHERE {} GROUP BY time, link) \
             GROUP BY link ORDER BY link LIMIT 10000",
            filter.condition(),
        );
        let sql = filter.bind(self.client.query(&sql), &span);
        self.fetch("sum up observations", sql).await
    }
}
