//! Capture files as they come: every magic, both byte orders, cut, damaged, or no capture at all.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use etiage_capture::source::{Batch, Savefile, SourceError};
use etiage_capture::{LinkLayer, Timestamp};

/// In which order a file's numbers are.
#[derive(Clone, Copy, Debug)]
enum Order {
    Big,
    Little,
}

impl Order {
    fn u32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Big => value.to_be_bytes(),
            Self::Little => value.to_le_bytes(),
        }
    }

    fn u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Big => value.to_be_bytes(),
            Self::Little => value.to_le_bytes(),
        }
    }
}

const MICRO: u32 = 0xa1b2_c3d4;
const NANO: u32 = 0xa1b2_3c4d;

fn pcap_header(order: Order, magic: u32, link_type: u32) -> Vec<u8> {
    let version = [order.u16(2), order.u16(4)].concat();
    let numbers = [0, 0, 65535, link_type].map(|number| order.u32(number)).concat();
    [order.u32(magic).to_vec(), version, numbers].concat()
}

/// A packet of which `data` was captured and `wire` octets were on the wire.
fn pcap_packet(order: Order, secs: u32, fraction: u32, wire: u32, data: &[u8]) -> Vec<u8> {
    let numbers = [secs, fraction, data.len() as u32, wire].map(|number| order.u32(number));
    [&numbers.concat(), data].concat()
}

/// A pcapng block: type, length, body padded to words, length again.
fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    let length = order.u32((12 + body.len() + padding.len()) as u32);
    [&order.u32(kind)[..], &length, body, &padding, &length].concat()
}

