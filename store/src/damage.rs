//! What is wrong with what is stored: parts that the engine set aside or cannot read, tables that are missing, rows
//! that the ledger knows and the tables do not hold.
//!
//! ClickHouse loads a part only if its small files and its marks are what its checksums say, and the sizes of the
//! others; what is not goes to `detached/`, without a word to whoever asks: its rows are missing from answers. Data
//! itself is compared with checksums when it is read: such a question fails. A part whose folder is gone, a table
//! whose file is gone, leave no trace at all but in the ledger.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clickhouse::Row;
use clickhouse::error::Error as Source;
use serde::Deserialize;
use tokio::time::Instant;

use crate::schema;
use crate::{Error, Store};

/// How often it is looked for parts that were set aside and for missing tables.
const PERIOD: Duration = Duration::from_secs(300);
/// How often tables are compared with the ledger: each time they are read as a whole.
const COMPARE: Duration = Duration::from_secs(86_400);
/// Most parts and read errors that are told one by one.
const MAX_TOLD: usize = 20;
/// How long one table's parts may take to be read as a whole.
const CHECK_SECS: u64 = 3_600;
/// ClickHouse's codes for what cannot be read as it was written: sizes, checksums, codecs, missing files.
const DAMAGE: [u32; 10] = [40, 33, 226, 227, 228, 246, 271, 432, 107, 1001];

/// What kind of damage it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A part that the engine did not take when it started.
    SetAside,
    /// A part whose octets are not what was written.
    Damaged,
    /// A table that was not there.
    MissingTable,
    /// Rows that were written and are not there.
    MissingRows,
    /// A file that was unreadable or missing, and was put back.
    PutBack,
}

impl Kind {
    /// As programs call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SetAside => "part-set-aside",
            Self::Damaged => "part-damaged",
            Self::MissingTable => "table-missing",
            Self::MissingRows => "rows-missing",
            Self::PutBack => "file-put-back",
        }
    }

    /// What to do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::SetAside => {
                "restore the last backup into another directory; or give the part up with \
                 `etiage doctor --give-up`: the coarser tables keep the sums"
            }
            Self::Damaged => {
                "look at the disk (dmesg, smartctl); `etiage doctor --deep` names all such parts, and \
                 with --give-up sets them aside, so that the rest of the table answers again"
            }
            Self::MissingTable => {
                "its history is gone from here: restore the last backup into another directory"
            }
            Self::MissingRows => {
                "restore the last backup into another directory; or give the rows up with \
                 `etiage doctor --give-up`"
            }
            Self::PutBack => "nothing is lost; look at the disk (dmesg, smartctl)",
        }
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// What kind.
    pub kind: Kind,
    /// The table, part or file.
    pub place: String,
    /// What is wrong with it.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.detail)
    }
}

impl Finding {
    /// A table of the schema that was not there.
    pub(crate) fn table_made_anew(table: &str) -> Self {
        let detail = "the table was missing, and is made anew, empty".to_owned();
        Self { kind: Kind::MissingTable, place: table.to_owned(), detail }
    }

    pub(crate) fn missing_rows(table: &str, days: &[String], more: usize) -> Self {
        let more = if more > 0 { format!(", and {more} more days") } else { String::new() };
        let detail = format!("rows that were written are missing, of {}{more}", days.join(", "));
        Self { kind: Kind::MissingRows, place: table.to_owned(), detail }
    }

    /// A table that cannot be read.
    pub(crate) fn unreadable(table: &str, error: &Error) -> Self {
        if let Error::Query { source: Source::BadResponse(text), .. } = error
            && let Some(finding) = Self::of_text(text)
        {
            return finding;
        }
        let detail = format!("it cannot be compared with the ledger: {error}");
        Self { kind: Kind::Damaged, place: table.to_owned(), detail }
    }

    /// What the engine says of a part that it cannot read.
    fn of_text(text: &str) -> Option<Self> {
        let code = text.strip_prefix("Code: ")?.split('.').next()?.parse().ok()?;
        if !DAMAGE.contains(&code) || !(text.contains("part ") || text.contains("/store/")) {
            return None;
        }
        let word_after = |marker: &str| {
            let (_, rest) = text.split_once(marker)?;
            rest.split([' ', ':', '/']).next()
        };
        let table = word_after(" in table ").and_then(|name| name.split('.').nth(1));
        let part = word_after("While reading part ").or_else(|| part_of_path(text));
        let place = match (table, part) {
            (Some(table), Some(part)) => format!("{table}, part {part}"),
            (Some(table), None) => table.to_owned(),
            (None, Some(part)) => format!("part {part}"),
            (None, None) => "a part".to_owned(),
        };
        Some(Self { kind: Kind::Damaged, place, detail: brief(text) })
    }
}

