//! What is wrong with what is stored.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::answers::damage::Damages;
use crate::identity::Operator;
use crate::params::RawPairs;
use crate::problem::{ApiError, OperatorsOnly, UnknownParameter, WrongParameters};
use crate::state::ApiState;

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
    Ok((StatusCode::ACCEPTED, Json(Damages::of(&state.settings().store))))
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
    Ok(Json(Damages::of(&state.settings().store)))
}
