//! What `etiage classify` prints: a contract with the scripts that read it.

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, BufWriter, Write};

use etiage_aggregator::{Counted, FlowRecord, LiveSnapshot};
use etiage_classifier::{Class, Rules};
use serde::Serialize;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// One object; of flows one object a line.
    Json,
    /// With a header.
    Csv,
}

/// Flows, packets and octets under one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Flows that ended.
    pub flows: u64,
    /// Packets, of both directions.
    pub packets: u64,
    /// Octets on the wire, of both directions.
    pub octets: u64,
}

impl Line {
    pub(crate) const fn add(&mut self, other: Self) {
        self.flows += other.flows;
        self.packets += other.packets;
        self.octets += other.octets;
    }
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Named {
    name: String,
    #[serde(flatten)]
    line: Line,
}

/// Packets that were not counted, or not as they should be, by reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Dropped {
    /// Of no configured link: in none of the sums.
    unmapped: u64,
    /// Without a flow of their own, for a full flow table: in the sums, by port.
    table_full: u64,
    /// With a time that cannot be true: in the sums, at the time of the packet before.
    implausible_time: u64,
}

/// What captures hold.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Totals {
    packets: u64,
    octets: u64,
    flows: u64,
    categories: Vec<Named>,
    protocols: Vec<Named>,
    services: Vec<Named>,
    dropped: Dropped,
}

impl Totals {
    pub(crate) fn new(
        counted: Counted,
        flows: u64,
        by_class: &HashMap<Class, Line>,
        rules: &Rules,
        gauges: &LiveSnapshot,
    ) -> Self {
        let by = |name: &dyn Fn(&Class) -> String| {
            let mut lines: HashMap<String, Line> = HashMap::new();
            for (class, line) in by_class {
                lines.entry(name(class)).or_default().add(*line);
            }
            let named = |(name, line)| Named { name, line };
            let mut lines: Vec<Named> = lines.into_iter().map(named).collect();
            lines.sort_by(|a, b| b.line.octets.cmp(&a.line.octets).then(a.name.cmp(&b.name)));
            lines
        };
        Self {
            packets: counted.packets,
            octets: counted.octets,
            flows,
            categories: by(&|class| class.category.name().to_owned()),
            protocols: by(&|class| class.protocol.name().to_owned()),
            services: by(&|class| rules.name(class.service).to_owned()),
            dropped: Dropped {
                unmapped: gauges.unmapped.packets,
                table_full: gauges.dropped.table_full,
                implausible_time: gauges.implausible,
            },
        }
    }

    fn lists(&self) -> [(&'static str, &[Named]); 3] {
        [("category", &self.categories), ("protocol", &self.protocols), ("service", &self.services)]
    }

    /// Prints them.
    ///
    /// # Errors
    /// `out`'s.
    pub fn print(&self, format: Format, out: &mut impl Write) -> io::Result<()> {
        match format {
            Format::Json => {
                serde_json::to_writer_pretty(&mut *out, self)?;
                writeln!(out)
            }
            Format::Csv => {
                writeln!(out, "kind,name,flows,packets,octets,share")?;
                for (kind, lines) in self.lists() {
                    for Named { name, line } in lines {
                        let Line { flows, packets, octets } = line;
                        let share = self.share(*line);
                        writeln!(out, "{kind},{name},{flows},{packets},{octets},{share:.6}")?;
                    }
                }
                Ok(())
            }
            Format::Table => table(self, out),
        }
    }

    fn share(&self, line: Line) -> f64 {
        if self.octets == 0 { 0.0 } else { line.octets as f64 / self.octets as f64 }
    }
}

fn table(totals: &Totals, out: &mut impl Write) -> io::Result<()> {
    let Totals { packets, octets, flows, dropped, .. } = totals;
    writeln!(out, "{packets} packets, {octets} octets, {flows} flows")?;
    for (kind, lines) in totals.lists() {
        writeln!(out)?;
        let row = row(kind, &"flows", &"packets", &"octets", &"share");
        writeln!(out, "{row}")?;
        for Named { name, line } in lines {
            let share = format!("{:.2} %", totals.share(*line) * 100.0);
            writeln!(out, "{}", self::row(name, &line.flows, &line.packets, &line.octets, &share))?;
        }
    }
    if dropped.unmapped > 0 {
        writeln!(out, "\n{} packets belong to none of the configured links", dropped.unmapped)?;
    }
    if dropped.table_full > 0 {
        writeln!(out, "\n{} packets found the flow table full", dropped.table_full)?;
    }
    if dropped.implausible_time > 0 {
        let packets = dropped.implausible_time;
        writeln!(out, "\n{packets} packets had a time that cannot be true")?;
    }
    Ok(())
}

fn row(
    name: &str,
    flows: &dyn Display,
    packets: &dyn Display,
    octets: &dyn Display,
    share: &dyn Display,
) -> String {
    format!("{name:<24}{flows:>10}{packets:>12}{octets:>16}{share:>10}")
}

/// One row a flow.
#[derive(Debug, Serialize)]
struct FlowRow<'a> {
    first_seen: f64,
    last_seen: f64,
    l4: String,
    src: String,
    sport: u16,
    dst: String,
    dport: u16,
    src_packets: u64,
    src_octets: u64,
    dst_packets: u64,
    dst_octets: u64,
    protocol: &'static str,
    service: &'a str,
    category: &'static str,
    confidence: u8,
    evidence: String,
    /// What taught the name on which the verdict rests, where the flow shows none.
    taught_by: Option<String>,
}

