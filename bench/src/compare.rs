//! `etiage classify` beside what else one could run, on the same file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::child::{self, Usage};
use crate::machine;
use crate::program::{self, Program};
use crate::table::Table;

/// Runs programs on captures, one after the other, again and again, and compares their times
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Captures
    #[arg(required = true, value_name = "FILE")]
    captures: Vec<PathBuf>,
    /// How often each program is run; the median counts
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The core that all programs run on
    #[arg(long, value_name = "N", default_value_t = 1)]
    core: u32,
    /// Also run `etiage classify` with 1 and 2 workers, on the first two cores
    #[arg(long)]
    scaling: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // nfpcapd insists on writing what it finds.
    let scratch = std::env::temp_dir().join(format!("etiage-bench-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)
        .with_context(|| format!("cannot make {}", scratch.display()))?;
    let result = compare_all(arguments, &scratch);
    let _ = std::fs::remove_dir_all(&scratch); // What is left of it is in the temporary folder.
    result
}

fn compare_all(arguments: &Arguments, scratch: &Path) -> Result<()> {
    machine::print();
    for capture in &arguments.captures {
        let capture = std::path::absolute(capture)?;
        let size = Size::of(&capture)?;
        println!(
            "\n{}: {} packets, {:.1} MB, mean {} octets; {} rounds on core {}\n",
            capture.file_name().unwrap_or_default().display(),
            size.packets,
            size.octets as f64 / 1e6,
            size.octets / size.packets.max(1),
            arguments.rounds,
            arguments.core,
        );
        let core = arguments.core.to_string();
        let candidates = candidates(&capture, scratch)?;
        compare(&candidates, &core, arguments.rounds, &size)?;
        if arguments.scaling && takes_workers()? {
            println!("\nWorkers, on cores 0 and 1\n");
            let with = |workers| classify(&capture, Some(workers)).map(Candidate::Present);
            compare(&[with(1)?, with(2)?], "0,1", arguments.rounds, &size)?;
        }
    }
    Ok(())
}

/// What a capture holds, as the bare loop counts it. Reading it also brings it into the page cache.
struct Size {
    packets: u64,
    octets: u64,
}

impl Size {
    fn of(capture: &Path) -> Result<Self> {
        let output = Command::new(program::own("libpcap-loop")?).arg(capture).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let words: Vec<&str> = text.split_whitespace().collect();
        let [packets, _, octets, _] = *words else {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim())
        };
        Ok(Self { packets: packets.parse()?, octets: octets.parse()? })
    }
}

