//! What the API is told by the program it is part of.

use std::sync::Arc;

use etiage_aggregator::Live;
use etiage_aggregator::networks::SharedNetworks;
use etiage_alerts::Delivery;
use etiage_classifier::{Knowledge, Rules};
use etiage_detection::{Detection, History};
use etiage_planner::Tariff;
use etiage_store::{FlowRecords, Store, WriterHandle};
use serde::Serialize;
use time::{OffsetDateTime, UtcOffset};
use utoipa::ToSchema;

use crate::access::{Access, AllowedHosts, Token};
use crate::clock::Clock;
use crate::serve::tls::Certificates;

/// Everything the API is told by the program it is part of.
#[derive(Clone)]
pub struct Settings {
    /// Where the history is.
    pub store: Store,
    /// Who runs the database.
    pub store_kind: StoreKind,
    /// What writes the history.
    pub writer: WriterHandle,
    /// What the probe counts.
    pub live: Arc<Live>,
    /// What the probe has learnt of names and peers.
    pub knowledge: Arc<Knowledge>,
    /// The configured links.
    pub links: Vec<LinkInfo>,
    /// The services that the rules know.
    pub services: Vec<ServiceInfo>,
    /// The probe's name.
    pub probe: Arc<str>,
    /// The program's version.
    pub version: Arc<str>,
    /// When the program was started.
    pub started: OffsetDateTime,
    /// The operators' token, if any.
    pub token: Option<Token>,
    /// Who else is known, and how.
    pub access: Access,
    /// What it proves by who it is, where it speaks TLS itself.
    pub certificates: Option<Certificates>,
    /// The host names that the API answers for.
    pub hosts: AllowedHosts,
    /// Whose addresses are whose, for the networks' names.
    pub networks: Arc<SharedNetworks>,
    /// What `now` is.
    pub clock: Clock,
    /// How many live streams may be open at the same time.
    pub max_streams: usize,
    /// What events are judged by: the expectation that charts show is made with it.
    pub detection: Detection,
    /// Who is told of events, where anybody is.
    pub alerts: Option<Delivery>,
    /// What writes records of flows, where they are kept.
    pub flow_records: Option<FlowRecords>,
}

impl Settings {
    /// What charts and evidence are made of.
    pub(crate) fn history(&self) -> History {
        History {
            store: self.store.clone(),
            probe: self.probe.clone(),
            links: self.links.iter().map(|link| link.name.as_str().into()).collect(),
            detection: self.detection.clone(),
        }
    }
}

/// Enough live streams for every screen of an operations centre.
pub const DEFAULT_MAX_STREAMS: usize = 256;

/// Who runs the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// The embedded engine, a process of our own.
    Embedded,
    /// A configured ClickHouse server.
    Server,
}

/// One configured link.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LinkInfo {
    /// The link's name.
    #[schema(example = "transit-1")]
    pub name: String,
    /// What the link is: `transit`, `pni`, `ix`, `cache`, `customer` or `backbone`.
    #[schema(example = "transit")]
    pub kind: String,
    /// Capacity in bit/s, each way.
    #[schema(example = 10_000_000_000_u64)]
    pub capacity_bps: Option<u64>,
    /// The neighbour's autonomous system number.
    #[schema(example = 64_500)]
    pub neighbour_asn: Option<u32>,
    /// The most that was agreed to go out, as a multiple of what comes in.
    #[schema(example = 2.0)]
    pub ratio_policy: Option<f64>,
    /// Free text.
    pub description: String,
    /// What its contract says; not told.
    #[serde(skip)]
    #[schema(ignore)]
    pub billing: Billing,
}

/// How a link is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Billing {
    /// What its months cost, where they do.
    pub tariff: Option<Tariff>,
    /// By whose clock they begin.
    pub offset: UtcOffset,
}

impl Default for Billing {
    fn default() -> Self {
        Self { tariff: None, offset: UtcOffset::UTC }
    }
}

/// A service that the rules know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ServiceInfo {
    /// The service's name.
    #[schema(example = "1fichier")]
    pub name: String,
    /// What it is for.
    #[schema(example = "direct-download")]
    pub category: String,
}

impl ServiceInfo {
    /// All services of the rules, by name.
    pub fn of(rules: &Rules) -> Vec<Self> {
        let info = rules.services().map(|service| Self {
            name: service.name.to_string(),
            category: service.category.name().to_owned(),
        });
        let mut services: Vec<Self> = info.collect();
        services.sort_by(|a, b| a.name.cmp(&b.name));
        services
    }
}
