//! `etiage classify`: what captures hold, without database or server.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use etiage_aggregator::MeterSettings;
use etiage_capture::LinkMap;
use etiage_capture::flow::FlowSettings;
use etiage_classifier::Classifier;
use etiage_offline::Job;

use crate::cli::forgive_broken_pipe;
use crate::failure::Failure;
use crate::format::Format;
use crate::{clock, config};

/// Concurrent flows: what a file of any link holds within a few minutes.
const MAX_FLOWS: u32 = 1 << 22;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Captures (pcap or pcapng); `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One row a flow instead of totals. `src` is the end that began the flow, as far as was seen
    #[arg(long)]
    flows: bool,
    /// Threads that count, each with a flow table of its own. Results are the same for any number; with
    /// several, rows of flows come in another order
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: u8,
    /// Print on standard error what each stage cost, how soon flows were known, and what they took
    #[arg(long)]
    stats: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Count only packets of the links of this configuration, and use its service rules
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let format = arguments.format.into();
    let mut classified = job(arguments)?
        .run(arguments.flows.then(|| (format, Box::new(io::stdout()) as Box<dyn Write + Send>)))?;
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match classified.unwritable.take() {
        Some(error) => Err(error),
        None if arguments.flows => Ok(()),
        None => classified.totals.print(format, &mut out).and_then(|()| out.flush()),
    };
    forgive_broken_pipe(written)?;
    if arguments.stats {
        forgive_broken_pipe(classified.print_stats(&mut io::stderr().lock()))?;
    }
    // What could be read has been printed; a damaged file is still a failure.
    classified.unread.map_or(Ok(()), |error| Err(error.into()))
}

fn job(arguments: &Arguments) -> Result<Job<'_>, Failure> {
    let (links, link_names, rules) = match &arguments.config {
        Some(path) => {
            let config = config::load(path)?;
            (config.savefile_links(), config.link_names(), config.rules)
        }
        None => (LinkMap::everything(), vec!["all".into()], config::builtin_rules()?),
    };
    let settings = MeterSettings {
        probe: "classify".into(),
        links: Arc::new(links),
        link_names,
        // A file is classified as a whole: a row is a flow from its first to its last packet.
        flows: FlowSettings { max_flows: MAX_FLOWS, active: None, ..FlowSettings::default() },
        vlan_in_key: false,
    };
    Ok(Job {
        files: &arguments.files,
        workers: arguments.workers.into(),
        settings,
        classifier: Classifier::new(rules, Arc::default()),
        wall: clock::now,
        stopwatch: arguments.stats.then_some(clock::nanos),
    })
}
