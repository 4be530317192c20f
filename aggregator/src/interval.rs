//! The open intervals: rows by class, round-trip times, and what each link received as a whole.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use etiage_capture::flow::FlowId;
use etiage_capture::{Direction, LinkIndex, Timestamp};
use etiage_classifier::{Category, Class, Rules, Verdict};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use hdrhistogram::Histogram;

use crate::batch::{Batch, INTERVAL_SECS, NetworkVolume, Observation, RoundTrips, Volume};
use crate::live::Counted;
use crate::network_ids::{NetworkId, NetworkIds};
use crate::network_rows::{NetworkKey, by_network};
use crate::networks::UNKNOWN_NETWORK;
use crate::rows::{RowId, RowKey, Rows, Way, by_class};
use crate::share::Share;

/// Round-trip times above a minute are counted as a minute.
const MAX_ROUND_TRIP_MICROS: u64 = 60_000_000;
/// A gap in stream time of more intervals than this was not observed: nothing is emitted for it.
const MAX_EMPTY: u32 = 360;

#[derive(Debug, Default)]
struct LinkCounts {
    received: Counted,
    dropped_kernel: u64,
    late: u64,
    table_full: u64,
    unprobed_flows: u64,
    half_open_evicted: u64,
    sampled_packets: u64,
}

#[derive(Debug)]
struct Interval {
    start: u32,
    rows: Rows,
    round_trips: HashMap<(LinkIndex, Category), Histogram<u32>, RandomState>,
    links: Vec<LinkCounts>,
    /// Flows active on each link when the interval ended; nothing while it has not.
    active: Option<Vec<u64>>,
    /// Flows with octets in this interval that have no verdict yet.
    undecided: Vec<FlowId>,
    /// Their octets, by link and direction.
    waits: Vec<[Way; 2]>,
}

impl Interval {
    fn new(start: u32, links: usize, rows: Rows) -> Self {
        Self {
            start,
            rows,
            round_trips: HashMap::default(),
            links: (0..links).map(|_| LinkCounts::default()).collect(),
            active: None,
            undecided: Vec::new(),
            waits: vec![[Way::default(); 2]; links],
        }
    }
}

/// The interval at hand and the one before it. An interval stays open for one interval's length after
/// its end, for late packets and late verdicts.
#[derive(Debug)]
pub(crate) struct Intervals {
    open: VecDeque<Interval>,
    /// The time that the newest spans, in nanoseconds.
    newest: std::ops::Range<u64>,
    names: Vec<Arc<str>>,
    probe: Arc<str>,
    /// Whether remote networks are told apart, and those that were seen.
    tells_networks: bool,
    networks: NetworkIds,
}

/// Where a packet is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Start of the interval.
    pub(crate) start: u32,
    /// Whether the packet's own interval had been closed already.
    pub(crate) late: bool,
}

impl Intervals {
    pub(crate) fn new(probe: Arc<str>, names: Vec<Arc<str>>) -> Self {
        let (open, newest) = (VecDeque::new(), 0..0);
        Self { open, newest, names, probe, tells_networks: false, networks: NetworkIds::default() }
    }

    /// Whether batches tell remote networks apart from now on.
    pub(crate) const fn tell_networks(&mut self, networks: bool) {
        self.tells_networks = networks;
    }

    /// The network of an autonomous system's number.
    pub(crate) fn network(&mut self, number: u32) -> NetworkId {
        self.networks.id(number)
    }

    /// Flows that must be decided before time can pass to this moment: their octets' interval closes.
    pub(crate) fn undecided_before(&mut self, to: Timestamp) -> Option<(u32, Vec<FlowId>)> {
        let oldest = self.open.front_mut()?;
        let closes = oldest.start.saturating_add(2 * INTERVAL_SECS);
        if interval_of(to) < closes || oldest.undecided.is_empty() {
            return None;
        }
        Some((oldest.start, std::mem::take(&mut oldest.undecided)))
    }

