//! Answers in the formats that ClickHouse writes itself, passed on as they come.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use clickhouse::query::BytesCursor;
use etiage_aggregator::OTHER_NETWORKS;
use tokio::sync::OwnedSemaphorePermit;

use super::plan::{Plan, between};
use super::{
    BUCKET, Dimension, Filter, Grouping, OTHER, RoundTripQuery, Span, Statement, TimeRange,
};
use crate::{Error, Store};

/// Most points of time in one statement of an export that is made of several: memory for it, here and
/// in the database, stays small however long the range is.
const SLICE_BUCKETS: u32 = 500;
/// Most points of time of an export: a year of minutes.
const MAX_EXPORT_BUCKETS: u32 = 366 * 1440;
/// How long the database may work on one statement of an export.
const EXPORT_SECS: &str = "300";
/// Most rows of one statement.
const MAX_ROWS: &str = "200000000";

/// Exports that run at the same time: the embedded engine has four threads, of which charts need some.
pub(crate) const MAX_EXPORTS: usize = 2;

/// A format of exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// One JSON object a line.
    JsonLines,
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow, its file format (Feather version 2).
    Arrow,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Csv, Self::JsonLines, Self::Parquet, Self::Arrow];

    /// The word used everywhere.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// The media type (IANA's registry).
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::JsonLines => "application/jsonl",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Arrow => "application/vnd.apache.arrow.file",
        }
    }

    /// ClickHouse's name of it, for the first statement and for those whose rows follow.
    const fn of_database(self, first: bool) -> &'static str {
        match (self, first) {
            (Self::Csv, true) => "CSVWithNames",
            (Self::Csv, false) => "CSV",
            (Self::JsonLines, _) => "JSONEachRow",
            (Self::Parquet, _) => "Parquet",
            (Self::Arrow, _) => "Arrow",
        }
    }

    /// Whether rows may come from several statements, one after the other.
    const fn can_follow(self) -> bool {
        matches!(self, Self::Csv | Self::JsonLines)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A word that names no format.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a format: use csv, jsonl, parquet or arrow")]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let found = Self::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// What to export: volumes, one row a point of time and group (or only a group), all groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportQuery {
    /// Widened to whole steps.
    pub range: TimeRange,
    /// Length of a bucket; without one the whole range is one, and rows have no time.
    pub step_secs: Option<u32>,
    /// A column each, after the time.
    pub group_by: Vec<Dimension>,
    /// What to count.
    pub filter: Filter,
    /// In which format.
    pub format: Format,
}

/// The bytes of an export, as the database writes them. Dropped, it ends the statement that runs: the
/// connection is closed, and the database cancels a query that nobody reads; the further ones never begin.
pub struct Export {
    store: Store,
    query: ExportQuery,
    statements: VecDeque<String>,
    running: Option<BytesCursor>,
    /// Its place among those that run.
    _place: OwnedSemaphorePermit,
    first: bool,
}

impl Store {
    /// Begins an export. Errors of the first statement are told here, before any byte is.
    ///
    /// # Errors
    /// [`Error::TooManyExports`], [`Error::BadQuery`], [`Error::TooSlow`], [`Error::Unreachable`],
    /// [`Error::Denied`] or [`Error::Query`].
    pub async fn export(&self, query: &ExportQuery) -> Result<Export, Error> {
        let busy = |_| Error::TooManyExports { limit: MAX_EXPORTS };
        let place = self.exports.clone().try_acquire_owned().map_err(busy)?;
        let statements = match query.step_secs {
            Some(step) => self.series_statements(query, step).await?,
            None => self.sum_statement(query).await?,
        };
        let mut export = Export {
            store: self.clone(),
            query: query.clone(),
            statements: statements.into(),
            running: None,
            _place: place,
            first: true,
        };
        export.begin()?;
        Ok(export)
    }

    /// Begins an export of round-trip times: one row a point of time that has samples.
    ///
    /// # Errors
    /// As [`Store::export`] and [`Store::round_trips`].
    pub async fn export_round_trips(
        &self,
        query: &RoundTripQuery,
        format: Format,
    ) -> Result<Export, Error> {
        let statement = self.round_trips_statement(query).await?;
        let RoundTripQuery { range, filter, .. } = query.clone();
        let query = ExportQuery { range, step_secs: None, group_by: Vec::new(), filter, format };
        self.export_statement(query, statement)
    }

    /// Begins an export of what one statement finds.
    pub(super) fn export_statement(
        &self,
        query: ExportQuery,
        statement: String,
    ) -> Result<Export, Error> {
        let busy = |_| Error::TooManyExports { limit: MAX_EXPORTS };
        let place = self.exports.clone().try_acquire_owned().map_err(busy)?;
        let mut export = Export {
            store: self.clone(),
            query,
            statements: [statement].into(),
            running: None,
            _place: place,
            first: true,
        };
        export.begin()?;
        Ok(export)
    }

    /// How many exports run now.
    pub fn exports_running(&self) -> usize {
        MAX_EXPORTS - self.exports.available_permits()
    }

