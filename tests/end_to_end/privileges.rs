//! What the process may do after its start: as another user, without capabilities, with the files of its own
//! alone; and that it captures, stores and answers all the same.
//!
//! Only root can give anything up: skipped, with a message, for everybody else.

use std::fs::{self, Permissions};
use std::net::UdpSocket;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use crate::support::wire::Wire;
use crate::support::{Appliance, PATIENCE, capture, config, etiage, output};
use serde_json::Value;

/// A user that every machine has, by its number: nobody.
const NOBODY: u32 = 65_534;

fn is_root() -> bool {
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if !root {
        crate::support::skipped("only root has privileges to give up");
    }
    root
}

/// A folder that others can enter: its files' own modes count.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

/// A line of each of a process's threads' status.
fn status(pid: u32, key: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    // A thread may end meanwhile.
    let texts =
        threads.filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("status")).ok());
    let mut lines: Vec<_> = texts
        .filter_map(|text| {
            let line = text.lines().find(|line| line.starts_with(key))?;
            Some(line.split_once(':')?.1.split_whitespace().collect::<Vec<_>>().join(" "))
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

/// What is the same for every thread.
fn assert_status(pid: u32, key: &str, expected: &str) {
    assert_eq!(status(pid, key), [expected], "{key} of process {pid}");
}

fn assert_gave_up(pid: u32, uid: u32) {
    let ids = format!("{uid} {uid} {uid} {uid}");
    assert_status(pid, "Uid", &ids);
    assert_status(pid, "Gid", &ids);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_status(pid, set, "0000000000000000");
    }
    assert_status(pid, "NoNewPrivs", "1");
    assert_status(pid, "Seccomp", "2");
}

/// Inodes of the packet sockets of a process's network namespace.
fn packet_sockets(pid: u32) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/net/packet")).unwrap();
    text.lines().skip(1).map(|line| line.split_whitespace().last().unwrap().to_owned()).collect()
}

fn open_files(pid: u32) -> Vec<String> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = files.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
    links.map(|link| link.display().to_string()).collect()
}

/// Everything below a directory: its path, owner, group and mode.
fn everything(path: &Path, found: &mut Vec<(String, u32, u32, u32)>) {
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    let mode = metadata.mode() & 0o7777;
    if !metadata.is_symlink() {
        found.push((path.display().to_string(), metadata.uid(), metadata.gid(), mode));
    }
    if metadata.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            everything(&entry.path(), found);
        }
    }
}

fn engine_of(appliance: &Appliance) -> u32 {
    *appliance.children().first().unwrap()
}

