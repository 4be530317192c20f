//! Five minutes of a link.

use std::collections::BTreeMap;

/// Length of a bin in seconds: what transit is billed by.
pub const BIN_SECS: u32 = 300;

/// Five watched minutes of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bin {
    /// Its first second since the Unix epoch, a multiple of [`BIN_SECS`].
    pub start: u32,
    /// Octets towards our network.
    pub octets_in: u64,
    /// Octets out of our network.
    pub octets_out: u64,
}

/// Bins in the order of time, each moment once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bins(Vec<Bin>);

impl Bins {
    /// Brings bins into order; those of the same moment add up (several probes on one link).
    pub fn new(bins: impl IntoIterator<Item = Bin>) -> Self {
        let mut sums: BTreeMap<u32, Bin> = BTreeMap::new();
        for bin in bins {
            let start = bin.start - bin.start % BIN_SECS;
            let sum = sums.entry(start).or_insert(Bin { start, octets_in: 0, octets_out: 0 });
            sum.octets_in = sum.octets_in.saturating_add(bin.octets_in);
            sum.octets_out = sum.octets_out.saturating_add(bin.octets_out);
        }
        Self(sums.into_values().collect())
    }

    /// All of them.
    pub fn as_slice(&self) -> &[Bin] {
        &self.0
    }

    /// Those that begin in a range of seconds, its end not included.
    pub fn within(&self, from: i64, to: i64) -> &[Bin] {
        let begin = self.0.partition_point(|bin| i64::from(bin.start) < from);
        let end = self.0.partition_point(|bin| i64::from(bin.start) < to);
        self.0.get(begin..end.max(begin)).unwrap_or_default()
    }
}

/// Octets of a bin as bit/s.
pub(crate) fn bps(octets: u64) -> f64 {
    octets as f64 * 8.0 / f64::from(BIN_SECS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bin(start: u32, octets_in: u64) -> Bin {
        Bin { start, octets_in, octets_out: 1 }
    }

    #[test]
    fn bins_are_in_order_and_of_one_moment_only_once() {
        let bins = Bins::new([bin(900, 1), bin(300, 2), bin(900, 3), bin(1199, 5)]);
        let expected = [(300, 2, 1), (900, 9, 3)].map(|(start, octets_in, octets_out)| Bin {
            start,
            octets_in,
            octets_out,
        });
        assert_eq!(bins.as_slice(), expected);
        assert_eq!(bins.within(300, 900).len(), 1);
        assert_eq!(bins.within(301, 901).len(), 1);
        assert_eq!(bins.within(1200, 300).len(), 0);
        assert_eq!(bins.within(i64::MIN, i64::MAX).len(), 2);
    }

    #[test]
    fn octets_are_bits_per_second() {
        // 37.5 GB in five minutes are 1 Gbit/s.
        assert_eq!(bps(37_500_000_000), 1e9);
    }
}
