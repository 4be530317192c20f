//! Months whose answers are known by hand, properties, and forecasts of series whose growth is known.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use etiage_planner::{
    BIN_SECS, BilledBy, Bin, Bins, Crossing, ForecastSettings, Measure, Month, Outcome,
    ReportInput, Tariff, forecast, nearest_rank, report,
};
use proptest::prelude::*;
use time::macros::{datetime, offset};
use time::{Duration, OffsetDateTime, UtcOffset};

/// One Gbit/s for five minutes.
const GIGABIT: u64 = 37_500_000_000;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn bins(from: OffsetDateTime, to: OffsetDateTime, octets: impl Fn(u32) -> (u64, u64)) -> Bins {
    let (from, to) = (from.unix_timestamp() as u32, to.unix_timestamp() as u32);
    let bin = |start| {
        let (octets_in, octets_out) = octets((start - from) / BIN_SECS);
        Bin { start, octets_in, octets_out }
    };
    Bins::new((from..to).step_by(BIN_SECS as usize).map(bin))
}

fn input<'a>(bins: &'a Bins, text: &str, tariff: Option<Tariff>) -> ReportInput<'a> {
    ReportInput {
        link: "transit-1",
        month: month(text),
        offset: UtcOffset::UTC,
        bins,
        now: datetime!(2026-12-05 0:00 UTC),
        capacity_bps: Some(20_000_000_000),
        tariff,
    }
}

/// November 2026: 8,640 bins. In: 432 of them at 9 Gbit/s, one of which at 10, the rest at 4. Out: 1 Gbit/s,
/// but 3 where in is at 4, every second bin.
fn november() -> Bins {
    bins(datetime!(2026-11-01 0:00 UTC), datetime!(2026-12-01 0:00 UTC), |index| {
        let inwards = if index == 100 {
            10
        } else if index < 432 {
            9
        } else {
            4
        };
        let outwards = if index >= 432 && index % 2 == 0 { 3 } else { 1 };
        (inwards * GIGABIT, outwards * GIGABIT)
    })
}

#[test]
fn a_month_by_hand() {
    let bins = november();
    let report = report(&input(&bins, "2026-11", None));
    assert!(report.ended);
    assert_eq!(report.coverage.expected_bins, 8_640);
    assert_eq!((report.coverage.watched_bins, report.coverage.missing_bins), (8_640, 0));
    let inwards = report.inwards.unwrap();
    // 432 bins are exactly the top 5 %: discarded. One more and it would be 9 Gbit/s.
    assert_eq!(inwards.p95_bps, 4e9);
    assert_eq!((inwards.peak_bps, inwards.peak_at), (1e10, datetime!(2026-11-01 8:20 UTC)));
    assert_eq!(inwards.octets, (10 + 431 * 9 + 8_208 * 4) * GIGABIT);
    assert_eq!(inwards.mean_bps, (10.0 + 431.0 * 9.0 + 8_208.0 * 4.0) / 8_640.0 * 1e9);
    assert_eq!(inwards.p95_utilisation, Some(0.2));
    assert_eq!(inwards.change, None);
    assert_eq!(report.outwards.unwrap().p95_bps, 3e9);
    assert_eq!(report.p95_max_bps, Some(4e9));
    // 432 sums of 10 and more, then 4,104 of 7.
    assert_eq!(report.p95_sum_bps, Some(7e9));
    assert_eq!(report.bill, None);
}

#[test]
fn the_rules_differ_in_what_they_bill() {
    let bins = november();
    let amount = |billed_by| {
        let price = "0.50 EUR".parse().unwrap();
        let tariff = Tariff { price, commit_bps: 2_000_000_000, burst_price: None, billed_by };
        report(&input(&bins, "2026-11", Some(tariff))).bill.unwrap().amount
    };
    let amounts = BilledBy::ALL.map(amount);
    assert_eq!(amounts, [2_000.0, 3_500.0, 2_000.0, 1_500.0]);
}

#[test]
fn one_bin_more_above_is_not_discarded() {
    let mut all = november().as_slice().to_vec();
    all[5_000].octets_in = 9 * GIGABIT;
    let bins = Bins::new(all);
    assert_eq!(report(&input(&bins, "2026-11", None)).p95_max_bps, Some(9e9));
}

#[test]
fn missing_bins_are_left_out_and_said() {
    // Only the last 20 bins: 19 of 1 Gbit/s, one of 5.
    let from = datetime!(2026-11-30 22:20 UTC);
    let bins = bins(from, datetime!(2026-12-01 0:00 UTC), |index| {
        (if index == 3 { 5 * GIGABIT } else { GIGABIT }, 0)
    });
    let report = report(&input(&bins, "2026-11", None));
    assert_eq!((report.coverage.watched_bins, report.coverage.missing_bins), (20, 8_620));
    assert_eq!(report.inwards.unwrap().p95_bps, 1e9);
    assert_eq!(report.inwards.unwrap().mean_bps, 1.2e9);
}

#[test]
fn a_month_without_bins_has_no_figures() {
    let report = report(&input(&Bins::default(), "2026-11", None));
    assert_eq!((report.inwards, report.p95_max_bps, report.p95_sum_bps), (None, None, None));
    assert_eq!(report.coverage.missing_bins, 8_640);
}

