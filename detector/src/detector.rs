//! All series together: what falls at the same time is one event.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::baseline::Expectation;
use crate::calendar::Calendar;
use crate::key::Key;
use crate::parameters::{Demands, ParameterError, Parameters};
use crate::series::{Alarm, Measure, Series, Sign, Turn};

/// Names a series to the detector it was registered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(usize);

/// Whether a link was watched in a minute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkMinute {
    /// The link.
    pub link: Arc<str>,
    /// Whether all of the minute was seen: a probe that is down, drops packets or sees no carrier does not
    /// see it, and nothing follows from what it did not see.
    pub observed: bool,
}

/// One minute of everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Minute {
    /// When it begins, in Unix seconds: a multiple of 60.
    pub start: i64,
    /// The links. One that is not named was not watched.
    pub links: Vec<LinkMinute>,
    /// Octets by series. A series that is not named had none.
    pub octets: Vec<(SeriesId, f64)>,
}

/// An event's name: the minute in which it was certain, in UTC, and which detector says so:
/// `20120119-1915-3fa2`. The same minutes give the same names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub Arc<str>);

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing: a part of some link.
    Info,
    /// A tenth of a link, or a third of a category everywhere.
    Warning,
    /// Three tenths of a link.
    Critical,
}

impl Severity {
    /// All of them, the mildest first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// A series that takes part in an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Which.
    #[serde(flatten)]
    pub key: Key,
    /// What it does.
    pub alarm: Alarm,
}

/// What happened, as far as it is known. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its name.
    pub id: EventId,
    /// Whether volume was lost or gained: what most of the octets did.
    pub sign: Sign,
    /// The onset of the series of that sign that was certain first.
    pub onset: i64,
    /// When the first series was certain.
    pub confirmed: i64,
    /// When the last of them was over; nothing while it lasts.
    pub ended: Option<i64>,
    /// How bad it has been.
    pub severity: Severity,
    /// The series, those with the most octets first.
    pub members: Vec<Member>,
}

/// What a minute brought.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// An event has begun.
    Opened(Event),
    /// Another series takes part in it, or one has come back.
    Updated(Event),
    /// All of its series are over.
    Closed(Event),
    /// A link is not seen any more: nothing is said of it.
    Blind(Arc<str>),
    /// It is seen again.
    Seen(Arc<str>),
}

#[derive(Clone)]
struct Tracked {
    key: Key,
    series: Series,
    /// The present minute.
    octets: f64,
    /// What is not looked at.
    masked: Vec<Range<i64>>,
    demands: Demands,
}

/// What is known of a link.
#[derive(Clone, Copy, Debug, Default)]
struct Watched {
    /// Not seen in the present minute.
    blind: bool,
    /// Octets a minute that it usually carries, and from how many minutes that is known.
    usual: f64,
    minutes: u32,
}

/// Over how many minutes that a link was seen in its usual volume is averaged: a day.
const USUAL_MINUTES: u32 = 1440;
/// Sums over all links are not judged while links are blind that carry more than this part of everything.
const BLIND_SHARE: f64 = 0.005;
/// So many events that have ended are remembered, for what looks risen when all is back.
const ECHOING: usize = 16;

/// An open event, by the series that take part in it.
#[derive(Clone)]
struct Open {
    event: Event,
    active: Vec<usize>,
}

/// All series, and the events that are open.
#[derive(Clone)]
pub struct Detector {
    parameters: Parameters,
    calendar: Calendar,
    tracked: Vec<Tracked>,
    places: HashMap<Key, usize, foldhash::fast::RandomState>,
    links: BTreeMap<Arc<str>, Watched>,
    open: Vec<Open>,
    /// The last that ended.
    closed: VecDeque<Event>,
    /// Tells its events from other detectors'.
    source: u16,
    /// The start of the latest minute.
    now: Option<i64>,
    /// Learning the past: nothing is judged.
    silent: bool,
}

impl Detector {
    /// A detector without any past.
    ///
    /// # Errors
    /// Parameters that contradict themselves.
    pub fn new(parameters: Parameters, calendar: Calendar) -> Result<Self, ParameterError> {
        parameters.check()?;
        Ok(Self {
            parameters,
            calendar,
            tracked: Vec::new(),
            places: HashMap::default(),
            links: BTreeMap::new(),
            open: Vec::new(),
            closed: VecDeque::new(),
            source: 0,
            now: None,
            silent: false,
        })
    }

