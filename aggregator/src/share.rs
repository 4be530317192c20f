//! Octets and packets on their way into an interval.

use etiage_capture::{Direction, LinkIndex};

use crate::live::Counted;

/// What is counted under one class at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Start of the interval, in seconds since the Unix epoch.
    pub(crate) start: u32,
    pub(crate) link: LinkIndex,
    pub(crate) direction: Direction,
    pub(crate) counted: Counted,
    pub(crate) flows: u32,
}

impl Share {
    /// As much of so many flows.
    pub(crate) fn scale(&mut self, weight: u32) {
        self.counted.octets = self.counted.octets.saturating_mul(weight.into());
        self.counted.packets = self.counted.packets.saturating_mul(weight.into());
        self.flows = self.flows.saturating_mul(weight);
    }
}
