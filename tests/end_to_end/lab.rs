//! `etiage classify` on what `fixtures/lab` recorded: each flow is what its capture's truth says.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::support::{output, root};
use serde_json::Value;

/// At least this share of a capture's octets must be in the truth's category.
const RECALL: f64 = 0.99;

/// Where a wrong word is never allowed, however few octets have it.
const NEVER_WRONG: [&str; 2] = ["p2p", "direct-download"];

type Ends = (String, (IpAddr, u64), (IpAddr, u64));

fn ends(l4: &str, one: (&str, u64), other: (&str, u64)) -> Ends {
    let end = |(address, port): (&str, u64)| (address.parse().unwrap(), port);
    let (one, other) = (end(one), end(other));
    (l4.to_owned(), one.min(other), one.max(other))
}

fn captures() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join("fixtures/lab/captures")).unwrap();
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "pcap"));
    files.sort();
    files
}

/// Protocol and category of each flow, in the words of NAME.truth.csv.
fn truth(capture: &Path) -> HashMap<Ends, (String, String)> {
    let table = std::fs::read_to_string(capture.with_extension("truth.csv")).unwrap();
    let mut rows = table.lines();
    assert_eq!(rows.next(), Some("l4,src,sport,dst,dport,protocol,service,category"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split(',').collect();
        let [l4, src, sport, dst, dport, protocol, _, category] = cells[..] else {
            panic!("{row:?} has not eight cells");
        };
        let key = ends(l4, (src, sport.parse().unwrap()), (dst, dport.parse().unwrap()));
        (key, (protocol.to_owned(), category.to_owned()))
    })
    .collect()
}

fn check(capture: &Path) -> Result<(), String> {
    let truth = truth(capture);
    let file = capture.to_str().unwrap();
    let (status, rows, errors) = output(&["classify", "--flows", "--format", "json", file]);
    assert!(status.success(), "{errors}");
    let (mut right, mut all, mut wrong) = (0, 0, Vec::new());
    for row in rows.lines() {
        let flow: Value = serde_json::from_str(row).unwrap();
        let text = |key: &str| flow[key].as_str().unwrap();
        let number = |key: &str| flow[key].as_u64().unwrap();
        let key = ends(text("l4"), (text("src"), number("sport")), (text("dst"), number("dport")));
        let Some((protocol, category)) = truth.get(&key) else {
            return Err(format!("the truth lacks {row}"));
        };
        let octets = number("src_octets") + number("dst_octets");
        all += octets;
        let fits = |given: &str, wanted: &str| wanted.is_empty() || given == wanted;
        if fits(text("category"), category) && fits(text("protocol"), protocol) {
            right += octets;
        } else {
            wrong.push(row.to_owned());
            if NEVER_WRONG.contains(&text("category")) && text("category") != category {
                return Err(format!("falsely {}: {row}", text("category")));
            }
        }
    }
    let recall = right as f64 / all as f64;
    (recall >= RECALL).then_some(()).ok_or_else(|| format!("{recall:.4} of the octets: {wrong:#?}"))
}

#[test]
fn every_recording_is_what_its_truth_says() {
    let captures = captures();
    assert!(captures.len() >= 7, "fixtures/lab/captures holds {} captures", captures.len());
    let wrong: Vec<String> = captures
        .iter()
        .filter_map(|file| check(file).err().map(|error| format!("{}: {error}", file.display())))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
