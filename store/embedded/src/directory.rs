//! The data directory: one process at a time, and the engine's configuration in it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::durable::OLD_PARTS_SECS;

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    /// Another process works in it.
    #[error("the data directory {} is held by another process ({holder})", path.display())]
    Held { path: PathBuf, holder: String },
    /// It cannot be made, read or written.
    #[error("cannot use the data directory {}: {source}", path.display())]
    Unusable { path: PathBuf, source: io::Error },
}

/// The directory, locked for as long as this lives.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes the directory if need be and locks it for this process.
    pub(crate) fn hold(path: &Path) -> Result<Self, DirectoryError> {
        let unusable = |source| DirectoryError::Unusable { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(unusable)?;
        // The engine wants one spelling of one path.
        let path = path.canonicalize().map_err(unusable)?;
        let mut lock = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path.join("etiage.lock"))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The text only serves the message; without it the message is still right.
                drop(Read::by_ref(&mut lock).take(64).read_to_string(&mut holder));
                let holder = match holder.trim() {
                    "" => "of unknown number".to_owned(),
                    pid => format!("pid {pid}"),
                };
                return Err(DirectoryError::Held { path, holder });
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let unusable = |source| DirectoryError::Unusable { path: path.clone(), source };
        lock.set_len(0).map_err(unusable)?;
        lock.rewind().map_err(unusable)?;
        writeln!(lock, "{}", std::process::id()).map_err(unusable)?;
        Ok(Self { path, _lock: lock })
    }

    /// The directory, with all links resolved.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the engine's configuration: bounds for a small machine instead of a server's defaults.
    pub(crate) fn configure(
        &self,
        memory_mb: u64,
        backups: Option<&Path>,
    ) -> Result<PathBuf, DirectoryError> {
        let file = self.path.join("etiage-engine.xml");
        let memory = memory_mb.saturating_mul(1 << 20);
        // The mark cache is 5 GB by default.
        let cache = memory / 8;
        let users = self.path.join("etiage-users.xml");
        let unusable = |source| DirectoryError::Unusable { path: self.path.clone(), source };
        fs::write(&users, crate::access::users(memory)).map_err(unusable)?;
        let users = escape(&users)?;
        let backups = match backups {
            Some(folder) => {
                let folder = escape(folder)?;
                format!("\x20 <backups><allowed_path>{folder}</allowed_path></backups>\n")
            }
            None => String::new(),
        };
        let text = format!(
            "<!-- Written anew at every start of etiage-clickhouse. -->\n\
             <clickhouse>\n\
             \x20 <user_directories replace=\"replace\">\n\
             \x20   <users_xml><path>{users}</path></users_xml>\n\
             \x20 </user_directories>\n\
             \x20 <!-- Refused by missing grants too; here in case one is overlooked. -->\n\
             \x20 <remote_url_allow_hosts></remote_url_allow_hosts>\n\
             \x20 <max_server_memory_usage>{memory}</max_server_memory_usage>\n\
             \x20 <mark_cache_size>{cache}</mark_cache_size>\n\
             \x20 <index_mark_cache_size>{cache}</index_mark_cache_size>\n\
             \x20 <merge_tree><old_parts_lifetime>{OLD_PARTS_SECS}</old_parts_lifetime></merge_tree>\n\
             \x20 <!-- Folders that no table knows of may be all that is left of a history. -->\n\
             \x20 <database_catalog_unused_dir_cleanup_period_sec>0\
             </database_catalog_unused_dir_cleanup_period_sec>\n\
             {backups}\
             </clickhouse>\n"
        );
        fs::write(&file, text).map_err(unusable)?;
        Ok(file)
    }
}

/// A path as XML has it.
fn escape(path: &Path) -> Result<String, DirectoryError> {
    let text = path.to_str().ok_or_else(|| DirectoryError::Unusable {
        path: path.to_owned(),
        source: io::ErrorKind::InvalidFilename.into(),
    })?;
    Ok(text.replace('&', "&amp;").replace('<', "&lt;"))
}
