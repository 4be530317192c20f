//! The meter's invariants: whatever comes in, whenever, what the batches hold adds up to it.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use etiage_aggregator::{
    Batch, Counted, Direction, FlowRecord, FlowSink, Live, Meter, MeterSettings, Volume,
};
use etiage_capture::flow::{FlowEndReason, FlowSettings};
use etiage_capture::source::Frame;
use etiage_capture::{LinkLayer, LinkMap, LinkRule, Timestamp, Transport, private_prefixes};
use etiage_classifier::{Classifier, Knowledge, Rules};
use proptest::collection::vec;
use proptest::prelude::*;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// A packet before it is written: raw IP, or whatever these octets are.
#[derive(Clone, Debug)]
enum Kind {
    Tcp { flags: u8, sequence: u32 },
    Udp,
    Junk,
}

#[derive(Clone, Debug)]
struct Sent {
    millis: u64,
    kind: Kind,
    /// Last octets of the addresses: below 100 in 10.0.0.0/24, else in 198.51.100.0/24.
    ends: ((u8, u16), (u8, u16)),
    payload: Vec<u8>,
    /// Captured octets are so many less.
    cut: usize,
    /// Octets on the wire are so many more: link-layer headers that a tap does not show.
    more: u32,
}

fn ip(host: u8) -> [u8; 4] {
    if host < 100 { [10, 0, 0, host] } else { [198, 51, 100, host] }
}

impl Sent {
    fn tcp(millis: u64, from: (u8, u16), to: (u8, u16), flags: u8, payload: &[u8]) -> Self {
        let sequence = if flags & SYN != 0 { 999 } else { 1000 };
        let kind = Kind::Tcp { flags, sequence };
        Self { millis, kind, ends: (from, to), payload: payload.into(), cut: 0, more: 14 }
    }

    fn udp(millis: u64, from: (u8, u16), to: (u8, u16), payload: &[u8]) -> Self {
        let payload = payload.into();
        Self { millis, kind: Kind::Udp, ends: (from, to), payload, cut: 0, more: 14 }
    }

    fn octets(&self) -> Vec<u8> {
        let ((from, source), (to, destination)) = self.ends;
        let mut segment = [source.to_be_bytes(), destination.to_be_bytes()].concat();
        let transport = match self.kind {
            Kind::Junk => return self.payload.clone(),
            Kind::Tcp { flags, sequence } => {
                segment.extend(sequence.to_be_bytes());
                segment.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
                Transport::TCP
            }
            Kind::Udp => {
                segment.extend((8 + self.payload.len() as u16).to_be_bytes());
                segment.extend([0, 0]);
                Transport::UDP
            }
        };
        segment.extend(&self.payload);
        let total = (20 + segment.len() as u16).to_be_bytes();
        let header = [&[0x45, 0][..], &total, &[0, 1, 0x40, 0, 64, transport.0, 0, 0]].concat();
        [&header[..], &ip(from), &ip(to), &segment].concat()
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp::from_nanos(self.millis * 1_000_000)
    }
}

/// Start, direction, protocol, category, octets, packets, flows.
type Row<'a> = (u32, Direction, &'a str, &'a str, u64, u64, u64);

#[derive(Default)]
struct Records(Vec<FlowRecord>);

impl FlowSink for Records {
    fn flow(&mut self, record: &FlowRecord) {
        self.0.push(*record);
    }
}

/// A meter with all that came out of it, and what went in.
struct Bench {
    meter: Meter,
    live: Arc<Live>,
    records: Records,
    batches: Vec<Batch>,
    put_in: Counted,
}

/// Link `ten` has 10.0.0.0/28, link `other` 198.51.100.0/24, and what has neither is no link's.
fn links() -> LinkMap {
    let rule =
        |prefix: &str| LinkRule { prefixes: vec![prefix.parse().unwrap()], ..LinkRule::default() };
    LinkMap::new(vec![rule("10.0.0.0/28"), rule("198.51.100.0/24")], private_prefixes())
}

fn knowledge() -> Arc<Knowledge> {
    Arc::new(Knowledge::with_capacity(1000))
}

impl Bench {
    fn new(flows: FlowSettings) -> Self {
        Self::sharing(flows, knowledge())
    }

