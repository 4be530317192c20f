//! Detection beside capture: each minute of stream time, from the store to the detector, and what it says back
//! into the store and on to whoever tells people.
//!
//! No clock decides anything: a minute is judged when the store has what comes after it. What the task
//! knows is made anew from the store whenever it starts: the same minutes give the same events, and what
//! the store says of them tells which transitions were handed on already.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use etiage_aggregator::SETTLED_SECS;
use etiage_detector::{Blind, Change, Event, EventId, Record};
use etiage_store::{EventRow, TimeRange, Watermark};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::History;
use crate::feed::{Feed, Past};
use crate::filed::{Known, adopt, known, row};

/// How often the store is asked whether more has come.
const PERIOD: Duration = Duration::from_secs(2);
/// How long a link that lags behind the others is waited for: then its minute was not seen.
const LAG_SECS: i64 = 180;
/// Hours that are judged again at a start, before those in which an event may be open still.
const AGAIN_HOURS: i64 = 12;
/// How often an open event is brought up to date in its first hour, and later.
const FRESH_SECS: (i64, i64) = (300, 900);
/// How often the same failure is said.
const SAY_AGAIN: u32 = 150;
/// Spans of blind links that are remembered.
const MAX_BLIND: usize = 1000;
/// How long services and networks are chosen for.
const CHOOSE_SECS: i64 = 86_400;

/// What happened to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It has begun.
    Firing,
    /// More is known of it.
    Update,
    /// It is over.
    Resolved,
}

/// A transition of an event.
#[derive(Clone, Debug)]
pub struct Transition {
    /// What happened to it.
    pub stage: Stage,
    /// Everything that is known.
    pub record: Record,
    /// The same as it is kept: with its subject, links and categories.
    pub row: EventRow,
}

impl Transition {
    fn log(&self) {
        let Self { stage, record, row } = self;
        let (event, severity, series) = (&row.id, &row.severity, record.event.members.len());
        match stage {
            Stage::Firing => tracing::warn!(event, severity, series, "{}", row.subject),
            Stage::Update => tracing::debug!(event, severity, series, "{}", row.subject),
            Stage::Resolved => tracing::info!(event, severity, series, "is over: {}", row.subject),
        }
    }
}

/// Is handed each transition, before the store is: after a crash between the two the same one comes again.
pub type Listener = Box<dyn Fn(&Transition) + Send + Sync>;

/// What the task needs.
pub struct Watch {
    /// What is watched.
    pub history: History,
    /// Who is told.
    pub listeners: Vec<Listener>,
}

