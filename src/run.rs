//! `etiage run`: live capture on the configured links.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::Args;
use etiage_aggregator::{Live, Load, Look, Meter, Pressure, RING_HEADER};
use etiage_capture::source::{Frame, LiveSettings, LiveSource, Received, SourceError, pin_to_core};
use etiage_capture::{InterfaceIndex, LinkIndex, WallClock};
use tokio::sync::mpsc;

use crate::appliance::{Appliance, Detecting, Intake, Signals};
use crate::clock;
use crate::config::{self, Capture, Config, Interface};
use crate::failure::Failure;
use crate::flow_records::Recorder;
use crate::privileges::{self, Scope};
use crate::serving::{self, Bound};

/// How long a capture thread waits for a packet before it looks at the time and at the stop flag.
const WAIT: Duration = Duration::from_millis(100);
/// How far behind the clock stream time is moved when no packet comes: the kernel hands packets over
/// up to 100 ms late.
const BEHIND: Duration = Duration::from_secs(1);
/// Packets after which a busy capture thread looks at the stop flag and at the kernel's counters.
const LOOK_EVERY: u32 = 4096;

/// The kernel hands over what it has taken within two turns of the timer of its blocks, of 100 ms each.
const HANDED_OVER: Duration = Duration::from_millis(250);
/// How long a ring may take to be emptied at the end.
const DRAINING: Duration = Duration::from_millis(500);
/// After how long it is looked whether packets belong to links.
const LINKS_LOOKED_AT: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The configuration
    #[arg(long, short, value_name = "FILE", default_value = "etiage.toml")]
    config: PathBuf,
    /// Serve API and dashboards here instead of where `[api] listen` says; port 0 is any free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

/// What was opened.
pub(crate) struct Opened {
    config: Config,
    sources: Vec<Vec<LiveSource>>,
    bound: Bound,
}

/// Opens what capture needs, and gives up what it does not.
pub(crate) fn prepare(arguments: &Arguments) -> Result<Opened, Failure> {
    let mut config = config::load(&arguments.config)?;
    config.listen_on(arguments.listen)?;
    if config.links.is_empty() {
        let name = arguments.config.display();
        return Err(Failure::Unusable(format!("{name}: there is no [[link]]: nothing to capture")));
    }
    let sources = open(&config)?;
    let bound = serving::bind(&config.api)?;
    privileges::give_up(&config, Scope::Appliance)?;
    privileges::warn_of_root();
    Ok(Opened { config, sources, bound })
}

/// Runs the command.
pub(crate) async fn run(opened: Opened) -> Result<(), Failure> {
    let Opened { config, sources, bound } = opened;
    let mut signals = Signals::listen()?;
    let started = Appliance::start(&config, bound, config.live_links(), Detecting::Unless);
    let Some(appliance) = signals.unless_received(started).await.transpose()? else {
        return Ok(());
    };
    tracing::info!("dashboards and API on {}", appliance.url);
    let (failed, mut failures) = mpsc::channel(1);
    let mut threads = Vec::new();
    for ((group, interface), index) in sources.into_iter().zip(&config.interfaces).zip(0..) {
        let Interface { name, capture } = interface;
        let link = first_link(&config, index);
        tracing::info!("capturing on {name}{}", shared(capture));
        for (source, worker) in group.into_iter().zip(0..) {
            let (intake, failed) = (appliance.intake.clone(), failed.clone());
            let core = capture.cores.get(worker).copied();
            let load = Load::new(capture.ring_octets);
            let name = format!("{name}, worker {worker}");
            let thread = thread::Builder::new().name(format!("capture-{index}-{worker}"));
            let wall = WallClock::new(clock::now);
            let capturing = Capturing { name, source, load, interface: index, link, wall, intake };
            let thread = thread.spawn(move || {
                if let Err(error) = capturing.run(core) {
                    // Only the first failure is told: it ends them all.
                    let _ = failed.try_send(error);
                }
            })?;
            threads.push(thread);
        }
    }
    let failure = tokio::select! {
        () = signals.received() => None,
        error = failures.recv() => error.map(Failure::from),
        () = look_at_links(&appliance.intake.live) => None,
    };
    appliance.intake.stop.set();
    let joined = tokio::task::spawn_blocking(move || {
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| anyhow!("a capture thread has died")))
    });
    let joined = joined.await.map_err(|error| Failure::Failed(error.into()))?;
    appliance.stop().await?;
    joined?;
    failure.map_or(Ok(()), Err)
}

