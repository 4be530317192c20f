//! The OpenAPI document: every real answer is as it says, and the document is kept beside the code for those who make
//! types from it.
//!
//! After a wanted change: `ETIAGE_BLESS=1 cargo test -p etiage-api --test openapi`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use etiage_aggregator::networks::{NetworksBuilder, SharedNetworks};
use etiage_aggregator::{Batch, Direction, NetworkVolume, Observation, RoundTrips, Volume};
use etiage_api::{ApiState, Token};
use etiage_store::{AlertLogRow, EventNote, EventRow, FlowRecords, NewFlowRecord, Store};
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use support::{Answer, NOW, get, router, send, settings};
use tokio_stream::StreamExt;
use tower::ServiceExt;

/// Method, path as the document writes it, what is asked, and the status of the answer. A path that has no line here
/// fails the test; so does a documented 404 of a GET.
const EXAMPLES: &[(&str, &str, &str, u16)] = &[
    ("get", "/api/v1/backup", "/api/v1/backup", 200),
    ("get", "/api/v1/baseline", "/api/v1/baseline?link=transit-1&direction=in", 200),
    ("get", "/api/v1/baseline", "/api/v1/baseline?category=web&from=now-2h&step=5m", 200),
    ("get", "/api/v1/capacity", "/api/v1/capacity", 200),
    ("get", "/api/v1/damage", "/api/v1/damage", 200),
    ("get", "/api/v1/engine", "/api/v1/engine", 200),
    ("get", "/api/v1/events", "/api/v1/events", 200),
    ("get", "/api/v1/events/{id}", "/api/v1/events/new", 200),
    ("get", "/api/v1/events/{id}", "/api/v1/events/none", 404),
    ("get", "/api/v1/events/{id}/evidence", "/api/v1/events/new/evidence", 200),
    ("get", "/api/v1/events/{id}/evidence", "/api/v1/events/none/evidence", 404),
    ("get", "/api/v1/events/{id}/series", "/api/v1/events/new/series", 200),
    ("get", "/api/v1/events/{id}/series", "/api/v1/events/none/series", 404),
    ("get", "/api/v1/filter", "/api/v1/filter?text=lnk%20%3D%20a", 200),
    ("get", "/api/v1/filter", "/api/v1/filter?text=asn%20%3D%20", 200),
    ("get", "/api/v1/flow-records", "/api/v1/flow-records", 200),
    ("get", "/api/v1/flow-records", "/api/v1/flow-records?format=csv", 200),
    ("get", "/api/v1/forecast", "/api/v1/forecast?link=transit-1&days=3", 200),
    ("get", "/api/v1/forecast", "/api/v1/forecast?link=ix-1", 200),
    ("get", "/api/v1/forecast", "/api/v1/forecast?link=ix-9", 400),
    ("get", "/api/v1/health", "/api/v1/health", 200),
    ("get", "/api/v1/heatmap", "/api/v1/heatmap?from=now-7d&zone=Europe/Paris", 200),
    ("get", "/api/v1/heatmap", "/api/v1/heatmap?explain=sql", 200),
    ("get", "/api/v1/links", "/api/v1/links", 200),
    ("get", "/api/v1/live", "/api/v1/live", 200),
    ("get", "/api/v1/networks", "/api/v1/networks?asn=64500,64999", 200),
    ("get", "/api/v1/networks/{asn}", "/api/v1/networks/64500", 200),
    ("get", "/api/v1/networks/{asn}", "/api/v1/networks/example", 404),
    ("get", "/api/v1/overview", "/api/v1/overview", 200),
    ("get", "/api/v1/report", "/api/v1/report?link=transit-1", 200),
    ("get", "/api/v1/report", "/api/v1/report?link=transit-1&month=2012-01", 404),
    ("get", "/api/v1/round-trips", "/api/v1/round-trips?histogram=true", 200),
    ("get", "/api/v1/round-trips", "/api/v1/round-trips?format=jsonl", 200),
    ("get", "/api/v1/sankey", "/api/v1/sankey", 200),
    ("get", "/api/v1/sankey", "/api/v1/sankey?explain=sql", 200),
    ("get", "/api/v1/services", "/api/v1/services", 200),
    ("get", "/api/v1/services/{name}", "/api/v1/services/1fichier?compare=1w", 200),
    ("get", "/api/v1/services/{name}", "/api/v1/services/example", 404),
    ("get", "/api/v1/session", "/api/v1/session", 200),
    ("get", "/api/v1/system", "/api/v1/system", 200),
    ("get", "/api/v1/totals", "/api/v1/totals?group_by=category", 200),
    ("get", "/api/v1/totals", "/api/v1/totals?group_by=link&top=1&compare=previous", 200),
    ("get", "/api/v1/totals", "/api/v1/totals?format=parquet", 200),
    ("get", "/api/v1/totals", "/api/v1/totals?explain=sql", 200),
    ("get", "/api/v1/totals", "/api/v1/totals?filter=lnk%20%3D%20a&step=7", 400),
    ("get", "/api/v1/views", "/api/v1/views", 200),
    ("get", "/api/v1/volumes", "/api/v1/volumes", 200),
    (
        "get",
        "/api/v1/volumes",
        "/api/v1/volumes?group_by=category,direction&step=5m&compare=1w&statistics=true",
        200,
    ),
    ("get", "/api/v1/volumes", "/api/v1/volumes?format=arrow&step=5m", 200),
    ("get", "/api/v1/volumes", "/api/v1/volumes?explain=sql", 200),
    ("get", "/metrics", "/metrics", 200),
    ("post", "/api/v1/backup", "/api/v1/backup", 400),
    ("post", "/api/v1/damage", "/api/v1/damage", 202),
    ("post", "/api/v1/events/{id}/notes", "/api/v1/events/new/notes", 201),
    ("post", "/api/v1/events/{id}/notes", "/api/v1/events/none/notes", 404),
    ("post", "/api/v1/session", "/api/v1/session", 200),
    ("post", "/api/v1/views", "/api/v1/views", 201),
    ("delete", "/api/v1/session", "/api/v1/session", 204),
    ("delete", "/api/v1/views/{id}", "/api/v1/views/none", 404),
];