    /// Closes the oldest interval if time has passed it by; opens what follows. `active` are the flows
    /// of each link now.
    pub(crate) fn advance(
        &mut self,
        to: Timestamp,
        rules: &Rules,
        active: &[u64],
    ) -> Option<Batch> {
        let now = interval_of(to);
        let Some(newest) = self.open.back().map(|interval| interval.start) else {
            self.begin(now);
            return None;
        };
        if newest >= now {
            return None;
        }
        let gap = (now - newest) / INTERVAL_SECS > MAX_EMPTY;
        let next = if gap { now } else { newest + INTERVAL_SECS };
        if let Some(newest) = self.open.back_mut() {
            newest.active = Some(active.to_vec());
        }
        self.begin(next);
        // At most two are open; after a gap, what was before it goes one batch a call.
        if self.open.len() > 2 { self.close(rules, active) } else { None }
    }

    fn begin(&mut self, start: u32) {
        let rows = self.open.back().map_or_else(Rows::default, |newest| Rows::like(&newest.rows));
        self.open.push_back(Interval::new(start, self.names.len(), rows));
        let nanos = |secs: u32| u64::from(secs) * 1_000_000_000;
        self.newest = nanos(start)..nanos(start.saturating_add(INTERVAL_SECS));
    }

    /// Whether the newest interval is the one that holds this moment.
    pub(crate) fn has_reached(&self, to: Timestamp) -> bool {
        self.open.back().is_some_and(|interval| interval.start >= interval_of(to))
    }

    /// Closes the oldest interval, if one is open.
    pub(crate) fn close(&mut self, rules: &Rules, active: &[u64]) -> Option<Batch> {
        let interval = self.open.pop_front()?;
        Some(self.batch(&interval, rules, active))
    }

    /// What the open intervals hold so far: the sum over classes is what was received, for what waits for a
    /// verdict is under `unknown`.
    pub(crate) fn so_far(&self, rules: &Rules, active: &[u64]) -> Vec<Batch> {
        self.open.iter().map(|interval| self.batch(interval, rules, active)).collect()
    }

    fn batch(&self, interval: &Interval, rules: &Rules, active: &[u64]) -> Batch {
        let active = interval.active.as_deref().unwrap_or(active);
        let name = |link: LinkIndex| self.names.get(usize::from(link)).cloned().unwrap_or_default();
        let mut words = Words::default();
        let unknown = Verdict::UNKNOWN.class;
        let waits = waits(interval).map(|(link, way, waits)| (link, unknown, way, waits));
        let mut volumes: Vec<Volume> = by_class(&interval.rows)
            .into_iter()
            .chain(waits)
            .map(|(link, class, direction, Way { counted, flows })| Volume {
                link: name(link),
                direction,
                protocol: words.get(class.protocol.name()),
                service: words.get(rules.name(class.service)),
                category: words.get(class.category.name()),
                octets: counted.octets,
                packets: counted.packets,
                flows,
            })
            .collect();
        // A fixed order, so that a batch that is sent again is the same block to the database.
        volumes.sort_by(|a, b| order(a).cmp(&order(b)));
        let networks = match self.tells_networks {
            true => networks(interval, &self.networks),
            false => BTreeMap::new(),
        };
        let networks = networks.into_iter().map(|((link, category, asn, direction), way)| {
            let Way { counted: Counted { octets, packets }, flows } = way;
            let (link, category) = (name(link), words.get(category));
            NetworkVolume { link, direction, category, asn, octets, packets, flows }
        });
        let networks = networks.collect();
        let round_trips =
            interval.round_trips.iter().map(|((link, category), histogram)| RoundTrips {
                link: name(*link),
                category: words.get(category.name()),
                bins: histogram
                    .iter_recorded()
                    .map(|bin| (bin.value_iterated_to() as u32, bin.count_at_value().into()))
                    .collect(),
            });
        let round_trips = round_trips.collect();
        let observations = interval.links.iter().enumerate().map(|(place, counts)| Observation {
            link: name(place as LinkIndex),
            packets: counts.received.packets,
            octets: counts.received.octets,
            active_flows: active.get(place).copied().unwrap_or_default(),
            dropped_kernel: counts.dropped_kernel,
            late: counts.late,
            table_full: counts.table_full,
            unprobed_flows: counts.unprobed_flows,
            half_open_evicted: counts.half_open_evicted,
            sampled_packets: counts.sampled_packets,
        });
        let observations = observations.collect();
        Batch {
            probe: self.probe.clone(),
            start: interval.start,
            seconds: INTERVAL_SECS,
            volumes,
            round_trips,
            observations,
            networks,
        }
    }

