//! The networks that a worker has seen, under short numbers of its own.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::batch::OTHER_NETWORKS;
use crate::networks::UNKNOWN_NETWORK;

/// The number of a network among those that a worker has seen, good for as long as the worker lives:
/// shorter than its autonomous system's number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct NetworkId(pub(crate) u32);

impl NetworkId {
    /// Bits that it takes at most: as many networks as a table can have ranges, and 48 times the
    /// Internet's.
    pub(crate) const BITS: u32 = 22;
    pub(crate) const UNKNOWN: Self = Self(0);
    pub(crate) const OTHER: Self = Self(1);
}

/// The networks that were seen.
#[derive(Debug)]
pub(crate) struct NetworkIds {
    numbers: Vec<u32>,
    ids: HashMap<u32, NetworkId, RandomState>,
}

impl Default for NetworkIds {
    fn default() -> Self {
        let known = [(UNKNOWN_NETWORK, NetworkId::UNKNOWN), (OTHER_NETWORKS, NetworkId::OTHER)];
        let numbers = known.iter().map(|(number, _)| *number).collect();
        Self { numbers, ids: known.into_iter().collect() }
    }
}

impl NetworkIds {
    /// The network of an autonomous system's number; the others', once there are too many.
    pub(crate) fn id(&mut self, number: u32) -> NetworkId {
        if let Some(id) = self.ids.get(&number) {
            return *id;
        }
        let next =
            u32::try_from(self.numbers.len()).ok().filter(|next| next >> NetworkId::BITS == 0);
        let Some(next) = next.map(NetworkId) else { return NetworkId::OTHER };
        self.numbers.push(number);
        self.ids.insert(number, next);
        next
    }

    pub(crate) fn number(&self, id: NetworkId) -> u32 {
        self.numbers.get(id.0 as usize).copied().unwrap_or(UNKNOWN_NETWORK)
    }
}
