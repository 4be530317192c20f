//! What an evaluation says: a contract with the scripts that read it.

use std::collections::BTreeMap;

use serde::Serialize;

/// Flows and octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    pub(super) flows: u64,
    pub(super) octets: u64,
}

impl Line {
    pub(super) fn add(&mut self, line: Self) {
        self.flows += line.flows;
        self.octets += line.octets;
    }
}

/// How many there are, and how many of them are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Score {
    pub(super) flows: u64,
    pub(super) octets: u64,
    pub(super) right_flows: u64,
    pub(super) right_octets: u64,
}

impl Score {
    pub(super) fn add(&mut self, line: Line, right: bool) {
        let Line { flows, octets } = line;
        self.flows += flows;
        self.octets += octets;
        if right {
            self.right_flows += flows;
            self.right_octets += octets;
        }
    }

    pub(super) fn join(&mut self, other: Self) {
        self.flows += other.flows;
        self.octets += other.octets;
        self.right_flows += other.right_flows;
        self.right_octets += other.right_octets;
    }
}

/// A cell of the confusion matrix.
#[derive(Debug, Serialize)]
pub(super) struct Cell {
    pub(super) truth: String,
    pub(super) verdict: String,
    #[serde(flatten)]
    pub(super) score: Score,
}

#[derive(Debug, Serialize)]
pub(super) struct Named {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) score: Score,
}

/// Flows that the truth calls one thing and the classifier another.
#[derive(Debug, Serialize)]
pub(super) struct Disagreement {
    pub(super) truth: String,
    pub(super) verdict: String,
    #[serde(flatten)]
    pub(super) line: Line,
    /// A file with such a flow, the largest.
    pub(super) example: String,
    #[serde(skip)]
    pub(super) largest: u64,
}

/// A wrongly classified flow.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Wrong {
    pub(super) file: String,
    pub(super) l4: String,
    pub(super) src: String,
    pub(super) dst: String,
    pub(super) octets: u64,
    pub(super) packets: u64,
    pub(super) truth: String,
    pub(super) kind: String,
    pub(super) protocol: &'static str,
    pub(super) service: String,
    pub(super) category: &'static str,
    pub(super) confidence: u8,
    pub(super) evidence: String,
}

/// What is left of the verdicts of whole flows once they are cut, for one protocol.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Kept {
    /// Flows of which any packet is left.
    pub(super) flows: u64,
    /// Of these, how many have the same protocol.
    pub(super) kept: u64,
    /// Flows of which any payload is left.
    pub(super) with_payload: u64,
    /// Of these, how many have the same protocol.
    pub(super) with_payload_kept: u64,
    /// Of these, how many have it only by their port.
    pub(super) with_payload_by_port: u64,
    /// Flows with payload that are called another protocol, rather than unknown.
    pub(super) with_payload_other: u64,
}

/// What another classifier left unknown, against this one, on the flows that both saw.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct UnknownShares {
    pub(super) all: Line,
    pub(super) theirs: Line,
    pub(super) ours: Line,
}

/// Flows under one name.
#[derive(Debug, Serialize)]
pub(super) struct NamedLine {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) line: Line,
}

/// A capture that was not evaluated, or not wholly.
#[derive(Debug, Serialize)]
pub(super) struct Skipped {
    pub(super) file: String,
    pub(super) reason: String,
}

/// Everything that an evaluation says.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) cut: Option<String>,
    pub(super) only: Vec<String>,
    pub(super) captures: u64,
    /// Everything in the captures; octets outside of flows too.
    pub(super) total: Line,
    /// What of it is called unknown.
    pub(super) unknown: Line,
    /// Of the flows that the truth has a comparable opinion of.
    pub(super) judged: Score,
    /// Flows of which the truth says nothing.
    pub(super) not_in_truth: Line,
    /// Flows of which the truth has no opinion, or none that can be compared.
    pub(super) without_opinion: Line,
    /// Words of the truth that have no meaning here, and how many of its flows have them: those are
    /// not judged.
    pub(super) unknown_words: BTreeMap<String, u64>,
    /// Flows that the truth names and no capture holds.
    pub(super) truth_without_flow: u64,
    /// Categories of the flows that are not judged.
    pub(super) unjudged_categories: BTreeMap<String, Line>,
    pub(super) recall: Vec<Named>,
    pub(super) recall_by_kind: Vec<Named>,
    pub(super) precision: Vec<Named>,
    pub(super) confusion: Vec<Cell>,
    pub(super) disagreements: Vec<Disagreement>,
    pub(super) labels_unknown: Option<UnknownShares>,
    /// What the labels call the flows that are unknown here, the largest first.
    pub(super) unknown_by_label: Vec<NamedLine>,
    pub(super) kept: BTreeMap<String, Kept>,
    pub(super) files: Vec<Named>,
    pub(super) worst: Vec<Wrong>,
    /// Captures that were not evaluated, or not wholly, and why.
    pub(super) skipped: Vec<Skipped>,
}
