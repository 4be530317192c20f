//! What was stored is what the API answers, to the digit.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use axum::http::StatusCode;
use etiage_aggregator::{Batch, Direction, Observation, RoundTrips, Volume};
use serde_json::{Value, json};
use support::{Answer, NOW, engine_settings, get, router, settings, settings_with};

/// Seconds since the Unix epoch, `back` seconds before now.
fn before_now(back: i64) -> u32 {
    u32::try_from(NOW.unix_timestamp() - back).unwrap()
}

fn volume(link: &str, direction: Direction, words: (&str, &str, &str), octets: u64) -> Volume {
    let (protocol, service, category) = words;
    Volume {
        link: link.into(),
        direction,
        protocol: protocol.into(),
        service: service.into(),
        category: category.into(),
        octets,
        packets: octets / 1_000,
        flows: 1,
    }
}

const BITTORRENT: (&str, &str, &str) = ("bittorrent", "none", "p2p");
const HOSTER: (&str, &str, &str) = ("tls", "1fichier", "direct-download");
const WEB: (&str, &str, &str) = ("quic", "none", "web");

/// Two intervals a minute apart: the first with volumes on both links, the second with one.
fn batches() -> Vec<Batch> {
    let observation = |link: &str| Observation { link: link.into(), ..Observation::default() };
    let both = || vec![observation("transit-1"), observation("ix-1")];
    let round_trips = RoundTrips {
        link: "transit-1".into(),
        category: "p2p".into(),
        bins: vec![(10_000, 98), (50_000, 1), (90_000, 1)],
    };
    vec![
        Batch {
            probe: "probe-1".into(),
            start: before_now(120),
            seconds: 10,
            volumes: vec![
                volume("transit-1", Direction::In, BITTORRENT, 4_000_000_000_000),
                volume("transit-1", Direction::Out, BITTORRENT, 500_000),
                volume("transit-1", Direction::In, HOSTER, 30_000_007),
                volume("ix-1", Direction::In, WEB, 2_000_000),
            ],
            round_trips: vec![round_trips],
            observations: both(),
            networks: Vec::new(),
        },
        Batch {
            probe: "probe-1".into(),
            start: before_now(60),
            seconds: 10,
            volumes: vec![volume("ix-1", Direction::Out, WEB, 1_000_001)],
            round_trips: Vec::new(),
            observations: both(),
            networks: Vec::new(),
        },
    ]
}

/// Everything that [`batches`] counts.
fn sums() -> (u64, u64, u64) {
    let volumes = batches().into_iter().flat_map(|batch| batch.volumes);
    volumes.fold((0, 0, 0), |(octets, packets, flows), volume| {
        (octets + volume.octets, packets + volume.packets, flows + volume.flows)
    })
}

