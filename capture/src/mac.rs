//! Ethernet addresses.

use std::fmt;
use std::str::FromStr;

/// A link-layer address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Text that is not a MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a MAC address: six pairs of hexadecimal digits joined by colons, as in 02:00:5e:10:00:01"
)]
pub struct BadMacAddress;

impl FromStr for MacAddress {
    type Err = BadMacAddress;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut octets = [0; 6];
        let mut parts = text.split([':', '-']);
        for octet in &mut octets {
            let part = parts.next().filter(|part| part.len() == 2).ok_or(BadMacAddress)?;
            *octet = u8::from_str_radix(part, 16).map_err(|_| BadMacAddress)?;
        }
        if parts.next().is_some() { Err(BadMacAddress) } else { Ok(Self(octets)) }
    }
}
