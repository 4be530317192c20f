//! How a database of any earlier version becomes one of this version.
//!
//! Every step can be repeated and changes nothing the second time: two programs that start at the same
//! time on one database do no harm to each other, and a step that was cut off is done again. What was
//! ever released is never edited; a change is a new step.
//!
//! Versions 1 to 3 were the tables of the first release, with intervals of 10 s alone: `volumes_10s`,
//! `observations_10s`, `round_trips_10s`. Version 4 is the tiers, versions 5 and 7 to 9 add tables beside them,
//! version 6 coarser families to them.

use clickhouse::{Client, Row};
use serde::Deserialize;

use crate::Error;
use crate::schema::{self, Family, Renderer, Single};
use crate::settings::Settings;
use crate::tier::Tier;

/// The version of this program's schema.
pub(crate) const VERSION: u32 = LEDGER.0;

/// The tables in their tiers.
const TIERS: (u32, &str) = (4, "0004_tiers");

/// Steps that add tables beside those, in order: version, name, tables.
const ADDED: [(u32, &str, &[Single]); 4] = [
    (5, "0005_events", &Single::EVENTS),
    (VIEWS.0, VIEWS.1, &[Single::SavedViews]),
    (FLOW_RECORDS.0, FLOW_RECORDS.1, &[Single::FlowRecords]),
    (LEDGER.0, LEDGER.1, &Single::LEDGER),
];

/// Names for URLs of the pages.
const VIEWS: (u32, &str) = (7, "0007_views");

/// Records of single flows.
const FLOW_RECORDS: (u32, &str) = (8, "0008_flow_records");

/// What was written, by day.
const LEDGER: (u32, &str) = (9, "0009_ledger");

/// Families with fewer dimensions, added up from what there is.
const COARSE: (u32, &str) = (6, "0006_coarse");

/// Inserts and merges are on disk before they are acknowledged, and before their sources are deleted.
const FORCING: &str = "fsync_after_insert = 1, fsync_part_directory = 1, \
                       min_rows_to_fsync_after_merge = 1, min_compressed_bytes_to_fsync_after_merge = 1";

/// Intervals of a tier that are added up in one insert: as many as a few hundred thousand rows at most.
const INTERVALS: u32 = 300;

/// What the first release applied: version and checksum of its files.
const FIRST_RELEASE: [(u32, &str); 3] =
    [(1, "305ebfe91991f6e8"), (2, "a02ad021536f2756"), (3, "b8e895bdfa7259c9")];

/// The first release's tables, and how their rows look in the new ones: one block an hour, the same
/// however often it is asked for, so that a repeated insert is known by its token.
const FIRST_TABLES: [(Family, &str); 3] = [
    (
        Family::Volumes,
        "SELECT time, link, direction, category, protocol, service, probe, sum(s.octets) AS octets, \
         sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written FROM {old} AS s \
         WHERE {hour} GROUP BY time, link, direction, category, protocol, service, probe ORDER BY ALL",
    ),
    (
        Family::RoundTrips,
        "SELECT time, link, category, bin_us, probe, sum(s.samples) AS samples, \
         max(s.written) AS written FROM {old} AS s \
         WHERE {hour} GROUP BY time, link, category, bin_us, probe ORDER BY ALL",
    ),
    (
        Family::Observations,
        "SELECT time, link, probe, sum(s.batches) AS batches, sum(s.packets) AS packets, \
         sum(s.octets) AS octets, sum(s.active_flows) AS active_flows, \
         sum(s.dropped_kernel) AS dropped_kernel, sum(s.late) AS late, \
         sum(s.table_full) AS table_full, max(s.written) AS written FROM {old} AS s \
         WHERE {hour} GROUP BY time, link, probe ORDER BY ALL",
    ),
];

#[derive(Row, Deserialize)]
struct Applied {
    version: u32,
    checksum: String,
}

