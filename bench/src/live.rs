//! The highest rate at which a program that captures on an interface misses nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::machine;
use crate::netns::Wire;
use crate::process::{self, Ended};
use crate::program;
use crate::table::Table;

/// The kernel's ring that each program is given where it can be told: what Etiage takes by default.
const RING_OCTETS: u32 = 64 << 20;
/// How long a program may take to be ready.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a program gets to read the rest of its ring.
const DRAIN: Duration = Duration::from_secs(2);
/// Where the API of `etiage run` is, within its namespace.
const API: &str = "127.0.0.1:8420";

/// Sends packets over a veth pair at rising rates to programs that capture there, one after the other,
/// and says which rate each of them bore without missing one (as root)
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The capture whose frames are sent
    capture: PathBuf,
    /// Packets a second
    #[arg(long, value_name = "N,…", value_delimiter = ',', num_args = 1..,
          default_value = "50000,100000,200000,300000,400000,600000,800000,1000000")]
    rates: Vec<u64>,
    /// How long each rate is sent
    #[arg(long, value_name = "N", default_value_t = 5)]
    seconds: u64,
    /// The core on which the programs run; the generator has the other one
    #[arg(long, value_name = "N", default_value_t = 0)]
    core: u32,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    machine::print();
    let folder = std::env::temp_dir().join(format!("etiage-live-{}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let result = compare(arguments, &folder);
    let _ = fs::remove_dir_all(&folder); // What is left of it is in the temporary folder.
    result
}

fn compare(arguments: &Arguments, folder: &Path) -> Result<()> {
    let wire = Wire::new()?;
    let stand = Stand { arguments, wire: &wire, folder };
    let mut results: Vec<Vec<Result<Outcome>>> = PROGRAMS.iter().map(|_| Vec::new()).collect();
    for &rate in &arguments.rates {
        for (kind, results) in PROGRAMS.iter().zip(&mut results) {
            results.push(stand.measure(*kind, rate));
        }
    }
    let rates = arguments.rates.iter().map(|rate| format!("{} k/s", rate / 1000));
    let header: Vec<String> = ["program: packets missed".to_owned()]
        .into_iter()
        .chain(rates)
        .chain(["highest rate without a miss".to_owned()])
        .collect();
    let mut table = Table::new(header.iter().map(String::as_str));
    for (kind, results) in PROGRAMS.iter().zip(&results) {
        let cells = results.iter().map(|outcome| match outcome {
            Ok(outcome) => outcome.to_string(),
            Err(error) => format!("{error:#}"),
        });
        let clean =
            results.iter().take_while(|outcome| matches!(outcome, Ok(it) if it.missed() == 0));
        let best = clean.last().and_then(|outcome| outcome.as_ref().ok());
        let best = best.map_or("none".to_owned(), |best| format!("{:.0} k/s", best.rate() / 1e3));
        table.row([kind.shown()].into_iter().chain(cells).chain([best]));
    }
    println!(
        "\n{}: {} s at each rate; the ring is {} MiB where it can be told\n",
        arguments.capture.file_name().unwrap_or_default().display(),
        arguments.seconds,
        RING_OCTETS >> 20
    );
    print!("{table}");
    Ok(())
}

/// The programs that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Etiage,
    NdpiReader,
    Softflowd,
    Tcpdump,
}

const PROGRAMS: [Kind; 4] = [Kind::Etiage, Kind::NdpiReader, Kind::Softflowd, Kind::Tcpdump];

impl Kind {
    fn shown(self) -> String {
        match self {
            Self::Etiage => "etiage run".to_owned(),
            Self::NdpiReader => "ndpiReader -i".to_owned(),
            Self::Softflowd => format!("softflowd -d -B {RING_OCTETS} -i"),
            Self::Tcpdump => format!("tcpdump -B {} -w /dev/null -i", RING_OCTETS >> 10),
        }
    }
}

/// What was sent, and what of it a program counted.
struct Outcome {
    sent: u64,
    seconds: f64,
    counted: u64,
}

impl Outcome {
    fn missed(&self) -> u64 {
        self.sent.saturating_sub(self.counted)
    }

    /// Packets sent a second.
    fn rate(&self) -> f64 {
        self.sent as f64 / self.seconds
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.missed() {
            0 => write!(f, "0 of {:.2} M", self.sent as f64 / 1e6),
            missed => write!(f, "{:.2} %", 100.0 * missed as f64 / self.sent as f64),
        }
    }
}

