//! Copies of the embedded engine's own small files, which say what tables there are: without one of them the engine
//! does not start, or a table is not there although all its rows are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::damage::{Finding, Kind};

/// Where the copies are, within the data directory.
const COPIES: &str = "etiage-metadata";

/// Copies every file that says what tables there are. To be called when the engine has started and the schema is as
/// it should be.
///
/// # Errors
/// What the file system says.
pub fn save(data: &Path) -> io::Result<()> {
    for (file, copy) in files(&data.join("metadata"), &data.join(COPIES))? {
        let text = fs::read(&file)?;
        if !is_statement(&text) || fs::read(&copy).is_ok_and(|known| known == text) {
            continue;
        }
        if let Some(folder) = copy.parent() {
            fs::create_dir_all(folder)?;
        }
        let half = copy.with_extension("new");
        fs::write(&half, text)?;
        fs::File::open(&half)?.sync_all()?;
        fs::rename(half, copy)?;
    }
    Ok(())
}

/// Puts back what is missing or is no statement, before the engine starts. Says what it has put back.
///
/// # Errors
/// What the file system says.
pub fn put_back(data: &Path) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let copies = data.join(COPIES);
    if !copies.is_dir() || is_held(data) {
        return Ok(findings);
    }
    for (copy, file) in files(&copies, &data.join("metadata"))? {
        let detail = match fs::read(&file) {
            Ok(text) if is_statement(&text) => continue,
            Ok(_) => "it was unreadable",
            Err(error) if error.kind() == io::ErrorKind::NotFound => "it was missing",
            Err(error) => return Err(error),
        };
        let text = fs::read(&copy)?;
        // A database's files are behind a link to a folder; without the folder nothing can be put back.
        if !is_statement(&text) || !file.parent().is_some_and(Path::is_dir) {
            continue;
        }
        fs::write(&file, text)?;
        fs::File::open(&file)?.sync_all()?;
        let name = file.strip_prefix(data).unwrap_or(&file).display().to_string();
        let detail = format!("{detail}, and its copy of the last start is put back");
        findings.push(Finding { kind: Kind::PutBack, place: name, detail });
    }
    Ok(findings)
}

/// Whether an engine works there: its files are then its own business.
fn is_held(data: &Path) -> bool {
    let lock = fs::File::open(data.join("etiage.lock"));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

/// The files of databases and of their tables, each with its place in another folder.
fn files(from: &Path, to: &Path) -> io::Result<Vec<(PathBuf, PathBuf)>> {
    let mut files = Vec::new();
    let mut folders = vec![(from.to_owned(), to.to_owned())];
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.path().is_dir() {
            folders.push((entry.path(), to.join(entry.file_name())));
        }
    }
    for (folder, other) in folders {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "sql") && path.is_file() {
                files.push((path, other.join(entry.file_name())));
            }
        }
    }
    Ok(files)
}

/// Whether it begins as each of these files does, and ends as text.
fn is_statement(text: &[u8]) -> bool {
    text.starts_with(b"ATTACH ") && !text.contains(&0) && std::str::from_utf8(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_garbage_is_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let tables = data.join("metadata/etiage");
        fs::create_dir_all(&tables).unwrap();
        assert_eq!(put_back(data).unwrap(), [], "there are no copies yet");
        let files = ["metadata/etiage.sql", "metadata/etiage/a.sql", "metadata/etiage/b.sql"];
        for file in files {
            fs::write(data.join(file), format!("ATTACH {file}")).unwrap();
        }
        save(data).unwrap();
        assert_eq!(put_back(data).unwrap(), []);
        fs::remove_file(data.join(files[0])).unwrap();
        fs::write(data.join(files[1]), [0; 20]).unwrap();
        // Changed since, and well: it stays.
        fs::write(data.join(files[2]), "ATTACH newer").unwrap();
        let found = put_back(data).unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(fs::read(data.join(files[0])).unwrap(), b"ATTACH metadata/etiage.sql");
        assert_eq!(fs::read(data.join(files[1])).unwrap(), b"ATTACH metadata/etiage/a.sql");
        assert_eq!(fs::read(data.join(files[2])).unwrap(), b"ATTACH newer");
        // Garbage is not copied over a good copy.
        fs::write(data.join(files[1]), "").unwrap();
        save(data).unwrap();
        assert_eq!(put_back(data).unwrap().len(), 1);
    }
}
