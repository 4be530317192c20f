//! Bounds and timeouts of a flow table.

use std::time::Duration;

/// Bounds and timeouts of a flow table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowSettings {
    /// Flows held at most. A quarter of them may be half-open.
    pub max_flows: u32,
    /// Octets that flows, what is kept of them while they are probed, and its buffers may take. Three
    /// quarters of it are the table's: it holds fewer flows than `max_flows` where that is too little.
    pub max_memory: u64,
    /// A TCP flow without a packet for so long has ended.
    pub tcp_idle: Duration,
    /// A flow of any other transport without a packet for so long has ended.
    pub udp_idle: Duration,
    /// A TCP flow that both ends closed, or one reset, is kept so long for stragglers.
    pub closed_linger: Duration,
    /// A flow that lasts longer is reported again each time this has passed; `None` for only at its end.
    pub active: Option<Duration>,
}

impl FlowSettings {
    /// Octets of the flow table, of `max_memory`.
    pub const fn table_memory(&self) -> u64 {
        self.max_memory / 4 * 3
    }

    /// Octets of what is kept of flows while they are probed, of `max_memory`.
    pub const fn probing_memory(&self) -> u64 {
        self.max_memory - self.table_memory()
    }
}

impl Default for FlowSettings {
    /// 1 Mi flows within 1 GiB; TCP 300 s (RFC 5382 asks NATs for 2 h, exporters use minutes), UDP 60 s,
    /// closed 5 s, no active timeout.
    fn default() -> Self {
        Self {
            max_flows: 1 << 20,
            max_memory: 1 << 30,
            tcp_idle: Duration::from_secs(300),
            udp_idle: Duration::from_secs(60),
            closed_linger: Duration::from_secs(5),
            active: None,
        }
    }
}
