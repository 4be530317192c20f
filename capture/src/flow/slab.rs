//! Where flows lie.

use super::entry::{Flow, FlowId, Marks};
use super::half_open::BRIEF;
use super::key::FlowKey;
use super::wheel::{Linked, Links};
use crate::packet::PerSide;
use crate::places::Places;
use crate::time::Timestamp;

/// Flows by place. A place is used again, under another generation.
#[derive(Debug)]
pub(super) struct Slab<S> {
    pub(super) flows: Places<Flow<S>>,
    free: Vec<u32>,
}

impl<S: Default> Slab<S> {
    pub(super) fn new() -> Self {
        Self { flows: Places::default(), free: Vec::new() }
    }

    #[inline(always)]
    pub(super) fn get(&self, index: u32) -> Option<&Flow<S>> {
        self.flows.get(index as usize).filter(|flow| flow.lives())
    }

    #[inline(always)]
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Flow<S>> {
        self.flows.get_mut(index as usize).filter(|flow| flow.lives())
    }

    pub(super) fn is_half_open(&self, id: FlowId) -> bool {
        let flow = self.get(id.index).filter(|flow| flow.generation == id.generation);
        flow.is_some_and(|flow| flow.marks.has(Marks::HALF_OPEN))
    }

    pub(super) fn is_brief(&self, id: FlowId) -> bool {
        let flow = self.get(id.index).filter(|flow| flow.generation == id.generation);
        flow.is_some_and(|flow| {
            let PerSide { initiator, responder } = &flow.counts;
            initiator.packets.saturating_add(responder.packets) <= BRIEF
        })
    }

    pub(super) fn octets(&self) -> usize {
        self.flows.octets() + self.free.capacity() * size_of::<u32>()
    }

    pub(super) fn insert(&mut self, key: FlowKey, time: Timestamp, marks: Marks) -> FlowId {
        let new = |generation| Flow {
            key,
            first: time,
            last: time,
            counts: PerSide::default(),
            generation,
            syn_sequence: 0,
            links: Links::default(),
            state: S::default(),
            marks,
        };
        if let Some(index) = self.free.pop()
            && let Some(flow) = self.flows.get_mut(index as usize)
        {
            *flow = new(flow.generation);
            return FlowId { index, generation: flow.generation };
        }
        let index = self.flows.push(new(0)) as u32;
        FlowId { index, generation: 0 }
    }

    pub(super) fn remove(&mut self, index: u32) {
        let Some(flow) = self.get_mut(index) else { return };
        flow.marks = Marks::default();
        flow.generation = flow.generation.wrapping_add(1);
        flow.state = S::default();
        self.free.push(index);
    }
}

impl<S: Default> Linked for Slab<S> {
    fn links(&mut self, index: u32) -> Option<&mut Links> {
        self.get_mut(index).map(|flow| &mut flow.links)
    }
}
