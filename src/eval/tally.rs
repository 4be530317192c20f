//! Adds up what was right and what was wrong.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use etiage_aggregator::FlowRecord;
use etiage_capture::flow::FlowKey;
use etiage_classifier::{Category, Confidence, Rules};

use crate::eval::measure::Measured;
use crate::eval::report::{Cell, Disagreement, Line, Named, Report, Score, Wrong};
use crate::eval::truth::{Entry, Truth};

/// The sums while captures are evaluated.
pub(super) struct Tally {
    rules: Arc<Rules>,
    worst: usize,
    cells: BTreeMap<(String, String), Score>,
    kinds: BTreeMap<String, Score>,
    disagreements: BTreeMap<(String, String), Disagreement>,
    report: Report,
}

impl Tally {
    pub(super) fn new(rules: Arc<Rules>, worst: usize, without_truth: Vec<String>) -> Self {
        let skipped = without_truth.into_iter().map(|name| format!("{name}: no truth beside it"));
        let report = Report { skipped: skipped.collect(), ..Report::default() };
        Self {
            rules,
            worst,
            cells: BTreeMap::new(),
            kinds: BTreeMap::new(),
            disagreements: BTreeMap::new(),
            report,
        }
    }

    /// A capture could not be evaluated.
    pub(super) fn skip(&mut self, reason: String) {
        self.report.skipped.push(reason);
    }

    /// Adds a capture.
    pub(super) fn file(&mut self, name: &str, truth: &Truth, measured: &Measured) {
        self.report.captures += 1;
        self.report.skipped.extend(measured.damaged.clone());
        self.report.total.octets += measured.without_flow;
        self.report.unknown.octets += measured.unknown_without_flow;
        let mut score = Score::default();
        for flow in &measured.flows {
            self.flow(name, truth, flow, &mut score);
        }
        let seen: HashSet<FlowKey> = measured.flows.iter().map(key_of).collect();
        let unseen = truth.keys().filter(|key| !seen.contains(*key)).count();
        self.report.truth_without_flow += unseen as u64;
        self.report.judged.join(score);
        self.report.files.push(Named { name: name.to_owned(), score });
        self.report.worst.sort_by(|a, b| b.octets.cmp(&a.octets));
        self.report.worst.truncate(self.worst);
    }

    fn flow(&mut self, file: &str, truth: &Truth, flow: &FlowRecord, score: &mut Score) {
        let octets = octets(flow);
        let class = flow.verdict.class;
        let unknown = class.category == Category::Unknown;
        self.report.total.add(octets);
        if unknown {
            self.report.unknown.add(octets);
        }
        let entry = truth.of(flow);
        if truth.labels
            && let Some(entry) = entry
        {
            let shares = self.report.labels_unknown.get_or_insert_default();
            shares.all.add(octets);
            if unknown {
                shares.ours.add(octets);
            }
            if entry.class == "Unknown" {
                shares.theirs.add(octets);
            }
        }
        let Some((entry, expected)) =
            entry.and_then(|entry| Some((entry, entry.expected.as_ref()?)))
        else {
            let line = match entry {
                Some(_) => &mut self.report.without_opinion,
                None => &mut self.report.not_in_truth,
            };
            line.add(octets);
            let category = class.category.name().to_owned();
            self.report.unjudged_categories.entry(category).or_default().add(octets);
            return;
        };
        let right = expected.accepts(class, &self.rules);
        let column = expected.column(class, &self.rules).to_owned();
        score.add(octets, right);
        self.cells.entry((entry.class.clone(), column)).or_default().add(octets, right);
        let kind = format!("{} {}", entry.class, entry.kind);
        self.kinds.entry(kind.trim_end().to_owned()).or_default().add(octets, right);
        if !right {
            self.wrong(file, entry, flow);
        }
    }