#[test]
fn it_captures_as_its_user_without_a_capability() {
    if !is_root() {
        return;
    }
    let Some(wire) = Wire::lay() else { return };
    let folder = folder();
    let token = folder.path().join("token");
    fs::write(&token, "0123456789abcdef0123456789abcdef").unwrap();
    // Root's own: read before the process is somebody else.
    fs::set_permissions(&token, Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "local_prefixes = [\"100.64.0.0/10\"]\n[process]\nuser = \"{NOBODY}\"\n\
         [store]\ndata = \"made/for/it/data\"\n[api]\nlisten = \"127.0.0.1:0\"\n\
         token_file = \"token\"\n\
         [[interface]]\nname = \"near0\"\nworkers = 2\nring = \"8MiB\"\n\
         [[link]]\nname = \"veth\"\ninterface = \"near0\"\n"
    );
    let config = folder.path().join("etiage.toml");
    fs::write(&config, text).unwrap();
    let mut command = Wire::inside(&wire.near, env!("CARGO_BIN_EXE_etiage"));
    command.args(["run", "--config"]).arg(&config).env("ETIAGE_LOG", "info");
    let mut appliance = Appliance::of(command);
    appliance.wait_for_line("capturing on near0, 2 workers");
    let (own, engine) = (appliance.pid(), engine_of(&appliance));
    assert_gave_up(own, NOBODY);
    assert_gave_up(engine, NOBODY);
    // Root's groups went with root.
    assert_status(own, "Groups", &NOBODY.to_string());

    // The sockets that capture are its own, and not the engine's.
    let sockets = packet_sockets(own);
    assert_eq!(sockets.len(), 2, "{sockets:?}");
    let captures = |pid| {
        let files = open_files(pid);
        sockets.iter().filter(|inode| files.contains(&format!("socket:[{inode}]"))).count()
    };
    assert_eq!((captures(own), captures(engine)), (2, 0));

    let sender = std::thread::spawn(move || {
        Wire::enter(&wire.far);
        let socket = UdpSocket::bind("198.51.100.9:0").unwrap();
        for _ in 0..50 {
            socket.send_to(&[7; 1000], "100.64.9.1:9").unwrap();
        }
        wire
    });
    let wire = sender.join().unwrap();
    let ask = |path: &str| -> Value {
        let url = format!("http://{}{path}", appliance.address);
        let header = "Authorization: Bearer 0123456789abcdef0123456789abcdef";
        let mut curl = Wire::inside(&wire.near, "curl");
        let answer = curl.args(["--silent", "--fail", "-H", header, &url]).output().unwrap();
        assert!(answer.status.success(), "{path}");
        serde_json::from_slice(&answer.stdout).unwrap()
    };
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let totals = ask("/api/v1/totals?from=now-10m&to=now&group_by=link");
        if totals["rows"][0]["packets"].as_u64() >= Some(50) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{totals:#}");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let health = ask("/api/v1/health");
    assert_eq!(health["status"], "ok", "{health:#}");
    assert_eq!(ask("/api/v1/health")["capture"]["dropped"]["kernel"], 0);

    let (status, log) = appliance.stop("-TERM");
    assert!(status.success(), "{log}");
    assert!(log.contains(&format!("working as user {NOBODY} ({NOBODY}:{NOBODY})")), "{log}");
    assert!(!log.contains("WARN"), "{log}");
    let mut found = Vec::new();
    everything(&folder.path().join("made"), &mut found);
    assert!(found.iter().any(|(path, ..)| path.ends_with("for/it/data.spool/cursor")), "{found:?}");
    assert!(found.iter().any(|(path, ..)| path.contains("for/it/data/store/")), "{found:?}");
    for (path, uid, gid, mode) in found {
        assert_eq!((uid, gid, mode & 0o027), (NOBODY, NOBODY, 0), "{path} ({mode:o})");
    }
}

#[test]
fn root_stays_root_where_nothing_is_said_but_gives_up_its_powers() {
    if !is_root() {
        return;
    }
    let folder = folder();
    let config = config(folder.path(), "[[link]]\nname = \"a\"\ninterface = \"lo\"\n");
    let mut appliance = Appliance::start(&["run", "--config", config.to_str().unwrap()]);
    appliance.wait_for_line("capturing on lo");
    assert_gave_up(appliance.pid(), 0);
    assert_gave_up(engine_of(&appliance), 0);
    appliance.wait_until("/api/v1/health", |health| health["status"] == "ok");
    let (status, log) = appliance.stop("-TERM");
    assert!(status.success(), "{log}");
    assert!(log.contains("started as root, it stays root"), "{log}");
    let (status, text, errors) = output(&["check", "--config", config.to_str().unwrap()]);
    assert!(status.success(), "{errors}");
    assert!(text.contains("process   root: set `user` in [process]"), "{text}");
}

#[test]
fn files_of_others_cannot_be_read_any_more() {
    if !is_root() {
        return;
    }
    let folder = folder();
    let networks = folder.path().join("networks.csv");
    fs::write(&networks, "192.0.2.0,192.0.2.255,64500,Somebody\n").unwrap();
    fs::set_permissions(&networks, Permissions::from_mode(0o600)).unwrap();
    let text = format!("[process]\nuser = \"{NOBODY}\"\n[networks]\nfiles = [\"networks.csv\"]\n");
    let config = config(folder.path(), &text);
    let replay = || {
        let arguments = ["replay", "--link", "x", "--config", config.to_str().unwrap()];
        let result = etiage(&arguments).arg(capture("ot01_dns.link-a")).output().unwrap();
        (result.status, String::from_utf8(result.stderr).unwrap())
    };
    let (status, errors) = replay();
    assert!(!status.success());
    assert!(errors.contains("networks.csv: Permission denied"), "{errors}");
    fs::set_permissions(&networks, Permissions::from_mode(0o644)).unwrap();
    let (status, errors) = replay();
    assert!(status.success(), "{errors}");
}

#[test]
fn directories_of_others_are_told_and_wide_ones_are_tightened() {
    if !is_root() {
        return;
    }
    let folder = folder();
    let text = format!("[process]\nuser = \"{NOBODY}\"\n");
    let config = config(folder.path(), &text);
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("file"), "root's").unwrap();
    let replay = || {
        let arguments = ["replay", "--link", "x", "--config", config.to_str().unwrap()];
        let result = etiage(&arguments).arg(capture("ot01_dns.link-a")).output().unwrap();
        (result.status, String::from_utf8(result.stderr).unwrap())
    };
    let (status, errors) = replay();
    assert!(!status.success());
    let shown = data.display();
    let expected = format!("{shown} belongs to root, not to {NOBODY}: `chown -R {NOBODY}:");
    assert!(errors.contains(&expected), "{errors}");
    fs::remove_file(data.join("file")).unwrap();
    chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    let (status, errors) = replay();
    assert!(status.success(), "{errors}");
    assert!(errors.contains("had mode 755, and has 750 now"), "{errors}");
    assert_eq!(fs::metadata(&data).unwrap().mode() & 0o7777, 0o750);
    // Where nothing is said, root works as the owner of the data.
    let (status, errors) = {
        let config = crate::support::config(folder.path(), "");
        let arguments = ["replay", "--link", "x", "--config", config.to_str().unwrap()];
        let result = etiage(&arguments).arg(capture("ot01_dns.link-a")).output().unwrap();
        (result.status, String::from_utf8(result.stderr).unwrap())
    };
    assert!(status.success(), "{errors}");
    assert!(errors.contains("working as user nobody"), "{errors}");
}

