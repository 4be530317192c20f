//! A bounded map whose entries expire on stream time, and make room by age and use.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use etiage_capture::Timestamp;
use foldhash::fast::RandomState;

/// Lines in which entries wait to make room: each has its lock, held for one insertion.
const LINES: usize = 16;
/// A map of fewer entries has one line.
const LEAST_LINE: usize = 64;
/// Entries that are passed over because they were used: more would hold an insertion up.
const SPARED: usize = 256;

/// A map of at most so many entries. One that is full lets go of the oldest that nobody has used
/// since it was last looked at (the clock of page replacement): what is asked for stays, and a flood of
/// entries that nobody asks for pushes out itself.
#[derive(Debug)]
pub(super) struct Aged<K: Eq + Hash, V> {
    map: DashMap<K, Held<V>, RandomState>,
    lines: Box<[Mutex<VecDeque<K>>]>,
    /// Entries of a line at most.
    most: usize,
    age: Duration,
    evicted: AtomicU64,
}

#[derive(Debug)]
struct Held<V> {
    value: V,
    learnt: Timestamp,
    used: AtomicBool,
}

impl<K: Eq + Hash + Clone, V: Clone> Aged<K, V> {
    pub(super) fn new(max_entries: usize, age: Duration) -> Self {
        let lines = (max_entries / LEAST_LINE).clamp(1, LINES);
        Self {
            map: DashMap::default(),
            lines: (0..lines).map(|_| Mutex::default()).collect(),
            most: (max_entries / lines).max(1),
            age,
            evicted: AtomicU64::new(0),
        }
    }

    /// How many entries there are, expired ones among them.
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// Entries that made room for others before they expired.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    pub(super) fn insert(&self, now: Timestamp, key: K, value: V) {
        self.update(now, key, |_| value);
    }

    /// Sets an entry to what `next` makes of it; of none where there is none, or it has expired.
    pub(super) fn update(&self, now: Timestamp, key: K, next: impl FnOnce(Option<&V>) -> V) {
        if let Some(mut held) = self.map.get_mut(&key) {
            let fresh = self.is_fresh(now, &held);
            let value = next(Some(&held.value).filter(|_| fresh));
            *held = Held { value, learnt: now, used: AtomicBool::new(true) };
            return;
        }
        let value = next(None);
        let line = self.map.hasher().hash_one(&key) as usize % self.lines.len();
        let Some(line) = self.lines.get(line) else { return };
        let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.len() >= self.most {
            self.make_room(now, &mut line);
        }
        line.push_back(key.clone());
        self.map.insert(key, Held { value, learnt: now, used: AtomicBool::new(false) });
    }

    pub(super) fn get(&self, now: Timestamp, key: &K) -> Option<V> {
        let held = self.map.get(key)?;
        if !self.is_fresh(now, &held) {
            return None;
        }
        if !held.used.load(Ordering::Relaxed) {
            held.used.store(true, Ordering::Relaxed);
        }
        Some(held.value.clone())
    }

    fn is_fresh(&self, now: Timestamp, held: &Held<V>) -> bool {
        now.since(held.learnt) <= self.age
    }

    /// Removes one entry of a line.
    fn make_room(&self, now: Timestamp, line: &mut VecDeque<K>) {
        for tried in 0.. {
            let Some(key) = line.pop_front() else { return };
            let (fresh, used) = match self.map.get(&key) {
                Some(held) => (self.is_fresh(now, &held), held.used.swap(false, Ordering::Relaxed)),
                None => return,
            };
            if fresh && used && tried < SPARED {
                line.push_back(key);
                continue;
            }
            self.map.remove(&key);
            self.evicted.fetch_add(u64::from(fresh), Ordering::Relaxed);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn a_full_map_lets_go_of_the_oldest_that_nobody_used() {
        let map = Aged::new(3, Duration::from_secs(60));
        for key in 1..=3 {
            map.insert(at(10), key, key);
        }
        assert_eq!(map.get(at(11), &1), Some(1));
        map.insert(at(12), 4, 4);
        let held = |now| [1, 2, 3, 4].map(|key| map.get(at(now), &key).is_some());
        assert_eq!((held(12), map.evicted(), map.len()), ([true, false, true, true], 1, 3));
        // All were used now: the oldest goes all the same, and none is kept for ever.
        map.insert(at(13), 5, 5);
        assert_eq!((map.len(), map.get(at(13), &5)), (3, Some(5)));
        assert_eq!(held(90), [false; 4], "aged");
        map.insert(at(90), 6, 6);
        assert_eq!((map.len(), map.evicted()), (3, 2), "what has expired is not missed");
    }

    #[test]
    fn what_is_used_outlives_a_flood() {
        let map = Aged::new(10_000, Duration::from_secs(3600));
        for key in 0..1000 {
            map.insert(at(1), key, ());
        }
        for key in 1000..1_000_000 {
            map.insert(at(2), key, ());
            if key % 1000 == 0 {
                for used in 0..1000 {
                    map.get(at(2), &used);
                }
            }
        }
        let kept = (0..1000).filter(|key| map.get(at(3), key).is_some()).count();
        assert!(kept == 1000 && map.len() <= 10_000, "{kept}");
    }

    #[test]
    fn an_update_sees_what_was_there_while_it_is_fresh() {
        let map = Aged::new(10, Duration::from_secs(60));
        let add = |now| map.update(at(now), 1, |before| before.copied().unwrap_or(0) + 1);
        add(10);
        add(20);
        assert_eq!(map.get(at(20), &1), Some(2));
        add(81);
        assert_eq!(map.get(at(81), &1), Some(1), "the old had expired");
    }
}
