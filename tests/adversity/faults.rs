//! Nothing lost, nothing twice: a capture with known totals, while the database and then the appliance
//! itself are killed, stopped and run out of disk.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::reliability::{Outcome, report};
use crate::support::{Appliance, PATIENCE, count_records, etiage, is_alive, need_engine};
use etiage_store::Settings;
use etiage_store::embedded::{Engine, EngineSettings};
use serde_json::Value;

/// Rows that are written a second while faults happen, the fewest that can be configured: those of
/// `LONG` last for half a minute of writing, so that each fault meets rows on their way.
const SLOW: u32 = 1000;
/// Seconds of the long capture; every ten make three rows.
const LONG: u32 = 100_000;
/// Size of the small disk.
const DISK: &str = "256m";

/// A mount namespace in which the data directory is a small disk of its own; or none, where this is not
/// allowed. It ends with its process.
struct SmallDisk {
    holder: Child,
    folder: PathBuf,
}

impl SmallDisk {
    fn mount(folder: &Path) -> Option<Self> {
        fs::create_dir(folder).unwrap();
        let script = format!(
            "mount -t tmpfs -o size={DISK} etiage-test '{}' && echo mounted && exec cat",
            folder.display()
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

    /// A file on the disk, as this process can reach it.
    fn path(&self, name: &str) -> PathBuf {
        let folder = self.folder.strip_prefix("/").unwrap();
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(folder).join(name)
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &self.holder.id().to_string(), "--"]);
        command
    }

    /// Fills the disk to its last octet.
    fn fill(&self) -> PathBuf {
        let path = self.path("filler");
        let mut file = File::create(&path).unwrap();
        for size in [1 << 20, 4096, 1] {
            let piece = vec![1; size];
            while file.write_all(&piece).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.stdin.take()); // Its end of file ends it, and with it the mount.
        let _ = self.holder.wait();
    }
}

/// A capture of UDP packets to a few ports, and one more packet so many seconds later; its packets and
/// octets as any other reader counts them.
fn capture(path: &Path, seconds: u32, per_second: u32, later: Option<u32>) -> (u64, u64) {
    let mut octets = Vec::new();
    for number in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1] {
        octets.extend(number.to_le_bytes());
    }
    let count = seconds * per_second;
    for number in 0..count + u32::from(later.is_some()) {
        let port = [53_u16, 123, 443, 3478, 5060, 6881, 51820][number as usize % 7];
        let payload = vec![number as u8; 20 + number as usize % 900];
        let length = payload.len() as u16;
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
        frame.extend((length + 28).to_be_bytes());
        frame.extend([0, 1, 0, 0, 64, 17, 0, 0]);
        let ends = [[100, 64, 0, 1], [192, 0, 2, 1]];
        let way = number as usize / 7 % 2;
        frame.extend(ends[way]);
        frame.extend(ends[1 - way]);
        let ports = [40_000 + (number / 7 % 4) as u16, port];
        frame.extend(ports[way].to_be_bytes());
        frame.extend(ports[1 - way].to_be_bytes());
        frame.extend((length + 8).to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(payload);
        let wait = later.filter(|_| number == count).unwrap_or(0);
        let time = [number / per_second + wait, number % per_second * (1_000_000 / per_second)];
        let size = frame.len() as u32;
        for number in [1_795_219_200 + time[0], time[1], size, size] {
            octets.extend(number.to_le_bytes());
        }
        octets.extend(frame);
    }
    fs::write(path, octets).unwrap();
    count_records(path)
}

/// The configuration; both directories are absolute.
fn configure(folder: &Path, rows_per_second: u32) -> PathBuf {
    let path = folder.join("etiage.toml");
    let text = format!(
        "local_prefixes = [\"100.64.0.0/10\"]\n[store]\ndata = \"disk/data\"\n\
         [store.spool]\ndirectory = \"spool\"\nrows_per_second = {rows_per_second}\n\
         [api]\nlisten = \"127.0.0.1:0\"\n"
    );
    fs::write(&path, text).unwrap();
    path
}

fn start(disk: Option<&SmallDisk>, arguments: &[&str]) -> Appliance {
    let plain = etiage(arguments);
    let Some(disk) = disk else { return Appliance::of(plain) };
    let mut command = disk.enter();
    command.arg(plain.get_program()).args(plain.get_args()).env("ETIAGE_LOG", "info");
    Appliance::of(command)
}

fn signal(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} takes too long");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn written(health: &Value) -> u64 {
    health["store"]["written_rows"].as_u64().unwrap()
}

fn waiting(health: &Value) -> u64 {
    health["store"]["spool"]["rows"].as_u64().unwrap()
}

/// Waits until rows are written that were not before.
fn goes_on(appliance: &Appliance) -> u64 {
    let before = written(&appliance.get("/api/v1/health"));
    written(&appliance.wait_until("/api/v1/health", |health| written(health) > before))
}

