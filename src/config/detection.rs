//! `[detection]`: when a difference is an event.

use etiage_detector::Parameters;

use super::section::{Located, Section};
use super::units::{BitRate, Span};

pub(super) fn read(section: &mut Section<'_, '_, '_, '_>) -> Parameters {
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
    Parameters {
        weeks: weeks.map_or(default.weeks, |weeks| weeks.value as u8),
        min_bps: min_rate.map_or(default.min_bps, |rate| rate.value.0 as f64),
        accept_hours,
        join_minutes,
        ..default
    }
}
