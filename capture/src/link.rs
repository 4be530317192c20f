//! Links: which monitored port a packet crossed, and which way.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::address::AddressBits;
use crate::decode::Outer;
use crate::mac::MacAddress;

/// Which way a packet crossed a link, seen from our network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Towards our network.
    In,
    /// Out of our network.
    Out,
}

impl Direction {
    /// Both, in the order in which they are shown.
    pub const ALL: [Self; 2] = [Self::In, Self::Out];

    /// The word used everywhere.
    pub const fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Place of an interface among those that a probe captures on.
pub type InterfaceIndex = u16;

/// Place of a link in a [`LinkMap`].
pub type LinkIndex = u16;

/// What makes a packet one of a link's: every condition that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkRule {
    /// Captured on one of these interfaces; the direction where the interface sees only one.
    pub interfaces: Vec<(InterfaceIndex, Option<Direction>)>,
    /// Outermost VLAN tag.
    pub vlan: Option<u16>,
    /// The neighbour's router: a frame from it comes in, a frame to it goes out.
    pub neighbour_macs: Vec<MacAddress>,
    /// One of the two addresses lies in one of these.
    pub prefixes: Vec<IpNet>,
}

/// Where a packet belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The link.
    pub link: LinkIndex,
    /// Which way.
    pub direction: Direction,
    /// Whether the direction is known; where nothing tells it, `direction` is [`Direction::In`].
    pub determined: bool,
}

/// All links of a probe, and what is local to our network.
#[derive(Clone, Debug, Default)]
pub struct LinkMap {
    rules: Vec<Compiled>,
    local: Prefixes,
}

/// A rule with its prefixes ready to be looked up.
#[derive(Clone, Debug)]
struct Compiled {
    rule: LinkRule,
    prefixes: Prefixes,
    /// It has no condition.
    takes_all: bool,
}

impl Compiled {
    fn new(rule: LinkRule) -> Self {
        let takes_all = rule == LinkRule::default();
        Self { prefixes: Prefixes::new(&rule.prefixes), rule, takes_all }
    }

    /// `None` if the packet is not the link's, else the direction that its interface or its
    /// neighbour's MAC address tells.
    fn matches(
        &self,
        interface: InterfaceIndex,
        outer: &Outer,
        inner: Option<(AddressBits, AddressBits)>,
    ) -> Option<Option<Direction>> {
        let Self { rule, prefixes, .. } = self;
        let by_interface = rule.interface(interface)?;
        if rule.vlan.is_some() && rule.vlan != outer.vlan {
            return None;
        }
        let by_neighbour = rule.neighbour(outer)?;
        let addresses = [outer.addresses.map(bits), inner];
        if !prefixes.is_empty() && !addresses.iter().flatten().any(|pair| prefixes.of(pair)) {
            return None;
        }
        Some(by_interface.or(by_neighbour))
    }
}

impl LinkMap {
    /// Links in the order in which they are tried: the first whose conditions all hold takes the
    /// packet. `local` are our network's prefixes.
    pub fn new(rules: Vec<LinkRule>, local: Vec<IpNet>) -> Self {
        Self { rules: rules.into_iter().map(Compiled::new).collect(), local: Prefixes::new(&local) }
    }

    /// One link that takes every packet, with the private, shared and link-local ranges as local.
    pub fn everything() -> Self {
        Self::new(vec![LinkRule::default()], private_prefixes())
    }

    /// How many links there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is no link at all.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The link and direction of a packet; `None` if it is no link's.
    ///
    /// `inner` are the addresses of the innermost packet, source first. The direction is told by, in
    /// this order: an interface that sees only one, the neighbour's MAC address, local prefixes
    /// (outermost addresses, then innermost), and the kernel's mark of packets that this host sent.
    #[inline(always)]
    pub fn place(
        &self,
        interface: InterfaceIndex,
        outer: &Outer,
        inner: Option<(AddressBits, AddressBits)>,
    ) -> Option<Placement> {
        let mut told = None;
        // Most probes have one link that takes everything: it asks for nothing.
        let takes = |compiled: &Compiled| {
            told = None;
            compiled.takes_all || {
                let matched = compiled.matches(interface, outer, inner);
                told = matched.flatten();
                matched.is_some()
            }
        };
        let link = self.rules.iter().position(takes)?;
        let direction = told
            .or_else(|| self.locality(bits(outer.addresses?)))
            .or_else(|| self.locality(inner?))
            .or_else(|| Some(if outer.sent_by_host? { Direction::Out } else { Direction::In }));
        Some(Placement {
            link: link as LinkIndex,
            direction: direction.unwrap_or(Direction::In),
            determined: direction.is_some(),
        })
    }

    /// Direction by local prefixes; nothing if both or neither end is local.
    #[inline(always)]
    fn locality(&self, (source, destination): (AddressBits, AddressBits)) -> Option<Direction> {
        match (self.local.contains(source), self.local.contains(destination)) {
            (true, false) => Some(Direction::Out),
            (false, true) => Some(Direction::In),
            // What our network sends to a group leaves it; what is local at both ends does not cross.
            (true, true) if destination.is_multicast() => Some(Direction::Out),
            _ => None,
        }
    }
}

