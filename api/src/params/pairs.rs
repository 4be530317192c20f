//! The query of a URL, taken apart: what is wrong is collected and reported all at once.

use crate::problem::{ApiError, ParameterError, Place};

/// The parameters that nobody has asked for yet, and what was wrong with the others.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
    errors: Vec<ParameterError>,
}

impl Pairs {
    /// From a URL's query, decoded.
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Self {
        Self { pairs, ..Self::default() }
    }

    /// All values of a parameter: repeated, or separated by commas.
    pub(crate) fn many(&mut self, name: &'static str) -> Vec<String> {
        let raw = self.take(name);
        let values = raw.iter().flat_map(|value| value.split(',')).map(str::trim);
        let values: Vec<String> = values.map(str::to_owned).collect();
        if values.iter().any(String::is_empty) {
            self.error(name, "an empty value; leave the parameter out to allow all".to_owned());
            return Vec::new();
        }
        values
    }

    /// The value of a parameter that may be given once.
    pub(crate) fn one(&mut self, name: &'static str) -> Option<String> {
        let mut values = self.take(name);
        if values.len() > 1 {
            self.error(name, format!("given {} times; give it once", values.len()));
        }
        values.pop()
    }

    /// Notes that a parameter is wrong.
    pub(crate) fn error(&mut self, name: &str, detail: String) {
        self.errors.push(ParameterError::new(name, detail));
    }

    /// Notes where a parameter is wrong.
    pub(crate) fn error_at(&mut self, name: &str, detail: String, place: Place) {
        let place = Some(place);
        self.errors.push(ParameterError { parameter: name.to_owned(), detail, place });
    }

    /// The value, or its error noted.
    pub(crate) fn check<T>(&mut self, name: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|detail| self.error(name, detail)).ok()
    }

    /// Fails with everything that was wrong, parameters that nobody asked for included.
    pub(crate) fn finish(mut self) -> Result<(), ApiError> {
        let mut unknown: Vec<String> =
            std::mem::take(&mut self.pairs).into_iter().map(|(name, _)| name).collect();
        unknown.dedup();
        let known = match self.known.as_slice() {
            [] => "there are none here".to_owned(),
            known => format!("known are {}", known.join(", ")),
        };
        for name in unknown {
            self.error(&name, format!("unknown parameter; {known}"));
        }
        if self.errors.is_empty() { Ok(()) } else { Err(ApiError::Parameters(self.errors)) }
    }

    fn take(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        let taken = self.pairs.extract_if(.., |(key, _)| key == name);
        taken.map(|(_, value)| value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Pairs {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Pairs::new(list.iter().map(owned).collect())
    }

    fn wrong(pairs: Pairs) -> Vec<(String, String)> {
        match pairs.finish() {
            Err(ApiError::Parameters(errors)) => {
                errors.into_iter().map(|error| (error.parameter, error.detail)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn repeated_and_comma_separated_values_are_one_list() {
        let mut pairs = pairs(&[("link", "a,b"), ("link", "c")]);
        assert_eq!(pairs.many("link"), ["a", "b", "c"]);
        assert!(pairs.finish().is_ok());
    }

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let mut pairs = pairs(&[("to", "1"), ("frm", "2"), ("to", "3"), ("link", "a,")]);
        pairs.one("from");
        pairs.one("to");
        assert_eq!(pairs.many("link"), [""; 0]);
        let errors = wrong(pairs);
        assert_eq!(errors[0], ("to".to_owned(), "given 2 times; give it once".to_owned()));
        assert_eq!(errors[1].0, "link");
        let unknown = "unknown parameter; known are from, to, link".to_owned();
        assert_eq!(errors[2], ("frm".to_owned(), unknown));
    }
}
