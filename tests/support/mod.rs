//! What the end-to-end tests share: the program, started and asked over its own interfaces.

// Each test file is a crate of its own that uses its part of this.
#![allow(dead_code, missing_docs, unreachable_pub)]

pub mod alertmanager;
pub mod reliability;
pub mod wire;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest that anything here may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Says that a test is skipped, and why; `make test` adds these up at its end.
pub fn skipped(reason: &str) {
    eprintln!("SKIPPED: {reason}");
    if let Some(list) = std::env::var_os("ETIAGE_SKIPPED") {
        let mut list = std::fs::OpenOptions::new().create(true).append(true).open(list).unwrap();
        writeln!(list, "{reason}").unwrap();
    }
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every capture of fixtures/, by name.
pub fn captures() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join("fixtures/captures")).unwrap();
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "pcap"));
    files.sort();
    assert!(files.len() >= 30, "fixtures/captures holds {} captures", files.len());
    files
}

pub fn capture(name: &str) -> PathBuf {
    root().join("fixtures/captures").join(format!("{name}.pcap"))
}

/// Packets and octets on the wire of a pcap file, counted without any of the program's code.
pub fn count_records(path: &Path) -> (u64, u64) {
    let octets = std::fs::read(path).unwrap();
    assert_eq!(octets[..4], 0xa1b2_c3d4_u32.to_le_bytes(), "a little-endian microsecond pcap");
    let field = |at: usize| u32::from_le_bytes(octets[at..at + 4].try_into().unwrap());
    let (mut at, mut packets, mut total) = (24, 0, 0);
    while at < octets.len() {
        packets += 1;
        total += u64::from(field(at + 12));
        at += 16 + field(at + 8) as usize;
    }
    (packets, total)
}

pub fn etiage(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_etiage"));
    command.args(arguments).current_dir(root()).env("ETIAGE_LOG", "info");
    command
}

/// Runs to the end; standard output as text.
pub fn output(arguments: &[&str]) -> (ExitStatus, String, String) {
    let Output { status, stdout, stderr } =
        etiage(arguments).stdin(Stdio::null()).output().unwrap();
    (status, String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// The embedded engine's program, which stands beside the appliance's: `cargo build --workspace` makes it.
pub fn need_engine() {
    let program = Path::new(env!("CARGO_BIN_EXE_etiage")).with_file_name("etiage-clickhouse");
    assert!(program.exists(), "{} is missing: run `cargo build --workspace`", program.display());
    let library = std::env::var_os("ETIAGE_ENGINE_LIBRARY").map(PathBuf::from).unwrap_or_default();
    assert!(library.exists(), "the engine's library is missing: run `make deps`");
}

/// The appliance, running; killed if a test fails before it was stopped.
pub struct Appliance {
    child: Child,
    pub address: String,
    log: Receiver<String>,
    seen: Vec<String>,
}

impl Appliance {
    /// Starts it and waits until it says where it serves.
    pub fn start(arguments: &[&str]) -> Self {
        Self::of(etiage(arguments))
    }

    pub fn of(command: Command) -> Self {
        Self::with_input(command, Stdio::null())
    }

    /// The same, with a standard input.
    pub fn with_input(mut command: Command, input: Stdio) -> Self {
        need_engine();
        let mut child = command.stdin(input).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (send, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let mut appliance = Self { child, address: String::new(), log, seen: Vec::new() };
        let line = appliance.wait_for_line("dashboards and API on http");
        let address = line.split("://").nth(1).unwrap().trim();
        appliance.address = address.to_owned();
        appliance
    }

    /// Waits for a line of the log that holds this.
    pub fn wait_for_line(&mut self, wanted: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.log.recv_timeout(left) {
                Ok(line) if line.contains(wanted) => return line,
                Ok(line) => self.seen.push(line),
                Err(error) => {
                    panic!("no line with {wanted:?} ({error}); the log: {:#?}", self.seen)
                }
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An answer of the API; it must be 200.
    pub fn get(&self, path: &str) -> Value {
        let (status, body) = get(&self.address, path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// An answer of the API, whatever it is: status and body.
    pub fn fetch(&self, path: &str) -> (u16, String) {
        get(&self.address, path)
    }

    /// Asks until the answer is as wanted.
    pub fn wait_until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(path);
            if wanted(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{path} stays {answer:#}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Sends a signal to the appliance alone, and waits for its end.
    pub fn stop(mut self, signal: &str) -> (ExitStatus, String) {
        let kill = Command::new("kill").args([signal, &self.pid().to_string()]).status().unwrap();
        assert!(kill.success());
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(50));
        };
        let mut seen = std::mem::take(&mut self.seen);
        seen.extend(self.log.iter());
        (status, seen.join("\n"))
    }

    /// Processes that it has started.
    pub fn children(&self) -> Vec<u32> {
        children(self.pid())
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It has ended already, mostly.
        let _ = self.child.wait();
    }
}

/// Processes that a process has started, by whichever of its threads.
pub fn children(pid: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let paths = threads.map(|thread| thread.unwrap().path().join("children"));
    // A thread may have ended since.
    let texts = paths.filter_map(|path| std::fs::read_to_string(path).ok());
    texts
        .flat_map(|text| {
            text.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()
        })
        .collect()
}

/// One request; status and body.
pub fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // HTTP/1.0: the body ends with the connection.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) =
        answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{path}: {answer:?}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Whether a process of this number exists and is no zombie.
pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

/// A configuration on a free port with its own data directory.
pub fn config(folder: &Path, links: &str) -> PathBuf {
    let path = folder.join("etiage.toml");
    let text = format!(
        "local_prefixes = [\"100.64.0.0/10\", \"2001:db8:6400::/48\"]\n\
         [store]\ndata = \"data\"\n[api]\nlisten = \"127.0.0.1:0\"\n{links}"
    );
    std::fs::write(&path, text).unwrap();
    path
}
