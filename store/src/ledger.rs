//! What was written, by day, and whether the tables hold it.
//!
//! Each group's sums go into the table `ledger` once the group itself is in, with the group's token: repeated, they
//! count once as the group does. So the tables hold at least what the ledger says, in every tier and family, until
//! it expires or is dropped for `max_size`; what is less was lost.

use std::collections::BTreeMap;
use std::time::Duration;

use clickhouse::Row as ClickHouseRow;
use etiage_aggregator::Batch;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::damage::{Finding, day_text};
use crate::schema::{Family, Single};
use crate::tier::Keep;
use crate::{Error, Store, Tier};

/// How long one table's sums may take: all of a year's 10-second rows are never asked for, but 1.4 billion of
/// 5 minutes may be.
const SUM_SECS: u64 = 600;
/// Days of a table that are told one by one.
const MAX_DAYS: usize = 5;

/// A row of the table `ledger`.
#[derive(Clone, Debug, PartialEq, Eq, ClickHouseRow, Serialize)]
pub(crate) struct Row {
    /// Days since the Unix epoch.
    day: u16,
    family: &'static str,
    seconds: u32,
    octets: u64,
    packets: u64,
}

/// The sums of a group.
pub(crate) fn rows(batches: &[Batch]) -> Vec<Row> {
    let mut sums: BTreeMap<(u16, Family, Tier), (u64, u64)> = BTreeMap::new();
    for batch in batches {
        let tier = Tier::of_batch(batch.seconds);
        let day = (tier.floor(batch.start) / 86_400) as u16; // 2149 is far.
        let mut add = |family: Family, octets: u64, packets: u64| {
            let sum = sums.entry((day, family, tier)).or_default();
            *sum = (sum.0 + octets, sum.1 + packets);
        };
        for row in &batch.volumes {
            add(Family::Volumes, row.octets, row.packets);
        }
        for row in &batch.networks {
            add(Family::Networks, row.octets, row.packets);
        }
        for row in &batch.round_trips {
            add(Family::RoundTrips, 0, row.bins.iter().map(|(_, samples)| samples).sum());
        }
        for row in &batch.observations {
            add(Family::Observations, row.octets, row.packets);
        }
    }
    let row = |((day, family, tier), (octets, packets)): ((u16, Family, Tier), (u64, u64))| Row {
        day,
        family: family.name(),
        seconds: tier.secs(),
        octets,
        packets,
    };
    sums.into_iter().map(row).collect()
}

/// A piece of the ledger.
#[derive(Clone, Debug, ClickHouseRow, Deserialize)]
struct Piece {
    day: u16,
    family: String,
    seconds: u32,
    alone: u8,
    /// The day on which the first of it was written.
    written: u16,
    octets: u64,
    packets: u64,
}

/// What need not be there.
#[derive(Clone, Debug, ClickHouseRow, Deserialize)]
struct Forgotten {
    of: String,
    first: u16,
    last: u16,
    written: u16,
}

/// A table's sums of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ClickHouseRow, Deserialize)]
pub(crate) struct DaySum {
    pub(crate) day: u16,
    pub(crate) octets: u64,
    pub(crate) packets: u64,
}

/// What the tables lack.
#[derive(Clone, Debug, Default)]
pub(crate) struct Compared {
    pub(crate) findings: Vec<Finding>,
    /// By table: days and octets.
    missing: Vec<(String, u16, u64)>,
}

impl Compared {
    pub(crate) fn days(&self) -> u64 {
        self.missing.len() as u64
    }

    pub(crate) fn octets(&self) -> u64 {
        self.missing.iter().map(|(.., octets)| octets).sum()
    }
}

struct Recorded {
    pieces: Vec<Piece>,
    forgotten: Vec<Forgotten>,
    now: u64,
}

impl Recorded {
    /// What a table must hold of each day.
    fn expected(&self, family: Family, tier: Tier, keep: Keep) -> BTreeMap<u16, (u64, u64)> {
        let base = base(family).name();
        let table = family.table(tier);
        // Day by day: the sum, and when the first of it was written.
        let mut days: BTreeMap<u16, (u64, u64, u16)> = BTreeMap::new();
        for piece in self.pieces.iter().filter(|piece| piece.family == base) {
            let counts = match piece.alone {
                0 => piece.seconds <= tier.secs(),
                _ => piece.seconds == tier.secs(),
            };
            if counts {
                let day = days.entry(piece.day).or_insert((0, 0, u16::MAX));
                day.0 += piece.octets;
                day.1 += piece.packets;
                day.2 = day.2.min(piece.written);
            }
        }
        // Rows of one interval are added up, and the first one's age is kept: once the oldest of a day may have
        // expired, nothing is expected of the day.
        let kept = |written: u16| match keep {
            Keep::Forever => true,
            Keep::For(time) => u64::from(written) * 86_400 + time.as_secs() > self.now,
        };
        let forgotten = |day: u16, written: u16| {
            self.forgotten.iter().any(|gone| {
                gone.of == table
                    && (gone.first..=gone.last).contains(&day)
                    && written <= gone.written
            })
        };
        days.into_iter()
            .filter(|(day, (.., written))| kept(*written) && !forgotten(*day, *written))
            .map(|(day, (octets, packets, _))| (day, (octets, packets)))
            .collect()
    }
}