fn engine_of(appliance: &Appliance) -> u32 {
    let engine = || appliance.children().first().copied();
    wait_until("the engine's start", || engine().is_some());
    engine().unwrap()
}

/// What each table of the database says of octets, its views' tables included, asked of the engine
/// itself once nobody else works in the data directory.
async fn sums(disk: Option<&SmallDisk>, folder: &Path) -> Vec<(String, u64)> {
    let own = Path::new(env!("CARGO_BIN_EXE_etiage")).with_file_name("etiage-clickhouse");
    let program = folder.join("engine");
    let enter = disk
        .map_or(String::new(), |disk| format!("nsenter --mount --target {} -- ", disk.holder.id()));
    fs::write(&program, format!("#!/bin/sh\nexec {enter}{} \"$@\"\n", own.display())).unwrap();
    let status = Command::new("chmod").arg("+x").arg(&program).status().unwrap();
    assert!(status.success());
    let settings = EngineSettings {
        program,
        library: std::env::var_os("ETIAGE_ENGINE_LIBRARY").unwrap().into(),
        data: folder.join("disk/data"),
        memory: 1 << 30,
        backups: None,
    };
    let engine = Engine::start(&settings).await.unwrap();
    let server = engine.settings();
    let tables = ask(
        &server,
        "SELECT table FROM system.columns AS c JOIN system.tables AS t \
         ON t.database = c.database AND t.name = c.table \
         WHERE c.database = 'etiage' AND c.name = 'octets' AND t.engine LIKE '%MergeTree' \
         AND table NOT LIKE 'networks%' AND table NOT LIKE 'asns%' AND table NOT LIKE 'ledger%' \
         ORDER BY table",
    );
    let sums = tables.lines().map(|table| {
        let sum = ask(&server, &format!("SELECT sum(octets) FROM etiage.`{table}`"));
        (table.to_owned(), sum.trim().parse().unwrap())
    });
    let sums = sums.collect();
    engine.stop().await;
    sums
}