    fn sharing(flows: FlowSettings, knowledge: Arc<Knowledge>) -> Self {
        static RULES: OnceLock<Arc<Rules>> = OnceLock::new();
        let rules = RULES.get_or_init(|| Arc::new(Rules::builtin().unwrap()));
        let link_names: Vec<Arc<str>> = vec!["ten".into(), "other".into()];
        let live = Arc::new(Live::new(link_names.clone()));
        let settings = MeterSettings {
            probe: "test".into(),
            links: Arc::new(links()),
            link_names,
            flows,
            vlan_in_key: false,
        };
        let classifier = Classifier::new(rules.clone(), knowledge);
        Self {
            meter: Meter::new(&settings, classifier, Some(live.clone())),
            live,
            records: Records::default(),
            batches: Vec::new(),
            put_in: Counted::default(),
        }
    }

    fn send(&mut self, sent: &Sent) {
        let data = sent.octets();
        let octets = data.len() as u32 + sent.more;
        let captured = &data[..data.len() - sent.cut.min(data.len())];
        let frame = Frame { timestamp: sent.timestamp(), octets, data: captured };
        self.meter.frame(0, LinkLayer::RawIp, &frame, &mut self.records);
        self.put_in.count(octets);
        self.batches.extend(self.meter.take_batches());
    }

    /// The same packets, so many at once.
    fn send_batch(&mut self, sent: &[Sent]) {
        let octets: Vec<Vec<u8>> = sent.iter().map(Sent::octets).collect();
        let frames = sent.iter().zip(&octets).map(|(sent, data)| Frame {
            timestamp: sent.timestamp(),
            octets: data.len() as u32 + sent.more,
            data: &data[..data.len() - sent.cut.min(data.len())],
        });
        self.meter.frames(0, LinkLayer::RawIp, frames.clone(), || (), &mut self.records);
        frames.for_each(|frame| self.put_in.count(frame.octets));
        self.batches.extend(self.meter.take_batches());
    }

    fn advance(&mut self, millis: u64) {
        let to = Timestamp::from_nanos(millis * 1_000_000);
        self.meter.advance(to, &mut self.records);
        self.batches.extend(self.meter.take_batches());
    }

    fn finish(&mut self) {
        self.meter.finish(&mut self.records);
        self.batches.extend(self.meter.take_batches());
    }

    fn run(flows: FlowSettings, packets: &[Sent]) -> Self {
        let mut bench = Self::new(flows);
        for packet in packets {
            bench.send(packet);
        }
        bench.finish();
        bench
    }

    fn volumes(&self) -> impl Iterator<Item = &Volume> {
        self.batches.iter().flat_map(|batch| &batch.volumes)
    }

    fn rows<'a>(&'a self) -> Vec<Row<'a>> {
        let of_batch =
            |batch: &'a Batch| batch.volumes.iter().map(move |volume| (batch.start, volume));
        let row = |(start, volume): (u32, &'a Volume)| {
            let Volume { direction, protocol, category, octets, packets, flows, .. } = volume;
            (start, *direction, &**protocol, &**category, *octets, *packets, *flows)
        };
        self.batches.iter().flat_map(of_batch).map(row).collect()
    }
}

fn total<'a>(volumes: impl Iterator<Item = &'a Volume>) -> Counted {
    volumes.fold(Counted::default(), |sum, volume| Counted {
        octets: sum.octets + volume.octets,
        packets: sum.packets + volume.packets,
    })
}

fn bittorrent() -> Vec<u8> {
    [
        &b"\x13BitTorrent protocol"[..],
        &[0, 0, 0, 0, 0, 0x10, 0, 5],
        &[0xab; 20],
        b"-qB4500-abcdefghijkl",
    ]
    .concat()
}

/// A connection from a local peer: three packets of handshake, then BitTorrent's own.
fn connection(at: [u64; 4]) -> [Sent; 4] {
    let (us, them) = ((5, 51413), (200, 6881));
    [
        Sent::tcp(at[0], us, them, SYN, b""),
        Sent::tcp(at[1], them, us, SYN | ACK, b""),
        Sent::tcp(at[2], us, them, ACK, b""),
        Sent::tcp(at[3], us, them, ACK, &bittorrent()),
    ]
}

mod verdicts {
    use super::*;

