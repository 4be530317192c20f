//! Moments on the command line.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

/// A moment: `2026-11-21T10:00:00Z`, or `2026-11-21` for its midnight in UTC.
pub(crate) fn parse(text: &str) -> Result<OffsetDateTime, String> {
    if let Ok(moment) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(moment.to_offset(time::UtcOffset::UTC));
    }
    Date::parse(text, format_description!("[year]-[month]-[day]"))
        .map(|date| date.midnight().assume_utc())
        .map_err(|_| "write 2026-11-21 or 2026-11-21T10:00:00Z".to_owned())
}

/// A moment as seconds since the epoch, where they fit the database's.
pub(crate) fn seconds(moment: OffsetDateTime) -> Option<u32> {
    u32::try_from(moment.unix_timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn days_and_moments() {
        assert_eq!(parse("2026-11-21"), Ok(datetime!(2026-11-21 0:00 UTC)));
        assert_eq!(parse("2026-11-21T11:00:00+01:00"), Ok(datetime!(2026-11-21 10:00 UTC)));
        for bad in ["", "yesterday", "2026-13-01", "2026-11-21T10:00"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(seconds(datetime!(1969-12-31 0:00 UTC)), None);
    }
}
