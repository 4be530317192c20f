//! The decoder at its boundary: one frame of every kind of link layer, tag, label, tunnel and
//! fragment, written out octet by octet.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::net::IpAddr;

use etiage_capture::decode::{FragmentId, Undecodable};
use etiage_capture::flow::Fragments;
use etiage_capture::{Content, LinkLayer, MacAddress, Packet, Timestamp, Transport, decode};

const MAC_FROM: [u8; 6] = [2, 0, 0, 0, 0, 1];
const MAC_TO: [u8; 6] = [2, 0, 0, 0, 0, 2];
const FROM: [u8; 4] = [192, 0, 2, 1];
const TO: [u8; 4] = [198, 51, 100, 2];
fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn be16(value: usize) -> [u8; 2] {
    u16::try_from(value).unwrap().to_be_bytes()
}

fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&MAC_TO, &MAC_FROM, &ethertype.to_be_bytes(), payload])
}

/// An IPv4 packet with these flags and fragment offset, and options of whole words.
fn ipv4_with(protocol: u8, fragment: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let header = 20 + options.len();
    join(&[
        &[0x40 | (header / 4) as u8, 0],
        &be16(header + payload.len()),
        &[0x12, 0x34],
        &fragment.to_be_bytes(),
        &[64, protocol, 0, 0],
        &FROM,
        &TO,
        options,
        payload,
    ])
}

fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_with(protocol, 0x4000, &[], payload)
}

fn address6(last: u8) -> [u8; 16] {
    [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    join(&[
        &[0x60, 0, 0, 0],
        &be16(payload.len()),
        &[next, 64],
        &address6(1),
        &address6(2),
        payload,
    ])
}

fn udp_ports(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let ports = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    join(&[&ports, &be16(8 + payload.len()), &[0, 0], payload])
}

fn udp(payload: &[u8]) -> Vec<u8> {
    udp_ports(1000, 2000, payload)
}

/// A TCP segment with a data offset in words, and the options that it may tell of.
fn tcp(offset: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    join(&[
        &[0x03, 0xe8, 0x07, 0xd0, 0, 0, 0, 7, 0, 0, 0, 9],
        &[offset << 4, 0x18, 0xff, 0xff, 0, 0, 0, 0],
        options,
        payload,
    ])
}

fn content(layer: LinkLayer, frame: &[u8]) -> Content<'_> {
    decode(layer, frame).content
}

fn packet(layer: LinkLayer, frame: &[u8]) -> Packet<'_> {
    match content(layer, frame) {
        Content::Packet(packet, None) => packet,
        other => panic!("{other:?}"),
    }
}

/// Asserts that the frame holds the datagram of [`udp`] with payload `hello`, over IPv4 or IPv6.
fn holds_hello(layer: LinkLayer, frame: &[u8]) {
    let packet = packet(layer, frame);
    assert_eq!(packet.transport, Transport::UDP);
    let (from, to) = match packet.source.ip() {
        IpAddr::V4(_) => ("192.0.2.1:1000", "198.51.100.2:2000"),
        IpAddr::V6(_) => ("[2001:db8::1]:1000", "[2001:db8::2]:2000"),
    };
    assert_eq!((packet.source, packet.destination), (from.parse().unwrap(), to.parse().unwrap()));
    assert_eq!((packet.payload, packet.payload_octets), (&b"hello"[..], 5));
}

/// The same with a right header checksum (RFC 1071).
fn summed4() -> Vec<u8> {
    let mut packet = hello4();
    let sum: u32 =
        packet[..20].chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    packet[10..12].copy_from_slice(&be16(!folded as usize & 0xffff));
    packet
}

fn hello4() -> Vec<u8> {
    ipv4(17, &udp(b"hello"))
}

fn hello6() -> Vec<u8> {
    ipv6(17, &udp(b"hello"))
}

mod link_layers {
    use super::*;

