//! Who says what of whom, and how many have said it.
//!
//! Anybody can claim anything of an address. A claim holds for who made it or was told it; for others it
//! holds once several who have nothing to do with each other have found the same.

use std::net::IpAddr;

/// Distinct hosts whose word is enough for all others.
const ENOUGH: usize = 3;

/// What one end of a flow said to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Who said it.
    pub by: IpAddr,
    /// Who was told.
    pub to: IpAddr,
    /// It was asked for: who was told had spoken before, in the same flow, or both ends keep a
    /// connection. A datagram that nobody asked for may come from anybody.
    pub asked: bool,
}

/// Up to three hosts, by a short form of their addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Witnesses([u32; ENOUGH]);

impl Witnesses {
    pub(super) fn of(who: IpAddr) -> Self {
        let mut witnesses = Self::default();
        witnesses.add(who);
        witnesses
    }

    pub(super) fn add(&mut self, who: IpAddr) {
        let mark = mark(who);
        if !self.0.contains(&mark)
            && let Some(free) = self.0.iter_mut().find(|place| **place == 0)
        {
            *free = mark;
        }
    }

    pub(super) fn has(&self, who: IpAddr) -> bool {
        self.0.contains(&mark(who))
    }

    /// Whether all others may believe them.
    pub(super) fn are_enough(&self) -> bool {
        !self.0.contains(&0)
    }
}

/// The last few hosts, the newest in place of the oldest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Latest([u32; 4]);

impl Latest {
    pub(super) fn add(&mut self, who: IpAddr) {
        let mark = mark(who);
        if !self.0.contains(&mark) {
            self.0.rotate_right(1);
            if let Some(first) = self.0.first_mut() {
                *first = mark;
            }
        }
    }

    pub(super) fn has(&self, who: IpAddr) -> bool {
        self.0.contains(&mark(who))
    }
}

/// A host in 32 bits, never 0. An IPv6 subscriber has a /56, whose addresses are one host.
pub(super) fn mark(who: IpAddr) -> u32 {
    let mark = match who.to_canonical() {
        IpAddr::V4(v4) => v4.to_bits(),
        IpAddr::V6(v6) => {
            let network = (v6.to_bits() >> 72) as u64;
            (network.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
        }
    };
    mark.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn three_hosts_are_enough_and_one_is_never_three() {
        let mut witnesses = Witnesses::of(ip("192.0.2.1"));
        witnesses.add(ip("192.0.2.1"));
        witnesses.add(ip("::ffff:192.0.2.1"));
        witnesses.add(ip("2001:db8:0:1::1"));
        witnesses.add(ip("2001:db8:0:2::2"));
        assert!(!witnesses.are_enough(), "one /56 is one subscriber");
        assert!(witnesses.has(ip("192.0.2.1")) && !witnesses.has(ip("192.0.2.2")));
        witnesses.add(ip("192.0.2.2"));
        assert!(witnesses.are_enough());
        witnesses.add(ip("192.0.2.3"));
        assert!(!witnesses.has(ip("192.0.2.3")), "more prove no more");
    }

    #[test]
    fn the_latest_few_are_remembered() {
        let mut latest = Latest::default();
        for last in 1..=5 {
            latest.add(IpAddr::from([192, 0, 2, last]));
        }
        let known = [1, 2, 5].map(|last| latest.has(IpAddr::from([192, 0, 2, last])));
        assert_eq!(known, [false, true, true]);
    }
}