/// Watches until stopped.
pub async fn watch(settings: Watch, mut stop: watch::Receiver<bool>) {
    let mut watcher = Watcher::new(settings);
    let mut failures = 0;
    loop {
        let turn = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            turn = watcher.turn() => turn,
        };
        match turn {
            Ok(()) => failures = 0,
            Err(error) => {
                if failures % SAY_AGAIN == 0 {
                    tracing::warn!("detection waits, and goes on where it was: {error}");
                }
                failures += 1;
            }
        }
        if tokio::time::timeout(PERIOD, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

/// What is known of an open event besides what the detector knows.
#[derive(Clone, Copy, Debug)]
struct Kept {
    version: u64,
    /// Up to which minute it was explained.
    explained: i64,
}

struct Watcher {
    settings: Watch,
    feed: Option<Feed>,
    /// The first minute that was not judged yet.
    until: i64,
    /// When services and networks were chosen.
    chosen: i64,
    kept: BTreeMap<EventId, Kept>,
    blind: Vec<Blind>,
    /// Rows that the store has not taken yet.
    unsaved: Vec<EventRow>,
}

impl Watcher {
    fn new(settings: Watch) -> Self {
        Self {
            settings,
            feed: None,
            until: 0,
            chosen: 0,
            kept: BTreeMap::new(),
            blind: Vec::new(),
            unsaved: Vec::new(),
        }
    }

    /// Takes what has come since the last time.
    async fn turn(&mut self) -> Result<(), anyhow::Error> {
        self.save().await?;
        let since = u32::try_from(self.until - 3600).unwrap_or(0);
        let progress = self.settings.history.store.progress(since).await?;
        let names = self.settings.history.links.clone();
        let Some(whole) = whole_until(&progress, &names) else { return Ok(()) };
        // A store whose time has jumped, as after a replay of old captures, is begun with anew.
        let longest = i64::from(self.settings.history.detection.parameters.weeks) * 7 * 86_400;
        if self.feed.is_none() || whole - self.until > longest {
            return self.begin(whole).await;
        }
        if whole <= self.until {
            return Ok(());
        }
        if whole - self.chosen >= CHOOSE_SECS {
            self.choose(whole).await?;
        }
        let changes = self.take(range(self.until, whole), Past::Live).await?;
        self.until = whole;
        self.follow(changes).await?;
        self.save().await
    }

    /// Another look at which services and networks are large.
    async fn choose(&mut self, until: i64) -> Result<(), anyhow::Error> {
        if let Some(feed) = &mut self.feed {
            feed.choose(range(until - 7 * 86_400, until)).await?;
        }
        self.chosen = until;
        Ok(())
    }

    async fn take(
        &mut self,
        range: TimeRange,
        past: Past,
    ) -> Result<Vec<(i64, Change)>, anyhow::Error> {
        let mut changes = Vec::new();
        if let Some(feed) = &mut self.feed {
            feed.take(range, past, |time, change| changes.push((time, change))).await?;
        }
        for (time, change) in &changes {
            match change {
                Change::Blind(link) => {
                    let (link, from) = (link.clone(), *time);
                    self.blind.push(Blind { link, from, until: None });
                }
                Change::Seen(link) => {
                    let open = |blind: &&mut Blind| blind.link == *link && blind.until.is_none();
                    if let Some(blind) = self.blind.iter_mut().rev().find(open) {
                        blind.until = Some(*time);
                    }
                }
                Change::Opened(_) | Change::Updated(_) | Change::Closed(_) => {}
            }
        }
        let surplus = self.blind.len().saturating_sub(MAX_BLIND);
        self.blind.drain(..surplus);
        Ok(changes)
    }

    /// Learns the past, judges the last days again, and compares with what the store knows of them.
    async fn begin(&mut self, whole: i64) -> Result<(), anyhow::Error> {
        let history = &self.settings.history;
        let parameters = &history.detection.parameters;
        let again = (i64::from(parameters.accept_hours) + AGAIN_HOURS) * 3600;
        let judged = (whole - again).div_euclid(300) * 300;
        let first = judged - (i64::from(parameters.weeks) + 1) * 7 * 86_400;
        let known = known(&history.store, &history.probe, range(first, whole + 86_400)).await?;
        let mut feed = Feed::new(history, range(first, whole)).await?;
        let past = known.iter().map(|known| &known.record);
        feed.mask(past.filter(|record| record.event.onset < judged));
        self.feed = Some(feed);
        (self.kept, self.blind) = (BTreeMap::new(), Vec::new());
        let begun = async {
            self.take(range(first, judged), Past::Learn).await?;
            self.take(range(judged, whole), Past::Judge).await
        };
        let changes = match begun.await {
            Ok(changes) => changes,
            Err(error) => {
                self.feed = None; // Half of the past is worse than none.
                return Err(error);
            }
        };
        self.until = whole;
        self.chosen = whole;
        self.reconcile(changes, known, judged).await?;
        tracing::info!("detection begins at {}, having learnt the weeks before", at(whole));
        self.save().await
    }

    /// What was found again is compared with what is known: nothing is handed on twice, and nothing stays
    /// open for ever.
    async fn reconcile(
        &mut self,
        changes: Vec<(i64, Change)>,
        mut known: Vec<Known>,
        judged: i64,
    ) -> Result<(), anyhow::Error> {
        let mut found: Vec<Event> = Vec::new();
        for (_, change) in changes {
            if let Change::Closed(event) = change {
                found.push(event);
            }
        }
        found.extend(self.feed.iter().flat_map(Feed::open));
        for mut event in found {
            let own = event.id.clone();
            let (name, version) = adopt(&mut event, &known);
            if let (Some(name), Some(feed)) = (&name, &mut self.feed) {
                feed.rename(&own, name.clone());
            }
            let before =
                known.iter().position(|known| Some(&known.record.event.id) == name.as_ref());
            let before = before.map(|place| known.swap_remove(place).record.event.ended.is_none());
            let open = event.ended.is_none();
            let stage = match (before, open) {
                (None | Some(false), true) => Some(Stage::Firing),
                (Some(true), false) => Some(Stage::Resolved),
                // It came and went while nobody watched: that is recorded, and nobody is woken.
                (None, false) => None,
                (Some(true), true) | (Some(false), false) => {
                    if open {
                        let kept = Kept { version: version - 1, explained: 0 };
                        self.kept.insert(event.id, kept);
                    }
                    continue;
                }
            };
            self.kept.insert(event.id.clone(), Kept { version: version - 1, explained: 0 });
            self.tell(event, stage).await?;
        }
        for Known { record, version } in known {
            let Record { mut event, .. } = record;
            if event.ended.is_none() && event.onset < self.until {
                tracing::info!(event = %event.id.0, "an open event is not found again: it is closed");
                event.ended = Some(self.until.max(event.onset.max(judged)));
                self.kept.insert(event.id.clone(), Kept { version, explained: 0 });
                self.tell(event, Some(Stage::Resolved)).await?;
            }
        }
        Ok(())
    }

    /// Hands on what some minutes brought, and brings open events up to date.
    async fn follow(&mut self, changes: Vec<(i64, Change)>) -> Result<(), anyhow::Error> {
        let mut updated: BTreeMap<EventId, Event> = BTreeMap::new();
        for (_, change) in changes {
            match change {
                Change::Opened(event) => {
                    updated.insert(event.id.clone(), event);
                }
                Change::Updated(event) => {
                    updated.insert(event.id.clone(), event);
                }
                Change::Closed(event) => {
                    updated.remove(&event.id);
                    if !self.kept.contains_key(&event.id) {
                        self.tell(Event { ended: None, ..event.clone() }, Some(Stage::Firing))
                            .await?;
                    }
                    self.tell(event, Some(Stage::Resolved)).await?;
                }
                Change::Blind(link) => tracing::warn!("link {link} is not seen: it is not judged"),
                Change::Seen(link) => tracing::info!("link {link} is seen again"),
            }
        }
        let due = |kept: &Kept, event: &Event| {
            let young = self.until - event.confirmed < 3600;
            let pause = if young { FRESH_SECS.0 } else { FRESH_SECS.1 };
            self.until - kept.explained >= pause
        };
        let open: Vec<Event> = self.feed.iter().flat_map(Feed::open).collect();
        let open: Vec<(Event, Stage)> = open
            .into_iter()
            .filter_map(|event| match self.kept.get(&event.id) {
                None => Some((event, Stage::Firing)),
                Some(kept) => (updated.contains_key(&event.id) || due(kept, &event))
                    .then_some((event, Stage::Update)),
            })
            .collect();
        for (event, stage) in open {
            self.tell(event, Some(stage)).await?;
        }
        Ok(())
    }

    /// Explains a state of an event, hands it on, and keeps it.
    async fn tell(&mut self, event: Event, stage: Option<Stage>) -> Result<(), anyhow::Error> {
        let Some(feed) = &self.feed else { return Ok(()) };
        let mut record = feed.explain(event, at(self.until)).await?;
        let (onset, ended) = (record.event.onset - 3600, record.event.ended.unwrap_or(i64::MAX));
        let touches =
            |blind: &&Blind| blind.from < ended && blind.until.is_none_or(|until| until > onset);
        record.blind = self.blind.iter().filter(touches).cloned().collect();
        let id = record.event.id.clone();
        let version = self.kept.get(&id).map_or(1, |kept| kept.version + 1);
        let row = row(&record, &self.settings.history.probe, version)?;
        if record.event.ended.is_some() {
            self.kept.remove(&id);
        } else {
            self.kept.insert(id, Kept { version, explained: self.until });
        }
        self.unsaved.push(row.clone());
        let Some(stage) = stage else { return Ok(()) };
        let transition = Transition { stage, record, row };
        transition.log();
        self.settings.listeners.iter().for_each(|listener| listener(&transition));
        Ok(())
    }

    async fn save(&mut self) -> Result<(), anyhow::Error> {
        self.settings.history.store.save_events(&self.unsaved).await?;
        self.unsaved.clear();
        Ok(())
    }
}

/// The first minute of which not everything has come yet; nothing where nothing has.
fn whole_until(progress: &[Watermark], links: &[Arc<str>]) -> Option<i64> {
    let own = progress.iter().filter(|own| links.iter().any(|link| **link == *own.link));
    let reached = own.map(|own| i64::from(own.seconds.max(own.minute)));
    let reached: Vec<i64> = reached.filter(|time| *time > 0).collect();
    let last = *reached.iter().max()?;
    // A link that has not come for long is not waited for.
    let slowest = reached.iter().copied().filter(|time| *time > last - LAG_SECS).min()?;
    Some((slowest - i64::from(SETTLED_SECS)).div_euclid(60) * 60)
}

fn at(time: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(time).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn range(from: i64, to: i64) -> TimeRange {
    TimeRange { from: at(from.max(0)), to: at(to) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_whole_when_what_comes_after_it_is_there() {
        let progress =
            |link: &str, seconds, minute| Watermark { link: link.into(), seconds, minute };
        let links: Vec<Arc<str>> = vec!["a".into(), "b".into()];
        let whole = |progress: &[Watermark]| whole_until(progress, &links);
        assert_eq!(whole(&[]), None);
        assert_eq!(whole(&[progress("other", 6000, 6000)]), None);
        assert_eq!(whole(&[progress("a", 6080, 6060)]), Some(6000));
        assert_eq!(whole(&[progress("a", 6090, 6060)]), Some(6060));
        // Rows of a minute each: the last one has come as a whole, the one before surely.
        assert_eq!(whole(&[progress("a", 0, 6120)]), Some(6060));
        // The slower one is waited for, but not for ever.
        assert_eq!(whole(&[progress("a", 6150, 0), progress("b", 6030, 0)]), Some(6000));
        assert_eq!(whole(&[progress("a", 9000, 0), progress("b", 6030, 0)]), Some(8940));
    }
}
