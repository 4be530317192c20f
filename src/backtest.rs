//! `etiage backtest`: the events that detection would have raised, over one's own history.

use std::path::PathBuf;

use clap::Args;
use etiage_detector::{Change, Event};
use etiage_store::{Store, TimeRange};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::appliance;
use crate::cli::Format;
use crate::config::{self, Config};
use crate::detection::{Feed, Past, Told};
use crate::failure::Failure;
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
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What JSON holds.
#[derive(Serialize)]
struct Report<'a> {
    events: &'a [Told],
    /// Spans in which links were not watched.
    blind_minutes: usize,
}

/// Runs the command.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = match &arguments.config {
        Some(path) => config::load(path)?,
        None => Config { links: Vec::new(), ..config::without_file("all")? },
    };
    let to = arguments.to.unwrap_or_else(OffsetDateTime::now_utc);
    if to <= arguments.from {
        return Err(Failure::Unusable("etiage: --to must be after --from".to_owned()));
    }
    let range = TimeRange { from: arguments.from, to };
    let (store, _, engine) = appliance::open_store(&config.store).await?;
    let judged = judge(&config, store, range).await;
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
            for told in &told {
                println!("{told}");
            }
            println!("{} events; links turned blind {blind} times", told.len());
        }
    }
    Ok(())
}

async fn judge(
    config: &Config,
    store: Store,
    range: TimeRange,
) -> Result<(Vec<Told>, usize), Failure> {
    let parameters = config.detection.clone();
    let learnt = Duration::weeks(i64::from(parameters.weeks) + 1);
    let past = TimeRange { from: range.from - learnt, to: range.from };
    let whole = TimeRange { from: past.from, to: range.to };
    let mut feed = Feed::new(store, parameters, config.link_names(), whole).await?;
    let failed = appliance::failed;
    feed.take(past, Past::Learn, |_| {}).await.map_err(failed)?;
    let mut closed: Vec<Event> = Vec::new();
    let mut blind = 0;
    feed.take(range, Past::Judge, |change| match change {
        Change::Closed(event) => closed.push(event),
        Change::Blind(_) => blind += 1,
        Change::Opened(_) | Change::Updated(_) | Change::Seen(_) => {}
    })
    .await
    .map_err(failed)?;
    closed.extend(feed.open());
    closed.sort_by_key(|event| event.id);
    let mut told = Vec::new();
    for event in closed {
        told.push(feed.explain(event, range.to).await.map_err(failed)?);
    }
    Ok((told, blind))
}