    /// The number of a series; a new one begins without any past.
    pub fn series(&mut self, key: &Key) -> SeriesId {
        if let Some(place) = self.places.get(key) {
            return SeriesId(*place);
        }
        let place = self.tracked.len();
        let series = Series::new(&self.parameters);
        let (key, demands) = (key.clone(), self.parameters.demands(key));
        self.places.insert(key.clone(), place);
        self.tracked.push(Tracked { key, series, octets: 0.0, masked: Vec::new(), demands });
        SeriesId(place)
    }

    /// The same, with its events named after this: several detectors may write into one list.
    #[must_use]
    pub fn named(mut self, source: &str) -> Self {
        // FNV-1a, folded to 16 bits.
        let hash = source.bytes().fold(0x811c_9dc5_u32, |hash, octet| {
            (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193)
        });
        self.source = (hash ^ (hash >> 16)) as u16;
        self
    }

    /// Leaves a span of a series' past out, as if it had not been observed: an event that is known was in
    /// it. To be told before the minutes are.
    pub fn mask(&mut self, key: &Key, span: Range<i64>) {
        let SeriesId(place) = self.series(key);
        if let Some(tracked) = self.tracked.get_mut(place) {
            tracked.masked.push(span);
        }
    }

    /// Calls an open event by another name: the one under which it is known already.
    pub fn rename(&mut self, event: &EventId, name: EventId) {
        if let Some(open) = self.open.iter_mut().find(|open| open.event.id == *event) {
            open.event.id = name;
        }
    }

    /// Events that are open.
    pub fn open(&self) -> impl Iterator<Item = &Event> {
        self.open.iter().map(|open| &open.event)
    }

    /// What a series should hold in the minute that begins at a moment not far from now, and the usual
    /// relative deviation from it.
    pub fn expect(&self, series: SeriesId, time: i64) -> Option<(Expectation, f64)> {
        let series = &self.tracked.get(series.0)?.series;
        Some((series.expect(&self.calendar, time)?, series.usual()))
    }

    /// The latest minutes of a series, oldest first: time, octets, and what was expected.
    pub fn recent(&self, series: SeriesId) -> impl Iterator<Item = (i64, f64, Option<f64>)> {
        let tracked = self.tracked.get(series.0).into_iter();
        let points = tracked.flat_map(|tracked| tracked.series.recent());
        points.map(|point| (point.time, point.octets, point.expected))
    }

    /// Takes a minute of the past: it is learnt from, and nothing is judged.
    pub fn learn(&mut self, minute: &Minute) {
        self.silent = true;
        self.step(minute);
        self.silent = false;
    }

    /// Takes a minute. One that is not later than the latest is ignored: time does not run backwards.
    pub fn step(&mut self, minute: &Minute) -> Vec<Change> {
        if self.now.is_some_and(|now| minute.start <= now) {
            return Vec::new();
        }
        self.now = Some(minute.start);
        let mut changes = Vec::new();
        let any_blind = self.look_at_links(minute, &mut changes);
        for tracked in &mut self.tracked {
            tracked.octets = 0.0;
        }
        for (series, octets) in &minute.octets {
            if let Some(tracked) = self.tracked.get_mut(series.0) {
                tracked.octets += octets.max(0.0);
            }
        }
        self.weigh_links();
        let floors = self.floors();
        for place in 0..self.tracked.len() {
            let Some(turn) = self.judge(place, minute.start, any_blind, &floors) else { continue };
            match turn {
                Turn::Confirmed => self.begin(place, &mut changes),
                Turn::Ended => self.end(place, &mut changes),
            }
        }
        self.refresh();
        changes
    }

    /// Which links are blind now; whether sums over all links miss something by it.
    fn look_at_links(&mut self, minute: &Minute, changes: &mut Vec<Change>) -> bool {
        let seen = |link: &Arc<str>| {
            minute.links.iter().any(|minute| minute.link == *link && minute.observed)
        };
        // A link that was never seen yet is not missed.
        for LinkMinute { link, .. } in minute.links.iter().filter(|minute| minute.observed) {
            self.links.entry(link.clone()).or_default();
        }
        let (mut hidden, mut all, mut any) = (0.0, 0.0, false);
        for (link, watched) in &mut self.links {
            let now = !seen(link);
            if now != watched.blind && !self.silent {
                let link = link.clone();
                changes.push(if now { Change::Blind(link) } else { Change::Seen(link) });
            }
            watched.blind = now;
            all += watched.usual;
            if now {
                hidden += watched.usual;
                any = true;
            }
        }
        any && (all <= 0.0 || hidden > BLIND_SHARE * all)
    }

