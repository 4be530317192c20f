//! What comes: the days' utilisation, the months' 95th percentile, and when a threshold is crossed.

use std::collections::BTreeMap;

use augurs::mstl::MSTLModel;
use augurs::prelude::*;
use serde::Serialize;
use time::{Date, Duration, OffsetDateTime, UtcOffset};
use utoipa::ToSchema;

use crate::bins::{BIN_SECS, Bin, Bins, bps};
use crate::month::Month;
use crate::percentile::nearest_rank;
use crate::trend::{Line, Trend};

/// Bins of a day.
const DAY_BINS: usize = (86_400 / BIN_SECS) as usize;
/// A day counts if so many of its bins were watched: the evening, where the percentile is, is then hardly
/// missing.
const ENOUGH_BINS: usize = DAY_BINS * 9 / 10;
/// Days that count, at least: four times each day of the week.
const ENOUGH_DAYS: usize = 28;
/// Days looked back at, at most: older growth says little of the next.
const MOST_DAYS: i64 = 400;
/// Of the days from first to last, so many must count.
const ENOUGH_PART: f64 = 0.8;
const WEEK: usize = 7;
/// Of the normal distribution, for an interval that holds nine of ten.
const QUANTILE: f64 = 1.644_853_626_951_472_7;
const LEVEL: f64 = 0.9;
/// Months whose percentile is forecast, the running one included.
const MONTHS: usize = 3;

/// A day's figure that is forecast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The 95th percentile of the day's bins.
    #[default]
    P95,
    /// The day's highest bin.
    Peak,
}

/// What to forecast.
#[derive(Clone, Copy, Debug)]
pub struct ForecastSettings {
    /// A day's figure.
    pub measure: Measure,
    /// By whose clock days and months begin.
    pub offset: UtcOffset,
    /// Which rate's crossing is looked for, in bit/s.
    pub threshold_bps: Option<f64>,
    /// Days ahead that are answered one by one; at most 730.
    pub days: u16,
    /// Until when there are bins.
    pub now: OffsetDateTime,
}

/// One direction's forecast.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Forecast {
    /// What a day's figure is.
    pub measure: Measure,
    /// Whether there is one, and if not, why.
    pub outcome: Outcome,
    /// How many days it is made from.
    pub history_days: usize,
    /// What part of cases the intervals hold.
    #[schema(example = 0.9)]
    pub level: f64,
    /// How it grows.
    pub trend: Option<Trend>,
    /// When the threshold is crossed.
    pub crossing: Crossing,
    /// The days to come.
    pub days: Vec<DayForecast>,
    /// The 95th percentiles of the running and the next two months.
    pub months: Vec<MonthForecast>,
}

/// What came of a forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// There is a trend, and the forecast follows it.
    Trend,
    /// No trend can be told from chance: the forecast stays at today's level.
    NoTrend,
    /// Fewer than 28 days, or fewer than four of five since the first, were watched well enough.
    TooLittleHistory,
    /// There are days without traffic, of which no growth can be told.
    NoTraffic,
}

/// A day to come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct DayForecast {
    /// Which.
    #[serde(serialize_with = "iso_date")]
    #[schema(value_type = String, format = Date)]
    pub day: Date,
    /// bit/s.
    pub expected_bps: f64,
    /// bit/s.
    pub low_bps: f64,
    /// bit/s.
    pub high_bps: f64,
}

/// A month to come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct MonthForecast {
    /// As `2026-12`.
    #[schema(value_type = String, example = "2026-12")]
    pub month: Month,
    /// bit/s.
    pub p95_bps: f64,
    /// bit/s.
    pub low_bps: f64,
    /// bit/s.
    pub high_bps: f64,
}

/// When a threshold is crossed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Crossing {
    /// There is no threshold: neither given nor a capacity configured.
    NoThreshold,
    /// No forecast.
    Unknown,
    /// It was crossed within the last seven days.
    Crossed {
        /// bit/s.
        threshold_bps: f64,
    },
    /// There is no trend that would lead there.
    NoTrend {
        /// bit/s.
        threshold_bps: f64,
    },
    /// The trend leads away from it, or not there as far ahead as the history allows to look.
    NotWithin {
        /// bit/s.
        threshold_bps: f64,
        /// How far ahead was looked.
        days: u16,
    },
    /// It is expected to be crossed.
    Expected {
        /// bit/s.
        threshold_bps: f64,
        /// The first day whose expected figure is above.
        #[serde(serialize_with = "iso_date")]
        #[schema(value_type = String, format = Date)]
        day: Date,
        /// The first day on which it is not unlikely any more.
        #[serde(serialize_with = "iso_date")]
        #[schema(value_type = String, format = Date)]
        earliest: Date,
        /// The first day on which it would be unlikely not to have happened; none as far as can be seen.
        #[serde(serialize_with = "iso_date_option")]
        #[schema(value_type = Option<String>, format = Date)]
        latest: Option<Date>,
    },
}

