//! How right the classifier is, on captures with truth beside them.
//!
//! Each capture is classified by itself, with nothing learnt from another, and each of its flows is
//! compared with what the truth says of it. `docs/accuracy.md` describes the forms of truth and the
//! results.

mod cut;
mod find;
mod labels;
mod measure;
mod print;
mod report;
mod tally;
mod truth;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use etiage_capture::flow::FlowKey;
use etiage_capture::{Timestamp, Transport};
use etiage_classifier::Rules;

pub use crate::cut::Cut;
use crate::find::Capture;
pub use crate::find::{Found, captures};
use crate::measure::{Measurer, Selection};
pub use crate::report::Report;
use crate::tally::Tally;

/// Why captures cannot be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder or a capture cannot be looked at.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of truth cannot be read.
    #[error("{}", path.display())]
    Truth {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: TruthError,
    },
}

/// Why a file of truth cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// It cannot be opened.
    #[error(transparent)]
    Unreadable(#[from] std::io::Error),
    /// A recording's bookkeeping is not as it should be.
    #[error(transparent)]
    Sidecar(#[from] serde_json::Error),
    /// A table is not as it should be.
    #[error(transparent)]
    Table(#[from] csv::Error),
}

/// What is evaluated, and how.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// By which flows are classified.
    pub rules: Arc<Rules>,
    /// Which packets are left out first.
    pub cut: Option<Cut>,
    /// Only flows of these kinds, as the truth calls them; all if empty.
    pub only: Vec<String>,
    /// How many of the largest wrong flows are listed.
    pub worst: usize,
    /// The system's clock, as in [`etiage_offline::Workers::new`].
    pub wall: fn() -> Timestamp,
}

impl Evaluation {
    /// Classifies captures, and compares them with their truth. A capture that cannot be read is listed as
    /// skipped.
    ///
    /// # Errors
    /// A file of truth cannot be read.
    pub fn run(&self, found: Found) -> Result<Report, Error> {
        let measurer = Measurer::new(self.rules.clone(), self.wall);
        let mut tally = Tally::new(self.rules.clone(), self.worst, found.without_truth);
        for capture in &found.captures {
            self.capture(capture, &measurer, &mut tally)?;
        }
        Ok(tally.into_report(self.cut.map(|cut| cut.to_string()), &self.only))
    }

    fn capture(
        &self,
        capture: &Capture,
        measurer: &Measurer,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        let truth = truth::read(&capture.truth)?;
        let only = (!self.only.is_empty()).then(|| truth.keys_of(&self.only));
        let selection = |cut| Selection { only: only.as_ref(), cut };
        let measured = match measurer.measure(&capture.file, &selection(self.cut)) {
            Ok(measured) => measured,
            Err(reason) => {
                tally.skip(&capture.name, reason);
                return Ok(());
            }
        };
        if self.cut.is_some()
            && let Ok(whole) = measurer.measure(&capture.file, &selection(None))
        {
            tally.compare(&whole, &measured);
        }
        tally.file(&capture.name, &truth, &measured);
        Ok(())
    }
}

/// The key by which truth and flows find each other: ports count where both sides know them.
fn key(transport: Transport, ends: [SocketAddr; 2]) -> FlowKey {
    let [mut one, mut other] = ends;
    if transport != Transport::TCP && transport != Transport::UDP {
        one.set_port(0);
        other.set_port(0);
    }
    FlowKey::new(one, other, transport, None).0
}
