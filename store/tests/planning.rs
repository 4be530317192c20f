//! A link's bins and exports from the engine itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Database, MIDNIGHT, batch, client, range, volume};
use etiage_aggregator::Batch;
use etiage_aggregator::Direction::{In, Out};
use etiage_planner::{Bin, Bins, ReportInput, report};
use etiage_store::{Dimension, Error, ExportQuery, Filter, Format, Store};

const LINKS: [&str; 2] = ["transit-1", "ix-1"];

/// Two hours of bins of five minutes, but for the second half hour; each with a number of its own.
fn batches() -> Vec<Batch> {
    let bins = (0..24).filter(|bin| !(6..12).contains(bin));
    bins.map(|bin: u32| {
        let octets = u64::from(bin * 7_919 % 24 + 1) * 1_000_000;
        let volumes = vec![
            volume("transit-1", In, "web", octets),
            volume("transit-1", In, "p2p", 5),
            volume("transit-1", Out, "web", 7 * octets),
            volume("ix-1", In, "web", 1),
        ];
        // At the end silent, and watched.
        let volumes = if bin == 23 { Vec::new() } else { volumes };
        Batch { seconds: 300, ..batch(MIDNIGHT + bin * 300, volumes, &LINKS) }
    })
    .collect()
}

async fn text(store: &Store, query: &ExportQuery) -> Result<Vec<u8>, Error> {
    let mut export = store.export(query).await?;
    let mut all = Vec::new();
    while let Some(bytes) = export.next().await? {
        all.extend(bytes);
    }
    Ok(all)
}

fn query(format: Format) -> ExportQuery {
    ExportQuery {
        range: range(MIDNIGHT, MIDNIGHT + 7200),
        step_secs: Some(3600),
        group_by: vec![Dimension::Link, Dimension::Direction],
        filter: Filter::default(),
        format,
    }
}

#[tokio::test]
async fn bins_and_their_percentile_are_the_engines_own() {
    let database = Database::start().await;
    let settings = database.fresh();
    let store = Store::open(&settings).await.unwrap();
    store.insert(&batches(), "t").await.unwrap();
    let found = store.link_bins("transit-1", range(MIDNIGHT, MIDNIGHT + 7200)).await.unwrap();
    assert_eq!(found.len(), 18);
    assert_eq!(
        (found[0].start, found[0].octets_in, found[0].octets_out),
        (MIDNIGHT, 1_000_005, 7_000_000)
    );
    let last = found[17];
    assert_eq!((last.start, last.octets_in, last.octets_out), (MIDNIGHT + 23 * 300, 0, 0));
    assert!(store.link_bins("nobody", range(MIDNIGHT, MIDNIGHT + 7200)).await.unwrap().is_empty());

    let bins = Bins::new(found.iter().map(|bin| Bin {
        start: bin.start,
        octets_in: bin.octets_in,
        octets_out: bin.octets_out,
    }));
    let report = report(&ReportInput {
        link: "transit-1",
        month: "2026-11".parse().unwrap(),
        offset: time::UtcOffset::UTC,
        bins: &bins,
        now: common::at(MIDNIGHT + 7200),
        capacity_bps: None,
        tariff: None,
    });
    assert_eq!(report.coverage.watched_bins, 18);
    // Of 18 the 18th: ⌈17.1⌉. The engine counts the same way with quantileExactHigh's rank only where
    // they agree, so the sorted list is asked for and the rank taken from it.
    for (direction, figures) in [("in", report.inwards), ("out", report.outwards)] {
        let sql = "SELECT arrayElement(arraySort(groupArray(o)), toUInt32(ceil(count() * 95 / 100))) \
                   FROM (SELECT sum(if(direction = ?, octets, 0)) AS o FROM \
                   (SELECT time, direction, octets FROM links_5m WHERE link = 'transit-1' UNION ALL \
                   SELECT time, '' AS direction, toUInt64(0) AS octets FROM observations_5m \
                   WHERE link = 'transit-1') GROUP BY time)";
        let expected: u64 = client(&settings).query(sql).bind(direction).fetch_one().await.unwrap();
        assert_eq!(figures.unwrap().p95_bps, expected as f64 * 8.0 / 300.0, "{direction}");
    }
    database.engine.stop().await;
}

