//! `etiage backup` and `etiage restore`: the embedded engine's database, copied and brought back, both verified.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use etiage_store::backup::{self, Manifest};
use etiage_store::embedded::{Engine, EngineSettings};
use etiage_store::metadata;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::appliance;
use crate::ask::{Api, escaped};
use crate::config::{self, Config, Store};
use crate::failure::Failure;

/// How often a backup under way is asked after.
const AGAIN: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(crate) struct BackupArguments {
    /// The backup: a name, or a folder within the one that `[store] backups` names. Without it the time of now
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// An earlier backup beside it: only what is new since is copied, and restoring needs both
    #[arg(long, value_name = "NAME")]
    base: Option<String>,
    /// The configuration
    #[arg(long, short, value_name = "FILE", default_value = "etiage.toml")]
    config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    /// The backup's folder
    #[arg(value_name = "FOLDER")]
    from: PathBuf,
    /// The configuration: its `[store] data` must be empty, or not exist
    #[arg(long, short, value_name = "FILE", default_value = "etiage.toml")]
    config: PathBuf,
}

impl BackupArguments {
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        config::load(&self.config)
    }
}

impl RestoreArguments {
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        config::load(&self.config)
    }
}

/// Takes a backup: of the running appliance, or of the store of one that is stopped.
pub(crate) async fn run(arguments: &BackupArguments, config: Config) -> Result<(), Failure> {
    let folder = match &config.store {
        Store::Embedded { backups: Some(folder), .. } => folder.clone(),
        Store::Embedded { backups: None, .. } => {
            return Err(unusable("[store] backups must name the folder that backups are taken in"));
        }
        Store::Server(_) => {
            return Err(unusable(
                "the database is a server of your own: its own BACKUP is its backup",
            ));
        }
    };
    let name = match &arguments.name {
        Some(name) => within(name, &folder)?,
        None => name_of_now(),
    };
    let api = Api::open(&config).await?;
    let taken = take(&api, &name, arguments.base.as_deref()).await;
    api.close().await;
    let octets = taken?;
    println!("{} holds {octets} octets", folder.join(name).display());
    Ok(())
}

/// The name of a backup, given as such or as a folder within `folder`.
fn within(given: &str, folder: &Path) -> Result<String, Failure> {
    if given.contains("://") {
        return Err(unusable(
            "a backup goes into a folder, not to a URL: copy that folder to wherever it shall be",
        ));
    }
    let path = Path::new(given);
    if !given.contains('/') {
        return Ok(given.to_owned());
    }
    let (parent, name) = backup::split(path).map_err(|error| unusable(&error.to_string()))?;
    let same = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if same(&parent) == same(folder) {
        return Ok(name);
    }
    Err(unusable(&format!(
        "{given} is not within {}: [store] backups says where backups may be taken",
        folder.display()
    )))
}

fn name_of_now() -> String {
    let now = OffsetDateTime::now_utc();
    let now = now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default();
    now.replace(':', "-")
}

/// Has it taken; its octets.
async fn take(api: &Api, name: &str, base: Option<&str>) -> Result<u64, Failure> {
    let base = base.map_or(String::new(), |base| format!("&base={}", escaped(base)));
    api.post(&format!("/api/v1/backup?name={}{base}", escaped(name))).await?;
    loop {
        let answer = api.json("/api/v1/backup").await?;
        let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default();
        match text("state") {
            "running" => tokio::time::sleep(AGAIN).await,
            "done" => return Ok(answer.get("octets").and_then(Value::as_u64).unwrap_or(0)),
            _ => return Err(Failure::Failed(anyhow!("{}", text("reason")))),
        }
    }
}

/// Restores a backup into an empty data directory.
pub(crate) async fn restore(arguments: &RestoreArguments, config: Config) -> Result<(), Failure> {
    let Store::Embedded { data, library, memory, .. } = &config.store else {
        return Err(unusable("the database is a server of your own: its own RESTORE restores it"));
    };
    if !is_empty(data)? {
        return Err(unusable(&format!(
            "{} holds something already: restore into another directory ([store] data), or move it away",
            data.display()
        )));
    }
    let from = arguments.from.canonicalize();
    let from = from.with_context(|| format!("cannot find {}", arguments.from.display()))?;
    let (folder, name) = backup::split(&from).map_err(appliance::failed)?;
    let manifest = backup::read_manifest(&from).map_err(appliance::failed)?;
    let mut base = manifest.base.clone();
    while let Some(earlier) = base {
        base = backup::read_manifest(&folder.join(earlier)).map_err(appliance::failed)?.base;
    }
    // Beside it, so that what is half restored is never taken for the whole.
    let mut half = data.file_name().unwrap_or_default().to_owned();
    half.push(".restoring");
    let half = data.with_file_name(half);
    remove(&half)?;
    let settings = EngineSettings {
        program: appliance::engine_program()?,
        library: appliance::engine_library(library.clone()),
        data: half.clone(),
        memory: *memory,
        backups: Some(folder),
    };
    if let Err(failure) = restore_into(&settings, &name, &manifest).await {
        remove(&half)?;
        return Err(failure);
    }
    metadata::save(&half)?;
    remove(data)?;
    fs::rename(&half, data)?;
    println!(
        "{} holds the backup of {}: {} sums by table and day are as they were",
        data.display(),
        manifest.taken,
        manifest.sums.len(),
    );
    Ok(())
}

async fn restore_into(
    settings: &EngineSettings,
    name: &str,
    manifest: &Manifest,
) -> Result<(), Failure> {
    let engine = Engine::start(settings).await.map_err(appliance::failed)?;
    let restored = backup::restore(&engine.settings(), name, manifest).await;
    engine.stop().await;
    restored.map_err(appliance::failed)
}

/// Whether there is nothing in it but what an engine that never wrote a row leaves.
fn is_empty(data: &Path) -> io::Result<bool> {
    match fs::read_dir(data) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn unusable(text: &str) -> Failure {
    Failure::Unusable(format!("etiage: {text}"))
}
