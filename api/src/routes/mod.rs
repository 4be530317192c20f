//! What is asked: one file a resource, each with its parameters, its place in the OpenAPI document, and its
//! handler. What takes computation is in `answers`.

pub(crate) mod backup;
pub(crate) mod baseline;
mod body;
pub(crate) mod capacity;
pub(crate) mod damage;
pub(crate) mod engine;
pub(crate) mod event;
pub(crate) mod events;
pub(crate) mod evidence;
pub(crate) mod explain;
mod export;
pub(crate) mod filter;
pub(crate) mod flow_records;
pub(crate) mod health;
pub(crate) mod heatmap;
pub(crate) mod lists;
pub(crate) mod live;
pub(crate) mod metrics;
pub(crate) mod notes;
pub(crate) mod overview;
pub(crate) mod planning;
pub(crate) mod profile;
pub(crate) mod round_trips;
pub(crate) mod sankey;
mod served;
pub(crate) mod session;
pub(crate) mod system;
pub(crate) mod totals;
pub(crate) mod views;
pub(crate) mod volumes;
