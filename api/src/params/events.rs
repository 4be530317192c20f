//! The parameters of questions about events.

use etiage_detector::{Key, Kind, Severity};
use etiage_store::{Dimension, EventQuery, MAX_EVENTS, SeriesFilter, TimeRange};
use time::{Duration, OffsetDateTime};
use utoipa::IntoParams;

use super::moment::parse_moment;
use super::pairs::Pairs;
use super::values::{check, words};
use crate::settings::Settings;
use crate::timestamps::format_time;

/// Events of an answer where the client does not say.
const DEFAULT_LIMIT: u32 = 100;
/// Longest range of an expectation.
const MAX_BASELINE: Duration = Duration::days(92);

/// Which events.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handler takes by name")]
pub(crate) struct EventParams {
    /// Those that were not over then: RFC 3339 with any offset, Unix seconds, `now`, or `now-` and a number
    /// with `s`, `m`, `h`, `d` or `w`. `start` says the same. Absent: from the beginning.
    #[param(example = "now-7d")]
    from: Option<String>,
    /// Those that had begun before, written like `from`. `end` says the same. Absent: all later ones.
    #[param(example = "now")]
    to: Option<String>,
    /// `open` or `ended`.
    #[param(example = "open")]
    state: Option<String>,
    /// Only these kinds: `shutdown`, `link-outage`, `shift`, `surge`, `mix-change`, `unknown`.
    #[param(example = json!(["shutdown"]))]
    kind: Option<Vec<String>>,
    /// Only these severities: `info`, `warning`, `critical`.
    #[param(example = json!(["warning", "critical"]))]
    severity: Option<Vec<String>>,
    /// Only those that touch one of these links.
    #[param(example = json!(["transit-1"]))]
    link: Option<Vec<String>>,
    /// Only those that touch one of these categories.
    #[param(example = json!(["direct-download"]))]
    category: Option<Vec<String>>,
    /// At most so many, the latest first. Absent: 100.
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

impl EventParams {
    /// The question, or what is wrong with it noted.
    pub(crate) fn resolve(
        pairs: &mut Pairs,
        settings: &Settings,
        now: OffsetDateTime,
    ) -> EventQuery {
        let range = range(pairs, now);
        let states = pairs.many("state");
        let kinds = pairs.many("kind");
        let severities = pairs.many("severity");
        let listed: [(&str, &[String], Vec<&str>); 3] = [
            ("state", &states, vec!["open", "ended"]),
            ("kind", &kinds, Kind::ALL.map(Kind::name).to_vec()),
            ("severity", &severities, Severity::ALL.map(Severity::name).to_vec()),
        ];
        for (name, values, known) in listed {
            for value in values.iter().filter(|value| !known.contains(&value.as_str())) {
                let known = words(known.iter().copied());
                pairs.error(name, format!("`{value}` is not a {name}; there are {known}"));
            }
        }
        // An event may be of a link that is not configured any more.
        let (links, categories) = (pairs.many("link"), pairs.many("category"));
        for value in &categories {
            pairs.check("category", check(Dimension::Category, value, settings));
        }
        let limit = pairs.one("limit").and_then(|text| {
            let limit = text.parse().ok().filter(|limit| (1..=MAX_EVENTS).contains(limit));
            let wrong = || format!("`{text}` is not a number from 1 to {MAX_EVENTS}");
            pairs.check("limit", limit.ok_or_else(wrong))
        });
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        EventQuery { range, id: None, states, kinds, severities, links, categories, limit }
    }
}

/// `None` where neither end is given.
fn range(pairs: &mut Pairs, now: OffsetDateTime) -> Option<TimeRange> {
    let mut end = |name, other| {
        let (own, other) = (pairs.one(name), pairs.one(other));
        let moment = own.or(other).map(|text| parse_moment(&text, now));
        moment.and_then(|moment| pairs.check(name, moment))
    };
    let (from, to) = (end("from", "start"), end("to", "end"));
    if from.is_none() && to.is_none() {
        return None;
    }
    let from = from.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    // Stream time may be ahead of the clock.
    let to = to.unwrap_or_else(|| from.max(now).saturating_add(Duration::days(3_650)));
    if from >= to {
        let (from, to) = (format_time(from), format_time(to));
        pairs
            .error("from", format!("the range must end after its start, but it is {from} to {to}"));
    }
    Some(TimeRange { from, to })
}

/// A series as a client names it, in a direction.
pub(crate) fn series_key(text: &str, direction: &str) -> Result<Key, String> {
    let wrong = || {
        format!(
            "`{text}` names no series: write link:NAME, category:NAME, category:NAME@LINK, \
             service:NAME or network:NUMBER"
        )
    };
    let direction = direction.into();
    let (kind, name) = text.split_once(':').ok_or_else(wrong)?;
    if name.is_empty() {
        return Err(wrong());
    }
    Ok(match kind {
        "link" => Key::Link { link: name.into(), direction },
        "category" => match name.split_once('@') {
            Some((category, link)) => {
                Key::LinkCategory { link: link.into(), direction, category: category.into() }
            }
            None => Key::Category { direction, category: name.into() },
        },
        "service" => Key::Service { direction, service: name.into() },
        "network" => {
            let number = name.trim_start_matches("AS").parse().map_err(|_| wrong())?;
            Key::Network { direction, asn: number }
        }
        _ => return Err(wrong()),
    })
}

/// Whose expectation, and when; what is wrong is noted.
pub(crate) fn baseline_query(
    pairs: &mut Pairs,
    settings: &Settings,
) -> Option<(TimeRange, SeriesFilter)> {
    let now = settings.clock.now();
    let mut moment = |name, other| {
        let (own, other) = (pairs.one(name), pairs.one(other));
        let moment = own.or(other).map(|text| parse_moment(&text, now));
        moment.map(|moment| pairs.check(name, moment))
    };
    let (from, to) = (moment("from", "start"), moment("to", "end"));
    let mut value = |dimension: Dimension| {
        let value = pairs.one(dimension.name())?;
        pairs.check(dimension.name(), check(dimension, &value, settings))?;
        Some(value)
    };
    let filter = SeriesFilter {
        link: value(Dimension::Link),
        direction: value(Dimension::Direction),
        category: value(Dimension::Category),
        ..SeriesFilter::default()
    };
    let to = to.unwrap_or(Some(now))?;
    let from = from.unwrap_or_else(|| Some(to.saturating_sub(Duration::HOUR)))?;
    if from >= to || to - from > MAX_BASELINE {
        let (from, to) = (format_time(from), format_time(to));
        let days = MAX_BASELINE.whole_days();
        let wrong = format!(
            "the range must end after its start and have at most {days} days, but it is {from} to {to}"
        );
        pairs.error("from", wrong);
        return None;
    }
    Some((TimeRange { from, to }, filter))
}

/// Which of an event's series.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handler takes by name")]
pub(crate) struct OfParams {
    /// `link:NAME`, `category:NAME`, `category:NAME@LINK`, `service:NAME` or `network:NUMBER`: one of the
    /// event's `members`, or any other. Absent: the event's main series.
    #[param(example = "category:direct-download")]
    of: Option<String>,
}

/// Whose expectation.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "documents what the handler takes by name")]
pub(crate) struct BaselineParams {
    /// Start of the range, written as everywhere. `start` says the same. Absent: one hour before `to`. The
    /// range has at most 92 days.
    #[param(example = "now-1d")]
    from: Option<String>,
    /// End of the range. `end` says the same. Absent: `now`.
    #[param(example = "now")]
    to: Option<String>,
    /// One link; absent: all together.
    #[param(example = "transit-1")]
    link: Option<String>,
    /// `in` or `out`; absent: both together.
    #[param(example = "in")]
    direction: Option<String>,
    /// One category; absent: all together.
    #[param(example = "p2p")]
    category: Option<String>,
    /// Length of a point: at least a minute. Absent: the finest of 1m, 5m, 15m, 1h, 6h and 1d that gives at
    /// most 600 points.
    #[param(example = "5m")]
    step: Option<String>,
}
