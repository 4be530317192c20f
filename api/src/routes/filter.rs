//! Filters while they are typed: what is wrong, and what could come next.

use axum::Json;
use axum::extract::State;
use etiage_classifier::{Category, Protocol};
use etiage_store::filter::{Completion, Quoted, Slot, complete};
use etiage_store::{Dimension, Filter, OTHER, Store, TimeRange, TotalsQuery};
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use crate::params::{RawPairs, octets, place, read, utf16};
use crate::problem::{ApiError, Place, WrongParameters, chain};
use crate::state::{ApiState, Settings};

/// Most completions of an answer.
const MAX_ITEMS: usize = 50;
/// How far back names are looked for in the history.
const KNOWN: Duration = Duration::days(30);
/// How long what was found there is taken as it is.
const FRESH: Duration = Duration::minutes(5);
/// Networks of the history that are offered, the largest first.
const TOP_NETWORKS: u32 = 200;

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
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Typed {
    /// The filter.
    text: String,
    /// Whether it can be used as it is; an empty one can, and lets everything through.
    valid: bool,
    /// The same filter as it is written best.
    canonical: Option<String>,
    /// Everything that is wrong.
    errors: Vec<Wrong>,
    /// What could stand where the cursor is.
    completions: Completions,
}

/// What is wrong, and where.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Wrong {
    /// What is wrong.
    #[schema(example = "`lnk` is not a field")]
    message: String,
    #[serde(flatten)]
    place: Place,
}

/// What could stand where the cursor is.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Completions {
    /// Where what is being typed begins, in UTF-16 code units.
    from: usize,
    /// Where it ends: an item takes the place of what is between.
    to: usize,
    /// At most 50, those that begin with what is typed first.
    items: Vec<Item>,
    /// Whether there are more.
    more: bool,
}

/// A completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Item {
    /// What to put there, in quotation marks where it needs them.
    #[schema(example = "direct-download")]
    text: String,
    /// `field`, `keyword`, `operator` or `value`.
    #[schema(example = "value")]
    kind: &'static str,
    /// More about it: a service's category, a network's name.
    detail: Option<String>,
}

/// Names that only the history knows.
#[derive(Debug, Default)]
pub(crate) struct Names {
    probes: Vec<String>,
    networks: Vec<u32>,
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
    let cursor = cursor.map_or(text.len(), |units| octets(&text, units));
    let read = if text.trim().is_empty() { Ok(None) } else { read(&text, settings).map(Some) };
    let completions = match complete(&text, cursor) {
        Some(completion) => completions(&state, &text, &completion).await,
        None => {
            let at = utf16(&text, cursor);
            Completions { from: at, to: at, ..Completions::default() }
        }
    };
    let wrong = |problem: etiage_store::filter::Problem| Wrong {
        place: place(&text, &problem),
        message: problem.message,
    };
    let (canonical, errors) = match read {
        Ok(expr) => (expr.map(|expr| expr.to_string()), Vec::new()),
        Err(problems) => (None, problems.into_iter().map(wrong).collect()),
    };
    Ok(Json(Typed { valid: errors.is_empty(), canonical, errors, completions, text }))
}

async fn completions(state: &ApiState, text: &str, completion: &Completion) -> Completions {
    let items = match completion.slot {
        Slot::Value(field) => values(state, field).await,
        slot => slot.words().into_iter().map(word_item).collect(),
    };
    let typed = completion.typed.to_lowercase();
    let begins = |item: &Item| {
        let bare = item.text.trim_start_matches('"').to_lowercase();
        let named =
            item.detail.as_ref().is_some_and(|name| name.to_lowercase().starts_with(&typed));
        (bare.starts_with(&typed), named && matches!(completion.slot, Slot::Value(Dimension::Asn)))
    };
    let contains = |item: &Item| {
        let detail = item.detail.as_deref().unwrap_or("").to_lowercase();
        item.text.to_lowercase().contains(&typed)
            || matches!(completion.slot, Slot::Value(Dimension::Asn)) && detail.contains(&typed)
    };
    let mut found: Vec<Item> = items.into_iter().filter(|item| contains(item)).collect();
    // A stable sort: within each kind the order stays.
    found.sort_by_key(|item| match begins(item) {
        (true, _) => 0,
        (_, true) => 1,
        _ => 2,
    });
    let more = found.len() > MAX_ITEMS;
    found.truncate(MAX_ITEMS);
    let (from, to) = (utf16(text, completion.from), utf16(text, completion.to));
    Completions { from, to, items: found, more }
}

