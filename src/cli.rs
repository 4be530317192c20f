//! The command line: every option documented where it is declared.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    Run(Run),
    /// Send captures through the same way that live traffic takes: to store, API and dashboards
    Replay(Replay),
    /// Say what captures hold: categories, protocols, services, flows. No database, no server
    Classify(Classify),
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
    Check(Check),
    /// Print the statements that make the database on a ClickHouse server or cluster
    Schema(Schema),
    /// List the rows that the database has refused, or offer them to it again
    Refused(crate::refused::Arguments),
    /// Say what is wrong with what is stored, and what to do. Exit code 1 if something is, 2 if the store cannot be used
    Doctor(crate::doctor::Arguments),
    /// Copy the embedded engine's database, also while the appliance runs
    Backup(crate::backup::BackupArguments),
    /// Bring a backup back into an empty data directory, and compare it with what was backed up
    Restore(crate::backup::RestoreArguments),
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The configuration
    #[arg(long, short, value_name = "FILE", default_value = "etiage.toml")]
    pub(crate) config: PathBuf,
    /// Serve API and dashboards here instead of where `[api] listen` says; port 0 is any free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Captures (pcap or pcapng), played one after the other; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The configuration: links, store, API. Without it one link takes every packet, and the store is
    /// the embedded engine in ./data
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Count every packet on this link. Without it the configured links' VLANs, neighbours and prefixes
    /// tell; a savefile has no interfaces
    #[arg(long, value_name = "NAME")]
    pub(crate) link: Option<String>,
    /// How fast to play
    #[arg(long, value_enum, default_value_t = Pace::Max)]
    pub(crate) pace: Pace,
    /// Move timestamps so that the captures end now; with `--pace real`, so that they begin now
    #[arg(long)]
    pub(crate) rebase_to_now: bool,
    /// Play again from the first file when the last has ended, but not before some 10 s have passed,
    /// until stopped (needs --pace real and --rebase-to-now)
    #[arg(long, requires = "rebase_to_now")]
    pub(crate) repeat: bool,
    /// Play the files side by side, as if each came from an interface of its own
    #[arg(long)]
    pub(crate) together: bool,
    /// Threads that count, each with a flow table of its own. Results are the same for any number (for --pace
    /// max)
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) workers: u8,
    /// Keep API and dashboards running after the last packet, until stopped
    #[arg(long)]
    pub(crate) serve: bool,
    /// Serve API and dashboards here instead of where `[api] listen` says; port 0 is any free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
}

/// How fast a capture is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pace {
    /// As its timestamps say
    Real,
    /// As fast as it can be counted; nothing is dropped
    Max,
}

#[derive(Debug, Args)]
pub(crate) struct Classify {
    /// Captures (pcap or pcapng); `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// One row a flow instead of totals. `src` is the end that began the flow, as far as was seen
    #[arg(long)]
    pub(crate) flows: bool,
    /// Threads that count, each with a flow table of its own. Results are the same for any number; with
    /// several, rows of flows come in another order
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) workers: u8,
    /// Print on standard error what each stage cost, how soon flows were known, and what they took
    #[arg(long)]
    pub(crate) stats: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Count only packets of the links of this configuration, and use its service rules
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// One object; with --flows one object a line
    Json,
    /// With a header
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The configuration
    #[arg(long, short, value_name = "FILE", default_value = "etiage.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Take database, cluster and retention from this configuration
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Replicated and distributed tables on this cluster of the server's `remote_servers`
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// The database
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Option<String>,
}
