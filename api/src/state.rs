//! What the handlers know.

use std::fmt;
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
use tokio::sync::{broadcast, watch};
use utoipa::ToSchema;

use crate::access::{Access, Attempts, Sessions, Token};
use crate::cache::Cached;
use crate::clock::Clock;
use crate::guard::AllowedHosts;
use crate::live::{self, Feed};
use crate::questions::{Flights, Queue};
use crate::routes::capacity::Worked;
use crate::routes::filter::Names;
use crate::routes::overview::{Months, Overview};
use crate::serve::{Certificates, House};
use crate::size::{self, Sizes};
use crate::streams::Streams;

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

/// A transition of an event, as the live stream tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventNotice {
    /// The event's id.
    #[schema(example = "20261121-1915-3fa2")]
    pub id: String,
    /// `open` or `ended`.
    #[schema(example = "open")]
    pub state: String,
    /// What kind of event.
    #[schema(example = "shutdown")]
    pub kind: String,
    /// `info`, `warning` or `critical`.
    #[schema(example = "critical")]
    pub severity: String,
}

/// Transitions that a stream which does not keep up may miss: it is told nothing of those before.
const MAX_NOTICES: usize = 64;

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

/// The state of a running API: cheap to clone, one for all handlers.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

struct Inner {
    settings: Settings,
    feed: Feed,
    streams: Streams,
    notices: broadcast::Sender<EventNotice>,
    stop: watch::Sender<bool>,
    caches: Caches,
    sessions: Sessions,
    attempts: Attempts,
    questions: Queue,
    flights: Flights,
    sizes: Sizes,
    house: Arc<House>,
}

/// Answers that are made once for all who ask.
#[derive(Debug, Default)]
pub(crate) struct Caches {
    /// Names that only the history knows.
    pub(crate) names: Cached<Names>,
    /// The whole network on one screen.
    pub(crate) overview: Cached<Overview>,
    /// The links' percentiles of their months so far.
    pub(crate) months: Cached<Months>,
    /// When links are full.
    pub(crate) capacity: Worked,
}

impl ApiState {
    /// Starts the task behind the live view, which ends with [`ApiState::stop_streams`] or with the
    /// last clone of the state. To be called inside a tokio runtime.
    pub fn start(settings: Settings) -> Self {
        let (stop, stopped) = watch::channel(false);
        let feed = live::start(settings.live.clone(), settings.clock.clone(), stopped);
        let sizes = size::start(settings.store.clone(), stop.subscribe());
        let streams = Streams::new(settings.max_streams);
        let notices = broadcast::Sender::new(MAX_NOTICES);
        Self(Arc::new(Inner {
            settings,
            feed,
            streams,
            notices,
            stop,
            caches: Caches::default(),
            sessions: Sessions::default(),
            attempts: Attempts::default(),
            questions: Queue::default(),
            flights: Flights::default(),
            sizes,
            house: Arc::default(),
        }))
    }

    /// Tells the live streams of a transition of an event.
    pub fn announce(&self, notice: EventNotice) {
        // Nobody may be listening.
        let _ = self.0.notices.send(notice);
    }

    /// Ends all live streams, now and for good.
    pub fn stop_streams(&self) {
        self.0.stop.send_replace(true);
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// People who are logged in.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// Wrong tokens.
    pub(crate) fn attempts(&self) -> &Attempts {
        &self.0.attempts
    }

    /// Places at the database.
    pub(crate) fn questions(&self) -> &Queue {
        &self.0.questions
    }

    /// Questions under way.
    pub(crate) fn flights(&self) -> &Flights {
        &self.0.flights
    }

    /// Connections.
    pub(crate) fn house(&self) -> &Arc<House> {
        &self.0.house
    }

    /// What the database takes on disk.
    pub(crate) fn sizes(&self) -> Sizes {
        self.0.sizes.clone()
    }

    pub(crate) fn caches(&self) -> &Caches {
        &self.0.caches
    }

    pub(crate) fn feed(&self) -> Feed {
        self.0.feed.clone()
    }

    pub(crate) fn notices(&self) -> broadcast::Receiver<EventNotice> {
        self.0.notices.subscribe()
    }

    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.0.stop.subscribe()
    }

    pub(crate) fn streams(&self) -> &Streams {
        &self.0.streams
    }
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState").field("probe", &self.settings().probe).finish_non_exhaustive()
    }
}
