//! Files that hold secrets: nobody but their owner and its group has anything to do with them.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Others may read, or change, or its group may change.
const OPEN: u32 = 0o026;

/// What is wrong with a secret file's permissions, and what to do; nothing where they are right.
///
/// # Errors
/// Where the file cannot be looked at.
pub fn open_to_others(path: &Path) -> io::Result<Option<String>> {
    let mode = fs::metadata(path)?.permissions().mode();
    Ok((mode & OPEN != 0).then(|| {
        let path = path.display();
        let mode = mode & 0o777;
        format!(
            "{path} has mode {mode:04o}: other users of this machine can read or change it; \
             run `chmod o-rwx,g-w '{path}'`, and make a new secret if any of them may have read it"
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_else_can_read_or_change_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, right) in [
            (0o600, true),
            (0o400, true),
            (0o640, true),
            (0o644, false),
            (0o604, false),
            (0o602, false),
            (0o660, false),
        ] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            let problem = open_to_others(file.path()).unwrap();
            assert_eq!(problem.is_none(), right, "{mode:o}: {problem:?}");
            assert!(right || problem.unwrap().contains("chmod o-rwx,g-w"));
        }
        assert!(open_to_others(Path::new("/nowhere")).is_err());
    }
}