/// The family that is inserted into, from which this one is added up.
fn base(family: Family) -> Family {
    match family {
        Family::Volumes | Family::Links | Family::Loads | Family::Classes => Family::Volumes,
        Family::Networks | Family::Asns => Family::Networks,
        Family::Observations => Family::Observations,
        Family::RoundTrips => Family::RoundTrips,
    }
}

impl Store {
    /// Compares what every table holds with what was written, day by day.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`], of the ledger alone: a table that cannot be
    /// read is a finding.
    pub(crate) async fn compare_with_ledger(&self) -> Result<Compared, Error> {
        let books = self.books().await?;
        let mut compared = Compared::default();
        for family in Family::ALL {
            for tier in family.tiers() {
                let keep = self.settings.retention.of(*tier);
                let expected = books.expected(family, *tier, keep);
                if !expected.is_empty() {
                    self.compare_table(family, *tier, &expected, &mut compared).await;
                }
            }
        }
        Ok(compared)
    }

    /// The ledger, read before the tables: what is inserted meanwhile is in these.
    async fn books(&self) -> Result<Recorded, Error> {
        let query = self.client.query(
            "SELECT toUInt16(day) AS day, toString(family) AS family, seconds, alone, \
             toUInt16(min(l.written)) AS written, sum(l.octets) AS octets, sum(l.packets) AS packets \
             FROM ledger AS l GROUP BY day, family, seconds, alone ORDER BY ALL",
        );
        let pieces = self.fetch("read the ledger", query).await?;
        let query = self.client.query(
            "SELECT toString(of) AS of, toUInt16(first) AS first, toUInt16(last) AS last, \
             toUInt16(written) AS written FROM ledger_forgotten",
        );
        let forgotten = self.fetch("read the ledger", query).await?;
        let now = OffsetDateTime::now_utc().unix_timestamp();
        Ok(Recorded { pieces, forgotten, now: u64::try_from(now).unwrap_or(0) })
    }

    async fn compare_table(
        &self,
        family: Family,
        tier: Tier,
        expected: &BTreeMap<u16, (u64, u64)>,
        compared: &mut Compared,
    ) {
        let table = family.table(tier);
        let found = match self.sums_by_day(family, tier).await {
            Ok(found) => found,
            Err(error) => {
                compared.findings.push(Finding::unreadable(&table, &error));
                return;
            }
        };
        let found: BTreeMap<u16, DaySum> = found.into_iter().map(|sum| (sum.day, sum)).collect();
        let mut told = Vec::new();
        for (day, (octets, packets)) in expected {
            let sum = found.get(day);
            let (has, has_packets) = sum.map_or((0, 0), |sum| (sum.octets, sum.packets));
            if has >= *octets && has_packets >= *packets {
                continue;
            }
            let (lost, unit) = match octets.saturating_sub(has) {
                0 => (packets - has_packets, measure(family)),
                lost => (lost, "octets"),
            };
            told.push(format!(
                "{}: {lost} of {} {unit}",
                day_text(*day),
                match unit {
                    "octets" => octets,
                    _ => packets,
                }
            ));
            compared.missing.push((table.clone(), *day, octets.saturating_sub(has)));
        }
        if !told.is_empty() {
            let more = told.len().saturating_sub(MAX_DAYS);
            told.truncate(MAX_DAYS);
            compared.findings.push(Finding::missing_rows(&table, &told, more));
        }
    }

