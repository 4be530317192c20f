//! Files that hold a secret: tokens, passwords, keys.
//!
//! Who can read such a file has the secret. So others of this machine may not, and a group only where it is
//! the service's own: root's files of mode 0640 and the service's group are how packages give it secrets.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::section::Section;

/// The most that is read of a secret: a chain of certificates with its key is smaller.
const MAX_OCTETS: u64 = 1 << 20;

/// Groups that may read secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Readers(Vec<u32>);

impl Readers {
    /// The groups of the account that the process will have; without one, its own first group. Root's group
    /// is root.
    pub(super) fn of(account: Option<&super::Account>) -> Self {
        let own = || vec![nix::unistd::getegid().as_raw()];
        let mut groups = account.map_or_else(own, |account| account.groups.clone());
        groups.push(0);
        Self(groups)
    }
}

/// The secret in a file, without white space around it; `None`, and a problem at this place, if it cannot be
/// read, or if others can read it too.
pub(super) fn read(
    section: &mut Section<'_, '_, '_, '_>,
    (at, key): (usize, &str),
    path: &Path,
) -> Option<String> {
    match text(path, section.readers()) {
        Ok(text) => Some(text.trim().to_owned()),
        Err(problem) => {
            section.problem(at, format!("`{key}`: {problem}"));
            None
        }
    }
}

fn text(path: &Path, readers: &Readers) -> Result<String, String> {
    let unreadable = |error| format!("cannot read {}: {error}", path.display());
    let file = File::open(path).map_err(unreadable)?;
    // Of the file that is open, not of what may stand in its place by now.
    let metadata = file.metadata().map_err(unreadable)?;
    if let Some(problem) = exposed(path, &metadata, readers) {
        return Err(problem);
    }
    let mut text = String::new();
    file.take(MAX_OCTETS).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// The same of a file that somebody else reads, and who says if it cannot be read at all.
pub(super) fn problem(path: &Path, readers: &Readers) -> Option<String> {
    exposed(path, &path.metadata().ok()?, readers)
}

/// What is wrong with who can read or change a secret's file, and what sets it right.
fn exposed(path: &Path, metadata: &Metadata, readers: &Readers) -> Option<String> {
    let mode = metadata.mode() & 0o777;
    let own_group = readers.0.contains(&metadata.gid());
    let allowed = if own_group { 0o740 } else { 0o700 };
    let wrong = mode & !allowed;
    if wrong == 0 {
        return None;
    }
    let who = match (wrong & 0o007 != 0, wrong & 0o070 != 0) {
        (true, _) => "everybody on this machine".to_owned(),
        (false, _) => format!("the group {}", metadata.gid()),
    };
    let may = if wrong & 0o044 != 0 { "read" } else { "change" };
    let right = if own_group && mode & 0o040 != 0 { "640" } else { "600" };
    let path = path.display();
    Some(format!("{who} can {may} {path} (mode {mode:o}): `chmod {right} {path}`"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_the_owner_and_the_services_group_read_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, " 0123456789abcdef\n").unwrap();
        let group = std::fs::metadata(&path).unwrap().gid();
        let (own, other) = (Readers(vec![group]), Readers(vec![group + 1]));
        let wrong = |mode: u32, readers: &Readers| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let shown = path.display().to_string();
            text(&path, readers).err().map(|problem| problem.replace(&shown, "F"))
        };
        for mode in [0o600, 0o400, 0o700] {
            assert_eq!(wrong(mode, &other), None, "{mode:o}");
        }
        assert_eq!(wrong(0o640, &own), None);
        assert_eq!(wrong(0o440, &own), None);
        for (mode, readers, expected) in [
            (0o644, &own, "everybody on this machine can read F (mode 644): `chmod 640 F`"),
            (0o604, &own, "everybody on this machine can read F (mode 604): `chmod 600 F`"),
            (0o602, &own, "everybody on this machine can change F (mode 602): `chmod 600 F`"),
            (0o660, &own, "the group G can change F (mode 660): `chmod 640 F`"),
            (0o640, &other, "the group G can read F (mode 640): `chmod 600 F`"),
        ] {
            let expected = expected.replace('G', &group.to_string());
            assert_eq!(wrong(mode, readers), Some(expected), "{mode:o}");
        }
        assert_eq!(wrong(0o600, &own), None);
        assert_eq!(text(&path, &own).unwrap().trim(), "0123456789abcdef");
    }
}
