//! The power is cut: copies of the block device of an ext4 image, each mounted again and started.
//!
//! Three cuts; with ETIAGE_LONG=1 a dozen. Needs root and loop devices, and says so where it has none.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::reliability::{Outcome, report};
use crate::support::{Appliance, PATIENCE, etiage, is_alive, need_engine};
use etiage_store::Settings;
use etiage_store::embedded::{Engine, EngineSettings};
use serde_json::Value;

/// First second of the capture: 21 November 2026.
const START: u32 = 1_795_219_200;
/// Seconds of the capture. Ten make three rows; they are written at the fewest a second that can be configured.
const SECONDS: u32 = 400_000;
const SLOW: u32 = 1000;
/// Days of history before it.
const HISTORY: (&str, &str) = ("2026-11-12", "2026-11-14");

/// A mount namespace with a memory file system, an ext4 image in it, and that mounted.
struct Machine {
    holder: Child,
    folder: PathBuf,
}

impl Machine {
    fn start(folder: &Path) -> Option<Self> {
        let (ram, disk) = (folder.join("ram"), folder.join("disk"));
        fs::create_dir(&ram).unwrap();
        fs::create_dir(&disk).unwrap();
        let script = format!(
            "mount -t tmpfs -o size=4g etiage-test '{ram}' && truncate -s 900M '{ram}/image' \
             && mkfs.ext4 -q -F '{ram}/image' && mount -o loop '{ram}/image' '{disk}' \
             && echo mounted && exec cat",
            ram = ram.display(),
            disk = disk.display()
        );
        let mut holder = Command::new("unshare")
            .args(["--mount", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.trim() == "mounted" {
            return Some(Self { holder, folder: folder.to_owned() });
        }
        let _ = holder.wait(); // It has said all it had to say.
        None
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &self.holder.id().to_string(), "--"]);
        command
    }

    fn sh(&self, script: &str) {
        // Entering another mount namespace leaves the working directory behind.
        let script = format!("cd '{}' && {script}", self.folder.display());
        let status = self.enter().args(["sh", "-c", &script]).status();
        assert!(status.unwrap().success(), "{script}");
    }

    /// A file as this process can reach it.
    fn path(&self, name: &str) -> PathBuf {
        let folder = self.folder.strip_prefix("/").unwrap();
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(folder).join(name)
    }

    fn start_appliance(&self, arguments: &[&str]) -> Appliance {
        let plain = etiage(arguments);
        let mut command = self.enter();
        command.arg(plain.get_program()).args(plain.get_args()).env("ETIAGE_LOG", "info");
        Appliance::of(command)
    }

    /// The block device as it is at one moment: nobody runs, and two copies are the same.
    fn copy(&self, appliance: &Appliance, name: &str) {
        let pids = [appliance.pid(), engine_of(appliance)];
        pids.iter().for_each(|pid| signal("-STOP", *pid));
        self.sh(&format!(
            "cd ram; for i in 1 2 3 4 5 6 7 8; do cp --sparse=always image {name}; \
             cp --sparse=always image {name}.b; cmp -s {name} {name}.b && break; \
             test $i = 8 && exit 1; done; rm {name}.b"
        ));
        pids.iter().for_each(|pid| signal("-CONT", *pid));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.holder.stdin.take()); // Its end of file ends it, and with it the mounts.
        let _ = self.holder.wait();
    }
}

/// One packet of a few hundred octets each second; octets by interval of ten seconds.
fn capture(path: &Path, seconds: u32) -> BTreeMap<u32, u64> {
    let mut octets = Vec::new();
    for number in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1] {
        octets.extend(number.to_le_bytes());
    }
    let mut intervals = BTreeMap::new();
    for number in 0..seconds {
        let payload = vec![number as u8; 20 + number as usize % 300];
        let length = payload.len() as u16;
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
        frame.extend((length + 28).to_be_bytes());
        frame.extend([0, 1, 0, 0, 64, 17, 0, 0, 100, 64, 0, 1, 192, 0, 2, 1]);
        let port = [53_u16, 123, 443][number as usize % 3];
        frame.extend((40_000 + (number / 7 % 4) as u16).to_be_bytes());
        frame.extend(port.to_be_bytes());
        frame.extend((length + 8).to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(payload);
        let size = frame.len() as u32;
        for number in [START + number, 0, size, size] {
            octets.extend(number.to_le_bytes());
        }
        octets.extend(frame);
        *intervals.entry(START + number - number % 10).or_default() += u64::from(size);
    }
    fs::write(path, octets).unwrap();
    intervals
}

