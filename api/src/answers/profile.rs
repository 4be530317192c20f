//! One service or one network: where it comes in, and its share.

use std::collections::BTreeMap;

use etiage_store::{Dimension, Filter, Store, TimeRange, TotalsAnswer, TotalsQuery};
use serde::Serialize;
use utoipa::ToSchema;

use super::volumes::moved_back;
use crate::params::Back;
use crate::problem::ApiError;
use crate::timestamps::format_time;

/// One service or network over a range.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Profile {
    /// The service's name, or the network's where it is known.
    #[schema(example = "youtube")]
    pub(crate) name: Option<String>,
    /// The network's number; of networks only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) asn: Option<u32>,
    /// What the service is for, where the rules know it; of services only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) category: Option<String>,
    /// Start of the range, RFC 3339, UTC.
    #[schema(format = DateTime)]
    from: String,
    /// End of the range, exclusive, RFC 3339, UTC.
    #[schema(format = DateTime)]
    to: String,
    /// Towards our network.
    r#in: Share,
    /// Out of our network.
    out: Share,
    /// Where it crosses: the links by octets of both directions, the largest first.
    links: Vec<LinkShare>,
    /// What it is part of: its share of each of these links' traffic.
    of_links: Vec<LinkPart>,
    /// By category, the largest first.
    categories: Vec<ProfilePart>,
    /// By protocol, the largest first; of services only: of networks no protocols are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    protocols: Option<Vec<ProfilePart>>,
    /// The same earlier, where a comparison is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    previous: Option<Before>,
}

/// Octets of a direction, and the part of all.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Share {
    /// Octets.
    octets: u64,
    /// The part of all octets of that direction, from 0 to 1; `null` where there are none.
    share: Option<f64>,
}

/// A link by which it comes and goes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkShare {
    /// The link's name.
    link: String,
    /// Octets towards our network.
    in_octets: u64,
    /// Octets out of our network.
    out_octets: u64,
    /// The part of its own octets towards our network that comes by this link.
    in_share: Option<f64>,
    /// The part of its own octets out of our network that goes by this link.
    out_share: Option<f64>,
}

/// What it is of a link's traffic.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkPart {
    /// The link's name.
    link: String,
    /// The part of the link's octets towards our network.
    in_share: Option<f64>,
    /// The part of the link's octets out of our network.
    out_share: Option<f64>,
}

/// A part of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProfilePart {
    /// Of what.
    #[schema(example = "streaming")]
    name: String,
    /// Octets of both directions.
    octets: u64,
}

/// The earlier range of a comparison.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Before {
    /// Its start, RFC 3339, UTC.
    #[schema(format = DateTime)]
    from: String,
    /// Its end, exclusive.
    #[schema(format = DateTime)]
    to: String,
    /// Octets towards our network then.
    in_octets: u64,
    /// Octets out of our network then.
    out_octets: u64,
}

/// What is asked of a service or network.
pub(crate) struct Asked {
    /// Which time.
    pub(crate) range: TimeRange,
    /// What is counted at all.
    pub(crate) filter: Filter,
    /// How much earlier it is compared with.
    pub(crate) back: Option<Back>,
}

/// Octets in and out.
#[derive(Clone, Copy, Debug, Default)]
struct Both {
    inwards: u64,
    outwards: u64,
}

impl Both {
    fn add(&mut self, direction: &str, octets: u64) {
        match direction {
            "in" => self.inwards += octets,
            _ => self.outwards += octets,
        }
    }
}

fn part(of: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| of as f64 / all as f64)
}

impl Asked {
    fn totals(&self, group_by: &[Dimension], filter: &Filter) -> TotalsQuery {
        let (group_by, filter) = (group_by.to_vec(), filter.clone());
        TotalsQuery { range: self.range, group_by, filter, top: None }
    }

