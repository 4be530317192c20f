//! An event out of real packets: recordings of before and after, in which a hoster's flows are gone.

use std::io::Write;
use std::path::Path;

use crate::support::{capture, need_engine, output};
use serde_json::Value;

/// 2026-03-12 00:00 UTC, a Thursday.
const THURSDAY: u32 = 1_773_273_600;
const HOUR: u32 = 3600;
const DAY: u32 = 86_400;
/// When the hoster is gone.
const SHUT: u32 = THURSDAY + 19 * HOUR;

/// A packet of a recording: microseconds since its first, length on the wire, what is shown of it.
struct Packet {
    after: u32,
    length: u32,
    octets: Vec<u8>,
}

/// The first packets of a recording. Of those that come after a flow's first only the headers are kept: what
/// counts is their length on the wire.
fn packets(name: &str, count: usize) -> Vec<Packet> {
    let octets = std::fs::read(capture(name)).unwrap();
    let field = |at: usize| u32::from_le_bytes(octets[at..at + 4].try_into().unwrap());
    assert_eq!(field(0), 0xa1b2_c3d4, "a little-endian microsecond pcap");
    let mut packets = Vec::new();
    let (mut at, first) = (24, (field(24), field(28)));
    while packets.len() < count && at < octets.len() {
        let captured = field(at + 8) as usize;
        let kept = if packets.len() < 15 { captured } else { captured.min(90) };
        let after = (field(at) - first.0) * 1_000_000 + field(at + 4) - first.1;
        let octets = octets[at + 16..at + 16 + kept].to_vec();
        packets.push(Packet { after, length: field(at + 12), octets });
        at += 16 + captured;
    }
    assert_eq!(packets.len(), count, "{name} is long enough");
    packets
}

/// A capture of these packets, again in every minute of a span.
fn record(file: &Path, recordings: &[Vec<Packet>], from: u32, to: u32) {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file).unwrap());
    let mut put = |value: u32| out.write_all(&value.to_le_bytes()).unwrap();
    // Version 2.4, UTC, whole packets, Ethernet.
    for value in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1] {
        put(value);
    }
    let mut minute: Vec<&Packet> = recordings.iter().flatten().collect();
    minute.sort_by_key(|packet| packet.after);
    for start in (from..to).step_by(60) {
        for packet in &minute {
            assert!(packet.after < 50_000_000, "it fits a minute");
            for value in [
                start + packet.after / 1_000_000,
                packet.after % 1_000_000,
                packet.octets.len() as u32,
                packet.length,
            ] {
                out.write_all(&value.to_le_bytes()).unwrap();
            }
            out.write_all(&packet.octets).unwrap();
        }
    }
    out.flush().unwrap();
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect()
}

#[test]
fn a_hoster_whose_flows_are_gone_is_a_shutdown() {
    need_engine();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("etiage.toml");
    // Some kilobits a second are all there is.
    let text = "local_prefixes = [\"100.64.0.0/10\", \"2001:db8:6400::/48\"]\n\
                [store]\ndata = \"data\"\n[api]\nlisten = \"127.0.0.1:0\"\n\
                [detection]\nmin_rate = \"500\"\n[[link]]\nname = \"lab\"\nkind = \"transit\"\ninterface = \"any\"\n";
    std::fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();

    let hoster = || packets("dd04_http_plain.link-a", 50);
    let others = || vec![packets("web02_tls.link-a", 50), packets("ot05_rtp.link-a", 25)];
    let with: Vec<_> = others().into_iter().chain([hoster()]).collect();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (morning, evening) = (THURSDAY + 7 * HOUR, THURSDAY + 21 * HOUR);
    for weeks in [2, 1] {
        let file = file("week.pcap");
        let back = weeks * 7 * DAY;
        record(Path::new(&file), &with, morning - back, evening - back);
        let (status, _, error) = output(&["replay", &file, "--config", config]);
        assert!(status.success(), "{error}");
    }
    let (before, after) = (file("before.pcap"), file("after.pcap"));
    record(Path::new(&before), &with, morning, SHUT);
    record(Path::new(&after), &others(), SHUT, evening);
    let (status, _, error) = output(&["replay", &before, &after, "--config", config]);
    assert!(status.success(), "{error}");

    let judged = ["2026-03-12T10:00:00Z", "2026-03-12T20:55:00Z"];
    let (status, report, error) = output(&[
        "backtest", "--config", config, "--from", judged[0], "--to", judged[1], "--format", "json",
    ]);
    assert!(status.success(), "{error}");
    let report: Value = serde_json::from_str(&report).unwrap();
    let events = report["events"].as_array().unwrap();
    assert_eq!(events.len(), 1, "{report:#}");
    let (event, explanation) = (&events[0], &events[0]["explanation"]);
    let late = event["onset"].as_i64().unwrap() - i64::from(SHUT);
    assert!((-60..=120).contains(&late), "{late} s");
    assert_eq!((&event["sign"], &event["ended"]), (&Value::from("drop"), &Value::Null));
    assert_eq!(explanation["kind"], "shutdown", "{explanation:#}");
    assert_eq!(names(&explanation["services"])[0], "1fichier");
    assert_eq!(names(&explanation["categories"])[0], "direct-download");
    let share = explanation["categories"][0]["share"].as_f64().unwrap();
    assert!(share > 0.95, "{share}");
}