fn word_item(word: String) -> Item {
    let kind = match word.as_str() {
        "and" | "or" | "not" => "keyword",
        "=" | "!=" | "~" | "!~" | "in" | "not in" | "(" | ")" | "," => "operator",
        _ => "field",
    };
    Item { text: word, kind, detail: None }
}

fn value(text: &str, detail: Option<String>) -> Item {
    Item { text: Quoted(text).to_string(), kind: "value", detail }
}

/// The values of a dimension that are known.
async fn values(state: &ApiState, field: Dimension) -> Vec<Item> {
    let settings = state.settings();
    let plain = |names: Vec<&str>| names.into_iter().map(|name| value(name, None)).collect();
    match field {
        Dimension::Direction => plain(vec!["in", "out"]),
        Dimension::Protocol => plain(Protocol::ALL.iter().map(|own| own.name()).collect()),
        Dimension::Category => plain(Category::ALL.iter().map(|own| own.name()).collect()),
        Dimension::Link => {
            let link = |link: &crate::LinkInfo| value(&link.name, Some(link.kind.clone()));
            settings.links.iter().map(link).collect()
        }
        Dimension::Service => {
            let service =
                |service: &crate::ServiceInfo| value(&service.name, Some(service.category.clone()));
            let services = settings.services.iter().map(service);
            services.chain(["none", "unattributed"].map(|word| value(word, None))).collect()
        }
        Dimension::Probe => {
            let names = known(state).await;
            let own = settings.probe.to_string();
            let others = names.probes.iter().filter(|name| **name != own);
            std::iter::once(&own).chain(others).map(|name| value(name, None)).collect()
        }
        Dimension::Asn => networks(settings, &known(state).await.networks),
    }
}

/// The largest networks first, then all that have a name.
fn networks(settings: &Settings, largest: &[u32]) -> Vec<Item> {
    let table = settings.networks.get();
    let item = |asn: u32| value(&asn.to_string(), table.name(asn).map(str::to_owned));
    let mut rest: Vec<u32> =
        table.names().map(|(asn, _)| asn).filter(|asn| !largest.contains(asn)).collect();
    rest.sort_unstable();
    let words = [value("none", None), value(OTHER, None)];
    largest.iter().copied().chain(rest).map(item).chain(words).collect()
}

/// What only the history knows; nothing where the database does not answer.
async fn known(state: &ApiState) -> std::sync::Arc<Names> {
    let settings = state.settings();
    let now = settings.clock.now();
    let names = state.caches().names.get(now, FRESH, || look_up(&settings.store, now));
    names.await.unwrap_or_else(|error| {
        tracing::debug!("api: names for completions: {}", chain(&error));
        std::sync::Arc::default()
    })
}

async fn look_up(store: &Store, now: OffsetDateTime) -> Result<Names, ApiError> {
    let range = TimeRange { from: now.saturating_sub(KNOWN), to: now };
    let largest = TotalsQuery {
        range,
        group_by: vec![Dimension::Asn],
        filter: Filter::default(),
        top: Some(TOP_NETWORKS),
    };
    let (probes, largest) = tokio::try_join!(store.probe_names(range), store.totals(&largest))?;
    let numbers = largest.rows.into_iter().flat_map(|row| row.group);
    let numbers = numbers.filter_map(|(_, value)| value.parse::<u32>().ok());
    Ok(Names { probes, networks: numbers.filter(|asn| *asn != 0).collect() })
}
