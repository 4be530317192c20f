//! What a flow is: protocol, service and category, with how sure that is and why.
//!
//! A [`Classifier`] is asked packet by packet while a flow is inspected; its [`FlowState`] is freed at
//! the verdict. Recognisers look at payload only; names come from the payload (SNI, Host, certificate)
//! or from what was learnt of DNS answers ([`Knowledge`]); services from a data file ([`Rules`]).
//!
//! No function here panics on data, reads a clock or waits.

mod class;
mod engine;
mod flow_state;
mod host;
mod judge;
mod knowledge;
mod lessons;
mod order;
mod ports;
pub mod problems;
mod recogniser;
pub mod recognisers;
mod rules;
mod segment;
mod service_id;
mod signs;
mod stream;
mod watch;

pub use class::{Category, Class, Confidence, Evidence, Protocol, SETTLED, UnknownWord, Verdict};
pub use engine::{Classifier, MAX_INSPECTED, Progress};
pub use flow_state::{FlowState, HEAD, Requests};
pub use knowledge::{Expected, Knowledge, KnowledgeStats, LearntName, Teacher, Trust, Turn, Word};
pub use recogniser::{Answer, Finding, FlowEnds, View};
pub use rules::{Rules, Service};
pub use service_id::ServiceId;
pub use watch::Watch;
