//! TCP round-trip times over time.

use etiage_store::{RoundTripQuery, Store};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::ApiError;
use crate::timestamps::{format_time, format_unix};

/// Quantiles of TCP handshake round-trip times per bucket, from merged histograms.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoundTrips {
    /// Start of the range, RFC 3339, UTC.
    #[schema(example = "2026-11-21T10:00:00Z", format = DateTime)]
    from: String,
    /// End of the range, exclusive, RFC 3339, UTC.
    #[schema(example = "2026-11-21T11:00:00Z", format = DateTime)]
    to: String,
    /// Length of a bucket in seconds.
    #[schema(example = 300)]
    step_seconds: u32,
    /// Start of each bucket, RFC 3339, UTC.
    #[schema(example = json!(["2026-11-21T10:00:00Z"]))]
    buckets: Vec<String>,
    /// Half of the round trips took at most this, in microseconds; `null` where none was seen.
    p50_us: Vec<Option<u32>>,
    /// 95 of 100 round trips took at most this, in microseconds; `null` where none was seen.
    p95_us: Vec<Option<u32>>,
    /// 99 of 100 round trips took at most this, in microseconds; `null` where none was seen.
    p99_us: Vec<Option<u32>>,
    /// Round trips seen.
    samples: Vec<u64>,
    /// The histograms themselves, where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    histogram: Option<Histogram>,
}

/// Histograms over time, in bins of half an octave.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Histogram {
    /// Where each bin ends, in microseconds; it begins where the one before ends.
    #[schema(example = json!([11585, 16384, 23170]))]
    edges_us: Vec<u64>,
    /// Samples of each bin, bucket by bucket.
    counts: Vec<Vec<u64>>,
}

/// The quantiles, and the histograms themselves where they are wanted.
///
/// # Errors
/// What the store answers.
pub(crate) async fn round_trips(
    store: &Store,
    query: RoundTripQuery,
    histogram: bool,
) -> Result<RoundTrips, ApiError> {
    let answer = store.round_trips(&query).await?;
    let histogram = match histogram {
        true => {
            // Of the same buckets: history of the answer's own step is there.
            let (range, step_secs) = (answer.range, answer.step_secs);
            let query = RoundTripQuery { range, step_secs, ..query };
            let found = store.round_trip_histograms(&query).await?;
            Some(Histogram { edges_us: found.edges_us, counts: found.counts })
        }
        false => None,
    };
    Ok(RoundTrips {
        from: format_time(answer.range.from),
        to: format_time(answer.range.to),
        step_seconds: answer.step_secs,
        buckets: answer.buckets.into_iter().map(format_unix).collect(),
        p50_us: answer.p50_us,
        p95_us: answer.p95_us,
        p99_us: answer.p99_us,
        samples: answer.samples,
        histogram,
    })
}
