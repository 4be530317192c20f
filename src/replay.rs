//! `etiage replay`: captures through the same way that live traffic takes.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use etiage_aggregator::{LiveSnapshot, Meter};
use etiage_capture::source::Frame;
use etiage_capture::{LinkLayer, StreamClock, Timestamp};
use etiage_offline::{Next, Worker, Workers};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

use crate::appliance::{Appliance, Detecting, Intake, Signals, Stop};
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::outbox::Outbox;
use crate::privileges::{self, Scope};
use crate::serving::{self, Bound};
use crate::{clock, pump};

/// Longest sleep between two packets, so that a stop is noticed.
const NAP: Duration = Duration::from_millis(100);
/// What a lane's repetition takes at least: a recording of a fraction of a second, played again at once
/// and for ever, would be a flood that nobody has recorded.
const SHORTEST_TURN: Duration = Duration::from_secs(10);
/// By how much a lane's turn is longer than its neighbour's, so that lanes do not march in step.
const TURNS_APART: Duration = Duration::from_millis(250);

/// How long what reads the captures may take to notice the end.
const NOTICE: Duration = Duration::from_millis(1_500);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Captures (pcap or pcapng), played one after the other; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The configuration: links, store, API. Without it one link takes every packet, and the store is
    /// the embedded engine in ./data
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Count every packet on this link. Without it the configured links' VLANs, neighbours and prefixes
    /// tell; a savefile has no interfaces
    #[arg(long, value_name = "NAME")]
    link: Option<String>,
    /// How fast to play
    #[arg(long, value_enum, default_value_t = Pace::Max)]
    pace: Pace,
    /// Move timestamps so that the captures end now; with `--pace real`, so that they begin now
    #[arg(long)]
    rebase_to_now: bool,
    /// Play again from the first file when the last has ended, but not before some 10 s have passed,
    /// until stopped (needs --pace real and --rebase-to-now)
    #[arg(long, requires = "rebase_to_now")]
    repeat: bool,
    /// Play the files side by side, as if each came from an interface of its own
    #[arg(long)]
    together: bool,
    /// Threads that count, each with a flow table of its own. Results are the same for any number (for --pace
    /// max)
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: u8,
    /// Keep API and dashboards running after the last packet, until stopped
    #[arg(long)]
    serve: bool,
    /// Serve API and dashboards here instead of where `[api] listen` says; port 0 is any free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

/// How fast a capture is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Pace {
    /// As its timestamps say
    Real,
    /// As fast as it can be counted; nothing is dropped
    Max,
}

/// What was opened.
pub(crate) struct Opened {
    config: Config,
    plan: Plan,
    bound: Bound,
    stop: Stop,
}

/// Opens what the command needs, and gives up what it does not.
pub(crate) fn prepare(arguments: &Arguments) -> Result<Opened, Failure> {
    let mut config = match &arguments.config {
        Some(path) => config::load(path)?,
        None => config::without_file(arguments.link.as_deref().unwrap_or("replay"))?,
    };
    config.listen_on(arguments.listen)?;
    if let Some(link) = &arguments.link {
        config.only_link(link)?;
    }
    if arguments.repeat && arguments.pace != Pace::Real {
        return Err(Failure::Unusable("etiage: --repeat needs --pace real".to_owned()));
    }
    if arguments.workers > 1 && arguments.pace == Pace::Real {
        let reason = "etiage: --workers is for --pace max: at its own pace one is enough";
        return Err(Failure::Unusable(reason.to_owned()));
    }
    let plan = Plan::new(arguments)?;
    let bound = serving::bind(&config.api)?;
    privileges::give_up(&config, Scope::Appliance)?;
    let stop = Stop::default();
    if arguments.files.iter().any(|file| file == Path::new("-")) {
        pump::stdin(stop.clone()).context("standard input")?;
    }
    Ok(Opened { config, plan, bound, stop })
}

