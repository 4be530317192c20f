//! Wiring: store, writer, API and the flag that ends it all; capture and replay put packets in.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use etiage_aggregator::networks::SharedNetworks;
use etiage_aggregator::{Live, Meter, MeterSettings};
use etiage_api::{AllowedHosts, ApiState, EventNotice, StoreKind};
use etiage_capture::LinkMap;
use etiage_classifier::{Classifier, Knowledge};
use etiage_detection::{Listener, Transition, Watch};
use etiage_store::embedded::{Engine, EngineSettings};
use etiage_store::metadata;
use etiage_store::spool::Spool;
use etiage_store::{FlowRecords, RowsLeft, Store, Writer, WriterHandle, WriterSettings};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::alerts::Alerts;
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::flow_records::{Recorder, Recording};
use crate::networks;
use crate::outbox::Outbox;
use crate::serving::{self, Bound};

/// How long the last rows may take to be acknowledged when all was counted.
const LAST_WRITE: Duration = Duration::from_secs(10);
/// How long everything may take to end, whatever does not answer; and until when each part may.
/// A loaded machine takes a second more to let a process go.
const END: Duration = Duration::from_millis(7_500);
const SPOOLED_BY: Duration = Duration::from_secs(3);
const WRITTEN_BY: Duration = Duration::from_secs(4);
const SERVED_BY: Duration = Duration::from_secs(5);
/// Set once, by a signal or a failure: everything comes to its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<OnceLock<Instant>>);

impl Stop {
    /// Whether to stop.
    pub(crate) fn is_set(&self) -> bool {
        self.0.get().is_some()
    }

    /// Stops everything.
    pub(crate) fn set(&self) {
        self.0.get_or_init(Instant::now);
    }

    /// What is left of the time that something may take from the stop on.
    fn left(&self, of: Duration) -> Duration {
        of.saturating_sub(self.0.get_or_init(Instant::now).elapsed())
    }
}

/// What capture and replay threads need.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) settings: MeterSettings,
    pub(crate) classifier: Classifier,
    pub(crate) networks: Arc<SharedNetworks>,
    pub(crate) live: Arc<Live>,
    pub(crate) writer: WriterHandle,
    pub(crate) stop: Stop,
    pub(crate) workers: Arc<AtomicU32>,
    pub(crate) recording: Option<Arc<Recording>>,
}

impl Intake {
    /// One more worker has a meter, whose flow table counts in the capacity; where it hands over what that
    /// has counted.
    pub(crate) fn add_worker(&self, meter: &Meter) -> Outbox {
        self.live.add_flow_capacity(meter.stats().table.capacity as u64);
        let number = self.workers.fetch_add(1, Ordering::Relaxed);
        let recorder = Recorder::new(self.recording.clone());
        let writer = self.writer.clone();
        Outbox::new(number, writer, self.live.clone(), (recorder, self.stop.clone()))
    }

    /// A meter for a worker, with an empty flow table.
    pub(crate) fn meter(&self) -> Meter {
        Meter::new(&self.settings, self.classifier.clone(), Some(self.live.clone()))
            .with_networks(self.networks.clone())
            .with_clock(crate::clock::nanos)
    }
}

/// Whether events are looked for beside what goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detecting {
    /// Unless the configuration says no.
    Unless,
    /// Only if the configuration says yes: what is replayed is seldom what happens now.
    Only,
}

/// Tells the live streams of transitions.
fn announce(state: ApiState) -> Listener {
    Box::new(move |Transition { row, .. }| {
        state.announce(EventNotice {
            id: row.id.clone(),
            state: row.state.clone(),
            kind: row.kind.clone(),
            severity: row.severity.clone(),
        });
    })
}

/// The running appliance, but for what brings packets in.
pub(crate) struct Appliance {
    pub(crate) intake: Intake,
    /// Where dashboards and API are.
    pub(crate) url: String,
    engine: Option<JoinHandle<()>>,
    engine_stop: watch::Sender<bool>,
    detection: Option<JoinHandle<()>>,
    server: JoinHandle<()>,
    server_stop: watch::Sender<bool>,
    alerts: Option<Alerts>,
    records: Option<FlowRecords>,
    spool: PathBuf,
}