    /// Learns what links carry, both ways together.
    fn weigh_links(&mut self) {
        let mut sums: HashMap<Arc<str>, f64, foldhash::fast::RandomState> = HashMap::default();
        for tracked in &self.tracked {
            if let Key::Link { link, .. } = &tracked.key {
                *sums.entry_ref(link).or_default() += tracked.octets;
            }
        }
        for (link, octets) in sums {
            let Some(watched) = self.links.get_mut(&link) else { continue };
            if !watched.blind {
                watched.minutes = (watched.minutes + 1).min(USUAL_MINUTES);
                watched.usual += (octets - watched.usual) / f64::from(watched.minutes);
            }
        }
    }

    /// What a category of each link must carry to be judged, in octets a minute.
    fn floors(&self) -> HashMap<Arc<str>, f64, foldhash::fast::RandomState> {
        let mut floors = HashMap::default();
        for tracked in &self.tracked {
            if let Key::Link { link, .. } = &tracked.key {
                let expected = tracked.series.latest().and_then(|point| point.expected);
                *floors.entry(link.clone()).or_insert(0.0) +=
                    expected.unwrap_or(0.0) * self.parameters.min_share;
            }
        }
        floors
    }

    fn judge(
        &mut self,
        place: usize,
        start: i64,
        any_blind: bool,
        floors: &HashMap<Arc<str>, f64, foldhash::fast::RandomState>,
    ) -> Option<Turn> {
        let Self { parameters, calendar, tracked, links, silent, .. } = self;
        let Tracked { key, series, octets, masked, demands } = tracked.get_mut(place)?;
        let Demands { rules, floor } = &*demands;
        let unseen = |link| links.get(link).is_none_or(|watched: &Watched| watched.blind);
        let (floor, hidden) = match key {
            Key::Link { link, .. } => (*floor, unseen(link)),
            Key::LinkCategory { link, .. } => {
                let share = floors.get(link).copied().unwrap_or(0.0);
                (floor.max(share), unseen(link))
            }
            _ => (*floor, any_blind),
        };
        let hidden = hidden || masked.iter().any(|span| span.contains(&start));
        // While learning no floor is low enough.
        let floor = if *silent { f64::INFINITY } else { floor };
        let measure = Measure { parameters, calendar, rules, floor };
        series.step(start, (!hidden).then_some(*octets), &measure)
    }

    /// A series' alarm begins: it joins an event that began about then, or that it was part of, or is one.
    fn begin(&mut self, place: usize, changes: &mut Vec<Change>) {
        let Some(tracked) = self.tracked.get(place) else { return };
        let Some(alarm) = tracked.series.alarm().cloned() else { return };
        let member = Member { key: tracked.key.clone(), alarm };
        let join = i64::from(self.parameters.join_minutes) * 60;
        let echoes = |event: &Event| event.is_echoed_by(&member.alarm, join / 2);
        if self.open.iter().any(|open| echoes(&open.event)) || self.closed.iter().any(echoes) {
            return;
        }
        let joins = |open: &&mut Open| {
            let apart = member.alarm.onset - open.event.onset;
            // What takes a lost volume over may come hours later; an onset that is found backwards is
            // sooner too early than too late.
            let after = if member.alarm.sign == open.event.sign { join } else { 6 * join };
            // A series full of unrest may have its onset found hours too early: then it is told by when
            // it was certain.
            let certain = member.alarm.confirmed - open.event.confirmed;
            // What came back for some hours and falls again, while the rest is still down, is no other event.
            let again =
                |known: &Member| known.key == member.key && known.alarm.sign == member.alarm.sign;
            (-2 * join..=after).contains(&apart)
                || (apart < 0 && certain <= join)
                || open.event.members.iter().any(again)
        };
        if let Some(open) = self.open.iter_mut().find(joins) {
            open.active.push(place);
            open.event.members.push(member);
            open.event.weigh();
            changes.push(Change::Updated(open.event.clone()));
            return;
        }
        let Alarm { sign, onset, confirmed, .. } = member.alarm;
        let mut event = Event {
            id: self.name(confirmed),
            sign,
            onset,
            confirmed,
            ended: None,
            severity: Severity::Info,
            members: vec![member],
        };
        event.weigh();
        changes.push(Change::Opened(event.clone()));
        self.open.push(Open { event, active: vec![place] });
    }

