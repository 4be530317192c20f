//! Reading a TOML table key by key, with every error at its line and column.

use std::fmt::Display;
use std::str::FromStr;

use etiage_classifier::problems::Problems;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::secret::Readers;

pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// A value and the octet of the file where it stands.
#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    pub(super) at: usize,
    pub(super) value: T,
}

/// A table of the file. Keys that were never asked for are unknown ones.
pub(super) struct Section<'v, 't, 'p, 'f> {
    table: &'v DeTable<'t>,
    /// Where it begins, for what is missing in it.
    pub(super) at: usize,
    title: &'static str,
    known: Vec<&'static str>,
    lenient: bool,
    /// Whose groups may read files of secrets.
    readers: Readers,
    problems: &'p mut Problems<'f>,
}

impl<'v, 't, 'p, 'f> Section<'v, 't, 'p, 'f> {
    pub(super) fn new(
        table: &'v DeTable<'t>,
        at: usize,
        title: &'static str,
        problems: &'p mut Problems<'f>,
    ) -> Self {
        let readers = Readers::default();
        Self { table, at, title, known: Vec::new(), lenient: false, readers, problems }
    }

    /// Says whose groups may read files of secrets, here and in every section within.
    pub(super) fn let_read(&mut self, readers: Readers) {
        self.readers = readers;
    }

    pub(super) const fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Adds an error.
    pub(super) fn problem(&mut self, at: usize, message: impl Into<String>) {
        self.problems.add(at, message);
    }

    /// Where a line of the string begins whose value is at `at`; its first line is the first one of its
    /// content.
    pub(super) fn line_of(&self, at: usize, line: usize) -> usize {
        let text = self.problems.text();
        let Some(rest) = text.get(at..) else { return at };
        let many = rest.starts_with("\"\"\"") || rest.starts_with("'''");
        let first = rest.get(3..).unwrap_or_default();
        let below = first.starts_with('\n') || first.starts_with("\r\n");
        let skip = if many { line - 1 + usize::from(below) } else { 0 };
        let starts = rest.match_indices('\n').map(|(place, _)| at + place + 1);
        starts.take(skip).last().unwrap_or(at)
    }

    /// Takes every key for known: what they are depends on one that is wrong.
    pub(super) fn ignore_the_rest(&mut self) {
        self.lenient = true;
    }

    /// A key's value as it stands.
    pub(super) fn raw(&mut self, key: &'static str) -> Option<&'v Value<'t>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table.get(key)
    }

    /// A table within this one, read by `read`; an empty one where it is not given.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_, 't, '_, 'f>) -> T,
    ) -> T {
        let empty = DeTable::new();
        let (table, at) = match self.raw(key) {
            None => (&empty, self.at),
            Some(value) => match value.get_ref().as_table() {
                Some(table) => (table, value.span().start),
                None => {
                    self.problem(
                        value.span().start,
                        format!("`{key}` is not a table: write [{key}]"),
                    );
                    (&empty, value.span().start)
                }
            },
        };
        let mut section = Section::new(table, at, key, self.problems);
        section.readers = self.readers.clone();
        let result = read(&mut section);
        section.finish();
        result
    }

    /// The tables of an array of tables, each read by `read`.
    pub(super) fn sections<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'_, 't, '_, 'f>) -> T,
    ) -> Vec<T> {
        let Some(value) = self.raw(key) else { return Vec::new() };
        let tables = value.get_ref().as_array().into_iter().flatten();
        let mut results = Vec::new();
        let mut count = 0;
        for item in tables {
            count += 1;
            let Some(table) = item.get_ref().as_table() else { continue };
            let mut section = Section::new(table, item.span().start, key, self.problems);
            section.readers = self.readers.clone();
            results.push(read(&mut section));
            section.finish();
        }
        if results.len() != count || count == 0 {
            self.problem(
                value.span().start,
                format!("`{key}` is not a list of tables: write [[{key}]]"),
            );
        }
        results
    }

    pub(super) fn string(&mut self, key: &'static str) -> Option<Located<String>> {
        let value = self.raw(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, value, "a string in quotes");
        }
        Some(Located { at: value.span().start, value: text?.to_owned() })
    }

    pub(super) fn boolean(&mut self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.raw(key) else { return default };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_type(key, value, "true or false");
            default
        })
    }

    /// A whole number within bounds.
    pub(super) fn integer(
        &mut self,
        key: &'static str,
        bounds: (u64, u64),
    ) -> Option<Located<u64>> {
        let value = self.raw(key)?;
        let at = value.span().start;
        let number = value.get_ref().as_integer();
        let parsed =
            number.and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
        match parsed.filter(|number| (bounds.0..=bounds.1).contains(number)) {
            Some(value) => Some(Located { at, value }),
            None => {
                let (low, high) = bounds;
                self.problem(at, format!("`{key}` is not a whole number from {low} to {high}"));
                None
            }
        }
    }

    /// A list of whole numbers within bounds.
    pub(super) fn integers(&mut self, key: &'static str, bounds: (u64, u64)) -> Vec<Located<u64>> {
        let Some(value) = self.raw(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of whole numbers");
            return Vec::new();
        };
        let mut list = Vec::new();
        for item in items {
            let at = item.span().start;
            let number = item.get_ref().as_integer();
            let parsed =
                number.and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
            match parsed.filter(|number| (bounds.0..=bounds.1).contains(number)) {
                Some(value) => list.push(Located { at, value }),
                None => {
                    let (low, high) = bounds;
                    let problem =
                        format!("`{key}` holds what is not a whole number from {low} to {high}");
                    self.problem(at, problem);
                }
            }
        }
        list
    }

    /// A string that a type reads.
    pub(super) fn parsed<T: FromStr<Err: Display>>(
        &mut self,
        key: &'static str,
    ) -> Option<Located<T>> {
        let Located { at, value } = self.string(key)?;
        match value.parse() {
            Ok(value) => Some(Located { at, value }),
            Err(error) => {
                self.problem(at, format!("`{key}` is \"{value}\": {error}"));
                None
            }
        }
    }

    /// One string or a list of strings, each read by a type.
    pub(super) fn list<T: FromStr<Err: Display>>(&mut self, key: &'static str) -> Vec<Located<T>> {
        let Some(value) = self.raw(key) else { return Vec::new() };
        let single = std::slice::from_ref(value);
        let items = match value.get_ref().as_array() {
            Some(array) => array.iter().collect::<Vec<_>>(),
            None => single.iter().collect(),
        };
        let mut list = Vec::new();
        for item in items {
            let at = item.span().start;
            let Some(text) = item.get_ref().as_str() else {
                self.wrong_type(key, item, "a string, or a list of strings");
                continue;
            };
            match text.parse() {
                Ok(value) => list.push(Located { at, value }),
                Err(error) => self.problem(at, format!("`{key}` holds \"{text}\": {error}")),
            }
        }
        list
    }

    fn wrong_type(&mut self, key: &str, value: &Value<'_>, wanted: &str) {
        let found = value.get_ref().type_str();
        self.problem(value.span().start, format!("`{key}` must be {wanted}, not of type {found}"));
    }

    /// Reports the keys that were never asked for.
    pub(super) fn finish(self) {
        for (key, _) in self.table {
            let name = key.get_ref().as_ref();
            if !self.lenient && !self.known.contains(&name) {
                let (title, known) = (self.title, self.known.join(", "));
                self.problems
                    .add(key.span().start, format!("unknown key `{name}`; {title} has {known}"));
            }
        }
    }
}