fn ask(server: &Settings, sql: &str) -> String {
    let mut stream = UnixStream::connect(server.url.strip_prefix("unix:").unwrap()).unwrap();
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

#[tokio::test(flavor = "multi_thread")]
async fn every_octet_is_counted_once_whatever_happens_to_the_database() {
    need_engine();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (long, nothing) = (folder.join("long.pcap"), folder.join("nothing.pcap"));
    let (_, octets) = capture(&long, LONG, 1, None);
    capture(&nothing, 0, 1, None);
    let disk = SmallDisk::mount(&folder.join("disk"));
    if disk.is_none() {
        eprintln!("no file system may be mounted here: a full disk is not tested");
    }
    let disk = disk.as_ref();
    let config = configure(folder, SLOW);
    let replay = |capture: &Path| {
        let mut arguments = vec!["replay", "--serve", "--rebase-to-now", "--link", "x", "--config"];
        arguments.extend([config.to_str().unwrap(), capture.to_str().unwrap()]);
        start(disk, &arguments)
    };
    let mut appliance = replay(&long);
    for _ in 0..5 {
        goes_on(&appliance);
        let engine = engine_of(&appliance);
        signal("-KILL", engine);
        wait_until("the engine's end", || !is_alive(engine));
        appliance.wait_for_line("starting it again");
    }
    goes_on(&appliance);

    let engine = engine_of(&appliance);
    signal("-STOP", engine);
    // The database does not answer, the appliance does.
    appliance.wait_until("/api/v1/health", |health| health["store"]["disk_octets"] == Value::Null);
    signal("-CONT", engine);
    goes_on(&appliance);

    if let Some(disk) = disk {
        let filler = disk.fill();
        let failed = |health: &Value| health["store"]["last_error"].as_str().map(str::to_owned);
        let health = appliance.wait_until("/api/v1/health", |health| failed(health).is_some());
        assert_eq!(health["status"], "degraded");
        assert_eq!(health["store"]["spool"]["error"], Value::Null, "another disk");
        fs::remove_file(filler).unwrap();
        goes_on(&appliance);
    }

    // The appliance itself, with rows still to be written: it goes on where it was.
    let health = appliance.wait_until("/api/v1/health", |health| waiting(health) > 0);
    for counter in ["dropped_rows", "dropped_octets"] {
        assert_eq!(health["store"][counter], 0);
    }
    let engine = engine_of(&appliance);
    let (status, log) = appliance.stop("-KILL");
    assert!(!status.success(), "{log}");
    wait_until("the engine's end", || !is_alive(engine));
    configure(folder, 100_000);
    let began = Instant::now();
    let again = replay(&nothing);
    let health = again.wait_until("/api/v1/health", |health| waiting(health) == 0);
    let recovery = began.elapsed();
    assert!(health["store"]["spool"]["recovered_records"].as_u64().unwrap() > 0, "{health:#}");
    for counter in ["merged_rows", "dropped_rows", "corrupt_segments", "refused_groups"] {
        assert_eq!(health["store"]["spool"][counter], 0, "{counter}");
    }
    let (status, log) = again.stop("-INT");
    assert!(status.success(), "{log}");

    let sums = sums(disk, folder).await;
    assert!(sums.len() >= 2, "{sums:?}");
    for (table, sum) in sums {
        assert_eq!(sum, octets, "{table}");
    }
    let full = if disk.is_some() { ", a full disk" } else { "" };
    let fault = format!("the engine killed 5 times and stopped{full}, then the appliance killed");
    report(Outcome {
        fault: &fault,
        times: 1,
        lost: 0,
        doubled: 0,
        recovery: Some(recovery.as_secs_f64()),
        of: octets,
    });
}

/// Intervals stay open for up to twenty seconds: what is counted in them is on disk long before.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_appliance_keeps_what_its_open_intervals_held() {
    need_engine();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("disk")).unwrap();
    let (burst, nothing) = (folder.join("burst.pcap"), folder.join("nothing.pcap"));
    let (packets, octets) = capture(&burst, 2, 20, None);
    // The same, but that the capture goes on: nothing is closed because it ends.
    capture(&burst, 2, 20, Some(3000));
    capture(&nothing, 0, 1, None);
    let config = configure(folder, 100_000);
    let replay = |capture: &Path, pace| {
        let mut arguments = vec!["replay", "--serve", "--rebase-to-now", "--link", "x", "--pace"];
        arguments.extend([pace, "--config", config.to_str().unwrap()]);
        arguments.push(capture.to_str().unwrap());
        start(None, &arguments)
    };
    let appliance = replay(&burst, "real");
    appliance.wait_until("/api/v1/health", |health| health["capture"]["packets"] == packets);
    // Written down once more from here on, and once more in case the first was under way.
    let open = folder.join("spool/open");
    for _ in 0..2 {
        let number = || fs::metadata(&open).map(|file| (file.ino(), file.modified().unwrap())).ok();
        let before = number();
        wait_until("the open intervals", || number().is_some() && number() != before);
    }
    let engine = engine_of(&appliance);
    drop(appliance.stop("-KILL"));
    wait_until("the engine's end", || !is_alive(engine));
    let again = replay(&nothing, "max");
    again.wait_until("/api/v1/health", |health| waiting(health) == 0);
    let (status, log) = again.stop("-INT");
    assert!(status.success(), "{log}");
    for (table, sum) in sums(None, folder).await {
        assert_eq!(sum, octets, "{table}");
    }
    report(Outcome {
        fault: "the appliance killed with open intervals",
        times: 1,
        lost: 0,
        doubled: 0,
        recovery: None,
        of: octets,
    });
}

/// The clock of the captured packets leaps two hours ahead, and later four hours back.
#[test]
fn a_clock_that_leaps_loses_no_octet() {
    need_engine();
    let folder = tempfile::tempdir().unwrap();
    let original = crate::support::capture("dd01_https_h1.link-a");
    let (packets, received) = count_records(&original);
    let mut octets = fs::read(&original).unwrap();
    let number =
        |octets: &[u8], at: usize| u32::from_le_bytes(octets[at..at + 4].try_into().unwrap());
    let (mut at, mut record) = (24, 0);
    while at < octets.len() {
        let leap = [0, 7200, -7200][(3 * record / packets) as usize];
        let time = number(&octets, at).checked_add_signed(leap).unwrap();
        octets[at..at + 4].copy_from_slice(&time.to_le_bytes());
        at += 16 + number(&octets, at + 8) as usize;
        record += 1;
    }
    let leaping = folder.path().join("leaping.pcap");
    fs::write(&leaping, octets).unwrap();
    let config = crate::support::config(folder.path(), "");
    let mut command = etiage(&["replay", "--serve", "--rebase-to-now", "--link", "x", "--config"]);
    command.arg(&config).arg(&leaping);
    let mut appliance = Appliance::of(command);
    appliance.wait_for_line("replayed; serving until stopped");
    let total = &appliance.get("/api/v1/totals?from=now-20h&to=now&group_by=link")["total"];
    assert_eq!(total["packets"], packets);
    let stored = total["octets"].as_u64().unwrap();
    report(Outcome {
        fault: "the clock leaps two hours ahead, then four back",
        times: 2,
        lost: received.saturating_sub(stored),
        doubled: stored.saturating_sub(received),
        recovery: None,
        of: received,
    });
    assert_eq!(stored, received);
    assert!(appliance.stop("-INT").0.success());
}