    /// The profile of a value of `dimension`, without its name.
    ///
    /// # Errors
    /// What the store answers; a comparison with a time before 1970.
    pub(crate) async fn profile(
        &self,
        store: &Store,
        dimension: Dimension,
        value: &str,
    ) -> Result<Profile, ApiError> {
        use Dimension::{Category, Direction, Link, Protocol};
        let own = self.filter.clone().with(dimension, value);
        let protocols = async {
            match dimension {
                Dimension::Service => store.totals(&self.totals(&[Protocol], &own)).await.map(Some),
                _ => Ok(None),
            }
        };
        let (own_query, all_query) =
            (self.totals(&[Link, Direction], &own), self.totals(&[Link, Direction], &self.filter));
        let category_query = self.totals(&[Category], &own);
        let (by_link, all, categories, protocols) = tokio::try_join!(
            store.totals(&own_query),
            store.totals(&all_query),
            store.totals(&category_query),
            protocols,
        )?;
        let previous = match self.back {
            Some(back) => Some(self.before(store, back, &own).await?),
            None => None,
        };
        let (own_sums, own_total) = sums(&by_link);
        let (all_sums, all_total) = sums(&all);
        let mut links: Vec<(&String, &Both)> = own_sums.iter().collect();
        links.sort_by_key(|(_, both)| std::cmp::Reverse(both.inwards + both.outwards));
        let of_link = |(link, both): &(&String, &Both)| {
            let whole = all_sums.get(*link).copied().unwrap_or_default();
            LinkPart {
                link: (*link).clone(),
                in_share: part(both.inwards, whole.inwards),
                out_share: part(both.outwards, whole.outwards),
            }
        };
        let crosses = |(link, both): &(&String, &Both)| LinkShare {
            link: (*link).clone(),
            in_octets: both.inwards,
            out_octets: both.outwards,
            in_share: part(both.inwards, own_total.inwards),
            out_share: part(both.outwards, own_total.outwards),
        };
        let share = |octets, all| Share { octets, share: part(octets, all) };
        Ok(Profile {
            name: None,
            asn: None,
            category: None,
            from: format_time(by_link.range.from),
            to: format_time(by_link.range.to),
            r#in: share(own_total.inwards, all_total.inwards),
            out: share(own_total.outwards, all_total.outwards),
            links: links.iter().map(crosses).collect(),
            of_links: links.iter().map(of_link).collect(),
            categories: parts(categories),
            protocols: protocols.map(parts),
            previous,
        })
    }

    async fn before(&self, store: &Store, back: Back, own: &Filter) -> Result<Before, ApiError> {
        let length = (self.range.to - self.range.from).whole_seconds();
        let range = moved_back(self.range, back.seconds(length, 1))?;
        let query = TotalsQuery { range, ..self.totals(&[Dimension::Direction], own) };
        let answer = store.totals(&query).await?;
        let mut both = Both::default();
        for row in &answer.rows {
            let direction = row.group.first().map_or("", |(_, value)| value);
            both.add(direction, row.counts.octets);
        }
        Ok(Before {
            from: format_time(answer.range.from),
            to: format_time(answer.range.to),
            in_octets: both.inwards,
            out_octets: both.outwards,
        })
    }
}

/// By link, and all together.
fn sums(answer: &TotalsAnswer) -> (BTreeMap<String, Both>, Both) {
    let (mut links, mut total) = (BTreeMap::<String, Both>::new(), Both::default());
    for row in &answer.rows {
        let [(_, link), (_, direction)] = row.group.as_slice() else { continue };
        links.entry(link.clone()).or_default().add(direction, row.counts.octets);
        total.add(direction, row.counts.octets);
    }
    (links, total)
}

fn parts(answer: TotalsAnswer) -> Vec<ProfilePart> {
    let part = |row: etiage_store::TotalsRow| {
        let name = row.group.into_iter().next().map_or_else(String::new, |(_, value)| value);
        ProfilePart { name, octets: row.counts.octets }
    };
    answer.rows.into_iter().map(part).collect()
}
