//! The database, opened and checked.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clickhouse::{Client, Row, RowOwned, RowRead, query::Query};
use etiage_aggregator::Batch;
use serde::{Deserialize, Serialize};
use tokio::sync::{RwLock, Semaphore};

use crate::backup::SharedProgress;
use crate::damage::{Damage, Finding};
use crate::error::OLDEST_SUPPORTED;
use crate::queries::{Lookups, MAX_EXPORTS, Trace};
use crate::schema::{Family, Renderer, Single};
use crate::upkeep::DroppedSoFar;
use crate::{Error, Settings, Tier, ledger, migrate, rows, transport};

/// How long opening waits for an answer: a server that is there answers at once.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the database may work on one query; then it gives up by itself. Less than the API lets its
/// clients wait, so that nothing works on for nobody.
const QUERY_SECS: u64 = 25;
/// How long a query is waited for; longer than the database's own limit, so that its error is seen.
const QUERY_TIMEOUT: Duration = Duration::from_secs(28);
/// How long a piece of an insert may take to be sent, and the whole to be acknowledged. Past that the
/// insert is repeated, which is harmless.
pub(crate) const INSERT_TIMEOUTS: (Duration, Duration) =
    (Duration::from_secs(30), Duration::from_secs(60));

/// ClickHouse with this program's schema in it. Clones share one pool of connections.
#[derive(Clone)]
pub struct Store {
    pub(crate) client: Client,
    /// For what is written.
    pub(crate) writing: Client,
    pub(crate) settings: Settings,
    version: String,
    /// Places for exports that run at the same time.
    pub(crate) exports: Arc<Semaphore>,
    pub(crate) dropped: Arc<DroppedSoFar>,
    pub(crate) lookups: Arc<Lookups>,
    /// What is wrong with what is stored.
    pub(crate) damage: Arc<Damage>,
    /// Held by inserts together, and alone by a backup while it takes its picture: tables and ledger agree in it.
    pub(crate) inserts: Arc<RwLock<()>>,
    /// How the last backup stands.
    pub(crate) backups: Arc<SharedProgress>,
    /// Where backups are taken, if anywhere.
    pub(crate) backup_folder: Option<PathBuf>,
    /// Where what is asked is noted, if anybody wants to see it.
    pub(crate) trace: Option<Trace>,
    /// A server's settings that let it lose acknowledged rows, in words.
    weak: Arc<[String]>,
}

/// What the database takes on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct Size {
    /// Bytes on disk, compressed.
    pub bytes: u64,
    /// Rows in all tables, before pending merges add rows of the same key up.
    pub rows: u64,
}

impl Store {
    /// Connects, checks the server's version, makes the database if need be and brings its schema
    /// up to date. To be called before capture starts.
    ///
    /// # Errors
    /// [`Error::Settings`], [`Error::Unreachable`], [`Error::Denied`], [`Error::TooOld`],
    /// [`Error::SchemaNewer`], [`Error::SchemaDiffers`], or what the database says.
    pub async fn open(settings: &Settings) -> Result<Self, Error> {
        settings.check()?;
        let client = settings.client();
        // The database may not exist yet.
        let server = client.clone().with_database("default");
        let mut store = Self::on(client, settings, &settings.database);
        store.version = store.ask_version(&server).await?;
        store.create_database(&server).await?;
        for table in migrate::migrate(&store.writing, settings).await? {
            store.damage.keep(Finding::table_made_anew(&table));
        }
        store.weak = match store.weak_settings().await {
            Ok(weak) => weak.into(),
            Err(error) => [format!("its settings cannot be read: {error}")].into(),
        };
        for weak in store.weak.iter() {
            tracing::warn!("ClickHouse may lose rows when its machine's power is cut: {weak}");
        }
        Ok(store)
    }

    /// On a database that is taken as it is.
    pub(crate) fn on(client: Client, settings: &Settings, database: &str) -> Self {
        Self {
            writing: transport::writing(&client, settings),
            client,
            settings: Settings { database: database.to_owned(), ..settings.clone() },
            version: String::new(),
            exports: Arc::new(Semaphore::new(MAX_EXPORTS)),
            lookups: Arc::default(),
            dropped: Arc::default(),
            damage: Arc::default(),
            inserts: Arc::default(),
            backups: Arc::default(),
            backup_folder: None,
            trace: None,
            weak: Arc::default(),
        }
    }

