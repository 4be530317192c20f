//! What one receiver is to be told, in which order, when again, and when no more.
//!
//! Decisions are [`JournalEntry`]s: whoever asks for one writes it down first, then [`Queue::apply`]s it. So
//! the same records, read again after a restart, make the same queue. What is not written down (how
//! often something was tried, until when to wait) may be forgotten.
//!
//! Times are Unix milliseconds. They may jump: nothing waits longer for that than it would have anyway.

mod next;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use etiage_detector::Severity;
use serde::{Deserialize, Serialize};

use crate::{Event, Transition};

pub(crate) use next::Work;

/// Names and values that identify an alert to an Alertmanager.
pub(crate) type Labels = BTreeMap<String, String>;

/// What bounds a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Messages that wait, at most.
    pub(crate) waiting: usize,
    /// Events remembered at the same time, at most.
    pub(crate) held: usize,
    /// What could not be delivered for so long is given up.
    pub(crate) give_up_after: i64,
    /// Pause after a first failure; doubled with each that follows.
    pub(crate) first_pause: i64,
    /// Longest pause.
    pub(crate) longest_pause: i64,
    /// What fires is said again this often; for receivers that forget it otherwise.
    pub(crate) repeat: Option<i64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            waiting: 1_000,
            held: 1_000,
            give_up_after: 72 * 3_600_000,
            first_pause: 1_000,
            longest_pause: 300_000,
            repeat: None,
        }
    }
}

/// How soon a receiver that refused to take an event is told of it again.
const REFUSED_AGAIN: i64 = 1_800_000;

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    /// Counts upwards and never comes again: with the fingerprint it names the message.
    pub(crate) number: u64,
    pub(crate) transition: Transition,
    /// The route that it came by.
    pub(crate) route: String,
    /// When it was handed over.
    pub(crate) at: i64,
    pub(crate) event: Event,
}

/// What the receiver knows of an event that is not over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// As it was handed over last.
    pub(crate) event: Event,
    /// The route it came by.
    pub(crate) route: String,
    /// The receiver has acknowledged that it fires.
    pub(crate) fired: bool,
    /// The number of the message that said so first.
    pub(crate) first: u64,
    /// When a message was queued last, and how bad the event was then.
    pub(crate) told: i64,
    pub(crate) told_severity: Severity,
    /// What the receiver knows it by.
    pub(crate) labels: Labels,
    /// When the newest state may be told; not written down.
    #[serde(skip)]
    pub(crate) update_at: Option<i64>,
}

/// A decision, as it is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JournalEntry {
    /// Numbers begin here.
    Next(u64),
    /// A message waits; one with the same number is replaced.
    Queued(Item),
    /// A message is out of the queue: the receiver has taken it under these labels, or it never will.
    Settled { number: u64, taken: Option<Labels> },
    /// Somebody acknowledged or silenced an event, or took that back.
    Marked { event: String, acknowledged: bool, silenced_until: Option<i64> },
    /// An event is remembered as this.
    Held(Held),
    /// An event is forgotten.
    Forgotten(String),
}

/// What has become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The receiver has taken it.
    Delivered,
    /// It has failed, and is tried again.
    Failed,
    /// The receiver does not want it: it is not tried again.
    Refused,
    /// It could not be delivered for too long.
    Expired,
    /// It was dropped for newer ones: too many wait.
    Overflow,
    /// It was not sent, because its event is silenced or acknowledged.
    Silenced,
}

impl Outcome {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Overflow => "overflow",
            Self::Silenced => "silenced",
        }
    }
}

/// Decisions, and the messages that will not be delivered for them.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    pub(crate) records: Vec<JournalEntry>,
    pub(crate) lost: Vec<(Item, Outcome)>,
}

impl Steps {
    fn lose(&mut self, item: &Item, outcome: Outcome) {
        self.records.push(JournalEntry::Settled { number: item.number, taken: None });
        self.lost.push((item.clone(), outcome));
    }
}

