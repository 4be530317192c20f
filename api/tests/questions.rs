//! Questions of the pages: filters, comparisons, figures, and answers made of several.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use etiage_aggregator::networks::{NetworksBuilder, SharedNetworks};
use etiage_aggregator::{Batch, Direction, NetworkVolume, Observation, RoundTrips, Volume};
use serde_json::{Value, json};
use support::{NOW, get, router, settings};

/// Five minutes at 8 Mbit/s.
const UNIT: u64 = 300_000_000;

fn volume(link: &str, direction: Direction, service: &str, category: &str, units: u64) -> Volume {
    Volume {
        link: link.into(),
        direction,
        protocol: "tls".into(),
        service: service.into(),
        category: category.into(),
        octets: units * UNIT,
        packets: units,
        flows: 1,
    }
}

fn network(link: &str, category: &str, asn: u32, units: u64) -> NetworkVolume {
    let (link, category) = (link.into(), category.into());
    let (direction, octets) = (Direction::In, units * UNIT);
    NetworkVolume { link, direction, category, asn, octets, packets: units, flows: 1 }
}

/// Five minutes that end `back` times five minutes before now.
fn batch(back: u32, volumes: Vec<Volume>) -> Batch {
    let observation = |link: &str| Observation {
        link: link.into(),
        packets: 10,
        octets: 1_000,
        dropped_kernel: 2,
        ..Observation::default()
    };
    let start = u32::try_from(NOW.unix_timestamp()).unwrap() - 300 * (back + 1);
    Batch {
        probe: "probe-1".into(),
        start,
        seconds: 300,
        volumes,
        observations: vec![observation("transit-1"), observation("ix-1")],
        ..Batch::default()
    }
}

