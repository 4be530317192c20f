//! What the tests share: an engine, a state around a store, and requests without a socket.
#![allow(dead_code, reason = "each test file uses a part")]

#[path = "../../../store/tests/common/program.rs"]
mod program;

use std::future::pending;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, mpsc};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use etiage_aggregator::Live;
use etiage_api::{
    Access, AllowedHosts, ApiState, Billing, Clock, Detection, LinkInfo, ServiceInfo, Settings,
    StoreKind,
};
use etiage_classifier::Knowledge;
use etiage_store::embedded::Engine;
use etiage_store::{Store, Writer, WriterSettings};
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

pub(crate) use program::engine_settings;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-21 12:00:00 UTC);

fn link(name: &str) -> LinkInfo {
    LinkInfo {
        name: name.to_owned(),
        kind: "transit".to_owned(),
        capacity_bps: Some(10_000_000_000),
        neighbour_asn: None,
        ratio_policy: Some(2.0),
        description: String::new(),
        billing: Billing::default(),
    }
}

/// One engine for all tests of a file. It ends with the test program; its data is left under
/// `target/tmp`, and gone at the next start.
static ENGINE: LazyLock<(Runtime, etiage_store::Settings)> = LazyLock::new(|| {
    let data = concat!("api-", env!("CARGO_CRATE_NAME"));
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join(data);
    std::fs::remove_dir_all(&data).ok();
    // The engine needs a runtime that outlives each test's own.
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (sender, receiver) = mpsc::channel();
    runtime.spawn(async move {
        let engine = Engine::start(&engine_settings(&data)).await.unwrap();
        sender.send(engine.settings()).unwrap();
        pending::<()>().await;
    });
    let settings = receiver.recv().expect("the engine starts");
    (runtime, settings)
});

/// A store in a database of its own.
pub(crate) async fn store() -> Store {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let database = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let settings = etiage_store::Settings { database, ..ENGINE.1.clone() };
    Store::open(&settings).await.unwrap()
}

/// Settings around a store of its own.
pub(crate) async fn settings() -> Settings {
    settings_with(store().await)
}

/// Two links, one service, no token, a clock that stands at [`NOW`].
pub(crate) fn settings_with(store: Store) -> Settings {
    // The writer's task ends with the test's runtime.
    let (writer, _) = Writer::spawn(store.clone(), WriterSettings::default());
    Settings {
        store,
        store_kind: StoreKind::Embedded,
        writer,
        live: Arc::new(Live::new(vec!["transit-1".into(), "ix-1".into()])),
        knowledge: Arc::new(Knowledge::with_capacity(16)),
        links: vec![link("transit-1"), link("ix-1")],
        services: vec![ServiceInfo {
            name: "1fichier".to_owned(),
            category: "direct-download".to_owned(),
        }],
        probe: "probe-1".into(),
        version: "1.2.3".into(),
        started: datetime!(2026-11-21 10:00:00 UTC),
        token: None,
        access: Access::default(),
        certificates: None,
        networks: Arc::default(),
        hosts: AllowedHosts::any(),
        clock: Clock::fixed(NOW),
        max_streams: 2,
        detection: Detection::default(),
        alerts: None,
        flow_records: None,
    }
}

/// The router with these settings.
pub(crate) fn router(settings: Settings) -> Router {
    etiage_api::router(ApiState::start(settings))
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

pub(crate) async fn get(router: &Router, path: &str) -> Answer {
    send(router, Request::get(path).body(Body::empty()).unwrap()).await
}
