//! The short way against etherparse: whatever both read, they read alike.

use etherparse::{LaxSlicedPacket, PacketBuilder, TransportSlice};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::{LinkLayer, decode};

/// An Ethernet frame as it may come: valid at first, then some octets changed, then cut or padded.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<Index>(), any::<u8>()), 0..4);
    let end = prop_oneof![
        3 => Just(None),
        2 => any::<Index>().prop_map(|index| Some(Err(index))),
        1 => (0usize..30).prop_map(|padding| Some(Ok(padding))),
    ];
    (valid_frames(), prop_oneof![Just(Vec::new()), changes], end).prop_map(
        |(mut frame, changes, end)| {
            for (index, value) in changes {
                let place = index.index(frame.len());
                frame[place] = value;
            }
            match end {
                Some(Err(index)) => frame.truncate(index.index(frame.len() + 1)),
                Some(Ok(padding)) => frame.extend(std::iter::repeat_n(0xee, padding)),
                None => {}
            }
            frame
        },
    )
}

fn valid_frames() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop::collection::vec(any::<u8>(), 0..60);
    let ports = (any::<u16>(), any::<u16>());
    let options = prop::sample::select(vec![0usize, 4, 12, 40]);
    (any::<bool>(), 0u8..4, ports, any::<(u32, u32)>(), options, any::<[u8; 16]>(), payload)
        .prop_map(|(v4, transport, (source, destination), numbers, options, address, payload)| {
            let builder = PacketBuilder::ethernet2([2; 6], [4; 6]);
            let builder = if v4 {
                let mut header = etherparse::Ipv4Header {
                    source: [192, 0, 2, address[0]],
                    destination: [198, 51, 100, address[1]],
                    time_to_live: 64,
                    ..etherparse::Ipv4Header::default()
                };
                header.options = vec![1; options].as_slice().try_into().unwrap();
                builder.ip(etherparse::IpHeaders::Ipv4(header, Default::default()))
            } else {
                builder.ipv6(address, [0x20; 16], 64)
            };
            let mut frame = Vec::new();
            let written = match transport {
                0 | 1 => {
                    let mut header =
                        etherparse::TcpHeader::new(source, destination, numbers.0, 1000);
                    header.acknowledgment_number = numbers.1;
                    header.ack = transport == 1;
                    header.set_options_raw(&vec![1; options]).unwrap();
                    builder.tcp_header(header).write(&mut frame, &payload)
                }
                2 => builder.udp(source, destination).write(&mut frame, &payload),
                _ => builder.icmpv4_echo_request(1, 2).write(&mut frame, &payload),
            };
            written.unwrap();
            frame
        })
}

/// Asserts that both ways read the headers alike, where the short way reads them at all.
fn same_datagram(packet: &[u8]) -> Result<(), TestCaseError> {
    let Some(short) = short_way(packet) else { return Ok(()) };
    // After "no next header" etherparse takes what is there for a jumbogram's payload.
    if short.transport == Transport(59) && short.payload_octets == 0 {
        return Ok(());
    }
    let Ok(long) = long_way(packet) else {
        return Err(TestCaseError::fail("only the short way reads it"));
    };
    prop_assert_eq!((short.source, short.destination), (long.source, long.destination));
    prop_assert_eq!(short.transport, long.transport);
    prop_assert_eq!(short.payload, long.payload);
    prop_assert_eq!(short.payload.as_ptr(), long.payload.as_ptr());
    prop_assert_eq!(short.payload_octets, long.payload_octets);
    prop_assert!(long.fragment.is_none());
    Ok(())
}

/// Asserts that TCP's and UDP's headers and payload are where etherparse finds them.
fn same_packet(frame: &[u8], packet: &Packet<'_>) -> Result<(), TestCaseError> {
    let sliced = LaxSlicedPacket::from_ethernet(frame)
        .map_err(|error| TestCaseError::fail(error.to_string()))?;
    let ports = (packet.source.port(), packet.destination.port());
    match &sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            prop_assert_eq!(ports, (tcp.source_port(), tcp.destination_port()));
            let header = packet.tcp.unwrap_or_default();
            prop_assert_eq!(header.sequence, tcp.sequence_number());
            prop_assert_eq!(header.acknowledgment, tcp.acknowledgment_number());
            let flags = [tcp.fin(), tcp.syn(), tcp.rst(), tcp.psh(), tcp.ack(), tcp.urg()];
            for (place, flag) in flags.into_iter().enumerate() {
                prop_assert_eq!(header.has(1 << place), flag);
            }
            prop_assert_eq!(packet.payload, tcp.payload());
        }
        Some(TransportSlice::Udp(udp)) => {
            prop_assert_eq!(ports, (udp.source_port(), udp.destination_port()));
            prop_assert_eq!(packet.payload, udp.payload());
        }
        _ => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn both_ways_agree(frame in frames()) {
        if let Some(packet) = frame.get(14..) {
            same_datagram(packet)?;
        }
        let decoded = decode(LinkLayer::Ethernet, &frame);
        let Content::Packet(packet, None) = decoded.content else { return Ok(()) };
        prop_assert!(packet.payload_octets as usize >= packet.payload.len());
        if decoded.outer.addresses.is_none() {
            same_packet(&frame, &packet)?;
        }
    }

    #[test]
    fn both_ways_agree_on_any_octets(
        version in prop::sample::select(vec![0x45u8, 0x46, 0x4f, 0x60]),
        octets in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        same_datagram(&[&[version][..], &octets].concat())?;
    }
}