    #[test]
    fn ethernet_with_up_to_three_tags() {
        for (ethertype, ip) in [([8, 0], hello4()), ([0x86, 0xdd], hello6())] {
            let plain = [&MAC_TO[..], &MAC_FROM, &ethertype, &ip].concat();
            holds_hello(LinkLayer::Ethernet, &plain);
            let outer = decode(LinkLayer::Ethernet, &plain).outer;
            assert_eq!(outer.macs, Some((MacAddress(MAC_FROM), MacAddress(MAC_TO))));
            assert_eq!((outer.vlan, outer.addresses, outer.sent_by_host), (None, None, None));
            for (tags, outermost) in [
                (&[0x81, 0, 0x20, 0x64][..], 100),
                (&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 100], 7),
                (&[0x91, 0, 0, 9, 0x81, 0, 0, 100], 9),
                (&[0x81, 0, 0x0f, 0xff, 0x81, 0, 0, 1, 0x81, 0, 0, 2], 4095),
            ] {
                let frame = [&MAC_TO[..], &MAC_FROM, tags, &ethertype, &ip].concat();
                holds_hello(LinkLayer::Ethernet, &frame);
                let vlan = decode(LinkLayer::Ethernet, &frame).outer.vlan;
                assert_eq!(vlan, Some(outermost), "{tags:x?}");
            }
        }
    }

    #[test]
    fn a_frame_of_nothing_but_tags_is_malformed() {
        let frame = ethernet(0x8100, &[0, 1, 0x81, 0].repeat(300));
        let malformed = Content::Undecodable(Undecodable::Malformed);
        assert_eq!(content(LinkLayer::Ethernet, &frame), malformed);
        let labels = ethernet(0x8847, &[0; 2000]);
        assert_eq!(content(LinkLayer::Ethernet, &labels), malformed);
    }

    #[test]
    fn ieee_802_3_with_snap_carries_ip_and_without_does_not() {
        let snap = join(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &hello4()]);
        holds_hello(LinkLayer::Ethernet, &ethernet(snap.len() as u16, &snap));
        let spanning_tree = ethernet(38, &[0x42, 0x42, 3, 0, 0, 0, 0, 0]);
        assert_eq!(content(LinkLayer::Ethernet, &spanning_tree), Content::NonIp);
        let cisco = ethernet(38, &[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0]);
        assert_eq!(content(LinkLayer::Ethernet, &cisco), Content::NonIp);
    }

    #[test]
    fn what_is_not_ip_is_not_ip() {
        for ethertype in [0x0806, 0x88cc, 0x8863, 0x888e, 0xffff] {
            let frame = ethernet(ethertype, &[0; 46]);
            assert_eq!(content(LinkLayer::Ethernet, &frame), Content::NonIp, "{ethertype:x}");
        }
    }

    #[test]
    fn mpls_with_one_to_three_labels_carries_either_ip_or_a_pseudowire() {
        let label = |bottom: u8| [0, 1, 0x20 | bottom, 64];
        for above in 0..3 {
            let labels = [label(0).repeat(above), label(1).to_vec()].concat();
            for inner in [
                hello4(),
                hello6(),
                join(&[&[0; 4], &ethernet(0x0800, &hello4())]),
                join(&[&[0; 4], &ethernet(0x8100, &join(&[&[0, 5, 0x86, 0xdd], &hello6()]))]),
            ] {
                let frame = ethernet(0x8847, &join(&[&labels, &inner]));
                holds_hello(LinkLayer::Ethernet, &frame);
                let outer = decode(LinkLayer::Ethernet, &frame).outer;
                assert_eq!(outer.macs, Some((MacAddress(MAC_FROM), MacAddress(MAC_TO))));
                assert_eq!(outer.vlan, None, "the pseudowire's tag is the customer's");
            }
        }
        let other = ethernet(0x8848, &join(&[&label(1), &[0x1f; 40]]));
        assert_eq!(content(LinkLayer::Ethernet, &other), Content::NonIp);
    }

    #[test]
    fn ppp_over_ethernet_with_its_protocol_in_two_octets_or_one() {
        for (protocol, ip) in [
            (&[0, 0x21][..], hello4()),
            (&[0x21], hello4()),
            (&[0, 0x57], hello6()),
            (&[0x57], hello6()),
        ] {
            let length = be16(protocol.len() + ip.len());
            let session = join(&[&[0x11, 0, 0, 1], &length, protocol, &ip]);
            holds_hello(LinkLayer::Ethernet, &ethernet(0x8864, &session));
        }
        let lcp = ethernet(0x8864, &[0x11, 0, 0, 1, 0, 6, 0xc0, 0x21, 1, 1, 0, 4]);
        assert_eq!(content(LinkLayer::Ethernet, &lcp), Content::NonIp);
    }

    #[test]
    fn ppp_with_and_without_hdlc_framing_and_with_mpls_in_it() {
        for framing in [&[0xff, 3][..], &[]] {
            holds_hello(LinkLayer::Ppp, &join(&[framing, &[0, 0x21], &hello4()]));
            holds_hello(LinkLayer::Ppp, &join(&[framing, &[0x57], &hello6()]));
            let labelled = join(&[framing, &[2, 0x81, 0, 0, 0x11, 64], &hello4()]);
            holds_hello(LinkLayer::Ppp, &labelled);
        }
    }

    #[test]
    fn raw_ip_of_either_version() {
        holds_hello(LinkLayer::RawIp, &hello4());
        holds_hello(LinkLayer::RawIp, &hello6());
    }

    #[test]
    fn linux_cooked_captures_tell_who_sent() {
        for (packet_type, sent) in [(0, false), (1, false), (3, false), (4, true)] {
            let first = join(&[&[0, packet_type, 0, 1, 0, 6], &[9; 8], &[8, 0], &hello4()]);
            let second =
                join(&[&[0x86, 0xdd, 0, 0, 0, 0, 0, 2, 0, 1, packet_type, 6], &[9; 8], &hello6()]);
            for (layer, frame) in [(LinkLayer::LinuxSll, first), (LinkLayer::LinuxSll2, second)] {
                holds_hello(layer, &frame);
                assert_eq!(decode(layer, &frame).outer.sent_by_host, Some(sent), "{layer:?}");
            }
        }
        let tagged = join(&[&[0; 14], &[0x81, 0, 0, 100, 8, 0], &hello4()]);
        holds_hello(LinkLayer::LinuxSll, &tagged);
        assert_eq!(decode(LinkLayer::LinuxSll, &tagged).outer.vlan, Some(100));
    }

    #[test]
    fn loopback_families_in_either_order() {
        for (family, ip) in [(2u32, hello4()), (24, hello6()), (28, hello6()), (30, hello6())] {
            holds_hello(LinkLayer::Loopback, &join(&[&family.to_be_bytes(), &ip]));
            holds_hello(LinkLayer::Loopback, &join(&[&family.to_le_bytes(), &ip]));
        }
        let iso = join(&[&7u32.to_le_bytes(), &[0; 40]]);
        assert_eq!(content(LinkLayer::Loopback, &iso), Content::NonIp);
    }
}

mod other_link_layers {
    use super::*;

    #[test]
    fn cisco_hdlc_and_ppp_with_a_direction() {
        holds_hello(LinkLayer::CiscoHdlc, &join(&[&[0x0f, 0, 8, 0], &hello4()]));
        holds_hello(LinkLayer::CiscoHdlc, &join(&[&[0x8f, 0, 0x86, 0xdd], &hello6()]));
        for (direction, sent) in [(0, false), (1, true)] {
            let frame = join(&[&[direction, 0xff, 3, 0, 0x21], &hello4()]);
            holds_hello(LinkLayer::PppWithDirection, &frame);
            assert_eq!(decode(LinkLayer::PppWithDirection, &frame).outer.sent_by_host, Some(sent));
        }
    }

