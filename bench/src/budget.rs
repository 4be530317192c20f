//! Instructions a packet, counted by callgrind, against a stored budget.
//!
//! Counts, not times: they are the same on a busy machine, and nearly the same on any other.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::table::Table;

/// By how much a count may differ from the budget.
const SLACK: f64 = 0.05;
/// The function that is counted, as callgrind knows it.
const COUNTED: &str = "*packet_path*count_packets*";

/// Counts instructions a packet and compares them with a budget; fails where they are over it
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The program whose `count_packets` is counted: packet-path
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// Where the captures of the budget are
    #[arg(long, value_name = "DIR", default_value = "fixtures/captures")]
    captures: PathBuf,
    /// The budget
    #[arg(long, value_name = "FILE", default_value = "bench/budget.toml")]
    budget: PathBuf,
    /// Write what was counted into the budget instead of comparing
    #[arg(long)]
    update: bool,
}

/// The budget, or what was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    capture: Vec<Entry>,
}

/// Instructions a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    file: String,
    /// Over the whole capture: flows begin, are recognised and end.
    all: u64,
    /// Of flows that are known.
    settled: u64,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let shown = arguments.budget.display();
    let text = std::fs::read_to_string(&arguments.budget)
        .with_context(|| format!("cannot read {shown}"))?;
    let budget: Budget = toml::from_str(&text).with_context(|| format!("{shown}"))?;
    let count = |entry: &Entry| -> Result<Entry> {
        let capture = arguments.captures.join(&entry.file);
        Ok(Entry {
            file: entry.file.clone(),
            all: count(&arguments.program, &capture, &[])?,
            settled: count(&arguments.program, &capture, &["--settled"])?,
        })
    };
    let counted = Budget { capture: budget.capture.iter().map(count).collect::<Result<_>>()? };
    let verdict = Verdict::of(&budget, &counted);
    print!("{}", verdict.table);
    if arguments.update {
        let text = with_comments(&text, &counted)?;
        return std::fs::write(&arguments.budget, text)
            .with_context(|| format!("cannot write {shown}"));
    }
    if verdict.below {
        println!("More than 5 % below the budget: lower it with `make budget-update`.");
    }
    if verdict.above {
        bail!(
            "the way of a packet takes more than 5 % more instructions than {shown} allows. Find \
             out why (callgrind_annotate); if it is worth it, `make budget-update`, and say why"
        );
    }
    Ok(())
}

/// Runs the program under callgrind, and divides.
fn count(program: &Path, capture: &Path, arguments: &[&str]) -> Result<u64> {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(program)
        .args(arguments)
        .arg(capture)
        .stdin(Stdio::null());
    let output = command.output().context("cannot run valgrind (Debian package valgrind)")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} {}: {errors}", program.display(), capture.display());
    let packets: u64 = String::from_utf8_lossy(&output.stdout).trim().parse()?;
    let instructions = collected(&errors).with_context(|| format!("no count in: {errors}"))?;
    // Without the function, callgrind counts nothing, and all would seem well.
    ensure!(
        instructions > packets,
        "callgrind has counted {instructions} instructions for {packets} packets: is {COUNTED} in \
         {}, with its symbols?",
        program.display(),
    );
    Ok(instructions / packets.max(1))
}

/// The instructions that callgrind says it has collected: `==123== Collected : 456`.
fn collected(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

struct Verdict {
    table: Table,
    above: bool,
    below: bool,
}

impl Verdict {
    fn of(budget: &Budget, counted: &Budget) -> Self {
        let header = ["instructions a packet", "all", "budget", "settled", "budget"];
        let mut verdict = Self { table: Table::new(header), above: false, below: false };
        for (budget, counted) in budget.capture.iter().zip(&counted.capture) {
            for (allowed, taken) in [(budget.all, counted.all), (budget.settled, counted.settled)] {
                let ratio = taken as f64 / allowed.max(1) as f64;
                verdict.above |= ratio > 1.0 + SLACK;
                verdict.below |= ratio < 1.0 - SLACK;
            }
            let numbers = [counted.all, budget.all, counted.settled, budget.settled];
            let numbers = numbers.map(|number| number.to_string());
            verdict.table.row([budget.file.clone()].into_iter().chain(numbers));
        }
        verdict
    }
}

/// The new budget under the comment with which the old one begins.
fn with_comments(old: &str, budget: &Budget) -> Result<String> {
    let mut text = String::new();
    for line in old.lines().take_while(|line| line.starts_with('#') || line.is_empty()) {
        writeln!(text, "{line}")?;
    }
    text.push_str(&toml::to_string(budget)?);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(all: u64, settled: u64) -> Budget {
        Budget { capture: vec![Entry { file: "a.pcap".into(), all, settled }] }
    }

    #[test]
    fn only_more_than_five_percent_is_too_much() {
        let stored = budget(1000, 200);
        let verdict = |all, settled| {
            let verdict = Verdict::of(&stored, &budget(all, settled));
            (verdict.above, verdict.below)
        };
        assert_eq!(verdict(1050, 210), (false, false));
        assert_eq!(verdict(950, 190), (false, false));
        assert_eq!(verdict(1051, 200), (true, false));
        assert_eq!(verdict(1000, 211), (true, false));
        assert_eq!(verdict(1000, 189), (false, true));
    }

    #[test]
    fn callgrinds_count_is_found() {
        let text = "==9== Events    : Ir\n==9== Collected : 7352810\n==9== \n";
        assert_eq!(collected(text), Some(7_352_810));
        assert_eq!(collected("==9== Command: packet-path\n"), None);
    }

    #[test]
    fn a_new_budget_keeps_its_comment() {
        let text = with_comments("# Why.\n\n[[capture]]\nfile = \"b\"\n", &budget(2, 1)).unwrap();
        assert!(text.starts_with("# Why.\n\n[[capture]]\nfile = \"a.pcap\"\n"), "{text}");
        assert_eq!(toml::from_str::<Budget>(&text).unwrap(), budget(2, 1));
    }
}
