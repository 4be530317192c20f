//! Ranges of addresses: made disjoint once, then found by binary search.

use std::net::IpAddr;

/// Addresses from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range<A> {
    pub(super) first: A,
    pub(super) last: A,
    pub(super) asn: u32,
}

/// Ranges of one source, in any order; a narrower one wins over one around it.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) v4: Vec<Range<u32>>,
    pub(super) v6: Vec<Range<u128>>,
}

impl Layer {
    /// Adds a range; `false` if it is none.
    pub(super) fn push(&mut self, first: IpAddr, last: IpAddr, asn: u32) -> bool {
        match (first.to_canonical(), last.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
                self.v4.push(Range { first: first.into(), last: last.into(), asn });
                true
            }
            (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
                self.v6.push(Range { first: first.into(), last: last.into(), asn });
                true
            }
            _ => false,
        }
    }
}

/// An address as a number.
pub(super) trait Address: Copy + Ord {
    fn next(self) -> Option<Self>;
    fn previous(self) -> Option<Self>;
}

macro_rules! address {
    ($($number:ty),+) => {
        $(impl Address for $number {
            fn next(self) -> Option<Self> { self.checked_add(1) }
            fn previous(self) -> Option<Self> { self.checked_sub(1) }
        })+
    };
}
address!(u32, u128);

/// Whose address it is among disjoint ranges in order; 0 if nobody's.
pub(super) fn look_up<A: Address>(ranges: &[Range<A>], address: A) -> u32 {
    let after = ranges.partition_point(|range| range.first <= address);
    let range = after.checked_sub(1).and_then(|place| ranges.get(place));
    range.filter(|range| address <= range.last).map_or(0, |range| range.asn)
}

/// Makes ranges disjoint and orders them: each address belongs to the narrowest range around it, of
/// equally wide ones to the last added.
pub(super) fn flatten<A: Address>(mut ranges: Vec<Range<A>>) -> Vec<Range<A>> {
    // Stable: of two alike, the later stays later, that is within.
    ranges.sort_by(|a, b| a.first.cmp(&b.first).then(b.last.cmp(&a.last)));
    let mut flat = Vec::with_capacity(ranges.len());
    let mut open: Vec<Range<A>> = Vec::new();
    for range in ranges {
        close(&mut open, &mut flat, Some(range.first));
        open.push(range);
    }
    close(&mut open, &mut flat, None);
    flat.shrink_to_fit();
    flat
}

/// Writes out what the open ranges, widest first, hold before an address (or to their end), and keeps
/// what is left of them.
fn close<A: Address>(open: &mut Vec<Range<A>>, flat: &mut Vec<Range<A>>, before: Option<A>) {
    while let Some(inner) = open.pop() {
        let cut = before.filter(|before| *before <= inner.last);
        let last = match cut {
            Some(before) => before.previous(),
            None => Some(inner.last),
        };
        if let Some(last) = last.filter(|last| inner.first <= *last) {
            flat.push(Range { last, ..inner });
        }
        if let Some(before) = cut {
            // Its beginning is written; the rest waits for what comes.
            open.push(Range { first: before.max(inner.first), ..inner });
            return;
        }
        let Some(after) = inner.last.next() else {
            open.clear();
            return;
        };
        // Those around it go on after it.
        for outer in open.iter_mut() {
            outer.first = outer.first.max(after);
        }
        open.retain(|outer| outer.first <= outer.last);
    }
}

