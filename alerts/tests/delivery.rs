//! Receivers that are away, hang, are slow or answer errors; and restarts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::string_slice)]

mod support;

use std::io::Write;
use std::time::Duration;

use etiage_alerts::{Delivery, OutboxError, Receiver, Route, Severity, Transition};
use support::{Hanging, Http, delivered, event, over, settings, start, stats, until, webhook};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Event and status of each message, in the order in which they came.
fn told(server: &Http) -> Vec<(String, String)> {
    let requests = server.requests();
    let bodies = requests.iter().map(support::Request::json);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    bodies
        .map(|body| (text(&body["commonLabels"]["event"]), text(&body["etiage"]["transition"])))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[tokio::test]
async fn a_receiver_that_was_away_is_told_when_it_is_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let directory = tempfile::tempdir().unwrap();
    let hook = webhook("hook", &format!("http://{address}"));
    let (delivery, mut logged) = start(settings(directory.path(), vec![hook]));
    delivery.tell(Transition::Firing, &event("a"));
    let failed = logged.recv().await.unwrap();
    assert_eq!(failed.outcome.name(), "failed");
    assert!(failed.error.to_lowercase().contains("refused"), "{}", failed.error);
    // What happens meanwhile is told after it, in order.
    delivery.tell(Transition::Update, &event("a"));
    delivery.tell(Transition::Resolved, &over("a"));
    assert_eq!(stats(&delivery, "hook").waiting, 2);
    let server = Http::on(TcpListener::bind(address).await.unwrap());
    delivered(&delivery, "hook", 2).await;
    assert_eq!(told(&server), pairs(&[("a", "firing"), ("a", "resolved")]));
    delivery.stop().await;
}

#[tokio::test]
async fn errors_are_tried_again_and_refusals_are_not() {
    let server = Http::start().await;
    server.answer(&[(500, "out of\norder"), (200, ""), (400, "no such field")]);
    let directory = tempfile::tempdir().unwrap();
    let hook = webhook("hook", &server.url);
    let (delivery, mut logged) = start(settings(directory.path(), vec![hook]));
    delivery.tell(Transition::Firing, &event("a"));
    let first = logged.recv().await.unwrap();
    assert_eq!(first.error, "it answered 500 Internal Server Error: out of order");
    assert_eq!(logged.recv().await.unwrap().outcome.name(), "delivered");
    let ids: Vec<_> =
        server.requests().iter().map(|request| request.header("webhook-id").to_owned()).collect();
    assert_eq!(ids[0], ids[1], "one message, however often it is sent");
    delivery.tell(Transition::Firing, &event("b"));
    let refused = logged.recv().await.unwrap();
    assert_eq!((refused.outcome.name(), refused.event.as_str()), ("refused", "b"));
    let stats = stats(&delivery, "hook");
    assert_eq!((stats.delivered, stats.failed_tries, stats.refused, stats.waiting), (1, 1, 1, 0));
    assert!(stats.last_error.unwrap().ends_with("no such field"));
    delivery.stop().await;
}

#[tokio::test]
async fn redirections_are_not_followed() {
    let server = Http::start().await;
    server.answer(&[(302, "")]);
    let directory = tempfile::tempdir().unwrap();
    let (delivery, mut logged) =
        start(settings(directory.path(), vec![webhook("hook", &server.url)]));
    delivery.tell(Transition::Firing, &event("a"));
    assert!(logged.recv().await.unwrap().error.contains("redirections are not followed"));
    delivery.stop().await;
}

#[tokio::test]
async fn nobody_waits_for_one_that_hangs() {
    let (hanging, server) = (Hanging::start().await, Http::start().await);
    let directory = tempfile::tempdir().unwrap();
    let receivers = vec![webhook("hangs", &hanging.url), webhook("good", &server.url)];
    let (delivery, _logged) = start(settings(directory.path(), receivers));
    delivery.tell(Transition::Firing, &event("a"));
    until("a connection", async || (hanging.accepted() > 0).then_some(())).await;
    // The one hangs, for a minute: the other is told a whole life meanwhile.
    delivery.tell(Transition::Resolved, &over("a"));
    delivered(&delivery, "good", 2).await;
    let hangs = stats(&delivery, "hangs");
    assert_eq!((hangs.delivered, hangs.failed_tries, hangs.waiting), (0, 0, 2));
    delivery.stop().await;
}

#[tokio::test]
async fn one_that_hangs_is_given_its_time_and_tried_again() {
    let hanging = Hanging::start().await;
    let directory = tempfile::tempdir().unwrap();
    let timeout = Duration::from_millis(200);
    let hook = Receiver { timeout, ..webhook("hook", &hanging.url) };
    let (delivery, mut logged) = start(settings(directory.path(), vec![hook]));
    delivery.tell(Transition::Firing, &event("a"));
    assert_eq!(logged.recv().await.unwrap().error, "no answer within 200ms");
    until("a second try", async || (hanging.accepted() > 1).then_some(())).await;
    delivery.stop().await;
    assert_eq!(stats(&delivery, "hook").waiting, 1);
}

