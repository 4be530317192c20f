//! What an event follows from, to be recomputed elsewhere.

use axum::Json;
use axum::extract::{Path, State};
use etiage_detection::{Evidenced, NoEvidence};
use etiage_detector::{Evidence, Record};
use serde::Serialize;
use utoipa::ToSchema;

use super::event::find;
use crate::params::RawPairs;
use crate::problem::{ApiError, NoSuchEvent, StoreAway, UnknownParameter};
use crate::state::ApiState;

/// An event and what it follows from, in the detector's own words.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventEvidence {
    /// The event as it was kept.
    #[schema(value_type = Object)]
    record: Record,
    /// Parameters, series with their past, and the sums that it is explained from.
    #[schema(value_type = Object)]
    evidence: Evidence,
    /// The statements that the numbers come from.
    queries: Vec<String>,
    /// This program's version.
    #[schema(example = "0.1.0")]
    etiage: String,
    /// The database's version.
    #[schema(example = "26.7.3.1")]
    clickhouse: String,
}

/// Everything that an event follows from: `etiage events show ID --bundle DIR` writes it into files, and
/// `etiage events verify DIR` recomputes the event from them.
///
/// The series of the event (its 24 largest) and the totals of their links: by five minutes for the weeks
/// before, by the minute from two days before the onset on, where minutes are still kept.
#[utoipa::path(
    get,
    path = "/api/v1/events/{id}/evidence",
    tag = "events",
    params(("id" = String, Path, description = "The event's id", example = "20261121-1915-3fa2")),
    responses(
        (status = 200, description = "The event with its evidence", body = EventEvidence),
        UnknownParameter,
        NoSuchEvent,
        StoreAway,
    )
)]
pub(crate) async fn evidence(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    RawPairs(pairs): RawPairs,
) -> Result<Json<EventEvidence>, ApiError> {
    pairs.finish()?;
    let settings = state.settings();
    let row = find(settings, &id).await?;
    let Evidenced { record, evidence, queries } =
        etiage_detection::evidence(&settings.history(), &row).await.map_err(
            |error| match error {
                NoEvidence::Store(error) => error.into(),
                NoEvidence::Form(error) => ApiError::Internal(error.into()),
            },
        )?;
    Ok(Json(EventEvidence {
        record,
        evidence,
        queries,
        etiage: settings.version.to_string(),
        clickhouse: settings.store.version().to_owned(),
    }))
}
