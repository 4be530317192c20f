//! Measures Etiage: composes captures to measure with, and runs other programs beside it.
//!
//! Not part of the product. What it measures is in docs/benchmarks.md.

mod budget;
mod child;
mod clients;
mod compare;
mod compose;
mod flood;
mod live;
mod machine;
mod netns;
mod overload;
mod process;
mod program;
mod raw_socket;
mod send;
mod soak;
mod table;

use std::process::ExitCode;

use clap::Parser;

/// Measures Etiage. See docs/benchmarks.md.
#[derive(Debug, Parser)]
#[command(name = "etiage-bench", version, max_term_width = 100)]
enum Cli {
    Budget(budget::Arguments),
    Clients(clients::Arguments),
    Compose(compose::Arguments),
    Flood(flood::Arguments),
    Live(live::Arguments),
    Overload(overload::Arguments),
    Run(compare::Arguments),
    Send(send::Arguments),
    Soak(soak::Arguments),
}

fn main() -> ExitCode {
    let result = match Cli::parse() {
        Cli::Budget(arguments) => budget::run(&arguments),
        Cli::Clients(arguments) => clients::run(&arguments),
        Cli::Compose(arguments) => compose::run(&arguments),
        Cli::Flood(arguments) => flood::run(&arguments),
        Cli::Live(arguments) => live::run(&arguments),
        Cli::Overload(arguments) => overload::run(&arguments),
        Cli::Run(arguments) => compare::run(&arguments),
        Cli::Send(arguments) => send::run(&arguments),
        Cli::Soak(arguments) => soak::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("etiage-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