/// By which route an event comes here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct By<'a> {
    pub(crate) route: &'a str,
    /// No update sooner after what was told before; `None`: no updates.
    pub(crate) update_every: Option<i64>,
}

/// One receiver's.
#[derive(Debug)]
pub(crate) struct Queue {
    limits: Limits,
    items: VecDeque<Item>,
    held: BTreeMap<String, Held>,
    next: u64,
    /// From here on nothing is written down.
    tries: BTreeMap<u64, Tried>,
    flying: Option<u64>,
    /// Failures since the last success.
    failures: u32,
    /// No second try before this.
    gate: i64,
    /// No try at all before this: the receiver has asked for it.
    closed_until: i64,
    repeat_at: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tried {
    last: i64,
}

impl Queue {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            items: VecDeque::new(),
            held: BTreeMap::new(),
            next: 1,
            tries: BTreeMap::new(),
            flying: None,
            failures: 0,
            gate: 0,
            closed_until: 0,
            repeat_at: 0,
        }
    }

    /// Messages that wait, oldest first.
    pub(crate) fn waiting(&self) -> impl ExactSizeIterator<Item = &Item> {
        self.items.iter()
    }

    /// Events that the receiver was told of, or is to be.
    pub(crate) fn held(&self) -> impl ExactSizeIterator<Item = &Held> {
        self.held.values()
    }

    /// What is remembered of one event.
    #[cfg(test)]
    pub(crate) fn holds(&self, event: &str) -> Option<&Held> {
        self.held.get(event)
    }

    /// The records that make this queue from nothing.
    pub(crate) fn snapshot(&self) -> Vec<JournalEntry> {
        let mut records = vec![JournalEntry::Next(self.next)];
        records.extend(self.items.iter().cloned().map(JournalEntry::Queued));
        // Behind the messages: these make an entry of their own where there is none.
        records.extend(self.held.values().cloned().map(JournalEntry::Held));
        records
    }

    /// Takes a decision for a fact.
    pub(crate) fn apply(&mut self, record: &JournalEntry) {
        match record {
            JournalEntry::Next(next) => self.next = self.next.max(*next),
            JournalEntry::Queued(item) => self.enqueue(item),
            JournalEntry::Settled { number, taken } => self.settle(*number, taken.as_ref()),
            JournalEntry::Marked { event, acknowledged, silenced_until } => {
                let items = self.items.iter_mut().map(|item| &mut item.event);
                let held = self.held.values_mut().map(|held| &mut held.event);
                for marked in items.chain(held).filter(|marked| marked.id == *event) {
                    marked.acknowledged = *acknowledged;
                    marked.silenced_until = *silenced_until;
                }
            }
            JournalEntry::Held(held) => {
                self.held.insert(held.event.id.clone(), held.clone());
            }
            JournalEntry::Forgotten(event) => {
                self.held.remove(event);
            }
        }
    }

    fn enqueue(&mut self, item: &Item) {
        self.next = self.next.max(item.number.saturating_add(1));
        let known = self.items.iter_mut().find(|known| known.number == item.number);
        match known {
            Some(known) => *known = item.clone(),
            None => self.items.push_back(item.clone()),
        }
        let held = self.held.entry(item.event.id.clone()).or_insert_with(|| Held {
            event: item.event.clone(),
            route: item.route.clone(),
            fired: false,
            first: item.number,
            told: item.at,
            told_severity: item.event.severity,
            labels: Labels::new(),
            update_at: None,
        });
        held.event = item.event.clone();
        held.told = item.at;
        held.told_severity = item.event.severity;
        held.update_at = None;
    }

    fn settle(&mut self, number: u64, taken: Option<&Labels>) {
        self.tries.remove(&number);
        if self.flying == Some(number) {
            self.flying = None;
        }
        let place = self.items.iter().position(|item| item.number == number);
        let Some(item) = place.and_then(|place| self.items.remove(place)) else { return };
        if item.transition == Transition::Resolved {
            self.held.remove(&item.event.id);
        } else if let (Some(held), Some(labels)) = (self.held.get_mut(&item.event.id), taken) {
            held.fired = true;
            held.labels = labels.clone();
        }
    }

    /// What follows from a transition of an event, which comes by this route if by any.
    pub(crate) fn tell(
        &self,
        now: i64,
        transition: Transition,
        event: &Event,
        by: Option<By<'_>>,
    ) -> Steps {
        let held = self.held.get(&event.id);
        // Whoever tells of an event need not know what people have said of it.
        let marked = held.map(|Held { event: held, .. }| Event {
            acknowledged: held.acknowledged,
            silenced_until: held.silenced_until,
            ..event.clone()
        });
        let event = marked.as_ref().unwrap_or(event);
        match (held, transition) {
            (None, Transition::Resolved) => Steps::default(),
            (None, _) => by.map_or_else(Steps::default, |by| self.fire(now, event, by.route)),
            (Some(held), Transition::Resolved) => self.resolve(now, event, held),
            (Some(held), _) => self.refresh(now, event, held, by),
        }
    }

    fn fire(&self, now: i64, event: &Event, route: &str) -> Steps {
        let mut steps = self.make_room();
        if self.held.len() >= self.limits.held
            && let Some(oldest) = self.held.values().min_by_key(|held| held.told)
        {
            for item in self.of(&oldest.event.id) {
                steps.lose(item, Outcome::Overflow);
            }
            steps.records.push(JournalEntry::Forgotten(oldest.event.id.clone()));
        }
        steps.records.push(JournalEntry::Queued(self.item(now, Transition::Firing, event, route)));
        steps
    }

    fn resolve(&self, now: i64, event: &Event, held: &Held) -> Steps {
        let mut steps = Steps::default();
        let mut fires = held.fired;
        for item in self.of(&event.id) {
            match item.transition {
                // It was never told, and whoever silenced it does not want to hear the end either.
                Transition::Firing if silenced(&held.event, now).is_some() => {
                    steps.lose(item, Outcome::Silenced);
                }
                Transition::Firing => fires = true,
                // It is older than the end, which says all that it said.
                Transition::Update => {
                    steps.records.push(JournalEntry::Settled { number: item.number, taken: None });
                }
                Transition::Resolved => return Steps::default(),
            }
        }
        // A message that is under way may arrive.
        fires |= self.flying.is_some_and(|flying| {
            self.items.iter().any(|item| item.number == flying && item.event.id == event.id)
        });
        if !fires {
            steps.records.push(JournalEntry::Forgotten(event.id.clone()));
            return steps;
        }
        let mut room = self.make_room();
        steps.records.append(&mut room.records);
        steps.lost.append(&mut room.lost);
        let item = self.item(now, Transition::Resolved, event, &held.route);
        steps.records.push(JournalEntry::Queued(item));
        steps
    }

    /// An event that is known goes on.
    fn refresh(&self, now: i64, event: &Event, held: &Held, by: Option<By<'_>>) -> Steps {
        let mut steps = Steps::default();
        if self.of(&event.id).any(|item| item.transition == Transition::Resolved) {
            return steps;
        }
        // What still waits says the newest.
        let mut waiting = self.of(&event.id);
        if let Some(item) = waiting.next_back() {
            let item = Item { event: event.clone(), ..item.clone() };
            steps.records.push(JournalEntry::Queued(item));
            return steps;
        }
        // A receiver that did not take the beginning is asked again, though it wants no updates.
        let again = (!held.fired).then_some(REFUSED_AGAIN);
        let every = by.and_then(|by| by.update_every.or(again));
        let Some(every) = every.filter(|_| !event.acknowledged && silenced(event, now).is_none())
        else {
            // Nothing is to be said of it now; what is repeated is the newest state.
            let held = Held { event: event.clone(), update_at: None, ..held.clone() };
            steps.records.push(JournalEntry::Held(held));
            return steps;
        };
        let due = held.told.min(now).saturating_add(every);
        if event.severity > held.told_severity || due <= now {
            steps = self.make_room();
            let transition = if held.fired || self.flies(&event.id) {
                Transition::Update
            } else {
                Transition::Firing
            };
            let item = self.item(now, transition, event, &held.route);
            steps.records.push(JournalEntry::Queued(item));
            return steps;
        }
        let held = Held { event: event.clone(), update_at: Some(due), ..held.clone() };
        steps.records.push(JournalEntry::Held(held));
        steps
    }

    /// Somebody acknowledged or silenced an event, or took that back. `until` in Unix seconds.
    pub(crate) fn mark(&self, event: &str, acknowledged: bool, until: Option<i64>) -> Steps {
        let mut steps = Steps::default();
        if self.held.contains_key(event) {
            let event = event.to_owned();
            steps.records.push(JournalEntry::Marked {
                event: event.clone(),
                acknowledged,
                silenced_until: until,
            });
            if acknowledged {
                for item in self.of(&event).filter(|item| item.transition == Transition::Update) {
                    steps.lose(item, Outcome::Silenced);
                }
            }
        }
        steps
    }

    /// What time alone decides: what is given up, and which updates are due.
    pub(crate) fn tidy(&self, now: i64) -> Steps {
        let mut steps = Steps::default();
        let old = |item: &&Item| {
            now.saturating_sub(item.at) > self.limits.give_up_after
                && self.flying != Some(item.number)
        };
        for item in self.items.iter().filter(old) {
            steps.lose(item, Outcome::Expired);
        }
        let due = |held: &&Held| self.update_due(held, now).is_some_and(|due| due <= now);
        if let Some(held) = self.held.values().find(due) {
            let room = self.make_room();
            steps.records.extend(room.records);
            steps.lost.extend(room.lost);
            let transition = if held.fired { Transition::Update } else { Transition::Firing };
            let item = self.item(now, transition, &held.event, &held.route);
            steps.records.push(JournalEntry::Queued(item));
        }
        steps
    }

    /// When the newest state of an event is to be told.
    fn update_due(&self, held: &Held, now: i64) -> Option<i64> {
        let at = held.update_at?;
        let waits = self.of(&held.event.id).next().is_some();
        let said = !held.event.acknowledged && !waits;
        said.then(|| silenced(&held.event, now).map_or(at, |until| until.max(at)))
    }

    /// What has to go so that one more can wait: updates first, for what they say was said before; ends last,
    /// for nobody else tells them.
    fn make_room(&self) -> Steps {
        let mut steps = Steps::default();
        if self.items.len() < self.limits.waiting {
            return steps;
        }
        let free = self.items.iter().filter(|item| self.flying != Some(item.number));
        let rank = |item: &&Item| match item.transition {
            Transition::Update => 0,
            Transition::Firing => 1,
            Transition::Resolved => 2,
        };
        if let Some(item) = free.min_by_key(rank) {
            steps.lose(item, Outcome::Overflow);
        }
        steps
    }

    fn item(&self, now: i64, transition: Transition, event: &Event, route: &str) -> Item {
        let (route, event) = (route.to_owned(), event.clone());
        Item { number: self.next, transition, route, at: now, event }
    }

    /// An event's messages that wait and are not under way.
    fn of<'a>(&'a self, event: &'a str) -> impl DoubleEndedIterator<Item = &'a Item> {
        let free = move |item: &&Item| item.event.id == event && self.flying != Some(item.number);
        self.items.iter().filter(free)
    }

    fn flies(&self, event: &str) -> bool {
        let flying = self.items.iter().find(|item| self.flying == Some(item.number));
        flying.is_some_and(|item| item.event.id == event)
    }
}

/// Until when (Unix milliseconds) an event is silenced, if it is.
fn silenced(event: &Event, now: i64) -> Option<i64> {
    let until = event.silenced_until?.saturating_mul(1_000);
    (until > now).then_some(until)
}
