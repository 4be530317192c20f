//! Recorded flows, changed on their way to the meter: names taken away, packets repeated, out of order,
//! sent again with other content. What a flow is called must not follow.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use etiage_aggregator::{FlowRecord, FlowSink, Meter, MeterSettings};
use etiage_capture::decode::{self, Content};
use etiage_capture::flow::FlowSettings;
use etiage_capture::source::{Frame, Savefile};
use etiage_capture::{LinkLayer, LinkMap, Packet, Timestamp, Transport};
use etiage_classifier::{
    Category, Classifier, Evidence, Knowledge, Protocol, Rules, SETTLED, Verdict,
};

#[derive(Clone)]
struct Recorded {
    timestamp: Timestamp,
    octets: u32,
    data: Vec<u8>,
}

struct Recording {
    layer: LinkLayer,
    frames: Vec<Recorded>,
}

type FlowKey = (Transport, SocketAddr, SocketAddr);

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/captures")
}

fn read(path: &Path) -> Recording {
    let mut file = Savefile::open(path).unwrap();
    let layer = file.link_layer();
    let mut frames = Vec::new();
    while let Some(Frame { timestamp, octets, data }) = file.next_frame().unwrap() {
        frames.push(Recorded { timestamp, octets, data: data.to_vec() });
    }
    Recording { layer, frames }
}

/// The packet in a frame, and where its payload lies in it.
fn packet(layer: LinkLayer, frame: &Recorded) -> Option<(Packet<'_>, std::ops::Range<usize>)> {
    let Content::Packet(packet, _) = decode::decode(layer, &frame.data).content else {
        return None;
    };
    let start = packet.payload.as_ptr() as usize - frame.data.as_ptr() as usize;
    Some((packet, start..start + packet.payload.len()))
}

#[derive(Default)]
struct Flows(BTreeMap<FlowKey, (Verdict, u64)>);

impl FlowSink for Flows {
    fn flow(&mut self, record: &FlowRecord) {
        let (one, other) = (record.ends.initiator, record.ends.responder);
        let key = (record.ends.transport, one.min(other), one.max(other));
        let octets = record.counts.initiator.octets + record.counts.responder.octets;
        // A port pair that is used again: the larger flow speaks for it.
        let entry = self.0.entry(key).or_insert((record.verdict, 0));
        if octets >= entry.1 {
            *entry = (record.verdict, octets);
        }
    }
}

fn classify(layer: LinkLayer, frames: &[Recorded]) -> BTreeMap<FlowKey, (Verdict, u64)> {
    static RULES: OnceLock<Arc<Rules>> = OnceLock::new();
    let rules = RULES.get_or_init(|| Arc::new(Rules::builtin().unwrap()));
    let settings = MeterSettings {
        probe: "test".into(),
        links: Arc::new(LinkMap::everything()),
        link_names: vec!["all".into()],
        flows: FlowSettings::default(),
        vlan_in_key: false,
    };
    let classifier = Classifier::new(rules.clone(), Arc::new(Knowledge::with_capacity(100_000)));
    let mut meter = Meter::new(&settings, classifier, None);
    let mut flows = Flows::default();
    for Recorded { timestamp, octets, data } in frames {
        let frame = Frame { timestamp: *timestamp, octets: *octets, data };
        meter.frame(0, layer, &frame, &mut flows);
        meter.take_batches();
    }
    meter.finish(&mut flows);
    flows.0
}

/// Takes the host names out of a recording: TLS's server name becomes an extension that nobody knows,
/// HTTP's host an address, and QUIC's packets with long headers are left out.
fn nameless(recording: &mut Recording) {
    let layer = recording.layer;
    recording.frames.retain_mut(|frame| {
        let Some((packet, place)) = packet(layer, frame) else { return true };
        let quic = packet.transport == Transport::UDP
            && (packet.source.port() == 443 || packet.destination.port() == 443);
        if quic && packet.payload.first().is_some_and(|first| first & 0x80 != 0) {
            return false;
        }
        let payload = &mut frame.data[place];
        if payload.starts_with(&[22, 3]) {
            let server_name = |octets: &[u8]| {
                let [0, 0, a, b, c, d, 0, e, f] = *octets else { return false };
                let [outer, list, name] = [[a, b], [c, d], [e, f]].map(u16::from_be_bytes);
                outer == list + 2 && list == name + 3 && name > 3
            };
            if let Some(at) = payload.windows(9).position(server_name) {
                payload[at..][..2].copy_from_slice(&[0x4a, 0x4a]);
            }
        }
        while let Some(at) = payload.windows(7).position(|octets| octets == b"\nHost: ") {
            let end = payload[at + 7..].iter().position(|octet| *octet == b'\r').unwrap();
            payload[at + 1..at + 7].copy_from_slice(b"hOST:\t");
            payload[at + 7..at + 7 + end].fill(b' ');
            payload[at + 7..at + 14].copy_from_slice(b"8.8.8.8");
        }
        true
    });
}

/// Octets of each category.
fn categories(flows: &BTreeMap<FlowKey, (Verdict, u64)>) -> BTreeMap<Category, u64> {
    let mut sums = BTreeMap::new();
    for (Verdict { class, .. }, octets) in flows.values() {
        if class.protocol == Protocol::Icmp {
            continue;
        }
        *sums.entry(class.category).or_default() += octets;
    }
    sums
}