/// Runs the command.
pub(crate) async fn run(arguments: &Arguments, opened: Opened) -> Result<(), Failure> {
    let Opened { config, plan, bound, stop } = opened;
    let mut signals = Signals::listen()?;
    let started = Appliance::start(&config, bound, config.savefile_links(), Detecting::Only);
    let Some(appliance) = signals.unless_received(started).await.transpose()? else {
        tracing::warn!("stopped before a packet was read");
        return Ok(());
    };
    let appliance = appliance.stopped_by(stop);
    tracing::info!("dashboards and API on {}", appliance.url);
    let mut players = JoinSet::new();
    let bars = bars();
    for (files, lane) in plan.lanes.into_iter().zip(0..) {
        let (intake, bars) = (appliance.intake.clone(), bars.clone());
        let turn = arguments.repeat.then(|| SHORTEST_TURN + TURNS_APART * lane);
        let workers = arguments.workers.into();
        let player = Player { files, pace: arguments.pace, turn, shift: plan.shift, workers };
        players.spawn_blocking(move || player.play(&intake, &bars));
    }
    let result = signals.unless_received(played(&mut players)).await;
    let of_links = match &result {
        Some(Ok(())) => of_links(&appliance.intake.live.snapshot()),
        _ => Ok(()),
    };
    if let Some(Ok(())) = result {
        // A signal ends this too: a database that is away does not take what was played.
        if arguments.serve {
            if let Err(failure) = &of_links {
                tracing::warn!("{failure}");
            }
            if signals.unless_received(appliance.flush()).await.is_some() {
                tracing::info!("replayed; serving until stopped");
            }
            signals.received().await;
        } else {
            signals.unless_received(appliance.settle()).await;
        }
    }
    appliance.intake.stop.set();
    let ended = async { while players.join_next().await.is_some() {} };
    let ended = tokio::time::timeout(NOTICE, ended).await.is_ok();
    if result.is_none() {
        say_where(appliance.intake.live.snapshot().received.packets, ended);
    }
    appliance.stop().await?;
    result.unwrap_or(Ok(())).and(of_links)
}

/// Completes when all was played, or at the first failure.
async fn played(players: &mut JoinSet<Result<(), Failure>>) -> Result<(), Failure> {
    while let Some(played) = players.join_next().await {
        played.map_err(|error| anyhow!("a replay thread has died: {error}"))??;
    }
    Ok(())
}

/// How far a replay came that was stopped.
fn say_where(packets: u64, ended: bool) {
    let so_far = match ended {
        true => "what follows them was not read",
        false => {
            "what reads the captures waits for them and is left alone: what it had read last is lost"
        }
    };
    tracing::warn!("stopped after {packets} packets: {so_far}");
}

/// That packets belong to links: a replay that counts none is a mistake.
fn of_links(seen: &LiveSnapshot) -> Result<(), Failure> {
    let (all, unmapped) = (seen.received.packets, seen.unmapped.packets);
    let advice = "a capture has no interfaces, so `vlan`, `neighbour_mac` and `prefixes` of the links tell \
                  whose a packet is; --link NAME counts them all on one";
    match unmapped {
        0 => Ok(()),
        unmapped if unmapped == all => Err(Failure::Failed(anyhow!(
            "none of the {all} packets belongs to a [[link]], and nothing was counted: {advice}"
        ))),
        unmapped => {
            tracing::warn!("{unmapped} of {all} packets belong to no [[link]]: {advice}");
            Ok(())
        }
    }
}

/// What is played, checked before anything is started.
struct Plan {
    /// Files of a lane are played one after the other, lanes side by side.
    lanes: Vec<Vec<PathBuf>>,
    shift: Shift,
}

/// How timestamps are moved.
#[derive(Clone, Copy, Debug)]
enum Shift {
    /// As they are.
    None,
    /// By so much, later.
    By(i128),
    /// Each file begins when its turn comes.
    BeginNow,
}

impl Plan {
    fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let lanes = if arguments.together {
            arguments.files.iter().map(|file| vec![file.clone()]).collect()
        } else {
            vec![arguments.files.clone()]
        };
        let stdin = arguments.files.iter().any(|file| file == Path::new("-"));
        if stdin && (arguments.rebase_to_now && arguments.pace == Pace::Max || arguments.repeat) {
            return Err(Failure::Unusable(
                "etiage: standard input can be read once only: its end is not known before it is \
                 played, and it cannot be repeated"
                    .to_owned(),
            ));
        }
        let shift = match (arguments.rebase_to_now, arguments.pace) {
            (false, _) => {
                // Every file is opened once, so that a bad one is told before the database is started.
                for file in arguments.files.iter().filter(|file| *file != Path::new("-")) {
                    etiage_capture::source::Savefile::open(file)?;
                }
                Shift::None
            }
            (true, Pace::Real) => Shift::BeginNow,
            (true, Pace::Max) => match etiage_offline::span(&arguments.files)? {
                Some((_, last)) => Shift::By(nanos(clock::now()) - nanos(last)),
                None => Shift::None,
            },
        };
        Ok(Self { lanes, shift })
    }
}