/// The first ranges where the others are not, and the others; both disjoint and in order.
pub(super) fn overlay<A: Address>(base: Vec<Range<A>>, over: &[Range<A>]) -> Vec<Range<A>> {
    if over.is_empty() {
        return base;
    }
    let mut all = over.to_vec();
    let mut later = over.iter().peekable();
    for mut range in base {
        while later.next_if(|own| own.last < range.first).is_some() {}
        let mut left = true;
        for own in later.clone().take_while(|own| own.first <= range.last) {
            if let Some(last) = own.first.previous().filter(|last| range.first <= *last) {
                all.push(Range { last, ..range });
            }
            match own.last.next().filter(|after| *after <= range.last) {
                Some(after) => range.first = after,
                None => {
                    left = false;
                    break;
                }
            }
        }
        if left {
            all.push(range);
        }
    }
    all.sort_by_key(|range| range.first);
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranges(list: &[(u32, u32, u32)]) -> Vec<Range<u32>> {
        list.iter().map(|&(first, last, asn)| Range { first, last, asn }).collect()
    }

    #[test]
    fn the_narrowest_range_wins() {
        let flat = flatten(ranges(&[(10, 99, 1), (20, 29, 2), (25, 26, 3), (90, 99, 4)]));
        let expected =
            [(10, 19, 1), (20, 24, 2), (25, 26, 3), (27, 29, 2), (30, 89, 1), (90, 99, 4)];
        assert_eq!(flat, ranges(&expected));
        assert_eq!(look_up(&flat, 26), 3);
        assert_eq!(look_up(&flat, 9), 0);
        assert_eq!(look_up(&flat, 100), 0);
        assert_eq!(flatten(ranges(&[(0, u32::MAX, 7)])), ranges(&[(0, u32::MAX, 7)]));
        assert_eq!(look_up(&[], 1_u32), 0);
    }

    #[test]
    fn what_lies_over_wins() {
        let base = ranges(&[(10, 19, 1), (20, 29, 2), (40, 49, 3)]);
        let over = ranges(&[(0, 4, 8), (15, 24, 9), (44, 45, 8)]);
        let expected = [
            (0, 4, 8),
            (10, 14, 1),
            (15, 24, 9),
            (25, 29, 2),
            (40, 43, 3),
            (44, 45, 8),
            (46, 49, 3),
        ];
        assert_eq!(overlay(base, &over), ranges(&expected));
    }

    fn nested() -> impl Strategy<Value = Vec<Range<u32>>> {
        // Prefixes of a world of 64 addresses: they nest and never cross.
        let prefix = (0_u32..64, 0_u32..=6, 1_u32..100).prop_map(|(address, bits, asn)| {
            let width = 64 >> bits;
            let first = address / width * width;
            Range { first, last: first + width - 1, asn }
        });
        prop::collection::vec(prefix, 0..12)
    }

    /// What a look-up must find: the narrowest, of alike ones the last.
    fn narrowest(ranges: &[Range<u32>], address: u32) -> Option<u32> {
        let around = ranges.iter().filter(|range| (range.first..=range.last).contains(&address));
        let narrow = around.rev().min_by_key(|range| range.last - range.first);
        narrow.map(|range| range.asn)
    }

    proptest! {
        #[test]
        fn tables_answer_as_the_rule_says(base in nested(), over in nested()) {
            let table = overlay(flatten(base.clone()), &flatten(over.clone()));
            prop_assert!(table.is_sorted_by(|a, b| a.first <= a.last && a.last < b.first));
            for address in 0..70 {
                let expected = narrowest(&over, address).or(narrowest(&base, address)).unwrap_or(0);
                prop_assert_eq!(look_up(&table, address), expected, "{}", address);
            }
        }

        #[test]
        fn crossing_ranges_do_no_harm(
            list in prop::collection::vec((0_u32..60, 0_u32..30, 1_u32..9), 0..12)
        ) {
            let crossing = list.iter().map(|(first, wide, asn)| {
                Range { first: *first, last: first + wide, asn: *asn }
            });
            let table = flatten(crossing.collect());
            prop_assert!(table.is_sorted_by(|a, b| a.first <= a.last && a.last < b.first));
            for address in 0..95 {
                let covered = list.iter().any(|(first, wide, _)| (*first..=first + wide).contains(&address));
                prop_assert_eq!(look_up(&table, address) > 0, covered, "{}", address);
            }
        }
    }
}
