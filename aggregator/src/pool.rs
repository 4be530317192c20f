//! All open flows of a worker, in places that are used again, and who makes room when there is none.

use etiage_capture::Places;
use etiage_capture::flow::FlowId;
use etiage_classifier::FlowState;

use crate::open::{Open, Rank, Stage};

/// Of the octets that are for open flows, one part of so many is for their places; the rest is for what
/// probes and watches keep of them.
const PLACES_SHARE: u64 = 4;
/// Flows that carry volume may have so many quarters of the pool: what begins must be looked at, too.
const HEAVY_QUARTERS: usize = 3;
/// The end of a list.
const NONE: u32 = u32::MAX;

/// The place of an [`Open`] in its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenId(u32);

/// A place, with its neighbours in the list of its rank.
#[derive(Debug)]
struct Place {
    open: Open,
    flow: Option<FlowId>,
    older: u32,
    newer: u32,
}

/// The flows of a rank, in the order in which they came to it.
#[derive(Clone, Copy, Debug)]
struct Line {
    oldest: u32,
    newest: u32,
    flows: usize,
}

/// All open flows of a worker.
#[derive(Debug)]
pub(crate) struct Pool {
    places: Places<Place>,
    free: Vec<u32>,
    lines: [Line; Rank::ALL.len()],
    /// Flows in all lines: asked for at every packet.
    open: usize,
    max_places: usize,
    /// Octets of what is kept of open flows beyond their places.
    pub(crate) kept_octets: usize,
    max_kept_octets: usize,
}

impl Pool {
    /// For open flows that take so many octets together.
    pub(crate) fn new(max_octets: u64) -> Self {
        let size = |octets: u64| usize::try_from(octets).unwrap_or(usize::MAX);
        let places = max_octets / PLACES_SHARE;
        Self {
            places: Places::default(),
            free: Vec::new(),
            lines: [Line { oldest: NONE, newest: NONE, flows: 0 }; Rank::ALL.len()],
            open: 0,
            max_places: size(places / size_of::<Place>() as u64).max(1),
            kept_octets: 0,
            max_kept_octets: size(max_octets - places),
        }
    }

    /// Whether somebody must make room before a flow is opened.
    #[inline(always)]
    pub(crate) const fn is_full(&self) -> bool {
        self.kept_octets >= self.max_kept_octets || self.len() >= self.max_places
    }

    /// Whether what is kept is so much that room cannot be made fast enough.
    pub(crate) const fn overflows(&self) -> bool {
        self.kept_octets > self.max_kept_octets.saturating_add(self.max_kept_octets / 8)
    }

    /// Opens a flow.
    pub(crate) fn begin(&mut self, flow: FlowId) -> OpenId {
        let (open, flow) = (Open::default(), Some(flow));
        let place = Place { open, flow, older: NONE, newer: NONE };
        let at = match self.free.pop() {
            Some(at) => {
                if let Some(free) = self.places.get_mut(at as usize) {
                    *free = place;
                }
                at
            }
            None => u32::try_from(self.places.push(place)).unwrap_or(NONE),
        };
        self.join(at, Rank::default());
        OpenId(at)
    }

    pub(crate) fn get_mut(&mut self, id: OpenId) -> Option<&mut Open> {
        self.places.get_mut(id.0 as usize).map(|place| &mut place.open)
    }

    /// A flow has shown more of itself.
    pub(crate) fn promote(&mut self, id: OpenId, rank: Rank) {
        if let Some(open) = self.get_mut(id)
            && rank > open.rank
        {
            self.leave(id.0);
            self.join(id.0, rank);
        }
    }

    /// A flow is over before it has shown anything.
    pub(crate) fn demote(&mut self, id: OpenId) {
        self.leave(id.0);
        self.join(id.0, Rank::default());
    }

    pub(crate) fn end(&mut self, id: OpenId) {
        self.leave(id.0);
        if let Some(place) = self.places.get_mut(id.0 as usize) {
            place.open = Open::default();
            place.flow = None;
            self.free.push(id.0);
        }
    }

    /// Whose turn it is to make room: the oldest of those that take most without having shown much, or of
    /// those that carry volume where there is nobody else, or too many of them.
    pub(crate) fn oldest(&self) -> Option<(OpenId, FlowId)> {
        let [asking, silent, answered, heavy] = self.lines.map(|line| line.flows);
        // Requests keep nothing: where it is that which is too much, they cannot help.
        let kept = self.kept_octets >= self.max_kept_octets;
        let place = size_of::<Place>();
        let probed = place + size_of::<FlowState>();
        let weights = [if kept { 0 } else { asking * place }, silent * probed, answered * probed];
        let most = weights.into_iter().enumerate().max_by_key(|(_, weight)| *weight);
        let crowded = heavy * probed * 4 > self.len() * probed * HEAVY_QUARTERS;
        let rank = match most {
            Some((rank, 1..)) if !crowded => rank,
            _ => Rank::Heavy as usize,
        };
        let at = self.lines.get(rank)?.oldest;
        let place = self.places.get(at as usize)?;
        Some((OpenId(at), place.flow?))
    }

