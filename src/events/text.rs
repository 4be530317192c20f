//! An event for people to read.

use std::fmt::Write as _;

use serde_json::Value;

use super::plain;
use crate::config::bit_rate;

/// How many parts of each kind are named.
const NAMED: usize = 5;

/// From the API's answer. Writing to a string cannot fail.
pub(super) fn event(event: &Value) -> String {
    let word = |name: &str| plain(event.get(name));
    let number = |name: &str| event.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let mut out = String::new();
    let _ =
        writeln!(out, "{} {} ({}, {})", word("id"), word("kind"), word("sign"), word("severity"));
    let _ = writeln!(out, "  {}", word("subject"));
    let ended = match &*word("ended") {
        "" => "not over".to_owned(),
        ended => format!("over at {ended}"),
    };
    let _ = writeln!(out, "  since {}, certain at {}, {ended}", word("onset"), word("confirmed"));
    let _ = writeln!(
        out,
        "  {}: {:.0} % at {}, {:.1} GB; expectation by {}",
        word("main"),
        number("depth_percent"),
        word("trough"),
        number("lost_octets") / 1e9,
        word("basis"),
    );
    for (name, what) in [("recover_50_seconds", "half"), ("recover_90_seconds", "nine tenths")] {
        if let Some(seconds) = event.get(name).and_then(Value::as_i64) {
            let _ = writeln!(out, "  {what} was back after {} min", seconds / 60);
        }
    }
    for kind in ["categories", "services", "links", "networks"] {
        let parts = list(event.pointer(&format!("/attribution/{kind}")));
        let parts: Vec<String> = parts
            .iter()
            .take(NAMED)
            .map(|part| {
                let share = part.get("share").and_then(Value::as_f64).unwrap_or(0.0);
                format!("{} {:.0} %", plain(part.get("name")), share * 100.0)
            })
            .collect();
        if !parts.is_empty() {
            let _ = writeln!(out, "  made of {kind}: {}", parts.join(", "));
        }
    }
    for entry in list(event.get("ledger")).iter().take(3 * NAMED) {
        let rate = entry.get("bits_per_second").and_then(Value::as_f64).unwrap_or(0.0);
        let score = entry.get("score").and_then(Value::as_f64);
        let score = score.map_or_else(String::new, |score| format!(", {score:.0} times the usual"));
        let (kind, name) = (plain(entry.get("kind")), plain(entry.get("name")));
        let _ =
            writeln!(out, "  meanwhile {kind} {name}: {}{score}", bit_rate(rate.round() as u64));
    }
    for note in list(event.get("notes")) {
        let word = |name: &str| plain(note.get(name));
        let _ =
            writeln!(out, "  {} {} {}: {}", word("at"), word("by"), word("action"), word("text"));
    }
    out
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
