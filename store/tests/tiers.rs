//! What is inserted is in every coarser tier, once; and what a tier does not hold another one answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test fails so.

mod common;

use common::{Database, MIDNIGHT, batch, client, range, round_trips, volume};
use etiage_aggregator::Direction::{In, Out};
use etiage_aggregator::{Batch, NetworkVolume, OTHER_NETWORKS};
use etiage_store::{
    Dimension, Error, Filter, RoundTripQuery, Settings, Store, TimeRange, TotalsQuery, VolumeQuery,
};

const T: u32 = MIDNIGHT;
const FAMILIES: [(&str, &str); 8] = [
    ("volumes", "octets"),
    ("links", "octets"),
    ("loads", "octets"),
    ("classes", "octets"),
    ("networks", "octets"),
    ("asns", "octets"),
    ("observations", "packets"),
    ("round_trips", "samples"),
];

fn tiers(family: &str) -> &'static [&'static str] {
    match family {
        "networks" | "asns" => &["1m", "1h", "1d"],
        "round_trips" => &["10s", "1m", "1h", "1d"],
        _ => &["10s", "1m", "5m", "1h", "1d"],
    }
}

/// The sum of every table, by family and tier.
async fn sums(settings: &Settings) -> Vec<(String, u64)> {
    let mut sums = Vec::new();
    for (family, column) in FAMILIES {
        for tier in tiers(family) {
            let table = format!("{family}_{tier}");
            let sql = format!("SELECT sum({column}) FROM {table}");
            sums.push((table, client(settings).query(&sql).fetch_one().await.unwrap()));
        }
    }
    sums
}

/// Two intervals in different minutes of one hour, with something for every table.
fn batches() -> Vec<Batch> {
    let network = |asn, octets| NetworkVolume {
        link: "l".into(),
        direction: In,
        category: "web".into(),
        asn,
        octets,
        packets: 1,
        flows: 1,
    };
    [T + 10, T + 70]
        .into_iter()
        .map(|start| {
            let volumes = vec![
                volume("l", In, "web", 1_000),
                volume("l", Out, "p2p", 200),
                volume("m", In, "web", 30),
            ];
            Batch {
                networks: vec![network(64_500, 700), network(0, 200), network(OTHER_NETWORKS, 100)],
                round_trips: vec![round_trips("l", "web", &[(1_000, 5), (9_000, 1)])],
                ..batch(start, volumes, &["l", "m"])
            }
        })
        .collect()
}

#[tokio::test]
async fn tiers_hold_the_same() {
    let database = Database::start().await;
    every_tier_has_everything_once(&database).await;
    batches_go_to_the_tier_of_their_length(&database).await;
    sums_over_ragged_ranges_are_exact(&database).await;
    what_has_expired_is_answered_coarser(&database).await;
    networks_are_told_apart(&database.store().await).await;
    database.engine.stop().await;
}

async fn every_tier_has_everything_once(database: &Database) {
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    let expected = |times: u64| -> Vec<(String, u64)> {
        // In the order of FAMILIES.
        let volumes = [2 * 1_230; 4].into_iter().chain([2 * 1_000; 2]);
        let all = volumes.chain([2 * 2 * 7, 2 * 6]);
        let tables = FAMILIES.iter().zip(all).flat_map(|((family, _), sum)| {
            tiers(family).iter().map(move |tier| (format!("{family}_{tier}"), sum * times))
        });
        tables.collect()
    };
    store.insert(&batches(), "one").await.unwrap();
    assert_eq!(sums(&settings).await, expected(1));
    for _ in 0..2 {
        store.insert(&batches(), "one").await.unwrap();
        assert_eq!(sums(&settings).await, expected(1), "nothing twice, in no tier");
    }
    store.insert(&batches(), "two").await.unwrap();
    assert_eq!(sums(&settings).await, expected(2));
    // An insert that was cut off between a table and its views: those that lack the block take it.
    for table in ["volumes_1m", "links_5m", "observations_1h", "round_trips_1d", "networks_1h"] {
        client(&settings).query(&format!("TRUNCATE TABLE {table}")).execute().await.unwrap();
    }
    store.insert(&batches(), "three").await.unwrap();
    let before = sums(&settings).await;
    store.insert(&batches(), "three").await.unwrap();
    assert_eq!(sums(&settings).await, before);
    // Merged, they are the same.
    for (family, _) in FAMILIES {
        for tier in tiers(family) {
            let sql = format!("OPTIMIZE TABLE {family}_{tier} FINAL");
            client(&settings).query(&sql).execute().await.unwrap();
        }
    }
    assert_eq!(sums(&settings).await, before);
}