    /// The interval in which a packet of this time is counted.
    #[inline(always)]
    pub(crate) fn slot(&self, time: Timestamp) -> Slot {
        if self.newest.contains(&time.as_nanos())
            && let Some(newest) = self.open.back()
        {
            return Slot { start: newest.start, late: false };
        }
        let own = interval_of(time);
        match self.open.iter().find(|interval| interval.start == own) {
            Some(interval) => Slot { start: interval.start, late: false },
            None => {
                let oldest = self.open.front().map_or(own, |interval| interval.start);
                Slot { start: oldest, late: true }
            }
        }
    }

    /// A packet was received on a link.
    pub(crate) fn receive(&mut self, slot: Slot, link: LinkIndex, octets: u32) {
        if let Some(counts) = self.link(slot.start, link) {
            counts.received.count(octets);
            counts.late += u64::from(slot.late);
        }
    }

    /// A packet found the flow table full.
    pub(crate) fn table_full(&mut self, slot: Slot, link: LinkIndex) {
        if let Some(counts) = self.link(slot.start, link) {
            counts.table_full += 1;
        }
    }

    /// A flow is not probed, or not to its verdict. Without a start it shows in the newest interval.
    pub(crate) fn unprobed(&mut self, start: Option<u32>, link: LinkIndex) {
        let start = start.or_else(|| self.open.back().map(|newest| newest.start));
        if let Some(counts) = start.and_then(|start| self.link(start, link)) {
            counts.unprobed_flows += 1;
        }
    }

    /// A packet of a flow that others stand for.
    pub(crate) fn sampled(&mut self, start: u32, link: LinkIndex) {
        if let Some(counts) = self.link(start, link) {
            counts.sampled_packets += 1;
        }
    }

    /// A half-open flow made room for another.
    pub(crate) fn evicted(&mut self, link: LinkIndex) {
        let newest = self.open.back_mut();
        if let Some(counts) = newest.and_then(|newest| newest.links.get_mut(usize::from(link))) {
            counts.half_open_evicted += 1;
        }
    }

    /// Packets were lost before they were seen.
    pub(crate) fn lost(&mut self, link: LinkIndex, packets: u64) {
        let newest =
            self.open.back_mut().and_then(|interval| interval.links.get_mut(usize::from(link)));
        if let Some(counts) = newest {
            counts.dropped_kernel += packets;
        }
    }

    /// Counts under a class and a network; `hint` may be the row's place, and is it afterwards.
    #[inline(always)]
    pub(crate) fn count(
        &mut self,
        hint: &mut RowId,
        class: Class,
        network: NetworkId,
        share: &Share,
    ) {
        let key = RowKey { class, network, link: share.link };
        if let Some(interval) = self.interval(share.start) {
            interval.rows.count(hint, key, share);
        }
    }

    /// A flow has octets in this interval, but no verdict yet.
    pub(crate) fn undecided(&mut self, start: u32, flow: FlowId) {
        if let Some(interval) = self.interval(start) {
            interval.undecided.push(flow);
        }
    }