    fn wrong(&mut self, file: &str, entry: &Entry, flow: &FlowRecord) {
        let octets = octets(flow);
        let class = flow.verdict.class;
        let verdict = format!("{}/{}", class.category, class.protocol);
        let group = (entry.class.clone(), verdict.clone());
        let group = self.disagreements.entry(group).or_insert_with(|| Disagreement {
            truth: entry.class.clone(),
            verdict,
            line: Line::default(),
            example: String::new(),
            largest: 0,
        });
        group.line.add(octets);
        if octets > group.largest || group.example.is_empty() {
            (group.largest, group.example) = (octets, file.to_owned());
        }
        self.report.worst.push(Wrong {
            file: file.to_owned(),
            l4: flow.ends.transport.to_string(),
            src: flow.ends.initiator.to_string(),
            dst: flow.ends.responder.to_string(),
            octets,
            packets: flow.counts.initiator.packets + flow.counts.responder.packets,
            truth: entry.class.clone(),
            kind: entry.kind.clone(),
            protocol: class.protocol.name(),
            service: self.rules.name(class.service).to_owned(),
            category: class.category.name(),
            confidence: flow.verdict.confidence.0,
            evidence: flow.verdict.evidence.to_string(),
        });
    }

    /// Compares the verdicts of a cut capture with those of the whole one. Flows that were named by
    /// their port alone had no label to keep.
    pub(super) fn compare(&mut self, whole: &Measured, cut: &Measured) {
        let mut by_key: HashMap<FlowKey, Vec<&FlowRecord>> = HashMap::new();
        for flow in &whole.flows {
            by_key.entry(key_of(flow)).or_default().push(flow);
        }
        for flow in &cut.flows {
            let before = |other: &&&FlowRecord| other.first <= flow.first;
            let Some(other) =
                by_key.get(&key_of(flow)).and_then(|flows| flows.iter().rfind(before))
            else {
                continue;
            };
            let (was, is) = (other.verdict.class, flow.verdict.class);
            if other.verdict.confidence <= Confidence::GUESS {
                continue;
            }
            let kept = self.report.kept.entry(was.protocol.name().to_owned()).or_default();
            let same = was.protocol == is.protocol;
            kept.flows += 1;
            kept.kept += u64::from(same);
            if cut.with_payload.contains(&key_of(flow)) {
                let by_port = flow.verdict.confidence <= Confidence::GUESS;
                kept.with_payload += 1;
                kept.with_payload_kept += u64::from(same);
                kept.with_payload_by_port += u64::from(same && by_port);
                let other = !same && is.category != Category::Unknown;
                kept.with_payload_other += u64::from(other);
            }
        }
    }

    /// All in all.
    pub(super) fn into_report(self, cut: Option<String>, only: &[String]) -> Report {
        let mut recall: BTreeMap<String, Score> = BTreeMap::new();
        let mut precision: BTreeMap<String, Score> = BTreeMap::new();
        for ((truth, verdict), score) in &self.cells {
            recall.entry(truth.clone()).or_default().join(*score);
            precision.entry(verdict.clone()).or_default().join(*score);
        }
        let cells = self.cells.into_iter();
        let mut disagreements: Vec<_> = self.disagreements.into_values().collect();
        disagreements.sort_by(|a, b| b.line.flows.cmp(&a.line.flows));
        Report {
            cut,
            only: only.to_vec(),
            recall: named(recall),
            recall_by_kind: named(self.kinds),
            precision: named(precision),
            confusion: cells
                .map(|((truth, verdict), score)| Cell { truth, verdict, score })
                .collect(),
            disagreements,
            ..self.report
        }
    }
}

fn named(scores: BTreeMap<String, Score>) -> Vec<Named> {
    scores.into_iter().map(|(name, score)| Named { name, score }).collect()
}

fn octets(flow: &FlowRecord) -> u64 {
    flow.counts.initiator.octets + flow.counts.responder.octets
}

fn key_of(flow: &FlowRecord) -> FlowKey {
    super::key(flow.ends.transport, [flow.ends.initiator, flow.ends.responder])
}
