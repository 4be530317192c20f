//! How long, and how much: retention as configured, the largest size, and several probes in one store.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test fails so.

mod common;

use common::{Database, MIDNIGHT, batch, client, range, volume};
use etiage_aggregator::Batch;
use etiage_aggregator::Direction::{In, Out};
use etiage_store::{Dimension, Dropped, Filter, Keep, Settings, Store, TotalsQuery};

const T: u32 = MIDNIGHT;
const DAY: u32 = 86_400;

#[tokio::test]
async fn history_is_kept_as_told() {
    let database = Database::start().await;
    retention_follows_the_configuration(&database).await;
    the_oldest_of_the_finest_goes_first(&database).await;
    three_probes_write_into_one_store(&database).await;
    database.engine.stop().await;
}

async fn expiry(settings: &Settings, table: &str) -> String {
    let sql =
        "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = ?";
    let engine: String = client(settings).query(sql).bind(table).fetch_one().await.unwrap();
    let ttl = engine.split_once(" TTL ").map(|(_, rest)| rest.split_once(" SETTINGS").unwrap().0);
    ttl.unwrap_or_default().to_owned()
}

async fn retention_follows_the_configuration(database: &Database) {
    let mut settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    store.insert(&[batch(T, vec![volume("l", In, "web", 7)], &["l"])], "a").await.unwrap();
    assert_eq!(expiry(&settings, "volumes_10s").await, "written + toIntervalHour(72)");
    assert_eq!(expiry(&settings, "links_5m").await, "written + toIntervalHour(9600)");
    assert_eq!(expiry(&settings, "volumes_1d").await, "");
    assert_eq!(expiry(&settings, "flow_records").await, "written + toIntervalHour(72)");
    settings.retention.flow_records = Keep::days(1);
    settings.retention.ten_seconds = Keep::days(1);
    settings.retention.five_minutes = Keep::Forever;
    settings.retention.day = Keep::days(9_999);
    let store = Store::open(&settings).await.unwrap();
    assert_eq!(expiry(&settings, "flow_records").await, "written + toIntervalHour(24)");
    for family in ["volumes", "links", "loads", "classes", "observations"] {
        let table = |tier| format!("{family}_{tier}");
        assert_eq!(expiry(&settings, &table("10s")).await, "written + toIntervalHour(24)");
        assert_eq!(expiry(&settings, &table("1m")).await, "written + toIntervalHour(720)");
        assert_eq!(expiry(&settings, &table("5m")).await, "");
        assert_eq!(expiry(&settings, &table("1d")).await, "written + toIntervalHour(239976)");
    }
    // What was written long ago goes, what is old but was written now stays.
    let old = "INSERT INTO volumes_10s SELECT * REPLACE (now() - 200000 AS written, \
               time - 864000 AS time) FROM volumes_10s";
    client(&settings).query_raw(old).execute().await.unwrap();
    let optimize = "OPTIMIZE TABLE volumes_10s FINAL";
    client(&settings).query_raw(optimize).execute().await.unwrap();
    let left: Vec<u32> = client(&settings)
        .query("SELECT DISTINCT toUnixTimestamp(time) FROM volumes_10s")
        .fetch_all()
        .await
        .unwrap();
    assert_eq!(left, [T]);
    let query = TotalsQuery {
        range: range(T - 20 * DAY, T + DAY),
        group_by: vec![],
        filter: Filter::default(),
        top: None,
    };
    assert_eq!(store.totals(&query).await.unwrap().total.octets, 14, "the coarser tiers know both");
}