#[test]
fn downloads_without_any_name_are_found_by_their_shape() {
    let mut sums = BTreeMap::<Category, u64>::new();
    for name in ["dd01_https_h1", "dd02_h2", "dd03_quic", "dd04_http_plain"] {
        let mut recording = read(&fixtures().join(format!("{name}.link-a.pcap")));
        nameless(&mut recording);
        let flows = classify(recording.layer, &recording.frames);
        for (category, octets) in categories(&flows) {
            *sums.entry(category).or_default() += octets;
        }
        for (Verdict { class, evidence, .. }, _) in flows.values() {
            let by_shape = evidence.has(Evidence::SHAPE);
            let unattributed = Rules::default().name(class.service) == "unattributed";
            assert!(class.protocol == Protocol::Icmp || by_shape && unattributed, "{name}");
        }
    }
    let found = sums.get(&Category::DirectDownload).copied().unwrap_or_default();
    let all: u64 = sums.values().sum();
    assert!(found * 100 >= all * 90, "{sums:?}");
}

#[test]
fn nothing_else_without_names_becomes_a_download_or_a_film() {
    for path in recordings() {
        let name = path.file_name().unwrap().to_str().unwrap();
        if !["web", "bt", "p2p", "ot"].iter().any(|start| name.starts_with(start))
            || name.starts_with("ot02")
        {
            continue;
        }
        let recording = read(&path);
        let before = categories(&classify(recording.layer, &recording.frames));
        for category in [Category::DirectDownload, Category::Streaming] {
            assert_eq!(before.get(&category), None, "{name}: {before:?}");
        }
        if name.starts_with("web") {
            let mut recording = recording;
            nameless(&mut recording);
            let after = categories(&classify(recording.layer, &recording.frames));
            assert_eq!(after.keys().collect::<Vec<_>>(), [&Category::Web], "{name}: {after:?}");
        }
    }
}

fn recordings() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(fixtures()).unwrap();
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "pcap"));
    files.sort();
    assert!(files.len() >= 30, "{}", files.len());
    files
}

/// Changes every recording, and compares the categories of its flows with what they were.
fn compare(change: impl Fn(&Recording) -> Vec<Recorded>) {
    let mut differ = BTreeSet::new();
    for path in recordings() {
        let recording = read(&path);
        let before = classify(recording.layer, &recording.frames);
        let after = classify(recording.layer, &change(&recording));
        // What only circumstances tell (sizes, known peers) may change with them.
        for (key, (verdict, _)) in before.iter().filter(|(_, (v, _))| v.confidence >= SETTLED) {
            let class = |verdict: &Verdict| (verdict.class.protocol, verdict.class.category);
            let now = after.get(key).map(|(verdict, _)| class(verdict));
            if now != Some(class(verdict)) {
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                differ.insert((name, *key, verdict.class, now));
            }
        }
    }
    assert!(differ.is_empty(), "{} flows differ: {differ:#?}", differ.len());
}

#[test]
fn every_packet_twice_changes_nothing() {
    compare(|recording| {
        recording.frames.iter().flat_map(|frame| [frame.clone(), frame.clone()]).collect()
    });
}

/// Of the packets with payload that one end of a flow sends before the other answers, each comes at most
/// three places from where it was; the times stay. No answer comes before its question.
#[test]
fn packets_out_of_order_change_nothing() {
    compare(|recording| {
        let mut flights = BTreeMap::<_, Vec<(SocketAddr, Vec<usize>)>>::new();
        for (place, frame) in recording.frames.iter().enumerate() {
            if let Some((packet, _)) = packet(recording.layer, frame)
                && !packet.payload.is_empty()
            {
                let (one, other) = (packet.source, packet.destination);
                let key = (packet.transport, one.min(other), one.max(other));
                let flow = flights.entry(key).or_default();
                match flow.last_mut() {
                    Some((source, places)) if *source == one => places.push(place),
                    _ => flow.push((one, vec![place])),
                }
            }
        }
        let mut frames = recording.frames.clone();
        for four in flights.values().flatten().flat_map(|(_, places)| places.chunks(4)) {
            for (place, to) in four.iter().enumerate() {
                let from = four[(place + four.len() - 1) % four.len()];
                let Recorded { octets, data, .. } = recording.frames[from].clone();
                let timestamp = frames[*to].timestamp;
                frames[*to] = Recorded { timestamp, octets, data };
            }
        }
        frames
    });
}

#[test]
fn tcp_data_sent_again_with_other_content_changes_nothing() {
    compare(|recording| {
        let mut frames = Vec::new();
        for frame in &recording.frames {
            frames.push(frame.clone());
            let Some((packet, place)) = packet(recording.layer, frame) else { continue };
            if packet.transport == Transport::TCP && !place.is_empty() {
                let mut again = frame.clone();
                again.data[place].fill(b'?');
                frames.push(again);
            }
        }
        frames
    });
}

/// Where the shared captures are: films in segments, over TLS, under a name that no rule knows.
#[test]
fn films_in_segments_are_found_by_their_pace() {
    let Some(lab) = std::env::var_os("ETIAGE_LAB") else { return };
    let recording = read(&Path::new(&lab).join("ot04_hls_dash.link-a.pcap"));
    let found = categories(&classify(recording.layer, &recording.frames));
    assert_eq!(found.keys().collect::<Vec<_>>(), [&Category::Streaming], "{found:?}");
}
