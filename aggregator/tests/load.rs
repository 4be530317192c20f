//! The meter when there is too much: floods, too little memory, and steps of pressure.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::sync::Arc;

use etiage_aggregator::{
    Batch, Counted, FlowRecord, FlowSink, Live, LiveSnapshot, Meter, MeterSettings, Observation,
    Pressure,
};
use etiage_capture::flow::{FlowEndReason, FlowSettings};
use etiage_capture::source::Frame;
use etiage_capture::{LinkLayer, LinkMap, Timestamp};
use etiage_classifier::{Classifier, Rules};

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

#[derive(Default)]
struct Records(Vec<FlowRecord>);

impl FlowSink for Records {
    fn flow(&mut self, record: &FlowRecord) {
        self.0.push(*record);
    }
}

struct Bench {
    meter: Meter,
    live: Arc<Live>,
    records: Records,
    batches: Vec<Batch>,
    put_in: Counted,
    nanos: u64,
}

impl Bench {
    fn new(flows: FlowSettings) -> Self {
        let live = Arc::new(Live::new(vec!["all".into()]));
        let settings = MeterSettings {
            probe: "test".into(),
            links: Arc::new(LinkMap::everything()),
            link_names: vec!["all".into()],
            flows,
            vlan_in_key: false,
        };
        let classifier = Classifier::new(Arc::new(Rules::default()), Arc::default());
        Self {
            meter: Meter::new(&settings, classifier, Some(live.clone())),
            live,
            records: Records::default(),
            batches: Vec::new(),
            put_in: Counted::default(),
            nanos: 1_700_000_000_000_000_000,
        }
    }