#[tokio::test]
async fn percentiles_agree_with_quantile_exact() {
    let database = Database::start().await;
    let plain = client(&database.fresh()).with_database("default");
    for count in [1_usize, 19, 20, 21, 100, 2_880, 8_640, 8_928] {
        let mut values: Vec<u64> =
            (0..count as u64).map(|index| index.wrapping_mul(2_654_435_761) % 1_000_003).collect();
        let own = etiage_planner::nearest_rank(&mut values, 95).unwrap();
        // quantileExact's place, counted from 0, is ⌊level · n⌋; a hair below 0.95 n it is the nearest rank's.
        let level = (0.95 * count as f64).ceil() - 1.0;
        let level = (level + 0.5) / count as f64;
        let sql = format!(
            "SELECT quantileExact({level})(value) FROM (SELECT toUInt64(arrayJoin(?)) AS value)"
        );
        let theirs: u64 = plain.query(&sql).bind(&values).fetch_one().await.unwrap();
        assert_eq!(own, theirs, "{count}");
    }
    database.engine.stop().await;
}

#[tokio::test]
async fn exports_are_what_the_database_writes() {
    let database = Database::start().await;
    let store = database.store().await;
    store.insert(&batches(), "t").await.unwrap();

    let csv = String::from_utf8(text(&store, &query(Format::Csv)).await.unwrap()).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], r#""time","link","direction","octets","packets","flows""#);
    assert_eq!(lines.len(), 1 + 2 * 3, "{csv}");
    let first: u64 = (0..6).map(|bin: u64| (bin * 7_919 % 24 + 1) * 7_000_000).sum();
    assert!(
        lines[1].starts_with(&format!(r#""2026-11-21T00:00:00Z","transit-1","out",{first},"#)),
        "{csv}"
    );

    let json = String::from_utf8(text(&store, &query(Format::JsonLines)).await.unwrap()).unwrap();
    assert!(json.lines().all(|line| line.starts_with(r#"{"time":"2026-11-21T0"#)), "{json}");
    assert_eq!(json.lines().count(), 6);

    let parquet = text(&store, &query(Format::Parquet)).await.unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let arrow = text(&store, &query(Format::Arrow)).await.unwrap();
    assert!(arrow.starts_with(b"ARROW1") && arrow.ends_with(b"ARROW1"));

    // One row a group, without a time.
    let sums = ExportQuery { step_secs: None, ..query(Format::Csv) };
    let csv = String::from_utf8(text(&store, &sums).await.unwrap()).unwrap();
    assert!(csv.starts_with(r#""link","direction","octets","packets","flows""#), "{csv}");
    assert_eq!(csv.lines().count(), 4);
    database.engine.stop().await;
}

#[tokio::test]
async fn long_exports_come_in_slices_that_add_up() {
    let database = Database::start().await;
    let store = database.store().await;
    // 1,200 minutes: three slices.
    let batches: Vec<Batch> = (0..1_200)
        .map(|minute| Batch {
            seconds: 60,
            ..batch(MIDNIGHT + minute * 60, vec![volume("ix-1", In, "web", 1_000)], &["ix-1"])
        })
        .collect();
    store.insert(&batches, "t").await.unwrap();
    let whole = ExportQuery {
        range: range(MIDNIGHT, MIDNIGHT + 1_200 * 60),
        step_secs: Some(60),
        group_by: Vec::new(),
        ..query(Format::Csv)
    };
    let csv = String::from_utf8(text(&store, &whole).await.unwrap()).unwrap();
    assert_eq!(csv.lines().count(), 1_201);
    assert_eq!(csv.lines().filter(|line| line.starts_with("\"time\"")).count(), 1);
    assert!(csv.lines().skip(1).is_sorted());
    // A reader that goes away after the first slice: the others are never asked for.
    let mut export = store.export(&whole).await.unwrap();
    assert!(export.next().await.unwrap().is_some());
    drop(export);
    let left =
        ExportQuery { step_secs: Some(10), range: range(MIDNIGHT - 40_000_000, MIDNIGHT), ..whole };
    assert!(matches!(store.export(&left).await, Err(Error::BadQuery(_))), "too many points");
    database.engine.stop().await;
}
