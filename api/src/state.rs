//! What the handlers know.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{broadcast, watch};
use utoipa::ToSchema;

use crate::access::{Attempts, Sessions};
use crate::answers::cache::Cached;
use crate::answers::capacity::Worked;
use crate::answers::completions::Names;
use crate::answers::live::{self, Feed};
use crate::answers::overview::{Months, Overview};
use crate::answers::size::{self, Sizes};
use crate::questions::{Flights, Queue};
use crate::serve::house::House;
use crate::settings::Settings;
use crate::streams::Streams;

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
