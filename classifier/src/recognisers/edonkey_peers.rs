//! What eDonkey's and Kad's messages tell of endpoints, so that flows that hide are known by them.
//!
//! A client says which ports it listens on, for TCP, for UDP and for Kad; servers and other clients
//! name sources. What a stranger claims of others is learnt no more than once a message and place,
//! and well-known ports are not believed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::le::{le16, le32};
use crate::class::Protocol;
use crate::ports;
use crate::recogniser::View;

const HASH: usize = 16;
/// Sources or contacts that are learnt of one message.
const MAX_LEARNT: usize = 100;
/// Tags of a hello that are read.
const MAX_TAGS: u32 = 16;
/// The tag with the ports for UDP: Kad's in the upper half, the client's own in the lower.
const UDP_PORTS: u8 = 0xf9;

fn learn(view: &View<'_>, address: IpAddr, port: u16) {
    let host = !address.is_unspecified() && !address.is_multicast() && !address.is_loopback();
    if host && !ports::is_service(port) {
        let endpoint = SocketAddr::new(address, port);
        view.knowledge.learn_peer(view.now, endpoint, Protocol::Edonkey, view.word());
    }
}

/// A client's hello, or its login at a server: hash, identifier, port, tags.
pub(super) fn learn_hello(view: &View<'_>, body: &[u8]) {
    let fields = match body.split_first() {
        Some((&16, rest)) => rest,
        _ => body,
    };
    let sender = view.source().ip();
    if let Some(port) = fields.get(HASH + 4..).and_then(le16) {
        learn(view, sender, port);
    }
    if let Some(ports) = fields.get(HASH + 6..).and_then(udp_ports) {
        learn(view, sender, (ports >> 16) as u16);
        learn(view, sender, ports as u16);
    }
}

/// The value of the tag for UDP ports among a hello's tags: type, name's length and name, value.
fn udp_ports(tags: &[u8]) -> Option<u32> {
    let (count, mut rest) = (le32(tags)?, tags.get(4..)?);
    for _ in 0..count.min(MAX_TAGS) {
        let (kind, name) = (*rest.first()?, *rest.get(3)?);
        if le16(rest.get(1..)?)? != 1 {
            return None;
        }
        let value = rest.get(4..)?;
        let length = match kind {
            0x02 => 2 + usize::from(le16(value)?),
            0x03 | 0x04 => 4,
            0x08 => 2,
            0x09 => 1,
            _ => return None,
        };
        if name == UDP_PORTS && kind == 0x03 {
            return le32(value);
        }
        rest = value.get(length..)?;
    }
    None
}

/// The sources of a file that a server, or another client, found: hash, number, and address and port
/// of each, with options and a hash more where the source hides.
pub(super) fn learn_message(view: &View<'_>, opcode: u8, body: &[u8]) {
    let (count, list) = match opcode {
        0x42 | 0x44 => (body.get(HASH), body.get(HASH + 1..)),
        // A server's list of servers.
        0x32 => (body.first(), body.get(1..)),
        _ => return,
    };
    let (Some(count), Some(mut list)) = (count.copied(), list) else { return };
    for _ in 0..usize::from(count).min(MAX_LEARNT) {
        let Some((&[a, b, c, d, low, high], rest)) = list.split_first_chunk::<6>() else { return };
        list = rest;
        if opcode == 0x44 {
            let Some((&options, rest)) = list.split_first() else { return };
            let hash = if options & 0x80 != 0 { HASH } else { 0 };
            list = rest.get(hash..).unwrap_or_default();
        }
        // An identifier below 2^24 is not an address: the client cannot be reached.
        if d != 0 {
            learn(view, Ipv4Addr::new(a, b, c, d).into(), u16::from_le_bytes([low, high]));
        }
    }
}

