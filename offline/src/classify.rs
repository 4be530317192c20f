//! What captures hold: flows as rows, or totals by category, protocol and service.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etiage_aggregator::{
    Counted, FlowRecord, FlowSink, Live, LiveSnapshot, Meter, MeterSettings, MeterStats,
};
use etiage_capture::source::Frame;
use etiage_capture::{LinkLayer, StreamClock, Timestamp};
use etiage_classifier::{Class, Classifier, Rules};

use crate::print::{FlowPrinter, Format, Line, Totals};
use crate::reader::Next;
use crate::stats;
use crate::workers::{ReadError, Worker, Workers};

/// What to classify, and how.
#[derive(Debug)]
pub struct Job<'a> {
    /// Captures, read one after the other; `-` is standard input.
    pub files: &'a [PathBuf],
    /// Threads that count, each with a flow table of its own.
    pub workers: usize,
    /// Of each worker's meter.
    pub settings: MeterSettings,
    /// With the service rules.
    pub classifier: Classifier,
    /// The system's clock: it judges the times of what comes through a pipe.
    pub wall: fn() -> Timestamp,
    /// Nanoseconds from any starting point, where it is measured what each stage costs.
    pub stopwatch: Option<fn() -> u64>,
}

/// What captures hold.
#[derive(Debug)]
pub struct Classified {
    /// Sums over all captures.
    pub totals: Totals,
    /// What was spent on them.
    pub used: MeterStats,
    /// Why rows of flows could not be written: nobody reads them any more, or the disk is full.
    pub unwritable: Option<io::Error>,
    /// Why not everything was read.
    pub unread: Option<ReadError>,
}

impl Classified {
    /// Prints what each stage cost, how soon flows were known, and what they took.
    ///
    /// # Errors
    /// `out`'s.
    pub fn print_stats(&self, out: &mut impl Write) -> io::Result<()> {
        stats::print(&self.used, out)
    }
}

impl Job<'_> {
    /// Classifies. Where a format is given, each flow becomes a row when it ends.
    ///
    /// # Errors
    /// Nothing could be read. A capture that is damaged further on is no error: see [`Classified::unread`].
    pub fn run(
        &self,
        rows: Option<(Format, Box<dyn Write + Send + '_>)>,
    ) -> Result<Classified, ReadError> {
        let live = Arc::new(Live::new(self.settings.link_names.clone()));
        let printer = rows.map(|(format, out)| FlowPrinter::new(format, out));
        let printer = printer.map(|printer| Arc::new(Mutex::new(printer)));
        let sum = || Sum {
            by_class: HashMap::new(),
            flows: 0,
            rules: self.classifier.rules(),
            printer: printer.clone(),
            unwritable: None,
        };
        let workers = Workers::new(self.workers, self.wall);
        let counting = |classifier: Classifier| Counting {
            job: self,
            meter: self.meter(&classifier, &live),
            classifier,
            live: live.clone(),
            sum: sum(),
            used: MeterStats::default(),
        };
        let classifiers = workers.classifiers(&self.classifier);
        let mut counting: Vec<_> = classifiers.into_iter().map(counting).collect();
        let read = workers.run(self.files, &mut StreamClock::default(), &mut counting);
        let nothing = counting.iter().all(|counting| counting.meter.now() == Timestamp::EPOCH);
        let unread = match read {
            Err(error) if nothing => return Err(error),
            read => read.err(),
        };
        let mut total = sum();
        let mut used = MeterStats::default();
        for mut counting in counting {
            counting.finish();
            total.add(counting.sum);
            used.add(&counting.used);
        }
        let totals = total.totals(&live.snapshot());
        Ok(Classified { totals, used, unwritable: total.unwritable, unread })
    }

    fn meter(&self, classifier: &Classifier, live: &Arc<Live>) -> Meter {
        let meter = Meter::new(&self.settings, classifier.clone(), Some(live.clone()));
        match self.stopwatch {
            Some(stopwatch) => meter.with_clock(stopwatch),
            None => meter,
        }
    }
}

/// One worker, and what it adds up.
struct Counting<'a> {
    job: &'a Job<'a>,
    classifier: Classifier,
    meter: Meter,
    live: Arc<Live>,
    sum: Sum<'a>,
    /// Of the recordings that are over.
    used: MeterStats,
}

impl Counting<'_> {
    /// A recording is over.
    fn finish(&mut self) {
        let Self { meter, sum, used, .. } = self;
        let MeterStats { table, open_flows, open_octets, .. } = meter.stats();
        meter.finish(sum);
        used.add(&MeterStats { table, open_flows, open_octets, ..meter.stats() });
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
        self.meter = self.job.meter(&self.classifier, &self.live);
    }

    fn epoch(&mut self, _: u64) -> Next {
        Next::Continue
    }
}

/// What is added up over all files.
struct Sum<'a> {
    by_class: HashMap<Class, Line>,
    flows: u64,
    rules: &'a Rules,
    printer: Option<Arc<Mutex<FlowPrinter<'a>>>>,
    /// Writing failed: nobody reads what is printed any more, or the disk is full.
    unwritable: Option<io::Error>,
}

impl FlowSink for Sum<'_> {
    fn flow(&mut self, record: &FlowRecord) {
        let (ours, theirs) = (record.counts.initiator, record.counts.responder);
        self.by_class.entry(record.verdict.class).or_default().add(Line {
            flows: 1,
            packets: ours.packets + theirs.packets,
            octets: ours.octets + theirs.octets,
        });
        self.flows += 1;
        let rules = self.rules;
        if let Some(Err(error)) = self.printer().map(|mut printer| printer.print(record, rules)) {
            self.unwritable.get_or_insert(error);
        }
    }
}

impl<'a> Sum<'a> {
    fn printer(&self) -> Option<MutexGuard<'_, FlowPrinter<'a>>> {
        let printer = self.printer.as_ref()?;
        Some(printer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What another worker has added up.
    fn add(&mut self, other: Self) {
        for (class, line) in other.by_class {
            self.by_class.entry(class).or_default().add(line);
        }
        self.flows += other.flows;
        self.unwritable = self.unwritable.take().or(other.unwritable);
    }

    fn totals(&self, gauges: &LiveSnapshot) -> Totals {
        let counted = Counted {
            octets: gauges.received.octets.saturating_sub(gauges.unmapped.octets),
            packets: gauges.received.packets.saturating_sub(gauges.unmapped.packets),
        };
        Totals::new(counted, self.flows, &self.by_class, self.rules, gauges)
    }
}