    /// A share waits for a verdict.
    pub(crate) fn wait(&mut self, share: &Share) {
        if let Some(waits) = self.waits(share) {
            waits.counted.add(share.counted);
            waits.flows += u64::from(share.flows);
        }
    }

    /// It waits no longer.
    pub(crate) fn waits_no_longer(&mut self, share: &Share) {
        if let Some(Way { counted, flows }) = self.waits(share) {
            counted.octets = counted.octets.saturating_sub(share.counted.octets);
            counted.packets = counted.packets.saturating_sub(share.counted.packets);
            *flows = flows.saturating_sub(share.flows.into());
        }
    }

    fn waits(&mut self, share: &Share) -> Option<&mut Way> {
        let links = &mut self.interval(share.start)?.waits;
        links.get_mut(usize::from(share.link))?.get_mut(share.direction as usize)
    }

    /// Forgets undecided flows that wait no longer, if there are so many: the table bounds those that
    /// live, but a connection that is reset and begun again is a new flow each time.
    pub(crate) fn forget_ended(
        &mut self,
        start: u32,
        many: usize,
        mut waits: impl FnMut(FlowId) -> bool,
    ) {
        if let Some(interval) = self.interval(start)
            && interval.undecided.len() >= many
        {
            interval.undecided.retain(|id| waits(*id));
        }
    }

    /// A TCP handshake took so long.
    pub(crate) fn round_trip(&mut self, link: LinkIndex, category: Category, micros: u64) {
        let Some(interval) = self.open.back_mut() else { return };
        let histogram = match interval.round_trips.entry((link, category)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                // The bounds are constants that the crate accepts.
                let Ok(new) = Histogram::new_with_bounds(1, MAX_ROUND_TRIP_MICROS, 2) else {
                    return;
                };
                entry.insert(new)
            }
        };
        histogram.saturating_record(micros.max(1));
    }

    #[inline(always)]
    fn interval(&mut self, start: u32) -> Option<&mut Interval> {
        self.open.iter_mut().rev().find(|interval| interval.start == start)
    }

    fn link(&mut self, start: u32, link: LinkIndex) -> Option<&mut LinkCounts> {
        self.interval(start)?.links.get_mut(usize::from(link))
    }
}

/// What waits for a verdict, by link and direction.
fn waits(interval: &Interval) -> impl Iterator<Item = (LinkIndex, Direction, Way)> {
    interval.waits.iter().enumerate().flat_map(|(link, waits)| {
        let both = [Direction::In, Direction::Out].into_iter().zip(*waits);
        let some = both.filter(|(_, way)| way.counted.packets > 0);
        some.map(move |(direction, way)| (link as LinkIndex, direction, way))
    })
}

/// Sums by network; what waits for a verdict is of no known one yet.
fn networks(interval: &Interval, ids: &NetworkIds) -> BTreeMap<NetworkKey, Way> {
    let mut sums = by_network(&interval.rows, ids);
    let category = Verdict::UNKNOWN.class.category.name();
    for (link, direction, way) in waits(interval) {
        sums.entry((link, category, UNKNOWN_NETWORK, direction)).or_default().add(way);
    }
    sums
}

/// Start of the interval that holds a moment.
fn interval_of(time: Timestamp) -> u32 {
    // 2106 is the last year that ClickHouse's DateTime holds.
    let secs = u32::try_from(time.as_secs()).unwrap_or(u32::MAX - 2 * INTERVAL_SECS);
    secs - secs % INTERVAL_SECS
}

fn order(volume: &Volume) -> (&str, Direction, &str, &str, &str) {
    (&volume.link, volume.direction, &volume.category, &volume.protocol, &volume.service)
}

/// Each word once, shared by all rows of a batch.
#[derive(Default)]
struct Words(HashMap<String, Arc<str>, RandomState>);

impl Words {
    fn get(&mut self, word: &str) -> Arc<str> {
        self.0.entry_ref(word).or_insert_with(|| word.into()).clone()
    }
}
