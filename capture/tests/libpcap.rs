//! Savefiles that are read without libpcap give what libpcap gives: the same frames, up to the same damage.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::io::Write;
use std::path::Path;

use etiage_capture::source::{Batch, Savefile};
use proptest::collection::vec;
use proptest::prelude::*;

/// Time in nanoseconds, octets on the wire, captured octets.
type Seen = (u64, u32, Vec<u8>);

/// All frames, and whether an error ended them.
fn read(path: &Path, max: usize) -> Option<(Vec<Seen>, bool)> {
    let mut file = Savefile::open(path).ok()?;
    let (mut seen, mut batch) = (Vec::new(), Batch::default());
    loop {
        match file.fill(&mut batch, max) {
            Err(_) => return Some((seen, true)),
            Ok(()) if batch.is_empty() => return Some((seen, false)),
            Ok(()) => {}
        }
        assert!(batch.len() <= max && batch.frames().len() == batch.len());
        let frames = batch.frames();
        seen.extend(frames.map(|f| (f.timestamp.as_nanos(), f.octets, f.data.to_vec())));
    }
}

fn read_by_libpcap(path: &Path) -> Option<(Vec<Seen>, bool)> {
    let precision = pcap::Precision::Nano;
    let mut file = pcap::Capture::from_file_with_precision(path, precision).ok()?;
    let mut seen = Vec::new();
    loop {
        match file.next_packet() {
            Ok(packet) => {
                let pcap::PacketHeader { ts, len, .. } = packet.header;
                let nanos = (ts.tv_sec as u64).saturating_mul(1_000_000_000);
                let nanos = nanos.saturating_add(ts.tv_usec as u64);
                seen.push((nanos, *len, packet.data.to_vec()));
            }
            Err(pcap::Error::NoMorePackets) => return Some((seen, false)),
            Err(_) => return Some((seen, true)),
        }
    }
}

fn check(content: &[u8], max: usize) -> Result<(), TestCaseError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    prop_assert_eq!(read(file.path(), max), read_by_libpcap(file.path()));
    Ok(())
}

/// Writes numbers in an order.
#[derive(Clone, Copy, Debug)]
struct Writer {
    big: bool,
}

