//! The resolutions at which history is kept, and for how long.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A resolution. Rows of each one are added up from those of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// 10 seconds: what a meter counts in.
    TenSeconds,
    /// 1 minute.
    Minute,
    /// 5 minutes: what is billed by.
    FiveMinutes,
    /// 1 hour.
    Hour,
    /// 1 day, in UTC.
    Day,
}

impl Tier {
    /// All of them, the finest first.
    pub const ALL: [Self; 5] =
        [Self::TenSeconds, Self::Minute, Self::FiveMinutes, Self::Hour, Self::Day];

    /// Length of an interval in seconds.
    pub const fn secs(self) -> u32 {
        match self {
            Self::TenSeconds => 10,
            Self::Minute => 60,
            Self::FiveMinutes => 300,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// As it stands in tables' names and in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TenSeconds => "10s",
            Self::Minute => "1m",
            Self::FiveMinutes => "5m",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }

    /// The tier that takes a batch of this length: its own, or else the next coarser one.
    pub fn of_batch(seconds: u32) -> Self {
        Self::ALL.into_iter().find(|tier| tier.secs() >= seconds).unwrap_or(Self::Day)
    }

    /// The start of the interval that a moment belongs to.
    pub const fn floor(self, at: u32) -> u32 {
        at - at % self.secs()
    }

    /// A part is one of these spans: expiry drops whole parts, so a span is a fraction of how long the
    /// tier is kept; a query opens few of them.
    pub(crate) const fn partition(self) -> &'static str {
        match self {
            Self::TenSeconds => "toDate(time)",
            Self::Minute => "toMonday(time)",
            Self::FiveMinutes => "toYYYYMM(time)",
            Self::Hour => "toStartOfQuarter(time)",
            Self::Day => "toYear(time)",
        }
    }

    /// What the sorting key begins with: some 300 intervals.
    pub(crate) const fn block(self) -> &'static str {
        match self {
            Self::TenSeconds => "toStartOfHour(time)",
            Self::Minute => "toStartOfInterval(time, toIntervalHour(6))",
            Self::FiveMinutes => "toDate(time)",
            Self::Hour => "toMonday(time)",
            Self::Day => "toYear(time)",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// How long rows are kept, counted from when they were written: a capture of 2012 that is replayed
/// today is kept as long as today's traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// So long.
    For(Duration),
    /// For ever.
    Forever,
}

impl Keep {
    /// So many days.
    pub const fn days(days: u64) -> Self {
        Self::For(Duration::from_secs(days * 86_400))
    }

    /// Whether this is as long as `other`, or longer.
    pub fn is_at_least(self, other: Self) -> bool {
        match (self, other) {
            (Self::Forever, _) => true,
            (_, Self::Forever) => false,
            (Self::For(own), Self::For(other)) => own >= other,
        }
    }
}

impl FromStr for Keep {
    type Err = &'static str;

    /// Reads "3d", "12h", "2w", "5y" (of 365 days) or "forever".
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "write how long to keep: 12h, 3d, 8w, 5y, or forever";
        let text = text.trim();
        if text == "forever" {
            return Ok(Self::Forever);
        }
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits).ok_or(FORM)?;
        let number: u64 = number.parse().map_err(|_| FORM)?;
        let hours = match unit.trim() {
            "h" => 1,
            "d" => 24,
            "w" => 7 * 24,
            "y" => 365 * 24,
            _ => return Err(FORM),
        };
        match number.checked_mul(hours) {
            Some(0) => Err("must be at least 1h"),
            // ClickHouse's DateTime ends in 2106: written and kept must add up to less.
            Some(hours) if hours <= 50 * 365 * 24 => {
                Ok(Self::For(Duration::from_secs(hours * 3_600)))
            }
            _ => Err("more than 50 years: write forever"),
        }
    }
}

/// How long each tier is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// 10 s rows.
    pub ten_seconds: Keep,
    /// 1 min rows.
    pub minute: Keep,
    /// 5 min rows: thirteen months, so that a bill can be computed again a year later.
    pub five_minutes: Keep,
    /// 1 h rows.
    pub hour: Keep,
    /// 1 d rows.
    pub day: Keep,
    /// Records of single flows.
    pub flow_records: Keep,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            ten_seconds: Keep::days(3),
            minute: Keep::days(30),
            five_minutes: Keep::days(400),
            hour: Keep::days(5 * 365 + 1),
            day: Keep::Forever,
            flow_records: Keep::days(3),
        }
    }
}

impl Retention {
    /// How long this tier is kept.
    pub const fn of(&self, tier: Tier) -> Keep {
        match tier {
            Tier::TenSeconds => self.ten_seconds,
            Tier::Minute => self.minute,
            Tier::FiveMinutes => self.five_minutes,
            Tier::Hour => self.hour,
            Tier::Day => self.day,
        }
    }

    /// Sets how long this tier is kept.
    pub fn set(&mut self, tier: Tier, keep: Keep) {
        match tier {
            Tier::TenSeconds => self.ten_seconds = keep,
            Tier::Minute => self.minute = keep,
            Tier::FiveMinutes => self.five_minutes = keep,
            Tier::Hour => self.hour = keep,
            Tier::Day => self.day = keep,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tier_divides_the_next() {
        for pair in Tier::ALL.windows(2) {
            assert!(pair[1].secs().is_multiple_of(pair[0].secs()));
        }
    }

    #[test]
    fn batches_go_to_the_tier_of_their_length() {
        for tier in Tier::ALL {
            assert_eq!(Tier::of_batch(tier.secs()), tier);
        }
        assert_eq!(Tier::of_batch(0), Tier::TenSeconds);
        assert_eq!(Tier::of_batch(30), Tier::Minute);
        assert_eq!(Tier::of_batch(u32::MAX), Tier::Day);
    }

    #[test]
    fn retention_is_read() {
        assert_eq!("3d".parse(), Ok(Keep::days(3)));
        assert_eq!("12 h".parse(), Ok(Keep::For(Duration::from_secs(43_200))));
        assert_eq!("5y".parse(), Ok(Keep::days(1825)));
        assert_eq!("forever".parse(), Ok(Keep::Forever));
        for wrong in ["", "3", "d", "0d", "-1d", "3 days", "99999999999999999999d", "51y"] {
            assert!(wrong.parse::<Keep>().is_err(), "{wrong}");
        }
    }
}
