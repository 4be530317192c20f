//! `etiage report`: a link's month and what comes, for people, spreadsheets and programs.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use etiage_planner::Month;
use serde_json::{Value, json};

use crate::ask::{Api, escaped};
use crate::config::{self, Config, bit_rate};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The link
    #[arg(long, value_name = "NAME")]
    link: String,
    /// The month, as 2026-11; the running one by default
    #[arg(long, value_name = "MONTH")]
    month: Option<Month>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Which part of the capacity the forecast looks for
    #[arg(long, value_name = "PERCENT", default_value_t = 80, value_parser = clap::value_parser!(u16).range(1..=1000))]
    threshold: u16,
    /// The configuration: links with their capacity and price, and the store
    #[arg(long, short, value_name = "FILE", default_value = "etiage.toml")]
    config: PathBuf,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One value a line, with a header
    Csv,
    /// One object
    Json,
}

impl Arguments {
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        config::load(&self.config)
    }
}

/// Runs the command.
pub(crate) async fn run(arguments: &Arguments, config: Config) -> Result<(), Failure> {
    let api = Api::open(&config).await?;
    let answer = ask(&api, arguments).await;
    api.close().await;
    let answer = answer?;
    match arguments.format {
        Format::Json => println!("{answer:#}"),
        Format::Csv => print!("{}", csv(&answer)),
        Format::Text => print!("{}", text(&answer)),
    }
    Ok(())
}

async fn ask(api: &Api, arguments: &Arguments) -> Result<Value, Failure> {
    let link = escaped(&arguments.link);
    let month = arguments.month.map_or_else(String::new, |month| format!("&month={month}"));
    let report = api.json(&format!("/api/v1/report?link={link}{month}")).await?;
    let threshold = f64::from(arguments.threshold) / 100.0;
    let forecast = api.json(&format!("/api/v1/forecast?link={link}&threshold={threshold}")).await?;
    Ok(json!({ "report": report, "forecast": forecast }))
}

/// A value by its path, `Null` where there is none.
fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, key| value.get(key).unwrap_or(&Value::Null))
}

fn rate(value: &Value) -> String {
    value.as_f64().map_or_else(|| "-".to_owned(), |bps| bit_rate(bps.round() as u64))
}

fn percent(value: &Value) -> String {
    value.as_f64().map_or_else(|| "-".to_owned(), |part| format!("{:+.1} %", part * 100.0))
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn text(answer: &Value) -> String {
    let report = at(answer, "report");
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}, {}", word(at(report, "link")), word(at(report, "month")));
    let count = |path| at(report, path).as_u64().unwrap_or_default();
    let _ = writeln!(
        out,
        "{} of {} bins of 5 minutes watched{}{}",
        count("coverage.watched_bins"),
        count("coverage.expected_bins"),
        match count("coverage.missing_bins") {
            0 => String::new(),
            missing => format!("; {missing} are missing, and left out"),
        },
        if at(report, "ended").as_bool() == Some(true) { "" } else { "; the month goes on" },
    );
    let _ = writeln!(
        out,
        "\n{:<5}{:>18}{:>18}{:>18}{:>10}{:>14}{:>14}",
        "", "p95", "peak", "mean", "of cap.", "p95 growth", "mean growth"
    );
    for direction in ["in", "out"] {
        let figures = at(report, direction);
        let used = at(figures, "p95_utilisation").as_f64();
        let used = used.map_or_else(|| "-".to_owned(), |part| format!("{:.1} %", part * 100.0));
        let _ = writeln!(
            out,
            "{direction:<5}{:>18}{:>18}{:>18}{used:>10}{:>14}{:>14}",
            rate(at(figures, "p95_bps")),
            rate(at(figures, "peak_bps")),
            rate(at(figures, "mean_bps")),
            percent(at(figures, "change.p95")),
            percent(at(figures, "change.mean")),
        );
    }
    let _ = writeln!(
        out,
        "\np95 of the higher direction {}, of both added {}",
        rate(at(report, "p95_max_bps")),
        rate(at(report, "p95_sum_bps")),
    );
    let bill = at(report, "bill");
    if let Some(amount) = at(bill, "amount").as_f64() {
        let _ = writeln!(
            out,
            "bill {amount:.2} {}: {} by {}, of which {} above the commit of {}",
            word(at(bill, "currency")),
            rate(at(bill, "billed_bps")),
            word(at(bill, "billed_by")),
            rate(at(bill, "burst_bps")),
            rate(at(bill, "commit_bps")),
        );
    }
    for direction in ["in", "out"] {
        forecast_text(&mut out, direction, at(at(answer, "forecast"), direction));
    }
    out
}

