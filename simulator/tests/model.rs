//! What the model promises: the same for the same seed, sums that hold, the shapes it says.

use std::collections::HashMap;

use etiage_aggregator::{Batch, Direction};
use etiage_classifier::{Category, Protocol, Rules};
use etiage_simulator::{
    Effects, Era, Kind, LinkSpec, Noise, Nothing, Place, Settings, Stretch, World, links,
};

/// Monday, 2 November 2026, 00:00 UTC.
const MONDAY: u32 = 1_793_577_600;
const HOUR: u32 = 3600;
const DAY: u32 = 24 * HOUR;

fn settings(seed: u64, noise: Noise) -> Settings {
    Settings { seed, era: Era::Today, origin: MONDAY, noise }
}

fn world(seed: u64, noise: Noise) -> World {
    World::new(settings(seed, noise), links(seed, 20))
}

fn stretch(from: u32, to: u32, step: u32) -> Stretch {
    Stretch { from, to, step, networks_step: step, round_trips: false }
}

fn octets(batches: &[Batch], link: &str) -> u64 {
    let volumes = batches.iter().flat_map(|batch| &batch.volumes);
    volumes.filter(|volume| &*volume.link == link).map(|volume| volume.octets).sum()
}

#[test]
fn the_same_seed_gives_the_same_history_and_another_another() {
    let history = |seed| -> Vec<Batch> {
        let world = world(seed, Noise::default());
        world.history("p", &[stretch(MONDAY, MONDAY + HOUR, 60)], Nothing).collect()
    };
    assert_eq!(history(1), history(1));
    assert_ne!(history(1), history(2));
}

#[test]
fn the_first_batch_of_seed_1_is_the_one_it_always_was() {
    let world = world(1, Noise::default());
    let batch = world.history("p", &[stretch(MONDAY, MONDAY + 60, 60)], Nothing).next().unwrap();
    let sum: u64 = batch.volumes.iter().map(|volume| volume.octets).sum();
    assert_eq!((batch.volumes.len(), sum), GOLDEN, "say in the changelog that histories change");
}

const GOLDEN: (usize, u64) = (500, 7_012_807_184_491);

#[test]
fn networks_and_observations_add_up_to_the_classes() {
    let world = world(3, Noise::default());
    let coarse = Stretch { networks_step: HOUR, ..stretch(MONDAY, MONDAY + DAY / 4, 60) };
    let fine = Stretch {
        networks_step: 10,
        round_trips: true,
        ..stretch(MONDAY + DAY / 4, MONDAY + DAY / 4 + 600, 10)
    };
    type Key = (String, Direction, String);
    let mut by_class: HashMap<Key, [u64; 3]> = HashMap::new();
    let mut by_network: HashMap<Key, [u64; 3]> = HashMap::new();
    let add = |sums: &mut HashMap<Key, [u64; 3]>, key, counts: [u64; 3]| {
        let sum = sums.entry(key).or_default();
        sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    };
    let mut last = 0;
    for batch in world.history("p", &[coarse, fine], Nothing) {
        let observed: u64 = batch.observations.iter().map(|seen| seen.octets).sum();
        let counted: u64 = batch.volumes.iter().map(|volume| volume.octets).sum();
        assert_eq!(observed, counted);
        for volume in &batch.volumes {
            assert!(volume.octets >= 60 * volume.packets && volume.octets <= 1514 * volume.packets);
            assert!(volume.flows <= volume.packets);
            let key = (volume.link.to_string(), volume.direction, volume.category.to_string());
            add(&mut by_class, key, [volume.octets, volume.packets, volume.flows]);
        }
        for volume in &batch.networks {
            let key = (volume.link.to_string(), volume.direction, volume.category.to_string());
            add(&mut by_network, key, [volume.octets, volume.packets, volume.flows]);
        }
        assert_eq!(batch.start % batch.seconds, 0);
        assert_eq!(batch.round_trips.is_empty(), batch.seconds != 10);
        assert!(batch.start + batch.seconds >= last);
        last = batch.start;
    }
    assert!(by_class.len() > 100);
    assert_eq!(by_class, by_network);
}

#[test]
fn days_swing_three_to_one_weeks_and_years_as_configured() {
    let spec = LinkSpec {
        name: "business".into(),
        kind: Kind::Customer,
        capacity_bps: 10_000_000_000,
        neighbour_asn: None,
    };
    let world = World::new(settings(4, Noise::NONE), vec![spec]);
    let batches: Vec<Batch> =
        world.history("p", &[stretch(MONDAY, MONDAY + 7 * DAY, HOUR)], Nothing).collect();
    let by_hour: Vec<f64> = batches
        .iter()
        .map(|batch| {
            let heavy = batch.volumes.iter().filter(|volume| volume.direction == Direction::Out);
            heavy.map(|volume| volume.octets).sum::<u64>() as f64
        })
        .collect();
    let tuesday = &by_hour[24..48];
    let top = tuesday.iter().copied().fold(0.0, f64::max);
    let low = tuesday.iter().copied().fold(f64::MAX, f64::min);
    assert!((top / low - 3.0).abs() < 0.15, "{}", top / low);
    let noon = |day: usize| by_hour[day * 24 + 12];
    assert!((noon(5) / noon(1) - 0.62).abs() < 0.03, "{}", noon(5) / noon(1));
    let rate = |at: u32| world.rate(at, 0, 0, Direction::Out);
    let growth = rate(MONDAY + 365 * DAY) / rate(MONDAY + DAY);
    assert!(growth > 0.95 && growth < 1.51, "{growth}");
}

