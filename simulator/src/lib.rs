//! Plausible history of an ISP's links, to try Etiage on and to measure it with: a seed in, batches out.
//!
//! Pure: no clock, no I/O, no state outside a [`History`]. The same settings give the same batches on every
//! machine and in every version that does not say otherwise in the changelog.
//!
//! The model, from the link down to the row:
//! - a link carries its mean rate × growth × time of day (3:1 between evening and early morning) × day of
//!   the week × noise (autocorrelated and white), and never more than its capacity;
//! - categories share that by the link's kind and the hour, each with noise of its own;
//! - services share a category with heavy tails, differently on each link, and belong to networks;
//! - the way back is a fraction of the way in, by category;
//! - packets and flows follow from octets by the sizes that are usual for the category.
//!
//! What happens on top (a shutdown, an outage, a holiday) multiplies rates: see [`Effects`],
//! and [`Scenario`] for effects that are written in a file.

mod catalogue;
mod effects;
mod history;
mod links;
mod noise;
mod plan;
mod scenario;
mod shape;
mod world;

pub use catalogue::Era;
pub use effects::{Effects, Nothing, Place};
pub use history::{History, Stretch};
pub use links::{Kind, LinkSpec, UnknownKind, links};
pub use noise::Noise;
pub use plan::{Step, plan};
pub use scenario::{Scenario, UnusableScenario};
pub use world::{Class, Settings, World};
