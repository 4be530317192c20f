//! From the store to the detector, and what the detector says in words.

mod feed;
mod words;

pub(crate) use feed::{Feed, Past};
pub(crate) use words::Told;