impl Writer {
    fn u32(self, value: u32) -> [u8; 4] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn u16(self, value: u16) -> [u8; 2] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn words(self, values: &[u32]) -> Vec<u8> {
        values.iter().flat_map(|value| self.u32(*value)).collect()
    }

    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
        let length = self.words(&[(12 + body.len() + padding.len()) as u32]);
        [&self.words(&[kind])[..], &length, body, &padding, &length].concat()
    }

    fn section(self) -> Vec<u8> {
        let body = [&self.u32(0x1a2b_3c4d)[..], &self.u16(1), &self.u16(0), &[0xff; 8]].concat();
        self.block(0x0a0d_0d0a, &body)
    }

    fn interface(self, resolution: u8, offset: u32) -> Vec<u8> {
        let option = |code, value: &[u8]| {
            let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
            [&self.u16(code)[..], &self.u16(value.len() as u16), value, &padding].concat()
        };
        let offset = if self.big {
            u64::from(offset).to_be_bytes()
        } else {
            u64::from(offset).to_le_bytes()
        };
        let head = [&self.u16(1)[..], &[0, 0], &self.u32(65_535)].concat();
        let options = [option(2, b"port7"), option(9, &[resolution]), option(14, &offset)].concat();
        self.block(1, &[head, options, vec![0; 4]].concat())
    }

    fn packet(self, of: &Packet, interfaces: u32) -> Vec<u8> {
        let Packet { kind, time, wire, data } = of;
        let (high, low) = ((time >> 32) as u32, *time as u32);
        let length = data.len() as u32;
        match kind {
            0 => self.block(3, &[self.words(&[length]), data.clone()].concat()),
            1 => {
                let ids = [self.u16(*wire as u16 % interfaces as u16), self.u16(7)].concat();
                self.block(
                    2,
                    &[ids, self.words(&[high, low, length, *wire]), data.clone()].concat(),
                )
            }
            2 => self.block(5, &[self.words(&[0, high, low]), data.clone()].concat()),
            _ => {
                let words = self.words(&[wire % interfaces, high, low, length, *wire]);
                self.block(6, &[words, data.clone()].concat())
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Packet {
    /// Of pcapng: simple, obsolete, statistics, else enhanced.
    kind: u8,
    time: u64,
    wire: u32,
    data: Vec<u8>,
}

fn packets() -> impl Strategy<Value = Vec<Packet>> {
    let packet = (0u8..8, 0u64..1 << 52, 0u32..70_000, vec(any::<u8>(), 0..80));
    vec(packet.prop_map(|(kind, time, wire, data)| Packet { kind, time, wire, data }), 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn pcap(
        big: bool,
        nano: bool,
        snap in prop_oneof![Just(0u32), 20u32..100, Just(65_535), Just(u32::MAX)],
        packets in packets(),
        cut in prop_oneof![Just(0usize), 0usize..2000],
        damage in proptest::option::of((0usize..2000, any::<u8>())),
        max in 1usize..30,
    ) {
        let writer = Writer { big };
        let magic = if nano { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
        let version = [writer.u16(2), writer.u16(4)].concat();
        let mut file = [writer.words(&[magic]), version, writer.words(&[0, 0, snap, 1])].concat();
        for Packet { time, wire, data, .. } in packets {
            let unit = if nano { 1_000_000_000 } else { 1_000_000 };
            let (secs, fraction) = (time / unit % (1 << 31), time % unit);
            let captured = data.len() as u32;
            file.extend(writer.words(&[secs as u32, fraction as u32, captured, wire]));
            file.extend(data);
        }
        file.truncate(file.len().saturating_sub(cut).max(24));
        if let Some((place, value)) = damage && let Some(octet) = file.get_mut(24 + place) {
            // The first bit of the seconds is the sign of libpcap's, which end in 2038.
            *octet = value & 0x7f;
        }
        check(&file, max)?;
    }

    #[test]
    fn pcapng(
        sections in vec((any::<bool>(), vec((0u8..11, 0u32..1000), 1..4), packets()), 1..3),
        cut in prop_oneof![Just(0usize), 0usize..500],
        max in 1usize..30,
    ) {
        let mut file = Vec::new();
        // libpcap refuses sections in different orders.
        let writer = Writer { big: sections[0].0 };
        for (_, interfaces, packets) in &sections {
            file.extend(writer.section());
            for (resolution, offset) in interfaces {
                file.extend(writer.interface(*resolution, *offset));
            }
            for packet in packets {
                file.extend(writer.packet(packet, interfaces.len() as u32));
            }
        }
        file.truncate(file.len().saturating_sub(cut));
        if !file.is_empty() {
            check(&file, max)?;
        }
    }

    /// Whatever is in a file, it is read to an end.
    #[test]
    fn damaged_pcapng_ends(
        packets in packets(),
        damage in vec((0usize..1500, any::<u8>()), 1..5),
    ) {
        let writer = Writer { big: false };
        let mut content = [writer.section(), writer.interface(6, 0)].concat();
        packets.iter().for_each(|packet| content.extend(writer.packet(packet, 1)));
        for (place, value) in damage {
            if let Some(octet) = content.get_mut(place) {
                *octet = value;
            }
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&content).unwrap();
        if let Some((seen, _)) = read(file.path(), 7) {
            prop_assert!(seen.len() <= packets.len() + 1);
        }
    }
}

/// Frames across the borders of what is mapped at a time, which is 8 MiB.
#[test]
fn files_larger_than_a_window() {
    let writer = Writer { big: false };
    let mut content =
        [writer.words(&[0xa1b2_c3d4]), [writer.u16(2), writer.u16(4)].concat()].concat();
    content.extend(writer.words(&[0, 0, 262_144, 1]));
    for number in 0..400u32 {
        let length = 40_000 + number * 37;
        content.extend(writer.words(&[number, number, length, length]));
        content.extend((0..length).map(|place| (place * 7 + number) as u8));
    }
    assert!(content.len() > 17 << 20);
    check(&content, 1000).unwrap();
    content.truncate(content.len() - 1);
    check(&content, 1000).unwrap();
}
