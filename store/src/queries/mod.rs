//! What can be asked. Columns come from enumerations, values as bound parameters.

mod bins;
mod events;
mod export;
mod flow_records;
mod heatmap;
mod observations;
mod paths;
mod plan;
mod round_trips;
mod series;
mod statement;
mod statistics;
mod system;
mod totals;
mod views;
mod volumes;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::str::FromStr;

use etiage_aggregator::{INTERVAL_SECS, OTHER_NETWORKS};
use time::OffsetDateTime;

pub use bins::LinkBin;
pub use events::{AlertLogRow, EventNote, EventQuery, EventRow, MAX_EVENTS};
pub(crate) use export::MAX_EXPORTS;
pub use export::{Export, ExportQuery, Format, UnknownFormat};
pub use flow_records::{FlowRecordQuery, FlowRecordRow, MAX_FLOW_RECORDS, NewFlowRecord};
pub use heatmap::{HOURS_OF_WEEK, Heatmap, HeatmapQuery, HourOfWeek};
pub use observations::LinkObservation;
pub use paths::{MAX_PATH_VALUES, PathQuery, Paths};
pub(crate) use plan::Lookups;
pub use round_trips::{RoundTripAnswer, RoundTripHistograms, RoundTripQuery};
pub use series::{SeriesFilter, Watermark};
pub(crate) use statement::Statement;
pub use statement::{Asked, Parameter, Trace};
pub use statistics::{Figures, Statistics, StatisticsQuery};
pub use system::{LossPoint, Losses, ProbeReport, TableSize};
pub use totals::{TotalsAnswer, TotalsQuery, TotalsRow};
pub use views::{MAX_VIEWS, SavedView};
pub use volumes::{Series, VolumeAnswer, VolumeQuery};
pub use watch::{CompareWindows, WatchList, Watched, WatchedLink, WatchedVolume};

use crate::Error;
use crate::filter::Expr;

/// Most points of a series.
pub const MAX_BUCKETS: u32 = 2000;
/// Most groups of an answer; further ones are summed as [`OTHER`].
pub const MAX_GROUPS: u32 = 200;
/// What stands for the groups beyond the top ones.
pub const OTHER: &str = "other";

/// A range of time, `to` not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// First moment.
    pub from: OffsetDateTime,
    /// First moment after.
    pub to: OffsetDateTime,
}

impl TimeRange {
    /// How many buckets of `step_secs` seconds, aligned to the epoch, the range touches.
    pub fn buckets(&self, step_secs: u32) -> u64 {
        let step = i64::from(step_secs.max(1));
        let first = self.from.unix_timestamp().div_euclid(step);
        let last = (self.after() - 1).div_euclid(step);
        u64::try_from(last - first + 1).unwrap_or(0)
    }

    /// The second after the last moment, as a part of a second counts too.
    fn after(&self) -> i64 {
        self.to.unix_timestamp() + i64::from(self.to.nanosecond() > 0)
    }
}

/// What volumes are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// The link's name.
    Link,
    /// `in` or `out`.
    Direction,
    /// What is spoken.
    Protocol,
    /// Whose it is.
    Service,
    /// What it is for.
    Category,
    /// The probe's name.
    Probe,
    /// The remote autonomous system's number; `0` where it is not known. Only with link, direction and
    /// category.
    Asn,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Link,
        Self::Direction,
        Self::Protocol,
        Self::Service,
        Self::Category,
        Self::Probe,
        Self::Asn,
    ];

    /// The word used everywhere; also the column's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Direction => "direction",
            Self::Protocol => "protocol",
            Self::Service => "service",
            Self::Category => "category",
            Self::Probe => "probe",
            Self::Asn => "asn",
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A word that names no dimension.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a dimension: use link, direction, protocol, service, category, probe or asn")]
pub struct UnknownDimension(pub String);

impl FromStr for Dimension {
    type Err = UnknownDimension;

