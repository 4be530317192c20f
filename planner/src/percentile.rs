//! The 95th percentile, by the one rule that invoices use.

/// Which of `count` values, sorted upwards and counted from 1, is the percentile: ⌈percent/100 · count⌉, the
/// nearest rank. The top 5 % are discarded and the highest that is left is it: of a month of 30 days
/// (8,640 bins) the 8,208th, with 432 bins (36 hours) above. `None` without values or with a percentage
/// outside 1 to 100.
pub fn rank(count: usize, percent: u8) -> Option<usize> {
    if count == 0 || !(1..=100).contains(&percent) {
        return None;
    }
    // In whole numbers: 0.95 has no exact floating-point form, and 0.95 · 20 must be 19.
    let rank = (count as u128 * u128::from(percent)).div_ceil(100);
    usize::try_from(rank).ok()
}

/// The percentile of values in any order, by [`rank`]; always one of the values.
pub fn nearest_rank(values: &mut [u64], percent: u8) -> Option<u64> {
    let place = rank(values.len(), percent)?.checked_sub(1)?;
    let (_, value, _) = values.select_nth_unstable(place);
    Some(*value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_by_hand() {
        let cases = [
            (1, 1),
            (2, 2),
            (19, 19),
            (20, 19),
            (21, 20),
            (100, 95),
            (8_640, 8_208),
            (8_928, 8_482),
        ];
        for (count, expected) in cases {
            assert_eq!(rank(count, 95), Some(expected), "{count}");
        }
        assert_eq!(rank(0, 95), None);
        assert_eq!(rank(10, 0), None);
        assert_eq!(rank(10, 101), None);
        assert_eq!((rank(10, 50), rank(10, 100)), (Some(5), Some(10)));
    }

    #[test]
    fn percentiles_by_hand() {
        let mut twenty: Vec<u64> = (1..=20).rev().collect();
        assert_eq!(nearest_rank(&mut twenty, 95), Some(19));
        assert_eq!(nearest_rank(&mut [7], 95), Some(7));
        assert_eq!(nearest_rank(&mut [], 95), None);
        // The example of the nearest-rank method: 15, 20, 35, 40, 50.
        let mut five = [35, 50, 15, 40, 20];
        let found = [5, 30, 40, 50, 100].map(|percent| nearest_rank(&mut five, percent).unwrap());
        assert_eq!(found, [15, 20, 20, 35, 50]);
    }
}
