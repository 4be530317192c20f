//! Adds up what was right and what was wrong.

use std::cmp::Reverse;
use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use etiage_aggregator::FlowRecord;
use etiage_capture::flow::FlowKey;
use etiage_classifier::{Category, Confidence, Rules};

use crate::measure::Measured;
use crate::report::{Cell, Disagreement, Line, Named, NamedLine, Report, Score, Skipped, Wrong};
use crate::truth::{Entry, Truth};

/// The sums while captures are evaluated.
pub(crate) struct Tally {
    rules: Arc<Rules>,
    worst: usize,
    cells: BTreeMap<(String, String), Score>,
    kinds: BTreeMap<String, Score>,
    disagreements: BTreeMap<(String, String), Disagreement>,
    unknown_by_label: BTreeMap<String, Line>,
    report: Report,
}

/// A flow with what the truth says of it.
struct Compared<'a> {
    flow: &'a FlowRecord,
    entry: Option<&'a Entry>,
    line: Line,
}

impl Compared<'_> {
    /// The flows of a capture with their truth. What the truth holds for one flow can be several
    /// here, as when one end goes on after a reset: it is counted as one, the one with the most octets.
    fn all<'a>(truth: &'a Truth, measured: &'a Measured) -> Vec<Compared<'a>> {
        let mut largest: HashMap<usize, (usize, u64)> = HashMap::new();
        let mut all = Vec::with_capacity(measured.flows.len());
        for (index, flow) in measured.flows.iter().enumerate() {
            let entry = truth.of(flow);
            let octets = octets(flow);
            let alone = match entry.map(|entry| largest.entry(entry.id)) {
                Some(Slot::Occupied(mut known)) => {
                    if known.get().1 < octets {
                        known.insert((index, octets));
                    }
                    false
                }
                Some(Slot::Vacant(none)) => {
                    none.insert((index, octets));
                    false
                }
                None => true,
            };
            all.push(Compared { flow, entry, line: Line { flows: u64::from(alone), octets } });
        }
        for (index, _) in largest.into_values() {
            if let Some(compared) = all.get_mut(index) {
                compared.line.flows = 1;
            }
        }
        all
    }
}

impl Tally {
    pub(crate) fn new(rules: Arc<Rules>, worst: usize, without_truth: Vec<String>) -> Self {
        let reason = "no truth beside it";
        let skipped =
            without_truth.into_iter().map(|file| Skipped { file, reason: reason.to_owned() });
        let report = Report { skipped: skipped.collect(), ..Report::default() };
        Self {
            rules,
            worst,
            cells: BTreeMap::new(),
            kinds: BTreeMap::new(),
            disagreements: BTreeMap::new(),
            unknown_by_label: BTreeMap::new(),
            report,
        }
    }

    /// A capture could not be evaluated.
    pub(crate) fn skip(&mut self, file: &str, reason: String) {
        self.report.skipped.push(Skipped { file: file.to_owned(), reason });
    }

    /// Adds a capture.
    pub(crate) fn file(&mut self, name: &str, truth: &Truth, measured: &Measured) {
        self.report.captures += 1;
        if let Some(reason) = &measured.damaged {
            self.skip(name, reason.clone());
        }
        self.report.total.octets += measured.without_flow;
        self.report.unknown.octets += measured.unknown_without_flow;
        let mut score = Score::default();
        for compared in Compared::all(truth, measured) {
            self.flow(name, truth.labels, &compared, &mut score);
        }
        let seen: HashSet<FlowKey> = measured.flows.iter().map(key_of).collect();
        let unseen = truth.keys().filter(|key| !seen.contains(*key)).count();
        self.report.truth_without_flow += unseen as u64;
        for (words, flows) in &truth.unknown_words {
            *self.report.unknown_words.entry(words.clone()).or_default() += flows;
        }
        self.report.judged.join(score);
        self.report.files.push(Named { name: name.to_owned(), score });
        self.report.worst.sort_by_key(|wrong| Reverse(wrong.octets));
        self.report.worst.truncate(self.worst);
    }

    fn flow(&mut self, file: &str, labels: bool, compared: &Compared<'_>, score: &mut Score) {
        let Compared { flow, entry, line } = *compared;
        let class = flow.verdict.class;
        let unknown = class.category == Category::Unknown;
        self.report.total.add(line);
        if unknown {
            self.report.unknown.add(line);
        }
        if labels && let Some(entry) = entry {
            self.shares(entry, line, unknown);
        }
        let Some((entry, expected)) =
            entry.and_then(|entry| Some((entry, entry.expected.as_ref()?)))
        else {
            let unjudged = match entry {
                Some(_) => &mut self.report.without_opinion,
                None => &mut self.report.not_in_truth,
            };
            unjudged.add(line);
            let category = class.category.name().to_owned();
            self.report.unjudged_categories.entry(category).or_default().add(line);
            return;
        };
        let right = expected.accepts(class, &self.rules);
        let column = expected.column(class, &self.rules).to_owned();
        score.add(line, right);
        self.cells.entry((entry.class.clone(), column)).or_default().add(line, right);
        if !labels && !entry.kind.is_empty() {
            let kind = format!("{} {}", entry.class, entry.kind);
            self.kinds.entry(kind).or_default().add(line, right);
        }
        if !right {
            self.wrong(file, entry, compared);
        }
    }

    fn shares(&mut self, entry: &Entry, line: Line, unknown: bool) {
        let shares = self.report.labels_unknown.get_or_insert_default();
        shares.all.add(line);
        if unknown {
            shares.ours.add(line);
            self.unknown_by_label.entry(entry.class.clone()).or_default().add(line);
        }
        if entry.class == "Unknown" {
            shares.theirs.add(line);
        }
    }

    fn wrong(&mut self, file: &str, entry: &Entry, compared: &Compared<'_>) {
        let Compared { flow, line, .. } = *compared;
        let octets = line.octets;
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
        group.line.add(line);
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
    pub(crate) fn compare(&mut self, whole: &Measured, cut: &Measured) {
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
    pub(crate) fn into_report(self, cut: Option<String>, only: &[String]) -> Report {
        let mut recall: BTreeMap<String, Score> = BTreeMap::new();
        let mut precision: BTreeMap<String, Score> = BTreeMap::new();
        for ((truth, verdict), score) in &self.cells {
            recall.entry(truth.clone()).or_default().join(*score);
            precision.entry(verdict.clone()).or_default().join(*score);
        }
        let cells = self.cells.into_iter();
        let mut disagreements: Vec<_> = self.disagreements.into_values().collect();
        disagreements.sort_by_key(|group| Reverse(group.line.flows));
        let mut unknown_by_label: Vec<_> = self
            .unknown_by_label
            .into_iter()
            .map(|(name, line)| NamedLine { name, line })
            .collect();
        unknown_by_label.sort_by_key(|label| Reverse(label.line.octets));
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
            unknown_by_label,
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
    crate::key(flow.ends.transport, [flow.ends.initiator, flow.ends.responder])
}
