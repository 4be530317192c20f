//! How far the database has acknowledged, and which group is on its way to it.
//!
//! A small file of two slots that are written in turn: whatever tears one leaves the other, which is
//! at most one step behind. One step behind is harmless: the group that it names is repeated with the
//! same token.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::record::u64_at;

const MAGIC: [u8; 8] = *b"EtiCurs1";
const SLOT: usize = 512;
/// Octets of a slot that its checksum covers; the checksum follows.
const CHECKED: usize = 56;

/// What is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The spool's id.
    pub(super) id: u128,
    /// Everything up to this sequence was acknowledged or set aside.
    pub(super) acknowledged: u64,
    /// First and last sequence of the group that was begun and not acknowledged.
    pub(super) flying: Option<(u64, u64)>,
}

/// The open file.
#[derive(Debug)]
pub(super) struct Cursor {
    file: File,
    generation: u64,
    place: Place,
}

impl Cursor {
    /// Opens the file; the place is `None` if there was none or both slots are damaged.
    pub(super) fn open(path: &Path) -> io::Result<(File, Option<(u64, Place)>)> {
        let file =
            File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        let mut octets = Vec::new();
        io::Read::read_to_end(&mut &file, &mut octets)?;
        let slots = [octets.get(..SLOT), octets.get(SLOT..)];
        let best = slots.into_iter().flatten().filter_map(read).max_by_key(|(number, _)| *number);
        Ok((file, best))
    }

    /// Starts at a place, and writes it.
    pub(super) fn begin(file: File, generation: u64, place: Place) -> io::Result<Self> {
        let mut cursor = Self { file, generation, place };
        cursor.file.set_len(2 * SLOT as u64)?;
        cursor.set(place)?;
        cursor.sync()?;
        Ok(cursor)
    }

    pub(super) const fn place(&self) -> Place {
        self.place
    }

    /// Writes a new place over the older slot.
    pub(super) fn set(&mut self, place: Place) -> io::Result<()> {
        let generation = self.generation + 1;
        let (first, last) = place.flying.unwrap_or((0, 0));
        let mut slot = Vec::with_capacity(CHECKED + 4);
        slot.extend(MAGIC);
        slot.extend(generation.to_le_bytes());
        slot.extend(place.id.to_le_bytes());
        for number in [place.acknowledged, first, last] {
            slot.extend(number.to_le_bytes());
        }
        let checksum = crc32fast::hash(&slot);
        slot.extend(checksum.to_le_bytes());
        let at = if generation.is_multiple_of(2) { 0 } else { SLOT as u64 };
        self.file.write_all_at(&slot, at)?;
        (self.generation, self.place) = (generation, place);
        Ok(())
    }

    /// Forces it to disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn read(slot: &[u8]) -> Option<(u64, Place)> {
    let (checked, rest) = slot.split_at_checked(CHECKED)?;
    let checksum = u32::from_le_bytes(*rest.first_chunk()?);
    if !checked.starts_with(&MAGIC) || crc32fast::hash(checked) != checksum {
        return None;
    }
    let flying = (u64_at(checked, 40)?, u64_at(checked, 48)?);
    let place = Place {
        id: u128::from_le_bytes(*checked.get(16..)?.first_chunk()?),
        acknowledged: u64_at(checked, 32)?,
        flying: (flying.0 != 0).then_some(flying),
    };
    Some((u64_at(checked, 8)?, place))
}
