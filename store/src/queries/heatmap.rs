//! Hours of the week, as people live them.

use clickhouse::Row;
use serde::Deserialize;

use super::{BUCKET, Dimension, Filter, Span, Statement, TimeRange};
use crate::schema::Family;
use crate::{Error, Store, Tier};

/// Hours of a week.
pub const HOURS_OF_WEEK: usize = 7 * 24;
/// Longest range, in days.
const MAX_DAYS: i64 = 400;
/// Longest name of a time zone.
const MAX_ZONE: usize = 64;

/// How much flows at which hour of which day of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeatmapQuery {
    /// Widened to whole hours; at most 400 days.
    pub range: TimeRange,
    /// By whose clock: a name of the IANA's database, such as `Europe/Paris`.
    pub zone: String,
    /// What to count.
    pub filter: Filter,
}

/// The hours of a week, Monday's first.
#[derive(Clone, Debug, PartialEq)]
pub struct Heatmap {
    /// What was looked at.
    pub range: TimeRange,
    /// Towards our network.
    pub inwards: Vec<HourOfWeek>,
    /// Out of our network.
    pub outwards: Vec<HourOfWeek>,
}

/// An hour of the week, over all weeks of the range. `None` where it was never watched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HourOfWeek {
    /// Mean rate in bit/s.
    pub mean_bps: Option<f64>,
    /// The highest mean of an hour, in bit/s.
    pub max_bps: Option<f64>,
}

#[derive(Row, Deserialize)]
struct OffsetRow {
    seconds: i32,
}

#[derive(Row, Deserialize)]
struct CellRow {
    way: String,
    cell: u16,
    octets: u64,
    highest: u64,
}

#[derive(Row, Deserialize)]
struct WatchedRow {
    cell: u16,
    bins: u64,
}

impl Store {
    /// How much flows at which hour of which day of the week, by the clock of a time zone.
    ///
    /// # Errors
    /// [`Error::BadQuery`] for a zone that the database does not know, for more than 400 days, or where
    /// hours are not kept any more; [`Error::TooSlow`], [`Error::Unreachable`], [`Error::Denied`] or
    /// [`Error::Query`].
    pub async fn heatmap(&self, query: &HeatmapQuery) -> Result<Heatmap, Error> {
        if (query.range.to - query.range.from).whole_days() > MAX_DAYS {
            return Err(Error::BadQuery(format!("at most {MAX_DAYS} days: use a shorter range")));
        }
        // Zones whose clocks are not whole hours ahead are read by quarters of an hour.
        let step = match self.zone_offset(query).await? % 3_600 {
            0 => 3_600,
            _ => 900,
        };
        let group_by = [Dimension::Direction];
        let plan = self
            .plan_steps(None, (&group_by, &query.filter), (query.range, step), Span::new)
            .await?;
        if plan.tier == Tier::Day {
            return Err(Error::BadQuery(
                "hours are not kept that far back: use a later range".to_owned(),
            ));
        }
        let step = plan.span.step;
        let cell = "toUInt16((toDayOfWeek(toDateTime(bucket, {zone:String})) - 1) * 24 \
                    + toHour(toDateTime(bucket, {zone:String})))";
        let sql = format!(
            "SELECT toString(direction) AS way, {cell} AS cell, sum(o) AS octets, max(o) AS highest \
             FROM (SELECT {BUCKET} AS bucket, direction, sum(octets) AS o FROM {} WHERE {}{} \
             GROUP BY bucket, direction) GROUP BY way, cell",
            plan.table(),
            plan.time(),
            query.filter.condition()?,
        );
        let statement = query.filter.bind(Statement::new(sql))?;
        let cells: Vec<CellRow> = self
            .ask(
                "sum up the hours of the week",
                statement.with("step", step).with("zone", query.zone.clone()),
            )
            .await?;
        let filter = query.filter.only(&[Dimension::Link, Dimension::Probe]);
        let sql = format!(
            "SELECT {cell} AS cell, count() AS bins FROM (SELECT DISTINCT {BUCKET} AS bucket FROM {} \
             WHERE {}{}) GROUP BY cell",
            Family::Observations.table(plan.tier),
            plan.time(),
            filter.condition()?,
        );
        let statement = filter.bind(Statement::new(sql))?;
        let watched: Vec<WatchedRow> = self
            .ask(
                "count the hours that were watched",
                statement.with("step", step).with("zone", query.zone.clone()),
            )
            .await?;
        Ok(Heatmap {
            range: plan.span.range(),
            inwards: cells_of("in", &cells, &watched, step),
            outwards: cells_of("out", &cells, &watched, step),
        })
    }

    /// How far ahead of UTC the zone's clock is; an error where there is no such zone.
    async fn zone_offset(&self, query: &HeatmapQuery) -> Result<i32, Error> {
        let zone = &query.zone;
        let unknown = || {
            Error::BadQuery(format!(
                "{zone:?} is not a time zone: write UTC or such as Europe/Paris"
            ))
        };
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-/".contains(&byte);
        if zone.is_empty() || zone.len() > MAX_ZONE || !zone.bytes().all(fits) {
            return Err(unknown());
        }
        let at = u32::try_from(query.range.from.unix_timestamp()).unwrap_or_default();
        let statement = Statement::new(
            "SELECT toInt32(timeZoneOffset(toDateTime({at:UInt32}, {zone:String}))) AS seconds",
        );
        let statement = statement.with("at", at).with("zone", zone.clone());
        match self.ask::<OffsetRow>("look up the time zone", statement).await {
            Ok(rows) => Ok(rows.first().map_or(0, |row| row.seconds)),
            // The form was checked: all that is left to refuse is the name.
            Err(Error::Query { .. }) => Err(unknown()),
            Err(error) => Err(error),
        }
    }
}

fn cells_of(way: &str, cells: &[CellRow], watched: &[WatchedRow], step: u32) -> Vec<HourOfWeek> {
    let mut hours = vec![HourOfWeek::default(); HOURS_OF_WEEK];
    for WatchedRow { cell, .. } in watched {
        if let Some(hour) = hours.get_mut(usize::from(*cell)) {
            *hour = HourOfWeek { mean_bps: Some(0.0), max_bps: Some(0.0) };
        }
    }
    for row in cells.iter().filter(|row| row.way == way) {
        let bins = watched.iter().find(|watched| watched.cell == row.cell);
        let bins = bins.map_or(1, |watched| watched.bins.max(1));
        if let Some(hour) = hours.get_mut(usize::from(row.cell)) {
            let rate =
                |octets: u64, bins: u64| octets as f64 * 8.0 / (bins as f64 * f64::from(step));
            let (mean, max) = (rate(row.octets, bins), rate(row.highest, 1));
            *hour = HourOfWeek { mean_bps: Some(mean), max_bps: Some(max) };
        }
    }
    hours
}
