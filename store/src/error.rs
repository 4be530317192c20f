//! What can go wrong between here and the database.

use std::path::PathBuf;

/// Oldest ClickHouse that is supported, as its version starts.
pub const OLDEST_SUPPORTED: (u32, u32) = (24, 8);

/// Every message says what happened, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing answers at the URL, or it does not answer in time.
    #[error(
        "ClickHouse at {url} cannot be reached: check the URL and that the server runs ({source})"
    )]
    Unreachable {
        /// Where.
        url: String,
        /// The network's reason.
        source: clickhouse::error::Error,
    },
    /// The server does not let this user in.
    #[error("ClickHouse at {url} refuses the user {user:?}: check the user's name and password")]
    Denied {
        /// Where.
        url: String,
        /// Who.
        user: String,
    },
    /// The server is older than what the schema and the queries need.
    #[error(
        "ClickHouse at {url} is version {found}; version {needed} or newer is needed: \
         upgrade it, or leave the URL out to use the embedded engine"
    )]
    TooOld {
        /// Where.
        url: String,
        /// What it says of itself.
        found: String,
        /// What is supported.
        needed: String,
    },
    /// The database was written by a newer version of this program.
    #[error(
        "the database {database} has schema version {found}, this program knows up to {known}: \
         use the newer program, or another database"
    )]
    SchemaNewer {
        /// Which database.
        database: String,
        /// Its version.
        found: u32,
        /// The newest one known.
        known: u32,
    },
    /// A migration was applied in a form that differs from the one known.
    #[error(
        "the database {database} was changed by another form of migration {name}: \
         use the program that made it, or another database"
    )]
    SchemaDiffers {
        /// Which database.
        database: String,
        /// Which migration.
        name: String,
    },
    /// The settings cannot be used.
    #[error("unusable store setting {name}: {reason}")]
    Settings {
        /// The setting.
        name: &'static str,
        /// What it must be.
        reason: String,
    },
    /// The query asks for more than is allowed, or for what does not exist.
    #[error("unusable query: {0}")]
    BadQuery(String),
    /// The database refused a statement, or answered what was not expected.
    #[error("ClickHouse failed to {what}: {source}")]
    Query {
        /// What was to be done.
        what: &'static str,
        /// The database's own words.
        source: clickhouse::error::Error,
    },
    /// The embedded engine's library is not where it should be, or cannot be loaded.
    #[error(
        "the embedded engine's library cannot be used: {reason}: run `make deps`, give its path, \
         or configure a ClickHouse server"
    )]
    EngineLibraryMissing {
        /// Where it was looked for.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process works in the data directory.
    #[error("{reason}: stop that process, or use another data directory")]
    DataDirectoryHeld {
        /// Which directory.
        path: PathBuf,
        /// Who holds it.
        reason: String,
    },
    /// The embedded engine does not start, for any other reason.
    #[error("the embedded engine does not start: {reason}")]
    EngineFailed {
        /// Its last words.
        reason: String,
    },
}