#[tokio::test]
async fn a_restart_loses_nothing_and_tells_nothing_twice() {
    let directory = tempfile::tempdir().unwrap();
    let (hanging, server) = (Hanging::start().await, Http::start().await);
    // Away at first; what it was told before the restart it has.
    let before = vec![webhook("a", &server.url), webhook("b", &hanging.url)];
    let (delivery, _logged) = start(settings(directory.path(), before));
    for number in 0..50 {
        delivery.tell(Transition::Firing, &event(&number.to_string()));
    }
    for number in 0..10 {
        delivery.tell(Transition::Resolved, &over(&number.to_string()));
    }
    delivered(&delivery, "a", 60).await;
    assert_eq!(stats(&delivery, "b").waiting, 60);
    assert_eq!(delivery.held().len(), 50, "b has not heard that any is over");
    delivery.stop().await;
    drop(delivery);
    let late = Http::start().await;
    let after = vec![webhook("a", &server.url), webhook("b", &late.url)];
    let (delivery, _logged) = start(settings(directory.path(), after));
    delivered(&delivery, "b", 60).await;
    let mut came = told(&late);
    assert_eq!(came.len(), 60);
    for number in 0..10 {
        let of: Vec<_> = came.iter().filter(|(event, _)| *event == number.to_string()).collect();
        assert_eq!((of[0].1.as_str(), of[1].1.as_str()), ("firing", "resolved"));
    }
    came.sort();
    came.dedup();
    assert_eq!(came.len(), 60, "each once");
    // It goes on where it was: an end of what was told before the restart.
    delivery.tell(Transition::Resolved, &over("11"));
    delivered(&delivery, "a", 1).await;
    assert_eq!(told(&server).len(), 61);
    assert_eq!(delivery.held().len(), 39);
    delivery.stop().await;
}

#[tokio::test]
async fn a_killed_program_has_written_down_what_it_was_told() {
    let directory = tempfile::tempdir().unwrap();
    let hanging = Hanging::start().await;
    let hook = webhook("hook", &hanging.url);
    let (delivery, _logged) = start(settings(directory.path(), vec![hook]));
    for number in 0..5 {
        delivery.tell(Transition::Firing, &event(&number.to_string()));
    }
    until("a try", async || (hanging.accepted() > 0).then_some(())).await;
    // As it lies on disk at this moment, with half a line of a write that was cut off.
    let copy = tempfile::tempdir().unwrap();
    let file = copy.path().join("hook.outbox");
    std::fs::copy(directory.path().join("hook.outbox"), &file).unwrap();
    let mut torn = std::fs::File::options().append(true).open(&file).unwrap();
    torn.write_all(b"0123abcd {\"queued\":{\"num").unwrap();
    let server = Http::start().await;
    let (after, _logged) = start(settings(copy.path(), vec![webhook("hook", &server.url)]));
    let stats = delivered(&after, "hook", 5).await;
    assert_eq!(stats.damaged, 1);
    assert_eq!(told(&server).len(), 5);
    after.stop().await;
    delivery.stop().await;
}

#[tokio::test]
async fn an_end_is_told_to_those_who_were_told_of_the_event() {
    let (all, critical) = (Http::start().await, Http::start().await);
    let directory = tempfile::tempdir().unwrap();
    let receivers = vec![webhook("all", &all.url), webhook("critical", &critical.url)];
    let mut settings = settings(directory.path(), receivers);
    settings.routes = vec![
        Route::everything("everything", vec!["all".to_owned()]),
        Route {
            severity: Severity::Critical,
            ..Route::everything("bad", vec!["all".to_owned(), "critical".to_owned()])
        },
    ];
    let (delivery, _logged) = start(settings);
    delivery.tell(Transition::Firing, &event("a")); // a warning
    delivered(&delivery, "all", 1).await;
    let mut worse = event("a");
    worse.severity = Severity::Critical;
    delivery.tell(Transition::Update, &worse);
    delivered(&delivery, "all", 2).await;
    delivered(&delivery, "critical", 1).await;
    delivery.tell(Transition::Resolved, &over("a")); // which is a warning again
    delivered(&delivery, "all", 3).await;
    delivered(&delivery, "critical", 2).await;
    let a = |transition| ("a", transition);
    assert_eq!(told(&all), pairs(&[a("firing"), a("update"), a("resolved")]));
    assert_eq!(told(&critical), pairs(&[a("firing"), a("resolved")]));
    delivery.stop().await;
}

#[tokio::test]
async fn a_log_that_nobody_reads_delays_nothing() {
    let server = Http::start().await;
    let directory = tempfile::tempdir().unwrap();
    let (log, _logged) = mpsc::channel(1);
    let settings = settings(directory.path(), vec![webhook("hook", &server.url)]);
    let delivery = Delivery::start(settings, log).unwrap();
    for number in 0..3 {
        delivery.tell(Transition::Firing, &event(&number.to_string()));
    }
    delivered(&delivery, "hook", 3).await;
    until("two lines", async || (stats(&delivery, "hook").unlogged == 2).then_some(())).await;
    delivery.stop().await;
}

#[tokio::test]
async fn two_programs_do_not_share_a_directory() {
    let server = Http::start().await;
    let directory = tempfile::tempdir().unwrap();
    let settings = settings(directory.path(), vec![webhook("hook", &server.url)]);
    let (delivery, _logged) = start(settings.clone());
    let (log, _) = mpsc::channel(1);
    let error = Delivery::start(settings, log).unwrap_err();
    assert!(matches!(error, OutboxError::Held { .. }), "{error}");
    delivery.stop().await;
}