    #[test]
    fn what_came_before_the_verdict_is_counted_under_it_each_packet_in_its_interval() {
        let packets = connection([99_900, 100_100, 100_200, 100_300]);
        let bench = Bench::run(FlowSettings::default(), &packets);
        assert_eq!(
            bench.rows(),
            [
                (90, Direction::Out, "bittorrent", "p2p", 54, 1, 1),
                (100, Direction::In, "bittorrent", "p2p", 54, 1, 0),
                (100, Direction::Out, "bittorrent", "p2p", 54 + 54 + 68, 2, 0),
            ]
        );
        let record = bench.records.0[0];
        assert_eq!(record.verdict.class.protocol.name(), "bittorrent");
        assert_eq!((record.counts.initiator.packets, record.counts.responder.packets), (3, 1));
        assert_eq!(record.reason, FlowEndReason::Forced);
    }

    #[test]
    fn an_interval_that_closes_before_the_verdict_keeps_what_was_known_then() {
        let packets = connection([90_000, 90_100, 90_200, 125_000]);
        let bench = Bench::run(FlowSettings::default(), &packets);
        let unknown: Vec<_> = bench.rows().into_iter().filter(|row| row.0 == 90).collect();
        assert_eq!(unknown.iter().map(|row| row.5).sum::<u64>(), 3);
        assert!(unknown.iter().all(|row| row.6 == u64::from(row.1 == Direction::Out)));
        assert_eq!(
            bench.rows().last().unwrap(),
            &(120, Direction::Out, "bittorrent", "p2p", 54 + 68, 1, 0,)
        );
    }

    #[test]
    fn a_packet_that_finds_the_table_full_is_counted_by_its_port() {
        let mut bench = Bench::new(FlowSettings { max_flows: 1, ..FlowSettings::default() });
        // A flow of a few packets would make room.
        bench.send(&Sent::udp(100_000, (1, 1000), (200, 9999), b"first"));
        for _ in 0..8 {
            bench.send(&Sent::udp(100_000, (200, 9999), (1, 1000), b"answer"));
        }
        bench.send(&Sent::udp(100_001, (2, 1000), (200, 53), b"second"));
        bench.finish();
        let dns = bench.volumes().find(|volume| &*volume.protocol == "dns").unwrap();
        assert_eq!((dns.packets, dns.flows), (1, 0));
        let full: u64 = bench.batches[0].observations.iter().map(|link| link.table_full).sum();
        assert_eq!((full, bench.live.snapshot().dropped.table_full), (1, 1));
        assert_eq!(bench.meter.without_flow().map(|(_, counted)| counted.packets).sum::<u64>(), 1);
    }
}

mod fragments {
    use super::*;

    /// A UDP datagram from 10.0.0.5 to 198.51.100.200 in two fragments.
    fn fragment(millis: u64, first: bool) -> Sent {
        let whole = Sent::udp(millis, (5, 1000), (200, 9999), &[b'x'; 32]);
        let mut octets = whole.octets();
        if first {
            octets[6] = 0x20;
        } else {
            octets[6..8].copy_from_slice(&[0, 5]);
        }
        Sent { kind: Kind::Junk, payload: octets, ..whole }
    }

    fn rows(packets: &[Sent]) -> Vec<(String, Direction, String, u64)> {
        let bench = Bench::run(FlowSettings::default(), packets);
        let row = |v: &Volume| (v.link.to_string(), v.direction, v.protocol.to_string(), v.packets);
        bench.volumes().map(row).collect()
    }

    #[test]
    fn are_counted_with_their_datagrams_flow() {
        let rows = rows(&[fragment(100_000, true), fragment(100_001, false)]);
        assert_eq!(rows, [("ten".into(), Direction::Out, "unknown".into(), 2)]);
    }

    #[test]
    fn without_their_first_are_a_class_of_their_own_on_their_addresses_link() {
        let rows = rows(&[fragment(100_000, false)]);
        assert_eq!(rows, [("ten".into(), Direction::Out, "fragment".into(), 1)]);
    }
}

mod round_trips {
    use super::*;

    /// (category, upper bound in microseconds, samples) of each bin.
    fn bins(packets: &[Sent]) -> Vec<(String, u32, u64)> {
        let bench = Bench::run(FlowSettings::default(), packets);
        let rows = bench.batches.iter().flat_map(|batch| &batch.round_trips);
        rows.flat_map(|row| {
            row.bins.iter().map(|(upper, samples)| (row.category.to_string(), *upper, *samples))
        })
        .collect()
    }

