//! Directories of the appliance: its own user's, and for nobody else.

use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use nix::unistd::{AccessFlags, Gid, Group, Uid, User, eaccess, geteuid};

use crate::config::Account;
use crate::failure::Failure;

/// Mode of a directory that is made.
const MODE: u32 = 0o750;
/// What others have no business with: reading and entering; and the group: writing.
const OTHERS: u32 = 0o027;
/// The sticky bit, which directories have that many share.
const SHARED: u32 = 0o1000;

/// Makes the directories that are missing, for this user; what is there must be its own.
pub(super) fn make(directories: &[PathBuf], account: Option<&Account>) -> Result<(), Failure> {
    for directory in directories {
        let what = || format!("cannot make the directory {}", directory.display());
        match fs::metadata(directory) {
            Ok(metadata) => keep(directory, &metadata, account)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                create(directory, account).with_context(what)?;
            }
            Err(error) => return Err(anyhow::Error::from(error).context(what()).into()),
        }
    }
    Ok(())
}

/// With its parents: who cannot enter those has nothing of it.
fn create(directory: &Path, account: Option<&Account>) -> io::Result<()> {
    if let Some(parent) = directory.parent()
        && !parent.as_os_str().is_empty()
        && !parent.exists()
    {
        create(parent, account)?;
    }
    match fs::DirBuilder::new().mode(MODE).create(directory) {
        // By another path, `data/../spool` say, it is there by now.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        made => made?,
    }
    match account {
        Some(account) => chown(directory, Some(account.uid), Some(account.gid)),
        None => Ok(()),
    }
}

/// Looks at a directory that was there before.
fn keep(directory: &Path, found: &Metadata, account: Option<&Account>) -> Result<(), Failure> {
    let shown = directory.display();
    let failed = |error: io::Error| anyhow!("cannot hand {shown} over: {error}");
    if let Some(account) = account
        && found.uid() != account.uid
    {
        let is_empty = fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none());
        if found.uid() != 0 || !is_empty {
            // What else is in it cannot be known: whoever starts the program says that it is all its own.
            return Err(Failure::Failed(anyhow!(
                "{shown} belongs to {}, not to {}: `chown -R {}:{} {shown}`",
                name(found.uid()),
                account.name,
                account.name,
                group(account.gid),
            )));
        }
        chown(directory, Some(account.uid), Some(account.gid)).map_err(failed)?;
    }
    let mode = found.mode() & 0o7777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    // Root's directories may be everybody's, the working directory say: what is in it is for nobody to close.
    let owner = account.map_or_else(|| geteuid().as_raw(), |account| account.uid);
    let own = owner != 0 && mode & SHARED == 0;
    let tight = mode & !OTHERS;
    if own && fs::set_permissions(directory, Permissions::from_mode(tight)).is_ok() {
        tracing::info!("{shown} had mode {mode:o}, and has {tight:o} now: it is for nobody else");
    } else {
        tracing::warn!("others can read {shown} (mode {mode:o}): `chmod {MODE:o} {shown}`");
    }
    Ok(())
}

/// That the directories can be used, by who the process is by now.
pub(super) fn check(directories: &[PathBuf]) -> Result<(), Failure> {
    let needed = AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK;
    for directory in directories {
        if let Err(error) = eaccess(directory, needed) {
            let (shown, who) = (directory.display(), name(geteuid().as_raw()));
            let advice = match geteuid().is_root() {
                true => "root gives up its right to go everywhere: set [process] user to its owner",
                false => "it and all directories above it must be open to this user",
            };
            return Err(Failure::Failed(anyhow!(
                "{shown} cannot be used by {who}: {error}; {advice}"
            )));
        }
    }
    Ok(())
}

/// The user who owns a directory, if that is not root.
pub(super) fn owner(directory: &Path) -> Option<Account> {
    let found = fs::metadata(directory).ok()?;
    let (uid, gid) = (found.uid(), found.gid());
    // Nobody else's group is taken over with it.
    let gid = match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.gid.as_raw(),
        _ => gid,
    };
    (uid != 0 && gid != 0).then(|| Account { name: name(uid), uid, gid, groups: vec![gid] })
}

fn name(uid: u32) -> String {
    let known = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    known.map_or_else(|| format!("user {uid}"), |user| user.name)
}

fn group(gid: u32) -> String {
    let known = Group::from_gid(Gid::from_raw(gid)).ok().flatten();
    known.map_or_else(|| gid.to_string(), |group| group.name)
}
