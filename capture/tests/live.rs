//! Live capture on the loopback interface, where the tests may capture.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]
// A real interface has a real clock.
#![allow(clippy::disallowed_methods)]
#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::net::UdpSocket;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use etiage_capture::source::{LiveDrops, LiveSettings, LiveSource, Received, pin_to_core};
use etiage_capture::{Content, Timestamp, decode};

fn settings(interface: &str, workers: u8) -> LiveSettings {
    LiveSettings {
        interface: interface.into(),
        snap_octets: 128,
        ring_octets: 1 << 20,
        workers,
        promiscuous: false,
    }
}

fn open(interface: &str) -> Result<LiveSource, String> {
    LiveSource::open(&settings(interface, 1)).map_err(|error| error.to_string())
}

#[test]
fn an_interface_that_is_not_there_is_told_with_what_to_do() {
    let Err(text) = open("no-such-port0") else { panic!("it is there") };
    assert!(text.starts_with("cannot capture on interface no-such-port0: "), "{text}");
    assert!(text.contains("`ip link` lists") || text.contains("run as root"), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn a_packet_is_seen_with_its_length_on_the_wire_and_nothing_is_dropped() {
    let mut source = match open("lo") {
        Ok(source) => source,
        Err(text) => {
            // Only who may capture can see more than this.
            assert!(text.contains("run as root"), "{text}");
            return;
        }
    };
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = receiver.local_addr().unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let from = sender.local_addr().unwrap();
    sender.send_to(&[b'e'; 1000], to).unwrap();
    let layer = source.link_layer();
    // The interface's other traffic goes by; the kernel hands a block over after 100 ms at most.
    for _ in 0..1000 {
        match source.receive().unwrap() {
            Received::Nothing => source.wait(Duration::from_millis(100)),
            Received::Early => panic!("nothing was said of when to begin"),
            Received::Frame(frame) => {
                let Content::Packet(packet, None) = decode(layer, frame.data).content else {
                    continue;
                };
                if (packet.source, packet.destination) != (from, to) {
                    continue;
                }
                assert_eq!((frame.octets, frame.data.len()), (14 + 20 + 8 + 1000, 128));
                assert_eq!((packet.payload_octets, packet.payload), (1000, &[b'e'; 86][..]));
                assert!(frame.timestamp.as_secs() > 1_700_000_000);
                assert_eq!(source.drops().unwrap(), LiveDrops::default());
                return;
            }
        }
    }
    panic!("the packet did not come");
}

/// Each packet comes to one source, both directions of a flow to the same.
#[test]
fn several_sources_share_an_interface_by_flow() {
    const FLOWS: usize = 64;
    let mut sources = match LiveSource::open_group(&settings("lo", 3)) {
        Ok(sources) => sources,
        Err(error) => {
            // Only who may capture can see more than this.
            assert!(error.to_string().contains("run as root"), "{error}");
            return;
        }
    };
    assert_eq!(sources.len(), 3);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let since = Timestamp::from_nanos(since.as_nanos() as u64);
    sources.iter_mut().for_each(|source| source.show_since(since));
    let mut flows = HashMap::new();
    for _ in 0..FLOWS {
        let (one, two) =
            (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let (from, to) = (one.local_addr().unwrap(), two.local_addr().unwrap());
        one.send_to(b"question", to).unwrap();
        two.send_to(b"answer", from).unwrap();
        flows.insert((from, to), Vec::new());
        flows.insert((to, from), Vec::new());
    }
    let layer = sources[0].link_layer();
    let mut left = 2 * FLOWS;
    // After the last expected one, every ring is looked at once more: what came twice would be there.
    for round in 0..300 {
        for (place, source) in sources.iter_mut().enumerate() {
            loop {
                let frame = match source.receive().unwrap() {
                    Received::Frame(frame) => frame,
                    Received::Early => continue,
                    Received::Nothing => break,
                };
                assert!(frame.timestamp >= since);
                let Content::Packet(packet, None) = decode(layer, frame.data).content else {
                    continue;
                };
                if let Some(seen) = flows.get_mut(&(packet.source, packet.destination)) {
                    seen.push(place);
                    left = left.saturating_sub(1);
                }
            }
        }
        if left == 0 && round > 3 {
            break;
        }
        sources[0].wait(Duration::from_millis(100));
    }
    let mut used = [0; 3];
    for ((from, to), seen) in &flows {
        assert_eq!(seen.len(), 1, "{from} to {to}");
        assert_eq!(seen, &flows[&(*to, *from)], "{from} to {to}");
        used[seen[0]] += 1;
    }
    assert!(used.iter().all(|packets| *packets > 0), "{used:?}");
}

#[test]
fn a_core_that_is_not_there_is_told() {
    assert!(pin_to_core(u16::MAX).is_err());
    let pinned = std::thread::spawn(|| pin_to_core(0).is_ok());
    // Core 0 may be another's in a container.
    let _ = pinned.join().unwrap();
}
