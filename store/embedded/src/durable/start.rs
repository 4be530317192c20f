//! Before the engine opens the directory, and after it has closed it.
//!
//! Who worked here last is told by a small file: it is there while an engine runs, and says in which life
//! of the machine. Without it the engine has ended in order, and all is on the disk. With this life's
//! number the engine was killed: the kernel has all that was written. With another's, the power was cut:
//! of what was written since the mark nobody knows what is there, so that all of it goes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::mark::{Mark, Table, write_whole};
use super::part;

/// The file that is there while an engine runs.
pub(crate) const RUNNING: &str = "etiage.running";
/// Parts of the mark that the engine might delete before there is the next mark.
pub(crate) const KEPT: &str = "etiage-kept";
const LOGS: &str = "deduplication_logs";

/// Makes the directory ready for the engine; the mark that it starts from.
pub(crate) fn prepare(directory: &Path) -> io::Result<Mark> {
    let boot = boot();
    let running = match fs::read_to_string(directory.join(RUNNING)) {
        Ok(text) => Some(text.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mark = Mark::read(directory).unwrap_or_else(|error| {
        let advice = "what a power cut has left half-written is not taken back this time";
        eprintln!(
            "etiage-clickhouse: {}: {error}: {advice}",
            directory.join(super::mark::FILE).display()
        );
        None
    });
    let mark = match (mark, running) {
        (None, _) => Mark { epoch: new_epoch(), ..Mark::default() },
        (Some(mark), None) => as_it_is(directory, mark)?,
        (Some(mark), Some(running)) if running == boot => {
            // The engine deletes what was merged when it starts: first the merged parts must be on the disk.
            sync(&File::open(directory)?)?;
            keep_aside(directory, &mark)?;
            sync(&File::open(directory)?)?;
            mark
        }
        (Some(mark), Some(_)) => roll_back(directory, mark)?,
    };
    mark.write(directory)?;
    write_whole(directory, RUNNING, &format!("{boot}\n"))?;
    Ok(mark)
}

/// After the engine has closed everything: all of it is forced to disk, and it has ended in order.
pub(crate) fn close(directory: &Path, mark: Mark) -> io::Result<()> {
    let root = File::open(directory)?;
    sync(&root)?;
    as_it_is(directory, mark)?.write(directory)?;
    forget_kept(directory)?;
    fs::remove_file(directory.join(RUNNING))?;
    root.sync_all()
}

/// Forces the whole file system to disk: one call, where a part has a dozen files.
pub(crate) fn sync(root: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(root)?)
}

/// This life of the machine: a number that the kernel draws when it starts.
fn boot() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    // Where nobody knows, an engine that did not end in order counts as a power cut.
    if boot.trim().is_empty() { format!("unknown {}", new_epoch()) } else { boot.trim().to_owned() }
}

/// Never 0, which stands for none.
fn new_epoch() -> u64 {
    rand::random_range(1..=u64::MAX)
}

/// The mark of a directory that is all on the disk and that nobody works in.
fn as_it_is(directory: &Path, mut mark: Mark) -> io::Result<Mark> {
    mark.tables.retain(|path, _| directory.join(path).is_dir());
    for (path, table) in &mut mark.tables {
        let path = directory.join(path);
        let parts = part::list(&path)?;
        let logs = logs(&path)?;
        let active = parts.iter().filter(|name| !part::is_covered(name, &parts)).cloned();
        *table = Table { parts: active.collect(), logs };
    }
    Ok(mark)
}

/// The files of a table's deduplication log, with their lengths.
pub(crate) fn logs(table: &Path) -> io::Result<BTreeMap<String, u64>> {
    let entries = match fs::read_dir(table.join(LOGS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Default::default()),
        entries => entries?,
    };
    let mut logs = BTreeMap::new();
    for entry in entries {
        let entry = entry?;
        if let Some(name) = entry.file_name().to_str() {
            logs.insert(name.to_owned(), entry.metadata()?.len());
        }
    }
    Ok(logs)
}

/// Links the mark's parts that were merged since to a place where the engine does not delete them.
pub(crate) fn keep_aside(directory: &Path, mark: &Mark) -> io::Result<()> {
    for (path, table) in &mark.tables {
        let here = directory.join(path);
        if !here.is_dir() {
            continue;
        }
        let there = part::list(&here)?;
        for name in &table.parts {
            let kept = directory.join(KEPT).join(path).join(name);
            if !there.contains(name) || kept.exists() || !part::is_covered(name, &there) {
                continue;
            }
            let beside = kept.with_extension("new");
            link_all(&here.join(name), &beside)?;
            fs::rename(beside, kept)?;
        }
    }
    Ok(())
}

/// A directory of the same files: a part's never change. They may lie in directories of projections.
fn link_all(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?; // Half of it, from an attempt that was cut off.
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() { link_all(&from, &to)? } else { fs::hard_link(from, to)? }
    }
    Ok(())
}

/// Once there is a newer mark.
pub(crate) fn forget_kept(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory.join(KEPT)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Takes back everything since the mark. Cut off, it is done again from the start.
fn roll_back(directory: &Path, mut mark: Mark) -> io::Result<Mark> {
    let mut removed = 0_u64;
    let mut lost = Vec::new();
    mark.tables.retain(|path, _| directory.join(path).is_dir());
    for (path, table) in &mut mark.tables {
        let here = directory.join(path);
        let mut there = part::list(&here)?;
        let missing: Vec<_> = table.parts.difference(&there).cloned().collect();
        for name in missing {
            let kept = directory.join(KEPT).join(path).join(&name);
            if kept.is_dir() {
                fs::rename(kept, here.join(&name))?;
            } else {
                lost.push(format!("{path}/{name}"));
                table.parts.remove(&name);
                // What it was merged into is better than nothing, with whatever else is in it.
                let holds = |other: &String| part::is_covered(&name, &[other.clone()].into());
                table.parts.extend(there.iter().filter(|other| holds(other)).cloned());
            }
        }
        there.retain(|name| !table.parts.contains(name));
        for name in &there {
            fs::remove_dir_all(here.join(name))?;
            removed += 1;
        }
        cut_logs(&here.join(LOGS), table)?;
    }
    let root = File::open(directory)?;
    sync(&root)?;
    forget_kept(directory)?;
    eprintln!(
        "etiage-clickhouse: the machine was started anew without the engine's orderly end: {removed} parts \
         written since the last durable mark are taken back; the spool has their rows"
    );
    if !lost.is_empty() {
        eprintln!(
            "etiage-clickhouse: {} parts of that mark are gone: expired rows, if they were dropped \
             just before; the first is {}",
            lost.len(),
            lost.first().map_or("", String::as_str)
        );
    }
    mark.epoch = new_epoch();
    Ok(mark)
}

/// The deduplication log must not know of rows that are not there.
fn cut_logs(folder: &Path, table: &Table) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let known = entry.file_name().to_str().and_then(|name| table.logs.get(name).copied());
        match known {
            Some(length) if entry.metadata()?.len() > length => {
                let file = File::options().write(true).open(entry.path())?;
                file.set_len(length)?;
                file.sync_all()?;
            }
            Some(_) => {}
            None => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}
