//! The engine's socket: who reaches it, and who does not; before and after the engine was killed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test fails so.

mod common;

use std::fs::{self, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::Database;
use etiage_store::{Error, Settings, Store};

/// Who has no rights anywhere.
const NOBODY: u32 = 65534;
const PASSWORD: &str = "secret";

/// What this program does when a test below has started it as another user.
#[test]
fn as_another_user() {
    let (Some(socket), Ok(act)) =
        (std::env::var_os("ETIAGE_TEST_SOCKET"), std::env::var("ETIAGE_TEST_ACT"))
    else {
        return;
    };
    let socket = PathBuf::from(socket);
    let directory = socket.parent().unwrap();
    match act.as_str() {
        // Whatever would bring it between the engine and who asks it.
        "intrude" => {
            let denied = |what: &str, error: std::io::Error| {
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{what}: {error}");
            };
            denied("connect", UnixStream::connect(&socket).unwrap_err());
            denied("bind beside", UnixListener::bind(directory.join("other")).unwrap_err());
            denied("list", fs::read_dir(directory).map(drop).unwrap_err());
            denied("remove", fs::remove_file(&socket).unwrap_err());
            assert!(UnixListener::bind(&socket).is_err(), "bind in its place");
            assert!(fs::rename(directory, directory.with_extension("moved")).is_err(), "move");
            assert!(fs::remove_dir_all(directory).is_err(), "remove all");
        }
        "ask" => {
            let mut stream = UnixStream::connect(&socket).unwrap();
            // The other side may have closed already: then this fails, which is as good.
            let _ = stream.write_all(b"GET /ping HTTP/1.0\r\n\r\n");
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
        }
        "serve" => {
            let listener = UnixListener::bind(&socket).unwrap();
            fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
            let mut received = Vec::new();
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_to_end(&mut received).unwrap();
            assert!(received.is_empty(), "{}", String::from_utf8_lossy(&received));
        }
        other => panic!("{other}"),
    }
}

/// This program, where anybody can run it; none unless root runs the tests.
struct Other {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Other {
    fn user() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("only root can be another user: not tested");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let program = folder.path().join("test");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        Some(Self { program, folder })
    }

    fn command(&self, act: &str, socket: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--exact", "as_another_user", "--nocapture"]).uid(NOBODY).gid(NOBODY);
        command.env("ETIAGE_TEST_SOCKET", socket).env("ETIAGE_TEST_ACT", act);
        command.stdin(Stdio::null()).current_dir("/");
        command
    }

    fn does(&self, act: &str, socket: &Path) {
        let output = self.command(act, socket).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "{act}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(said.contains("1 passed"), "{said}");
    }
}

fn socket(settings: &Settings) -> PathBuf {
    PathBuf::from(settings.url.strip_prefix("unix:").unwrap())
}

fn kill(pid: u32) {
    let status = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(status.unwrap().success());
}

#[tokio::test]
async fn another_user_neither_reaches_the_engine_nor_takes_its_place() {
    let Some(other) = Other::user() else { return };
    let mut database = Database::start().await;
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    other.does("intrude", &socket(&settings));

    kill(database.engine.pid());
    database.engine.exited().await;
    assert!(socket(&settings).exists(), "what a crash leaves");
    other.does("intrude", &socket(&settings));
    assert!(matches!(store.size().await, Err(Error::Unreachable { .. })));
    database.engine.restart().await.unwrap();
    store.size().await.unwrap();

    // Even where the directory would let everybody in: the kernel says who asks.
    let directory = socket(&settings).parent().unwrap().to_owned();
    fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(socket(&settings), Permissions::from_mode(0o666)).unwrap();
    other.does("ask", &socket(&settings));
    store.size().await.unwrap();
    database.engine.stop().await;
    assert!(!directory.exists(), "nothing stays");
}

#[tokio::test]
async fn what_another_user_serves_is_not_asked() {
    let Some(other) = Other::user() else { return };
    fs::set_permissions(other.folder.path(), Permissions::from_mode(0o777)).unwrap();
    let socket = other.folder.path().join("s");
    let server = other.command("serve", &socket).stdout(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while fs::metadata(&socket).is_ok_and(|data| data.permissions().mode() & 0o666 != 0o666)
        || !socket.exists()
    {
        assert!(Instant::now() < deadline, "it does not listen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let settings = Settings {
        password: Some(PASSWORD.to_owned()),
        ..Settings::new(format!("unix:{}", socket.display()))
    };
    let error = Store::open(&settings).await.err().unwrap();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("is served by user 65534"), "{error}");
    let output = server.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "it was sent something: {said}");
}

/// Not even another process of the same user: it is the one that was started that is asked.
#[tokio::test]
async fn another_process_in_the_engine_s_place_is_not_asked() {
    let database = Database::start().await;
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    let (pid, socket) = (database.engine.pid(), socket(&settings));
    kill(pid);
    // Before whoever watches over the engine knows that it has ended.
    let refused = async {
        while UnixStream::connect(&socket).is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), refused).await.unwrap();
    fs::remove_file(&socket).unwrap();
    let listener = UnixListener::bind(&socket).unwrap();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        received
    });
    let error = store.size().await.unwrap_err();
    assert!(error.to_string().contains(&format!("not by the engine {pid}")), "{error}");
    assert!(served.join().unwrap().is_empty(), "it was sent something");
}

/// The engine is told nothing of its parent's environment.
#[tokio::test]
async fn its_environment_is_empty() {
    let database = Database::start().await;
    let environment = fs::read(format!("/proc/{}/environ", database.engine.pid())).unwrap();
    let names: Vec<_> = environment.split(|octet| *octet == 0).filter(|v| !v.is_empty()).collect();
    assert!(names.iter().all(|name| name.starts_with(b"TZ=")), "{names:?}");
    database.engine.stop().await;
}