fn ok(answer: &Answer) -> Value {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn what_the_writer_wrote_is_what_is_answered() {
    let settings = settings().await;
    for batch in batches() {
        settings.writer.try_send(batch).unwrap();
    }
    settings.writer.flush().await;
    let router = router(settings);
    let (octets, packets, flows) = sums();
    let all = json!({"octets": octets, "packets": packets, "flows": flows});

    let totals = ok(&get(&router, "/api/v1/totals?from=now-1h&group_by=category").await);
    assert_eq!(totals["total"], all);
    assert_eq!(
        (&totals["from"], &totals["to"]),
        (&json!("2026-11-21T11:00:00Z"), &json!("2026-11-21T12:00:00Z"))
    );
    let rows = totals["rows"].as_array().unwrap();
    let categories: Vec<&str> =
        rows.iter().map(|row| row["group"]["category"].as_str().unwrap()).collect();
    assert_eq!(categories, ["p2p", "direct-download", "web"], "largest first");
    assert_eq!(rows[1]["octets"], 30_000_007);

    let volumes =
        ok(&get(&router, "/api/v1/volumes?from=now-3m&step=1m&group_by=category,direction").await);
    assert_eq!(volumes["step_seconds"], 60);
    assert_eq!(volumes["group_by"], json!(["category", "direction"]));
    let buckets = ["2026-11-21T11:57:00Z", "2026-11-21T11:58:00Z", "2026-11-21T11:59:00Z"];
    assert_eq!(volumes["buckets"], json!(buckets));
    assert_eq!(volumes["observed"], json!([false, true, true]));
    let series = volumes["series"].as_array().unwrap();
    assert_eq!(series[0]["group"], json!({"category": "p2p", "direction": "in"}));
    assert_eq!(series[0]["octets"], json!([null, 4_000_000_000_000_u64, 0]), "no data is not zero");
    let sum = |member: &str| -> u64 {
        series.iter().map(|series| series["total"][member].as_u64().unwrap()).sum()
    };
    assert_eq!((sum("octets"), sum("packets"), sum("flows")), (octets, packets, flows));

    // Without groups there is one series, whose group is empty.
    let volumes = ok(&get(&router, "/api/v1/volumes?from=now-3m").await);
    assert_eq!(volumes["series"][0]["group"], json!({}));
    assert_eq!(volumes["series"][0]["total"], all);
    assert_eq!(volumes["step_seconds"], 10);

    let health = ok(&get(&router, "/api/v1/health").await);
    assert_eq!(health["status"], "ok", "{health}");
    assert_eq!(health["store"]["kind"], "embedded");
    assert_eq!(health["store"]["queued_rows"], 0);
    assert!(health["store"]["written_rows"].as_u64().unwrap() >= 5);
    assert_eq!(health["store"]["last_interval"], "2026-11-21T11:59:00Z");
    assert_eq!(health["store"]["lag_seconds"], 50);
    assert_eq!(health["links"][0]["last_packet"], Value::Null);
}

#[tokio::test]
async fn filters_and_the_rest_beyond_the_top() {
    let settings = settings().await;
    settings.store.insert(&batches(), "test").await.unwrap();
    let router = router(settings);
    for (filter, octets) in [
        ("link=ix-1", 3_000_001_u64),
        ("link=ix-1&direction=in", 2_000_000),
        ("link=ix-1,transit-1", sums().0),
        ("category=web&category=direct-download", 33_000_008),
        ("service=1fichier", 30_000_007),
        ("service=none", sums().0 - 30_000_007),
        ("protocol=ssh", 0),
        ("probe=probe-1", sums().0),
        ("probe=another", 0),
    ] {
        let totals = ok(&get(&router, &format!("/api/v1/totals?{filter}")).await);
        assert_eq!(totals["total"]["octets"], octets, "{filter}");
        let volumes = ok(&get(&router, &format!("/api/v1/volumes?{filter}")).await);
        let series = volumes["series"].as_array().unwrap();
        let sum: u64 =
            series.iter().map(|series| series["total"]["octets"].as_u64().unwrap()).sum();
        assert_eq!(sum, octets, "{filter}");
    }
    let totals = ok(&get(&router, "/api/v1/totals?group_by=protocol&top=1").await);
    assert_eq!(totals["rows"][0]["group"]["protocol"], "bittorrent");
    assert_eq!(totals["rows"][1]["group"]["protocol"], "other");
    assert_eq!(totals["rows"][1]["octets"], 33_000_008);
    assert_eq!(totals["rows"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn round_trip_times() {
    let settings = settings().await;
    settings.store.insert(&batches(), "test").await.unwrap();
    let router = router(settings);
    let path = "/api/v1/round-trips?from=now-3m&step=60&link=transit-1&category=p2p";
    let answer = ok(&get(&router, path).await);
    assert_eq!(answer["buckets"][1], "2026-11-21T11:58:00Z");
    assert_eq!(answer["p50_us"], json!([null, 10_000, null]));
    assert_eq!(answer["p95_us"], json!([null, 10_000, null]));
    assert_eq!(answer["p99_us"], json!([null, 50_000, null]));
    assert_eq!(answer["samples"], json!([0, 100, 0]));
    // As a file: a row where there are samples.
    for (format, begin) in [
        (
            "csv",
            &b"\"time\",\"p50_us\",\"p95_us\",\"p99_us\",\"samples\"\n\
              \"2026-11-21T11:58:00Z\",10000,10000,50000,100\n"[..],
        ),
        ("jsonl", b"{\"time\":\"2026-11-21T11:58:00Z\",\"p50_us\":10000,"),
        ("parquet", b"PAR1"),
        ("arrow", b"ARROW1"),
    ] {
        let answer = get(&router, &format!("{path}&format={format}")).await;
        assert!(answer.body.starts_with(begin), "{format}: {:?}", answer.text());
        let name = format!("attachment; filename=\"etiage-round-trips.{format}\"");
        assert_eq!(answer.header("content-disposition"), name);
    }
    let answer = ok(&get(&router, "/api/v1/round-trips?from=now-3m&link=ix-1").await);
    assert!(answer["samples"].as_array().unwrap().iter().all(|samples| samples == 0));
}

#[tokio::test]
async fn hostile_values_are_values() {
    let settings = settings().await;
    settings.store.insert(&batches(), "test").await.unwrap();
    let router = router(settings);
    for probe in
        ["'%20OR%201=1%20--", "%60;%20DROP%20TABLE%20volumes_10s;", "%00", "%5C'", "{x:String}"]
    {
        let totals = ok(&get(&router, &format!("/api/v1/totals?probe={probe}")).await);
        assert_eq!(totals["total"]["octets"], 0, "{probe}");
    }
    let totals = ok(&get(&router, "/api/v1/totals").await);
    assert_eq!(totals["total"]["octets"], sums().0);
}

#[tokio::test]
async fn without_its_store_the_api_says_so_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let engine = etiage_store::embedded::Engine::start(&engine_settings(directory.path())).await;
    let engine = engine.unwrap();
    let store = etiage_store::Store::open(&engine.settings()).await.unwrap();
    let address = engine.settings().url;
    let router = router(settings_with(store));
    assert_eq!(ok(&get(&router, "/api/v1/health").await)["status"], "ok");
    engine.stop().await;
    for path in ["volumes", "totals", "round-trips"] {
        let answer = get(&router, &format!("/api/v1/{path}")).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.header("retry-after"), "5", "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let address = address.strip_prefix("unix:").unwrap();
        assert!(!answer.text().contains(address), "internals: {}", answer.text());
    }
    // Health waits for nobody: it is known at the next look at the database.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let health = loop {
        let health = ok(&get(&router, "/api/v1/health").await);
        if health["status"] == "degraded" {
            break health;
        }
        assert!(std::time::Instant::now() < deadline, "{health}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert_eq!(health["store"]["disk_octets"], Value::Null);
    assert!(health["reasons"][0].as_str().unwrap().contains("the store does not answer"));
    assert_eq!(get(&router, "/api/v1/links").await.status, StatusCode::OK);
    assert_eq!(get(&router, "/metrics").await.status, StatusCode::OK);
}
