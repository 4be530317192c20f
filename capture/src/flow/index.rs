//! From a key's hash to a flow's place: open addressing with the hash beside each place, so that a
//! look-up reads the flow only if it is the right one, and growing reads no flow at all.

use crate::prefetch::prefetch;

/// Entries of the smallest table.
const LEAST: usize = 1 << 10;

/// An entry holds the hash in its upper half and the place plus one in its lower; 0 is an empty one.
/// A key lies at its hash or, that being taken, at the next free entry after it.
#[derive(Debug)]
pub(super) struct Index {
    entries: Vec<u64>,
    used: usize,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { entries: vec![0; LEAST], used: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.used
    }

    /// Octets that it takes.
    pub(super) const fn octets(&self) -> usize {
        self.entries.capacity() * size_of::<u64>()
    }

    /// Asks for the entries of this hash.
    #[inline(always)]
    pub(super) fn prefetch(&self, hash: u32) {
        prefetch(&self.entries, hash as usize & self.mask());
    }

    /// The first place with this hash that is `right`.
    #[inline(always)]
    pub(super) fn find(&self, hash: u32, right: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = hash as usize & self.mask();
        loop {
            let entry = self.entries.get(at).copied().filter(|entry| *entry != 0)?;
            if (entry >> 32) as u32 == hash && right(place(entry)) {
                return Some(place(entry));
            }
            at = (at + 1) & self.mask();
        }
    }

    /// Adds a place that is not in it.
    pub(super) fn insert(&mut self, hash: u32, place: u32) {
        // Three quarters full, a look-up in vain reads two cache lines.
        if (self.used + 1) * 4 > self.entries.len() * 3 {
            let grown = vec![0; self.entries.len() * 2];
            for entry in std::mem::replace(&mut self.entries, grown) {
                if entry != 0 {
                    self.put(entry);
                }
            }
        }
        self.put(u64::from(hash) << 32 | u64::from(place + 1));
        self.used += 1;
    }

    fn put(&mut self, entry: u64) {
        let mut at = self.home(entry);
        // There is always an empty entry.
        while self.entries.get(at).is_some_and(|taken| *taken != 0) {
            at = (at + 1) & self.mask();
        }
        if let Some(free) = self.entries.get_mut(at) {
            *free = entry;
        }
    }

    /// Takes out a place; those that had to go past it move up.
    pub(super) fn remove(&mut self, hash: u32, place: u32) {
        let wanted = u64::from(hash) << 32 | u64::from(place + 1);
        let mut hole = self.home(wanted);
        while let Some(entry) = self.entries.get(hole).copied()
            && entry != wanted
        {
            if entry == 0 {
                return;
            }
            hole = (hole + 1) & self.mask();
        }
        let mut at = hole;
        loop {
            at = (at + 1) & self.mask();
            let entry = self.entries.get(at).copied().unwrap_or(0);
            if entry == 0 {
                break;
            }
            let moved = at.wrapping_sub(hole) & self.mask();
            if at.wrapping_sub(self.home(entry)) & self.mask() >= moved {
                self.set(hole, entry);
                hole = at;
            }
        }
        self.set(hole, 0);
        self.used -= 1;
    }

    fn set(&mut self, at: usize, entry: u64) {
        if let Some(old) = self.entries.get_mut(at) {
            *old = entry;
        }
    }

    const fn home(&self, entry: u64) -> usize {
        (entry >> 32) as usize & self.mask()
    }

    const fn mask(&self) -> usize {
        self.entries.len() - 1
    }
}

const fn place(entry: u64) -> u32 {
    (entry as u32).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// It holds what a map would, however hashes collide.
        #[test]
        fn it_is_a_map(steps in proptest::collection::vec((any::<bool>(), 0u32..2000), 1..4000)) {
            let mut index = Index::new();
            let mut model = HashMap::new();
            for (insert, key) in steps {
                // Few hashes at both ends of the table: long runs that pass its end.
                let hash = (key % 7).wrapping_sub(3);
                let known = index.find(hash, |place| place == key);
                prop_assert_eq!(known, model.get(&key).copied());
                match (insert, known) {
                    (true, None) => {
                        index.insert(hash, key);
                        model.insert(key, key);
                    }
                    (false, Some(_)) => {
                        index.remove(hash, key);
                        model.remove(&key);
                    }
                    _ => {}
                }
                prop_assert_eq!(index.len(), model.len());
            }
            for key in model.keys() {
                let hash = (key % 7).wrapping_sub(3);
                prop_assert_eq!(index.find(hash, |place| place == *key), Some(*key));
            }
        }
    }

    #[test]
    fn it_grows_without_losing_anything() {
        let mut index = Index::new();
        for place in 0..10_000u32 {
            index.insert(place.wrapping_mul(0x9e37_79b9), place);
        }
        for place in 0..10_000u32 {
            let found = index.find(place.wrapping_mul(0x9e37_79b9), |found| found == place);
            assert_eq!(found, Some(place));
        }
        assert!(index.octets() <= 10_000 * 22);
    }
}
