//! The flow table, and where later fragments find their flow.

mod fragments;
mod half_open;
mod index;
mod key;
mod table;
mod wheel;

pub use fragments::Fragments;
pub use key::{FlowKey, FlowSeed, Sender};
pub use table::{
    Admission, Flow, FlowEndReason, FlowId, FlowSettings, FlowTable, FlowTableStats, SideCount,
};
