//! Which flows have a record of their own, and what it shows of whom.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use etiage_capture::PerSide;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::record::FlowRecord;

/// Which flows have a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowRecordSettings {
    /// Flows of this many octets and more.
    pub heavy: u64,
    /// Of the others one in this many; 0 for none.
    pub sample: u32,
    /// How addresses of our own network are kept.
    pub local_addresses: LocalAddresses,
}

impl Default for FlowRecordSettings {
    fn default() -> Self {
        Self { heavy: 10_000_000, sample: 1_000, local_addresses: LocalAddresses::Truncated }
    }
}

/// How addresses of our own network are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalAddresses {
    /// Their /24 or /48.
    Truncated,
    /// As they are.
    Clear,
}

impl LocalAddresses {
    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Clear => "clear",
        }
    }
}

impl FromStr for LocalAddresses {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Truncated, Self::Clear]
            .into_iter()
            .find(|known| known.name() == text)
            .ok_or("write truncated or clear")
    }
}

/// A flow that has a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChosenFlow<'a> {
    /// The flow. Its record shows the addresses below, never those in here.
    pub flow: &'a FlowRecord,
    /// Who began it; IPv4 addresses are mapped (RFC 4291, section 2.5.5.2).
    pub initiator: Ipv6Addr,
    /// The other end.
    pub responder: Ipv6Addr,
    /// For how many flows it stands: itself, or those that it was drawn from.
    pub stands_for: u32,
}

/// One worker's: chooses flows.
#[derive(Clone, Debug)]
pub struct Chooser {
    settings: FlowRecordSettings,
    /// Our own network.
    local: Arc<[IpNet]>,
    /// Light flows since the last that was drawn.
    light: u32,
}

impl Chooser {
    /// `local` is our own network.
    pub const fn new(settings: FlowRecordSettings, local: Arc<[IpNet]>) -> Self {
        Self { settings, local, light: 0 }
    }

    /// What is kept of a flow; `None` if it has no record.
    pub fn choose<'a>(&mut self, flow: &'a FlowRecord) -> Option<ChosenFlow<'a>> {
        let FlowRecordSettings { heavy, sample, .. } = self.settings;
        let PerSide { initiator, responder } = flow.counts;
        let stands_for = if initiator.octets.saturating_add(responder.octets) >= heavy {
            1
        } else {
            self.light = self.light.saturating_add(1);
            if sample == 0 || self.light < sample {
                return None;
            }
            self.light = 0;
            sample
        };
        Some(ChosenFlow {
            flow,
            initiator: self.shown(flow.ends.initiator.ip()),
            responder: self.shown(flow.ends.responder.ip()),
            stands_for,
        })
    }

    /// An address as it is kept: of a local one the network, unless it is to be clear.
    fn shown(&self, address: IpAddr) -> Ipv6Addr {
        // An IPv4 address that comes mapped in an IPv6 packet is kept as what it is: as local as ever.
        let address = address.to_canonical();
        let clear = self.settings.local_addresses == LocalAddresses::Clear;
        let local = || self.local.iter().any(|prefix| prefix.contains(&address));
        let shown = if clear || !local() { address } else { truncated(address) };
        match shown {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        }
    }
}

/// A /24 of IPv4, a /48 of IPv6: what an access line cannot be told from its neighbours in.
fn truncated(address: IpAddr) -> IpAddr {
    // Both lengths are right for their family; if they were not, nothing at all would be shown.
    match address {
        IpAddr::V4(v4) => {
            Ipv4Net::new(v4, 24).map_or(IpAddr::V4(0.into()), |net| net.network().into())
        }
        IpAddr::V6(v6) => {
            Ipv6Net::new(v6, 48).map_or(IpAddr::V6(0.into()), |net| net.network().into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truncated_address_tells_the_network_and_no_more() {
        for (address, shown) in [
            ("203.0.113.77", "203.0.113.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
            ("::ffff:192.0.2.9", "::"),
        ] {
            let truncated = truncated(address.parse().unwrap());
            assert_eq!(truncated, shown.parse::<IpAddr>().unwrap(), "{address}");
        }
    }

    #[test]
    fn only_local_addresses_are_truncated() {
        let shown = |local_addresses, address: &str| {
            let settings = FlowRecordSettings { local_addresses, ..FlowRecordSettings::default() };
            let local: [IpNet; 1] = ["203.0.113.0/24".parse().unwrap()];
            Chooser::new(settings, local.into()).shown(address.parse().unwrap()).to_string()
        };
        let (clear, cut) = (LocalAddresses::Clear, LocalAddresses::Truncated);
        assert_eq!(shown(cut, "203.0.113.77"), "::ffff:203.0.113.0");
        assert_eq!(shown(cut, "::ffff:203.0.113.77"), "::ffff:203.0.113.0");
        assert_eq!(shown(cut, "192.0.2.9"), "::ffff:192.0.2.9");
        assert_eq!(shown(clear, "203.0.113.77"), "::ffff:203.0.113.77");
    }
}
