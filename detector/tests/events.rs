//! Series in, events out.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a test may fail"
)]

use std::sync::Arc;

use etiage_detector::{
    Basis, Calendar, Change, Detector, End, Event, Key, LinkMinute, Member, Minute, Parameters,
    SeriesId, Severity, Sign,
};

const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;
/// A Monday, 00:00 UTC.
const START: i64 = 1_790_553_600;

/// Octets a minute: 3 to 1 between evening and morning, less at weekends, a little unrest.
fn usual(time: i64, mean: f64) -> f64 {
    let local = time.rem_euclid(DAY) as f64 / DAY as f64;
    let shape = 1.0 + 0.5 * ((local - 0.875) * std::f64::consts::TAU).cos();
    let weekend = if (time - START).div_euclid(DAY).rem_euclid(7) >= 5 { 0.9 } else { 1.0 };
    let unrest = (time / 60 * 7919 % 101) as f64 / 101.0 - 0.5;
    mean * shape * weekend * (1.0 + 0.04 * unrest)
}

struct Bench {
    detector: Detector,
    series: Vec<(SeriesId, Key)>,
    links: Vec<Arc<str>>,
    changes: Vec<(i64, Change)>,
}

fn total(link: &str) -> Key {
    Key::Link { link: link.into(), direction: "in".into() }
}

fn category(link: &str, category: &str) -> Key {
    Key::LinkCategory { link: link.into(), direction: "in".into(), category: category.into() }
}

/// A line an event, for messages.
fn brief(events: &[&Event]) -> String {
    let line = |event: &&Event| {
        let hours = |time: i64| (time - EVENING) as f64 / 3600.0;
        let alarm = &event.members[0].alarm;
        format!(
            "{:?} from {} h to {:?} h, {:.2}",
            event.sign,
            hours(event.onset),
            event.ended.map(hours),
            alarm.depth
        )
    };
    events.iter().take(10).map(line).collect::<Vec<_>>().join("; ")
}

impl Bench {
    fn new(keys: &[Key], calendar: Calendar) -> Self {
        let mut detector = Detector::new(Parameters::default(), calendar).unwrap();
        let series = keys.iter().map(|key| (detector.series(key), key.clone())).collect();
        let mut links: Vec<Arc<str>> = keys.iter().filter_map(|key| key.link().cloned()).collect();
        links.dedup();
        Self { detector, series, links, changes: Vec::new() }
    }

    /// Plays minutes; `None` for a minute in which nothing was observed.
    fn play(
        &mut self,
        from: i64,
        until: i64,
        judged: bool,
        octets: impl Fn(i64, &Key) -> Option<f64>,
    ) -> &mut Self {
        for start in (from..until).step_by(60) {
            let values: Vec<(SeriesId, Option<f64>)> =
                self.series.iter().map(|(series, key)| (*series, octets(start, key))).collect();
            let observed = values.iter().all(|(_, octets)| octets.is_some());
            let minute = Minute {
                start,
                links: self
                    .links
                    .iter()
                    .map(|link| LinkMinute { link: link.clone(), observed })
                    .collect(),
                octets: values
                    .into_iter()
                    .filter_map(|(series, octets)| Some((series, octets?)))
                    .collect(),
            };
            if judged {
                let changes = self.detector.step(&minute);
                self.changes.extend(changes.into_iter().map(|change| (start, change)));
            } else {
                self.detector.learn(&minute);
            }
        }
        self
    }

    fn opened(&self) -> Vec<&Event> {
        self.changes
            .iter()
            .filter_map(|(_, change)| match change {
                Change::Opened(event) => Some(event),
                _ => None,
            })
            .collect()
    }

    fn closed(&self) -> Vec<&Event> {
        self.changes
            .iter()
            .filter_map(|(_, change)| match change {
                Change::Closed(event) => Some(event),
                _ => None,
            })
            .collect()
    }
}

/// 20:00 on the Thursday of the fourth week.
const EVENING: i64 = START + 3 * WEEK + 3 * DAY + 20 * 3600;

