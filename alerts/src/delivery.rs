//! The tasks that empty the outboxes, one a receiver, and what they count.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use crate::message::MessageContext;
use crate::outbox::{self, Outbox};
use crate::queue::{By, Held, Item, JournalEntry, Labels, Limits, Outcome, Steps, Work};
use crate::send::{SendError, Sender};
use crate::{Event, OutboxError, Receiver, Route, Target, Transition};

/// How long what was never tried may still take when the program ends.
const LAST_TRIES: Duration = Duration::from_secs(5);

/// Everything that delivery is told by the program it is part of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The probe's name.
    pub probe: String,
    /// Where people reach the dashboards; without it, no message has a link.
    pub public_url: Option<String>,
    /// Where the outboxes are.
    pub directory: PathBuf,
    /// Who can be told; each by a name of its own.
    pub receivers: Vec<Receiver>,
    /// Who is told of what. All routes that take an event count; a receiver is told once.
    pub routes: Vec<Route>,
    /// What could not be delivered for so long is given up.
    pub give_up_after: Duration,
}

impl Settings {
    /// How long it is tried unless the configuration says otherwise.
    pub const GIVE_UP_AFTER: Duration = Duration::from_secs(72 * 3600);
}

impl Receiver {
    /// Checks what can be checked without sending anything: files, certificates, keys.
    ///
    /// # Errors
    /// What is wrong, with the name of the setting.
    pub fn check(&self) -> Result<(), String> {
        Sender::new(self).map(drop)
    }
}

/// What became of a message, for the log of alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The event's.
    pub event: String,
    /// What the receiver knows it by.
    pub fingerprint: String,
    /// By which route it came.
    pub route: String,
    /// To whom it was to go.
    pub receiver: String,
    /// What was to be told.
    pub transition: Transition,
    /// When, in Unix milliseconds.
    pub at: i64,
    /// What became of it. That it failed is told after the first try only.
    pub outcome: Outcome,
    /// What the receiver said, where it did not take it.
    pub error: String,
}

/// How a receiver is doing. Counted from the start of the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverStats {
    /// The receiver.
    pub name: String,
    /// What kind of receiver it is.
    pub kind: &'static str,
    /// Where it is, without what is secret.
    pub place: String,
    /// Messages that wait.
    pub waiting: u64,
    /// When the oldest of them was handed over, in Unix seconds.
    pub oldest: Option<i64>,
    /// Events that it was told of and that are not over.
    pub firing: u64,
    /// Messages it has taken.
    pub delivered: u64,
    /// Tries that failed.
    pub failed_tries: u64,
    /// Messages it did not want.
    pub refused: u64,
    /// Messages that were given up after too long a time.
    pub expired: u64,
    /// Messages that were dropped because too many waited.
    pub overflowed: u64,
    /// Messages that were not sent because their event is silenced or acknowledged.
    pub silenced: u64,
    /// Decisions that could not be written to disk.
    pub failed_writes: u64,
    /// Lines of the outbox that were damaged when the program was started.
    pub damaged: u64,
    /// Lines of the log of alerts that found nobody who takes them.
    pub unlogged: u64,
    /// What the last try failed of; nothing after a success.
    pub last_error: Option<String>,
    /// When it has taken a message last, in Unix seconds.
    pub last_delivered: Option<i64>,
}

/// Delivers. Cheap to clone; the tasks end with [`Delivery::stop`].
#[derive(Clone, Debug)]
pub struct Delivery(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    routes: Vec<Route>,
    queues: Vec<Arc<ReceiverQueue>>,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    _lock: Option<File>,
}

/// What belongs to one receiver.
#[derive(Debug)]
struct ReceiverQueue {
    receiver: Receiver,
    sender: Sender,
    probe: String,
    public_url: Option<String>,
    outbox: Mutex<Outbox>,
    counted: Mutex<ReceiverStats>,
    unlogged: AtomicU64,
    wake: Notify,
    log: mpsc::Sender<Logged>,
}