    #[test]
    fn frame_relay_by_identifier_by_snap_and_as_cisco_has_it() {
        for address in [&[0x18, 0x41][..], &[0x18, 0x40, 0x02, 0x41], &[0x18, 0x40, 0x41]] {
            let on = |rest: &[u8], packet: &[u8]| join(&[address, rest, packet]);
            holds_hello(LinkLayer::FrameRelay, &on(&[3, 0xcc], &hello4()));
            holds_hello(LinkLayer::FrameRelay, &on(&[3, 0x8e], &hello6()));
            holds_hello(LinkLayer::FrameRelay, &on(&[3, 0, 0x80, 0, 0, 0, 8, 0], &hello4()));
            let bridged = ethernet(0x0800, &hello4());
            holds_hello(LinkLayer::FrameRelay, &on(&[3, 0, 0x80, 0, 0x80, 0xc2, 0, 7], &bridged));
            holds_hello(LinkLayer::FrameRelay, &on(&[8, 0], &hello4()));
            assert_eq!(content(LinkLayer::FrameRelay, &on(&[3, 0x08], &[0; 20])), Content::NonIp);
        }
        assert_eq!(
            content(LinkLayer::FrameRelay, &[0; 8]),
            Content::NonIp,
            "an address without end"
        );
    }

    #[test]
    fn wireless_data_frames_are_read_and_others_are_not() {
        let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
        let head =
            |kind, flags, more: &[u8]| join(&[&[kind, flags], &[0; 22], more, &snap, &hello4()]);
        holds_hello(LinkLayer::Ieee80211, &head(0x08, 0x01, &[]));
        holds_hello(LinkLayer::Ieee80211, &head(0x08, 0x03, &[0; 6]));
        holds_hello(LinkLayer::Ieee80211, &head(0x88, 0x02, &[0, 0]));
        holds_hello(LinkLayer::Ieee80211, &head(0x88, 0x82, &[0; 6]));
        let aggregated = join(&[&[0x80, 0], &[0; 14][..]]);
        holds_hello(LinkLayer::Ieee80211, &head(0x88, 0x02, &aggregated));
        for (kind, flags) in [(0x80, 0), (0xd4, 0), (0x48, 1), (0xc8, 1), (0x08, 0x41)] {
            let frame = head(kind, flags, &[]);
            assert_eq!(content(LinkLayer::Ieee80211, &frame), Content::NonIp, "{kind:x} {flags:x}");
        }
        let radiotap = [0, 0, 12, 0, 0, 0, 0, 0, 1, 2, 3, 4];
        holds_hello(LinkLayer::Radiotap, &join(&[&radiotap, &head(0x08, 0x01, &[])]));
    }

    #[test]
    fn headers_that_name_what_follows() {
        let ppi =
            |dlt, fields: &[u8]| join(&[&[0, 0, 8 + fields.len() as u8, 0, dlt, 0, 0, 0], fields]);
        holds_hello(LinkLayer::Ppi, &join(&[&ppi(1, &[2; 12]), &ethernet(0x0800, &hello4())]));
        holds_hello(LinkLayer::Ppi, &join(&[&ppi(101, &[]), &hello6()]));
        assert_eq!(content(LinkLayer::Ppi, &join(&[&ppi(192, &[]), &ppi(1, &[])])), Content::NonIp);
        for family in [2, 24, 30] {
            let hello = if family == 2 { hello4() } else { hello6() };
            holds_hello(LinkLayer::Pflog, &join(&[&[61, family], &[0; 62], &hello]));
        }
        assert_eq!(
            content(LinkLayer::Pflog, &join(&[&[61, 7], &[0; 62], &hello4()])),
            Content::NonIp
        );
    }

    #[test]
    fn netfilters_log_in_either_order() {
        let hello = hello4();
        let little = |length: usize| be16(length).into_iter().rev().collect::<Vec<_>>();
        // A prefix of five octets comes before, padded to a whole word.
        let attributes = join(&[
            &[2, 0, 0, 1],
            &little(9),
            &[10, 0, 1, 2, 3, 4, 5, 0, 0, 0],
            &little(4 + hello.len()),
            &[9, 0],
            &hello,
        ]);
        holds_hello(LinkLayer::Nflog, &attributes);
        let big = join(&[&[10, 0, 0, 1], &be16(4 + hello6().len()), &[0, 9], &hello6()]);
        holds_hello(LinkLayer::Nflog, &big);
        assert_eq!(
            content(LinkLayer::Nflog, &[2, 0, 0, 1, 8, 0, 1, 0, 0, 0, 0, 0]),
            Content::NonIp
        );
    }
}

mod tags {
    use super::*;

    #[test]
    fn between_the_addresses_and_the_packet() {
        for tag in [
            &[0x89, 0x09, 1, 1, 0, 1, 0, 5][..],
            &[0x89, 0x26, 0, 0, 0x12, 0x34],
            &[0x89, 0x3f, 0, 1, 0, 2, 0, 0],
            &[0x88, 0xe5, 0x00, 0, 0, 0, 0, 1],
            &[0x88, 0xe5, 0x20, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0, 1],
            &[0x92, 0, 0, 3],
            &[0x89, 0x26, 0, 0, 0x12, 0x34, 0x81, 0, 0, 9],
        ] {
            holds_hello(
                LinkLayer::Ethernet,
                &[&MAC_TO[..], &MAC_FROM, tag, &[8, 0], &hello4()].concat(),
            );
        }
        let encrypted = [0x0c, 0, 0, 0, 0, 1, 8, 0];
        let frame = ethernet(0x88e5, &join(&[&encrypted, &hello4()]));
        assert_eq!(content(LinkLayer::Ethernet, &frame), Content::NonIp);
    }

    #[test]
    fn customers_frames_in_a_providers() {
        let inner = ethernet(0x8100, &join(&[&[0, 5, 8, 0], &hello4()]));
        for outer in [
            (0x88e7, &[0, 0, 0x12, 0x34][..]),
            (0x8903, &[0, 0x10]),
            (0x22f3, &[0, 0x3f, 0, 1, 0, 2]),
            (0x22f3, &[0, 0x7f, 0, 1, 0, 2, 9, 9, 9, 9]),
            // Service function chaining, with metadata of four words and of none.
            (
                0x894f,
                &[0x0f, 0xc6, 1, 3, 0, 0, 1, 255, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4],
            ),
            (0x894f, &[0x0f, 0xc2, 2, 3, 0, 0, 1, 255]),
        ] {
            let frame = ethernet(outer.0, &join(&[outer.1, &inner]));
            holds_hello(LinkLayer::Ethernet, &frame);
            let macs = decode(LinkLayer::Ethernet, &frame).outer.macs;
            assert_eq!(macs, Some((MacAddress(MAC_FROM), MacAddress(MAC_TO))), "the outer ones");
            assert_eq!(
                decode(LinkLayer::Ethernet, &frame).outer.vlan,
                None,
                "the customer's is theirs"
            );
        }
    }

