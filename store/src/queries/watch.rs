//! What the detector of events asks for: every series at once, interval by interval.

use clickhouse::Row;
use etiage_detector::{Comparison, ComparisonRow, Place, Windows};
use serde::Deserialize;

use super::plan::between;
use super::{Span, TimeRange};
use crate::schema::Family;
use crate::{Error, Store, Tier};

/// Most rows of one answer: a day of 100 links in minutes, ten classes each, both ways.
const MAX_ROWS: u64 = 5_000_000;
/// Most services and networks that are watched.
const MAX_NAMES: u32 = 200;
/// Whether a link was seen: a probe may lose one packet in a hundred before what it saw is not trusted. A link
/// without a single packet, either way, has no signal: routers always say something to each other.
pub(super) const OBSERVED: &str = "(sum(packets) > 0 AND \
    sum(dropped_kernel) * 100 <= sum(packets) + sum(dropped_kernel))";

/// Octets of a link, direction and category in an interval.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct WatchedVolume {
    /// Start of the interval, in seconds since the Unix epoch.
    pub time: u32,
    /// The link's name; empty for a sum over all links.
    pub link: String,
    /// `in` or `out`.
    pub direction: String,
    /// The category; of a sum over all links the service, or the network's number.
    pub name: String,
    /// Octets.
    pub octets: u64,
}

/// How a link was watched in an interval.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub struct WatchedLink {
    /// Start of the interval.
    pub time: u32,
    /// The link's name.
    pub link: String,
    /// Whether all of it was seen: a probe reported it with any packets, and dropped no more than one in a
    /// hundred.
    pub observed: bool,
}

/// Some intervals of everything, in order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// By link, direction and category.
    pub volumes: Vec<WatchedVolume>,
    /// By direction and service, over all links.
    pub services: Vec<WatchedVolume>,
    /// By direction and network, over all links; nothing where the tier does not have them.
    pub networks: Vec<WatchedVolume>,
    /// The links, one row for each that any probe reported in an interval.
    pub links: Vec<WatchedLink>,
}

/// Which services and networks are watched. Chosen once: one that comes and goes with each look would
/// seem to fall.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchList {
    services: Vec<String>,
    networks: Vec<u32>,
}

impl WatchList {
    /// Watches these too, as far as there is room. None is given up.
    pub fn extend(&mut self, other: Self) {
        let most = MAX_NAMES as usize;
        for service in other.services {
            if self.services.len() < most && !self.services.contains(&service) {
                self.services.push(service);
            }
        }
        for network in other.networks {
            if self.networks.len() < most && !self.networks.contains(&network) {
                self.networks.push(network);
            }
        }
    }
}

/// The windows that an event is compared over, in seconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompareWindows {
    /// The hours before the onset, and from the onset on.
    pub now: [(u32, u32); 2],
    /// The same of past weeks, the latest first.
    pub past: Vec<[(u32, u32); 2]>,
}

#[derive(Row, Deserialize)]
struct Compared {
    link: String,
    direction: String,
    category: String,
    name: String,
    octets: Vec<u64>,
}

