//! From the store to the detector, and what the detector says: in words, and kept.

mod feed;
mod keep;
mod live;
mod words;

pub(crate) use feed::{Feed, Past};
pub(crate) use keep::{adopt, known, row};
pub(crate) use live::{Listener, Stage, Transition, Watch, watch};
pub(crate) use words::Words;
