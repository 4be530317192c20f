//! `etiage classify` on real captures: each file's class is found, every octet is counted, and the output
//! keeps its contract.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::support::{capture, captures, count_records, etiage, output};
use serde_json::Value;

/// What the truth beside a capture says of a flow, in the words of the product.
fn category(class: &str, app: &str) -> &'static str {
    match (class.trim_end_matches(" (transit)"), app) {
        ("BitTorrent" | "BitTorrent-webseed(HTTP)" | "P2P-other", _) => "p2p",
        ("DirectDownload", "nntps" | "nntp") => "usenet",
        ("DirectDownload", _) => "direct-download",
        ("Web", _) => "web",
        ("DNS", _) => "dns",
        ("Streaming", "rtp/rtcp") => "voip",
        ("Other", "ssh") => "remote-access",
        ("Other", "ftp-control") => "network",
        ("Other", app) if app.starts_with("openvpn") => "vpn",
        ("Unknown", _) => "unknown",
        other => panic!("the truth has a class without a category: {other:?}"),
    }
}

fn end(address: &str, port: u64) -> (std::net::IpAddr, u64) {
    (address.parse().unwrap(), port)
}

/// At least this share of a capture's octets must be found, and nothing else may be called P2P or direct
/// download.
const RECALL: f64 = 0.995;

fn check(name: &str) {
    let truth = std::fs::read_to_string(capture(name).with_extension("json")).unwrap();
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let mut expected = HashMap::new();
    for flow in truth["flows"].as_array().unwrap() {
        let text = |key: &str| flow[key].as_str().unwrap().to_owned();
        let one = end(&text("subscriber"), flow["sub_port"].as_u64().unwrap());
        let other = end(&text("remote"), flow["remote_port"].as_u64().unwrap());
        let key = (text("proto"), one.min(other), one.max(other));
        expected.insert(key, category(&text("class"), &text("app")));
    }
    let file = capture(name);
    let (status, rows, errors) =
        output(&["classify", "--flows", "--format", "json", file.to_str().unwrap()]);
    assert!(status.success(), "{errors}");
    let (mut right, mut all, mut wrong) = (0, 0, Vec::new());
    for row in rows.lines() {
        let flow: Value = serde_json::from_str(row).unwrap();
        let text = |key: &str| flow[key].as_str().unwrap().to_owned();
        let one = end(&text("src"), flow["sport"].as_u64().unwrap());
        let other = end(&text("dst"), flow["dport"].as_u64().unwrap());
        let Some(category) = expected.get(&(text("l4"), one.min(other), one.max(other))) else {
            // What the truth does not list is ICMP and the like: never file sharing.
            assert!(!["p2p", "direct-download"].contains(&text("category").as_str()), "{row}");
            continue;
        };
        let octets = flow["src_octets"].as_u64().unwrap() + flow["dst_octets"].as_u64().unwrap();
        all += octets;
        if text("category") == *category {
            right += octets;
        } else {
            assert!(!["p2p", "direct-download"].contains(&text("category").as_str()), "{row}");
            wrong.push(row.to_owned());
        }
    }
    let recall = right as f64 / all as f64;
    assert!(recall >= RECALL, "{recall:.4} of the octets; the rest: {wrong:#?}");
}

