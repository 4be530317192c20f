//! Moments as the API writes them: RFC 3339, UTC, whole seconds.

use time::{OffsetDateTime, UtcOffset};

/// A moment as the API writes it: RFC 3339, UTC, whole seconds.
pub(crate) fn format_time(moment: OffsetDateTime) -> String {
    let moment = moment.to_offset(UtcOffset::UTC);
    let (date, time) = (moment.date(), moment.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// A moment given in seconds since the Unix epoch, as the API writes it.
pub(crate) fn format_unix(secs: i64) -> String {
    format_time(OffsetDateTime::from_unix_timestamp(secs).unwrap_or(OffsetDateTime::UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times() {
        assert_eq!(format_time(datetime!(2012-01-19 20:04:05.9 +01:00)), "2012-01-19T19:04:05Z");
        assert_eq!(format_unix(0), "1970-01-01T00:00:00Z");
    }
}