#[test]
fn a_month_that_goes_on_expects_what_has_passed() {
    let bins = bins(datetime!(2026-11-30 0:00 UTC), datetime!(2026-12-03 0:00 UTC), |_| (5, 5));
    let report = report(&input(&bins, "2026-12", None));
    assert!(!report.ended);
    assert_eq!(report.coverage.expected_bins, 4 * 288);
    assert_eq!(report.coverage.missing_bins, 2 * 288);
    let change = report.inwards.unwrap().change.unwrap();
    assert_eq!((change.mean, change.p95, change.watched), (0.0, 0.0, 1.0 / 30.0));
}

#[test]
fn growth_is_against_the_month_before() {
    let bins = bins(datetime!(2026-10-01 0:00 UTC), datetime!(2026-12-01 0:00 UTC), |index| {
        (if index < 31 * 288 { 4 * GIGABIT } else { 5 * GIGABIT }, GIGABIT)
    });
    let report = report(&input(&bins, "2026-11", None));
    let change = report.inwards.unwrap().change.unwrap();
    assert_eq!((change.mean, change.p95, change.watched), (0.25, 0.25, 1.0));
    assert_eq!(report.outwards.unwrap().change.unwrap().mean, 0.0);
}

#[test]
fn a_month_begins_by_the_contracts_clock() {
    let bins = november();
    let local = ReportInput { offset: offset!(+1), ..input(&bins, "2026-11", None) };
    let report = report(&local);
    assert_eq!(report.from, datetime!(2026-10-31 23:00 UTC));
    // Its first hour was not watched; the last hour of November in UTC belongs to December.
    assert_eq!((report.coverage.watched_bins, report.coverage.missing_bins), (8_628, 12));
}

proptest! {
    #[test]
    fn the_percentile_is_that_of_a_sort(mut values in prop::collection::vec(any::<u64>(), 1..3_000)) {
        let found = nearest_rank(&mut values.clone(), 95).unwrap();
        values.sort_unstable();
        let discarded = values.len() * 5 / 100;
        prop_assert_eq!(found, values[values.len() - 1 - discarded]);
    }

    #[test]
    fn sums_are_between_the_higher_and_both_together(
        values in prop::collection::vec((0..GIGABIT, 0..GIGABIT), 1..500)
    ) {
        let from = datetime!(2026-11-01 0:00 UTC);
        let to = from + Duration::seconds(i64::from(BIN_SECS) * values.len() as i64);
        let bins = bins(from, to, |index| values[index as usize]);
        let report = report(&input(&bins, "2026-11", None));
        let (max, sum) = (report.p95_max_bps.unwrap(), report.p95_sum_bps.unwrap());
        prop_assert!(sum >= max);
        prop_assert!(report.inwards.unwrap().peak_bps >= report.inwards.unwrap().p95_bps);
    }
}

/// Days of 3:1 swing with weekends a fifth lower, growing by so much a year, with noise that is always the
/// same.
fn history(days: i64, growth: f64, noise: f64) -> Bins {
    let from = datetime!(2026-12-05 0:00 UTC) - Duration::days(days);
    let mut state = 0.0;
    let mut word = 1_u64;
    let by_day: Vec<f64> = (0..days)
        .map(|day| {
            word = word
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let unit = (word >> 11) as f64 / (1_u64 << 53) as f64;
            state = 0.5 * state + noise * (unit - 0.5) * 3.46 * 0.866;
            let weekday = (from + Duration::days(day)).weekday().number_from_monday();
            let week = if weekday > 5 { 0.8 } else { 1.0 };
            (growth * day as f64 / 365.25).exp() * week * (1.0 + state)
        })
        .collect();
    bins(from, datetime!(2026-12-05 0:00 UTC), |index| {
        let hour = f64::from(index % 288) / 12.0;
        let day = 1.0 + 0.5 * ((hour - 21.0) / 24.0 * std::f64::consts::TAU).cos();
        ((4.0 * day * by_day[index as usize / 288] * GIGABIT as f64) as u64, GIGABIT)
    })
}

fn settings(threshold_bps: Option<f64>) -> ForecastSettings {
    ForecastSettings {
        measure: Measure::P95,
        offset: UtcOffset::UTC,
        threshold_bps,
        days: 90,
        now: datetime!(2026-12-05 10:00 UTC),
    }
}