impl LinkRule {
    /// `None` if the interface is not the link's, else the direction that the interface tells.
    fn interface(&self, interface: InterfaceIndex) -> Option<Option<Direction>> {
        if self.interfaces.is_empty() {
            return Some(None);
        }
        let found = self.interfaces.iter().find(|(known, _)| *known == interface);
        found.map(|(_, direction)| *direction)
    }

    /// `None` if the frame is not the neighbour's, else the direction that its MAC address tells.
    fn neighbour(&self, outer: &Outer) -> Option<Option<Direction>> {
        if self.neighbour_macs.is_empty() {
            return Some(None);
        }
        let (source, destination) = outer.macs?;
        if self.neighbour_macs.contains(&source) {
            Some(Some(Direction::In))
        } else if self.neighbour_macs.contains(&destination) {
            Some(Some(Direction::Out))
        } else {
            None
        }
    }
}

/// A set of prefixes as ranges in order, so that thousands of them cost a few comparisons a packet.
#[derive(Clone, Debug, Default)]
struct Prefixes {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

/// Disjoint ranges of addresses, in order.
#[derive(Clone, Debug)]
struct Ranges<T> {
    ranges: Vec<(T, T)>,
    /// For each first octet, whether addresses that begin with it are inside: for nearly all packets
    /// one look says it.
    by_first_octet: Box<[Inside; 256]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    None,
    All,
    Some,
}

impl<T> Default for Ranges<T> {
    fn default() -> Self {
        Self { ranges: Vec::new(), by_first_octet: Box::new([Inside::None; 256]) }
    }
}

impl<T: Ord + Copy> Ranges<T> {
    /// `span` are the first and the last address that begin with an octet.
    fn new(ranges: Vec<(T, T)>, span: impl Fn(u8) -> (T, T)) -> Self {
        let ranges = disjoint(ranges);
        let mut by_first_octet = Box::new([Inside::None; 256]);
        for (octet, inside) in (0..=u8::MAX).zip(by_first_octet.iter_mut()) {
            let (first, last) = span(octet);
            let touches = |(from, to): &&(T, T)| *from <= last && *to >= first;
            *inside = match ranges.iter().find(touches) {
                None => Inside::None,
                Some((from, to)) if *from <= first && *to >= last => Inside::All,
                Some(_) => Inside::Some,
            };
        }
        Self { ranges, by_first_octet }
    }

