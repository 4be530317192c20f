//! Too many who ask: rows are written all the same, health answers at once, and whoever finds no place is told
//! when to come again.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::reliability::{Outcome, report};
use crate::support::{Appliance, count_records, get};
use serde_json::Value;

/// Clients that ask for heavy charts, one question after the other.
const CLIENTS: usize = 60;
/// For how long.
const LOAD: Duration = Duration::from_secs(20);
/// How late rows may be, beyond the interval itself and the one that stays open for late packets.
const LATE_SECS: i64 = 2 + 10 + 20;
/// What a log of that time may hold: one line of each kind every few seconds.
const MAX_LOG: usize = 64 * 1024;

/// A capture of twenty packets a second, to replay at its own pace; its packets and octets.
fn capture(path: &Path, seconds: u32) -> (u64, u64) {
    let mut octets = Vec::new();
    for number in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1] {
        octets.extend(number.to_le_bytes());
    }
    for number in 0..seconds * 20 {
        let frame = frame(number);
        let time = [1_795_219_200 + number / 20, number % 20 * 50_000];
        for field in time.into_iter().chain([frame.len() as u32; 2]) {
            octets.extend(field.to_le_bytes());
        }
        octets.extend(frame);
    }
    fs::write(path, octets).unwrap();
    count_records(path)
}

/// A UDP packet of one of a few protocols.
fn frame(number: u32) -> Vec<u8> {
    let port = [53_u16, 123, 443, 3478, 5060, 6881, 51820][number as usize % 7];
    let length = 200_u16 + (number % 700) as u16;
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    frame.extend((length + 28).to_be_bytes());
    frame.extend([0, 1, 0, 0, 64, 17, 0, 0, 100, 64, 0, 1, 192, 0, 2, 1]);
    frame.extend((40_000 + (number % 40) as u16).to_be_bytes());
    frame.extend(port.to_be_bytes());
    frame.extend((length + 8).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(vec![number as u8; usize::from(length)]);
    frame
}

/// History to ask for: some days of a few simulated links, in the same data directory.
fn with_history(config: &Path) {
    let from = (time::OffsetDateTime::now_utc() - time::Duration::days(8)).date().to_string();
    let arguments = ["simulate", "--links", "2", "--from", &from, "--config"];
    let arguments: Vec<&str> = arguments.into_iter().chain([config.to_str().unwrap()]).collect();
    let (status, _, log) = crate::support::output(&arguments);
    assert!(status.success(), "{log}");
}

/// What clients were answered: how often each status, and whether 503 said when to come again.
#[derive(Debug, Default)]
struct Answers {
    statuses: BTreeMap<u16, usize>,
    without_retry: usize,
}

/// One request over a connection of its own: status, and whether `Retry-After` was there.
fn ask(address: &str, path: &str) -> (u16, bool) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let text = String::from_utf8_lossy(&answer);
    let head = text.split("\r\n\r\n").next().unwrap();
    let status = head.split(' ').nth(1).unwrap_or_else(|| panic!("{path}: {head:?}"));
    (status.parse().unwrap(), head.to_ascii_lowercase().contains("\r\nretry-after: "))
}

/// Asks for charts that nobody else asks for, until told to stop.
fn client(address: &str, number: usize, stop: &AtomicBool) -> Answers {
    let mut answers = Answers::default();
    for turn in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let days = 2 + (number + turn) % 6;
        let path = format!(
            "/api/v1/volumes?from=now-{days}d&group_by=category,protocol,service,link,direction\
             &top={}&statistics=true",
            140 + number
        );
        let (status, retry) = ask(address, &path);
        *answers.statuses.entry(status).or_default() += 1;
        answers.without_retry += usize::from(status == 503 && !retry);
        if status == 503 {
            thread::sleep(Duration::from_millis(50)); // Far less patient than it was told to be.
        }
    }
    answers
}

/// Octets of the replayed link that the database has.
fn stored(appliance: &Appliance) -> u64 {
    let totals = appliance.get("/api/v1/totals?from=now-1h&group_by=link&link=x");
    let rows = totals["rows"].as_array().unwrap();
    rows.iter().map(|row| row["octets"].as_u64().unwrap()).sum()
}

fn written(health: &Value) -> u64 {
    health["store"]["written_rows"].as_u64().unwrap()
}

/// Health, asked four times a second: how long it took each time, and how late rows were at worst.
fn watch(appliance: &Appliance, until: Instant) -> (Vec<Duration>, i64) {
    let (mut took, mut late) = (Vec::new(), 0);
    while Instant::now() < until {
        let begun = Instant::now();
        let health = appliance.get("/api/v1/health");
        took.push(begun.elapsed());
        late = late.max(health["store"]["lag_seconds"].as_i64().unwrap_or(0));
        thread::sleep(Duration::from_millis(250));
    }
    (took, late)
}

