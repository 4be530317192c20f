//! The command line. Every command is a module with `Arguments`, its options documented where they are declared,
//! and `run`; one that opens what privileges are needed for has `prepare` too. See [`Failure`] for exit codes.
//!
//! [`Failure`]: crate::failure::Failure

use std::io;

use clap::{Parser, Subcommand};

/// Traffic analytics for ISP links: what flows through them, and when it suddenly stops.
///
/// Exit codes: 0 done, 1 failed, 2 unusable arguments or configuration.
#[derive(Debug, Parser)]
#[command(name = "etiage", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Capture on the configured links; store, serve the API and the dashboards
    Run(crate::run::Arguments),
    /// Send captures through the same way that live traffic takes: to store, API and dashboards
    Replay(crate::replay::Arguments),
    /// Say what captures hold: categories, protocols, services, flows. No database, no server
    Classify(crate::classify::Arguments),
    /// Say which events detection would have raised over stored history
    Backtest(crate::backtest::Arguments),
    /// List the events that were found, show one, and prove it from a bundle of files
    Events(crate::events::Arguments),
    /// Classify captures that have truth beside them, and say how right that was
    Eval(crate::eval::Arguments),
    /// Report a link's month: 95th percentile, bill, growth, and what comes
    Report(crate::report::Arguments),
    /// Write volumes into a file: CSV, JSON lines, Parquet or Arrow
    Export(crate::export::Arguments),
    /// Write plausible history of invented links into the store, to try Etiage on
    Simulate(crate::simulate::Arguments),
    /// Try who is told of events
    Alerts(crate::alerts::Arguments),
    /// Say what a configuration means, or everything that is wrong in it
    Check(crate::check::Arguments),
    /// Print the statements that make the database on a ClickHouse server or cluster
    Schema(crate::schema::Arguments),
    /// List the rows that the database has refused, or offer them to it again
    Refused(crate::refused::Arguments),
    /// Say what is wrong with what is stored, and what to do. Exit code 1 if something is, 2 if the store cannot be used
    Doctor(crate::doctor::Arguments),
    /// Copy the embedded engine's database, also while the appliance runs
    Backup(crate::backup::BackupArguments),
    /// Bring a backup back into an empty data directory, and compare it with what was backed up
    Restore(crate::backup::RestoreArguments),
}

/// A reader that has seen enough (`etiage classify … | head`) is no failure.
pub(crate) fn forgive_broken_pipe(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
