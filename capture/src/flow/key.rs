//! What identifies a flow, whichever end sends.

use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use foldhash::fast::RandomState;

use crate::address::AddressBits;
use crate::packet::{PerSide, Transport};

/// The 5-tuple of a flow with its ends in a fixed order, so that both directions have the same key
/// (the VLAN is part of it where the table was told so).
///
/// Addresses are two words each, the upper first. IPv4 addresses are held as IPv4-mapped IPv6
/// addresses; a flag tells them from IPv6 packets that really carry mapped addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowKey {
    low: [u64; 2],
    high: [u64; 2],
    /// From the top: port of the low end, port of the high end, VLAN, transport, 1 for IPv4.
    rest: u64,
}

/// Which end of a [`FlowKey`] a packet came from: the one that sorts first, or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The end that sorts first.
    Low,
    /// The other end.
    High,
}

impl Sender {
    /// The other end.
    pub const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

/// What hashes are seeded with. Keys come from strangers: a known seed would let them choose
/// collisions.
#[derive(Clone, Copy, Debug)]
pub struct FlowSeed([u64; 4]);

impl FlowSeed {
    /// A seed that nobody can know.
    pub fn random() -> Self {
        let random = RandomState::default();
        Self([1u8, 2, 3, 4].map(|place| random.hash_one(place)))
    }
}

impl FlowKey {
    /// The key of a packet, and which end sent it.
    pub fn new(
        source: SocketAddr,
        destination: SocketAddr,
        transport: Transport,
        vlan: Option<u16>,
    ) -> (Self, Sender) {
        let ports = (source.port(), destination.port());
        let (key, sender) = match (source.ip(), destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                Self::v4(source.to_bits(), destination.to_bits(), ports, transport)
            }
            (source, destination) => Self::v6(bits(source), bits(destination), ports, transport),
        };
        (key.in_vlan(vlan), sender)
    }

    /// The key of an IPv4 packet, from its addresses and ports, source first.
    #[inline(always)]
    pub(crate) const fn v4(
        source: u32,
        destination: u32,
        ports: (u16, u16),
        transport: Transport,
    ) -> (Self, Sender) {
        let from = (source as u64) << 16 | ports.0 as u64;
        let to = (destination as u64) << 16 | ports.1 as u64;
        let (low, high, sender) =
            if from <= to { (from, to, Sender::Low) } else { (to, from, Sender::High) };
        let rest = (low & 0xffff) << 48 | (high & 0xffff) << 32 | (transport.0 as u64) << 8 | 1;
        let (low, high) = ([0, MAPPED | low >> 16], [0, MAPPED | high >> 16]);
        (Self { low, high, rest }, sender)
    }

    /// The key of an IPv6 packet, from its addresses and ports, source first.
    #[inline(always)]
    pub(crate) fn v6(
        source: u128,
        destination: u128,
        ports: (u16, u16),
        transport: Transport,
    ) -> (Self, Sender) {
        let (from, to) = ((source, ports.0), (destination, ports.1));
        let (low, high, sender) =
            if from <= to { (from, to, Sender::Low) } else { (to, from, Sender::High) };
        let rest = u64::from(low.1) << 48 | u64::from(high.1) << 32 | u64::from(transport.0) << 8;
        let words = |address: u128| [(address >> 64) as u64, address as u64];
        (Self { low: words(low.0), high: words(high.0), rest }, sender)
    }

    /// The same flow in a VLAN. 0 is a priority tag without a VLAN (IEEE 802.1Q): the same as none.
    #[must_use]
    pub fn in_vlan(self, vlan: Option<u16>) -> Self {
        Self { rest: self.rest & !(0xffff << 16) | u64::from(vlan.unwrap_or(0)) << 16, ..self }
    }

    /// The transport protocol.
    pub const fn transport(&self) -> Transport {
        Transport((self.rest >> 8) as u8)
    }

    /// The flow's ends, given which of them began it.
    pub fn ends(&self, initiator: Sender) -> PerSide<SocketAddr> {
        let low = SocketAddr::new(self.address(self.low), (self.rest >> 48) as u16);
        let high = SocketAddr::new(self.address(self.high), (self.rest >> 32) as u16);
        match initiator {
            Sender::Low => PerSide { initiator: low, responder: high },
            Sender::High => PerSide { initiator: high, responder: low },
        }
    }

    /// Source and destination of a packet from this end.
    #[inline(always)]
    pub const fn addresses(&self, sender: Sender) -> (AddressBits, AddressBits) {
        let v4 = self.rest & 1 == 1;
        let (low, high) = (AddressBits::new(self.low, v4), AddressBits::new(self.high, v4));
        match sender {
            Sender::Low => (low, high),
            Sender::High => (high, low),
        }
    }

    #[inline(always)]
    fn address(&self, [upper, lower]: [u64; 2]) -> IpAddr {
        if self.rest & 1 == 1 {
            IpAddr::V4(Ipv4Addr::from_bits(lower as u32))
        } else {
            IpAddr::V6(Ipv6Addr::from_bits(u128::from(upper) << 64 | u128::from(lower)))
        }
    }

    /// A hash that is the same for both directions.
    #[inline(always)]
    pub const fn hash32(&self, seed: &FlowSeed) -> u32 {
        let FlowSeed([a, b, c, d]) = *seed;
        let ([low_upper, low], [high_upper, high]) = (self.low, self.high);
        let mut hash = fold(low ^ a, high ^ b);
        if self.rest & 1 == 0 {
            hash ^= fold(low_upper ^ c, high_upper ^ d);
        }
        (fold(hash ^ self.rest, d | 1) >> 16) as u32
    }
}

/// The upper half of an IPv4-mapped address's lower word.
const MAPPED: u64 = 0xffff << 32;

/// The product's halves mixed, as in foldhash and wyhash: every bit of both hangs on every bit.
#[inline(always)]
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128) * (b as u128);
    product as u64 ^ (product >> 64) as u64
}

const fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn both_directions_have_one_key_and_the_ends_come_back() {
        for (a, b) in [
            ("192.0.2.1:1000", "192.0.2.1:999"),
            ("192.0.2.200:1", "198.51.100.1:2"),
            ("[2001:db8::1]:1", "[2001:db8::2]:1"),
            ("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:1"),
        ] {
            let (a, b) = (end(a), end(b));
            let (key, sender) = FlowKey::new(a, b, Transport::TCP, None);
            let (back, answerer) = FlowKey::new(b, a, Transport::TCP, None);
            assert_eq!(key, back);
            assert_ne!(sender, answerer);
            assert_eq!(key.ends(sender), PerSide { initiator: a, responder: b });
            assert_eq!(key.ends(answerer), PerSide { initiator: b, responder: a });
        }
    }

    #[test]
    fn transport_vlan_and_version_tell_flows_apart() {
        let (a, b) = (end("192.0.2.1:1"), end("192.0.2.2:1"));
        let key = |transport, vlan| FlowKey::new(a, b, transport, vlan).0;
        assert_ne!(key(Transport::TCP, None), key(Transport::UDP, None));
        assert_ne!(key(Transport::TCP, None), key(Transport::TCP, Some(5)));
        let (c, d) = (end("[::ffff:192.0.2.1]:1"), end("[::ffff:192.0.2.2]:1"));
        assert_ne!(key(Transport::TCP, None), FlowKey::new(c, d, Transport::TCP, None).0);
    }
}
