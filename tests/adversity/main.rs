//! The program on a bad day: killed, cut off from power, overloaded, looked at while it works. A binary of its own,
//! so that nothing but these tests disturbs it.

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

mod faults;
mod live;
mod overload;
mod power;
mod sight;
mod stop;
