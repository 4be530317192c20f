//! Planners' questions, and answers as files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use etiage_aggregator::networks::{NetworksBuilder, SharedNetworks};
use etiage_aggregator::{Batch, Direction, Observation, Volume};
use etiage_api::{ApiState, Settings};
use support::{NOW, get, router, send, settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Hours of 5-minute bins before now on transit-1: 1 Gbit/s in, the last one at 2.
async fn filled(hours: u32) -> Settings {
    let mut settings = settings().await;
    let now = u32::try_from(NOW.unix_timestamp()).unwrap();
    let batches: Vec<Batch> = (1..=hours * 12)
        .map(|back| Batch {
            probe: "probe-1".into(),
            start: now - back * 300,
            seconds: 300,
            volumes: vec![Volume {
                link: "transit-1".into(),
                direction: Direction::In,
                protocol: "tls".into(),
                service: "none".into(),
                category: "web".into(),
                octets: 37_500_000_000 * if back <= 12 { 2 } else { 1 },
                packets: 30_000_000,
                flows: 1,
            }],
            observations: vec![Observation { link: "transit-1".into(), ..Observation::default() }],
            ..Batch::default()
        })
        .collect();
    settings.store.insert(&batches, "t").await.unwrap();
    settings.links[0].billing.tariff = Some(etiage_planner::Tariff {
        price: "0.50 EUR".parse().unwrap(),
        commit_bps: 1_000_000_000,
        burst_price: None,
        billed_by: etiage_planner::BilledBy::Max,
    });
    settings
}

#[tokio::test]
async fn a_month_so_far_and_its_bill() {
    let router = router(filled(48).await);
    let answer = get(&router, "/api/v1/report?link=transit-1").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let report = answer.json();
    assert_eq!(report["month"], "2026-11");
    assert_eq!(report["ended"], false);
    // 20 days and a half have passed; two were watched.
    assert_eq!(report["coverage"]["expected_bins"], 5_904);
    assert_eq!(report["coverage"]["missing_bins"], 5_904 - 576);
    // 12 of 576 bins are above: fewer than the 28 that are discarded.
    assert_eq!(report["in"]["p95_bps"], 1e9);
    assert_eq!(report["in"]["peak_bps"], 2e9);
    assert_eq!(report["out"]["p95_bps"], 0.0);
    assert_eq!(report["bill"]["amount"], 500.0);
    assert_eq!(report["bill"]["currency"], "EUR");
    // A link's prices are nobody else's business.
    assert!(!get(&router, "/api/v1/links").await.text().contains("price"));
}

#[tokio::test]
async fn months_that_cannot_be_are_refused() {
    let router = router(filled(1).await);
    for (path, status, detail) in [
        ("report?link=nope&month=2026-11", 400, "`nope` is not a configured link"),
        (
            "report?link=transit-1&month=2026-12",
            400,
            "2026-12 is in the future; the running month is",
        ),
        ("report?link=transit-1&month=november", 400, "is not a month: write 2026-11"),
        ("report?month=2026-11", 400, "which? /api/v1/links lists them"),
        ("report?link=ix-1&month=2026-11", 404, "link ix-1 has no 5-minute bins in 2026-11"),
        ("report?link=transit-1&month=2019-01", 404, "no 5-minute bins in 2019-01"),
        ("report?link=transit-1&colour=blue", 400, "unknown parameter"),
        ("forecast?link=transit-1&threshold=0", 400, "`0` is not a number from 0.01 to 10"),
        ("forecast?link=transit-1&threshold=NaN", 400, "`NaN` is not a number"),
        ("forecast?link=transit-1&days=9999", 400, "`9999` is not a number from 1 to 730"),
        ("forecast?link=transit-1&measure=mean", 400, "there are p95, peak"),
        ("networks", 400, "Give the numbers"),
        ("networks?asn=AS1", 400, "`AS1` is not an autonomous system's number"),
    ] {
        let answer = get(&router, &format!("/api/v1/{path}")).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.text());
        assert!(answer.json()["detail"].as_str().unwrap().contains(detail), "{}", answer.text());
    }
}