impl Delivery {
    /// Opens the outboxes and starts a task for each receiver; to be called inside a tokio runtime. What
    /// became of each message goes to `log`, for which nothing waits.
    ///
    /// # Errors
    /// [`OutboxError`] where the directory cannot be used, or a receiver cannot be set up.
    pub fn start(settings: Settings, log: mpsc::Sender<Logged>) -> Result<Self, OutboxError> {
        let Settings { probe, public_url, directory, receivers, routes, give_up_after } = settings;
        let lock = if receivers.is_empty() { None } else { Some(outbox::hold(&directory)?) };
        let give_up_after = i64::try_from(give_up_after.as_millis()).unwrap_or(i64::MAX);
        let (stop, stopped) = watch::channel(false);
        let (mut queues, mut tasks) = (Vec::new(), Vec::new());
        for receiver in receivers {
            let sender = Sender::new(&receiver).map_err(|reason| OutboxError::Receiver {
                receiver: receiver.name.clone(),
                reason,
            })?;
            let repeat = match &receiver.target {
                Target::Alertmanager { repeat, .. } => {
                    Some(i64::try_from(repeat.as_millis()).unwrap_or(i64::MAX))
                }
                _ => None,
            };
            let limits = Limits { give_up_after, repeat, ..Limits::default() };
            let outbox = Outbox::open(&outbox::path(&directory, &receiver.name), limits)?;
            let waiting = outbox.queue().waiting().len();
            if waiting > 0 {
                tracing::info!("alerts: {waiting} messages wait for {}", receiver.name);
            }
            let counted = ReceiverStats {
                name: receiver.name.clone(),
                kind: receiver.target.kind(),
                place: receiver.target.place(),
                damaged: outbox.damaged(),
                ..ReceiverStats::default()
            };
            queues.push(Arc::new(ReceiverQueue {
                receiver,
                sender,
                probe: probe.clone(),
                public_url: public_url.clone(),
                outbox: Mutex::new(outbox),
                counted: Mutex::new(counted),
                unlogged: AtomicU64::new(0),
                wake: Notify::new(),
                log: log.clone(),
            }));
        }
        if lock.is_some() {
            tell_of_strays(&directory, &queues);
        }
        for post in &queues {
            tasks.push(tokio::spawn(serve(post.clone(), stopped.clone())));
        }
        Ok(Self(Arc::new(Inner { routes, queues, stop, tasks: Mutex::new(tasks), _lock: lock })))
    }

    /// Tells everybody whom it concerns. When this returns, it is on disk.
    ///
    /// Said more than once, it is told once: the second firing of an event is an update. An end is told to
    /// those who were told of the event, whatever routes say by now.
    ///
    /// This waits for the disk: inside a runtime, it belongs into `block_in_place` or `spawn_blocking`.
    pub fn tell(&self, transition: Transition, event: &Event) {
        let now = now();
        for post in &self.0.queues {
            let name = &post.receiver.name;
            let mut routes = self.0.routes.iter();
            let route = routes.find(|route| route.receivers.contains(name) && route.takes(event));
            let every = route.and_then(|route| route.update_every);
            let every = every.map(|every| i64::try_from(every.as_millis()).unwrap_or(i64::MAX));
            let by = route.map(|route| By { route: &route.name, update_every: every });
            post.decide(|outbox| outbox.queue().tell(now, transition, event, by));
        }
    }

    /// Somebody has acknowledged an event (no more updates) or silenced it until a moment in Unix seconds,
    /// or taken that back. This waits for the disk, as [`Delivery::tell`] does.
    pub fn mark(&self, event: &str, acknowledged: bool, silenced_until: Option<i64>) {
        for post in &self.0.queues {
            post.decide(|outbox| outbox.queue().mark(event, acknowledged, silenced_until));
        }
    }

    /// The events that somebody was told of, or is to be, and of which nobody has said that they are over.
    pub fn held(&self) -> Vec<Event> {
        let mut held = BTreeMap::new();
        for post in &self.0.queues {
            for Held { event, .. } in post.outbox().queue().held() {
                held.insert(event.id.clone(), event.clone());
            }
        }
        held.into_values().collect()
    }

    /// How the receivers are doing, in the order of the configuration.
    pub fn stats(&self) -> Vec<ReceiverStats> {
        self.0.queues.iter().map(|post| post.stats()).collect()
    }

