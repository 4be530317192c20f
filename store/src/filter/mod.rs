//! The filter language: `link = "transit-a" and category in (p2p, direct-download) and not service = youtube`.
//!
//! Text becomes an [`Expr`] ([`parse`]), and an [`Expr`] becomes text again ([`std::fmt::Display`]), of which
//! the same [`Expr`] is read. What reaches the database is made of enumerations; values are bound parameters.
//! docs/filters.md has the grammar.

mod complete;
mod lexer;
mod parser;
mod problem;
mod slot;
mod sql;

use std::collections::BTreeSet;
use std::fmt;

pub use complete::{Completion, complete};
pub use parser::parse;
pub use problem::Problem;
pub use slot::Slot;

use crate::Dimension;

/// Longest text of a filter, in octets.
pub const MAX_TEXT: usize = 4_096;
/// How deep `not` and parentheses may be nested.
pub const MAX_DEPTH: usize = 32;
/// Most comparisons of a filter.
pub const MAX_PREDICATES: usize = 128;
/// Longest value, in octets.
pub const MAX_VALUE: usize = 128;
/// Most networks that names of a filter may stand for, all together.
pub const MAX_NETWORKS: usize = 2_000;

/// What is let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// All of these, of which there are two at least.
    And(Vec<Self>),
    /// Any of these, of which there are two at least.
    Or(Vec<Self>),
    /// Everything else.
    Not(Box<Self>),
    /// What compares so.
    Is(Predicate),
}

/// A comparison of one dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predicate {
    /// Of what.
    pub field: Dimension,
    /// With what.
    pub test: Test,
}

/// How a dimension is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `= value`
    Equal(String),
    /// `!= value`
    Unequal(String),
    /// `in (value, …)`
    In(Vec<String>),
    /// `not in (value, …)`
    NotIn(Vec<String>),
    /// `~ pattern`
    Like(String),
    /// `!~ pattern`
    Unlike(String),
}

/// What a pattern looks for, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    Contains(String),
    Begins(String),
    Ends(String),
}

impl Pattern {
    /// `you*` begins so, `*tube` ends so, all others contain it. `None` where nothing is left to look for,
    /// or a star is anywhere else.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let lower = text.to_lowercase();
        let (open_end, rest) = match lower.strip_suffix('*') {
            Some(rest) => (true, rest),
            None => (false, lower.as_str()),
        };
        let (open_start, rest) = match rest.strip_prefix('*') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        if rest.is_empty() || rest.contains('*') {
            return None;
        }
        let rest = rest.to_owned();
        Some(match (open_start, open_end) {
            (true, false) => Self::Ends(rest),
            (false, true) => Self::Begins(rest),
            _ => Self::Contains(rest),
        })
    }

    /// Whether a text is meant.
    fn matches(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        match self {
            Self::Contains(part) => text.contains(part.as_str()),
            Self::Begins(part) => text.starts_with(part.as_str()),
            Self::Ends(part) => text.ends_with(part.as_str()),
        }
    }
}

/// A dimension's word in the language. Networks are called so here, as they may be named.
pub(crate) const fn word(field: Dimension) -> &'static str {
    match field {
        Dimension::Asn => "network",
        other => other.name(),
    }
}

/// The dimension of a word.
pub(crate) fn field(text: &str) -> Option<Dimension> {
    Dimension::ALL.into_iter().find(|field| word(*field) == text || field.name() == text)
}

impl Expr {
    /// The dimensions that are compared.
    pub fn dimensions(&self) -> BTreeSet<Dimension> {
        let mut found = BTreeSet::new();
        self.visit(&mut |predicate| {
            found.insert(predicate.field);
        });
        found
    }

