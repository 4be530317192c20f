//! Prints an evaluation for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::report::{Kept, Line, Named, Report, Score};

/// Labels that are listed of what is unknown: the largest.
const LABELS: usize = 10;

impl Report {
    /// Prints everything.
    ///
    /// # Errors
    /// `out`'s.
    pub fn print(&self, out: &mut impl Write) -> io::Result<()> {
        summary(self, out)?;
        scores("recall: truth", &self.recall, out)?;
        scores("recall by kind", &self.recall_by_kind, out)?;
        scores("precision: verdict", &self.precision, out)?;
        confusion(self, out)?;
        kept(self, out)?;
        disagreements(self, out)?;
        worst(self, out)?;
        skipped(self, out)
    }
}

/// Captures are many, their reasons few.
fn skipped(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut reasons: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    for skipped in &report.skipped {
        reasons.entry(&skipped.reason).or_insert((0, &skipped.file)).0 += 1;
    }
    if !reasons.is_empty() {
        writeln!(out, "\nnot evaluated, or not to their end:")?;
    }
    for (reason, (count, example)) in reasons {
        writeln!(out, "{count:>8}  {reason} (such as {example})")?;
    }
    Ok(())
}

fn summary(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let Report { captures, total, unknown, judged, .. } = report;
    let cut = report.cut.as_ref().map(|cut| format!(", cut: {cut}")).unwrap_or_default();
    writeln!(out, "{captures} captures, {} flows, {} octets{cut}", total.flows, total.octets)?;
    let covered = Line {
        flows: total.flows.saturating_sub(unknown.flows),
        octets: total.octets.saturating_sub(unknown.octets),
    };
    let (flows, octets) =
        (percent(covered.flows, total.flows), percent(covered.octets, total.octets));
    writeln!(out, "coverage (not unknown)   {flows} of flows, {octets} of octets")?;
    let Score { flows, octets, right_flows, right_octets } = judged;
    writeln!(
        out,
        "right                    {} of {flows} judged flows, {} of their {octets} octets",
        percent(*right_flows, *flows),
        percent(*right_octets, *octets)
    )?;
    for (what, Line { flows, octets }) in [
        ("not in the truth", &report.not_in_truth),
        ("truth has no opinion", &report.without_opinion),
    ] {
        writeln!(out, "{what:<24} {flows} flows, {octets} octets")?;
    }
    for (category, Line { flows, octets }) in &report.unjudged_categories {
        writeln!(out, "  called {category:<17} {flows} flows, {octets} octets")?;
    }
    writeln!(out, "in the truth, not seen   {} flows", report.truth_without_flow)?;
    for (words, flows) in &report.unknown_words {
        writeln!(out, "word not known           {words}: {flows} flows, not judged")?;
    }
    if let Some(shares) = &report.labels_unknown {
        writeln!(
            out,
            "unknown, by octets       {} here, {} by the labels, of the {} flows of both",
            percent(shares.ours.octets, shares.all.octets),
            percent(shares.theirs.octets, shares.all.octets),
            shares.all.flows
        )?;
        for label in report.unknown_by_label.iter().take(LABELS) {
            let Line { flows, octets } = label.line;
            writeln!(out, "  labelled {:<15} {flows} flows, {octets} octets", label.name)?;
        }
    }
    Ok(())
}

fn scores(title: &str, scores: &[Named], out: &mut impl Write) -> io::Result<()> {
    if scores.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title:<40}{:>8}{:>10}{:>14}{:>10}", "flows", "right", "octets", "right")?;
    for Named { name, score: Score { flows, octets, right_flows, right_octets } } in scores {
        let (by_flows, by_octets) =
            (percent(*right_flows, *flows), percent(*right_octets, *octets));
        writeln!(out, "{name:<40}{flows:>8}{by_flows:>10}{octets:>14}{by_octets:>10}")?;
    }
    Ok(())
}

/// A row of the matrix a line, with the cells that are not empty: most are.
fn confusion(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nconfusion: truth, and what it is called (flows, octets)")?;
    for row in report.confusion.chunk_by(|a, b| a.truth == b.truth) {
        let truth = row.first().map_or("", |cell| cell.truth.as_str());
        write!(out, "{truth:<24}")?;
        for cell in row {
            write!(out, "  {} {} {}", cell.verdict, cell.score.flows, cell.score.octets)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn kept(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if report.kept.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{:<24}{:>8}{:>10}{:>16}{:>10}{:>10}{:>10}",
        "label kept after the cut", "flows", "kept", "with payload", "kept", "by port", "other"
    )?;
    for (protocol, kept) in &report.kept {
        let Kept { flows, with_payload, .. } = kept;
        writeln!(
            out,
            "{protocol:<24}{flows:>8}{:>10}{with_payload:>16}{:>10}{:>10}{:>10}",
            percent(kept.kept, *flows),
            percent(kept.with_payload_kept, *with_payload),
            percent(kept.with_payload_by_port, *with_payload),
            percent(kept.with_payload_other, *with_payload),
        )?;
    }
    Ok(())
}

fn disagreements(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if report.disagreements.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{:<24}{:<32}{:>8}{:>14}  largest in", "truth", "called", "flows", "octets")?;
    for group in &report.disagreements {
        let Line { flows, octets } = group.line;
        let (truth, verdict, example) = (&group.truth, &group.verdict, &group.example);
        writeln!(out, "{truth:<24}{verdict:<32}{flows:>8}{octets:>14}  {example}")?;
    }
    Ok(())
}

fn worst(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if report.worst.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nthe largest wrong flows")?;
    for flow in &report.worst {
        let kind = if flow.kind == flow.truth { "" } else { flow.kind.as_str() };
        writeln!(
            out,
            "{} {} {} > {}  {} octets\n    truth {} {kind}\n    called {}/{}/{} {} % {}",
            flow.file,
            flow.l4,
            flow.src,
            flow.dst,
            flow.octets,
            flow.truth,
            flow.category,
            flow.protocol,
            flow.service,
            flow.confidence,
            flow.evidence
        )?;
    }
    Ok(())
}

fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    format!("{:.2} %", part as f64 / whole as f64 * 100.0)
}
