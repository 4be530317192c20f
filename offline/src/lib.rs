//! Captures from files: frames are read, dealt to workers and counted, always by the same path.
//!
//! `replay`, `classify` and `eval` each bring a [`Worker`] of their own; [`Workers`] shows it the frames. What
//! `classify` counts and prints is here too. No clock: where a stream's times are judged by the system's clock,
//! the caller passes it in.

mod classify;
mod print;
mod reader;
mod stats;
mod workers;

pub use classify::{Classified, Job};
pub use print::{Format, Line, Totals};
pub use reader::{Next, span};
pub use workers::{ReadError, Worker, Workers, run_alone};