fn configure(folder: &Path, rows_per_second: u32) -> PathBuf {
    let path = folder.join("etiage.toml");
    let text = format!(
        "local_prefixes = [\"100.64.0.0/10\"]\n[store]\ndata = \"disk/data\"\n\
         [store.spool]\ndirectory = \"disk/spool\"\nrows_per_second = {rows_per_second}\n\
         [api]\nlisten = \"127.0.0.1:0\"\n"
    );
    fs::write(&path, text).unwrap();
    path
}

fn signal(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

fn engine_of(appliance: &Appliance) -> u32 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(pid) = appliance.children().first() {
            return *pid;
        }
        assert!(Instant::now() < deadline, "the engine does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn number(health: &Value, pointer: &str) -> u64 {
    health.pointer(pointer).and_then(Value::as_u64).unwrap()
}

/// Asks the engine itself, once nobody else works in the data directory.
async fn ask_engine(machine: &Machine, questions: &[String]) -> Vec<String> {
    let own = Path::new(env!("CARGO_BIN_EXE_etiage")).with_file_name("etiage-clickhouse");
    let program = machine.folder.join("engine");
    let enter = format!("nsenter --mount --target {} --", machine.holder.id());
    fs::write(&program, format!("#!/bin/sh\nexec {enter} {} \"$@\"\n", own.display())).unwrap();
    assert!(Command::new("chmod").arg("+x").arg(&program).status().unwrap().success());
    let settings = EngineSettings {
        program,
        library: std::env::var_os("ETIAGE_ENGINE_LIBRARY").unwrap().into(),
        data: machine.folder.join("disk/data"),
        memory: 1 << 30,
        backups: None,
    };
    let engine = Engine::start(&settings).await.unwrap();
    let server = engine.settings();
    let answers = questions.iter().map(|sql| ask(&server, sql)).collect();
    engine.stop().await;
    answers
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn ask(server: &Settings, sql: &str) -> String {
    let mut stream: Box<dyn Stream> = match server.url.strip_prefix("unix:") {
        Some(path) => Box::new(UnixStream::connect(path).unwrap()),
        None => Box::new(TcpStream::connect(server.url.trim_start_matches("http://")).unwrap()),
    };
    write!(
        stream,
        "POST / HTTP/1.0\r\nHost: engine\r\nX-ClickHouse-User: {}\r\nX-ClickHouse-Key: {}\r\n\
         Content-Length: {}\r\n\r\n{sql}",
        server.user,
        server.password.as_deref().unwrap(),
        sql.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(" 200 "), "{answer}");
    body.to_owned()
}

/// Octets of each table that counts a link's, before the capture and since.
fn sums_of_tables() -> String {
    let tables: Vec<String> = ["volumes", "links", "loads", "classes", "observations"]
        .iter()
        .flat_map(|family| ["10s", "1m", "5m", "1h", "1d"].map(|tier| format!("{family}_{tier}")))
        .map(|table| {
            format!(
                "SELECT '{table}', sumIf(octets, time < toDateTime({START}, 'UTC')), \
                 sumIf(octets, time >= toDateTime({START}, 'UTC')) FROM etiage.{table}"
            )
        })
        .collect();
    tables.join(" UNION ALL ")
}

/// By table: history, and what was captured.
fn tables(answer: &str) -> BTreeMap<String, (u64, u64)> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split('\t').collect();
        (words[0].to_owned(), (words[1].parse().unwrap(), words[2].parse().unwrap()))
    };
    answer.lines().map(line).collect()
}