    /// How many flows are open.
    #[inline(always)]
    pub(crate) const fn len(&self) -> usize {
        self.open
    }

    /// Octets of the pool itself.
    pub(crate) fn octets(&self) -> usize {
        self.places.octets() + self.free.capacity() * size_of::<u32>()
    }

    fn join(&mut self, at: u32, rank: Rank) {
        let Some(line) = self.lines.get_mut(rank as usize) else { return };
        let newest = std::mem::replace(&mut line.newest, at);
        line.flows += 1;
        self.open += 1;
        if newest == NONE {
            line.oldest = at;
        } else if let Some(before) = self.places.get_mut(newest as usize) {
            before.newer = at;
        }
        if let Some(place) = self.places.get_mut(at as usize) {
            place.open.rank = rank;
            (place.older, place.newer) = (newest, NONE);
        }
    }

    fn leave(&mut self, at: u32) {
        let Some(place) = self.places.get(at as usize) else { return };
        let (rank, older, newer) = (place.open.rank, place.older, place.newer);
        let Some(line) = self.lines.get_mut(rank as usize) else { return };
        line.flows = line.flows.saturating_sub(1);
        self.open = self.open.saturating_sub(1);
        match self.places.get_mut(older as usize) {
            Some(before) if older != NONE => before.newer = newer,
            _ => line.oldest = newer,
        }
        match self.places.get_mut(newer as usize) {
            Some(after) if newer != NONE => after.older = older,
            _ => line.newest = older,
        }
    }
}

/// Octets that a stage takes beyond the flow's place.
pub(crate) fn kept(stage: &Stage) -> usize {
    match stage {
        Stage::Asking(_) => 0,
        Stage::Inspected(state, _) => state.octets(),
        Stage::Watched(_) => size_of::<etiage_classifier::Watch>(),
    }
}

/// Three cache lines.
const _: () = assert!(size_of::<Place>() <= 192);

#[cfg(test)]
mod tests {
    use etiage_capture::flow::{Admission, FlowKey, FlowSettings, FlowTable};
    use etiage_capture::{Timestamp, Transport};

    use super::*;

    /// So many flows of a table.
    fn flows(count: u16) -> Vec<FlowId> {
        let mut table = FlowTable::<u8>::new(FlowSettings::default());
        let server = ([198, 51, 100, 1], 80).into();
        let flow = |port| {
            let client = ([192, 0, 2, 1], port).into();
            let (key, sender) = FlowKey::new(client, server, Transport::TCP, None);
            let hash = table.hash(&key);
            let taken = table.take((key, sender), hash, Timestamp::EPOCH, 60, None, |_, _| {});
            let Admission::Flow { id, .. } = taken else { panic!() };
            id
        };
        (1..=count).map(flow).collect()
    }

    fn drain(pool: &mut Pool) -> Vec<FlowId> {
        let next = || {
            let (open, flow) = pool.oldest()?;
            pool.end(open);
            Some(flow)
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn the_oldest_of_the_largest_light_rank_makes_room_and_volume_last() {
        let flows = flows(8);
        let mut pool = Pool::new(1 << 20);
        let open: Vec<_> = flows.iter().map(|flow| pool.begin(*flow)).collect();
        for (place, rank) in [
            (0, Rank::Heavy),
            (1, Rank::Silent),
            (2, Rank::Silent),
            (3, Rank::Silent),
            (4, Rank::Answered),
            (5, Rank::Answered),
        ] {
            pool.promote(open[place], rank);
        }
        pool.promote(open[0], Rank::Silent);
        assert_eq!(pool.oldest(), Some((open[1], flows[1])), "three are silent");
        pool.end(open[1]);
        assert_eq!(pool.len(), 7);
        let left = drain(&mut pool);
        assert_eq!(left.len(), 7);
        assert_eq!(left.last(), Some(&flows[0]), "volume last");
        assert_eq!((pool.len(), pool.oldest()), (0, None));
        // Places are used again.
        let octets = pool.octets();
        for flow in &flows {
            pool.begin(*flow);
        }
        assert_eq!((pool.len(), pool.octets()), (8, octets));
    }

    #[test]
    fn volume_does_not_push_out_what_begins() {
        let flows = flows(8);
        let mut pool = Pool::new(1 << 20);
        let open: Vec<_> = flows.iter().map(|flow| pool.begin(*flow)).collect();
        for id in &open[..7] {
            pool.promote(*id, Rank::Heavy);
        }
        assert_eq!(pool.oldest(), Some((open[0], flows[0])));
        pool.end(open[0]);
        assert_eq!(pool.oldest(), Some((open[1], flows[1])), "six of seven are too many");
    }

    #[test]
    fn requests_keep_nothing_that_could_be_freed() {
        let flows = flows(3);
        let mut pool = Pool::new(4096);
        let open: Vec<_> = flows.iter().map(|flow| pool.begin(*flow)).collect();
        pool.promote(open[2], Rank::Silent);
        pool.kept_octets = 4096;
        assert!(pool.is_full() && pool.overflows());
        assert_eq!(pool.oldest(), Some((open[2], flows[2])));
    }
}
