//! Starting and stopping the embedded engine, a process of its own.

mod life;
mod presence;
mod supervise;

use std::collections::VecDeque;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::transport::{LIFE, UNIX};
use crate::{Error, Settings};
pub use presence::Presence;

/// How long the engine may take to serve. It needs 0.3 s; from a cold disk, and with a large
/// database to look through, much longer.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may take to end before it is killed: its own 5 s for open requests, and closing.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// Lines of its log that are kept for the error message.
const KEPT_LINES: usize = 20;

/// What the engine consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineSettings {
    /// The program `etiage-clickhouse`.
    pub program: PathBuf,
    /// The engine's library, `libchdb.so`.
    pub library: PathBuf,
    /// The data directory; made if it does not exist.
    pub data: PathBuf,
    /// Octets of memory it may use, at least 256 MiB; [`DEFAULT_MEMORY`] is enough for 100 links.
    pub memory: u64,
    /// Where backups may be written and read; `None`: nowhere.
    pub backups: Option<PathBuf>,
}

/// Memory the engine may use unless told otherwise, in octets.
pub const DEFAULT_MEMORY: u64 = 2 << 30;

/// The engine, running. It ends when this is dropped, and when this process ends in whatever way.
#[derive(Debug)]
pub struct Engine {
    settings: EngineSettings,
    password: String,
    /// Its socket's directory: this user's alone, for as long as this lives. Nobody can take the place of
    /// an engine that has died.
    directory: TempDir,
    presence: Presence,
    process: Process,
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// The engine ends when this closes.
    stdin: ChildStdin,
    log: JoinHandle<()>,
    pid: u32,
}

impl Engine {
    /// Starts the engine behind a Unix socket that only this user can reach, with a random password that
    /// only this process knows, and waits until it serves.
    ///
    /// # Errors
    /// [`Error::EngineLibraryMissing`], [`Error::DataDirectoryHeld`] or [`Error::EngineFailed`].
    pub async fn start(settings: &EngineSettings) -> Result<Self, Error> {
        let password = format!("{:032x}", rand::random::<u128>());
        let directory = socket_directory()?;
        let process = start(settings, &password, &socket(&directory)).await?;
        let presence = Presence::default();
        presence.set(Some(process.pid));
        Ok(Self { settings: settings.clone(), password, directory, presence, process })
    }

    /// Starts it again after it has ended, with the same socket and password: a `Store` that was
    /// opened before goes on working. Ends it first if it still runs.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.kill().await;
        self.process = start(&self.settings, &self.password, &socket(&self.directory)).await?;
        self.presence.set(Some(self.process.pid));
        Ok(())
    }

    /// Best effort: if it cannot be ended, because it waits for a disk that does not answer, the next one finds
    /// the directory held and says so.
    async fn kill(&mut self) {
        self.presence.set(None);
        let _ = tokio::time::timeout(STOP_TIMEOUT, self.process.child.kill()).await;
    }

    /// How to open a [`crate::Store`] on it.
    pub fn settings(&self) -> Settings {
        Settings {
            password: Some(self.password.clone()),
            engine: Some(self.presence.clone()),
            ..Settings::new(format!("{UNIX}{}", socket(&self.directory).display()))
        }
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.process.pid
    }

    /// Completes when the process has ended; says how.
    pub async fn exited(&mut self) -> String {
        let status = self.process.child.wait().await;
        self.presence.set(None);
        status.map_or_else(|error| error.to_string(), |status| status.to_string())
    }

    /// Completes when the process is of no use any more: it has ended, or it was silent for 20 s and is
    /// killed. Says how. Meanwhile whoever asks is refused at once while it does not answer.
    pub async fn over(&mut self) -> String {
        let client = self.settings().client().with_header(LIFE.0, LIFE.1);
        let presence = self.presence.clone();
        let hung = life::until_hung(&life::PATIENCE, &presence, || life::ask(client.clone()));
        let silent = tokio::select! {
            status = self.exited() => return status,
            silent = hung => silent,
        };
        self.kill().await;
        format!("silent for {} s, and killed", silent.as_secs())
    }

    /// Asks it to end, waits, and kills it if it takes too long.
    pub async fn stop(self) {
        let Process { mut child, stdin, log, .. } = self.process;
        drop(stdin);
        if tokio::time::timeout(STOP_TIMEOUT, child.wait()).await.is_err() {
            tracing::warn!("the embedded engine does not end when asked: killed");
            let _ = child.kill().await; // It has just ended by itself, then.
        }
        let _ = log.await; // The log's end follows the process's.
    }
}

/// Longest path of a directory whose socket has a name that the kernel takes: 107 octets (unix(7)).
const LONGEST_DIRECTORY: usize = 107 - "/etiage-engine-XXXXXX/socket".len();

