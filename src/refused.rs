//! `etiage refused`: rows that the database has refused, listed or offered again.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use etiage_store::Store;
use etiage_store::spool::Refused;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::appliance;
use crate::config::{self, Config};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Insert them, and delete the files of those that the database takes
    #[arg(long)]
    insert: bool,
    /// The configuration
    #[arg(long, short, value_name = "FILE", default_value = "etiage.toml")]
    config: PathBuf,
}

impl Arguments {
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        config::load(&self.config)
    }
}

/// Runs the command.
pub(crate) async fn run(arguments: &Arguments, config: Config) -> Result<(), Failure> {
    let refused = Refused::read_all(&config.spool.settings);
    let refused = refused.map_err(|error| Failure::Failed(anyhow!("{error}")))?;
    for one in &refused {
        println!("{}", line(one));
    }
    let rows: u64 = refused.iter().map(|one| one.group.rows).sum();
    println!("{} files with {rows} rows were refused", refused.len());
    if !arguments.insert || refused.is_empty() {
        return Ok(());
    }
    let (store, _, engine) = appliance::open_store(&config.store).await?;
    let inserted = insert(&store, refused).await;
    if let Some(engine) = engine {
        engine.stop().await;
    }
    inserted
}

/// In order; one that is refused again stays, and does not keep the others.
async fn insert(store: &Store, refused: Vec<Refused>) -> Result<(), Failure> {
    let (mut left, mut taken) = (0, Vec::new());
    for one in refused {
        match store.insert(&one.group.batches, &one.group.token).await {
            Ok(()) => {
                println!("{} rows of {} are inserted", one.group.rows, one.path.display());
                taken.push(one);
            }
            Err(error) => {
                left += 1;
                eprintln!("etiage: {} stays: {error}", one.path.display());
            }
        }
    }
    if !taken.is_empty() {
        // Only what is on the database's disk may go here.
        store.force_to_disk().await.map_err(appliance::failed)?;
        taken.into_iter().for_each(Refused::forget);
    }
    match left {
        0 => Ok(()),
        left => Err(Failure::Failed(anyhow!(
            "{left} files were refused again: remove what the database says is wrong, and repeat"
        ))),
    }
}

/// A file in words: what is in it, and of when.
fn line(one: &Refused) -> String {
    let starts = one.group.batches.iter().map(|batch| batch.start);
    let moment = |seconds: Option<u32>| {
        let moment = OffsetDateTime::from_unix_timestamp(seconds.unwrap_or(0).into());
        moment.ok().and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default()
    };
    let (first, last) = (moment(starts.clone().min()), moment(starts.max()));
    let damage = match one.damaged {
        0 => String::new(),
        octets => format!(", {octets} octets damaged"),
    };
    format!("{}: {} rows of {first} to {last}{damage}", one.path.display(), one.group.rows)
}
