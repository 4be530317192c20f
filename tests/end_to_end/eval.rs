//! `etiage eval`: the accuracy that the classifier must show, and the command's own contract.
//!
//! The floors hold on fixtures/captures always, and on two larger collections where these variables
//! name them: ETIAGE_LAB, recordings with sidecars, and ETIAGE_CORPUS, captures with flow labels.

use std::path::{Path, PathBuf};

use crate::support::{capture, output, root};
use serde_json::Value;

/// What an evaluation says of these folders and captures.
fn eval(options: &[&str], paths: &[PathBuf]) -> Value {
    let paths = paths.iter().map(|path| path.to_str().unwrap());
    let arguments: Vec<_> = ["eval", "--format", "json"]
        .into_iter()
        .chain(options.iter().copied())
        .chain(paths)
        .collect();
    let (status, report, errors) = output(&arguments);
    assert!(status.success(), "{errors}");
    serde_json::from_str(&report).unwrap()
}

fn named(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        crate::support::skipped(&format!("{variable} does not name the folder of its captures"));
    }
    folder
}

/// The fixtures, and the lab if it is there.
fn recordings() -> Vec<PathBuf> {
    let fixtures = root().join("fixtures/captures");
    [Some(fixtures), named("ETIAGE_LAB")].into_iter().flatten().collect()
}

/// Captures of a folder whose names begin with one of these.
fn beginning(folder: &Path, prefixes: &[&str]) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| {
        let name = file.file_name().unwrap().to_str().unwrap();
        name.ends_with(".pcap") && prefixes.iter().any(|prefix| name.starts_with(prefix))
    });
    files.sort();
    files
}

fn share(score: &Value, part: &str, whole: &str) -> f64 {
    score[part].as_f64().unwrap() / score[whole].as_f64().unwrap()
}

/// The share of judged octets that are called what they are.
fn recall(report: &Value) -> f64 {
    share(&report["judged"], "right_octets", "octets")
}

fn row<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    list.as_array().unwrap().iter().find(|row| row["name"] == name)
}

/// Recall by octets over the captures whose names begin so, in every recording folder.
fn recall_floor(options: &[&str], prefixes: &[&str], floor: f64) {
    for folder in recordings() {
        let files = beginning(&folder, prefixes);
        if files.is_empty() {
            continue;
        }
        let report = eval(options, &files);
        let recall = recall(&report);
        assert!(
            recall >= floor,
            "{recall:.4} of the octets in {}; the rest: {:#}",
            folder.display(),
            report["worst"]
        );
    }
}

#[test]
fn bittorrent_is_found() {
    let prefixes = ["bt01", "bt03", "bt04", "bt05", "bt06", "bt07", "bt08", "enc_mpls"];
    recall_floor(&[], &prefixes, 0.995);
    recall_floor(&[], &["enc_pppoe", "enc_sll", "enc_vlan"], 0.995);
}

#[test]
fn webtorrent_is_found() {
    recall_floor(&[], &["bt09"], 0.995);
}

#[test]
fn encrypted_bittorrent_is_found_with_its_tracker_in_sight() {
    recall_floor(&[], &["bt02", "enc_qinq"], 0.95);
}

#[test]
fn encrypted_bittorrent_is_found_with_nothing_else_in_sight() {
    recall_floor(&["--only", "peer-tcp"], &["bt02", "enc_qinq"], 0.80);
}

#[test]
fn other_peer_to_peer_is_found() {
    recall_floor(&[], &["p2p"], 0.98);
}

#[test]
fn direct_download_is_found_by_name() {
    recall_floor(&[], &["dd"], 0.995);
}

#[test]
fn direct_download_is_found_without_a_name() {
    // The handshakes and requests, and so every name, are among the packets left out. The aim is 0.90:
    // downloads that are too short, or paced, still pass for browsing.
    recall_floor(&["--cut", "first:10"], &["dd"], 0.55);
}

#[test]
fn streaming_is_found() {
    recall_floor(&[], &["ot04"], 0.90);
}

#[test]
fn what_is_called_file_sharing_is() {
    for folder in recordings() {
        for options in [&[][..], &["--cut", "client"], &["--cut", "server"], &["--cut", "first:5"]]
        {
            let report = eval(options, std::slice::from_ref(&folder));
            for category in ["p2p", "direct-download"] {
                let Some(verdict) = row(&report["precision"], category) else { continue };
                for (part, whole) in [("right_octets", "octets"), ("right_flows", "flows")] {
                    let precision = share(verdict, part, whole);
                    assert!(
                        precision >= 0.99,
                        "{precision:.4} of the {whole} called {category} with {options:?}: {:#}",
                        report["worst"]
                    );
                }
                let unjudged = &report["unjudged_categories"][category];
                assert!(unjudged.is_null(), "not in the truth, yet {category}: {unjudged}");
            }
            for cell in report["confusion"].as_array().unwrap() {
                let innocent = ["web", "streaming", "vpn", "voip", "remote-access", "unknown"];
                let truth = cell["truth"].as_str().unwrap();
                assert!(
                    !(cell["verdict"] == "p2p" && innocent.contains(&truth)),
                    "{truth} called peer-to-peer with {options:?}: {:#}",
                    report["worst"]
                );
            }
        }
    }
}

