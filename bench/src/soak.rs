//! Hours of traffic in minutes, through the whole appliance: does its memory grow, is anything lost?

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::Value;

use crate::compose::{self, Round, Source, Writer, Written};
use crate::machine;
use crate::process::{self, Ended};
use crate::program;
use crate::table::Table;

/// How long the program may take to be ready, or to write its last rows.
const PATIENCE: Duration = Duration::from_secs(120);
/// Stream time ends about now and begins so much earlier: far more than is played in any soak.
const BACK: Duration = Duration::from_secs(60 * 24 * 3600);

/// Pours recordings through `etiage replay` for minutes, with new addresses each time, and prints its
/// memory every minute and what was lost at the end
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Captures, or folders that are searched for them
    #[arg(required = true, value_name = "PATH")]
    recordings: Vec<PathBuf>,
    #[arg(long, value_name = "N", default_value_t = 20)]
    minutes: u64,
    /// Copies of all recordings within a minute of stream time
    #[arg(long, value_name = "N", default_value_t = 10)]
    copies: u32,
    /// A folder for the database, emptied first
    #[arg(long, value_name = "DIR", default_value = "target/bench/soak")]
    folder: PathBuf,
    /// Where the appliance serves meanwhile
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8429")]
    listen: String,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    machine::print();
    let sources = compose::load_all(&arguments.recordings)?;
    let folder = std::path::absolute(&arguments.folder)?;
    if folder.exists() {
        // Only what an earlier run has left.
        fs::remove_dir_all(folder.join("data")).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
    }
    fs::create_dir_all(&folder)?;
    let mut appliance = Appliance::start(arguments, &folder)?;
    let input = appliance.running.0.stdin.take().context("no standard input")?;
    let time = Duration::from_secs(arguments.minutes * 60);
    let copies = arguments.copies;
    let pouring = thread::spawn(move || pour(&sources, copies, time, input));
    let table = appliance.watch(arguments.minutes, || pouring.is_finished())?;
    let Ok(written) = pouring.join() else { bail!("the pouring thread has died") };
    let written = written.context("pouring")?;
    let end = appliance.wait_until_all_is_counted(&written)?;
    print!("\n{table}\n{end}");
    process::stop(&mut appliance.running.0, "TERM")
}

/// Writes copy after copy, stream time going on, until the time is over; says what was written.
fn pour(sources: &[Source], copies: u32, time: Duration, out: impl Write) -> Result<Written> {
    let mut writer = Writer::new(BufWriter::with_capacity(1 << 20, out))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let mut round = Round { first: 0, copies, begin: now.saturating_sub(BACK) };
    let started = Instant::now();
    while started.elapsed() < time {
        round.write(sources, &mut writer, |_, _| ())?;
        round = round.next(sources);
    }
    Ok(writer.finish()?)
}

struct Appliance {
    running: Ended,
    listen: String,
    log: PathBuf,
}

impl Appliance {
    fn start(arguments: &Arguments, folder: &Path) -> Result<Self> {
        let log = folder.join("etiage.log");
        let mut command = Command::new(program::own("etiage")?);
        command.args(["replay", "--pace", "max", "--serve", "--listen", &arguments.listen, "-"]);
        command.current_dir(folder).stdin(Stdio::piped()).stderr(fs::File::create(&log)?);
        let running = Ended(command.spawn()?);
        Ok(Self { running, listen: arguments.listen.clone(), log })
    }

    fn get(&self, path: &str) -> Result<Value> {
        let url = format!("http://{}/api/v1/{path}", self.listen);
        let output = Command::new("curl").args(["--silent", "--fail", &url]).output()?;
        serde_json::from_slice(&output.stdout).with_context(|| format!("no answer from {url}"))
    }

    /// Looks at it every minute until there is no more to come.
    fn watch(&mut self, minutes: u64, finished: impl Fn() -> bool) -> Result<Table> {
        let mut table = Table::new([
            "minute",
            "packets, M",
            "flows begun, M",
            "flows in the table",
            "etiage, MB resident",
            "engine, MB resident",
        ]);
        let began = Instant::now();
        for minute in 1..=minutes.max(1) {
            let due = Duration::from_secs(60 * minute);
            while began.elapsed() < due && !finished() {
                ensure!(self.running.0.try_wait()?.is_none(), "it has ended: {}", self.log());
                thread::sleep(Duration::from_millis(200));
            }
            let health = self.get("health")?;
            let number = |pointer| health.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
            let id = self.running.0.id();
            let megabytes =
                |octets: Option<u64>| format!("{:.0}", octets.unwrap_or(0) as f64 / 1e6);
            let engine = process::children(id).into_iter().find_map(process::resident);
            let row = [
                minute.to_string(),
                format!("{:.1}", number("/capture/packets") as f64 / 1e6),
                format!("{:.2}", number("/flows/started") as f64 / 1e6),
                number("/flows/active").to_string(),
                megabytes(process::resident(id)),
                megabytes(engine),
            ];
            println!("{}", row.join("  "));
            table.row(row);
        }
        Ok(table)
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until the last row is in the database; compares all sums.
    fn wait_until_all_is_counted(&mut self, written: &Written) -> Result<Table> {
        let began = Instant::now();
        while !self.log().contains("serving until stopped") {
            ensure!(self.running.0.try_wait()?.is_none(), "it has ended: {}", self.log());
            ensure!(began.elapsed() < PATIENCE, "the last rows are not written: {}", self.log());
            thread::sleep(Duration::from_millis(200));
        }
        let health = self.get("health")?;
        let stored = self
            .get("totals?from=now-100d&to=now%2B1d")
            .or_else(|_| self.get("totals?from=now-100d"))?;
        let number = |from: &Value, pointer: &str| from.pointer(pointer).and_then(Value::as_u64);
        let mut table = Table::new(["", "packets", "octets", "drift, packets", "drift, octets"]);
        table.row(["sent".to_owned(), written.packets.to_string(), written.octets.to_string()]);
        let counted = (number(&health, "/capture/packets"), number(&health, "/capture/octets"));
        let stored = (number(&stored, "/total/packets"), number(&stored, "/total/octets"));
        for (name, sums) in [("counted", counted), ("in the database", stored)] {
            let (Some(packets), Some(octets)) = sums else {
                bail!("the API's answer has no sums: {health}");
            };
            table.row([
                name.to_owned(),
                packets.to_string(),
                octets.to_string(),
                (i128::from(packets) - i128::from(written.packets)).to_string(),
                (i128::from(octets) - i128::from(written.octets)).to_string(),
            ]);
        }
        Ok(table)
    }
}