    #[inline]
    fn contains(&self, address: T, first_octet: u8) -> bool {
        match self.by_first_octet.get(usize::from(first_octet)) {
            Some(Inside::All) => true,
            Some(Inside::Some) => inside(&self.ranges, address),
            Some(Inside::None) | None => false,
        }
    }
}

impl Prefixes {
    fn new(prefixes: &[IpNet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for prefix in prefixes {
            match prefix {
                IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        let v4 = Ranges::new(v4, |octet| {
            let first = u32::from(octet) << 24;
            (first, first | u32::MAX >> 8)
        });
        let v6 = Ranges::new(v6, |octet| {
            let first = u128::from(octet) << 120;
            (first, first | u128::MAX >> 8)
        });
        Self { v4, v6 }
    }

    const fn is_empty(&self) -> bool {
        self.v4.ranges.is_empty() && self.v6.ranges.is_empty()
    }

    #[inline(always)]
    fn contains(&self, address: AddressBits) -> bool {
        match address.v4() {
            Some(v4) => self.v4.contains(v4, (v4 >> 24) as u8),
            None => self.v6.contains(address.bits(), (address.bits() >> 120) as u8),
        }
    }

    /// Whether one of the two lies in one of these.
    fn of(&self, (source, destination): &(AddressBits, AddressBits)) -> bool {
        self.contains(*source) || self.contains(*destination)
    }
}

fn bits((source, destination): (IpAddr, IpAddr)) -> (AddressBits, AddressBits) {
    (source.into(), destination.into())
}

/// Of prefixes that overlap one holds the other: that one stays.
fn disjoint<T: Ord + Copy>(mut ranges: Vec<(T, T)>) -> Vec<(T, T)> {
    ranges.sort_by_key(|(first, last)| (*first, std::cmp::Reverse(*last)));
    ranges.dedup_by(|inner, outer| inner.1 <= outer.1);
    ranges
}

fn inside<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after
        .checked_sub(1)
        .and_then(|place| ranges.get(place))
        .is_some_and(|(_, last)| address <= *last)
}

/// Private (RFC 1918, RFC 4193), shared (RFC 6598) and link-local ranges: local where nobody said
/// what is.
pub fn private_prefixes() -> Vec<IpNet> {
    const RANGES: [(&str, u8); 6] = [
        ("10.0.0.0", 8),
        ("172.16.0.0", 12),
        ("192.168.0.0", 16),
        ("100.64.0.0", 10),
        ("fc00::", 7),
        ("fe80::", 10),
    ];
    let parse = |(address, length): (&str, u8)| IpNet::new(address.parse().ok()?, length).ok();
    RANGES.into_iter().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::BadMacAddress;

    const NEIGHBOUR: MacAddress = MacAddress([2, 0, 0, 0, 0, 9]);
    const OURS: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);

    fn addresses(source: &str, destination: &str) -> Option<(AddressBits, AddressBits)> {
        Some(bits((source.parse().unwrap(), destination.parse().unwrap())))
    }

    fn bits_of(address: &str) -> AddressBits {
        address.parse::<IpAddr>().unwrap().into()
    }

    fn ethernet(source: MacAddress, destination: MacAddress, vlan: Option<u16>) -> Outer {
        Outer { macs: Some((source, destination)), vlan, ..Outer::default() }
    }

    fn placed(
        map: &LinkMap,
        interface: u16,
        outer: &Outer,
        source: &str,
        destination: &str,
    ) -> Option<(u16, Direction, bool)> {
        let placement = map.place(interface, outer, addresses(source, destination))?;
        Some((placement.link, placement.direction, placement.determined))
    }

    #[test]
    fn without_links_everything_counts_and_private_ranges_are_local() {
        let map = LinkMap::everything();
        let outer = Outer::default();
        let place = |source, destination| placed(&map, 0, &outer, source, destination);
        assert_eq!(place("100.64.10.11", "198.51.100.21"), Some((0, Direction::Out, true)));
        assert_eq!(place("2001:db8::1", "fd00::1"), Some((0, Direction::In, true)));
        assert_eq!(place("198.51.100.21", "192.0.2.45"), Some((0, Direction::In, false)));
        assert_eq!(place("10.0.0.1", "10.0.0.2"), Some((0, Direction::In, false)));
        assert!(map.place(0, &outer, None).is_some(), "non-IP counts too");
    }

    #[test]
    fn links_are_told_apart_by_vlan_neighbour_interface_and_prefix() {
        let map = LinkMap::new(
            vec![
                LinkRule { vlan: Some(100), ..LinkRule::default() },
                LinkRule { neighbour_macs: vec![NEIGHBOUR], ..LinkRule::default() },
                LinkRule { interfaces: vec![(3, Some(Direction::Out))], ..LinkRule::default() },
                LinkRule {
                    prefixes: vec!["198.51.100.0/24".parse().unwrap()],
                    ..LinkRule::default()
                },
            ],
            vec!["203.0.113.0/24".parse().unwrap()],
        );
        let plain = ethernet(OURS, OURS, None);
        let (ours, theirs) = ("203.0.113.5", "192.0.2.7");
        let tagged = ethernet(OURS, OURS, Some(100));
        assert_eq!(placed(&map, 0, &tagged, theirs, ours), Some((0, Direction::In, true)));
        let from = ethernet(NEIGHBOUR, OURS, None);
        // The neighbour's MAC address outweighs prefixes: spoofed sources still come in.
        assert_eq!(placed(&map, 0, &from, ours, theirs), Some((1, Direction::In, true)));
        let to = ethernet(OURS, NEIGHBOUR, Some(7));
        assert_eq!(placed(&map, 0, &to, theirs, ours), Some((1, Direction::Out, true)));
        assert_eq!(placed(&map, 3, &plain, theirs, ours), Some((2, Direction::Out, true)));
        assert_eq!(placed(&map, 0, &plain, ours, "198.51.100.9"), Some((3, Direction::Out, true)));
        assert_eq!(placed(&map, 0, &plain, ours, theirs), None);
    }

    #[test]
    fn mac_addresses_parse_and_print() {
        assert_eq!("02:00:00:00:00:09".parse(), Ok(NEIGHBOUR));
        assert_eq!(NEIGHBOUR.to_string(), "02:00:00:00:00:09");
        for bad in
            ["", "02:00:00:00:00", "02:00:00:00:00:09:01", "2:0:0:0:0:9", "zz:00:00:00:00:09"]
        {
            assert_eq!(bad.parse::<MacAddress>(), Err(BadMacAddress), "{bad}");
        }
    }

    #[test]
    fn prefixes_that_overlap_and_of_all_lengths_hold_their_addresses_and_no_other() {
        let text =
            ["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7/32", "2001:db8::/32", "2001:db8:1::/48"];
        let prefixes = Prefixes::new(&text.map(|prefix| prefix.parse().unwrap()));
        for (address, inside) in [
            ("9.255.255.255", false),
            ("10.0.0.0", true),
            ("10.1.2.3", true),
            ("10.200.0.1", true),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("192.0.2.6", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
            ("::ffff:10.0.0.1", false),
        ] {
            assert_eq!(prefixes.contains(bits_of(address)), inside, "{address}");
        }
        let all = Prefixes::new(&["0.0.0.0/0".parse().unwrap()]);
        assert!(all.contains(bits_of("255.255.255.255")));
    }
}