/// What was acknowledged at the moment of a cut.
struct Cut {
    name: String,
    rows: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_survives_the_power() {
    need_engine();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let Some(machine) = Machine::start(&folder) else {
        eprintln!("no file system may be mounted here: power cuts are not tested");
        return;
    };
    let (long, nothing) = (folder.join("long.pcap"), folder.join("nothing.pcap"));
    let cuts = if std::env::var_os("ETIAGE_LONG").is_some() { 12 } else { 3 };
    // Enough for all cuts to come while rows are written.
    let expected = capture(&long, if cuts > 3 { 2 * SECONDS } else { SECONDS });
    capture(&nothing, 0);
    let config = configure(&folder, SLOW);
    let config = config.to_str().unwrap();

    // History that is on the disk.
    let plain = etiage(&["simulate", "--config", config, "--links", "1", "--from", HISTORY.0]);
    let mut simulate = machine.enter();
    simulate.arg(plain.get_program()).args(plain.get_args()).args(["--to", HISTORY.1]);
    assert!(simulate.stdout(Stdio::null()).status().unwrap().success());
    let history = tables(&ask_engine(&machine, &[sums_of_tables()]).await[0]);
    assert!(history.values().all(|(before, since)| *before > 0 && *since == 0), "{history:?}");
    machine.sh("sync -f disk");

    let replay = |capture: &Path| {
        let capture = capture.to_str().unwrap();
        machine.start_appliance(&["replay", "--serve", "--link", "x", "--config", config, capture])
    };
    let appliance = replay(&long);
    let mut taken = Vec::new();
    // All of it is in the spool: what the spool has not forced to disk yet may be gone, in the middle
    // too, where a replay reads a day of stream time in a second.
    let rows = |health: &Value| {
        number(health, "/store/written_rows") + number(health, "/store/spool/rows")
    };
    let all = 2 * (expected.len() as u64 - 3);
    let read = appliance.wait_until("/api/v1/health", |health| rows(health) >= all);
    let first = number(&read, "/store/written_rows");
    for cut in 0..cuts {
        // The first soon after the start, some before and some after the next mark.
        let more = [2_500, 4_000, 17_000][cut % 3];
        let before = taken.last().map_or(first, |cut: &Cut| cut.rows);
        let enough = |health: &Value| number(health, "/store/written_rows") >= before + more;
        let health = appliance.wait_until("/api/v1/health", enough);
        let name = format!("cut{cut}");
        machine.copy(&appliance, &name);
        taken.push(Cut { name, rows: number(&health, "/store/written_rows") });
    }
    let engine = engine_of(&appliance);
    drop(appliance.stop("-KILL"));
    let deadline = Instant::now() + PATIENCE;
    while is_alive(engine) {
        assert!(Instant::now() < deadline, "the engine does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    configure(&folder, 100_000);

    let (mut of, mut slowest) = (0, 0.0_f64);
    for cut in &taken {
        machine.sh(&format!(
            "for i in $(seq 100); do umount disk && break; sleep 0.1; done; \
             mount -o loop ram/{} disk",
            cut.name
        ));
        // The machine was started anew: that is all that tells a power cut from a kill.
        let running = machine.path("disk/data/etiage.running");
        if running.exists() {
            fs::write(&running, "another life of the machine\n").unwrap();
        }
        let began = Instant::now();
        let again = replay(&nothing);
        let drained = |health: &Value| number(health, "/store/spool/rows") == 0;
        let health = again.wait_until("/api/v1/health", drained);
        slowest = slowest.max(began.elapsed().as_secs_f64());
        for counter in ["corrupt_segments", "dropped_rows", "merged_rows", "refused_groups"] {
            assert_eq!(health["store"]["spool"][counter], 0, "{}: {counter}", cut.name);
        }
        let (status, log) = again.stop("-INT");
        assert!(status.success(), "{log}");
        of += check(&machine, cut, &history, &expected).await;
    }
    report(Outcome {
        fault: "power cut",
        times: taken.len() as u32,
        lost: 0,
        doubled: 0,
        recovery: Some(slowest),
        of,
    });
}

/// The history is whole, every table has the same, each interval is the capture's, and none is missing
/// before the last; octets of the capture.
async fn check(
    machine: &Machine,
    cut: &Cut,
    history: &BTreeMap<String, (u64, u64)>,
    expected: &BTreeMap<u32, u64>,
) -> u64 {
    let name = &cut.name;
    let by_interval = "SELECT toUnixTimestamp(time) AS at, sum(octets) FROM etiage.volumes_10s \
                       WHERE link = 'x' GROUP BY at ORDER BY at";
    let rows = "SELECT uniq(time, link, direction, category, protocol, service) FROM etiage.volumes_10s \
                WHERE link = 'x'";
    let questions = [sums_of_tables(), by_interval.to_owned(), rows.to_owned()];
    let answers = ask_engine(machine, &questions).await;
    let found = tables(&answers[0]);
    let of = found["volumes_10s"].1;
    for (table, (before, since)) in &found {
        assert_eq!(*before, history[table].0, "{name}: history of {table}");
        assert_eq!(*since, of, "{name}: {table} beside volumes_10s");
    }
    let intervals: Vec<(u32, u64)> = answers[1]
        .lines()
        .map(|line| line.split_once('\t').unwrap())
        .map(|(at, octets)| (at.parse().unwrap(), octets.parse().unwrap()))
        .collect();
    for (index, (at, octets)) in intervals.iter().enumerate() {
        assert_eq!(*at, START + 10 * index as u32, "{name}: an interval is missing");
        // The last were open: as they were when they were written down last.
        if index + 3 < intervals.len() {
            assert_eq!(*octets, expected[at], "{name}: interval {index} of {}", intervals.len());
        } else {
            assert!(*octets <= expected[at], "{name}: interval {index} of {}", intervals.len());
        }
    }
    // Each acknowledged interval has one row of observations beside those of volumes.
    let kept: u64 = answers[2].trim().parse::<u64>().unwrap() + intervals.len() as u64;
    assert!(kept >= cut.rows, "{name}: {} rows were acknowledged, {kept} are there", cut.rows);
    of
}