/// Prints flows as they end.
pub(crate) struct FlowPrinter<'a> {
    format: Format,
    out: BufWriter<Box<dyn Write + Send + 'a>>,
    begun: bool,
}

impl<'a> FlowPrinter<'a> {
    pub(crate) fn new(format: Format, out: Box<dyn Write + Send + 'a>) -> Self {
        Self { format, out: BufWriter::new(out), begun: false }
    }

    pub(crate) fn print(&mut self, record: &FlowRecord, rules: &Rules) -> io::Result<()> {
        self.begin()?;
        let (initiator, responder) = (record.ends.initiator, record.ends.responder);
        let row = FlowRow {
            first_seen: record.first.as_secs_f64(),
            last_seen: record.last.as_secs_f64(),
            l4: record.ends.transport.to_string(),
            src: initiator.ip().to_string(),
            sport: initiator.port(),
            dst: responder.ip().to_string(),
            dport: responder.port(),
            src_packets: record.counts.initiator.packets,
            src_octets: record.counts.initiator.octets,
            dst_packets: record.counts.responder.packets,
            dst_octets: record.counts.responder.octets,
            protocol: record.verdict.class.protocol.name(),
            service: rules.name(record.verdict.class.service),
            category: record.verdict.class.category.name(),
            confidence: record.verdict.confidence.0,
            evidence: record.verdict.evidence.to_string(),
            taught_by: record.teacher.map(|teacher| teacher.to_string()),
        };
        match self.format {
            Format::Json => {
                serde_json::to_writer(&mut self.out, &row)?;
                writeln!(self.out)
            }
            // Only the last field can hold a comma, and none a quote: names are of [a-z0-9-], the rest
            // is numbers.
            Format::Csv => {
                let FlowRow { l4, src, sport, dst, dport, protocol, service, .. } = &row;
                let FlowRow { src_packets, src_octets, dst_packets, dst_octets, .. } = &row;
                let FlowRow { category, confidence, evidence, .. } = &row;
                let taught_by =
                    row.taught_by.as_ref().map(|by| format!("\"{by}\"")).unwrap_or_default();
                writeln!(
                    self.out,
                    "{},{},{l4},{src},{sport},{dst},{dport},{src_packets},{src_octets},\
                     {dst_packets},{dst_octets},{protocol},{service},{category},{confidence},{evidence},\
                     {taught_by}",
                    record.first, record.last,
                )
            }
            Format::Table => {
                let ends = format!("{} {initiator} > {responder}", row.l4);
                let octets = row.src_octets + row.dst_octets;
                let packets = row.src_packets + row.dst_packets;
                let class = format!("{}/{}/{}", row.category, row.protocol, row.service);
                let FlowRow { confidence, evidence, .. } = &row;
                let taught_by =
                    row.taught_by.as_ref().map(|by| format!(", {by}")).unwrap_or_default();
                writeln!(
                    self.out,
                    "{ends:<64}{packets:>9}{octets:>13}  {class:<36}{confidence:>4}  {evidence}{taught_by}"
                )
            }
        }
    }

    /// Hands over what has been printed so far, and the header even where there is no flow.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.begin()?;
        self.out.flush()
    }

    fn begin(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        match self.format {
            Format::Json => Ok(()),
            Format::Csv => writeln!(
                self.out,
                "first_seen,last_seen,l4,src,sport,dst,dport,src_packets,src_octets,dst_packets,\
                 dst_octets,protocol,service,category,confidence,evidence,taught_by"
            ),
            Format::Table => writeln!(
                self.out,
                "{:<64}{:>9}{:>13}  {:<36}{:>4}  evidence",
                "flow", "packets", "octets", "category/protocol/service", "%"
            ),
        }
    }
}
