//! A link's exact 5-minute bins: what percentiles and bills are computed from.

use clickhouse::Row;
use serde::Deserialize;

use super::plan::between;
use super::{Span, TimeRange};
use crate::schema::Family;
use crate::{Error, Store, Tier};

/// Most bins of an answer: 5 years.
const MAX_BINS: u32 = 5 * 366 * 288;

/// Five watched minutes of a link. What was not watched has no bin; what was watched and silent has one of 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct LinkBin {
    /// Its first second since the Unix epoch.
    pub start: u32,
    /// Octets towards our network.
    pub octets_in: u64,
    /// Octets out of our network.
    pub octets_out: u64,
}

impl Store {
    /// A link's 5-minute bins in the order of time, over all probes. Where history was never that fine, or
    /// is not kept that fine any more, there are none.
    ///
    /// # Errors
    /// [`Error::BadQuery`] for more than 5 years; [`Error::TooSlow`], [`Error::Unreachable`],
    /// [`Error::Denied`] or [`Error::Query`].
    pub async fn link_bins(&self, link: &str, range: TimeRange) -> Result<Vec<LinkBin>, Error> {
        let span = Span::new(range, Tier::FiveMinutes.secs())?;
        if (span.to - span.from) / span.step > MAX_BINS {
            return Err(Error::BadQuery(
                "bins of more than 5 years: use a shorter range".to_owned(),
            ));
        }
        let time = between(span.from, span.to);
        let sql = format!(
            "SELECT toUnixTimestamp(time) AS start, sum(i) AS octets_in, sum(o) AS octets_out FROM \
             (SELECT time, toUInt64(0) AS i, toUInt64(0) AS o FROM {observations} \
             WHERE {time} AND link = {{link:String}} \
             UNION ALL \
             SELECT time, if(direction = 'in', octets, 0) AS i, if(direction = 'out', octets, 0) AS o \
             FROM {loads} WHERE {time} AND link = {{link:String}}) \
             GROUP BY time ORDER BY time",
            observations = Family::Observations.table(Tier::FiveMinutes),
            loads = Family::Loads.table(Tier::FiveMinutes),
        );
        self.fetch("read a link's bins", self.client.query(&sql).param("link", link)).await
    }
}
