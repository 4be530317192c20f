//! Backups of the embedded engine's database by ClickHouse's own `BACKUP`, and their way back, both verified: beside
//! the copy stands a manifest with the sums of every table by day, taken of the same moment.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clickhouse::Row;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::damage::day_text;
use crate::schema::Family;
use crate::{Error, Settings, Store, migrate};

/// The manifest's name within a backup.
const MANIFEST: &str = "etiage-backup.json";
/// The manifest's form.
const FORMAT: u32 = 1;
/// How often a backup under way is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long restoring may take: a terabyte at the pace of one disk.
const RESTORE_SECS: &str = "36000";

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The manifest's form: 1.
    pub format: u32,
    /// When it was taken, RFC 3339, UTC.
    pub taken: String,
    /// The program's version that took it.
    pub program: String,
    /// The schema's version: an older program does not restore a newer one.
    pub schema: u32,
    /// The database.
    pub database: String,
    /// The backup that this one adds to, in the same folder.
    pub base: Option<String>,
    /// Octets that were copied.
    pub octets: u64,
    /// What each table holds.
    pub sums: Vec<Sum>,
}

/// A table's sums of a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sum {
    /// The table.
    pub table: String,
    /// The day, in UTC.
    pub day: String,
    /// Octets counted in it.
    pub octets: u64,
    /// Packets; of round trips: samples.
    pub packets: u64,
}

/// How a backup stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BackupProgress {
    /// None was asked for since the start.
    #[default]
    None,
    /// It is being taken.
    Running {
        /// Its name.
        name: String,
    },
    /// It is whole.
    Done {
        /// Its name.
        name: String,
        /// Octets that were copied.
        octets: u64,
    },
    /// It was not taken, and nothing is left of it.
    Failed {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
}

/// The progress that all clones of a store share.
#[derive(Debug, Default)]
pub(crate) struct SharedProgress(Mutex<BackupProgress>);

impl SharedProgress {
    fn set(&self, progress: BackupProgress) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }

    fn get(&self) -> BackupProgress {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the one who asks may begin.
    fn begin(&self, name: &str) -> bool {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*progress, BackupProgress::Running { .. }) {
            return false;
        }
        *progress = BackupProgress::Running { name: name.to_owned() };
        true
    }
}

#[derive(Debug, Row, Deserialize)]
struct Started {
    id: String,
    #[expect(dead_code)] // The client wants every column.
    status: i8,
}

#[derive(Debug, Row, Deserialize)]
struct State {
    status: String,
    files: u64,
    octets: u64,
    error: String,
}

/// Whether a backup may be called so: one folder's name.
///
/// # Errors
/// What the name must be.
pub fn check_name(name: &str) -> Result<(), Error> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    let usable =
        !name.is_empty() && name.len() <= 64 && !name.starts_with('.') && name.bytes().all(allowed);
    if usable {
        return Ok(());
    }
    Err(Error::Backup(format!(
        "{name:?} is no name for one: use letters, digits and - _ . (not first), at most 64"
    )))
}

impl Store {
    /// Takes backups in this folder, which the engine must allow.
    #[must_use]
    pub fn with_backups_in(mut self, folder: Option<PathBuf>) -> Self {
        self.backup_folder = folder;
        self
    }

    /// How the last backup stands.
    pub fn backup_progress(&self) -> BackupProgress {
        self.backups.get()
    }

