//! What the spool asks of the disk: the real one, or a simulated one that tears, loses and refuses.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// How a file is opened for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Whatever was in it goes.
    Replace,
    /// What is in it stays; it is made if it is not there.
    Keep,
}

/// A directory's files.
pub(crate) trait Disk: Debug + Send {
    /// Paths and lengths of the files in a directory.
    fn list(&self, directory: &Path) -> io::Result<Vec<(PathBuf, u64)>>;
    /// A file's octets from a place on.
    fn read(&self, path: &Path, at: u64) -> io::Result<Vec<u8>>;
    /// A file to write to.
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>>;
    /// Gives a file another name, in place of whatever had that.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Deletes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes a directory and those above it.
    fn make_directory(&self, path: &Path) -> io::Result<()>;
    /// Forces a directory's names to disk.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
}

/// An open file.
pub(crate) trait DiskFile: Debug + Send {
    /// Writes all of it.
    fn write_at(&mut self, octets: &[u8], at: u64) -> io::Result<()>;
    /// Cuts or lengthens the file.
    fn set_len(&mut self, length: u64) -> io::Result<()>;
    /// Forces to disk what was written.
    fn sync(&mut self) -> io::Result<()>;
}

/// The machine's own.
#[derive(Clone, Copy, Debug)]
pub(super) struct RealDisk;

impl Disk for RealDisk {
    fn list(&self, directory: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_file() {
                files.push((entry.path(), metadata.len()));
            }
        }
        Ok(files)
    }

    fn read(&self, path: &Path, at: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(at))?;
        let mut octets = Vec::new();
        file.read_to_end(&mut octets)?;
        Ok(octets)
    }

    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>> {
        let mut options = File::options();
        options.write(true);
        match mode {
            Mode::Replace => options.create(true).truncate(true),
            Mode::Keep => options.create(true).truncate(false),
        };
        Ok(Box::new(options.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

impl DiskFile for File {
    fn write_at(&mut self, octets: &[u8], at: u64) -> io::Result<()> {
        self.write_all_at(octets, at)
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        Self::set_len(self, length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
