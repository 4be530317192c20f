//! Each scenario of the project, played at a small size past the detector, without a database: what it finds.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use etiage_aggregator::Batch;
use etiage_detection::compare_windows;
use etiage_detector::{
    Bin, Calendar, Change, Comparison, ComparisonRow, Detector, Event, Key, Kind, LinkMinute,
    Minute, Parameters, Place, Record, Sign, Windows, explain, starts,
};
use etiage_simulator::{Noise, Scenario, Settings, Stretch, World};

const DAY: u32 = 86_400;
const STEP: u32 = 300;
/// 2026-03-12 00:00 UTC, a Thursday; 2026-03-28 00:00 UTC, the day before clocks change.
const THURSDAY: u32 = 1_773_273_600;
const SATURDAY: u32 = THURSDAY + 16 * DAY;

struct Trial {
    scenario: Scenario,
    world: World,
    stretch: Stretch,
}

/// What was found.
struct Found {
    events: Vec<Record>,
    blind: Vec<Arc<str>>,
}

impl Trial {
    /// Three weeks that are learnt from, and some days that are judged.
    fn new(name: &str, seed: u64, judged: u32, days: u32) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
        let scenario: Scenario = text.parse().unwrap();
        let to = judged + days * DAY;
        let settings = Settings { seed, era: scenario.era, origin: to, noise: Noise::default() };
        let world = World::new(settings, scenario.links.clone());
        let from = judged - 21 * DAY;
        let stretch = Stretch { from, to, step: STEP, networks_step: 3600, round_trips: false };
        Self { scenario, world, stretch }
    }

    fn batches(&self) -> impl Iterator<Item = Batch> {
        let stretches = std::slice::from_ref(&self.stretch);
        let batches = self.world.history("trial", stretches, self.scenario.clone());
        // Those of networks come by the hour, and are not looked at here.
        batches.filter(|batch| batch.seconds == STEP)
    }

    fn play(&self, judged: u32, calendar: Calendar) -> Found {
        let mut detector = Detector::new(Parameters::default(), calendar).unwrap();
        let mut events: Vec<Event> = Vec::new();
        let mut blind = Vec::new();
        for batch in self.batches() {
            let is_judged = batch.start >= judged;
            let mut octets = BTreeMap::new();
            for volume in &batch.volumes {
                let (link, category) = (volume.link.clone(), volume.category.clone());
                let direction: Arc<str> = volume.direction.name().into();
                let mut keys = vec![
                    Key::Link { link: link.clone(), direction: direction.clone() },
                    Key::Category { direction: direction.clone(), category: category.clone() },
                    Key::LinkCategory { link, direction: direction.clone(), category },
                ];
                if &*volume.service != "none" {
                    keys.push(Key::Service { direction, service: volume.service.clone() });
                }
                for key in keys {
                    *octets.entry(key).or_insert(0.0) += volume.octets as f64 / 5.0;
                }
            }
            let octets: Vec<_> =
                octets.into_iter().map(|(key, sum)| (detector.series(&key), sum)).collect();
            let links = self.scenario.links.iter().map(|link| LinkMinute {
                link: link.name.clone(),
                observed: batch.observations.iter().any(|own| own.link == link.name),
            });
            let links: Vec<LinkMinute> = links.collect();
            let bin = Bin { start: batch.start.into(), secs: STEP.into(), octets: None };
            for start in starts(&bin, is_judged) {
                let minute = Minute { start, links: links.clone(), octets: octets.clone() };
                if !is_judged {
                    detector.learn(&minute);
                    continue;
                }
                for change in detector.step(&minute) {
                    match change {
                        Change::Closed(event) => events.push(event),
                        Change::Blind(link) => blind.push(link),
                        Change::Opened(_) | Change::Updated(_) | Change::Seen(_) => {}
                    }
                }
            }
        }
        events.extend(detector.open().cloned());
        let events = events.into_iter().map(|event| self.explain(event)).collect();
        Found { events, blind }
    }

    fn explain(&self, event: Event) -> Record {
        let until = event.ended.unwrap_or_else(|| self.stretch.to.into());
        let windows = compare_windows(event.onset, until, 2);
        let mut rows: BTreeMap<[Arc<str>; 4], Vec<Windows>> = BTreeMap::new();
        let spans: Vec<_> = std::iter::once(&windows.now).chain(&windows.past).collect();
        for batch in self.batches() {
            for (place, [before, during]) in spans.iter().enumerate() {
                let inside = |(from, to): &(u32, u32)| (*from..*to).contains(&batch.start);
                if !inside(before) && !inside(during) {
                    continue;
                }
                for volume in &batch.volumes {
                    let key = [
                        volume.link.clone(),
                        volume.direction.name().into(),
                        volume.category.clone(),
                        volume.service.clone(),
                    ];
                    let sums =
                        rows.entry(key).or_insert_with(|| vec![Windows::default(); spans.len()]);
                    match inside(before) {
                        true => sums[place].before += volume.octets as f64,
                        false => sums[place].during += volume.octets as f64,
                    }
                }
            }
        }
        let rows =
            rows.into_iter().map(|([link, direction, category, name], sums)| ComparisonRow {
                place: Place { link, direction, category, name },
                now: sums[0],
                past: sums[1..].to_vec(),
            });
        let comparison = Comparison { services: rows.collect(), networks: Vec::new() };
        let explanation = explain(&comparison, event.sign);
        Record { event, explanation, explained_secs: 0, blind: Vec::new() }
    }
}

