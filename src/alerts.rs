//! Alerts: from the detector's transitions to delivery, from delivery to the store's log; and
//! `etiage alerts test`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use etiage_alerts::{Delivery, Event, Logged, Part, Settings, Tested, test_route};
use etiage_detector::{Gain, Loss};
use etiage_store::{AlertLogRow, Store};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::config;
use crate::failure::Failure;
use etiage_detection::{Listener, Stage, Transition};

/// Lines of the log that wait for the store; those beyond are counted.
const WAITING: usize = 1_000;
/// How long after a failure the store is asked again to take the log.
const AGAIN: Duration = Duration::from_secs(5);
/// How long the last lines may take when the program ends.
const LAST: Duration = Duration::from_secs(2);
/// How many parts of an event are told of each kind.
const PARTS: usize = 5;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send a sample to a route's receivers, and say what each answered
    Test {
        /// The route, as the configuration calls it
        #[arg(value_name = "ROUTE")]
        route: String,
        /// The configuration
        #[arg(long, short, value_name = "FILE", default_value = "etiage.toml")]
        config: PathBuf,
    },
}

/// Runs the command.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Command::Test { route: name, config } = &arguments.command;
    let settings = config::load(config)?.alerts;
    let Some(route) = settings.routes.iter().find(|route| route.name == *name) else {
        let names: Vec<&str> = settings.routes.iter().map(|route| route.name.as_str()).collect();
        let known = match names.as_slice() {
            [] => "there is no [[alerts.route]]".to_owned(),
            names => format!("there are {}", names.join(", ")),
        };
        let config = config.display();
        return Err(Failure::Unusable(format!("{config}: no route is called \"{name}\": {known}")));
    };
    let mut failed = Vec::new();
    for Tested { receiver, kind, place, answer, took } in test_route(&settings, route).await {
        let (word, answer) = match answer {
            Ok(answer) => ("took it", answer),
            Err(error) => {
                failed.push(receiver.clone());
                ("did not take it", error)
            }
        };
        let millis = took.as_millis();
        println!("{receiver} ({kind}, {place}) {word} after {millis} ms: {answer}");
    }
    match failed.as_slice() {
        [] => Ok(()),
        failed => Err(Failure::Failed(anyhow!("not told: {}", failed.join(", ")))),
    }
}

/// Routes and receivers, as `etiage check` says them.
pub(crate) fn describe(settings: &Settings) -> Vec<String> {
    if settings.routes.is_empty() {
        return vec!["nobody is told of events: there is no [[alerts.route]]".to_owned()];
    }
    let mut lines = Vec::new();
    for route in &settings.routes {
        let mut words = format!("route {}: {} and worse", route.name, route.severity.name());
        let kinds: Vec<&str> = route.kinds.iter().map(|kind| kind.name()).collect();
        for (what, names) in [
            ("", kinds.join(", ")),
            ("on ", route.links.join(", ")),
            ("with ", route.categories.join(", ")),
        ] {
            if !names.is_empty() {
                words.push_str(&format!(", {what}{names}"));
            }
        }
        words.push_str(&match route.update_every {
            Some(every) => format!("; an update at most every {} min", every.as_secs() / 60),
            None => "; no updates".to_owned(),
        });
        lines.push(format!("{words}; to {}", route.receivers.join(", ")));
    }
    for receiver in &settings.receivers {
        let (kind, place) = (receiver.target.kind(), receiver.target.place());
        lines.push(format!("receiver {}: {kind}, {place}", receiver.name));
    }
    lines
}

/// Delivery, and what writes its log.
pub(crate) struct Alerts {
    delivery: Delivery,
    /// Until there is a store that takes it.
    logged: Option<mpsc::Receiver<Logged>>,
    log: Option<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

impl Alerts {
    /// Opens the outboxes; what waits in them is delivered from now on.
    pub(crate) fn start(settings: Settings) -> Result<Self, Failure> {
        let (log, logged) = mpsc::channel(WAITING);
        let delivery = Delivery::start(settings, log);
        let delivery = delivery.map_err(|error| Failure::Failed(anyhow!("{error}")))?;
        let (stop, _) = watch::channel(false);
        Ok(Self { delivery, logged: Some(logged), log: None, stop })
    }

    /// What became of messages is kept in this store.
    pub(crate) fn log_into(&mut self, store: Store) {
        if let Some(logged) = self.logged.take() {
            self.log = Some(tokio::spawn(keep_log(store, logged, self.stop.subscribe())));
        }
    }

    pub(crate) fn delivery(&self) -> Delivery {
        self.delivery.clone()
    }

