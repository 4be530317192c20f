//! `etiage simulate`: plausible history, to try Etiage on.

mod play;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use etiage_simulator::{
    Era, LinkSpec, Noise, Scenario, Settings, Stretch, UnusableScenario, World, plan,
};
use etiage_store::{
    Dimension, Filter, Store, TimeRange, TotalsQuery, Writer, WriterHandle, WriterSettings,
};
use indicatif::{ProgressBar, ProgressStyle};
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::sync::oneshot;

use crate::appliance::{self, Appliance, Detecting, Signals, Stop};
use crate::config::{self, Config, Link, bit_rate};
use crate::failure::Failure;
use crate::moment;
use crate::privileges::{self, Scope};
use crate::serving::{self, Bound};

use play::Play;

/// Rows of one insert: the more, the quicker.
const BLOCK_ROWS: usize = 500_000;
/// Rows that wait while others are inserted.
const MAX_ROWS: usize = 1_500_000;
/// After so many failed inserts in a row the database will not come back by itself.
const PATIENCE: u64 = 8;
/// How often the progress is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// The capacity of a configured link that has none.
const USUAL_CAPACITY: u64 = 10_000_000_000;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The configuration: the store, and the links unless --links is given. Without it the store is the
    /// embedded engine in ./data
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How many links to invent, instead of the configured ones; 100 where there are none
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    links: Option<u16>,
    /// Where history begins, as 2025-11-21 or 2025-11-21T10:00:00Z; a year before its end by default
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    from: Option<OffsetDateTime>,
    /// Where it ends; now by default
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    to: Option<OffsetDateTime>,
    /// Length of its intervals
    #[arg(long, value_enum, default_value_t = Step::Auto)]
    step: Step,
    /// The same seed gives the same links and the same traffic
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The services of January 2012 instead of today's
    #[arg(long)]
    of_2012: bool,
    /// What happens on top of ordinary days (scenarios/*.toml); its links and services unless others are
    /// given
    #[arg(long, value_name = "FILE", conflicts_with = "links")]
    scenario: Option<PathBuf>,
    /// The probe that the rows are said to come from
    #[arg(long, value_name = "NAME", default_value = "simulated")]
    probe: String,
    /// Write into a database that holds history already: what is written adds to it
    #[arg(long)]
    force: bool,
    /// Write nothing: serve what was simulated before, with the same links
    #[arg(long, requires = "serve")]
    only_serve: bool,
    /// From here on to the end, play by the minute while API, dashboards and (where it is enabled) detection
    /// run: what is before is written at once. The same as --from plays on where history ends (with --force)
    #[arg(long, value_name = "TIME", value_parser = moment::parse, requires = "serve", conflicts_with = "only_serve")]
    play_from: Option<OffsetDateTime>,
    /// How many times faster than it would happen that is played
    #[arg(long, value_name = "TIMES", default_value_t = 60, requires = "play_from", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    speed: u32,
    /// Keep API and dashboards running afterwards, until stopped
    #[arg(long)]
    serve: bool,
    /// Serve API and dashboards here instead of where `[api] listen` says; port 0 is any free one
    #[arg(long, value_name = "ADDRESS:PORT", requires = "serve")]
    listen: Option<SocketAddr>,
}

/// Which bins to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    /// By age, as real history is kept: 10 s for the last 6 hours, 1 min for the last 30 days, 1 h before
    /// (5 min with at most 10 links)
    Auto,
    /// 10 seconds
    #[value(name = "10s")]
    TenSeconds,
    /// 1 minute
    #[value(name = "1m")]
    Minute,
    /// 5 minutes: what percentiles and bills are computed from
    #[value(name = "5m")]
    FiveMinutes,
    /// 1 hour
    #[value(name = "1h")]
    Hour,
}

impl From<Step> for etiage_simulator::Step {
    fn from(step: Step) -> Self {
        match step {
            Step::Auto => Self::ByAge,
            Step::TenSeconds => Self::Fixed(10),
            Step::Minute => Self::Fixed(60),
            Step::FiveMinutes => Self::Fixed(300),
            Step::Hour => Self::Fixed(3_600),
        }
    }
}

/// Opens what the command needs, and gives up what it does not.
pub(crate) fn prepare(arguments: &Arguments) -> Result<Opened, Failure> {
    let mut config = match &arguments.config {
        Some(path) => config::load(path)?,
        None => config::without_file("simulated")?,
    };
    config.listen_on(arguments.listen)?;
    let bound = arguments.serve.then(|| serving::bind(&config.api)).transpose()?;
    privileges::give_up(&config, Scope::Appliance)?;
    Ok(Opened { config, bound })
}

/// What was opened.
pub(crate) struct Opened {
    config: Config,
    /// Where it is served, if it is.
    bound: Option<Bound>,
}