    #[test]
    fn pseudowires_with_and_without_a_control_word_whatever_the_customers_address_begins_with() {
        for first in [0x00, 0x02, 0x0c, 0x40, 0x45, 0x4c, 0x60, 0x6c, 0xb8] {
            for word in [&[][..], &[0, 0, 0, 7]] {
                for (ethertype, inner) in [([8, 0], hello4()), ([0x86, 0xdd], hello6())] {
                    let customer =
                        [&[first, 1, 2, 3, 4, 5][..], &MAC_FROM, &ethertype, &inner].concat();
                    let frame = ethernet(0x8847, &join(&[&[0, 1, 0x11, 64], word, &customer]));
                    holds_hello(LinkLayer::Ethernet, &frame);
                }
            }
        }
    }
}

mod ip {
    use super::*;

    #[test]
    fn options_are_skipped_by_the_header_length() {
        for words in 1..=10 {
            let frame = ipv4_with(17, 0, &[1; 4].repeat(words), &udp(b"hello"));
            holds_hello(LinkLayer::RawIp, &frame);
        }
    }

    #[test]
    fn a_total_length_that_a_network_card_left_0_is_what_was_captured() {
        let mut frame = ipv4(6, &tcp(5, &[], b"offloaded"));
        frame[2..4].fill(0);
        let packet = packet(LinkLayer::RawIp, &frame);
        assert_eq!((packet.payload, packet.payload_octets), (&b"offloaded"[..], 9));
    }

    #[test]
    fn padding_and_trailers_are_never_payload() {
        for (ethertype, ip) in [
            (0x0800, hello4()),
            (0x86dd, hello6()),
            (0x0800, ipv4_with(17, 0, &[1, 1, 1, 1], &udp(b"hello"))),
            (0x0800, ipv4(47, &join(&[&[0, 0, 8, 0], &hello4()]))),
            (0x86dd, ipv6(0, &join(&[&[17, 0, 1, 4, 0, 0, 0, 0], &udp(b"hello")]))),
        ] {
            let padded = ethernet(ethertype, &join(&[&ip, &[0xee; 30]]));
            holds_hello(LinkLayer::Ethernet, &padded);
        }
        for payload in [&tcp(5, &[], b"")[..], &tcp(8, &[1; 12], b"")] {
            let padded = ethernet(0x0800, &join(&[&ipv4(6, payload), &[0; 6]]));
            let packet = packet(LinkLayer::Ethernet, &padded);
            assert_eq!((packet.payload, packet.payload_octets), (&b""[..], 0));
        }
        // No next header (RFC 8200, section 4.7), and no payload: what follows is the frame's.
        let nothing = ethernet(0x86dd, &join(&[&ipv6(59, &[]), &[0; 6]]));
        assert_eq!(packet(LinkLayer::Ethernet, &nothing).payload, b"");
    }

    #[test]
    fn ipv6_extension_headers_are_skipped() {
        let options = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
        let long = |next: u8| [&[next, 1, 1, 12][..], &[0; 12]].concat();
        let routing = |next: u8| [&[next, 2, 4, 0, 0, 0, 0, 0][..], &address6(9)].concat();
        let authentication = |next: u8| [&[next, 4, 0, 0, 0, 0, 0, 1][..], &[0; 16]].concat();
        let whole = |next: u8| [next, 0, 0, 0, 0, 0, 0, 5];
        let body = udp(b"hello");
        for (first, headers) in [
            (0, options(17).to_vec()),
            (0, long(17)),
            (43, routing(17)),
            (60, options(17).to_vec()),
            (51, authentication(17)),
            (44, whole(17).to_vec()),
            (0, join(&[&options(43), &routing(60), &long(51), &authentication(17)])),
            (60, join(&[&options(44), &whole(60), &options(17)])),
        ] {
            holds_hello(LinkLayer::RawIp, &ipv6(first, &join(&[&headers, &body])));
        }
        let v4 = ipv4(51, &join(&[&authentication(17), &body]));
        holds_hello(LinkLayer::RawIp, &v4);
    }

    /// etherparse 0.21's iterator over the headers of such a packet reads past its end.
    #[test]
    fn ipv6_extension_headers_that_reach_past_the_packet_are_cut() {
        let body = udp(b"hello");
        for kind in [0_u8, 43, 44, 51, 60] {
            for (next, length) in [(17, 255), (0, 9), (51, 200), (60, 0), (44, 3)] {
                let header = [next, length, 0, 0, 0, 0, 0, 0];
                let whole = ipv6(kind, &join(&[&header, &header, &body]));
                for end in 0..=whole.len() {
                    let decoded = decode(LinkLayer::RawIp, &whole[..end]);
                    if let Content::Packet(packet, _) = decoded.content {
                        assert!(packet.payload_octets as usize >= packet.payload.len());
                    }
                }
            }
        }
    }

    #[test]
    fn headers_that_are_protocols_of_their_own_are_packets() {
        // Mobility (RFC 6275), HIP (RFC 7401), ESP, no next header.
        for protocol in [135, 139, 50, 59] {
            let ip = ipv6(protocol, &[59, 0, 1, 0, 0, 0, 0, 0]);
            let packet = packet(LinkLayer::RawIp, &ip);
            assert_eq!((packet.transport, packet.payload_octets), (Transport(protocol), 8));
        }
    }

