//! An event as it is kept.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::detector::Event;
use crate::explain::{Explanation, Kind};
use crate::key::Key;

/// An event with what it is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
    /// What it is made of; nothing where there is nothing to compare with.
    pub explanation: Option<Explanation>,
    /// From how many seconds since the onset the explanation is made.
    #[serde(default)]
    pub explained_secs: u32,
    /// When which link was not seen, from an hour before the onset on.
    #[serde(default)]
    pub blind: Vec<Blind>,
}

/// A span in which a link was not seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blind {
    /// The link.
    pub link: Arc<str>,
    /// The first minute, in Unix seconds.
    pub from: i64,
    /// The first minute in which it was seen again; nothing while it is not.
    pub until: Option<i64>,
}

impl Record {
    /// What kind of event it is, as far as is known.
    pub fn kind(&self) -> Kind {
        self.explanation.as_ref().map_or(Kind::Unknown, |explanation| explanation.kind)
    }
}

/// The spans of a series in which known events were: no history for what comes after. What had become the
/// new normal is history from then on.
pub fn masks<'a>(records: impl Iterator<Item = &'a Record>, key: &Key) -> Vec<Range<i64>> {
    let members = records.flat_map(|record| {
        let end = record.event.ended;
        record.event.members.iter().filter(|member| member.key == *key).map(move |member| {
            let ended = member.alarm.ended.map(|(time, _)| time).or(end);
            member.alarm.onset..ended.unwrap_or(i64::MAX)
        })
    });
    members.filter(|span| !span.is_empty()).collect()
}
