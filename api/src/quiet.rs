//! Lines of the log that strangers or a busy database could make come thousands of times a second.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a line of one kind is written.
const PERIOD: Duration = Duration::from_secs(5);

static KINDS: Mutex<BTreeMap<&'static str, Kind>> = Mutex::new(BTreeMap::new());

/// When a line of this kind was last written, and how many were left out since.
#[derive(Clone, Copy, Debug)]
struct Kind {
    at: Instant,
    left_out: u64,
}

/// Warns, at most once every few seconds for each kind; the next line says how many were left out.
pub(crate) fn warn(kind: &'static str, text: impl FnOnce() -> String) {
    let said = {
        let mut kinds = KINDS.lock().unwrap_or_else(PoisonError::into_inner);
        say(&mut kinds, kind, Instant::now())
    };
    match said {
        None => {}
        Some(0) => tracing::warn!("api: {}", text()),
        Some(left_out) => tracing::warn!("api: {} (and {left_out} more like it before)", text()),
    }
}

/// How many were left out since the last line, if one is due.
fn say(kinds: &mut BTreeMap<&'static str, Kind>, kind: &'static str, now: Instant) -> Option<u64> {
    match kinds.get_mut(kind) {
        Some(known) if now.saturating_duration_since(known.at) < PERIOD => {
            known.left_out += 1;
            None
        }
        Some(known) => Some(std::mem::replace(known, Kind { at: now, left_out: 0 }).left_out),
        None => {
            kinds.insert(kind, Kind { at: now, left_out: 0 });
            Some(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_each_kind_every_few_seconds() {
        let (mut kinds, start) = (BTreeMap::new(), Instant::now());
        let mut at = |kind, millis| say(&mut kinds, kind, start + Duration::from_millis(millis));
        assert_eq!(at("a", 0), Some(0));
        assert_eq!(at("b", 1), Some(0));
        for millis in 2..1_000 {
            assert_eq!(at("a", millis), None);
        }
        assert_eq!(at("a", 5_000), Some(998));
        assert_eq!(at("a", 10_000), Some(0));
    }
}
