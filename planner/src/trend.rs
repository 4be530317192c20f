//! A straight line through a series, and how sure it is.

use serde::Serialize;
use utoipa::ToSchema;

/// Fewer effective observations than this carry no interval.
const FEWEST: f64 = 4.0;

/// How a link grows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Trend {
    /// Growth in a year: 0.2 is a fifth more.
    pub per_year: f64,
    /// Its interval at the forecast's level.
    pub low: f64,
    /// Its interval at the forecast's level.
    pub high: f64,
    /// Whether the interval leaves 0 out: otherwise there is no trend.
    pub significant: bool,
}

/// Least squares over the logarithms of days, with an interval that knows that one day resembles the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// At the middle of the series.
    level: f64,
    /// A day.
    pub(crate) slope: f64,
    pub(crate) slope_error: f64,
    middle: f64,
    /// Standard deviation of the residuals.
    deviation: f64,
    /// How many independent days the series is worth.
    effective: f64,
    /// Sum of squares of the days around the middle, for the independent days.
    spread: f64,
}

impl Line {
    /// Through a value a day; `None` for too few days.
    pub(crate) fn fit(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        if count < FEWEST {
            return None;
        }
        let middle = (count - 1.0) / 2.0;
        let level = values.iter().sum::<f64>() / count;
        let days = || (0..values.len()).map(|day| day as f64 - middle);
        let squares: f64 = days().map(|day| day * day).sum();
        let along: f64 = days().zip(values).map(|(day, value)| day * (value - level)).sum();
        let slope = along / squares;
        let residuals: Vec<f64> =
            days().zip(values).map(|(day, value)| value - level - slope * day).collect();
        let sum_of_squares: f64 = residuals.iter().map(|rest| rest * rest).sum();
        let neighbours: f64 =
            residuals.iter().zip(residuals.iter().skip(1)).map(|(a, b)| a * b).sum();
        let likeness = if sum_of_squares > 0.0 { neighbours / sum_of_squares } else { 0.0 };
        // Of a process of order 1, n values are worth n (1 − ρ) / (1 + ρ) independent ones. Alternating
        // series are not taken for more than they have.
        let likeness = likeness.clamp(0.0, 0.99);
        let effective = (count * (1.0 - likeness) / (1.0 + likeness)).max(3.0);
        let spread = squares * effective / count;
        // Two of them went into the line.
        let deviation = (sum_of_squares / count * effective / (effective - 2.0)).sqrt();
        let slope_error = deviation / spread.sqrt();
        Some(Self { level, slope, slope_error, middle, deviation, effective, spread })
    }

    /// The value a number of days after the first, and half the width of its interval.
    pub(crate) fn at(&self, day: f64, quantile: f64) -> (f64, f64) {
        let away = day - self.middle;
        let of_line = 1.0 / self.effective + away * away / self.spread;
        let half = self.quantile(quantile) * self.deviation * (1.0 + of_line).sqrt();
        (self.level + self.slope * away, half)
    }

    /// The same line without its slope: the level as it was around the middle.
    pub(crate) fn flat(self, values: &[f64]) -> Self {
        // Around the mean of the later half: what drifts without a trend is best known by its end.
        let later = values.get(values.len() / 2..).unwrap_or(values);
        let level = later.iter().sum::<f64>() / later.len().max(1) as f64;
        Self { level, slope: 0.0, ..self }
    }

    /// Growth a year with its interval.
    pub(crate) fn trend(&self, quantile: f64) -> Trend {
        let half = self.quantile(quantile) * self.slope_error;
        let year = |slope: f64| (slope * 365.25).exp() - 1.0;
        let (low, high) = (self.slope - half, self.slope + half);
        Trend {
            per_year: year(self.slope),
            low: year(low),
            high: year(high),
            significant: low > 0.0 || high < 0.0,
        }
    }

    /// Student's quantile from the normal one, to the first term of its expansion.
    fn quantile(&self, normal: f64) -> f64 {
        normal * (1.0 + (normal * normal + 1.0) / (4.0 * (self.effective - 2.0).max(1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_again() {
        let values: Vec<f64> = (0..100).map(|day| 3.0 + 0.01 * f64::from(day)).collect();
        let line = Line::fit(&values).unwrap();
        assert!((line.slope - 0.01).abs() < 1e-12);
        let (value, half) = line.at(199.0, 1.645);
        assert!((value - 4.99).abs() < 1e-9 && half < 1e-9, "{value} {half}");
        assert!(line.trend(1.645).significant);
        assert!((line.trend(1.645).per_year - (3.6525_f64.exp() - 1.0)).abs() < 1e-6);
    }

    #[test]
    fn by_hand() {
        // y = 1, 2, 2, 3: slope 0.6, level 2, residuals -0.1, 0.3, -0.3, 0.1, neighbours negative.
        let line = Line::fit(&[1.0, 2.0, 2.0, 3.0]).unwrap();
        assert!((line.slope - 0.6).abs() < 1e-12);
        assert!((line.level - 2.0).abs() < 1e-12);
        // s² = 0.2 / 2; error = sqrt(0.1 / 5)
        assert!((line.slope_error - 0.02_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn what_is_too_short_or_flat_has_no_trend() {
        assert!(Line::fit(&[1.0, 2.0, 3.0]).is_none());
        let constant = Line::fit(&[5.0; 50]).unwrap();
        assert!(!constant.trend(1.645).significant);
        assert_eq!(constant.at(100.0, 1.645).0, 5.0);
    }
}
