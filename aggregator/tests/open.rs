//! What the open intervals hold so far: with what has closed it is, at any moment, what was received.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use etiage_aggregator::{Batch, Counted, Direction, Meter, MeterSettings};
use etiage_capture::LinkMap;
use etiage_capture::flow::FlowSettings;
use etiage_capture::source::Frame;
use etiage_classifier::{Classifier, Knowledge, Rules};
use support::{Recorded, fixtures, read};

fn add<'a>(sums: &mut BTreeMap<Direction, Counted>, batches: impl IntoIterator<Item = &'a Batch>) {
    for volume in batches.into_iter().flat_map(|batch| &batch.volumes) {
        let sum = sums.entry(volume.direction).or_default();
        sum.octets += volume.octets;
        sum.packets += volume.packets;
    }
}

#[test]
fn open_and_closed_intervals_together_are_what_was_received() {
    let settings = MeterSettings {
        probe: "test".into(),
        links: Arc::new(LinkMap::everything()),
        link_names: vec!["all".into()],
        flows: FlowSettings::default(),
        vlan_in_key: false,
    };
    let rules = Arc::new(Rules::builtin().unwrap());
    for name in ["dd01_https_h1", "bt01_tcp_plain", "ot01_dns"] {
        let recording = read(&fixtures().join(format!("{name}.link-a.pcap")));
        let knowledge = Arc::new(Knowledge::with_capacity(1000));
        let mut meter = Meter::new(&settings, Classifier::new(rules.clone(), knowledge), None);
        let mut closed = BTreeMap::new();
        let (mut received, mut most) = (0, 0);
        for (number, Recorded { timestamp, octets, data }) in recording.frames.iter().enumerate() {
            let frame = Frame { timestamp: *timestamp, octets: *octets, data };
            meter.frame(0, recording.layer, &frame, &mut ());
            received += u64::from(*octets);
            add(&mut closed, &meter.take_batches());
            // Often at the beginning, where flows have no verdict yet.
            if number > 100 && number % 97 != 0 {
                continue;
            }
            let open = meter.open_batches();
            let mut sums = closed.clone();
            add(&mut sums, &open);
            let sum: u64 = sums.values().map(|counted| counted.octets).sum();
            assert_eq!(sum, received, "{name}, packet {number}");
            for batch in &open {
                let volumes: u64 = batch.volumes.iter().map(|volume| volume.octets).sum();
                assert_eq!(volumes, batch.observations[0].octets, "{name}, packet {number}");
            }
            let unknown = open.iter().flat_map(|batch| &batch.volumes);
            let unknown = unknown.filter(|volume| &*volume.category == "unknown");
            most = unknown.map(|volume| volume.octets).sum::<u64>().max(most);
        }
        assert!(most > 0, "{name}: nothing has waited");
        meter.finish(&mut ());
        assert_eq!(meter.open_batches(), []);
        let mut sums = closed;
        add(&mut sums, &meter.take_batches());
        assert_eq!(sums.values().map(|counted| counted.octets).sum::<u64>(), received);
    }
}