    /// Is handed each transition before the store is. When it returns, the transition is on disk.
    pub(crate) fn listener(&self) -> Listener {
        let delivery = self.delivery();
        Box::new(move |transition| {
            let event = event(transition);
            let stage = match transition.stage {
                Stage::Firing => etiage_alerts::Transition::Firing,
                Stage::Update => etiage_alerts::Transition::Update,
                Stage::Resolved => etiage_alerts::Transition::Resolved,
            };
            // It waits for the disk.
            tokio::task::block_in_place(|| delivery.tell(stage, &event));
        })
    }

    /// Ends delivery, and then the log; the store must still be there.
    pub(crate) async fn stop(self) {
        self.delivery.stop().await;
        self.stop.send_replace(true);
        if let Some(log) = self.log {
            // What the store does not take now was told all the same.
            let _ = log.await;
        }
    }
}

/// An event as receivers are told of it.
fn event(Transition { record, row, .. }: &Transition) -> Event {
    let explanation = record.explanation.as_ref();
    let parts = explanation.map_or_else(Vec::new, |explanation| {
        let lists = [
            ("service", &explanation.services),
            ("category", &explanation.categories),
            ("link", &explanation.links),
            ("network", &explanation.networks),
        ];
        lists
            .into_iter()
            .flat_map(|(scope, losses)| {
                losses.iter().take(PARTS).map(move |loss| lost(scope, loss))
            })
            .collect()
    });
    let meanwhile = explanation.map_or_else(Vec::new, |explanation| {
        let ledger = &explanation.ledger;
        let lists = [
            ("category", &ledger.categories),
            ("service", &ledger.services),
            ("link", &ledger.links),
        ];
        lists
            .into_iter()
            .flat_map(|(scope, gains)| {
                gains.iter().take(PARTS).map(move |gain| gained(scope, gain))
            })
            .collect()
    });
    Event {
        id: row.id.clone(),
        subject: row.subject.clone(),
        kind: record.kind(),
        severity: record.event.severity,
        direction: row.direction.clone(),
        onset: record.event.onset,
        confirmed: record.event.confirmed,
        ended: record.event.ended,
        depth_percent: row.depth * 100.0,
        lost_octets: row.lost_octets,
        links: row.links.clone(),
        categories: row.categories.clone(),
        parts,
        meanwhile,
        acknowledged: false,
        silenced_until: None,
    }
}

fn lost(scope: &str, loss: &Loss) -> Part {
    let (name, octets, share) = (loss.name.to_string(), loss.octets, loss.share);
    Part { scope: scope.to_owned(), name, octets, share }
}

fn gained(scope: &str, gain: &Gain) -> Part {
    let (name, octets, share) = (gain.name.to_string(), gain.octets, gain.share);
    Part { scope: scope.to_owned(), name, octets, share }
}

/// Writes what became of messages into the store, again and again until it takes it.
async fn keep_log(
    store: Store,
    mut logged: mpsc::Receiver<Logged>,
    mut stop: watch::Receiver<bool>,
) {
    let mut rows = Vec::new();
    let mut failing = false;
    loop {
        if rows.is_empty() {
            let mut lines = Vec::new();
            tokio::select! {
                _ = logged.recv_many(&mut lines, WAITING) => {}
                _ = stop.wait_for(|stop| *stop) => {
                    while let Ok(line) = logged.try_recv() {
                        lines.push(line);
                    }
                }
            }
            rows.extend(lines.into_iter().map(row));
        }
        let stopping = *stop.borrow();
        if !rows.is_empty() {
            let written = tokio::time::timeout(LAST * 5, store.log_alerts(&rows)).await;
            match written {
                Ok(Ok(())) => {
                    rows.clear();
                    failing = false;
                }
                Ok(Err(error)) if !failing => {
                    tracing::warn!("the log of alerts is not written, and kept: {error}");
                    failing = true;
                }
                Ok(Err(_)) | Err(_) => {}
            }
        }
        if stopping {
            return;
        }
        if !rows.is_empty() {
            // Whoever tells to stop does not wait for the store.
            let _ = tokio::time::timeout(AGAIN, stop.wait_for(|stop| *stop)).await;
        }
    }
}

fn row(logged: Logged) -> AlertLogRow {
    AlertLogRow {
        event: logged.event,
        fingerprint: logged.fingerprint,
        route: logged.route,
        receiver: logged.receiver,
        transition: logged.transition.name().to_owned(),
        at: logged.at,
        outcome: logged.outcome.name().to_owned(),
        error: logged.error,
    }
}
