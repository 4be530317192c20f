//! The live path on a bad day: a flood of short flows and a wall of dashboards, while hosters' flows
//! have to be seen as what they are, rows written in time, and health answered.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::Value;

use crate::machine;
use crate::netns::Wire;
use crate::process::{self, Ended};
use crate::program;
use crate::table::Table;

/// Where the API of `etiage run` is, within its namespace.
const API: &str = "127.0.0.1:8420";
/// How long the program may take to be ready, or to write its last rows.
const PATIENCE: Duration = Duration::from_secs(90);
/// Seconds before the recordings begin: the flood has filled then what it can fill.
const AHEAD: u64 = 6;
/// Seconds from an interval's end until its rows are due: it stays open for ten more, and the next one
/// is ten seconds behind.
const DUE_SECS: i64 = 20;

/// Floods a live interface with short flows and asks for dashboards from many clients, and says whether
/// recordings are still seen as what they are, rows are written in time and health is answered (as root)
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Captures of what has to be seen, sent one after the other
    #[arg(required = true, value_name = "FILE")]
    recordings: Vec<PathBuf>,
    /// Answered DNS exchanges a second
    #[arg(long, value_name = "N", default_value_t = 25_000)]
    exchanges: u64,
    /// Clients that ask without a pause
    #[arg(long, value_name = "N", default_value_t = 60)]
    clients: u32,
    #[arg(long, value_name = "N", default_value_t = 40)]
    seconds: u64,
    /// Packets of the recordings a second
    #[arg(long, value_name = "N", default_value_t = 500)]
    rate: u64,
}

/// Octets by category and service.
type Seen = BTreeMap<String, u64>;

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    machine::print();
    let folder = std::env::temp_dir().join(format!("etiage-overload-{}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let result = compare(arguments, &folder);
    let _ = fs::remove_dir_all(&folder); // What is left of it is in the temporary folder.
    result
}

fn compare(arguments: &Arguments, folder: &Path) -> Result<()> {
    let wire = Wire::new()?;
    let stand = Stand { arguments, wire: &wire, folder };
    let (quiet, _) = stand.measure(false)?;
    let (loaded, answers) = stand.measure(true)?;
    let mut table = Table::new(["category, service", "octets alone", "octets under load"]);
    let mut differing = 0;
    for (name, octets) in &quiet {
        let under_load = loaded.get(name).copied().unwrap_or(0);
        differing += u32::from(under_load != *octets);
        table.row([name.clone(), octets.to_string(), under_load.to_string()]);
    }
    println!(
        "\n{} exchanges/s, {} clients, {} s: {differing} of {} classes differ\n\n{table}",
        arguments.exchanges,
        arguments.clients,
        arguments.seconds,
        quiet.len()
    );
    println!("{answers}");
    Ok(())
}

struct Stand<'a> {
    arguments: &'a Arguments,
    wire: &'a Wire,
    folder: &'a Path,
}