/// The part in a path `…/store/abc/TABLE'S ID/PART/…`.
fn part_of_path(text: &str) -> Option<&str> {
    let (_, path) = text.split_once("/store/")?;
    path.split('/').nth(2).filter(|part| part.contains('_'))
}

/// The beginning of what the engine says.
fn brief(text: &str) -> String {
    let text = text.split_once("DB::Exception: ").map_or(text, |(_, text)| text);
    let text = text.split_once(". ").map_or(text, |(first, _)| first);
    text.chars().take(200).collect()
}

/// Days since the Unix epoch, as a date.
pub(crate) fn day_text(day: u16) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(i64::from(day) * 86_400);
    at.map_or_else(|_| day.to_string(), |at| at.date().to_string())
}

/// How a look that somebody asked for stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looking {
    /// Whether it goes on.
    pub now: bool,
    /// What it has given up.
    pub given_up: Vec<String>,
    /// Why it could not be finished.
    pub error: Option<String>,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Damage(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Found when the store was opened, and by questions that failed: stays until the next start.
    kept: Vec<Finding>,
    /// Of the last look at parts and tables.
    parts: Vec<Finding>,
    /// Of the last comparison with the ledger.
    rows: Vec<Finding>,
    counts: Counts,
    looking: Looking,
    /// What the log has been told.
    logged: HashSet<Finding>,
}

/// How much damage there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Parts that the engine set aside or could not read.
    pub parts: u64,
    /// Tables that were missing when the store was opened.
    pub tables: u64,
    /// Days of tables of which rows are missing.
    pub days: u64,
    /// Octets counted in the missing rows, over all tables.
    pub octets: u64,
    /// Questions that failed because something could not be read, since the start.
    pub failed_reads: u64,
    /// Whether tables were compared with the ledger since the start.
    pub compared: bool,
}

impl Damage {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers it until the next start.
    pub(crate) fn keep(&self, finding: Finding) {
        let mut state = self.lock();
        let same = |known: &Finding| known.kind == finding.kind && known.place == finding.place;
        if state.kept.len() < MAX_TOLD && !state.kept.iter().any(same) {
            state.kept.push(finding);
        }
        state.log();
    }

    /// Looks whether a question failed because something cannot be read.
    pub(crate) fn see(&self, error: &Source) {
        let Source::BadResponse(text) = error else { return };
        let Some(finding) = Finding::of_text(text) else { return };
        self.lock().counts.failed_reads += 1;
        self.keep(finding);
    }
}

impl State {
    fn findings(&self) -> Vec<Finding> {
        let all = self.kept.iter().chain(&self.parts).chain(&self.rows);
        let mut places = BTreeSet::new();
        // A part that a question met and the deep check finds is one.
        let first = all.filter(|finding| places.insert((finding.kind, finding.place.clone())));
        first.cloned().collect()
    }

    /// Logs what is new; what stays is logged once.
    fn log(&mut self) {
        let findings = self.findings();
        let new: Vec<_> =
            findings.iter().filter(|finding| !self.logged.contains(finding)).collect();
        for finding in new.iter().take(MAX_TOLD) {
            tracing::error!("what is stored is damaged: {finding}; {}", finding.kind.advice());
        }
        if new.len() > MAX_TOLD {
            let more = new.len() - MAX_TOLD;
            tracing::error!("what is stored is damaged in {more} more places: run `etiage doctor`");
        }
        self.logged = findings.into_iter().collect();
    }
}

/// A part in `detached/`.
#[derive(Clone, Debug, Row, Deserialize)]
struct Detached {
    table: String,
    name: String,
    reason: String,
}

/// A part that `CHECK TABLE` has read.
#[derive(Clone, Debug, Row, Deserialize)]
struct Checked {
    part_path: String,
    is_passed: u8,
    message: String,
}

impl Store {
    /// What is known to be wrong.
    pub fn damage(&self) -> Vec<Finding> {
        self.damage.lock().findings()
    }

    /// The same in numbers.
    pub fn damage_counts(&self) -> Counts {
        let state = self.damage.lock();
        let count = |kinds: &[Kind]| {
            let findings = state.findings();
            findings.iter().filter(|finding| kinds.contains(&finding.kind)).count() as u64
        };
        Counts {
            parts: count(&[Kind::SetAside, Kind::Damaged]),
            tables: count(&[Kind::MissingTable]),
            ..state.counts
        }
    }

