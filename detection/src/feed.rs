//! Minutes for the detector, out of what the store holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use etiage_detector::{
    BIN_SECS, Bin, Change, Detector, Event, EventId, Key, LinkMinute, Minute, Parameters, Record,
    SeriesId, explain, masks, starts,
};
use etiage_store::{Error, Store, Tier, TimeRange, WatchList, Watched, WatchedVolume};
use time::{Duration, OffsetDateTime};

use crate::History;
use crate::windows::compare_windows;

/// How much is read at once of what is learnt, in bins of five minutes, and of what is judged.
const CHUNKS: (Duration, Duration) = (Duration::DAY, Duration::hours(2));

/// What is done with minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// Learnt: nothing is judged.
    Learn,
    /// Judged: by the minute where minutes are held, else by five.
    Judge,
    /// Judged as it comes: by the minute, and one that has not come was not seen.
    Live,
}

/// A detector that is fed from a store.
pub struct Feed {
    store: Store,
    detector: Detector,
    parameters: Parameters,
    list: WatchList,
    links: Vec<Arc<str>>,
}

impl Feed {
    /// A detector that knows nothing yet. `range` is all that it will be fed: which services and networks
    /// are large enough is found out over the whole of it.
    ///
    /// # Errors
    /// The store does not answer, or the parameters contradict each other.
    pub async fn new(history: &History, range: TimeRange) -> Result<Self, anyhow::Error> {
        let History { store, probe, links, detection } = history.clone();
        let parameters = detection.parameters;
        let floor = (parameters.min_bps / 8.0) as u64;
        let list = store.watch_list(range, floor).await?;
        let detector = Detector::new(parameters.clone(), detection.calendar)?;
        let detector = detector.named(&probe);
        let links = match links.is_empty() {
            // Without a configuration: whatever was watched.
            true => {
                let watched = store.observations(range).await?;
                watched.into_iter().map(|link| link.link.into()).collect()
            }
            false => links,
        };
        Ok(Self { store, detector, parameters, list, links })
    }