    fn from_str(text: &str) -> Result<Self, UnknownDimension> {
        Self::ALL
            .into_iter()
            .find(|dimension| dimension.name() == text)
            .ok_or_else(|| UnknownDimension(text.to_owned()))
    }
}

/// What to count: of each dimension that is named, only these values; and what an expression says, where there
/// is one. Nothing named: everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    allowed: BTreeMap<Dimension, BTreeSet<String>>,
    expression: Option<Expr>,
}

impl Filter {
    /// Lets one more value of the dimension through.
    pub fn allow(&mut self, dimension: Dimension, value: impl Into<String>) {
        self.allowed.entry(dimension).or_default().insert(value.into());
    }

    /// [`Filter::allow`] for chaining.
    #[must_use]
    pub fn with(mut self, dimension: Dimension, value: impl Into<String>) -> Self {
        self.allow(dimension, value);
        self
    }

    /// Lets only through what the expression does, too. Networks must be numbers in it
    /// ([`Expr::resolve_networks`]).
    #[must_use]
    pub fn and(mut self, expression: Expr) -> Self {
        self.expression = Some(match self.expression {
            Some(own) => Expr::And(vec![own, expression]),
            None => expression,
        });
        self
    }

    /// The values let through, if the dimension is named.
    pub fn values(&self, dimension: Dimension) -> Option<impl Iterator<Item = &str>> {
        self.allowed.get(&dimension).map(|values| values.iter().map(String::as_str))
    }

    /// The part of the filter that a table with only some of the dimensions can apply.
    fn only(&self, dimensions: &[Dimension]) -> Self {
        let kept = self.allowed.iter().filter(|(dimension, _)| dimensions.contains(dimension));
        Self {
            allowed: kept.map(|(dimension, values)| (*dimension, values.clone())).collect(),
            expression: self.expression.as_ref().and_then(|expr| expr.only(dimensions)),
        }
    }

    /// The dimensions that are named.
    fn dimensions(&self) -> impl Iterator<Item = Dimension> {
        let expression = self.expression.as_ref().map(Expr::dimensions).unwrap_or_default();
        self.allowed.keys().copied().chain(expression)
    }

    /// What follows the condition on time, with a parameter for each dimension and comparison.
    fn condition(&self) -> Result<String, Error> {
        let mut sql = String::new();
        for dimension in self.allowed.keys() {
            let name = dimension.name();
            let kind = if *dimension == Dimension::Asn { "UInt32" } else { "String" };
            // Writing to a string cannot fail.
            let _ = write!(sql, " AND {name} IN {{only_{name}:Array({kind})}}");
        }
        if let Some(expression) = &self.expression {
            let _ = write!(sql, " AND ({})", expression.condition()?.sql);
        }
        Ok(sql)
    }

    /// Binds what [`Filter::condition`] names.
    fn bind(&self, mut statement: Statement) -> Result<Statement, Error> {
        for (dimension, values) in &self.allowed {
            let name = format!("only_{}", dimension.name());
            let values: Vec<String> = values.iter().cloned().collect();
            statement = match dimension {
                Dimension::Asn => statement.with(name, asn_numbers(&values)?),
                _ => statement.with(name, values),
            };
        }
        if let Some(expression) = &self.expression {
            for (name, parameter) in expression.condition()?.parameters {
                statement = statement.with(name, parameter);
            }
        }
        Ok(statement)
    }
}

/// Numbers of autonomous systems; [`OTHER`] is what was added up beyond the largest.
pub(crate) fn asn_numbers(values: &[String]) -> Result<Vec<u32>, Error> {
    let number = |value: &String| match value.as_str() {
        OTHER => Ok(OTHER_NETWORKS),
        value => value.parse().map_err(|_| {
            Error::BadQuery(format!("{value:?} is not an autonomous system's number"))
        }),
    };
    values.iter().map(number).collect()
}

/// One group's values, in the order of the query's `group_by`.
pub type Group = Vec<(Dimension, String)>;

