//! Which hours an event is explained from.

use etiage_store::{CompareWindows, Tier};

/// Hours before an onset that say what the level was.
const BEFORE_SECS: u32 = 4 * 3600;
/// An event is explained from its first hours: what happens days later is another story.
const DURING_SECS: u32 = 6 * 3600;
/// The shortest time since an onset from which an event is explained.
const SHORTEST_SECS: u32 = 600;
/// Seconds of a week.
const WEEK_SECS: u32 = 7 * 86_400;

/// The windows of an event that began at `onset`, by what is known until a moment, and the same of so many weeks
/// before. Unix seconds.
pub fn compare_windows(onset: i64, until: i64, weeks: u8) -> CompareWindows {
    let bin = i64::from(Tier::FiveMinutes.secs());
    let whole = |time: i64| u32::try_from(time - time.rem_euclid(bin)).unwrap_or(0);
    let (onset, until) = (whole(onset), whole(until));
    let until = until.clamp(onset + SHORTEST_SECS, onset + DURING_SECS);
    let now = [(onset.saturating_sub(BEFORE_SECS), onset), (onset, until)];
    let back = |weeks: u32| {
        let back = WEEK_SECS * weeks;
        now.map(|(from, to)| (from.saturating_sub(back), to.saturating_sub(back)))
    };
    CompareWindows { now, past: (1..=u32::from(weeks)).map(back).collect() }
}
