//! What flows from where to where.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use etiage_store::{Dimension, MAX_PATH_VALUES, PathQuery};

use super::explain::statements;
use crate::answers::sankey::{Sankey, diagram};
use crate::params::{ExplainParams, FilterParams, History, Pairs, RangeParams, RawPairs, words};
use crate::problem::{ApiError, StoreAway, WrongParameters};
use crate::state::ApiState;

/// Values of each dimension where the client does not say.
const DEFAULT_TOP: u32 = 10;

/// From where to where.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handler takes by name")]
pub(crate) struct PathParams {
    /// Two or three dimensions, from left to right, repeated or separated by commas. Absent: category, link, asn.
    #[param(example = json!(["category", "link", "asn"]))]
    path: Option<Vec<String>>,
    /// How many values of each, by octets; the others are one, `other`. Absent: 10.
    #[param(example = 10, minimum = 1, maximum = 30)]
    top: Option<u32>,
}

/// What flows from values of one dimension to those of the next: a Sankey diagram's numbers.
#[utoipa::path(
    get,
    path = "/api/v1/sankey",
    tag = "history",
    params(RangeParams, PathParams, FilterParams, ExplainParams),
    responses(
        (status = 200, description = "Values and what flows between them", body = Sankey),
        WrongParameters,
        StoreAway,
    )
)]
pub(crate) async fn sankey(
    State(state): State<ApiState>,
    RawPairs(pairs): RawPairs,
) -> Result<Response, ApiError> {
    let settings = state.settings();
    let mut asked = History::new(pairs, settings);
    let path = path(&mut asked.pairs);
    let top = top(&mut asked.pairs);
    let (filter, explain) = (asked.filter(), asked.explain());
    let range = asked.finish()?;
    let (store, trace) = settings.store.traced();
    let query = PathQuery { range, path, filter, top };
    let found = store.paths(&query).await?;
    if explain {
        return Ok(statements(&trace));
    }
    Ok(Json(diagram(settings, &query.path, found)).into_response())
}

fn path(pairs: &mut Pairs) -> Vec<Dimension> {
    let given = pairs.many("path");
    if given.is_empty() {
        return vec![Dimension::Category, Dimension::Link, Dimension::Asn];
    }
    let mut path = Vec::new();
    for word in &given {
        match word.parse::<Dimension>() {
            Ok(dimension) if path.contains(&dimension) => {
                pairs.error("path", format!("`{word}` is given more than once"));
            }
            Ok(dimension) => path.push(dimension),
            Err(_) => {
                let known = words(Dimension::ALL.iter().map(|dimension| dimension.name()));
                pairs.error("path", format!("`{word}` is not a dimension; there are {known}"));
            }
        }
    }
    if !(2..=3).contains(&given.len()) {
        pairs.error("path", format!("a path has 2 or 3 dimensions, not {}", given.len()));
    }
    path
}

fn top(pairs: &mut Pairs) -> u32 {
    let top = pairs.one("top").and_then(|text| {
        let top = text.parse().ok().filter(|top| (1..=MAX_PATH_VALUES).contains(top));
        let wrong = || format!("`{text}` is not a number from 1 to {MAX_PATH_VALUES}");
        pairs.check("top", top.ok_or_else(wrong))
    });
    top.unwrap_or(DEFAULT_TOP)
}
