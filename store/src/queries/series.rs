//! One series that the detector knows, and how far the store has come.

use clickhouse::Row;
use etiage_detector::{Bin, Key};
use serde::Deserialize;

use super::plan::between;
use super::watch::OBSERVED;
use super::{Span, TimeRange};
use crate::schema::Family;
use crate::{Error, Store, Tier};

#[derive(Row, Deserialize)]
struct Sum {
    time: u32,
    octets: u64,
}

/// How many of some links were seen in an interval.
#[derive(Row, Deserialize)]
struct Seen {
    time: u32,
    links: u64,
}

/// Until when a link's intervals have come.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct Watermark {
    /// The link.
    pub link: String,
    /// The end of the last interval of 10 s; 0 where there is none.
    pub seconds: u32,
    /// The start of the last minute of which anything is there; 0 where there is none.
    pub minute: u32,
}

/// What is added up: everything, but for what is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesFilter {
    /// `in` or `out` only.
    pub direction: Option<String>,
    /// This link only.
    pub link: Option<String>,
    /// This category only.
    pub category: Option<String>,
    /// This service only; not together with a link or a category.
    pub service: Option<String>,
    /// This remote network only; not together with a service.
    pub asn: Option<u32>,
}

impl From<&Key> for SeriesFilter {
    fn from(key: &Key) -> Self {
        let direction = Some(key.direction().to_string());
        let mut filter =
            Self { direction, link: key.link().map(ToString::to_string), ..Self::default() };
        match key {
            Key::Link { .. } => {}
            Key::LinkCategory { category, .. } | Key::Category { category, .. } => {
                filter.category = Some(category.to_string());
            }
            Key::Service { service, .. } => filter.service = Some(service.to_string()),
            Key::Network { asn, .. } => filter.asn = Some(*asn),
        }
        filter
    }
}

impl SeriesFilter {
    fn family(&self) -> Family {
        match (&self.service, &self.asn) {
            (Some(_), _) => Family::Classes,
            (_, Some(_)) => Family::Networks,
            _ => Family::Links,
        }
    }

    /// Columns that are asked for, with their values.
    fn values(&self) -> impl Iterator<Item = (&'static str, String)> {
        let asn = self.asn.map(|asn| asn.to_string());
        [
            ("direction", self.direction.clone()),
            ("link", self.link.clone()),
            ("category", self.category.clone()),
            ("service", self.service.clone()),
            ("asn", asn),
        ]
        .into_iter()
        .filter_map(|(column, value)| Some((column, value?)))
    }
}

impl Store {
    /// A series, interval by interval. One in which its link was not seen holds nothing; of a sum over
    /// these links, one in which fewer were seen than in any before.
    ///
    /// # Errors
    /// [`Error::BadQuery`], [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn series(
        &self,
        tier: Tier,
        range: TimeRange,
        filter: &SeriesFilter,
        links: &[String],
    ) -> Result<Vec<Bin>, Error> {
        let span = Span::new(range, tier.secs())?;
        let mut query = self.client.query(&self.series_sql(tier, span, filter));
        for (name, value) in filter.values() {
            query = query.param(name, value);
        }
        let sums: Vec<Sum> = self.fetch("read a series", query).await?;
        let links = filter.link.as_ref().map_or(links, std::slice::from_ref);
        let query = self.client.query(&seen_sql(tier, span)).param("links", links);
        let seen: Vec<Seen> = self.fetch("read how links were watched", query).await?;
        let mut sums = sums.into_iter().peekable();
        let mut seen = seen.into_iter().peekable();
        let mut most = 1;
        let bins = span.buckets().map(|time| {
            let observed = seen.next_if(|seen| seen.time == time).map_or(0, |seen| seen.links);
            most = most.max(observed);
            let sum = sums.next_if(|sum| sum.time == time).map_or(0, |sum| sum.octets);
            let octets = (observed >= most).then_some(sum as f64);
            Bin { start: time.into(), secs: span.step.into(), octets }
        });
        Ok(bins.collect())
    }

    /// The statement behind [`Store::series`], its parameters named in it.
    ///
    /// # Errors
    /// [`Error::BadQuery`].
    pub fn series_statement(
        &self,
        tier: Tier,
        range: TimeRange,
        filter: &SeriesFilter,
    ) -> Result<String, Error> {
        Ok(self.series_sql(tier, Span::new(range, tier.secs())?, filter))
    }

    fn series_sql(&self, tier: Tier, span: Span, filter: &SeriesFilter) -> String {
        let family = filter.family();
        // Networks have no bins of five minutes: they are added up from minutes.
        let finer = match (family, tier) {
            (Family::Networks, Tier::FiveMinutes) => Tier::Minute,
            _ => family.at_least(tier),
        };
        let conditions = filter.values().map(|(column, _)| match column {
            "asn" => " AND asn = {asn:UInt32}".to_owned(),
            column => format!(" AND {column} = {{{column}:String}}"),
        });
        // Inside, the interval has a name that no column has.
        format!(
            "SELECT start AS time, octets FROM (\
             SELECT toUInt32(intDiv(toUnixTimestamp(rows.time), {step}) * {step}) AS start, \
             sum(rows.octets) AS octets FROM {} AS rows WHERE {}{} GROUP BY start) ORDER BY start",
            family.table(finer),
            between(span.from, span.to).replace("time ", "rows.time "),
            conditions.collect::<String>(),
            step = span.step,
        )
    }

    /// Until when each link's intervals have come, of those since a moment.
    ///
    /// # Errors
    /// As [`Store::series`].
    pub async fn progress(&self, since: u32) -> Result<Vec<Watermark>, Error> {
        let last = |tier: Tier, seconds: &str, minute: &str| {
            format!(
                "SELECT toString(link) AS link, toUInt32({seconds}) AS s, toUInt32({minute}) AS m \
                 FROM {} AS rows WHERE rows.time >= toDateTime({since}, 'UTC') GROUP BY link",
                Family::Observations.table(tier)
            )
        };
        let sql = format!(
            "SELECT link, max(s) AS seconds, max(m) AS minute FROM ({} UNION ALL {}) \
             GROUP BY link ORDER BY link LIMIT 10000",
            last(Tier::TenSeconds, "toUnixTimestamp(max(rows.time)) + 10", "0"),
            last(Tier::Minute, "0", "toUnixTimestamp(max(rows.time))"),
        );
        self.fetch("ask how far the store has come", self.client.query(&sql)).await
    }
}

/// How many links were seen in each interval, with their own loss.
fn seen_sql(tier: Tier, span: Span) -> String {
    format!(
        "SELECT start AS time, toUInt64(countIf(observed)) AS links FROM (\
         SELECT toUnixTimestamp(rows.time) AS start, rows.link AS name, \
         {OBSERVED} AS observed FROM {} AS rows WHERE {} AND rows.link IN {{links:Array(String)}} \
         GROUP BY start, name) GROUP BY start ORDER BY start",
        Family::Observations.table(tier),
        between(span.from, span.to).replace("time ", "rows.time "),
    )
}
