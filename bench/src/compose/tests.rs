use std::collections::{HashMap, HashSet};
use std::path::Path;

use etiage_capture::decode::{Content, decode};
use etiage_capture::source::Savefile;

use super::*;

const RECORDINGS: [&str; 4] = [
    "bt05_dht.link-a.pcap",
    "enc_pppoe__bt03_utp_plain.link-a.pcap",
    "enc_sll__bt05_dht.link-a.pcap",
    "ot01_dns.link-a.pcap",
];

fn composed(name: &str, megabytes: u64, packets: u64) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/captures");
    let recordings = RECORDINGS.map(|name| captures.join(name)).to_vec();
    let out = folder.path().to_owned();
    run(&Arguments { recordings, out, megabytes, packets }).unwrap();
    std::fs::read(folder.path().join(name)).unwrap()
}

/// A packet's time, its ends in a fixed order, its octets.
type Seen = (u64, Option<(String, String)>, Vec<u8>);

fn packets(capture: &[u8]) -> Vec<Seen> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capture.pcap");
    std::fs::write(&file, capture).unwrap();
    let mut savefile = Savefile::open(&file).unwrap();
    let layer = savefile.link_layer();
    let mut packets = Vec::new();
    while let Some(frame) = savefile.next_frame().unwrap() {
        let decoded = decode(layer, frame.data);
        let ends = match &decoded.content {
            Content::Packet(packet, _) => {
                let mut ends = [packet.source.to_string(), packet.destination.to_string()];
                ends.sort();
                let [one, other] = ends;
                Some((one, other))
            }
            _ => None,
        };
        packets.push((frame.timestamp.as_nanos(), ends, frame.data.to_vec()));
    }
    packets
}

#[test]
fn the_same_recordings_give_the_same_file() {
    assert_eq!(composed("mixed.pcap", 2, 100), composed("mixed.pcap", 2, 100));
}

#[test]
fn it_is_as_large_as_was_asked_for_and_in_order() {
    let capture = composed("mixed.pcap", 3, 100);
    let packets = packets(&capture);
    let octets: usize = packets.iter().map(|(_, _, data)| data.len()).sum();
    assert!(octets >= 3_000_000, "{octets}");
    assert!(packets.is_sorted_by_key(|(time, ..)| *time));
}

#[test]
fn each_copy_has_flows_of_its_own() {
    let flows = |capture: &[u8]| -> HashSet<_> {
        packets(capture).into_iter().filter_map(|(_, ends, _)| ends).collect()
    };
    // One copy of these is 0.9 MB.
    let (two, three) =
        (flows(&composed("mixed.pcap", 1, 1)).len(), flows(&composed("mixed.pcap", 2, 1)).len());
    assert!(two > 100, "{two}");
    assert_eq!(two * 3, three * 2);
}

#[test]
fn short_flows_are_short() {
    let mut counts = HashMap::new();
    let capture = composed("short.pcap", 0, 5_000);
    let packets = packets(&capture);
    assert!(packets.len() >= 5_000);
    for (_, ends, _) in packets {
        *counts.entry(ends.unwrap()).or_insert(0) += 1;
    }
    assert!(counts.values().all(|count| *count <= SHORT));
    assert!(counts.len() > 500, "{}", counts.len());
}
