//! The evening of 19 January 2012 while the appliance runs: simulated weeks in the store, the evening played at
//! many times real speed, one event over the API and one alert of the real Alertmanager; proven from its bundle,
//! and found again after a restart.

use std::net::TcpListener;
use std::path::Path;

use crate::support::alertmanager::Alertmanager;
use crate::support::{Appliance, etiage, output};
use serde_json::Value;

/// A configuration on a port that others know: commands ask the running appliance.
fn config(folder: &Path, alertmanager: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let text = format!(
        "[store]\ndata = \"data\"\n[api]\nlisten = \"{address}\"\n\
         [detection]\nenabled = true\n\
         [[alerts.receiver]]\nname = \"am\"\ntype = \"alertmanager\"\nurl = \"http://{alertmanager}\"\n\
         [[alerts.route]]\nname = \"grave\"\nreceivers = \"am\"\nseverity = \"warning\"\n"
    );
    let path = folder.join("etiage.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What of an event was told to whom: receiver, transition, outcome.
fn told(event: &Value) -> Vec<(&str, &str, &str)> {
    let alerts = event["alerts"].as_array().unwrap().iter();
    alerts
        .map(|alert| {
            let text = |name: &str| alert[name].as_str().unwrap();
            (text("receiver"), text("transition"), text("outcome"))
        })
        .collect()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|part| part["name"].as_str().unwrap()).collect()
}

fn ids(answer: &Value) -> Vec<&str> {
    let events = answer["events"].as_array().unwrap();
    events.iter().map(|event| event["id"].as_str().unwrap()).collect()
}

#[test]
fn the_evening_is_played_and_is_one_event() {
    let folder = tempfile::tempdir().unwrap();
    let alertmanager = Alertmanager::start(folder.path());
    let config = config(folder.path(), &alertmanager.address);
    let scenario = "scenarios/megaupload-2012.toml";
    let played = [
        "simulate",
        "--config",
        &config,
        "--scenario",
        scenario,
        "--step",
        "5m",
        "--serve",
        "--from",
        "2011-12-29",
        "--to",
        "2012-01-20T01:00:00Z",
        "--play-from",
        "2012-01-19T17:00:00Z",
        "--speed",
        "3600",
    ];
    let mut appliance = Appliance::start(&played);
    appliance.wait_for_line("played to the end");
    let has_ledger = |event: &Value| event["explained_seconds"].as_u64() >= Some(5 * 3600);
    let events = appliance.wait_until("/api/v1/events", |answer| !ids(answer).is_empty());
    let id = ids(&events)[0].to_owned();
    let about = format!("/api/v1/events/{id}");
    let event = appliance.wait_until(&about, has_ledger);
    assert_eq!(ids(&appliance.get("/api/v1/events")), [&*id], "one event, not twenty");
    assert_eq!(
        (&event["kind"], &event["state"], &event["sign"], &event["basis"]),
        (&"shutdown".into(), &"open".into(), &"drop".into(), &"time-of-week".into()),
        "{event:#}"
    );
    let onset = event["onset"].as_str().unwrap();
    assert!(("2012-01-19T18:45:00Z".."2012-01-19T19:30:00Z").contains(&onset), "{onset}");
    assert!(event["members"].as_array().unwrap().len() > 5, "many series fell");
    assert_eq!(names(&event["attribution"]["services"])[0], "megaupload");
    assert_eq!(names(&event["attribution"]["categories"])[0], "direct-download");
    let share = event["attribution"]["categories"][0]["share"].as_f64().unwrap();
    assert!(share >= 0.8, "{share}");
    let risen = names(&event["ledger"]);
    assert!(risen.contains(&"p2p"), "{risen:?}");
    assert!(risen.iter().any(|name| ["uploaded", "putlocker", "rapidshare"].contains(name)));

    let series = appliance.get(&format!("/api/v1/events/{id}/series?of=service:megaupload"));
    let last = |list: &str| {
        let values = series[list].as_array().unwrap();
        values.iter().rev().find_map(Value::as_f64).unwrap()
    };
    assert!(last("values") < 0.2 * last("baseline"), "{} {}", last("values"), last("baseline"));

    let firing = alertmanager.wait_for(1);
    assert_eq!(firing[0]["labels"]["event"], id);
    assert_eq!(firing[0]["labels"]["kind"], "shutdown");
    let summary = firing[0]["annotations"]["summary"].as_str().unwrap();
    assert!(summary.ends_with(event["subject"].as_str().unwrap()), "{summary}");
    let told_of = appliance.wait_until(&about, |event| !told(event).is_empty());
    assert_eq!(told(&told_of)[0], ("am", "firing", "delivered"));

    bundle(folder.path(), &config, &id);

    // What is known is made anew from the store, and is the same.
    let (status, log) = appliance.stop("-INT");
    assert!(status.success(), "{log}");
    let again =
        ["simulate", "--config", &config, "--scenario", scenario, "--serve", "--only-serve"];
    let mut appliance = Appliance::start(&again);
    appliance.wait_for_line("detection begins");
    let events = appliance.get("/api/v1/events");
    assert_eq!(ids(&events), [&*id]);
    assert_eq!(events["events"][0]["onset"], onset);
    assert_eq!(events["events"][0]["state"], "open");
    let health = appliance.get("/api/v1/health");
    assert_eq!(health["alerts"][0]["firing"], 1, "{health:#}");
    appliance.stop("-INT");
    assert_eq!(alertmanager.firing().len(), 1);
}

#[test]
fn an_outage_that_ends_is_told_with_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let alertmanager = Alertmanager::start(folder.path());
    let config = config(folder.path(), &alertmanager.address);
    let story = ["simulate", "--config", &config, "--scenario", "scenarios/link-outage.toml"];
    let times = ["--step", "5m", "--from", "2026-02-19", "--to", "2026-03-13T01:00:00Z"];
    let played = ["--serve", "--play-from", "2026-03-12T18:00:00Z", "--speed", "3600"];
    let mut appliance = Appliance::start(&[&story[..], &times, &played].concat());
    appliance.wait_for_line("played to the end");
    let is_over = |answer: &Value| answer["events"][0]["state"] == "ended";
    let events = appliance.wait_until("/api/v1/events", is_over);
    assert_eq!(events["events"][0]["kind"], "link-outage");
    let id = ids(&events)[0];
    assert_eq!(ids(&events), [id], "what is back is no surge");
    let is_told = |event: &Value| told(event).last().is_some_and(|last| last.1 == "resolved");
    let event = appliance.wait_until(&format!("/api/v1/events/{id}"), is_told);
    assert_eq!(told(&event)[0], ("am", "firing", "delivered"));
    assert_eq!(told(&event).last(), Some(&("am", "resolved", "delivered")));
    alertmanager.wait_for(0);
    appliance.stop("-INT");
}

