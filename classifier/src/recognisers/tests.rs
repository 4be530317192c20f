//! What holds for all recognisers together: no panic, and nothing found in noise.

use proptest::prelude::*;

use super::testing::{Flow, Said};
use super::{Recogniser, TCP, UDP};
use etiage_capture::{Side, Transport};

/// A generator that needs nothing and gives the same on every machine (Marsaglia's xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn payload(&mut self) -> Vec<u8> {
        let length = 1 + (self.next() % 1500) as usize;
        let mut octets = Vec::with_capacity(length + 8);
        while octets.len() < length {
            octets.extend(self.next().to_le_bytes());
        }
        octets.truncate(length);
        octets
    }
}

fn flow(transport: Transport) -> Flow {
    if transport == Transport::TCP { Flow::tcp(50_001) } else { Flow::udp(50_001) }
}

/// Shows the packets to every recogniser of the flow's list, each as if alone; the settled findings.
fn settled(
    flow: &mut Flow,
    from_start: bool,
    packets: &[(Side, Vec<u8>)],
) -> Vec<(&'static str, Said)> {
    let list = if flow.ends.transport == Transport::TCP { TCP } else { UDP };
    let mut found = Vec::new();
    for recogniser in list {
        flow.restart(from_start);
        for (side, payload) in packets {
            let said = flow.packet(recogniser.ask, *side, payload);
            if said.settled().is_some() {
                found.push((recogniser.name, said));
            }
            if said == Said::No {
                break;
            }
        }
    }
    found
}

#[test]
fn random_datagrams_and_segments_match_nothing() {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let (mut udp, mut tcp, mut midway) =
        (flow(Transport::UDP), flow(Transport::TCP), flow(Transport::TCP));
    for _ in 0..100_000 {
        let packet = [(Side::Initiator, noise.payload())];
        for (flow, from_start) in [(&mut udp, true), (&mut tcp, true), (&mut midway, false)] {
            let found = settled(flow, from_start, &packet);
            assert!(found.is_empty(), "{found:?} in {:02x?}", packet[0].1);
        }
    }
}

/// Small datagrams, where a few octets are all: a match of one in a hundred thousand would show.
#[test]
fn random_small_datagrams_match_nothing_either() {
    let mut noise = Noise(0x2545_f491_4f6c_dd1d);
    let mut udp = flow(Transport::UDP);
    for _ in 0..200_000 {
        let mut payload = noise.payload();
        payload.truncate(1 + (noise.next() % 64) as usize);
        let found = settled(&mut udp, true, &[(Side::Initiator, payload.clone())]);
        assert!(found.is_empty(), "{found:?} in {payload:02x?}");
    }
}

/// Conversations of noise: what is remembered between packets must not add up to a match.
#[test]
fn random_conversations_match_nothing() {
    let mut noise = Noise(0xda94_2042_e4dd_58b5);
    let (mut tcp, mut udp) = (flow(Transport::TCP), flow(Transport::UDP));
    for _ in 0..4_000 {
        let packets: Vec<_> = (0..16)
            .map(|place| {
                let side = if place % 2 == 0 { Side::Initiator } else { Side::Responder };
                (side, noise.payload())
            })
            .collect();
        for flow in [&mut udp, &mut tcp] {
            let found = settled(flow, false, &packets);
            assert!(found.is_empty(), "{found:?}");
        }
    }
}

