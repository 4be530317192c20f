//! `etiage-clickhouse`: the embedded ClickHouse engine behind ClickHouse's HTTP interface.
//!
//! A process of its own, so that a fault or the memory of the database never touches capture. The
//! appliance starts it with a password on standard input, waits for the line `ready SOCKET` on
//! standard output, and holds standard input open: when it closes, the parent has gone, and this
//! program ends. Logs and errors go to standard error.
//!
//! Exit codes: 0 ended as asked, 1 the engine failed, 2 unusable arguments, 3 engine library missing
//! or unusable, 4 data directory held by another process, 5 data directory unusable, 6 cannot listen.

mod access;
mod auth;
mod confine;
mod directory;
mod durable;
mod engine;
mod ffi;
mod http;
mod lanes;
mod refused;
mod socket;
mod statement;

use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::auth::Credentials;
use crate::directory::{Directory, DirectoryError};
use crate::durable::Durable;
use crate::engine::Engine;
use crate::ffi::Api;
use crate::http::Service;
use crate::socket::{Socket, SocketError};

/// How long requests under way may take to end when the program is asked to stop.
const GRACE: Duration = Duration::from_secs(5);

/// The embedded ClickHouse engine behind ClickHouse's HTTP interface.
///
/// Reads the password of the user `default` from the first line of standard input, prints
/// `ready SOCKET` when it serves, and ends when standard input closes.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The engine's library, libchdb.so.
    #[arg(long, value_name = "FILE")]
    library: PathBuf,
    /// The data directory; made if it does not exist.
    #[arg(long, value_name = "DIR")]
    path: PathBuf,
    /// The Unix socket to listen on; its directory must be the user's own, mode 0700.
    #[arg(long, value_name = "SOCKET")]
    listen: PathBuf,
    /// Questions that are answered at the same time; what is written has lanes of its own.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    connections: u16,
    /// Questions that may wait; further ones are answered 503.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    queue: u16,
    /// Memory the engine may use, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(256..))]
    memory: u64,
    /// Seconds that the engine may take to end an insert whose data has come; then this program
    /// ends, and its parent starts it again.
    #[arg(long, value_name = "SECS", default_value_t = 120)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    insert_limit: u32,
    /// Where BACKUP may write and RESTORE may read; left out: nowhere.
    #[arg(long, value_name = "DIR")]
    backups: Option<PathBuf>,
    /// Largest result of one query, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    max_result: u16,
}

/// What ends the program before it serves, or while it does.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot read the password from standard input")]
    Password,
    #[error("cannot give up its privileges: {0}")]
    Privileges(io::Error),
    #[error(transparent)]
    Library(#[from] ffi::LoadError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("the engine does not start on {path}")]
    Engine { path: String },
    #[error(transparent)]
    Listen(#[from] SocketError),
    #[error("cannot serve: {0}")]
    Serve(#[from] io::Error),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Engine { .. } | Self::Serve(_) | Self::Privileges(_) => 1,
            Self::Password => 2,
            Self::Library(_) => 3,
            Self::Directory(DirectoryError::Held { .. }) => 4,
            Self::Directory(DirectoryError::Unusable { .. }) => 5,
            Self::Listen(_) => 6,
        }
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("etiage-clickhouse: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    confine::give_up().map_err(Failure::Privileges)?;
    let credentials = Credentials { user: "default".to_owned(), password: read_password()? };
    let directory = Directory::hold(&arguments.path)?;
    // As it was given until now, and one spelling from here on: the engine works where its data are.
    let library = std::path::absolute(&arguments.library)?;
    let socket = std::path::absolute(&arguments.listen)?;
    let backups = arguments.backups.as_deref().map(make_folder).transpose()?;
    std::env::set_current_dir(directory.path())?;
    // Everything that the engine may write to, and nothing else: see `confine`.
    let backups = backups.as_deref();
    let folders = [Some(directory.path()), socket.parent(), backups];
    let folders: Vec<&Path> = folders.into_iter().flatten().collect();
    confine::confine(&folders, &library.canonicalize().unwrap_or_else(|_| library.clone()));
    let insert_limit = Duration::from_secs(arguments.insert_limit.into());
    let durable = Durable::prepare(directory.path(), insert_limit)
        .map_err(|source| DirectoryError::Unusable { path: directory.path().to_owned(), source })?;
    let api = Api::load(&library)?;
    let configuration = directory.configure(arguments.memory, backups)?;
    let (connections, queue) = (usize::from(arguments.connections), usize::from(arguments.queue));
    let (engine, lanes) =
        Engine::start(api, directory.path(), &configuration, connections, queue, &durable)
            .ok_or_else(|| Failure::Engine { path: directory.path().display().to_string() })?;
    let max_result = usize::from(arguments.max_result) << 20;
    let service = Arc::new(Service { lanes, credentials, max_result });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(serve(&socket, service));
    // Requests still open are cut off; with them goes the last sender of the engine's queue.
    runtime.shutdown_timeout(Duration::from_secs(1));
    engine.stop();
    outcome
}

/// The folder of backups, made if need be, with all links resolved.
fn make_folder(folder: &Path) -> Result<PathBuf, DirectoryError> {
    let made = std::fs::create_dir_all(folder).and_then(|()| folder.canonicalize());
    made.map_err(|source| DirectoryError::Unusable { path: folder.to_owned(), source })
}

/// The first line of standard input: never an argument, which any user of the machine could read.
fn read_password() -> Result<String, Failure> {
    let mut line = String::new();
    // Unbuffered beyond the line does not matter: nothing but the end follows.
    io::stdin().lock().take(4096).read_line(&mut line).map_err(|_| Failure::Password)?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err(Failure::Password),
        password => Ok(password.to_owned()),
    }
}

async fn serve(path: &Path, service: Arc<Service>) -> Result<(), Failure> {
    let listener = Socket::listen(path)?;
    let ended = watch_for_the_end()?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "ready {}", path.display())?;
    stdout.flush()?;
    drop(stdout);

    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, http::router(service)).with_graceful_shutdown(async {
        drop(stopped.await);
    });
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        _ = ended => {}
        outcome = &mut server => return outcome.unwrap_or(Ok(())).map_err(Failure::Serve),
    }
    drop(stop);
    // Past the grace the runtime's end cuts them off.
    drop(tokio::time::timeout(GRACE, server).await);
    Ok(())
}

/// Completes when the program shall end: SIGTERM, SIGINT, standard input closed, or parent gone.
fn watch_for_the_end() -> Result<oneshot::Receiver<()>, Failure> {
    let (input_closed, input) = oneshot::channel();
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        drop(io::copy(&mut io::stdin().lock(), &mut io::sink()));
        let _ = input_closed.send(());
    })?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut parents_end = signal(SignalKind::user_defined1())?;
    let parent = std::os::unix::process::parent_id();
    ffi::signal_on_parents_end(libc::SIGUSR1);
    let (end, ended) = oneshot::channel();
    tokio::spawn(async move {
        let parent_gone = async {
            while std::os::unix::process::parent_id() == parent {
                parents_end.recv().await;
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = input => {}
            () = parent_gone => {}
        }
        let _ = end.send(());
    });
    Ok(ended)
}