/// Octets, packets and new flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Octets on the wire.
    pub octets: u64,
    /// Packets.
    pub packets: u64,
    /// Flows that began.
    pub flows: u64,
}

/// A range widened to whole buckets, in seconds since the epoch. Buckets are aligned to the epoch,
/// so that days are days in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: u32,
    to: u32,
    step: u32,
}

impl Span {
    fn new(range: TimeRange, step: u32) -> Result<Self, Error> {
        if step == 0 || !step.is_multiple_of(INTERVAL_SECS) {
            let text = format!("the step must be a multiple of {INTERVAL_SECS} s, not {step} s");
            return Err(Error::BadQuery(text));
        }
        if range.to <= range.from {
            return Err(Error::BadQuery("the range's end must be after its start".to_owned()));
        }
        let wide = i64::from(step);
        let from = range.from.unix_timestamp().div_euclid(wide) * wide;
        let after = range.after();
        let to = after.div_euclid(wide) * wide + if after.rem_euclid(wide) == 0 { 0 } else { wide };
        match (u32::try_from(from), u32::try_from(to)) {
            (Ok(from), Ok(to)) => Ok(Self { from, to, step }),
            _ => Err(Error::BadQuery("the range must lie between 1970 and 2106".to_owned())),
        }
    }

    /// The same, for a series with a point a bucket.
    fn of_series(range: TimeRange, step: u32) -> Result<Self, Error> {
        let span = Self::new(range, step)?;
        match range.buckets(step) {
            many if many <= u64::from(MAX_BUCKETS) => Ok(span),
            many => Err(Error::BadQuery(format!(
                "{many} points are more than {MAX_BUCKETS}: use a longer step or a shorter range"
            ))),
        }
    }

    fn buckets(self) -> impl Iterator<Item = u32> {
        (self.from..self.to).step_by(self.step as usize)
    }

    fn index(self, bucket: u32) -> Option<usize> {
        bucket.checked_sub(self.from).map(|offset| (offset / self.step) as usize)
    }

    fn range(self) -> TimeRange {
        // Any u32 is a valid time.
        let at = |seconds: u32| {
            OffsetDateTime::from_unix_timestamp(i64::from(seconds))
                .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        };
        TimeRange { from: at(self.from), to: at(self.to) }
    }
}

/// The start of the bucket a row belongs to.
const BUCKET: &str = "toUInt32(intDiv(toUnixTimestamp(time), {step:UInt32}) * {step:UInt32})";

/// How to group: by the columns themselves, which is fast, and made one array of strings afterwards.
struct Grouping {
    /// What to select of each row, with a comma where anything follows.
    columns: String,
    /// For GROUP BY.
    keys: String,
    /// The group's values as an array of strings.
    array: String,
    /// Whether the group is itself a sum of what is beyond the largest.
    rest: String,
}

impl Grouping {
    fn new(group_by: &[Dimension]) -> Result<Self, Error> {
        let distinct: BTreeSet<_> = group_by.iter().collect();
        if distinct.len() != group_by.len() {
            return Err(Error::BadQuery("a dimension is named twice in group_by".to_owned()));
        }
        if group_by.is_empty() {
            // A key that is always the same, so that there is no row where there is no data.
            let constant = "emptyArrayString()".to_owned();
            let (columns, rest) = (String::new(), "false".to_owned());
            return Ok(Self { columns, keys: constant.clone(), array: constant, rest });
        }
        let keys: Vec<_> = group_by.iter().map(|dimension| dimension.name()).collect();
        let string = |dimension: &Dimension| match dimension {
            Dimension::Asn => format!("if(asn = {OTHER_NETWORKS}, '{OTHER}', toString(asn))"),
            other => format!("toString({other})"),
        };
        let strings: Vec<_> = group_by.iter().map(string).collect();
        let rest = match group_by.contains(&Dimension::Asn) {
            true => format!("asn = {OTHER_NETWORKS}"),
            false => "false".to_owned(),
        };
        let keys = keys.join(", ");
        Ok(Self {
            columns: format!("{keys}, "),
            keys,
            array: format!("[{}]", strings.join(", ")),
            rest,
        })
    }
}