/// Says so if no packet belongs to a link: a condition is wrong, most likely.
async fn look_at_links(live: &Live) {
    tokio::time::sleep(LINKS_LOOKED_AT).await;
    let seen = live.snapshot();
    if seen.received.packets > 0 && seen.received == seen.unmapped {
        tracing::warn!(
            "none of the {} packets that were received belongs to a [[link]]: look at `vlan`, \
             `neighbour_mac` and `prefixes` of the links",
            seen.received.packets
        );
    }
    std::future::pending().await
}

/// Opens every interface before anything else is started: what is not there is said at once.
fn open(config: &Config) -> Result<Vec<Vec<LiveSource>>, SourceError> {
    let open = |Interface { name, capture }: &Interface| {
        LiveSource::open_group(&LiveSettings {
            interface: name.clone(),
            snap_octets: capture.snap_octets,
            ring_octets: capture.ring_octets,
            workers: capture.workers,
            promiscuous: capture.promiscuous,
        })
    };
    let mut sources: Vec<_> = config.interfaces.iter().map(open).collect::<Result<_, _>>()?;
    // From now on each packet comes to one source only.
    let since = clock::now();
    sources.iter_mut().flatten().for_each(|source| source.show_since(since));
    Ok(sources)
}

/// What is said of an interface with several workers.
fn shared(capture: &Capture) -> String {
    match capture.workers {
        1 => String::new(),
        workers => format!(", {workers} workers"),
    }
}

/// The link on which an interface's losses are counted: the first that it captures for. Which link a
/// lost packet was of cannot be known.
fn first_link(config: &Config, interface: InterfaceIndex) -> LinkIndex {
    let captures =
        |link: &config::Link| link.rule.interfaces.iter().any(|(own, _)| *own == interface);
    config.links.iter().position(captures).unwrap_or(0) as LinkIndex
}

/// What was taken out of a ring at once.
#[derive(Clone, Copy, Debug)]
struct Taken {
    /// Whether that was all.
    all: bool,
    /// Octets of the ring.
    octets: u64,
}

/// One capture thread.
struct Capturing {
    /// The interface's name and the worker's number.
    name: String,
    source: LiveSource,
    load: Load,
    interface: InterfaceIndex,
    link: LinkIndex,
    /// Judges the kernel's stamps.
    wall: WallClock,
    intake: Intake,
}

impl Capturing {
    fn run(mut self, core: Option<u16>) -> Result<(), SourceError> {
        if let Some(core) = core
            && let Err(error) = pin_to_core(core)
        {
            tracing::warn!("a capture thread cannot be kept on core {core}: {error}");
        }
        let mut meter = self.intake.meter();
        let mut outbox = self.intake.add_worker(&meter);
        let started = Instant::now();
        let mut result = Ok(());
        while !self.intake.stop.is_set() && result.is_ok() {
            let received = self.receive(&mut meter, &mut outbox.recorder);
            let idle = matches!(received, Ok(Taken { all: true, .. }));
            let octets = received.as_ref().map_or(0, |received| received.octets);
            result = received.map(drop);
            let mut dropped = 0;
            if let Ok(drops) = self.source.drops() {
                dropped = drops.kernel.into();
                self.intake.live.add_kernel_drops(dropped, drops.interface.into());
                meter.lost(self.link, u64::from(drops.kernel) + u64::from(drops.interface));
            }
            let lag = if idle { Duration::ZERO } else { clock::now().since(meter.now()) };
            self.ease(&mut meter, &Look { now: started.elapsed(), lag, octets, dropped });
            if idle {
                meter.advance(clock::now().before(BEHIND), &mut outbox.recorder);
            }
            meter.publish();
            outbox.hand_over(&mut meter, false);
            if idle {
                self.source.wait(WAIT);
            }
        }
        let drained = result.is_ok().then(|| self.drain(&mut meter, &mut outbox.recorder));
        meter.finish(&mut outbox.recorder);
        outbox.hand_over(&mut meter, false);
        result.and(drained.unwrap_or(Ok(())))
    }