    #[test]
    fn from_the_request_to_the_acknowledgment_of_its_answer() {
        let bins = bins(&connection([100_000, 100_010, 100_040, 100_050]));
        let [(category, upper, 1)] = &bins[..] else { panic!("{bins:?}") };
        assert_eq!(category, "p2p");
        assert!((40_000..40_400).contains(upper), "{upper}");
    }

    #[test]
    fn a_side_seen_alone_is_enough() {
        let [syn, _, ack, data] = connection([100_000, 0, 100_040, 100_050]);
        assert_eq!(bins(&[syn, ack, data]).len(), 1);
    }

    #[test]
    fn a_protocol_known_before_the_last_acknowledgment_is_timed_too() {
        let (client, server) = ((1, 1000), (200, 21));
        let bins = bins(&[
            Sent::tcp(100_000, client, server, SYN, b""),
            Sent::tcp(100_010, server, client, SYN | ACK, b"220 FTP server ready\r\n"),
            Sent::tcp(100_040, client, server, ACK, b""),
            Sent::tcp(100_050, client, server, ACK, b"USER joe\r\n"),
        ]);
        let [(category, upper, 1)] = &bins[..] else { panic!("{bins:?}") };
        assert_eq!(category, "network");
        assert!((40_000..40_400).contains(upper), "{upper}");
    }

    #[test]
    fn a_repeated_request_is_ambiguous_and_a_later_data_packet_adds_nothing() {
        let [syn, answer, ack, data] = connection([100_000, 100_900, 100_940, 100_950]);
        let again = Sent { millis: 100_500, ..syn.clone() };
        assert_eq!(bins(&[syn.clone(), again, answer.clone(), ack.clone(), data.clone()]), []);
        let next = Sent { millis: 101_000, ..data.clone() };
        assert_eq!(bins(&[syn, answer, ack, data, next]).len(), 1);
    }
}

mod intervals {
    use super::*;

    fn ping(millis: u64) -> Sent {
        Sent::udp(millis, (1, 1000), (200, 9999), b"ping")
    }

    #[test]
    fn a_late_packet_is_counted_in_the_oldest_open_interval_and_as_late() {
        let packets = [ping(100_000), ping(125_000), ping(115_000), ping(109_999), ping(0)];
        let bench = Bench::run(FlowSettings::default(), &packets);
        let link = |batch: &Batch| {
            let ten = &batch.observations[0];
            (batch.start, ten.packets, ten.late)
        };
        let links: Vec<_> = bench.batches.iter().map(link).collect();
        assert_eq!(links, [(100, 1, 0), (110, 3, 2), (120, 1, 0)]);
        assert_eq!(bench.live.snapshot().late, 2);
    }

    #[test]
    fn without_packets_there_are_observations_and_no_rows() {
        let mut bench = Bench::new(FlowSettings::default());
        bench.send(&ping(100_000));
        bench.advance(160_000);
        let starts: Vec<_> = bench.batches.iter().map(|batch| batch.start).collect();
        assert_eq!(starts, [100, 110, 120, 130, 140]);
        for batch in &bench.batches[1..] {
            assert_eq!(batch.volumes, []);
            let names: Vec<_> = batch.observations.iter().map(|link| &*link.link).collect();
            assert_eq!(names, ["ten", "other"]);
            assert!(batch.observations.iter().all(|link| link.packets == 0 && link.octets == 0));
        }
    }

    #[test]
    fn active_flows_are_those_at_the_end_of_the_interval() {
        let mut bench = Bench::new(FlowSettings::default());
        bench.send(&ping(100_000));
        bench.send(&Sent::udp(115_000, (1, 1001), (200, 9999), b"ping"));
        bench.send(&Sent::udp(125_000, (1, 1002), (200, 9999), b"ping"));
        bench.advance(180_000);
        bench.send(&ping(182_000));
        bench.finish();
        let active = |start| {
            let batch = bench.batches.iter().find(|batch| batch.start == start).unwrap();
            batch.observations[0].active_flows
        };
        assert_eq!([100, 110, 120, 180].map(active), [1, 2, 1, 2]);
        assert_eq!(bench.live.snapshot().active_flows, 0);
    }

