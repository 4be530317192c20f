//! Live capture on the loopback interface, where the tests may capture.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]
#![cfg(target_os = "linux")]

use std::net::UdpSocket;
use std::time::Duration;

use etiage_capture::source::{LiveDrops, LiveSettings, LiveSource, Received};
use etiage_capture::{Content, decode};

fn open(interface: &str) -> Result<LiveSource, String> {
    let settings = LiveSettings {
        interface: interface.into(),
        snap_octets: 128,
        ring_octets: 1 << 20,
        workers: 1,
        promiscuous: false,
    };
    LiveSource::open(&settings).map_err(|error| error.to_string())
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
