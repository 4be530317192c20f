//! The links of an invented ISP.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::noise::Rng;

/// What a link is, as the contract with the neighbour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Bought from a carrier: everything that comes no other way.
    Transit,
    /// Private peering with one large network.
    Pni,
    /// An exchange's port: many networks.
    Ix,
    /// A content network's cache within our walls.
    Cache,
    /// A business or a smaller ISP that buys from us.
    Customer,
    /// Between two of our own sites.
    Backbone,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Transit, Self::Pni, Self::Ix, Self::Cache, Self::Customer, Self::Backbone];

    /// The word of the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transit => "transit",
            Self::Pni => "pni",
            Self::Ix => "ix",
            Self::Cache => "cache",
            Self::Customer => "customer",
            Self::Backbone => "backbone",
        }
    }

    /// How much traffic of a weekend's day there is for what a working day has.
    pub(crate) const fn weekend(self) -> f64 {
        match self {
            Self::Customer => 0.62,
            Self::Backbone => 1.02,
            Self::Transit | Self::Ix => 1.05,
            Self::Pni | Self::Cache => 1.10,
        }
    }

    /// How many classes such a link carries that are worth a row of their own.
    pub(crate) const fn classes(self) -> usize {
        match self {
            Self::Transit => 26,
            Self::Ix => 20,
            Self::Backbone => 28,
            Self::Customer => 16,
            Self::Pni => 6,
            Self::Cache => 3,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A word that is no kind of link.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a kind of link: use transit, pni, ix, cache, customer or backbone")]
pub struct UnknownKind(pub String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// A link to simulate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSpec {
    /// Its name.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: Kind,
    /// bit/s each way.
    pub capacity_bps: u64,
    /// The neighbour; a private peering carries that network's services.
    pub neighbour_asn: Option<u32>,
}

const G: u64 = 1_000_000_000;

/// Networks that a large ISP peers with privately or hosts caches of, the largest first.
const CONTENT: [u32; 10] = [15169, 2906, 32934, 16509, 20940, 13335, 714, 8075, 54113, 32590];
/// Carriers.
const CARRIERS: [u32; 6] = [3356, 1299, 174, 2914, 3257, 6939];

/// As many links as asked for, of the kinds and capacities that an ISP of that size has. The first
/// `n` links are the same for any count of at least `n`.
pub fn links(seed: u64, count: usize) -> Vec<LinkSpec> {
    // Of twenty links: a mix in which every kind appears early.
    const KINDS: [Kind; 20] = {
        use Kind::{Backbone, Cache, Customer, Ix, Pni, Transit};
        [
            Transit, Pni, Ix, Cache, Customer, Backbone, Pni, Pni, Ix, Customer, Transit, Pni, Pni,
            Cache, Ix, Pni, Customer, Pni, Backbone, Pni,
        ]
    };
    let mut made = [0_usize; Kind::ALL.len()];
    let kinds = KINDS.into_iter().cycle().take(count);
    kinds
        .enumerate()
        .map(|(index, kind)| {
            let mut rng = Rng::new(seed, &[1, index as u64]);
            let number = made.get_mut(kind as usize).map_or(0, |made| {
                *made += 1;
                *made
            });
            LinkSpec {
                name: format!("{kind}-{number}").into(),
                kind,
                capacity_bps: capacity(kind, &mut rng),
                neighbour_asn: neighbour(kind, number - 1),
            }
        })
        .collect()
}

fn capacity(kind: Kind, rng: &mut Rng) -> u64 {
    let choices: [u64; 4] = match kind {
        Kind::Transit | Kind::Backbone => [100, 100, 200, 400],
        Kind::Pni => [10, 20, 100, 100],
        Kind::Ix => [10, 40, 100, 100],
        Kind::Cache => [10, 20, 40, 100],
        Kind::Customer => [1, 1, 10, 10],
    };
    let index = (rng.next() >> 62) as usize;
    choices.get(index).map_or(10 * G, |gigabits| gigabits * G)
}

fn neighbour(kind: Kind, number: usize) -> Option<u32> {
    let list: &[u32] = match kind {
        Kind::Transit => &CARRIERS,
        Kind::Pni | Kind::Cache => &CONTENT,
        // Numbers for documentation (RFC 5398).
        Kind::Customer => return u32::try_from(number % 16).ok().map(|number| 65_536 + number),
        Kind::Ix | Kind::Backbone => return None,
    };
    list.get(number % list.len()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_links_begin_with_the_fewer() {
        let (few, many) = (links(5, 7), links(5, 100));
        assert_eq!(few, many[..7]);
        assert_eq!(many.len(), 100);
        let mut names: Vec<_> = many.iter().map(|link| link.name.clone()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 100);
        assert!(Kind::ALL.into_iter().all(|kind| many.iter().any(|link| link.kind == kind)));
        assert!(links(5, 0).is_empty());
    }

    #[test]
    fn kinds_have_one_word() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert!("Transit".parse::<Kind>().is_err());
    }
}
