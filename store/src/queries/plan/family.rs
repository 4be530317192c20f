//! Which tables have a question's dimensions, and which tiers its resolution.

use std::collections::BTreeSet;

use super::super::{Dimension, Filter, TimeRange};
use crate::schema::Family;
use crate::{Error, Tier};

impl Family {
    /// The smallest family of volumes that has all these dimensions.
    pub(super) fn with(group_by: &[Dimension], filter: &Filter) -> Result<Self, Error> {
        use Dimension::{Asn, Category, Direction, Link, Probe, Protocol, Service};
        let used: BTreeSet<_> = group_by.iter().copied().chain(filter.dimensions()).collect();
        let only = |known: &[Dimension]| used.iter().all(|dimension| known.contains(dimension));
        if used.contains(&Asn) {
            return match only(&[Link, Direction, Category, Asn]) {
                true if !used.contains(&Link) => Ok(Self::Asns),
                true => Ok(Self::Networks),
                false => Err(Error::BadQuery(
                    "networks are known by link, direction and category only: leave out asn, or \
                     protocol, service and probe"
                        .to_owned(),
                )),
            };
        }
        Ok(match () {
            () if only(&[Direction, Category, Protocol, Service]) => Self::Classes,
            () if only(&[Link, Direction]) => Self::Loads,
            () if only(&[Link, Direction, Category]) => Self::Links,
            () if only(&[Link, Direction, Category, Protocol, Service, Probe]) => Self::Volumes,
            () => Self::Networks,
        })
    }

    /// The coarsest tier from which steps of this length can be added up, and the step: where it is finer
    /// than anything there is, the next longer one.
    pub(super) fn for_step(self, step: u32) -> (Tier, u32) {
        let fitting = self.tiers().iter().rev().find(|tier| step.is_multiple_of(tier.secs()));
        match fitting {
            Some(tier) => (*tier, step),
            None => self.lift(self.at_least(Tier::TenSeconds), step),
        }
    }

    /// The step in whole intervals of a tier.
    pub(super) fn lift(self, tier: Tier, step: u32) -> (Tier, u32) {
        let tier = self.at_least(tier);
        (tier, step.div_ceil(tier.secs()).saturating_mul(tier.secs()))
    }
}

/// How exact the ends of a sum are: to a few thousandths of its range at worst. Finer ends would be read
/// from many more rows than all the rest.
pub(super) fn resolution(range: TimeRange) -> Tier {
    match (range.to - range.from).whole_hours() {
        ..6 => Tier::TenSeconds,
        6..48 => Tier::Minute,
        48..336 => Tier::FiveMinutes,
        _ => Tier::Hour,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(dimensions: &[Dimension]) -> Filter {
        dimensions.iter().fold(Filter::default(), |filter, own| filter.with(*own, "1"))
    }

    #[test]
    fn the_smallest_family_answers() {
        use Dimension::{Asn, Category, Direction, Link, Probe, Protocol, Service};
        for (group_by, only, family) in [
            (&[][..], &[][..], Family::Classes),
            (&[Category, Direction], &[], Family::Classes),
            (&[Service], &[Protocol], Family::Classes),
            (&[Category], &[Link], Family::Links),
            (&[Link, Category], &[], Family::Links),
            (&[Link, Direction], &[], Family::Loads),
            (&[], &[Link], Family::Loads),
            (&[Service], &[Link], Family::Volumes),
            (&[Probe], &[], Family::Volumes),
            (&[Asn], &[], Family::Asns),
            (&[Asn, Category], &[Direction], Family::Asns),
            (&[Asn, Link], &[], Family::Networks),
            (&[Category], &[Asn, Link], Family::Networks),
        ] {
            assert_eq!(Family::with(group_by, &filter(only)).unwrap(), family, "{group_by:?}");
        }
        for wrong in [Protocol, Service, Probe] {
            assert!(Family::with(&[Asn], &filter(&[wrong])).is_err());
            assert!(Family::with(&[wrong, Asn], &filter(&[])).is_err());
        }
    }

    #[test]
    fn the_coarsest_tier_that_fits_the_step() {
        for (family, step, tier, lifted) in [
            (Family::Classes, 10, Tier::TenSeconds, 10),
            (Family::Classes, 90, Tier::TenSeconds, 90),
            (Family::Classes, 900, Tier::FiveMinutes, 900),
            (Family::Classes, 21_600, Tier::Hour, 21_600),
            (Family::Classes, 604_800, Tier::Day, 604_800),
            (Family::Networks, 10, Tier::Minute, 60),
            (Family::Networks, 90, Tier::Minute, 120),
            (Family::Networks, 300, Tier::Minute, 300),
            (Family::RoundTrips, 300, Tier::Minute, 300),
        ] {
            assert_eq!(family.for_step(step), (tier, lifted), "{family:?} {step}");
        }
        assert_eq!(Family::Classes.lift(Tier::Hour, 90), (Tier::Hour, 3_600));
        assert_eq!(Family::Classes.lift(Tier::Hour, 5_400), (Tier::Hour, 7_200));
    }
}