impl Stand<'_> {
    /// What was seen of the recordings, and how questions were answered meanwhile.
    fn measure(&self, load: bool) -> Result<(Seen, String)> {
        let _ = fs::remove_dir_all(self.folder.join("data")); // None is there at first.
        let _ = fs::remove_dir_all(self.folder.join("data.spool"));
        let mut running = Ended(self.start()?);
        self.wait_for("the start", &mut running.0, |_| true)?;
        let background = if load { Some((self.flood()?, self.clients()?)) } else { None };
        if load {
            thread::sleep(Duration::from_secs(AHEAD));
        }
        for recording in &self.arguments.recordings {
            self.send(recording)?;
        }
        let mut answers = String::new();
        if let Some((flood, clients)) = background {
            let told = flood.wait_with_output()?;
            println!("flood: {}", String::from_utf8_lossy(&told.stdout).trim());
            let told = clients.wait_with_output()?;
            ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
            answers = Self::shown(&serde_json::from_slice(&told.stdout)?);
        }
        let health = self.health()?;
        let number = |path: &str| health.pointer(path).and_then(Value::as_u64).unwrap_or(0);
        println!(
            "{}: {} packets, {} dropped by the kernel, {} flows unprobed, {} packets sampled, {}",
            if load { "under load" } else { "alone" },
            number("/capture/packets"),
            number("/capture/dropped/kernel"),
            number("/capture/unprobed_flows"),
            number("/capture/sampled_packets"),
            health.pointer("/reasons").cloned().unwrap_or_default(),
        );
        process::stop(&mut running.0, "TERM")?;
        // All that was counted is written at the end; a second start answers for it.
        let mut running = Ended(self.start()?);
        self.wait_for("the second start", &mut running.0, |health| {
            health.pointer("/store/queued_rows").and_then(Value::as_u64) == Some(0)
        })?;
        let seen = self.seen()?;
        process::stop(&mut running.0, "TERM")?;
        Ok((seen, answers))
    }

    /// The answers of the clients, in words.
    fn shown(answers: &Value) -> String {
        let seconds = |name: &str| answers.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
        let count = |name: &str| answers.get(name).and_then(Value::as_u64).unwrap_or(0);
        let lag = answers.get("lag").and_then(Value::as_i64).unwrap_or(0);
        format!(
            "questions: {} answered, {} told to come back, {} failed; p50 {:.3} s, p99 {:.3} s\n\
             health: {} answers, p99 {:.0} ms; rows at most {} s late",
            count("ok"),
            count("busy"),
            count("other"),
            seconds("p50"),
            seconds("p99"),
            count("healths"),
            seconds("health_p99") * 1e3,
            (lag - DUE_SECS).max(0),
        )
    }

    fn start(&self) -> Result<Child> {
        let config = self.folder.join("etiage.toml");
        let text = format!(
            "probe = \"bench\"\nlocal_prefixes = [\"100.64.0.0/10\"]\n[store]\ndata = \"data\"\n\
             [[link]]\nname = \"veth\"\ninterface = \"{}\"\ncapacity = \"10G\"\n",
            self.wire.far_interface()
        );
        fs::write(&config, text)?;
        let mut command = self.wire.inside_far(&program::own("etiage")?.display().to_string());
        command.arg("run").arg("--config").arg(&config).args(["--listen", API]);
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join("etiage.log"))?;
        Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?)
    }

    fn own(&self, inside: Command, arguments: &[&str]) -> Result<Child> {
        let mut command = inside;
        command.args(arguments).stdin(Stdio::null());
        Ok(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
    }

    fn flood(&self) -> Result<Child> {
        let bench = program::own("etiage-bench")?.display().to_string();
        let (rate, seconds) =
            (self.arguments.exchanges.to_string(), self.arguments.seconds.to_string());
        let interface = self.wire.near_interface();
        let arguments = ["flood", "--interface", interface, "--rate", &rate, "--seconds", &seconds];
        self.own(self.wire.inside_near(&bench), &arguments)
    }

    fn clients(&self) -> Result<Child> {
        let bench = program::own("etiage-bench")?.display().to_string();
        let (clients, seconds) =
            (self.arguments.clients.to_string(), self.arguments.seconds.to_string());
        let arguments = ["clients", "--address", API, "--clients", &clients, "--seconds", &seconds];
        self.own(self.wire.inside_far(&bench), &arguments)
    }

    fn send(&self, recording: &Path) -> Result<()> {
        let mut command =
            self.wire.inside_near(&program::own("etiage-bench")?.display().to_string());
        command.args(["send", "--once", "--seconds", "600", "--interface"]);
        command.arg(self.wire.near_interface());
        command.args(["--rate", &self.arguments.rate.to_string()]);
        let output = command.arg(recording).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    }

    fn ask(&self, path: &str) -> Result<Value> {
        let url = format!("http://{API}{path}");
        let arguments = ["--silent", "--fail", "--max-time", "60", &url];
        let output = self.wire.inside_far("curl").args(arguments).output()?;
        ensure!(output.status.success(), "{path}: {}", output.status);
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn health(&self) -> Result<Value> {
        self.ask("/api/v1/health")
    }

    fn wait_for(
        &self,
        what: &str,
        child: &mut Child,
        condition: impl Fn(&Value) -> bool,
    ) -> Result<()> {
        let began = Instant::now();
        while !self.health().is_ok_and(|health| condition(&health)) {
            let log = || fs::read_to_string(self.folder.join("etiage.log")).unwrap_or_default();
            ensure!(child.try_wait()?.is_none(), "etiage run has ended: {}", log());
            if began.elapsed() > PATIENCE {
                bail!("{what} takes too long: {}", log());
            }
            thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// Octets by category and service, but for the flood's own.
    fn seen(&self) -> Result<Seen> {
        let answer = self.ask("/api/v1/totals?from=now-30m&to=now&group_by=category,service")?;
        let rows = answer.pointer("/rows").and_then(Value::as_array).context("no rows")?;
        let class = |row: &Value, name: &str| {
            row.pointer(&format!("/group/{name}")).and_then(Value::as_str).unwrap_or("").to_owned()
        };
        let rows = rows.iter().filter(|row| class(row, "category") != "dns");
        let octets = |row: &Value| row.pointer("/octets").and_then(Value::as_u64).unwrap_or(0);
        Ok(rows
            .map(|row| {
                (format!("{}, {}", class(row, "category"), class(row, "service")), octets(row))
            })
            .collect())
    }
}