fn forecast_text(out: &mut String, direction: &str, forecast: &Value) {
    let days = at(forecast, "history_days").as_u64().unwrap_or_default();
    let _ = write!(out, "\nforecast, {direction}: ");
    let _ = match word(at(forecast, "outcome")) {
        "trend" => writeln!(
            out,
            "{} a year ({} to {}), from {days} days",
            percent(at(forecast, "trend.per_year")),
            percent(at(forecast, "trend.low")),
            percent(at(forecast, "trend.high")),
        ),
        "no-trend" => writeln!(out, "no trend that could be told from chance, from {days} days"),
        "no-traffic" => writeln!(out, "none, for there are days without traffic"),
        _ => writeln!(out, "none, for only {days} days were watched well enough; it needs 28"),
    };
    let crossing = at(forecast, "crossing");
    let threshold = rate(at(crossing, "threshold_bps"));
    let _ = match word(at(crossing, "state")) {
        "crossed" => writeln!(out, "  {threshold} was crossed in the last seven days"),
        "no-trend" => writeln!(out, "  no trend leads to {threshold}"),
        "not-within" => writeln!(
            out,
            "  {threshold} is not crossed within {} days",
            at(crossing, "days").as_u64().unwrap_or_default(),
        ),
        "expected" => writeln!(
            out,
            "  {threshold} is crossed on {} (between {} and {})",
            word(at(crossing, "day")),
            word(at(crossing, "earliest")),
            at(crossing, "latest").as_str().unwrap_or("later than can be seen"),
        ),
        _ => Ok(()),
    };
    for month in at(forecast, "months").as_array().into_iter().flatten() {
        let _ = writeln!(
            out,
            "  p95 of {}: {} ({} to {})",
            word(at(month, "month")),
            rate(at(month, "p95_bps")),
            rate(at(month, "low_bps")),
            rate(at(month, "high_bps")),
        );
    }
}

/// Every leaf of the answer as `path,value`; the days to come are left to JSON.
fn csv(answer: &Value) -> String {
    let mut out = String::from("name,value\n");
    leaves(&mut out, &mut Vec::new(), answer);
    out
}

fn leaves(out: &mut String, path: &mut Vec<String>, value: &Value) {
    let mut inner = |key: String, value: &Value| {
        path.push(key);
        leaves(out, path, value);
        path.pop();
    };
    match value {
        Value::Object(fields) => {
            for (key, value) in fields.iter().filter(|(key, _)| *key != "days") {
                inner(key.clone(), value);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                inner(index.to_string(), value);
            }
        }
        // No value of a report holds a comma or a quote: names, numbers, dates.
        leaf => {
            let text = match leaf {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let _ = writeln!(out, "{},{text}", path.join("."));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_has_a_line_for_every_value() {
        let answer = json!({"report": {"link": "a", "in": null}, "forecast": {"in": {
            "days": [{"day": "2026-11-01"}], "months": [{"month": "2026-11", "p95_bps": 1.5}]}}});
        assert_eq!(
            csv(&answer).lines().collect::<Vec<_>>(),
            [
                "name,value",
                "forecast.in.months.0.month,2026-11",
                "forecast.in.months.0.p95_bps,1.5",
                "report.in,",
                "report.link,a"
            ],
        );
    }

    #[test]
    fn text_says_what_is_missing() {
        let answer = json!({
            "report": {"link": "t", "month": "2026-11", "ended": true, "in": null, "out": null,
                "coverage": {"watched_bins": 0, "expected_bins": 8640, "missing_bins": 8640}},
            "forecast": {"in": {"outcome": "too-little-history", "history_days": 3,
                "crossing": {"state": "unknown"}},
                "out": {"outcome": "no-trend", "history_days": 40,
                "crossing": {"state": "no-trend", "threshold_bps": 8e9}}}});
        let text = text(&answer);
        assert!(text.contains("0 of 8640 bins of 5 minutes watched; 8640 are missing"), "{text}");
        assert!(
            text.contains("only 3 days were watched") && text.contains("no trend leads to 8 G")
        );
    }
}
