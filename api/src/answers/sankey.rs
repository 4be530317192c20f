//! What flows from where to where.

use std::collections::BTreeMap;

use etiage_store::{Dimension, OTHER, Paths};
use serde::Serialize;
use utoipa::ToSchema;

use super::volumes::Sums;
use crate::settings::Settings;
use crate::timestamps::format_time;

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

/// The place of a dimension in the path, and a value of it.
type Value<'a> = (usize, &'a str);

/// The diagram of what was found along `path`.
pub(crate) fn diagram(settings: &Settings, path: &[Dimension], found: Paths) -> Sankey {
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
        (*level, *value == OTHER, std::cmp::Reverse(*octets))
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
