//! Memory that grows without being moved.

/// Elements of a chunk.
const CHUNK: usize = 1 << 12;

/// Elements by place, in chunks: one more does not move those that are there.
///
/// A table of a million flows in one piece would be copied when it grows, while packets wait, and would for that
/// moment and ever after take up to twice its size. Only the first chunk grows as a vector does, so that a few
/// elements take little.
#[derive(Debug)]
pub struct Places<T> {
    chunks: Vec<Vec<T>>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T> Places<T> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The element at a place.
    #[inline(always)]
    pub fn get(&self, place: usize) -> Option<&T> {
        self.chunks.get(place / CHUNK)?.get(place % CHUNK)
    }

    /// The element at a place, to be changed.
    #[inline(always)]
    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.chunks.get_mut(place / CHUNK)?.get_mut(place % CHUNK)
    }

    /// Asks memory for the element at a place; its first 128 octets.
    #[inline(always)]
    pub(crate) fn prefetch(&self, place: usize) {
        if let Some(chunk) = self.chunks.get(place / CHUNK) {
            crate::prefetch::prefetch(chunk, place % CHUNK);
        }
    }

    /// Adds one, and tells its place.
    pub fn push(&mut self, element: T) -> usize {
        let place = self.len();
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(element),
            last => {
                let mut chunk = Vec::with_capacity(if last.is_some() { CHUNK } else { 0 });
                chunk.push(element);
                self.chunks.push(chunk);
            }
        }
        place
    }

    /// All, in the order of their places.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.chunks.iter_mut().flatten()
    }

    /// Octets that they take, with the room for more that there is.
    pub fn octets(&self) -> usize {
        let first = self.chunks.first().map_or(0, Vec::capacity);
        let further = self.chunks.len().saturating_sub(1) * CHUNK;
        (first + further) * size_of::<T>() + self.chunks.capacity() * size_of::<Vec<T>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_keep_their_places_and_addresses() {
        let mut places = Places::default();
        assert!((places.is_empty(), places.len(), places.get(0)) == (true, 0, None));
        assert_eq!(places.push(0), 0);
        assert!(places.octets() < 512, "few take little");
        for element in 1..CHUNK {
            assert_eq!(places.push(element), element);
        }
        let first = std::ptr::from_ref(places.get(0).unwrap());
        for element in CHUNK..3 * CHUNK {
            assert_eq!(places.push(element), element);
        }
        assert_eq!(places.len(), 3 * CHUNK);
        assert_eq!(std::ptr::from_ref(places.get(0).unwrap()), first);
        assert!((0..3 * CHUNK).all(|place| places.get(place) == Some(&place)));
        *places.get_mut(CHUNK).unwrap() = 7;
        assert_eq!(places.iter_mut().nth(CHUNK), Some(&mut 7));
        assert_eq!(places.get(3 * CHUNK), None);
        assert!(places.octets() >= 3 * CHUNK * size_of::<usize>());
    }
}
