//! What is told of a flow when it ends.

use etiage_capture::flow::{FlowEndReason, SideCount};
use etiage_capture::{LinkIndex, PerSide, Timestamp};
use etiage_classifier::{FlowEnds, Teacher, Verdict};

/// A flow as it is reported at its end, or when the active timeout has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowRecord {
    /// First packet.
    pub first: Timestamp,
    /// Last packet.
    pub last: Timestamp,
    /// The link of its first packet.
    pub link: LinkIndex,
    /// The ends: the initiator first.
    pub ends: FlowEnds,
    /// What each sent.
    pub counts: PerSide<SideCount>,
    /// What it is.
    pub verdict: Verdict,
    /// What taught the name on which the verdict rests, if it is not the flow's own.
    pub teacher: Option<Teacher>,
    /// Why it is reported.
    pub reason: FlowEndReason,
}

/// Takes reported flows; `()` takes no notice of them.
pub trait FlowSink {
    /// A flow has ended, or the active timeout has passed.
    fn flow(&mut self, record: &FlowRecord);
}

impl FlowSink for () {
    fn flow(&mut self, _: &FlowRecord) {}
}
