//! Recordings, loaded and made into frames of Ethernet.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use etiage_capture::decode::{Content, decode};
use etiage_capture::source::{Frame, Savefile};
use etiage_capture::{Decoded, LinkLayer, Transport};

use super::LONGEST;
use super::rewrite::Places;

/// Deepest nest of folders that is searched: links in a file system may lead in circles.
const MAX_DEPTH: u32 = 16;
/// Longest frame that is believed: what offloading makes of segments. Damaged captures hold longer ones.
const LONGEST_FRAME: u32 = 65_535 + 18;
/// Two locally administered addresses, for frames that had none.
const MACS: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

/// A recording in memory.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) packets: Vec<Recorded>,
    /// From its first packet to its last, as it will be played.
    pub(crate) span: Duration,
    data: Vec<u8>,
}

/// A packet of a recording.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recorded {
    /// Nanoseconds after the recording's first packet; never before the packet that was before it.
    pub(crate) at: u64,
    /// Octets on the wire.
    pub(crate) octets: u32,
    pub(crate) places: Places,
    /// Its flow, numbered within the recording, if it is of one.
    pub(crate) flow: Option<u32>,
    offset: usize,
    captured: u32,
}

/// What was left out of the recordings.
#[derive(Debug, Default)]
struct LeftOut {
    /// Not captures, or of link types that are not decoded.
    files: u64,
    /// Not IP or not decodable, longer than any frame, or with addresses that cannot be replaced.
    packets: u64,
}

/// Loads every capture that is named or is in a named folder, in the order of their names.
pub(crate) fn load_all(paths: &[PathBuf]) -> Result<Vec<Source>> {
    let mut files = Vec::new();
    for path in paths {
        search(path, 0, &mut files)?;
    }
    files.sort();
    let mut left_out = LeftOut::default();
    let mut sources = Vec::new();
    for file in &files {
        match load(file, &mut left_out) {
            Some(source) if !source.packets.is_empty() => sources.push(source),
            _ => left_out.files += 1,
        }
    }
    println!(
        "{} recordings; left out: {} files that are no captures, of other link types or empty, \
         {} packets that are not IP or cannot be given other addresses",
        sources.len(),
        left_out.files,
        left_out.packets,
    );
    Ok(sources)
}

fn search(path: &Path, depth: u32, files: &mut Vec<PathBuf>) -> Result<()> {
    let cannot = || format!("cannot read {}", path.display());
    if !std::fs::metadata(path).with_context(cannot)?.is_dir() {
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("pcap" | "pcapng" | "cap")) {
            files.push(path.to_owned());
        }
        return Ok(());
    }
    if depth < MAX_DEPTH {
        for entry in std::fs::read_dir(path).with_context(cannot)? {
            search(&entry.with_context(cannot)?.path(), depth + 1, files)?;
        }
    }
    Ok(())
}

/// A damaged capture is loaded as far as it can be read.
fn load(file: &Path, left_out: &mut LeftOut) -> Option<Source> {
    let mut savefile = Savefile::open(file).ok()?;
    let layer = savefile.link_layer();
    let mut builder = Builder::default();
    while let Ok(Some(frame)) = savefile.next_frame() {
        if builder.add(layer, &frame).is_none() {
            left_out.packets += 1;
        }
    }
    Some(builder.finish())
}

impl Source {
    /// A packet's captured octets.
    pub(crate) fn frame(&self, packet: &Recorded) -> &[u8] {
        let end = packet.offset + packet.captured as usize;
        self.data.get(packet.offset..end).unwrap_or_default()
    }

    /// Octets captured.
    pub(crate) fn captured(&self) -> u64 {
        self.packets.iter().map(|packet| u64::from(packet.captured)).sum()
    }

    /// Only the first packets of each flow, and nothing that is of no flow.
    pub(crate) fn shortened(mut self, first: u32) -> Self {
        let mut seen = HashMap::new();
        self.packets.retain(|packet| {
            packet.flow.is_some_and(|flow| {
                let count = seen.entry(flow).or_insert(0);
                *count += 1;
                *count <= first
            })
        });
        self
    }
}

/// A flow's ends in the order of their addresses, and its transport.
type FlowEnds = (Transport, SocketAddr, SocketAddr);

/// A recording being loaded.
#[derive(Default)]
struct Builder {
    source: Source,
    flows: HashMap<FlowEnds, u32>,
    first: u64,
    last: u64,
}

impl Builder {
    /// Adds a frame; `None` if it cannot be used.
    fn add(&mut self, layer: LinkLayer, frame: &Frame<'_>) -> Option<()> {
        let (header, removed) = ethernet(layer, frame.data)?;
        let offset = self.source.data.len();
        self.source.data.extend_from_slice(&header);
        self.source.data.extend_from_slice(frame.data.get(removed..)?);
        let added = self.source.data.get(offset..)?;
        let captured = u32::try_from(added.len()).ok()?;
        let octets =
            (frame.octets.saturating_add(header.len() as u32)).saturating_sub(removed as u32);
        let octets = octets.max(captured);
        let decoded = decode(LinkLayer::Ethernet, added);
        let places = Places::find(added, &decoded).filter(|places| places.hold(added));
        let Some(places) = places.filter(|_| octets <= LONGEST_FRAME) else {
            self.source.data.truncate(offset);
            return None;
        };
        let flow = ends(&decoded).map(|ends| {
            let next = self.flows.len() as u32;
            *self.flows.entry(ends).or_insert(next)
        });
        let now = frame.timestamp.as_nanos();
        if self.source.packets.is_empty() {
            (self.first, self.last) = (now, now);
        }
        // Times that run backwards would put a flow's packets into another order.
        self.last = self.last.max(now);
        let at = self.last - self.first;
        self.source.packets.push(Recorded { at, octets, places, flow, offset, captured });
        Some(())
    }

    /// Plays what is too long faster.
    fn finish(mut self) -> Source {
        let span = self.last - self.first;
        let longest = LONGEST.as_nanos() as u64;
        if span > longest {
            let faster = |at: u64| u128::from(at) * u128::from(longest) / u128::from(span);
            for packet in &mut self.source.packets {
                packet.at = u64::try_from(faster(packet.at)).unwrap_or(longest);
            }
        }
        self.source.span = Duration::from_nanos(span.min(longest));
        self.source
    }
}

/// The header that makes a frame one of Ethernet, and how many octets of its own it replaces.
fn ethernet(layer: LinkLayer, data: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (ether_type, removed): (&[u8], usize) = match layer {
        LinkLayer::Ethernet => return Some((Vec::new(), 0)),
        LinkLayer::RawIp => (by_version(data.first()?)?, 0),
        LinkLayer::Loopback => (by_version(data.get(4)?)?, 4),
        LinkLayer::LinuxSll => (data.get(14..16)?, 16),
        LinkLayer::LinuxSll2 => (data.get(0..2)?, 20),
        // Nothing in them can be rewritten without reading further in.
        _ => return None,
    };
    // Smaller numbers are lengths, and ARPHRD-specific kinds of frames in cooked captures.
    (*ether_type.first()? >= 6).then(|| ([&MACS, ether_type].concat(), removed))
}

fn by_version(first: &u8) -> Option<&'static [u8]> {
    match first >> 4 {
        4 => Some(&[0x08, 0x00]),
        6 => Some(&[0x86, 0xdd]),
        _ => None,
    }
}

fn ends(decoded: &Decoded<'_>) -> Option<FlowEnds> {
    let Content::Packet(packet, _) = &decoded.content else { return None };
    let (source, destination) = (packet.source, packet.destination);
    Some((packet.transport, source.min(destination), source.max(destination)))
}
