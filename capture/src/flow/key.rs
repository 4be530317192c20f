//! What identifies a flow, whichever end sends.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::packet::{PerSide, Transport};

/// The 5-tuple of a flow with its ends in a fixed order, so that both directions have the same key
/// (the VLAN is part of it where the table was told so).
///
/// IPv4 addresses are held as IPv4-mapped IPv6 addresses; `v4` tells them from IPv6 packets that
/// really carry mapped addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    low: [u8; 16],
    high: [u8; 16],
    low_port: u16,
    high_port: u16,
    vlan: u16,
    transport: u8,
    v4: bool,
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

impl FlowKey {
    /// The key of a packet, and which end sent it.
    pub fn new(
        source: SocketAddr,
        destination: SocketAddr,
        transport: Transport,
        vlan: Option<u16>,
    ) -> (Self, Sender) {
        let v4 = source.is_ipv4();
        let from = (octets(source.ip()), source.port());
        let to = (octets(destination.ip()), destination.port());
        let (low, high, sender) =
            if from <= to { (from, to, Sender::Low) } else { (to, from, Sender::High) };
        let key = Self {
            low: low.0,
            high: high.0,
            low_port: low.1,
            high_port: high.1,
            // VLAN 0 is a priority tag without a VLAN (IEEE 802.1Q): the same as none.
            vlan: vlan.unwrap_or(0),
            transport: transport.0,
            v4,
        };
        (key, sender)
    }

    /// The transport protocol.
    pub const fn transport(&self) -> Transport {
        Transport(self.transport)
    }

    /// The flow's ends, given which of them began it.
    pub fn ends(&self, initiator: Sender) -> PerSide<SocketAddr> {
        let low = SocketAddr::new(address(self.low, self.v4), self.low_port);
        let high = SocketAddr::new(address(self.high, self.v4), self.high_port);
        match initiator {
            Sender::Low => PerSide { initiator: low, responder: high },
            Sender::High => PerSide { initiator: high, responder: low },
        }
    }
}

impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Two words an address: the hasher mixes words, not octets.
        for address in [self.low, self.high] {
            let word = u128::from_ne_bytes(address);
            state.write_u64(word as u64);
            state.write_u64((word >> 64) as u64);
        }
        let ports = u64::from(self.low_port) << 16 | u64::from(self.high_port);
        state.write_u64(ports << 24 | u64::from(self.vlan) << 8 | u64::from(self.transport));
    }
}

const fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

fn address(octets: [u8; 16], v4: bool) -> IpAddr {
    let v6 = Ipv6Addr::from(octets);
    match v6.to_ipv4_mapped().filter(|_| v4) {
        Some(v4) => v4.into(),
        None => v6.into(),
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
