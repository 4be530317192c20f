//! An event recomputed from what it was found in; a series against what it should hold.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test may fail"
)]

use etiage_detector::{
    Bin, Calendar, Comparison, Evidence, EvidenceSeries, Key, Parameters, Run, recompute, trace,
};

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;
/// A Monday, 00:00 UTC.
const START: i64 = 1_790_553_600;
/// 20:00 on the Thursday of the fourth week.
const EVENING: i64 = START + 3 * WEEK + 3 * DAY + 20 * 3600;

fn usual(time: i64) -> f64 {
    let local = time.rem_euclid(DAY) as f64 / DAY as f64;
    let unrest = (time / 60 * 7919 % 101) as f64 / 101.0 - 0.5;
    1e10 * (1.0 + 0.5 * ((local - 0.875) * std::f64::consts::TAU).cos()) * (1.0 + 0.04 * unrest)
}

fn bins(from: i64, to: i64, secs: i64, octets: impl Fn(i64) -> Option<f64>) -> Vec<Bin> {
    let starts = (from..to).step_by(secs as usize);
    let minutes = secs as f64 / 60.0;
    starts
        .map(|start| Bin { start, secs, octets: octets(start).map(|octets| octets * minutes) })
        .collect()
}

fn total() -> Key {
    Key::Link { link: "a".into(), direction: "in".into() }
}

/// Weeks by five minutes, then minutes, with a fall by 40 % in the evening.
fn evidence(fall: f64) -> Evidence {
    let judged_from = EVENING - 2 * DAY;
    let octets = |time: i64| Some(usual(time) * if time >= EVENING { 1.0 - fall } else { 1.0 });
    let runs =
        [bins(START, judged_from, 300, octets), bins(judged_from, EVENING + 7200, 60, octets)];
    Evidence {
        parameters: Parameters::default(),
        calendar: Calendar::utc(),
        source: "probe-1".to_owned(),
        judged_from,
        series: vec![EvidenceSeries {
            key: total(),
            masked: Vec::new(),
            runs: runs.iter().filter_map(|bins| Run::of(bins)).collect(),
        }],
        comparison: Comparison::default(),
        explained_secs: 3600,
    }
}

#[test]
fn an_event_is_the_same_however_often_it_is_recomputed() {
    let evidence = evidence(0.4);
    let nothing = etiage_detector::Event {
        id: etiage_detector::EventId("x".into()),
        sign: etiage_detector::Sign::Drop,
        onset: EVENING,
        confirmed: EVENING,
        ended: None,
        severity: etiage_detector::Severity::Info,
        members: Vec::new(),
    };
    let first = recompute(&evidence, &nothing).unwrap().unwrap();
    assert!((first.event.onset - EVENING).abs() <= 120, "{}", first.event.onset - EVENING);
    let again = recompute(&evidence, &first.event).unwrap().unwrap();
    assert_eq!(first, again);

    let mut quiet = self::evidence(0.0);
    assert_eq!(recompute(&quiet, &first.event).unwrap(), None);
    // What was not observed did not fall.
    for run in &mut quiet.series[0].runs {
        for (place, octets) in run.octets.iter_mut().enumerate() {
            if run.start + place as i64 * run.secs >= EVENING {
                *octets = None;
            }
        }
    }
    assert_eq!(recompute(&quiet, &first.event).unwrap(), None);
    quiet.series.clear();
    assert_eq!(recompute(&quiet, &first.event).unwrap(), None);
}

#[test]
fn a_trace_holds_the_level_of_the_onset_and_knows_nothing_of_gaps() {
    let octets = |time: i64| match time - EVENING {
        -3600..-3000 => None,
        0.. => Some(usual(time) * 0.4),
        _ => Some(usual(time)),
    };
    let from = EVENING - 7200;
    let mut all = bins(START, from, 300, octets);
    all.extend(bins(from, EVENING + 7200, 60, octets));
    let points =
        trace(&Parameters::default(), &Calendar::utc(), &total(), (&all, &[]), from).unwrap();
    assert_eq!(points.len(), 240);
    for point in &points {
        let expected = point.expected.unwrap() / usual(point.start);
        assert!((0.93..1.07).contains(&expected), "{expected} at {}", point.start - EVENING);
        assert_eq!(point.octets.is_none(), (-3600..-3000).contains(&(point.start - EVENING)));
        assert!(point.usual > 0.0 && point.usual < 0.1);
    }
    let nothing = trace(&Parameters::default(), &Calendar::utc(), &total(), (&[], &[]), from);
    assert!(nothing.unwrap().is_empty());
}
