//! Which values a dimension can have.

use etiage_classifier::{Category, Protocol};
use etiage_store::{Dimension, OTHER};

use crate::settings::Settings;

/// Longest name of a probe.
const MAX_PROBE: usize = 128;

/// Whether a dimension can have this value.
pub(crate) fn check(dimension: Dimension, value: &str, settings: &Settings) -> Result<(), String> {
    let (known, hint) = match dimension {
        Dimension::Link => (
            settings.links.iter().any(|link| link.name == value),
            "a configured link; /api/v1/links lists them".to_owned(),
        ),
        Dimension::Direction => {
            (matches!(value, "in" | "out"), "a direction; there are in, out".to_owned())
        }
        Dimension::Protocol => (
            value.parse::<Protocol>().is_ok(),
            format!("a protocol; there are {}", words(Protocol::ALL.iter().map(|p| p.name()))),
        ),
        Dimension::Category => (
            value.parse::<Category>().is_ok(),
            format!("a category; there are {}", words(Category::ALL.iter().map(|c| c.name()))),
        ),
        Dimension::Service => (
            matches!(value, "none" | "unattributed")
                || settings.services.iter().any(|service| service.name == value),
            "a service of the rules; /api/v1/services lists them".to_owned(),
        ),
        // The database may hold what other probes have counted; only the form can be checked.
        Dimension::Probe => {
            (value.len() <= MAX_PROBE, format!("a probe's name of at most {MAX_PROBE} octets"))
        }
        Dimension::Asn => (
            value == OTHER || value.parse::<u32>().is_ok(),
            format!("an autonomous system's number, or {OTHER}"),
        ),
    };
    if known { Ok(()) } else { Err(format!("`{value}` is not {hint}")) }
}

pub(crate) fn words<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
