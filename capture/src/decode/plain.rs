//! The short way: Ethernet with up to two VLAN tags (or no link layer at all), IPv4 or IPv6 without
//! fragment or extension header, TCP or UDP. All else, and all that is cut short or contradicts
//! itself, is `None` here and read by [`decode`](super::decode), with which this agrees in
//! everything (the test below).

use std::net::SocketAddr;

use super::{LinkLayer, Outer, tunnel};
use crate::flow::{FlowKey, Sender};
use crate::mac::MacAddress;
use crate::packet::{Packet, PerSide, TcpHeader, Transport};

/// A packet as the flow table and the classifier need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowPacket<'a> {
    /// Its flow, without a VLAN.
    pub key: FlowKey,
    /// Which end of the key sent it.
    pub sender: Sender,
    /// The TCP header where it is TCP.
    pub tcp: Option<TcpHeader>,
    /// Captured octets of the transport's payload.
    pub payload: &'a [u8],
    /// Octets of payload on the wire: at least `payload.len()`.
    pub payload_octets: u32,
}

impl<'a> FlowPacket<'a> {
    /// The same of a packet that was decoded the long way.
    pub fn of(packet: &Packet<'a>) -> Self {
        let Packet { source, destination, transport, tcp, payload, payload_octets } = *packet;
        let (key, sender) = FlowKey::new(source, destination, transport, None);
        Self { key, sender, tcp, payload, payload_octets }
    }

    /// Source and destination.
    pub fn ends(&self) -> (SocketAddr, SocketAddr) {
        let PerSide { initiator, responder } = self.key.ends(self.sender);
        (initiator, responder)
    }
}

/// Decodes what nearly all frames are. Inlined, so that what it finds is written once, where it is
/// wanted.
#[inline(always)]
pub fn decode_plain(layer: LinkLayer, frame: &[u8]) -> Option<(Outer, FlowPacket<'_>)> {
    match layer {
        LinkLayer::Ethernet => {
            let (header, mut rest) = frame.split_first_chunk::<14>()?;
            let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, high, low] = *header;
            let macs = (MacAddress([s0, s1, s2, s3, s4, s5]), MacAddress([d0, d1, d2, d3, d4, d5]));
            let mut ethertype = [high, low];
            let mut vlan = None;
            for _ in 0..2 {
                if !matches!(ethertype, [0x81, 0] | [0x88, 0xa8]) {
                    break;
                }
                let ([tag_high, tag_low, high, low], inner) = rest.split_first_chunk::<4>()?;
                vlan = vlan.or(Some(u16::from_be_bytes([tag_high & 0x0f, *tag_low])));
                (ethertype, rest) = ([*high, *low], inner);
            }
            // An EtherType that contradicts the IP header's version is left to the long way.
            let packet = match (ethertype, rest.first()? >> 4) {
                ([0x08, 0x00], 4) => ipv4(rest)?,
                ([0x86, 0xdd], 6) => ipv6(rest)?,
                _ => return None,
            };
            Some((Outer { macs: Some(macs), vlan, ..Outer::default() }, packet))
        }
        LinkLayer::RawIp => {
            let packet = match frame.first()? >> 4 {
                4 => ipv4(frame)?,
                6 => ipv6(frame)?,
                _ => return None,
            };
            Some((Outer::default(), packet))
        }
        _ => None,
    }
}

#[inline(always)]
fn ipv4(packet: &[u8]) -> Option<FlowPacket<'_>> {
    let header: &[u8; 20] = packet.first_chunk()?;
    let [version_ihl, _, l0, l1, _, _, flags, offset, _, protocol, _, _, s @ .., d0, d1, d2, d3] =
        *header;
    let header_octets = usize::from(version_ihl & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([l0, l1]));
    if flags & 0x3f != 0 || offset != 0 || header_octets < 20 {
        return None;
    }
    let captured = packet.get(header_octets..packet.len().min(total))?;
    let octets = (total - header_octets) as u32;
    let (source, destination) = (u32::from_be_bytes(s), u32::from_be_bytes([d0, d1, d2, d3]));
    transport(protocol, captured, octets, |ports, transport| {
        FlowKey::v4(source, destination, ports, transport)
    })
}

#[inline(always)]
fn ipv6(packet: &[u8]) -> Option<FlowPacket<'_>> {
    let (header, rest) = packet.split_first_chunk::<40>()?;
    let (start, addresses) = header.split_first_chunk::<8>()?;
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    let [_, _, _, _, l0, l1, next, _] = *start;
    let length = u16::from_be_bytes([l0, l1]);
    if length == 0 {
        return None;
    }
    let captured = rest.get(..rest.len().min(length.into()))?;
    let source = u128::from_be_bytes(*source);
    let destination = u128::from_be_bytes(*destination.first_chunk()?);
    transport(next, captured, length.into(), |ports, transport| {
        FlowKey::v6(source, destination, ports, transport)
    })
}

