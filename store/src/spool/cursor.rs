//! How far the database has acknowledged, and which group is on its way to it.
//!
//! A small file of two slots, one of which is on disk for certain: whatever tears the other leaves it,
//! and it is at most one step behind. One step behind is harmless: the group that it names is repeated with the
//! same token.
//!
//! The first version's slots end before `durable`: what was acknowledged was deleted at once.

use std::io;
use std::path::Path;

use super::disk::{Disk, DiskFile, Mode};
use super::record::u64_at;

const MAGIC: [u8; 8] = *b"EtiCurs2";
const SLOT: usize = 512;
/// Octets of a slot that its checksum covers; the checksum follows.
const CHECKED: usize = 80;
/// The same of the first version.
const FIRST: ([u8; 8], usize) = (*b"EtiCurs1", 56);

/// What is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The spool's id.
    pub(super) id: u128,
    /// Everything up to this sequence was acknowledged or set aside.
    pub(super) acknowledged: u64,
    /// First and last sequence of the group that was begun and not acknowledged.
    pub(super) flying: Option<(u64, u64)>,
    /// Everything up to this sequence is on the database's disk for certain, and deleted here.
    pub(super) durable: u64,
    /// Which of the database's rollbacks this place knows of; 0 if the database has none: what it
    /// acknowledges counts as durable then.
    pub(super) epoch: u64,
    /// Everything up to this sequence was forced to disk here: what is missing of it is damage.
    pub(super) synced: u64,
}

/// The open file.
#[derive(Debug)]
pub(super) struct Cursor {
    file: Box<dyn DiskFile>,
    generation: u64,
    place: Place,
    /// What was written is not on disk for certain.
    unsynced: bool,
    /// The last attempt to force it there failed.
    failed: bool,
}

impl Cursor {
    /// Opens the file; the place is `None` if there was none or both slots are damaged.
    pub(super) fn open(disk: &dyn Disk, path: &Path) -> io::Result<Opened> {
        let file = disk.open(path, Mode::Keep)?;
        let octets = disk.read(path, 0)?;
        let slots = [octets.get(..SLOT), octets.get(SLOT..)];
        let best = slots.into_iter().flatten().filter_map(read).max_by_key(|(number, _)| *number);
        Ok((file, best))
    }

    /// Starts at a place, and writes it.
    pub(super) fn begin(
        file: Box<dyn DiskFile>,
        generation: u64,
        place: Place,
    ) -> io::Result<Self> {
        let mut cursor = Self { file, generation, place, unsynced: false, failed: false };
        cursor.file.set_len(2 * SLOT as u64)?;
        cursor.file.sync()?; // What was read may be in the kernel's hands only.
        cursor.set(place)?;
        cursor.sync()?;
        Ok(cursor)
    }

    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// Writes a new place: over the older slot, or over the newer one as long as that is not on disk for certain.
    /// One of them always is.
    pub(super) fn set(&mut self, place: Place) -> io::Result<()> {
        let generation = self.generation + if self.unsynced { 2 } else { 1 };
        let (first, last) = place.flying.unwrap_or((0, 0));
        let mut slot = Vec::with_capacity(CHECKED + 4);
        slot.extend(MAGIC);
        slot.extend(generation.to_le_bytes());
        slot.extend(place.id.to_le_bytes());
        for number in [place.acknowledged, first, last, place.durable, place.epoch, place.synced] {
            slot.extend(number.to_le_bytes());
        }
        let checksum = crc32fast::hash(&slot);
        slot.extend(checksum.to_le_bytes());
        let at = if generation.is_multiple_of(2) { 0 } else { SLOT as u64 };
        self.file.write_at(&slot, at)?;
        (self.generation, self.place, self.unsynced) = (generation, place, true);
        Ok(())
    }

    /// Forces it to disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.failed {
            // The kernel takes it for written now: it must be written once more.
            self.set(self.place)?;
        }
        if self.unsynced {
            self.failed = true;
            self.file.sync()?;
            (self.unsynced, self.failed) = (false, false);
        }
        Ok(())
    }
}

/// The file, and if one of its slots is whole, its generation and place.
type Opened = (Box<dyn DiskFile>, Option<(u64, Place)>);

fn read(slot: &[u8]) -> Option<(u64, Place)> {
    let (magic, length) = if slot.starts_with(&FIRST.0) { FIRST } else { (MAGIC, CHECKED) };
    let (checked, rest) = slot.split_at_checked(length)?;
    let checksum = u32::from_le_bytes(*rest.first_chunk()?);
    if !checked.starts_with(&magic) || crc32fast::hash(checked) != checksum {
        return None;
    }
    let flying = (u64_at(checked, 40)?, u64_at(checked, 48)?);
    let acknowledged = u64_at(checked, 32)?;
    let place = Place {
        id: u128::from_le_bytes(*checked.get(16..)?.first_chunk()?),
        acknowledged,
        flying: (flying.0 != 0).then_some(flying),
        durable: u64_at(checked, 56).unwrap_or(acknowledged),
        epoch: u64_at(checked, 64).unwrap_or(0),
        synced: u64_at(checked, 72).unwrap_or(0),
    };
    Some((u64_at(checked, 8)?, place))
}
