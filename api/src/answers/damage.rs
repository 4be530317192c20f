//! What is wrong with what is stored.

use etiage_store::{Finding, Looking, Store};
use serde::Serialize;
use utoipa::ToSchema;

/// What is wrong with what is stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Damages {
    /// Whether it is being looked for at this moment, because somebody asked.
    looking: bool,
    /// What was found, by the last look and since the start.
    findings: Vec<Damaged>,
    /// What the last look has given up, in words.
    given_up: Vec<String>,
    /// Why the last look could not be finished; `null` if it was.
    error: Option<String>,
}

/// Something that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Damaged {
    /// `part-set-aside`, `part-damaged`, `table-missing`, `rows-missing` or `file-put-back`.
    #[schema(example = "part-set-aside")]
    kind: &'static str,
    /// The table, part or file.
    #[schema(example = "volumes_10s, part 20261122_2_2_1")]
    place: String,
    /// What is wrong with it.
    detail: String,
    /// What to do.
    advice: &'static str,
}

impl From<Finding> for Damaged {
    fn from(finding: Finding) -> Self {
        let Finding { kind, place, detail } = finding;
        Self { kind: kind.name(), place, detail, advice: kind.advice() }
    }
}

impl Damages {
    /// What is known of it now.
    pub(crate) fn of(store: &Store) -> Self {
        let Looking { now, given_up, error } = store.looking();
        let findings = store.damage().into_iter().map(Damaged::from).collect();
        Self { looking: now, findings, given_up, error }
    }
}
