//! Classifies one capture: its flows with their verdicts.

use std::collections::HashSet;
use std::path::Path;
use std::slice;
use std::sync::Arc;

use etiage_aggregator::{Counted, FlowRecord, FlowSink, Meter, MeterSettings};
use etiage_capture::flow::{FlowKey, FlowSettings};
use etiage_capture::source::{Frame, SourceError};
use etiage_capture::{LinkLayer, LinkMap, Timestamp};
use etiage_classifier::{Category, Classifier, Rules};
use etiage_offline::{Next, Worker, run_alone};

use crate::cut::{Cut, Cutter, Only};

/// Concurrent flows: what a capture of any link holds within a few minutes.
const MAX_FLOWS: u32 = 1 << 20;

/// Which packets of a capture are shown to the classifier.
pub(crate) struct Selection<'a> {
    /// Only these flows'.
    pub(crate) only: Option<&'a HashSet<FlowKey>>,
    /// Cut so.
    pub(crate) cut: Option<Cut>,
}

/// What a capture holds.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) flows: Vec<FlowRecord>,
    /// Flows with payload left in them.
    pub(crate) with_payload: HashSet<FlowKey>,
    /// Octets without a flow.
    pub(crate) without_flow: u64,
    /// Of these, unknown ones.
    pub(crate) unknown_without_flow: u64,
    /// The capture is damaged; what came before is here.
    pub(crate) damaged: Option<String>,
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
pub(crate) struct Measurer {
    rules: Arc<Rules>,
    settings: MeterSettings,
    wall: fn() -> Timestamp,
}

impl Measurer {
    pub(crate) fn new(rules: Arc<Rules>, wall: fn() -> Timestamp) -> Self {
        let flows = FlowSettings { max_flows: MAX_FLOWS, active: None, ..FlowSettings::default() };
        let settings = MeterSettings {
            probe: "eval".into(),
            links: Arc::new(LinkMap::everything()),
            link_names: vec!["all".into()],
            flows,
            vlan_in_key: false,
        };
        Self { rules, settings, wall }
    }

    /// Classifies a capture.
    ///
    /// # Errors
    /// Why it cannot be opened, in words.
    pub(crate) fn measure(
        &self,
        file: &Path,
        selection: &Selection<'_>,
    ) -> Result<Measured, String> {
        // What one capture teaches of names and peers means nothing in the next.
        let classifier = Classifier::new(self.rules.clone(), Arc::default());
        let mut measuring = Measuring {
            meter: Meter::new(&self.settings, classifier.clone(), None),
            cutter: selection.cut.map(|cut| Cutter::new(cut, self.settings.flows)),
            only: selection.only.map(Only::new),
            measured: Measured::default(),
            settings: &self.settings,
            classifier,
            cut: selection.cut,
        };
        let read = run_alone(slice::from_ref(&file.to_owned()), self.wall, &mut measuring);
        let Measuring { mut meter, mut measured, .. } = measuring;
        match read {
            Ok(_) => {}
            Err(SourceError::Damaged { reason, .. }) => {
                measured.damaged = Some(format!("damaged: {reason}"));
            }
            Err(SourceError::LinkType { source, .. }) => return Err(source.to_string()),
            Err(SourceError::NotACapture { reason, .. }) => return Err(reason),
            Err(error) => return Err(error.to_string()),
        }
        measured.finish(&mut meter);
        Ok(measured)
    }
}

/// Counts a capture's frames, as every other command that reads captures does.
struct Measuring<'a> {
    meter: Meter,
    cutter: Option<Cutter>,
    only: Option<Only<'a>>,
    measured: Measured,
    settings: &'a MeterSettings,
    classifier: Classifier,
    cut: Option<Cut>,
}

impl Measuring<'_> {
    /// Whether a frame is left by what was asked to be left out.
    fn keeps(&mut self, layer: LinkLayer, frame: &Frame<'_>) -> bool {
        if self.only.as_mut().is_some_and(|only| !only.keeps(layer, frame)) {
            return false;
        }
        let Some(cutter) = &mut self.cutter else { return true };
        let Some(packet) = cutter.packet(layer, frame) else { return false };
        if !cutter.keeps(frame, &packet) {
            return false;
        }
        if packet.payload_octets > 0 {
            let ends = [packet.source, packet.destination];
            self.measured.with_payload.insert(crate::key(packet.transport, ends));
        }
        true
    }
}

impl Worker for Measuring<'_> {
    fn frame(&mut self, layer: LinkLayer, frame: &Frame<'_>, now: Timestamp) -> Next {
        self.advance(now);
        if self.keeps(layer, frame) {
            self.meter.frame(0, layer, frame, &mut self.measured);
            self.meter.take_batches();
        }
        Next::Continue
    }

    fn frames<'a>(
        &mut self,
        layer: LinkLayer,
        frames: impl Iterator<Item = Frame<'a>>,
        _: Timestamp,
        mut meanwhile: impl FnMut(),
    ) -> Next {
        for frame in frames {
            if self.keeps(layer, &frame) {
                self.meter.frame(0, layer, &frame, &mut self.measured);
            }
            meanwhile();
        }
        self.meter.take_batches();
        Next::Continue
    }

    /// It counts at the present stream time, as everywhere.
    fn implausible(&mut self) {}

    fn advance(&mut self, now: Timestamp) {
        self.meter.advance(now, &mut self.measured);
    }

    fn other_recording(&mut self) {
        self.measured.finish(&mut self.meter);
        self.meter = Meter::new(self.settings, self.classifier.clone(), None);
        self.cutter = self.cut.map(|cut| Cutter::new(cut, self.settings.flows));
    }

    fn epoch(&mut self, _: u64) -> Next {
        Next::Continue
    }
}