    /// Remembers what was found before the database was opened.
    pub fn note_damage(&self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.damage.keep(finding));
    }

    /// Looks for parts that were set aside and for missing tables: milliseconds.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn look_at_parts(&self) -> Result<(), Error> {
        let mut findings = self.missing_tables().await?;
        findings.extend(self.set_aside().await?);
        let mut state = self.damage.lock();
        state.parts = findings;
        state.log();
        Ok(())
    }

    /// Compares all tables with the ledger: reads two columns of each.
    ///
    /// # Errors
    /// As [`Store::look_at_parts`].
    pub async fn look_at_rows(&self) -> Result<(), Error> {
        let compared = self.compare_with_ledger().await?;
        let mut state = self.damage.lock();
        state.counts.days = compared.days();
        state.counts.octets = compared.octets();
        state.counts.compared = true;
        state.rows = compared.findings;
        state.log();
        Ok(())
    }

    /// Reads everything, and compares it with the checksums of when it was written.
    ///
    /// # Errors
    /// As [`Store::look_at_parts`].
    pub async fn look_at_everything(&self) -> Result<(), Error> {
        for (table, part, detail) in self.damaged_parts().await? {
            let place = format!("{table}, part {part}");
            self.damage.keep(Finding { kind: Kind::Damaged, place, detail });
        }
        Ok(())
    }

    /// Tables, parts, and what is wrong with them.
    pub(crate) async fn damaged_parts(&self) -> Result<Vec<(String, String, String)>, Error> {
        let mut damaged = Vec::new();
        for table in self.own_tables().await? {
            let query = self
                .client
                .query(&format!("CHECK TABLE {table}"))
                .with_setting("check_query_single_value_result", "0")
                .with_setting("max_threads", "1")
                .with_setting("max_execution_time", CHECK_SECS.to_string());
            let checked: Vec<Checked> = query
                .fetch_all()
                .await
                .map_err(|source| self.error("compare a table with its checksums", source))?;
            for part in checked.into_iter().filter(|part| part.is_passed == 0) {
                damaged.push((table.clone(), part.part_path, brief(&part.message)));
            }
        }
        Ok(damaged)
    }

    /// Gives up what is damaged: parts that cannot be read are set aside, parts that are set aside are deleted, rows
    /// that are missing are not expected any more. Returns what was done.
    ///
    /// # Errors
    /// As [`Store::look_at_parts`].
    pub async fn give_up(&self, deep: bool) -> Result<Vec<String>, Error> {
        let mut done = Vec::new();
        let execute = async |sql: String| {
            let query = self.client.query_raw(&sql).with_setting("allow_drop_detached", "1");
            query.execute().await.map_err(|source| self.error("give up a part", source))
        };
        for part in self.detached().await? {
            let Detached { table, name, reason } = part;
            execute(format!("ALTER TABLE {table} DROP DETACHED PART '{name}'")).await?;
            done.push(format!("{table}: part {name} ({reason}) is deleted"));
        }
        if deep {
            for (table, part, _) in self.damaged_parts().await? {
                execute(format!("ALTER TABLE {table} DETACH PART '{part}'")).await?;
                done.push(format!("{table}: part {part} is set aside in its folder `detached`"));
            }
        }
        let days = self.give_up_missing().await?;
        if days > 0 {
            done.push(format!("{days} days of tables, whose rows are missing, are given up"));
        }
        self.damage.lock().kept.clear();
        Ok(done)
    }

    /// How the last look that somebody asked for stands.
    pub fn looking(&self) -> Looking {
        self.damage.lock().looking.clone()
    }

    /// Begins to look for damage, unless a look goes on: [`Store::looking`] says how it stands.
    pub fn begin_to_look(&self, deep: bool, give_up: bool) {
        {
            let mut state = self.damage.lock();
            if state.looking.now {
                return;
            }
            state.looking = Looking { now: true, ..Looking::default() };
        }
        let store = self.clone();
        tokio::spawn(async move {
            let looked = store.look(deep, give_up).await;
            let mut state = store.damage.lock();
            state.looking.now = false;
            match looked {
                Ok(given_up) => state.looking.given_up = given_up,
                Err(error) => state.looking.error = Some(error.to_string()),
            }
        });
    }

    async fn look(&self, deep: bool, give_up: bool) -> Result<Vec<String>, Error> {
        let done = if give_up { self.give_up(deep).await? } else { Vec::new() };
        self.look_at_parts().await?;
        self.look_at_rows().await?;
        if deep {
            self.look_at_everything().await?;
        }
        Ok(done)
    }

    /// Looks for damage at the start and now and again, for ever.
    pub async fn keep_looking_for_damage(self) {
        let mut compared: Option<Instant> = None;
        loop {
            let mut looked = self.look_at_parts().await;
            if looked.is_ok() && compared.is_none_or(|at| at.elapsed() >= COMPARE) {
                looked = self.look_at_rows().await;
                compared = Some(Instant::now());
            }
            if let Err(error) = looked {
                // That the store does not answer is told elsewhere.
                tracing::debug!("damage is not looked for: {error}");
                compared = None;
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// The tables of this schema that hold rows.
    async fn own_tables(&self) -> Result<Vec<String>, Error> {
        let query = self.client.query(
            "SELECT name FROM system.tables \
             WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name",
        );
        self.fetch("list its tables", query).await
    }

    async fn missing_tables(&self) -> Result<Vec<Finding>, Error> {
        let query =
            self.client.query("SELECT name FROM system.tables WHERE database = currentDatabase()");
        let found: Vec<String> = self.fetch("list its tables", query).await?;
        let missing =
            schema::names(&self.settings).into_iter().filter(|name| !found.contains(name));
        let finding = |place| {
            let detail = "the table is missing: rows wait in the spool; it is made anew at the next \
                          start";
            Finding { kind: Kind::MissingTable, place, detail: detail.to_owned() }
        };
        Ok(missing.map(finding).collect())
    }

    async fn set_aside(&self) -> Result<Vec<Finding>, Error> {
        let finding = |Detached { table, name, reason }| Finding {
            kind: Kind::SetAside,
            place: format!("{table}, part {name}"),
            detail: format!(
                "the engine did not take it ({reason}): its rows are missing from answers"
            ),
        };
        Ok(self.detached().await?.into_iter().map(finding).collect())
    }

    /// Parts that the engine detached by itself: those that somebody detached have no reason.
    async fn detached(&self) -> Result<Vec<Detached>, Error> {
        let query = self.client.query(
            "SELECT table, name, toString(assumeNotNull(reason)) AS reason FROM system.detached_parts \
             WHERE database = currentDatabase() AND reason IS NOT NULL AND reason != '' \
             ORDER BY table, name",
        );
        self.fetch("list parts that were set aside", query).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_words_tell_the_part() {
        let text = "Code: 432. DB::Exception: Unknown codec family code: 0: While reading or \
             decompressing /d/store/320/32028af6-e52d-4989-b375-a2ccda145f5a/20261122_2_2_1/data.bin \
             (position: 131): (while reading column link): (while reading from part \
             /d/store/320/32028af6/20261122_2_2_1/ in table etiage.volumes_10s (32028af6) located on \
             disk default of type local): While reading part 20261122_2_2_1: While executing \
             MergeTreeSelect. (UNKNOWN_CODEC)";
        let finding = Finding::of_text(text).unwrap();
        assert_eq!(finding.place, "volumes_10s, part 20261122_2_2_1");
        assert!(finding.detail.starts_with("Unknown codec family code: 0"), "{finding}");
        let text = "Code: 1001. DB::Exception: std::__1::filesystem::filesystem_error: filesystem error: \
             in file_size: No such file or directory [\"/d/store/4dc/4dc0fe0b-11d0/202611_1_1_1/\
             data.cmrk4\"]. (STD_EXCEPTION)";
        assert_eq!(Finding::of_text(text).unwrap().place, "part 202611_1_1_1");
        for harmless in [
            "Code: 60. DB::Exception: Unknown table /store/x. (UNKNOWN_TABLE)",
            "Code: 33. DB::Exception: Cannot read all data. Bytes read: 3. (CANNOT_READ_ALL_DATA)",
            "nonsense",
        ] {
            assert_eq!(Finding::of_text(harmless), None, "{harmless}");
        }
    }

    #[test]
    fn what_stays_is_told_once() {
        let damage = Damage::default();
        for _ in 0..3 {
            damage.keep(Finding::table_made_anew("volumes_1m"));
        }
        for number in 0..2 * MAX_TOLD {
            damage.keep(Finding::table_made_anew(&format!("table_{number}")));
        }
        assert_eq!(damage.lock().findings().len(), MAX_TOLD);
    }
}
