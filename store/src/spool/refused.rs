//! Groups that the database refused for their content, read again once it would take them.

use std::fs;
use std::path::{Path, PathBuf};

use super::record::{self, Found, Records};
use super::segment::{self, HeaderFound, SegmentHeader};
use super::{Group, SpoolError, SpoolSettings, log};

/// A file of `refused/`.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Where it is.
    pub path: PathBuf,
    /// What is whole of it, with the token under which it was sent: tables that took their part then take
    /// nothing twice.
    pub group: Group,
    /// Octets that are no record any more.
    pub damaged: u64,
}

impl Refused {
    /// Reads all of a spool's, the oldest first. The spool itself may be in use meanwhile.
    ///
    /// # Errors
    /// [`SpoolError::Unusable`] and [`SpoolError::OtherVersion`], with the file's name.
    pub fn read_all(settings: &SpoolSettings) -> Result<Vec<Self>, SpoolError> {
        let directory = settings.directory.join("refused");
        let unusable = |path: &Path, source| SpoolError::Unusable { path: path.into(), source };
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unusable(&directory, error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| unusable(&directory, error))?.path();
            if path.extension().is_some_and(|extension| extension == "spool") {
                paths.push(path);
            }
        }
        paths.sort();
        let read = |path: PathBuf| {
            let octets = fs::read(&path).map_err(|error| unusable(&path, error))?;
            Self::read(path, &octets)
        };
        paths.into_iter().map(read).collect()
    }

    fn read(path: PathBuf, octets: &[u8]) -> Result<Self, SpoolError> {
        let (id, first, last) = match SegmentHeader::read(octets) {
            HeaderFound::Good(SegmentHeader { id, first, merged_through }) => {
                (id, first, merged_through.unwrap_or(first))
            }
            HeaderFound::OtherVersion(found) => {
                return Err(SpoolError::OtherVersion { path, found, known: segment::VERSION });
            }
            HeaderFound::Damaged => (0, 0, 0),
        };
        let token = log::token(id, first, last);
        let mut refused = Self {
            path,
            group: Group { first, last, batches: Vec::new(), rows: 0, token },
            damaged: 0,
        };
        for found in Records::new(octets, segment::HEADER, 0) {
            match found {
                Found::Record { header, payload, end: _ } => match record::decode(payload) {
                    Some(batch) => {
                        refused.group.rows += u64::from(header.rows);
                        refused.group.batches.push(batch);
                    }
                    None => refused.damaged += payload.len() as u64,
                },
                Found::Damage { start, end } => refused.damaged += (end - start) as u64,
            }
        }
        // Without a whole header nobody knows under which token it was sent: one of its own, then.
        if first == 0 {
            let name = refused.path.file_stem().unwrap_or_default().to_string_lossy();
            refused.group.token = format!("refused-{name}");
        }
        Ok(refused)
    }

    /// It is in the database: the file can go.
    pub fn forget(self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!("cannot delete {}: {error}", self.path.display());
        }
    }
}
