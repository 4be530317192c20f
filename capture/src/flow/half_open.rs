//! Flows that have not shown yet that anybody answers or goes on: a share of the table of their own.
//!
//! A flow is half-open while it has but one packet, or nothing but connection requests. A SYN flood
//! and an address scan are made of these; of the flows of recorded traffic one in fifty ends as one.
//! Once their share is full the oldest makes room for the newest, so that a flood can neither fill
//! the table nor push out flows that go on.

use std::collections::VecDeque;

use super::FlowId;

/// How much of the table half-open flows may take: one part of so many.
const SHARE: u32 = 4;

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

    /// The oldest; it is no longer in the queue, and still counted.
    pub(super) fn oldest(&mut self, is_half_open: impl Fn(FlowId) -> bool) -> Option<FlowId> {
        loop {
            let id = self.queue.pop_front()?;
            if is_half_open(id) {
                return Some(id);
            }
        }
    }
}
