//! `etiage run`: live capture on the configured links.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::anyhow;
use etiage_aggregator::Meter;
use etiage_capture::source::{LiveSettings, LiveSource, Received, SourceError};
use etiage_capture::{InterfaceIndex, LinkIndex, Timestamp};
use tokio::sync::mpsc;

use crate::appliance::{Appliance, Intake, Signals};
use crate::cli;
use crate::config::{self, Config};
use crate::failure::Failure;

/// How long a capture thread waits for a packet before it looks at the time and at the stop flag.
const WAIT: Duration = Duration::from_millis(100);
/// How far behind the clock stream time is moved when no packet comes: the kernel hands packets over
/// up to 100 ms late.
const BEHIND: Duration = Duration::from_secs(1);
/// Packets after which a busy capture thread looks at the stop flag and at the kernel's counters.
const LOOK_EVERY: u32 = 4096;

/// Runs the command.
pub(crate) async fn run(arguments: &cli::Run) -> Result<(), Failure> {
    let mut config = config::load(&arguments.config)?;
    config.listen_on(arguments.listen)?;
    if config.links.is_empty() {
        let name = arguments.config.display();
        return Err(Failure::Unusable(format!("{name}: there is no [[link]]: nothing to capture")));
    }
    let sources = open(&config)?;
    let mut signals = Signals::listen()?;
    let appliance = Appliance::start(&config, config.live_links()).await?;
    tracing::info!("dashboards and API on http://{}", appliance.address);
    let (failed, mut failures) = mpsc::channel(1);
    let mut threads = Vec::new();
    for (source, interface) in sources.into_iter().zip(0..) {
        let name = config.interfaces.get(usize::from(interface)).cloned().unwrap_or_default();
        tracing::info!("capturing on {name}");
        let (intake, failed) = (appliance.intake.clone(), failed.clone());
        let link = first_link(&config, interface);
        let thread = thread::Builder::new().name(format!("capture-{name}")).spawn(move || {
            if let Err(error) = capture(source, interface, link, &intake) {
                // Only the first failure is told: it ends them all.
                let _ = failed.try_send(error);
            }
        })?;
        threads.push(thread);
    }
    let failure = tokio::select! {
        () = signals.received() => None,
        error = failures.recv() => error.map(Failure::from),
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

/// Opens every interface before anything else is started: what is not there is said at once.
fn open(config: &Config) -> Result<Vec<LiveSource>, SourceError> {
    let open = |interface: &String| {
        LiveSource::open(&LiveSettings {
            interface: interface.clone(),
            snap_octets: config.capture.snap_octets,
            ring_octets: config.capture.ring_octets,
            promiscuous: config.capture.promiscuous,
        })
    };
    config.interfaces.iter().map(open).collect()
}

/// The link on which an interface's losses are counted: the first that it captures for. Which link a
/// lost packet was of cannot be known.
fn first_link(config: &Config, interface: InterfaceIndex) -> LinkIndex {
    let captures =
        |link: &config::Link| link.rule.interfaces.iter().any(|(own, _)| *own == interface);
    config.links.iter().position(captures).unwrap_or(0) as LinkIndex
}

fn capture(
    mut source: LiveSource,
    interface: InterfaceIndex,
    link: LinkIndex,
    intake: &Intake,
) -> Result<(), SourceError> {
    intake.add_worker();
    let mut meter = intake.meter();
    let layer = source.link_layer();
    let mut result = Ok(());
    while !intake.stop.is_set() && result.is_ok() {
        let mut idle = false;
        for _ in 0..LOOK_EVERY {
            match source.receive() {
                Ok(Received::Frame(frame)) => meter.frame(interface, layer, &frame, &mut ()),
                Ok(Received::Nothing) => {
                    idle = true;
                    break;
                }
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        if let Ok(drops) = source.drops() {
            intake.live.add_kernel_drops(drops.kernel.into(), drops.interface.into());
            meter.lost(link, u64::from(drops.kernel) + u64::from(drops.interface));
        }
        if idle {
            meter.advance(clock().before(BEHIND), &mut ());
        }
        meter.publish();
        hand_over(&mut meter, intake);
        if idle {
            source.wait(WAIT);
        }
    }
    meter.finish(&mut ());
    hand_over(&mut meter, intake);
    result
}

/// Gives closed intervals to the writer, which never makes a capture thread wait.
fn hand_over(meter: &mut Meter, intake: &Intake) {
    for batch in meter.take_batches() {
        if let Err(batch) = intake.writer.try_send(batch) {
            let packets = batch.observations.iter().map(|observation| observation.packets).sum();
            intake.live.add_queue_drops(packets);
        }
    }
}

/// The system's clock: live packets are stamped with it by the kernel.
pub(crate) fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
