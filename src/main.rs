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
mod clock;
mod config;
mod doctor;
mod eval;
mod events;
mod export;
mod failure;
mod flow_records;
mod format;
mod moment;
mod networks;
mod outbox;
mod privileges;
mod pump;
mod refused;
mod replay;
mod report;
mod run;
mod schema;
mod serving;
mod simulate;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::failure::Failure;
use crate::privileges::Scope;

fn main() -> ExitCode {
    privileges::mask_modes();
    // clap's own errors exit with 2, as unusable arguments do.
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Classify(arguments) => classify::run(arguments),
        Command::Eval(arguments) => eval::run(arguments),
        Command::Check(arguments) => check::run(arguments),
        Command::Schema(arguments) => schema::run(arguments),
        other => {
            start_log();
            with_runtime(other)
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit_code()
        }
    }
}

/// Commands that need an async runtime. What takes privileges comes before it: it starts threads.
fn with_runtime(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Run(own) => serve(run::run(run::prepare(own)?)),
        Command::Replay(own) => serve(replay::run(own, replay::prepare(own)?)),
        Command::Simulate(own) => serve(simulate::run(own, simulate::prepare(own)?)),
        Command::Report(own) => serve(report::run(own, store(own.config()?)?)),
        Command::Export(own) => serve(export::run(own, store(own.config()?)?)),
        Command::Backtest(own) => serve(backtest::run(own, store(own.config()?)?)),
        Command::Refused(own) => serve(refused::run(own, store(own.config()?)?)),
        Command::Doctor(own) => serve(doctor::run(own, store(own.config()?)?)),
        Command::Backup(own) => serve(backup::run(own, store(own.config()?)?)),
        Command::Restore(own) => serve(backup::restore(own, store(own.config()?)?)),
        Command::Events(own) => serve(events::run(own, own.config()?.map(store).transpose()?)),
        Command::Alerts(own) => serve(alerts::run(own)),
        _ => Ok(()),
    }
}

/// The configuration of a command that works with the store: as whom it says.
fn store(config: Config) -> Result<Config, Failure> {
    privileges::give_up(&config, Scope::Store)?;
    Ok(config)
}

/// The log of a command that takes a while.
fn start_log() {
    let filter = EnvFilter::try_from_env("ETIAGE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// Runs a command on an async runtime.
fn serve(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(command);
    // A thread that waits for a pipe that nobody writes, or for a dead disk, is not waited for.
    runtime.shutdown_background();
    result
}
