//! Records of flows, from the meter to the store.

use std::sync::Arc;

use etiage_aggregator::{Chooser, ChosenFlow, FlowRecord, FlowRecordSettings, FlowSink};
use etiage_capture::{PerSide, Timestamp};
use etiage_classifier::Rules;
use etiage_store::{FlowRecords, NewFlowRecord};
use ipnet::IpNet;

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Recording {
    chooser: Chooser,
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
        Self { chooser: Chooser::new(settings, local.into()), probe, links, rules, records }
    }

    fn record(&self, chosen: &ChosenFlow<'_>) -> NewFlowRecord {
        let ChosenFlow { flow, initiator, responder, stands_for } = *chosen;
        let link = self.links.get(usize::from(flow.link));
        let class = flow.verdict.class;
        let PerSide { initiator: sent, responder: answered } = flow.counts;
        NewFlowRecord {
            first: millis(flow.first),
            last: millis(flow.last),
            link: link.map(ToString::to_string).unwrap_or_default(),
            category: class.category.name().to_owned(),
            protocol: class.protocol.name().to_owned(),
            service: self.rules.name(class.service).to_owned(),
            probe: self.probe.to_string(),
            confidence: flow.verdict.confidence.0,
            transport: flow.ends.transport.0,
            initiator,
            initiator_port: flow.ends.initiator.port(),
            responder,
            responder_port: flow.ends.responder.port(),
            initiator_octets: sent.octets,
            initiator_packets: sent.packets,
            responder_octets: answered.octets,
            responder_packets: answered.packets,
            end_reason: flow.reason.name().to_owned(),
            stands_for,
        }
    }
}

fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// One worker's: hands records of chosen flows over without ever waiting. It does nothing where no records are
/// kept.
pub(crate) struct Recorder(Option<(Chooser, Arc<Recording>)>);

impl Recorder {
    pub(crate) fn new(recording: Option<Arc<Recording>>) -> Self {
        Self(recording.map(|recording| (recording.chooser.clone(), recording)))
    }
}

impl FlowSink for Recorder {
    fn flow(&mut self, flow: &FlowRecord) {
        if let Some((chooser, recording)) = &mut self.0
            && let Some(chosen) = chooser.choose(flow)
        {
            recording.records.push(recording.record(&chosen));
        }
    }
}
