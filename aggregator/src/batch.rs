//! What leaves the aggregator: one batch an interval, with names instead of numbers.

use std::sync::Arc;

use etiage_capture::Direction;
use serde::{Deserialize, Serialize};

/// Length of an interval of stream time, in seconds.
pub const INTERVAL_SECS: u32 = 10;

/// How long after its end an interval is settled, in seconds: its rows are in the database. It stays open for
/// [`INTERVAL_SECS`] more, workers hand it over one after the other, and the writer needs a few seconds.
pub const SETTLED_SECS: u32 = 30;

/// Everything that was counted in one interval by one worker. Batches of the same interval add up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The probe's name.
    pub probe: Arc<str>,
    /// Start of the interval, in seconds since the Unix epoch: a multiple of `seconds`.
    pub start: u32,
    /// Length of the interval: [`INTERVAL_SECS`] from a meter; more where rows were merged or are
    /// history of a coarser kind.
    pub seconds: u32,
    /// Volumes by class, one row a key.
    pub volumes: Vec<Volume>,
    /// TCP round-trip times.
    pub round_trips: Vec<RoundTrips>,
    /// What each link's interval looked like as a whole: present for every configured link as long as
    /// the probe runs, so that "no traffic" and "not observed" differ.
    pub observations: Vec<Observation>,
    /// Volumes by the network of the remote end, where networks are known.
    pub networks: Vec<NetworkVolume>,
}

/// Octets, packets and new flows of one remote network on one link, direction and category in one
/// interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkVolume {
    /// The link's name.
    pub link: Arc<str>,
    /// Which way.
    pub direction: Direction,
    /// The category's name.
    pub category: Arc<str>,
    /// The remote autonomous system's number; 0 where it is not known, [`OTHER_NETWORKS`] for what is added up as `other`.
    pub asn: u32,
    /// Octets on the wire, whole frames without FCS.
    pub octets: u64,
    /// Packets.
    pub packets: u64,
    /// Flows whose first packet fell into this interval.
    pub flows: u64,
}

/// The number under which the networks beyond the largest of an interval are added up: the last AS
/// number, which is reserved (RFC 7300).
pub const OTHER_NETWORKS: u32 = u32::MAX;

/// Octets, packets and new flows of one class on one link and direction in one interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    /// The link's name.
    pub link: Arc<str>,
    /// Which way.
    pub direction: Direction,
    /// The protocol's name.
    pub protocol: Arc<str>,
    /// The service's name, `none` where none is known.
    pub service: Arc<str>,
    /// The category's name.
    pub category: Arc<str>,
    /// Octets on the wire, whole frames without FCS.
    pub octets: u64,
    /// Packets.
    pub packets: u64,
    /// Flows whose first packet fell into this interval, counted in the direction of that packet.
    pub flows: u64,
}

/// TCP handshake round-trip times of one link and category in one interval, as histogram bins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundTrips {
    /// The link's name.
    pub link: Arc<str>,
    /// The category's name.
    pub category: Arc<str>,
    /// (upper bound of the bin in microseconds, samples in it), at two significant digits.
    pub bins: Vec<(u32, u64)>,
}

/// One link in one interval as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The link's name.
    pub link: Arc<str>,
    /// Packets received: equals the sum over all classes and both directions.
    pub packets: u64,
    /// Octets received: equals the sum over all classes and both directions.
    pub octets: u64,
    /// Flows active at the end of the interval.
    pub active_flows: u64,
    /// Packets the kernel or the interface dropped before they were seen.
    pub dropped_kernel: u64,
    /// Packets that were counted in a later interval than their own, for coming too late.
    pub late: u64,
    /// Packets of flows that the full flow table did not take: counted under a class by port.
    pub table_full: u64,
    /// Flows that were not probed for want of time or memory: counted under a class by port and by what
    /// is known of their ends.
    #[serde(default)]
    pub unprobed_flows: u64,
    /// Half-open flows that had to make room for others.
    #[serde(default)]
    pub half_open_evicted: u64,
    /// Packets that are counted under no class: those of other flows, of which one in so many was
    /// looked at, stand for them. Where this is not 0 the classes' sums are estimates.
    #[serde(default)]
    pub sampled_packets: u64,
}
