//! The detector on stored history.
//!
//! Minutes come from the store ([`Feed`]), live, for a back-test and again after a restart; what the detector finds
//! goes back as rows ([`row`]) and on as [`Transition`]s. The same history, read by the series, is what charts
//! ([`expected`]), evidence ([`evidence`]) and bundles ([`bundle`]) are made of.

mod backtest;
mod bins;
pub mod bundle;
mod evidence;
mod expected;
mod feed;
mod filed;
mod live;
pub mod proof;
mod windows;
mod words;

use std::sync::Arc;

use etiage_detector::{Calendar, Parameters};
use etiage_store::Store;

pub use backtest::judge;
pub use evidence::{Evidenced, NoEvidence, evidence, others};
pub use expected::{MAX_POINTS, expected};
pub use feed::{Feed, Past};
pub use filed::{Known, adopt, known, row};
pub use live::{Listener, Stage, Transition, Watch, watch};
pub use windows::compare_windows;
pub use words::Words;

/// What events are judged by.
#[derive(Clone, Debug, Default)]
pub struct Detection {
    /// When a difference is an event.
    pub parameters: Parameters,
    /// The clocks that people live by.
    pub calendar: Calendar,
}

/// History to judge, and what it is judged by.
#[derive(Clone)]
pub struct History {
    /// Where minutes are held.
    pub store: Store,
    /// The probe that finds the events.
    pub probe: Arc<str>,
    /// The links that are judged; where there are none, all that were watched.
    pub links: Vec<Arc<str>>,
    /// By what.
    pub detection: Detection,
}