    /// In plain text: a server that is too old lacks the format that typed queries need.
    async fn ask_version(&self, server: &Client) -> Result<String, Error> {
        let answer = async {
            let mut cursor = server.query("SELECT version()").fetch_bytes("TabSeparated")?;
            cursor.collect().await
        };
        let answer = tokio::time::timeout(OPEN_TIMEOUT, answer)
            .await
            .unwrap_or(Err(clickhouse::error::Error::TimedOut))
            .map_err(|source| self.error("tell its version", source))?;
        let found = String::from_utf8_lossy(&answer).trim().to_owned();
        if parse_version(&found).is_some_and(|version| version >= OLDEST_SUPPORTED) {
            return Ok(found);
        }
        let needed = format!("{}.{}", OLDEST_SUPPORTED.0, OLDEST_SUPPORTED.1);
        Err(Error::TooOld { url: self.settings.url.clone(), found, needed })
    }

    async fn create_database(&self, server: &Client) -> Result<(), Error> {
        let database = &self.settings.database;
        let exists: u64 = server
            .query("SELECT count() FROM system.databases WHERE name = {name:String}")
            .param("name", database)
            .fetch_one()
            .await
            .map_err(|source| self.error("list its databases", source))?;
        if exists > 0 {
            return Ok(()); // The user may lack the right to create one.
        }
        server
            .query_raw(&Renderer::new(&self.settings).database())
            .execute()
            .await
            .map_err(|source| self.error("create the database", source))
    }

    /// Which of a server's settings let it lose acknowledged rows when its power is cut, in words, as they were
    /// when the store was opened.
    pub fn weak(&self) -> &[String] {
        &self.weak
    }

    /// The server's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Inserts batches, each into the tier of its length, one block a tier and table; the coarser tiers and
    /// the smaller families follow through materialized views. A length that no tier has goes into
    /// the next coarser one. Repeated with the same token and the same batches it changes nothing in any
    /// tier, also when the first attempt had come half way: each table's block has a token of its own.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`]; then some tables may have their
    /// block and others not.
    pub async fn insert(&self, batches: &[Batch], token: &str) -> Result<(), Error> {
        self.insert_in_epoch(batches, token, 0).await
    }

    /// The same of whoever keeps its rows until they are durable: refused if the embedded engine was taken
    /// back to a mark that they do not know of. 0 is known always.
    pub(crate) async fn insert_in_epoch(
        &self,
        batches: &[Batch],
        token: &str,
        epoch: u64,
    ) -> Result<(), Error> {
        let _together = self.inserts.read().await;
        for tier in Tier::ALL {
            let own: Vec<&Batch> =
                batches.iter().filter(|batch| Tier::of_batch(batch.seconds) == tier).collect();
            if !own.is_empty() {
                self.insert_tier(tier, &own, token, epoch).await?;
            }
        }
        // Last: what the ledger has is in the tables.
        self.insert_ledger(batches, token, epoch).await
    }

    async fn insert_ledger(&self, batches: &[Batch], token: &str, epoch: u64) -> Result<(), Error> {
        let rows = ledger::rows(batches);
        if rows.is_empty() {
            return Ok(());
        }
        let inserted = async {
            let mut insert = self
                .writing
                .insert::<ledger::Row>(Single::Ledger.name())
                .await?
                .with_timeouts(Some(INSERT_TIMEOUTS.0), Some(INSERT_TIMEOUTS.1))
                .with_setting("insert_deduplication_token", format!("{token}-ledger"));
            if epoch != 0 {
                insert = insert.with_setting(crate::durable::EPOCH, epoch.to_string());
            }
            for (name, value) in INSERT_SETTINGS {
                insert = insert.with_setting(name, value);
            }
            for row in &rows {
                insert.write(row).await?;
            }
            insert.end().await
        };
        inserted.await.map_err(|source| self.error("insert into the ledger", source))
    }

