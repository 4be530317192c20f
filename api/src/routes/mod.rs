//! The handlers, one file a resource.

mod alerts;
pub(crate) mod baseline;
pub(crate) mod capacity;
pub(crate) mod engine;
pub(crate) mod event;
pub(crate) mod events;
pub(crate) mod evidence;
pub(crate) mod explain;
pub(crate) mod filter;
pub(crate) mod flow_records;
pub(crate) mod health;
pub(crate) mod heatmap;
pub(crate) mod lists;
pub(crate) mod live;
pub(crate) mod metrics;
pub(crate) mod mixed;
pub(crate) mod notes;
pub(crate) mod overview;
pub(crate) mod planning;
pub(crate) mod profile;
pub(crate) mod round_trips;
pub(crate) mod sankey;
pub(crate) mod session;
pub(crate) mod system;
pub(crate) mod totals;
pub(crate) mod views;
pub(crate) mod volumes;
