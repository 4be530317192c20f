//! Who is told of an event, how, and what becomes of it.
//!
//! [`Delivery::tell`] takes a [`Transition`] of an [`Event`]. Routes say which receivers it is for; each of these
//! has an outbox of its own on disk, and a task of its own that empties it: one that is slow, hangs or is
//! away delays no other, and a restart loses nothing.
//!
//! In the order of the way:
//! 1. [`Route`]: for whom an event is.
//! 2. `queue`: what a receiver is to be told, in which order, when again, and when no more. Pure: time and
//!    chance come in.
//! 3. `outbox`: the queue's decisions on disk, before anything follows from them.
//! 4. [`Templates`]: an event in words.
//! 5. `send`: how each kind of receiver is spoken to.
//! 6. [`Delivery`]: the tasks, and what they count.
//!
//! A receiver is told a transition once; at least once where the program dies between its answer and the
//! note of it on disk, and then with the same identity, so that it can tell.

mod delivery;
mod event;
mod message;
mod outbox;
mod queue;
mod receiver;
mod route;
mod secret;
mod send;
mod template;

pub use delivery::{Delivery, Logged, ReceiverStats, Settings, Tested, test_route};
pub use etiage_detector::{Kind, Severity};
pub use event::{Event, KINDS, Part, Transition, kind_name, severity_name};
pub use outbox::OutboxError;
pub use queue::Outcome;
pub use receiver::{
    Authorization, EmailTarget, Encryption, HttpTarget, Receiver, SyslogTarget, Target, Transport,
    facility,
};
pub use route::Route;
pub use secret::Secret;
pub use template::{TemplateError, TemplatePart, Templates};