/// Protocol, and the shares of flows that must keep it: from the client's side, from the server's, and
/// without their first five packets.
type Kept = (&'static str, [f64; 3]);

fn kept_floors(paths: &[PathBuf], floors: &[Kept]) {
    for (at, cut) in ["client", "server", "first:5"].into_iter().enumerate() {
        let report = eval(&["--cut", cut], paths);
        for (protocol, floors) in floors {
            let kept = share(&report["kept"][protocol], "with_payload_kept", "with_payload");
            assert!(kept >= floors[at], "{protocol} with {cut}: {kept:.4} keep their label");
        }
    }
}

const KEPT: &[Kept] = &[
    ("tls", [0.95, 0.85, 0.80]),
    ("quic", [0.95, 0.85, 0.80]),
    ("http", [0.95, 0.85, 0.80]),
    ("bittorrent", [0.95, 0.85, 0.80]),
];

/// What is reached on the lab and the corpus together, where there are enough flows for a share.
const KEPT_OF_MANY: &[Kept] = &[
    ("tls", [0.99, 0.965, 0.99]),
    ("quic", [0.99, 0.94, 0.94]),
    ("http", [0.99, 0.975, 0.98]),
    ("bittorrent", [0.99, 0.965, 0.93]),
];

#[test]
fn one_way_and_mid_flow_keep_their_label() {
    for folder in recordings() {
        kept_floors(std::slice::from_ref(&folder), KEPT);
    }
    // The corpus alone has five flows of BitTorrent, too few for a share.
    if let (Some(lab), Some(corpus)) = (named("ETIAGE_LAB"), named("ETIAGE_CORPUS")) {
        kept_floors(&[lab, corpus], KEPT_OF_MANY);
    }
}

#[test]
fn the_labels_of_others_agree() {
    let Some(corpus) = named("ETIAGE_CORPUS") else { return };
    let report = eval(&["--worst", "1000"], &[corpus]);
    let agreement = share(&report["judged"], "right_flows", "flows");
    // docs/accuracy.md lists what differs.
    assert!(agreement >= 0.99, "{agreement:.4} of the flows: {:#}", report["disagreements"]);
    // Each disagreement has its explanation, by the name of its capture.
    let explanations = std::fs::read_to_string(root().join("docs/accuracy.md")).unwrap();
    for flow in report["worst"].as_array().unwrap() {
        let file = Path::new(flow["file"].as_str().unwrap());
        let name = file.file_stem().unwrap().to_str().unwrap();
        assert!(explanations.contains(name), "docs/accuracy.md does not explain {flow:#}");
    }
}

#[test]
fn less_is_unknown_than_to_others() {
    let Some(corpus) = named("ETIAGE_CORPUS") else { return };
    let report = eval(&[], &[corpus]);
    let unknown = &report["labels_unknown"];
    let (ours, theirs) = (unknown["ours"]["octets"].as_f64(), unknown["theirs"]["octets"].as_f64());
    let ratio = ours.unwrap() / theirs.unwrap();
    // docs/accuracy.md lists what is left, most of it noise.
    assert!(ratio <= 0.505, "{ratio:.2} of theirs: {:#}", report["unknown_by_label"]);
}

#[test]
fn known_false_answers_of_others_are_not_repeated() {
    let Some(corpus) = named("ETIAGE_CORPUS") else { return };
    for name in [
        "tcpdump/pcap/PIM-DM_pruning.pcap",
        "tcpdump/pcap/ipv6-srh-insert-cksum.pcap",
        "zeek/pcap/tunnels__Teredo.pcap",
        "zeek/pcap/tunnels__teredo_bubble_with_payload.pcap",
        "zeek/pcap/tunnels__ayiya3.pcap",
    ] {
        let file = corpus.join(name);
        let (status, rows, errors) = output(&["classify", "--flows", file.to_str().unwrap()]);
        assert!(status.success(), "{errors}");
        assert!(!rows.contains("p2p"), "{rows}");
    }
}

/// A capture of the fixtures with a truth of its own form.
fn with_table(rows: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(capture("dd04_http_plain.link-a"), folder.path().join("a.pcap")).unwrap();
    let text = format!("l4,src,sport,dst,dport,protocol,service,category\n{rows}");
    std::fs::write(folder.path().join("a.truth.csv"), text).unwrap();
    folder
}

#[test]
fn a_table_beside_a_capture_is_its_truth() {
    for (judged, right) in [
        ("http,1fichier,direct-download", true),
        ("http,,", true),
        ("tls,,", false),
        (",mega,", false),
        ("http,1fichier,web", false),
    ] {
        // Either end may come first.
        let folder = with_table(&format!("tcp,198.18.33.7,80,100.64.10.11,47746,{judged}\n"));
        let report = eval(&[], &[folder.path().to_owned()]);
        assert_eq!(report["judged"]["flows"], 1);
        assert_eq!(report["judged"]["right_flows"], u64::from(right), "{judged}");
        assert_eq!(report["judged"]["octets"], 653_979);
        assert_eq!(report["worst"].as_array().unwrap().len(), usize::from(!right));
    }
    let folder = with_table("tcp,198.18.33.7,80,100.64.10.11,47746,,,\n");
    let report = eval(&[], &[folder.path().to_owned()]);
    assert_eq!(report["without_opinion"]["flows"], 1);
    let folder = with_table("udp,198.18.33.7,80,100.64.10.11,47746,http,,\n");
    let report = eval(&[], &[folder.path().to_owned()]);
    assert_eq!(report["not_in_truth"]["flows"], 1);
    assert_eq!(report["truth_without_flow"], 1);
}

#[test]
fn a_word_of_truth_that_is_not_known_is_listed() {
    let folder = with_table("tcp,198.18.33.7,80,100.64.10.11,47746,telepathy,,\n");
    let report = eval(&[], &[folder.path().to_owned()]);
    assert_eq!(report["unknown_words"]["protocol telepathy"], 1);
    assert_eq!(
        (&report["judged"]["flows"], &report["without_opinion"]["flows"]),
        (&0.into(), &1.into())
    );
    let (_, text, _) = output(&["eval", folder.path().to_str().unwrap()]);
    assert!(text.contains("protocol telepathy: 1 flows, not judged"), "{text}");
}

/// One packet's absurd time ends no flow here either: the octets stay those of one flow.
#[test]
fn times_are_judged_as_by_the_other_commands() {
    let original = capture("dd04_http_plain.link-a");
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("a.pcap");
    std::fs::copy(original.with_extension("json"), folder.path().join("a.json")).unwrap();
    let mut octets = std::fs::read(&original).unwrap();
    let number =
        |octets: &[u8], at: usize| u32::from_le_bytes(octets[at..at + 4].try_into().unwrap());
    let mut records = vec![24];
    while let Some(at) = records.last().copied().filter(|at| at + 16 < octets.len()) {
        records.push(at + 16 + number(&octets, at + 8) as usize);
    }
    let middle = records[records.len() / 2];
    let late = number(&octets, middle) + 7200;
    octets[middle..middle + 4].copy_from_slice(&late.to_le_bytes());
    std::fs::write(&changed, octets).unwrap();
    let judged = |file: PathBuf| eval(&[], &[file])["judged"].clone();
    assert_eq!(judged(changed), judged(original));
}

#[test]
fn what_cannot_be_used_is_said() {
    let folder = with_table("tcp,nowhere,80,100.64.10.11,47746,http,,\n");
    let (status, _, errors) = output(&["eval", folder.path().to_str().unwrap()]);
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("a.truth.csv") && errors.contains("line: 2"), "{errors}");
    let empty = tempfile::tempdir().unwrap();
    let (status, _, errors) = output(&["eval", empty.path().to_str().unwrap()]);
    assert_eq!(status.code(), Some(2));
    assert!(errors.contains("no capture with truth beside it"), "{errors}");
    let (status, _, errors) = output(&["eval", "--cut", "sideways", "fixtures/captures"]);
    assert_eq!(status.code(), Some(2));
    assert!(errors.contains("`client`, `server` or `first:N`"), "{errors}");
}

#[test]
fn a_cut_leaves_what_it_says() {
    let file = [capture("enc_raw__web03_h2.link-a")];
    let octets = |options: &[&str]| eval(options, &file)["total"]["octets"].as_u64().unwrap();
    let (client, server) = (octets(&["--cut", "client"]), octets(&["--cut", "server"]));
    // Every packet of this capture is of a flow, and each flow has two ends.
    assert_eq!(client + server, octets(&["--cut", "first:0"]));
    assert!(client < server, "{client} {server}");
    assert!(octets(&["--cut", "first:20"]) < client + server);
}

#[test]
fn the_table_is_for_people() {
    let file = capture("enc_raw__web03_h2.link-a");
    let (status, table, errors) = output(&["eval", file.to_str().unwrap()]);
    assert!(status.success(), "{errors}");
    for wanted in ["1 captures, ", "100.00 % of 2 judged flows", "web  ", "confusion: "] {
        assert!(table.contains(wanted), "{wanted}: {table}");
    }
}
