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
        "ClickHouse at {url} cannot be reached: check the URL and that the server runs ({})",
        whole(.source)
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
    /// As many exports run as may.
    #[error("{limit} exports run, which is the limit: wait for one to end")]
    TooManyExports {
        /// How many may run.
        limit: usize,
    },
    /// The query asks for more than is allowed, or for what does not exist.
    #[error("unusable query: {0}")]
    BadQuery(String),
    /// The query takes longer than a query may.
    #[error("ClickHouse did not {what} within {seconds} s: ask for a shorter range or less detail")]
    TooSlow {
        /// What was to be done.
        what: &'static str,
        /// How long it may take.
        seconds: u64,
    },
    /// As many questions wait for the database as may: it has not looked at this one.
    #[error("ClickHouse did not {what}: it has as many questions as it can answer; ask again soon")]
    Busy {
        /// What was to be done.
        what: &'static str,
    },
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
    /// A backup cannot be taken or restored.
    #[error("the backup {0}")]
    Backup(String),
    /// The embedded engine does not start, for any other reason.
    #[error("the embedded engine does not start: {reason}")]
    EngineFailed {
        /// Its last words.
        reason: String,
    },
}

/// An error of the network with all its causes: only the innermost says what has happened.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// What a failed insert says of a repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It may succeed another time.
    Passing,
    /// The database does not take this content.
    Content,
    /// The database refuses it for a reason that is not known here.
    Unknown,
}

/// ClickHouse's codes that say that the content is refused: what cannot be parsed or converted, wrong
/// columns, values out of range, a violated constraint, too large values.
const CONTENT: [u32; 18] =
    [6, 10, 16, 26, 27, 33, 36, 41, 53, 69, 70, 72, 117, 128, 131, 190, 321, 469];
/// Codes that pass without anybody's doing, or once the operator has done something: timeouts, too many
/// queries or parts, memory, disk and Keeper, read-only, access, a table or database that is missing.
const PASSING: [u32; 30] = [
    3, 60, 74, 75, 76, 81, 159, 164, 198, 202, 203, 209, 210, 218, 225, 236, 241, 242, 243, 252,
    279, 285, 286, 289, 319, 394, 439, 497, 516, 999,
];

impl Error {
    /// What a repetition of the failed insert may bring.
    pub(crate) fn refusal(&self) -> Refusal {
        let Self::Query { source: clickhouse::error::Error::BadResponse(text), .. } = self else {
            return Refusal::Passing;
        };
        let code = text.strip_prefix("Code: ").and_then(|rest| rest.split('.').next());
        match code.and_then(|code| code.parse::<u32>().ok()) {
            Some(code) if CONTENT.contains(&code) => Refusal::Content,
            Some(code) if !PASSING.contains(&code) => Refusal::Unknown,
            // An answer without a code is not the database's: something between here and there.
            _ => Refusal::Passing,
        }
    }
}