impl Appliance {
    /// Starts everything, in the order in which it can fail: the spool, the database and its schema, the
    /// writer, the API. Its port is bound already, and capture comes last: nothing is captured that could
    /// not be stored.
    pub(crate) async fn start(
        config: &Config,
        bound: Bound,
        links: LinkMap,
        detection: Detecting,
    ) -> Result<Self, Failure> {
        let doors = bound.open()?;
        let address = doors.tcp.local_addr()?;
        let certificates = serving::certificates(&config.api)?;
        // Before the database: what holds the spool most likely holds the data directory too.
        let spool = open_spool(&config.spool)?;
        let networks = networks::load(config)?;
        let detects = config.detection.enabled.unwrap_or(detection == Detecting::Unless);
        let tells = detects && !config.alerts.receivers.is_empty();
        let mut alerts = if tells { Some(Alerts::start(config.alerts.clone())?) } else { None };
        let (store, store_kind, engine) = open_store(&config.store).await?;
        if let Some(alerts) = &mut alerts {
            alerts.log_into(store.clone());
        }
        let (engine_stop, engine_stopped) = watch::channel(false);
        let engine = engine.map(|engine| tokio::spawn(engine.keep_running(engine_stopped)));
        let writer = start_writer(store.clone(), &config.spool, spool);
        tokio::spawn(store.clone().keep_within_max_size());
        tokio::spawn(store.clone().keep_looking_for_damage());
        let records = config.flow_records.map(|_| FlowRecords::spawn(store.clone()));
        let names = config.link_names();
        let live = Arc::new(Live::new(names.clone()));
        let knowledge = Arc::new(Knowledge::default());
        let classifier = Classifier::new(config.rules.clone(), knowledge.clone());
        let state = ApiState::start(etiage_api::Settings {
            hosts: AllowedHosts::for_address(address.ip(), &config.api.hosts),
            certificates,
            networks: networks.clone(),
            alerts: alerts.as_ref().map(Alerts::delivery),
            flow_records: records.clone(),
            ..serving::api_settings(
                config,
                (store.clone(), store_kind),
                writer.clone(),
                live.clone(),
                knowledge,
            )?
        });
        let (server_stop, mut stopped) = watch::channel(false);
        let fresh =
            networks::keep_fresh(config.networks.clone(), networks.clone(), stopped.clone());
        tokio::spawn(fresh);
        let detection = detects.then(|| {
            let mut listeners = vec![announce(state.clone())];
            listeners.extend(alerts.as_ref().map(Alerts::listener));
            let settings = Watch { history: config.history(store), listeners };
            tokio::spawn(etiage_detection::watch(settings, stopped.clone()))
        });
        let server = tokio::spawn(async move {
            etiage_api::serve(doors, state, told(&mut stopped)).await;
        });
        let recording = config.flow_records.zip(records.clone()).map(|(settings, records)| {
            let names = (config.probe.clone(), names.clone());
            let rules = config.rules.clone();
            Arc::new(Recording::new(settings, config.local(), names, rules, records))
        });
        let settings = MeterSettings {
            probe: config.probe.clone(),
            links: Arc::new(links),
            link_names: names,
            flows: config.flows,
            vlan_in_key: config.vlan_in_key,
        };
        let intake = Intake {
            settings,
            classifier,
            networks,
            live,
            writer,
            stop: Stop::default(),
            workers: Arc::default(),
            recording,
        };
        Ok(Self {
            intake,
            url: format!("{}://{address}", config.api.scheme()),
            engine,
            engine_stop,
            detection,
            server,
            server_stop,
            alerts,
            records,
            spool: config.spool.settings.directory.clone(),
        })
    }

    /// Ends when this says so; who brings packets in may know of it before.
    pub(crate) fn stopped_by(mut self, stop: Stop) -> Self {
        self.intake.stop = stop;
        self
    }

    /// Waits until what was counted so far is written.
    pub(crate) async fn flush(&self) {
        self.intake.writer.flush().await;
        if let Some(records) = &self.records {
            records.flush().await;
        }
    }

    /// Waits until what was counted is written, but not for ever.
    pub(crate) async fn settle(&self) {
        // What is not written by then is told at the end.
        let _ = tokio::time::timeout(LAST_WRITE, self.flush()).await;
    }

    /// Ends everything in order, within ten seconds from the stop on: what was counted is in the spool, and
    /// written if the database takes it soon; then the API and the engine stop.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        let Self {
            intake,
            engine,
            engine_stop,
            detection,
            server,
            server_stop,
            alerts,
            records,
            spool,
            ..
        } = self;
        let stop = &intake.stop;
        let spooled =
            tokio::time::timeout(stop.left(SPOOLED_BY), intake.writer.spooled()).await.is_ok();
        let recorded = async {
            if let Some(records) = records {
                records.flush().await;
            }
        };
        let (written, recorded) = tokio::join!(
            tokio::time::timeout(stop.left(WRITTEN_BY), intake.writer.close()),
            tokio::time::timeout(stop.left(WRITTEN_BY), recorded),
        );
        if recorded.is_err() {
            tracing::warn!("the last records of flows could not be written, and are lost");
        }
        server_stop.send_replace(true);
        let left = stop.left(SERVED_BY);
        let alerts = async {
            if let Some(alerts) = alerts {
                // What was not sent waits on disk.
                let _ = tokio::time::timeout(left, alerts.stop()).await;
            }
        };
        // The API has nothing left to lose; what detection had not kept it finds again.
        let detection = async {
            if let Some(detection) = detection {
                end(detection, left).await;
            }
        };
        tokio::join!(end(server, left), detection, alerts);
        engine_stop.send_replace(true);
        if let Some(engine) = engine {
            // An engine that is not asked to end any more is killed.
            end(engine, stop.left(END)).await;
        }
        let mut stats = intake.writer.stats();
        if !spool.join("cursor").exists() {
            // Somebody has removed it: what had been in it is nowhere.
            stats.spool = None;
        }
        let left = RowsLeft::of(&stats, spooled, written.is_ok()).tell();
        left.map_err(|lost| Failure::Failed(lost.into()))
    }
}

