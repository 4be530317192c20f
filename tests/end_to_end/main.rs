//! The program from the command line: what goes in, what comes out. One binary, for each one is linked with
//! everything that the program is.

// Clippy knows tests by their attribute, and takes what they call for product code.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

#[path = "../support/mod.rs"]
mod support;

mod alerts;
mod answers;
mod backtest;
mod backup;
mod classify;
mod damage;
mod engine;
mod eval;
mod events;
mod failures;
mod kinds;
mod lab;
mod packets;
mod privileges;
mod replay;
mod simulate;
mod trials;
mod workers;
