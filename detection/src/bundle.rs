//! An event's bundle: what it follows from, as files that other programs read too.
//!
//! `event.json` (as it was kept), `recomputed.json` (as it follows from the files beside it),
//! `parameters.json`, `series.csv` (a row an interval, a column a series: octets, empty where it was not
//! observed), `services.csv` and `networks.csv` (what it is explained from), `queries.sql`, and `SHA256SUMS`, which
//! `sha256sum -c` reads.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, anyhow};
use etiage_detector::{
    Calendar, Comparison, ComparisonRow, Evidence, EvidenceSeries, Key, Parameters, Place, Record,
    Run, Windows, recompute,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) const EVENT: &str = "event.json";
pub(crate) const RECOMPUTED: &str = "recomputed.json";
pub(crate) const PARAMETERS: &str = "parameters.json";
pub(crate) const SERIES: &str = "series.csv";
pub(crate) const SERVICES: &str = "services.csv";
pub(crate) const NETWORKS: &str = "networks.csv";
pub(crate) const QUERIES: &str = "queries.sql";
pub(crate) const SUMS: &str = "SHA256SUMS";

/// Why a bundle cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file is missing, or holds something else: which, and what is wrong.
    #[error("{0}")]
    Unusable(String),
    /// The file system refuses.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Anything else, in words.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

/// What the API answers.
#[derive(Deserialize)]
struct Answer {
    record: Record,
    evidence: Evidence,
    queries: Vec<String>,
    etiage: String,
    clickhouse: String,
}

/// `parameters.json`: everything but the numbers.
#[derive(Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Versions of what made it.
    pub(crate) etiage: String,
    pub(crate) clickhouse: String,
    pub(crate) parameters: Parameters,
    pub(crate) calendar: Calendar,
    pub(crate) source: String,
    pub(crate) judged_from: i64,
    pub(crate) explained_secs: u32,
    /// The columns of `series.csv`.
    pub(crate) series: Vec<Column>,
}

/// A series of `series.csv`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Column {
    /// Its header.
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) key: Key,
    pub(crate) masked: Vec<Range<i64>>,
}

/// Writes a bundle into a directory, from the API's answer to `/events/{id}/evidence`.
///
/// # Errors
/// [`BundleError`].
pub fn write(directory: &Path, answer: Value) -> Result<(), BundleError> {
    let answer: Answer = serde_json::from_value(answer).context("the API's evidence")?;
    let Answer { record, evidence, queries, etiage, clickhouse } = answer;
    fs::create_dir_all(directory)?;
    let columns = evidence.series.iter().map(|series| Column {
        name: name(&series.key),
        key: series.key.clone(),
        masked: series.masked.clone(),
    });
    let settings = Settings {
        etiage,
        clickhouse,
        parameters: evidence.parameters.clone(),
        calendar: evidence.calendar.clone(),
        source: evidence.source.clone(),
        judged_from: evidence.judged_from,
        explained_secs: evidence.explained_secs,
        series: columns.collect(),
    };
    let put = |name: &str, text: String| fs::write(directory.join(name), text);
    put(EVENT, json(&record)?)?;
    put(PARAMETERS, json(&settings)?)?;
    put(SERIES, series_csv(&evidence)?)?;
    put(SERVICES, rows_csv(&evidence.comparison.services)?)?;
    put(NETWORKS, rows_csv(&evidence.comparison.networks)?)?;
    put(QUERIES, queries.iter().fold(String::new(), |text, query| text + query + ";\n\n"))?;
    // From the files, not from what they were made of: what is written is what is proven.
    let (record, evidence) = read(directory)?;
    let recomputed = recompute(&evidence, &record.event).context("the event's parameters")?;
    put(RECOMPUTED, json(&recomputed)?)?;
    put(SUMS, sums(directory)?)?;
    Ok(())
}

/// The event as it was kept, and everything that it follows from.
pub(crate) fn read(directory: &Path) -> Result<(Record, Evidence), BundleError> {
    let text = |name: &str| {
        fs::read_to_string(directory.join(name))
            .map_err(|error| unusable(directory, name, &error.to_string()))
    };
    let record = serde_json::from_str(&text(EVENT)?)
        .map_err(|error| unusable(directory, EVENT, &error.to_string()))?;
    let settings: Settings = serde_json::from_str(&text(PARAMETERS)?)
        .map_err(|error| unusable(directory, PARAMETERS, &error.to_string()))?;
    let runs = runs(&text(SERIES)?, settings.series.len())
        .map_err(|error| unusable(directory, SERIES, &format!("{error:#}")))?;
    let rows = |name: &str| {
        rows(&text(name)?).map_err(|error| unusable(directory, name, &format!("{error:#}")))
    };
    let comparison = Comparison { services: rows(SERVICES)?, networks: rows(NETWORKS)? };
    let series = settings.series.into_iter().zip(runs).map(|(column, runs)| EvidenceSeries {
        key: column.key,
        masked: column.masked,
        runs,
    });
    let evidence = Evidence {
        parameters: settings.parameters,
        calendar: settings.calendar,
        source: settings.source,
        judged_from: settings.judged_from,
        series: series.collect(),
        comparison,
        explained_secs: settings.explained_secs,
    };
    Ok((record, evidence))
}

pub(crate) fn unusable(directory: &Path, file: &str, reason: &str) -> BundleError {
    BundleError::Unusable(format!("{}: {reason}", directory.join(file).display()))
}

pub(crate) fn json<T: Serialize>(value: &T) -> Result<String, BundleError> {
    Ok(serde_json::to_string_pretty(value).map_err(anyhow::Error::from)? + "\n")
}

