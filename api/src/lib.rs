//! What other programs talk to: REST and OpenAPI, metrics, the live stream, the embedded dashboards.
//!
//! [`router`] is a function of [`ApiState`], to be tested without a socket; [`serve`] puts it on a
//! listener. The API reads its counters from the probe's shared gauges and its history from the
//! store, and keeps no books of its own. Nothing that a client sends reaches the store but as a
//! value that was checked.

mod assets;
mod auth;
mod body;
mod cache;
mod clock;
mod docs;
mod export;
mod guard;
mod live;
mod params;
mod problem;
mod router;
mod routes;
mod serve;
mod state;

pub use auth::{Access, Caller, Peer, Role, TrustedProxy, Via};
pub use clock::Clock;
pub use guard::{AllowedHosts, Token, UnusableToken};
pub use live::LiveEvent;
pub use problem::{ApiError, ParameterError, Problem};
pub use router::{openapi, router};
pub use serve::serve;
pub use state::{
    ApiState, Billing, DEFAULT_MAX_STREAMS, Detection, EventNotice, LinkInfo, ServiceInfo,
    Settings, StoreKind,
};
