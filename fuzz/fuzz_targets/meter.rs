//! Any frames at any times: what the batches hold adds up to what came in.

#![no_main]

use std::sync::{Arc, OnceLock};

use etiage_aggregator::{Live, Meter, MeterSettings};
use etiage_capture::flow::FlowSettings;
use etiage_capture::source::Frame;
use etiage_capture::{LinkLayer, LinkMap, LinkRule, Timestamp, private_prefixes};
use etiage_classifier::{Classifier, Knowledge, Rules};
use etiage_fuzz::{Choices, LAYERS, ip_packet};
use libfuzzer_sys::fuzz_target;

fn meter(max_flows: u32) -> (Meter, Arc<Live>) {
    static RULES: OnceLock<Arc<Rules>> = OnceLock::new();
    let rules =
        RULES.get_or_init(|| Arc::new(Rules::builtin().expect("the rules that come with it")));
    // One link by prefix, one for the other IP version's frames; the rest is no link's.
    let prefix = |text: &str| LinkRule {
        prefixes: text.parse().into_iter().collect(),
        ..LinkRule::default()
    };
    let links = vec![prefix("192.0.2.0/24"), prefix("2001:db8::/32")];
    let link_names: Vec<Arc<str>> = vec!["a".into(), "b".into()];
    let settings = MeterSettings {
        probe: "fuzz".into(),
        links: Arc::new(LinkMap::new(links, private_prefixes())),
        link_names: link_names.clone(),
        flows: FlowSettings { max_flows, ..FlowSettings::default() },
        vlan_in_key: true,
    };
    let live = Arc::new(Live::new(link_names));
    let classifier = Classifier::new(rules.clone(), Arc::new(Knowledge::with_capacity(64)));
    (Meter::new(&settings, classifier, Some(live.clone())), live)
}

fuzz_target!(|octets: &[u8]| {
    let mut choices = Choices::new(octets);
    let (mut meter, live) = meter(u32::from(choices.octet() & 7));
    let mut now = Timestamp::from_secs(1_700_000_000);
    let (mut octets_in, mut packets_in) = (0, 0);
    let mut batches = Vec::new();
    while !choices.is_empty() {
        now = choices.step(now);
        let kind = choices.octet();
        let (layer, data) = if kind & 3 == 3 {
            (choices.one_of(&LAYERS), choices.piece().to_vec())
        } else {
            (LinkLayer::RawIp, ip_packet(&mut choices))
        };
        let cut = data.len() - data.len().min(usize::from(kind >> 6) * 3);
        let frame = Frame { timestamp: now, octets: data.len() as u32, data: &data[..cut] };
        meter.frame(0, layer, &frame, &mut ());
        octets_in += u64::from(frame.octets);
        packets_in += 1;
        batches.extend(meter.take_batches());
    }
    meter.finish(&mut ());
    batches.extend(meter.take_batches());
    let unmapped = live.snapshot().unmapped;
    let volumes = || batches.iter().flat_map(|batch| &batch.volumes);
    let observations = || batches.iter().flat_map(|batch| &batch.observations);
    let octets_out = volumes().map(|volume| volume.octets).sum::<u64>();
    let packets_out = volumes().map(|volume| volume.packets).sum::<u64>();
    assert_eq!(octets_out + unmapped.octets, octets_in);
    assert_eq!(packets_out + unmapped.packets, packets_in);
    assert_eq!(observations().map(|link| link.octets).sum::<u64>(), octets_out);
    assert_eq!(observations().map(|link| link.packets).sum::<u64>(), packets_out);
    let flows = volumes().map(|volume| volume.flows).sum::<u64>();
    assert_eq!(flows, live.snapshot().flows_started);
});