/// A directory with a name that cannot be guessed, in the first place that takes one: a service's own, the
/// user's own, or anybody's.
fn socket_directory() -> Result<TempDir, Error> {
    let named = ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"];
    let mut places: Vec<_> = named
        .iter()
        .filter_map(|name| std::env::var_os(name).map(PathBuf::from))
        .chain([std::env::temp_dir(), PathBuf::from("/tmp")])
        .filter(|place| place.is_absolute() && place.as_os_str().len() <= LONGEST_DIRECTORY)
        .collect();
    places.dedup();
    let mut reason = "no folder for temporary files has a path that is short enough".to_owned();
    for place in places {
        let made = tempfile::Builder::new()
            .prefix("etiage-engine-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&place);
        match made {
            Ok(directory) => return Ok(directory),
            Err(error) => reason = error.to_string(),
        }
    }
    Err(Error::EngineFailed {
        reason: format!("no directory can be made for its socket, set TMPDIR: {reason}"),
    })
}

fn socket(directory: &TempDir) -> PathBuf {
    directory.path().join("socket")
}

async fn start(settings: &EngineSettings, password: &str, listen: &Path) -> Result<Process, Error> {
    let mut command = Command::new(&settings.program);
    if let Some(backups) = &settings.backups {
        command.arg("--backups").arg(backups);
    }
    let mut child = command
        .arg("--library")
        .arg(&settings.library)
        .arg("--path")
        .arg(&settings.data)
        .arg("--listen")
        .arg(listen)
        .args(["--memory", &(settings.memory >> 20).max(256).to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        // Nothing of the environment is its business, secrets least; but the zone in which it takes times
        // without one.
        .env_clear()
        .envs(std::env::var_os("TZ").map(|zone| ("TZ", zone)))
        // Ctrl-C on the terminal is for the appliance: it still has rows to write when it comes.
        .process_group(0)
        .spawn()
        .map_err(|error| Error::EngineFailed {
            reason: format!("cannot run {}: {error}", settings.program.display()),
        })?;
    let failed = |reason: &str| Error::EngineFailed { reason: reason.to_owned() };
    let (Some(mut stdin), Some(stdout), Some(stderr), Some(pid)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take(), child.id())
    else {
        return Err(failed("it has no standard streams"));
    };
    let last_lines = Arc::new(Mutex::new(VecDeque::new()));
    let (serves, served) = watch::channel(false);
    let log = tokio::spawn(forward_log(stderr, Arc::clone(&last_lines), served));
    // If it has ended already its exit status, below, says why.
    let _ = stdin.write_all(format!("{password}\n").as_bytes()).await;
    let ready = tokio::time::timeout(START_TIMEOUT, wait_until_ready(stdout)).await;
    match ready {
        Ok(true) => {
            serves.send_replace(true);
            Ok(Process { child, stdin, log, pid })
        }
        Ok(false) => {
            // Standard output is closed: the process ends, or has ended.
            let status = tokio::time::timeout(STOP_TIMEOUT, child.wait()).await;
            let _ = log.await;
            let lines = last_lines.lock().unwrap_or_else(PoisonError::into_inner);
            Err(explain(settings, status.ok().and_then(Result::ok), &lines))
        }
        Err(_) => Err(failed(&format!("not ready after {} s", START_TIMEOUT.as_secs()))),
    }
}

/// Whether the line `ready SOCKET` comes.
async fn wait_until_ready(stdout: ChildStdout) -> bool {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.starts_with("ready ") {
            return true;
        }
    }
    false
}

/// Keeps the last lines of the engine's log, and passes the log on once the engine serves: what it says
/// before becomes the error if it does not.
async fn forward_log(
    stderr: impl tokio::io::AsyncRead + Unpin,
    last: Arc<Mutex<VecDeque<String>>>,
    serves: watch::Receiver<bool>,
) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if *serves.borrow() {
            tracing::warn!(target: "etiage_clickhouse", "{line}");
        } else {
            tracing::debug!(target: "etiage_clickhouse", "{line}");
        }
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == KEPT_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
}

/// The engine's own words, without the runs of spaces that stand for garbage, and not without end.
fn in_brief(line: &str) -> String {
    let words: Vec<&str> = line.split(|c: char| c.is_whitespace() || c == '\0').collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(600).collect()
}

/// The program's exit codes are part of its interface.
fn explain(
    settings: &EngineSettings,
    status: Option<ExitStatus>,
    lines: &VecDeque<String>,
) -> Error {
    let last = lines.back().map_or("it said nothing", String::as_str);
    let last = last.strip_prefix("etiage-clickhouse: ").unwrap_or(last);
    let own = lines.iter().rev().find(|line| line.contains("DB::Exception: "));
    let reason = match own {
        Some(own) => format!("{last}: {}", in_brief(own)),
        None => last.to_owned(),
    };
    match status.and_then(|status| status.code()) {
        Some(3) => Error::EngineLibraryMissing { path: settings.library.clone(), reason },
        Some(4) => Error::DataDirectoryHeld { path: settings.data.clone(), reason },
        _ => {
            let status = status.map_or("still running".to_owned(), |status| status.to_string());
            Error::EngineFailed { reason: format!("{reason} ({status})") }
        }
    }
}