/// A datagram of a client, of a server, or of Kad: its sender, and whom it tells of.
pub(super) fn learn_datagram(view: &View<'_>) {
    let Some((&[protocol, opcode], body)) = view.payload.split_first_chunk::<2>() else { return };
    let source = view.source();
    match (protocol, opcode) {
        (0xe4, 0x09 | 0x11 | 0x19 | 0x21 | 0x29 | 0x60 | 0x61) => {
            learn(view, source.ip(), source.port());
        }
        (0xe3, 0x9b) => learn_message(view, 0x42, body),
        _ => {}
    }
    let contacts = match (protocol, opcode) {
        (0xe4, 0x09) => body.get(HASH + 5..),
        (0xe4, 0x29) => body.get(HASH + 1..),
        _ => None,
    };
    if let (0xe4, 0x11 | 0x19) = (protocol, opcode)
        && let Some(port) = body.get(HASH..).and_then(le16)
    {
        learn(view, source.ip(), port);
    }
    // Identifier, address with its octets reversed, port for UDP, port for TCP, version.
    for contact in contacts.unwrap_or_default().chunks_exact(25).take(MAX_LEARNT) {
        let Some(&[d, c, b, a, ref ports @ ..]) = contact.get(HASH..) else { return };
        let address = Ipv4Addr::new(a, b, c, d).into();
        for port in [le16(ports), ports.get(2..).and_then(le16)].into_iter().flatten() {
            learn(view, address, port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::edonkey;
    use super::super::testing::Flow;
    use super::*;

    fn message(opcode: u8, body: &[u8]) -> Vec<u8> {
        [&[0xe3][..], &(body.len() as u32 + 1).to_le_bytes(), &[opcode], body].concat()
    }

    #[test]
    fn a_hello_tells_all_three_ports() {
        let mut body = vec![16];
        body.extend([7; 16]);
        body.extend(b"\x01\x02\x03\x04\xa0\x5b\x02\0\0\0\x02\x01\0\x01\x03\0abc");
        body.extend(b"\x03\x01\0\xf9\xaa\x5b\xab\x5b");
        let mut flow = Flow::tcp(4662);
        assert!(!flow.client(edonkey::tcp, &message(1, &body)).teaches());
        for port in [23456, 23466, 23467] {
            let endpoint = format!("192.0.2.1:{port}");
            assert_eq!(flow.peer(&endpoint), Some(Protocol::Edonkey), "{port}");
        }
        for cut in 1..body.len() {
            Flow::tcp(4662).client(edonkey::tcp, &message(1, &body)[..cut]);
        }
    }

    #[test]
    fn a_server_tells_sources_and_is_listened_to() {
        let login = [&[7; 16][..], b"\0\0\0\0\x36\x12\0\0\0\0"].concat();
        let mut flow = Flow::tcp(4661);
        assert!(flow.client(edonkey::tcp, &message(1, &login)).teaches());
        let mut found = vec![9; 16];
        found.extend(
            b"\x03\xcb\x00\x71\x07\xa0\x5b\x05\x01\x00\x00\xa1\x5b\xcb\x00\x71\x08\x50\x00",
        );
        flow.server(edonkey::tcp, &message(0x42, &found));
        assert_eq!(flow.peer("203.0.113.7:23456"), Some(Protocol::Edonkey));
        assert_eq!(flow.peer("5.1.0.0:23457"), None, "not an address");
        assert_eq!(flow.peer("203.0.113.8:80"), None, "a web server's port is not believed");
    }

    #[test]
    fn kad_tells_contacts() {
        let mut reply = vec![0xe4, 0x29];
        reply.extend([5; 16]);
        reply.push(1);
        reply.extend([6; 16]);
        reply.extend(b"\x07\x71\x00\xcb\xaa\x5b\xa0\x5b\x08");
        let mut flow = Flow::udp(23466);
        assert!(flow.server(edonkey::udp, &reply).settled().is_some());
        for endpoint in ["203.0.113.7:23466", "203.0.113.7:23456", "198.51.100.2:23466"] {
            assert_eq!(flow.peer(endpoint), Some(Protocol::Edonkey), "{endpoint}");
        }
    }
}