fn iso_date<S: serde::Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

fn iso_date_option<S: serde::Serializer>(
    date: &Option<Date>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match date {
        Some(date) => serializer.collect_str(date),
        None => serializer.serialize_none(),
    }
}

/// Forecasts one direction of a link from its bins.
pub fn forecast(bins: &Bins, octets: fn(&Bin) -> u64, settings: &ForecastSettings) -> Forecast {
    let days = Days::new(bins, octets, settings);
    match days.model() {
        Ok(model) => answer(&days, &model, settings),
        Err(outcome) => Forecast {
            measure: settings.measure,
            outcome,
            history_days: days.figures.len(),
            level: LEVEL,
            trend: None,
            crossing: match settings.threshold_bps {
                Some(_) => Crossing::Unknown,
                None => Crossing::NoThreshold,
            },
            days: Vec::new(),
            months: Vec::new(),
        },
    }
}

fn answer(days: &Days<'_>, model: &Model, settings: &ForecastSettings) -> Forecast {
    let ahead = |count: u16| (1..=i64::from(count)).map(|day| model.day(day));
    let trend = model.line.trend(QUANTILE);
    Forecast {
        measure: settings.measure,
        outcome: if trend.significant { Outcome::Trend } else { Outcome::NoTrend },
        history_days: days.figures.len(),
        level: LEVEL,
        trend: Some(trend),
        crossing: crossing(days, model, &trend, settings.threshold_bps),
        days: ahead(settings.days.min(730)).collect(),
        months: months(days, model, settings),
    }
}

/// A link's days, by the clock of its contract.
struct Days<'a> {
    /// Of each day that counts: its figure in octets a bin.
    figures: BTreeMap<Date, u64>,
    bins: BTreeMap<Date, Vec<&'a Bin>>,
    octets: fn(&Bin) -> u64,
}

impl<'a> Days<'a> {
    fn new(bins: &'a Bins, octets: fn(&Bin) -> u64, settings: &ForecastSettings) -> Self {
        let today = settings.now.to_offset(settings.offset).date();
        let first = today - Duration::days(MOST_DAYS);
        let mut by_day: BTreeMap<Date, Vec<&Bin>> = BTreeMap::new();
        for bin in bins.as_slice() {
            let start = OffsetDateTime::from_unix_timestamp(i64::from(bin.start));
            let Ok(start) = start else { continue };
            let day = start.to_offset(settings.offset).date();
            if day >= first && day <= today {
                by_day.entry(day).or_default().push(bin);
            }
        }
        // Today is not over.
        let whole = by_day.iter().filter(|(day, bins)| **day < today && bins.len() >= ENOUGH_BINS);
        let figures = whole.filter_map(|(day, bins)| {
            let mut values: Vec<u64> = bins.iter().map(|bin| octets(bin)).collect();
            let figure = match settings.measure {
                Measure::P95 => nearest_rank(&mut values, 95),
                Measure::Peak => values.iter().copied().max(),
            };
            Some((*day, figure?))
        });
        Self { figures: figures.collect(), bins: by_day, octets }
    }

    fn model(&self) -> Result<Model, Outcome> {
        let ends = self.figures.keys().next().zip(self.figures.keys().next_back());
        let (Some((first, last)), true) = (ends, self.figures.len() >= ENOUGH_DAYS) else {
            return Err(Outcome::TooLittleHistory);
        };
        let span = (*last - *first).whole_days() + 1;
        if (self.figures.len() as f64) < span as f64 * ENOUGH_PART {
            return Err(Outcome::TooLittleHistory);
        }
        if self.figures.values().any(|figure| *figure == 0) {
            return Err(Outcome::NoTraffic);
        }
        let values: Vec<f64> =
            (0..span).map(|day| self.log_of(*first + Duration::days(day))).collect();
        // Growth is a factor, so that it is looked for in logarithms.
        let fit =
            MSTLModel::naive(vec![WEEK]).fit(&values).map_err(|_| Outcome::TooLittleHistory)?;
        let seasonal: Vec<f64> = fit
            .fit()
            .seasonal()
            .first()
            .map(|season| season.iter().map(|value| f64::from(*value)).collect())
            .unwrap_or_default();
        let rest: Vec<f64> =
            values.iter().zip(&seasonal).map(|(value, season)| value - season).collect();
        let line = Line::fit(&rest).ok_or(Outcome::TooLittleHistory)?;
        let followed = if line.trend(QUANTILE).significant { line } else { line.flat(&rest) };
        let week = seasonal.len().saturating_sub(WEEK);
        let season = seasonal.get(week..).unwrap_or_default().to_vec();
        Ok(Model { last: *last, length: span, line, followed, season })
    }