    /// Counts what had come before the end and is in the kernel's ring still; what there is no time for is
    /// lost, and counted as that.
    fn drain(&mut self, meter: &mut Meter, recorder: &mut Recorder) -> Result<(), SourceError> {
        let (until, began) = (clock::now(), Instant::now());
        let mut counted = 0_u64;
        loop {
            let elapsed = began.elapsed();
            if elapsed > DRAINING {
                let left = self.source.unread()?.into();
                meter.lost(self.link, left);
                self.intake.live.add_kernel_drops(left, 0);
                tracing::warn!("capture on {}: {left} packets are left in the ring", self.name);
                break;
            }
            let layer = self.source.link_layer();
            match self.source.receive()? {
                Received::Frame(frame) if frame.timestamp > until => break,
                Received::Frame(frame) => {
                    meter.frame(self.interface, layer, &frame, recorder);
                    counted += 1;
                }
                Received::Early => {}
                Received::Nothing if elapsed >= HANDED_OVER => break,
                Received::Nothing => self.source.wait(HANDED_OVER.saturating_sub(elapsed)),
            }
        }
        let drops = self.source.drops()?;
        self.intake.live.add_kernel_drops(drops.kernel.into(), drops.interface.into());
        meter.lost(self.link, u64::from(drops.kernel) + u64::from(drops.interface));
        meter.publish();
        tracing::info!(
            "capture on {}: {counted} packets were in the ring, and are counted",
            self.name
        );
        Ok(())
    }

    /// Leaves out what there is no time for, and says so.
    fn ease(&mut self, meter: &mut Meter, look: &Look) {
        let (before, now) = (meter.pressure(), self.load.look(look));
        if before != now {
            meter.set_pressure(now);
            self.intake.live.change_pressure(before, now);
        }
        if let Some(pressure) = self.load.news(look.now) {
            tracing::warn!("capture on {} {}", self.name, words(pressure));
        }
    }

    /// Counts what is there, but no more than so many packets at once.
    fn receive(
        &mut self,
        meter: &mut Meter,
        recorder: &mut Recorder,
    ) -> Result<Taken, SourceError> {
        self.wall.look();
        let Self { source, interface, intake, wall, .. } = self;
        let layer = source.link_layer();
        let mut octets = 0;
        for _ in 0..LOOK_EVERY {
            match source.receive()? {
                Received::Frame(frame) => {
                    octets += frame.data.len() as u64 + RING_HEADER;
                    let timestamp = if wall.allows(frame.timestamp) {
                        frame.timestamp
                    } else {
                        intake.live.add_implausible();
                        meter.now()
                    };
                    meter.frame(*interface, layer, &Frame { timestamp, ..frame }, recorder);
                }
                Received::Early => {}
                Received::Nothing => return Ok(Taken { all: true, octets }),
            }
        }
        Ok(Taken { all: false, octets })
    }
}

/// What an operator reads when capture begins or ends to leave things out.
const fn words(pressure: Pressure) -> &'static str {
    match pressure {
        Pressure::Normal => "keeps up again",
        Pressure::Unprobed => {
            "cannot keep up: new flows are counted by port, without being looked at"
        }
        Pressure::Sampled { .. } => {
            "cannot keep up: new flows are sampled, and counted by estimate"
        }
    }
}