/// Runs the command.
pub(crate) async fn run(
    arguments: &Arguments,
    Opened { mut config, bound }: Opened,
) -> Result<(), Failure> {
    let configured = arguments.config.is_some() && !config.links.is_empty();
    let scenario = arguments.scenario.as_deref().map(load).transpose()?;
    let mut scenario = scenario.unwrap_or_default();
    let specs = match arguments.links {
        None if !scenario.links.is_empty() => scenario.links.clone(),
        None if configured => config.links.iter().map(spec).collect::<Result<_, _>>()?,
        count => etiage_simulator::links(arguments.seed, count.unwrap_or(100).into()),
    };
    let invented = arguments.links.is_some() || !configured || !scenario.links.is_empty();
    scenario.of_links(&specs).map_err(|what| Failure::Unusable(format!("etiage: {what}")))?;
    if invented {
        config.links = specs.iter().map(link).collect();
    }
    let _: config::Name = arguments
        .probe
        .parse()
        .map_err(|error| Failure::Unusable(format!("etiage: --probe: {error}")))?;
    let mut signals = Signals::listen()?;
    let mut played = None;
    if !arguments.only_serve {
        let to = arguments.to.unwrap_or_else(OffsetDateTime::now_utc);
        let from = arguments.from.unwrap_or(to - time::Duration::days(365));
        let (Some(from), Some(to)) = (moment::seconds(from), moment::seconds(to)) else {
            return Err(Failure::Unusable(
                "etiage: --from and --to must lie between 1970 and 2106".to_owned(),
            ));
        };
        let play_from = arguments.play_from.and_then(moment::seconds).map(|from| from - from % 60);
        let until = play_from.unwrap_or(to).min(to);
        // Where history ends already there is nothing to write before it is played on.
        let mut stretches = match play_from {
            Some(play_from) if play_from == from => Vec::new(),
            _ => plan(from, until, arguments.step.into(), specs.len()),
        };
        if stretches.is_empty() && play_from != Some(from) {
            return Err(Failure::Unusable(
                "etiage: --from and --to: there is not a single interval between them".to_owned(),
            ));
        }
        let era = if arguments.of_2012 { Era::Y2012 } else { scenario.era };
        let settings = Settings { seed: arguments.seed, era, origin: to, noise: Noise::default() };
        let world = || World::new(settings, specs.clone());
        let story =
            Story { world: world(), stretches: stretches.clone(), scenario: scenario.clone() };
        if fill(&config, arguments, story, &mut signals).await? == Filled::Stopped {
            return Ok(());
        }
        if let Some(from) = play_from {
            let to = to - to % 60;
            stretches.push(Stretch { from, to, step: 60, networks_step: 60, round_trips: true });
            let (probe, speed) = (arguments.probe.clone(), arguments.speed);
            played = Some(Play { world: world(), stretches, scenario, probe, from, speed });
        }
    }
    if let Some(bound) = bound {
        serve((&config, bound), played, &mut signals).await?;
    }
    Ok(())
}

