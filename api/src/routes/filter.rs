//! Filters while they are typed: what is wrong, and what could come next.

use axum::Json;
use axum::extract::State;

use crate::answers::completions::{Typed, typed};
use crate::params::RawPairs;
use crate::problem::{ApiError, WrongParameters};
use crate::state::ApiState;

/// A filter that is being typed.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handler takes by name")]
pub(crate) struct TypedParams {
    /// The filter as far as it is typed.
    #[param(example = "link = tra")]
    text: Option<String>,
    /// Where the cursor is, in UTF-16 code units from the start. Absent: at the end.
    #[param(example = 10)]
    cursor: Option<usize>,
}

/// What is wrong with a filter, and what could come next.
///
/// Always answers 200 with what is known of the text; where the database does not answer, names that only it
/// knows are not among the completions.
#[utoipa::path(
    get,
    path = "/api/v1/filter",
    tag = "history",
    params(TypedParams),
    responses(
        (status = 200, description = "Errors and completions", body = Typed),
        WrongParameters,
    )
)]
pub(crate) async fn filter(
    State(state): State<ApiState>,
    RawPairs(mut pairs): RawPairs,
) -> Result<Json<Typed>, ApiError> {
    let settings = state.settings();
    let text = pairs.one("text").unwrap_or_default();
    let cursor = pairs.one("cursor").and_then(|word| {
        let number = word.parse::<usize>();
        pairs.check("cursor", number.map_err(|_| format!("`{word}` is not a place in the text")))
    });
    pairs.finish()?;
    Ok(Json(typed(settings, &state.caches().names, text, cursor).await))
}
