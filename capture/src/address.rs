//! Addresses as numbers.

use std::net::IpAddr;

/// An IP address as the numbers that it is looked up by. An [`IpAddr`] is made of octets: written and then
/// read as numbers, each makes a packet wait for its own stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressBits {
    /// The upper half first; an IPv4 address is mapped (RFC 4291, section 2.5.5.2).
    words: [u64; 2],
    v4: bool,
}

impl AddressBits {
    #[inline(always)]
    pub(crate) const fn new(words: [u64; 2], v4: bool) -> Self {
        Self { words, v4 }
    }

    /// The number, if it is an IPv4 address.
    #[inline(always)]
    pub(crate) const fn v4(self) -> Option<u32> {
        if self.v4 { Some(self.words[1] as u32) } else { None }
    }

    /// All bits; of an IPv4 address with what it is mapped by.
    #[inline(always)]
    pub(crate) const fn bits(self) -> u128 {
        let [upper, lower] = self.words;
        (upper as u128) << 64 | lower as u128
    }

    /// Whether it is a group's (RFC 5771, RFC 4291 section 2.7).
    #[inline(always)]
    pub(crate) const fn is_multicast(self) -> bool {
        match self.v4() {
            Some(v4) => v4 >> 28 == 0xe,
            None => self.bits() >> 120 == 0xff,
        }
    }
}

impl From<IpAddr> for AddressBits {
    fn from(address: IpAddr) -> Self {
        let bits = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        Self::new([(bits >> 64) as u64, bits as u64], address.is_ipv4())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_told_as_the_standard_library_tells_them() {
        for text in ["223.255.255.255", "224.0.0.1", "239.9.9.9", "240.0.0.1", "fe80::1", "ff02::1"]
        {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(AddressBits::from(address).is_multicast(), address.is_multicast(), "{text}");
        }
        let mapped: IpAddr = "::ffff:224.0.0.1".parse().unwrap();
        assert!(!AddressBits::from(mapped).is_multicast());
    }
}
