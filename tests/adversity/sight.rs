//! What `etiage classify` sees under a flood of small flows, and what it says taught it a name.

use std::path::Path;
use std::time::Duration;

use crate::support::reliability::{Outcome, report};
use crate::support::{capture, output};
use etiage_capture::Timestamp;
use etiage_capture::source::Savefile;
use serde_json::Value;

const SYN: u8 = 2;
const ACK: u8 = 16;
/// Exchanges of DNS a second, and for how long.
const RATE: u64 = 25_000;
const SECONDS: u64 = 4;

type End = ([u8; 4], u16);

/// Frames with their times.
#[derive(Default)]
struct Pcap(Vec<(Timestamp, Vec<u8>)>);

impl Pcap {
    fn ip(&mut self, at: Timestamp, (from, to): (End, End), protocol: u8, inner: &[u8]) {
        let mut data = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
        data.extend((24 + inner.len() as u16).to_be_bytes());
        data.extend([0, 1, 0, 0, 64, protocol, 0, 0]);
        data.extend([from.0, to.0].concat());
        data.extend([from.1.to_be_bytes(), to.1.to_be_bytes()].concat());
        data.extend(inner);
        self.0.push((at, data));
    }

    fn udp(&mut self, at: Timestamp, ends: (End, End), payload: &[u8]) {
        let length = (8 + payload.len() as u16).to_be_bytes();
        self.ip(at, ends, 17, &[&length[..], &[0, 0], payload].concat());
    }

    fn tcp(&mut self, at: Timestamp, ends: (End, End), sequence: u32, flags: u8, payload: &[u8]) {
        let header =
            [&sequence.to_be_bytes()[..], &[0, 0, 0, 2, 0x50, flags], &[255, 255, 0, 0, 0, 0]];
        self.ip(at, ends, 6, &[&header.concat(), payload].concat());
    }

    fn write(mut self, path: &Path) {
        self.0.sort_by_key(|(at, _)| *at);
        let mut octets = Vec::new();
        octets.extend(0xa1b2_3c4d_u32.to_le_bytes());
        octets.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
        for (at, data) in self.0 {
            let nanos = (at.as_nanos() % 1_000_000_000) as u32;
            let length = data.len() as u32;
            for field in [at.as_secs() as u32, nanos, length, length] {
                octets.extend(field.to_le_bytes());
            }
            octets.extend(data);
        }
        std::fs::write(path, octets).unwrap();
    }
}

fn start() -> Timestamp {
    Timestamp::from_secs(1_700_000_000)
}

/// A question for a name's address, or the answer to it.
fn dns(id: u16, name: &str, address: Option<[u8; 4]>) -> Vec<u8> {
    let (flags, answers) = if address.is_some() { ([0x81, 0x80], 1) } else { ([1, 0], 0) };
    let mut octets = [&id.to_be_bytes()[..], &flags, &[0, 1, 0, answers, 0, 0, 0, 0]].concat();
    for label in name.split('.') {
        octets.push(label.len() as u8);
        octets.extend(label.bytes());
    }
    octets.extend([0, 0, 1, 0, 1]);
    if let Some(address) = address {
        octets.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4]);
        octets.extend(address);
    }
    octets
}

/// The flows that `etiage classify` tells.
fn flows(path: &Path) -> Vec<Value> {
    let (status, rows, errors) =
        output(&["classify", "--flows", "--format", "json", path.to_str().unwrap()]);
    assert!(status.success(), "{errors}");
    rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect()
}

/// Octets of direct downloads.
fn downloads(flows: &[Value]) -> u64 {
    let of = |flow: &Value, field: &str| flow[field].as_u64().unwrap();
    flows
        .iter()
        .filter(|flow| flow["category"] == "direct-download")
        .map(|flow| of(flow, "src_octets") + of(flow, "dst_octets"))
        .sum()
}

