//! Captures through the whole way: what ClickHouse holds is what the captures hold.

use crate::support::{
    Appliance, capture, captures, config, count_records, etiage, need_engine, root,
};
use etiage_store::embedded::{Engine, EngineSettings};
use etiage_store::{Dimension, Filter, Store, TimeRange, TotalsQuery};
use time::OffsetDateTime;

/// 21 November 2026, when the captures were recorded.
fn recorded() -> TimeRange {
    let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    TimeRange { from: at(1_795_219_200), to: at(1_795_392_000) }
}

/// The embedded engine, kept by the test so that many replays can write into it.
async fn engine(data: &std::path::Path) -> Engine {
    need_engine();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_etiage"));
    let settings = EngineSettings {
        program: program.with_file_name("etiage-clickhouse"),
        library: std::env::var_os("ETIAGE_ENGINE_LIBRARY").unwrap().into(),
        data: data.to_owned(),
        memory: etiage_store::embedded::DEFAULT_MEMORY,
        backups: None,
    };
    Engine::start(&settings).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_captures_octets_arrive_in_clickhouse() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(&folder.path().join("data")).await;
    let server = engine.settings();
    let path = folder.path().join("etiage.toml");
    let text = format!(
        "[store]\nurl = \"{}\"\nuser = \"{}\"\npassword = \"{}\"\n[api]\nlisten = \"127.0.0.1:0\"\n",
        server.url,
        server.user,
        server.password.clone().unwrap(),
    );
    std::fs::write(&path, text).unwrap();
    for file in captures() {
        let link = file.file_stem().unwrap().to_str().unwrap();
        let arguments = ["replay", "--link", link, "--config", path.to_str().unwrap()];
        let output = etiage(&arguments).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let store = Store::open(&server).await.unwrap();
    let query = TotalsQuery {
        range: recorded(),
        group_by: vec![Dimension::Link],
        filter: Filter::default(),
        top: None,
    };
    let totals = store.totals(&query).await.unwrap();
    assert_eq!(totals.rows.len(), captures().len());
    for row in &totals.rows {
        let (_, link) = &row.group[0];
        let (packets, octets) = count_records(&capture(link));
        assert_eq!((row.counts.packets, row.counts.octets), (packets, octets), "{link}");
    }
    engine.stop().await;
}

#[test]
fn a_replay_is_shown_by_the_api_as_classify_counts_it() {
    let folder = tempfile::tempdir().unwrap();
    let links = "[networks]\nprefixes = [\"198.18.33.0/24 AS64501 Hoster\", \
                 \"2001:db8:a3::/48 AS64501\", \"198.51.100.0/24 AS64502 Peers\"]\n\
                 [flows]\nmax_memory = \"16MiB\"\n\
                 [[link]]\nname = \"transit-a\"\ninterface = \"a\"\ncapacity = \"1G\"\n\
                 neighbour_mac = \"02:aa:00:00:00:02\"\n\
                 [[link]]\nname = \"multicast\"\ninterface = \"a\"\n";
    let config = config(folder.path(), links);
    let (one, two) = (capture("dd01_https_h1.link-a"), capture("bt01_tcp_plain.link-a"));
    let arguments = ["replay", "--serve", "--rebase-to-now", "--config"];
    let mut command = etiage(&arguments);
    let (older, newer) = (&two, &one);
    command.arg(&config).arg(newer).arg(older);
    let mut appliance = Appliance::of(command);
    appliance.wait_for_line("replayed; serving until stopped");
    let expected = [one, two].map(|file| count_records(&file));
    let (packets, octets) =
        expected.iter().fold((0, 0), |sum, next| (sum.0 + next.0, sum.1 + next.1));
    let totals = appliance.get("/api/v1/totals?from=now-20h&to=now&group_by=category,direction");
    assert_eq!(totals["total"]["packets"], packets);
    assert_eq!(totals["total"]["octets"], octets);
    let of = |category: &str, direction: &str| {
        let rows = totals["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| {
            row["group"]["category"] == category && row["group"]["direction"] == direction
        });
        row.map_or(0, |row| row["octets"].as_u64().unwrap())
    };
    // The truth beside the captures: what came from the remote side, and what went to it.
    assert_eq!(of("direct-download", "in"), 2_216_403);
    assert_eq!(of("direct-download", "out"), 53_114);
    assert!(of("p2p", "in") > 1_270_000 && of("p2p", "out") > 60_000, "{totals:#}");
    // Whose they were, by the prefixes of the configuration; all networks together are all octets.
    let networks = appliance.get("/api/v1/totals?from=now-20h&to=now&group_by=asn,direction");
    assert_eq!(networks["total"], totals["total"]);
    let of = |asn: &str, direction: &str| {
        let rows = networks["rows"].as_array().unwrap();
        let row = rows
            .iter()
            .find(|row| row["group"]["asn"] == asn && row["group"]["direction"] == direction);
        row.map_or(0, |row| row["octets"].as_u64().unwrap())
    };
    assert_eq!((of("64501", "in"), of("64501", "out")), (2_216_403, 53_114));
    assert_eq!((of("64502", "in"), of("64502", "out")), (1_269_775, 55_705));
    assert!(of("0", "in") > 0, "{networks:#}");
    let names = appliance.get("/api/v1/networks?asn=64501");
    assert!(names.to_string().contains("Hoster"), "{names:#}");
    let health = appliance.get("/api/v1/health");
    assert_eq!(health["capture"]["packets"], packets);
    // The second file is older than the first: another recording, not late packets.
    assert_eq!(health["capture"]["late"], 0);
    // As many flows as fit, not a million.
    let flows = health["flows"]["capacity"].as_u64().unwrap();
    assert!((10_000..100_000).contains(&flows), "{flows}");
    let (status, errors) = appliance.stop("-TERM");
    assert!(status.success(), "{errors}");
}

