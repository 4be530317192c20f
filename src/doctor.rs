//! `etiage doctor`: what is wrong with what is stored, where, and what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use etiage_store::spool::Spool;
use serde_json::Value;
use time::OffsetDateTime;

use crate::ask::Api;
use crate::config::{self, Config};
use crate::failure::Failure;

/// How often a look that goes on is asked after.
const AGAIN: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Read everything that is stored, and compare it with its checksums. Takes as long as the disk does
    #[arg(long)]
    deep: bool,
    /// Give up what is damaged: parts that are set aside are deleted; with --deep, parts that cannot be read are set
    /// aside, so that the rest answers; rows that are missing are no longer expected
    #[arg(long)]
    give_up: bool,
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
    let mut wrong = look_at_spool(&config);
    let api = Api::open(&config).await.map_err(|failure| {
        // What its own text says is all that can be said: nothing behind it can be looked at.
        Failure::Unusable(format!(
            "{failure}\netiage: the store cannot be used; see docs/operations.md"
        ))
    })?;
    match api.is_running_appliance() {
        Some(address) => println!("the appliance runs, and is asked at http://{address}"),
        None => println!("the appliance does not run: the store is opened for this look"),
    }
    let looked = look(&api, arguments).await;
    let health = if api.is_running_appliance().is_some() {
        api.json("/api/v1/health").await.ok()
    } else {
        None
    };
    api.close().await;
    let damage = looked?;
    wrong += say(&damage, health.as_ref());
    match wrong {
        0 => {
            println!("nothing is wrong");
            Ok(())
        }
        wrong => Err(Failure::Failed(anyhow!("{wrong} things are wrong"))),
    }
}

/// Opens the spool as a start does; how much is wrong with it.
fn look_at_spool(config: &Config) -> u64 {
    let now = u32::try_from(OffsetDateTime::now_utc().unix_timestamp()).unwrap_or(u32::MAX);
    let directory = config.spool.settings.directory.display();
    if !config.spool.settings.directory.exists() {
        println!("spool     none in {directory}");
        return 0;
    }
    let stats = match Spool::open(config.spool.settings.clone(), now) {
        Ok(spool) => spool.stats(),
        Err(error) => {
            // The appliance that runs tells of it.
            println!("spool     {error}");
            return 0;
        }
    };
    println!("spool     {} rows wait in {directory}", stats.rows);
    let wrong = [
        (
            stats.corrupt_segments,
            "files are damaged; what is whole in them is written at the next start",
        ),
        (stats.refused_groups, "groups were refused by the database: see `etiage refused`"),
    ];
    for (count, what) in wrong {
        if count > 0 {
            println!("spool     {count} {what}");
        }
    }
    wrong.iter().filter(|(count, _)| *count > 0).count() as u64
}

/// Has the store looked at; the answer once that has ended.
async fn look(api: &Api, arguments: &Arguments) -> Result<Value, Failure> {
    let Arguments { deep, give_up, .. } = arguments;
    api.post(&format!("/api/v1/damage?deep={deep}&give_up={give_up}")).await?;
    loop {
        let damage = api.json("/api/v1/damage").await?;
        if damage.get("looking") != Some(&Value::Bool(true)) {
            return Ok(damage);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Prints what was found; how much that is.
fn say(damage: &Value, health: Option<&Value>) -> u64 {
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let list = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let mut wrong = 0;
    for done in list(damage, "given_up") {
        println!("given up  {}", done.as_str().unwrap_or_default());
    }
    if let Some(error) = damage.get("error").and_then(Value::as_str) {
        println!("store     it could not be looked at as a whole: {error}");
        wrong += 1;
    }
    for finding in list(damage, "findings") {
        println!("store     {}: {}", text(&finding, "place"), text(&finding, "detail"));
        println!("          what to do: {}", text(&finding, "advice"));
        wrong += 1;
    }
    for reason in health.map(|health| list(health, "reasons")).unwrap_or_default() {
        let reason = reason.as_str().unwrap_or_default();
        if !reason.starts_with("damage") {
            println!("health    {reason}");
            wrong += 1;
        }
    }
    wrong
}
