//! An interval's volumes by remote network, bounded: the largest networks by themselves, the others
//! together.

use std::collections::BTreeMap;

use etiage_capture::{Direction, LinkIndex};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::batch::OTHER_NETWORKS;
use crate::network_ids::NetworkIds;
use crate::networks::UNKNOWN_NETWORK;
use crate::rows::{Rows, Way};

/// Networks of one interval that have rows of their own, by octets over all links.
const MAX_NETWORKS: usize = 500;

/// What a row is of: link, category, network, direction. In this order, so that a batch that is sent again
/// is the same block to the database.
pub(crate) type NetworkKey = (LinkIndex, &'static str, u32, Direction);

/// The sums of all rows by network.
pub(crate) fn by_network(rows: &Rows, ids: &NetworkIds) -> BTreeMap<NetworkKey, Way> {
    let largest = largest(rows, ids);
    let mut sums: BTreeMap<NetworkKey, Way> = BTreeMap::new();
    for row in rows.iter() {
        let network = ids.number(row.key.network);
        let own = network == UNKNOWN_NETWORK || largest.contains_key(&network);
        let network = if own { network } else { OTHER_NETWORKS };
        for (direction, way) in [Direction::In, Direction::Out].into_iter().zip(row.ways) {
            if way.counted.packets > 0 {
                let key = (row.key.link, row.key.class.category.name(), network, direction);
                sums.entry(key).or_default().add(way);
            }
        }
    }
    sums
}

/// The networks that keep rows of their own, with their octets.
fn largest(rows: &Rows, ids: &NetworkIds) -> HashMap<u32, u64, RandomState> {
    let mut octets: HashMap<u32, u64, RandomState> = HashMap::default();
    for row in rows.iter() {
        let network = ids.number(row.key.network);
        if network != UNKNOWN_NETWORK && network != OTHER_NETWORKS {
            let sum = octets.entry(network).or_default();
            for way in &row.ways {
                *sum = sum.saturating_add(way.counted.octets);
            }
        }
    }
    if octets.len() > MAX_NETWORKS {
        let mut order: Vec<(u64, u32)> =
            octets.iter().map(|(network, octets)| (*octets, *network)).collect();
        // Of equally large ones the lower numbers.
        order.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, network) in order.into_iter().skip(MAX_NETWORKS) {
            octets.remove(&network);
        }
    }
    octets
}

#[cfg(test)]
mod tests {
    use etiage_classifier::{Class, Protocol};

    use super::*;
    use crate::live::Counted;
    use crate::rows::{RowId, RowKey};
    use crate::share::Share;

    #[test]
    fn the_largest_networks_have_rows_and_all_add_up() {
        let (mut rows, mut ids) = (Rows::default(), NetworkIds::default());
        let mut put = 0;
        for number in 0..1_000_u32 {
            let network = ids.id(number);
            for (protocol, link) in [(Protocol::Tls, 0), (Protocol::Quic, 0), (Protocol::Dns, 1)] {
                let key = RowKey { class: Class::of(protocol), network, link };
                let counted = Counted { octets: u64::from(number) + 1, packets: 1 };
                put += counted.octets;
                let direction = Direction::In;
                let share = Share { start: 0, link, direction, counted, flows: 1 };
                rows.count(&mut RowId::default(), key, &share);
            }
        }
        let sums = by_network(&rows, &ids);
        assert_eq!(sums.values().map(|way| way.counted.octets).sum::<u64>(), put);
        assert_eq!(sums.values().map(|way| way.flows).sum::<u64>(), 3_000);
        // 500, what is unknown, and the others; by two links.
        assert_eq!(sums.len(), 2 * (MAX_NETWORKS + 2));
        let of = |number| {
            let key = (0, Class::of(Protocol::Tls).category.name(), number, Direction::In);
            sums.get(&key).map(|way| way.counted.octets)
        };
        let found = [UNKNOWN_NETWORK, 999, 500, 499].map(of);
        assert_eq!(found, [Some(2), Some(2000), Some(1002), None]);
        assert_eq!(of(OTHER_NETWORKS), Some(2 * (2..=500).sum::<u64>()));
    }
}