fn limit(top: Option<u32>) -> Result<u32, Error> {
    match top.unwrap_or(MAX_GROUPS) {
        top @ 1..=MAX_GROUPS => Ok(top),
        top => Err(Error::BadQuery(format!("top must be between 1 and {MAX_GROUPS}, not {top}"))),
    }
}

fn group(group_by: &[Dimension], values: Vec<String>) -> Group {
    group_by.iter().copied().zip(values).collect()
}

fn others(group_by: &[Dimension]) -> Group {
    group_by.iter().map(|dimension| (*dimension, OTHER.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn range(from: OffsetDateTime, to: OffsetDateTime) -> TimeRange {
        TimeRange { from, to }
    }

    #[test]
    fn dimensions_have_one_word() {
        for dimension in Dimension::ALL {
            assert_eq!(dimension.to_string().parse(), Ok(dimension));
        }
        assert!("Link".parse::<Dimension>().is_err());
        assert!("octets; DROP".parse::<Dimension>().is_err());
    }

    #[test]
    fn buckets_are_those_a_range_touches() {
        let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        assert_eq!(range(at(0), at(10)).buckets(10), 1);
        assert_eq!(range(at(0), at(11)).buckets(10), 2);
        assert_eq!(range(at(9), at(11)).buckets(10), 2);
        assert_eq!(range(at(5), at(6)).buckets(10), 1);
    }

    #[test]
    fn ranges_widen_to_whole_buckets() {
        let span = Span::new(
            range(datetime!(2026-11-21 10:00:05 UTC), datetime!(2026-11-21 10:00:30.5 UTC)),
            10,
        )
        .unwrap();
        assert_eq!((span.to - span.from) / 10, 4);
        assert_eq!(span.range().from, datetime!(2026-11-21 10:00:00 UTC));
        assert_eq!(span.range().to, datetime!(2026-11-21 10:00:40 UTC));
        let day = Span::of_series(
            range(datetime!(2026-11-21 23:00 -5), datetime!(2026-11-22 23:00 -5)),
            86_400,
        )
        .unwrap();
        assert_eq!(day.range().from, datetime!(2026-11-22 00:00 UTC));
        assert_eq!(day.range().to, datetime!(2026-11-24 00:00 UTC));
        assert_eq!(day.buckets().count(), 2);
        let aligned = range(datetime!(2026-11-21 10:00 UTC), datetime!(2026-11-21 10:01 UTC));
        assert_eq!(Span::new(aligned, 60).unwrap().range(), aligned);
    }

    #[test]
    fn what_cannot_be_answered_is_refused() {
        let hour = range(datetime!(2026-11-21 10:00 UTC), datetime!(2026-11-21 11:00 UTC));
        for step in [0, 1, 15] {
            assert!(Span::new(hour, step).is_err(), "{step}");
        }
        assert!(Span::new(range(hour.to, hour.from), 10).is_err());
        assert!(Span::new(range(hour.from, hour.from), 10).is_err());
        assert!(Span::new(range(datetime!(1969-01-01 0:00 UTC), hour.to), 10).is_err());
        assert!(Span::new(range(hour.from, datetime!(2200-01-01 0:00 UTC)), 10).is_err());
        let day = range(datetime!(2026-11-21 10:00 UTC), datetime!(2026-11-22 10:00 UTC));
        assert!(Span::of_series(day, 10).is_err());
        assert!(Span::of_series(day, 60).is_ok());
        assert!(limit(Some(0)).is_err());
        assert!(limit(Some(201)).is_err());
        assert!(Grouping::new(&[Dimension::Link, Dimension::Link]).is_err());
    }
}
