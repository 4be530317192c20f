//! An ISP on ordinary days, without noise: how fast what flows where.

use std::sync::Arc;

use etiage_aggregator::{Direction, OTHER_NETWORKS};

use crate::catalogue::{ACCESS, CATEGORIES, Category, Era, Service, services};
use crate::links::{Kind, LinkSpec};
use crate::noise::{Noise, Rng};
use crate::shape::WallTime;

const YEAR_SECS: f64 = 365.25 * 86_400.0;
/// No link carries more than this part of its capacity: what is beyond is lost before it is measured.
const FULL: f64 = 0.99;
/// How many networks share what goes all over the world on a link; the rest is `other`.
const FAR_NETWORKS: usize = 4;

/// What makes a world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The same seed gives the same world.
    pub seed: u64,
    /// Which services there are.
    pub era: Era,
    /// When links carry their mean rate (seconds since the Unix epoch): growth leads there and on.
    pub origin: u32,
    /// How restless traffic is.
    pub noise: Noise,
}

/// A class of traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// What it is for.
    pub category: Arc<str>,
    /// What is spoken.
    pub protocol: Arc<str>,
    /// Whose it is.
    pub service: Arc<str>,
    /// The remote network, where it is one.
    pub asn: Option<u32>,
}

/// Links and what they carry.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) settings: Settings,
    specs: Vec<LinkSpec>,
    pub(crate) models: Vec<LinkModel>,
}

/// One link's share of the world.
#[derive(Clone, Debug)]
pub(crate) struct LinkModel {
    /// Octets per second of the heavier way at the origin.
    mean: f64,
    /// Natural logarithm of the growth in a year.
    growth: f64,
    /// The most octets per second one way.
    pub(crate) most: f64,
    pub(crate) categories: Vec<CategoryShare>,
    pub(crate) classes: Vec<ClassShare>,
    /// What volumes by network are told apart by: category and network.
    pub(crate) networks: Vec<(Arc<str>, u32)>,
}

#[derive(Clone, Debug)]
pub(crate) struct CategoryShare {
    pub(crate) habits: &'static Category,
    pub(crate) name: Arc<str>,
    /// Of the link, on a flat day.
    share: f64,
}

#[derive(Clone, Debug)]
pub(crate) struct ClassShare {
    pub(crate) class: Class,
    /// Its place in the link's categories.
    pub(crate) category: usize,
    /// Of its category.
    pub(crate) share: f64,
    /// Places in the link's networks, and their part of it; the last takes the rest.
    pub(crate) networks: Vec<(usize, f64)>,
}

impl World {
    /// The world of these settings and links.
    pub fn new(settings: Settings, specs: Vec<LinkSpec>) -> Self {
        let model = |(index, spec)| LinkModel::new(&settings, index, spec);
        let models = specs.iter().enumerate().map(model).collect();
        Self { settings, specs, models }
    }

    /// The links, in their order.
    pub fn links(&self) -> &[LinkSpec] {
        &self.specs
    }

    /// The classes that a link carries, in their order.
    pub fn classes(&self, link: usize) -> impl Iterator<Item = &Class> {
        self.models.get(link).into_iter().flat_map(|model| &model.classes).map(|share| &share.class)
    }

    /// Octets per second of one of a link's classes one way, without noise and effects: what a scenario
    /// measures its own doings by. 0 for a link or a class that does not exist.
    pub fn rate(&self, at: u32, link: usize, class: usize, direction: Direction) -> f64 {
        let (Some(model), Some(spec)) = (self.models.get(link), self.specs.get(link)) else {
            return 0.0;
        };
        let Some(share) = model.classes.get(class) else { return 0.0 };
        let rates = self.category_rates(at, 0, spec, model);
        let heavy = rates.get(share.category).copied().unwrap_or_default() * share.share;
        let habits = model.categories.get(share.category).map(|category| category.habits);
        if direction == heavier(spec.kind) {
            heavy
        } else {
            heavy * habits.map_or(0.0, |habits| habits.back)
        }
    }

    /// Octets per second of the heavier way, by the link's categories.
    pub(crate) fn category_rates(
        &self,
        at: u32,
        clock_ahead: i32,
        spec: &LinkSpec,
        model: &LinkModel,
    ) -> Vec<f64> {
        let wall = WallTime::new(i64::from(at) + i64::from(clock_ahead));
        let years = (f64::from(at) - f64::from(self.settings.origin)) / YEAR_SECS;
        let total =
            model.mean * (model.growth * years).exp() * wall.of_day() * wall.of_week(spec.kind);
        let wave = |category: &CategoryShare| {
            category.share * wall.wave(category.habits.peak_hour, category.habits.swing)
        };
        let weights: Vec<f64> = model.categories.iter().map(wave).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| total * weight / sum).collect()
    }
}