async fn batches_go_to_the_tier_of_their_length(database: &Database) {
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    let of = |seconds, octets| Batch {
        seconds,
        ..batch(T, vec![volume("l", In, "web", octets)], &["l"])
    };
    let mixed = [of(10, 1), of(60, 20), of(300, 300), of(3_600, 4_000), of(86_400, 50_000)];
    for _ in 0..2 {
        store.insert(&mixed, "mixed").await.unwrap();
    }
    let sum = async |table: &str| -> u64 {
        let sql = format!("SELECT sum(octets) FROM {table}");
        client(&settings).query(&sql).fetch_one().await.unwrap()
    };
    for family in ["volumes", "links", "loads", "classes"] {
        for (tier, octets) in
            [("10s", 1), ("1m", 21), ("5m", 321), ("1h", 4_321), ("1d", 54_321_u64)]
        {
            assert_eq!(sum(&format!("{family}_{tier}")).await, octets, "{family} {tier}");
        }
    }
    // A question for 10 s is answered with what holds everything.
    let answer = store.volumes(&series(range(T, T + 3_600), 10)).await.unwrap();
    assert_eq!(answer.step_secs, 86_400);
    assert_eq!(answer.series[0].total.octets, 54_321);
    assert_eq!(answer.range, range(T, T + 86_400));
}

fn series(range: TimeRange, step_secs: u32) -> VolumeQuery {
    VolumeQuery {
        range,
        step_secs,
        group_by: vec![Dimension::Category],
        filter: Filter::default(),
        top: None,
    }
}

fn sum(range: TimeRange) -> TotalsQuery {
    TotalsQuery { range, group_by: vec![], filter: Filter::default(), top: None }
}

async fn sums_over_ragged_ranges_are_exact(database: &Database) {
    let store = database.store().await;
    // An octet every 10 s for 30 hours, from 21:00 on.
    let start = T - 3 * 3_600;
    let batches: Vec<Batch> = (0..30 * 360)
        .map(|number| batch(start + number * 10, vec![volume("l", In, "web", 1)], &["l"]))
        .collect();
    store.insert(&batches, "ragged").await.unwrap();
    for (from, to) in [
        (start, start + 30 * 3_600),
        (start + 70, start + 80),
        (start + 3_570, start + 3_630),
        (T - 50, T + 50),
        (start + 110, start + 5 * 3_600 + 290),
        (start + 660, start + 29 * 3_600 + 120), // Longer than six hours: whole minutes.
    ] {
        let answer = store.totals(&sum(range(from, to))).await.unwrap();
        assert_eq!(answer.total.octets, u64::from((to - from) / 10), "{from} {to}");
        assert_eq!(answer.range, range(from, to));
        let by_link = TotalsQuery { group_by: vec![Dimension::Link], ..sum(range(from, to)) };
        assert_eq!(store.totals(&by_link).await.unwrap().total, answer.total);
    }
    for step in [60, 300, 900, 3_600, 86_400] {
        let answer = store.volumes(&series(range(start, start + 30 * 3_600), step)).await.unwrap();
        assert_eq!(answer.step_secs, step);
        assert_eq!(answer.series[0].total.octets, 10_800, "{step}");
    }
}

