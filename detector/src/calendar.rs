//! Local time, as a table of offsets: people's habits follow their clocks, through daylight-saving changes too.

use serde::{Deserialize, Serialize};

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;
/// Seconds of a week.
pub(crate) const WEEK: i64 = 7 * DAY;

/// The offset of local time from UTC, as it changes. The caller makes it from a time zone database: here
/// there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Unix time from which an offset holds, and the offset in seconds east of UTC; in order of time.
    changes: Vec<(i64, i32)>,
}

impl Calendar {
    /// A calendar of these changes, in any order. Before the first change its offset holds too.
    pub fn new(mut changes: Vec<(i64, i32)>) -> Self {
        changes.sort_unstable();
        Self { changes }
    }

    /// Universal time.
    pub const fn utc() -> Self {
        Self { changes: Vec::new() }
    }

    /// Seconds east of UTC at a moment.
    fn offset(&self, time: i64) -> i64 {
        let after = self.changes.partition_point(|(from, _)| *from <= time);
        let change = self.changes.get(after.saturating_sub(1));
        change.map_or(0, |(_, offset)| i64::from(*offset))
    }

    /// The moment whose local time is `seconds` (whole days) before that of `time`.
    pub(crate) fn before(&self, time: i64, seconds: i64) -> i64 {
        let candidate = time.saturating_sub(seconds);
        candidate.saturating_add(self.offset(time)).saturating_sub(self.offset(candidate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Europe/Paris in 2026: summer time from 29 March to 25 October, 01:00 UTC.
    fn paris() -> Calendar {
        Calendar::new(vec![(1_792_890_000, 3600), (1_767_225_600, 3600), (1_774_746_000, 7200)])
    }

    #[test]
    fn a_week_before_is_the_same_time_on_the_clock() {
        let noon_in_winter = 1_774_263_600; // 2026-03-23 11:00 UTC, 12:00 in Paris
        let noon_in_summer = 1_774_864_800; // 2026-03-30 10:00 UTC, 12:00 in Paris
        assert_eq!(paris().before(noon_in_summer, WEEK), noon_in_winter);
        assert_eq!(paris().before(noon_in_summer, DAY), noon_in_summer - DAY);
        assert_eq!(Calendar::utc().before(noon_in_summer, WEEK), noon_in_summer - WEEK);
    }
}