/// The way that most octets go: towards people.
pub(crate) const fn heavier(kind: Kind) -> Direction {
    match kind {
        Kind::Customer => Direction::Out,
        _ => Direction::In,
    }
}

impl LinkModel {
    fn new(settings: &Settings, index: usize, spec: &LinkSpec) -> Self {
        let mut rng = Rng::new(settings.seed, &[2, index as u64]);
        let most = spec.capacity_bps as f64 / 8.0 * FULL;
        // The evening's peak is half as much again as the mean: between a quarter and nine tenths of
        // the capacity.
        let mean = spec.capacity_bps as f64 / 8.0 * rng.between(0.16, 0.60);
        // From a slight decline to half as much again in a year.
        let growth = rng.between(0.96, 1.5).ln();
        let mut model = Self {
            mean,
            growth,
            most,
            categories: Vec::new(),
            classes: Vec::new(),
            networks: Vec::new(),
        };
        model.fill(settings.era, spec, &mut rng);
        model
    }

    /// Chooses what the link carries: the heaviest of the services that such a link can have.
    fn fill(&mut self, era: Era, spec: &LinkSpec, rng: &mut Rng) {
        let far = far_networks(rng);
        let mut chosen = choose(era, spec, rng);
        chosen.sort_by(|a, b| b.1.total_cmp(&a.1));
        chosen.truncate(spec.kind.classes());
        for habits in CATEGORIES {
            let own = chosen.iter().filter(|(service, _)| service.0 == habits.name);
            let share: f64 = own.clone().map(|(_, weight)| weight).sum();
            if share <= 0.0 {
                continue;
            }
            let place = self.categories.len();
            let name: Arc<str> = habits.name.into();
            self.categories.push(CategoryShare { habits, name: name.clone(), share });
            for ((_, protocol, service, _, asn), weight) in own {
                let networks = self.networks_of(&name, *asn, &far);
                let class = Class {
                    category: name.clone(),
                    protocol: (*protocol).into(),
                    service: (*service).into(),
                    asn: (*asn > 0).then_some(*asn),
                };
                let share = weight / share;
                self.classes.push(ClassShare { class, category: place, share, networks });
            }
        }
    }

    fn networks_of(&mut self, category: &Arc<str>, asn: u32, far: &[u32]) -> Vec<(usize, f64)> {
        if asn > 0 {
            return vec![(self.network(category, asn), 1.0)];
        }
        // As Zipf has it: the second half as much as the first, the third a third.
        let parts = far.iter().zip(1..).map(|(asn, rank)| (*asn, 0.2 / f64::from(rank)));
        let parts: Vec<_> = parts.chain([(OTHER_NETWORKS, 1.0)]).collect();
        parts.into_iter().map(|(asn, part)| (self.network(category, asn), part)).collect()
    }

    fn network(&mut self, category: &Arc<str>, asn: u32) -> usize {
        let known =
            self.networks.iter().position(|(name, known)| name == category && *known == asn);
        known.unwrap_or_else(|| {
            self.networks.push((category.clone(), asn));
            self.networks.len() - 1
        })
    }
}

fn far_networks(rng: &mut Rng) -> Vec<u32> {
    let mut far = Vec::with_capacity(FAR_NETWORKS);
    while far.len() < FAR_NETWORKS {
        // The head of the list more often than its tail.
        let place = (rng.unit() * rng.unit() * ACCESS.len() as f64) as usize;
        let Some(asn) = ACCESS.get(place) else { continue };
        if !far.contains(asn) {
            far.push(*asn);
        }
    }
    far
}

/// The services that such a link can carry, each with its weight there.
fn choose(era: Era, spec: &LinkSpec, rng: &mut Rng) -> Vec<(Service, f64)> {
    let of_one_network = matches!(spec.kind, Kind::Pni | Kind::Cache)
        && services(era).iter().any(|service| Some(service.4) == spec.neighbour_asn);
    let mut chosen = Vec::new();
    for category in CATEGORIES {
        let own = services(era).iter().filter(|service| service.0 == category.name);
        let all: f64 = own.clone().map(|service| service.3).sum();
        let share = category.share(era, spec.kind).max(if of_one_network { 0.5 } else { 0.0 });
        for service in own {
            // Every link has its own taste. Drawn for all, so that no draw depends on a choice.
            let taste = (0.4 * rng.normal()).exp();
            if share > 0.0 && (!of_one_network || Some(service.4) == spec.neighbour_asn) {
                chosen.push((*service, share * service.3 / all * taste));
            }
        }
    }
    chosen
}
