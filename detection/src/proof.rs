//! Whether an event follows from its bundle.

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use etiage_detector::{EventId, Record, recompute};

use crate::bundle::{BundleError, RECOMPUTED, SUMS, json, read, sums, unusable};

/// By how much an event that was found minute by minute may differ from the one that is recomputed from bins
/// of five minutes: seconds of its onset, and its depth.
const TOLERANCE: (i64, f64) = (900, 0.05);

/// Recomputes an event from its bundle; its name, if it follows from what is there.
///
/// # Errors
/// [`BundleError`]: [`BundleError::Failed`] says in what the files and the event differ.
pub fn verify(directory: &Path) -> Result<EventId, BundleError> {
    let mut differences = hashes(directory)?;
    let (kept, evidence) = match read(directory) {
        Ok(read) => read,
        Err(failure) if differences.is_empty() => return Err(failure),
        // That it was changed is why it cannot be read.
        Err(failure) => {
            differences.push(failure.to_string());
            return Err(refused(directory, &differences));
        }
    };
    let again = recompute(&evidence, &kept.event).context("the event's parameters")?;
    let written = fs::read_to_string(directory.join(RECOMPUTED))
        .map_err(|error| unusable(directory, RECOMPUTED, &error.to_string()))?;
    if json(&again)? != written {
        differences.push(format!("{RECOMPUTED}: what the files give now is another event"));
    }
    match &again {
        None => differences.push("the files give no event at all".to_owned()),
        Some(again) => differences.extend(compare(&kept, again)),
    }
    if differences.is_empty() {
        return Ok(kept.event.id);
    }
    Err(refused(directory, &differences))
}

fn refused(directory: &Path, differences: &[String]) -> BundleError {
    let name = directory.display();
    BundleError::Failed(anyhow!("{name} does not prove its event: {}", differences.join("; ")))
}

/// The files that are not as they were written.
fn hashes(directory: &Path) -> Result<Vec<String>, BundleError> {
    let written = fs::read_to_string(directory.join(SUMS))
        .map_err(|error| unusable(directory, SUMS, &error.to_string()))?;
    let now = sums(directory)?;
    let lost = written.lines().filter(|line| !now.lines().any(|own| own == *line));
    let added = now.lines().filter(|line| {
        let name = line.split("  ").nth(1);
        !written.lines().any(|own| own.split("  ").nth(1) == name)
    });
    let file = |line: &str| line.split("  ").nth(1).unwrap_or(line).to_owned();
    let lost = lost.map(|line| format!("{} was changed", file(line)));
    Ok(lost.chain(added.map(|line| format!("{} was added", file(line)))).collect())
}

/// In what an event that was kept differs from the recomputed one.
fn compare(kept: &Record, again: &Record) -> Vec<String> {
    let mut differences = Vec::new();
    let mut differ = |what: &str, kept: String, again: String| {
        differences.push(format!("{what} is {again}, but {kept} was kept"));
    };
    let (own, other) = (&kept.event, &again.event);
    if own.sign != other.sign {
        differ("its sign", own.sign.name().into(), other.sign.name().into());
    }
    if kept.kind() != again.kind() {
        differ("its kind", kept.kind().name().into(), again.kind().name().into());
    }
    if (own.onset - other.onset).abs() > TOLERANCE.0 {
        differ("its onset", own.onset.to_string(), other.onset.to_string());
    }
    let main = own.main();
    let same = main.and_then(|main| other.members.iter().find(|member| member.key == main.key));
    match (main, same) {
        (Some(main), Some(same)) => {
            if (main.alarm.depth - same.alarm.depth).abs() > TOLERANCE.1 {
                differ("its depth", main.alarm.depth.to_string(), same.alarm.depth.to_string());
            }
        }
        _ => differences.push("its main series takes no part".to_owned()),
    }
    differences
}
