//! A link's month.

use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};
use utoipa::ToSchema;

use crate::bill::{Bill, BilledBy, Tariff};
use crate::bins::{BIN_SECS, Bin, Bins, bps};
use crate::month::Month;
use crate::percentile::nearest_rank;

/// The percentile that is billed.
const BILLED_PERCENT: u8 = 95;

/// What a report is made from.
#[derive(Clone, Copy, Debug)]
pub struct ReportInput<'a> {
    /// The link's name.
    pub link: &'a str,
    /// Which month.
    pub month: Month,
    /// By whose clock a month begins.
    pub offset: UtcOffset,
    /// The link's bins, of this month and the one before at least.
    pub bins: &'a Bins,
    /// Until when there can be bins: a month that goes on then is reported as far as it got.
    pub now: OffsetDateTime,
    /// bit/s each way.
    pub capacity_bps: Option<u64>,
    /// What the contract says, where it is billed.
    pub tariff: Option<Tariff>,
}

/// A link's month.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Report {
    /// The link's name.
    pub link: String,
    /// As `2026-11`.
    #[schema(value_type = String, example = "2026-11")]
    pub month: Month,
    /// Its first moment.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub from: OffsetDateTime,
    /// The first moment after it.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub to: OffsetDateTime,
    /// Whether the month has ended: until then percentile and bill are those of the month so far.
    pub ended: bool,
    /// How much of it was watched.
    pub coverage: Coverage,
    /// Towards our network.
    #[serde(rename = "in")]
    pub inwards: Option<DirectionReport>,
    /// Out of our network.
    #[serde(rename = "out")]
    pub outwards: Option<DirectionReport>,
    /// The higher of the two directions' 95th percentiles, in bit/s.
    pub p95_max_bps: Option<f64>,
    /// The 95th percentile of both directions' sums, bin by bin, in bit/s.
    pub p95_sum_bps: Option<f64>,
    /// What it costs, where the link has a price.
    pub bill: Option<Bill>,
}

/// How many bins of 5 minutes there are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Coverage {
    /// In the month, or in what has passed of it.
    #[schema(example = 8640)]
    pub expected_bins: u64,
    /// Of these watched. Percentile, mean and peak are over these alone.
    #[schema(example = 8631)]
    pub watched_bins: u64,
    /// Of these not watched: left out, never counted as 0.
    #[schema(example = 9)]
    pub missing_bins: u64,
}

/// One direction's month.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct DirectionReport {
    /// The 95th percentile of the bins, nearest rank, in bit/s.
    pub p95_bps: f64,
    /// The highest bin, in bit/s.
    pub peak_bps: f64,
    /// When the (first) highest bin began.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub peak_at: OffsetDateTime,
    /// The watched bins' mean, in bit/s.
    pub mean_bps: f64,
    /// All watched octets.
    pub octets: u64,
    /// The percentile as a part of the capacity, where one is configured.
    pub p95_utilisation: Option<f64>,
    /// Against the month before, where that was watched.
    pub change: Option<Change>,
}

/// Growth: this month ÷ the month before − 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = MonthChange)]
pub struct Change {
    /// Of the mean.
    #[schema(example = 0.031)]
    pub mean: f64,
    /// Of the 95th percentile.
    #[schema(example = 0.027)]
    pub p95: f64,
    /// What part of the month before was watched: the less, the less the comparison says.
    #[schema(example = 1.0)]
    pub watched: f64,
}

fn rfc3339<S: serde::Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    let text = at.format(&Rfc3339).map_err(serde::ser::Error::custom)?;
    serializer.serialize_str(&text)
}

/// One direction's octets of a bin, or both's.
type Octets = fn(&Bin) -> u64;

/// Makes a link's month. A month without bins has no figures, only a coverage.
pub fn report(input: &ReportInput<'_>) -> Report {
    let ReportInput { month, offset, .. } = *input;
    let (from, to) = (month.start(offset), month.end(offset));
    let bins = input.bins.within(from.unix_timestamp(), to.unix_timestamp());
    let before = month.previous();
    let before_range = (before.start(offset), from);
    let previous = input.bins.within(before_range.0.unix_timestamp(), from.unix_timestamp());
    let before_coverage = coverage(before_range, input.now, previous.len());
    let direction = |octets: Octets| {
        let mut report = figures(bins, octets, input.capacity_bps)?;
        report.change = figures(previous, octets, None).and_then(|earlier| {
            let grown = |now: f64, then: f64| (then > 0.0).then(|| now / then - 1.0);
            Some(Change {
                mean: grown(report.mean_bps, earlier.mean_bps)?,
                p95: grown(report.p95_bps, earlier.p95_bps)?,
                watched: before_coverage.watched_bins as f64
                    / before_coverage.expected_bins.max(1) as f64,
            })
        });
        Some(report)
    };
    let percentile = |octets: Octets| {
        let mut values: Vec<u64> = bins.iter().map(octets).collect();
        nearest_rank(&mut values, BILLED_PERCENT)
    };
    let inwards = percentile(|bin| bin.octets_in);
    let outwards = percentile(|bin| bin.octets_out);
    let sum = percentile(|bin| bin.octets_in.saturating_add(bin.octets_out));
    let max = inwards.max(outwards);
    let bill = input.tariff.and_then(|tariff| {
        let billed = match tariff.billed_by {
            BilledBy::Max => max,
            BilledBy::Sum => sum,
            BilledBy::In => inwards,
            BilledBy::Out => outwards,
        };
        billed.map(|octets| tariff.bill(octets))
    });
    Report {
        link: input.link.to_owned(),
        month,
        from,
        to,
        ended: input.now >= to,
        coverage: coverage((from, to), input.now, bins.len()),
        inwards: direction(|bin| bin.octets_in),
        outwards: direction(|bin| bin.octets_out),
        p95_max_bps: max.map(bps),
        p95_sum_bps: sum.map(bps),
        bill,
    }
}

fn coverage(
    (from, to): (OffsetDateTime, OffsetDateTime),
    now: OffsetDateTime,
    watched: usize,
) -> Coverage {
    // Only bins that have ended by now can be expected.
    let until = to.min(now).max(from);
    let seconds = u64::try_from((until - from).whole_seconds()).unwrap_or_default();
    let watched = watched as u64;
    // The bin that goes on may have been counted already.
    let expected = (seconds / u64::from(BIN_SECS)).max(watched);
    Coverage { expected_bins: expected, watched_bins: watched, missing_bins: expected - watched }
}

fn figures(bins: &[Bin], octets: Octets, capacity: Option<u64>) -> Option<DirectionReport> {
    let mut values: Vec<u64> = bins.iter().map(octets).collect();
    // The first of the highest: `max_by_key` would give the last.
    let peak = bins.iter().rev().max_by_key(|bin| octets(bin))?;
    let sum = values.iter().fold(0_u64, |sum, value| sum.saturating_add(*value));
    let p95 = bps(nearest_rank(&mut values, BILLED_PERCENT)?);
    Some(DirectionReport {
        p95_bps: p95,
        peak_bps: bps(octets(peak)),
        peak_at: OffsetDateTime::from_unix_timestamp(i64::from(peak.start)).ok()?,
        mean_bps: bps(sum) / bins.len() as f64,
        octets: sum,
        p95_utilisation: capacity.map(|capacity| p95 / capacity as f64),
        change: None,
    })
}