    /// Begins a backup, which then goes on by itself: [`Store::backup_progress`] says how it stands.
    ///
    /// # Errors
    /// [`Error::Backup`]: another one is being taken, or the name cannot be used.
    pub fn begin_backup(&self, name: &str, base: Option<&str>, program: &str) -> Result<(), Error> {
        let Some(folder) = &self.backup_folder else {
            let reason = "has no place: set [store] backups to a folder, and start etiage again";
            return Err(Error::Backup(reason.to_owned()));
        };
        check_name(name)?;
        base.map_or(Ok(()), check_name)?;
        if folder.join(name).exists() {
            let reason = format!("{name} exists already in {}", folder.display());
            return Err(Error::Backup(reason));
        }
        if let Some(base) = base {
            read_manifest(&folder.join(base))?;
        }
        if !self.backups.begin(name) {
            return Err(Error::Backup("is not begun: another one is being taken".to_owned()));
        }
        let (store, folder) = (self.clone(), folder.clone());
        let (name, base) = (name.to_owned(), base.map(str::to_owned));
        let program = program.to_owned();
        tokio::spawn(async move {
            let taken = store.backup(&folder, &name, base, program).await;
            let progress = match taken {
                Ok(Manifest { octets, .. }) => {
                    tracing::info!(name, octets, "a backup is taken");
                    BackupProgress::Done { name, octets }
                }
                Err(error) => {
                    // The folder did not exist before; without a manifest it is nothing.
                    let _ = fs::remove_dir_all(folder.join(&name));
                    tracing::error!("the backup {name} could not be taken: {error}");
                    BackupProgress::Failed { name, reason: error.to_string() }
                }
            };
            store.backups.set(progress);
        });
        Ok(())
    }

    async fn backup(
        &self,
        folder: &Path,
        name: &str,
        base: Option<String>,
        program: String,
    ) -> Result<Manifest, Error> {
        // What expires meanwhile would be in the sums and not in the copy.
        self.run("hold expiry", "SYSTEM STOP TTL MERGES").await?;
        let pictured = self.take_picture(name, base.as_deref()).await;
        self.run("let rows expire again", "SYSTEM START TTL MERGES").await?;
        let (id, sums) = pictured?;
        let octets = self.wait_for_backup(&id, |state| state.status == "BACKUP_CREATED").await?;
        let now = OffsetDateTime::now_utc();
        let manifest = Manifest {
            format: FORMAT,
            taken: now.format(&Rfc3339).unwrap_or_default(),
            program,
            schema: migrate::VERSION,
            database: self.settings.database.clone(),
            base,
            octets,
            sums,
        };
        write_manifest(&folder.join(name), &manifest)?;
        Ok(manifest)
    }

    /// Begins the copy and adds the tables up, while nothing is inserted: the parts that are copied are those of this
    /// moment, however long copying takes.
    async fn take_picture(
        &self,
        name: &str,
        base: Option<&str>,
    ) -> Result<(String, Vec<Sum>), Error> {
        let _alone = self.inserts.write().await;
        // Names are checked: no quotes are in them.
        let base =
            base.map_or(String::new(), |base| format!(" SETTINGS base_backup = File('{base}')"));
        let database = &self.settings.database;
        let sql = format!("BACKUP DATABASE `{database}` TO File('{name}'){base} ASYNC");
        let started = self.client.query_raw(&sql).with_setting("max_execution_time", "0");
        let started: Vec<Started> =
            started.fetch_all().await.map_err(|source| self.error("begin a backup", source))?;
        let id = started.into_iter().next().map(|started| started.id).unwrap_or_default();
        self.wait_for_backup(&id, |state| state.files > 0).await?;
        Ok((id, self.all_sums().await?))
    }

    /// Every table's sums by day, in order.
    async fn all_sums(&self) -> Result<Vec<Sum>, Error> {
        let mut sums = Vec::new();
        for family in Family::ALL {
            for tier in family.tiers() {
                let table = family.table(*tier);
                let sum = |sum: crate::ledger::DaySum| Sum {
                    table: table.clone(),
                    day: day_text(sum.day),
                    octets: sum.octets,
                    packets: sum.packets,
                };
                sums.extend(self.sums_by_day(family, *tier).await?.into_iter().map(sum));
            }
        }
        sums.sort();
        Ok(sums)
    }

