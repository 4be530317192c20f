//! What the capture's engine reports of itself.

use etiage_aggregator::{LiveSnapshot, PROBE_LENGTH_BINS, StageCost, Step};
use serde::Serialize;
use utoipa::ToSchema;

/// What the capture's engine says of itself. Counters count from the start of the program.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Engine {
    /// Packets received.
    packets: u64,
    /// What a packet costs, stage by stage.
    stages: Vec<StageInfo>,
    /// The flow tables, all workers together.
    tables: Tables,
    /// What is left out for want of time.
    pressure: Workers,
    /// The bounds of the bins of `probe_lengths`: at most so many packets; `null` is any more.
    probe_length_bins: Vec<Option<u32>>,
    /// How many packets it took to know flows, by protocol; those that were seen.
    probe_lengths: Vec<ProtocolLengths>,
}

/// What packets cost in a stage; one packet in 1,024 is timed.
#[derive(Debug, Serialize, ToSchema)]
struct StageInfo {
    /// `decode`, `table`, `classify` (of packets that are shown to probes) or `count`.
    stage: &'static str,
    /// Packets timed.
    timed_packets: u64,
    /// Nanoseconds a packet, reading the clock included; `null` before the first.
    nanoseconds: Option<f64>,
}

/// The flow tables.
#[derive(Debug, Serialize, ToSchema)]
struct Tables {
    /// Flows in them now.
    active: u64,
    /// Flows that they can hold.
    capacity: u64,
    /// Of the flows in them, those of one packet or of connection requests only.
    unanswered: u64,
    /// The old name of `unanswered`; it goes with version 0.2.
    half_open: u64,
    /// Of the flows in them, those that are still inspected or watched.
    open: u64,
    /// Octets of the tables and of what is kept of open flows.
    octets: u64,
    /// Unanswered flows that had to make room.
    unanswered_evicted: u64,
    /// The old name of `unanswered_evicted`; it goes with version 0.2.
    half_open_evicted: u64,
    /// Flows that were not inspected, or not to their verdict, for lack of time or memory.
    uninspected: u64,
    /// The old name of `uninspected`; it goes with version 0.2.
    unprobed: u64,
    /// Flows without a verdict that had to make room for others under inspection.
    unsettled_evicted: u64,
}

/// Workers that leave something out.
#[derive(Debug, Serialize, ToSchema)]
struct Workers {
    /// Those that do not inspect new flows.
    unprobing: u64,
    /// Those that sample new flows.
    sampling: u64,
    /// Packets that were counted under no class: others stood for them.
    sampled_packets: u64,
}

/// How soon flows of a protocol were known.
#[derive(Debug, Serialize, ToSchema)]
struct ProtocolLengths {
    /// The protocol.
    #[schema(example = "tls")]
    protocol: &'static str,
    /// Flows in each bin.
    flows: Vec<u64>,
}

impl From<&LiveSnapshot> for Engine {
    fn from(live: &LiveSnapshot) -> Self {
        let stage = |(stage, cost): (Step, &StageCost)| StageInfo {
            stage: stage.name(),
            timed_packets: cost.packets,
            nanoseconds: (cost.packets > 0).then(|| cost.nanos as f64 / cost.packets as f64),
        };
        let lengths = live.probe_lengths.iter().map(|(protocol, flows)| ProtocolLengths {
            protocol: protocol.name(),
            flows: flows.to_vec(),
        });
        Self {
            packets: live.received.packets,
            stages: Step::ALL.into_iter().zip(&live.steps).map(stage).collect(),
            tables: Tables {
                active: live.active_flows,
                capacity: live.flow_capacity,
                unanswered: live.half_open_flows,
                half_open: live.half_open_flows,
                open: live.open_flows,
                octets: live.flow_octets,
                unanswered_evicted: live.half_open_evicted,
                half_open_evicted: live.half_open_evicted,
                uninspected: live.unprobed_flows,
                unprobed: live.unprobed_flows,
                unsettled_evicted: live.unsettled_evicted,
            },
            pressure: Workers {
                unprobing: live.unprobed_workers,
                sampling: live.sampling_workers,
                sampled_packets: live.sampled_packets,
            },
            probe_length_bins: PROBE_LENGTH_BINS
                .map(|most| (most != u32::MAX).then_some(most))
                .to_vec(),
            probe_lengths: lengths.collect(),
        }
    }
}