    #[test]
    fn contradictions_are_malformed_and_cuts_are_truncated() {
        let undecodable = |frame: &[u8]| match content(LinkLayer::RawIp, frame) {
            Content::Undecodable(reason) => reason,
            other => panic!("{other:?}"),
        };
        let mut short_header = hello4();
        short_header[0] = 0x44;
        assert_eq!(undecodable(&short_header), Undecodable::Malformed);
        assert_eq!(undecodable(&[0x50; 60]), Undecodable::Malformed);
        assert_eq!(undecodable(&[0x50; 10]), Undecodable::Malformed);
        assert_eq!(undecodable(&[]), Undecodable::Truncated);
        for (whole, headers) in [
            (hello4(), 24),
            (hello6(), 44),
            (ipv4_with(17, 0, &[1; 40], &udp(b"hello")), 64),
            (ipv6(0, &join(&[&[17, 0, 1, 4, 0, 0, 0, 0], &udp(b"hello")])), 52),
        ] {
            for length in 0..headers {
                let reason = undecodable(&whole[..length]);
                assert_eq!(reason, Undecodable::Truncated, "{length} of {whole:x?}");
            }
        }
    }
}

mod fragments {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn first(frame: &[u8]) -> (Packet<'_>, FragmentId) {
        match content(LinkLayer::RawIp, frame) {
            Content::Packet(packet, Some(id)) => (packet, id),
            other => panic!("{other:?}"),
        }
    }

