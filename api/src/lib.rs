//! What other programs talk to: REST and OpenAPI, metrics, the live stream, the embedded dashboards.
//!
//! [`router`] is a function of [`ApiState`], to be tested without a socket; [`serve`] puts it on a
//! listener. The API reads its counters from the probe's shared gauges and its history from the
//! store, and keeps no books of its own. Nothing that a client sends reaches the store but as a
//! value that was checked.

mod access;
mod answers;
mod assets;
mod clock;
mod docs;
mod document;
mod guard;
mod identity;
mod params;
mod problem;
mod questions;
mod quiet;
mod router;
mod routes;
mod secret;
mod serve;
mod settings;
mod state;
mod streams;
mod timestamps;

pub use access::{
    Access, AllowedHosts, Caller, Peer, ProxyWords, Role, SECRET_HEADER, Token, TrustedProxy,
    UnusableToken, Via, Way,
};
pub use answers::live::LiveEvent;
pub use clock::Clock;
pub use etiage_detection::Detection;
pub use problem::{ApiError, ParameterError, Problem};
pub use router::{openapi, router};
pub use secret::open_to_others;
pub use serve::{
    BoundProxySocket, CertificateError, Certificates, Doors, ProxySocket, connect_pinned, serve,
};
pub use settings::{Billing, DEFAULT_MAX_STREAMS, LinkInfo, ServiceInfo, Settings, StoreKind};
pub use state::{ApiState, EventNotice};
