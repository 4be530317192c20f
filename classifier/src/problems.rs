//! What is wrong with a file that a user wrote, and where: service rules, the configuration.

use std::fmt;

/// More than this many errors of one file are counted, not kept.
const MAX_PROBLEMS: usize = 100;

/// An error in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Every error of a file, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The file, as the caller named it.
    pub path: String,
    /// The errors; at most the first hundred found.
    pub problems: Vec<Problem>,
    /// How many more there are.
    pub more: usize,
}

impl std::error::Error for FileError {}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { line, column, message }) in self.problems.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{}:{line}:{column}: {message}", self.path)?;
        }
        if self.more > 0 {
            write!(f, "\n{}: {} more errors", self.path, self.more)?;
        }
        Ok(())
    }
}

/// Collects the errors of a file while it is read.
pub struct Problems<'t> {
    path: &'t str,
    text: &'t str,
    found: Vec<Problem>,
    more: usize,
}

impl<'t> Problems<'t> {
    /// No error yet, of this text of this file.
    pub fn new(path: &'t str, text: &'t str) -> Self {
        Self { path, text, found: Vec::new(), more: 0 }
    }

    /// The text itself.
    pub const fn text(&self) -> &'t str {
        self.text
    }

    /// Adds an error at an octet of the text.
    pub fn add(&mut self, at: usize, message: impl Into<String>) {
        if self.found.len() >= MAX_PROBLEMS {
            self.more += 1;
            return;
        }
        let (line, column) = self.position(at);
        self.found.push(Problem { line, column, message: message.into() });
    }

    /// The line of an octet of the text.
    pub fn line(&self, at: usize) -> usize {
        self.position(at).0
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let before = self.text.as_bytes().get(..at).unwrap_or(self.text.as_bytes());
        let line_start =
            before.iter().rposition(|octet| *octet == b'\n').map_or(0, |last| last + 1);
        let line = before.iter().filter(|octet| **octet == b'\n').count() + 1;
        // A character is one octet that does not continue another's UTF-8 sequence.
        let in_line = before.iter().skip(line_start);
        (line, in_line.filter(|octet| **octet & 0xc0 != 0x80).count() + 1)
    }

    /// The error, where anything was found.
    ///
    /// # Errors
    /// Every error that was added.
    pub fn into_result(mut self) -> Result<(), FileError> {
        if self.found.is_empty() {
            return Ok(());
        }
        self.found.sort_by_key(|problem| (problem.line, problem.column));
        Err(FileError { path: self.path.to_owned(), problems: self.found, more: self.more })
    }
}