    /// Chooses services and networks again: what has become large is watched too, from now on.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn choose(&mut self, range: TimeRange) -> Result<(), Error> {
        let floor = (self.parameters.min_bps / 8.0) as u64;
        let large = self.store.watch_list(range, floor).await?;
        self.list.extend(large);
        Ok(())
    }

    /// Leaves the spans of known events out of the past.
    pub fn mask<'a>(&mut self, records: impl Iterator<Item = &'a Record>) {
        for record in records {
            for member in &record.event.members {
                for span in masks(std::iter::once(record), &member.key) {
                    self.detector.mask(&member.key, span);
                }
            }
        }
    }

    /// Calls an open event by the name that it is known by.
    pub fn rename(&mut self, event: &EventId, name: EventId) {
        self.detector.rename(event, name);
    }

    /// Takes a range, piece by piece in order of time; `each` is given what happened, and in which minute.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn take(
        &mut self,
        range: TimeRange,
        past: Past,
        mut each: impl FnMut(i64, Change),
    ) -> Result<(), Error> {
        let chunk = if past == Past::Learn { CHUNKS.0 } else { CHUNKS.1 };
        let mut from = range.from;
        while from < range.to {
            let to = (from + chunk).min(range.to);
            let piece = TimeRange { from, to };
            let (watched, secs) = self.read(piece, past).await?;
            // Weeks of hundreds of links are some seconds of work, that no other task shall wait for.
            tokio::task::block_in_place(|| {
                for minute in self.minutes(&watched, secs, piece, past) {
                    if past == Past::Learn {
                        self.detector.learn(&minute);
                        continue;
                    }
                    for change in self.detector.step(&minute) {
                        each(minute.start, change);
                    }
                }
            });
            from = to;
        }
        Ok(())
    }

    /// In minutes, where they are still held and are judged; else in bins of five.
    async fn read(&self, day: TimeRange, past: Past) -> Result<(Watched, i64), Error> {
        if past != Past::Learn {
            let watched = self.store.watch(Tier::Minute, day, &self.list).await?;
            if past == Past::Live || !watched.links.is_empty() {
                return Ok((watched, 60));
            }
        }
        let watched = self.store.watch(Tier::FiveMinutes, day, &self.list).await?;
        Ok((watched, BIN_SECS))
    }

    /// One minute after the other. Of a bin of five minutes each has a fifth; where it is only learnt, one
    /// stands for all.
    fn minutes(&mut self, watched: &Watched, secs: i64, day: TimeRange, past: Past) -> Vec<Minute> {
        let parts = (secs / 60) as f64;
        let mut octets: BTreeMap<i64, Vec<(SeriesId, f64)>> = BTreeMap::new();
        let named = [
            (&watched.volumes, volume as fn(&WatchedVolume) -> Option<Key>),
            (&watched.services, service),
            (&watched.networks, network),
        ];
        for (rows, key) in named {
            for row in rows {
                if !row.link.is_empty() && !self.links.iter().any(|link| **link == *row.link) {
                    continue;
                }
                let Some(key) = key(row) else { continue };
                let value = row.octets as f64 / parts;
                let bin = octets.entry(row.time.into()).or_default();
                for key in over_all(&key).into_iter().chain([key]) {
                    bin.push((self.detector.series(&key), value));
                }
            }
        }
        let mut seen: BTreeMap<i64, Vec<LinkMinute>> = BTreeMap::new();
        for row in &watched.links {
            if let Some(link) = self.links.iter().find(|link| ***link == *row.link) {
                let minute = LinkMinute { link: link.clone(), observed: row.observed };
                seen.entry(row.time.into()).or_default().push(minute);
            }
        }
        let (from, to) = (day.from.unix_timestamp(), day.to.unix_timestamp());
        let bins = (from.div_euclid(secs)..to.div_euclid(secs)).map(|bin| bin * secs);
        bins.flat_map(|bin| {
            let octets = octets.remove(&bin).unwrap_or_default();
            let mut links = seen.remove(&bin).unwrap_or_default();
            for link in &self.links {
                if !links.iter().any(|minute| minute.link == *link) {
                    links.push(LinkMinute { link: link.clone(), observed: false });
                }
            }
            let bin = Bin { start: bin, secs, octets: None };
            starts(&bin, past != Past::Learn).map(move |start| Minute {
                start,
                links: links.clone(),
                octets: octets.clone(),
            })
        })
        .collect()
    }

    /// Events that have not ended.
    pub fn open(&self) -> Vec<Event> {
        self.detector.open().cloned().collect()
    }

    /// What an event is made of, by what is known until a moment.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn explain(&self, event: Event, until: OffsetDateTime) -> Result<Record, Error> {
        let until = event.ended.unwrap_or(i64::MAX).min(until.unix_timestamp());
        let windows = compare_windows(event.onset, until, self.parameters.weeks);
        let comparison = self.store.compare(&windows).await?;
        let explanation = explain(&comparison, event.sign);
        let [_, (from, to)] = windows.now;
        Ok(Record { event, explanation, explained_secs: to - from, blind: Vec::new() })
    }
}

fn volume(row: &WatchedVolume) -> Option<Key> {
    Some(Key::LinkCategory {
        link: row.link.as_str().into(),
        direction: row.direction.as_str().into(),
        category: row.name.as_str().into(),
    })
}

fn service(row: &WatchedVolume) -> Option<Key> {
    let direction = row.direction.as_str().into();
    Some(Key::Service { direction, service: row.name.as_str().into() })
}

fn network(row: &WatchedVolume) -> Option<Key> {
    Some(Key::Network { direction: row.direction.as_str().into(), asn: row.name.parse().ok()? })
}

/// What else a link's category counts in: the link's total, and the category over all links.
fn over_all(key: &Key) -> Vec<Key> {
    let Key::LinkCategory { link, direction, category } = key else { return Vec::new() };
    vec![
        Key::Link { link: link.clone(), direction: direction.clone() },
        Key::Category { direction: direction.clone(), category: category.clone() },
    ]
}
