//! What flows from where to where.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use etiage_store::{Dimension, MAX_PATH_VALUES, PathQuery, Paths};
use serde::Serialize;
use utoipa::ToSchema;

use super::explain::statements;
use super::volumes::Sums;
use crate::live::format_time;
use crate::params::{ExplainParams, FilterParams, Pairs, RangeParams, RawPairs, words};
use crate::problem::{ApiError, StoreAway, WrongParameters};
use crate::state::{ApiState, Settings};

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

/// What flows from where to where: the numbers of a Sankey diagram.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sankey {
    /// Start of the range, RFC 3339, UTC.
    #[schema(format = DateTime)]
    from: String,
    /// End of the range, exclusive, RFC 3339, UTC.
    #[schema(format = DateTime)]
    to: String,
    /// The dimensions from left to right.
    #[schema(example = json!(["category", "link", "asn"]))]
    path: Vec<&'static str>,
    /// The values, those of the first dimension first, each dimension's largest first.
    nodes: Vec<Node>,
    /// What flows between values of neighbouring dimensions.
    flows: Vec<Flow>,
    /// Everything together.
    total: Sums,
}

/// A value of a dimension.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Node {
    /// The dimension.
    #[schema(example = "asn")]
    dimension: &'static str,
    /// The value; `other` for those beyond `top`.
    #[schema(example = "64500")]
    value: String,
    /// What to call it: a network's name where it is known, else the value.
    #[schema(example = "Example Net")]
    name: String,
    /// Octets with this value.
    octets: u64,
}

/// Octets between two values.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Flow {
    /// Index of the left value in `nodes`.
    source: usize,
    /// Index of the right value in `nodes`.
    target: usize,
    /// Octets with both.
    octets: u64,
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
    RawPairs(mut pairs): RawPairs,
) -> Result<Response, ApiError> {
    let settings = state.settings();
    let range = RangeParams::take(&mut pairs).resolve(&mut pairs, settings.clock.now());
    let path = path(&mut pairs);
    let top = pairs.one("top").and_then(|text| {
        let top = text.parse().ok().filter(|top| (1..=MAX_PATH_VALUES).contains(top));
        let wrong = || format!("`{text}` is not a number from 1 to {MAX_PATH_VALUES}");
        pairs.check("top", top.ok_or_else(wrong))
    });
    let filter = FilterParams::take(&mut pairs).resolve(&mut pairs, settings);
    let explain = ExplainParams::take(&mut pairs);
    pairs.finish()?;
    let Some(range) = range else { return Err(ApiError::unresolved()) };
    let (store, trace) = settings.store.traced();
    let query = PathQuery { range, path, filter, top: top.unwrap_or(DEFAULT_TOP) };
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

/// The place of a dimension in the path, and a value of it.
type Value<'a> = (usize, &'a str);

fn diagram(settings: &Settings, path: &[Dimension], found: Paths) -> Sankey {
    let mut sizes: BTreeMap<Value<'_>, u64> = BTreeMap::new();
    let mut between: BTreeMap<(Value<'_>, Value<'_>), u64> = BTreeMap::new();
    for (values, counts) in &found.paths {
        let mut left = None;
        for own in values.iter().map(String::as_str).enumerate() {
            *sizes.entry(own).or_default() += counts.octets;
            if let Some(left) = left.replace(own) {
                *between.entry((left, own)).or_default() += counts.octets;
            }
        }
    }
    let mut order: Vec<(Value<'_>, u64)> = sizes.into_iter().collect();
    order.sort_by_key(|((level, value), octets)| {
        (*level, *value == etiage_store::OTHER, std::cmp::Reverse(*octets))
    });
    let places: BTreeMap<Value<'_>, usize> =
        order.iter().enumerate().map(|(place, (own, _))| (*own, place)).collect();
    let networks = settings.networks.get();
    let node = |((level, value), octets): &(Value<'_>, u64)| {
        let dimension = path.get(*level).copied().unwrap_or(Dimension::Link);
        let known = (dimension == Dimension::Asn).then(|| value.parse::<u32>().ok()).flatten();
        let name = match known {
            Some(0) => "none".to_owned(),
            Some(asn) => networks.name(asn).map_or_else(|| format!("AS{asn}"), str::to_owned),
            None => (*value).to_owned(),
        };
        let (dimension, value) = (dimension.name(), (*value).to_owned());
        Node { dimension, value, name, octets: *octets }
    };
    let flow = |((left, right), octets): (&(Value<'_>, Value<'_>), &u64)| {
        let (source, target) = (*places.get(left)?, *places.get(right)?);
        Some(Flow { source, target, octets: *octets })
    };
    Sankey {
        from: format_time(found.range.from),
        to: format_time(found.range.to),
        path: path.iter().map(|dimension| dimension.name()).collect(),
        nodes: order.iter().map(node).collect(),
        flows: between.iter().filter_map(flow).collect(),
        total: found.total.into(),
    }
}