#[test]
fn who_can_read_a_secret_is_checked() {
    let folder = folder();
    let token = folder.path().join("token");
    fs::write(&token, "0123456789abcdef").unwrap();
    let path = folder.path().join("etiage.toml");
    let check = |text: &str, mode: u32| {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&token, Permissions::from_mode(mode)).unwrap();
        output(&["check", "--config", path.to_str().unwrap()])
    };
    let api = "[api]\ntoken_file = \"token\"\n";
    assert!(check(api, 0o600).0.success());
    let (status, _, errors) = check(api, 0o644);
    assert_eq!(status.code(), Some(2));
    let shown = token.display();
    let expected = format!("can read {shown} (mode 644): `chmod 6");
    assert!(errors.contains(":2:14: `token_file`: everybody on this machine"), "{errors}");
    assert!(errors.contains(&expected), "{errors}");
    // The command that is told sets it right.
    let told = errors.split('`').nth(3).unwrap();
    assert!(Command::new("sh").args(["-c", told]).status().unwrap().success());
    let mode = fs::metadata(&token).unwrap().mode() & 0o777;
    assert!(check(api, mode).0.success(), "{told}");
    // A group's only where it is the service's.
    let own = fs::metadata(&token).unwrap().gid();
    if chown(&token, None, Some(NOBODY)).is_ok() && own != NOBODY {
        assert!(!check(api, 0o640).0.success());
        let service = format!("[process]\nuser = \"{NOBODY}\"\n{api}");
        assert!(check(&service, 0o640).0.success());
        assert!(!check(&service, 0o644).0.success());
    }
    // The key of TLS is one too, whatever is in it.
    let (status, _, errors) = check("[api]\ncertificate = \"token\"\nkey = \"token\"\n", 0o644);
    assert_eq!(status.code(), Some(2));
    assert!(errors.contains(":3:7: `key`: everybody on this machine can read"), "{errors}");
    let (status, _, errors) = check("[process]\nuser = \"no-such-user\"\n", 0o600);
    assert_eq!(status.code(), Some(2));
    assert!(errors.contains("useradd --system"), "{errors}");
    let (status, _, errors) = check("[process]\nuser = \"root\"\n", 0o600);
    assert_eq!(status.code(), Some(2));
    assert!(errors.contains("the process would stay root"), "{errors}");
}
