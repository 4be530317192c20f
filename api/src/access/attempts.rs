//! Wrong tokens, counted by where they come from and by what they are.
//!
//! Only wrong ones are counted and slowed: a right one is admitted at once, whatever others at the same
//! address, or behind the same proxy, have tried. What protects a token is that it cannot be guessed; the
//! counting keeps guesses cheap to refuse, and shows them.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use super::network;
use crate::problem::ApiError;

/// Wrong tokens that one address may send, and times that one wrong token may come, in [`WINDOW`].
const MAX_WRONG: u32 = 10;
const WINDOW: Duration = Duration::minutes(1);
/// Addresses, and wrong tokens, that are counted apart; beyond them all others count together.
const MAX_COUNTED: usize = 4_096;
/// How often a full table is looked through for what is over.
const SWEEP: Duration = Duration::seconds(1);

/// Wrong tokens.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    tables: Mutex<Tables>,
    /// A wrong token is kept as a number that nobody else can compute.
    hasher: RandomState,
    wrong: AtomicU64,
    slowed: AtomicU64,
}

#[derive(Debug, Default)]
struct Tables {
    addresses: Counts<IpAddr>,
    tokens: Counts<u64>,
}

impl Attempts {
    /// A wrong token came: what its sender is answered.
    pub(crate) fn failed(
        &self,
        address: IpAddr,
        presented: &[u8],
        now: OffsetDateTime,
    ) -> ApiError {
        self.wrong.fetch_add(1, Ordering::Relaxed);
        let token = self.hasher.hash_one(presented);
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let waits =
            [tables.addresses.wrong(network(address), now), tables.tokens.wrong(token, now)];
        match waits.into_iter().flatten().max() {
            Some(seconds) => {
                self.slowed.fetch_add(1, Ordering::Relaxed);
                ApiError::TooManyAttempts { seconds }
            }
            None => ApiError::Unauthorized,
        }
    }

    /// How many wrong ones came, and how many of them were told to wait.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.wrong.load(Ordering::Relaxed), self.slowed.load(Ordering::Relaxed))
    }
}

/// How often each was wrong, since when.
#[derive(Debug)]
struct Counts<K> {
    own: HashMap<K, Count>,
    /// What is beyond the table.
    others: Count,
    swept: OffsetDateTime,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    wrong: u32,
    since: OffsetDateTime,
}

impl Count {
    const NONE: Self = Self { wrong: 0, since: OffsetDateTime::UNIX_EPOCH };

    const fn over(&self) -> OffsetDateTime {
        self.since.saturating_add(WINDOW)
    }
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self { own: HashMap::new(), others: Count::NONE, swept: OffsetDateTime::UNIX_EPOCH }
    }
}

impl<K: Eq + Hash> Counts<K> {
    /// One more; the seconds to wait where there were too many.
    fn wrong(&mut self, key: K, now: OffsetDateTime) -> Option<i64> {
        let full = |own: &HashMap<K, Count>| own.len() >= MAX_COUNTED && !own.contains_key(&key);
        if full(&self.own) && self.swept.saturating_add(SWEEP) <= now {
            self.swept = now;
            self.own.retain(|_, count| count.over() > now);
        }
        let count = match full(&self.own) {
            true => &mut self.others,
            false => self.own.entry(key).or_insert(Count::NONE),
        };
        if count.over() <= now {
            *count = Count { wrong: 0, since: now };
        }
        count.wrong = count.wrong.saturating_add(1);
        (count.wrong > MAX_WRONG).then(|| (count.over() - now).whole_seconds().max(1))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00:00 UTC);

    fn address(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    fn waits(error: &ApiError) -> Option<i64> {
        match error {
            ApiError::TooManyAttempts { seconds } => Some(*seconds),
            _ => None,
        }
    }

    #[test]
    fn an_address_that_guesses_is_told_to_wait() {
        let attempts = Attempts::default();
        let guess = |last: u16, at: i64| {
            let own = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last);
            let at = NOW + Duration::seconds(at);
            waits(&attempts.failed(own.into(), &last.to_be_bytes(), at))
        };
        for last in 0..10 {
            assert_eq!(guess(last, last.into()), None, "{last}");
        }
        assert_eq!(guess(99, 10), Some(50), "one network");
        assert_eq!(waits(&attempts.failed(address(1), b"other", NOW)), None, "another one");
        assert_eq!(guess(100, 60), None, "counted anew");
        assert_eq!(attempts.counts(), (13, 1));
    }

    #[test]
    fn one_wrong_token_from_many_addresses_is_slowed_too() {
        let attempts = Attempts::default();
        for number in 0..10 {
            assert_eq!(waits(&attempts.failed(address(number), b"same", NOW)), None);
        }
        assert_eq!(waits(&attempts.failed(address(10), b"same", NOW)), Some(60));
        assert_eq!(waits(&attempts.failed(address(10), b"another", NOW)), None);
    }

    #[test]
    fn any_number_of_both_is_counted_in_tables_of_a_bounded_size() {
        let attempts = Attempts::default();
        for number in 0..10_000 {
            attempts.failed(address(number), &number.to_be_bytes(), NOW);
        }
        {
            let tables = attempts.tables.lock().unwrap();
            assert_eq!(tables.addresses.own.len(), MAX_COUNTED);
            assert_eq!(tables.tokens.own.len(), MAX_COUNTED);
        }
        let beyond = attempts.failed(address(77_777), b"new", NOW);
        assert_eq!(waits(&beyond), Some(60), "whoever is beyond the table waits with the others");
        assert_eq!(waits(&attempts.failed(address(77_777), b"new", NOW + WINDOW)), None);
    }
}