#[test]
fn single_flows_are_recorded_where_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    // Each light flow stands for itself, so that the records are all flows there are.
    let more = "[flow_records]\nenabled = true\nheavy = \"1MB\"\nsample = 1\n\
                [[link]]\nname = \"transit-a\"\ninterface = \"a\"\n";
    let config = config(folder.path(), more);
    let mut command = etiage(&["replay", "--serve", "--rebase-to-now", "--config"]);
    command.arg(&config).arg(capture("dd01_https_h1.link-a"));
    let mut appliance = Appliance::of(command);
    appliance.wait_for_line("replayed; serving until stopped");
    let answer = appliance.get("/api/v1/flow-records?from=now-1h&to=now&limit=10000");
    let records = answer["records"].as_array().unwrap();
    let octets = |record: &serde_json::Value| {
        ["initiator", "responder"].map(|end| record[end]["octets"].as_u64().unwrap())
    };
    let downloads = records.iter().filter(|record| record["category"] == "direct-download");
    let sums = downloads.map(octets).fold([0, 0], |sum, [up, down]| [sum[0] + up, sum[1] + down]);
    // The truth beside the capture.
    assert_eq!(sums, [53_114, 2_216_403], "{answer:#}");
    let heaviest = &records[0];
    assert_eq!(heaviest["category"], "direct-download");
    assert_eq!((&heaviest["link"], &heaviest["transport"]), (&"transit-a".into(), &6.into()));
    assert_eq!(heaviest["responder"]["port"], 443);
    // Whose line it was is not kept, which server it was is.
    let address = |end: &str| heaviest[end]["address"].as_str().unwrap().to_owned();
    assert!(address("initiator").starts_with("100.64.") && address("initiator").ends_with(".0"));
    assert!(address("responder").starts_with("198.18."), "{heaviest:#}");
    assert!(records.iter().all(|record| record["stands_for"] == 1));
    let few =
        appliance.get("/api/v1/flow-records?from=now-1h&to=now&category=direct-download&limit=1");
    assert_eq!(few["records"].as_array().unwrap().as_slice(), std::slice::from_ref(heaviest));
    let (status, body) = appliance
        .fetch("/api/v1/flow-records?from=now-1h&to=now&format=csv&filter=category+%21%3D+dns");
    assert_eq!(status, 200, "{body}");
    assert!(body.starts_with("\"first\",\"last\",\"link\""), "{body}");
    for (format, magic) in [("parquet", "PAR1"), ("arrow", "ARROW1"), ("jsonl", "{\"first\":")] {
        let path = format!("/api/v1/flow-records?from=now-1h&to=now&format={format}");
        let (status, body) = appliance.fetch(&path);
        assert!(status == 200 && body.starts_with(magic), "{format}: {status} {body}");
    }
    let (status, body) = appliance.fetch("/api/v1/flow-records?from=now-1h&to=now&direction=in");
    assert!(status == 400 && body.contains("direction"), "{status} {body}");
    let (_, metrics) = appliance.fetch("/metrics");
    let written = format!("etiage_flow_records_written_total {}", records.len());
    assert!(metrics.contains(&written), "{metrics}");
    let (status, errors) = appliance.stop("-TERM");
    assert!(status.success(), "{errors}");
}

#[test]
fn without_a_configuration_the_engine_works_in_the_folder_data() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = etiage(&["replay", "--link", "lab"]);
    // The default port may be taken on this machine: then that is what it says.
    let output =
        command.arg(capture("ot01_dns.link-a")).current_dir(folder.path()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && folder.path().join("data").is_dir()
            || errors.contains("127.0.0.1:8420"),
        "{errors}"
    );
    assert!(root().is_dir());
}