/// What is sent along where something is.
fn body(path: &str) -> Value {
    match path {
        "/api/v1/events/{id}/notes" => json!({"action": "comment", "text": "seen"}),
        "/api/v1/session" => json!({"token": "none is asked for"}),
        "/api/v1/views" => json!({"name": "p2p", "url": "/explore?group=asn"}),
        _ => Value::Null,
    }
}

/// The document, and how to hold answers against it.
struct Document(Value);

impl Document {
    fn new() -> Self {
        Self(serde_json::to_value(etiage_api::openapi()).unwrap())
    }

    /// Method, path and what is documented of each.
    fn operations(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.0["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
        })
    }

    fn operation(&self, method: &str, path: &str) -> &Value {
        &self.0["paths"][path][method]
    }

    /// A validator of a schema, in which nothing that is not documented is right.
    fn validator(&self, schema: &Value) -> Validator {
        let all = self.0["components"]["schemas"].as_object().unwrap();
        let each = |open: bool| -> Map<String, Value> {
            all.iter().map(|(name, schema)| (name.clone(), exact(schema, open))).collect()
        };
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [exact(schema, false)],
            "components": {"schemas": each(false), "open": each(true)},
        });
        jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
    }

    /// What of an answer is not as it is documented.
    fn check(&self, (method, path): (&str, &str), asked: &str, answer: &Answer) -> Vec<String> {
        let status = answer.status.as_u16().to_string();
        let documented = &self.operation(method, path)["responses"][&status];
        if !documented.is_object() {
            return vec![format!("{method} {asked}: {status} is not documented")];
        }
        let Some(content) = documented["content"].as_object() else {
            assert!(answer.body.is_empty(), "{method} {asked}: has a body");
            return Vec::new();
        };
        let media = answer.header("content-type").split(';').next().unwrap();
        match content.get(media) {
            None => vec![format!("{method} {asked}: {media} is not documented")],
            Some(known) if media.ends_with("json") => {
                self.check_value(&known["schema"], &answer.json(), asked)
            }
            Some(_) => Vec::new(),
        }
    }

    fn check_value(&self, schema: &Value, value: &Value, asked: &str) -> Vec<String> {
        let validator = self.validator(schema);
        let wrong = validator.iter_errors(value).map(|error| {
            let (place, rule) = (error.instance_path(), error.schema_path());
            let error: String = error.to_string().chars().take(400).collect();
            format!("{asked}: {place} (by {rule}): {error}")
        });
        wrong.collect()
    }
}

