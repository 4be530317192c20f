//! Floods of small flows beside the lab's hosters: the classifier stays sighted.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use etiage_aggregator::{
    Batch, Counted, FlowRecord, FlowSink, Live, LiveSnapshot, Meter, MeterSettings,
};
use etiage_capture::flow::FlowSettings;
use etiage_capture::source::Frame;
use etiage_capture::{LinkLayer, LinkMap, Timestamp};
use etiage_classifier::{Category, Classifier, Knowledge, Rules, Verdict};

use support::packets::{ACK, RST, SYN, answer, end, noise, question, tcp, udp};
use support::{Recorded, fixtures, packet, read};

const DEFAULT: u64 = 1 << 30;
/// A table of 80,000 flows, and room for 4,000 that are probed.
const SMALL: u64 = 16 << 20;

/// So many new flows a second: each of one packet or an exchange of a few.
const RATE: u64 = 25_000;
/// The flood begins before what it hides.
const LEAD: Duration = Duration::from_millis(1500);

/// The packets of one flow of a flood.
type Flood = fn(u64, Timestamp) -> Vec<Recorded>;

fn client(number: u64) -> std::net::SocketAddrV4 {
    let [.., a, b, c] = ((number / 7) as u32).to_be_bytes();
    end([100, 64 + (a & 0x3f), b, c], 1024 + (number % 60_000) as u16)
}

fn server(port: u16) -> std::net::SocketAddrV4 {
    end([198, 51, 100, 53], port)
}

fn dns_exchange(number: u64, at: Timestamp) -> Vec<Recorded> {
    let (client, server, id) = (client(number), server(53), number as u16);
    let name = format!("host-{number}.example.org");
    let address = [203, 0, (number >> 8) as u8, number as u8];
    vec![
        udp(at, client, server, &question(id, &name)),
        udp(at, server, client, &answer(id, &name, &[address])),
    ]
}

fn dns_question(number: u64, at: Timestamp) -> Vec<Recorded> {
    dns_exchange(number, at).into_iter().take(1).collect()
}

fn datagram(number: u64, at: Timestamp) -> Vec<Recorded> {
    let to = end([198, 51, 100, number as u8], 1024 + (number * 7919 % 60_000) as u16);
    vec![udp(at, client(number), to, &noise(number, 40 + (number % 100) as usize))]
}

fn datagrams_answered(number: u64, at: Timestamp) -> Vec<Recorded> {
    let to = end([198, 51, 100, number as u8], 1024 + (number * 7919 % 60_000) as u16);
    let from = client(number);
    vec![udp(at, from, to, &noise(number, 60)), udp(at, to, from, &noise(number + 1, 90))]
}

fn request(number: u64, at: Timestamp) -> Vec<Recorded> {
    vec![tcp(at, client(number), server(443), (SYN, number as u32, 0), &[])]
}

fn scan(number: u64, at: Timestamp) -> Vec<Recorded> {
    let (from, to, sequence) = (client(number), server(22), number as u32);
    vec![
        tcp(at, from, to, (SYN, sequence, 0), &[]),
        tcp(at, to, from, (SYN | ACK, 7, sequence + 1), &[]),
        tcp(at, from, to, (RST, sequence + 1, 0), &[]),
    ]
}

fn scan_left_open(number: u64, at: Timestamp) -> Vec<Recorded> {
    scan(number, at).into_iter().take(2).collect()
}

/// The first Initial of a recorded client, whose name fills another.
fn initial(number: u64, at: Timestamp) -> Vec<Recorded> {
    use std::sync::OnceLock;
    static INITIAL: OnceLock<Vec<u8>> = OnceLock::new();
    let payload = INITIAL.get_or_init(|| {
        let recording = read(&fixtures().join("dd03_quic.link-a.pcap"));
        let first = recording.frames.iter().find_map(|frame| {
            let (packet, _) = packet(recording.layer, frame)?;
            let initial =
                packet.destination.port() == 443 && packet.payload.first()? & 0xf0 == 0xc0;
            initial.then(|| packet.payload.to_vec())
        });
        first.unwrap()
    });
    vec![udp(at, client(number), server(443), payload)]
}

const FLOODS: [(&str, Flood); 8] = [
    ("answered DNS", dns_exchange),
    ("unanswered DNS", dns_question),
    ("one datagram", datagram),
    ("answered datagrams", datagrams_answered),
    ("SYN", request),
    ("scans", scan),
    ("scans left open", scan_left_open),
    ("QUIC Initials", initial),
];

/// The hosters' recordings, side by side and four times as fast as recorded.
fn hosters() -> Vec<Recorded> {
    let mut frames = Vec::new();
    for name in ["dd01_https_h1", "dd02_h2", "dd03_quic", "dd04_http_plain"] {
        let recording = read(&fixtures().join(format!("{name}.link-a.pcap")));
        assert_eq!(recording.layer, LinkLayer::Ethernet);
        let first = recording.frames[0].timestamp;
        frames.extend(recording.frames.into_iter().map(|mut frame| {
            frame.timestamp = start().after(LEAD).after(frame.timestamp.since(first) / 4);
            frame
        }));
    }
    frames.sort_by_key(|frame| frame.timestamp);
    frames
}

