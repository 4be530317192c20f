//! The rows of one interval: what was counted under each class, on each link, by each remote network.
//!
//! A flow keeps the place of the row that it was counted in last, so that a packet takes no hash: only a
//! flow's first packet in an interval does.

use etiage_capture::{Direction, LinkIndex};
use etiage_classifier::{Class, ServiceId};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::live::Counted;
use crate::network_ids::NetworkId;
use crate::share::Share;

/// Rows of one interval. What would be one more is counted with the other networks: of a flood from
/// invented addresses, nobody asks whose they were.
const MAX_ROWS: usize = 100_000;
/// Rows beyond which the service is left out too. Without network and service there are few enough; a
/// link rarely sees a thousand classes in ten seconds.
const MAX_WITH_SERVICE: usize = 120_000;

/// What a row is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RowKey {
    pub(crate) class: Class,
    /// Of the remote end.
    pub(crate) network: NetworkId,
    pub(crate) link: LinkIndex,
}

/// The place of a row. Of another interval it does no harm: the row itself says what it is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowId(u32);

/// What a flow keeps to be counted quickly: the row that it was counted in last, and its network. In five
/// octets, which is what a flow has left of its two cache lines.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RowRef([u8; 5]);

impl RowRef {
    /// Bits of the row; above them are the network's. A place that does not fit is only sought again.
    const ROW: u32 = u64::BITS - NetworkId::BITS - 24;

    pub(crate) fn of(network: NetworkId) -> Self {
        Self::default().at(RowId::default(), network)
    }

    #[inline(always)]
    pub(crate) fn get(self) -> (RowId, NetworkId) {
        let [a, b, c, d, e] = self.0;
        let bits = u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]);
        let row = bits & ((1 << Self::ROW) - 1);
        (RowId(row as u32), NetworkId((bits >> Self::ROW) as u32))
    }

    /// In another row.
    #[must_use]
    pub(crate) fn at(self, row: RowId, network: NetworkId) -> Self {
        let row = u64::from(row.0) & ((1 << Self::ROW) - 1);
        let [a, b, c, d, e, ..] = (row | u64::from(network.0) << Self::ROW).to_le_bytes();
        Self([a, b, c, d, e])
    }
}

/// What went one way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Way {
    pub(crate) counted: Counted,
    pub(crate) flows: u64,
}

impl Way {
    pub(crate) fn add(&mut self, more: Self) {
        self.counted.add(more.counted);
        self.flows = self.flows.saturating_add(more.flows);
    }
}

/// Both directions in one row, and one row in one cache line: a flow's packets alternate.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Row {
    pub(crate) key: RowKey,
    /// The same on another link, for flows whose directions cross different links.
    sibling: RowId,
    /// In, then out.
    pub(crate) ways: [Way; 2],
}

/// The rows of one interval.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    rows: Vec<Row>,
    places: HashMap<RowKey, RowId, RandomState>,
}

impl Rows {
    /// Empty, with room for as many as these are.
    pub(crate) fn like(before: &Self) -> Self {
        let rows = before.rows.len();
        Self {
            rows: Vec::with_capacity(rows),
            places: HashMap::with_capacity_and_hasher(rows, RandomState::default()),
        }
    }

    /// Counts; `hint` may be the row's place, and is it afterwards.
    #[inline(always)]
    pub(crate) fn count(&mut self, hint: &mut RowId, key: RowKey, share: &Share) {
        if self.get(*hint).is_none_or(|row| row.key != key) {
            *hint = self.place(*hint, key);
        }
        if let Some(row) = self.rows.get_mut(hint.0 as usize)
            && let Some(way) = row.ways.get_mut(share.direction as usize)
        {
            way.add(Way { counted: share.counted, flows: share.flows.into() });
        }
    }

    fn get(&self, id: RowId) -> Option<&Row> {
        self.rows.get(id.0 as usize)
    }

    #[inline(never)]
    fn place(&mut self, hint: RowId, key: RowKey) -> RowId {
        let hinted = self.get(hint).map(|row| (row.key, row.sibling));
        let sibling = hinted
            .filter(|(hinted, _)| (hinted.class, hinted.network) == (key.class, key.network))
            .map(|(_, sibling)| sibling);
        if let Some(sibling) = sibling
            && self.get(sibling).is_some_and(|row| row.key == key)
        {
            return sibling;
        }
        let id = self.find(key);
        if sibling.is_some() {
            for (one, other) in [(hint, id), (id, hint)] {
                if let Some(row) = self.rows.get_mut(one.0 as usize) {
                    row.sibling = other;
                }
            }
        }
        id
    }

    /// The row of this key, or of what stands for it where there is no room.
    fn find(&mut self, mut key: RowKey) -> RowId {
        if let Some(id) = self.places.get(&key) {
            return *id;
        }
        if self.rows.len() >= MAX_ROWS && key.network != NetworkId::UNKNOWN {
            key.network = NetworkId::OTHER;
        }
        if self.rows.len() >= MAX_WITH_SERVICE && !self.places.contains_key(&key) {
            key.class.service = ServiceId::NONE;
        }
        *self.places.entry(key).or_insert_with(|| {
            let id = RowId(u32::try_from(self.rows.len()).unwrap_or(u32::MAX));
            self.rows.push(Row { key, sibling: id, ways: [Way::default(); 2] });
            id
        })
    }