/// 21 bins: youtube on transit-1 grows by a unit each bin back, p2p came once, and last week there was half.
async fn asked() -> Router {
    let mut settings = settings().await;
    let mut batches: Vec<Batch> = (0..21)
        .map(|back| {
            let units = u64::from(back) + 1;
            let youtube = volume("transit-1", Direction::In, "1fichier", "direct-download", units);
            batch(back, vec![youtube, volume("ix-1", Direction::Out, "none", "web", 4)])
        })
        .collect();
    batches[0].volumes.push(volume("ix-1", Direction::In, "none", "p2p", 100));
    batches[0].networks = vec![
        network("transit-1", "direct-download", 64_500, 1),
        network("ix-1", "p2p", 64_501, 60),
        network("ix-1", "p2p", 0, 40),
        network("ix-1", "web", 64_500, 4),
    ];
    batches[0].round_trips = vec![RoundTrips {
        link: "transit-1".into(),
        category: "web".into(),
        bins: vec![(10_000, 98), (50_000, 2)],
    }];
    let week = 7 * 24 * 12;
    batches.push(batch(
        week,
        vec![volume("transit-1", Direction::In, "1fichier", "direct-download", 2)],
    ));
    settings.store.insert(&batches, "t").await.unwrap();
    let mut networks = NetworksBuilder::default();
    networks.prefix(&"192.0.2.0/24 AS64500 Example Net".parse().unwrap());
    networks.prefix(&"198.51.100.0/24 AS64501 Other Net".parse().unwrap());
    settings.networks = Arc::new(SharedNetworks::new(networks.build()));
    router(settings)
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn ok(router: &Router, path: &str) -> Value {
    let answer = get(router, &format!("/api/v1/{path}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    answer.json()
}

async fn refused(router: &Router, path: &str) -> Value {
    let answer = get(router, &format!("/api/v1/{path}")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", answer.text());
    answer.json()
}

/// Equal but for what is lost in divisions.
fn near(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{found}"));
    assert!((found - expected).abs() < 1.0, "{found} is not {expected}");
}

async fn filters(router: &Router) {
    for (filter, units) in [
        ("", 100 + 84 + 231),
        ("link = ix-1", 184),
        ("link != ix-1", 231),
        ("link = ix-1 and not direction = in", 84),
        ("category in (p2p, direct-download) and not service = 1fichier", 100),
        ("category not in (p2p, web)", 231),
        ("category ~ p2* or link = transit-1", 331),
        ("service ~ *FICHIER", 231),
        ("category !~ \"e\"", 100),
        ("not (link = ix-1 or link = transit-1)", 0),
        ("probe = \"x' OR 1=1 --\"", 0),
        ("probe ~ \"{filter_0:String}\"", 0),
        ("network = \"example net\"", 5),
        ("network ~ net and category = p2p", 60),
        ("network not in (none, AS64501)", 5),
    ] {
        for path in ["totals", "volumes"] {
            let answer =
                ok(router, &format!("{path}?from=now-2h&filter={}", encoded(filter))).await;
            let total =
                if path == "totals" { &answer["total"] } else { &answer["series"][0]["total"] };
            assert_eq!(total["octets"].as_u64().unwrap_or(0), units * UNIT, "{path} {filter}");
        }
    }
    let both = ok(router, "totals?from=now-2h&link=ix-1&filter=category%3Dweb").await;
    assert_eq!(both["total"]["octets"], 84 * UNIT);
    let problem = refused(router, "totals?filter=lnk%3Da").await;
    let error = json!({"parameter": "filter", "detail": "`lnk` is not a field", "offset": 0, "length": 3,
                       "expected": ["link", "direction", "protocol", "service", "category", "probe",
                                    "network", "not", "("]});
    assert_eq!(problem["errors"], json!([error]));
    for (filter, offset, detail) in [
        ("probe = \"é\u{1f600}\" and link = nope", 25, "`nope` is not a configured link"),
        ("link = ix-1 and network = nobody", 26, "`nobody` is neither"),
        ("network = 1 and service = 1fichier", 0, "networks are known by link, direction"),
        ("service = nope", 10, "`nope` is not a service"),
    ] {
        let problem = refused(router, &format!("volumes?filter={}", encoded(filter))).await;
        let error = &problem["errors"][0];
        assert_eq!(error["offset"], offset, "{filter}: {error}");
        assert!(error["detail"].as_str().unwrap().starts_with(detail), "{error}");
    }
}

async fn typing(router: &Router) {
    let typed = |text: &str| format!("filter?text={}", encoded(text));
    let answer = ok(router, &typed("link in (transit-1,ix-1)and not category=\"p2p\"")).await;
    assert_eq!(answer["canonical"], "link in (transit-1, ix-1) and not category = p2p");
    assert_eq!((&answer["valid"], &answer["errors"]), (&json!(true), &json!([])));
    let items = |answer: &Value| -> Vec<String> {
        let items = answer["completions"]["items"].as_array().unwrap().iter();
        items.map(|item| item["text"].as_str().unwrap().to_owned()).collect()
    };
    for (text, from, to, found) in [
        (
            "",
            0,
            0,
            vec![
                "link",
                "direction",
                "protocol",
                "service",
                "category",
                "probe",
                "network",
                "not",
                "(",
            ],
        ),
        ("lin", 0, 3, vec!["link"]),
        ("link ", 5, 5, vec!["=", "!=", "in", "not in", "~", "!~"]),
        ("link = 1", 7, 8, vec!["transit-1", "ix-1"]),
        ("link = \"ix", 7, 10, vec!["ix-1"]),
        ("direction = in ", 15, 15, vec!["and", "or"]),
        ("service = ", 10, 10, vec!["1fichier", "none", "unattributed"]),
        ("probe = ", 8, 8, vec!["probe-1"]),
        ("network = ", 10, 10, vec!["64501", "64500", "none", "other"]),
        ("network = exam", 10, 14, vec!["64500"]),
        ("link = = ", 9, 9, vec![]),
    ] {
        let answer = ok(router, &typed(text)).await;
        assert_eq!(items(&answer), found, "{text}");
        let completions = &answer["completions"];
        assert_eq!(
            (&completions["from"], &completions["to"]),
            (&json!(from), &json!(to)),
            "{text}"
        );
    }
    let answer = ok(router, &typed("category = ")).await;
    assert_eq!((items(&answer).len() > 10, &answer["valid"]), (true, &json!(false)));
    let answer = ok(router, "filter?text=network%3D&cursor=8").await;
    assert_eq!(answer["completions"]["items"][0]["detail"], "Other Net");
    // Offsets count as JavaScript does: the smiling face is two.
    let answer = ok(router, &typed("probe = \"\u{1f600}\" lin")).await;
    assert_eq!(answer["errors"][0]["offset"], 13);
    refused(router, "filter?text=&cursor=x").await;
    ok(router, "filter?text=a&cursor=99999999").await;
}

async fn figures(router: &Router) {
    let path = "volumes?from=now-110m&step=5m&group_by=category,direction&statistics=true";
    let answer = ok(router, path).await;
    assert_eq!(answer["groups"], 3);
    let download = &answer["series"][0];
    assert_eq!(download["group"]["category"], "direct-download");
    // The bin that has just ended does not count yet: 20 bins of 2 to 21 units; one is above the percentile.
    let expected = json!({"bin_seconds": 300, "bins": 20, "min_bps": 16e6, "max_bps": 168e6,
                          "mean_bps": 92e6, "last_bps": 16e6, "p95_bps": 160e6});
    // The range is shorter than six hours: bins of a minute are wanted, and five minutes are what there is.
    assert_eq!(download["statistics"], expected);
    // What came in no bin that counts is 0 in all of them.
    let once = answer["series"].as_array().unwrap().iter();
    let once = once.clone().find(|series| series["group"]["category"] == "p2p").unwrap();
    let expected = json!({"bin_seconds": 300, "bins": 20, "min_bps": 0.0, "max_bps": 0.0,
                          "mean_bps": 0.0, "last_bps": 0.0, "p95_bps": 0.0});
    assert_eq!(once["statistics"], expected);
    // The rest has figures too, and a link's are over its own bins.
    let answer =
        ok(router, "volumes?from=now-110m&step=5m&group_by=link&top=1&statistics=true").await;
    assert_eq!(answer["series"][1]["group"]["link"], "other");
    assert_eq!(answer["series"][1]["statistics"]["max_bps"], 32e6);
    assert_eq!(answer["groups"], 2);
    let answer = ok(router, "volumes?from=now-110m&step=5m&group_by=link&statistics=true").await;
    assert_eq!(answer["series"][0]["statistics"]["p95_bps"], 160e6);
    let none = ok(router, "volumes?from=now-20d&to=now-19d&statistics=true").await;
    assert_eq!(none["series"].as_array().unwrap().len(), 0);
}

async fn comparisons(router: &Router) {
    let path = "volumes?from=now-10m&step=5m&group_by=category&compare=1w&top=1";
    let answer = ok(router, path).await;
    assert_eq!(answer["series"][0]["group"]["category"], "p2p");
    let previous = &answer["previous"];
    assert_eq!(previous["from"], "2026-11-14T11:50:00Z");
    assert_eq!(previous["buckets"].as_array().unwrap().len(), 2);
    assert_eq!(previous["observed"], json!([false, true]));
    assert_eq!(previous["series"][0]["octets"], json!([null, 0]), "p2p was not there");
    assert_eq!(previous["series"][1]["octets"], json!([null, 2 * UNIT]));
    let answer = ok(router, "volumes?from=now-10m&step=5m&compare=previous").await;
    assert_eq!(answer["previous"]["from"], "2026-11-21T11:40:00Z");
    assert_eq!(answer["previous"]["series"][0]["total"]["octets"], (3 + 4 + 8) * UNIT);
    let answer = ok(router, "totals?from=now-10m&group_by=category&compare=1w").await;
    assert_eq!(answer["previous_total"]["octets"], 2 * UNIT);
    let rows = answer["rows"].as_array().unwrap();
    let previous: Vec<&Value> = rows.iter().map(|row| &row["previous"]["octets"]).collect();
    assert_eq!(previous, [&json!(0), &json!(0), &json!(2 * UNIT)]);
    for wrong in [
        "compare=0d",
        "compare=x",
        "compare=7s",
        "compare=11y",
        "compare=200000h",
        "step=1h&compare=90m",
    ] {
        refused(router, &format!("volumes?{wrong}")).await;
    }
    refused(router, "totals?from=1970-01-02T00:00:00Z&to=1970-01-03T00:00:00Z&compare=1w").await;
}

async fn explained(router: &Router) {
    let path = "volumes?from=now-1h&group_by=service&filter=service~1*&link=ix-1&explain=sql";
    let answer = ok(router, path).await;
    let statements = answer["statements"].as_array().unwrap();
    let sums = statements.iter().find(|own| own["purpose"] == "sum up volumes").unwrap();
    assert_eq!(sums["parameters"]["only_link"], json!(["ix-1"]));
    assert_eq!(sums["parameters"]["filter_0"], "1");
    assert!(
        sums["sql"].as_str().unwrap().contains("startsWith(lowerUTF8(service), {filter_0:String})")
    );
    refused(router, "volumes?explain=plan").await;
    let path = "sankey?from=now-1h&path=category,link&explain=sql";
    assert!(ok(router, path).await["statements"].as_array().unwrap().len() > 3);
}

async fn diagrams(router: &Router) {
    // 2026-11-21 is a Saturday; 10:20 to 12:00 UTC is 11:20 to 13:00 in Paris.
    let answer = ok(router, "heatmap?from=now-1d&zone=Europe/Paris").await;
    let hours = &answer["in"]["mean_bps"][5];
    assert_eq!(hours[10], Value::Null);
    // From 11:00 to 12:00 UTC 1 to 12 units and 100 more came in.
    near(&hours[12], 178.0 * 8e6 / 12.0);
    near(&answer["in"]["max_bps"][5][12], 178.0 * 8e6 / 12.0);
    near(&answer["out"]["mean_bps"][5][12], 32e6);
    // India is half an hour off: 17:30 begins at 12:00 UTC.
    let india = ok(router, "heatmap?from=now-1d&zone=Asia/Kolkata&link=transit-1").await;
    near(&india["in"]["mean_bps"][5][17], 21.0 * 8e6 / 6.0);
    for wrong in ["zone=Mars/Base", "zone=", "zone=%27", "from=now-500d"] {
        let problem = refused(router, &format!("heatmap?{wrong}")).await;
        assert!(!problem["detail"].as_str().unwrap().contains("Code:"), "{problem}");
    }

    let answer = ok(router, "sankey?from=now-1h&top=1").await;
    assert_eq!(answer["path"], json!(["category", "link", "asn"]));
    let nodes = answer["nodes"].as_array().unwrap();
    let names: Vec<&str> = nodes.iter().map(|node| node["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["p2p", "other", "ix-1", "other", "Other Net", "other"]);
    assert_eq!(answer["total"]["octets"], 105 * UNIT);
    let flows: Vec<[u64; 3]> = answer["flows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flow| ["source", "target", "octets"].map(|name| flow[name].as_u64().unwrap()))
        .collect();
    let flow = |source, target, units: u64| [source, target, units * UNIT];
    let expected = [
        flow(0, 2, 100),
        flow(1, 2, 4),
        flow(1, 3, 1),
        flow(2, 4, 60),
        flow(2, 5, 44),
        flow(3, 5, 1),
    ];
    for wanted in expected {
        assert!(flows.contains(&wanted), "{wanted:?} in {flows:?}");
    }
    assert_eq!(flows.len(), expected.len());
    for wrong in ["path=link", "path=link,link", "path=link,colour", "top=31", "path=service,asn"] {
        refused(router, &format!("sankey?{wrong}")).await;
    }

    let answer = ok(router, "round-trips?from=now-10m&step=5m&histogram=true").await;
    let histogram = &answer["histogram"];
    // 10 ms lie between 2^13 and 2^13.5 us, 50 ms between 2^15.5 and 2^16.
    assert_eq!(histogram["edges_us"], json!([11_585, 16_384, 23_170, 32_768, 46_341, 65_536]));
    assert_eq!(histogram["counts"], json!([[98, 0, 0, 0, 0, 2]]));
}

async fn profiles(router: &Router) {
    let answer = ok(router, "services/1fichier?from=now-10m&compare=1w").await;
    assert_eq!(
        (&answer["name"], &answer["category"]),
        (&json!("1fichier"), &json!("direct-download"))
    );
    assert_eq!(answer["in"], json!({"octets": 3 * UNIT, "share": 3.0 / 103.0}));
    assert_eq!(answer["out"]["octets"], 0);
    assert_eq!(answer["links"][0]["link"], "transit-1");
    assert_eq!(answer["links"][0]["in_share"], 1.0);
    assert_eq!(
        answer["of_links"][0],
        json!({"link": "transit-1", "in_share": 1.0, "out_share": null})
    );
    assert_eq!(answer["protocols"], json!([{"name": "tls", "octets": 3 * UNIT}]));
    assert_eq!(answer["previous"]["in_octets"], 2 * UNIT);
    let answer = ok(router, "networks/64500?from=now-10m").await;
    assert_eq!((&answer["name"], &answer["asn"]), (&json!("Example Net"), &json!(64_500)));
    assert_eq!(answer["in"], json!({"octets": 5 * UNIT, "share": 5.0 / 103.0}));
    assert_eq!(answer["links"][0]["link"], "ix-1");
    assert_eq!(answer["links"][0]["in_share"], 0.8);
    assert_eq!(answer["categories"][0], json!({"name": "web", "octets": 4 * UNIT}));
    assert!(answer["protocols"].is_null());
    for missing in ["services/nope", "networks/x", "networks/-1", "services/%27%3B--"] {
        let answer = get(router, &format!("/api/v1/{missing}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{missing}");
    }
}

async fn screens(router: &Router) {
    let overview = ok(router, "overview").await;
    // The bin that has just ended may lack something for half a minute: the one before is shown.
    assert_eq!(overview["now"]["time"], "2026-11-21T11:50:00Z");
    assert_eq!(overview["now"]["in_bps"], 16e6);
    assert_eq!(overview["now"]["out_bps"], 32e6);
    assert_eq!(overview["last_week"]["in_bps"], Value::Null);
    assert_eq!(overview["change"]["in"], Value::Null);
    assert_eq!(overview["month"], "2026-11");
    let link = &overview["links"][0];
    assert_eq!(
        (&link["name"], &link["in_bps"], &link["out_bps"]),
        (&json!("transit-1"), &json!(16e6), &json!(0.0))
    );
    // 2 to 21 units, and 2 last week: 21 bins of which one is above.
    assert_eq!(link["p95_in_bps"], 160e6);
    assert_eq!(link["headroom_bps"], 10e9 - 160e6);
    assert_eq!((&link["ratio"], &link["utilisation"]), (&json!(0.0), &json!(0.0016)));
    let spark = &link["sparkline"];
    assert_eq!(spark["in_bps"].as_array().unwrap().len(), 48);
    // The half hour from 11:00: 7 to 12 units.
    assert_eq!(spark["from"], "2026-11-20T11:30:00Z");
    near(&spark["in_bps"][47], 57.0 * 8e6 / 6.0);
    assert_eq!(spark["in_bps"][0], Value::Null);
    assert_eq!(overview["links"][1]["ratio"], Value::Null, "nothing came in");

    let system = ok(router, "system?from=now-10m&step=5m").await;
    assert_eq!(system["health"]["probe"], "probe-1");
    let probe = &system["probes"][0];
    assert_eq!((&probe["probe"], &probe["dropped_kernel"]), (&json!("probe-1"), &json!(8)));
    assert_eq!(
        (&probe["last_interval"], &probe["seconds_since"]),
        (&json!("2026-11-21T11:55:00Z"), &json!(300))
    );
    assert_eq!(system["drops"]["packets"], json!([20, 20]));
    assert_eq!(system["drops"]["buckets"][1], "2026-11-21T11:55:00Z");
    let tables = system["tables"].as_array().unwrap();
    let hours = tables.iter().find(|table| table["table"] == "volumes_1h").unwrap();
    assert_eq!(hours["oldest"], "2026-11-14T11:00:00Z");
    assert_eq!(system["streams"], json!({"open": 0, "limit": 2}));

    let capacity = ok(router, "capacity").await;
    assert_eq!((&capacity["complete"], &capacity["pending"]), (&json!(true), &json!([])));
    assert_eq!(capacity["months"].as_array().unwrap().last().unwrap(), "2026-11");
    let links = capacity["links"].as_array().unwrap();
    // Without a runout the fuller one comes first.
    assert_eq!((&links[0]["name"], &links[1]["name"]), (&json!("transit-1"), &json!("ix-1")));
    assert_eq!(links[0]["runout"], Value::Null);
    assert_eq!(links[0]["crossing_in"]["state"], "unknown");
    assert_eq!(links[0]["months"].as_array().unwrap().len(), 6);
    assert_eq!(links[0]["months"][0]["p95_bps"], Value::Null);
    for wrong in ["capacity?threshold=0", "overview?x=1", "system?from=x"] {
        refused(router, wrong).await;
    }
}

/// One engine and one filling for all of it.
#[tokio::test]
async fn the_pages_questions() {
    let router = asked().await;
    filters(&router).await;
    typing(&router).await;
    figures(&router).await;
    comparisons(&router).await;
    explained(&router).await;
    diagrams(&router).await;
    profiles(&router).await;
    screens(&router).await;
}

#[tokio::test]
async fn nonsense_is_refused_and_much_is_bounded() {
    let settings = settings().await;
    let names: Vec<String> = (0..10_000).map(|number| format!("service-{number}")).collect();
    let volumes = names.iter().map(|name| volume("ix-1", Direction::In, name, "web", 1)).collect();
    settings.store.insert(&[batch(0, volumes)], "t").await.unwrap();
    let router = router(settings);
    for path in ["totals", "volumes"] {
        let answer = ok(&router, &format!("{path}?from=now-1h&group_by=service&top=200")).await;
        let rows = answer[if path == "totals" { "rows" } else { "series" }].as_array().unwrap();
        assert_eq!((rows.len(), &answer["groups"]), (201, &json!(10_000)), "{path}");
        assert_eq!(rows[200]["group"]["service"], "other");
    }
    let everything = "from=%00&to=%FF&step=-1&group_by=%27&top=1e9&link=%22&direction=%3B&protocol=%5C\
                      &service=%2A&category=%60&asn=x&filter=%28%28&compare=%7F&statistics=maybe&explain=me";
    for path in
        ["volumes", "totals", "heatmap", "sankey", "round-trips", "overview", "system", "capacity"]
    {
        let problem = refused(&router, &format!("{path}?{everything}&zone=%00&path=%00")).await;
        let errors = problem["errors"].as_array().unwrap();
        assert!(errors.len() >= 10, "{path}: {problem}");
    }
    for range in [
        "from=now-5218w",
        "from=1900-01-01T00:00:00Z",
        "from=now&to=now-1h",
        "from=2126-01-01T00:00:00Z",
    ] {
        for path in
            ["volumes", "totals", "heatmap", "sankey", "system", "services/none", "networks/1"]
        {
            let problem = refused(&router, &format!("{path}?{range}")).await;
            assert_eq!(problem["errors"][0]["parameter"], "from", "{path}?{range}: {problem}");
        }
    }
}