/// A series by its name and direction: the header of its column.
pub(crate) fn name(key: &Key) -> String {
    match key {
        Key::Link { link, direction } => format!("link:{link} {direction}"),
        Key::LinkCategory { link, direction, category } => {
            format!("category:{category}@{link} {direction}")
        }
        Key::Category { direction, category } => format!("category:{category} {direction}"),
        Key::Service { direction, service } => format!("service:{service} {direction}"),
        Key::Network { direction, asn } => format!("network:{asn} {direction}"),
    }
}

fn series_csv(evidence: &Evidence) -> Result<String, BundleError> {
    let mut header = vec!["time".to_owned(), "seconds".to_owned()];
    header.extend(evidence.series.iter().map(|series| name(&series.key)));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns: Vec<Vec<_>> = evidence
        .series
        .iter()
        .map(|series| series.runs.iter().flat_map(Run::bins).collect())
        .collect();
    writer.write_record(&header).map_err(anyhow::Error::from)?;
    for (place, bin) in
        columns.iter().flatten().take(columns.first().map_or(0, Vec::len)).enumerate()
    {
        let mut row = vec![bin.start.to_string(), bin.secs.to_string()];
        row.extend(columns.iter().map(|column| {
            let octets = column.get(place).and_then(|bin| bin.octets);
            octets.map(|octets| octets.to_string()).unwrap_or_default()
        }));
        writer.write_record(&row).map_err(anyhow::Error::from)?;
    }
    text(writer)
}

fn text(writer: csv::Writer<Vec<u8>>) -> Result<String, BundleError> {
    let octets = writer.into_inner().map_err(|error| anyhow!("{error}"))?;
    Ok(String::from_utf8(octets).map_err(anyhow::Error::from)?)
}

/// Each column's intervals.
fn runs(text: &str, columns: usize) -> Result<Vec<Vec<Run>>, anyhow::Error> {
    let mut all: Vec<Vec<Run>> = vec![Vec::new(); columns];
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    for row in reader.records() {
        let row = row?;
        let line = row.position().map_or(0, csv::Position::line);
        let number = |place: usize| row.get(place).and_then(|text| text.parse::<i64>().ok());
        let (Some(start), Some(secs @ (60 | 300))) = (number(0), number(1)) else {
            return Err(anyhow!("line {line}: no time, or no length of 60 or 300 s"));
        };
        for (column, runs) in all.iter_mut().enumerate() {
            let octets = match row.get(column + 2) {
                Some("") => None,
                Some(text) => Some(text.parse::<f64>().ok().filter(|octets| octets.is_finite())),
                None => Some(None),
            };
            let octets = match octets {
                Some(None) => {
                    return Err(anyhow!("line {line}: column {} is no number", column + 3));
                }
                octets => octets.flatten(),
            };
            match runs.last_mut() {
                Some(run)
                    if run.secs == secs && start == run.start + run.octets.len() as i64 * secs =>
                {
                    run.octets.push(octets);
                }
                _ => runs.push(Run { start, secs, octets: vec![octets] }),
            }
        }
    }
    Ok(all)
}

const PLACE: [&str; 6] = ["link", "direction", "category", "name", "before", "during"];

fn rows_csv(rows: &[ComparisonRow]) -> Result<String, BundleError> {
    let weeks = rows.first().map_or(0, |row| row.past.len());
    let mut header: Vec<String> = PLACE.map(str::to_owned).to_vec();
    for week in 1..=weeks {
        header.push(format!("before_{week}"));
        header.push(format!("during_{week}"));
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&header).map_err(anyhow::Error::from)?;
    for ComparisonRow { place, now, past } in rows {
        let names = [&place.link, &place.direction, &place.category, &place.name];
        let mut row: Vec<String> = names.map(|name| name.to_string()).to_vec();
        for windows in std::iter::once(now).chain(past) {
            row.push(windows.before.to_string());
            row.push(windows.during.to_string());
        }
        writer.write_record(&row).map_err(anyhow::Error::from)?;
    }
    text(writer)
}

fn rows(text: &str) -> Result<Vec<ComparisonRow>, anyhow::Error> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let row = |row: Result<csv::StringRecord, csv::Error>| {
        let row = row?;
        let line = row.position().map_or(0, csv::Position::line);
        let name = |place: usize| row.get(place).unwrap_or_default().into();
        let numbers: Option<Vec<f64>> = row.iter().skip(4).map(|text| text.parse().ok()).collect();
        let numbers = numbers.with_context(|| format!("line {line}: a column is no number"))?;
        let mut windows = numbers.chunks(2).map(|pair| Windows {
            before: pair.first().copied().unwrap_or(0.0),
            during: pair.get(1).copied().unwrap_or(0.0),
        });
        Ok(ComparisonRow {
            place: Place { link: name(0), direction: name(1), category: name(2), name: name(3) },
            now: windows.next().with_context(|| format!("line {line}: columns are missing"))?,
            past: windows.collect(),
        })
    };
    reader.records().map(row).collect()
}

/// `SHA256SUMS` of all other files, by name.
pub(crate) fn sums(directory: &Path) -> Result<String, BundleError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    let mut text = String::new();
    for name in names.iter().filter(|name| *name != SUMS) {
        let octets = fs::read(directory.join(name))?;
        let hash = ring::digest::digest(&ring::digest::SHA256, &octets);
        for octet in hash.as_ref() {
            let _ = write!(text, "{octet:02x}"); // Writing to a string cannot fail.
        }
        let _ = writeln!(text, "  {name}");
    }
    Ok(text)
}
