//! Round-trip times over time.

use clickhouse::Row;
use serde::Deserialize;

use super::plan::Plan;
use super::{BUCKET, Dimension, Filter, Span, Statement, TimeRange};
use crate::schema::Family;
use crate::{Error, Store};

/// Percentiles of TCP handshake round-trip times over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundTripQuery {
    /// Widened to whole steps; the answer says to what.
    pub range: TimeRange,
    /// Length of a bucket: a multiple of 10 s, aligned to UTC; longer in the answer where history is
    /// kept only coarser.
    pub step_secs: u32,
    /// Of links, categories and probes only: the others are not known of a round-trip time.
    pub filter: Filter,
}

/// Percentiles per bucket, from added-up histograms, in microseconds; `None` where there are no samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundTripAnswer {
    /// What was looked at.
    pub range: TimeRange,
    /// Length of a bucket.
    pub step_secs: u32,
    /// Starts of the buckets, in seconds since the Unix epoch.
    pub buckets: Vec<i64>,
    /// Half of the samples are at most this.
    pub p50_us: Vec<Option<u32>>,
    /// 95 % of the samples are at most this.
    pub p95_us: Vec<Option<u32>>,
    /// 99 % of the samples are at most this.
    pub p99_us: Vec<Option<u32>>,
    /// Samples per bucket.
    pub samples: Vec<u64>,
}

/// The last bin of a histogram.
const LAST_BIN: u8 = 63;

/// Histograms over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundTripHistograms {
    /// Where each bin ends, in microseconds: bins of half an octave, from the lowest to the highest in use.
    pub edges_us: Vec<u64>,
    /// Samples of each bin, for each bucket of [`RoundTripAnswer::buckets`].
    pub counts: Vec<Vec<u64>>,
}

#[derive(Row, Deserialize)]
struct BinRow {
    bucket: u32,
    bin: u8,
    total: u64,
}

#[derive(Row, Deserialize)]
struct QuantileRow {
    bucket: u32,
    quantiles: Vec<u32>,
    total: u64,
}

impl Store {
    async fn plan_round_trips(&self, query: &RoundTripQuery) -> Result<Plan, Error> {
        let known = [Dimension::Link, Dimension::Category, Dimension::Probe];
        if query.filter.dimensions().any(|dimension| !known.contains(&dimension)) {
            let text = "round-trip times can be filtered by link, category and probe only";
            return Err(Error::BadQuery(text.to_owned()));
        }
        let RoundTripQuery { range, step_secs, filter } = query;
        self.plan_steps(
            Some(Family::RoundTrips),
            (&[], filter),
            (*range, *step_secs),
            Span::of_series,
        )
        .await
    }

    /// The same figures as rows for a file: points of time without samples have none.
    pub(super) async fn round_trips_statement(
        &self,
        query: &RoundTripQuery,
    ) -> Result<String, Error> {
        let plan = self.plan_round_trips(query).await?;
        Ok(format!(
            "SELECT toDateTime(bucket, 'UTC') AS time, q[1] AS p50_us, q[2] AS p95_us, \
             q[3] AS p99_us, total AS samples FROM (SELECT {bucket} AS bucket, \
             quantilesExactWeighted(0.5, 0.95, 0.99)(bin_us, samples) AS q, sum(samples) AS total \
             FROM {table} WHERE {time}{condition} GROUP BY bucket) WHERE total > 0 ORDER BY bucket",
            bucket = BUCKET.replace("{step:UInt32}", &plan.span.step.to_string()),
            table = plan.table(),
            time = plan.time(),
            condition = query.filter.condition()?,
        ))
    }

    /// Percentiles of round-trip times over time.
    ///
    /// # Errors
    /// [`Error::BadQuery`] also for a filter on dimensions that round-trip times do not have;
    /// [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn round_trips(&self, query: &RoundTripQuery) -> Result<RoundTripAnswer, Error> {
        let plan = self.plan_round_trips(query).await?;
        let span = plan.span;
        let sql = format!(
            "SELECT {BUCKET} AS bucket, \
             quantilesExactWeighted(0.5, 0.95, 0.99)(bin_us, samples) AS quantiles, \
             sum(samples) AS total FROM {} WHERE {}{} GROUP BY bucket",
            plan.table(),
            plan.time(),
            query.filter.condition()?,
        );
        let sql = query.filter.bind(Statement::new(sql))?.with("step", span.step);
        let rows: Vec<QuantileRow> = self.ask("merge round-trip times", sql).await?;
        let buckets: Vec<i64> = span.buckets().map(i64::from).collect();
        let none = vec![None; buckets.len()];
        let mut answer = RoundTripAnswer {
            range: span.range(),
            step_secs: span.step,
            p50_us: none.clone(),
            p95_us: none.clone(),
            p99_us: none,
            samples: vec![0; buckets.len()],
            buckets,
        };
        for row in rows.iter().filter(|row| row.total > 0) {
            let Some(index) = span.index(row.bucket) else { continue };
            let columns = [&mut answer.p50_us, &mut answer.p95_us, &mut answer.p99_us];
            for (column, value) in columns.into_iter().zip(&row.quantiles) {
                if let Some(slot) = column.get_mut(index) {
                    *slot = Some(*value);
                }
            }
            if let Some(slot) = answer.samples.get_mut(index) {
                *slot = row.total;
            }
        }
        Ok(answer)
    }

    /// The histograms themselves over time, in bins of half an octave.
    ///
    /// # Errors
    /// As [`Store::round_trips`].
    pub async fn round_trip_histograms(
        &self,
        query: &RoundTripQuery,
    ) -> Result<RoundTripHistograms, Error> {
        let plan = self.plan_round_trips(query).await?;
        let span = plan.span;
        let sql = format!(
            "SELECT {BUCKET} AS bucket, \
             toUInt8(least({LAST_BIN}, floor(log2(greatest(bin_us, 1)) * 2))) AS bin, \
             sum(samples) AS total FROM {} WHERE {}{} GROUP BY bucket, bin",
            plan.table(),
            plan.time(),
            query.filter.condition()?,
        );
        let sql = query.filter.bind(Statement::new(sql))?.with("step", span.step);
        let rows: Vec<BinRow> = self.ask("merge histograms of round-trip times", sql).await?;
        let used = rows.iter().map(|row| usize::from(row.bin));
        let (first, after) = match (used.clone().min(), used.max()) {
            (Some(first), Some(last)) => (first, last + 1),
            _ => (0, 0),
        };
        let mut counts = vec![vec![0; after - first]; span.buckets().count()];
        for row in rows {
            let Some(index) = span.index(row.bucket) else { continue };
            let slot = counts.get_mut(index);
            if let Some(slot) = slot.and_then(|bins| bins.get_mut(usize::from(row.bin) - first)) {
                *slot += row.total;
            }
        }
        // Two bins an octave: the last of 64 ends at 2^32 us, which is more than an hour.
        let edge = |bin: usize| 2_f64.powf((bin + 1) as f64 / 2.0).round() as u64;
        Ok(RoundTripHistograms { edges_us: (first..after).map(edge).collect(), counts })
    }
}