/// A pcapng file of one interface, its timestamps in units of 10^-`resolution` seconds.
fn pcapng(order: Order, resolution: u8, packets: &[(u64, u32, &[u8])]) -> Vec<u8> {
    let section = [&order.u32(0x1a2b_3c4d)[..], &order.u16(1), &order.u16(0), &[0xff; 8]].concat();
    let resolution = [&order.u16(9)[..], &order.u16(1), &[resolution, 0, 0, 0]].concat();
    let interface = [&order.u16(1)[..], &[0; 2], &order.u32(65535), &resolution, &[0; 4]].concat();
    let mut file = [block(order, 0x0a0d_0d0a, &section), block(order, 1, &interface)].concat();
    for (time, wire, data) in packets {
        let numbers = [0, (time >> 32) as u32, *time as u32, data.len() as u32, *wire];
        let numbers = numbers.map(|number| order.u32(number)).concat();
        file.extend(block(order, 6, &[&numbers, *data].concat()));
    }
    file
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

type Seen = (u64, u32, Vec<u8>);

/// All frames, and the error that ended them, without the folder's name in its text.
fn read(path: &Path) -> (Vec<Seen>, Option<String>) {
    let mut seen = Vec::new();
    let text = |error: SourceError| {
        let folder = path.parent().unwrap().display().to_string();
        error.to_string().replace(&format!("{folder}/"), "")
    };
    let mut file = match Savefile::open(path) {
        Ok(file) => file,
        Err(error) => return (seen, Some(text(error))),
    };
    loop {
        match file.next_frame() {
            Ok(Some(frame)) => {
                seen.push((frame.timestamp.as_nanos(), frame.octets, frame.data.to_vec()));
            }
            Ok(None) => return (seen, None),
            Err(error) => return (seen, Some(text(error))),
        }
    }
}

fn complaint(path: &Path) -> String {
    let (seen, error) = read(path);
    assert_eq!(seen, []);
    error.unwrap()
}

#[test]
fn every_magic_in_both_orders_and_times_to_the_nanosecond() {
    let folder = Folder::new();
    for order in [Order::Big, Order::Little] {
        for (magic, fraction, nanos) in [
            (MICRO, 123_456, 1_327_000_000_123_456_000),
            (MICRO, 999_999, 1_327_000_000_999_999_000),
            (NANO, 123_456_789, 1_327_000_000_123_456_789),
            (NANO, 1, 1_327_000_000_000_000_001),
        ] {
            let header = pcap_header(order, magic, 1);
            let packet = pcap_packet(order, 1_327_000_000, fraction, 1500, b"captured");
            let path = folder.file("a.pcap", &[header, packet].concat());
            let (seen, error) = read(&path);
            assert_eq!(error, None, "{order:?} {magic:x}");
            assert_eq!(seen, [(nanos, 1500, b"captured".to_vec())], "{order:?} {magic:x}");
            assert_eq!(Savefile::open(&path).unwrap().link_layer(), LinkLayer::Ethernet);
        }
    }
}

#[test]
fn pcapng_in_both_orders_with_micro_and_nanoseconds() {
    let folder = Folder::new();
    for order in [Order::Big, Order::Little] {
        let nano: (u64, u32, &[u8]) = (1_327_000_000_123_456_789, 64, b"one");
        let later = (1_327_000_001_000_000_001, 2000, &b"second"[..]);
        let path = folder.file("n.pcapng", &pcapng(order, 9, &[nano, later]));
        let expected = [nano, later].map(|(time, wire, data)| (time, wire, data.to_vec()));
        assert_eq!(read(&path), (expected.to_vec(), None), "{order:?}");
        let micro: (u64, u32, &[u8]) = (1_327_000_000_123_456, 64, b"one");
        let path = folder.file("u.pcapng", &pcapng(order, 6, &[micro]));
        let expected = vec![(1_327_000_000_123_456_000, 64, b"one".to_vec())];
        assert_eq!(read(&path), (expected, None), "{order:?}");
    }
}

#[test]
fn every_link_type_that_is_decoded() {
    let folder = Folder::new();
    // As files number them (LINKTYPE), which is not everywhere as libpcap does (DLT).
    for (link_type, layer) in [
        (0, LinkLayer::Loopback),
        (1, LinkLayer::Ethernet),
        (9, LinkLayer::Ppp),
        (50, LinkLayer::Ppp),
        (101, LinkLayer::RawIp),
        (104, LinkLayer::CiscoHdlc),
        (105, LinkLayer::Ieee80211),
        (107, LinkLayer::FrameRelay),
        (117, LinkLayer::Pflog),
        (127, LinkLayer::Radiotap),
        (192, LinkLayer::Ppi),
        (204, LinkLayer::PppWithDirection),
        (239, LinkLayer::Nflog),
        (108, LinkLayer::Loopback),
        (113, LinkLayer::LinuxSll),
        (228, LinkLayer::RawIp),
        (229, LinkLayer::RawIp),
        (276, LinkLayer::LinuxSll2),
    ] {
        let path = folder.file("a.pcap", &pcap_header(Order::Little, MICRO, link_type));
        assert_eq!(Savefile::open(&path).unwrap().link_layer(), layer, "{link_type}");
    }
}

#[test]
fn a_capture_without_packets_is_none_and_no_error() {
    let folder = Folder::new();
    let path = folder.file("none.pcap", &pcap_header(Order::Little, NANO, 1));
    assert_eq!(read(&path), (vec![], None));
}

#[test]
fn what_is_no_capture_is_told_in_one_line() {
    let folder = Folder::new();
    let path = folder.file("empty.pcap", b"");
    assert_eq!(
        complaint(&path),
        "empty.pcap is empty: a capture has a header even without packets"
    );
    let path = folder.file("text.pcap", b"This is a text, and no capture at all.\n");
    assert_eq!(
        complaint(&path),
        "text.pcap is not a capture that libpcap reads (pcap or pcapng): unknown file format"
    );
    let path = folder.0.path().join("missing.pcap");
    assert_eq!(
        complaint(&path),
        "cannot read missing.pcap: No such file or directory (os error 2)"
    );
    let path = folder.0.path().join("folder");
    fs::create_dir(&path).unwrap();
    assert_eq!(complaint(&path), "cannot read folder: is a directory");
    for length in [1, 3, 4, 10, 23] {
        let header = pcap_header(Order::Little, MICRO, 1);
        let text = complaint(&folder.file("cut.pcap", &header[..length]));
        let start = "cut.pcap is not a capture that libpcap reads (pcap or pcapng): truncated dump \
                     file; tried to read";
        assert!(text.starts_with(start), "{length}: {text}");
        assert_eq!(text.lines().count(), 1);
    }
}

#[test]
fn a_link_type_that_is_not_decoded_is_named() {
    let folder = Folder::new();
    for link_type in [147, 201, 249] {
        let path = folder.file("air.pcap", &pcap_header(Order::Big, MICRO, link_type));
        let expected = format!(
            "air.pcap: link type {link_type} is not supported: Ethernet, raw IP, Linux cooked (SLL, \
             SLL2), loopback, PPP, Cisco HDLC, frame relay, 802.11, radiotap, PPI, NFLOG and pflog are"
        );
        assert_eq!(complaint(&path), expected);
    }
}

/// An interface's description, without options.
fn interface(order: Order, link_type: u16, snap_octets: u32) -> Vec<u8> {
    block(order, 1, &[&order.u16(link_type)[..], &[0; 2], &order.u32(snap_octets)].concat())
}

#[test]
fn interfaces_of_several_link_types_each_with_its_own() {
    let folder = Folder::new();
    let order = Order::Little;
    let packet = |interface: u32, data: &[u8]| {
        let numbers = [interface, 0, 7, data.len() as u32, 99].map(|number| order.u32(number));
        block(order, 6, &[&numbers.concat(), data].concat())
    };
    let section = [&order.u32(0x1a2b_3c4d)[..], &order.u16(1), &order.u16(0), &[0xff; 8]].concat();
    let file = [
        block(order, 0x0a0d_0d0a, &section),
        interface(order, 147, 0),
        interface(order, 1, 65535),
        interface(order, 101, 64),
        packet(1, b"a"),
        packet(1, b"b"),
        packet(2, b"c"),
        packet(0, b"d"),
        packet(1, b"e"),
    ]
    .concat();
    for (name, content) in [("mixed.pcapng", file.clone()), ("mixed.pcapng.gz", gzip(&file))] {
        let mut savefile = Savefile::open(&folder.file(name, &content)).unwrap();
        assert_eq!(savefile.link_layer(), LinkLayer::Ethernet, "the first that is decoded");
        let mut seen = Vec::new();
        loop {
            let mut batch = Batch::default();
            savefile.fill(&mut batch, 10).unwrap();
            if batch.is_empty() {
                break;
            }
            seen.extend(batch.frames().map(|frame| (batch.layer(), frame.data.to_vec())));
        }
        let expected = [
            (LinkLayer::Ethernet, b"a"),
            (LinkLayer::Ethernet, b"b"),
            (LinkLayer::RawIp, b"c"),
            (LinkLayer::Undecoded, b"d"),
            (LinkLayer::Ethernet, b"e"),
        ];
        assert_eq!(seen, expected.map(|(layer, data)| (layer, data.to_vec())), "{name}");
    }
}

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

fn zstandard(octets: &[u8]) -> Vec<u8> {
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    ruzstd::encoding::compress_to_vec(octets, level)
}

#[test]
fn compressed_files_give_what_they_hold_wherever_they_are_cut() {
    let folder = Folder::new();
    let order = Order::Big;
    let packets: Vec<u8> =
        (1..=40).flat_map(|secs| pcap_packet(order, secs, 0, 1400, &[secs as u8; 1300])).collect();
    let times = (1..=9).map(|secs| (secs, 60, &[7; 60][..])).collect::<Vec<_>>();
    for whole in
        [[pcap_header(order, MICRO, 1), packets].concat(), pcapng(Order::Little, 9, &times)]
    {
        for cut in [0, 1, 17, 300, whole.len() / 2] {
            let content = &whole[..whole.len() - cut];
            let plain = read(&folder.file("a", content));
            assert!(!plain.0.is_empty());
            let half = content.len() / 2;
            for compressed in [
                gzip(content),
                zstandard(content),
                // Several streams, one after the other.
                [gzip(&content[..half]), gzip(&content[half..])].concat(),
                [zstandard(&content[..half]), zstandard(&content[half..])].concat(),
            ] {
                assert_eq!(read(&folder.file("a", &compressed)), plain, "{cut}");
            }
        }
        for compressed in [gzip(&whole), zstandard(&whole)] {
            let path = folder.file("a", &compressed[..compressed.len() - 9]);
            let text = read(&path).1.unwrap();
            // What was read before is shown, where the decompressor gave anything.
            let told = ["a is damaged after ", "cannot read a: "];
            assert!(told.iter().any(|told| text.starts_with(told)), "{text}");
        }
    }
    let path = folder.file("text.gz", &gzip(b"This is a text, and no capture at all.\n"));
    let expected =
        "text.gz is not a capture that libpcap reads (pcap or pcapng): unknown file format";
    assert_eq!(complaint(&path), expected);
    let path = folder.file("air.gz", &gzip(&pcap_header(order, MICRO, 147)));
    assert!(complaint(&path).starts_with("air.gz: link type 147 is not supported"));
}

#[test]
fn frames_before_a_cut_or_damage_are_counted_and_the_error_says_how_many() {
    let folder = Folder::new();
    let order = Order::Little;
    let packet = |secs| pcap_packet(order, secs, 0, 60, &[7; 60]);
    let whole = [pcap_header(order, MICRO, 1), packet(1), packet(2), packet(3)].concat();
    // Cut in the third packet's header, then in its data.
    for cut in [1, 59, 60, 70, 75] {
        let (seen, error) = read(&folder.file("cut.pcap", &whole[..whole.len() - cut]));
        assert_eq!(seen.iter().map(|frame| frame.0 / 1_000_000_000).collect::<Vec<_>>(), [1, 2]);
        let error = error.unwrap();
        let start = "cut.pcap is damaged after 2 packets, which were counted: truncated dump file;";
        assert!(error.starts_with(start), "{error}");
    }
    // Cut between packets, nothing is wrong.
    let (seen, error) = read(&folder.file("fine.pcap", &whole[..whole.len() - 76]));
    assert_eq!((seen.len(), error), (2, None));
    let absurd = pcap_packet(order, 2, 0, u32::MAX, &[]);
    let mut damaged = [pcap_header(order, MICRO, 1), packet(1), absurd].concat();
    let length = damaged.len() - 8;
    damaged[length..length + 4].fill(0xff);
    let (seen, error) = read(&folder.file("bad.pcap", &damaged));
    assert_eq!(seen.len(), 1);
    let error = error.unwrap();
    assert!(
        error.starts_with("bad.pcap is damaged after 1 packets, which were counted: "),
        "{error}"
    );
}

#[test]
fn pcapng_that_is_cut_says_after_how_many_packets() {
    let folder = Folder::new();
    let packet: (u64, u32, &[u8]) = (1_000_000_000, 4, b"four");
    let whole = pcapng(Order::Little, 9, &[packet, packet]);
    let (seen, error) = read(&folder.file("cut.pcapng", &whole[..whole.len() - 2]));
    assert_eq!(seen.len(), 1);
    let error = error.unwrap();
    assert!(error.starts_with("cut.pcapng is damaged after 1 packets"), "{error}");
}

/// Timestamps before the epoch, or past what nanoseconds in 64 bits hold, do no harm.
#[test]
fn absurd_timestamps_saturate() {
    let folder = Folder::new();
    let order = Order::Big;
    let packets = [(u32::MAX, u32::MAX), (0, 0), (0x8000_0000, 2_000_000_000)];
    let packets = packets.map(|(secs, fraction)| pcap_packet(order, secs, fraction, 1, b"x"));
    let path = folder.file("a.pcap", &[pcap_header(order, NANO, 1), packets.concat()].concat());
    let (seen, error) = read(&path);
    assert_eq!((seen.len(), error), (3, None));
    assert_eq!(Timestamp::from_nanos(seen[1].0), Timestamp::EPOCH);
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_name_that_is_not_utf_8_is_told_where_it_matters() {
        let folder = Folder::new();
        let path = folder.0.path().join(OsStr::from_bytes(b"\xff.pcap"));
        fs::write(&path, pcap_header(Order::Big, MICRO, 1)).unwrap();
        assert_eq!(read(&path), (vec![], None));
        // A format that is libpcap's.
        fs::write(&path, pcap_header(Order::Big, 0xa1b2_cd34, 1)).unwrap();
        let text = complaint(&path);
        assert!(text.contains("only names in UTF-8"), "{text}");
    }

    /// A writer whose pipe is opened, closed and opened again would be told that nobody reads.
    #[test]
    fn a_named_pipe_is_opened_once() {
        let folder = Folder::new();
        let path = folder.0.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let writer = {
            let path = path.clone();
            std::thread::spawn(move || -> std::io::Result<()> {
                let order = Order::Little;
                let mut pipe = fs::OpenOptions::new().write(true).open(path)?;
                pipe.write_all(&pcap_header(order, NANO, 1))?;
                for secs in 0..1000 {
                    pipe.write_all(&pcap_packet(order, secs, 0, 1000, &[1; 1000]))?;
                }
                Ok(())
            })
        };
        let (seen, error) = read(&path);
        assert_eq!((seen.len(), error), (1000, None));
        writer.join().unwrap().unwrap();
    }
}
