//! The API's answers to a recorded list of questions, over HTTP, on a history that is always the same.
//!
//! The questions are in fixtures/answers/questions.txt, the answers beside them in answers.jsonl, one a line.
//! After a wanted change: `ETIAGE_BLESS=1 cargo test --test answers`, and read the difference.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::support::{Appliance, capture, output, root};
use serde_json::{Value, json};

/// By how much two numbers may differ, as a part of the larger: the database sums floats in any order.
const TOLERANCE: f64 = 1e-9;
/// Differences that are shown.
const SHOWN: usize = 10;
/// Of longer lists every hundredth element is recorded, and how many there are.
const LONG: usize = 500;
/// Stands for what varies.
const BLANK: &str = "(varies)";
/// What differs from release to release: the versions in an evidence.
const VARYING: [&str; 2] = ["etiage", "clickhouse"];

fn folder() -> PathBuf {
    root().join("fixtures/answers")
}

fn succeeds(arguments: &[&str]) {
    let (status, _, errors) = output(arguments);
    assert!(status.success(), "{arguments:?}: {errors}");
}

/// The history: three weeks by 5 minutes with an event, five minutes by 10 seconds, and captures.
fn history(config: &str) {
    let scenario = folder().join("scenario.toml");
    let scenario = scenario.to_str().unwrap();
    let simulate = |more: &[&str]| {
        succeeds(&[&["simulate", "-c", config, "--scenario", scenario][..], more].concat());
    };
    simulate(&["--from", "2011-12-29", "--to", "2012-01-20T04:00:00Z", "--step", "5m"]);
    let fine = ["--from", "2012-01-20T04:00:00Z", "--to", "2012-01-20T04:05:00Z"];
    simulate(&[&fine[..], &["--step", "10s", "--force"]].concat());
    succeeds(&[
        "backtest",
        "-c",
        config,
        "--record",
        "--from",
        "2012-01-19",
        "--to",
        "2012-01-20T04:00:00Z",
    ]);
    let captures = ["dd01_https_h1.link-a", "bt01_tcp_plain.link-a", "web02_tls.link-a"];
    for name in captures {
        succeeds(&["replay", "-c", config, capture(name).to_str().unwrap()]);
    }
}

/// What is answered: its status, and JSON where it is JSON.
fn ask(appliance: &Appliance, question: &str, event: &str) -> Value {
    let (status, body) = appliance.fetch(&question.replace("{event}", event));
    let mut answer = serde_json::from_str(&body).unwrap_or(Value::String(body));
    reduce(&mut answer);
    json!({"question": question, "status": status, "answer": answer})
}

/// Blanks what varies, and thins long lists.
fn reduce(answer: &mut Value) {
    match answer {
        Value::Object(fields) => {
            for (name, value) in fields {
                match VARYING.contains(&name.as_str()) {
                    true => *value = BLANK.into(),
                    false => reduce(value),
                }
            }
        }
        Value::Array(list) => {
            if list.len() > LONG {
                let count = list.len();
                *list = list.drain(..).step_by(100).collect();
                list.push(format!("every hundredth of {count}").into());
            }
            list.iter_mut().for_each(reduce);
        }
        _ => {}
    }
}

fn is_close(one: f64, other: f64) -> bool {
    (one - other).abs() <= TOLERANCE * one.abs().max(other.abs())
}

/// The first place where two answers differ, and both values.
fn difference(expected: &Value, found: &Value, at: &str) -> Option<String> {
    match (expected, found) {
        (Value::Object(one), Value::Object(other)) => {
            let mut names: Vec<_> = one.keys().chain(other.keys()).collect();
            names.sort();
            names.dedup();
            names.into_iter().find_map(|name| {
                let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => difference(one, other, &place),
                    (Some(one), None) => Some(format!("{place}: {one} is missing")),
                    (_, other) => {
                        Some(format!("{place}: {} is new", other.unwrap_or(&Value::Null)))
                    }
                }
            })
        }
        (Value::Array(one), Value::Array(other)) => {
            let parts = one.iter().zip(other).enumerate();
            let part = |(at_part, (one, other))| difference(one, other, &format!("{at}/{at_part}"));
            parts.map(part).find(Option::is_some).flatten().or_else(|| {
                let (had, has) = (one.len(), other.len());
                (had != has).then(|| format!("{at}: {had} elements, now {has}"))
            })
        }
        (Value::Number(one), Value::Number(other))
            if one == other || is_close(one.as_f64().unwrap(), other.as_f64().unwrap()) =>
        {
            None
        }
        _ if expected == found => None,
        _ => Some(format!("{at}: {expected}, now {found}")),
    }
}

fn questions() -> Vec<String> {
    let text = std::fs::read_to_string(folder().join("questions.txt")).unwrap();
    text.lines().filter(|line| line.starts_with('/')).map(str::to_owned).collect()
}

fn recorded(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn answers_are_those_that_were_recorded() {
    let own = tempfile::tempdir().unwrap();
    let config = own.path().join("etiage.toml");
    std::fs::copy(folder().join("etiage.toml"), &config).unwrap();
    let config = config.to_str().unwrap();
    history(config);
    let serve = ["simulate", "-c", config, "--serve", "--only-serve"];
    let appliance = Appliance::start(&serve);
    let events = appliance.get("/api/v1/events");
    let event = events["events"][0]["id"].as_str().expect("an event").to_owned();
    let found: Vec<_> =
        questions().iter().map(|question| ask(&appliance, question, &event)).collect();
    let (status, log) = appliance.stop("-INT");
    assert!(status.success(), "{log}");

    let file = folder().join("answers.jsonl");
    if std::env::var_os("ETIAGE_BLESS").is_some() {
        let text: String = found.iter().map(|answer| format!("{answer}\n")).collect();
        std::fs::write(&file, text).unwrap();
        return;
    }
    let expected = recorded(&file);
    let mut report = String::new();
    let differences = expected.iter().zip(&found).filter_map(|(expected, found)| {
        Some((found["question"].as_str().unwrap(), difference(expected, found, "")?))
    });
    let differences: Vec<_> = differences.collect();
    for (question, what) in differences.iter().take(SHOWN) {
        writeln!(report, "{question}\n    {what}").unwrap();
    }
    assert_eq!(expected.len(), found.len(), "the list has changed: ETIAGE_BLESS=1\n{report}");
    assert!(differences.is_empty(), "{} answers differ:\n{report}", differences.len());
}
