//! Whose address it is: from addresses to autonomous systems and their names.
//!
//! A table of some hundred thousand ranges in sorted arrays: 12 octets a range of IPv4, 48 of IPv6, and a
//! look-up by binary search. It never changes; a newer one takes its place as a whole, see
//! [`SharedNetworks`].

mod ranges;
mod read;
mod shared;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

pub use read::{NetworkPrefix, NetworksError, PrefixError};
pub use shared::{NetworksReader, SharedNetworks};

use ranges::{Layer, Range, flatten, overlay};

/// Most ranges of a table: some eight times what the whole Internet has.
const MAX_RANGES: usize = 4_000_000;

/// What the numbers of autonomous systems stand for where none is known.
pub const UNKNOWN_NETWORK: u32 = 0;

/// Which network an address belongs to.
#[derive(Debug, Default)]
pub struct Networks {
    v4: Vec<Range<u32>>,
    v6: Vec<Range<u128>>,
    names: HashMap<u32, Arc<str>>,
}

impl Networks {
    /// The network's number, [`UNKNOWN_NETWORK`] where none is known. IPv4 addresses within IPv6 ones
    /// count as IPv4.
    pub fn look_up(&self, address: IpAddr) -> u32 {
        match address.to_canonical() {
            IpAddr::V4(address) => ranges::look_up(&self.v4, u32::from(address)),
            IpAddr::V6(address) => ranges::look_up(&self.v6, u128::from(address)),
        }
    }

    /// The network's name, where it is known.
    pub fn name(&self, asn: u32) -> Option<&str> {
        self.names.get(&asn).map(AsRef::as_ref)
    }

    /// All names that are known, with their numbers, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = (u32, &str)> {
        self.names.iter().map(|(asn, name)| (*asn, name.as_ref()))
    }

    /// Whether it knows no address at all.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// How many ranges it has.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }
}

/// Ranges and names on their way to a table.
#[derive(Debug, Default)]
pub struct NetworksBuilder {
    files: Layer,
    prefixes: Layer,
    names: HashMap<u32, Arc<str>>,
    own_names: HashMap<u32, Arc<str>>,
}

impl NetworksBuilder {
    /// Adds a prefix of one's own: it wins over every file, and a longer one over a shorter.
    pub fn prefix(&mut self, prefix: &NetworkPrefix) {
        let (first, last) = (prefix.prefix.network(), prefix.prefix.broadcast());
        self.prefixes.push(first, last, prefix.asn);
        if let Some(name) = &prefix.name {
            self.own_names.insert(prefix.asn, name.as_str().into());
        }
    }

    /// The table.
    pub fn build(self) -> Networks {
        let Self { files, prefixes, mut names, own_names } = self;
        names.extend(own_names);
        let v4 = overlay(flatten(files.v4), &flatten(prefixes.v4));
        let v6 = overlay(flatten(files.v6), &flatten(prefixes.v6));
        Networks { v4, v6, names }
    }

    fn len(&self) -> usize {
        self.files.v4.len() + self.files.v6.len()
    }
}
