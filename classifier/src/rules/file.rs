//! Reading a rules file: TOML in, entries with their places out.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::suffix;
use crate::class::Category;
use crate::problems::Problems;

/// The form of the file that this program reads.
const VERSION: &str = "1";
/// Longest name of a service: it has to fit a legend.
const MAX_NAME: usize = 40;

/// A value and the octet of the file where it stands.
#[derive(Debug)]
pub(super) struct Located<T> {
    pub(super) at: usize,
    pub(super) value: T,
}

/// A `[[service]]` of the file; what is wrong in it is left out.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Located<String>,
    pub(super) category: Option<Located<Category>>,
    /// Whether a category was given, be it a known one or not.
    pub(super) category_given: bool,
    pub(super) suffixes: Vec<Located<String>>,
    pub(super) examples: Vec<Located<String>>,
    pub(super) defunct: Option<Box<str>>,
}

type Value<'t> = Spanned<DeValue<'t>>;

/// The entries of a rules file; what is wrong goes to `problems`.
pub(super) fn read(text: &str, problems: &mut Problems<'_>) -> Vec<Entry> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What a broken file seems to mean would only add misleading errors.
        for error in errors {
            problems.add(error.span().map_or(0, |span| span.start), error.message());
        }
        return Vec::new();
    }
    let (mut version, mut entries) = (None, Vec::new());
    for (key, value) in document.get_ref() {
        match key.get_ref().as_ref() {
            "version" => version = Some(value),
            "source" | "updated" => {
                string(value, key.get_ref(), problems);
            }
            "service" => entries = services(value, problems),
            unknown => problems.add(
                key.span().start,
                format!("unknown key `{unknown}`; a rules file has version, source, updated, [[service]]"),
            ),
        }
    }
    check_version(version, problems);
    entries
}

fn check_version(version: Option<&Value<'_>>, problems: &mut Problems<'_>) {
    let Some(value) = version else {
        problems.add(0, format!("`version` is missing: write `version = {VERSION}` first"));
        return;
    };
    if value.get_ref().as_integer().is_none_or(|version| version.as_str() != VERSION) {
        problems.add(
            value.span().start,
            format!("`version` is not {VERSION}, the only form of this file that is known"),
        );
    }
}

fn services(value: &Value<'_>, problems: &mut Problems<'_>) -> Vec<Entry> {
    let Some(items) = value.get_ref().as_array() else {
        problems.add(value.span().start, "`service` is not a list: write `[[service]]`");
        return Vec::new();
    };
    items.iter().filter_map(|item| service(item, problems)).collect()
}

fn service(item: &Value<'_>, problems: &mut Problems<'_>) -> Option<Entry> {
    let Some(table) = item.get_ref().as_table() else {
        problems.add(item.span().start, "a service is not a table: write `[[service]]`");
        return None;
    };
    let (mut name, mut category, mut category_given, mut defunct) = (None, None, false, None);
    let (mut suffixes, mut examples) = (None, Vec::new());
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "name" => name = Some(service_name(value, problems)),
            "category" => {
                category_given = true;
                category = service_category(value, problems);
            }
            "suffixes" => suffixes = Some(hosts(value, "suffix", problems)),
            "examples" => examples = hosts(value, "example", problems),
            "defunct" => defunct = shut_date(value, problems),
            unknown => problems.add(
                key.span().start,
                format!(
                    "unknown key `{unknown}`; \
                     a service has name, category, suffixes, examples, defunct"
                ),
            ),
        }
    }
    if name.is_none() {
        problems.add(item.span().start, "a service has no `name`");
    }
    if suffixes.is_none() {
        problems.add(item.span().start, "a service has no `suffixes`");
    }
    Some(Entry {
        name: name.flatten()?,
        category,
        category_given,
        suffixes: suffixes.unwrap_or_default(),
        examples,
        defunct,
    })
}

fn string<'v>(value: &'v Value<'_>, what: &str, problems: &mut Problems<'_>) -> Option<&'v str> {
    let text = value.get_ref().as_str();
    if text.is_none() {
        let found = value.get_ref().type_str();
        problems.add(value.span().start, format!("{what} is not a string but of type {found}"));
    }
    text
}

fn service_name(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<Located<String>> {
    let (at, name) = (value.span().start, string(value, "`name`", problems)?);
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = (1..=MAX_NAME).contains(&name.len()) && name.chars().all(allowed);
    if !good {
        problems.add(
            at,
            format!("service name `{name}` is not 1 to {MAX_NAME} of lower-case letters, digits, hyphens"),
        );
        return None;
    }
    Some(Located { at, value: name.to_owned() })
}

fn service_category(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<Located<Category>> {
    let (at, word) = (value.span().start, string(value, "`category`", problems)?);
    match word.parse() {
        Ok(category) => Some(Located { at, value: category }),
        Err(error) => {
            let words: Vec<_> = Category::ALL.iter().map(|category| category.name()).collect();
            problems.add(at, format!("{error}; one of {}", words.join(", ")));
            None
        }
    }
}

/// The good ones of a list of suffixes or examples.
fn hosts(value: &Value<'_>, what: &str, problems: &mut Problems<'_>) -> Vec<Located<String>> {
    let Some(items) = value.get_ref().as_array() else {
        problems.add(value.span().start, format!("a list of {what} strings goes here: [\"...\"]"));
        return Vec::new();
    };
    let mut good = Vec::with_capacity(items.len());
    for item in items.iter() {
        let (at, Some(text)) = (item.span().start, string(item, what, problems)) else { continue };
        match suffix::fault(text) {
            Some(fault) => problems.add(at, format!("{what} `{text}` is not a host name: {fault}")),
            None => good.push(Located { at, value: text.to_owned() }),
        }
    }
    good
}

/// A year, month or day: few services left the world at a known hour.
fn shut_date(value: &Value<'_>, problems: &mut Problems<'_>) -> Option<Box<str>> {
    let text = string(value, "`defunct`", problems)?;
    let number = |part: &str, length: usize, range: std::ops::RangeInclusive<u16>| {
        part.len() == length
            && part.bytes().all(|octet| octet.is_ascii_digit())
            && part.parse().is_ok_and(|number| range.contains(&number))
    };
    let mut parts = text.split('-');
    let good = parts.next().is_some_and(|year| number(year, 4, 1990..=2999))
        && parts.next().is_none_or(|month| number(month, 2, 1..=12))
        && parts.next().is_none_or(|day| number(day, 2, 1..=31))
        && parts.next().is_none();
    if !good {
        problems.add(
            value.span().start,
            format!(
                "`defunct` is `{text}`, not a date such as \"2012\", \"2012-01\" or \"2012-01-19\""
            ),
        );
    }
    good.then(|| text.into())
}