    fn later(frame: &[u8]) -> FragmentId {
        match content(LinkLayer::RawIp, frame) {
            Content::LaterFragment(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// Asserts that the later fragment is found to be of the first one's flow.
    fn belongs(first_frame: &[u8], later_frame: &[u8]) {
        let (packet, id) = first(first_frame);
        assert_eq!((packet.source.port(), packet.destination.port()), (1000, 2000));
        let mut fragments = Fragments::new(8);
        fragments.learn(NOW, id, &packet);
        let found = fragments.find(NOW, &later(later_frame)).unwrap();
        assert_eq!((found.source, found.destination), (packet.source, packet.destination));
        assert_eq!(found.transport, packet.transport);
        assert_eq!((found.payload, found.tcp), (&b""[..], None));
    }

    fn fragment6(next: u8, offset_and_more: u16, payload: &[u8]) -> Vec<u8> {
        let header = [&[next, 0][..], &offset_and_more.to_be_bytes(), &[0, 0, 0, 77]].concat();
        ipv6(44, &join(&[&header, payload]))
    }

    #[test]
    fn of_ipv4() {
        // The datagram's own length, of which this is a part, says nothing of the fragment.
        let mut datagram = udp(&[b'x'; 16]);
        datagram[4..6].copy_from_slice(&[0, 200]);
        let first_frame = ipv4_with(17, 0x2000, &[], &datagram);
        let (packet, _) = first(&first_frame);
        assert_eq!((packet.payload.len(), packet.payload_octets), (16, 16));
        belongs(&first_frame, &ipv4_with(17, 0x2003, &[], &[b'y'; 24]));
        belongs(&first_frame, &ipv4_with(17, 0x0006, &[], &[b'y'; 5]));
        belongs(
            &ipv4_with(6, 0x2000, &[], &tcp(5, &[], b"data")),
            &ipv4_with(6, 3, &[], &[b'y'; 24]),
        );
    }

    #[test]
    fn of_ipv6() {
        let first_frame = fragment6(17, 1, &udp(&[b'x'; 16]));
        assert_eq!(first(&first_frame).0.payload, [b'x'; 16]);
        belongs(&first_frame, &fragment6(17, 3 << 3 | 1, &[b'y'; 24]));
        belongs(&first_frame, &fragment6(17, 6 << 3, &[b'y'; 5]));
    }

    /// What follows a later fragment's header is the middle of a datagram, whatever the header's
    /// number for the whole says.
    #[test]
    fn whose_datagram_begins_with_another_extension_header() {
        let options = [17, 0, 1, 4, 0, 0, 0, 0];
        let first_frame = fragment6(60, 1, &join(&[&options, &udp(&[b'x'; 16])]));
        belongs(&first_frame, &fragment6(60, 4 << 3, &[6; 24]));
        belongs(&first_frame, &fragment6(60, 4 << 3, &[0xff; 24]));
        let authentication = [&[17, 4, 0, 0, 0, 0, 0, 1][..], &[0; 16]].concat();
        belongs(
            &ipv4_with(51, 0x2000, &[], &join(&[&authentication, &udp(&[b'x'; 16])])),
            &ipv4_with(51, 6, &[], &[4; 32]),
        );
    }

    #[test]
    fn of_other_datagrams_are_told_apart() {
        let (packet, id) = first(&ipv4_with(17, 0x2000, &[], &udp(&[b'x'; 16])))
            .pipe(|(packet, id)| (Packet { payload: &[], ..packet }, id));
        let mut fragments = Fragments::new(8);
        fragments.learn(NOW, id, &packet);
        let mut other = ipv4_with(17, 3, &[], &[b'y'; 24]);
        other[5] ^= 1;
        assert_eq!(fragments.find(NOW, &later(&other)), None);
        assert_eq!(fragments.find(NOW, &later(&ipv4_with(6, 3, &[], &[b'y'; 24]))), None);
    }

    trait Pipe: Sized {
        fn pipe<T>(self, with: impl FnOnce(Self) -> T) -> T {
            with(self)
        }
    }
    impl<T> Pipe for T {}
}

mod transports {
    use super::*;

    #[test]
    fn a_udp_length_that_contradicts_the_ip_length_is_not_believed() {
        for (stated, expected) in
            [(0u16, 5u32), (3, 5), (7, 5), (8, 0), (10, 2), (13, 5), (14, 5), (65535, 5)]
        {
            let mut datagram = udp(b"hello");
            datagram[4..6].copy_from_slice(&stated.to_be_bytes());
            for ip in [ipv4(17, &datagram), ipv6(17, &datagram)] {
                let packet = packet(LinkLayer::RawIp, &ip);
                assert_eq!(packet.payload_octets, expected, "stated {stated}");
                assert_eq!(packet.payload, &b"hello"[..expected as usize], "stated {stated}");
            }
        }
    }

    #[test]
    fn a_tcp_header_is_read_and_a_bad_data_offset_does_no_harm() {
        let options = [1; 40];
        for (offset, payload) in [
            // Below the fixed part: what lies behind that is payload.
            (0, [&options[..], b"data"].concat()),
            (4, [&options[..], b"data"].concat()),
            (5, [&options[..], b"data"].concat()),
            (7, [&options[8..], b"data"].concat()),
            (15, b"data".to_vec()),
        ] {
            let frame = ipv4(6, &tcp(offset, &options, b"data"));
            let packet = packet(LinkLayer::RawIp, &frame);
            let header = packet.tcp.unwrap();
            assert_eq!((header.sequence, header.acknowledgment, header.flags), (7, 9, 0x18));
            assert_eq!(packet.payload, payload, "offset {offset}");
            assert_eq!(packet.payload_octets as usize, payload.len());
        }
        // Past the packet's end.
        let frame = ipv4(6, &tcp(15, &[], b"data"));
        let packet = packet(LinkLayer::RawIp, &frame);
        assert_eq!((packet.payload, packet.payload_octets), (&b""[..], 0));
        assert_eq!(packet.source.port(), 1000);
    }

    #[test]
    fn sctp_has_ports_and_icmp_has_none() {
        let chunk = join(&[&[3, 0xe8, 7, 0xd0], &[0; 8], b"chunks"]);
        let frame = ipv4(132, &chunk);
        let sctp = packet(LinkLayer::RawIp, &frame);
        assert_eq!(sctp.transport, Transport::SCTP);
        assert_eq!((sctp.source.port(), sctp.destination.port()), (1000, 2000));
        assert_eq!((sctp.payload, sctp.payload_octets), (&b"chunks"[..], 6));
        for (ip, transport) in [
            (ipv4(1, &[8, 0, 0, 0, 0, 1, 0, 1]), Transport::ICMP),
            (ipv6(58, &[128, 0, 0, 0, 0, 1, 0, 1]), Transport::ICMPV6),
        ] {
            let icmp = packet(LinkLayer::RawIp, &ip);
            assert_eq!((icmp.transport, icmp.payload_octets), (transport, 8));
            assert_eq!((icmp.source.port(), icmp.destination.port()), (0, 0));
        }
    }

    /// A snap length cuts what is captured; what was on the wire stays known.
    #[test]
    fn cut_at_any_length_the_payload_on_the_wire_stays_known() {
        let tcp = tcp(8, &[1; 12], b"twenty octets of it.");
        let udp = udp(b"twenty octets of it.");
        for (whole, ports, header, payload) in [
            (ipv4(6, &tcp), 24, 34, 52),
            (ipv6(6, &tcp), 44, 54, 72),
            (ipv4(17, &udp), 24, 24, 28),
            (ipv6(17, &udp), 44, 44, 48),
            (ipv4_with(17, 0, &[1; 8], &udp), 32, 32, 36),
        ] {
            for length in ports..=whole.len() {
                let packet = packet(LinkLayer::RawIp, &whole[..length]);
                assert_eq!((packet.source.port(), packet.destination.port()), (1000, 2000));
                let captured = &whole[length.min(payload)..length];
                assert_eq!(packet.payload, captured, "cut at {length}");
                if length >= header {
                    assert_eq!(packet.payload_octets, 20, "cut at {length}");
                }
            }
        }
    }
}

mod tunnels {
    use super::*;

    fn outer_addresses(frame: &[u8]) -> Option<(IpAddr, IpAddr)> {
        decode(LinkLayer::RawIp, frame).outer.addresses
    }

    /// Asserts that the tunnel's inside is the packet, its addresses the outer ones.
    fn carries_hello(frame: &[u8]) {
        holds_hello(LinkLayer::RawIp, frame);
        let (from, to) = outer_addresses(frame).unwrap();
        assert!(from.is_ipv6() || from == IpAddr::from(FROM));
        assert!(to.is_ipv6() || to == IpAddr::from(TO));
    }

    #[test]
    fn ip_in_ip_of_all_versions() {
        for inner in [hello4(), hello6()] {
            let number = if inner[0] >> 4 == 4 { 4 } else { 41 };
            carries_hello(&ipv4(number, &inner));
            carries_hello(&ipv6(number, &inner));
        }
    }

    #[test]
    fn gre_with_every_optional_field() {
        for (flags, fields) in [
            ([0x00, 0], 0),
            ([0x80, 0], 4),
            ([0x20, 0], 4),
            ([0x10, 0], 4),
            ([0xa0, 0], 8),
            ([0xb0, 0], 12),
        ] {
            let fields = vec![0xab; fields];
            for (protocol, inner) in [
                ([8, 0], hello4()),
                ([0x86, 0xdd], hello6()),
                ([0x65, 0x58], ethernet(0x0800, &hello4())),
                ([0x88, 0x47], join(&[&[0, 0, 0x11, 64], &hello4()])),
            ] {
                carries_hello(&ipv4(47, &join(&[&flags, &protocol, &fields, &inner])));
            }
        }
    }

    #[test]
    fn pptp_carries_ppp_in_gre_version_1() {
        for (flags, fields) in [([0x30, 1], 8), ([0x30, 0x81], 12), ([0x20, 1], 4)] {
            let fields = vec![0xab; fields];
            for ppp in [&[0xff, 3, 0, 0x21][..], &[0, 0x21], &[0x21]] {
                let gre = join(&[&flags, &[0x88, 0x0b], &fields, ppp, &hello4()]);
                carries_hello(&ipv4(47, &gre));
            }
        }
    }

    #[test]
    fn gtp_u_with_and_without_extension_headers() {
        let inner = hello4();
        for header in [
            &[0x30, 255, 0, 0, 0, 0, 0, 1][..],
            // A sequence number, and an extension header for it to end.
            &[0x32, 255, 0, 0, 0, 0, 0, 1, 0, 5, 0, 0],
            // A PDU session container (3GPP TS 38.415), then two of eight octets.
            &[0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0x10, 9, 0],
            &[0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 2, 1, 2, 3, 4, 5, 6, 0x40, 1, 7, 7, 0],
        ] {
            let datagram = udp_ports(2152, 2152, &join(&[header, &inner]));
            carries_hello(&ipv4(17, &datagram));
            carries_hello(&ipv6(17, &udp_ports(40000, 2152, &join(&[header, &hello6()]))));
        }
        // An echo request; an extension header of length 0, which would have no end.
        for header in [
            &[0x30, 1, 0, 0, 0, 0, 0, 1][..],
            &[0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 0, 0x10, 9, 0],
        ] {
            let frame = ipv4(17, &udp_ports(2152, 2152, &join(&[header, &inner])));
            assert_eq!(packet(LinkLayer::RawIp, &frame).destination.port(), 2152);
            assert_eq!(outer_addresses(&frame), None);
        }
    }

    #[test]
    fn vxlan_on_linuxs_port_is_read_where_its_whole_header_fits() {
        let vxlan = join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &ethernet(0x0800, &hello4())]);
        carries_hello(&ipv4(17, &udp_ports(54321, 8472, &vxlan)));
        for (place, octet) in [(0, 0x0c), (3, 1), (7, 1)] {
            let mut other = vxlan.clone();
            other[place] = octet;
            let frame = ipv4(17, &udp_ports(54321, 8472, &other));
            assert_eq!(packet(LinkLayer::RawIp, &frame).destination.port(), 8472);
        }
    }

    #[test]
    fn geneve_carries_ethernet_or_ip_behind_its_options() {
        let frame = ethernet(0x0800, &hello4());
        let bridged = join(&[&[0, 0, 0x65, 0x58, 0, 0, 5, 0], &frame]);
        carries_hello(&ipv4(17, &udp_ports(54321, 6081, &bridged)));
        // One option of four octets, critical options present, IPv4 without Ethernet.
        let routed = join(&[&[1, 0x40, 0x08, 0, 0, 0, 5, 0, 1, 2, 0x80, 0], &hello4()]);
        carries_hello(&ipv4(17, &udp_ports(54321, 6081, &routed)));
        // Another version, a control message, a reserved bit, reserved octet.
        for (place, octet) in [(0, 0x40), (1, 0x80), (1, 0x01), (7, 1)] {
            let mut other = bridged.clone();
            other[place] = octet;
            let frame = ipv4(17, &udp_ports(54321, 6081, &other));
            assert_eq!(packet(LinkLayer::RawIp, &frame).destination.port(), 6081);
        }
    }

    #[test]
    fn vxlan_carries_ethernet() {
        let vxlan = join(&[&[8, 0, 0, 0, 0, 0, 5, 0], &ethernet(0x0800, &hello4())]);
        carries_hello(&ipv4(17, &udp_ports(54321, 4789, &vxlan)));
        let invalid = join(&[&[0, 0, 0, 0, 0, 0, 5, 0], &ethernet(0x0800, &hello4())]);
        let frame = ipv4(17, &udp_ports(54321, 4789, &invalid));
        assert_eq!(packet(LinkLayer::RawIp, &frame).destination.port(), 4789);
    }

    #[test]
    fn mirrors_of_all_three_types() {
        let inner = ethernet(0x0800, &hello4());
        for header in [
            &[0, 0, 0x88, 0xbe][..],
            &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 5, 0, 1, 0, 0, 0, 0],
            &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
            &[
                0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9, 9, 9, 9,
                9, 9, 9, 9,
            ],
        ] {
            carries_hello(&ipv4(47, &join(&[header, &inner])));
        }
        // What captures send: TZSP with fields before its frame.
        for fields in [&[1, 0, 0, 1, 1][..], &[1, 0, 0, 1, 0, 0, 11, 2, 7, 7, 1]] {
            carries_hello(&ipv4(17, &udp_ports(40000, 37008, &join(&[fields, &inner]))));
        }
    }

