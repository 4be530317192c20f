//! What the kernel refuses the program, and the engine that it starts: Landlock for files, seccomp for system
//! calls. Best effort: a kernel that knows neither runs the program all the same, and the log says so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use landlock::{
    ABI, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, path_beneath_rules,
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

/// What is refused of files (Linux 6.2): writing, making, removing, and truncating. Older kernels refuse what they
/// know of it.
const REFUSED: ABI = ABI::V3;

/// System calls that neither program ever makes, and that who has taken one over would: to look into other
/// processes, to change the system, to reach parts of the kernel that have often been broken.
const NEVER: [libc::c_long; 44] = [
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_open_by_handle_at,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// Has the kernel refuse all of it, to this thread and to what it starts; what it refuses, for the log. With
/// directories, only these can be written.
pub(super) fn enforce(directories: Option<&[PathBuf]>) -> &'static str {
    let files = directories.is_some_and(|directories| match landlock(directories, temporary()) {
        Ok(RulesetStatus::NotEnforced) => {
            tracing::info!("this kernel has no Landlock: other directories are not closed to it");
            false
        }
        Ok(_) => true,
        Err(error) => {
            tracing::warn!("Landlock: {error}: other directories are not closed to it");
            false
        }
    });
    let calls = match seccomp() {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!("seccomp: {error}: no system calls are closed to it");
            false
        }
    };
    match (files, calls) {
        (true, true) => {
            ", writing in its own directories alone, without system calls that it never makes"
        }
        (true, false) => ", writing in its own directories alone",
        (false, true) => ", without system calls that it never makes",
        (false, false) => "",
    }
}

/// For `etiage check`.
pub(super) fn describe() -> &'static str {
    "; writes only in its own directories (Landlock), no dangerous system calls (seccomp)"
}

fn landlock(
    directories: &[PathBuf],
    temporary: Vec<PathBuf>,
) -> Result<RulesetStatus, RulesetError> {
    let all = AccessFs::from_write(REFUSED);
    let restricted = Ruleset::default()
        // Without it the first version would refuse every rename from one folder to another: none is better.
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::Refer)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .create()?
        .add_rules(path_beneath_rules(directories, all))?
        .add_rules(path_beneath_rules(temporary, all))?
        // /dev/null and the terminal.
        .add_rules(path_beneath_rules(["/dev"], AccessFs::WriteFile))?
        .restrict_self()?;
    Ok(restricted.ruleset)
}

/// Where the engine's socket may be, and what an export is put together in.
fn temporary() -> Vec<PathBuf> {
    let named = ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"].into_iter().filter_map(std::env::var_os);
    named.map(PathBuf::from).chain([std::env::temp_dir(), PathBuf::from("/tmp")]).collect()
}

fn seccomp() -> Result<(), anyhow::Error> {
    let rules: BTreeMap<i64, _> = NEVER.into_iter().map(|call| (call, Vec::new())).collect();
    // An error, as of a kernel that does not have the call: a library that tries it goes on without.
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let machine = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, machine)?;
    let program: BpfProgram = filter.try_into()?;
    Ok(seccompiler::apply_filter(&program)?)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::{fs, thread};

    use super::*;

    #[test]
    fn a_thread_in_the_sandbox_writes_only_where_it_may() {
        let folder = tempfile::tempdir().unwrap();
        let (own, other) = (folder.path().join("own"), folder.path().join("other"));
        fs::create_dir(&own).unwrap();
        fs::create_dir(&other).unwrap();
        fs::write(other.join("there"), "x").unwrap();
        let directories = vec![own.clone()];
        // It holds for the thread and what that starts, so no other test is in it.
        let sandboxed = thread::spawn(move || {
            let status = landlock(&directories, Vec::new());
            seccomp().unwrap();
            // What is never called is refused, and nothing else.
            let error = nix::unistd::chroot("/").unwrap_err();
            assert_eq!(error, nix::errno::Errno::EPERM);
            assert!(
                fs::read_to_string("/proc/thread-self/status").unwrap().contains("Seccomp:\t2")
            );
            fs::write(own.join("file"), "x").unwrap();
            fs::rename(own.join("file"), own.join("other")).unwrap();
            assert_eq!(fs::read_to_string(other.join("there")).unwrap(), "x");
            fs::write("/dev/null", "x").unwrap();
            if !matches!(status, Ok(RulesetStatus::FullyEnforced)) {
                eprintln!("SKIPPED: this kernel has not all of Landlock");
                return;
            }
            for refused in [
                fs::write(other.join("file"), "x"),
                fs::write(other.join("there"), "y"),
                fs::remove_file(other.join("there")),
                fs::rename(own.join("other"), other.join("other")),
                fs::create_dir(other.join("folder")),
            ] {
                let kind = refused.unwrap_err().kind();
                assert!(matches!(kind, ErrorKind::PermissionDenied | ErrorKind::CrossesDevices));
            }
        });
        sandboxed.join().unwrap();
    }
}
