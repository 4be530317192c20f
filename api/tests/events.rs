//! Events: lists, details, notes, and series against what they should hold.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use etiage_aggregator::{Batch, Direction, Observation, Volume};
use etiage_alerts::{Delivery, Event, HttpTarget, Receiver, Route, Target, Templates, Transition};
use etiage_api::{ApiState, EventNotice, Settings};
use etiage_store::{AlertLogRow, EventRow, Store};
use serde_json::{Value, json};
use support::{Answer, NOW, get, router, send, settings, settings_with, store};
use tokio_stream::StreamExt;
use tower::ServiceExt;

fn ok(answer: &Answer) -> Value {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

fn now() -> i64 {
    NOW.unix_timestamp()
}

/// A fall of transit-1, two hours ago.
fn document(onset: i64) -> Value {
    let alarm = json!({
        "sign": "drop", "onset": onset, "confirmed": onset + 300, "trough": onset + 600,
        "depth": 0.5, "octets": 1e9, "half_recovered": onset + 1800, "recovered": null,
        "ended": null, "basis": "time-of-week"
    });
    let total = json!({"scope": "link", "link": "transit-1", "direction": "in", "alarm": alarm});
    let part = json!({"scope": "link-category", "link": "transit-1", "direction": "in",
                      "category": "direct-download", "alarm": alarm});
    let loss = |name: &str, octets: f64, share: f64| json!({"name": name, "octets": octets, "share": share, "depth": 0.9});
    let gain = json!({"name": "p2p", "octets": 3e8, "usual": 1e8, "share": 0.3});
    json!({
        "id": "20261121-1005-3fa2", "sign": "drop", "onset": onset, "confirmed": onset + 300,
        "ended": null, "severity": "critical", "members": [total, part],
        "explanation": {
            "kind": "shutdown", "direction": "in", "expected": 4e9, "measured": 3e9, "lost": 1e9,
            "categories": [loss("direct-download", 1e9, 1.0)],
            "services": [loss("megaupload", 9e8, 0.9), loss("other", 1e8, 0.1)],
            "links": [loss("transit-1", 1e9, 1.0)], "networks": [],
            "ledger": {"categories": [gain], "services": [], "links": [], "unexplained": 7e8},
        },
        "explained_secs": 3600,
        "blind": [{"link": "ix-1", "from": onset - 60, "until": onset}],
    })
}

fn row(id: &str, onset: i64, state: &str) -> EventRow {
    let mut document = document(onset);
    document["id"] = json!(id);
    EventRow {
        id: id.to_owned(),
        version: 1,
        probe: "probe-1".to_owned(),
        state: state.to_owned(),
        kind: "shutdown".to_owned(),
        severity: "critical".to_owned(),
        sign: "drop".to_owned(),
        direction: "in".to_owned(),
        onset: u32::try_from(onset).unwrap(),
        confirmed: u32::try_from(onset + 300).unwrap(),
        ended: (state == "ended").then(|| u32::try_from(onset + 3600).unwrap()),
        trough: u32::try_from(onset + 600).unwrap(),
        depth: 0.5,
        lost_octets: 1e9,
        subject: "megaupload down everywhere".to_owned(),
        links: vec!["transit-1".to_owned()],
        categories: vec!["direct-download".to_owned()],
        top_name: "megaupload".to_owned(),
        top_share: 0.9,
        document: document.to_string(),
    }
}

async fn post(router: &Router, path: &str, kind: &str, body: &str) -> Answer {
    let request = Request::post(path).header("content-type", kind);
    send(router, request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn events_are_listed_told_and_annotated() {
    let store = store().await;
    let (old, new) = (row("old", now() - 10 * 86_400, "ended"), row("new", now() - 7200, "open"));
    store.save_events(&[old, new]).await.unwrap();
    let alert = AlertLogRow {
        event: "new".to_owned(),
        fingerprint: "f00d".to_owned(),
        route: "operations".to_owned(),
        receiver: "pager".to_owned(),
        transition: "firing".to_owned(),
        at: now() * 1000,
        outcome: "delivered".to_owned(),
        error: String::new(),
    };
    store.log_alerts(&[alert]).await.unwrap();
    let router = router(settings_with(store));

    for (query, found) in [
        ("", &["new", "old"][..]),
        ("?state=open", &["new"]),
        ("?state=open,ended&kind=shutdown,shift", &["new", "old"]),
        ("?from=now-1d", &["new"]),
        ("?start=now-20d&end=now-5d", &["old"]),
        ("?link=ix-9", &[]),
        ("?link=transit-1&category=direct-download&severity=critical", &["new", "old"]),
        ("?limit=1", &["new"]),
    ] {
        let events = ok(&get(&router, &format!("/api/v1/events{query}")).await);
        let events = events["events"].as_array().unwrap();
        let ids: Vec<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
        assert_eq!(ids, found, "{query}");
    }
    let path = "/api/v1/events?state=closed&kind=drop&severity=bad&category=pear&limit=0&from=x";
    let wrong = get(&router, path).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert_eq!(wrong.json()["errors"].as_array().unwrap().len(), 6, "{}", wrong.text());

    let event = ok(&get(&router, "/api/v1/events/new").await);
    for (pointer, value) in [
        ("/onset", json!("2026-11-21T10:00:00Z")),
        ("/ended", json!(null)),
        ("/depth_percent", json!(50.0)),
        ("/top", json!({"name": "megaupload", "share": 0.9})),
        ("/basis", json!("time-of-week")),
        ("/main", json!("link:transit-1")),
        ("/recover_50_seconds", json!(1800)),
        ("/recover_90_seconds", json!(null)),
        ("/members/1/of", json!("category:direct-download@transit-1")),
        ("/attribution/services/0/name", json!("megaupload")),
        ("/attribution/categories/0/share", json!(1.0)),
        ("/ledger/0/kind", json!("category")),
        ("/ledger/0/score", json!(3.0)),
        ("/unexplained/share", json!(0.7)),
        ("/alerts/0/receiver", json!("pager")),
        ("/blind/0/link", json!("ix-1")),
        ("/acknowledged", json!(null)),
        ("/notes", json!([])),
    ] {
        assert_eq!(event.pointer(pointer), Some(&value), "{pointer} of {event:#}");
    }
    let bps = event["ledger"][0]["bits_per_second"].as_f64().unwrap();
    assert!((bps - 3e8 * 8.0 / 3600.0).abs() < 1.0);
    let none = get(&router, "/api/v1/events/none").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    notes(&router).await;
}

async fn notes(router: &Router) {
    let path = "/api/v1/events/new/notes";
    for note in [
        json!({"action": "comment", "text": "looks like 2012"}),
        json!({"action": "acknowledge"}),
        json!({"action": "silence", "until": "2026-11-21T14:00:00+01:00"}),
    ] {
        let answer = post(router, path, "application/json", &note.to_string()).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        assert_eq!(answer.json()["action"], note["action"]);
    }
    let event = ok(&get(router, "/api/v1/events/new").await);
    assert_eq!(event["notes"].as_array().unwrap().len(), 3);
    assert_eq!(event["acknowledged"], json!({"by": "local", "at": "2026-11-21T12:00:00Z"}));
    assert_eq!(event["silenced_until"], "2026-11-21T13:00:00Z");
    for action in ["unacknowledge", "unsilence"] {
        let note = json!({"action": action}).to_string();
        assert_eq!(
            post(router, path, "application/json; charset=utf-8", &note).await.status,
            StatusCode::CREATED
        );
    }
    let events = ok(&get(router, "/api/v1/events?state=open").await);
    assert_eq!(events["events"][0]["silenced_until"], json!(null));
    assert_eq!(events["events"][0]["acknowledged"], json!(null));

    let long = json!({"action": "comment", "text": "x".repeat(4_001)}).to_string();
    for (kind, body, wrong) in [
        ("text/plain", "{}", "application/json"),
        ("application/json", "{", "not a note"),
        ("application/json", "7", "not a note"),
        ("application/json", r#"{"action": "comment", "colour": 1}"#, "unknown field"),
        ("application/json", r#"{"action": "shout"}"#, "`shout` is none"),
        ("application/json", r#"{"action": "comment", "text": " "}"#, "needs a text"),
        ("application/json", r#"{"action": "silence"}"#, "until when"),
        ("application/json", r#"{"action": "silence", "until": "2020-01-01T00:00:00Z"}"#, "366"),
        ("application/json", r#"{"action": "comment", "text": "a", "until": "now"}"#, "only"),
        ("application/json", &long, "4001 octets"),
    ] {
        let answer = post(router, path, kind, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(answer.text().contains(wrong), "{body}: {}", answer.text());
    }
    let note = r#"{"action": "acknowledge"}"#;
    let answer = post(router, "/api/v1/events/none/notes", "application/json", note).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

/// Five-minute bins of three weeks in which nothing changes, but for the last two hours.
async fn history(store: &Store) {
    let volume = |category: &str, octets: u64| Volume {
        link: "transit-1".into(),
        direction: Direction::In,
        protocol: "tls".into(),
        service: "none".into(),
        category: category.into(),
        octets,
        packets: 1,
        flows: 1,
    };
    let batch = |start: i64| {
        let down = if start >= now() - 7200 { 2 } else { 1 };
        Batch {
            probe: "probe-1".into(),
            start: u32::try_from(start).unwrap(),
            seconds: 300,
            volumes: vec![volume("web", 30_000_000_000), volume("p2p", 60_000_000_000 / down)],
            observations: vec![Observation {
                link: "transit-1".into(),
                packets: 2,
                ..Observation::default()
            }],
            ..Batch::default()
        }
    };
    let bins = (now() - 21 * 86_400..now()).step_by(300);
    let batches: Vec<Batch> = bins.map(batch).collect();
    store.insert(&batches, "history").await.unwrap();
}

#[tokio::test]
async fn series_are_told_with_what_they_should_hold() {
    let store = store().await;
    history(&store).await;
    store.save_events(&[row("new", now() - 7200, "open")]).await.unwrap();
    let router = router(settings_with(store));
    let close = |value: &Value, expected: f64| {
        let value = value.as_f64().unwrap();
        assert!((value / expected - 1.0).abs() < 0.02, "{value}, not {expected}");
    };
    let numbers = |series: &Value, list: &str| series[list].as_array().unwrap().len();

    let series = ok(&get(&router, "/api/v1/events/new/series").await);
    assert_eq!((&series["of"], &series["step"]), (&json!("link:transit-1"), &json!(300)));
    assert_eq!(series["times"][0], "2026-11-21T04:00:00Z");
    assert_eq!(numbers(&series, "times"), 96, "until now: what comes was not observed");
    for list in ["values", "baseline", "low", "high"] {
        assert_eq!(numbers(&series, list), 96);
    }
    let rate = |octets: f64| octets * 8.0 / 300.0;
    close(&series["values"][0], rate(90e9));
    close(&series["baseline"][95], rate(90e9));
    close(&series["values"][95], rate(60e9));
    assert!(series["low"][95].as_f64() > series["values"][95].as_f64());
    let part = ok(&get(&router, "/api/v1/events/new/series?of=category:p2p@transit-1").await);
    close(&part["values"][95], rate(30e9));
    close(&part["baseline"][95], rate(60e9));
    for wrong in ["", "link", "link:", "colour:red", "network:x"] {
        let answer = get(&router, &format!("/api/v1/events/new/series?of={wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}: {}", answer.text());
    }

    let path = "/api/v1/baseline?from=now-1d&to=now-3h&link=transit-1&direction=in&category=web";
    let band = ok(&get(&router, path).await);
    assert_eq!(band["of"], "category:web@transit-1");
    assert_eq!(numbers(&band, "times"), 21 * 12);
    close(&band["baseline"][0], rate(30e9));
    assert!(band["high"][0].as_f64() > band["baseline"][0].as_f64());
    let all = ok(&get(&router, "/api/v1/baseline?start=now-1d&end=now-3h&step=1h").await);
    assert_eq!((&all["of"], &all["direction"]), (&json!("all"), &json!("both")));
    assert_eq!((numbers(&all, "times"), &all["step"]), (21, &json!(3600)));
    close(&all["values"][0], rate(90e9));
    for wrong in ["from=now&to=now-1h", "from=now-200d", "link=x", "direction=up", "step=7"] {
        let answer = get(&router, &format!("/api/v1/baseline?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}: {}", answer.text());
    }
}

#[tokio::test]
async fn the_live_stream_tells_of_transitions() {
    let state = ApiState::start(settings().await);
    let router = etiage_api::router(state.clone());
    let request = Request::get("/api/v1/live").body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let notice = EventNotice {
        id: "20261121-1915-3fa2".to_owned(),
        state: "open".to_owned(),
        kind: "shutdown".to_owned(),
        severity: "critical".to_owned(),
    };
    state.announce(notice);
    let mut body = response.into_body().into_data_stream();
    let mut text = String::new();
    while !text.contains("event: event\n") {
        let chunk = body.next().await.expect("the stream goes on").unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(text.contains(r#"data: {"id":"20261121-1915-3fa2","state":"open""#), "{text}");
    state.stop_streams();
    while body.next().await.is_some() {}
}

#[tokio::test]
async fn who_is_told_hears_what_is_said_of_an_event() {
    let directory = tempfile::tempdir().unwrap();
    // Nobody is there: what is told waits.
    let http = HttpTarget::new("http://127.0.0.1:1/secret").unwrap();
    let receiver = Receiver {
        name: "pager".to_owned(),
        target: Target::Webhook { http, secret: None },
        templates: Templates::new(None, None).unwrap(),
        timeout: Receiver::TIMEOUT,
    };
    let (log, mut logged) = tokio::sync::mpsc::channel(9);
    let delivery = Delivery::start(
        etiage_alerts::Settings {
            probe: "probe-1".to_owned(),
            public_url: None,
            directory: directory.path().to_owned(),
            receivers: vec![receiver],
            routes: vec![Route::everything("all", vec!["pager".to_owned()])],
            give_up_after: etiage_alerts::Settings::GIVE_UP_AFTER,
        },
        log,
    );
    let delivery = delivery.unwrap();
    let store = store().await;
    store.save_events(&[row("new", now() - 7200, "open")]).await.unwrap();
    let router = router(Settings { alerts: Some(delivery.clone()), ..settings_with(store) });
    let event = Event { id: "new".to_owned(), ..Event::sample(now()) };
    delivery.tell(Transition::Firing, &event);
    assert_eq!(logged.recv().await.unwrap().outcome.name(), "failed");

    let path = "/api/v1/events/new/notes";
    let say = async |note: Value| {
        let answer = post(&router, path, "application/json", &note.to_string()).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    };
    say(json!({"action": "acknowledge"})).await;
    let until = NOW + time::Duration::HOUR;
    let until = until.format(&time::format_description::well_known::Rfc3339).unwrap();
    say(json!({"action": "silence", "until": until})).await;
    let held = delivery.held();
    assert!(held[0].acknowledged, "{held:?}");
    assert_eq!(held[0].silenced_until, Some(now() + 3600));
    say(json!({"action": "unacknowledge"})).await;
    assert!(!delivery.held()[0].acknowledged);

    let health = ok(&get(&router, "/api/v1/health").await);
    let pager = &health["alerts"][0];
    assert_eq!((&pager["name"], &pager["waiting"]), (&"pager".into(), &1.into()), "{health}");
    assert_eq!(pager["place"], "http://127.0.0.1:1/…");
    let reasons = health["reasons"].to_string();
    assert!(reasons.contains("pager cannot be told of events (1 messages wait)"), "{reasons}");
    let metrics = get(&router, "/metrics").await;
    assert!(metrics.text().contains("etiage_alerts_waiting{receiver=\"pager\"} 1"));
    assert!(!metrics.text().contains("secret") && !health.to_string().contains("secret"));
    delivery.stop().await;
}
