//! Day and week.

use std::f64::consts::TAU;

use crate::links::Kind;

const DAY: i64 = 86_400;

/// A moment by the clock on the wall: hour of the day, and how much of a weekend it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WallTime {
    /// From 0 to 24.
    pub(crate) hour: f64,
    /// 0 on working days, 1 at weekends, between them around midnight: habits do not change at a stroke.
    pub(crate) weekend: f64,
}

impl WallTime {
    /// Of seconds since the epoch, as the clock there shows them.
    pub(crate) fn new(local_seconds: i64) -> Self {
        let day = local_seconds.div_euclid(DAY);
        let hour = local_seconds.rem_euclid(DAY) as f64 / 3600.0;
        let today = is_weekend(day);
        // Within two hours of midnight, on the way from one day to the other.
        let (other, nearness) = if hour < 2.0 {
            (is_weekend(day - 1), (2.0 - hour) / 4.0)
        } else if hour > 22.0 {
            (is_weekend(day + 1), (hour - 22.0) / 4.0)
        } else {
            (today, 0.0)
        };
        Self { hour, weekend: today * (1.0 - nearness) + other * nearness }
    }

    /// Times the day's mean: 1.5 at nine in the evening, 0.5 early in the morning.
    pub(crate) fn of_day(self) -> f64 {
        let phase = TAU * (self.hour - 21.0) / 24.0;
        // The fall in the night is steeper than the rise through the day.
        1.0 + 0.5 * (phase - 0.4 * phase.sin()).cos()
    }

    /// Times a working day's.
    pub(crate) fn of_week(self, kind: Kind) -> f64 {
        1.0 + (kind.weekend() - 1.0) * self.weekend
    }

    /// A wave of the day around 1, with its top at an hour.
    pub(crate) fn wave(self, peak_hour: f64, swing: f64) -> f64 {
        1.0 + swing * (TAU * (self.hour - peak_hour) / 24.0).cos()
    }
}

/// 1 on Saturdays and Sundays. Day 0 was a Thursday.
fn is_weekend(day: i64) -> f64 {
    if matches!((day + 4).rem_euclid(7), 0 | 6) { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Saturday, 21 November 2026, 00:00.
    const SATURDAY: i64 = 1_795_219_200;

    #[test]
    fn the_day_swings_three_to_one() {
        let at = |minute: i64| WallTime::new(SATURDAY + 60 * minute).of_day();
        let values: Vec<f64> = (0..1440).map(at).collect();
        let top = values.iter().copied().fold(f64::MIN, f64::max);
        let low = values.iter().copied().fold(f64::MAX, f64::min);
        assert!((top / low - 3.0).abs() < 0.01, "{top} {low}");
        assert!((at(21 * 60) - top).abs() < 0.001);
    }

    #[test]
    fn weekends_are_saturday_and_sunday_and_come_gently() {
        let weekend = |hours: i64| WallTime::new(SATURDAY + 3600 * hours).weekend;
        assert_eq!([weekend(-12), weekend(12), weekend(36), weekend(60)], [0.0, 1.0, 1.0, 0.0]);
        let steps: Vec<f64> = (-2..=2).map(weekend).collect();
        assert_eq!(steps, [0.0, 0.25, 0.5, 0.75, 1.0]);
    }
}
