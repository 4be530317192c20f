//! What is wrong with a filter that is being typed, and what could come next.

use std::sync::Arc;

use etiage_classifier::{Category, Protocol};
use etiage_store::filter::{Completion, Problem, Quoted, Slot, complete};
use etiage_store::{Dimension, Filter, OTHER, Store, TimeRange, TotalsQuery};
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use super::cache::Cached;
use crate::params::{octets, place, read, utf16};
use crate::problem::{ApiError, Place, chain};
use crate::settings::{LinkInfo, ServiceInfo, Settings};

/// Most completions of an answer.
const MAX_ITEMS: usize = 50;
/// How far back names are looked for in the history.
const KNOWN: Duration = Duration::days(30);
/// How long what was found there is taken as it is.
const FRESH: Duration = Duration::minutes(5);
/// Networks of the history that are offered, the largest first.
const TOP_NETWORKS: u32 = 200;

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

/// What is wrong with `text`, and what could come where the cursor is, in UTF-16 code units; at the end where
/// there is none.
pub(crate) async fn typed(
    settings: &Settings,
    names: &Cached<Names>,
    text: String,
    cursor: Option<usize>,
) -> Typed {
    let cursor = cursor.map_or(text.len(), |units| octets(&text, units));
    let read = if text.trim().is_empty() { Ok(None) } else { read(&text, settings).map(Some) };
    let completions = match complete(&text, cursor) {
        Some(completion) => completions(settings, names, &text, &completion).await,
        None => {
            let at = utf16(&text, cursor);
            Completions { from: at, to: at, ..Completions::default() }
        }
    };
    let wrong =
        |problem: Problem| Wrong { place: place(&text, &problem), message: problem.message };
    let (canonical, errors) = match read {
        Ok(expr) => (expr.map(|expr| expr.to_string()), Vec::new()),
        Err(problems) => (None, problems.into_iter().map(wrong).collect()),
    };
    Typed { valid: errors.is_empty(), canonical, errors, completions, text }
}

async fn completions(
    settings: &Settings,
    names: &Cached<Names>,
    text: &str,
    completion: &Completion,
) -> Completions {
    let items = match completion.slot {
        Slot::Value(field) => values(settings, names, field).await,
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
async fn values(settings: &Settings, names: &Cached<Names>, field: Dimension) -> Vec<Item> {
    let plain = |names: Vec<&str>| names.into_iter().map(|name| value(name, None)).collect();
    match field {
        Dimension::Direction => plain(vec!["in", "out"]),
        Dimension::Protocol => plain(Protocol::ALL.iter().map(|own| own.name()).collect()),
        Dimension::Category => plain(Category::ALL.iter().map(|own| own.name()).collect()),
        Dimension::Link => {
            let link = |link: &LinkInfo| value(&link.name, Some(link.kind.clone()));
            settings.links.iter().map(link).collect()
        }
        Dimension::Service => {
            let service =
                |service: &ServiceInfo| value(&service.name, Some(service.category.clone()));
            let services = settings.services.iter().map(service);
            services.chain(["none", "unattributed"].map(|word| value(word, None))).collect()
        }
        Dimension::Probe => {
            let names = known(settings, names).await;
            let own = settings.probe.to_string();
            let others = names.probes.iter().filter(|name| **name != own);
            std::iter::once(&own).chain(others).map(|name| value(name, None)).collect()
        }
        Dimension::Asn => networks(settings, &known(settings, names).await.networks),
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
async fn known(settings: &Settings, names: &Cached<Names>) -> Arc<Names> {
    let now = settings.clock.now();
    let names = names.get(now, FRESH, || look_up(&settings.store, now));
    names.await.unwrap_or_else(|error| {
        tracing::debug!("api: names for completions: {}", chain(&error));
        Arc::default()
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
