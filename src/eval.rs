//! `etiage eval`: how right the classifier is, on captures with truth beside them.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use etiage_evaluation::{Cut, Evaluation, captures};

use crate::cli::forgive_broken_pipe;
use crate::failure::Failure;
use crate::{clock, config};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Captures, or folders that are searched for captures with truth beside them: NAME.json,
    /// NAME.truth.csv, or ../flows/FILE.csv
    #[arg(required = true, value_name = "DIR")]
    paths: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Leave packets out first: `client` or `server` keeps only what that end sent, `first:N` leaves
    /// out the first N packets of each flow
    #[arg(long, value_name = "client|server|first:N")]
    cut: Option<Cut>,
    /// Leave out the packets of all flows but those of these kinds, as the truth calls them: what
    /// other flows would have taught is then not known
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    only: Vec<String>,
    /// List so many of the largest wrongly classified flows
    #[arg(long, value_name = "N", default_value_t = 20)]
    worst: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One object
    Json,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let found = captures(&arguments.paths).map_err(anyhow::Error::from)?;
    if found.is_empty() {
        let paths: Vec<_> = arguments.paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Failure::Unusable(format!(
            "etiage: no capture with truth beside it in {}: see docs/accuracy.md for its forms",
            paths.join(", ")
        )));
    }
    let evaluation = Evaluation {
        rules: config::builtin_rules()?,
        cut: arguments.cut,
        only: arguments.only.clone(),
        worst: arguments.worst,
        wall: clock::now,
    };
    let report = evaluation.run(found).map_err(anyhow::Error::from)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match arguments.format {
        Format::Json => serde_json::to_writer_pretty(&mut out, &report)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out)),
        Format::Table => report.print(&mut out),
    };
    Ok(forgive_broken_pipe(written.and_then(|()| out.flush()))?)
}
