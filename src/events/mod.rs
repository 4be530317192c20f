//! `etiage events`: what was found, what it follows from, and whether it does.

mod text;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use etiage_detection::{bundle, proof};
use serde_json::Value;

use crate::ask::{Api, escaped};
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::format::Format;
use crate::moment;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List events, the latest first
    List(List),
    /// Say everything about an event; with --bundle, write what it follows from into a directory
    Show(Show),
    /// Recompute an event from its bundle, and compare
    Verify(Verify),
}

/// Where events are.
#[derive(Debug, Args)]
struct Where {
    /// The configuration: where the store and the running appliance are. Without it the store is the embedded
    /// engine in ./data
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    at: Where,
    /// Those that were not over then, as 2026-11-01 or 2026-11-01T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    from: Option<time::OffsetDateTime>,
    /// Those that had begun before
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    to: Option<time::OffsetDateTime>,
    /// Only those that go on
    #[arg(long)]
    open: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Args)]
struct Show {
    /// The event
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    at: Where,
    /// Write parameters, series, queries and a hash of each into this directory, which must not exist
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Args)]
struct Verify {
    /// A directory that `etiage events show --bundle` made
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Arguments {
    /// The configuration, for what asks the store.
    pub(crate) fn config(&self) -> Result<Option<Config>, Failure> {
        match &self.command {
            Command::List(List { at, .. }) | Command::Show(Show { at, .. }) => {
                at.config().map(Some)
            }
            Command::Verify(_) => Ok(None),
        }
    }
}

/// Runs the command.
pub(crate) async fn run(arguments: &Arguments, config: Option<Config>) -> Result<(), Failure> {
    match (&arguments.command, config) {
        (Command::List(arguments), Some(config)) => list(arguments, &config).await,
        (Command::Show(arguments), Some(config)) => show(arguments, &config).await,
        (Command::Verify(Verify { directory }), _) => {
            let event = proof::verify(directory)?;
            println!("{}: event {} follows from what is here", directory.display(), event.0);
            Ok(())
        }
        (_, None) => Ok(()),
    }
}

impl Where {
    fn config(&self) -> Result<Config, Failure> {
        match &self.config {
            Some(path) => config::load(path),
            None => config::without_file("all"),
        }
    }
}

async fn list(arguments: &List, config: &Config) -> Result<(), Failure> {
    let api = Api::open(config).await?;
    let seconds = |name: &str, moment: Option<time::OffsetDateTime>| {
        moment.map(|moment| format!("&{name}={}", moment.unix_timestamp())).unwrap_or_default()
    };
    let (from, to) = (seconds("from", arguments.from), seconds("to", arguments.to));
    let open = if arguments.open { "&state=open" } else { "" };
    let answer = api.json(&format!("/api/v1/events?limit=1000{from}{to}{open}")).await;
    api.close().await;
    let answer = answer?;
    let events = answer.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
    match arguments.format {
        Format::Json => println!("{answer:#}"),
        Format::Csv => {
            let columns =
                ["id", "kind", "severity", "state", "onset", "ended", "depth_percent", "subject"];
            let mut writer = csv::Writer::from_writer(std::io::stdout());
            let written = writer.write_record(columns).and_then(|()| {
                events.iter().try_for_each(|event| {
                    writer.write_record(columns.map(|column| plain(event.get(column))))
                })
            });
            written.map_err(anyhow::Error::from)?;
            writer.flush()?;
        }
        Format::Table => {
            for event in &events {
                let word = |name: &str| plain(event.get(name));
                println!(
                    "{}  {:<12} {:<8} {:<6} {}  {}",
                    word("id"),
                    word("kind"),
                    word("severity"),
                    word("state"),
                    word("onset"),
                    word("subject"),
                );
            }
            println!("{} events", events.len());
        }
    }
    Ok(())
}

/// A value without quotes; nothing for nothing.
pub(super) fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

async fn show(arguments: &Show, config: &Config) -> Result<(), Failure> {
    if let Some(directory) = &arguments.bundle
        && directory.exists()
    {
        let name = directory.display();
        return Err(Failure::Unusable(format!("etiage: {name} exists: name a new directory")));
    }
    let api = Api::open(config).await?;
    let id = escaped(&arguments.id);
    let answers = async {
        let event = api.json(&format!("/api/v1/events/{id}")).await?;
        let evidence = match &arguments.bundle {
            Some(_) => Some(api.json(&format!("/api/v1/events/{id}/evidence")).await?),
            None => None,
        };
        Ok::<_, Failure>((event, evidence))
    };
    let answers = answers.await;
    api.close().await;
    let (event, evidence) = answers?;
    match arguments.format {
        Format::Table => print!("{}", text::event(&event)),
        _ => println!("{event:#}"),
    }
    if let (Some(directory), Some(evidence)) = (&arguments.bundle, evidence) {
        bundle::write(directory, evidence)?;
        eprintln!("the bundle is in {}: etiage events verify", directory.display());
    }
    Ok(())
}
