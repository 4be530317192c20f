//! What goes in comes out: sums, groups, gaps, percentiles.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test fails so.

mod common;

use common::{Database, MIDNIGHT, batch, client, range, round_trips, volume};
use etiage_aggregator::Direction::{In, Out};
use etiage_store::{
    Counts, Dimension, Error, Filter, RoundTripQuery, Store, TotalsQuery, VolumeQuery,
};

const T: u32 = MIDNIGHT;

fn volumes(step_secs: u32, group_by: &[Dimension]) -> VolumeQuery {
    VolumeQuery {
        range: range(T, T + 60),
        step_secs,
        group_by: group_by.to_vec(),
        filter: Filter::default(),
        top: None,
    }
}

fn totals(group_by: &[Dimension]) -> TotalsQuery {
    TotalsQuery {
        range: range(T, T + 60),
        group_by: group_by.to_vec(),
        filter: Filter::default(),
        top: None,
    }
}

#[tokio::test]
async fn answers_are_right() {
    let database = Database::start().await;
    sums_add_up(&database.store().await).await;
    gaps_are_not_zeros(&database).await;
    values_are_only_values(&database.store().await).await;
    percentiles_come_from_merged_bins(&database.store().await).await;
    repeated_blocks_change_nothing(&database).await;
    old_captures_are_kept(&database).await;
    database.engine.stop().await;
}

async fn sums_add_up(store: &Store) {
    let categories: Vec<String> = (0..12).map(|number| format!("category-{number:02}")).collect();
    let mut batches = Vec::new();
    let mut all = Counts::default();
    for interval in 0..6_u64 {
        let mut rows = Vec::new();
        for (number, category) in categories.iter().enumerate() {
            for (link, direction) in [("transit", In), ("transit", Out), ("ix", In)] {
                let octets = 1_000_000 * (number as u64 + 1) + interval;
                rows.push(volume(link, direction, category, octets));
                all.octets += octets;
                all.packets += octets.div_ceil(1000);
                all.flows += 1;
            }
        }
        batches.push(batch(T + 10 * interval as u32, rows, &["transit", "ix"]));
    }
    // Two workers count the same interval: a second batch adds up with the first.
    batches.push(batch(T, vec![volume("ix", In, "category-11", 5)], &["ix"]));
    all = Counts { octets: all.octets + 5, packets: all.packets + 1, flows: all.flows + 1 };
    store.insert(&batches, "block-1").await.unwrap();

    for group_by in [
        vec![],
        vec![Dimension::Category],
        vec![Dimension::Link, Dimension::Direction],
        Dimension::ALL.into_iter().filter(|dimension| *dimension != Dimension::Asn).collect(),
    ] {
        for top in [None, Some(1), Some(3), Some(12), Some(200)] {
            for step in [10, 30, 60] {
                let query = VolumeQuery { top, ..volumes(step, &group_by) };
                let answer = store.volumes(&query).await.unwrap();
                assert_eq!(answer.buckets.len() as u32, 60 / step);
                assert!(answer.observed.iter().all(|observed| *observed));
                let sum = |values: &[Option<u64>]| values.iter().flatten().sum::<u64>();
                for series in &answer.series {
                    assert_eq!(series.octets.len(), answer.buckets.len());
                    assert_eq!(sum(&series.octets), series.total.octets);
                    assert_eq!(sum(&series.packets), series.total.packets);
                    assert_eq!(sum(&series.flows), series.total.flows);
                }
                let total: u64 = answer.series.iter().map(|series| series.total.octets).sum();
                assert_eq!(total, all.octets, "{group_by:?} {top:?} {step}");
                assert!(answer.series.len() <= top.unwrap_or(200) as usize + 1);
            }
            let answer = store.totals(&TotalsQuery { top, ..totals(&group_by) }).await.unwrap();
            assert_eq!(answer.total, all);
            let rows = answer.rows.iter();
            let sum = rows.fold(Counts::default(), |sum, row| Counts {
                octets: sum.octets + row.counts.octets,
                packets: sum.packets + row.counts.packets,
                flows: sum.flows + row.counts.flows,
            });
            assert_eq!(sum, all);
        }
    }

    let query = VolumeQuery { top: Some(2), ..volumes(60, &[Dimension::Category]) };
    let names: Vec<_> = store
        .volumes(&query)
        .await
        .unwrap()
        .series
        .into_iter()
        .map(|series| series.group[0].1.clone())
        .collect();
    assert_eq!(names, ["category-11", "category-10", "other"]);

    let filter = Filter::default()
        .with(Dimension::Category, "category-00")
        .with(Dimension::Category, "category-01")
        .with(Dimension::Direction, "in")
        .with(Dimension::Link, "ix");
    let answer = store.totals(&TotalsQuery { filter, ..totals(&[]) }).await.unwrap();
    assert_eq!(answer.total.octets, 6 * 3_000_000 + 2 * 15);
    assert_eq!(answer.rows.len(), 1);
    assert_eq!(answer.rows[0].group, []);

    let observed = store.observations(range(T, T + 60)).await.unwrap();
    assert_eq!(observed.len(), 2);
    assert_eq!(observed[0].link, "ix");
    assert_eq!((observed[0].packets, observed[0].intervals), (7 * 7, 6));
    assert_eq!((observed[0].last_interval, observed[0].active_flows), (T + 50, 3));
}

