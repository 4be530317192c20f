//! The flow table, and where later fragments find their flow.

mod entry;
mod fragments;
mod half_open;
mod index;
mod key;
mod settings;
mod slab;
mod table;
mod wheel;

pub use entry::{Flow, FlowEndReason, FlowId, SideCount};
pub use fragments::Fragments;
pub use key::{FlowKey, FlowSeed, Sender};
pub use settings::FlowSettings;
pub use table::{Admission, FlowTable, FlowTableStats};