macro_rules! files {
    ($($test:ident $name:literal)+) => {
        $(#[test] fn $test() { check($name); })+
        const TESTED: &[&str] = &[$($name,)+];
    };
}

files! {
    bittorrent_over_tcp "bt01_tcp_plain.link-a"
    bittorrent_encrypted_over_tcp_with_its_tracker_in_sight "bt02_tcp_mse.link-a"
    bittorrent_encrypted_over_utp "bt04_utp_mse.link-a"
    bittorrent_dht "bt05_dht.link-a"
    bittorrent_over_ipv6 "bt06_ipv6_pex.link-a"
    bittorrent_web_seeds "bt07_webseed.link-a"
    bittorrent_local_discovery "bt08_lsd.acc-sub1"
    bittorrent_between_browsers "bt09_webtorrent.link-a"
    hosters_over_https "dd01_https_h1.link-a"
    hosters_over_http2 "dd02_h2.link-a"
    hosters_over_quic "dd03_quic.link-a"
    hosters_over_plain_http "dd04_http_plain.link-a"
    inside_mpls "enc_mpls__bt05_dht.link-b"
    inside_pppoe "enc_pppoe__bt03_utp_plain.link-a"
    inside_qinq "enc_qinq__bt02_tcp_mse.link-b"
    web_http2_as_raw_ip "enc_raw__web03_h2.link-a"
    linux_cooked "enc_sll__bt05_dht.link-a"
    inside_a_vlan "enc_vlan__bt01_tcp_plain.link-a"
    dns "ot01_dns.link-a"
    ftp_with_its_data_connections "ot02_ftp.link-a"
    ssh "ot03_ssh.link-a"
    rtp "ot05_rtp.link-a"
    iperf_is_nothing_known "ot06_iperf3.link-a"
    openvpn "ot07_vpn.link-a"
    news_over_tls "ot08_nntp.link-a"
    edonkey "p2p01_ed2k_plain.link-a"
    edonkey_obfuscated_kad "p2p02_ed2k_obfuscated.link-a"
    edonkey_obfuscated_transfer "p2p02_ed2k_obfuscated.link-b"
    direct_connect_nmdc "p2p03_dc_nmdc.link-a"
    direct_connect_adc "p2p04_dc_adc.link-a"
    direct_connect_adc_over_tls "p2p05_dc_adcs.link-a"
    soulseek "p2p06_soulseek.link-a"
    web_http1 "web01_http1.link-a"
    web_tls "web02_tls.link-a"
    web_chromium "web05_chromium.link-a"
    web_websocket "web06_websocket.link-a"
}

#[test]
fn every_capture_has_its_test() {
    for file in captures() {
        let name = file.file_stem().unwrap().to_str().unwrap();
        assert!(TESTED.contains(&name), "{name} has no test");
    }
}

fn totals(file: &Path) -> Value {
    let (status, text, errors) = output(&["classify", "--format", "json", file.to_str().unwrap()]);
    assert!(status.success(), "{errors}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_sum_over_all_classes_is_what_the_capture_holds() {
    for file in captures() {
        let (packets, octets) = count_records(&file);
        let totals = totals(&file);
        assert_eq!(
            (totals["packets"].as_u64(), totals["octets"].as_u64()),
            (Some(packets), Some(octets))
        );
        for list in ["categories", "protocols", "services"] {
            let sum = |field: &str| -> u64 {
                totals[list]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|line| line[field].as_u64().unwrap())
                    .sum()
            };
            assert_eq!(
                (sum("packets"), sum("octets")),
                (packets, octets),
                "{list} of {}",
                file.display()
            );
            assert_eq!(Some(sum("flows")), totals["flows"].as_u64());
        }
    }
}

#[test]
fn hosters_are_named() {
    let totals = totals(&capture("dd03_quic.link-a"));
    let services = totals["services"].as_array().unwrap();
    let mut names: Vec<_> = services.iter().map(|line| line["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["1fichier", "mega"]);
}

#[test]
fn the_outputs_keep_their_contract() {
    let file = capture("dd04_http_plain.link-a");
    let file = file.to_str().unwrap();
    let (_, json, _) = output(&["classify", "--format", "json", file]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let keys: Vec<_> = json.as_object().unwrap().keys().collect();
    let mut wanted =
        ["packets", "octets", "flows", "categories", "protocols", "services", "dropped"];
    wanted.sort_unstable();
    assert_eq!(keys, wanted);
    let line: Vec<_> = json["categories"][0].as_object().unwrap().keys().collect();
    assert_eq!(line, ["flows", "name", "octets", "packets"]);
    let (_, csv, _) = output(&["classify", "--format", "csv", file]);
    assert_eq!(
        csv.lines().take(2).collect::<Vec<_>>(),
        ["kind,name,flows,packets,octets,share", "category,direct-download,1,812,653979,1.000000"]
    );
    let (_, csv, _) = output(&["classify", "--flows", "--format", "csv", file]);
    let rows: Vec<_> = csv.lines().collect();
    assert_eq!(
        rows[0],
        "first_seen,last_seen,l4,src,sport,dst,dport,src_packets,src_octets,dst_packets,dst_octets,\
         protocol,service,category,confidence,evidence,taught_by"
    );
    assert_eq!(rows.len(), 2);
    let fields: Vec<_> = rows[1].split(',').collect();
    assert_eq!(fields.len(), 17);
    assert_eq!(fields[2..7], ["tcp", "100.64.10.11", "47746", "198.18.33.7", "80"]);
    assert_eq!(fields[11..14], ["http", "1fichier", "direct-download"]);
    let (_, json, _) = output(&["classify", "--flows", "--format", "json", file]);
    let flow: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    let names: Vec<_> = flow.as_object().unwrap().keys().map(String::as_str).collect();
    let mut header: Vec<_> = rows[0].split(',').collect();
    header.sort_unstable();
    assert_eq!(names, header, "JSON has the same names");
    let (_, table, _) = output(&["classify", file]);
    assert!(table.starts_with("812 packets, 653979 octets, 1 flows\n"), "{table}");
    assert!(table.contains("100.00 %"), "{table}");
}

#[test]
fn reads_standard_input_and_several_files() {
    let file = capture("ot01_dns.link-a");
    let mut child = etiage(&["classify", "--format", "json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&std::fs::read(&file).unwrap()).unwrap();
    let piped = child.wait_with_output().unwrap();
    assert!(piped.status.success());
    let piped: Value = serde_json::from_slice(&piped.stdout).unwrap();
    assert_eq!(piped, totals(&file));
    // The second file is older than the first: another recording, counted all the same.
    let other = capture("enc_raw__web03_h2.link-a");
    let (status, both, errors) =
        output(&["classify", "--format", "json", other.to_str().unwrap(), file.to_str().unwrap()]);
    assert!(status.success(), "{errors}");
    let both: Value = serde_json::from_str(&both).unwrap();
    let packets = totals(&other)["packets"].as_u64().unwrap() + piped["packets"].as_u64().unwrap();
    assert_eq!(both["packets"].as_u64(), Some(packets));
}

/// Captures that others made, hundreds of them malformed on purpose: each is counted to the last octet, or
/// refused with a reason; none ends the program otherwise.
#[test]
fn no_capture_of_the_corpus_ends_the_program() {
    let Some(corpus) = std::env::var_os("ETIAGE_CORPUS") else {
        crate::support::skipped("ETIAGE_CORPUS names no folder");
        return;
    };
    let folders =
        std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path().join("pcap"));
    let mut read = 0;
    for file in
        folders.filter(|folder| folder.is_dir()).flat_map(|folder| folder.read_dir().unwrap())
    {
        let file = file.unwrap().path();
        let (status, text, errors) =
            output(&["classify", "--format", "json", file.to_str().unwrap()]);
        match status.code() {
            Some(0) => {
                let totals: Value = serde_json::from_str(&text).unwrap();
                let sum: u64 = (totals["categories"].as_array().unwrap().iter())
                    .map(|line| line["octets"].as_u64().unwrap())
                    .sum();
                assert_eq!(totals["octets"].as_u64(), Some(sum), "{}", file.display());
                read += 1;
            }
            Some(1) => assert!(errors.starts_with("etiage: "), "{}: {errors}", file.display()),
            _ => panic!("{}: {status}: {errors}", file.display()),
        }
    }
    assert!(read > 100, "only {read} captures could be read");
}
