//! The end: within ten seconds in any state, with nothing lost that the kernel had taken, and with a last word
//! that is true.

use std::fs::{self, File};
use std::io::Write;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::reliability::{Outcome, report};
use crate::support::wire::Wire;
use crate::support::{Appliance, PATIENCE, etiage, is_alive, need_engine, output};
use serde_json::Value;

/// What the end may take.
const LIMIT: Duration = Duration::from_secs(10);
/// Frames are all of one size.
const FRAME: usize = 142;

fn header() -> Vec<u8> {
    let numbers = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1];
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// A UDP packet at this second, with a VLAN tag if it has one.
fn packet(second: u32, vlan: Option<u16>) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    if let Some(vlan) = vlan {
        frame.extend([0x81, 0]);
        frame.extend(vlan.to_be_bytes());
    }
    frame.extend([8, 0, 0x45, 0, 0, 128, 0, 1, 0, 0, 64, 17, 0, 0]);
    frame.extend([100, 64, 0, 1, 192, 0, 2, 1]);
    frame.extend([0x9c, 0x40, 0, 9, 0, 108, 0, 0]);
    frame.resize(FRAME + vlan.map_or(0, |_| 4), 7);
    let size = frame.len() as u32;
    let mut octets: Vec<u8> =
        [1_795_219_200 + second, 0, size, size].iter().flat_map(|n| n.to_le_bytes()).collect();
    octets.extend(frame);
    octets
}

/// A capture of packets at these seconds.
fn capture(path: &Path, seconds: impl Iterator<Item = u32>) -> PathBuf {
    let mut octets = header();
    seconds.for_each(|second| octets.extend(packet(second, None)));
    fs::write(path, octets).unwrap();
    path.to_owned()
}

/// The configuration, with a spool of so much.
fn configure(folder: &Path, spool: &str) -> PathBuf {
    let path = folder.join("etiage.toml");
    let text = format!(
        "local_prefixes = [\"100.64.0.0/10\"]\n[store]\ndata = \"data\"\n\
         [store.spool]\nmax_bytes = \"{spool}\"\nrows_per_second = 1000\n\
         [api]\nlisten = \"127.0.0.1:0\"\n"
    );
    fs::write(&path, text).unwrap();
    path
}

fn replay(config: &Path, arguments: &[&str]) -> Appliance {
    need_engine();
    let mut all = vec!["replay", "--link", "x", "--config", config.to_str().unwrap()];
    all.extend(arguments);
    Appliance::start(&all)
}

fn signal(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} takes too long");
        thread::sleep(Duration::from_millis(20));
    }
}

fn engine_of(appliance: &Appliance) -> u32 {
    wait_until("the engine's start", || !appliance.children().is_empty());
    appliance.children()[0]
}

/// Stops it; what it said, how long it took.
fn ends(state: &'static str, appliance: Appliance) -> (bool, String) {
    let engine = appliance.children();
    let began = Instant::now();
    let (status, log) = appliance.stop("-TERM");
    let took = began.elapsed();
    eprintln!("{state}: ended after {took:.1?}");
    assert!(took < LIMIT, "{state}: {took:?}\n{log}");
    // An engine that is left behind ends by itself when nobody holds its standard input.
    wait_until("the engine's end", || !engine.iter().any(|pid| is_alive(*pid)));
    (status.success(), log)
}

/// The number before these words in the log.
fn number(log: &str, words: &str) -> u64 {
    let before = log.split(words).next().filter(|before| before.len() < log.len());
    let before = before.unwrap_or_else(|| panic!("no {words:?} in {log}"));
    before.split_whitespace().last().unwrap().parse().unwrap()
}

fn rows(health: &Value, key: &str) -> u64 {
    health["store"][key].as_u64().unwrap()
}

/// That so many rows are written by the next one.
fn are_written_next(config: &Path, folder: &Path, rows_left: u64) {
    let nothing = capture(&folder.join("nothing.pcap"), std::iter::empty());
    let text = fs::read_to_string(config).unwrap().replace("= 1000\n", "= 1000000\n");
    fs::write(config, text).unwrap();
    let next = replay(config, &["--serve", nothing.to_str().unwrap()]);
    let health = next.wait_until("/api/v1/health", |health| rows(health, "queued_rows") == 0);
    assert_eq!(rows(&health, "written_rows"), rows_left);
    let (status, log) = next.stop("-TERM");
    assert!(status.success(), "{log}");
}