fn start() -> Timestamp {
    Timestamp::from_secs(1_700_000_000)
}

/// What is known of the hosters' flows, and what was counted.
#[derive(Default)]
struct Seen {
    flows: BTreeMap<String, (Verdict, u64)>,
    downloads: u64,
    octets: u64,
}

impl FlowSink for Seen {
    fn flow(&mut self, record: &FlowRecord) {
        let is_flood = |end: std::net::SocketAddr| match end.ip() {
            std::net::IpAddr::V4(v4) => v4.octets()[..3] == [198, 51, 100],
            std::net::IpAddr::V6(_) => false,
        };
        if !is_flood(record.ends.responder) && !is_flood(record.ends.initiator) {
            let octets = record.counts.initiator.octets + record.counts.responder.octets;
            self.flows.insert(format!("{:?}", record.ends), (record.verdict, octets));
        }
    }
}

impl Seen {
    fn batches(&mut self, batches: Vec<Batch>) {
        for row in batches.iter().flat_map(|batch| &batch.volumes) {
            self.octets += row.octets;
            if *row.category == *Category::DirectDownload.name() {
                self.downloads += row.octets;
            }
        }
    }
}

fn run(
    hosters: &[Recorded],
    flood: Option<Flood>,
    max_memory: u64,
    seconds: u64,
) -> (Seen, LiveSnapshot) {
    let live = Arc::new(Live::new(vec!["all".into()]));
    let settings = MeterSettings {
        probe: "test".into(),
        links: Arc::new(LinkMap::everything()),
        link_names: vec!["all".into()],
        flows: FlowSettings { max_memory, ..FlowSettings::default() },
        vlan_in_key: false,
    };
    let rules = Arc::new(Rules::builtin().unwrap());
    let classifier = Classifier::new(rules, Arc::new(Knowledge::with_capacity(100_000)));
    let mut meter = Meter::new(&settings, classifier, Some(live.clone()));
    let mut seen = Seen::default();
    let (mut put_in, mut frames) = (Counted::default(), 0);
    let mut hosters = hosters.iter().peekable();
    let mut frame = |Recorded { timestamp, octets, data }: &Recorded, seen: &mut Seen| {
        let frame = Frame { timestamp: *timestamp, octets: *octets, data };
        meter.frame(0, LinkLayer::Ethernet, &frame, seen);
        put_in.count(*octets);
        if meter.has_batches() {
            let batches = meter.take_batches();
            seen.batches(batches);
        }
        frames += 1;
        if frames % 256 != 0 {
            return;
        }
        let stats = meter.stats();
        // A chunk of places at once, and buffers of the packet at hand.
        assert!(stats.open_octets as u64 <= max_memory / 4 + (2 << 20), "{stats:?}");
    };
    for number in 0..seconds * RATE {
        let at = start().after(Duration::from_nanos(1_000_000_000 / RATE * number));
        while let Some(due) = hosters.next_if(|frame| frame.timestamp <= at) {
            frame(due, &mut seen);
        }
        for packet in flood.iter().flat_map(|flood| flood(number, at)) {
            frame(&packet, &mut seen);
        }
    }
    assert!(hosters.next().is_none(), "the flood lasts longer than what it hides");
    meter.finish(&mut seen);
    seen.batches(meter.take_batches());
    let live = live.snapshot();
    assert_eq!((live.received, seen.octets), (put_in, put_in.octets), "sums hold");
    (seen, live)
}

#[test]
fn hosters_are_known_to_the_octet_whatever_flood_comes() {
    let hosters = hosters();
    let last = hosters.last().unwrap().timestamp;
    let seconds = last.since(start()).as_secs() + 1;
    let (alone, _) = run(&hosters, None, DEFAULT, seconds);
    assert!(alone.downloads > 5_000_000 && alone.flows.len() >= 6, "{}", alone.downloads);
    for (name, flood) in FLOODS {
        for max_memory in [DEFAULT, SMALL] {
            let (seen, live) = run(&hosters, Some(flood), max_memory, seconds);
            assert_eq!(seen.flows, alone.flows, "{name}, {max_memory}");
            // The Initials of the flood ask for a hoster themselves.
            if name != "QUIC Initials" {
                assert_eq!(seen.downloads, alone.downloads, "{name}, {max_memory}");
            }
            println!(
                "{name}, {} MiB: {} flows, {} half-open evicted, {} unsettled evicted, {} unprobed",
                max_memory >> 20,
                live.flows_started,
                live.half_open_evicted,
                live.unsettled_evicted,
                live.unprobed_flows,
            );
        }
    }
}

#[test]
fn an_exchange_of_dns_takes_no_room() {
    for flood in [dns_exchange, dns_question] {
        let (_, live) = run(&[], Some(flood), SMALL, 2);
        assert_eq!(live.unsettled_evicted, 0);
        assert_eq!(live.unprobed_flows, 0);
    }
}