/// An event is proven by its bundle; a changed octet is found.
fn bundle(folder: &Path, config: &str, id: &str) {
    let (status, list, error) = output(&["events", "list", "--config", config, "--open"]);
    assert!(status.success() && list.contains(id) && list.contains("megaupload"), "{list}{error}");
    let directory = folder.join("bundle");
    let directory = directory.to_str().unwrap();
    let (status, shown, error) =
        output(&["events", "show", id, "--config", config, "--bundle", directory]);
    assert!(status.success(), "{error}");
    assert!(shown.contains("made of services: megaupload"), "{shown}");
    let (status, proven, error) = output(&["events", "verify", directory]);
    assert!(status.success() && proven.contains(id), "{proven}{error}");

    let series = Path::new(directory).join("series.csv");
    let whole = std::fs::read_to_string(&series).unwrap();
    // One digit of the last line.
    let at = whole.rfind(|c: char| c.is_ascii_digit()).unwrap();
    let mut changed = whole.clone().into_bytes();
    changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
    std::fs::write(&series, changed).unwrap();
    let (status, _, error) = output(&["events", "verify", directory]);
    assert_eq!(status.code(), Some(1));
    assert!(error.contains("series.csv was changed"), "{error}");
    // Numbers that are no numbers, and lines that are cut off, are told with their line.
    for (text, wrong) in [("time,seconds\n1,2\n", "line 2"), ("", "recomputed.json")] {
        std::fs::write(&series, text).unwrap();
        let (status, _, error) = output(&["events", "verify", directory]);
        assert!(!status.success() && error.contains(wrong), "{text:?}: {error}");
    }
    let refused = etiage(&["events", "show", id, "--config", config, "--bundle", directory]);
    let refused = { refused }.output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "it exists");
}
