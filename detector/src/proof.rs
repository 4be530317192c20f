//! An event recomputed from what it was found in.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::detector::{Change, Detector, Event, LinkMinute, Minute, SeriesId};
use crate::explain::{Comparison, explain};
use crate::key::Key;
use crate::parameters::{ParameterError, Parameters};
use crate::record::Record;
use crate::trace::{Bin, starts};

/// Everything that an event follows from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// When a difference is an event.
    pub parameters: Parameters,
    /// The clocks that people live by.
    pub calendar: Calendar,
    /// Whose event it is.
    pub source: String,
    /// From when on minutes are judged; those before are learnt from. Unix seconds.
    pub judged_from: i64,
    /// The event's series, and the totals of their links.
    pub series: Vec<EvidenceSeries>,
    /// What it is explained from.
    pub comparison: Comparison,
    /// From how many seconds since the onset.
    pub explained_secs: u32,
}

/// A series, with its past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceSeries {
    /// Which.
    #[serde(flatten)]
    pub key: Key,
    /// Spans that do not count as history: other events were in them.
    pub masked: Vec<Range<i64>>,
    /// Its intervals, in order of time.
    pub runs: Vec<Run>,
}

/// Intervals of one length, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// When the first begins, in Unix seconds.
    pub start: i64,
    /// Their length in seconds: 60 or 300.
    pub secs: i64,
    /// Octets in each; nothing where it was not observed.
    pub octets: Vec<Option<f64>>,
}

impl Run {
    /// Bins of one length, as they come from the store.
    pub fn of(bins: &[Bin]) -> Option<Self> {
        let first = bins.first()?;
        let octets = bins.iter().map(|bin| bin.octets).collect();
        Some(Self { start: first.start, secs: first.secs, octets })
    }

    /// Its intervals.
    pub fn bins(&self) -> impl Iterator<Item = Bin> {
        let starts = (0..).map(|number: i64| self.start + number * self.secs);
        let bins = starts.zip(&self.octets);
        bins.map(|(start, octets)| Bin { start, secs: self.secs, octets: *octets })
    }
}

/// Runs the detector over the evidence again, and gives the event that is most like this one: that of the
/// same main series with the nearest onset.
///
/// # Errors
/// Parameters that contradict themselves.
pub fn recompute(evidence: &Evidence, event: &Event) -> Result<Option<Record>, ParameterError> {
    let detector = Detector::new(evidence.parameters.clone(), evidence.calendar.clone())?;
    let mut detector = detector.named(&evidence.source);
    let mut columns: Vec<(SeriesId, Vec<Bin>)> = Vec::new();
    let mut links: Vec<LinkMinute> = Vec::new();
    for EvidenceSeries { key, masked, runs } in &evidence.series {
        let bins: Vec<Bin> = runs.iter().flat_map(Run::bins).collect();
        // What was not observed is left out series by series: links are seen all the time here.
        let unseen = bins.iter().filter(|bin| bin.octets.is_none());
        let unseen = merged(unseen.map(|bin| bin.start..bin.start + bin.secs));
        for span in masked.iter().cloned().chain(unseen) {
            detector.mask(key, span);
        }
        columns.push((detector.series(key), bins));
        let link = key.link().cloned().unwrap_or_else(|| "all".into());
        if !links.iter().any(|known| known.link == link) {
            links.push(LinkMinute { link, observed: true });
        }
    }
    let Some((_, first)) = columns.first() else { return Ok(None) };
    let mut found: Vec<Event> = Vec::new();
    for (place, bin) in first.iter().enumerate() {
        let judged = bin.start >= evidence.judged_from;
        let parts = (bin.secs / 60).max(1) as f64;
        let octets: Vec<(SeriesId, f64)> = columns
            .iter()
            .filter_map(|(series, bins)| Some((*series, bins.get(place)?.octets? / parts)))
            .collect();
        for start in starts(bin, judged) {
            let minute = Minute { start, links: links.clone(), octets: octets.clone() };
            if !judged {
                detector.learn(&minute);
                continue;
            }
            found.extend(detector.step(&minute).into_iter().filter_map(|change| match change {
                Change::Closed(event) => Some(event),
                _ => None,
            }));
        }
    }
    found.extend(detector.open().cloned());
    let main = event.main().map(|main| &main.key);
    let like = |other: &Event| {
        let same = other.members.iter().any(|member| Some(&member.key) == main);
        (!same, (other.onset - event.onset).abs())
    };
    let nearest = found.into_iter().min_by_key(like);
    Ok(nearest.map(|event| Record {
        explanation: explain(&evidence.comparison, event.sign),
        explained_secs: evidence.explained_secs,
        blind: Vec::new(),
        event,
    }))
}

/// Spans that follow one another as one.
fn merged(spans: impl Iterator<Item = Range<i64>>) -> Vec<Range<i64>> {
    let mut merged: Vec<Range<i64>> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if last.end == span.start => last.end = span.end,
            _ => merged.push(span),
        }
    }
    merged
}