#[test]
fn growth_is_found_and_its_crossing_dated() {
    // A third more in a year; a day's 95th percentile is near 1.49 × the mean.
    let bins = history(300, 0.3, 0.03);
    let forecast = forecast(&bins, |bin| bin.octets_in, &settings(Some(8.5e9)));
    assert_eq!((forecast.outcome, forecast.history_days), (Outcome::Trend, 300));
    let trend = forecast.trend.unwrap();
    let truth = 0.3_f64.exp() - 1.0;
    assert!(trend.low < truth && truth < trend.high, "{trend:?}");
    assert!(trend.high - trend.low < 0.1, "{trend:?}");
    // 4 × 1.49 × e^(0.3 t) = 8.5 on working days: t = 1.18 years after the first day.
    let Crossing::Expected { day, earliest, latest, .. } = forecast.crossing else {
        panic!("{:?}", forecast.crossing)
    };
    let expected = datetime!(2026-12-05 0:00 UTC) - Duration::days(300) + Duration::days(432);
    let off = (day - expected.date()).whole_days().abs();
    assert!(off < 30, "{day} {off}");
    assert!(earliest < day && latest.is_none_or(|latest| latest > day));
    // The running month's percentile lies within what the days say.
    let december = forecast.months[0];
    assert_eq!((december.month, forecast.months.len()), (month("2026-12"), 3));
    assert!(december.low_bps < december.p95_bps && december.p95_bps < december.high_bps);
    let highest = forecast.days.iter().map(|day| day.high_bps).fold(0.0, f64::max);
    assert!(december.p95_bps < highest && december.p95_bps > 6e9, "{december:?}");
}

#[test]
fn weekends_stay_lower() {
    let bins = history(60, 0.0, 0.0);
    let forecast = forecast(&bins, |bin| bin.octets_in, &settings(None));
    let of = |weekday: u8| {
        let day =
            forecast.days.iter().find(|day| day.day.weekday().number_from_monday() == weekday);
        day.unwrap().expected_bps
    };
    assert!((of(6) / of(3) - 0.8).abs() < 0.01, "{}", of(6) / of(3));
    assert_eq!(forecast.crossing, Crossing::NoThreshold);
}

#[test]
fn chance_is_no_trend() {
    let bins = history(120, 0.0, 0.05);
    let forecast = forecast(&bins, |bin| bin.octets_in, &settings(Some(16e9)));
    assert_eq!(forecast.outcome, Outcome::NoTrend);
    assert_eq!(forecast.crossing, Crossing::NoTrend { threshold_bps: 16e9 });
    assert_eq!(forecast.days.len(), 90);
    let ends = (forecast.days[0].expected_bps, forecast.days[84].expected_bps);
    assert!((ends.0 / ends.1 - 1.0).abs() < 1e-6, "{ends:?}");
}

#[test]
fn what_shrinks_or_is_there_already_is_said() {
    let shrinking = history(200, -0.3, 0.02);
    let answer = forecast(&shrinking, |bin| bin.octets_in, &settings(Some(16e9)));
    assert_eq!(answer.outcome, Outcome::Trend);
    assert!(matches!(answer.crossing, Crossing::NotWithin { days: 400, .. }));
    let full = forecast(&shrinking, |bin| bin.octets_in, &settings(Some(1e9)));
    assert_eq!(full.crossing, Crossing::Crossed { threshold_bps: 1e9 });
}

#[test]
fn too_little_history_is_no_forecast() {
    let month = history(27, 0.3, 0.0);
    let answer = forecast(&month, |bin| bin.octets_in, &settings(Some(16e9)));
    assert_eq!((answer.outcome, answer.crossing), (Outcome::TooLittleHistory, Crossing::Unknown));
    assert!(answer.days.is_empty() && answer.months.is_empty());
    let nothing = forecast(&Bins::default(), |bin| bin.octets_in, &settings(None));
    assert_eq!((nothing.outcome, nothing.history_days), (Outcome::TooLittleHistory, 0));
    // Every second day: 40 of 80.
    let gaps = history(80, 0.3, 0.0);
    let kept = gaps.as_slice().iter().filter(|bin| bin.start / 86_400 % 2 == 0);
    let gaps = Bins::new(kept.copied());
    let answer = forecast(&gaps, |bin| bin.octets_in, &settings(None));
    assert_eq!((answer.outcome, answer.history_days), (Outcome::TooLittleHistory, 40));
    let silent = forecast(&history(40, 0.0, 0.0), |_| 0, &settings(None));
    assert_eq!(silent.outcome, Outcome::NoTraffic);
}

#[test]
fn a_few_missing_days_do_not_bend_it() {
    let whole = history(100, 0.2, 0.0);
    let kept = whole.as_slice().iter().filter(|bin| bin.start / 86_400 % 11 != 0);
    let some = Bins::new(kept.copied());
    let growth =
        |bins: &Bins| forecast(bins, |bin| bin.octets_in, &settings(None)).trend.unwrap().per_year;
    assert!((growth(&whole) - growth(&some)).abs() < 0.02, "{} {}", growth(&whole), growth(&some));
}

#[test]
fn answers_are_json() {
    let bins = november();
    let json = serde_json::to_value(report(&input(&bins, "2026-11", None))).unwrap();
    assert_eq!(json["month"], "2026-11");
    assert_eq!(json["in"]["peak_at"], "2026-11-01T08:20:00Z");
    let answer = forecast(&history(60, 0.0, 0.0), |bin| bin.octets_in, &settings(Some(1e9)));
    let json = serde_json::to_value(answer).unwrap();
    assert_eq!(json["crossing"]["state"], "crossed");
    assert_eq!(json["days"][0]["day"], "2026-12-05");
    assert_eq!(json["months"][0]["month"], "2026-12");
}
