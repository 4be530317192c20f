//! `etiage backtest`: the events that detection would have raised, over one's own history.

use std::path::PathBuf;

use clap::Args;
use etiage_detection::{Words, adopt, judge, known, row};
use etiage_detector::Record;
use etiage_store::{Store, TimeRange};
use serde::Serialize;
use time::OffsetDateTime;

use crate::appliance;
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::format::Format;
use crate::moment;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The configuration: links and store. Without it the store is the embedded engine in ./data, and the
    /// links are all that it knows
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where judging begins, as 2026-11-01 or 2026-11-01T10:00:00Z. The weeks before it are learnt from
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    from: OffsetDateTime,
    /// Where it ends; now by default
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    to: Option<OffsetDateTime>,
    /// Keep the events in the store, where API and pages show them; what is known already is brought up to
    /// date
    #[arg(long)]
    record: bool,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What JSON holds.
#[derive(Serialize)]
struct Report<'a> {
    events: &'a [Record],
    /// Spans in which links were not watched.
    blind_minutes: usize,
}

impl Arguments {
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        Ok(match &self.config {
            Some(path) => config::load(path)?,
            None => Config { links: Vec::new(), ..config::without_file("all")? },
        })
    }
}

/// Runs the command.
pub(crate) async fn run(arguments: &Arguments, config: Config) -> Result<(), Failure> {
    let to = arguments.to.unwrap_or_else(OffsetDateTime::now_utc);
    if to <= arguments.from {
        return Err(Failure::Unusable("etiage: --to must be after --from".to_owned()));
    }
    let range = TimeRange { from: arguments.from, to };
    let (store, _, engine) = appliance::open_store(&config.store).await?;
    let mut judged = judge(&config.history(store.clone()), range).await.map_err(judging);
    if let (true, Ok((records, _))) = (arguments.record, &mut judged)
        && let Err(failure) = keep(&config, &store, range, records).await
    {
        judged = Err(failure);
    }
    if let Some(engine) = engine {
        engine.stop().await;
    }
    let (told, blind) = judged?;
    match arguments.format {
        Format::Json => {
            let report = Report { events: &told, blind_minutes: blind };
            println!("{}", serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?);
        }
        _ => {
            for record in &told {
                println!("{}", Words(record));
            }
            println!("{} events; links turned blind {blind} times", told.len());
        }
    }
    Ok(())
}

/// Writes the events into the store, each under the name that it has there.
async fn keep(
    config: &Config,
    store: &Store,
    range: TimeRange,
    records: &mut [Record],
) -> Result<(), Failure> {
    let known = known(store, &config.probe, range).await.map_err(appliance::failed)?;
    let mut rows = Vec::new();
    for record in records {
        let (_, version) = adopt(&mut record.event, &known);
        rows.push(row(record, &config.probe, version)?);
    }
    store.save_events(&rows).await.map_err(appliance::failed)
}

fn judging(error: anyhow::Error) -> Failure {
    match error.downcast::<etiage_store::Error>() {
        Ok(error) => appliance::failed(error),
        Err(error) => error.into(),
    }
}