    #[test]
    fn an_hour_of_silence_is_observed_and_a_longer_one_is_a_gap() {
        let hour = Bench::run(FlowSettings::default(), &[ping(100_000), ping(3_700_000)]);
        assert_eq!(hour.batches.len(), 361);
        let years = Bench::run(FlowSettings::default(), &[ping(100_000), ping(1_800_000_000_000)]);
        let starts: Vec<_> = years.batches.iter().map(|batch| batch.start).collect();
        assert_eq!(starts, [100, 1_800_000_000]);
        let never = Bench::run(FlowSettings::default(), &[ping(0), ping(u64::MAX / 1_000_000)]);
        assert_eq!(total(never.volumes()), never.put_in);
        assert_eq!(never.batches.len(), 2);
    }

    #[test]
    fn drops_are_of_the_interval_in_which_they_were_reported() {
        let mut bench = Bench::new(FlowSettings::default());
        bench.send(&ping(100_000));
        bench.meter.lost(1, 7);
        bench.finish();
        let dropped: Vec<_> =
            bench.batches[0].observations.iter().map(|link| link.dropped_kernel).collect();
        assert_eq!(dropped, [0, 7]);
    }
}

fn payloads() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => Just(Vec::new()),
        2 => vec(any::<u8>(), 0..40),
        2 => Just(bittorrent()),
        1 => Just(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()),
        1 => Just(b"GET / HTTP/1.1\r\nHost: 1fichier.com\r\n\r\n".to_vec()),
    ]
}

/// Steps of time: mostly small, sometimes over intervals, timeouts, a gap, or backwards.
fn steps() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => 0i64..50,
        3 => 1000i64..30_000,
        2 => -60_000i64..0,
        1 => 60_000i64..400_000,
        1 => Just(7_200_000i64),
    ]
}

fn kinds() -> impl Strategy<Value = Kind> {
    let flags = prop::sample::select(vec![SYN, SYN | ACK, ACK, ACK, ACK, FIN | ACK, RST]);
    prop_oneof![
        5 => (flags, 0u32..3).prop_map(|(flags, sequence)| Kind::Tcp { flags, sequence }),
        3 => Just(Kind::Udp),
        1 => Just(Kind::Junk),
    ]
}

fn packets() -> impl Strategy<Value = Vec<Sent>> {
    let host = prop::sample::select(vec![1u8, 2, 50, 200, 201]);
    let port = prop::sample::select(vec![53u16, 443, 6881, 50000]);
    let end = (host, port);
    let cut = prop_oneof![6 => Just(0usize), 1 => 0usize..60];
    let packet = (steps(), kinds(), (end.clone(), end), payloads(), cut, 0u32..3000);
    vec(packet, 0..120).prop_map(|drafts| {
        let mut now = 1_700_000_000_000i64;
        let sent = |(step, kind, ends, payload, cut, more): (i64, _, _, _, _, _)| {
            now = (now + step).max(0);
            Sent { millis: now as u64, kind, ends, payload, cut, more }
        };
        drafts.into_iter().map(sent).collect()
    })
}

fn flow_settings() -> impl Strategy<Value = FlowSettings> {
    let active = prop::option::of((1u64..60).prop_map(Duration::from_secs));
    let memory = prop::sample::select(vec![0u64, 4000, 40_000, 1 << 30]);
    (prop::sample::select(vec![0u32, 1, 3, 1000]), memory, active).prop_map(
        |(max_flows, max_memory, active)| FlowSettings {
            max_flows,
            max_memory,
            active,
            ..FlowSettings::default()
        },
    )
}

fn check_sums(bench: &Bench) -> Result<(), TestCaseError> {
    let live = bench.live.snapshot();
    let counted = total(bench.volumes());
    prop_assert_eq!(live.received, bench.put_in);
    prop_assert_eq!(counted.octets + live.unmapped.octets, bench.put_in.octets);
    prop_assert_eq!(counted.packets + live.unmapped.packets, bench.put_in.packets);
    for batch in &bench.batches {
        for link in &batch.observations {
            let of_link = total(batch.volumes.iter().filter(|volume| volume.link == link.link));
            prop_assert_eq!(of_link, Counted { octets: link.octets, packets: link.packets });
            prop_assert!(link.late <= link.packets && link.table_full <= link.packets);
        }
    }
    prop_assert!(bench.batches.is_sorted_by(|a, b| a.start < b.start), "one batch an interval");
    let late: u64 = bench.batches.iter().flat_map(|b| &b.observations).map(|link| link.late).sum();
    prop_assert_eq!(late, live.late);
    Ok(())
}

