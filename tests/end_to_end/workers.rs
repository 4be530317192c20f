//! Results do not depend on the number of workers: the same totals, the same flows.

use std::process::Stdio;

use crate::support::{capture, captures, etiage, output};
use serde_json::Value;

/// What classify prints about all captures at once, one recording after the other.
fn classify(workers: u8, arguments: &[&str]) -> String {
    let mut command = etiage(&["classify", "--workers", &workers.to_string(), "--format", "json"]);
    let output = command.args(arguments).args(captures()).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn any_number_of_workers_gives_the_same_totals() {
    let one: Value = serde_json::from_str(&classify(1, &[])).unwrap();
    assert!(one["packets"].as_u64().unwrap() > 30_000);
    for workers in [2, 3, 4] {
        let many: Value = serde_json::from_str(&classify(workers, &[])).unwrap();
        assert_eq!(one, many, "{workers} workers");
    }
}

#[test]
fn any_number_of_workers_gives_the_same_flows() {
    let rows = |workers| {
        let text = classify(workers, &["--flows"]);
        let mut rows: Vec<_> = text.lines().map(str::to_owned).collect();
        rows.sort_unstable();
        rows
    };
    let one = rows(1);
    assert!(one.len() > 400);
    for workers in [2, 3, 4] {
        let many = rows(workers);
        assert_eq!(one.len(), many.len(), "{workers} workers");
        let (one, many) = (one.iter(), many.iter());
        let other: Vec<_> = one.zip(many).filter(|(one, many)| one != many).take(3).collect();
        assert!(other.is_empty(), "{workers} workers: {other:#?}");
    }
}

#[test]
fn what_cannot_be_read_is_told_by_several_workers_as_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(capture("ot01_dns.link-a")).unwrap();
    let cut = folder.path().join("cut.pcap");
    std::fs::write(&cut, &whole[..whole.len() - 7]).unwrap();
    let cut = cut.to_str().unwrap();
    let run = |workers| output(&["classify", "--format", "json", "--workers", workers, cut]);
    let (one, two) = (run("1"), run("2"));
    assert_eq!(one.0.code(), Some(1));
    assert_eq!(one, two);
    let (status, _, errors) = output(&["classify", "--workers", "0", cut]);
    assert_eq!(status.code(), Some(2), "{errors}");
}

/// One packet whose time is decades ahead ends no flow and closes no interval.
#[test]
fn an_absurd_time_is_counted_and_moves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut octets = std::fs::read(capture("dd04_http_plain.link-a")).unwrap();
    let plain = folder.path().join("plain.pcap");
    std::fs::write(&plain, &octets).unwrap();
    // The seconds of the hundredth packet.
    let mut at = 24;
    for _ in 0..99 {
        at += 16 + u32::from_le_bytes(octets[at + 8..at + 12].try_into().unwrap()) as usize;
    }
    octets[at..at + 4].copy_from_slice(&4_200_000_000u32.to_le_bytes());
    let absurd = folder.path().join("absurd.pcap");
    std::fs::write(&absurd, &octets).unwrap();
    for workers in ["1", "2"] {
        let totals = |path: &std::path::Path| -> Value {
            let path = path.to_str().unwrap();
            let (status, text, errors) =
                output(&["classify", "--format", "json", "--workers", workers, path]);
            assert!(status.success(), "{errors}");
            serde_json::from_str(&text).unwrap()
        };
        let (plain, mut absurd) = (totals(&plain), totals(&absurd));
        assert_eq!(absurd["dropped"]["implausible_time"], 1);
        assert_eq!(absurd["flows"], 1);
        absurd["dropped"]["implausible_time"] = 0.into();
        assert_eq!(plain, absurd);
    }
}
