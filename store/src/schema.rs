//! The tables, and how a database of any earlier version becomes one of this version.
//!
//! A migration is one statement in one numbered file, written so that running it again changes
//! nothing: two programs that start at the same time on one database do no harm to each other. A file
//! that was ever released is never edited; a change is a new file.

use clickhouse::{Client, Row};
use serde::Deserialize;

use crate::Error;

/// One step.
pub(crate) struct Migration {
    /// 1, 2, 3, …
    pub version: u32,
    /// The file's name.
    pub name: &'static str,
    /// The statement.
    pub sql: &'static str,
}

macro_rules! migration {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("schema/", $name, ".sql")),
        }
    };
}

/// All steps, in order.
pub(crate) const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_volumes_10s"),
    migration!(2, "0002_observations_10s"),
    migration!(3, "0003_round_trips_10s"),
];

/// What was applied. Replacing: whoever applies a step twice leaves one row.
const MIGRATIONS_TABLE: &str = "
    CREATE TABLE IF NOT EXISTS schema_migrations
    (
        version  UInt32,
        name     String,
        checksum String,
        applied  DateTime('UTC') DEFAULT now()
    )
    ENGINE = ReplacingMergeTree
    ORDER BY version";

#[derive(Row, Deserialize)]
struct Applied {
    version: u32,
    checksum: String,
}

/// Brings the client's database to this program's version.
///
/// # Errors
/// [`Error::SchemaNewer`], [`Error::SchemaDiffers`], or what the database says.
pub(crate) async fn migrate(client: &Client, database: &str) -> Result<(), Error> {
    let failed = |what| move |source| Error::Query { what, source };
    client
        .query(MIGRATIONS_TABLE)
        .execute()
        .await
        .map_err(failed("create the table schema_migrations"))?;
    let applied: Vec<Applied> = client
        .query("SELECT version, checksum FROM schema_migrations FINAL ORDER BY version")
        .fetch_all()
        .await
        .map_err(failed("read the schema's version"))?;
    let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
    if let Some(newer) = applied.iter().rev().find(|applied| applied.version > known) {
        let database = database.to_owned();
        return Err(Error::SchemaNewer { database, found: newer.version, known });
    }
    for migration in MIGRATIONS {
        let checksum = checksum(migration.sql);
        match applied.iter().find(|applied| applied.version == migration.version) {
            Some(applied) if applied.checksum == checksum => continue,
            Some(_) => {
                let name = migration.name.to_owned();
                return Err(Error::SchemaDiffers { database: database.to_owned(), name });
            }
            None => {}
        }
        client
            .query_raw(migration.sql)
            .execute()
            .await
            .map_err(failed("bring the schema up to date"))?;
        client
            .query("INSERT INTO schema_migrations (version, name, checksum) VALUES (?, ?, ?)")
            .bind(migration.version)
            .bind(migration.name)
            .bind(checksum)
            .execute()
            .await
            .map_err(failed("record the schema's version"))?;
        tracing::info!(name = migration.name, database, "schema migration applied");
    }
    Ok(())
}

/// FNV-1a, 64 bits: tells whether a file was edited, no more is asked of it.
fn checksum(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_consecutive_and_named_after() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.version as usize, index + 1);
            assert!(migration.name.starts_with(&format!("{:04}_", migration.version)));
        }
    }

    #[test]
    fn the_checksum_is_fnv_1a() {
        // From the reference vectors of the FNV authors.
        assert_eq!(checksum(""), "cbf29ce484222325");
        assert_eq!(checksum("a"), "af63dc4c8601ec8c");
        assert_eq!(checksum("foobar"), "85944171f73967e8");
    }
}
