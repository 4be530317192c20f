//! Etiage: traffic analytics for ISP links.
//!
//! The appliance: command line, configuration, and the wiring of what the other crates do.

mod alerts;
mod appliance;
mod ask;
mod backtest;
mod backup;
mod check;
mod classify;
mod cli;
mod config;
mod detection;
mod doctor;
mod eval;
mod events;
mod export;
mod failure;
mod flow_records;
mod load;
mod moment;
mod networks;
mod outbox;
mod output;
mod reader;
mod refused;
mod replay;
mod report;
mod run;
mod schema;
mod simulate;
mod stats;
mod workers;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

fn main() -> ExitCode {
    // clap's own errors exit with 2, as unusable arguments do.
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Classify(arguments) => classify::run(arguments),
        Command::Eval(arguments) => eval::run(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Schema(arguments) => schema::run(arguments),
        Command::Run(arguments) => serve(run::run(arguments)),
        Command::Report(arguments) => serve(report::run(arguments)),
        Command::Export(arguments) => serve(export::run(arguments)),
        Command::Simulate(arguments) => serve(simulate::run(arguments)),
        Command::Replay(arguments) => serve(replay::run(arguments)),
        Command::Alerts(arguments) => serve(alerts::run(arguments)),
        Command::Backtest(arguments) => serve(backtest::run(arguments)),
        Command::Events(arguments) => serve(events::run(arguments)),
        Command::Refused(arguments) => serve(refused::run(arguments)),
        Command::Doctor(arguments) => serve(doctor::run(arguments)),
        Command::Backup(arguments) => serve(backup::run(arguments)),
        Command::Restore(arguments) => serve(backup::restore(arguments)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit_code()
        }
    }
}

/// Runs a command that serves: with a log and an async runtime.
fn serve(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let filter = EnvFilter::try_from_env("ETIAGE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(command)
}
