//! The real Alertmanager, of Debian's package `prometheus-alertmanager`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::string_slice)]

mod support;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use etiage_alerts::{Event, HttpTarget, Severity, Target, Transition};
use serde_json::Value;
use support::{delivered, event, over, receiver, settings, start, until};
use tokio::process::{Child, Command};

struct Alertmanager {
    url: String,
    // Killed by its number when this is dropped.
    _child: Child,
}

impl Alertmanager {
    async fn start(directory: &Path) -> Self {
        let config = directory.join("alertmanager.yml");
        std::fs::write(&config, "route: {receiver: none}\nreceivers: [{name: none}]\n").unwrap();
        // The port is free when it is looked for, and most likely still when it is used.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", directory.join("storage").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("prometheus-alertmanager is missing: run `make deps-test`");
        let server = Self { url: format!("http://{address}"), _child: child };
        until("Alertmanager answers", async || server.get("/-/ready").await).await;
        server
    }

    async fn get(&self, path: &str) -> Option<String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let answer = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let answer = answer.get(format!("{}{path}", self.url)).send().await.ok()?;
        if answer.status().is_success() { answer.text().await.ok() } else { None }
    }

    /// What fires.
    async fn firing(&self) -> Vec<Value> {
        let text = self.get("/api/v2/alerts").await.expect("Alertmanager answers");
        let alerts: Value = serde_json::from_str(&text).unwrap();
        alerts.as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn exactly_one_alert_fires_and_then_none() {
    let directory = tempfile::tempdir().unwrap();
    let alertmanager = Alertmanager::start(directory.path()).await;
    let http = HttpTarget::new(&alertmanager.url).unwrap();
    let target = Target::Alertmanager { http, repeat: Duration::from_secs(1) };
    let outboxes = directory.path().join("alerts");
    let settings = settings(&outboxes, vec![receiver("am", target)]);
    let (delivery, _logged) = start(settings.clone());

    delivery.tell(Transition::Firing, &event("17"));
    delivered(&delivery, "am", 1).await;
    let firing = alertmanager.firing().await;
    assert_eq!(firing.len(), 1, "{firing:?}");
    assert_eq!(firing[0]["labels"]["alertname"], "EtiageEvent");
    assert_eq!(firing[0]["labels"]["event"], "17");
    assert_eq!(firing[0]["labels"]["severity"], "warning");
    assert_eq!(firing[0]["annotations"]["summary"], "fall 17");
    assert_eq!(firing[0]["startsAt"], "2012-01-19T18:50:00.000Z");
    assert_eq!(firing[0]["generatorURL"], "https://etiage.example.net/event?v=1&id=17");

    // It is repeated before Alertmanager forgets it: its end moves.
    let ends = firing[0]["endsAt"].clone();
    until("a repetition", async || {
        let firing = alertmanager.firing().await;
        (firing.len() == 1 && firing[0]["endsAt"] != ends).then_some(())
    })
    .await;

    // It becomes worse, under another label: one alert all the same.
    let worse = Event { severity: Severity::Critical, ..event("17") };
    delivery.tell(Transition::Update, &worse);
    delivered(&delivery, "am", 2).await;
    until("the worse alert alone", async || {
        let firing = alertmanager.firing().await;
        assert!(firing.len() <= 2, "{firing:?}");
        (firing.len() == 1 && firing[0]["labels"]["severity"] == "critical").then_some(())
    })
    .await;

    // A restart meanwhile changes nothing, and another event is another alert.
    delivery.stop().await;
    drop(delivery);
    let (delivery, _logged) = start(settings);
    delivery.tell(Transition::Firing, &event("18"));
    delivered(&delivery, "am", 1).await;
    assert_eq!(alertmanager.firing().await.len(), 2);
    delivery.tell(Transition::Resolved, &over("18"));
    delivered(&delivery, "am", 2).await;
    assert_eq!(alertmanager.firing().await.len(), 1);

    delivery.tell(Transition::Resolved, &over("17"));
    delivered(&delivery, "am", 3).await;
    until("nothing fires", async || alertmanager.firing().await.is_empty().then_some(())).await;
    delivery.stop().await;
    assert!(alertmanager.firing().await.is_empty());
}
