//! What the tests share: the engine, its program, and a database of its own for each test.

#![allow(dead_code, unreachable_pub)] // Each test program uses its part of this.

pub mod program;

use std::sync::atomic::{AtomicU32, Ordering};

use etiage_aggregator::{Batch, Direction, Observation, RoundTrips, Volume};
use etiage_store::embedded::Engine;
use etiage_store::{Settings, Store, TimeRange};
use time::OffsetDateTime;

#[allow(unused_imports)] // As above.
pub use program::{engine_settings, library, program};

/// Saturday, 21 November 2026, 00:00 UTC.
pub const MIDNIGHT: u32 = 1_795_219_200;

/// An engine and its directory.
pub struct Database {
    pub engine: Engine,
    pub directory: tempfile::TempDir,
}

impl Database {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::start(&engine_settings(&directory.path().join("data"))).await.unwrap();
        Self { engine, directory }
    }

    /// Settings for a database that no other test uses.
    pub fn fresh(&self) -> Settings {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Settings { database: format!("test_{number}"), ..self.engine.settings() }
    }

    pub async fn store(&self) -> Store {
        Store::open(&self.fresh()).await.unwrap()
    }
}

/// The plain client, for what only a test may do.
pub fn client(settings: &Settings) -> clickhouse::Client {
    settings.client()
}

pub fn at(seconds: u32) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(i64::from(seconds)).unwrap()
}

pub fn range(from: u32, to: u32) -> TimeRange {
    TimeRange { from: at(from), to: at(to) }
}

pub fn volume(link: &str, direction: Direction, category: &str, octets: u64) -> Volume {
    Volume {
        link: link.into(),
        direction,
        protocol: "tls".into(),
        service: "none".into(),
        category: category.into(),
        octets,
        packets: octets.div_ceil(1000),
        flows: 1,
    }
}

pub fn observation(link: &str) -> Observation {
    Observation { link: link.into(), packets: 7, active_flows: 3, ..Observation::default() }
}

pub fn batch(start: u32, volumes: Vec<Volume>, links: &[&str]) -> Batch {
    Batch {
        probe: "probe-1".into(),
        start,
        seconds: 10,
        volumes,
        round_trips: Vec::new(),
        observations: links.iter().map(|link| observation(link)).collect(),
        networks: Vec::new(),
    }
}

pub fn round_trips(link: &str, category: &str, bins: &[(u32, u64)]) -> RoundTrips {
    RoundTrips { link: link.into(), category: category.into(), bins: bins.to_vec() }
}
