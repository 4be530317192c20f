//! What may stand at a place of a filter.

use super::word;
use crate::Dimension;

/// A place of the language, by what can stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// A field, `not` or `(`.
    Start,
    /// What compares a field.
    Operator(Dimension),
    /// The `in` of `not in`.
    In,
    /// The parenthesis before values.
    ListOpen,
    /// A value.
    Value(Dimension),
    /// A comma, or the parenthesis after values.
    ListNext,
    /// `and`, `or`, or the end of what is open.
    Next {
        /// How many parentheses are.
        open: usize,
    },
}

impl Slot {
    /// The words and signs that can stand there; values are the caller's to know.
    pub fn words(self) -> Vec<String> {
        let fixed: &[&str] = match self {
            Self::Start => {
                let fields = Dimension::ALL.map(word);
                return fields.into_iter().chain(["not", "("]).map(str::to_owned).collect();
            }
            Self::Operator(_) => &["=", "!=", "in", "not in", "~", "!~"],
            Self::In => &["in"],
            Self::ListOpen => &["("],
            Self::Value(field) => return vec![format!("a value of {}", word(field))],
            Self::ListNext => &[",", ")"],
            Self::Next { open: 0 } => &["and", "or"],
            Self::Next { .. } => &["and", "or", ")"],
        };
        fixed.iter().map(|word| (*word).to_owned()).collect()
    }
}