#[test]
fn a_fall_is_found_measured_and_closed() {
    let keys = [total("transit-a")];
    let mut bench = Bench::new(&keys, Calendar::utc());
    let quiet = |time: i64, _: &Key| Some(usual(time, 1e10));
    // Down by half for an hour, then back over two hours.
    let fall = |time: i64, _: &Key| {
        let lost = match time - EVENING {
            ..0 => 0.0,
            0..3600 => 0.5,
            passed => 0.5 * (1.0 - (passed - 3600) as f64 / 7200.0).max(0.0),
        };
        Some(usual(time, 1e10) * (1.0 - lost))
    };
    bench.play(START, START + 2 * WEEK, false, quiet);
    bench.play(START + 2 * WEEK, EVENING, true, quiet);
    assert_eq!(bench.changes, []);
    bench.play(EVENING, EVENING + 6 * 3600, true, fall);

    let opened = bench.opened();
    assert_eq!(opened.len(), 1);
    let event = opened[0];
    assert_eq!(
        (event.sign, event.onset, event.severity),
        (Sign::Drop, EVENING, Severity::Critical)
    );
    assert!(event.confirmed - EVENING <= 5 * 60, "{}", event.confirmed - EVENING);
    assert_eq!(event.members[0].alarm.basis, Basis::TimeOfWeek);

    let closed = bench.closed();
    assert_eq!(closed.len(), 1);
    let alarm = &closed[0].members[0].alarm;
    assert!((0.45..0.55).contains(&alarm.depth), "{}", alarm.depth);
    // Half of an hour and half of two hours of a half.
    let lost: f64 = (0..180)
        .map(|minute| {
            let time = EVENING + 60 * minute;
            usual(time, 1e10) - fall(time, &keys[0]).unwrap()
        })
        .sum();
    assert!((alarm.octets / lost - 1.0).abs() < 0.1, "{} of {lost}", alarm.octets);
    let after = |time: Option<i64>| (time.unwrap() - EVENING) / 60;
    assert!((115..=130).contains(&after(alarm.half_recovered)), "{}", after(alarm.half_recovered));
    assert!((160..=185).contains(&after(alarm.recovered)), "{}", after(alarm.recovered));
    assert_eq!(alarm.ended.unwrap().1, End::Recovered);
}

#[test]
fn an_event_does_not_lower_the_expectation_of_later_weeks() {
    let keys = [total("transit-a")];
    let mut bench = Bench::new(&keys, Calendar::utc());
    let day = DAY / 2;
    let series = |time: i64, _: &Key| {
        let down = (EVENING..EVENING + day).contains(&time);
        Some(usual(time, 1e10) * if down { 0.4 } else { 1.0 })
    };
    bench.play(START, START + 2 * WEEK, false, series);
    bench.play(START + 2 * WEEK, EVENING + 3 * WEEK, true, series);
    assert_eq!(bench.opened().len(), 1, "nor is the time after it a surge");
    let (expected, _) = bench.detector.expect(bench.series[0].0, EVENING + 3 * WEEK).unwrap();
    let ratio = expected.octets / usual(EVENING + 3 * WEEK, 1e10);
    assert!((0.95..1.05).contains(&ratio), "{ratio}");
}

#[test]
fn what_stays_becomes_the_new_level_and_is_one_event() {
    let keys = [total("transit-a")];
    let mut bench = Bench::new(&keys, Calendar::utc());
    let series =
        |time: i64, _: &Key| Some(usual(time, 1e10) * if time >= EVENING { 0.6 } else { 1.0 });
    bench.play(START, START + 2 * WEEK, false, series);
    bench.play(START + 2 * WEEK, EVENING + 12 * DAY, true, series);
    assert_eq!(bench.opened().len(), 1, "{}", brief(&bench.closed()));
    assert_eq!(bench.closed()[0].members[0].alarm.ended.unwrap().1, End::Accepted);
}