/// Plays the files of one lane.
struct Player {
    files: Vec<PathBuf>,
    pace: Pace,
    /// Play again and again, each time for at least so long.
    turn: Option<Duration>,
    shift: Shift,
    workers: usize,
}

impl Player {
    fn play(&self, intake: &Intake, bars: &MultiProgress) -> Result<(), Failure> {
        let workers = Workers::new(self.workers, clock::now);
        let playing = |(place, classifier)| {
            let intake = Intake { classifier, ..intake.clone() };
            let meter = intake.meter();
            let outbox = intake.add_worker(&meter);
            let leads = place == 0;
            Playing { player: self, intake, meter, outbox, beat: None, bar: None, leads }
        };
        let classifiers = workers.classifiers(&intake.classifier);
        let mut playing: Vec<_> = classifiers.into_iter().enumerate().map(playing).collect();
        let mut result = Ok(());
        let mut stream = StreamClock::default();
        loop {
            let began = Instant::now();
            for file in &self.files {
                let bar = bar(bars, file);
                for playing in &mut playing {
                    (playing.beat, playing.bar) = (None, playing.leads.then(|| bar.clone()));
                }
                // Files that begin when their turn comes follow one another, whatever their own times.
                if matches!(self.shift, Shift::BeginNow) {
                    stream = StreamClock::default();
                }
                let file = std::slice::from_ref(file);
                result =
                    workers.run(file, &mut stream, &mut playing).map(drop).map_err(Failure::from);
                bar.finish_and_clear();
                if result.is_err() || intake.stop.is_set() {
                    break;
                }
            }
            let Some(turn) = self.turn else { break };
            let rested = |playing: &mut Playing<'_>| rest(began, turn, playing);
            if result.is_err() || !playing.iter_mut().all(rested) {
                break;
            }
        }
        for playing in &mut playing {
            playing.meter.finish(&mut playing.outbox.recorder);
            playing.outbox.hand_over(&mut playing.meter, true);
        }
        result
    }
}

/// One worker of a lane.
struct Playing<'a> {
    player: &'a Player,
    intake: Intake,
    meter: Meter,
    outbox: Outbox,
    /// Of the file at hand.
    beat: Option<Beat>,
    bar: Option<ProgressBar>,
    /// Whether it is the one that shows how far they are.
    leads: bool,
}

impl Playing<'_> {
    fn shifted(&self, time: Timestamp) -> Timestamp {
        self.beat.as_ref().map_or(time, |beat| beat.shifted(time))
    }
}

