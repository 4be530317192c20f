//! How clients write moments and durations.
//!
//! A moment is RFC 3339 with any offset (`2026-11-21T10:00:00Z`), seconds since the Unix epoch
//! (`1795255200`), `now`, or `now` less a duration (`now-1h`). A duration is a number and one of
//! `s`, `m`, `h`, `d`, `w`; a step may also be a bare number of seconds.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, UtcOffset};

const MOMENT_HINT: &str = "a time: RFC 3339 (2026-11-21T10:00:00Z), Unix seconds, `now`, or \
                           `now-` and a number with s, m, h, d or w (now-1h)";

/// A moment, in UTC and whole seconds, relative ones to `now`.
pub(crate) fn parse_moment(text: &str, now: OffsetDateTime) -> Result<OffsetDateTime, String> {
    let wrong = || format!("`{text}` is not {MOMENT_HINT}");
    let moment = if let Some(rest) = text.strip_prefix("now") {
        let back = match rest.strip_prefix('-') {
            Some(duration) => parse_duration(duration).ok_or_else(wrong)?,
            None if rest.is_empty() => 0,
            None => return Err(wrong()),
        };
        now.checked_sub(Duration::seconds(i64::from(back)))
    } else if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok().and_then(|secs| OffsetDateTime::from_unix_timestamp(secs).ok())
    } else {
        // In a URL, an unescaped `+` of an offset arrives as a space.
        OffsetDateTime::parse(&text.replacen(' ', "+", 1), &Rfc3339).ok()
    };
    // The calendar ends in the year 9999, and an offset can push a moment over that end.
    let moment = moment.and_then(|moment| moment.checked_to_offset(UtcOffset::UTC));
    let moment = moment.and_then(|moment| moment.replace_nanosecond(0).ok()).ok_or_else(wrong)?;
    if moment.unix_timestamp() < 0 {
        return Err(format!("`{text}` is before 1970"));
    }
    Ok(moment)
}

/// A step in seconds: `300`, `300s`, `5m`, `1h`, `1d`, `1w`.
pub(crate) fn parse_step(text: &str) -> Result<u32, String> {
    text.parse().ok().or_else(|| parse_duration(text)).ok_or_else(|| {
        format!("`{text}` is not a step: seconds, or a number with s, m, h, d or w (5m)")
    })
}

/// A duration in seconds: digits and a unit, nothing else.
fn parse_duration(text: &str) -> Option<u32> {
    let unit_at = text.len().checked_sub(1)?;
    let (digits, unit) = text.split_at_checked(unit_at)?;
    let unit: u32 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    // `parse` alone would take a sign.
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u32>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-21 12:00:00.5 UTC);

    #[test]
    fn moments() {
        for (text, moment) in [
            ("now", datetime!(2026-11-21 12:00:00 UTC)),
            ("now-90s", datetime!(2026-11-21 11:58:30 UTC)),
            ("now-15m", datetime!(2026-11-21 11:45:00 UTC)),
            ("now-1h", datetime!(2026-11-21 11:00:00 UTC)),
            ("now-1d", datetime!(2026-11-20 12:00:00 UTC)),
            ("now-2w", datetime!(2026-11-07 12:00:00 UTC)),
            ("0", datetime!(1970-01-01 00:00:00 UTC)),
            ("1326931200", datetime!(2012-01-19 00:00:00 UTC)),
            ("2012-01-19T19:04:00Z", datetime!(2012-01-19 19:04:00 UTC)),
            ("2012-01-19T19:04:00.123456789Z", datetime!(2012-01-19 19:04:00 UTC)),
            ("2012-01-19T20:04:00+01:00", datetime!(2012-01-19 19:04:00 UTC)),
            ("2012-01-19T20:04:00 01:00", datetime!(2012-01-19 19:04:00 UTC)),
            ("2012-01-19T14:04:00-05:00", datetime!(2012-01-19 19:04:00 UTC)),
        ] {
            let parsed = parse_moment(text, NOW).unwrap();
            assert_eq!(parsed, moment, "{text}");
            assert_eq!(parsed.offset(), UtcOffset::UTC, "{text}");
        }
    }

    #[test]
    fn what_is_no_moment() {
        for text in [
            "",
            " ",
            "yesterday",
            "now+1h",
            "now-",
            "now-h",
            "now-1",
            "now-1y",
            "now--1h",
            "now-+1h",
            "now-99999999999999999999h",
            "now-1\u{20ac}",
            "NOW",
            "-5",
            "1.5",
            "99999999999999999999999",
            "2012-01-19",
            "2012-01-19T19:04:00",
            "2012-13-19T19:04:00Z",
            "9999-12-31T23:59:59-01:00",
            "1969-12-31T23:59:59Z",
            "now-3000w",
        ] {
            let error = parse_moment(text, NOW).unwrap_err();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
    }

    #[test]
    fn steps() {
        for (text, secs) in [
            ("10", Ok(10)),
            ("10s", Ok(10)),
            ("5m", Ok(300)),
            ("1h", Ok(3_600)),
            ("1d", Ok(86_400)),
            ("1w", Ok(604_800)),
            ("", Err(())),
            ("m", Err(())),
            ("-5", Err(())),
            ("1.5h", Err(())),
            ("5 m", Err(())),
            ("99999999999", Err(())),
            ("99999w", Err(())),
        ] {
            assert_eq!(parse_step(text).map_err(drop), secs, "{text}");
        }
    }
}