#[test]
fn downloads_are_seen_among_25_000_exchanges_of_dns_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let hosters = || {
        let mut pcap = Pcap::default();
        for name in ["dd01_https_h1", "dd02_h2", "dd03_quic", "dd04_http_plain"] {
            let mut file = Savefile::open(&capture(&format!("{name}.link-a"))).unwrap();
            let mut first = None;
            while let Some(frame) = file.next_frame().unwrap() {
                let since = frame.timestamp.since(*first.get_or_insert(frame.timestamp));
                let at = start().after(Duration::from_secs(SECONDS / 2) + since / 4);
                assert_eq!(frame.data.len(), frame.octets as usize);
                pcap.0.push((at, frame.data.to_vec()));
            }
        }
        pcap
    };
    let (alone, flooded) = (folder.path().join("alone.pcap"), folder.path().join("flooded.pcap"));
    hosters().write(&alone);
    let mut pcap = hosters();
    for number in 0..SECONDS * RATE {
        let at = start().after(Duration::from_nanos(1_000_000_000 / RATE * number));
        let [.., a, b, c] = (number as u32 / 7).to_be_bytes();
        let ends =
            (([100, 64 + a, b, c], 1024 + (number % 60_000) as u16), ([198, 51, 100, 53], 53));
        let name = format!("host-{number}.example.org");
        pcap.udp(at, ends, &dns(number as u16, &name, None));
        let answer = dns(number as u16, &name, Some([203, 0, b, c]));
        pcap.udp(at, (ends.1, ends.0), &answer);
    }
    pcap.write(&flooded);
    let expected = downloads(&flows(&alone));
    assert!(expected > 5_000_000, "{expected}");
    let seen = downloads(&flows(&flooded));
    report(Outcome {
        fault: "25,000 exchanges of DNS a second beside downloads: octets with a wrong class",
        times: 1,
        lost: expected.saturating_sub(seen),
        doubled: seen.saturating_sub(expected),
        recovery: None,
        of: expected,
    });
    assert_eq!(seen, expected);
}

#[test]
fn what_taught_a_name_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("asked.pcap");
    let (client, server) = (([100, 64, 0, 1], 40_000), ([203, 0, 113, 9], 80));
    let resolver = ([192, 0, 2, 53], 53);
    let mut pcap = Pcap::default();
    let at = |millis| start().after(Duration::from_millis(millis));
    pcap.udp(at(0), (client, resolver), &dns(7, "mega.nz", None));
    pcap.udp(at(1), (resolver, client), &dns(7, "mega.nz", Some(server.0)));
    // An answer that nobody asked for.
    pcap.udp(at(2), (([198, 51, 100, 7], 53), client), &dns(8, "www.youtube.com", Some(server.0)));
    pcap.tcp(at(3), (client, server), 1, SYN, b"");
    pcap.tcp(at(4), (server, client), 1, SYN | ACK, b"");
    pcap.tcp(at(5), (client, server), 2, ACK, b"GET /file HTTP/1.0\r\n\r\n");
    pcap.tcp(at(6), (server, client), 2, ACK, b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nfile");
    pcap.write(&path);
    let flows = flows(&path);
    let web = flows.iter().find(|flow| flow["dport"] == 80).unwrap();
    assert_eq!((&web["service"], &web["confidence"]), (&"mega".into(), &80.into()));
    assert_eq!(web["taught_by"], "name: dns, asked of 192.0.2.53");
    let dns = flows.iter().filter(|flow| flow["protocol"] == "dns");
    assert!(dns.clone().count() == 2 && dns.clone().all(|flow| flow["taught_by"].is_null()));
    let (_, table, _) = output(&["classify", "--flows", path.to_str().unwrap()]);
    assert!(table.contains("+dns-name, name: dns, asked of 192.0.2.53\n"), "{table}");
    let (_, csv, _) = output(&["classify", "--flows", "--format", "csv", path.to_str().unwrap()]);
    assert!(csv.contains("+dns-name,\"name: dns, asked of 192.0.2.53\"\n"), "{csv}");
}
