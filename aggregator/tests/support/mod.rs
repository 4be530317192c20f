//! Recorded flows for tests: read, changed by them, and classified by a meter.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use etiage_aggregator::{FlowRecord, FlowSink, Meter, MeterSettings};
use etiage_capture::decode::{self, Content};
use etiage_capture::flow::FlowSettings;
use etiage_capture::source::{Frame, Savefile};
use etiage_capture::{LinkLayer, LinkMap, Packet, Timestamp, Transport};
use etiage_classifier::{Classifier, Knowledge, Rules, Verdict};

pub(crate) mod packets;

#[derive(Clone)]
pub(crate) struct Recorded {
    pub(crate) timestamp: Timestamp,
    pub(crate) octets: u32,
    pub(crate) data: Vec<u8>,
}

pub(crate) struct Recording {
    pub(crate) layer: LinkLayer,
    pub(crate) frames: Vec<Recorded>,
}

pub(crate) type FlowKey = (Transport, SocketAddr, SocketAddr);

pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/captures")
}

pub(crate) fn read(path: &Path) -> Recording {
    let mut file = Savefile::open(path).unwrap();
    let layer = file.link_layer();
    let mut frames = Vec::new();
    while let Some(Frame { timestamp, octets, data }) = file.next_frame().unwrap() {
        frames.push(Recorded { timestamp, octets, data: data.to_vec() });
    }
    Recording { layer, frames }
}

/// The packet in a frame, and where its payload lies in it.
pub(crate) fn packet(
    layer: LinkLayer,
    frame: &Recorded,
) -> Option<(Packet<'_>, std::ops::Range<usize>)> {
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

pub(crate) fn classify(layer: LinkLayer, frames: &[Recorded]) -> BTreeMap<FlowKey, (Verdict, u64)> {
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

/// The captures of fixtures/captures.
pub(crate) fn recordings() -> Vec<PathBuf> {
    let files = captures(&fixtures());
    assert!(files.len() >= 30, "{}", files.len());
    files
}

/// The captures in a folder.
pub(crate) fn captures(folder: &Path) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "pcap"));
    files.sort();
    files
}