#[test]
fn while_the_engine_hangs_and_the_spool_is_full() {
    for workers in ["1", "3"] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let config = configure(folder, "1MiB");
        let long = capture(&folder.join("long.pcap"), (0..3_000_000).step_by(10));
        let arguments = ["--workers", workers, long.to_str().unwrap()];
        let appliance = replay(&config, &arguments);
        signal("-STOP", engine_of(&appliance));
        // No more is taken once it is full: the replay waits for room.
        let packets = || appliance.get("/api/v1/health")["capture"]["packets"].as_u64().unwrap();
        wait_until("a replay that waits", || {
            let before = packets();
            thread::sleep(Duration::from_secs(1));
            before > 0 && before == packets()
        });
        let (_, log) = ends("engine hangs, spool full", appliance);
        let read = number(&log, " packets: what follows them was not read");
        assert!((1..300_000).contains(&read), "{log}");
        let left = number(&log, " rows stay in the spool");
        assert!(left > 0, "{log}");
        if workers == "1" {
            are_written_next(&config, folder, left);
            report(Outcome {
                fault: "SIGTERM of a replay, engine stopped, spool full",
                times: 1,
                lost: 0,
                doubled: 0,
                recovery: None,
                of: read * FRAME as u64,
            });
        }
    }
}

#[test]
fn while_the_database_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = configure(folder, "64MiB");
    let long = capture(&folder.join("long.pcap"), (0..20_000).step_by(10));
    let mut appliance = replay(&config, &["--serve", long.to_str().unwrap()]);
    signal("-KILL", engine_of(&appliance));
    // It cannot come back: somebody holds its directory.
    let lock = File::open(folder.join("data/etiage.lock")).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while lock.try_lock().is_err() {
        assert!(Instant::now() < deadline);
        for engine in appliance.children() {
            // It may have ended by itself.
            let _ = Command::new("kill").args(["-KILL", &engine.to_string()]).status();
        }
    }
    appliance.wait_for_line("stop that process");
    let (success, log) = ends("database down", appliance);
    assert!(success, "{log}");
    let left = number(&log, " rows stay in the spool");
    drop(lock);
    are_written_next(&config, folder, left);
}

#[test]
fn while_nobody_writes_its_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = configure(folder, "64MiB");
    let start = |input: Stdio| {
        need_engine();
        let arguments = ["replay", "--link", "x", "--config", config.to_str().unwrap(), "-"];
        Appliance::with_input(etiage(&arguments), input)
    };
    // Nothing at all.
    let (reader, writer) = std::io::pipe().unwrap();
    let appliance = start(reader.into());
    let (success, log) = ends("standard input without a header", appliance);
    assert!(success, "{log}");
    assert_eq!(number(&log, " packets: what follows"), 0);
    drop(writer);
    // Some packets, and half of another one.
    let (reader, mut writer) = std::io::pipe().unwrap();
    let appliance = start(reader.into());
    let mut octets = header();
    (0..1000).for_each(|number| octets.extend(packet(number / 10, None)));
    writer.write_all(&octets).unwrap();
    writer.write_all(&packet(100, None)[..50]).unwrap();
    let packets = || appliance.get("/api/v1/health")["capture"]["packets"].as_u64().unwrap();
    wait_until("reading", || {
        let before = packets();
        thread::sleep(Duration::from_millis(500));
        before > 0 && before == packets()
    });
    let (success, log) = ends("standard input that stops", appliance);
    assert!(success, "{log}");
    // What is told is what is stored, those that it had read last among them.
    let told = number(&log, " packets: what follows");
    let (_, table, _) = totals(&config);
    assert_eq!(packets_of(&table), told, "{table}");
    assert!((1..=1000).contains(&told), "{log}");
}

#[test]
fn while_a_packet_is_due_much_later() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = configure(folder, "64MiB");
    let slow = capture(&folder.join("slow.pcap"), [0, 0, 0, 3000].into_iter());
    let appliance = replay(&config, &["--pace", "real", slow.to_str().unwrap()]);
    appliance.wait_until("/api/v1/health", |health| health["capture"]["packets"] == 3);
    signal("-STOP", engine_of(&appliance));
    let (success, log) = ends("pace real, engine hangs", appliance);
    assert!(success, "{log}");
    assert_eq!(number(&log, " packets: what follows"), 3);
    assert!(number(&log, " rows stay in the spool") > 0, "{log}");
}

