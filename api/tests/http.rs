//! Everything about the API that does not depend on what is stored.

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
use axum::http::{Method, Request, StatusCode};
use etiage_aggregator::{Direction, Live, LiveDelta, Meter, MeterSettings, Pressure};
use etiage_api::{AllowedHosts, ApiState, Token};
use etiage_capture::flow::FlowSettings;
use etiage_capture::source::Frame;
use etiage_capture::{LinkLayer, LinkMap, Timestamp};
use etiage_classifier::{Category, Classifier};
use serde_json::{Value, json};
use support::{get, router, send, settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_stream::StreamExt;
use tower::ServiceExt;

const TOKEN: &str = "correct-horse-battery";

#[tokio::test]
async fn wrong_parameters_are_reported_all_at_once() {
    let router = router(settings().await);
    let path = "/api/v1/volumes?from=yesterday&to=now%2B1h&step=7&group_by=colour&top=0&link=nope\
                &direction=up&protocol=bitorrent&category=p2p,pear&service=nope&frm=1";
    let answer = get(&router, path).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let problem = answer.json();
    assert_eq!(problem["status"], 400);
    let errors = problem["errors"].as_array().unwrap();
    let named = |name: &str| {
        let error = errors.iter().find(|error| error["parameter"] == name);
        error.unwrap_or_else(|| panic!("{name} in {problem}"))["detail"].as_str().unwrap()
    };
    for (parameter, detail) in [
        ("from", "`yesterday` is not a time"),
        ("to", "`now+1h` is not a time"),
        ("step", "`7` is not a multiple of 10 seconds"),
        ("group_by", "`colour` is not a dimension"),
        ("top", "`0` is not a number from 1 to 200"),
        ("link", "`nope` is not a configured link; /api/v1/links"),
        ("direction", "`up` is not a direction; there are in, out"),
        ("protocol", "`bitorrent` is not a protocol; there are unknown, non-ip"),
        ("category", "`pear` is not a category; there are p2p, direct-download"),
        ("service", "`nope` is not a service of the rules; /api/v1/services"),
        ("frm", "unknown parameter; known are format, from, to, step"),
    ] {
        assert!(named(parameter).contains(detail), "{parameter}: {problem}");
    }
    assert_eq!(errors.len(), 11, "{problem}");
}

#[tokio::test]
async fn every_path_refuses_unknown_parameters() {
    let router = router(settings().await);
    for path in [
        "links",
        "services",
        "services/none",
        "networks/1",
        "health",
        "live",
        "totals",
        "round-trips",
        "volumes",
        "heatmap",
        "sankey",
        "filter",
        "overview",
        "system",
        "capacity",
    ] {
        let answer = get(&router, &format!("/api/v1/{path}?colour=blue")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.json()["errors"][0]["parameter"], "colour", "{path}");
    }
    assert_eq!(get(&router, "/metrics?colour=blue").await.status, StatusCode::BAD_REQUEST);
    // Parameters of one path are not those of another.
    let answer = get(&router, "/api/v1/round-trips?protocol=tls").await;
    assert_eq!(answer.json()["errors"][0]["parameter"], "protocol");
    let answer = get(&router, "/api/v1/totals?step=10").await;
    assert_eq!(answer.json()["errors"][0]["parameter"], "step");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let router = router(settings().await);
    for path in ["/api", "/api/", "/api/v1", "/api/v1/link", "/api/v2/links"] {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(path));
    }
    for method in [Method::POST, Method::DELETE, Method::PUT] {
        for path in ["/api/v1/links", "/metrics", "/api/v1/openapi.json"] {
            let request = Request::builder().method(&method).uri(path);
            let answer = send(&router, request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert!(answer.header("allow").contains("GET"), "{method} {path}");
        }
    }
    let answer = send(&router, Request::post("/").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn large_requests_are_refused() {
    let router = router(settings().await);
    let answer = get(&router, &format!("/api/v1/links?x={}", "x".repeat(9_000))).await;
    assert_eq!(answer.status, StatusCode::URI_TOO_LONG);
    let request = Request::get("/api/v1/links").header("content-length", "20000");
    let answer = send(&router, request.body(Body::from(vec![0; 20_000])).unwrap()).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn lists_are_what_is_configured() {
    let router = router(settings().await);
    let links = get(&router, "/api/v1/links").await.json();
    let expected = json!({"name": "transit-1", "kind": "transit", "capacity_bps": 10_000_000_000_u64,
                          "neighbour_asn": null,
                          "ratio_policy": 2.0, "description": ""});
    assert_eq!(links["links"][0], expected);
    assert_eq!(links["links"][1]["name"], "ix-1");
    let services = get(&router, "/api/v1/services").await.json();
    assert_eq!(
        services,
        json!({"services": [{"name": "1fichier", "category": "direct-download"}]})
    );
}

#[tokio::test]
async fn a_token_guards_api_and_metrics_but_not_what_is_the_same_everywhere() {
    let mut settings = settings().await;
    settings.token = Some(Token::new(TOKEN).unwrap());
    let router = router(settings);
    let with = |path: &str, value: &str| {
        Request::get(path).header("authorization", value).body(Body::empty()).unwrap()
    };
    let guarded = ["links", "volumes", "totals", "round-trips", "services", "health", "live"];
    let guarded = guarded.map(|name| format!("/api/v1/{name}"));
    for path in guarded.iter().map(String::as_str).chain(["/metrics"]) {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{path}");
        assert_eq!(answer.json()["title"], "Unauthorized");
        for wrong in ["Bearer wrong-horse-battery!", "Basic correct-horse-battery", "Bearer", ""] {
            let answer = send(&router, with(path, wrong)).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path} {wrong}");
        }
    }
    for path in ["/api/v1/links", "/metrics"] {
        let answer = send(&router, with(path, &format!("Bearer {TOKEN}"))).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
    // A wrong method or path tells nothing that needs a token.
    for path in ["/", "/api/docs/", "/api/v1/openapi.json"] {
        assert_eq!(get(&router, path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn on_loopback_foreign_hosts_are_refused() {
    let mut settings = settings().await;
    settings.hosts = AllowedHosts::for_address([127, 0, 0, 1].into(), &[]);
    let router = router(settings);
    for (host, status) in [
        ("127.0.0.1:8420", StatusCode::OK),
        ("localhost:8420", StatusCode::OK),
        ("[::1]:8420", StatusCode::OK),
        ("rebound.example:8420", StatusCode::MISDIRECTED_REQUEST),
    ] {
        for path in ["/api/v1/links", "/"] {
            let request = Request::get(path).header("host", host).body(Body::empty()).unwrap();
            assert_eq!(send(&router, request).await.status, status, "{host} {path}");
        }
    }
    assert_eq!(get(&router, "/api/v1/links").await.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let router = router(settings().await);
    for path in ["/", "/api/v1/links", "/api/v1/nothing", "/metrics", "/api/docs/", "/gone.js"] {
        let answer = get(&router, path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'self'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    }
    assert_eq!(get(&router, "/api/v1/links").await.header("cache-control"), "no-store");
    assert_eq!(get(&router, "/").await.header("x-frame-options"), "DENY");
}

#[tokio::test]
async fn answers_are_compressed_for_who_wants_it() {
    let router = router(settings().await);
    let document = get(&router, "/api/v1/openapi.json").await;
    assert_eq!(document.header("content-encoding"), "");
    for encoding in ["gzip", "br"] {
        let request = Request::get("/api/v1/openapi.json").header("accept-encoding", encoding);
        let answer = send(&router, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("content-encoding"), encoding);
        assert!(answer.body.len() < document.body.len() / 2, "{encoding}");
    }
}

#[tokio::test]
async fn the_openapi_document_lists_every_route() {
    let router = router(settings().await);
    let document = get(&router, "/api/v1/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths: Vec<&str> =
        document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let names = "links volumes totals round-trips flow-records services services/{name} health engine live report \
                 forecast networks networks/{asn} heatmap sankey filter overview system capacity \
                 session views views/{id} damage backup \
                 events events/{id} events/{id}/series events/{id}/evidence events/{id}/notes baseline";
    let mut expected: Vec<String> =
        names.split_whitespace().map(|name| format!("/api/v1/{name}")).collect();
    expected.push("/metrics".to_owned());
    expected.sort();
    assert_eq!(paths, expected);
    let operations = document["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
    });
    for (path, method, operation) in operations {
        let place = format!("{method} {path}");
        let told = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        assert!(told(&operation["summary"]), "{place} has no summary");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(told(&parameter["description"]), "{place}: {parameter}");
            let of_one =
                ["/api/v1/report", "/api/v1/forecast", "/api/v1/networks", "/api/v1/backup"];
            let needed = parameter["in"] == "path"
                || of_one.contains(&path.as_str())
                    && ["link", "asn", "name"].iter().any(|name| parameter["name"] == *name);
            assert_eq!(parameter["required"], needed, "{place}: {parameter}");
        }
        let done = ["200", "201", "202", "204"].map(|status| &operation["responses"][status]);
        assert!(done.iter().any(|answer| answer.is_object()), "{place}");
        assert!(method != "get" || done[0]["content"].is_object(), "{place}");
        // Who asks is answered to everybody, and everybody may leave.
        let free = path == "/api/v1/session" && method != "post";
        for status in if free { &["400"][..] } else { &["400", "401"] } {
            let answer = &operation["responses"][*status];
            let schema = &answer["content"]["application/problem+json"]["schema"];
            assert_eq!(schema["$ref"], "#/components/schemas/Problem", "{place} {status}");
        }
    }
    let volumes = document["paths"]["/api/v1/volumes"]["get"]["parameters"].as_array().unwrap();
    let names: Vec<&str> = volumes.iter().map(|p| p["name"].as_str().unwrap()).collect();
    let expected = [
        "format",
        "from",
        "to",
        "step",
        "group_by",
        "top",
        "link",
        "direction",
        "protocol",
        "service",
        "category",
        "probe",
        "asn",
        "filter",
        "compare",
        "statistics",
        "explain",
    ];
    assert_eq!(names, expected);
    every_reference_is_defined(&document, &document);
    every_property_is_described(&document);
}

fn every_reference_is_defined(document: &Value, part: &Value) {
    match part {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
            members.values().for_each(|member| every_reference_is_defined(document, member));
        }
        Value::Array(items) => {
            items.iter().for_each(|item| every_reference_is_defined(document, item));
        }
        _ => {}
    }
}

fn every_property_is_described(document: &Value) {
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
            // Where it may be null, the description is with the alternative that is not.
            let told = |schema: &Value| schema["description"].is_string();
            let alternatives = schema["oneOf"].as_array();
            let described = told(schema) || alternatives.is_some_and(|all| all.iter().any(told));
            assert!(described, "{name}.{property}: {schema}");
        }
    }
}

#[tokio::test]
async fn the_documentation_page_needs_no_foreign_host() {
    let router = router(settings().await);
    assert_eq!(get(&router, "/api/docs").await.header("location"), "/api/docs/");
    let page = get(&router, "/api/docs/").await;
    assert!(page.text().contains("swagger-ui"));
    let script = get(&router, "/api/docs/swagger-initializer.js").await;
    assert!(script.text().contains("/api/v1/openapi.json"));
    for text in [page.text(), script.text()] {
        assert!(!text.contains("https://") && !text.contains("http://"), "{text}");
    }
    // The policy forbids scripts inside the page.
    assert!(!page.text().contains("<script>"));
    assert_eq!(get(&router, "/api/docs/gone.js").await.status, StatusCode::NOT_FOUND);
}

/// A worker captures an ICMP packet of 84 octets.
fn ping(live: &Arc<Live>) {
    let settings = MeterSettings {
        probe: "probe-1".into(),
        links: Arc::new(LinkMap::everything()),
        link_names: vec!["transit-1".into()],
        flows: FlowSettings::default(),
        vlan_in_key: false,
    };
    let classifier = Classifier::new(Arc::default(), Arc::default());
    let mut meter = Meter::new(&settings, classifier, Some(live.clone()));
    let packet =
        [[0x45, 0, 0, 84, 0, 1, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 192, 0, 2, 1].as_slice(), &[8; 64]]
            .concat();
    let frame = Frame { timestamp: Timestamp::from_secs(1_795_262_399), octets: 84, data: &packet };
    meter.frame(0, LinkLayer::RawIp, &frame, &mut ());
    meter.finish(&mut ());
}

#[tokio::test]
async fn the_engine_says_how_soon_flows_are_known_and_how_full_it_is() {
    let settings = settings().await;
    let live = settings.live.clone();
    let router = router(settings);
    ping(&live);
    live.add_flow_capacity(1_000);
    let answer = get(&router, "/api/v1/engine").await;
    assert_eq!(answer.status, StatusCode::OK);
    let engine = answer.json();
    assert_eq!(engine["packets"], 1);
    assert_eq!(engine["tables"]["capacity"], 1_000);
    let stages = engine["stages"].as_array().unwrap();
    let names: Vec<_> = stages.iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert_eq!(names, ["decode", "table", "classify", "count"]);
    assert!(stages.iter().all(|stage| stage["nanoseconds"].is_null()), "no packet was timed");
    assert_eq!(engine["probe_length_bins"][7], Value::Null);
    assert_eq!(engine["probe_lengths"][0]["protocol"], "icmp");
    assert_eq!(engine["probe_lengths"][0]["flows"][0], 1);
}

#[tokio::test]
async fn metrics_are_the_live_counters() {
    let settings = settings().await;
    let live = settings.live.clone();
    let router = router(settings);
    let mut delta = LiveDelta::new(2);
    delta.received.count(1_500);
    delta.on_link(1, Direction::Out, 1_500, 1_795_262_400_000_000_000);
    delta.in_category(Category::DirectDownload, Direction::Out, 1_500, 1);
    delta.flows_started = 3;
    delta.flows_ended = 1;
    live.add(&mut delta);
    live.add_kernel_drops(7, 2);
    live.add_flow_capacity(1_000);
    live.change_pressure(Pressure::Normal, Pressure::Unprobed);
    live.change_pressure(Pressure::Unprobed, Pressure::Sampled { halvings: 2 });
    live.change_pressure(Pressure::Normal, Pressure::Unprobed);
    live.change_pressure(Pressure::Normal, Pressure::Unprobed);
    live.change_pressure(Pressure::Unprobed, Pressure::Normal);
    live.change_pressure(Pressure::Normal, Pressure::Unprobed);
    ping(&live);
    let answer = get(&router, "/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let lines: Vec<&str> = answer.text().lines().collect();
    for line in [
        "etiage_packets_total{link=\"ix-1\",direction=\"out\"} 1",
        "etiage_octets_total{link=\"ix-1\",direction=\"out\"} 1500",
        "etiage_octets_total{link=\"transit-1\",direction=\"in\"} 0",
        "etiage_received_octets_total 1584",
        "etiage_stage_timed_packets_total{stage=\"decode\"} 0",
        "etiage_stage_nanoseconds_total{stage=\"count\"} 0",
        "etiage_flows_known_total{protocol=\"icmp\",packets=\"1\"} 1",
        "etiage_flows_known_total{protocol=\"icmp\",packets=\"more\"} 0",
        "etiage_class_octets_total{category=\"direct-download\",direction=\"out\"} 1500",
        "etiage_dropped_packets_total{reason=\"kernel\"} 7",
        "etiage_dropped_packets_total{reason=\"interface\"} 2",
        "etiage_flows_active 2",
        "etiage_flow_table_capacity 1000",
        "etiage_workers_unprobing 2",
        "etiage_workers_sampling 1",
        "etiage_store_queued_rows 0",
        "etiage_link_last_packet_timestamp_seconds{link=\"ix-1\"} 1795262400",
        "etiage_build_info{version=\"1.2.3\",probe=\"probe-1\"} 1",
    ] {
        assert!(lines.contains(&line), "{line} in\n{}", answer.text());
    }
    assert_eq!(lines.last(), Some(&"# EOF"));
    check_exposition(&lines);

    let request = Request::get("/metrics")
        .header("accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
    let answer = send(&router, request.body(Body::empty()).unwrap()).await;
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
}

/// Each sample follows the type of its family, no family comes twice, and no label set either.
fn check_exposition(lines: &[&str]) {
    let mut families = std::collections::HashSet::new();
    let mut samples = std::collections::HashSet::new();
    let mut current = (String::new(), String::new());
    for line in lines {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(families.insert(name.to_owned()), "{name} comes twice");
            current = (name.to_owned(), kind.to_owned());
        } else if !line.starts_with('#') {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            let suffix = if current.1 == "counter" { "_total" } else { "" };
            assert_eq!(name, format!("{}{suffix}", current.0));
            assert!(samples.insert(sample.to_owned()), "{sample} comes twice");
            value.parse::<f64>().unwrap();
        }
    }
    assert!(families.len() > 15);
}

#[tokio::test]
async fn the_live_stream_sends_an_event_a_second_and_ends_when_told() {
    let settings = settings().await;
    tokio::time::pause();
    let live = settings.live.clone();
    let state = ApiState::start(settings);
    let router = etiage_api::router(state.clone());
    let mut delta = LiveDelta::new(2);
    delta.received.count(1_000);
    delta.on_link(0, Direction::In, 1_000, 1);
    live.add(&mut delta);
    let request = Request::get("/api/v1/live").header("accept-encoding", "gzip, br");
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert!(!response.headers().contains_key("content-encoding"));
    let mut events = response.into_body().into_data_stream();
    let first = events.next().await.unwrap().unwrap();
    let first = std::str::from_utf8(&first).unwrap();
    let data = first.strip_prefix("event: live\ndata: ").unwrap();
    let event: Value = serde_json::from_str(data.trim_end()).unwrap();
    assert_eq!(event["time"], "2026-11-21T12:00:00Z");
    // The clock of the test is a millisecond late at times.
    let link = &event["links"][0];
    let rate = link["in_bps"].as_u64().unwrap();
    assert!((7_900..=8_100).contains(&rate), "{event}");
    assert_eq!((&link["name"], &link["in_pps"]), (&json!("transit-1"), &json!(1)));
    assert_eq!((&link["out_bps"], &link["out_pps"]), (&json!(0), &json!(0)));
    assert_eq!(event["packets_per_second"], 1);
    assert_eq!(event["categories"].as_array().unwrap().len(), Category::ALL.len());

    // A second stream is the last that may be open.
    let open = || Request::get("/api/v1/live").body(Body::empty()).unwrap();
    let second = router.clone().oneshot(open()).await.unwrap();
    assert_eq!(second.status(), StatusCode::OK);
    let third = send(&router, open()).await;
    assert_eq!(third.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(third.header("retry-after"), "5");
    drop(second);
    assert_eq!(router.clone().oneshot(open()).await.unwrap().status(), StatusCode::OK);

    state.stop_streams();
    while events.next().await.is_some() {}
}

#[tokio::test]
async fn the_server_ends_promptly_with_a_stream_open() {
    let state = ApiState::start(settings().await);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(etiage_api::serve(listener, state, async {
        stopped.await.ok();
    }));
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut head = [0; 12];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    let idle = tokio::net::TcpStream::connect(address).await.unwrap();
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(3), server).await.expect("it ends").unwrap();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "the stream ended in order");
    drop(idle);
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn wrong_requests_on_the_wire_do_no_harm() {
    let state = ApiState::start(settings().await);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(etiage_api::serve(listener, state, std::future::pending()));
    for nonsense in
        [&b"\x16\x03\x01\x00\xa5\x01\x00"[..], b"GET\r\n\r\n", b"\0\0\0\0", b"PRI * HTTP/2.0\r\n"]
    {
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        client.write_all(nonsense).await.unwrap();
        client.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // The answer may be an error or a closed connection.
        client.read_to_end(&mut answer).await.ok();
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    }
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = b"GET /api/v1/links HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
    server.abort();
}
