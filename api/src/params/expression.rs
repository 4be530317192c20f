//! Filters in words: read, checked against what is configured, and said where they are wrong.

use etiage_store::filter::{Expr, Problem, network_number, parse};
use etiage_store::{Dimension, Filter};

use super::pairs::Pairs;
use super::values::check;
use crate::problem::Place;
use crate::settings::Settings;

/// The filter with what the text says, too; what is wrong with the text is noted.
pub(super) fn with_expression(
    filter: Filter,
    text: &str,
    pairs: &mut Pairs,
    settings: &Settings,
) -> Filter {
    match read(text, settings).and_then(|expr| resolve(expr, text, settings)) {
        Ok(expr) => return filter.and(expr),
        Err(problems) => {
            for problem in problems {
                let place = place(text, &problem);
                pairs.error_at("filter", problem.message, place);
            }
        }
    }
    filter
}

/// Reads a filter, its values being checked.
pub(crate) fn read(text: &str, settings: &Settings) -> Result<Expr, Vec<Problem>> {
    let networks = settings.networks.get();
    let expr = parse(text, |dimension, value| match dimension {
        Dimension::Asn if network_number(value).is_some() => Ok(()),
        Dimension::Asn => {
            let wanted = value.to_lowercase();
            let known = networks.names().any(|(_, name)| name.to_lowercase() == wanted);
            known.then_some(()).ok_or_else(|| {
                format!("`{value}` is neither the number nor the name of a known network")
            })
        }
        dimension => check(dimension, value, settings),
    })?;
    let used = expr.dimensions();
    let apart = [Dimension::Protocol, Dimension::Service, Dimension::Probe];
    if used.contains(&Dimension::Asn) && apart.iter().any(|dimension| used.contains(dimension)) {
        return Err(vec![whole(
            text,
            "networks are known by link, direction and category only: leave out network, or \
             protocol, service and probe"
                .to_owned(),
        )]);
    }
    Ok(expr)
}

/// Numbers in the place of networks' names.
fn resolve(mut expr: Expr, text: &str, settings: &Settings) -> Result<Expr, Vec<Problem>> {
    let networks = settings.networks.get();
    expr.resolve_networks(|| networks.names()).map_err(|message| vec![whole(text, message)])?;
    Ok(expr)
}

fn whole(text: &str, message: String) -> Problem {
    Problem { offset: 0, length: text.len(), message, expected: Vec::new() }
}

/// Where a problem is, counted as JavaScript counts.
pub(crate) fn place(text: &str, problem: &Problem) -> Place {
    let offset = utf16(text, problem.offset);
    let end = utf16(text, problem.offset + problem.length);
    Place { offset, length: end - offset, expected: problem.expected.clone() }
}

/// How many UTF-16 code units the first octets are.
pub(crate) fn utf16(text: &str, octets: usize) -> usize {
    text.get(..octets).unwrap_or(text).encode_utf16().count()
}

/// How many octets the first UTF-16 code units are; all of them where there are not that many.
pub(crate) fn octets(text: &str, units: usize) -> usize {
    let mut count = 0;
    for (at, character) in text.char_indices() {
        if count >= units {
            return at;
        }
        count += character.len_utf16();
    }
    text.len()
}