    /// Ends the tasks. What was never tried is tried once, for a few seconds; the rest waits on disk for the
    /// next start.
    pub async fn stop(&self) {
        self.0.stop.send_replace(true);
        let tasks = std::mem::take(&mut *lock(&self.0.tasks));
        let end = tokio::time::Instant::now() + LAST_TRIES;
        for mut task in tasks {
            if tokio::time::timeout_at(end, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

/// What waits for receivers that are not configured any more.
fn tell_of_strays(directory: &Path, queues: &[Arc<ReceiverQueue>]) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(receiver) = name.strip_suffix(".outbox") else { continue };
        if !queues.iter().any(|post| post.receiver.name == receiver) {
            let path = path.display();
            tracing::warn!(
                "alerts: no receiver is called \"{receiver}\" any more: {path} is left as it is"
            );
        }
    }
}

/// Empties a receiver's outbox.
async fn serve(post: Arc<ReceiverQueue>, mut stop: watch::Receiver<bool>) {
    loop {
        let stopping = *stop.borrow();
        match post.work().await {
            Work::Send { fresh: false, .. } | Work::Repeat(_) | Work::Wait(_) if stopping => return,
            Work::Send { item, known, first, fresh } => {
                post.deliver(*item, known, first, fresh).await;
            }
            Work::Repeat(held) => post.repeat(held).await,
            Work::Wait(until) => {
                let pause = u64::try_from(until.saturating_sub(now())).unwrap_or(0);
                tokio::select! {
                    () = post.wake.notified() => {}
                    () = tokio::time::sleep(Duration::from_millis(pause)) => {}
                    // Whoever may tell to stop is gone: the same as a stop.
                    changed = stop.changed() => if changed.is_err() { return },
                }
            }
        }
    }
}

impl ReceiverQueue {
    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        lock(&self.outbox)
    }

    /// Takes a decision, and writes it down.
    fn decide(&self, decide: impl FnOnce(&Outbox) -> Steps) {
        let mut outbox = self.outbox();
        let steps = decide(&outbox);
        outbox.take(&steps.records);
        drop(outbox);
        self.lose(&steps.lost);
        self.wake.notify_one();
    }

    /// What to do next.
    async fn work(self: &Arc<Self>) -> Work {
        let post = self.clone();
        let working = tokio::task::spawn_blocking(move || {
            let mut outbox = post.outbox();
            let mut lost = Vec::new();
            loop {
                let mut steps = outbox.queue().tidy(now());
                if steps.records.is_empty() {
                    break;
                }
                outbox.take(&steps.records);
                lost.append(&mut steps.lost);
            }
            let work = outbox.queue_mut().next(now());
            drop(outbox);
            post.lose(&lost);
            work
        });
        working.await.unwrap_or_else(|error| {
            tracing::error!("alerts: the outbox cannot be read: {error}");
            Work::Wait(now() + 60_000)
        })
    }

    async fn deliver(self: &Arc<Self>, item: Item, known: Labels, first: u64, fresh: bool) {
        let sent = now();
        let head = self.context();
        let numbers = (item.number, first);
        let mut message = head.message(item.transition, item.event.clone(), numbers, sent / 1_000);
        message.known = known;
        let result = self.sender.send(&message).await;
        let (labels, post) = (message.labels, self.clone());
        let settling =
            tokio::task::spawn_blocking(move || post.settle(&item, labels, fresh, result));
        if let Err(error) = settling.await {
            tracing::error!("alerts: what became of a message was not written down: {error}");
        }
    }

    fn settle(&self, item: &Item, labels: Labels, fresh: bool, result: Result<String, SendError>) {
        let now = now();
        let mut outbox = self.outbox();
        let name = &self.receiver.name;
        let (outcome, error) = match result {
            Ok(answer) => {
                let record = outbox.queue_mut().delivered(item.number, labels, now);
                outbox.take(&[record]);
                tracing::info!(
                    "alerts: {} of event {} told to {name}: {answer}",
                    item.transition,
                    item.event.id
                );
                (Outcome::Delivered, String::new())
            }
            Err(SendError::Refused { reason }) => {
                outbox.take(&[JournalEntry::Settled { number: item.number, taken: None }]);
                (Outcome::Refused, reason)
            }
            Err(SendError::Again { reason, after }) => {
                let after = after.map(|after| i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
                outbox.queue_mut().failed(item.number, now, rand::random(), after);
                (Outcome::Failed, reason)
            }
        };
        drop(outbox);
        match outcome {
            Outcome::Delivered => {
                let mut counted = lock(&self.counted);
                counted.delivered += 1;
                counted.last_delivered = Some(now / 1_000);
                counted.last_error = None;
            }
            Outcome::Failed => {
                self.count_failure(&error);
                if !fresh {
                    return;
                }
            }
            _ => {
                let mut counted = lock(&self.counted);
                counted.refused += 1;
                counted.last_error = Some(error.clone());
                drop(counted);
                tracing::warn!(
                    "alerts: {name} does not want {} of event {}: {error}",
                    item.transition,
                    item.event.id
                );
            }
        }
        self.write_log(item, outcome, error);
    }

    /// Counts a try that failed, and says so where that is news.
    fn count_failure(&self, error: &str) {
        let mut counted = lock(&self.counted);
        counted.failed_tries += 1;
        let news = counted.last_error.as_deref() != Some(error);
        counted.last_error = Some(error.to_owned());
        drop(counted);
        if news {
            tracing::warn!(
                "alerts: {} cannot be told, and is tried again: {error}",
                self.receiver.name
            );
        }
    }

    async fn repeat(&self, held: Vec<Held>) {
        let head = self.context();
        let now_secs = now() / 1_000;
        let messages = held.into_iter().map(|Held { event, first, labels, .. }| {
            let mut message = head.message(Transition::Firing, event, (first, first), now_secs);
            message.known = labels;
            message
        });
        let result = self.sender.repeat(&messages.collect::<Vec<_>>()).await;
        let failed = match result {
            Ok(_) => None,
            Err(error) => {
                self.count_failure(error.reason());
                match error {
                    SendError::Again { after: Some(after), .. } => {
                        Some(Some(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)))
                    }
                    _ => Some(None),
                }
            }
        };
        if failed.is_none() {
            lock(&self.counted).last_error = None;
        }
        self.outbox().queue_mut().repeated(now(), rand::random(), failed);
    }

    fn context(&self) -> MessageContext<'_> {
        MessageContext {
            probe: &self.probe,
            public_url: self.public_url.as_deref(),
            receiver: &self.receiver.name,
            templates: &self.receiver.templates,
        }
    }