#[test]
fn falling_series_are_one_event_and_what_rises_meanwhile_belongs_to_it() {
    let links = ["a", "b", "c"];
    let keys: Vec<Key> = links
        .iter()
        .flat_map(|link| {
            [
                total(link),
                category(link, "direct-download"),
                category(link, "p2p"),
                category(link, "web"),
            ]
        })
        .collect();
    let mut bench = Bench::new(&keys, Calendar::utc());
    let series = |time: i64, key: &Key| {
        let down = time >= EVENING;
        let hosters = usual(time, 4e9) * if down { 0.3 } else { 1.0 };
        let p2p = usual(time, 3e9) * if down { 1.6 } else { 1.0 };
        let web = usual(time + 3600, 3e9);
        Some(match key {
            Key::LinkCategory { category, .. } if &**category == "p2p" => p2p,
            Key::LinkCategory { category, .. } if &**category == "web" => web,
            Key::LinkCategory { .. } => hosters,
            _ => hosters + p2p + web,
        })
    };
    bench.play(START, START + 2 * WEEK, false, series);
    bench.play(START + 2 * WEEK, EVENING + 3 * 3600, true, series);
    assert_eq!(bench.opened().len(), 1);
    let event = bench.detector.open().next().unwrap();
    let of = |sign| event.members.iter().filter(|member| member.alarm.sign == sign).count();
    assert_eq!((event.sign, of(Sign::Surge)), (Sign::Drop, 3));
    assert!(of(Sign::Drop) >= 3);
    assert_eq!(event.members[0].key.direction().as_ref(), "in");
}

#[test]
fn what_comes_back_and_falls_again_meanwhile_is_no_other_event() {
    let mut bench = Bench::new(&[total("a"), total("b")], Calendar::utc());
    let back = EVENING + 4 * 3600..EVENING + 24 * 3600;
    let series = |time: i64, key: &Key| {
        let is_back = *key == total("b") && back.contains(&time);
        Some(usual(time, 4e9) * if time >= EVENING && !is_back { 0.4 } else { 1.0 })
    };
    bench.play(START, START + 2 * WEEK, false, series);
    bench.play(START + 2 * WEEK, EVENING + 30 * 3600, true, series);
    assert_eq!(bench.opened().len(), 1);
    let event = bench.detector.open().next().unwrap();
    let of_b: Vec<_> = event.members.iter().filter(|member| member.key == total("b")).collect();
    let lasting = of_b.iter().filter(|member| member.alarm.ended.is_none()).count();
    assert_eq!((of_b.len(), lasting), (2, 1));
    assert!(of_b.iter().all(|member| member.alarm.octets > 0.0));
}

#[test]
fn what_is_gone_within_a_minute_is_gone_until_it_is_back() {
    let mut bench = Bench::new(&[total("a"), category("a", "web")], Calendar::utc());
    let out = EVENING..EVENING + 3 * 3600;
    let series =
        |time: i64, _: &Key| Some(usual(time, 4e9) * if out.contains(&time) { 0.01 } else { 1.0 });
    bench.play(START, START + 2 * WEEK, false, series);
    bench.play(START + 2 * WEEK, EVENING + 8 * 3600, true, series);
    let closed = bench.closed();
    assert_eq!((bench.opened().len(), closed.len()), (1, 1));
    assert_eq!(closed[0].members.len(), 2, "each of the two once, and no surge afterwards");
    for Member { alarm, .. } in &closed[0].members {
        let (ended, _) = alarm.ended.unwrap();
        assert!((out.end - 60..out.end + 1800).contains(&ended), "{}", ended - out.end);
    }
}

#[test]
fn what_was_not_seen_did_not_fall() {
    let keys = [total("a"), Key::Service { direction: "in".into(), service: "youtube".into() }];
    let mut bench = Bench::new(&keys, Calendar::utc());
    let hour = EVENING..EVENING + 3600;
    let series = |time: i64, _: &Key| (!hour.contains(&time)).then(|| usual(time, 1e10));
    bench.play(START, START + 2 * WEEK, false, series);
    bench.play(START + 2 * WEEK, EVENING + DAY, true, series);
    assert_eq!(
        bench.changes,
        [(EVENING, Change::Blind("a".into())), (EVENING + 3600, Change::Seen("a".into()))]
    );
}