    /// A TCP segment of the client with this number, or of its server.
    fn tcp(&mut self, client: u32, answers: bool, flags: u8, payload: &[u8]) {
        let mut ends = [(10 << 24 | client & 0xffff, 1024), (198 << 24 | 1, 22)];
        ends[0].1 += (client >> 16) as u16;
        if answers {
            ends.swap(0, 1);
        }
        let total = (40 + payload.len() as u16).to_be_bytes();
        let mut octets = [&[0x45, 0][..], &total, &[0, 1, 0x40, 0, 64, 6, 0, 0]].concat();
        octets.extend(ends.iter().flat_map(|(address, _): &(u32, u16)| address.to_be_bytes()));
        octets.extend(ends.iter().flat_map(|(_, port)| port.to_be_bytes()));
        let sequence = if flags & SYN != 0 { 231 } else { 232 };
        octets.extend([0, 0, 3, sequence, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        octets.extend(payload);
        self.nanos += 1000;
        let timestamp = Timestamp::from_nanos(self.nanos);
        let frame = Frame { timestamp, octets: 14 + octets.len() as u32, data: &octets };
        self.meter.frame(0, LinkLayer::RawIp, &frame, &mut self.records);
        self.put_in.count(frame.octets);
        self.batches.extend(self.meter.take_batches());
    }

    /// A connection to a server of SSH, as far as its greeting.
    fn connect(&mut self, client: u32) {
        self.tcp(client, false, SYN, &[]);
        self.tcp(client, true, SYN | ACK, &[]);
        self.tcp(client, true, ACK, b"SSH-2.0-OpenSSH_9.6\r\n");
    }

    fn finish(&mut self) -> LiveSnapshot {
        self.meter.finish(&mut self.records);
        self.batches.extend(self.meter.take_batches());
        let live = self.live.snapshot();
        assert_eq!(live.received, self.put_in);
        assert_eq!(self.sum(|link| link.packets), self.put_in.packets);
        assert_eq!(self.sum(|link| link.octets), self.put_in.octets);
        live
    }

    fn sum(&self, of: impl Fn(&Observation) -> u64) -> u64 {
        self.batches.iter().flat_map(|batch| &batch.observations).map(of).sum()
    }

    /// Octets of this protocol, or of all.
    fn octets(&self, protocol: Option<&str>) -> u64 {
        let volumes = self.batches.iter().flat_map(|batch| &batch.volumes);
        let wanted = volumes.filter(|row| protocol.is_none_or(|name| *row.protocol == *name));
        wanted.map(|row| row.octets).sum()
    }
}

#[test]
fn a_syn_flood_leaves_what_is_established_alone_and_takes_no_memory() {
    let mut bench = Bench::new(FlowSettings { max_flows: 4000, ..FlowSettings::default() });
    for client in 0..2000 {
        bench.connect(client);
    }
    let mut most = 0;
    for flood in 0..40_000 {
        bench.tcp(100_000 + flood, false, SYN, &[]);
        if flood % 20 == 0 {
            bench.tcp(flood / 20, false, ACK, b"SSH-2.0-client\r\n");
        }
        let stats = bench.meter.stats();
        assert!(stats.table.flows <= 3000 && stats.open_flows <= 1000 + 2000);
        most = most.max(stats.table.octets + stats.open_octets);
    }
    assert!(most < 2 << 20, "{most}");
    let live = bench.finish();
    assert_eq!(bench.octets(None), bench.put_in.octets);
    let evicted = 40_000 - 1000;
    assert_eq!((live.half_open_evicted, live.dropped.table_full), (evicted, 0));
    assert_eq!(bench.sum(|link| link.half_open_evicted), evicted);
    let of = |reason| bench.records.0.iter().filter(move |record| record.reason == reason);
    assert_eq!(of(FlowEndReason::Evicted).count() as u64, evicted);
    let whole = |record: &&FlowRecord| {
        (record.counts.initiator.packets, record.counts.responder.packets) == (2, 2)
    };
    assert_eq!(of(FlowEndReason::Forced).filter(whole).count(), 2000);
}

#[test]
fn without_memory_flows_are_counted_by_their_port() {
    // Room for some hundred flows, and for some that are probed.
    let mut bench = Bench::new(FlowSettings { max_memory: 1 << 16, ..FlowSettings::default() });
    for client in 0..1000 {
        bench.connect(client);
        let stats = bench.meter.stats();
        // A vector may have doubled, and the last flow may have taken what was left.
        assert!(stats.open_octets <= 40_000, "{}", stats.open_octets);
    }
    let live = bench.finish();
    assert_eq!(bench.octets(None), bench.put_in.octets);
    assert_eq!(bench.octets(Some("ssh")), bench.put_in.octets, "by greeting or by port 22");
    assert!(live.half_open_evicted > 0, "of a few packets each");
    assert_eq!(live.dropped.table_full, 0);
}

#[test]
fn under_pressure_new_flows_are_counted_by_port_and_known_ones_stay_known() {
    let mut bench = Bench::new(FlowSettings::default());
    bench.connect(1);
    let before = bench.put_in.octets;
    bench.meter.set_pressure(Pressure::Unprobed);
    bench.tcp(1, false, ACK, &[0; 100]);
    bench.tcp(2, false, ACK, b"\x13BitTorrent protocol");
    bench.meter.set_pressure(Pressure::Normal);
    bench.tcp(2, false, ACK, b"\x13BitTorrent protocol");
    bench.tcp(3, false, ACK, b"\x13BitTorrent protocol");
    let live = bench.finish();
    assert_eq!((live.unprobed_flows, bench.sum(|link| link.unprobed_flows)), (1, 1));
    assert_eq!(bench.octets(Some("ssh")), before + 54 + 100 + 2 * (54 + 20));
    assert_eq!(bench.octets(Some("bittorrent")), 54 + 20);
    assert_eq!(bench.octets(None), bench.put_in.octets);
}

#[test]
fn sampled_flows_stand_for_the_others_and_what_is_received_stays_exact() {
    let mut bench = Bench::new(FlowSettings::default());
    for client in 0..1000 {
        bench.connect(client);
    }
    bench.meter.set_pressure(Pressure::Sampled { halvings: 2 });
    for _ in 0..5 {
        for client in 0..21_000 {
            bench.tcp(client, true, ACK, &[7; 500]);
        }
    }
    let stats = bench.meter.stats();
    assert!((5000..7000).contains(&stats.table.flows), "{}", stats.table.flows);
    // Once it is over every flow is counted for itself, and none of those that stood for others again.
    let estimated = bench.put_in.octets;
    bench.meter.set_pressure(Pressure::Normal);
    for client in 0..21_000 {
        bench.tcp(client, true, ACK, &[7; 500]);
    }
    let exact = bench.put_in.octets - estimated;
    let live = bench.finish();
    assert_eq!(live.sampled_packets, bench.sum(|link| link.sampled_packets));
    assert!((70_000..80_000).contains(&live.sampled_packets), "{}", live.sampled_packets);
    // Of 20,000 flows a quarter was chosen: a standard deviation of 61 flows, 1.2 % of them.
    let off = (bench.octets(None) - exact).abs_diff(estimated) as f64 / estimated as f64;
    assert!(off < 0.06, "{off}");
    let flows = bench.batches.iter().flat_map(|b| &b.volumes).map(|row| row.flows).sum::<u64>();
    // Those that were there, four for each of a quarter, and the three quarters that came after.
    assert!((1000 + 19_000 + 14_000..1000 + 21_000 + 16_000).contains(&flows), "{flows}");
}
