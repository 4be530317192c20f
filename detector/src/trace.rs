//! One series against what it should have held: what charts draw, and what a proof recomputes.

use std::ops::Range;
use std::sync::Arc;

use crate::calendar::Calendar;
use crate::detector::{Detector, LinkMinute, Minute};
use crate::history::BIN_SECS;
use crate::key::Key;
use crate::parameters::{ParameterError, Parameters};

/// What a series held in an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// When it begins, in Unix seconds: a multiple of its length.
    pub start: i64,
    /// Its length: 60 or 300 seconds.
    pub secs: i64,
    /// Octets in it; nothing where it was not observed.
    pub octets: Option<f64>,
}

/// An interval against what it should have held. Octets are of the whole interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TracePoint {
    /// When it begins.
    pub start: i64,
    /// Its length in seconds.
    pub secs: i64,
    /// What it held; nothing where it was not observed.
    pub octets: Option<f64>,
    /// What it should have held; nothing without history.
    pub expected: Option<f64>,
    /// The usual relative deviation from that, then.
    pub usual: f64,
}

/// How long before the first point that is asked for judging begins: an event that lasts holds its level.
const JUDGED_BEFORE: i64 = 2 * 86_400;

/// Takes a series' bins, in order of time, and says of those from a moment on what they should have held.
/// `masked` are spans that shall not count as history: events that are known.
///
/// # Errors
/// Parameters that contradict themselves.
pub fn trace(
    parameters: &Parameters,
    calendar: &Calendar,
    key: &Key,
    (bins, masked): (&[Bin], &[Range<i64>]),
    from: i64,
) -> Result<Vec<TracePoint>, ParameterError> {
    let mut detector = Detector::new(parameters.clone(), calendar.clone())?;
    for span in masked {
        detector.mask(key, span.clone());
    }
    let series = detector.series(key);
    let link: Arc<str> = key.link().cloned().unwrap_or_else(|| "all".into());
    let mut points: Vec<TracePoint> = Vec::new();
    let mut begun = false;
    for bin in bins {
        // Before anything was observed, a sum over links is not nothing either, but unknown.
        begun |= bin.octets.is_some();
        let minutes = (bin.secs / 60).max(1);
        let judged = bin.start >= from - JUDGED_BEFORE;
        for start in starts(bin, judged).filter(|_| begun) {
            let octets = bin.octets.map(|octets| (series, octets / minutes as f64));
            let minute = Minute {
                start,
                links: vec![LinkMinute { link: link.clone(), observed: bin.octets.is_some() }],
                octets: octets.into_iter().collect(),
            };
            match judged {
                true => drop(detector.step(&minute)),
                false => detector.learn(&minute),
            }
        }
        if bin.start >= from {
            let expected = detector.expect(series, bin.start + bin.secs / 2 - 30);
            points.push(TracePoint {
                start: bin.start,
                secs: bin.secs,
                octets: bin.octets,
                expected: expected.map(|(expected, _)| expected.octets * minutes as f64),
                usual: expected.map_or(0.0, |(_, usual)| usual),
            });
        }
    }
    // What was certain later than it began was held to another level from its onset on.
    let held: Vec<(i64, f64)> =
        detector.recent(series).filter_map(|(time, _, expected)| Some((time, expected?))).collect();
    for point in &mut points {
        let inside = |time: &i64| (point.start..point.start + point.secs).contains(time);
        let of_point: Vec<f64> =
            held.iter().filter(|(time, _)| inside(time)).map(|(_, expected)| *expected).collect();
        if let Some(mean) = crate::history::mean(of_point.iter().copied()) {
            point.expected = Some(mean * (point.secs / 60) as f64);
        }
    }
    Ok(points)
}

/// The minutes that stand for a bin: all of them where it is judged, its middle where it is only learnt.
pub fn starts(bin: &Bin, judged: bool) -> impl Iterator<Item = i64> + use<> {
    let all = judged || bin.secs < BIN_SECS;
    let from = if all { bin.start } else { bin.start + bin.secs / 2 / 60 * 60 };
    let until = if all { bin.start + bin.secs } else { from + 60 };
    (from..until).step_by(60)
}