    async fn insert_tier(
        &self,
        tier: Tier,
        batches: &[&Batch],
        token: &str,
        epoch: u64,
    ) -> Result<(), Error> {
        // A macro, for each table's row type borrows from the batches.
        macro_rules! insert {
            ($family:expr, $what:literal, $row:ty, $rows:path) => {
                async {
                    if batches.iter().all(|batch| $rows(batch).next().is_none()) {
                        return Ok(());
                    }
                    let table = $family.table($family.at_least(tier));
                    // Two tiers may share a table: the token tells what is inserted, not where.
                    let own = format!("{token}-{}_{tier}", $family.name());
                    let mut insert = self
                        .writing
                        .insert::<$row>(&table)
                        .await?
                        .with_timeouts(Some(INSERT_TIMEOUTS.0), Some(INSERT_TIMEOUTS.1))
                        .with_setting("insert_deduplication_token", own);
                    if epoch != 0 {
                        insert = insert.with_setting(crate::durable::EPOCH, epoch.to_string());
                    }
                    for (name, value) in INSERT_SETTINGS {
                        insert = insert.with_setting(name, value);
                    }
                    for batch in batches {
                        for row in $rows(batch) {
                            insert.write(&row).await?;
                        }
                    }
                    insert.end().await
                }
                .await
                .map_err(|source| self.error(concat!("insert ", $what), source))?;
            };
        }
        // Observations last: with them an interval counts as watched, and its volumes are then there.
        insert!(Family::Volumes, "volumes", rows::VolumeRow<'_>, rows::volumes);
        insert!(Family::Networks, "networks", rows::NetworkRow<'_>, rows::networks);
        insert!(Family::RoundTrips, "round trips", rows::RoundTripRow<'_>, rows::round_trips);
        insert!(Family::Observations, "observations", rows::ObservationRow<'_>, rows::observations);
        Ok(())
    }

    /// What this database takes on disk.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn size(&self) -> Result<Size, Error> {
        let query = self
            .client
            .query(
                "SELECT sum(bytes_on_disk) AS bytes, sum(rows) AS rows FROM system.parts \
                 WHERE active AND database = {database:String}",
            )
            .param("database", &self.settings.database);
        let sizes = self.fetch("tell its size", query).await?;
        Ok(sizes.first().copied().unwrap_or(Size { bytes: 0, rows: 0 }))
    }

    /// Runs a query within its limits.
    pub(crate) async fn fetch<T>(&self, what: &'static str, query: Query) -> Result<Vec<T>, Error>
    where
        T: RowOwned + RowRead,
    {
        let query = query.with_setting("max_execution_time", QUERY_SECS.to_string());
        let answer = tokio::time::timeout(QUERY_TIMEOUT, query.fetch_all());
        let answer = tokio::select! {
            biased;
            // First, for it says more than a connection that is refused.
            reason = self.lost() => Err(clickhouse::error::Error::Network(reason.into())),
            answer = answer => answer.unwrap_or(Err(clickhouse::error::Error::TimedOut)),
        };
        answer.map_err(|source| self.error(what, source))
    }

    /// Why the embedded engine is known not to answer just now; none if it does, and for a server.
    pub fn absence(&self) -> Option<&'static str> {
        self.settings.engine.as_ref().and_then(crate::embedded::Presence::absence)
    }

    /// Completes when the embedded engine is known not to answer; never with a server.
    async fn lost(&self) -> &'static str {
        match &self.settings.engine {
            Some(engine) => engine.lost().await,
            None => std::future::pending().await,
        }
    }

    pub(crate) fn error(&self, what: &'static str, source: clickhouse::error::Error) -> Error {
        use clickhouse::error::Error as Source;
        let url = || self.settings.url.clone();
        self.damage.see(&source);
        match &source {
            Source::Network(_) | Source::TimedOut => Error::Unreachable { url: url(), source },
            // 516 AUTHENTICATION_FAILED, 194 REQUIRED_PASSWORD, 193 WRONG_PASSWORD, 192 UNKNOWN_USER
            Source::BadResponse(text)
                if ["516", "194", "193", "192"]
                    .iter()
                    .any(|code| text.starts_with(&format!("Code: {code}."))) =>
            {
                Error::Denied { url: url(), user: self.settings.user.clone() }
            }
            // 159 TIMEOUT_EXCEEDED
            Source::BadResponse(text) if text.starts_with("Code: 159.") => {
                Error::TooSlow { what, seconds: QUERY_SECS }
            }
            // 202 TOO_MANY_SIMULTANEOUS_QUERIES
            Source::BadResponse(text) if text.starts_with("Code: 202.") => Error::Busy { what },
            _ => Error::Query { what, source },
        }
    }
}

/// What every insert is done with.
pub(crate) const INSERT_SETTINGS: [(&str, &str); 5] = [
    // Blocks are collected here; the server shall not collect them again, and acknowledge when stored.
    ("async_insert", "0"),
    ("insert_deduplicate", "1"),
    ("deduplicate_blocks_in_dependent_materialized_views", "1"),
    // On a cluster: acknowledged when the shards have it, not when it is queued for them.
    ("distributed_foreground_insert", "1"),
    // A block may hold intervals of any age; its rows are bounded already.
    ("max_partitions_per_insert_block", "0"),
];

/// The first two numbers of `26.7.2.1`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(parse_version("26.7.2.1"), Some((26, 7)));
        assert_eq!(parse_version("24.8.1.2684-lts"), Some((24, 8)));
        assert!(parse_version("18.16.1").unwrap() < OLDEST_SUPPORTED);
        assert!(parse_version("24.7.9").unwrap() < OLDEST_SUPPORTED);
        assert!(parse_version("25.1").unwrap() > OLDEST_SUPPORTED);
        assert_eq!(parse_version("nginx"), None);
        assert_eq!(parse_version(""), None);
    }
}
