//! Which flows have a record of their own, and what it shows of whom.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use etiage_aggregator::{FlowRecord, FlowSink};
use etiage_capture::flow::FlowEndReason;
use etiage_capture::{PerSide, Timestamp};
use etiage_classifier::Rules;
use etiage_store::{FlowRecords, NewFlowRecord};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::config::{FlowRecordSettings, LocalAddresses};

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Recording {
    settings: FlowRecordSettings,
    local: Vec<IpNet>,
    probe: Arc<str>,
    links: Vec<Arc<str>>,
    rules: Arc<Rules>,
    records: FlowRecords,
}

impl Recording {
    pub(crate) fn new(
        settings: FlowRecordSettings,
        local: Vec<IpNet>,
        (probe, links): (Arc<str>, Vec<Arc<str>>),
        rules: Arc<Rules>,
        records: FlowRecords,
    ) -> Self {
        Self { settings, local, probe, links, rules, records }
    }

    /// An address as it is kept: of a local one the network, unless it is to be clear.
    fn shown(&self, address: IpAddr) -> Ipv6Addr {
        // An IPv4 address that comes mapped in an IPv6 packet is kept as what it is: as local as ever.
        let address = address.to_canonical();
        let clear = self.settings.local_addresses == LocalAddresses::Clear;
        let local = || self.local.iter().any(|prefix| prefix.contains(&address));
        let shown = if clear || !local() { address } else { truncated(address) };
        match shown {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        }
    }

    fn record(&self, flow: &FlowRecord, stands_for: u32) -> NewFlowRecord {
        let PerSide { initiator, responder } = flow.counts;
        let class = flow.verdict.class;
        NewFlowRecord {
            first: millis(flow.first),
            last: millis(flow.last),
            link: self
                .links
                .get(usize::from(flow.link))
                .map(ToString::to_string)
                .unwrap_or_default(),
            category: class.category.name().to_owned(),
            protocol: class.protocol.name().to_owned(),
            service: self.rules.name(class.service).to_owned(),
            probe: self.probe.to_string(),
            confidence: flow.verdict.confidence.0,
            transport: flow.ends.transport.0,
            initiator: self.shown(flow.ends.initiator.ip()),
            initiator_port: flow.ends.initiator.port(),
            responder: self.shown(flow.ends.responder.ip()),
            responder_port: flow.ends.responder.port(),
            initiator_octets: initiator.octets,
            initiator_packets: initiator.packets,
            responder_octets: responder.octets,
            responder_packets: responder.packets,
            end_reason: reason(flow.reason).to_owned(),
            stands_for,
        }
    }
}

/// A /24 of IPv4, a /48 of IPv6: what an access line cannot be told from its neighbours in.
fn truncated(address: IpAddr) -> IpAddr {
    // Both lengths are right for their family; if they were not, nothing at all would be shown.
    match address {
        IpAddr::V4(v4) => {
            Ipv4Net::new(v4, 24).map_or(IpAddr::V4(0.into()), |net| net.network().into())
        }
        IpAddr::V6(v6) => {
            Ipv6Net::new(v6, 48).map_or(IpAddr::V6(0.into()), |net| net.network().into())
        }
    }
}

fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// flowEndReason of IPFIX (information element 136), in words.
const fn reason(reason: FlowEndReason) -> &'static str {
    match reason {
        FlowEndReason::Idle => "idle",
        FlowEndReason::Active => "active",
        FlowEndReason::EndOfFlow => "end-of-flow",
        FlowEndReason::Forced => "forced",
        FlowEndReason::Evicted => "lack-of-resources",
    }
}

/// One worker's: chooses flows, and hands their records over without ever waiting.
pub(crate) struct Recorder {
    recording: Option<Arc<Recording>>,
    /// Light flows since the last that was drawn.
    light: u32,
}

impl Recorder {
    /// None where no records are kept.
    pub(crate) const fn new(recording: Option<Arc<Recording>>) -> Self {
        Self { recording, light: 0 }
    }
}

impl FlowSink for Recorder {
    fn flow(&mut self, flow: &FlowRecord) {
        let Some(recording) = &self.recording else { return };
        let PerSide { initiator, responder } = flow.counts;
        let FlowRecordSettings { heavy, sample, .. } = recording.settings;
        let stands_for = if initiator.octets.saturating_add(responder.octets) >= heavy {
            1
        } else {
            self.light = self.light.saturating_add(1);
            if sample == 0 || self.light < sample {
                return;
            }
            self.light = 0;
            sample
        };
        recording.records.push(recording.record(flow, stands_for));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_truncated_address_tells_the_network_and_no_more() {
        for (address, shown) in [
            ("203.0.113.77", "203.0.113.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
            ("::ffff:192.0.2.9", "::"),
        ] {
            let truncated = truncated(address.parse().unwrap());
            assert_eq!(truncated, shown.parse::<IpAddr>().unwrap(), "{address}");
        }
    }
}