/// What follows the IP header: `captured` of it, and so many `octets` on the wire.
#[inline(always)]
fn transport(
    protocol: u8,
    captured: &[u8],
    octets: u32,
    key: impl FnOnce((u16, u16), Transport) -> (FlowKey, Sender),
) -> Option<FlowPacket<'_>> {
    match Transport(protocol) {
        Transport::TCP => {
            let header: &[u8; 20] = captured.first_chunk()?;
            let [p0, p1, p2, p3, s0, s1, s2, s3, a0, a1, a2, a3, length, flags, ..] = *header;
            let ports = (u16::from_be_bytes([p0, p1]), u16::from_be_bytes([p2, p3]));
            let (key, sender) = key(ports, Transport::TCP);
            let tcp = TcpHeader {
                sequence: u32::from_be_bytes([s0, s1, s2, s3]),
                acknowledgment: u32::from_be_bytes([a0, a1, a2, a3]),
                flags,
            };
            // A length below 20 is wrong; the fixed part is what can be relied on.
            let header_octets = (usize::from(length >> 4) * 4).max(20);
            let payload = captured.get(header_octets..).unwrap_or_default();
            let payload_octets = octets.saturating_sub(header_octets as u32);
            Some(FlowPacket { key, sender, tcp: Some(tcp), payload, payload_octets })
        }
        Transport::UDP => {
            let (header, payload) = captured.split_first_chunk::<8>()?;
            let [p0, p1, p2, p3, l0, l1, ..] = *header;
            let ports = (u16::from_be_bytes([p0, p1]), u16::from_be_bytes([p2, p3]));
            if tunnel::is_tunnel_port(ports) {
                return None;
            }
            let (key, sender) = key(ports, Transport::UDP);
            let available = octets.saturating_sub(8);
            let stated = match u16::from_be_bytes([l0, l1]) {
                length @ 8.. => u32::from(length) - 8,
                _ => available,
            };
            let payload_octets = stated.min(available);
            let payload = payload.get(..payload_octets as usize).unwrap_or(payload);
            Some(FlowPacket { key, sender, tcp: None, payload, payload_octets })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::decode::{Content, decode};

    /// Octets that are nearly a frame: headers as they should be, then cut and damaged somewhere.
    fn frames() -> impl Strategy<Value = (LinkLayer, Vec<u8>)> {
        let tags = vec(prop_oneof![Just([0x81, 0x00]), Just([0x88, 0xa8])], 0..4);
        let ip = (
            any::<bool>(),
            prop_oneof![Just(6u8), Just(17), any::<u8>()],
            5u8..8,
            vec(any::<u8>(), 40),
        );
        let ports = prop_oneof![Just([8u8, 104]), Just([0x12, 0xb5]), any::<[u8; 2]>()];
        let transport = (ports, prop_oneof![Just(5u8), any::<u8>()], vec(any::<u8>(), 0..80));
        let damage = vec((any::<proptest::sample::Index>(), any::<u8>()), 0..3);
        (any::<bool>(), tags, ip, transport, any::<u16>(), damage, 0usize..60, 0usize..20).prop_map(
            |(
                raw,
                tags,
                (v6, protocol, words, filling),
                (ports, offset, body),
                stated,
                damage,
                cut,
                more,
            )| {
                let mut segment =
                    [&ports[..], &[1, 2], &filling[..8], &[offset << 4 | offset & 15], &body]
                        .concat();
                if protocol == 17 && stated % 3 == 0 {
                    segment[4] = 0;
                    segment[5] = (stated >> 4) as u8;
                }
                let length = if stated % 4 == 0 { stated as usize % 90 } else { segment.len() };
                let mut packet = Vec::new();
                if v6 {
                    packet.extend([0x60, 0, 0, 0, 0, length as u8, protocol, 64]);
                    packet.extend(&filling[..32]);
                } else {
                    let total = usize::from(words) * 4 + length;
                    packet.extend([
                        0x40 | words,
                        0,
                        0,
                        total as u8,
                        0,
                        0,
                        0x40,
                        0,
                        64,
                        protocol,
                        0,
                        0,
                    ]);
                    packet.extend(&filling[..usize::from(words) * 4 - 12]);
                }
                packet.extend(segment);
                packet.extend(vec![0xee; more]);
                let mut frame = Vec::new();
                if !raw {
                    frame.extend([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
                    for tag in tags {
                        frame.extend(tag);
                        frame.extend(&filling[8..10]);
                    }
                    frame.extend(if v6 { [0x86, 0xdd] } else { [0x08, 0x00] });
                }
                frame.extend(packet);
                for (place, octet) in damage {
                    let place = place.index(frame.len());
                    frame[place] = octet;
                }
                frame.truncate(frame.len().saturating_sub(cut.saturating_sub(30)));
                (if raw { LinkLayer::RawIp } else { LinkLayer::Ethernet }, frame)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        /// What the short way takes, the long way reads the same.
        #[test]
        fn agrees_with_the_long_way((layer, frame) in frames()) {
            if let Some((outer, plain)) = decode_plain(layer, &frame) {
                let whole = decode(layer, &frame);
                prop_assert_eq!(outer, whole.outer);
                let Content::Packet(packet, None) = whole.content else {
                    return Err(TestCaseError::fail(format!("{whole:?}")));
                };
                prop_assert_eq!(plain, FlowPacket::of(&packet));
                let addresses = plain.key.addresses(plain.sender);
                let (source, destination) = packet.addresses();
                prop_assert_eq!(addresses, (source.into(), destination.into()));
            }
        }
    }

    #[test]
    fn takes_what_nearly_all_frames_are() {
        let tcp = [
            &[0x45, 0, 0, 41, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2][..],
            &[0, 80, 1, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 0, 0, 0, 0, 0, 0, b'x'],
        ]
        .concat();
        let udp6 =
            [&[0x60, 0, 0, 0, 0, 9, 17, 64][..], &[0x20; 32], &[0, 53, 1, 2, 0, 9, 0, 0, b'x']]
                .concat();
        for (ethertype, packet) in [([8, 0], &tcp), ([0x86, 0xdd], &udp6)] {
            for tags in [&[][..], &[0x81, 0, 0, 5], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]] {
                let frame = [&[2; 12][..], tags, &ethertype, packet].concat();
                let (outer, packet) = decode_plain(LinkLayer::Ethernet, &frame).unwrap();
                assert_eq!(outer.vlan, (!tags.is_empty()).then_some(5));
                assert_eq!(packet.payload, b"x");
            }
        }
    }
}