async fn what_has_expired_is_answered_coarser(database: &Database) {
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    let mut own = batches();
    own.push(batch(T + 3_600, vec![volume("l", In, "web", 5)], &["l"]));
    store.insert(&own, "old").await.unwrap();
    let whole = range(T, T + 7_200);
    assert_eq!(store.volumes(&series(whole, 10)).await.unwrap().step_secs, 10);
    let drop = async |tier: &str| {
        for family in ["volumes", "links", "loads", "classes", "observations", "round_trips"] {
            if tiers(family).contains(&tier) {
                let sql = format!("TRUNCATE TABLE {family}_{tier}");
                client(&settings).query(&sql).execute().await.unwrap();
            }
        }
    };
    for (tier, step) in [("10s", 60), ("1m", 300), ("5m", 3_600), ("1h", 86_400)] {
        drop(tier).await;
        let answer = store.volumes(&series(whole, 10)).await.unwrap();
        assert_eq!(answer.step_secs, step, "without {tier}");
        assert_eq!(answer.series.iter().map(|own| own.total.octets).sum::<u64>(), 2_465);
        let answer = store.totals(&sum(range(T + 60, T + 3_610))).await.unwrap();
        // Widened to what there is.
        assert!(answer.range.from <= whole.from + time::Duration::MINUTE);
        let expected = if step <= 60 { 1_235 } else { 2_465 };
        assert_eq!(answer.total.octets, expected, "without {tier}");
        assert_eq!(store.observations(whole).await.unwrap()[0].packets, 21);
        let filter = Filter::default();
        let query = RoundTripQuery { range: whole, step_secs: 10, filter };
        let answer = store.round_trips(&query).await.unwrap();
        assert_eq!(answer.samples.iter().sum::<u64>(), 12);
    }
    // Another link's rows do not matter to who does not ask for them.
    let fresh = batch(T + 20, vec![volume("new", In, "web", 1)], &["new"]);
    store.insert(&[fresh], "new").await.unwrap();
    let filter = Filter::default().with(Dimension::Link, "new");
    let answer = store.volumes(&VolumeQuery { filter, ..series(whole, 10) }).await.unwrap();
    assert_eq!(answer.step_secs, 10);
}

async fn networks_are_told_apart(store: &Store) {
    store.insert(&batches(), "networks").await.unwrap();
    let query = |group_by: &[Dimension], filter: Filter, top| TotalsQuery {
        group_by: group_by.to_vec(),
        filter,
        top,
        ..sum(range(T, T + 300))
    };
    let named = |answer: &etiage_store::TotalsAnswer| -> Vec<(String, u64)> {
        let rows = answer.rows.iter();
        rows.map(|row| (row.group.last().unwrap().1.clone(), row.counts.octets)).collect()
    };
    let expected = |rows: &[(&str, u64)]| -> Vec<(String, u64)> {
        rows.iter().map(|(name, octets)| ((*name).to_owned(), *octets)).collect()
    };
    let all = Filter::default();
    let answer = store.totals(&query(&[Dimension::Asn], all.clone(), None)).await.unwrap();
    assert_eq!(named(&answer), expected(&[("64500", 1_400), ("0", 400), ("other", 200)]));
    assert_eq!(answer.total.octets, 2_000);
    let answer = store.totals(&query(&[Dimension::Asn], all.clone(), Some(1))).await.unwrap();
    assert_eq!(named(&answer), expected(&[("64500", 1_400), ("other", 600)]));
    let by = [Dimension::Category, Dimension::Asn];
    let answer = store.totals(&query(&by, all, None)).await.unwrap();
    assert_eq!(answer.rows.len(), 3);
    for (value, octets) in [("64500", 1_400), ("other", 200), ("1", 0)] {
        let filter = Filter::default().with(Dimension::Asn, value);
        let answer = store.totals(&query(&[Dimension::Link], filter, None)).await.unwrap();
        assert_eq!(answer.total.octets, octets, "{value}");
    }
    let over_time = VolumeQuery {
        group_by: vec![Dimension::Asn],
        top: Some(1),
        ..series(range(T, T + 300), 10)
    };
    let answer = store.volumes(&over_time).await.unwrap();
    assert_eq!(answer.step_secs, 60, "networks are not kept finer");
    assert_eq!(answer.series[0].octets, [Some(700), Some(700), None, None, None]);
    assert_eq!(answer.series[1].octets, [Some(300), Some(300), None, None, None]);
    for filter in [
        Filter::default().with(Dimension::Asn, "x"),
        Filter::default().with(Dimension::Service, "steam"),
    ] {
        let answer = store.totals(&query(&[Dimension::Asn], filter, None)).await;
        assert!(matches!(answer, Err(Error::BadQuery(_))), "{answer:?}");
    }
}