    /// A table's sums by day.
    pub(crate) async fn sums_by_day(
        &self,
        family: Family,
        tier: Tier,
    ) -> Result<Vec<DaySum>, Error> {
        let (octets, packets) = match family {
            Family::RoundTrips => ("0", "s.samples"),
            _ => ("s.octets", "s.packets"),
        };
        let sql = format!(
            "SELECT toUInt16(toDate(s.time)) AS day, sum(toUInt64({octets})) AS octets, \
             sum({packets}) AS packets FROM {} AS s GROUP BY day ORDER BY day",
            family.table(tier)
        );
        // One thread: the dashboards' questions are asked beside it.
        let query = self
            .client
            .query(&sql)
            .with_setting("max_threads", "1")
            .with_setting("max_execution_time", SUM_SECS.to_string());
        tokio::time::timeout(Duration::from_secs(SUM_SECS), query.fetch_all())
            .await
            .unwrap_or(Err(clickhouse::error::Error::TimedOut))
            .map_err(|source| self.error("add up a table's days", source))
    }

    /// Notes that days of a table need not be there any more.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub(crate) async fn forget_days(
        &self,
        table: &str,
        (first, last): (u16, u16),
        reason: &str,
    ) -> Result<(), Error> {
        let sql = format!(
            "INSERT INTO {} (of, first, last, written, reason) \
             SELECT ?, toDate(?), toDate(?), toDate(now('UTC')), ?",
            Single::LedgerForgotten.name()
        );
        let query = self.client.query(&sql).bind(table).bind(first).bind(last).bind(reason);
        query.execute().await.map_err(|source| self.error("note what is gone", source))
    }

    /// Gives up what is missing: it is no longer expected, and no longer told. Returns how many days of tables.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn give_up_missing(&self) -> Result<u64, Error> {
        let compared = self.compare_with_ledger().await?;
        for (table, day, _) in &compared.missing {
            self.forget_days(table, (*day, *day), "given up").await?;
        }
        Ok(compared.days())
    }
}

fn measure(family: Family) -> &'static str {
    match family {
        Family::RoundTrips => "samples",
        _ => "packets",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn piece(day: u16, seconds: u32, alone: u8, written: u16, octets: u64) -> Piece {
        let family = "volumes".to_owned();
        Piece { day, family, seconds, alone, written, octets, packets: 1 }
    }

    fn octets(books: &Recorded, family: Family, tier: Tier, keep: Keep) -> Vec<(u16, u64)> {
        let expected = books.expected(family, tier, keep);
        expected.into_iter().map(|(day, (octets, _))| (day, octets)).collect()
    }

    #[test]
    fn coarser_tables_hold_what_finer_ones_took() {
        let pieces = vec![
            piece(100, 10, 0, 100, 5),
            piece(100, 60, 0, 101, 7),
            piece(100, 3_600, 1, 100, 1_000),
        ];
        let books = Recorded { pieces, forgotten: Vec::new(), now: 101 * DAY };
        let of = |family, tier| octets(&books, family, tier, Keep::Forever);
        assert_eq!(of(Family::Volumes, Tier::TenSeconds), [(100, 5)]);
        assert_eq!(of(Family::Loads, Tier::Minute), [(100, 12)]);
        assert_eq!(of(Family::Classes, Tier::FiveMinutes), [(100, 12)]);
        assert_eq!(of(Family::Links, Tier::Hour), [(100, 1_012)], "what was found there too");
        assert_eq!(of(Family::Volumes, Tier::Day), [(100, 12)]);
        assert_eq!(of(Family::Networks, Tier::Day), []);
    }

    #[test]
    fn what_has_expired_is_not_missed() {
        // A recording of old, played on day 500; and played again on day 502.
        let pieces = vec![piece(100, 10, 0, 500, 5), piece(100, 10, 0, 502, 5)];
        let mut books = Recorded { pieces, forgotten: Vec::new(), now: 502 * DAY };
        let of = |books: &Recorded| octets(books, Family::Volumes, Tier::TenSeconds, Keep::days(3));
        assert_eq!(of(&books), [(100, 10)]);
        books.now = 503 * DAY;
        assert_eq!(
            of(&books),
            [],
            "the first of it may have gone, and with it what was added to it"
        );
    }

    #[test]
    fn what_was_dropped_is_not_missed_but_what_came_later_is() {
        let gone =
            |of: &str, first, last| Forgotten { of: of.to_owned(), first, last, written: 200 };
        let pieces = vec![piece(100, 10, 0, 200, 5), piece(101, 10, 0, 201, 6)];
        let forgotten = vec![gone("volumes_10s", 90, 110)];
        let books = Recorded { pieces, forgotten, now: 201 * DAY };
        let of = |tier| octets(&books, Family::Volumes, tier, Keep::Forever);
        assert_eq!(of(Tier::TenSeconds), [(101, 6)]);
        assert_eq!(of(Tier::Minute), [(100, 5), (101, 6)], "another table");
    }
}
