//! Questions that were asked of resolvers, until they are answered.
//!
//! A table of fixed size that needs no lock: a question takes the place of an expired one, else of the
//! oldest of its eight. What is lost so is not believed when it is answered, and no more.

use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use etiage_capture::{Timestamp, Transport};
use foldhash::fast::RandomState;

/// Seconds that a question waits for its answer. Stub resolvers ask again after 5 (resolv.conf(5)),
/// and recursive ones wait a little longer.
const WAIT: u64 = 10;
/// Questions among which the oldest makes room.
const WAYS: usize = 8;

/// The bits of an entry: what was asked, whether it was answered, and when it was asked.
const TIME_BITS: u32 = 24;
const TIME: u64 = (1 << TIME_BITS) - 1;
const ANSWERED: u64 = 1 << TIME_BITS;

/// A question, or what an answer says that its question was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question<'a> {
    /// Who asks.
    pub(crate) client: SocketAddr,
    /// Who is asked.
    pub(crate) resolver: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) id: u16,
    /// The type of record.
    pub(crate) kind: u16,
    /// The name in lower case.
    pub(crate) name: &'a [u8],
}

/// What is known of the question of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It was asked, and this is the first answer.
    Yes,
    /// It has been answered before: the packet was captured twice, or is forged.
    Answered,
    /// It was not seen.
    Unseen,
}

#[derive(Debug)]
pub(super) struct Questions {
    max: usize,
    /// Made at the first question: most tests ask none.
    places: OnceLock<Box<[[AtomicU64; WAYS]]>>,
    seed: RandomState,
}

impl Questions {
    /// For so many questions, at least eight.
    pub(super) fn new(max: usize) -> Self {
        Self { max, places: OnceLock::new(), seed: RandomState::default() }
    }

    pub(super) fn ask(&self, now: Timestamp, question: &Question<'_>) {
        let (ways, mark) = self.place(question);
        let time = now.as_secs() & TIME;
        // The same question again, else an empty place, else what has waited for longest.
        let waited = |way: &&AtomicU64| match way.load(Ordering::Relaxed) {
            0 => u64::MAX - 1,
            entry if entry & !(TIME | ANSWERED) == mark => u64::MAX,
            entry => age(entry, time),
        };
        if let Some(way) = ways.iter().max_by_key(waited) {
            way.store(mark | time, Ordering::Relaxed);
        }
    }

    pub(super) fn answer(&self, now: Timestamp, question: &Question<'_>) -> Asked {
        let (ways, mark) = self.place(question);
        let time = now.as_secs() & TIME;
        for way in ways {
            let entry = way.load(Ordering::Relaxed);
            if entry & !(TIME | ANSWERED) == mark && age(entry, time) <= WAIT {
                way.store(entry | ANSWERED, Ordering::Relaxed);
                return if entry & ANSWERED == 0 { Asked::Yes } else { Asked::Answered };
            }
        }
        Asked::Unseen
    }

    /// Where a question is kept, and the bits that tell it from others.
    fn place(&self, question: &Question<'_>) -> (&[AtomicU64; WAYS], u64) {
        static NOWHERE: [AtomicU64; WAYS] = [const { AtomicU64::new(0) }; WAYS];
        let places = self.places.get_or_init(|| {
            let rows = (self.max / WAYS).max(1);
            (0..rows).map(|_| Default::default()).collect()
        });
        let hash = self.seed.hash_one(question);
        let row = hash as usize % places.len();
        let mark = (hash | 1 << 63) & !(TIME | ANSWERED);
        (places.get(row).unwrap_or(&NOWHERE), mark)
    }
}

/// Seconds since an entry was made; one that seems to come later was overtaken, and is new.
const fn age(entry: u64, time: u64) -> u64 {
    let age = time.wrapping_sub(entry) & TIME;
    if age > TIME / 2 { 0 } else { age }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn question(id: u16, name: &[u8]) -> Question<'_> {
        Question {
            client: SocketAddr::from(([192, 0, 2, 1], 50_000)),
            resolver: SocketAddr::from(([198, 51, 100, 53], 53)),
            transport: Transport::UDP,
            id,
            kind: 1,
            name,
        }
    }

    #[test]
    fn an_answer_fits_its_question_in_all_that_it_says() {
        let questions = Questions::new(64);
        let asked = question(7, b"a.example.");
        assert_eq!(questions.answer(at(100), &asked), Asked::Unseen);
        questions.ask(at(100), &asked);
        for other in [
            question(8, b"a.example."),
            question(7, b"b.example."),
            Question { kind: 28, ..asked },
            Question { client: SocketAddr::from(([192, 0, 2, 1], 50_001)), ..asked },
            Question { resolver: SocketAddr::from(([198, 51, 100, 54], 53)), ..asked },
            Question { transport: Transport::TCP, ..asked },
        ] {
            assert_eq!(questions.answer(at(101), &other), Asked::Unseen, "{other:?}");
        }
        assert_eq!(questions.answer(at(101), &asked), Asked::Yes);
        assert_eq!(questions.answer(at(101), &asked), Asked::Answered);
        questions.ask(at(102), &asked);
        assert_eq!(questions.answer(at(113), &asked), Asked::Unseen, "too late");
        questions.ask(at(113), &asked);
        assert_eq!(questions.answer(at(113), &asked), Asked::Yes, "asked again");
    }

    #[test]
    fn the_oldest_make_room_and_a_late_packet_is_no_old_one() {
        let questions = Questions::new(8);
        for id in 0..9 {
            questions.ask(at(100 + u64::from(id)), &question(id, b"a.example."));
        }
        assert_eq!(questions.answer(at(108), &question(0, b"a.example.")), Asked::Unseen);
        for id in 1..9 {
            assert_eq!(questions.answer(at(108), &question(id, b"a.example.")), Asked::Yes);
        }
        questions.ask(at(120), &question(9, b"a.example."));
        assert_eq!(questions.answer(at(119), &question(9, b"a.example.")), Asked::Yes);
    }

    #[test]
    fn the_clock_of_the_table_runs_round() {
        let questions = Questions::new(8);
        questions.ask(at(TIME), &question(1, b"a.example."));
        assert_eq!(questions.answer(at(TIME + 5), &question(1, b"a.example.")), Asked::Yes);
    }
}
