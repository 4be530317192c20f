//! A simulated month, from the command line to reports and files.

use std::path::Path;

use crate::support::{need_engine, output};
use serde_json::Value;

/// A configuration of three links of kinds of their own, one with a price.
fn config(folder: &Path) -> String {
    let text = r#"
[api]
listen = "127.0.0.1:9"
[[link]]
name = "transit-1"
kind = "transit"
capacity = "10G"
interface = "eth0"
price = "0.40 EUR"
commit = "1G"
[[link]]
name = "pni-1"
kind = "pni"
capacity = "10G"
neighbour_asn = 15169
interface = "eth1"
[[link]]
name = "customer-1"
kind = "customer"
capacity = "1G"
interface = "eth2"
"#;
    let path = folder.join("etiage.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn succeeds(arguments: &[&str]) -> String {
    let (status, out, errors) = output(arguments);
    assert!(status.success(), "{arguments:?}: {errors}");
    out
}

fn fails(code: i32, arguments: &[&str]) -> String {
    let (status, _, errors) = output(arguments);
    assert_eq!(status.code(), Some(code), "{arguments:?}: {errors}");
    errors
}

#[test]
fn a_simulated_month_is_reported_and_exported() {
    need_engine();
    let folder = tempfile::tempdir().unwrap();
    let config = &config(folder.path());
    let simulate =
        ["simulate", "-c", config, "--from", "2024-09-25", "--to", "2024-11-01", "--step", "5m"];
    let out = succeeds(&simulate);
    assert!(out.contains("rows in"), "{out}");

    // A second time it would be twice the traffic.
    let error = fails(2, &simulate);
    assert!(error.contains("holds simulated history already (of simulated)"), "{error}");

    let text = succeeds(&["report", "-c", config, "--link", "transit-1", "--month", "2024-10"]);
    assert!(text.contains("8928 of 8928 bins of 5 minutes watched\n"), "{text}");
    assert!(text.contains("EUR") && text.contains("above the commit of 1 Gbit/s"), "{text}");
    let json = succeeds(&[
        "report",
        "-c",
        config,
        "--link",
        "transit-1",
        "--month",
        "2024-10",
        "--format",
        "json",
    ]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let report = &json["report"];
    let p95 = report["in"]["p95_bps"].as_f64().unwrap();
    assert!(p95 > report["in"]["mean_bps"].as_f64().unwrap());
    assert!(p95 < report["in"]["peak_bps"].as_f64().unwrap());
    let bill = report["bill"]["amount"].as_f64().unwrap();
    assert!((bill - p95.max(1e9) / 1e6 * 0.40).abs() < 0.011, "{report}");
    // September was watched for six of its thirty days.
    assert_eq!(report["in"]["change"]["watched"], 0.2);

    for (arguments, expected) in [
        (["--link", "nobody", "--month", "2024-10"], "`nobody` is not a configured link"),
        (["--link", "pni-1", "--month", "2105-01"], "2105-01 is in the future"),
        (["--link", "pni-1", "--month", "2024-07"], "no 5-minute bins in 2024-07"),
    ] {
        let error = fails(2, &[&["report", "-c", config][..], &arguments[..]].concat());
        assert!(error.contains(expected), "{error}");
    }

    let file = folder.path().join("october.csv");
    let file = file.to_str().unwrap();
    let export = [
        "export",
        "-c",
        config,
        "--from",
        "2024-10-01",
        "--to",
        "2024-11-01",
        "--group-by",
        "link,direction",
        "--step",
        "1d",
        "--only",
        "link=transit-1",
        "--output",
        file,
    ];
    succeeds(&export);
    let csv = std::fs::read_to_string(file).unwrap();
    assert_eq!(csv.lines().count(), 1 + 31 * 2, "{csv}");
    let inwards: u64 = csv
        .lines()
        .filter(|line| line.contains("\"in\""))
        .map(|line| line.split(',').nth(3).unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(report["in"]["octets"].as_u64(), Some(inwards), "file and report agree");
    let networks = succeeds(&[
        "export",
        "-c",
        config,
        "--from",
        "2024-10-01",
        "--to",
        "2024-11-01",
        "--group-by",
        "asn",
        "--step",
        "all",
        "--only",
        "link=pni-1",
        "--format",
        "jsonl",
    ]);
    let row: Value = serde_json::from_str(networks.lines().next().unwrap()).unwrap();
    assert_eq!(row["asn"], "15169", "{networks}");
    let error = fails(
        2,
        &[&export[..3], &["--from", "2024-10-01", "--to", "2024-11-01", "--group-by", "colour"]]
            .concat(),
    );
    assert!(error.contains("`colour` is not a dimension"), "{error}");
}

#[test]
fn what_cannot_be_simulated_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = &config(folder.path());
    for (arguments, expected) in [
        (["--from", "2024-11-01", "--to", "2024-10-01"], "not a single interval"),
        (["--from", "1960-01-01", "--to", "2024-10-01"], "between 1970 and 2106"),
        (["--probe", "not a name", "--seed", "1"], "--probe: a name is made of"),
        (["--from", "yesterday", "--seed", "1"], "write 2026-11-21 or"),
        (["--links", "0", "--seed", "1"], "0 is not in 1..=1000"),
    ] {
        let error = fails(2, &[&["simulate", "-c", config][..], &arguments[..]].concat());
        assert!(error.contains(expected), "{error}");
    }
}
