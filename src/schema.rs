//! `etiage schema`: the statements that make the database.

use std::path::PathBuf;

use clap::Args;

use crate::config::{self, Store};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Take database, cluster and retention from this configuration
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Replicated and distributed tables on this cluster of the server's `remote_servers`
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// The database
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut settings = match &arguments.config {
        None => etiage_store::Settings::new("http://127.0.0.1:8123"),
        Some(path) => match config::load(path)?.store {
            Store::Server(settings) => settings,
            Store::Embedded { kept, .. } => {
                kept.apply(etiage_store::Settings::new("http://127.0.0.1:8123"))
            }
        },
    };
    if let Some(cluster) = &arguments.cluster {
        settings.cluster = Some(cluster.clone());
    }
    if let Some(database) = &arguments.database {
        settings.database.clone_from(database);
    }
    settings.check().map_err(|error| Failure::Unusable(format!("etiage: {error}")))?;
    print!("{}", etiage_store::schema(&settings));
    Ok(())
}
