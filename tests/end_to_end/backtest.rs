//! The evening of 19 January 2012, simulated and found again: one event, and what it was.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn etiage(folder: &Path, arguments: &[&str]) -> Output {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/megaupload-2012.toml");
    let scenario = scenario.to_str().unwrap();
    let arguments = arguments.iter().map(|word| if *word == "SCENARIO" { scenario } else { word });
    Command::new(env!("CARGO_BIN_EXE_etiage"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("etiage runs")
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect()
}

#[test]
fn the_shutdown_of_megaupload_is_one_event_and_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = ("2011-12-29", "2012-01-20T02:00:00Z");
    let words = ["simulate", "--scenario", "SCENARIO", "--step", "5m", "--from", from, "--to", to];
    let simulated = etiage(folder.path(), &words);
    assert!(simulated.status.success(), "{}", String::from_utf8_lossy(&simulated.stderr));

    // The day before is judged too: it has no event.
    let words = ["backtest", "--from", "2012-01-18", "--to", to, "--format", "json"];
    let judged = etiage(folder.path(), &words);
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
    let report: Value = serde_json::from_slice(&judged.stdout).unwrap();
    let events = report["events"].as_array().unwrap();
    assert_eq!(events.len(), 1, "{report:#}");
    let (event, explanation) = (&events[0], &events[0]["explanation"]);
    assert_eq!(explanation["kind"], "shutdown", "{explanation:#}");
    assert_eq!((&event["sign"], &event["ended"]), (&Value::from("drop"), &Value::Null));
    // 19:02 UTC, and a fall that takes two hours.
    let onset = (event["onset"].as_i64().unwrap() - 1_326_999_720) / 60;
    assert!((-20..=30).contains(&onset), "{onset} min");
    assert!(event["members"].as_array().unwrap().len() > 5, "many series fell");

    assert_eq!(names(&explanation["services"])[0], "megaupload");
    assert_eq!(names(&explanation["categories"])[0], "direct-download");
    let share = explanation["categories"][0]["share"].as_f64().unwrap();
    assert!(share >= 0.8, "{share}");
    let ledger = &explanation["ledger"];
    assert!(names(&ledger["categories"]).contains(&"p2p"), "{ledger:#}");
    assert!(names(&ledger["services"]).contains(&"uploaded"), "{ledger:#}");
    assert!(ledger["unexplained"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_scenario_that_contradicts_itself_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = "title = 'x'\n[[change]]\ntitle = 'shut'\nfactor = -1\n";
    std::fs::write(folder.path().join("s.toml"), scenario).unwrap();
    let refused = etiage(folder.path(), &["simulate", "--scenario", "s.toml"]);
    assert_eq!(refused.status.code(), Some(2));
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(error.contains("s.toml: shut: `factor` must be from 0 to 1000"), "{error}");
    let words = ["backtest", "--from", "2012-01-18", "--to", "2012-01-17"];
    let refused = etiage(folder.path(), &words);
    assert_eq!(refused.status.code(), Some(2));
}
