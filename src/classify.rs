//! `etiage classify`: what captures hold, without database or server.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etiage_aggregator::{
    Counted, FlowRecord, FlowSink, Live, LiveSnapshot, Meter, MeterSettings, MeterStats,
};
use etiage_capture::flow::FlowSettings;
use etiage_capture::source::Frame;
use etiage_capture::{LinkLayer, LinkMap, Timestamp};
use etiage_classifier::{Class, Classifier, Rules};

use crate::cli::{self, Format};
use crate::config;
use crate::failure::Failure;
use crate::output::{self, FlowPrinter, Line, Totals};
use crate::reader::{Next, StreamClock};
use crate::stats;
use crate::workers::{Worker, Workers};

/// Concurrent flows: what a file of any link holds within a few minutes.
const MAX_FLOWS: u32 = 1 << 22;

/// What is added up over all files.
struct Sum<'a> {
    by_class: HashMap<Class, Line>,
    flows: u64,
    rules: &'a Rules,
    printer: Option<Arc<Mutex<FlowPrinter>>>,
    /// Writing failed: nobody reads what is printed any more, or the disk is full.
    unwritable: Option<io::Error>,
}

/// Runs the command.
pub(crate) fn run(arguments: &cli::Classify) -> Result<(), Failure> {
    let setup = Setup::new(arguments)?;
    let live = Arc::new(Live::new(setup.settings.link_names.clone()));
    let printer = arguments.flows.then(|| FlowPrinter::new(arguments.format));
    let printer = printer.map(|printer| Arc::new(Mutex::new(printer)));
    let sum = || Sum {
        by_class: HashMap::new(),
        flows: 0,
        rules: setup.classifier.rules(),
        printer: printer.clone(),
        unwritable: None,
    };
    let workers = Workers::new(arguments.workers.into());
    let mut counting: Vec<_> = workers
        .classifiers(&setup.classifier)
        .into_iter()
        .map(|classifier| {
            let live = live.clone();
            let meter = Meter::new(&setup.settings, classifier.clone(), Some(live.clone()));
            let timed = arguments.stats;
            let meter = if timed { meter.with_clock(stats::nanos) } else { meter };
            let (settings, stats) = (&setup.settings, MeterStats::default());
            Counting { settings, classifier, meter, live, sum: sum(), timed, stats }
        })
        .collect();
    let read = workers.run(&arguments.files, &mut StreamClock::default(), &mut counting);
    let nothing = counting.iter().all(|counting| counting.meter.now() == Timestamp::EPOCH);
    let read = match read {
        // Nothing could be read: there is nothing to print.
        Err(error) if nothing => return Err(error),
        other => other,
    };
    let mut total = sum();
    let mut used = MeterStats::default();
    for mut counting in counting {
        counting.finish();
        total.add(counting.sum);
        used.add(&counting.stats);
    }
    let written = match total.unwritable.take() {
        Some(error) => Err(error),
        None if arguments.flows => Ok(()),
        None => total.print(&live.snapshot(), arguments.format),
    };
    output::forgive_broken_pipe(written)?;
    if arguments.stats {
        output::forgive_broken_pipe(stats::print(&used, &mut io::stderr().lock()))?;
    }
    // What could be read has been printed; a damaged file is still a failure.
    read.map(drop)
}

/// One worker, and what it adds up.
struct Counting<'a> {
    settings: &'a MeterSettings,
    classifier: Classifier,
    meter: Meter,
    live: Arc<Live>,
    sum: Sum<'a>,
    timed: bool,
    /// Of the recordings that are over.
    stats: MeterStats,
}

impl Counting<'_> {
    /// A recording is over.
    fn finish(&mut self) {
        let Self { meter, sum, stats, .. } = self;
        let MeterStats { table, open_flows, open_octets, .. } = meter.stats();
        meter.finish(sum);
        stats.add(&MeterStats { table, open_flows, open_octets, ..meter.stats() });
        meter.take_batches();
        for (class, counted) in meter.without_flow() {
            let line = sum.by_class.entry(class).or_default();
            line.packets += counted.packets;
            line.octets += counted.octets;
        }
        if let Some(Err(error)) = sum.printer().map(|mut printer| printer.flush()) {
            sum.unwritable.get_or_insert(error);
        }
    }
}

impl Worker for Counting<'_> {
    fn frame(&mut self, layer: LinkLayer, frame: &Frame<'_>, now: Timestamp) -> Next {
        self.advance(now);
        self.meter.frame(0, layer, frame, &mut self.sum);
        if self.sum.unwritable.is_some() { Next::Stop } else { Next::Continue }
    }

    fn frames<'a>(
        &mut self,
        layer: LinkLayer,
        frames: impl Iterator<Item = Frame<'a>>,
        _: Timestamp,
        meanwhile: impl FnMut(),
    ) -> Next {
        self.meter.frames(0, layer, frames, meanwhile, &mut self.sum);
        if self.meter.has_batches() {
            self.meter.take_batches();
        }
        if self.sum.unwritable.is_some() { Next::Stop } else { Next::Continue }
    }

    fn implausible(&mut self) {
        self.live.add_implausible();
    }

    fn advance(&mut self, now: Timestamp) {
        self.meter.advance(now, &mut self.sum);
        if self.meter.has_batches() {
            self.meter.take_batches();
        }
    }

    fn other_recording(&mut self) {
        self.finish();
        let live = Some(self.live.clone());
        let meter = Meter::new(self.settings, self.classifier.clone(), live);
        self.meter = if self.timed { meter.with_clock(stats::nanos) } else { meter };
    }

    fn epoch(&mut self, _: u64) -> Next {
        Next::Continue
    }
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
}

impl FlowSink for Sum<'_> {
    fn flow(&mut self, record: &FlowRecord) {
        let (ours, theirs) = (record.counts.initiator, record.counts.responder);
        let line = self.by_class.entry(record.verdict.class).or_default();
        line.flows += 1;
        line.packets += ours.packets + theirs.packets;
        line.octets += ours.octets + theirs.octets;
        self.flows += 1;
        let rules = self.rules;
        if let Some(Err(error)) = self.printer().map(|mut printer| printer.print(record, rules)) {
            self.unwritable.get_or_insert(error);
        }
    }
}

impl Sum<'_> {
    fn printer(&self) -> Option<MutexGuard<'_, FlowPrinter>> {
        let printer = self.printer.as_ref()?;
        Some(printer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What another worker has added up.
    fn add(&mut self, other: Self) {
        for (class, line) in other.by_class {
            let sum = self.by_class.entry(class).or_default();
            sum.flows += line.flows;
            sum.packets += line.packets;
            sum.octets += line.octets;
        }
        self.flows += other.flows;
        self.unwritable = self.unwritable.take().or(other.unwritable);
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