/// Brings the client's database to this program's version. Returns the tables and views that should have been
/// there, were not, and are made anew: without them no row could be inserted.
///
/// # Errors
/// [`Error::SchemaNewer`], [`Error::SchemaDiffers`], or what the database says.
pub(crate) async fn migrate(client: &Client, settings: &Settings) -> Result<Vec<String>, Error> {
    Migration { client, settings, renderer: Renderer::new(settings) }.run().await
}

struct Migration<'a> {
    client: &'a Client,
    settings: &'a Settings,
    renderer: Renderer<'a>,
}

impl Migration<'_> {
    async fn run(&self) -> Result<Vec<String>, Error> {
        let mut missed = Vec::new();
        self.execute("create the table schema_migrations", &self.renderer.migrations()).await?;
        let applied = self.applied().await?;
        let has = |version: u32| applied.iter().any(|applied| applied.version == version);
        if has(TIERS.0) {
            self.drop_first_tables().await?; // If that was cut off.
            if !has(COARSE.0) {
                self.add_up_coarse().await?;
                self.record(COARSE.0, COARSE.1, &schema::checksum_of_coarse()).await?;
            } else {
                missed.extend(self.complete(self.renderer.tiers()).await?);
            }
        } else {
            self.make_tiers(!applied.is_empty()).await?;
        }
        for (version, name, tables) in ADDED {
            if !has(version) {
                for statement in self.renderer.singles(tables) {
                    self.execute("bring the schema up to date", &statement).await?;
                }
                if version == LEDGER.0 {
                    self.begin_ledger().await?;
                }
                self.record(version, name, &schema::checksum_of(tables)).await?;
            }
        }
        if has(TIERS.0) {
            missed.extend(self.complete(self.renderer.singles(&Single::ALL)).await?);
            // The ledger is told of what an earlier retention has dropped.
            self.apply_retention().await?;
        }
        self.apply_forcing().await?;
        Ok(missed)
    }

    /// Tables that no spool feeds force their rows to disk by themselves. Only in the embedded engine: what a
    /// server does is its operator's choice.
    async fn apply_forcing(&self) -> Result<(), Error> {
        if self.settings.engine.is_none() {
            return Ok(());
        }
        let forced: Vec<String> = self
            .client
            .query(
                "SELECT name FROM system.tables WHERE database = currentDatabase() \
                 AND engine_full LIKE '%fsync_after_insert = 1%'",
            )
            .fetch_all()
            .await
            .map_err(failed("read which tables are forced to disk"))?;
        for single in Single::FORCED.map(Single::name) {
            if forced.iter().any(|name| name == single) {
                continue;
            }
            let statement = format!("ALTER TABLE {single} MODIFY SETTING {FORCING}");
            self.execute("force small tables to disk", &statement).await?;
        }
        Ok(())
    }

    /// Makes what these statements make and is not there.
    async fn complete(&self, statements: Vec<String>) -> Result<Vec<String>, Error> {
        let found: Vec<String> = self
            .client
            .query("SELECT name FROM system.tables WHERE database = currentDatabase()")
            .fetch_all()
            .await
            .map_err(failed("list its tables"))?;
        let mut missed = Vec::new();
        for statement in statements {
            let name = schema::made_by(&statement);
            if found.iter().any(|found| found == name) {
                continue;
            }
            missed.push(name.to_owned());
            self.execute("make a missing table", &statement).await?;
        }
        Ok(missed)
    }

    /// Writes down what the tables hold, so that what is lost of it later is missed. Of volumes from the smallest
    /// family that has their sums.
    async fn begin_ledger(&self) -> Result<(), Error> {
        let begun: u64 = self
            .client
            .query("SELECT count() FROM ledger")
            .fetch_one()
            .await
            .map_err(failed("read the ledger"))?;
        if begun > 0 {
            return Ok(());
        }
        for family in [Family::Volumes, Family::Networks, Family::RoundTrips, Family::Observations]
        {
            let (source, octets, packets) = match family {
                Family::Volumes => (Family::Loads, "octets", "packets"),
                Family::Networks => (Family::Asns, "octets", "packets"),
                Family::RoundTrips => (Family::RoundTrips, "0", "samples"),
                _ => (family, "octets", "packets"),
            };
            for tier in family.tiers() {
                let (name, seconds) = (family.name(), tier.secs());
                let sql = format!(
                    "INSERT INTO ledger (day, family, seconds, alone, written, octets, packets) \
                     SELECT toDate(s.time) AS day, '{name}', {seconds}, 1, min(toDate(s.written)), \
                     sum(toUInt64({octets})), sum(toUInt64({packets})) FROM {} AS s GROUP BY day \
                     ORDER BY day",
                    source.table(*tier)
                );
                self.insert_once(&sql, &format!("ledger-{name}-{tier}")).await?;
            }
        }
        Ok(())
    }

    /// All tiers and families, from nothing or from the first release.
    async fn make_tiers(&self, older: bool) -> Result<(), Error> {
        if older {
            self.set_first_tables_aside().await?;
        }
        for statement in self.renderer.tiers() {
            self.execute("bring the schema up to date", &statement).await?;
        }
        if let Err(error) = self.take_over_first_tables().await {
            // Another program that does the same may have been faster, and have dropped them.
            if !self.applied().await?.iter().any(|applied| applied.version == TIERS.0) {
                return Err(error);
            }
        }
        // The views have filled the coarser families: whoever finds the tiers recorded must not do it again.
        self.record(COARSE.0, COARSE.1, &schema::checksum_of_coarse()).await?;
        self.record(TIERS.0, TIERS.1, &schema::checksum_of_tiers()).await?;
        self.drop_first_tables().await
    }

    /// Fills the coarser families from the rows that there are, and makes their views: in this order, so
    /// that what is inserted meanwhile is missing from them rather than counted twice. The tokens make a
    /// step that was cut off harmless to repeat.
    async fn add_up_coarse(&self) -> Result<(), Error> {
        for (family, source) in Family::COARSE {
            for tier in family.tiers() {
                let mut statements = Vec::new();
                self.renderer.family(family, *tier, &mut statements);
                let (views, tables): (Vec<_>, Vec<_>) = statements
                    .into_iter()
                    .partition(|statement| statement.starts_with("CREATE MATERIALIZED VIEW"));
                for statement in tables {
                    self.execute("bring the schema up to date", &statement).await?;
                }
                self.add_up(family, source, *tier).await?;
                for statement in views {
                    self.execute("bring the schema up to date", &statement).await?;
                }
            }
        }
        Ok(())
    }

    async fn add_up(&self, family: Family, source: Family, tier: Tier) -> Result<(), Error> {
        let (table, source) = (family.table(tier), source.table(tier));
        let keys = match family {
            Family::Asns => "time, direction, category, asn",
            _ => "time, link, direction",
        };
        let wide = INTERVALS * tier.secs();
        let chunks: Vec<u32> = self
            .client
            .query(&format!(
                "SELECT DISTINCT toUInt32(intDiv(toUnixTimestamp(time), {wide})) AS chunk FROM {source} \
                 ORDER BY chunk"
            ))
            .fetch_all()
            .await
            .map_err(failed("read what is to be added up"))?;
        if !chunks.is_empty() {
            tracing::info!(table, chunks = chunks.len(), "rows are added up");
        }
        for chunk in chunks {
            let from = u64::from(chunk) * u64::from(wide);
            let to = from + u64::from(wide);
            let sql = format!(
                "INSERT INTO {table} ({keys}, octets, packets, flows, written) SELECT {keys}, \
                 sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, \
                 max(s.written) AS written FROM {source} AS s \
                 WHERE time >= toDateTime({from}, 'UTC') AND time < toDateTime({to}, 'UTC') \
                 GROUP BY {keys} ORDER BY ALL"
            );
            self.insert_once(&sql, &format!("coarse-{table}-{chunk}")).await?;
        }
        Ok(())
    }

    /// What was applied, if it is what this program knows.
    async fn applied(&self) -> Result<Vec<Applied>, Error> {
        let applied: Vec<Applied> = self
            .client
            .query("SELECT version, checksum FROM schema_migrations FINAL ORDER BY version")
            .fetch_all()
            .await
            .map_err(failed("read the schema's version"))?;
        let database = || self.settings.database.clone();
        if let Some(newer) = applied.iter().rev().find(|applied| applied.version > VERSION) {
            let (found, known) = (newer.version, VERSION);
            return Err(Error::SchemaNewer { database: database(), found, known });
        }
        for Applied { version, checksum } in &applied {
            let first = FIRST_RELEASE.iter().find(|(known, _)| known == version);
            let added = ADDED.iter().find(|(known, ..)| known == version);
            let known = match (first, added) {
                (Some((_, known)), _) => (*known).to_owned(),
                (_, Some((.., tables))) => schema::checksum_of(tables),
                _ if *version == COARSE.0 => schema::checksum_of_coarse(),
                _ => schema::checksum_of_tiers(),
            };
            if *checksum != known {
                let name = format!("{version:04}");
                return Err(Error::SchemaDiffers { database: database(), name });
            }
        }
        Ok(applied)
    }

    /// Renames the first release's tables, whose names the new ones take.
    async fn set_first_tables_aside(&self) -> Result<(), Error> {
        for (family, _) in FIRST_TABLES {
            let (name, aside) = (family.table(Tier::TenSeconds), aside(family));
            if self.exists(&aside).await? || !self.exists(&name).await? {
                continue;
            }
            let renamed = self
                .execute("set the old tables aside", &format!("RENAME TABLE {name} TO {aside}"))
                .await;
            // Another program may have been faster.
            if renamed.is_err() && !self.exists(&aside).await? {
                return renamed;
            }
        }
        Ok(())
    }

    /// Inserts the first release's rows hour by hour; the views fill all tiers from them.
    async fn take_over_first_tables(&self) -> Result<(), Error> {
        for (family, select) in FIRST_TABLES {
            let old = aside(family);
            if !self.exists(&old).await? {
                continue;
            }
            let hours: Vec<u32> = self
                .client
                .query(&format!(
                    "SELECT DISTINCT toUnixTimestamp(toStartOfHour(time)) AS hour FROM {old} \
                     ORDER BY hour"
                ))
                .fetch_all()
                .await
                .map_err(failed("read the old tables"))?;
            tracing::info!(table = old, hours = hours.len(), "rows are taken over into the tiers");
            for hour in hours {
                let range = format!(
                    "time >= toDateTime({hour}, 'UTC') AND time < toDateTime({}, 'UTC')",
                    u64::from(hour) + 3600
                );
                let select = select.replace("{old}", &old).replace("{hour}", &range);
                let (table, columns) = (family.table(Tier::TenSeconds), columns(family));
                let sql = format!("INSERT INTO {table} ({columns}) {select}");
                self.insert_once(&sql, &format!("first-{table}-{hour}")).await?;
            }
        }
        Ok(())
    }

    /// Inserts what a query finds; with the same token a second time, nothing.
    async fn insert_once(&self, sql: &str, token: &str) -> Result<(), Error> {
        let mut insert =
            self.client.query_raw(sql).with_setting("insert_deduplication_token", token);
        for (name, value) in crate::store::INSERT_SETTINGS.into_iter().chain([
            // One block, in the order asked for.
            ("max_insert_threads", "1"),
            ("min_insert_block_size_rows", "1000000000"),
            ("min_insert_block_size_bytes", "0"),
            ("max_execution_time", "600"),
        ]) {
            insert = insert.with_setting(name, value);
        }
        insert.execute().await.map_err(failed("take over the old rows"))
    }

    async fn drop_first_tables(&self) -> Result<(), Error> {
        for (family, _) in FIRST_TABLES {
            let drop = format!("DROP TABLE IF EXISTS {} SYNC", aside(family));
            self.execute("drop the old tables", &drop).await?;
        }
        Ok(())
    }

    async fn record(&self, version: u32, name: &str, checksum: &str) -> Result<(), Error> {
        self.client
            .query("INSERT INTO schema_migrations (version, name, checksum) VALUES (?, ?, ?)")
            .bind(version)
            .bind(name)
            .bind(checksum)
            .execute()
            .await
            .map_err(failed("record the schema's version"))?;
        tracing::info!(name, database = self.settings.database, "schema migration applied");
        Ok(())
    }

    /// Changes the expiry of the tables whose expiry is not as configured.
    async fn apply_retention(&self) -> Result<(), Error> {
        #[derive(Row, Deserialize)]
        struct Table {
            name: String,
            engine_full: String,
        }
        let tables: Vec<Table> = self
            .client
            .query(
                "SELECT name, engine_full FROM system.tables \
                 WHERE database = currentDatabase() AND engine LIKE '%MergeTree'",
            )
            .fetch_all()
            .await
            .map_err(failed("read how long tables are kept"))?;
        let of_family = |family: Family| {
            let wanted =
                move |tier: &Tier| (self.renderer.local(family, *tier), self.renderer.ttl(*tier));
            family.tiers().iter().map(wanted)
        };
        let records = (self.renderer.local_flow_records(), self.renderer.ttl_of_flow_records());
        for (name, wanted) in Family::ALL.into_iter().flat_map(of_family).chain([records]) {
            let Some(table) = tables.iter().find(|table| table.name == name) else { continue };
            let change = match wanted {
                Some(ttl) if table.engine_full.contains(&format!("TTL {ttl} ")) => continue,
                None if !table.engine_full.contains(" TTL ") => continue,
                Some(ttl) => format!("MODIFY TTL {ttl}"),
                None => "REMOVE TTL".to_owned(),
            };
            let on_cluster = self.renderer.on_cluster();
            let statement = format!("ALTER TABLE {name}{on_cluster} {change}");
            self.forget_expired(&name, &table.engine_full).await?;
            self.execute("change how long rows are kept", &statement).await?;
            tracing::info!(table = name, change, "retention changed");
        }
        Ok(())
    }

    /// Tells the ledger what has expired already: a longer retention does not bring it back.
    async fn forget_expired(&self, name: &str, engine: &str) -> Result<(), Error> {
        let hours = engine
            .split_once("toIntervalHour(")
            .and_then(|(_, rest)| rest.split_once(')')?.0.parse::<u32>().ok());
        let Some(hours) = hours else { return Ok(()) };
        self.client
            .query(
                "INSERT INTO ledger_forgotten (of, first, last, written, reason) \
                 SELECT ?, toDate(0), toDate(65535), toDate(now('UTC') - toIntervalHour(?)), 'retention'",
            )
            .bind(name.trim_end_matches("_local"))
            .bind(hours)
            .execute()
            .await
            .map_err(failed("note what has expired"))
    }

    async fn exists(&self, table: &str) -> Result<bool, Error> {
        let count: u64 = self
            .client
            .query(
                "SELECT count() FROM system.tables \
                 WHERE database = currentDatabase() AND name = {name:String}",
            )
            .param("name", table)
            .fetch_one()
            .await
            .map_err(failed("list its tables"))?;
        Ok(count > 0)
    }

    async fn execute(&self, what: &'static str, statement: &str) -> Result<(), Error> {
        self.client.query_raw(statement).execute().await.map_err(failed(what))
    }
}

fn failed(what: &'static str) -> impl Fn(clickhouse::error::Error) -> Error {
    move |source| Error::Query { what, source }
}

/// Under which name a table of the first release waits until its rows are taken over.
fn aside(family: Family) -> String {
    format!("{}_v1", family.table(Tier::TenSeconds))
}

/// The columns of a table of the first release.
const fn columns(family: Family) -> &'static str {
    match family {
        Family::RoundTrips => "time, link, category, bin_us, probe, samples, written",
        Family::Observations => {
            "time, link, probe, batches, packets, octets, active_flows, dropped_kernel, late, \
             table_full, written"
        }
        _ => {
            "time, link, direction, category, protocol, service, probe, octets, packets, flows, \
             written"
        }
    }
}