#[test]
fn a_link_that_carries_next_to_nothing_hides_no_sum() {
    let service = Key::Service { direction: "in".into(), service: "youtube".into() };
    for (mean, events) in [(1e6, 1), (1e10, 0)] {
        let mut bench = Bench::new(&[total("large"), total("small")], Calendar::utc());
        let series = bench.detector.series(&service);
        let mut changes = Vec::new();
        for start in (START..EVENING + 3600).step_by(60) {
            let evening = start >= EVENING;
            let octets = usual(start, 1e10);
            let link = |link: &str, observed| LinkMinute { link: link.into(), observed };
            let minute = Minute {
                start,
                links: vec![link("large", true), link("small", !evening)],
                octets: vec![
                    (bench.series[0].0, octets),
                    (bench.series[1].0, if evening { 0.0 } else { usual(start, mean) }),
                    (series, octets * if evening { 0.05 } else { 0.5 }),
                ],
            };
            if start < START + 2 * WEEK {
                bench.detector.learn(&minute);
            } else {
                changes.extend(bench.detector.step(&minute));
            }
        }
        let opened = changes.iter().filter(|change| matches!(change, Change::Opened(_))).count();
        assert_eq!(opened, events, "{mean}");
    }
}

#[test]
fn clocks_that_change_are_followed() {
    // An hour forward on the Sunday before the fourth week.
    let change = START + 3 * WEEK - DAY + 3600;
    let series =
        |time: i64, _: &Key| Some(usual(if time >= change { time + 3600 } else { time }, 1e10));
    for (calendar, events) in [
        (Calendar::new(vec![(START, 0), (change, 3600)]), 0),
        // Whoever takes UTC for local time sees the steep hours fall and rise.
        (Calendar::utc(), 1),
    ] {
        let mut bench = Bench::new(&[total("a")], calendar);
        bench.play(START, START + 2 * WEEK, false, series);
        bench.play(START + 2 * WEEK, START + 4 * WEEK, true, series);
        assert!(bench.opened().len() >= events, "{:?}", bench.opened());
        assert!(events > 0 || bench.opened().is_empty(), "{:?}", bench.opened());
    }
}

#[test]
fn a_short_past_is_enough_for_a_deep_fall_and_the_event_says_what_it_was_founded_on() {
    for (learnt, depth, basis) in [(DAY, 0.9, Basis::RecentLevel), (4 * DAY, 0.7, Basis::TimeOfDay)]
    {
        let from = EVENING - learnt;
        let mut bench = Bench::new(&[total("a")], Calendar::utc());
        let series = |time: i64, _: &Key| {
            Some(usual(time, 1e10) * if time >= EVENING { 1.0 - depth } else { 1.0 })
        };
        bench.play(from, EVENING, true, series);
        assert_eq!(bench.changes, [], "{basis:?}");
        bench.play(EVENING, EVENING + 3600, true, series);
        let opened = bench.opened();
        assert_eq!(opened.len(), 1, "{basis:?}");
        assert_eq!(opened[0].members[0].alarm.basis, basis);
    }
}

#[test]
fn odd_series_make_no_events() {
    type Odd = fn(i64) -> f64;
    let odd: [(&str, Odd); 4] = [
        ("zeros", |_| 0.0),
        ("constant", |_| 5e9),
        ("too little", |time| if time > EVENING { 0.0 } else { 1e4 }),
        ("bursts", |time| if time / 60 % 97 == 0 { 1e10 } else { 0.0 }),
    ];
    for (name, odd) in odd {
        let mut bench = Bench::new(&[total("a")], Calendar::utc());
        bench.play(START, START + WEEK, false, |time, _| Some(odd(time)));
        bench.play(START + WEEK, EVENING + DAY, true, |time, _| Some(odd(time)));
        assert!(bench.changes.is_empty(), "{name}: {}", brief(&bench.opened()));
    }
}