    /// Counts, and logs, what will not be delivered.
    fn lose(&self, lost: &[(Item, Outcome)]) {
        for (item, outcome) in lost {
            let mut counted = lock(&self.counted);
            match outcome {
                Outcome::Expired => counted.expired += 1,
                Outcome::Overflow => counted.overflowed += 1,
                _ => counted.silenced += 1,
            }
            drop(counted);
            if *outcome != Outcome::Silenced {
                let (name, outcome) = (&self.receiver.name, outcome.name());
                tracing::warn!(
                    "alerts: {} of event {} is not told to {name}: {outcome}",
                    item.transition,
                    item.event.id
                );
            }
            self.write_log(item, *outcome, String::new());
        }
    }

    fn write_log(&self, item: &Item, outcome: Outcome, error: String) {
        let logged = Logged {
            event: item.event.id.clone(),
            fingerprint: item.event.fingerprint(&self.probe),
            route: item.route.clone(),
            receiver: self.receiver.name.clone(),
            transition: item.transition,
            at: now(),
            outcome,
            error,
        };
        if self.log.try_send(logged).is_err() {
            self.unlogged.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn stats(&self) -> ReceiverStats {
        let outbox = self.outbox();
        let queue = outbox.queue();
        let waiting = queue.waiting().len() as u64;
        let oldest = queue.waiting().map(|item| item.at / 1_000).min();
        let firing = queue.held().filter(|held| held.fired).count() as u64;
        let failed_writes = outbox.failed_writes();
        drop(outbox);
        let unlogged = self.unlogged.load(Ordering::Relaxed);
        let counted = lock(&self.counted).clone();
        ReceiverStats { waiting, oldest, firing, failed_writes, unlogged, ..counted }
    }
}

/// What a receiver said to a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// The receiver.
    pub receiver: String,
    /// What kind it is.
    pub kind: &'static str,
    /// Where it is, without what is secret.
    pub place: String,
    /// What it answered, or why it did not take it.
    pub answer: Result<String, String>,
    /// How long that took.
    pub took: Duration,
}

/// Sends a sample to a route's receivers, past the outboxes. Programs are told its end too, or how soon it
/// ends, so that nothing stays open.
pub async fn test_route(settings: &Settings, route: &Route) -> Vec<Tested> {
    let mut tested = Vec::new();
    let receivers = settings.receivers.iter();
    for receiver in receivers.filter(|receiver| route.receivers.contains(&receiver.name)) {
        let started = Instant::now();
        let answer = test(settings, receiver).await;
        tested.push(Tested {
            receiver: receiver.name.clone(),
            kind: receiver.target.kind(),
            place: receiver.target.place(),
            answer,
            took: started.elapsed(),
        });
    }
    tested
}

async fn test(settings: &Settings, receiver: &Receiver) -> Result<String, String> {
    let mut receiver = receiver.clone();
    if let Target::Alertmanager { repeat, .. } = &mut receiver.target {
        // Long enough for it to notify somebody, and over in a minute.
        *repeat = Duration::from_secs(15);
    }
    let sender = Sender::new(&receiver)?;
    let head = MessageContext {
        probe: &settings.probe,
        public_url: settings.public_url.as_deref(),
        receiver: &receiver.name,
        templates: &receiver.templates,
    };
    let now = now();
    let number = u64::try_from(now).unwrap_or(0);
    let event = Event::sample(now / 1_000);
    let send = async |transition, event, numbers| {
        let message = head.message(transition, event, numbers, now / 1_000);
        sender.send(&message).await.map_err(|error| error.reason().to_owned())
    };
    let answer = send(Transition::Firing, event.clone(), (number, number)).await?;
    if matches!(receiver.target, Target::Webhook { .. }) {
        let over = Event { ended: Some(now / 1_000), ..event };
        let end = send(Transition::Resolved, over, (number + 1, number)).await?;
        return Ok(format!("{answer}; to its end, {end}"));
    }
    Ok(answer)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Whoever panicked while holding it has left nothing half-done: what it guards is changed in whole steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
