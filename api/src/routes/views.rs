//! Saved views: names for URLs of the pages.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use etiage_store::{MAX_VIEWS, SavedView};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::body;
use crate::access::random;
use crate::identity::Operator;
use crate::params::RawPairs;
use crate::problem::{ApiError, OperatorsOnly, ParameterError, Problem, UnknownParameter};
use crate::state::ApiState;
use crate::timestamps::format_time;

/// Longest name, in characters.
const MAX_NAME: usize = 100;
/// Longest URL, in octets.
const MAX_URL: usize = 4_000;

/// The saved views.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Views {
    /// The newest first; at most 500.
    views: Vec<View>,
}

/// A saved view.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct View {
    /// What it is deleted by.
    #[schema(example = "4be0643f1d98573b")]
    id: String,
    /// Its name.
    #[schema(example = "p2p by network, last evening")]
    name: String,
    /// Path and query of the page.
    #[schema(example = "/explore?group=asn&filter=category%20%3D%20p2p")]
    url: String,
    /// Who saved it.
    #[schema(example = "operator")]
    by: String,
    /// When, RFC 3339, UTC.
    #[schema(format = DateTime)]
    at: String,
}

/// A view to save.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewView {
    /// Its name: 1 to 100 characters.
    #[schema(example = "p2p by network, last evening")]
    name: String,
    /// Path and query below the pages' address: begins with `/` or `?`, at most 4000 octets.
    #[schema(example = "/explore?group=asn")]
    url: String,
}

impl From<SavedView> for View {
    fn from(view: SavedView) -> Self {
        let SavedView { id, name, url, who, at } = view;
        let moment = OffsetDateTime::from_unix_timestamp(at.div_euclid(1_000));
        let at = format_time(moment.unwrap_or(OffsetDateTime::UNIX_EPOCH));
        Self { id, name, url, by: who, at }
    }
}

/// The saved views, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/views",
    tag = "configuration",
    responses(
        (status = 200, description = "The views", body = Views),
        UnknownParameter,
    )
)]
pub(crate) async fn views(
    State(state): State<ApiState>,
    RawPairs(pairs): RawPairs,
) -> Result<Json<Views>, ApiError> {
    pairs.finish()?;
    let views = state.settings().store.views().await?;
    Ok(Json(Views { views: views.into_iter().map(View::from).collect() }))
}

/// Saves a view. Needs the role operator.
#[utoipa::path(
    post,
    path = "/api/v1/views",
    tag = "configuration",
    request_body = NewView,
    responses(
        (status = 201, description = "The view, as it is kept", body = View),
        (status = 400, description = "What is wrong with it: everything", body = Problem,
         content_type = "application/problem+json"),
        OperatorsOnly,
    )
)]
pub(crate) async fn save(
    State(state): State<ApiState>,
    Operator(caller): Operator,
    RawPairs(pairs): RawPairs,
    request: Request,
) -> Result<(StatusCode, Json<View>), ApiError> {
    pairs.finish()?;
    let NewView { name, url } = body::json(request).await?;
    let mut errors = Vec::new();
    let name = name.trim().to_owned();
    if !(1..=MAX_NAME).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        let detail = format!("must have 1 to {MAX_NAME} characters, and none of control");
        errors.push(ParameterError::new("name", detail));
    }
    // A second slash, or a backslash that browsers take for one, would lead to another host.
    let inside = url.starts_with('?') || url.starts_with('/') && !url.starts_with("//");
    let plain = url.chars().all(|letter| !letter.is_control() && letter != '\\');
    if !inside || !plain || url.len() > MAX_URL {
        let detail = format!(
            "must be a path and query of these pages, beginning with `/` or `?`, of at most {MAX_URL} octets"
        );
        errors.push(ParameterError::new("url", detail));
    }
    if !errors.is_empty() {
        return Err(ApiError::Parameters(errors));
    }
    let settings = state.settings();
    if settings.store.views().await?.len() >= MAX_VIEWS {
        let detail = format!("there are {MAX_VIEWS} views, which is the limit; delete some first");
        return Err(ApiError::Parameters(vec![ParameterError::new("name", detail)]));
    }
    let at = settings.clock.now().unix_timestamp_nanos() / 1_000_000;
    let view = SavedView {
        id: random().chars().take(16).collect(),
        name,
        url,
        who: caller.name,
        at: i64::try_from(at).unwrap_or_default(),
    };
    settings.store.save_view(&view).await?;
    Ok((StatusCode::CREATED, Json(view.into())))
}

/// Deletes a view. Needs the role operator.
#[utoipa::path(
    delete,
    path = "/api/v1/views/{id}",
    tag = "configuration",
    params(("id" = String, Path, description = "The view's id")),
    responses(
        (status = 204, description = "It is gone"),
        UnknownParameter,
        OperatorsOnly,
        (status = 404, description = "There is no such view", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    _operator: Operator,
    Path(id): Path<String>,
    RawPairs(pairs): RawPairs,
) -> Result<StatusCode, ApiError> {
    pairs.finish()?;
    let store = &state.settings().store;
    let views = store.views().await?;
    let Some(view) = views.into_iter().find(|view| view.id == id) else {
        return Err(ApiError::NoData("there is no such view; /api/v1/views lists them".to_owned()));
    };
    store.delete_view(&view).await?;
    Ok(StatusCode::NO_CONTENT)
}
