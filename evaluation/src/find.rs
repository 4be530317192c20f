//! Finds captures that have truth beside them.

use std::path::{Path, PathBuf};

use crate::Error;

/// Deepest nest of folders that is searched: links in a file system may lead in circles.
const MAX_DEPTH: u32 = 16;

/// Where a capture's truth is, by its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TruthFile {
    /// NAME.json: every flow, as a recording's own bookkeeping knows it.
    Sidecar(PathBuf),
    /// NAME.truth.csv: the form of `docs/accuracy.md`.
    Table(PathBuf),
    /// ../flows/FILE.csv: another classifier's opinion.
    Labels(PathBuf),
}

/// A capture and its truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Capture {
    pub(crate) file: PathBuf,
    /// The capture's path from the folder that was named.
    pub(crate) name: String,
    pub(crate) truth: TruthFile,
}

/// What [`captures`] found.
#[derive(Debug, Default)]
pub struct Found {
    /// In the order of their names.
    pub(crate) captures: Vec<Capture>,
    /// Captures without any truth.
    pub(crate) without_truth: Vec<String>,
}

impl Found {
    /// Whether no capture has truth beside it.
    pub const fn is_empty(&self) -> bool {
        self.captures.is_empty()
    }
}

/// Searches folders; a capture can be named too.
///
/// # Errors
/// A path or a folder in it cannot be read.
pub fn captures(paths: &[PathBuf]) -> Result<Found, Error> {
    let mut found = Found::default();
    for path in paths {
        let metadata = std::fs::metadata(path).map_err(|error| cannot_read(path, error))?;
        if metadata.is_dir() {
            search(path, path, 0, &mut found)?;
        } else {
            look_at(path.parent().unwrap_or(path), path, &mut found);
        }
    }
    found.captures.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn cannot_read(path: &Path, source: std::io::Error) -> Error {
    Error::Unreadable { path: path.to_owned(), source }
}

fn search(top: &Path, folder: &Path, depth: u32, found: &mut Found) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Ok(());
    }
    let failed = |error: std::io::Error| cannot_read(folder, error);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            search(top, &path, depth + 1, found)?;
        } else {
            look_at(top, &path, found);
        }
    }
    Ok(())
}

fn look_at(top: &Path, file: &Path, found: &mut Found) {
    let name = file.strip_prefix(top).unwrap_or(file).display().to_string();
    match truth(file) {
        Some(truth) => found.captures.push(Capture { file: file.to_owned(), name, truth }),
        None if is_capture(file) => found.without_truth.push(name),
        None => {}
    }
}

fn is_capture(file: &Path) -> bool {
    file.extension().is_some_and(|word| word == "pcap" || word == "pcapng" || word == "cap")
}

fn truth(file: &Path) -> Option<TruthFile> {
    let labels = labels(file).filter(|labels| labels.is_file());
    if let Some(labels) = labels {
        return Some(TruthFile::Labels(labels));
    }
    if !is_capture(file) {
        return None;
    }
    let table = file.with_extension("truth.csv");
    if table.is_file() {
        return Some(TruthFile::Table(table));
    }
    let sidecar = file.with_extension("json");
    sidecar.is_file().then_some(TruthFile::Sidecar(sidecar))
}

fn labels(file: &Path) -> Option<PathBuf> {
    let folder = file.parent()?;
    if folder.file_name()? != "pcap" {
        return None;
    }
    let name = format!("{}.csv", file.file_name()?.to_str()?);
    Some(folder.parent()?.join("flows").join(name))
}
