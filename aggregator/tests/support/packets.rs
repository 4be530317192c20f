//! Packets made up for tests, in Ethernet frames.

use std::net::SocketAddrV4;

use etiage_capture::Timestamp;

use super::Recorded;

pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const ACK: u8 = 0x10;

pub(crate) fn end(address: [u8; 4], port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(address.into(), port)
}

pub(crate) fn udp(at: Timestamp, from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) -> Recorded {
    let ports = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
    let length = (8 + payload.len() as u16).to_be_bytes();
    ip(at, from, to, 17, &[&ports, &length[..], &[0, 0], payload].concat())
}

/// A segment: flags, sequence and acknowledgment number.
pub(crate) fn tcp(
    at: Timestamp,
    from: SocketAddrV4,
    to: SocketAddrV4,
    (flags, sequence, acknowledgment): (u8, u32, u32),
    payload: &[u8],
) -> Recorded {
    let mut octets = [from.port().to_be_bytes(), to.port().to_be_bytes()].concat();
    octets.extend(sequence.to_be_bytes());
    octets.extend(acknowledgment.to_be_bytes());
    octets.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    octets.extend(payload);
    ip(at, from, to, 6, &octets)
}

fn ip(at: Timestamp, from: SocketAddrV4, to: SocketAddrV4, protocol: u8, inner: &[u8]) -> Recorded {
    let mut data = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    data.extend((20 + inner.len() as u16).to_be_bytes());
    data.extend([0, 1, 0, 0, 64, protocol, 0, 0]);
    data.extend(from.ip().octets());
    data.extend(to.ip().octets());
    data.extend(inner);
    Recorded { timestamp: at, octets: data.len() as u32, data }
}

/// A name in DNS's wire form.
pub(crate) fn wire(name: &str) -> Vec<u8> {
    let labels = name.split('.').flat_map(|label| {
        std::iter::once(label.len() as u8).chain(label.bytes()).collect::<Vec<_>>()
    });
    labels.chain([0]).collect()
}

/// A question for a host's addresses.
pub(crate) fn question(id: u16, name: &str) -> Vec<u8> {
    let header = [&id.to_be_bytes()[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]].concat();
    [header, wire(name), vec![0, 1, 0, 1]].concat()
}

/// The answer to it.
pub(crate) fn answer(id: u16, name: &str, addresses: &[[u8; 4]]) -> Vec<u8> {
    let count = (addresses.len() as u16).to_be_bytes();
    let header = [&id.to_be_bytes()[..], &[0x81, 0x80, 0, 1], &count, &[0; 4]].concat();
    let mut octets = [header, wire(name), vec![0, 1, 0, 1]].concat();
    for address in addresses {
        octets.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4]);
        octets.extend(address);
    }
    octets
}

/// Octets that nothing is fixed in (xorshift).
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}
