//! What this process gives up before it loads the engine: it reads statements, so it shall be able to do
//! nothing but what a database needs, whatever a statement or a fault in the engine makes it try.
//!
//! First at once: inherited descriptors, capabilities, new privileges, core dumps. Then, when it is known where
//! it works: other folders (Landlock), other programs and the network (seccomp). Where the kernel has no
//! Landlock (older than 5.19, or switched off) or no seccomp, the engine runs without, and says so.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use libc::c_long;
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, setrlimit, umask};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// The newest kernel interface whose rights are named here; an older kernel takes those that it knows.
const KNOWN: ABI = ABI::V6;
/// What the C library and the engine read besides their own files: the machine and the process, the time zone.
const READ: [&str; 6] =
    ["/proc", "/sys", "/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo"];
const DEVICES: [&str; 4] = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];

/// System calls that a database never needs: other programs and processes, mounts, namespaces, the kernel.
const REFUSED: [c_long; 24] = [
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_open_by_handle_at,
    libc::SYS_acct,
];

/// Gives up what is not needed even to start. To be called before any other thread exists, and before a file
/// is opened.
pub(crate) fn give_up() -> io::Result<()> {
    crate::ffi::close_inherited();
    umask(Mode::RWXG | Mode::RWXO);
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_no_new_privs(true)?;
    for capability in CapabilitySet::all().iter() {
        // Only who has SETPCAP may; who has not can gain none of them any more, either.
        let _ = remove_capability_from_bounding_set(capability);
    }
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    Ok(())
}

/// Keeps the process to these folders, and from programs and the network; what cannot be had is told on
/// standard error.
pub(crate) fn confine(folders: &[&Path], library: &Path) {
    let say = |what: &str, reason: String| {
        eprintln!("etiage-clickhouse: runs without {what}: {reason}");
    };
    match stay_in(folders, library) {
        Ok(RulesetStatus::FullyEnforced) => {}
        Ok(RulesetStatus::PartiallyEnforced) => say("all of Landlock", "an older kernel".into()),
        Ok(RulesetStatus::NotEnforced) => say("Landlock", "the kernel has none".into()),
        Err(error) => say("Landlock", error.to_string()),
    }
    if let Err(error) = refuse_calls() {
        say("seccomp", error.to_string());
    }
}

fn stay_in(folders: &[&Path], library: &Path) -> Result<RulesetStatus, RulesetError> {
    let write = AccessFs::from_all(KNOWN);
    let read = AccessFs::from_read(KNOWN);
    let beside = library.parent().map(Path::to_owned);
    let read_too = READ.iter().map(PathBuf::from).chain(beside).chain(libraries());
    let status = Ruleset::default()
        // Without it the first version would refuse every rename from one folder to another.
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::Refer)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(write)?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?
        .create()?
        .add_rules(path_beneath_rules(folders, write))?
        .add_rules(path_beneath_rules(read_too, read))?
        .add_rules(path_beneath_rules(DEVICES, read | AccessFs::WriteFile))?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// Where the libraries of this process are: those of the engine's library are beside them.
fn libraries() -> Vec<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let files = maps.lines().filter_map(|line| Some(Path::new(line.get(line.find('/')?..)?)));
    let shared = files.filter(|file| file.to_string_lossy().contains(".so"));
    let mut folders: Vec<_> = shared.filter_map(|file| Some(file.parent()?.to_owned())).collect();
    folders.sort();
    folders.dedup();
    folders
}

fn refuse_calls() -> Result<(), Box<dyn std::error::Error>> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let unix = libc::AF_UNIX as u64;
    let other = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, unix)?;
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(vec![other])?]);
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM as u32),
        std::env::consts::ARCH.try_into()?,
    )?;
    let program: BpfProgram = filter.try_into()?;
    apply_filter(&program)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::TcpListener;
    use std::process::Command;

    use super::*;

    /// Both apply to the thread that asks for them, and to what it starts.
    #[test]
    fn it_keeps_to_its_folders() {
        let own = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("a"), "a").unwrap();
        let (inside, outside) = (own.path().to_owned(), other.path().to_owned());
        let confined = std::thread::spawn(move || {
            let status = stay_in(&[inside.as_path()], Path::new("/usr/lib/none.so"));
            let Ok(RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced) = status else {
                eprintln!("this kernel has no Landlock: not tested");
                return;
            };
            fs::create_dir(inside.join("b")).unwrap();
            fs::write(inside.join("a"), "a").unwrap();
            fs::rename(inside.join("a"), inside.join("b/a")).unwrap();
            assert!(fs::read_to_string("/proc/self/status").is_ok());
            for path in ["a", "c"] {
                assert!(fs::read(outside.join(path)).is_err(), "{path}");
                assert!(fs::write(outside.join(path), "b").is_err(), "{path}");
            }
            assert!(fs::read("/etc/passwd").is_err());
            assert!(fs::rename(inside.join("b/a"), outside.join("b")).is_err());
        });
        confined.join().unwrap();
        assert_eq!(fs::read_to_string(other.path().join("a")).unwrap(), "a");
    }

    #[test]
    fn it_starts_no_program_and_opens_no_port() {
        let confined = std::thread::spawn(|| {
            refuse_calls().unwrap();
            let denied = |error: io::Error| assert_eq!(error.raw_os_error(), Some(libc::EPERM));
            denied(TcpListener::bind("127.0.0.1:0").unwrap_err());
            denied(Command::new("/bin/true").spawn().unwrap_err());
            assert!(std::os::unix::net::UnixStream::pair().is_ok());
        });
        confined.join().unwrap();
    }
}