#[test]
fn while_the_engine_starts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = configure(folder, "64MiB");
    let one = capture(&folder.join("one.pcap"), [0].into_iter());
    let arguments = ["replay", "--link", "x", "--config", config.to_str().unwrap()];
    let mut command = etiage(&arguments);
    let child = command.arg(one).stderr(Stdio::piped()).spawn().unwrap();
    let engine = || crate::support::children(child.id()).first().copied();
    while engine().is_none() {
        thread::yield_now();
    }
    // It never says that it is ready.
    signal("-STOP", engine().unwrap());
    thread::sleep(Duration::from_millis(500));
    let began = Instant::now();
    signal("-TERM", child.id());
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(began.elapsed() < LIMIT, "{log}");
    assert!(log.contains("stopped before a packet was read"), "{log}");
}

#[test]
fn while_the_spool_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = configure(folder, "1MiB");
    let long = capture(&folder.join("long.pcap"), (0..3_000_000).step_by(10));
    let appliance = replay(&config, &[long.to_str().unwrap()]);
    appliance.wait_until("/api/v1/health", |health| rows(health, "written_rows") > 0);
    fs::remove_dir_all(folder.join("data.spool")).unwrap();
    thread::sleep(Duration::from_secs(1));
    let (_, log) = ends("spool gone", appliance);
    // What was in it is nowhere, and nobody says that it stays.
    assert!(!log.contains("stay in the spool"), "{log}");
    let gone = [" rows were dropped since the start", " rows could be written neither"];
    let lost: u64 =
        gone.iter().filter(|w| log.contains(**w)).map(|words| number(&log, words)).sum();
    assert!(lost > 0, "{log}");
}

/// `etiage export` of everything, by protocol.
fn totals(config: &Path) -> (bool, String, String) {
    let arguments = ["export", "--config", config.to_str().unwrap(), "--group-by", "protocol"];
    let mut all = arguments.to_vec();
    all.extend(["--from", "2026-01-01", "--to", "2030-01-01", "--step", "all"]);
    let (status, table, errors) = output(&all);
    assert!(status.success(), "{errors}");
    (status.success(), table, errors)
}

/// Packets of no known protocol, which those of these tests are.
fn packets_of(table: &str) -> u64 {
    let mut lines = table.lines();
    let fields = |line: &str| -> Vec<String> {
        line.split(',').map(|field| field.trim_matches('"').to_owned()).collect()
    };
    let columns = fields(lines.next().unwrap());
    let place = |name: &str| columns.iter().position(|column| column == name).unwrap();
    let (protocol, packets) = (place("protocol"), place("packets"));
    let unknown = lines.map(fields).filter(|row| row[protocol] == "unknown");
    unknown.map(|row| row[packets].parse::<u64>().unwrap()).sum()
}

#[test]
fn no_packet_of_a_link_is_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut octets = header();
    (0..10).for_each(|second| octets.extend(packet(second, Some(7))));
    let file = folder.join("vlan.pcap");
    fs::write(&file, octets).unwrap();
    let config = configure(folder, "64MiB");
    let run = |links: &str, more: &[&str]| {
        configure(folder, "64MiB");
        let text = fs::read_to_string(&config).unwrap() + links;
        fs::write(&config, text).unwrap();
        let mut arguments = vec!["replay", "--config", config.to_str().unwrap()];
        arguments.extend(more);
        arguments.push(file.to_str().unwrap());
        output(&arguments)
    };
    let link = |vlan: u16| format!("[[link]]\nname = \"a\"\ninterface = \"eth0\"\nvlan = {vlan}\n");
    let (status, _, errors) = run(&link(8), &[]);
    assert_eq!(status.code(), Some(1), "{errors}");
    let expected = "etiage: none of the 10 packets belongs to a [[link]], and nothing was counted";
    let last = errors.lines().last().unwrap();
    assert!(last.starts_with(expected) && last.contains("--link NAME"), "{errors}");
    let (status, _, errors) = run(&link(8), &["--link", "a"]);
    assert!(status.success(), "{errors}");
    let (status, _, errors) = run(&link(7), &[]);
    assert!(status.success() && !errors.contains("WARN"), "{errors}");
    // Where it goes on serving, health says it.
    let mut octets = header();
    (0..1000).for_each(|second| octets.extend(packet(second / 10, Some(7))));
    fs::write(&file, octets).unwrap();
    configure(folder, "64MiB");
    fs::write(&config, fs::read_to_string(&config).unwrap() + &link(8)).unwrap();
    need_engine();
    let arguments = ["replay", "--serve", "--config", config.to_str().unwrap()];
    let mut command = etiage(&arguments);
    command.arg(&file);
    let appliance = Appliance::of(command);
    let health = appliance.wait_until("/api/v1/health", |health| health["status"] == "degraded");
    let reason = health["reasons"][0].as_str().unwrap();
    assert!(reason.starts_with("none of the 1000 packets received belongs to a [[link]]"));
    let (success, log) = ends("no packet of a link", appliance);
    assert!(!success && log.contains("none of the 1000 packets"), "{log}");
}