    /// Shows every comparison, from left to right.
    fn visit(&self, see: &mut impl FnMut(&Predicate)) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.visit(see)),
            Self::Not(inner) => inner.visit(see),
            Self::Is(predicate) => see(predicate),
        }
    }

    /// What can be said of these dimensions alone: it lets through whatever the whole may let through. `None`
    /// where that is everything.
    pub(crate) fn only(&self, known: &[Dimension]) -> Option<Self> {
        self.project(known, false)
    }

    fn project(&self, known: &[Dimension], negated: bool) -> Option<Self> {
        match self {
            Self::Is(predicate) if !known.contains(&predicate.field) => None,
            Self::Is(_) if negated => Some(Self::Not(Box::new(self.clone()))),
            Self::Is(_) => Some(self.clone()),
            Self::Not(inner) => inner.project(known, !negated),
            Self::And(parts) | Self::Or(parts) => {
                // By De Morgan, a negated conjunction is a disjunction of negations.
                let all = matches!(self, Self::And(_)) != negated;
                let parts = parts.iter().map(|part| part.project(known, negated));
                let mut kept: Vec<Self> =
                    if all { parts.flatten().collect() } else { parts.collect::<Option<_>>()? };
                match kept.len() {
                    0 | 1 => kept.pop(),
                    _ if all => Some(Self::And(kept)),
                    _ => Some(Self::Or(kept)),
                }
            }
        }
    }

    /// Puts numbers in the place of networks' names and patterns. `names` lists what is known: number and name.
    ///
    /// # Errors
    /// A name that no network has, a pattern that meets none or too many, in words.
    pub fn resolve_networks<'a, I>(&mut self, names: impl Fn() -> I) -> Result<(), String>
    where
        I: Iterator<Item = (u32, &'a str)>,
    {
        let mut found = 0;
        self.resolve(&names, &mut found)
    }

    fn resolve<'a, I>(&mut self, names: &impl Fn() -> I, found: &mut usize) -> Result<(), String>
    where
        I: Iterator<Item = (u32, &'a str)>,
    {
        let predicate = match self {
            Self::And(parts) | Self::Or(parts) => {
                return parts.iter_mut().try_for_each(|part| part.resolve(names, found));
            }
            Self::Not(inner) => return inner.resolve(names, found),
            Self::Is(predicate) if predicate.field == Dimension::Asn => predicate,
            Self::Is(_) => return Ok(()),
        };
        let numbers = match &predicate.test {
            Test::Equal(value) | Test::Unequal(value) => named(value, names())?,
            Test::In(values) | Test::NotIn(values) => {
                let each = values.iter().map(|value| named(value, names()));
                each.collect::<Result<Vec<_>, _>>()?.concat()
            }
            Test::Like(text) | Test::Unlike(text) => {
                let Some(pattern) = Pattern::new(text) else {
                    return Err(format!("{text:?} is not a pattern"));
                };
                let met = names().filter(|(_, name)| pattern.matches(name));
                met.map(|(number, _)| number.to_string()).collect()
            }
        };
        *found += numbers.len();
        if *found > MAX_NETWORKS {
            return Err(format!(
                "its names stand for more than {MAX_NETWORKS} networks: be more exact"
            ));
        }
        predicate.test = match predicate.test {
            Test::Equal(_) | Test::In(_) | Test::Like(_) => Test::In(numbers),
            Test::Unequal(_) | Test::NotIn(_) | Test::Unlike(_) => Test::NotIn(numbers),
        };
        Ok(())
    }
}

/// The number a value stands for as it is: 64500, AS64500, `none`, `other`.
pub fn network_number(value: &str) -> Option<String> {
    match value {
        "none" => return Some("0".to_owned()),
        crate::OTHER => return Some(crate::OTHER.to_owned()),
        _ => {}
    }
    let digits = match value.split_at_checked(2) {
        Some((start, rest)) if start.eq_ignore_ascii_case("as") => rest,
        _ => value,
    };
    let digits = Some(digits).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse::<u32>().ok()).map(|number| number.to_string())
}

/// The numbers of a value: its own, or those of the networks of that name.
fn named<'a>(
    value: &str,
    names: impl Iterator<Item = (u32, &'a str)>,
) -> Result<Vec<String>, String> {
    if let Some(number) = network_number(value) {
        return Ok(vec![number]);
    }
    let wanted = value.to_lowercase();
    let same = names.filter(|(_, name)| name.to_lowercase() == wanted);
    let numbers: Vec<String> = same.map(|(number, _)| number.to_string()).collect();
    match numbers.is_empty() {
        true => Err(format!(
            "`{value}` is neither the number nor the name of a network; `network ~ {value:?}` looks for names"
        )),
        false => Ok(numbers),
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, between) = match self {
            Self::Is(predicate) => return predicate.fmt(formatter),
            Self::Not(inner) => {
                formatter.write_str("not ")?;
                return match **inner {
                    Self::And(_) | Self::Or(_) => write!(formatter, "({inner})"),
                    _ => inner.fmt(formatter),
                };
            }
            Self::And(parts) => (parts, " and "),
            Self::Or(parts) => (parts, " or "),
        };
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                formatter.write_str(between)?;
            }
            // A conjunction within a disjunction needs no parentheses; within its own kind it keeps them, so
            // that the same tree is read again.
            let inside = match part {
                Self::Or(_) => true,
                Self::And(_) => matches!(self, Self::And(_)),
                _ => false,
            };
            if inside { write!(formatter, "({part})")? } else { part.fmt(formatter)? }
        }
        Ok(())
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(word(self.field))?;
        let (operator, values) = match &self.test {
            Test::Equal(value) => return write!(formatter, " = {}", Quoted(value)),
            Test::Unequal(value) => return write!(formatter, " != {}", Quoted(value)),
            Test::Like(value) => return write!(formatter, " ~ {}", Quoted(value)),
            Test::Unlike(value) => return write!(formatter, " !~ {}", Quoted(value)),
            Test::In(values) => (" in (", values),
            Test::NotIn(values) => (" not in (", values),
        };
        formatter.write_str(operator)?;
        for (index, value) in values.iter().enumerate() {
            write!(formatter, "{}{}", if index > 0 { ", " } else { "" }, Quoted(value))?;
        }
        formatter.write_str(")")
    }
}

/// A value as it is written: bare where that reads the same, else in quotation marks.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = !self.0.is_empty() && self.0.chars().all(lexer::is_bare);
        if bare && !lexer::is_reserved(self.0) {
            return formatter.write_str(self.0);
        }
        formatter.write_str("\"")?;
        for character in self.0.chars() {
            if matches!(character, '"' | '\\') {
                formatter.write_str("\\")?;
            }
            write!(formatter, "{character}")?;
        }
        formatter.write_str("\"")
    }
}

#[cfg(test)]
mod tests;
