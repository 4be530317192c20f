//! `etiage classify`: what captures hold, without database or server.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use etiage_aggregator::{Counted, FlowRecord, FlowSink, Live, LiveSnapshot, Meter, MeterSettings};
use etiage_capture::flow::FlowSettings;
use etiage_capture::{LinkMap, Timestamp};
use etiage_classifier::{Class, Classifier, Rules};

use crate::cli::{self, Format};
use crate::config;
use crate::failure::Failure;
use crate::output::{self, FlowPrinter, Line, Totals};
use crate::reader::{self, Next};

/// Concurrent flows: what a file of any link holds within a few minutes.
const MAX_FLOWS: u32 = 1 << 22;

/// What is added up over all files.
struct Sum<'a> {
    by_class: HashMap<Class, Line>,
    flows: u64,
    rules: &'a Rules,
    printer: Option<FlowPrinter>,
    /// Writing failed: nobody reads what is printed any more, or the disk is full.
    unwritable: Option<io::Error>,
}

/// Runs the command.
pub(crate) fn run(arguments: &cli::Classify) -> Result<(), Failure> {
    let setup = Setup::new(arguments)?;
    let live = Arc::new(Live::new(setup.settings.link_names.clone()));
    let mut sum = Sum {
        by_class: HashMap::new(),
        flows: 0,
        rules: setup.classifier.rules(),
        printer: arguments.flows.then(|| FlowPrinter::new(arguments.format)),
        unwritable: None,
    };
    let mut meter = setup.meter(&live);
    let read = reader::each_frame(&arguments.files, |layer, frame| {
        if reader::is_other_recording(meter.now(), frame.timestamp) {
            sum.finish(&mut meter);
            meter = setup.meter(&live);
        }
        meter.frame(0, layer, frame, &mut sum);
        meter.take_batches();
        if sum.unwritable.is_some() { Next::Stop } else { Next::Continue }
    });
    let read = match read {
        // Nothing could be read: there is nothing to print.
        Err(error) if meter.now() == Timestamp::EPOCH => return Err(error.into()),
        other => other,
    };
    sum.finish(&mut meter);
    let written = match sum.unwritable.take() {
        Some(error) => Err(error),
        None if arguments.flows => Ok(()),
        None => sum.print(&live.snapshot(), arguments.format),
    };
    output::forgive_broken_pipe(written)?;
    // What could be read has been printed; a damaged file is still a failure.
    read.map(drop).map_err(Failure::from)
}

struct Setup {
    classifier: Classifier,
    settings: MeterSettings,
}

impl Setup {
    fn new(arguments: &cli::Classify) -> Result<Self, Failure> {
        let (links, link_names, rules) = match &arguments.config {
            Some(path) => {
                let config = config::load(path)?;
                (config.savefile_links(), config.link_names(), config.rules)
            }
            None => (LinkMap::everything(), vec!["all".into()], config::builtin_rules()?),
        };
        let settings = MeterSettings {
            probe: "classify".into(),
            links: Arc::new(links),
            link_names,
            // A file is classified as a whole: a row is a flow from its first to its last packet.
            flows: FlowSettings { max_flows: MAX_FLOWS, active: None, ..FlowSettings::default() },
            vlan_in_key: false,
        };
        Ok(Self { classifier: Classifier::new(rules, Arc::default()), settings })
    }

    fn meter(&self, live: &Arc<Live>) -> Meter {
        Meter::new(&self.settings, self.classifier.clone(), Some(live.clone()))
    }
}

impl FlowSink for Sum<'_> {
    fn flow(&mut self, record: &FlowRecord) {
        let (ours, theirs) = (record.counts.initiator, record.counts.responder);
        let line = self.by_class.entry(record.verdict.class).or_default();
        line.flows += 1;
        line.packets += ours.packets + theirs.packets;
        line.octets += ours.octets + theirs.octets;
        self.flows += 1;
        if let Some(printer) = &mut self.printer
            && let Err(error) = printer.print(record, self.rules)
        {
            self.unwritable.get_or_insert(error);
        }
    }
}

impl Sum<'_> {
    /// A recording is over.
    fn finish(&mut self, meter: &mut Meter) {
        meter.finish(self);
        meter.take_batches();
        for (class, counted) in meter.without_flow() {
            let line = self.by_class.entry(class).or_default();
            line.packets += counted.packets;
            line.octets += counted.octets;
        }
        if let Some(Err(error)) = self.printer.as_mut().map(FlowPrinter::flush) {
            self.unwritable.get_or_insert(error);
        }
    }

    fn print(&self, gauges: &LiveSnapshot, format: Format) -> io::Result<()> {
        let counted = Counted {
            octets: gauges.received.octets.saturating_sub(gauges.unmapped.octets),
            packets: gauges.received.packets.saturating_sub(gauges.unmapped.packets),
        };
        let totals = Totals::new(counted, self.flows, &self.by_class, self.rules, gauges);
        let mut out = BufWriter::new(io::stdout().lock());
        output::totals(&totals, format, &mut out)?;
        out.flush()
    }
}