async fn gaps_are_not_zeros(database: &Database) {
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    let batches = [
        batch(T, vec![volume("a", In, "web", 100), volume("b", In, "p2p", 7)], &["a", "b"]),
        batch(T + 10, vec![], &["a", "b"]),
        batch(T + 20, vec![], &["b"]),
        batch(T + 40, vec![volume("a", In, "web", 50)], &["a"]),
    ];
    store.insert(&batches, "gaps").await.unwrap();
    // Merging must not remove the observations of silent intervals.
    let merge = client(&settings);
    for table in ["volumes_10s", "observations_10s"] {
        merge.query(&format!("OPTIMIZE TABLE {table} FINAL")).execute().await.unwrap();
    }
    let answer = store.volumes(&volumes(10, &[])).await.unwrap();
    assert_eq!(answer.observed, [true, true, true, false, true, false]);
    assert_eq!(answer.series[0].octets, [Some(107), Some(0), Some(0), None, Some(50), None]);

    let query = VolumeQuery {
        filter: Filter::default().with(Dimension::Link, "a"),
        ..volumes(10, &[Dimension::Category])
    };
    let answer = store.volumes(&query).await.unwrap();
    assert_eq!(answer.observed, [true, true, false, false, true, false]);
    assert_eq!(answer.series[0].octets, [Some(100), Some(0), None, None, Some(50), None]);

    // By link each one has its own gaps.
    let answer = store.volumes(&volumes(10, &[Dimension::Link])).await.unwrap();
    assert_eq!(answer.series[0].octets, [Some(100), Some(0), None, None, Some(50), None]);
    assert_eq!(answer.series[1].octets, [Some(7), Some(0), Some(0), None, None, None]);

    // Watched and silent: no group, but known to be watched.
    let query = VolumeQuery { range: range(T + 10, T + 40), ..volumes(10, &[Dimension::Link]) };
    let answer = store.volumes(&query).await.unwrap();
    assert_eq!(answer.observed, [true, true, false]);
    assert!(answer.series.is_empty());
}

async fn values_are_only_values(store: &Store) {
    let names = [
        "a'b",
        "'; DROP TABLE volumes_10s; --",
        r"\",
        r"\'",
        "tab\there",
        "line\nbreak",
        "{from:DateTime}",
        "?",
        "é漢🦀",
        "[]",
        "",
        "NULL",
        r"\N",
    ];
    let rows = names.iter().map(|name| volume("l", In, name, 10)).collect();
    store.insert(&[batch(T, rows, &["l"])], "names").await.unwrap();
    for name in names {
        let filter = Filter::default().with(Dimension::Category, name);
        let query = TotalsQuery { filter: filter.clone(), ..totals(&[Dimension::Category]) };
        let answer = store.totals(&query).await.unwrap();
        assert_eq!(answer.total.octets, 10, "{name:?}");
        assert_eq!(answer.rows[0].group, [(Dimension::Category, name.to_owned())]);
        let query = VolumeQuery { filter, ..volumes(10, &[Dimension::Category]) };
        let answer = store.volumes(&query).await.unwrap();
        assert_eq!(answer.series.len(), 1, "{name:?}");
        assert_eq!(answer.series[0].group, [(Dimension::Category, name.to_owned())]);
    }
    let filter = Filter::default().with(Dimension::Category, "x') OR 1=1 OR category IN ('y");
    let answer = store.totals(&TotalsQuery { filter, ..totals(&[]) }).await.unwrap();
    assert_eq!(answer.total, Counts::default());
    let answer = store.totals(&totals(&[])).await.unwrap();
    assert_eq!(answer.total.octets, 10 * names.len() as u64);
}

