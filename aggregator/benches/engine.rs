//! The engine alone: packets in memory, one core. Prints a table; `make bench-engine` runs it.
//!
//! With a capture as argument it counts that, so often as the second argument says: for profiles and
//! instruction counts.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]
// A measurement reads the clock.
#![allow(clippy::disallowed_methods)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use etiage_aggregator::{Meter, MeterSettings};
use etiage_capture::flow::FlowSettings;
use etiage_capture::source::{Frame, Savefile};
use etiage_capture::{LinkLayer, LinkMap, Timestamp};
use etiage_classifier::{Classifier, Rules};

/// Frames handed over at once, as a ring or a mapped file hands them over.
const BATCH: usize = 256;
/// Octets of the frame that are in memory: headers, and the start of a TLS record. What is on the wire
/// is stated apart, and the engine reads no more than that of a settled flow.
const CAPTURED: usize = 54 + 8;
/// What an Ethernet frame takes beyond its octets: FCS, preamble and the gap after it.
const WIRE_OVERHEAD: f64 = 24.0;
const START: u64 = 1_700_000_000_000_000_000;

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let file = arguments.first();
    match file {
        Some(file) => capture(file, arguments.get(1).map_or(1, |times| times.parse().unwrap())),
        None => {
            settled(&[10_000, 200_000, 1_000_000, 10_000_000]);
            new_flows();
        }
    }
}

fn meter(max_flows: u32) -> Meter {
    let settings = MeterSettings {
        probe: "bench".into(),
        links: Arc::new(LinkMap::everything()),
        link_names: vec!["all".into()],
        flows: FlowSettings { max_flows, max_memory: 6 << 30, ..FlowSettings::default() },
        vlan_in_key: false,
    };
    let rules = Arc::new(Rules::builtin().unwrap());
    Meter::new(&settings, Classifier::new(rules, Arc::default()), None)
}

/// Frames of TCP from hosts of 10.0.0.0/8 to one of a few thousand servers, written into one buffer.
struct Frames {
    octets: Vec<[u8; CAPTURED]>,
    wire: Vec<u32>,
}

/// What is on the wire: one size, or IMIX (7 of 64 octets, 4 of 594, 1 of 1,518, FCS included).
#[derive(Clone, Copy)]
enum Size {
    All(u32),
    Imix,
}

impl Size {
    const fn of(self, place: usize) -> u32 {
        match self {
            Self::All(octets) => octets,
            Self::Imix => [60, 590, 60, 60, 590, 1514, 60, 590, 60, 60, 590, 60][place % 12],
        }
    }

    fn name(self) -> String {
        match self {
            Self::All(octets) => format!("{} octets", octets + 4),
            Self::Imix => "IMIX".into(),
        }
    }
}

/// Who sends a frame.
#[derive(Clone, Copy)]
enum Sender {
    Host,
    Server,
}

/// The frame of a flow by its number.
fn frame(flow: u32, sender: Sender, flags: u8, wire: u32, payload: &[u8; 8]) -> [u8; CAPTURED] {
    let mut octets = [0; CAPTURED];
    octets[..14].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
    let total = (wire - 14) as u16;
    octets[14..26].copy_from_slice(&[0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0]);
    octets[16..18].copy_from_slice(&total.to_be_bytes());
    // Neighbouring numbers are neighbouring hosts, as in nature; the table's hash scatters them.
    let host = (10 << 24 | flow & 0xff_ffff).to_be_bytes();
    let server = [198, 18, (flow % 16) as u8, (flow % 251) as u8];
    let (host_port, server_port) = ([0xc0 | (flow >> 24) as u8, 1], [0, 22]);
    let (addresses, ports) = match sender {
        Sender::Host => ([host, server], [host_port, server_port]),
        Sender::Server => ([server, host], [server_port, host_port]),
    };
    octets[26..34].copy_from_slice(addresses.as_flattened());
    octets[34..38].copy_from_slice(ports.as_flattened());
    octets[38..42].copy_from_slice(&1000u32.to_be_bytes());
    octets[46] = 0x50;
    octets[47] = flags;
    octets[54..].copy_from_slice(payload);
    octets
}

const ACK: u8 = 0x10;
const SYN: u8 = 0x02;
const BANNER: &[u8; 8] = b"SSH-2.0-";

/// Counts frames made by `make` until at least this many are counted; packets a second.
fn count(
    meter: &mut Meter,
    packets: usize,
    now: &mut u64,
    nanos: u64,
    mut make: impl FnMut(usize) -> ([u8; CAPTURED], u32),
) -> f64 {
    let mut spent = Duration::ZERO;
    let mut made = 0;
    // Made in portions, so that neither memory nor the making is measured.
    let portion = BATCH * 256;
    while made < packets {
        let frames = Frames {
            octets: (made..made + portion).map(|place| make(place).0).collect(),
            wire: (made..made + portion).map(|place| make(place).1).collect(),
        };
        let views: Vec<Frame<'_>> = frames
            .octets
            .iter()
            .zip(&frames.wire)
            .map(|(octets, wire)| {
                *now += nanos;
                Frame { timestamp: Timestamp::from_nanos(*now), octets: *wire, data: octets }
            })
            .collect();
        let begin = cpu_time();
        for batch in views.chunks(BATCH) {
            meter.frames(0, LinkLayer::Ethernet, batch.iter().copied(), || (), &mut ());
        }
        spent += cpu_time() - begin;
        meter.take_batches();
        made += portion;
    }
    made as f64 / spent.as_secs_f64()
}

