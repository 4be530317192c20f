//! What is wrong with a filter.

/// What is wrong with a filter, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it begins, in octets.
    pub offset: usize,
    /// How long it is, in octets; 0 at the end of the text, where something is missing.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// What could stand there.
    pub expected: Vec<String>,
}

impl Problem {
    pub(super) fn new(offset: usize, length: usize, message: String) -> Self {
        Self { offset, length, message, expected: Vec::new() }
    }
}