    #[test]
    fn ethernet_and_labels_straight_in_ip() {
        let inner = ethernet(0x0800, &hello4());
        carries_hello(&ipv4(97, &join(&[&[0x30, 0], &inner])));
        carries_hello(&ipv6(143, &inner));
        carries_hello(&ipv4(137, &join(&[&[0, 1, 0x11, 64], &summed4()])));
        carries_hello(&ipv4(17, &udp_ports(50000, 6635, &join(&[&[0, 1, 0x11, 64], &summed4()]))));
        // Segment routing's header before it (RFC 8754).
        let routing = join(&[&[143, 2, 4, 0, 0, 0, 0, 0], &address6(9), &inner]);
        carries_hello(&ipv6(43, &routing));
    }

    #[test]
    fn vxlan_that_says_what_it_carries() {
        for (next, inner) in [
            (1, hello4()),
            (2, hello6()),
            (3, ethernet(0x86dd, &hello6())),
            (5, join(&[&[0, 1, 0x11, 64], &hello4()])),
        ] {
            let vxlan = join(&[&[0x0c, 0, 0, next, 0, 0, 7, 0], &inner]);
            carries_hello(&ipv4(17, &udp_ports(50000, 4790, &vxlan)));
        }
    }

    #[test]
    fn l2tp_with_every_optional_field() {
        for (flags, fields) in [
            (0x0002_u16, &[0, 7, 0, 9][..]),
            (0x4002, &[0, 60, 0, 7, 0, 9]),
            (0x0802, &[0, 7, 0, 9, 0, 1, 0, 2]),
            (0x4a02, &[0, 60, 0, 7, 0, 9, 0, 1, 0, 2, 0, 2, 0xee, 0xee]),
        ] {
            for ppp in [&[0xff, 3, 0, 0x21][..], &[0, 0x21], &[0x21]] {
                let payload = join(&[&flags.to_be_bytes(), fields, ppp, &summed4()]);
                carries_hello(&ipv4(17, &udp_ports(1701, 1701, &payload)));
                carries_hello(&ipv4(17, &udp_ports(1701, 40000, &payload)));
            }
        }
        let inner = ethernet(0x0800, &hello4());
        for cookie in [0, 4, 8, 12] {
            let session = join(&[&[0, 0, 0x12, 0x34], &vec![0xc0; cookie], &inner]);
            carries_hello(&ipv4(115, &session));
            carries_hello(&ipv4(17, &udp_ports(1701, 1701, &join(&[&[0, 3, 0, 0], &session]))));
        }
        let control = [0xc8, 2, 0, 12, 0, 7, 0, 0, 0, 1, 0, 1];
        let frame = ipv4(17, &udp_ports(1701, 1701, &control));
        assert_eq!(packet(LinkLayer::RawIp, &frame).payload, control, "control is L2TP's own");
    }

