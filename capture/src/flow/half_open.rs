//! Flows that have not shown yet that anybody answers or goes on: a share of the table of their own.
//!
//! A flow is half-open while it has but one packet, or nothing but connection requests. A SYN flood
//! and an address scan are made of these; of the flows of recorded traffic one in fifty ends as one.
//! Once their share is full the oldest makes room for the newest, so that a flood can neither fill
//! the table nor push out flows that go on.
//!
//! A flow is brief while it was answered, but by a few packets only. Queries and scans are made of these;
//! where the table is full, the brief flow that has been silent for longest makes room, too.

use std::collections::VecDeque;

use super::entry::FlowId;

/// How much of the table half-open flows may take: one part of so many.
const SHARE: u32 = 4;
/// Packets of a brief flow at most. A flow that moves something has as many within its first round trips.
pub(super) const BRIEF: u64 = 8;

/// Half-open flows in the order in which they began, and some that were.
#[derive(Debug)]
pub(super) struct HalfOpen {
    queue: VecDeque<FlowId>,
    now: u32,
    max: u32,
}

impl HalfOpen {
    pub(super) fn new(max_flows: u32) -> Self {
        Self { queue: VecDeque::new(), now: 0, max: (max_flows / SHARE).max(1) }
    }

    /// How many flows are half-open.
    pub(super) const fn len(&self) -> u32 {
        self.now
    }

    pub(super) const fn is_full(&self) -> bool {
        self.now >= self.max
    }

    /// Octets that the queue takes.
    pub(super) fn octets(&self) -> usize {
        self.queue.capacity() * size_of::<FlowId>()
    }

    /// A flow begins. `is_half_open` tells whether one in the queue still is.
    pub(super) fn begin(&mut self, id: FlowId, is_half_open: impl Fn(FlowId) -> bool) {
        // Those that went on stay in the queue until it is twice as long as it need be.
        if self.queue.len() > (self.now as usize).max(512) * 2 {
            self.queue.retain(|id| is_half_open(*id));
        }
        self.queue.push_back(id);
        self.now += 1;
    }

    /// A half-open flow went on, or ended.
    pub(super) fn end(&mut self) {
        self.now = self.now.saturating_sub(1);
    }

    /// The oldest; it stays in the queue.
    pub(super) fn oldest(&mut self, is_half_open: impl Fn(FlowId) -> bool) -> Option<FlowId> {
        oldest(&mut self.queue, is_half_open)
    }
}

/// Brief flows in the order in which they were answered, and some that were: as many as half-open flows
/// may be. What has left the queue unseen ends by its timeout.
#[derive(Debug)]
pub(super) struct Brief {
    queue: VecDeque<FlowId>,
    max: usize,
}

impl Brief {
    pub(super) fn new(max_flows: u32) -> Self {
        Self { queue: VecDeque::new(), max: (max_flows / SHARE).max(1) as usize }
    }

    /// A half-open flow was answered, or went on.
    pub(super) fn begin(&mut self, id: FlowId) {
        if self.queue.len() >= self.max {
            self.queue.pop_front();
        }
        self.queue.push_back(id);
    }

    /// The one that was answered first; it stays in the queue.
    pub(super) fn oldest(&mut self, is_brief: impl Fn(FlowId) -> bool) -> Option<FlowId> {
        oldest(&mut self.queue, is_brief)
    }

    /// Octets that the queue takes.
    pub(super) fn octets(&self) -> usize {
        self.queue.capacity() * size_of::<FlowId>()
    }
}

/// The first that still is what the queue is of; those before it are forgotten.
fn oldest(queue: &mut VecDeque<FlowId>, is: impl Fn(FlowId) -> bool) -> Option<FlowId> {
    loop {
        let id = *queue.front()?;
        if is(id) {
            return Some(id);
        }
        queue.pop_front();
    }
}