/// A line an event.
fn brief(found: &Found) -> String {
    let line = |record: &Record| {
        let main = record.event.main().unwrap();
        format!(
            "{:?} {:?} {:.2} at {}",
            record.kind(),
            main.key,
            main.alarm.depth,
            record.event.onset
        )
    };
    found.events.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_link_that_goes_down_is_an_outage() {
    let found = Trial::new("link-outage", 7, THURSDAY, 1).play(THURSDAY, Calendar::utc());
    assert_eq!(found.events.len(), 1, "{}", brief(&found));
    let record = &found.events[0];
    assert_eq!(record.kind(), Kind::LinkOutage, "{}", brief(&found));
    assert_eq!(&*record.explanation.as_ref().unwrap().links[0].name, "transit-1");
    let minutes = |time: i64| (time - i64::from(THURSDAY)) / 60;
    assert!((19 * 60 + 25..=19 * 60 + 35).contains(&minutes(record.event.onset)));
    let is_link = |key: &Key| matches!(key, Key::Link { link, .. } if &**link == "transit-1");
    let link = record.event.members.iter().find(|member| is_link(&member.key)).unwrap();
    let (ended, _) = link.alarm.ended.unwrap();
    assert!((22 * 60 + 20..23 * 60 + 30).contains(&minutes(ended)), "{}", minutes(ended));
}

#[test]
fn traffic_that_moves_to_another_link_is_a_shift() {
    let found = Trial::new("traffic-shift", 1, THURSDAY, 1).play(THURSDAY, Calendar::utc());
    assert_eq!(found.events.len(), 1, "{}", brief(&found));
    let record = &found.events[0];
    assert_eq!(record.kind(), Kind::Shift, "{}", brief(&found));
    let explanation = record.explanation.as_ref().unwrap();
    assert_eq!(&*explanation.links[0].name, "transit-2");
    assert_eq!(&*explanation.ledger.links[0].name, "transit-1");
}

#[test]
fn a_probe_that_is_restarted_is_blind_and_nothing_fell() {
    let found = Trial::new("probe-restart", 7, THURSDAY, 1).play(THURSDAY, Calendar::utc());
    assert!(found.events.is_empty(), "{}", brief(&found));
    let of = |name: &str| found.blind.iter().filter(|link| &***link == name).count();
    assert_eq!((of("transit-1"), of("ix-1")), (2, 1));
}

#[test]
fn a_flash_crowd_is_a_surge() {
    let found = Trial::new("flash-crowd", 7, THURSDAY, 1).play(THURSDAY, Calendar::utc());
    assert_eq!(found.events.len(), 1, "{}", brief(&found));
    let record = &found.events[0];
    assert_eq!((record.kind(), record.event.sign), (Kind::Surge, Sign::Surge));
    assert_eq!(&*record.explanation.as_ref().unwrap().categories[0].name, "streaming");
}

#[test]
fn holidays_and_growth_are_no_events() {
    for name in ["holiday", "slow-growth"] {
        let found = Trial::new(name, 7, THURSDAY, 1).play(THURSDAY, Calendar::utc());
        assert!(found.events.is_empty(), "{name}: {}", brief(&found));
    }
}

#[test]
fn clocks_that_change_are_no_event_where_they_are_known() {
    // Europe/Paris.
    let paris = Calendar::new(vec![(0, 3600), (1_774_746_000, 7200)]);
    let found = Trial::new("daylight-saving", 7, SATURDAY, 3).play(SATURDAY, paris);
    assert!(found.events.is_empty(), "{}", brief(&found));
}