    #[test]
    fn teredo_behind_its_indications() {
        let origin = [0, 0, 0xf0, 0xf1, 1, 2, 3, 4];
        let authentication = [&[0, 1, 2, 3, 9, 9, 8, 8, 8][..], &[7; 9]].concat();
        for before in
            [vec![], origin.to_vec(), authentication.clone(), join(&[&authentication, &origin])]
        {
            carries_hello(&ipv4(17, &udp_ports(3544, 51000, &join(&[&before, &hello6()]))));
            carries_hello(&ipv4(17, &udp_ports(51000, 3544, &join(&[&before, &hello6()]))));
        }
    }

    #[test]
    fn stations_frames_in_capwap_as_they_were_and_translated() {
        let wireless = join(&[&[0x08, 1], &[0; 22], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &hello4()]);
        for (header, inner) in [
            (&[0, 0x10, 2, 0, 0, 0, 0, 0][..], ethernet(0x0800, &hello4())),
            (&[0, 0x20, 2, 0x10, 0, 0, 0, 0, 6, 1, 2, 3, 4, 5, 6, 0], ethernet(0x0800, &hello4())),
            (&[0, 0x10, 3, 0, 0, 0, 0, 0], wireless),
        ] {
            carries_hello(&ipv4(17, &udp_ports(5247, 40000, &join(&[header, &inner]))));
            carries_hello(&ipv4(17, &udp_ports(40000, 5247, &join(&[header, &inner]))));
        }
    }

    #[test]
    fn what_only_looks_like_a_tunnel_by_its_port_is_a_packet() {
        let noise: Vec<u8> =
            (0..200_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for port in [1701, 3544, 4790, 5247, 6635, 37008] {
            for skipped in 0..100 {
                let frame = ipv4(17, &udp_ports(port, port, &noise[skipped..]));
                assert_eq!(packet(LinkLayer::RawIp, &frame).payload, &noise[skipped..], "{port}");
            }
        }
    }

    #[test]
    fn address_resolution_inside_is_the_links_own() {
        let arp = ethernet(0x0806, &[&[0, 1, 8, 0, 6, 4, 0, 1][..], &[0; 20]].concat());
        for frame in [
            udp_ports(50000, 4789, &join(&[&[8, 0, 0, 0, 0, 0, 7, 0], &arp])),
            udp_ports(50000, 4790, &join(&[&[0x0c, 0, 0, 3, 0, 0, 7, 0], &arp])),
        ] {
            assert_eq!(content(LinkLayer::RawIp, &ipv4(17, &frame)), Content::NonIp);
        }
        let gre = join(&[&[0, 0, 0x65, 0x58], &arp]);
        assert_eq!(content(LinkLayer::RawIp, &ipv4(47, &gre)), Content::NonIp);
    }

    #[test]
    fn what_is_no_ip_inside_leaves_the_tunnel_as_the_packet() {
        // A local experimental EtherType (IEEE 802, clause 9.2.3).
        let unknown = join(&[&[0, 0, 0x88, 0xb5], &[0; 28]]);
        let frame = ipv4(47, &unknown);
        let gre = packet(LinkLayer::RawIp, &frame);
        assert_eq!((gre.transport, gre.payload_octets), (Transport(47), 32));
        assert_eq!(outer_addresses(&frame), None);
        let cut = ipv4(4, &hello4());
        let packet = packet(LinkLayer::RawIp, &cut[..30]);
        assert_eq!((packet.transport, packet.payload_octets), (Transport(4), 33));
    }

    #[test]
    fn four_tunnels_deep_and_no_deeper() {
        let nested = |depth| (0..depth).fold(hello4(), |inner, _| ipv4(4, &inner));
        for depth in 1..=4 {
            carries_hello(&nested(depth));
        }
        for depth in [5, 6, 1000] {
            let frame = nested(depth);
            let packet = packet(LinkLayer::RawIp, &frame);
            assert_eq!(packet.transport, Transport(4), "{depth} tunnels");
            assert!(packet.payload_octets as usize >= packet.payload.len());
        }
        let wires = |depth| {
            (0..depth).fold(ethernet(0x0800, &hello4()), |inner, _| {
                ethernet(0x8847, &join(&[&[0, 0, 0x11, 64, 0, 0, 0, 0], &inner]))
            })
        };
        holds_hello(LinkLayer::Ethernet, &wires(4));
        let deep = wires(1000);
        assert!(matches!(content(LinkLayer::Ethernet, &deep), Content::Undecodable(_)));
    }
}

proptest::proptest! {
    /// Whatever the octets, on every link layer: an answer, and lengths that agree.
    #[test]
    fn any_octets_get_an_answer(
        octets in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        ethertype in proptest::sample::select(vec![
            [8u8, 0], [0x86, 0xdd], [0x81, 0], [0x88, 0x47], [0x88, 0x64], [0, 40], [8, 6],
        ]),
    ) {
        let framed = [&[2; 12][..], &ethertype, &octets].concat();
        for frame in [&octets, &framed] {
            for layer in LinkLayer::ALL {
                if let Content::Packet(packet, _) = content(layer, frame) {
                    proptest::prop_assert!(packet.payload_octets as usize >= packet.payload.len());
                    proptest::prop_assert!(packet.payload.len() <= frame.len());
                }
            }
        }
    }
}
