//! Which path goes where, and what stands before it.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::document::{
    Head, with_absent_parts, with_busy, with_forms, with_required, with_unauthorized,
};
use crate::problem::ApiError;
use crate::routes::{
    backup, baseline, capacity, damage, engine, event, events, evidence, filter, flow_records,
    health, heatmap, lists, live, metrics, notes, overview, planning, profile, round_trips, sankey,
    session, system, totals, views, volumes,
};
use crate::state::ApiState;
use crate::{assets, docs, guard};

/// Where the OpenAPI document is.
const DOCUMENT: &str = "/api/v1/openapi.json";

/// A path, what it answers to, and the schemas that it names.
type Routes = UtoipaMethodRouter<ApiState>;

/// What asks the database: by way of the queue.
fn asking() -> Vec<Routes> {
    vec![
        routes!(volumes::volumes),
        routes!(totals::totals),
        routes!(heatmap::heatmap),
        routes!(sankey::sankey),
        routes!(filter::filter),
        routes!(round_trips::round_trips),
        routes!(flow_records::flow_records),
        routes!(planning::month),
        routes!(planning::coming),
        routes!(events::events),
        routes!(event::event),
        routes!(baseline::event_series),
        routes!(evidence::evidence),
        routes!(notes::add_note),
        routes!(baseline::baseline),
        routes!(capacity::capacity),
        routes!(profile::service),
        routes!(profile::network),
        routes!(overview::overview),
        routes!(views::views, views::save),
        routes!(views::delete),
    ]
}

/// What is known without the database: it answers at once, whatever others ask. The page System asks the
/// database in turns of its own.
fn quick() -> Vec<Routes> {
    vec![
        routes!(lists::links),
        routes!(lists::services),
        routes!(lists::networks),
        routes!(system::system),
        routes!(health::health),
        routes!(damage::damage, damage::look),
        routes!(backup::progress, backup::begin),
        routes!(engine::engine),
        routes!(live::live),
        routes!(metrics::metrics),
    ]
}

/// What answers before anybody is known.
fn free() -> Vec<Routes> {
    vec![routes!(session::session, session::login, session::logout)]
}

fn gather(routes: Vec<Routes>) -> OpenApiRouter<ApiState> {
    routes.into_iter().fold(OpenApiRouter::new(), OpenApiRouter::routes)
}

/// The OpenAPI 3.1 document of all that [`router`] serves.
pub fn openapi() -> Document {
    let asking = with_busy(gather(asking()).into_openapi());
    let guarded = asking.merge_from(gather(quick()).into_openapi());
    let all = with_unauthorized(guarded).merge_from(gather(free()).into_openapi());
    with_absent_parts(with_required(with_forms(Head::openapi().merge_from(all))))
}

/// All routes: the API, its documentation, metrics, and the dashboards for every other path.
///
/// The documentation is free even where a token is configured: it is the same for every
/// installation, and a browser could not present the token to open it.
pub fn router(state: ApiState) -> Router {
    let asking = gather(asking()).route_layer(from_fn_with_state(state.clone(), guard::ask));
    let guarded = asking.merge(gather(quick()));
    let guarded = guarded.route_layer(from_fn_with_state(state.clone(), guard::authorize));
    let (api, _) = guarded.merge(gather(free())).split_for_parts();
    // Serialized once; nothing in it can fail to be JSON.
    let document = openapi().to_json().unwrap_or_default();
    let json = HeaderValue::from_static("application/json");
    let document = get(move || async move { ([(header::CONTENT_TYPE, json)], document) });
    let page = SwaggerUi::new("/api/docs").config(Config::from(DOCUMENT));
    api.route(DOCUMENT, document)
        .route("/docs", get(docs::root))
        .route("/docs/", get(docs::index))
        .route("/docs/style.css", get(docs::style))
        .route("/docs/{page}", get(docs::show))
        .route("/docs/images/{name}", get(docs::image))
        .merge(page)
        .method_not_allowed_fallback(wrong_method)
        .fallback(fallback)
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(state.clone(), guard::admit))
        .layer(from_fn(guard::headers))
        .with_state(state)
}

async fn wrong_method(request: Request) -> ApiError {
    ApiError::MethodNotAllowed(request.uri().path().to_owned())
}

async fn fallback(request: Request) -> Response {
    assets::serve(request).await.into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// One schema of a name takes the place of another one without a word.
    #[test]
    fn no_two_types_share_a_name_in_the_document() {
        let routes = [asking(), quick(), free()].into_iter().flatten();
        let mut known = BTreeMap::new();
        let mut shared = Vec::new();
        for (name, schema) in routes.flat_map(|(schemas, ..)| schemas) {
            let schema = serde_json::to_value(schema).unwrap();
            if known.get(&name).is_some_and(|known| *known != schema) {
                shared.push(name.clone());
            }
            known.entry(name).or_insert(schema);
        }
        assert!(known.len() > 50, "{:?}", known.keys());
        assert_eq!(shared, [""; 0]);
    }
}