impl Store {
    /// The services and networks that carried this much on average over a range, in octets a second; the
    /// largest 200 of each.
    ///
    /// # Errors
    /// [`Error::BadQuery`], [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn watch_list(&self, range: TimeRange, floor: u64) -> Result<WatchList, Error> {
        let span = Span::new(range, Tier::Hour.secs())?;
        let octets = floor.saturating_mul(u64::from(span.to - span.from));
        let time = between(span.from, span.to);
        let list = |table: String, name: &str| {
            format!(
                "SELECT {name} AS name FROM {table} WHERE {time} GROUP BY name \
                 HAVING sum(octets) >= {octets} ORDER BY sum(octets) DESC LIMIT {MAX_NAMES}"
            )
        };
        let services = list(Family::Classes.table(Tier::Hour), "toString(service)");
        let services: Vec<String> =
            self.fetch("list the large services", self.client.query(&services)).await?;
        let networks = list(Family::Networks.table(Tier::Hour), "asn");
        let networks: Vec<u32> =
            self.fetch("list the large networks", self.client.query(&networks)).await?;
        let real = |service: &String| service != "none" && service != super::OTHER;
        Ok(WatchList {
            services: services.into_iter().filter(real).collect(),
            networks: networks.into_iter().filter(|asn| (1..u32::MAX).contains(asn)).collect(),
        })
    }

    /// Every series over a range, in the intervals of a tier.
    ///
    /// # Errors
    /// [`Error::BadQuery`], also where the answer would be too large: ask for a shorter range;
    /// [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn watch(
        &self,
        tier: Tier,
        range: TimeRange,
        list: &WatchList,
    ) -> Result<Watched, Error> {
        let span = Span::new(range, tier.secs())?;
        let time = between(span.from, span.to);
        let limit = MAX_ROWS + 1;
        let volumes = format!(
            "SELECT toUnixTimestamp(time) AS time, toString(link) AS link, \
             toString(direction) AS direction, toString(category) AS name, sum(octets) AS octets \
             FROM {} AS rows WHERE {} GROUP BY rows.time, link, direction, name \
             ORDER BY rows.time LIMIT {limit}",
            Family::Links.table(tier),
            time.replace("time ", "rows.time "),
        );
        let volumes: Vec<WatchedVolume> =
            self.fetch("read the volumes to watch", self.client.query(&volumes)).await?;
        if volumes.len() as u64 > MAX_ROWS {
            return Err(Error::BadQuery(format!(
                "more than {MAX_ROWS} rows at once: ask for a shorter range"
            )));
        }
        let over_all = |table: String, name: &str, condition: &str| {
            format!(
                "SELECT toUnixTimestamp(time) AS time, '' AS link, \
                 toString(direction) AS direction, toString({name}) AS name, \
                 sum(octets) AS octets FROM {table} AS rows WHERE {} AND {condition} \
                 GROUP BY rows.time, direction, {name} ORDER BY rows.time LIMIT {limit}",
                time.replace("time ", "rows.time "),
            )
        };
        let mut watched = Watched { volumes, ..Watched::default() };
        if !list.services.is_empty() {
            let condition = "service IN {services:Array(String)}";
            let sql = over_all(Family::Classes.table(tier), "service", condition);
            let query = self.client.query(&sql).param("services", &list.services);
            watched.services = self.fetch("read the services to watch", query).await?;
        }
        if !list.networks.is_empty() && tier <= Tier::FiveMinutes {
            // Networks have no bins of five minutes: they are added up from minutes.
            let sql = format!(
                "SELECT toUInt32(intDiv(toUnixTimestamp(rows.time), {step}) * {step}) AS time, \
                 '' AS link, toString(direction) AS direction, toString(asn) AS name, \
                 sum(octets) AS octets FROM {} AS rows \
                 WHERE {} AND asn IN {{networks:Array(UInt32)}} \
                 GROUP BY time, direction, asn ORDER BY time LIMIT {limit}",
                Family::Networks.table(Tier::Minute),
                time.replace("time ", "rows.time "),
                step = tier.secs().max(60),
            );
            let query = self.client.query(&sql).param("networks", &list.networks);
            watched.networks = self.fetch("read the networks to watch", query).await?;
        }
        let links = format!(
            "SELECT toUnixTimestamp(time) AS time, toString(link) AS link, \
             {OBSERVED} AS observed FROM {} AS rows WHERE {} GROUP BY rows.time, link \
             ORDER BY rows.time LIMIT {limit}",
            Family::Observations.table(tier),
            time.replace("time ", "rows.time "),
        );
        watched.links =
            self.fetch("read how links were watched", self.client.query(&links)).await?;
        Ok(watched)
    }

    /// The sums that an event is explained from. Weeks of which nothing is held are left out.
    ///
    /// # Errors
    /// As [`Store::watch`].
    pub async fn compare(&self, windows: &CompareWindows) -> Result<Comparison, Error> {
        let [services, networks] = COMPARED;
        Ok(Comparison {
            services: self.compare_by(windows, services).await?,
            networks: self.compare_by(windows, networks).await?,
        })
    }

    /// The statements behind [`Store::compare`].
    pub fn compare_statements(&self, windows: &CompareWindows) -> [String; 2] {
        COMPARED.map(|(family, tier, name)| compare_sql(windows, family, tier, name))
    }

    async fn compare_by(
        &self,
        windows: &CompareWindows,
        (family, tier, name): (Family, Tier, &str),
    ) -> Result<Vec<ComparisonRow>, Error> {
        let sql = compare_sql(windows, family, tier, name);
        let rows: Vec<Compared> =
            self.fetch("compare an event with past weeks", self.client.query(&sql)).await?;
        // A week of which nothing is held is no week without traffic.
        let held = |week: usize| {
            let sums = 2 + 2 * week..4 + 2 * week;
            rows.iter().any(|row| {
                row.octets.get(sums.clone()).is_some_and(|sums| sums.iter().any(|sum| *sum > 0))
            })
        };
        let weeks: Vec<usize> = (0..windows.past.len()).filter(|week| held(*week)).collect();
        let pair = |octets: &[u64], pair: usize| {
            let at = |at: usize| octets.get(at).map_or(0.0, |octets| *octets as f64);
            Windows { before: at(2 * pair), during: at(2 * pair + 1) }
        };
        let row = |row: Compared| ComparisonRow {
            now: pair(&row.octets, 0),
            past: weeks.iter().map(|week| pair(&row.octets, 1 + week)).collect(),
            place: Place {
                link: row.link.into(),
                direction: row.direction.into(),
                category: row.category.into(),
                name: row.name.into(),
            },
        };
        Ok(rows.into_iter().map(row).collect())
    }
}

/// What events are compared by: services, and networks.
const COMPARED: [(Family, Tier, &str); 2] = [
    (Family::Volumes, Tier::FiveMinutes, "service"),
    (Family::Networks, Tier::Minute, "concat('AS', asn)"),
];

fn compare_sql(windows: &CompareWindows, family: Family, tier: Tier, name: &str) -> String {
    let all: Vec<(u32, u32)> =
        windows.now.iter().chain(windows.past.iter().flatten()).copied().collect();
    let sums: Vec<String> =
        all.iter().map(|(from, to)| format!("sumIf(octets, {})", between(*from, *to))).collect();
    let any: Vec<String> = all.iter().map(|(from, to)| between(*from, *to)).collect();
    format!(
        "SELECT toString(link) AS link, toString(direction) AS direction, \
         toString(category) AS category, toString({name}) AS name, [{}] AS octets \
         FROM {} WHERE {} GROUP BY link, direction, category, name \
         ORDER BY link, direction, category, name LIMIT {MAX_ROWS}",
        sums.join(", "),
        family.table(tier),
        any.join(" OR "),
    )
}