#[test]
fn rows_are_written_whatever_is_asked() {
    crate::support::need_engine();
    let folder = tempfile::tempdir().unwrap();
    let config = crate::support::config(folder.path(), "");
    with_history(&config);
    let file = folder.path().join("steady.pcap");
    let (_, octets) = capture(&file, 40);
    let arguments =
        ["replay", "--serve", "--link", "x", "--pace", "real", "--rebase-to-now", "--config"];
    let arguments: Vec<&str> =
        arguments.into_iter().chain([config.to_str().unwrap(), file.to_str().unwrap()]).collect();
    let mut appliance = Appliance::start(&arguments);
    appliance.wait_until("/api/v1/health", |health| written(health) > 0);

    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (address, stop) = (appliance.address.clone(), stop.clone());
            thread::spawn(move || client(&address, number, &stop))
        })
        .collect();
    let before = written(&appliance.get("/api/v1/health"));
    let (mut took, late) = watch(&appliance, Instant::now() + LOAD);
    let after = written(&appliance.get("/api/v1/health"));
    stop.store(true, Ordering::Relaxed);
    let mut all = Answers::default();
    for client in clients {
        let own = client.join().unwrap();
        all.without_retry += own.without_retry;
        for (status, count) in own.statuses {
            *all.statuses.entry(status).or_default() += count;
        }
    }
    took.sort();
    let p99 = took[(took.len() * 99).div_ceil(100) - 1];
    let calm = Instant::now();
    let quick = |health: &Value| health["store"]["lag_seconds"].as_i64().unwrap() <= LATE_SECS;
    appliance.wait_until("/api/v1/health", quick);
    let recovery = calm.elapsed().as_secs_f64();
    appliance.wait_for_line("serving until stopped");
    let stored = stored(&appliance);
    let (_, metrics) = appliance.fetch("/metrics");
    let (status, log) = appliance.stop("-INT");
    println!(
        "{CLIENTS} clients for {LOAD:?}: answers {:?}; health p99 {p99:?} of {}; rows written \
         {before} -> {after}, at most {late} s late; log {} octets",
        all.statuses,
        took.len(),
        log.len(),
    );
    assert!(status.success(), "{log}");
    assert_eq!(stored, octets);
    assert!(after > before, "no row was written");
    assert!(late <= LATE_SECS, "rows are {late} s late");
    assert!(p99 < Duration::from_secs(2), "{p99:?}");
    assert!(all.statuses.keys().all(|status| [200, 503, 504].contains(status)), "{all:?}");
    assert!(all.statuses[&200] > 0 && all.without_retry == 0, "{all:?}");
    assert!(log.len() < MAX_LOG, "{log}");
    assert!(metrics.contains("etiage_api_questions_refused_total{reason="), "{metrics}");
    report(Outcome {
        fault: "60 clients ask for heavy charts for 20 s",
        times: 1,
        lost: octets.saturating_sub(stored),
        doubled: stored.saturating_sub(octets),
        recovery: Some(recovery),
        of: octets,
    });
}

/// Requests that never come to their end: 1,140 of them, from the address that everybody here has.
#[test]
fn pages_are_served_while_somebody_holds_a_thousand_half_requests() {
    crate::support::need_engine();
    let folder = tempfile::tempdir().unwrap();
    let config = crate::support::config(folder.path(), "");
    let file = folder.path().join("short.pcap");
    let (_, octets) = capture(&file, 1);
    let arguments = ["replay", "--serve", "--link", "x", "--rebase-to-now", "--config"];
    let paths = [config.to_str().unwrap(), file.to_str().unwrap()];
    let arguments: Vec<&str> = arguments.into_iter().chain(paths).collect();
    let mut appliance = Appliance::start(&arguments);
    appliance.wait_for_line("serving until stopped");
    let address = appliance.address.clone();
    let (stop, opened) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let attacker = {
        let (address, stop, opened) = (address.clone(), stop.clone(), opened.clone());
        thread::spawn(move || {
            let mut halves = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                match TcpStream::connect(&address) {
                    Ok(mut half) => {
                        let _ = half.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n");
                        halves.push(half);
                    }
                    Err(_) => thread::sleep(Duration::from_millis(1)),
                }
                opened.fetch_add(1, Ordering::Relaxed);
                // As many as a process may have open, most of them closed by the other side.
                if halves.len() == 900 {
                    halves.drain(..450);
                }
                if opened.load(Ordering::Relaxed) > 1_140 {
                    thread::sleep(Duration::from_millis(5));
                }
            }
        })
    };
    while opened.load(Ordering::Relaxed) < 1_140 {
        thread::sleep(Duration::from_millis(10));
    }
    let begun = Instant::now();
    let mut slowest = Duration::ZERO;
    for path in ["/", "/metrics", "/api/v1/session", "/api/v1/health"].iter().cycle().take(40) {
        let asked = Instant::now();
        assert_eq!(get(&address, path).0, 200, "{path}");
        slowest = slowest.max(asked.elapsed());
    }
    let served = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    attacker.join().unwrap();
    let (_, metrics) = appliance.fetch("/metrics");
    let ended: u64 = ["half_open", "evicted", "slow_request"]
        .into_iter()
        .map(|reason| {
            let name = format!("etiage_api_connections_refused_total{{reason=\"{reason}\"}} ");
            let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
            line.unwrap_or_else(|| panic!("{metrics}")).parse::<u64>().unwrap()
        })
        .sum();
    println!("40 pages in {served:?}, the slowest in {slowest:?}; {ended} connections were ended");
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    assert!(ended > 0, "{metrics}");
    let stored = stored(&appliance);
    assert_eq!(stored, octets);
    drop(appliance.stop("-INT"));
    report(Outcome {
        fault: "1,140 half requests from one address",
        times: 1,
        lost: octets.saturating_sub(stored),
        doubled: stored.saturating_sub(octets),
        recovery: Some(slowest.as_secs_f64()),
        of: octets,
    });
}