/// A schema that refuses properties that it does not name, and so all the way down. One that others are made of
/// (`open`) leaves that to them.
fn exact(schema: &Value, open: bool) -> Value {
    let Value::Object(members) = schema else { return schema.clone() };
    let mut made = Map::new();
    for (name, member) in members {
        let member = match (name.as_str(), member) {
            ("allOf", Value::Array(parts)) => {
                parts.iter().map(|part| part_of(&exact(part, true))).collect()
            }
            ("oneOf" | "anyOf", Value::Array(parts)) => {
                parts.iter().map(|part| exact(part, open)).collect()
            }
            ("items" | "additionalProperties", schema) => exact(schema, false),
            ("properties", Value::Object(all)) => Value::Object(
                all.iter().map(|(name, schema)| (name.clone(), exact(schema, false))).collect(),
            ),
            (_, other) => other.clone(),
        };
        made.insert(name.clone(), member);
    }
    let names = made.contains_key("properties") || made.contains_key("allOf");
    if names && !open && !made.contains_key("additionalProperties") {
        made.insert("unevaluatedProperties".to_owned(), json!(false));
    }
    Value::Object(made)
}

/// A reference from a whole to a part of it.
fn part_of(schema: &Value) -> Value {
    match schema["$ref"].as_str() {
        Some(to) => json!({"$ref": to.replace("/components/schemas/", "/components/open/")}),
        None => schema.clone(),
    }
}

async fn ask(router: &Router, method: &str, path: &str, asked: &str) -> Answer {
    let request = Request::builder().method(method.to_uppercase().as_str()).uri(asked);
    let request = request.header("content-type", "application/json").header("host", "localhost");
    // What a browser sends along; without it, logging out is refused.
    let request = request.header("sec-fetch-site", "same-origin");
    let body = match body(path) {
        Value::Null => Body::empty(),
        body => Body::from(body.to_string()),
    };
    send(router, request.body(body).unwrap()).await
}