    /// All rows.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter()
    }
}

/// What went one way under one class on one link, all networks together.
pub(crate) fn by_class(rows: &Rows) -> Vec<(LinkIndex, Class, Direction, Way)> {
    let mut sorted: Vec<&Row> = rows.iter().collect();
    sorted.sort_unstable_by_key(|row| (row.key.link, row.key.class));
    let mut sums = Vec::new();
    for same in sorted.chunk_by(|a, b| (a.key.link, a.key.class) == (b.key.link, b.key.class)) {
        let Some(RowKey { link, class, .. }) = same.first().map(|row| row.key) else { continue };
        for direction in [Direction::In, Direction::Out] {
            let mut sum = Way::default();
            for way in same.iter().filter_map(|row| row.ways.get(direction as usize)) {
                sum.add(*way);
            }
            if sum.counted.packets > 0 {
                sums.push((link, class, direction, sum));
            }
        }
    }
    sums
}

/// A packet counts in the line that its flow's row is in, and touches no other.
const _: () = assert!(size_of::<Row>() == 64);

#[cfg(test)]
mod tests {
    use etiage_classifier::Protocol;

    use super::*;

    fn key(link: LinkIndex, network: u32, service: u16) -> RowKey {
        let class = Class { service: ServiceId(service), ..Class::of(Protocol::Tls) };
        RowKey { class, network: NetworkId(network), link }
    }

    fn share(direction: Direction) -> Share {
        let counted = Counted { octets: 10, packets: 1 };
        Share { start: 0, link: 0, direction, counted, flows: 1 }
    }

    fn octets<'a>(rows: impl Iterator<Item = &'a Row>) -> u64 {
        rows.flat_map(|row| row.ways).map(|way| way.counted.octets).sum()
    }

    /// Beyond the bounds everything is still counted: first without its network, then without its service.
    #[test]
    fn what_there_is_no_room_for_is_counted_with_less_detail() {
        let mut rows = Rows::default();
        for network in 2..MAX_ROWS as u32 + 5_002 {
            rows.count(&mut RowId::default(), key(0, network, 0), &share(Direction::Out));
        }
        assert_eq!(rows.rows.len(), MAX_ROWS + 1); // And one for the others.
        let others = rows.iter().filter(|row| row.key.network == NetworkId::OTHER);
        assert_eq!(octets(others), 50_000);
        for link in 0..2 {
            for service in 0..u16::MAX {
                rows.count(&mut RowId::default(), key(link, 7, service), &share(Direction::In));
            }
        }
        assert_eq!(octets(rows.iter()), 10 * (MAX_ROWS as u64 + 5_000 + 2 * u64::from(u16::MAX)));
        assert!(rows.rows.len() <= MAX_WITH_SERVICE + 2, "{}", rows.rows.len());
        let none = rows.iter().filter(|row| row.key.class.service == ServiceId::NONE);
        assert!(octets(none) > octets(rows.iter()) / 2);
    }

    #[test]
    fn a_tally_keeps_both() {
        for (row, network) in
            [(0, 0), (1, 2), (MAX_WITH_SERVICE as u32, (1 << NetworkId::BITS) - 1)]
        {
            let row_ref = RowRef::of(NetworkId(7)).at(RowId(row), NetworkId(network));
            assert_eq!(row_ref.get(), (RowId(row), NetworkId(network)));
        }
        assert_eq!(RowRef::of(NetworkId(9)).get(), (RowId(0), NetworkId(9)));
        assert_eq!(RowRef::default().get(), (RowId(0), NetworkId::UNKNOWN));
    }

    #[test]
    fn stale_places_do_no_harm() {
        let mut rows = Rows::default();
        let mut hint = RowId(7); // Of an interval that is gone.
        for (link, network, direction) in [
            (0, 5, Direction::In),
            (0, 5, Direction::Out),
            (1, 5, Direction::In),
            (0, 5, Direction::In),
            (1, 5, Direction::In),
            (0, 6, Direction::In),
        ] {
            rows.count(&mut hint, key(link, network, 0), &share(direction));
        }
        let found: Vec<_> = rows
            .iter()
            .map(|Row { key, ways, .. }| (key.link, key.network.0, ways.map(|way| way.flows)))
            .collect();
        assert_eq!(found, [(0, 5, [2, 1]), (1, 5, [2, 0]), (0, 6, [1, 0])]);
        let class = key(0, 0, 0).class;
        let sums: Vec<_> = by_class(&rows)
            .into_iter()
            .map(|(link, class, direction, way)| (link, class, direction, way.flows))
            .collect();
        let (inward, out) = (Direction::In, Direction::Out);
        assert_eq!(sums, [(0, class, inward, 3), (0, class, out, 1), (1, class, inward, 2)]);
    }
}
