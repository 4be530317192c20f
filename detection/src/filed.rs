//! Events as the store keeps them.

use std::collections::BTreeSet;

use etiage_detector::{Event, EventId, Key, Kind, Member, Record};
use etiage_store::{Error, EventQuery, EventRow, Store, TimeRange};

use crate::words::{services, subject};

/// Most links and categories that an event is filed under.
const MAX_NAMES: usize = 100;
/// Two findings whose onsets are no further apart may be the same event.
const APART_SECS: i64 = 2 * 3600;

/// A state of an event, as a row.
///
/// # Errors
/// The record cannot be written as JSON.
pub fn row(record: &Record, probe: &str, version: u64) -> Result<EventRow, anyhow::Error> {
    let Record { event, explanation, .. } = record;
    let seconds = |time: i64| u32::try_from(time).unwrap_or(0);
    let alarm = event.main().map(|main| &main.alarm);
    let explanation = explanation.as_ref();
    let parts = |losses: fn(&etiage_detector::Explanation) -> &[etiage_detector::Loss]| {
        let losses = explanation.map(losses).unwrap_or_default();
        losses.iter().map(|loss| &*loss.name).filter(|name| *name != "other")
    };
    let of_members = |name: fn(&Key) -> Option<&str>| {
        event.members.iter().filter_map(move |member| name(&member.key))
    };
    let links = parts(|explanation| &explanation.links)
        .chain(of_members(|key| key.link().map(|link| &**link)));
    let categories = parts(|explanation| &explanation.categories).chain(of_members(category));
    let by_link = matches!(record.kind(), Kind::LinkOutage | Kind::Shift);
    let top = explanation.and_then(|explanation| match by_link {
        true => explanation.links.first(),
        false => services(explanation).next().or_else(|| explanation.categories.first()),
    });
    let direction = explanation.map(|explanation| &explanation.direction);
    let direction = direction.or_else(|| event.main().map(|main| main.key.direction()));
    Ok(EventRow {
        id: event.id.0.to_string(),
        version,
        probe: probe.to_owned(),
        state: if event.ended.is_some() { "ended" } else { "open" }.to_owned(),
        kind: record.kind().name().to_owned(),
        severity: event.severity.name().to_owned(),
        sign: event.sign.name().to_owned(),
        direction: direction.map_or_else(String::new, ToString::to_string),
        onset: seconds(event.onset),
        confirmed: seconds(event.confirmed),
        ended: event.ended.map(seconds),
        trough: seconds(alarm.map_or(event.onset, |alarm| alarm.trough)),
        depth: alarm.map_or(0.0, |alarm| alarm.depth),
        lost_octets: alarm.map_or(0.0, |alarm| alarm.octets),
        subject: subject(record),
        links: distinct(links),
        categories: distinct(categories),
        top_name: top.map_or_else(String::new, |top| top.name.to_string()),
        top_share: top.map_or(0.0, |top| top.share),
        document: serde_json::to_string(record)?,
    })
}

fn category(key: &Key) -> Option<&str> {
    match key {
        Key::LinkCategory { category, .. } | Key::Category { category, .. } => Some(category),
        _ => None,
    }
}

/// Each once, in order.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut known = BTreeSet::new();
    names.filter(|name| known.insert(*name)).take(MAX_NAMES).map(str::to_owned).collect()
}

/// What the store knows of an event.
#[derive(Clone, Debug)]
pub struct Known {
    /// The event.
    pub record: Record,
    /// How often it was written.
    pub version: u64,
}

/// The events of this probe that the store knows and that touch a range.
///
/// # Errors
/// As [`Store::events`].
pub async fn known(store: &Store, probe: &str, range: TimeRange) -> Result<Vec<Known>, Error> {
    let limit = etiage_store::MAX_EVENTS;
    let query = EventQuery { range: Some(range), limit, ..EventQuery::default() };
    let rows = store.events(&query).await?.into_iter().filter(|row| row.probe == probe);
    let known = rows.filter_map(|row| {
        // One of another version's form is left alone.
        let record = serde_json::from_str(&row.document).ok()?;
        Some(Known { record, version: row.version })
    });
    Ok(known.collect())
}

/// Whether an event is one that is known: it began about then, and they have a series in common.
fn is_same(event: &Event, known: &Event) -> bool {
    let names = |event: &Event| -> BTreeSet<Key> {
        event.members.iter().map(|Member { key, .. }| key.clone()).collect()
    };
    event.id == known.id
        || ((event.onset - known.onset).abs() <= APART_SECS
            && names(event).intersection(&names(known)).next().is_some())
}

/// Gives an event the name that it is known by, if it is; the version that comes next.
pub fn adopt(event: &mut Event, known: &[Known]) -> (Option<EventId>, u64) {
    let by_name = known.iter().find(|known| known.record.event.id == event.id);
    let same = by_name.or_else(|| known.iter().find(|known| is_same(event, &known.record.event)));
    let Some(same) = same else { return (None, 1) };
    event.id = same.record.event.id.clone();
    (Some(event.id.clone()), same.version + 1)
}