fn lossy(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// The first thing that a live stream tells.
async fn first_of_stream(router: &Router, asked: &str) -> Value {
    let request = Request::get(asked).body(Body::empty()).unwrap();
    let mut stream = router.clone().oneshot(request).await.unwrap().into_body().into_data_stream();
    let text = stream.next().await.unwrap().unwrap();
    let text = std::str::from_utf8(&text).unwrap();
    let data = text.lines().find_map(|line| line.strip_prefix("data:")).unwrap();
    serde_json::from_str(data).unwrap()
}

#[tokio::test]
async fn answers_are_as_they_are_documented() {
    let document = Document::new();
    let router = filled().await;
    let mut wrong = Vec::new();
    for (method, path, asked, status) in EXAMPLES {
        assert!(document.operation(method, path).is_object(), "{method} {path}");
        if *path == "/api/v1/live" {
            let content = &document.operation(method, path)["responses"]["200"]["content"];
            let schema = &content["text/event-stream"]["schema"];
            let event = first_of_stream(&router, asked).await;
            wrong.extend(document.check_value(schema, &event, asked));
            continue;
        }
        let answer = ask(&router, method, path, asked).await;
        assert_eq!(answer.status.as_u16(), *status, "{method} {asked}: {}", lossy(&answer));
        wrong.extend(document.check((method, path), asked, &answer));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let has = |method: &str, path: &str, wanted: fn(u16) -> bool| {
        EXAMPLES.iter().any(|(own, of, _, status)| *own == method && *of == path && wanted(*status))
    };
    for (method, path, operation) in document.operations() {
        let least: fn(u16) -> bool =
            if method == "get" { |status| status == 200 } else { |_| true };
        assert!(has(method, path, least), "{method} {path} has no example");
        if method == "get" && operation["responses"]["404"].is_object() {
            assert!(has(method, path, |status| status == 404), "{path} has no example of 404");
        }
    }
}

#[tokio::test]
async fn errors_are_as_they_are_documented() {
    let document = Document::new();
    let open = router(settings().await);
    let mut settings = settings().await;
    settings.token = Some(Token::new("a-token-of-enough-characters-0123456789").unwrap());
    let closed = router(settings);
    let (mut refused_at, mut wrong_at, mut wrong) = (0, 0, Vec::new());
    for (method, path, operation) in document.operations() {
        let asked = path.replace("{id}", "new").replace("{name}", "none").replace("{asn}", "0");
        let answer = ask(&closed, method, path, &asked).await;
        let refused = answer.status == StatusCode::UNAUTHORIZED;
        assert_eq!(refused, operation["responses"]["401"].is_object(), "{method} {path}");
        if refused {
            wrong.extend(document.check((method, path), &asked, &answer));
            refused_at += 1;
        }
        if method == "get" {
            let answer = get(&open, &format!("{asked}?nonsense=1")).await;
            // An event is looked for before its series are.
            if answer.status != StatusCode::NOT_FOUND {
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", lossy(&answer));
                wrong_at += 1;
            }
            wrong.extend(document.check((method, path), &asked, &answer));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(refused_at > 25 && wrong_at > 25, "{refused_at} {wrong_at}");
}

/// A validator that finds nothing would prove nothing.
#[test]
fn what_is_not_documented_is_found() {
    let document = Document::new();
    let wrong = |name: &str, value: Value| {
        let schema = json!({"$ref": format!("#/components/schemas/{name}")});
        document.check_value(&schema, &value, name).len()
    };
    let sums = json!({"octets": 1, "packets": 1, "flows": 1});
    assert_eq!(wrong("Sums", sums.clone()), 0);
    assert_eq!(wrong("Sums", json!({"octets": 1, "packets": 1})), 1);
    assert_eq!(wrong("Sums", json!({"octets": 1, "packets": 1, "flows": 1, "bits": 8})), 1);
    let time = |from: &str| {
        json!({"from": from, "to": "2026-11-21T11:00:00Z", "group_by": [], "rows": [],
               "total": sums, "groups": 0})
    };
    assert_eq!(wrong("Totals", time("2026-11-21T10:00:00Z")), 0);
    assert_ne!(wrong("Totals", time("yesterday")), 0);
    let mut more = time("2026-11-21T10:00:00Z");
    more["rows"] = json!([{"group": {}, "octets": 1, "packets": 1, "flows": 1, "bits": 8}]);
    assert_ne!(wrong("Totals", more), 0, "in a part of what is flattened");
}

#[test]
fn the_document_is_kept() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let text = etiage_api::openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("ETIAGE_BLESS").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept == text, "api/openapi.json is not what the routes say of themselves");
}

/// A state that has something of everything.
async fn filled() -> Router {
    let mut settings = settings().await;
    settings.store.insert(&batches(), "t").await.unwrap();
    add_event(&settings.store).await;
    let flow_records = FlowRecords::spawn(settings.store.clone());
    flow_records.push(flow_record());
    flow_records.flush().await;
    settings.flow_records = Some(flow_records);
    settings.links[0].billing.tariff = Some(etiage_planner::Tariff {
        price: "0.50 EUR".parse().unwrap(),
        commit_bps: 1_000_000_000,
        burst_price: None,
        billed_by: etiage_planner::BilledBy::Max,
    });
    let mut networks = NetworksBuilder::default();
    networks.prefix(&"192.0.2.0/24 AS64500 Example Net".parse().unwrap());
    settings.networks = Arc::new(SharedNetworks::new(networks.build()));
    etiage_api::router(ApiState::start(settings))
}

fn seconds(back: i64) -> u32 {
    u32::try_from(NOW.unix_timestamp() - back).unwrap()
}

/// Five minutes each: the last 20 days on transit-1.
fn batches() -> Vec<Batch> {
    let volume = |direction, service: &str, category: &str, octets: u64| Volume {
        link: "transit-1".into(),
        direction,
        protocol: "tls".into(),
        service: service.into(),
        category: category.into(),
        octets,
        packets: octets / 1_000,
        flows: 1,
    };
    let batch = |back: i64| Batch {
        probe: "probe-1".into(),
        start: seconds(300 * back),
        seconds: 300,
        volumes: vec![
            volume(Direction::In, "none", "web", 30_000_000_000),
            volume(Direction::In, "1fichier", "direct-download", 6_000_000_000),
            volume(Direction::Out, "none", "web", 3_000_000_000),
        ],
        networks: vec![NetworkVolume {
            link: "transit-1".into(),
            direction: Direction::In,
            category: "web".into(),
            asn: 64_500,
            octets: 30_000_000_000,
            packets: 30_000_000,
            flows: 1,
        }],
        round_trips: vec![RoundTrips {
            link: "transit-1".into(),
            category: "web".into(),
            bins: vec![(10_000, 98), (50_000, 2)],
        }],
        observations: vec![Observation {
            link: "transit-1".into(),
            packets: 36_000_000,
            ..Observation::default()
        }],
    };
    (1..=20 * 288).map(batch).collect()
}

/// A fall of transit-1 two hours ago, with what was said and told of it.
async fn add_event(store: &Store) {
    let onset = NOW.unix_timestamp() - 7200;
    let alarm = json!({
        "sign": "drop", "onset": onset, "confirmed": onset + 300, "trough": onset + 600,
        "depth": 0.5, "octets": 1e9, "half_recovered": onset + 1800, "recovered": null,
        "ended": null, "basis": "time-of-week"
    });
    let total = json!({"scope": "link", "link": "transit-1", "direction": "in", "alarm": alarm});
    let part = json!({"scope": "link-category", "link": "transit-1", "direction": "in",
                      "category": "direct-download", "alarm": alarm});
    let loss = json!({"name": "direct-download", "octets": 1e9, "share": 1.0, "depth": 0.9});
    let gain = json!({"name": "p2p", "octets": 3e8, "usual": 1e8, "share": 0.3});
    let document = json!({
        "id": "new", "sign": "drop", "onset": onset, "confirmed": onset + 300,
        "ended": null, "severity": "critical", "members": [total, part],
        "explanation": {
            "kind": "shutdown", "direction": "in", "expected": 4e9, "measured": 3e9, "lost": 1e9,
            "categories": [loss], "services": [loss], "links": [loss], "networks": [],
            "ledger": {"categories": [gain], "services": [], "links": [], "unexplained": 7e8},
        },
        "explained_secs": 3600,
        "blind": [{"link": "ix-1", "from": onset - 60, "until": onset}],
    });
    let event = EventRow {
        id: "new".to_owned(),
        version: 1,
        probe: "probe-1".to_owned(),
        state: "open".to_owned(),
        kind: "shutdown".to_owned(),
        severity: "critical".to_owned(),
        sign: "drop".to_owned(),
        direction: "in".to_owned(),
        onset: seconds(7200),
        confirmed: seconds(6900),
        ended: None,
        trough: seconds(6600),
        depth: 0.5,
        lost_octets: 1e9,
        subject: "megaupload down everywhere".to_owned(),
        links: vec!["transit-1".to_owned()],
        categories: vec!["direct-download".to_owned()],
        top_name: "megaupload".to_owned(),
        top_share: 0.9,
        document: document.to_string(),
    };
    store.save_events(&[event]).await.unwrap();
    let note = EventNote {
        event: "new".to_owned(),
        at: NOW.unix_timestamp() * 1000,
        who: "operator".to_owned(),
        action: "silence".to_owned(),
        text: "at work on it".to_owned(),
        until: Some(seconds(-3600)),
    };
    store.add_notes(&[note]).await.unwrap();
    let alert = AlertLogRow {
        event: "new".to_owned(),
        fingerprint: "f00d".to_owned(),
        route: "operations".to_owned(),
        receiver: "pager".to_owned(),
        transition: "firing".to_owned(),
        at: NOW.unix_timestamp() * 1000,
        outcome: "delivered".to_owned(),
        error: String::new(),
    };
    store.log_alerts(&[alert]).await.unwrap();
}

fn flow_record() -> NewFlowRecord {
    let end = NOW.unix_timestamp() * 1000 - 60_000;
    let address = |text: &str| text.parse::<std::net::Ipv4Addr>().unwrap().to_ipv6_mapped();
    NewFlowRecord {
        first: end - 5_000,
        last: end,
        link: "transit-1".to_owned(),
        category: "direct-download".to_owned(),
        protocol: "http".to_owned(),
        service: "1fichier".to_owned(),
        probe: "probe-1".to_owned(),
        confidence: 100,
        transport: 6,
        initiator: address("203.0.113.0"),
        initiator_port: 50_000,
        responder: address("192.0.2.7"),
        responder_port: 80,
        initiator_octets: 1_000,
        initiator_packets: 10,
        responder_octets: 1_000_000,
        responder_packets: 800,
        end_reason: "end-of-flow".to_owned(),
        stands_for: 1,
    }
}
