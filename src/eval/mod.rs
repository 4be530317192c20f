//! `etiage eval`: how right the classifier is, on captures with truth beside them.
//!
//! Each capture is classified by itself, with nothing learnt from another, and each of its flows is
//! compared with what the truth says of it. `docs/accuracy.md` describes the forms of truth and the
//! results.

mod cut;
mod find;
mod labels;
mod measure;
mod print;
mod report;
mod tally;
mod truth;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use etiage_capture::flow::FlowKey;

use crate::config;
use crate::eval::cut::Cut;
use crate::eval::find::{Capture, Found};
use crate::eval::measure::{Measurer, Selection};
use crate::eval::tally::Tally;
use crate::failure::Failure;
use crate::output;

/// The arguments of `etiage eval`.
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
    let Found { captures, without_truth } = find::captures(&arguments.paths)?;
    if captures.is_empty() {
        return Err(Failure::Unusable(format!(
            "etiage: no capture with truth beside it in {}: see docs/accuracy.md for its forms",
            arguments
                .paths
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
                .join(", ")
        )));
    }
    let measurer = Measurer::new(config::builtin_rules()?);
    let mut tally = Tally::new(measurer.rules(), arguments.worst, without_truth);
    for capture in &captures {
        evaluate(capture, arguments, &measurer, &mut tally)?;
    }
    let report = tally.into_report(arguments.cut.map(|cut| cut.to_string()), &arguments.only);
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match arguments.format {
        Format::Json => serde_json::to_writer_pretty(&mut out, &report)
            .map_err(io::Error::from)
            .and_then(|()| {
                writeln!(out)?;
                out.flush()
            }),
        Format::Table => print::table(&report, &mut out).and_then(|()| out.flush()),
    };
    Ok(output::forgive_broken_pipe(written)?)
}

fn evaluate(
    capture: &Capture,
    arguments: &Arguments,
    measurer: &Measurer,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let truth = truth::read(&capture.truth)?;
    let only = (!arguments.only.is_empty()).then(|| truth.keys_of(&arguments.only));
    let selection = |cut| Selection { only: only.as_ref(), cut };
    let measured = match measurer.measure(&capture.file, &selection(arguments.cut)) {
        Ok(measured) => measured,
        Err(reason) => {
            tally.skip(&capture.name, reason);
            return Ok(());
        }
    };
    if arguments.cut.is_some()
        && let Ok(whole) = measurer.measure(&capture.file, &selection(None))
    {
        tally.compare(&whole, &measured);
    }
    tally.file(&capture.name, &truth, &measured);
    Ok(())
}

/// The key by which truth and flows find each other: ports count where both sides know them.
fn key(transport: etiage_capture::Transport, ends: [std::net::SocketAddr; 2]) -> FlowKey {
    use etiage_capture::Transport;
    let [mut one, mut other] = ends;
    if transport != Transport::TCP && transport != Transport::UDP {
        one.set_port(0);
        other.set_port(0);
    }
    FlowKey::new(one, other, transport, None).0
}
