//! What is wrong with what is stored.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use etiage_store::{Finding, Looking};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Operator;
use crate::params::RawPairs;
use crate::problem::{ApiError, OperatorsOnly, UnknownParameter, WrongParameters};
use crate::state::ApiState;

/// What is wrong with what is stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Damages {
    /// Whether it is being looked for at this moment, because somebody asked.
    looking: bool,
    /// What was found, by the last look and since the start.
    findings: Vec<Damaged>,
    /// What the last look has given up, in words.
    given_up: Vec<String>,
    /// Why the last look could not be finished; `null` if it was.
    error: Option<String>,
}

/// Something that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Damaged {
    /// `part-set-aside`, `part-damaged`, `table-missing`, `rows-missing` or `file-put-back`.
    #[schema(example = "part-set-aside")]
    kind: &'static str,
    /// The table, part or file.
    #[schema(example = "volumes_10s, part 20261122_2_2_1")]
    place: String,
    /// What is wrong with it.
    detail: String,
    /// What to do.
    advice: &'static str,
}

impl From<Finding> for Damaged {
    fn from(finding: Finding) -> Self {
        let Finding { kind, place, detail } = finding;
        Self { kind: kind.name(), place, detail, advice: kind.advice() }
    }
}

#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "for the document alone")]
pub(crate) struct LookParams {
    /// Read everything, and compare it with its checksums.
    deep: Option<bool>,
    /// Give up what is damaged: delete parts that are set aside, set aside those that cannot be read (with `deep`), and
    /// no longer expect rows that are missing.
    give_up: Option<bool>,
}

/// Look for damage now. It goes on by itself: ask again what was found. Needs the role operator.
#[utoipa::path(
    post,
    path = "/api/v1/damage",
    tag = "configuration",
    params(LookParams),
    responses(
        (status = 202, description = "It is being looked for", body = Damages),
        WrongParameters,
        OperatorsOnly,
    )
)]
pub(crate) async fn look(
    State(state): State<ApiState>,
    _operator: Operator,
    RawPairs(mut pairs): RawPairs,
) -> Result<(StatusCode, Json<Damages>), ApiError> {
    let mut flag = |name| {
        let given = pairs.one(name).map(|text| text.parse::<bool>());
        let given = given.map(|flag| flag.map_err(|_| "must be true or false".to_owned()));
        given.and_then(|flag| pairs.check(name, flag)).unwrap_or(false)
    };
    let (deep, give_up) = (flag("deep"), flag("give_up"));
    pairs.finish()?;
    state.settings().store.begin_to_look(deep, give_up);
    Ok((StatusCode::ACCEPTED, Json(made(&state))))
}

/// What is wrong with what is stored, and what to do about it.
#[utoipa::path(
    get,
    path = "/api/v1/damage",
    tag = "configuration",
    responses(
        (status = 200, description = "What was found", body = Damages),
        UnknownParameter,
    )
)]
pub(crate) async fn damage(
    State(state): State<ApiState>,
    RawPairs(pairs): RawPairs,
) -> Result<Json<Damages>, ApiError> {
    pairs.finish()?;
    Ok(Json(made(&state)))
}

fn made(state: &ApiState) -> Damages {
    let store = &state.settings().store;
    let Looking { now, given_up, error } = store.looking();
    let findings = store.damage().into_iter().map(Damaged::from).collect();
    Damages { looking: now, findings, given_up, error }
}