    /// A day that does not count is taken for the mean of the nearest same days of the week.
    fn log_of(&self, day: Date) -> f64 {
        let figure = |day: Date| self.figures.get(&day).map(|octets| (*octets as f64).ln());
        if let Some(value) = figure(day) {
            return value;
        }
        let week = |weeks: i64| day.checked_add(Duration::weeks(weeks)).and_then(figure);
        let before = (1..60).find_map(|weeks| week(-weeks));
        let after = (1..60).find_map(week);
        match (before, after) {
            (Some(before), Some(after)) => (before + after) / 2.0,
            (Some(value), None) | (None, Some(value)) => value,
            // The same day of the week was never watched: the mean of all.
            (None, None) => {
                let logs = self.figures.values().map(|octets| (*octets as f64).ln());
                logs.sum::<f64>() / self.figures.len().max(1) as f64
            }
        }
    }
}

struct Model {
    /// The last day of the history, and how many days it has.
    last: Date,
    length: i64,
    /// As found, and as followed: without its slope where that is not significant.
    line: Line,
    followed: Line,
    /// The last week's deviations.
    season: Vec<f64>,
}

impl Model {
    /// A number of days after the last of the history.
    fn day(&self, ahead: i64) -> DayForecast {
        let (level, half) = self.followed.at((self.length - 1 + ahead) as f64, QUANTILE);
        let place = (ahead - 1).rem_euclid(WEEK as i64) as usize;
        let value = level + self.season.get(place).copied().unwrap_or_default();
        // Far beyond any link, and still a number.
        let rate = |log: f64| log.min(60.0).exp() * 8.0 / f64::from(BIN_SECS);
        DayForecast {
            day: self.last.checked_add(Duration::days(ahead)).unwrap_or(self.last),
            expected_bps: rate(value),
            low_bps: rate(value - half),
            high_bps: rate(value + half),
        }
    }
}

fn crossing(days: &Days<'_>, model: &Model, trend: &Trend, threshold: Option<f64>) -> Crossing {
    let Some(threshold_bps) = threshold else { return Crossing::NoThreshold };
    let lately = days.figures.iter().rev().take(WEEK);
    if lately.into_iter().any(|(_, octets)| bps(*octets) >= threshold_bps) {
        return Crossing::Crossed { threshold_bps };
    }
    if !trend.significant {
        return Crossing::NoTrend { threshold_bps };
    }
    // As far ahead as twice what was seen, at most two years.
    let horizon = (model.length * 2).clamp(1, 730) as u16;
    let first = |figure: fn(&DayForecast) -> f64| {
        let mut ahead = (1..=i64::from(horizon)).map(|day| model.day(day));
        ahead.find(|day| figure(day) >= threshold_bps).map(|day| day.day)
    };
    match (first(|day| day.expected_bps), first(|day| day.high_bps)) {
        (Some(day), Some(earliest)) => {
            Crossing::Expected { threshold_bps, day, earliest, latest: first(|day| day.low_bps) }
        }
        _ => Crossing::NotWithin { threshold_bps, days: horizon },
    }
}

/// Each day to come has the bins of the last watched day of the same weekday, in proportion to its figure;
/// days that have passed have their own. The month's percentile is that of all these bins.
fn months(days: &Days<'_>, model: &Model, settings: &ForecastSettings) -> Vec<MonthForecast> {
    let mut month = Month::of(settings.now, settings.offset);
    let mut answers = Vec::new();
    for _ in 0..MONTHS {
        let first = month.start(settings.offset).date();
        let end = month.end(settings.offset).date();
        let percentile = |figure: fn(&DayForecast) -> f64| {
            let mut values = Vec::with_capacity(31 * DAY_BINS);
            let mut day = first;
            while day < end {
                month_day(days, model, day, figure, &mut values);
                day = day.checked_add(Duration::DAY)?;
            }
            nearest_rank(&mut values, 95).map(bps)
        };
        if let (Some(p95_bps), Some(low_bps), Some(high_bps)) = (
            percentile(|day| day.expected_bps),
            percentile(|day| day.low_bps),
            percentile(|day| day.high_bps),
        ) {
            answers.push(MonthForecast { month, p95_bps, low_bps, high_bps });
        }
        month = month.next();
    }
    answers
}

fn month_day(
    days: &Days<'_>,
    model: &Model,
    day: Date,
    figure: fn(&DayForecast) -> f64,
    values: &mut Vec<u64>,
) {
    let own = days.bins.get(&day).map(Vec::as_slice).unwrap_or_default();
    if day <= model.last {
        values.extend(own.iter().map(|bin| (days.octets)(bin)));
        return;
    }
    let ahead = (day - model.last).whole_days();
    let alike = (1..60).find_map(|weeks| {
        let earlier = day.checked_sub(Duration::weeks(weeks))?;
        days.figures.get(&earlier).map(|octets| (earlier, *octets))
    });
    let Some((pattern, octets)) = alike else { return };
    let scale = figure(&model.day(ahead)) / bps(octets).max(1.0);
    let bins = days.bins.get(&pattern).map(Vec::as_slice).unwrap_or_default();
    values.extend(bins.iter().map(|bin| ((days.octets)(bin) as f64 * scale) as u64));
}