enum Candidate {
    Present(Program),
    /// Not installed.
    Missing(&'static str),
}

/// All programs, the baselines first.
fn candidates(capture: &Path, scratch: &Path) -> Result<Vec<Candidate>> {
    let file = capture.to_str().context("the capture's name is not UTF-8")?;
    let flows = scratch.to_str().context("the temporary folder's name is not UTF-8")?;
    // A port that nobody listens on: what softflowd exports is sent and thrown away.
    let closed = "127.0.0.1:9";
    let others: [(&'static str, Vec<&str>); 4] = [
        ("ndpiReader", vec!["-q", "-i", file]),
        ("softflowd", vec!["-d", "-n", closed, "-r", file]),
        ("nfpcapd", vec!["-w", flows, "-r", file]),
        ("tcpdump", vec!["-w", "/dev/null", "-r", file]),
    ];
    let mut candidates = vec![
        Candidate::Present(classify(capture, takes_workers()?.then_some(1))?),
        Candidate::Present(Program::new(program::own("libpcap-loop")?, &[file])),
    ];
    candidates.extend(others.map(|(name, arguments)| match program::find(name) {
        Some(path) => Candidate::Present(Program::new(path, &arguments)),
        None => Candidate::Missing(name),
    }));
    Ok(candidates)
}

fn classify(capture: &Path, workers: Option<u32>) -> Result<Program> {
    let file = capture.to_str().context("the capture's name is not UTF-8")?;
    let workers = workers.map(|workers| workers.to_string());
    let mut arguments = vec!["classify", file];
    if let Some(workers) = &workers {
        arguments.extend(["--workers", workers]);
    }
    Ok(Program::new(program::own("etiage")?, &arguments))
}

/// Whether this `etiage classify` can be told a number of workers.
fn takes_workers() -> Result<bool> {
    let etiage = program::own("etiage")?;
    let help = Command::new(&etiage).args(["classify", "--help"]).output();
    let help = help.with_context(|| format!("cannot run {}", etiage.display()))?;
    Ok(String::from_utf8_lossy(&help.stdout).contains("--workers"))
}

/// The medians of a program's runs.
struct Medians {
    wall: Duration,
    cpu: Duration,
    peak_octets: u64,
}

impl Medians {
    fn of(runs: &[Usage]) -> Option<Self> {
        Some(Self {
            wall: median(runs.iter().map(|run| run.wall))?,
            cpu: median(runs.iter().map(|run| run.cpu))?,
            peak_octets: median(runs.iter().map(|run| run.peak_octets))?,
        })
    }
}

fn median<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

fn compare(candidates: &[Candidate], cores: &str, rounds: u32, size: &Size) -> Result<()> {
    let mut runs: Vec<Vec<Usage>> = candidates.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        // One after the other within a round: what disturbs the machine disturbs all of them.
        for (candidate, runs) in candidates.iter().zip(&mut runs) {
            let Candidate::Present(program) = candidate else { continue };
            let used = child::measure(&mut program.command(cores))
                .with_context(|| format!("cannot run {} by taskset", program.path.display()))?;
            if !used.status.success() {
                bail!("{} {:?} failed: {}", program.path.display(), program.arguments, used.status);
            }
            runs.push(used);
        }
    }
    let medians: Vec<Option<Medians>> = runs.iter().map(|runs| Medians::of(runs)).collect();
    print!("{}", table(candidates, &medians, size));
    Ok(())
}

fn table(candidates: &[Candidate], medians: &[Option<Medians>], size: &Size) -> Table {
    let of = |wanted: &str| {
        candidates.iter().zip(medians).find_map(|(candidate, medians)| match candidate {
            Candidate::Present(program) if program.name.starts_with(wanted) => medians.as_ref(),
            _ => None,
        })
    };
    let (dpi, floor) = (of("ndpiReader"), of("libpcap-loop"));
    let mut table = Table::new([
        "program",
        "wall, s",
        "packets/s",
        "processor, s",
        "peak memory, MB",
        "as fast as ndpiReader, wall",
        "processor",
        "as fast as the libpcap loop, wall",
        "processor",
    ]);
    for (candidate, medians) in candidates.iter().zip(medians) {
        match (candidate, medians) {
            (Candidate::Present(program), Some(medians)) => {
                let seconds = [medians.wall, medians.cpu].map(|it| it.as_secs_f64());
                table.row(
                    [
                        program.name.clone(),
                        format!("{:.3}", medians.wall.as_secs_f64()),
                        format!("{:.2} M", size.packets as f64 / medians.wall.as_secs_f64() / 1e6),
                        format!("{:.3}", medians.cpu.as_secs_f64()),
                        format!("{:.0}", medians.peak_octets as f64 / 1e6),
                    ]
                    .into_iter()
                    .chain(ratios(dpi, seconds))
                    .chain(ratios(floor, seconds)),
                );
            }
            (Candidate::Missing(name), _) => table.row([format!("{name}: not installed")]),
            (Candidate::Present(program), None) => table.row([program.name.clone()]),
        }
    }
    table
}

/// How often as fast as another, in wall time and in processor time.
fn ratios(other: Option<&Medians>, [wall, cpu]: [f64; 2]) -> [String; 2] {
    let times = |other: f64, own: f64| format!("{:.2} x", other / own);
    other.map_or_else(
        || ["-", "-"].map(str::to_owned),
        |other| [times(other.wall.as_secs_f64(), wall), times(other.cpu.as_secs_f64(), cpu)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_of_an_odd_number() {
        assert_eq!(median([3, 1, 2].into_iter()), Some(2));
        assert_eq!(median(std::iter::empty::<u32>()), None);
    }
}
