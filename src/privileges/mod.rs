//! What the process may do once it has opened what it needs: nothing that it does not do.
//!
//! Interfaces, the API's port and files of secrets are opened first, as whoever has started the program. Then it
//! becomes the configured user, gives up every capability, asks the kernel for no new privileges, and to
//! refuse what it never does. All of it holds for the engine too, which is started afterwards.
//!
//! In the kernel credentials belong to threads: this happens while the process has one, before the async
//! runtime starts others.

mod directories;
mod sandbox;

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, geteuid, setgroups, setresgid, setresuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, no_new_privs,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use crate::config::{Account, Config, Store};
use crate::failure::Failure;

/// What a command will write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// It is the appliance: all that is its own, and nothing else.
    Appliance,
    /// The store, the spool, and what its arguments say.
    Store,
}

/// New files are for their owner, and for its group to read: they tell who talks to whom.
pub(crate) fn mask_modes() {
    let before = nix::sys::stat::umask(Mode::empty());
    nix::sys::stat::umask(before | Mode::S_IWGRP | Mode::S_IRWXO);
}

/// Gives up what is not needed any more. Only for a process of one thread.
pub(crate) fn give_up(config: &Config, scope: Scope) -> Result<(), Failure> {
    let directories = own_directories(config, scope);
    let account = account(config, &directories);
    directories::make(&directories, account.as_ref())?;
    close_on_exec();
    drop_capabilities(account.as_ref()).map_err(|error| {
        Failure::Failed(error.context("cannot give up the privileges of its start"))
    })?;
    directories::check(&directories)?;
    let refused = match (config.process.sandbox, scope) {
        (false, _) => "",
        (true, Scope::Appliance) => sandbox::enforce(Some(&directories)),
        (true, Scope::Store) => sandbox::enforce(None),
    };
    let who = match &account {
        Some(Account { name, uid, gid, .. }) => format!("user {name} ({uid}:{gid})"),
        None => format!("user {}", geteuid()),
    };
    if scope == Scope::Appliance {
        tracing::info!("working as {who} without capabilities{refused}");
    }
    Ok(())
}

/// Says so where the process stays root.
pub(crate) fn warn_of_root() {
    if geteuid().is_root() {
        tracing::warn!(
            "started as root, it stays root, though without capabilities: set `user` in [process] to a \
             user of its own"
        );
    }
}

/// What the process will be, in words for `etiage check`.
pub(crate) fn describe(config: &Config) -> String {
    let root = geteuid().is_root();
    let who = match &config.process.account {
        Some(Account { name, uid, gid, .. }) => format!("user {name} ({uid}:{gid})"),
        None if root => "root: set `user` in [process] to a user of its own".to_owned(),
        None => format!("user {}, or whoever starts it", geteuid()),
    };
    let sandbox = if config.process.sandbox { sandbox::describe() } else { "; no sandbox" };
    format!("{who}; no capabilities once interfaces are open, no new privileges{sandbox}")
}

fn own_directories(config: &Config, scope: Scope) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    if let Store::Embedded { data, backups, .. } = &config.store {
        directories.push(data.clone());
        directories.extend(backups.clone());
    }
    if scope == Scope::Appliance {
        directories.push(config.spool.settings.directory.clone());
        if !config.alerts.receivers.is_empty() {
            directories.push(config.alerts.directory.clone());
        }
    }
    directories
}

/// As whom to work. Without a word about it root works as the owner of the data: as root, without
/// capabilities, it could not write there.
fn account(config: &Config, directories: &[PathBuf]) -> Option<Account> {
    let configured = config.process.account.clone();
    if !geteuid().is_root() {
        if let Some(account) = configured.filter(|account| account.uid != geteuid().as_raw()) {
            tracing::warn!(
                "not started as root: it stays user {}, not {}",
                geteuid(),
                account.name
            );
        }
        return None;
    }
    configured.or_else(|| directories.iter().find_map(|directory| directories::owner(directory)))
}

/// The engine inherits nothing that is open but its standard streams: libpcap's sockets among others.
fn close_on_exec() {
    // SAFETY: the call takes three integers and touches no memory. That descriptors are closed in programs that
    // are started from here on is what everybody who opens one with the standard library gets.
    #[allow(unsafe_code)]
    let _ = unsafe {
        // Fails before Linux 5.11: then only what others open is inherited, as before.
        libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC)
    };
}

fn drop_capabilities(account: Option<&Account>) -> Result<(), anyhow::Error> {
    // What no program that is started from here could ever get back. Only who has CAP_SETPCAP may
    // give that up; for who has not, no new privileges says the same.
    for capability in CapabilitySet::all().iter() {
        let _ = remove_capability_from_bounding_set(capability);
    }
    if let Some(Account { name, uid, gid, groups }) = account {
        let become_user = || {
            let groups: Vec<_> = groups.iter().copied().map(Gid::from_raw).collect();
            setgroups(&groups)?;
            let (gid, uid) = (Gid::from_raw(*gid), Uid::from_raw(*uid));
            setresgid(gid, gid, gid)?;
            setresuid(uid, uid, uid)
        };
        become_user().with_context(|| format!("cannot become user {name} ({uid}:{gid})"))?;
    }
    // Fails where the kernel knows no ambient set: nothing is in it, then.
    let _ = clear_ambient_capability_set();
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .context("capset")?;
    set_no_new_privs(true).context("no_new_privs")?;
    let left = capabilities(None).context("capget")?;
    if !left.permitted.is_empty() || !left.effective.is_empty() || !no_new_privs()? {
        return Err(anyhow!("the kernel keeps {:?}", left.permitted));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_without_capabilities_gets_none_again() {
        let dropped = std::thread::spawn(|| {
            drop_capabilities(None).unwrap();
            let left = capabilities(None).unwrap();
            assert!(left.permitted.is_empty() && left.effective.is_empty());
            assert!(no_new_privs().unwrap());
            let all = CapabilitySet::all();
            let again = CapabilitySets { effective: all, permitted: all, inheritable: all };
            assert!(set_capabilities(None, again).is_err());
        });
        dropped.join().unwrap();
    }
}