#[test]
fn history_with_gaps_is_history() {
    let keys = [total("a")];
    let mut bench = Bench::new(&keys, Calendar::utc());
    // Not observed: every third hour, a whole day, and the same evening of last week.
    let gap = |time: i64| {
        time / 3600 % 3 == 0
            || (EVENING - 5 * DAY..EVENING - 4 * DAY).contains(&time)
            || (EVENING - WEEK - 7200..EVENING - WEEK + 7200).contains(&time)
    };
    let quiet = |time: i64, _: &Key| (!gap(time)).then(|| usual(time, 1e10));
    bench.play(START, START + 2 * WEEK, false, quiet);
    bench.play(START + 2 * WEEK, EVENING, true, quiet);
    assert!(bench.opened().is_empty(), "{}", brief(&bench.opened()));
    let fall = |time: i64, _: &Key| Some(usual(time, 5e9));
    bench.play(EVENING, EVENING + 3600, true, fall);
    assert_eq!(bench.opened().len(), 1);
    assert_eq!(bench.opened()[0].onset, EVENING);
}

#[test]
fn events_that_are_known_are_no_history() {
    let keys = [total("a")];
    let mut bench = Bench::new(&keys, Calendar::utc());
    // Half a day of every past week was an outage.
    let down = |time: i64| (0..DAY / 2).contains(&(time - EVENING).rem_euclid(WEEK));
    let series = |time: i64, _: &Key| Some(usual(time, 1e10) * if down(time) { 0.3 } else { 1.0 });
    for weeks in 1..=3 {
        let from = EVENING - weeks * WEEK;
        bench.detector.mask(&keys[0], from..from + DAY / 2);
    }
    bench.play(START, EVENING, false, series);
    bench.play(EVENING, EVENING + 3600, true, series);
    assert_eq!(bench.opened().len(), 1, "the fourth time it is one still");
}

#[test]
fn events_are_named_by_their_minute_and_their_detector() {
    let names = ["probe-1", "probe-2"].map(|source| {
        let mut bench = Bench::new(&[total("a")], Calendar::utc());
        bench.detector =
            Detector::new(Parameters::default(), Calendar::utc()).unwrap().named(source);
        bench.series = vec![(bench.detector.series(&total("a")), total("a"))];
        let fall =
            |time: i64, _: &Key| Some(usual(time, 1e10) * if time >= EVENING { 0.4 } else { 1.0 });
        bench.play(START, EVENING, false, fall);
        bench.play(EVENING, EVENING + 1800, true, fall);
        let id = bench.opened()[0].id.clone();
        bench.detector.rename(&id, etiage_detector::EventId("another".into()));
        assert_eq!(&*bench.detector.open().next().unwrap().id.0, "another");
        id.0.to_string()
    });
    assert_ne!(names[0], names[1]);
    assert_eq!(names[0].split('-').count(), 3, "{names:?}");
    assert_eq!(names[0].get(..13), names[1].get(..13));
}

#[test]
fn time_that_runs_backwards_changes_nothing() {
    let mut bench = Bench::new(&[total("a")], Calendar::utc());
    let quiet = |time: i64, _: &Key| Some(usual(time, 1e10));
    bench.play(START, EVENING, false, quiet);
    let before = bench.detector.expect(bench.series[0].0, EVENING).unwrap();
    bench.play(START + WEEK, EVENING, true, |_, _| Some(0.0));
    assert_eq!(bench.changes, []);
    assert_eq!(bench.detector.expect(bench.series[0].0, EVENING).unwrap(), before);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(24))]

    /// Whatever comes: no panic, events that opened close at most once, sums are finite.
    #[test]
    fn any_series_is_survived(
        values in proptest::collection::vec(
            proptest::option::weighted(0.9, proptest::num::f64::ANY), 1..3000),
        gap in 1i64..100_000,
    ) {
        let mut bench = Bench::new(&[total("a")], Calendar::utc());
        bench.play(START, START + 3 * DAY, true, |time, _| Some(usual(time, 1e10)));
        let from = START + 3 * DAY + gap * 60;
        let until = from + 60 * values.len() as i64;
        bench.play(from, until, true, |time, _| values[((time - from) / 60) as usize]);
        let (opened, closed) = (bench.opened().len(), bench.closed().len());
        proptest::prop_assert_eq!(opened, closed + bench.detector.open().count());
    }
}