#[test]
fn bins_of_any_length_add_up_to_the_same() {
    let world = world(5, Noise::NONE);
    let sum = |step: u32| {
        let (from, to) = (MONDAY + 12 * HOUR, MONDAY + 13 * HOUR);
        let batches: Vec<Batch> = world.history("p", &[stretch(from, to, step)], Nothing).collect();
        octets(&batches, "transit-1") as f64
    };
    let (fine, coarse) = (sum(60), sum(HOUR));
    // Within an hour the day goes on, and seldom flows come by chance.
    assert!((fine / coarse - 1.0).abs() < 0.05, "{}", fine / coarse);
}

#[test]
fn no_link_carries_more_than_its_capacity() {
    struct Crowd;
    impl Effects for Crowd {
        fn factor(&self, _: u32, _: &Place<'_>) -> f64 {
            20.0
        }
    }
    let world = world(6, Noise::default());
    for batch in world.history("p", &[stretch(MONDAY, MONDAY + DAY, HOUR)], Crowd) {
        let mut by_way: HashMap<(&str, Direction), u64> = HashMap::new();
        for volume in &batch.volumes {
            *by_way.entry((&volume.link, volume.direction)).or_default() += volume.octets;
        }
        for link in world.links() {
            for direction in [Direction::In, Direction::Out] {
                let octets = by_way.get(&(&*link.name, direction)).copied().unwrap_or_default();
                assert!(octets * 8 <= link.capacity_bps * u64::from(HOUR), "{}", link.name);
            }
        }
    }
}

#[test]
fn effects_reach_what_they_name_and_nothing_else() {
    struct Shut;
    impl Effects for Shut {
        fn factor(&self, at: u32, place: &Place<'_>) -> f64 {
            if at >= MONDAY + HOUR && place.service == "youtube" { 0.0 } else { 1.0 }
        }
        fn watched(&self, at: u32, link: usize) -> bool {
            link != 2 || at < MONDAY + HOUR
        }
    }
    let world = world(7, Noise::default());
    let stretches = [stretch(MONDAY, MONDAY + 2 * HOUR, HOUR)];
    let plain: Vec<Batch> = world.history("p", &stretches, Nothing).collect();
    let shut: Vec<Batch> = world.history("p", &stretches, Shut).collect();
    assert_eq!(plain[0], shut[0]);
    let blind = &*world.links()[2].name;
    let rest = |batch: &Batch| -> Vec<(String, String)> {
        let kept = batch
            .volumes
            .iter()
            .filter(|volume| &*volume.service != "youtube" && &*volume.link != blind);
        kept.map(|volume| (volume.link.to_string(), volume.service.to_string())).collect()
    };
    assert_eq!(rest(&plain[1]), rest(&shut[1]));
    assert!(shut[1].volumes.iter().all(|volume| &*volume.service != "youtube"));
    assert!(shut[1].volumes.iter().all(|volume| &*volume.link != blind));
    assert!(shut[1].observations.iter().all(|seen| &*seen.link != blind));
}

#[test]
fn what_flows_has_names_that_the_classifier_knows() {
    let rules = Rules::builtin().unwrap();
    let known: Vec<&str> = rules.services().map(|service| &*service.name).collect();
    for era in [Era::Today, Era::Y2012] {
        let world = World::new(Settings { era, ..settings(8, Noise::NONE) }, links(8, 100));
        for class in (0..100).flat_map(|link| world.classes(link)) {
            assert!(class.category.parse::<Category>().is_ok(), "{class:?}");
            assert!(class.protocol.parse::<Protocol>().is_ok(), "{class:?}");
            let service = &*class.service;
            let named = known.contains(&service) || ["none", "unattributed"].contains(&service);
            assert!(named, "{class:?}");
        }
    }
}

#[test]
fn hundred_links_have_some_thousands_of_rows_a_minute() {
    let world = World::new(settings(1, Noise::default()), links(1, 100));
    let batch = world.history("p", &[stretch(MONDAY, MONDAY + 60, 60)], Nothing).next().unwrap();
    assert_eq!(batch.observations.len(), 100);
    assert!((2_000..4_000).contains(&batch.volumes.len()), "{}", batch.volumes.len());
    assert!((2_000..5_000).contains(&batch.networks.len()), "{}", batch.networks.len());
}
