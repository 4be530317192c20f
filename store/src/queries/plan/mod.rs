//! From which table a question is answered: the smallest family that has its dimensions, and the coarsest
//! tier that gives its resolution and holds all that there is.

mod coverage;
mod family;
mod pieces;

pub(crate) use coverage::Lookups;
use coverage::Windows;
use family::resolution;
pub(super) use pieces::between;

use super::{Dimension, Filter, Span, TimeRange};
use crate::schema::Family;
use crate::{Error, Store, Tier};

/// Where the answer is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) family: Family,
    /// The tier of a series' points; of a sum's edges.
    pub(super) tier: Tier,
    /// What is looked at, in whole steps of what `tier` has.
    pub(super) span: Span,
}

impl Store {
    /// For points or figures a step. `span` is what bounds the number of steps: [`Span::of_series`] for those that
    /// are drawn, [`Span::new`] for others.
    pub(super) async fn plan_steps(
        &self,
        family: Option<Family>,
        (group_by, filter): (&[Dimension], &Filter),
        (range, step): (TimeRange, u32),
        span: fn(TimeRange, u32) -> Result<Span, Error>,
    ) -> Result<Plan, Error> {
        let family = family.map_or_else(|| Family::with(group_by, filter), Ok)?;
        span(range, step)?; // Refused as asked for, not as answered.
        let (wanted, lifted) = family.for_step(step);
        let windows = Windows::all(span(range, lifted)?);
        let found = self.complete(filter, &windows, wanted).await?;
        let (tier, step) = match found == wanted {
            true => (wanted, lifted),
            false => family.lift(found, lifted),
        };
        Ok(Plan { family, tier, span: span(range, step)? })
    }

    /// For a sum of [`Plan::rows`].
    pub(super) async fn plan_sum(
        &self,
        group_by: &[Dimension],
        filter: &Filter,
        range: TimeRange,
    ) -> Result<Plan, Error> {
        let family = Family::with(group_by, filter)?;
        let wanted = family.at_least(resolution(range));
        let windows = Windows::ends(Span::new(range, wanted.secs())?);
        let tier = family.at_least(self.complete(filter, &windows, wanted).await?);
        Ok(Plan { family, tier, span: Span::new(range, tier.secs())? })
    }

    /// For a sum of one table's rows.
    pub(super) async fn plan_table(&self, family: Family, range: TimeRange) -> Result<Plan, Error> {
        let wanted = family.at_least(resolution(range));
        let windows = Windows::all(Span::new(range, wanted.secs())?);
        let found = self.complete(&Filter::default(), &windows, wanted).await?;
        let tier = family.at_least(found);
        Ok(Plan { family, tier, span: Span::new(range, tier.secs())? })
    }
}
