//! Which path goes where, and what stands before it.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::compression::CompressionLayer;
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Header, Object, OpenApi as Document, Ref, Response as Documented,
    ResponseBuilder,
};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::problem::ApiError;
use crate::routes::{
    backup, baseline, capacity, damage, engine, event, events, evidence, filter, flow_records,
    health, heatmap, lists, live, metrics, notes, overview, planning, profile, round_trips, sankey,
    session, system, totals, views, volumes,
};
use crate::state::ApiState;
use crate::{assets, docs, guard};

/// The head of the OpenAPI document; its paths come from the routes themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Etiage",
        description = "Traffic analytics for ISP links. Timestamps are RFC 3339 in UTC; octets are \
            whole frames on the wire without FCS; rates are bit/s. Errors are problem details \
            (RFC 9457), and tell everything that is wrong with a request at once. Where a token is \
            configured, every path but this document needs `Authorization: Bearer TOKEN`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "now", description = "What flows at this moment, and how the probe is doing"),
        (name = "history", description = "What has been stored"),
        (name = "events", description = "Drops and surges: what fell, what it is made of, what rose"),
        (name = "planning", description = "What a month cost, and what comes"),
        (name = "configuration", description = "What is configured"),
    ),
    modifiers(&BearerToken),
)]
struct Head;

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, document: &mut Document) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description = Some("The configured token, where there is one".to_owned());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
        // Either the token, or nothing where none is configured.
        let token = utoipa::openapi::SecurityRequirement::new("token", Vec::<String>::new());
        document.security = Some(vec![token, utoipa::openapi::SecurityRequirement::default()]);
    }
}

/// Where the OpenAPI document is.
const DOCUMENT: &str = "/api/v1/openapi.json";

/// What asks the database: by way of the queue.
fn asking() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(routes!(volumes::volumes))
        .routes(routes!(totals::totals))
        .routes(routes!(heatmap::heatmap))
        .routes(routes!(sankey::sankey))
        .routes(routes!(filter::filter))
        .routes(routes!(round_trips::round_trips))
        .routes(routes!(flow_records::flow_records))
        .routes(routes!(planning::month))
        .routes(routes!(planning::coming))
        .routes(routes!(events::events))
        .routes(routes!(event::event))
        .routes(routes!(baseline::event_series))
        .routes(routes!(evidence::evidence))
        .routes(routes!(notes::add_note))
        .routes(routes!(baseline::baseline))
        .routes(routes!(capacity::capacity))
        .routes(routes!(profile::service))
        .routes(routes!(profile::network))
        .routes(routes!(overview::overview))
        .routes(routes!(views::views, views::save))
        .routes(routes!(views::delete))
}

/// What is known without the database: it answers at once, whatever others ask. The page System asks the
/// database in turns of its own.
fn quick() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(lists::links))
        .routes(routes!(lists::services))
        .routes(routes!(lists::networks))
        .routes(routes!(system::system))
        .routes(routes!(health::health))
        .routes(routes!(damage::damage, damage::look))
        .routes(routes!(backup::progress, backup::begin))
        .routes(routes!(engine::engine))
        .routes(routes!(live::live))
        .routes(routes!(metrics::metrics))
}

/// What answers before anybody is known.
fn free() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(session::session, session::login, session::logout))
}

/// The OpenAPI 3.1 document of all that [`router`] serves.
pub fn openapi() -> Document {
    let document = with_busy(asking().into_openapi());
    let rest = quick().merge(free()).into_openapi();
    with_unauthorized(document.merge_from(rest))
}

/// Every path can ask for the token: it is said here once and not at each of them.
fn with_unauthorized(document: Document) -> Document {
    let answer = problem("A token is configured, and the request does not carry it").build();
    with_answer(document, "401", &answer)
}

/// So can be too much for every path that asks the database.
fn with_busy(document: Document) -> Document {
    let seconds = Header::new(Object::with_type(Type::Integer));
    let answer = problem("The store does not answer, or too much is asked of it")
        .header("Retry-After", seconds)
        .build();
    with_answer(document, "503", &answer)
}

fn problem(description: &str) -> ResponseBuilder {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    Documented::builder().description(description).content("application/problem+json", problem)
}

fn with_answer(mut document: Document, status: &str, answer: &Documented) -> Document {
    let items = document.paths.paths.values_mut();
    let operations = items.flat_map(|item| {
        item.get.as_mut().into_iter().chain(&mut item.post).chain(&mut item.delete)
    });
    for operation in operations {
        operation.responses.responses.insert(status.to_owned(), answer.clone().into());
    }
    document
}

/// All routes: the API, its documentation, metrics, and the dashboards for every other path.
///
/// The documentation is free even where a token is configured: it is the same for every
/// installation, and a browser could not present the token to open it.
pub fn router(state: ApiState) -> Router {
    let asking = asking().route_layer(from_fn_with_state(state.clone(), guard::ask));
    let guarded = asking.merge(quick());
    let guarded = guarded.route_layer(from_fn_with_state(state.clone(), guard::authorize));
    let (api, _) = guarded.merge(free()).split_for_parts();
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
