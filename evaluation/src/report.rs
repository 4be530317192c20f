//! What an evaluation says: a contract with the scripts that read it.

use std::collections::BTreeMap;

use serde::Serialize;

/// Flows and octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    pub(crate) flows: u64,
    pub(crate) octets: u64,
}

impl Line {
    pub(crate) fn add(&mut self, line: Self) {
        self.flows += line.flows;
        self.octets += line.octets;
    }
}

/// How many there are, and how many of them are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Score {
    pub(crate) flows: u64,
    pub(crate) octets: u64,
    pub(crate) right_flows: u64,
    pub(crate) right_octets: u64,
}

impl Score {
    pub(crate) fn add(&mut self, line: Line, right: bool) {
        let Line { flows, octets } = line;
        self.flows += flows;
        self.octets += octets;
        if right {
            self.right_flows += flows;
            self.right_octets += octets;
        }
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.flows += other.flows;
        self.octets += other.octets;
        self.right_flows += other.right_flows;
        self.right_octets += other.right_octets;
    }
}

/// A cell of the confusion matrix.
#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) truth: String,
    pub(crate) verdict: String,
    #[serde(flatten)]
    pub(crate) score: Score,
}

#[derive(Debug, Serialize)]
pub(crate) struct Named {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) score: Score,
}

/// Flows that the truth calls one thing and the classifier another.
#[derive(Debug, Serialize)]
pub(crate) struct Disagreement {
    pub(crate) truth: String,
    pub(crate) verdict: String,
    #[serde(flatten)]
    pub(crate) line: Line,
    /// A file with such a flow, the largest.
    pub(crate) example: String,
    #[serde(skip)]
    pub(crate) largest: u64,
}

/// A wrongly classified flow.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wrong {
    pub(crate) file: String,
    pub(crate) l4: String,
    pub(crate) src: String,
    pub(crate) dst: String,
    pub(crate) octets: u64,
    pub(crate) packets: u64,
    pub(crate) truth: String,
    pub(crate) kind: String,
    pub(crate) protocol: &'static str,
    pub(crate) service: String,
    pub(crate) category: &'static str,
    pub(crate) confidence: u8,
    pub(crate) evidence: String,
}

/// What is left of the verdicts of whole flows once they are cut, for one protocol.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Kept {
    /// Flows of which any packet is left.
    pub(crate) flows: u64,
    /// Of these, how many have the same protocol.
    pub(crate) kept: u64,
    /// Flows of which any payload is left.
    pub(crate) with_payload: u64,
    /// Of these, how many have the same protocol.
    pub(crate) with_payload_kept: u64,
    /// Of these, how many have it only by their port.
    pub(crate) with_payload_by_port: u64,
    /// Flows with payload that are called another protocol, rather than unknown.
    pub(crate) with_payload_other: u64,
}

/// What another classifier left unknown, against this one, on the flows that both saw.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct UnknownShares {
    pub(crate) all: Line,
    pub(crate) theirs: Line,
    pub(crate) ours: Line,
}

/// Flows under one name.
#[derive(Debug, Serialize)]
pub(crate) struct NamedLine {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) line: Line,
}

/// A capture that was not evaluated, or not wholly.
#[derive(Debug, Serialize)]
pub(crate) struct Skipped {
    pub(crate) file: String,
    pub(crate) reason: String,
}

/// Everything that an evaluation says.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub(crate) cut: Option<String>,
    pub(crate) only: Vec<String>,
    pub(crate) captures: u64,
    /// Everything in the captures; octets outside of flows too.
    pub(crate) total: Line,
    /// What of it is called unknown.
    pub(crate) unknown: Line,
    /// Of the flows that the truth has a comparable opinion of.
    pub(crate) judged: Score,
    /// Flows of which the truth says nothing.
    pub(crate) not_in_truth: Line,
    /// Flows of which the truth has no opinion, or none that can be compared.
    pub(crate) without_opinion: Line,
    /// Words of the truth that have no meaning here, and how many of its flows have them: those are
    /// not judged.
    pub(crate) unknown_words: BTreeMap<String, u64>,
    /// Flows that the truth names and no capture holds.
    pub(crate) truth_without_flow: u64,
    /// Categories of the flows that are not judged.
    pub(crate) unjudged_categories: BTreeMap<String, Line>,
    pub(crate) recall: Vec<Named>,
    pub(crate) recall_by_kind: Vec<Named>,
    pub(crate) precision: Vec<Named>,
    pub(crate) confusion: Vec<Cell>,
    pub(crate) disagreements: Vec<Disagreement>,
    pub(crate) labels_unknown: Option<UnknownShares>,
    /// What the labels call the flows that are unknown here, the largest first.
    pub(crate) unknown_by_label: Vec<NamedLine>,
    pub(crate) kept: BTreeMap<String, Kept>,
    pub(crate) files: Vec<Named>,
    pub(crate) worst: Vec<Wrong>,
    /// Captures that were not evaluated, or not wholly, and why.
    pub(crate) skipped: Vec<Skipped>,
}
