//! A disk that keeps what was forced to it, and of the rest whatever it likes.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::spool::disk::{Disk, DiskFile, Mode};

#[derive(Clone, Debug)]
enum Write {
    Octets(u64, Vec<u8>),
    Length(u64),
}

impl Write {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Octets(at, octets) => {
                let end = *at as usize + octets.len();
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[*at as usize..end].copy_from_slice(octets);
            }
            Self::Length(length) => to.resize(*length as usize, 0),
        }
    }
}

/// A file: as programs see it, as it lies on the disk, and what lies between.
#[derive(Clone, Debug, Default)]
struct Inode {
    now: Vec<u8>,
    disk: Vec<u8>,
    unforced: Vec<Write>,
}

/// A change of a directory: a name, and what it means from then on.
type Naming = (PathBuf, Option<usize>);

#[derive(Debug)]
struct World {
    rng: StdRng,
    inodes: Vec<Inode>,
    now: BTreeMap<PathBuf, usize>,
    disk: BTreeMap<PathBuf, usize>,
    unforced: Vec<Naming>,
    /// One in so many calls fails; 0 for none.
    errors: u32,
    /// Writes that came to lie where they should not.
    misdirected: u32,
}

impl World {
    fn fails(&mut self) -> io::Result<()> {
        if self.errors > 0 && self.rng.random_ratio(1, self.errors) {
            return Err(io::Error::other("the simulated disk has failed"));
        }
        Ok(())
    }

    fn inode(&self, path: &Path) -> io::Result<usize> {
        self.now.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn name(&mut self, path: &Path, inode: Option<usize>) {
        match inode {
            Some(inode) => self.now.insert(path.to_owned(), inode),
            None => self.now.remove(path),
        };
        self.unforced.push((path.to_owned(), inode));
    }
}

/// A handle; clones are of the same disk.
#[derive(Clone, Debug)]
pub(super) struct SimulatedDisk(Arc<Mutex<World>>);

impl SimulatedDisk {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(World {
            rng: StdRng::seed_from_u64(seed),
            inodes: Vec::new(),
            now: BTreeMap::new(),
            disk: BTreeMap::new(),
            unforced: Vec::new(),
            errors: 0,
            misdirected: 0,
        })))
    }

    pub(super) fn fail_one_in(&self, calls: u32) {
        self.0.lock().unwrap().errors = calls;
    }

    pub(super) fn misdirected(&self) -> u32 {
        self.0.lock().unwrap().misdirected
    }

    /// The power is cut. Of what was not forced some writes are there, some are not, some are torn, in any
    /// order; of the directory's changes the first few are.
    pub(super) fn cut_power(&self, misdirect: bool) {
        let mut world = self.0.lock().unwrap();
        let World { rng, inodes, now, disk, unforced, misdirected, .. } = &mut *world;
        let kept = rng.random_range(0..=unforced.len());
        for (path, inode) in unforced.drain(..).take(kept) {
            match inode {
                Some(inode) => disk.insert(path, inode),
                None => disk.remove(&path),
            };
        }
        for inode in inodes.iter_mut() {
            for write in inode.unforced.drain(..) {
                match (rng.random_range(0..4), write) {
                    (0, _) => {}
                    (1, Write::Octets(at, mut octets)) => {
                        octets.truncate(rng.random_range(0..=octets.len()));
                        Write::Octets(at, octets).apply(&mut inode.disk);
                    }
                    (_, write) => write.apply(&mut inode.disk),
                }
            }
        }
        let segments: Vec<usize> = disk
            .iter()
            .filter(|(path, _)| path.extension().is_some_and(|extension| extension == "spool"))
            .map(|(_, inode)| *inode)
            .filter(|inode| inodes[*inode].disk.len() > 100)
            .collect();
        if misdirect && !segments.is_empty() {
            let mut pick = || segments[rng.random_range(0..segments.len())];
            let (from, to) = (pick(), pick());
            let start = rng.random_range(0..inodes[from].disk.len());
            let length = rng.random_range(1..=(inodes[from].disk.len() - start).min(300));
            let octets = inodes[from].disk[start..start + length].to_vec();
            let whole = &mut inodes[to].disk;
            let at = rng.random_range(0..whole.len());
            let before = whole.clone();
            let length = octets.len().min(whole.len() - at);
            whole[at..at + length].copy_from_slice(&octets[..length]);
            *misdirected += u32::from(*whole != before);
        }
        for inode in inodes.iter_mut() {
            inode.now.clone_from(&inode.disk);
        }
        now.clone_from(disk);
    }
}

impl Disk for SimulatedDisk {
    fn list(&self, directory: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
        let world = self.0.lock().unwrap();
        let here = world.now.iter().filter(|(path, _)| path.parent() == Some(directory));
        Ok(here
            .map(|(path, inode)| (path.clone(), world.inodes[*inode].now.len() as u64))
            .collect())
    }

    fn read(&self, path: &Path, at: u64) -> io::Result<Vec<u8>> {
        let world = self.0.lock().unwrap();
        let octets = &world.inodes[world.inode(path)?].now;
        Ok(octets.get(at as usize..).unwrap_or_default().to_vec())
    }

    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>> {
        let mut world = self.0.lock().unwrap();
        world.fails()?;
        let found = world.inode(path).ok();
        let inode = match found {
            Some(inode) => inode,
            None => {
                world.inodes.push(Inode::default());
                let inode = world.inodes.len() - 1;
                world.name(path, Some(inode));
                inode
            }
        };
        drop(world);
        let mut file = SimulatedFile { disk: self.clone(), inode };
        if mode == Mode::Replace {
            file.write(Write::Length(0), None)?;
        }
        Ok(Box::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.0.lock().unwrap();
        world.fails()?;
        let inode = world.inode(from)?;
        // One step: no power cut comes between.
        world.name(to, Some(inode));
        world.name(from, None);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.0.lock().unwrap();
        world.fails()?;
        world.inode(path)?;
        world.name(path, None);
        Ok(())
    }

    fn make_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        let mut world = self.0.lock().unwrap();
        world.fails()?;
        for (path, inode) in std::mem::take(&mut world.unforced) {
            match inode {
                Some(inode) => world.disk.insert(path, inode),
                None => world.disk.remove(&path),
            };
        }
        Ok(())
    }
}

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    inode: usize,
}

impl SimulatedFile {
    /// All of it, or after an error the first part.
    fn write(&mut self, write: Write, part: Option<Write>) -> io::Result<()> {
        let mut world = self.disk.0.lock().unwrap();
        let failed = world.fails();
        let write = if failed.is_err() { part } else { Some(write) };
        if let Some(write) = write {
            let inode = &mut world.inodes[self.inode];
            write.apply(&mut inode.now);
            inode.unforced.push(write);
        }
        failed
    }
}

impl DiskFile for SimulatedFile {
    fn write_at(&mut self, octets: &[u8], at: u64) -> io::Result<()> {
        let part = octets[..octets.len() / 2].to_vec();
        self.write(Write::Octets(at, octets.to_vec()), Some(Write::Octets(at, part)))
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        self.write(Write::Length(length), None)
    }

    /// As Linux does it: after an error what was to be written counts as clean, and never comes to the disk.
    fn sync(&mut self) -> io::Result<()> {
        let mut world = self.disk.0.lock().unwrap();
        let failed = world.fails();
        let inode = &mut world.inodes[self.inode];
        for write in std::mem::take(&mut inode.unforced) {
            if failed.is_ok() {
                write.apply(&mut inode.disk);
            }
        }
        failed
    }
}