/// Where everything happens.
struct Stand<'a> {
    arguments: &'a Arguments,
    wire: &'a Wire,
    folder: &'a Path,
}

impl Stand<'_> {
    fn measure(&self, kind: Kind, rate: u64) -> Result<Outcome> {
        let outcome = match kind {
            Kind::Etiage => self.etiage(rate),
            Kind::NdpiReader => self.ndpi_reader(rate),
            Kind::Softflowd => self.softflowd(rate),
            Kind::Tcpdump => self.tcpdump(rate),
        };
        match &outcome {
            Ok(it) => println!(
                "{rate} packets/s to {}: {} sent in {:.2} s, {} counted",
                kind.shown(),
                it.sent,
                it.seconds,
                it.counted,
            ),
            Err(error) => println!("{rate} packets/s to {}: {error:#}", kind.shown()),
        }
        outcome
    }

    /// A command in the receiver's namespace, on its core.
    fn receiver(&self, program: &Path) -> Command {
        let core = self.arguments.core.to_string();
        let mut command = self.wire.inside_far("taskset");
        command.args(["--cpu-list", &core]).arg(program);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Packets sent, and the seconds that it took.
    fn send(&self, rate: u64) -> Result<(u64, f64)> {
        let other = if self.arguments.core == 0 { "1" } else { "0" };
        let mut command = self.wire.inside_near("taskset");
        command.args(["--cpu-list", other]).arg(program::own("etiage-bench")?).arg("send");
        command.args(["--interface", self.wire.near_interface()]);
        command.args(["--rate", &rate.to_string()]);
        command.args(["--seconds", &self.arguments.seconds.to_string()]);
        let output = command.arg(&self.arguments.capture).output()?;
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        let [packets, _, seconds] = words.split_whitespace().collect::<Vec<_>>()[..] else {
            bail!("the generator: {}", String::from_utf8_lossy(&output.stderr).trim());
        };
        Ok((packets.parse()?, seconds.parse()?))
    }

    fn find(name: &str) -> Result<PathBuf> {
        program::find(name).with_context(|| format!("{name} is not installed"))
    }

    /// As it is installed: with the embedded engine, its API, its dashboards. Only the engine's process
    /// is moved to the generator's core, as the database should not take the packets' time.
    fn etiage(&self, rate: u64) -> Result<Outcome> {
        let config = self.folder.join("etiage.toml");
        let _ = fs::remove_dir_all(self.folder.join("data")); // None is there at first.
        fs::write(
            &config,
            format!(
                "probe = \"bench\"\n[capture]\nring = \"{}MiB\"\n[store]\ndata = \"data\"\n[[link]]\n\
             name = \"veth\"\ninterface = \"{}\"\ncapacity = \"10G\"\n",
                RING_OCTETS >> 20,
                self.wire.far_interface(),
            ),
        )?;
        let mut command = self.receiver(&program::own("etiage")?);
        command.arg("run").arg("--config").arg(&config).args(["--listen", API]);
        let log = fs::File::create(self.folder.join("etiage.log"))?;
        let mut running = Ended(command.stderr(log).spawn()?);
        let before = self.wait_for_health(&mut running.0)?;
        let other = if self.arguments.core == 0 { "1" } else { "0" };
        for engine in process::children(running.0.id()) {
            process::run(
                "taskset",
                &["--all-tasks", "--cpu-list", "--pid", other, &engine.to_string()],
            )?;
            process::run("renice", &["--priority", "19", "--pid", &engine.to_string()])?;
        }
        let (sent, seconds) = self.send(rate)?;
        thread::sleep(DRAIN);
        let after = self.health().context("etiage run has no health")?;
        process::stop(&mut running.0, "TERM")?;
        Ok(Outcome { sent, seconds, counted: after.saturating_sub(before) })
    }

    /// Packets received, as the API tells.
    fn health(&self) -> Result<u64> {
        let output = self
            .wire
            .inside_far("curl")
            .args(["--silent", "--fail", &format!("http://{API}/api/v1/health")])
            .output()?;
        let health: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        health.pointer("/capture/packets").and_then(serde_json::Value::as_u64).context("no packets")
    }

    fn wait_for_health(&self, child: &mut Child) -> Result<u64> {
        let began = Instant::now();
        loop {
            if let Ok(packets) = self.health() {
                return Ok(packets);
            }
            let log = || fs::read_to_string(self.folder.join("etiage.log")).unwrap_or_default();
            ensure!(child.try_wait()?.is_none(), "etiage run has ended: {}", log());
            ensure!(began.elapsed() < PATIENCE, "etiage run is not ready: {}", log());
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Starts a program whose output tells what it counted once it is stopped, and gives that output.
    fn told_at_the_end(&self, mut command: Command, rate: u64) -> Result<(String, u64, f64)> {
        let file = self.folder.join("output");
        let output = fs::File::create(&file)?;
        command.stdout(output.try_clone()?).stderr(output);
        let mut running = Ended(command.spawn()?);
        // They say nothing when they are ready; all are within a moment.
        thread::sleep(DRAIN);
        let (sent, seconds) = self.send(rate)?;
        thread::sleep(DRAIN);
        process::stop(&mut running.0, "INT")?;
        Ok((fs::read_to_string(&file)?, sent, seconds))
    }

    fn tcpdump(&self, rate: u64) -> Result<Outcome> {
        let mut command = self.receiver(&Self::find("tcpdump")?);
        command.args(["-n", "-B", &(RING_OCTETS >> 10).to_string(), "-w", "/dev/null"]);
        command.args(["-i", self.wire.far_interface()]);
        let (output, sent, seconds) = self.told_at_the_end(command, rate)?;
        let counted = number_before(&output, " packets captured").context(output)?;
        Ok(Outcome { sent, seconds, counted })
    }

    fn ndpi_reader(&self, rate: u64) -> Result<Outcome> {
        let mut command = self.receiver(&Self::find("ndpiReader")?);
        // With -q it would not say what it counted; what it prints comes at its end.
        command.args(["-i", self.wire.far_interface()]);
        let (output, sent, seconds) = self.told_at_the_end(command, rate)?;
        let counted = number_before(&output, " packets total").context(output)?;
        Ok(Outcome { sent, seconds, counted })
    }

    fn softflowd(&self, rate: u64) -> Result<Outcome> {
        let socket = self.folder.join("softflowd.ctl");
        let mut command = self.receiver(&Self::find("softflowd")?);
        command.args(["-d", "-n", "127.0.0.1:9", "-B", &RING_OCTETS.to_string(), "-c"]);
        command.arg(&socket).arg("-p").arg(self.folder.join("softflowd.pid"));
        command.args(["-i", self.wire.far_interface()]);
        let mut running = Ended(command.spawn()?);
        thread::sleep(DRAIN);
        let (sent, seconds) = self.send(rate)?;
        thread::sleep(DRAIN);
        let mut ask = Command::new(Self::find("softflowctl")?);
        let output = ask.arg("-c").arg(&socket).arg("statistics").output()?;
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        process::stop(&mut running.0, "INT")?;
        // What it processed leaves fragments out; what it was given includes what was dropped.
        let received = number_after(&output, "Packets received by libpcap: ");
        let dropped = number_after(&output, "Packets dropped by libpcap: ");
        let (received, dropped) = (received.context(output.clone())?, dropped.context(output)?);
        Ok(Outcome { sent, seconds, counted: received.saturating_sub(dropped) })
    }
}

/// The last whole number before this text.
fn number_before(text: &str, words: &str) -> Option<u64> {
    let (before, _) = text.rsplit_once(words)?;
    before.split_whitespace().next_back()?.parse().ok()
}

/// The first whole number after this text.
fn number_after(text: &str, words: &str) -> Option<u64> {
    let (_, after) = text.split_once(words)?;
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_say_they_counted_is_found() {
        let tcpdump = "tcpdump: listening on far0\n919408 packets captured\n1 packet received\n";
        assert_eq!(number_before(tcpdump, " packets captured"), Some(919_408));
        let ndpi = "\tIP packets:  17  of 20 packets total\n";
        assert_eq!(number_before(ndpi, " packets total"), Some(20));
        let softflowd = "Packets processed: 12\nPackets received by libpcap: 34\n";
        assert_eq!(number_after(softflowd, "Packets received by libpcap: "), Some(34));
        assert_eq!(number_after(softflowd, "Flows: "), None);
    }
}