fn open_spool(config: &config::Spool) -> Result<Spool, Failure> {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let now = u32::try_from(now).unwrap_or(u32::MAX);
    Spool::open(config.settings.clone(), now).map_err(|error| Failure::Failed(anyhow!("{error}")))
}

fn start_writer(store: Store, config: &config::Spool, spool: Spool) -> WriterHandle {
    let rows_per_second = config.rows_per_second;
    let settings = WriterSettings { rows_per_second, ..WriterSettings::default() };
    // Its task ends when it is closed, or with the program.
    Writer::with_spool(store, settings, spool).0
}

/// The signals that end the program, listened for from the first moment on: one that comes while
/// nobody waits for it is not lost.
pub(crate) struct Signals(watch::Receiver<bool>);

impl Signals {
    /// Starts to listen for SIGINT and SIGTERM. A second one ends the program at once.
    pub(crate) fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (told, signals) = watch::channel(false);
        tokio::spawn(async move {
            for count in 0.. {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if count > 0 {
                    eprintln!("etiage: stopped at once; what was not yet written is lost");
                    std::process::exit(1);
                }
                told.send_replace(true);
            }
        });
        Ok(Self(signals))
    }

    /// Completes once a signal has come, however long ago.
    pub(crate) async fn received(&mut self) {
        told(&mut self.0).await;
    }

    /// What comes of something, unless a signal ends it before.
    pub(crate) async fn unless_received<T>(&mut self, what: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            () = self.received() => None,
            done = what => Some(done),
        }
    }
}

pub(crate) async fn open_store(
    store: &config::Store,
) -> Result<(Store, StoreKind, Option<Engine>), Failure> {
    match store {
        config::Store::Server(settings) => {
            let store = Store::open(settings).await.map_err(failed)?;
            Ok((store, StoreKind::Server, None))
        }
        config::Store::Embedded { data, library, memory, kept, backups } => {
            let put_back = metadata::put_back(data).unwrap_or_else(|error| {
                tracing::warn!("copies of {} cannot be looked at: {error}", data.display());
                Vec::new()
            });
            let settings = EngineSettings {
                program: engine_program()?,
                library: engine_library(library.clone()),
                data: data.clone(),
                memory: *memory,
                backups: backups.clone(),
            };
            let engine = Engine::start(&settings).await.map_err(failed)?;
            match Store::open(&kept.apply(engine.settings())).await {
                Ok(store) => {
                    if let Err(error) = metadata::save(data) {
                        tracing::warn!("{} cannot be copied: {error}", data.display());
                    }
                    store.note_damage(put_back);
                    let store = store.with_backups_in(backups.clone());
                    Ok((store, StoreKind::Embedded, Some(engine)))
                }
                Err(error) => {
                    engine.stop().await;
                    Err(failed(error))
                }
            }
        }
    }
}

/// The store's errors say all there is to say, causes included.
pub(crate) fn failed(error: etiage_store::Error) -> Failure {
    Failure::Failed(anyhow!("{error}"))
}

/// `etiage-clickhouse` stands beside this program.
pub(crate) fn engine_program() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().context("cannot tell where this program is")?;
    Ok(own.with_file_name("etiage-clickhouse"))
}

/// The engine's library: as configured, as the environment says, beside this program, or where
/// packages put it.
pub(crate) fn engine_library(configured: Option<PathBuf>) -> PathBuf {
    let from_environment = || std::env::var_os("ETIAGE_ENGINE_LIBRARY").map(PathBuf::from);
    let beside = || {
        let own = std::env::current_exe().ok()?.with_file_name("libchdb.so");
        own.exists().then_some(own)
    };
    configured
        .or_else(from_environment)
        .or_else(beside)
        .unwrap_or_else(|| PathBuf::from("/usr/lib/etiage/libchdb.so"))
}

/// Completes when told to stop.
async fn told(stop: &mut watch::Receiver<bool>) {
    // A closed channel means that the appliance is gone: the same as a stop.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Waits for a task to end by itself, and ends it.
async fn end(mut task: JoinHandle<()>, within: Duration) {
    if tokio::time::timeout(within, &mut task).await.is_err() {
        task.abort();
        let _ = task.await; // Ended, by whom does not matter.
    }
}
