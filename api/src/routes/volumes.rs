//! Volumes over time.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use etiage_store::{Counts, ExportQuery, Group, VolumeQuery};
use serde::Serialize;
use utoipa::ToSchema;

use crate::export::{Wanted, file, wanted};
use crate::live::{format_time, format_unix};
use crate::params::{FilterParams, FormatParams, GroupParams, RangeParams, RawPairs, StepParams};
use crate::problem::{ApiError, Problem};
use crate::state::ApiState;

/// Volumes per bucket and group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Volumes {
    /// Start of the range, RFC 3339, UTC.
    #[schema(example = "2026-11-21T10:00:00Z", format = DateTime)]
    from: String,
    /// End of the range, exclusive, RFC 3339, UTC.
    #[schema(example = "2026-11-21T11:00:00Z", format = DateTime)]
    to: String,
    /// Length of a bucket in seconds.
    #[schema(example = 300)]
    step_seconds: u32,
    /// The dimensions of each series' group.
    #[schema(example = json!(["category", "direction"]))]
    group_by: Vec<String>,
    /// Start of each bucket, RFC 3339, UTC.
    #[schema(example = json!(["2026-11-21T10:00:00Z"]))]
    buckets: Vec<String>,
    /// Whether any of the selected links was observed in each bucket.
    observed: Vec<bool>,
    /// One series a group, the largest first; the groups beyond `top` are summed as the last one.
    series: Vec<Series>,
}

/// One group's volumes. `null` is "not observed"; 0 is "observed, and there was none".
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Series {
    /// The value of each dimension of `group_by`; `other` in the series that sums the rest.
    #[schema(example = json!({"category": "p2p", "direction": "in"}))]
    group: BTreeMap<String, String>,
    /// Octets per bucket: whole frames on the wire, without FCS.
    octets: Vec<Option<u64>>,
    /// Packets per bucket.
    packets: Vec<Option<u64>>,
    /// Flows begun per bucket.
    flows: Vec<Option<u64>>,
    /// Sums over the range.
    total: Sums,
}

/// Sums over a range.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Sums {
    /// Octets: whole frames on the wire, without FCS.
    pub(crate) octets: u64,
    /// Packets.
    pub(crate) packets: u64,
    /// Flows begun.
    pub(crate) flows: u64,
}

impl From<Counts> for Sums {
    fn from(counts: Counts) -> Self {
        let Counts { octets, packets, flows } = counts;
        Self { octets, packets, flows }
    }
}

/// A group as the API writes it.
pub(crate) fn group(group: Group) -> BTreeMap<String, String> {
    group.into_iter().map(|(dimension, value)| (dimension.to_string(), value)).collect()
}

/// Octets, packets and flows over time, by any dimensions.
///
/// Rates: octets × 8 / `step_seconds` is bit/s.
#[utoipa::path(
    get,
    path = "/api/v1/volumes",
    tag = "history",
    params(FormatParams, RangeParams, StepParams, GroupParams, FilterParams),
    responses(
        (status = 200, description = "Volumes per bucket and group", body = Volumes),
        (status = 400, description = "Wrong parameters: all of them", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "The store does not answer", body = Problem,
         content_type = "application/problem+json",
         headers(("Retry-After" = u32, description = "Seconds to wait"))),
    )
)]
pub(crate) async fn volumes(
    State(state): State<ApiState>,
    headers: HeaderMap,
    RawPairs(mut pairs): RawPairs,
) -> Result<Response, ApiError> {
    let settings = state.settings();
    let wanted = wanted(&mut pairs, &headers);
    let range = RangeParams::take(&mut pairs).resolve(&mut pairs, settings.clock.now());
    let step = StepParams::take(&mut pairs);
    // A file may have more points than a chart.
    let charted = range.as_ref().filter(|_| wanted == Wanted::Json || !step.is_given());
    let step = step.resolve(&mut pairs, charted);
    let grouping = GroupParams::take(&mut pairs).resolve(&mut pairs);
    let filter = FilterParams::take(&mut pairs).resolve(&mut pairs, settings);
    pairs.finish()?;
    // Whatever left these empty was noted above, so that this is not reached.
    let (Some(range), Some(step_secs)) = (range, step) else { return Err(ApiError::unresolved()) };
    if let Wanted::File(format) = wanted {
        let (group_by, step_secs) = (grouping.by, Some(step_secs));
        let query = ExportQuery { range, step_secs, group_by, filter, format };
        return file(&settings.store, &query, "volumes").await;
    }
    let group_by = grouping.by.iter().map(ToString::to_string).collect();
    let query =
        VolumeQuery { range, step_secs, group_by: grouping.by, filter, top: Some(grouping.top) };
    let answer = settings.store.volumes(&query).await?;
    let series = answer.series.into_iter().map(|series| Series {
        group: group(series.group),
        octets: series.octets,
        packets: series.packets,
        flows: series.flows,
        total: series.total.into(),
    });
    Ok(Json(Volumes {
        from: format_time(answer.range.from),
        to: format_time(answer.range.to),
        step_seconds: answer.step_secs,
        group_by,
        buckets: answer.buckets.into_iter().map(format_unix).collect(),
        observed: answer.observed,
        series: series.collect(),
    })
    .into_response())
}
