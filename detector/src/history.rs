//! A series' past: means of five minutes in a ring of some weeks.

use crate::calendar::WEEK;

/// Length of a bin, in seconds.
pub const BIN_SECS: i64 = 300;
/// Bins of a week.
const WEEK_BINS: usize = (WEEK / BIN_SECS) as usize;

/// Means of five minutes, in octets a minute. A bin that was not observed, or was never filled, holds nothing.
#[derive(Clone, Debug)]
pub struct History {
    /// NaN where there is nothing.
    ring: Vec<f32>,
    /// The latest bin's number since the epoch; nothing was stored while it is `None`.
    latest: Option<i64>,
}

impl History {
    /// Room for so many weeks before the present one.
    pub fn new(weeks: usize) -> Self {
        Self { ring: vec![f32::NAN; (weeks + 1) * WEEK_BINS + 1], latest: None }
    }

    /// Which bin a moment falls into.
    pub(crate) const fn bin(time: i64) -> i64 {
        time.div_euclid(BIN_SECS)
    }

    /// Stores a bin's mean; nothing for one that was not observed. Bins older than the ring are let go.
    pub fn set(&mut self, bin: i64, mean: Option<f64>) {
        let size = self.ring.len() as i64;
        match self.latest {
            Some(latest) if bin <= latest - size => return,
            Some(latest) if bin > latest => {
                // What lies between was not observed.
                for skipped in (latest + 1).max(bin - size + 1)..bin {
                    self.put(skipped, f32::NAN);
                }
                self.latest = Some(bin);
            }
            Some(_) => {}
            None => self.latest = Some(bin),
        }
        self.put(bin, mean.map_or(f32::NAN, |mean| mean as f32));
    }

    fn put(&mut self, bin: i64, value: f32) {
        let place = bin.rem_euclid(self.ring.len() as i64) as usize;
        if let Some(slot) = self.ring.get_mut(place) {
            *slot = value;
        }
    }

    /// A bin's mean, if it was observed and is still held.
    pub fn get(&self, bin: i64) -> Option<f64> {
        let latest = self.latest?;
        let size = self.ring.len() as i64;
        if bin > latest || bin <= latest - size {
            return None;
        }
        let value = *self.ring.get(bin.rem_euclid(size) as usize)?;
        (!value.is_nan()).then_some(f64::from(value))
    }

    /// The value at a moment: a little smoothed, and between bins' middles on a straight line.
    pub(crate) fn at(&self, time: i64) -> Option<f64> {
        // The middle of bin b is at b + 1/2.
        let place = (time as f64 + 30.0) / BIN_SECS as f64 - 0.5;
        let below = place.floor();
        let share = place - below;
        let smooth = |bin: i64| {
            let near = [self.get(bin - 1), self.get(bin), self.get(bin), self.get(bin + 1)];
            mean(near.into_iter().flatten())
        };
        match (smooth(below as i64), smooth(below as i64 + 1)) {
            (Some(left), Some(right)) => Some(left * (1.0 - share) + right * share),
            (left, right) => left.or(right),
        }
    }
}

pub(crate) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// The median; sorts what it is given.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_skipped_was_not_observed_and_what_is_old_is_let_go() {
        let mut history = History::new(1);
        history.set(100, Some(7.0));
        history.set(103, Some(8.0));
        assert_eq!(
            [99, 100, 101, 102, 103, 104].map(|bin| history.get(bin)),
            [None, Some(7.0), None, None, Some(8.0), None]
        );
        history.set(102, Some(9.0));
        assert_eq!(history.get(102), Some(9.0), "a late bin");
        let size = history.ring.len() as i64;
        history.set(103 + size, Some(1.0));
        assert_eq!(history.get(103), None);
        history.set(100, Some(5.0));
        assert_eq!(history.get(100), None, "too late");
        history.set(100 + 10 * size, None);
        assert_eq!((100..100 + 10 * size).find_map(|bin| history.get(bin)), None);
    }

    #[test]
    fn between_bins_it_is_a_straight_line() {
        let mut history = History::new(1);
        for bin in 0..10 {
            history.set(bin, Some(bin as f64 * 10.0));
        }
        // The minute that begins at 1200 is half a minute before 1230: bin 4's middle is 1350.
        assert!((history.at(1320).unwrap() - 40.0).abs() < 1e-9);
        assert!((history.at(1470).unwrap() - 45.0).abs() < 1e-9);
    }

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut []), None);
    }
}