    async fn series_statements(
        &self,
        query: &ExportQuery,
        step: u32,
    ) -> Result<Vec<String>, Error> {
        let span = Span::new(query.range, step)?;
        let many = (span.to - span.from) / step;
        if many > MAX_EXPORT_BUCKETS {
            return Err(Error::BadQuery(format!(
                "{many} points of time are more than {MAX_EXPORT_BUCKETS}: use a longer step or export \
                 a shorter range at a time"
            )));
        }
        // The tier is chosen over a part that is no longer than a chart's range, the oldest: what is kept there
        // is kept everywhere after.
        let head = TimeRange { from: query.range.from, to: slice_end(query.range, step) };
        let plan = self
            .plan_steps(None, (&query.group_by, &query.filter), (head, step), Span::of_series)
            .await?;
        let span = Span::new(query.range, plan.span.step)?;
        if !query.format.can_follow() {
            return series_statement(query, &plan, span).map(|sql| vec![sql]);
        }
        let width = plan.span.step.saturating_mul(SLICE_BUCKETS);
        let starts = (span.from..span.to).step_by(width as usize);
        starts
            .map(|from| {
                let to = from.saturating_add(width).min(span.to);
                series_statement(query, &plan, Span { from, to, ..span })
            })
            .collect()
    }

    async fn sum_statement(&self, query: &ExportQuery) -> Result<Vec<String>, Error> {
        let plan = self.plan_sum(&query.group_by, &query.filter, query.range).await?;
        let Grouping { columns, keys, .. } = Grouping::new(&query.group_by)?;
        let sql = format!(
            "SELECT {} octets, packets, flows FROM (SELECT {columns} sum(r.octets) AS octets, \
             sum(r.packets) AS packets, sum(r.flows) AS flows FROM {rows} AS r GROUP BY {keys}) \
             ORDER BY octets DESC",
            named(&query.group_by),
            rows = plan.rows(&format!("{columns}octets, packets, flows"), &query.filter)?,
        );
        Ok(vec![sql])
    }
}

/// The end of a range's first [`SLICE_BUCKETS`] steps.
fn slice_end(range: TimeRange, step: u32) -> time::OffsetDateTime {
    let width = time::Duration::seconds(i64::from(step) * i64::from(SLICE_BUCKETS));
    range.from.saturating_add(width).min(range.to)
}

fn series_statement(query: &ExportQuery, plan: &Plan, span: Span) -> Result<String, Error> {
    let Grouping { keys, .. } = Grouping::new(&query.group_by)?;
    Ok(format!(
        "SELECT toDateTime(bucket, 'UTC') AS time, {} octets, packets, flows FROM \
         (SELECT {bucket} AS bucket, {columns} sum(v.octets) AS octets, sum(v.packets) AS packets, \
         sum(v.flows) AS flows FROM {table} AS v WHERE {time}{condition} GROUP BY bucket, {keys}) \
         ORDER BY bucket, octets DESC",
        named(&query.group_by),
        bucket = BUCKET.replace("{step:UInt32}", &span.step.to_string()),
        columns = Grouping::new(&query.group_by)?.columns,
        table = plan.table(),
        time = between(span.from, span.to),
        condition = query.filter.condition()?,
    ))
}

/// The dimensions as an export's columns, with a comma after each.
fn named(group_by: &[Dimension]) -> String {
    let column = |dimension: &Dimension| match dimension {
        Dimension::Asn => {
            format!("if(asn = {OTHER_NETWORKS}, '{OTHER}', toString(asn)) AS asn, ")
        }
        other => format!("toString({0}) AS {0}, ", other.name()),
    };
    group_by.iter().map(column).collect()
}

impl Export {
    /// The next bytes, in no particular pieces; `None` at the end.
    ///
    /// # Errors
    /// What the database says: the export is then incomplete.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        loop {
            if self.running.is_none() && !self.begin()? {
                return Ok(None);
            }
            let Some(cursor) = &mut self.running else { return Ok(None) };
            match cursor.next().await {
                Ok(Some(bytes)) => return Ok(Some(bytes.to_vec())),
                Ok(None) => self.running = None,
                Err(source) => {
                    self.running = None;
                    self.statements.clear();
                    return Err(self.store.error("export", source));
                }
            }
        }
    }

    /// Begins the next statement; `false` where there is none.
    fn begin(&mut self) -> Result<bool, Error> {
        let Some(sql) = self.statements.pop_front() else { return Ok(false) };
        let format = self.query.format.of_database(self.first);
        self.first = false;
        let query = self
            .query
            .filter
            .bind(Statement::new(sql))?
            .query(&self.store.client)
            .with_setting("max_execution_time", EXPORT_SECS)
            .with_setting("max_result_rows", MAX_ROWS)
            .with_setting("result_overflow_mode", "throw")
            // RFC 3339, and names as text wherever they are looked at.
            .with_setting("date_time_output_format", "iso")
            .with_setting("output_format_arrow_string_as_string", "1")
            .with_setting("output_format_json_quote_64bit_integers", "0")
            // A client that goes away ends the query.
            .with_setting("cancel_http_readonly_queries_on_client_close", "1");
        let cursor =
            query.fetch_bytes(format).map_err(|source| self.store.error("export", source))?;
        self.running = Some(cursor);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_one_word() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert!("xml".parse::<Format>().is_err());
    }
}