fn check_flows(bench: &Bench) -> Result<(), TestCaseError> {
    let live = bench.live.snapshot();
    let records = &bench.records.0;
    prop_assert_eq!(bench.volumes().map(|volume| volume.flows).sum::<u64>(), live.flows_started);
    let ended = records.iter().filter(|record| record.reason != FlowEndReason::Active).count();
    prop_assert_eq!(ended as u64, live.flows_started);
    prop_assert_eq!(live.active_flows, 0);
    // Each packet of a link is a flow's, or one of those without.
    let of_flows =
        records.iter().flat_map(|record| [record.counts.initiator, record.counts.responder]);
    let (octets, packets) =
        of_flows.fold((0, 0), |sum, count| (sum.0 + count.octets, sum.1 + count.packets));
    let without = bench.meter.without_flow();
    let (octets, packets) = without
        .fold((octets, packets), |sum, (_, count)| (sum.0 + count.octets, sum.1 + count.packets));
    prop_assert_eq!(total(bench.volumes()), Counted { octets, packets });
    let categories: u64 =
        live.categories.iter().map(|gauge| gauge.incoming.octets + gauge.outgoing.octets).sum();
    prop_assert_eq!(categories, octets);
    Ok(())
}

/// Rows of all meters, summed by everything that tells them apart.
type Sums = BTreeMap<(u32, String, String), (u64, u64, u64)>;

fn sums(benches: &[Bench]) -> Sums {
    let mut sums = Sums::new();
    for batch in benches.iter().flat_map(|bench| &bench.batches) {
        for volume in &batch.volumes {
            let class = format!("{} {} {}", volume.protocol, volume.service, volume.category);
            let place = format!("{} {}", volume.link, volume.direction);
            let sum = sums.entry((batch.start, place, class)).or_default();
            sum.0 += volume.octets;
            sum.1 += volume.packets;
            sum.2 += volume.flows;
        }
    }
    sums
}

/// Which worker a packet goes to: the same for both directions.
fn worker(sent: &Sent, workers: usize) -> usize {
    let ((from, _), (to, _)) = sent.ends;
    let sum = [ip(from), ip(to)].map(|octets| (u32::from_be_bytes(octets) as usize * 31) >> 3);
    (sum[0] ^ sum[1]) % workers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_comes_adds_up(packets in packets(), flows in flow_settings()) {
        let bench = Bench::run(flows, &packets);
        check_sums(&bench)?;
        check_flows(&bench)?;
    }

    /// Frames that are handed over together are counted as if they came one after the other.
    #[test]
    fn batches_change_nothing(packets in packets(), flows in flow_settings(), size in 1usize..80) {
        let alone = Bench::run(flows, &packets);
        let mut bench = Bench::new(flows);
        packets.chunks(size).for_each(|batch| bench.send_batch(batch));
        bench.finish();
        check_sums(&bench)?;
        prop_assert_eq!(&bench.records.0, &alone.records.0);
        let mut snapshots = [bench.live.snapshot(), alone.live.snapshot()];
        // Vectors grow alike, but what they hold now is measured now and then.
        snapshots.iter_mut().for_each(|now| now.flow_octets = 0);
        prop_assert_eq!(&snapshots[0], &snapshots[1]);
        prop_assert_eq!(sums(&[bench]), sums(&[alone]));
    }

    /// Workers see the same time and share what is learnt: how many there are changes no sum.
    #[test]
    fn the_number_of_workers_does_not_matter(packets in packets(), workers in 2usize..=4) {
        let flows = FlowSettings::default();
        let alone = [Bench::run(flows, &packets)];
        let learnt = knowledge();
        let mut several: Vec<_> =
            (0..workers).map(|_| Bench::sharing(flows, learnt.clone())).collect();
        for packet in &packets {
            for bench in &mut several {
                bench.advance(packet.millis);
            }
            several[worker(packet, workers)].send(packet);
        }
        several.iter_mut().for_each(Bench::finish);
        prop_assert_eq!(sums(&several), sums(&alone));
        let records = several.iter().map(|bench| bench.records.0.len()).sum::<usize>();
        prop_assert_eq!(records, alone[0].records.0.len());
    }
}