/// Serves until stopped, and plays what there is to play.
async fn serve(
    (config, bound): (&Config, Bound),
    play: Option<Play>,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let links = config.savefile_links();
    let appliance = Appliance::start(config, bound, links, Detecting::Only).await?;
    tracing::info!("dashboards and API on {}", appliance.url);
    let (writer, stop) = (appliance.intake.writer.clone(), appliance.intake.stop.clone());
    let playing =
        tokio::task::spawn_blocking(move || play.is_some_and(|play| play.run(&writer, &stop)));
    let played = async {
        if playing.await.unwrap_or(false) {
            appliance.flush().await;
            tracing::info!("played to the end; serving until stopped");
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = signals.received() => {}
        () = played => {}
    }
    appliance.intake.stop.set();
    appliance.stop().await
}

/// What is told: of which links, when, and what happens.
struct Story {
    world: World,
    stretches: Vec<Stretch>,
    scenario: Scenario,
}

#[derive(PartialEq, Eq)]
enum Filled {
    Whole,
    /// By a signal.
    Stopped,
}

/// Opens the store, fills it and closes it again.
async fn fill(
    config: &Config,
    arguments: &Arguments,
    story: Story,
    signals: &mut Signals,
) -> Result<Filled, Failure> {
    let (store, _, engine) = appliance::open_store(&config.store).await?;
    let filled = match refuse(&store, arguments).await {
        Ok(()) => write(&store, arguments, story, signals).await,
        Err(failure) => Err(failure),
    };
    if let Some(engine) = engine {
        engine.stop().await;
    }
    filled
}

/// Invented rows among real ones could never be told apart or taken out again.
async fn refuse(store: &Store, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.force {
        return Ok(());
    }
    let query = TotalsQuery {
        range: TimeRange {
            from: datetime!(1970-01-01 0:00 UTC),
            to: datetime!(2106-01-01 0:00 UTC),
        },
        group_by: vec![Dimension::Probe],
        filter: Filter::default(),
        top: None,
    };
    let found = store.totals(&query).await.map_err(appliance::failed)?;
    let probes = found.rows.into_iter().flat_map(|row| row.group).map(|(_, probe)| probe);
    let probes: Vec<String> = probes.collect();
    if probes.is_empty() {
        return Ok(());
    }
    let kind = if probes == [arguments.probe.as_str()] { "simulated" } else { "real" };
    Err(Failure::Unusable(format!(
        "etiage: the database holds {kind} history already (of {}), and what is simulated would add to \
         it: use another database or data directory, serve it as it is with --serve --only-serve, or \
         add to it with --force",
        probes.join(", "),
    )))
}

async fn write(
    store: &Store,
    arguments: &Arguments,
    story: Story,
    signals: &mut Signals,
) -> Result<Filled, Failure> {
    // The database has nothing else to do: there is nobody to leave time for.
    let settings = WriterSettings {
        block_rows: BLOCK_ROWS,
        max_rows: MAX_ROWS,
        rows_per_second: u64::MAX,
        ..WriterSettings::default()
    };
    let (writer, _) = Writer::spawn(store.clone(), settings);
    let Story { world, stretches, .. } = &story;
    let capacity: u64 = world.links().iter().map(|link| link.capacity_bps).sum();
    let bins: u64 = stretches.iter().map(Stretch::bins).sum();
    tracing::info!(
        "simulating {} links of {} together, {bins} intervals",
        world.links().len(),
        bit_rate(capacity)
    );
    let progress = ProgressBar::new(bins).with_style(
        ProgressStyle::with_template("{bar:40} {percent:>3} %  {elapsed}, {eta} to go  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let stop = Stop::default();
    let begun = Instant::now();
    let made = make(story, &arguments.probe, &writer, &progress, &stop)?;
    let stopped = follow(&writer, made, signals, &stop, &progress).await?;
    progress.finish_and_clear();
    let rows = writer.stats().written_rows;
    let size = store.size().await.map_err(appliance::failed)?;
    println!(
        "{rows} rows in {:.0} s; the database takes {:.1} MB{}",
        begun.elapsed().as_secs_f64(),
        size.bytes as f64 / 1e6,
        if stopped { "; stopped before the end" } else { "" },
    );
    Ok(if stopped { Filled::Stopped } else { Filled::Whole })
}

/// Makes batches on a thread of its own, beside the inserts; tells when it has ended.
fn make(
    Story { world, stretches, scenario }: Story,
    probe: &str,
    writer: &WriterHandle,
    progress: &ProgressBar,
    stop: &Stop,
) -> Result<oneshot::Receiver<()>, Failure> {
    let (ended, receiver) = oneshot::channel();
    let (probe, writer, progress, stop) =
        (probe.to_owned(), writer.clone(), progress.clone(), stop.clone());
    thread::Builder::new().name("simulate".to_owned()).spawn(move || {
        for batch in world.history(&probe, &stretches, scenario) {
            let is_bin = !batch.observations.is_empty();
            if stop.is_set() || writer.blocking_send(batch).is_err() {
                break;
            }
            progress.inc(u64::from(is_bin));
        }
        // Nobody listens any more only where the program ends.
        let _ = ended.send(());
    })?;
    Ok(receiver)
}

/// Waits until everything is written; whether it was stopped before.
async fn follow(
    writer: &WriterHandle,
    mut made: oneshot::Receiver<()>,
    signals: &mut Signals,
    stop: &Stop,
    progress: &ProgressBar,
) -> Result<bool, Failure> {
    let mut stopped = false;
    let mut closing = false;
    let mut failed = (0, 0);
    // Polled only once everything is made: closing takes nothing more in.
    let closed = writer.close();
    tokio::pin!(closed);
    loop {
        tokio::select! {
            () = signals.received(), if !stopped => {
                stopped = true;
                stop.set();
            }
            _ = &mut made, if !closing => closing = true,
            () = &mut closed, if closing => return Ok(stopped),
            () = tokio::time::sleep(LOOK) => {}
        }
        let stats = writer.stats();
        progress.set_message(format!("{:.1} million rows", stats.written_rows as f64 / 1e6));
        // Failures since the last row that was written.
        if stats.written_rows != failed.0 {
            failed = (stats.written_rows, stats.failed_inserts);
        }
        if let Some(reason) = stats.last_error
            && stats.failed_inserts - failed.1 >= PATIENCE
        {
            return Err(Failure::Failed(anyhow!("the database takes no more rows: {reason}")));
        }
    }
}

fn load(path: &Path) -> Result<Scenario, Failure> {
    let unusable = |what: String| Failure::Unusable(format!("etiage: {}: {what}", path.display()));
    let text = std::fs::read_to_string(path)
        .map_err(|error| unusable(format!("cannot read the scenario: {error}")))?;
    text.parse().map_err(|error: UnusableScenario| unusable(error.to_string()))
}

/// A configured link as one to simulate.
fn spec(link: &Link) -> Result<LinkSpec, Failure> {
    let kind = link.kind.parse();
    Ok(LinkSpec {
        name: link.name.clone(),
        kind: kind.map_err(|error| Failure::Unusable(format!("etiage: {error}")))?,
        capacity_bps: link.capacity_bps.unwrap_or(USUAL_CAPACITY),
        neighbour_asn: link.neighbour_asn,
    })
}

/// An invented link as a configured one.
fn link(spec: &LinkSpec) -> Link {
    let mut link = Link::everything(&spec.name);
    link.kind = spec.kind.name();
    link.capacity_bps = Some(spec.capacity_bps);
    link.neighbour_asn = spec.neighbour_asn;
    link.description = "simulated".to_owned();
    link
}