/// Real starts of messages, to be mutated.
const SEEDS: &[&[u8]] = &[
    b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05abcdefghijklmnopqrst-TR3000-abcdefghijkl",
    b"\0\0\0\x0d\x06\0\0\0\x05\0\0\x40\0\0\0\x40\0\0\0\0\x05\x04\0\0\0\x01",
    b"GET /announce?info_hash=aaaaaaaaaaaaaaaaaaaa&port=6881 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1d\r\nd8:intervali60e5:peers6:abcdefe\r\n",
    b"d1:rd2:id20:0123456789abcdefghij5:nodes26:aaaaaaaaaaaaaaaaaaaa\xcb\0\x71\x07\x1a\xe1e1:t2:aa1:y1:re",
    b"\x41\x02\x12\x34\0\0\0\x01\0\0\0\0\0\x10\0\0\0\x01\0\0\0\x08abcdefgh",
    b"\0\0\x04\x17\x27\x10\x19\x80\0\0\0\0tran",
    b"220 ftp.example FTP\r\n227 Entering Passive Mode (10,0,0,5,195,80).\r\n229 (|||50001|)\r\n",
    b"PORT 192,0,2,1,200,1\r\nEPRT |2|2001:db8::9|6446|\r\n",
    b"\xe3\x25\0\0\0\x01\x10aaaaaaaaaaaaaaaa\x01\x02\x03\x04\x36\x12\x01\0\0\0\x02\x01\0\x01",
    b"\xe4\x29aaaaaaaaaaaaaaaa\x01bbbbbbbbbbbbbbbbbbbbbbbbb",
    b"$Lock EXTENDEDPROTOCOL Pk=hub|$MyNick joe|",
    b"HSUP ADBASE ADTIGR\n",
    b"\x48\0\0\0\x01\0\0\0\x03\0\0\0joe\x06\0\0\0secret\xa0\0\0\0\x20\0\0\x000123456789abcdef",
    b"GIV 36:809BC12168A1852CFF5D7A785833F600/f.txt\n\n",
    b"\0\x01\0\x08\x21\x12\xa4\x42transaction!\x00\x06\x00\x04user",
    b"\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\x04abcd",
    b"\x80\xc8\0\x06\0\0\0\x09aaaaaaaaaaaaaaaaaaaa\x81\xca\0\x02\0\0\0\x09\x01\x01a\0",
    b"\x04\0\0\0\x09\x09\x09\x09\x05\0\0\0\0\0\0\0aaaaaaaaaaaaaaaa",
    b"\x38aaaaaaaa\0\0\0\x01\x65\0\0\0bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbccccc",
    b"\x30\x1d\x02\x01\x01\x04\x06public\xa0\x10\x02\x01\x05\x02\x01\0\x02\x01\0\x30\x05\x30\x03\x06\x01\x2b",
    b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0",
    b"\x42\x03\x1d\xa9\x07\x98\x72\x44\x5c\x41r\x08Bus17Cmd\x11\x32\xff{\"a\":1}",
    b"\0\x01\0\0abcdefgh\0\0\0abcdef\x60\0\0\0\0\0\x3b\x15\x20\x01\0\0aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    b"CNXN\0\0\0\x01\0\0\x04\0\0\0\0\0\0\0\0\0\xbc\xb1\xa7\xb1",
    b"\x80\x1c\x01\0\x02\0\x03\0\0\0\x10\x07\0\xc0aaaaaaaaaaaaaaaa",
    b"\x0a\0\0\0wxyz\x52\0\x7f\0\x14\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0",
];

fn show_all(list: &'static [Recogniser], transport: Transport, packets: &[(bool, bool, Vec<u8>)]) {
    for recogniser in list {
        let mut flow = flow(transport);
        for (from_client, midway, payload) in packets {
            if *midway {
                flow = flow.midway();
            }
            let side = if *from_client { Side::Initiator } else { Side::Responder };
            flow.packet(recogniser.ask, side, payload);
        }
    }
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (prop::sample::select(SEEDS), changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(seed, changes, cut, whole)| {
            let mut octets = seed.to_vec();
            for (place, octet) in changes {
                let place = place.index(octets.len());
                octets[place] = octet;
            }
            if !whole {
                octets.truncate(1 + cut.index(octets.len()));
            }
            octets
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_recogniser_panics_on_noise(packets in proptest::collection::vec(
        (any::<bool>(), any::<bool>(), proptest::collection::vec(any::<u8>(), 1..200)), 1..6,
    )) {
        show_all(TCP, Transport::TCP, &packets);
        show_all(UDP, Transport::UDP, &packets);
    }

    #[test]
    fn no_recogniser_panics_on_almost_real_messages(packets in proptest::collection::vec(
        (any::<bool>(), any::<bool>(), mutated()), 1..6,
    )) {
        show_all(TCP, Transport::TCP, &packets);
        show_all(UDP, Transport::UDP, &packets);
    }
}

/// What is kept of a inspected flow is bounded; the recognisers' own part must stay a small one of it.
#[test]
fn the_recognisers_memory_is_small() {
    assert!(size_of::<super::Scratch>() <= 512, "{}", size_of::<super::Scratch>());
}