/// Sends packets from the far end until told to stop: about so many a second; how many it has sent.
fn send(wire: &Wire, sent: Arc<AtomicU64>, stop: Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let far = wire.far.clone();
    thread::spawn(move || {
        Wire::enter(&far);
        let socket = UdpSocket::bind("198.51.100.9:0").unwrap();
        socket.connect("100.64.9.1:9").unwrap();
        let began = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            let due = began.elapsed().as_millis() as u64 * PER_MILLISECOND;
            while sent.load(Ordering::SeqCst) < due {
                socket.send(&[7; 100]).unwrap();
                sent.fetch_add(1, Ordering::SeqCst);
            }
            thread::sleep(Duration::from_micros(300));
        }
    })
}

const PER_MILLISECOND: u64 = 5;

#[test]
fn what_the_kernel_had_taken_is_counted() {
    let Some(wire) = Wire::lay() else { return };
    need_engine();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = configure(folder, "64MiB");
    let text = fs::read_to_string(&config).unwrap()
        + "[[interface]]\nname = \"near0\"\nring = \"8MiB\"\n\
           [[link]]\nname = \"veth\"\ninterface = \"near0\"\n";
    fs::write(&config, text).unwrap();
    // Somebody takes the packets: nobody is told that nobody does.
    let near = wire.near.clone();
    let sink = thread::spawn(move || {
        Wire::enter(&near);
        UdpSocket::bind("100.64.9.1:9").unwrap()
    });
    let _sink = sink.join().unwrap();
    let (mut before_all, mut counted_before, mut in_ring) = (0, 0, 0);
    let times = 3;
    for _ in 0..times {
        let mut command = Wire::inside(&wire.near, env!("CARGO_BIN_EXE_etiage"));
        command.args(["run", "--config"]).arg(&config).env("ETIAGE_LOG", "info");
        let mut appliance = Appliance::of(command);
        appliance.wait_for_line("capturing on near0");
        let (sent, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let sender = send(&wire, sent.clone(), stop.clone());
        wait_until("packets", || sent.load(Ordering::SeqCst) > 1500 * PER_MILLISECOND);
        let (before, began) = (sent.load(Ordering::SeqCst), Instant::now());
        let (status, log) = appliance.stop("-TERM");
        let (took, after) = (began.elapsed(), sent.load(Ordering::SeqCst));
        stop.store(true, Ordering::Relaxed);
        sender.join().unwrap();
        assert!(status.success() && took < LIMIT, "{log}");
        assert!(!log.contains("left in the ring"), "{log}");
        let drained = number(&log, " packets were in the ring, and are counted");
        let (_, table, _) = totals(&config);
        let counted = packets_of(&table) - counted_before;
        counted_before += counted;
        eprintln!(
            "{before} packets sent before the signal, {after} until the end ({took:.1?}); {counted} \
             counted, {drained} of them out of the ring after the signal"
        );
        assert!((before..=after).contains(&counted), "{before} ≤ {counted} ≤ {after}: {log}");
        before_all += before;
        in_ring += drained;
    }
    // The kernel hands packets over a block at a time: without a last look these would be lost.
    assert!(in_ring > 0);
    report(Outcome {
        fault: "SIGTERM during capture, 5,000 packets/s",
        times,
        lost: 0,
        doubled: 0,
        recovery: None,
        of: before_all * FRAME as u64,
    });
}
