//! Which tiers hold a range without a gap.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clickhouse::Row;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::super::{Dimension, Filter, Span, Statement};
use super::pieces::between;
use crate::schema::Family;
use crate::{Error, Store, Tier};

/// A row and its rollups become visible one after the other, within milliseconds. A tier that lacks
/// something is asked again after so long.
const SETTLE: Duration = Duration::from_millis(150);

/// Look-ups that are remembered at most.
const MAX_LOOKUPS: usize = 256;

/// Batches that tiers hold of a window: (length of the window, of the tier's interval, batches).
type Held = Vec<(u32, u32, u64)>;

/// Look-ups that found a tier to lack something, after the wait of [`SETTLE`]: if the same gap is seen again, the
/// wait is skipped: the rows are not coming.
#[derive(Debug, Default)]
pub(crate) struct Lookups(Mutex<HashMap<String, (Instant, Held)>>);

impl Lookups {
    fn has_settled(&self, lookup: &str, held: &Held, now: Instant) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let settled = |since: Instant| now.saturating_duration_since(since) >= SETTLE;
        known.get(lookup).is_some_and(|(since, known)| settled(*since) && known == held)
    }

    fn note(&self, lookup: String, held: Held, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(&lookup).is_some_and(|(_, known)| *known == held) {
            return; // Since then.
        }
        if known.len() >= MAX_LOOKUPS {
            known.clear();
        }
        known.insert(lookup, (now, held));
    }
}

impl Store {
    /// The finest tier from `wanted` on that holds all batches of these windows that coarser ones hold. A
    /// fine tier lacks what has expired, and what was never that fine: merged or imported rows.
    pub(super) async fn complete(
        &self,
        filter: &Filter,
        windows: &Windows,
        wanted: Tier,
    ) -> Result<Tier, Error> {
        if wanted == Tier::Day || windows.hours.is_empty() && windows.days.is_empty() {
            return Ok(wanted);
        }
        let lookup = lookup(filter, windows, wanted)?;
        let held = self.ask_held(&lookup).await?;
        let found = finest(&held, wanted);
        let name = format!("{lookup:?}");
        if found == wanted || self.lookups.has_settled(&name, &held, Instant::now()) {
            return Ok(found);
        }
        sleep(SETTLE).await;
        let held = self.ask_held(&lookup).await?;
        let found = finest(&held, wanted);
        if found != wanted {
            self.lookups.note(name, held, Instant::now());
        }
        Ok(found)
    }

    async fn ask_held(&self, lookup: &Statement) -> Result<Held, Error> {
        #[derive(Row, Deserialize)]
        struct HeldRow {
            window: u32,
            tier: u32,
            batches: u64,
        }
        let held: Vec<HeldRow> = self.ask("look up which rows it holds", lookup.clone()).await?;
        let mut held: Held =
            held.into_iter().map(|row| (row.window, row.tier, row.batches)).collect();
        held.sort_unstable();
        Ok(held)
    }
}

/// Asks for the batches that each tier holds of these windows.
fn lookup(filter: &Filter, windows: &Windows, wanted: Tier) -> Result<Statement, Error> {
    let filter = filter.only(&[Dimension::Link, Dimension::Probe]);
    let condition = filter.condition()?;
    // Tiers are compared over whole hours, hours and days over whole days.
    let mut selects = Vec::new();
    for (window, finest, windows) in
        [(Tier::Hour, wanted, &windows.hours), (Tier::Day, Tier::Hour, &windows.days)]
    {
        if windows.is_empty() {
            continue;
        }
        let windows = windows.join(" OR ");
        for tier in Tier::ALL.into_iter().filter(|tier| (finest..=window).contains(tier)) {
            selects.push(format!(
                "SELECT toUInt32({}) AS window, toUInt32({}) AS tier, sum(batches) AS batches \
                     FROM {} WHERE ({windows}){condition}",
                window.secs(),
                tier.secs(),
                Family::Observations.table(tier),
            ));
        }
    }
    filter.bind(Statement::new(selects.join(" UNION ALL ")))
}

/// The finest tier from `wanted` on that lacks nothing.
fn finest(held: &Held, wanted: Tier) -> Tier {
    let batches = |window: Tier, tier: Tier| {
        let row = held.iter().find(|row| row.0 == window.secs() && row.1 == tier.secs());
        row.map_or(0, |row| row.2)
    };
    if batches(Tier::Day, Tier::Hour) < batches(Tier::Day, Tier::Day) {
        return Tier::Day;
    }
    let all = batches(Tier::Hour, Tier::Hour);
    let fine = Tier::ALL.into_iter().filter(|tier| (wanted..Tier::Hour).contains(tier));
    fine.into_iter().find(|tier| batches(Tier::Hour, *tier) >= all).unwrap_or(Tier::Hour)
}

/// Conditions for the whole hours over which tiers finer than an hour must agree with it, and for the
/// whole days over which hours must agree with days.
pub(super) struct Windows {
    hours: Vec<String>,
    days: Vec<String>,
}

impl Windows {
    /// Everything that a span touches: for who reads all of it from one tier.
    pub(super) fn all(span: Span) -> Self {
        let around = |window: Tier| {
            let last = window.floor(span.to.saturating_sub(1));
            vec![between(window.floor(span.from), last.saturating_add(window.secs()))]
        };
        Self { hours: around(Tier::Hour), days: around(Tier::Day) }
    }

    /// Where a span begins and ends within an hour or a day: for who reads all the rest from coarser tiers.
    pub(super) fn ends(span: Span) -> Self {
        let around = |window: Tier| {
            let inside = |end: &u32| !end.is_multiple_of(window.secs());
            let starts: BTreeSet<u32> = [span.from, span.to]
                .into_iter()
                .filter(inside)
                .map(|end| window.floor(end))
                .collect();
            let whole = |start| between(start, start.saturating_add(window.secs()));
            starts.into_iter().map(whole).collect()
        };
        Self { hours: around(Tier::Hour), days: around(Tier::Day) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lacked_the_same_a_while_ago_is_not_waited_for() {
        let lookups = Lookups::default();
        let (held, now) = (vec![(3_600, 60, 5), (3_600, 3_600, 6)], Instant::now());
        let later = now + SETTLE;
        assert!(!lookups.has_settled("a", &held, later), "never looked up");
        lookups.note("a".to_owned(), held.clone(), now);
        assert!(
            !lookups.has_settled("a", &held, now),
            "just now: what is missing may be on its way"
        );
        lookups.note("a".to_owned(), held.clone(), later);
        assert!(lookups.has_settled("a", &held, later), "since the first time");
        assert!(!lookups.has_settled("b", &held, later), "another window");
        let more = vec![(3_600, 60, 5), (3_600, 3_600, 7)];
        assert!(!lookups.has_settled("a", &more, later), "something has come");
        for number in 0..2 * MAX_LOOKUPS {
            lookups.note(number.to_string(), held.clone(), now);
        }
        assert!(lookups.0.lock().unwrap().len() <= MAX_LOOKUPS);
    }
}
