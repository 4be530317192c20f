//! What is answered: each answer with the computation that makes it. Nothing here knows of HTTP, nor of how
//! a question is written; that is in `routes` and `params`.

pub(crate) mod cache;
pub(crate) mod capacity;
pub(crate) mod completions;
pub(crate) mod damage;
pub(crate) mod engine;
pub(crate) mod flow_records;
pub(crate) mod health;
pub(crate) mod heatmap;
pub(crate) mod live;
pub(crate) mod overview;
pub(crate) mod planning;
pub(crate) mod profile;
pub(crate) mod receivers;
pub(crate) mod round_trips;
pub(crate) mod sankey;
pub(crate) mod size;
pub(crate) mod system;
pub(crate) mod totals;
pub(crate) mod volumes;