async fn percentiles_come_from_merged_bins(store: &Store) {
    let mut slow = batch(T, vec![], &["l"]);
    slow.round_trips = vec![
        round_trips("l", "web", &[(1000, 90), (50_000, 10)]),
        round_trips("m", "p2p", &[(7, 1)]),
    ];
    let mut fast = batch(T + 10, vec![], &["l"]);
    fast.round_trips = vec![round_trips("l", "web", &[(1000, 900)])];
    store.insert(&[slow, fast], "rtt").await.unwrap();
    let query = |step_secs, filter| RoundTripQuery { range: range(T, T + 30), step_secs, filter };
    let web = Filter::default().with(Dimension::Category, "web");
    let answer = store.round_trips(&query(10, web.clone())).await.unwrap();
    assert_eq!(answer.p50_us, [Some(1000), Some(1000), None]);
    assert_eq!(answer.p95_us, [Some(50_000), Some(1000), None]);
    assert_eq!(answer.samples, [100, 900, 0]);
    // 1000 samples of which 10 are slow: the mean of the two p95 would say 25.5 ms.
    let answer = store.round_trips(&query(30, web)).await.unwrap();
    assert_eq!(answer.p95_us, [Some(1000)]);
    assert_eq!(answer.samples, [1000]);
    let link = Filter::default().with(Dimension::Link, "m");
    assert_eq!(store.round_trips(&query(30, link)).await.unwrap().p99_us, [Some(7)]);
    let service = Filter::default().with(Dimension::Service, "steam");
    assert!(matches!(store.round_trips(&query(30, service)).await, Err(Error::BadQuery(_))));
}

async fn repeated_blocks_change_nothing(database: &Database) {
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    let mut one = batch(T, vec![volume("l", In, "web", 1000)], &["l"]);
    one.round_trips = vec![round_trips("l", "web", &[(1000, 5)])];
    let one = [one];
    for _ in 0..3 {
        store.insert(&one, "token-a").await.unwrap();
    }
    let sums = async || {
        let rtt =
            RoundTripQuery { range: range(T, T + 10), step_secs: 10, filter: Filter::default() };
        (
            store.totals(&totals(&[])).await.unwrap().total.octets,
            store.observations(range(T, T + 10)).await.unwrap()[0].packets,
            store.round_trips(&rtt).await.unwrap().samples[0],
        )
    };
    assert_eq!(sums().await, (1000, 7, 5));
    // The first attempt got as far as the first table.
    client(&settings).query("TRUNCATE TABLE observations_10s").execute().await.unwrap();
    store.insert(&one, "token-b").await.unwrap();
    assert_eq!(sums().await.0, 2000);
    store.insert(&one, "token-b").await.unwrap();
    // What 10 s have lost the coarser tiers still hold: the answer is theirs.
    assert_eq!(sums().await, (2000, 14, 10));
    store.insert(&[], "token-c").await.unwrap();
}

async fn old_captures_are_kept(database: &Database) {
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    // 110 days in one block, from 19 January 2012 on: more partitions than ClickHouse takes by default.
    let day = 86_400;
    let start = 1_326_999_600;
    let batches: Vec<_> = (0..110)
        .map(|number| batch(start + number * day, vec![volume("l", In, "web", 1)], &["l"]))
        .collect();
    store.insert(&batches, "old").await.unwrap();
    client(&settings).query("OPTIMIZE TABLE volumes_10s FINAL").execute().await.unwrap();
    let query = TotalsQuery { range: range(start, start + 110 * day), ..totals(&[]) };
    assert_eq!(store.totals(&query).await.unwrap().total.octets, 110);
}