    /// A name that no open event has.
    fn name(&self, confirmed: i64) -> EventId {
        let minute = format!("{}-{:04x}", minute_name(confirmed), self.source);
        let further = (2..).map(|number| format!("{minute}-{number}"));
        let mut names = std::iter::once(minute.clone()).chain(further);
        let taken = |name: &String| self.open.iter().any(|open| *open.event.id.0 == **name);
        EventId(names.find(|name| !taken(name)).unwrap_or(minute).into())
    }

    fn end(&mut self, place: usize, changes: &mut Vec<Change>) {
        self.refresh();
        let Some(at) = self.open.iter().position(|open| open.active.contains(&place)) else {
            return;
        };
        let Some(open) = self.open.get_mut(at) else { return };
        open.active.retain(|active| *active != place);
        open.event.weigh();
        if open.event.members.iter().any(|member| member.alarm.ended.is_none()) {
            changes.push(Change::Updated(open.event.clone()));
            return;
        }
        let mut event = self.open.swap_remove(at).event;
        let ends = event.members.iter().filter_map(|member| member.alarm.ended);
        event.ended = ends.map(|(time, _)| time).max();
        if self.closed.len() == ECHOING {
            self.closed.pop_front();
        }
        self.closed.push_back(event.clone());
        changes.push(Change::Closed(event));
    }

    /// What the series say now is what the open events say.
    fn refresh(&mut self) {
        for open in &mut self.open {
            for place in &open.active {
                let Some(tracked) = self.tracked.get(*place) else { continue };
                let Some(alarm) = tracked.series.alarm() else { continue };
                // One that came back and fell again is a member twice.
                let lasts = |member: &&mut Member| {
                    member.key == tracked.key && member.alarm.ended.is_none()
                };
                if let Some(member) = open.event.members.iter_mut().find(lasts) {
                    member.alarm = alarm.clone();
                }
            }
            open.event.weigh();
        }
    }
}

/// `20120119-1915`: the date and minute of a moment in Unix seconds.
fn minute_name(time: i64) -> String {
    let (days, minute) = (time.div_euclid(86_400), time.rem_euclid(86_400) / 60);
    // Years that begin in March have their leap day last; 400 of them have 146,097 days.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + next;
    format!("{year:04}{month:02}{date:02}-{:02}{:02}", minute / 60, minute % 60)
}

impl Event {
    /// The series that shows it best: of those that did what the event says, the one with most octets.
    pub fn main(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.alarm.sign == self.sign)
    }

    /// Whether an alarm the other way began as this event was ending: series that had changed too little to be
    /// judged have got used to it meanwhile, and seem to rise when all is back.
    fn is_echoed_by(&self, alarm: &Alarm, around: i64) -> bool {
        let own = self.members.iter().filter(|member| member.alarm.sign == self.sign);
        let mut ends = own.filter_map(|member| member.alarm.ended).map(|(time, _)| time);
        alarm.sign != self.sign
            && ends.any(|end| (end - around..=end + around).contains(&alarm.onset))
    }

    /// What follows from the members: sign, onset, severity, order.
    fn weigh(&mut self) {
        self.members.sort_by(|a, b| b.alarm.octets.total_cmp(&a.alarm.octets));
        let octets = |sign| {
            let members = self.members.iter().filter(|member| member.alarm.sign == sign);
            members.map(|member| member.alarm.octets).fold(0.0, f64::max)
        };
        self.sign = if octets(Sign::Surge) > octets(Sign::Drop) { Sign::Surge } else { Sign::Drop };
        let main = self.members.iter().filter(|member| member.alarm.sign == self.sign);
        // What was certain first shows its beginning most clearly, and stays the first.
        let first = main.clone().min_by_key(|member| member.alarm.confirmed);
        self.onset = first.map_or(self.onset, |member| member.alarm.onset);
        let severity = main.map(|Member { key, alarm }| match (key, alarm.depth) {
            (Key::Link { .. }, 0.3..) => Severity::Critical,
            (Key::Link { .. }, 0.1..) | (Key::Category { .. } | Key::Service { .. }, 0.33..) => {
                Severity::Warning
            }
            _ => Severity::Info,
        });
        self.severity = severity.max().unwrap_or(Severity::Info).max(self.severity);
    }
}

#[cfg(test)]
mod tests {
    use super::minute_name;

    #[test]
    fn minutes_have_names() {
        for (time, name) in [
            (0, "19700101-0000"),
            (1_327_000_559, "20120119-1915"),
            (1_709_164_800, "20240229-0000"),
            (1_735_689_599, "20241231-2359"),
            (4_107_542_399, "21000228-2359"),
            (4_107_542_400, "21000301-0000"),
        ] {
            assert_eq!(minute_name(time), name);
        }
    }
}