#[tokio::test]
async fn forecasts_say_when_they_know_too_little() {
    let router = router(filled(48).await);
    let answer = get(&router, "/api/v1/forecast?link=transit-1").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let forecast = answer.json();
    assert_eq!(forecast["in"]["outcome"], "too-little-history");
    assert_eq!(forecast["in"]["crossing"]["state"], "unknown");
    assert_eq!(forecast["capacity_bps"], 10_000_000_000_u64);
}

#[tokio::test]
async fn networks_have_names() {
    let mut settings = settings().await;
    let mut builder = NetworksBuilder::default();
    builder.prefix(&"192.0.2.0/24 AS64500 Example Net".parse().unwrap());
    settings.networks = Arc::new(SharedNetworks::new(builder.build()));
    let answer = get(&router(settings), "/api/v1/networks?asn=64500,1").await.json();
    let expected = serde_json::json!({"networks": [
        {"asn": 64_500, "name": "Example Net"}, {"asn": 1, "name": null}]});
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn answers_are_files_where_asked_for() {
    let router = router(filled(2).await);
    let path = "/api/v1/volumes?from=now-2h&step=1h&group_by=link,direction";
    for (format, media, begin) in [
        ("csv", "text/csv; charset=utf-8; header=present", &b"\"time\",\"link\","[..]),
        ("jsonl", "application/jsonl", b"{\"time\":\"2026-11-21T10:00:00Z\","),
        ("parquet", "application/vnd.apache.parquet", b"PAR1"),
        ("arrow", "application/vnd.apache.arrow.file", b"ARROW1"),
    ] {
        let answer = get(&router, &format!("{path}&format={format}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{format}: {:?}", answer.body);
        assert_eq!(answer.header("content-type"), media);
        let name = format!("attachment; filename=\"etiage-volumes.{format}\"");
        assert_eq!(answer.header("content-disposition"), name);
        assert!(answer.body.starts_with(begin), "{format}: {:?}", &answer.body[..60]);
    }
    let request =
        Request::get("/api/v1/totals?from=now-2h&group_by=link").header("accept", "text/csv");
    let answer = send(&router, request.body(Body::empty()).unwrap()).await;
    let expected =
        "\"link\",\"octets\",\"packets\",\"flows\"\n\"transit-1\",1350000000000,720000000,24\n";
    assert_eq!(answer.text(), expected);
    let answer = get(&router, &format!("{path}&format=xml")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    // More points than a chart has, and more than a file may have.
    let long = "/api/v1/volumes?from=now-30d&step=10s&format=csv";
    assert_eq!(get(&router, long).await.status, StatusCode::OK);
    let refused = get(&router, &long.replace("csv", "json")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let longer = "/api/v1/volumes?from=now-300d&step=10s&format=csv";
    assert_eq!(get(&router, longer).await.status, StatusCode::BAD_REQUEST);
}

/// Over a real connection: whoever hangs up after the first octets ends the export, and the server goes on.
#[tokio::test]
async fn a_client_that_hangs_up_ends_its_export() {
    let settings = filled(400).await;
    let store = settings.store.clone();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let state = ApiState::start(settings);
    let server = tokio::spawn(etiage_api::serve(listener, state, async {
        stopped.await.ok();
    }));
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    // 144,000 points of time: 288 statements.
    let request = format!(
        "GET /api/v1/volumes?from=now-400h&step=10s&group_by=link&format=csv HTTP/1.1\r\nHost: {address}\r\n\r\n"
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 512];
    assert!(client.read(&mut head).await.unwrap() > 0);
    assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
    assert_eq!(store.exports_running(), 1);
    drop(client);
    let ended = async {
        while store.exports_running() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap();
    stop.send(()).unwrap();
    server.await.unwrap();
}