    /// Waits until it stands so; how many octets it has.
    async fn wait_for_backup(
        &self,
        id: &str,
        enough: impl Fn(&State) -> bool,
    ) -> Result<u64, Error> {
        loop {
            let query = self
                .client
                .query(
                    "SELECT toString(status) AS status, num_files AS files, total_size AS octets, \
                     error FROM system.backups WHERE id = ?",
                )
                .bind(id);
            let states: Vec<State> = self.fetch("say how a backup stands", query).await?;
            let Some(state) = states.first() else {
                let reason = "was cut off: the engine was started again meanwhile";
                return Err(Error::Backup(reason.to_owned()));
            };
            if enough(state) || state.status == "BACKUP_CREATED" {
                return Ok(state.octets);
            }
            if state.status != "CREATING_BACKUP" {
                let error = state.error.split(", Stack trace").next().unwrap_or_default();
                return Err(Error::Backup(format!("failed: {error}")));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn run(&self, what: &'static str, sql: &str) -> Result<(), Error> {
        self.client.query_raw(sql).execute().await.map_err(|source| self.error(what, source))
    }
}

/// Reads the manifest of a backup.
///
/// # Errors
/// [`Error::Backup`]: there is none, or it is of a newer program.
pub fn read_manifest(backup: &Path) -> Result<Manifest, Error> {
    let path = backup.join(MANIFEST);
    let text = fs::read(&path).map_err(|error| {
        let reason = format!(
            "in {} is none of etiage's, or it is not whole: cannot read {MANIFEST}: {error}",
            backup.display()
        );
        Error::Backup(reason)
    })?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| Error::Backup(format!("has an unreadable {MANIFEST}: {error}")))?;
    if manifest.format != FORMAT || manifest.schema > migrate::VERSION {
        return Err(Error::Backup(format!(
            "was taken by a newer etiage ({}): use that program, or a newer one",
            manifest.program
        )));
    }
    Ok(manifest)
}

fn write_manifest(backup: &Path, manifest: &Manifest) -> Result<(), Error> {
    let written = || -> std::io::Result<()> {
        let half = backup.join("etiage-backup.new");
        fs::write(&half, serde_json::to_vec_pretty(manifest)?)?;
        fs::File::open(&half)?.sync_all()?;
        fs::rename(half, backup.join(MANIFEST))
    };
    written().map_err(|error| Error::Backup(format!("cannot be completed: {error}")))
}

/// The folder and the name of a backup.
///
/// # Errors
/// [`Error::Backup`]: the path has no such form.
pub fn split(backup: &Path) -> Result<(PathBuf, String), Error> {
    let name = backup.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    check_name(&name)?;
    let folder = backup.parent().filter(|folder| !folder.as_os_str().is_empty());
    Ok((folder.unwrap_or(Path::new(".")).to_owned(), name))
}

/// Restores a backup into the empty engine at these settings, and compares what is there then with its manifest and
/// with its checksums. The engine must allow the backup's folder.
///
/// # Errors
/// [`Error::Backup`] says what differs; then what was restored is worth nothing.
pub async fn restore(settings: &Settings, name: &str, manifest: &Manifest) -> Result<(), Error> {
    check_name(name)?;
    let client = settings.client().with_database("default");
    let run = async |sql: String| {
        let query = client.query_raw(&sql).with_setting("max_execution_time", RESTORE_SECS);
        query.execute().await.map_err(|source| Error::Query { what: "restore the backup", source })
    };
    let database = &manifest.database;
    let of = format!("DATABASE `{database}` FROM File('{name}')");
    run(format!("RESTORE {of} SETTINGS structure_only = 1")).await?;
    // What has expired since the backup shall be compared before it goes.
    run("SYSTEM STOP MERGES".to_owned()).await?;
    run("SYSTEM STOP TTL MERGES".to_owned()).await?;
    run(format!("RESTORE {of}")).await?;
    let store = Store::on(client.with_database(database), settings, database);
    if let Some((table, part, detail)) = store.damaged_parts().await?.into_iter().next() {
        return Err(Error::Backup(format!("is damaged: {table}, part {part}: {detail}")));
    }
    let sums = store.all_sums().await?;
    let lacks = |all: &[Sum], sum: &&Sum| all.binary_search(sum).is_err();
    let differs = manifest.sums.iter().find(|sum| lacks(&sums, sum));
    let differs = differs.or_else(|| sums.iter().find(|sum| lacks(&manifest.sums, sum)));
    match differs {
        None => Ok(()),
        Some(Sum { table, day, .. }) => Err(Error::Backup(format!(
            "is not what its manifest says: {table} has other sums on {day}"
        ))),
    }
}
