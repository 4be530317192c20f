//! The way of a packet through decoding, flow table, classifier and counters, for counting instructions:
//! everything before and after it is outside `count_packets`, the only function that is to be counted.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use etiage_aggregator::{Meter, MeterSettings};
use etiage_capture::decode::{Content, decode};
use etiage_capture::flow::FlowSettings;
use etiage_capture::source::{Frame, Savefile};
use etiage_capture::{LinkLayer, LinkMap, TcpHeader, Timestamp};
use etiage_classifier::{Classifier, Rules};

/// Time between two packets: as on a busy link, so that what is done once an interval or a second does
/// not count among what is done for a packet.
const GAP: Duration = Duration::from_micros(10);

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match *arguments.iter().map(String::as_str).collect::<Vec<_>>() {
        [file] => all(Path::new(file)),
        ["--settled", file] => settled(Path::new(file)),
        _ => {
            eprintln!("usage: packet-path [--settled] CAPTURE");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(packets) => {
            println!("{packets}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("packet-path: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Every packet of a capture, each flow from its begin.
fn all(file: &Path) -> Result<usize> {
    let recording = Recording::load(file)?;
    let mut meter = meter()?;
    count_packets(&mut meter, &recording, &recording.packets);
    Ok(recording.packets.len())
}

/// Every packet that neither begins nor ends a connection, of flows that were seen before.
fn settled(file: &Path) -> Result<usize> {
    let recording = Recording::load(file)?;
    let mut meter = meter()?;
    let known = recording.without(TcpHeader::FIN | TcpHeader::RST);
    for packet in &known {
        meter.frame(0, recording.layer, &recording.frame(packet), &mut ());
    }
    let mut again = recording.without(TcpHeader::SYN | TcpHeader::FIN | TcpHeader::RST);
    for packet in &mut again {
        packet.time = packet.time.after(GAP * recording.packets.len() as u32);
    }
    count_packets(&mut meter, &recording, &again);
    Ok(again.len())
}

/// What is counted: named so that callgrind finds it, and never part of another function.
#[inline(never)]
fn count_packets(meter: &mut Meter, recording: &Recording, packets: &[Recorded]) {
    for packet in packets {
        meter.frame(0, recording.layer, &recording.frame(packet), &mut ());
    }
}

fn meter() -> Result<Meter> {
    let settings = MeterSettings {
        probe: "packet-path".into(),
        links: Arc::new(LinkMap::everything()),
        link_names: vec!["all".into()],
        flows: FlowSettings { max_flows: 1 << 16, ..FlowSettings::default() },
        vlan_in_key: false,
    };
    let classifier = Classifier::new(Arc::new(Rules::builtin()?), Arc::default());
    Ok(Meter::new(&settings, classifier, None))
}

/// A capture in memory.
struct Recording {
    layer: LinkLayer,
    data: Vec<u8>,
    packets: Vec<Recorded>,
}

#[derive(Clone, Copy)]
struct Recorded {
    time: Timestamp,
    octets: u32,
    begin: usize,
    end: usize,
}

impl Recording {
    fn load(file: &Path) -> Result<Self> {
        let mut savefile = Savefile::open(file)?;
        let (layer, mut data, mut packets) = (savefile.link_layer(), Vec::new(), Vec::new());
        let mut time = Timestamp::EPOCH;
        while let Some(frame) = savefile.next_frame()? {
            let begin = data.len();
            data.extend_from_slice(frame.data);
            time = if packets.is_empty() { frame.timestamp } else { time.after(GAP) };
            packets.push(Recorded { time, octets: frame.octets, begin, end: data.len() });
        }
        Ok(Self { layer, data, packets })
    }

    fn frame(&self, packet: &Recorded) -> Frame<'_> {
        let data = self.data.get(packet.begin..packet.end).unwrap_or_default();
        Frame { timestamp: packet.time, octets: packet.octets, data }
    }

    /// The packets but those with one of these TCP flags.
    fn without(&self, flags: u8) -> Vec<Recorded> {
        let keep = |packet: &&Recorded| match decode(self.layer, self.frame(packet).data).content {
            Content::Packet(packet, _) => !packet.tcp.is_some_and(|tcp| tcp.has(flags)),
            _ => true,
        };
        self.packets.iter().filter(keep).copied().collect()
    }
}