impl Worker for Playing<'_> {
    fn frame(&mut self, layer: LinkLayer, frame: &Frame<'_>, now: Timestamp) -> Next {
        self.advance(now);
        let Self { player, intake, meter, outbox, beat, .. } = self;
        let beat = beat.get_or_insert_with(|| Beat::new(frame.timestamp, player.shift));
        let frame = Frame { timestamp: beat.shifted(frame.timestamp), ..*frame };
        if player.pace == Pace::Real && !beat.wait(frame.timestamp, meter, intake, outbox) {
            return Next::Stop;
        }
        meter.frame(0, layer, &frame, &mut outbox.recorder);
        Next::Continue
    }

    fn frames<'a>(
        &mut self,
        layer: LinkLayer,
        mut frames: impl Iterator<Item = Frame<'a>>,
        mut now: Timestamp,
        meanwhile: impl FnMut(),
    ) -> Next {
        if self.player.pace == Pace::Real {
            let stopped = frames.any(|frame| {
                now = now.max(frame.timestamp);
                self.frame(layer, &frame, now) == Next::Stop
            });
            return if stopped { Next::Stop } else { Next::Continue };
        }
        let Self { player, meter, outbox, beat, .. } = self;
        let frames = frames.map(|frame| {
            let beat = beat.get_or_insert_with(|| Beat::new(frame.timestamp, player.shift));
            Frame { timestamp: beat.shifted(frame.timestamp), ..frame }
        });
        meter.frames(0, layer, frames, meanwhile, &mut outbox.recorder);
        if outbox.is_due(meter) {
            outbox.hand_over(meter, true);
        }
        Next::Continue
    }

    fn implausible(&mut self) {
        self.intake.live.add_implausible();
    }

    fn advance(&mut self, now: Timestamp) {
        // At a pace of its own, time passes by the clock.
        if self.player.pace == Pace::Max {
            self.beat.get_or_insert_with(|| Beat::new(now, self.player.shift));
            let now = self.shifted(now);
            self.meter.advance(now, &mut self.outbox.recorder);
        }
        if self.outbox.is_due(&self.meter) {
            self.outbox.hand_over(&mut self.meter, true);
        }
    }

    fn other_recording(&mut self) {
        self.meter.finish(&mut self.outbox.recorder);
        self.outbox.hand_over(&mut self.meter, true);
        self.meter = self.intake.meter();
    }

    fn epoch(&mut self, octets: u64) -> Next {
        if let Some(bar) = &self.bar {
            bar.inc(octets);
        }
        if self.intake.stop.is_set() { Next::Stop } else { Next::Continue }
    }
}

/// Stream time against the clock.
struct Beat {
    offset: i128,
    /// The first packet, as it is counted, and when it was played.
    first: Timestamp,
    started: Instant,
}

impl Beat {
    fn new(first: Timestamp, shift: Shift) -> Self {
        let offset = match shift {
            Shift::None => 0,
            Shift::By(offset) => offset,
            Shift::BeginNow => nanos(clock::now()) - nanos(first),
        };
        let mut beat = Self { offset, first, started: Instant::now() };
        beat.first = beat.shifted(first);
        beat
    }

    fn shifted(&self, time: Timestamp) -> Timestamp {
        let nanos = (nanos(time) + self.offset).max(0);
        Timestamp::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Waits until a packet is due, stream time passing meanwhile; false if told to stop.
    fn wait(
        &self,
        due: Timestamp,
        meter: &mut Meter,
        intake: &Intake,
        outbox: &mut Outbox,
    ) -> bool {
        loop {
            if intake.stop.is_set() {
                return false;
            }
            let left = due.since(self.first).saturating_sub(self.started.elapsed());
            if left.is_zero() {
                return true;
            }
            if left > NAP {
                let now = self.first.after(self.started.elapsed());
                meter.advance(now, &mut outbox.recorder);
                meter.publish();
                outbox.hand_over(meter, true);
            }
            thread::sleep(left.min(NAP));
        }
    }
}

/// Waits for a turn's end, stream time passing meanwhile; false if told to stop.
fn rest(began: Instant, turn: Duration, playing: &mut Playing<'_>) -> bool {
    let Playing { intake, meter, outbox, .. } = playing;
    while !intake.stop.is_set() {
        let left = turn.saturating_sub(began.elapsed());
        if left.is_zero() {
            return true;
        }
        meter.advance(clock::now(), &mut outbox.recorder);
        meter.publish();
        outbox.hand_over(meter, true);
        thread::sleep(left.min(NAP));
    }
    false
}

fn nanos(time: Timestamp) -> i128 {
    time.as_nanos().into()
}

fn bars() -> MultiProgress {
    if std::io::stderr().is_terminal() {
        MultiProgress::new()
    } else {
        MultiProgress::with_draw_target(indicatif::ProgressDrawTarget::hidden())
    }
}

fn bar(bars: &MultiProgress, file: &Path) -> ProgressBar {
    let octets = std::fs::metadata(file).map(|metadata| metadata.len());
    let bar = octets.map_or_else(|_| ProgressBar::new_spinner(), ProgressBar::new);
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let style = ProgressStyle::with_template("{msg:32} {bar:30} {bytes:>10}/{total_bytes} {eta}");
    bars.add(
        bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(name),
    )
}
