//! `[detection]`: when a difference is an event.

use std::str::FromStr;

use etiage_classifier::Category;
use etiage_detector::{Calendar, Parameters, Threshold};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Name;
use super::section::{Located, Section};
use super::units::{BitRate, Span};

/// Beyond it no change of clocks is looked for: the year 2100.
const LAST: i64 = 4_102_444_800;

/// How events are looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Detection {
    /// Whether it goes on beside capture; where nothing is said, beside live capture alone.
    pub(crate) enabled: Option<bool>,
    pub(crate) parameters: Parameters,
    /// The clocks that people live by.
    pub(crate) calendar: Calendar,
}

/// Reads it; and the links that its thresholds name.
pub(super) fn read(section: &mut Section<'_, '_, '_, '_>) -> (Detection, Vec<Located<Name>>) {
    let default = Parameters::default();
    let mut whole = |key, unit: u64, (least, most): (u64, u64), default: u16| {
        let Some(Located { at, value: Span(span) }) = section.parsed::<Span>(key) else {
            return default;
        };
        let count = span.as_secs() / unit;
        if !(least..=most).contains(&count) {
            let unit = if unit == 60 { "min" } else { "h" };
            section.problem(at, format!("`{key}` must be from {least}{unit} to {most}{unit}"));
        }
        u16::try_from(count).unwrap_or(default)
    };
    let accept_hours = whole("accept_after", 3600, (1, 672), default.accept_hours);
    let join_minutes = whole("join_within", 60, (1, 720), default.join_minutes);
    let weeks = section.integer("weeks", (1, 12));
    let min_rate = section.parsed::<BitRate>("min_rate");
    let zone = section.parsed::<Zone>("time_zone");
    let enabled = section.raw("enabled").is_some().then(|| section.boolean("enabled", true));
    let mut links = Vec::new();
    let thresholds = match section.raw("threshold").is_some() {
        true => section.sections("threshold", |section| threshold(section, &mut links)),
        false => Vec::new(),
    };
    let parameters = Parameters {
        weeks: weeks.map_or(default.weeks, |weeks| weeks.value as u8),
        min_bps: min_rate.map_or(default.min_bps, |rate| rate.value.0 as f64),
        accept_hours,
        join_minutes,
        thresholds,
        ..default
    };
    let calendar = zone.map_or_else(Calendar::utc, |zone| zone.value.calendar());
    (Detection { enabled, parameters, calendar }, links)
}

fn threshold(section: &mut Section<'_, '_, '_, '_>, all: &mut Vec<Located<Name>>) -> Threshold {
    let links = section.list::<Name>("links");
    let categories = section.list::<Category>("categories");
    let depth = section.parsed::<Percent>("depth");
    let min_rate = section.parsed::<BitRate>("min_rate");
    let ignore = section.boolean("ignore", false);
    if depth.is_none() && min_rate.is_none() && !ignore {
        section.problem(
            section.at,
            "a threshold changes nothing: give `depth`, `min_rate` or `ignore`",
        );
    }
    let threshold = Threshold {
        links: links.iter().map(|link| link.value.0.clone()).collect(),
        categories: categories.iter().map(|category| category.value.name().into()).collect(),
        depth: depth.map(|depth| depth.value.0),
        min_bps: min_rate.map(|rate| rate.value.0 as f64),
        ignore,
    };
    all.extend(links);
    threshold
}

/// "16%".
struct Percent(f64);

impl FromStr for Percent {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "write a percentage from 1% to 95%";
        let number = text.trim().strip_suffix('%').ok_or(FORM)?.trim();
        let number: f64 = number.parse().map_err(|_| FORM)?;
        if (1.0..=95.0).contains(&number) { Ok(Self(number / 100.0)) } else { Err(FORM) }
    }
}

/// A time zone of the IANA's database.
struct Zone(TimeZone);

impl FromStr for Zone {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str =
            "it is no time zone: write one of the IANA's names, as Europe/Paris or UTC";
        TimeZone::get(text).map(Self).map_err(|_| FORM)
    }
}

impl Zone {
    /// All changes of its clocks from 1970 on.
    fn calendar(&self) -> Calendar {
        let epoch = Timestamp::UNIX_EPOCH;
        let changes = self
            .0
            .following(epoch)
            .map(|change| (change.timestamp().as_second(), change.offset().seconds()));
        let first = (0, self.0.to_offset(epoch).seconds());
        let changes = changes.take_while(|(time, _)| *time < LAST);
        Calendar::new(std::iter::once(first).chain(changes).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_know_their_clocks() {
        let paris: Zone = "Europe/Paris".parse().ok().unwrap();
        // Summer time from 29 March to 25 October 2026, 01:00 UTC.
        let changes = serde_json::to_value(paris.calendar()).unwrap();
        let changes = changes["changes"].as_array().unwrap();
        for change in [(1_774_746_000, 7200), (1_792_890_000, 3600)] {
            assert!(changes.contains(&serde_json::json!(change)), "{change:?}");
        }
        assert!("Europe/Atlantis".parse::<Zone>().is_err());
        assert_eq!("UTC".parse::<Zone>().ok().unwrap().calendar(), Calendar::new(vec![(0, 0)]));
    }
}
