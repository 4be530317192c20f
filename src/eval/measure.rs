//! Classifies one capture: its flows with their verdicts.

use std::collections::HashSet;
use std::path::Path;
use std::slice;
use std::sync::Arc;

use etiage_aggregator::{Counted, FlowRecord, FlowSink, Meter, MeterSettings};
use etiage_capture::LinkMap;
use etiage_capture::flow::{FlowKey, FlowSettings};
use etiage_capture::source::SourceError;
use etiage_classifier::{Category, Classifier, Rules};

use crate::eval::cut::{Cut, Cutter, Only};
use crate::reader::{self, Next};

/// Concurrent flows: what a capture of any link holds within a few minutes.
const MAX_FLOWS: u32 = 1 << 20;

/// Which packets of a capture are shown to the classifier.
pub(super) struct Selection<'a> {
    /// Only these flows'.
    pub(super) only: Option<&'a HashSet<FlowKey>>,
    /// Cut so.
    pub(super) cut: Option<Cut>,
}

/// What a capture holds.
#[derive(Default)]
pub(super) struct Measured {
    pub(super) flows: Vec<FlowRecord>,
    /// Flows with payload left in them.
    pub(super) with_payload: HashSet<FlowKey>,
    /// Octets without a flow.
    pub(super) without_flow: u64,
    /// Of these, unknown ones.
    pub(super) unknown_without_flow: u64,
    /// The capture is damaged; what came before is here.
    pub(super) damaged: Option<String>,
}

impl FlowSink for Measured {
    fn flow(&mut self, record: &FlowRecord) {
        self.flows.push(*record);
    }
}

impl Measured {
    fn finish(&mut self, meter: &mut Meter) {
        meter.finish(self);
        meter.take_batches();
        for (class, Counted { octets, .. }) in meter.without_flow() {
            self.without_flow += octets;
            if class.category == Category::Unknown {
                self.unknown_without_flow += octets;
            }
        }
    }
}

/// Classifies captures, each by itself.
pub(super) struct Measurer {
    rules: Arc<Rules>,
    settings: MeterSettings,
}

impl Measurer {
    pub(super) fn new(rules: Arc<Rules>) -> Self {
        let flows = FlowSettings { max_flows: MAX_FLOWS, active: None, ..FlowSettings::default() };
        let settings = MeterSettings {
            probe: "eval".into(),
            links: Arc::new(LinkMap::everything()),
            link_names: vec!["all".into()],
            flows,
            vlan_in_key: false,
        };
        Self { rules, settings }
    }

    pub(super) fn rules(&self) -> Arc<Rules> {
        self.rules.clone()
    }

    /// Classifies a capture.
    ///
    /// # Errors
    /// Why it cannot be opened, in words.
    pub(super) fn measure(
        &self,
        file: &Path,
        selection: &Selection<'_>,
    ) -> Result<Measured, String> {
        // What one capture teaches of names and peers means nothing in the next.
        let classifier = Classifier::new(self.rules.clone(), Arc::default());
        let meter = || Meter::new(&self.settings, classifier.clone(), None);
        let cutter = || selection.cut.map(|cut| Cutter::new(cut, self.settings.flows));
        let (mut meter_now, mut cutter_now) = (meter(), cutter());
        let mut only = selection.only.map(Only::new);
        let mut measured = Measured::default();
        let file = file.to_owned();
        let read = reader::each_frame(slice::from_ref(&file), |layer, frame| {
            if reader::is_other_recording(meter_now.now(), frame.timestamp) {
                measured.finish(&mut meter_now);
                (meter_now, cutter_now) = (meter(), cutter());
            }
            if only.as_mut().is_some_and(|only| !only.keeps(layer, frame)) {
                return Next::Continue;
            }
            if let Some(cutter) = &mut cutter_now {
                let Some(packet) = cutter.packet(layer, frame) else { return Next::Continue };
                if !cutter.keeps(frame, &packet) {
                    return Next::Continue;
                }
                if packet.payload_octets > 0 {
                    let ends = [packet.source, packet.destination];
                    measured.with_payload.insert(super::key(packet.transport, ends));
                }
            }
            meter_now.frame(0, layer, frame, &mut measured);
            meter_now.take_batches();
            Next::Continue
        });
        match read {
            Ok(_) => {}
            Err(SourceError::Damaged { reason, .. }) => {
                measured.damaged = Some(format!("damaged: {reason}"));
            }
            Err(SourceError::LinkType { source, .. }) => return Err(source.to_string()),
            Err(SourceError::NotACapture { reason, .. }) => return Err(reason),
            Err(error) => return Err(error.to_string()),
        }
        measured.finish(&mut meter_now);
        Ok(measured)
    }
}
