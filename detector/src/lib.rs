//! What happened: drops and surges in series of volumes, what they are made of, what took the volume over.
//!
//! Pure: volumes of minutes come in, [`Change`]s come out. Nothing here reads a clock, a file or a database, so
//! an event can be recomputed years later from the rows it was found in (see [`Comparison`]).
//!
//! How it works, in the order of the modules:
//! 1. [`History`]: five-minute means of each series over some weeks; what was an event, or was not
//!    observed, is not part of it.
//! 2. `baseline`: what a minute should hold: the same local time of the last weeks, each week brought to today's
//!    level by the ratio of the last hours; the median of them.
//! 3. `series`: the relative residual, its usual size, and the rules that tell a fall from noise: fast for deep
//!    ones, patient for shallow ones; the onset is found backwards, the end by hysteresis.
//! 4. [`detector`](Detector): all series together; what falls at the same time is one event.
//! 5. `explain`: what the loss is made of, what rose meanwhile, and what kind of event that is.
//! 6. `record`, `trace`, `proof`: an event as it is kept, a series as charts show it, and an event recomputed from
//!    what it was found in.

mod baseline;
mod calendar;
mod detector;
mod explain;
mod history;
mod key;
mod parameters;
mod proof;
mod record;
mod series;
mod trace;

pub use baseline::{Basis, Expectation};
pub use calendar::Calendar;
pub use detector::{
    Change, Detector, Event, EventId, LinkMinute, Member, Minute, SeriesId, Severity,
};
pub use explain::{
    Comparison, ComparisonRow, Explanation, Gain, Kind, Ledger, Loss, Place, Windows, explain,
};
pub use history::{BIN_SECS, History};
pub use key::Key;
pub use parameters::{ParameterError, Parameters, Rule, Threshold};
pub use proof::{Evidence, EvidenceSeries, Run, recompute};
pub use record::{Blind, Record, masks};
pub use series::{Alarm, End, Sign};
pub use trace::{Bin, TracePoint, starts, trace};
