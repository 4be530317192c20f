//! The embedded engine hangs or is killed, and somebody else wants its place: the appliance goes on.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::reliability::{Outcome, report};
use crate::support::{Appliance, capture, config, count_records, etiage, is_alive};

const TOTALS: &str = "/api/v1/totals?from=now-20h&to=now";

/// A capture, replayed and served; its octets.
fn serving(folder: &std::path::Path) -> (Appliance, u64) {
    let config = config(folder, "[[link]]\nname = \"transit-a\"\ninterface = \"a\"\n");
    let file = capture("dd01_https_h1.link-a");
    let mut command = etiage(&["replay", "--serve", "--rebase-to-now", "--config"]);
    command.arg(&config).arg(&file);
    let mut appliance = Appliance::of(command);
    appliance.wait_for_line("replayed; serving until stopped");
    (appliance, count_records(&file).1)
}

fn signal(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

fn octets(appliance: &Appliance) -> u64 {
    appliance.get(TOTALS)["total"]["octets"].as_u64().unwrap()
}

/// A process that is stopped for good: it neither answers nor ends.
#[test]
fn a_hung_engine_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (mut appliance, expected) = serving(folder.path());
    assert_eq!(octets(&appliance), expected);
    let hung = appliance.children()[0];
    signal("-STOP", hung);
    let since = Instant::now();

    // First it is said, then questions are refused at once, then there is another engine.
    appliance.wait_until("/api/v1/health", |health| health["status"] == "degraded");
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
    let asked = Instant::now();
    let (status, body) = appliance.fetch(TOTALS);
    assert_eq!(status, 503, "{body}");
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    appliance.wait_for_line("silent for 20 s, and killed");
    assert!(!is_alive(hung));
    appliance.wait_until("/api/v1/health", |health| health["status"] == "ok");
    let recovery = since.elapsed();
    assert!(recovery < Duration::from_secs(60), "{recovery:?}");
    let found = octets(&appliance);
    assert_eq!(found, expected);
    report(Outcome {
        fault: "the engine hangs (SIGSTOP, never continued)",
        times: 1,
        lost: expected.saturating_sub(found),
        doubled: found.saturating_sub(expected),
        recovery: Some(recovery.as_secs_f64()),
        of: expected,
    });
    let (status, log) = appliance.stop("-INT");
    assert!(status.success(), "{log}");
}

/// The directory of the engine's socket, from its command line.
fn socket_directory(engine: u32) -> PathBuf {
    let line = std::fs::read_to_string(format!("/proc/{engine}/cmdline")).unwrap();
    let mut arguments = line.split('\0').skip_while(|argument| *argument != "--listen");
    PathBuf::from(arguments.nth(1).unwrap()).parent().unwrap().to_owned()
}

/// No port: nothing that another user could bind once the engine is gone.
#[test]
fn nobody_can_take_the_place_of_a_killed_engine() {
    let folder = tempfile::tempdir().unwrap();
    let (mut appliance, expected) = serving(folder.path());
    let engine = appliance.children()[0];
    let directory = socket_directory(engine);
    let own = std::fs::metadata(&directory).unwrap();
    assert_eq!(own.mode() & 0o7777, 0o700);
    let sockets = std::fs::read_to_string("/proc/net/unix").unwrap();
    assert!(sockets.contains(directory.to_str().unwrap()));
    signal("-KILL", engine);
    appliance.wait_for_line("starting it again");
    // The place is still taken, and still by the same directory, while nobody serves there.
    let after = std::fs::metadata(&directory).unwrap();
    assert_eq!((after.ino(), after.mode() & 0o7777, after.uid()), (own.ino(), 0o700, own.uid()));
    let since = Instant::now();
    appliance.wait_until("/api/v1/health", |health| health["status"] == "ok");
    assert_eq!(octets(&appliance), expected);
    report(Outcome {
        fault: "the engine is killed while it serves",
        times: 1,
        lost: 0,
        doubled: 0,
        recovery: Some(since.elapsed().as_secs_f64()),
        of: expected,
    });
    let (status, log) = appliance.stop("-INT");
    assert!(status.success(), "{log}");
    assert!(!directory.exists(), "nothing stays behind");
}
