//! Calendar months.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use time::{Date, OffsetDateTime, Time, UtcOffset};

/// A month of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i32,
    month: time::Month,
}

/// A text that names no month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a month: write 2026-11, between 1970-01 and 2105-12")]
pub struct MonthError(String);

impl Month {
    /// The month of a moment, by the clock that is this far ahead of UTC.
    pub fn of(moment: OffsetDateTime, offset: UtcOffset) -> Self {
        let local = moment.to_offset(offset);
        Self { year: local.year(), month: local.month() }
    }

    /// The one before.
    pub fn previous(self) -> Self {
        let year = if self.month == time::Month::January { self.year - 1 } else { self.year };
        Self { year, month: self.month.previous() }
    }

    /// The one after.
    pub fn next(self) -> Self {
        let year = if self.month == time::Month::December { self.year + 1 } else { self.year };
        Self { year, month: self.month.next() }
    }

    /// Its first moment.
    pub fn start(self, offset: UtcOffset) -> OffsetDateTime {
        // Every month of a year that `time` knows has a first day.
        let date = Date::from_calendar_date(self.year, self.month, 1).unwrap_or(Date::MIN);
        OffsetDateTime::new_in_offset(date, Time::MIDNIGHT, offset)
    }

    /// The first moment after it.
    pub fn end(self, offset: UtcOffset) -> OffsetDateTime {
        self.next().start(offset)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}", self.year, u8::from(self.month))
    }
}

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let parsed = || {
            let (year, month) = text.split_once('-')?;
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            if year.len() != 4 || month.len() != 2 || !digits(year) || !digits(month) {
                return None;
            }
            let month = time::Month::try_from(month.parse::<u8>().ok()?).ok()?;
            let year = year.parse().ok().filter(|year| (1970..=2105).contains(year))?;
            Some(Self { year, month })
        };
        parsed().ok_or_else(|| MonthError(text.to_owned()))
    }
}

impl Serialize for Month {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{datetime, offset};

    use super::*;

    #[test]
    fn months_follow_each_other() {
        let december: Month = "2026-12".parse().unwrap();
        assert_eq!(december.next().to_string(), "2027-01");
        assert_eq!(december.next().previous(), december);
        assert_eq!(december.start(UtcOffset::UTC), datetime!(2026-12-01 0:00 UTC));
        assert_eq!(december.end(offset!(+1)), datetime!(2026-12-31 23:00 UTC));
        assert_eq!(Month::of(datetime!(2026-11-30 23:30 UTC), offset!(+1)), december);
    }

    #[test]
    fn what_is_no_month_is_refused() {
        for text in [
            "",
            "2026",
            "2026-13",
            "2026-00",
            "26-11",
            "2026-1",
            "2026-11-01",
            "+026-11",
            "2026-+1",
            "1969-12",
            "2106-01",
            "november",
        ] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
