//! Which frames belong together: those between the same two addresses.

use std::net::IpAddr;

use crate::decode::{Content, LinkLayer, decode, is_tunnel_port};
use crate::packet::Packet;

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// A hash of the two addresses of a frame's innermost IP packet, the same for both directions; 0 where
/// there is none.
///
/// Ports are left out on purpose: a later fragment has none, and must meet its first one; and a host's
/// connections to one server, which teach about each other, stay together. It is not keyed: whoever
/// chooses addresses can make frames meet, which makes reading a file slower, and no more.
pub fn pair_hash(layer: LinkLayer, frame: &[u8]) -> u64 {
    let plain = match layer {
        LinkLayer::Ethernet => ethernet(frame),
        LinkLayer::RawIp => ip(frame),
        _ => None,
    };
    plain.or_else(|| long_way(layer, frame)).unwrap_or(0)
}

/// Ethernet with up to two VLAN tags.
fn ethernet(frame: &[u8]) -> Option<u64> {
    let mut rest = frame.get(12..)?;
    for _ in 0..3 {
        let (ethertype, after) = rest.split_first_chunk::<2>()?;
        match u16::from_be_bytes(*ethertype) {
            0x0800 | 0x86dd => return ip(after),
            0x8100 | 0x88a8 => rest = after.get(2..)?,
            _ => return None,
        }
    }
    None
}

/// The addresses of an IP packet that holds no other: `None` where that is not plain to see.
fn ip(packet: &[u8]) -> Option<u64> {
    match packet.first()? {
        first @ 0x45..=0x4f => {
            let header: &[u8; 20] = packet.first_chunk()?;
            let [_, _, _, _, _, _, flags, offset, _, protocol, ..] = *header;
            let [.., a, b, c, d, e, f, g, h] = *header;
            let later = flags & 0x1f != 0 || offset != 0;
            let payload = packet.get(usize::from(first & 0x0f) * 4..)?;
            (later && matches!(protocol, TCP | UDP | ICMP) || is_innermost(protocol, payload))
                .then(|| v4([a, b, c, d], [e, f, g, h]))
        }
        0x60..=0x6f => {
            let (header, payload) = packet.split_first_chunk::<40>()?;
            let (head, addresses) = header.split_first_chunk::<8>()?;
            let [_, _, _, _, _, _, next, _] = *head;
            let (source, rest) = addresses.split_first_chunk::<16>()?;
            is_innermost(next, payload)
                .then(|| rest.first_chunk::<16>().map(|destination| v6(*source, *destination)))?
        }
        _ => None,
    }
}

fn is_innermost(protocol: u8, payload: &[u8]) -> bool {
    match protocol {
        TCP | ICMP | ICMPV6 => true,
        UDP => payload.first_chunk().is_some_and(|[a, b, c, d]| {
            !is_tunnel_port((u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])))
        }),
        _ => false,
    }
}

fn long_way(layer: LinkLayer, frame: &[u8]) -> Option<u64> {
    let (source, destination) = match decode(layer, frame).content {
        Content::Packet(packet, _) => Packet::addresses(&packet),
        Content::LaterFragment(id) => (id.source, id.destination),
        Content::NonIp | Content::Undecodable(_) => return None,
    };
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            Some(v4(source.octets(), destination.octets()))
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            Some(v6(source.octets(), destination.octets()))
        }
        _ => None,
    }
}

fn v4(source: [u8; 4], destination: [u8; 4]) -> u64 {
    let mixed = |address| mix(u64::from(u32::from_be_bytes(address)));
    mix(mixed(source).wrapping_add(mixed(destination)))
}

fn v6(source: [u8; 16], destination: [u8; 16]) -> u64 {
    let mixed = |address| {
        let address = u128::from_be_bytes(address);
        mix(mix((address >> 64) as u64) ^ address as u64)
    };
    mix(mixed(source).wrapping_add(mixed(destination)))
}

/// The finaliser of SplitMix64: every bit of what goes in changes half of what comes out.
const fn mix(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udp(from: [u8; 4], to: [u8; 4], ports: [u16; 2], fragment: u16, inside: &[u8]) -> Vec<u8> {
        let length = (28 + inside.len()) as u16;
        let mut packet = [&[0x45, 0][..], &length.to_be_bytes(), &[0, 9]].concat();
        packet.extend([&fragment.to_be_bytes()[..], &[64, 17, 0, 0], &from, &to].concat());
        packet.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
        packet.extend([&(length - 20).to_be_bytes()[..], &[0, 0], inside].concat());
        packet
    }

    const A: [u8; 4] = [192, 0, 2, 1];
    const B: [u8; 4] = [198, 51, 100, 1];
    const C: [u8; 4] = [203, 0, 113, 1];

    #[test]
    fn both_directions_and_all_fragments_meet() {
        let hash = |packet: &[u8]| pair_hash(LinkLayer::RawIp, packet);
        let there = hash(&udp(A, B, [1, 2], 0, b""));
        assert_ne!(there, 0);
        assert_eq!(there, hash(&udp(B, A, [2, 1], 0, b"answer")));
        assert_eq!(there, hash(&udp(A, B, [7, 8], 0x2000, b"first")));
        // What looks like a tunnel's port is a later fragment's payload.
        assert_eq!(there, hash(&udp(A, B, [7, 2152], 1, b"later")));
        assert_ne!(there, hash(&udp(A, C, [1, 2], 0, b"")));
        assert_ne!(hash(&udp(A, A, [1, 2], 0, b"")), hash(&udp(B, B, [1, 2], 0, b"")));
    }

    #[test]
    fn what_is_in_a_tunnel_counts() {
        let inside = udp(A, B, [1, 2], 0, b"user's");
        let gtp = [&[0x30, 255, 0, 0, 0, 0, 0, 0], &inside[..]].concat();
        let outside = udp(C, A, [2152, 2152], 0, &gtp);
        assert_eq!(pair_hash(LinkLayer::RawIp, &outside), pair_hash(LinkLayer::RawIp, &inside));
        assert_eq!(pair_hash(LinkLayer::RawIp, b"\x00"), 0);
    }

    proptest::proptest! {
        /// The short way sees what the decoder sees, wherever that sees a flow.
        #[test]
        fn the_short_way_is_right(
            version in 0u8..2,
            protocol in proptest::sample::select(&[1u8, 4, 6, 17, 41, 47, 58, 99, 0, 44][..]),
            tags in 0usize..4,
            mut octets in proptest::collection::vec(0u8..=255, 0..120),
        ) {
            if let Some(first) = octets.first_mut() {
                *first = if version == 0 { 0x40 | *first & 0x0f } else { 0x60 };
            }
            let place = if version == 0 { 9 } else { 6 };
            if let Some(octet) = octets.get_mut(place) {
                *octet = protocol;
            }
            let tag = [0x81, 0, 0, 5].repeat(tags);
            let ethertype: [u8; 2] = if version == 0 { [8, 0] } else { [0x86, 0xdd] };
            let frame = [&[0; 12][..], &tag, &ethertype, &octets].concat();
            if let Some(hash) = long_way(LinkLayer::Ethernet, &frame) {
                proptest::prop_assert_eq!(pair_hash(LinkLayer::Ethernet, &frame), hash);
            }
        }
    }
}
