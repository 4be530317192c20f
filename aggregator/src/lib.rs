//! How much: volumes per interval, link, direction and class; round-trip times; live gauges.
//!
//! No clock, no I/O: intervals are of stream time. Whatever comes in, the octets and packets of a
//! batch's classes add up to its observations.

mod batch;
mod flow_records;
mod interval;
mod live;
mod load;
mod meter;
mod network_ids;
mod network_rows;
pub mod networks;
mod open;
mod pool;
mod pressure;
mod record;
mod rows;
mod share;
mod stats;
mod teachers;
mod tracker;

pub use batch::{
    Batch, INTERVAL_SECS, NetworkVolume, OTHER_NETWORKS, Observation, RoundTrips, SETTLED_SECS,
    Volume,
};
pub use etiage_capture::Direction;
pub use flow_records::{Chooser, ChosenFlow, FlowRecordSettings, LocalAddresses};
pub use live::{ClassGauge, Counted, Drops, LinkGauge, Live, LiveDelta, LiveSnapshot};
pub use load::{Load, Look, RING_HEADER};
pub use meter::{Meter, MeterSettings};
pub use pressure::{Pressure, PressureGauge};
pub use record::{FlowRecord, FlowSink};
pub use stats::{Costs, MeterStats, PROBE_LENGTH_BINS, ProbeLengths, StageCost, Step};