async fn the_oldest_of_the_finest_goes_first(database: &Database) {
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    for day in 0..4 {
        let batches: Vec<Batch> = (0..360)
            .map(|number| {
                let start = T + day * DAY + number * 10;
                batch(start, vec![volume("l", In, "web", 1_000 + u64::from(number))], &["l"])
            })
            .collect();
        store.insert(&batches, &format!("day-{day}")).await.unwrap();
    }
    assert_eq!(store.enforce_max_size().await.unwrap(), Dropped::default(), "no size is set");
    let size = store.size().await.unwrap().bytes;
    let small = Settings { max_size: Some(size - 1), ..settings.clone() };
    let store = Store::open(&small).await.unwrap();
    let dropped = store.enforce_max_size().await.unwrap();
    assert!(dropped.partitions >= 1 && dropped.rows > 0 && dropped.bytes > 0, "{dropped:?}");
    assert_eq!(store.dropped(), dropped);
    let days = "SELECT DISTINCT toUInt32(intDiv(toUnixTimestamp(time), 86400)) AS day \
                FROM volumes_10s ORDER BY day";
    let left: Vec<u32> = client(&settings).query(days).fetch_all().await.unwrap();
    let first = T / DAY + dropped.partitions as u32;
    assert_eq!(left, (first..T / DAY + 4).collect::<Vec<_>>());
    assert!(store.size().await.unwrap().bytes < size);
    // The sums are still known.
    let query = TotalsQuery {
        range: range(T, T + 4 * DAY),
        group_by: vec![Dimension::Link],
        filter: Filter::default(),
        top: None,
    };
    let sum: u64 = (0..360).map(|number| 1_000 + number).sum();
    assert_eq!(store.totals(&query).await.unwrap().total.octets, 4 * sum);
}

/// What each probe writes: blocks of a minute.
const BLOCKS: u32 = 4;
const INTERVALS: u64 = BLOCKS as u64 * 6;

/// One engine, three appliances: each with its link, a shared one, and connections of its own.
async fn three_probes_write_into_one_store(database: &Database) {
    let settings = database.fresh();
    let mut probes = tokio::task::JoinSet::new();
    for probe in 0..3_u32 {
        let settings = settings.clone();
        probes.spawn(async move {
            let store = Store::open(&settings).await.unwrap();
            let name = format!("probe-{probe}");
            let link = format!("link-{probe}");
            for block in 0..BLOCKS {
                let batches: Vec<Batch> = (0..6)
                    .map(|interval| {
                        let start = T + block * 60 + interval * 10;
                        let octets = 1_000 * u64::from(probe + 1);
                        let volumes = vec![
                            volume(&link, In, "web", octets),
                            volume(&link, Out, "p2p", 10),
                            volume("shared", In, "web", 1),
                        ];
                        let batch = batch(start, volumes, &[&link, "shared"]);
                        Batch { probe: name.as_str().into(), ..batch }
                    })
                    .collect();
                // Each repeats its block, as after an answer that was lost.
                for _ in 0..2 {
                    store.insert(&batches, &format!("{name}-{block}")).await.unwrap();
                }
            }
        });
    }
    while let Some(probe) = probes.join_next().await {
        probe.unwrap();
    }
    let store = Store::open(&settings).await.unwrap();
    let by = async |dimension| {
        let query = TotalsQuery {
            range: range(T, T + 600),
            group_by: vec![dimension],
            filter: Filter::default(),
            top: None,
        };
        let answer = store.totals(&query).await.unwrap();
        let rows = answer.rows.into_iter();
        rows.map(|row| (row.group[0].1.clone(), row.counts.octets)).collect::<Vec<_>>()
    };
    let named = |rows: &[(&str, u64)]| -> Vec<(String, u64)> {
        rows.iter().map(|(name, octets)| ((*name).to_owned(), *octets)).collect()
    };
    assert_eq!(
        by(Dimension::Link).await,
        named(&[
            ("link-2", INTERVALS * 3_010),
            ("link-1", INTERVALS * 2_010),
            ("link-0", INTERVALS * 1_010),
            ("shared", INTERVALS * 3),
        ])
    );
    assert_eq!(
        by(Dimension::Probe).await,
        named(&[
            ("probe-2", INTERVALS * 3_011),
            ("probe-1", INTERVALS * 2_011),
            ("probe-0", INTERVALS * 1_011)
        ])
    );
    for tier in ["10s", "1m", "5m", "1h", "1d"] {
        for family in ["volumes", "links", "loads", "classes"] {
            let sql = format!("SELECT sum(octets) FROM {family}_{tier}");
            let octets: u64 = client(&settings).query(&sql).fetch_one().await.unwrap();
            assert_eq!(octets, INTERVALS * 6_033, "{family}_{tier}");
        }
    }
}