fn line(what: &str, flows: u32, size: Size, rate: f64) {
    let mean = (0..12).map(|place| f64::from(size.of(place))).sum::<f64>() / 12.0;
    let gigabits = rate * (mean + WIRE_OVERHEAD) * 8.0 / 1e9;
    println!("| {what} | {flows} | {} | {:.2} | {gigabits:.1} |", size.name(), rate / 1e6);
}

/// A number from 0 to `below` that jumps about.
const fn scatter(place: usize, below: u32) -> u32 {
    let mixed = (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    ((mixed * below as u64) >> 32) as u32
}

fn settled(numbers: &[u32]) {
    println!("| packets | flows | size on the wire | Mpackets/s | Gb/s |");
    println!("|---|--:|---|--:|--:|");
    for flows in numbers {
        let before = resident();
        let mut meter = meter(flows + flows / 8);
        let mut now = START;
        // A packet each way, one after the other: flows of which only one side is heard are half-open, of
        // which the table holds a quarter.
        count(&mut meter, 2 * *flows as usize, &mut now, 100, |place| {
            let sender = if place % 2 == 0 { Sender::Host } else { Sender::Server };
            (frame(place as u32 / 2 % flows, sender, ACK, 62, BANNER), 62)
        });
        let stats = meter.stats();
        assert_eq!((stats.table.flows, stats.open_flows), (*flows as usize, 0), "all settled");
        let memory = (resident() - before) as f64 / f64::from(*flows);
        for size in [Size::All(60), Size::Imix, Size::All(1496)] {
            let rate = count(&mut meter, 6_000_000, &mut now, 100, |place| {
                let wire = size.of(place);
                (frame(scatter(place, *flows), Sender::Host, ACK, wire, &[0; 8]), wire)
            });
            line("settled", *flows, size, rate);
        }
        println!("| memory of the process a settled flow: {memory:.0} octets | | | | |");
    }
}

/// Flows that begin faster than they end, in a table that they fill.
fn new_flows() {
    let packets = 6_000_000;
    let flows = 1 << 20;
    let both = [Sender::Host, Sender::Server].as_slice();
    for (what, flags, senders) in
        [("new flows, a packet each way", ACK, both), ("SYN flood", SYN, &both[..1])]
    {
        let mut meter = meter(flows);
        let mut now = START;
        let rate = count(&mut meter, packets, &mut now, 100, |place| {
            let (flow, sender) = (place / senders.len(), senders[place % senders.len()]);
            (frame(flow as u32, sender, flags, 62, BANNER), 62)
        });
        line(what, flows, Size::All(62), rate);
        let stats = meter.stats();
        println!(
            "| of these {:.2} M new flows a second; {} half-open at the end, {} made room, {:.0} MB | | | | |",
            rate / senders.len() as f64 / 1e6,
            stats.table.half_open,
            stats.table.half_open_evicted,
            (stats.table.octets + stats.open_octets) as f64 / 1e6
        );
    }
}

/// Time that this thread has had of a processor: other programs on the machine do not count.
fn cpu_time() -> Duration {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(schedstat.split(' ').next().unwrap().parse().unwrap())
}

/// Octets of memory that the process has now.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn capture(file: &str, times: u32) {
    let mut savefile = Savefile::open(file.as_ref()).unwrap();
    let layer = savefile.link_layer();
    let mut frames = Vec::new();
    while let Some(frame) = savefile.next_frame().unwrap() {
        frames.push((frame.timestamp, frame.octets, frame.data.to_vec()));
    }
    let views: Vec<Frame<'_>> = frames
        .iter()
        .map(|(timestamp, octets, data)| Frame { timestamp: *timestamp, octets: *octets, data })
        .collect();
    for _ in 0..times {
        let mut meter = meter(1 << 22).with_clock(nanos);
        let begin = Instant::now();
        for batch in views.chunks(BATCH) {
            meter.frames(0, layer, batch.iter().copied(), || (), &mut ());
            meter.take_batches();
        }
        let stats = meter.stats();
        meter.finish(&mut ());
        let spent = begin.elapsed();
        let each = spent.as_nanos() as f64 / views.len() as f64;
        println!("{} packets in {spent:.3?}: {each:.0} ns each", views.len());
        for (stage, cost) in etiage_aggregator::Step::ALL.iter().zip(stats.steps) {
            let each = cost.nanos.checked_div(cost.packets).unwrap_or(0);
            println!("  {}: {each} ns, {} timed", stage.name(), cost.packets);
        }
        println!(
            "  {:?}, {} open flows in {} octets",
            stats.table, stats.open_flows, stats.open_octets
        );
    }
}

fn nanos() -> u64 {
    static BEGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    BEGIN.get_or_init(Instant::now).elapsed().as_nanos() as u64
}
