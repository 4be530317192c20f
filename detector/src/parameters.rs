//! What decides when a difference is an event; every number is the operator's to change.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::key::Key;

/// One way of being sure: the mean of so many minutes is so far below (or above) what is expected.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Minutes whose mean is taken.
    pub minutes: u16,
    /// Relative difference: 0.2 is 20 %.
    pub depth: f64,
}

/// What holds for some series instead of what holds for all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Threshold {
    /// On these links; none named: on all, and in the sums over them.
    pub links: Vec<Arc<str>>,
    /// Of these categories; none named: of links' totals.
    pub categories: Vec<Arc<str>>,
    /// What the mildest rule demands; the others change in proportion.
    pub depth: Option<f64>,
    /// What carries less is not judged, in bit/s.
    pub min_bps: Option<f64>,
    /// Whether it is not judged at all.
    pub ignore: bool,
}

/// Parameters of detection. The defaults were chosen with `make bench-events`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Weeks of the past that a baseline is made from.
    pub weeks: u8,
    /// Today's level is taken from so many minutes …
    pub level_minutes: u16,
    /// … that ended so many minutes ago, so that a fall which begins is not part of it.
    pub level_lag_minutes: u16,
    /// For a link's total: deep ones first. Any that holds is enough.
    pub total: Vec<Rule>,
    /// For anything smaller: a category of a link, a category over all links, a service, a network.
    pub part: Vec<Rule>,
    /// A difference must also be so many times the series' usual one.
    pub min_score: f64,
    /// A series of less is not judged, in bit/s.
    pub min_bps: f64,
    /// A category of less than this share of its link is not judged.
    pub min_share: f64,
    /// An event is over when for so many minutes …
    pub close_minutes: u16,
    /// … the mean difference was below this share of what the mildest rule demands, or twice the usual.
    pub close_share: f64,
    /// What has lasted so many hours is the new normal.
    pub accept_hours: u16,
    /// What begins within so many minutes of an event's onset belongs to it.
    pub join_minutes: u16,
    /// Exceptions; the first that is of a series holds for it.
    pub thresholds: Vec<Threshold>,
}

impl Default for Parameters {
    fn default() -> Self {
        let rule = |(minutes, depth)| Rule { minutes, depth };
        Self {
            weeks: 5,
            level_minutes: 210,
            level_lag_minutes: 30,
            total: [(3, 0.40), (5, 0.25), (10, 0.15), (15, 0.11), (30, 0.08)].map(rule).into(),
            part: [(3, 0.55), (5, 0.40), (10, 0.30), (15, 0.24), (30, 0.20)].map(rule).into(),
            min_score: 4.5,
            min_bps: 1e6,
            min_share: 0.02,
            close_minutes: 20,
            close_share: 0.5,
            accept_hours: 72,
            join_minutes: 60,
            thresholds: Vec::new(),
        }
    }
}

/// Parameters that contradict themselves.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{parameter} is {found}: {demand}")]
pub struct ParameterError {
    /// Which one.
    pub parameter: &'static str,
    /// What it is.
    pub found: String,
    /// What it must be.
    pub demand: &'static str,
}

/// Residuals are held for so many minutes: no rule and no search for an onset can reach further back.
pub(crate) const HELD_MINUTES: usize = 360;

/// What a series is judged by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Demands {
    pub(crate) rules: Vec<Rule>,
    /// Less than this, in octets a minute, is not judged: infinite where nothing is.
    pub(crate) floor: f64,
}

impl Threshold {
    fn is_of(&self, key: &Key) -> bool {
        let link = |link: &Arc<str>| self.links.is_empty() || self.links.contains(link);
        match key {
            Key::Link { link: own, .. } => self.categories.is_empty() && link(own),
            Key::LinkCategory { link: own, category, .. } => {
                self.categories.contains(category) && link(own)
            }
            Key::Category { category, .. } => {
                self.links.is_empty() && self.categories.contains(category)
            }
            Key::Service { .. } | Key::Network { .. } => false,
        }
    }
}

impl Parameters {
    /// What holds for a series.
    pub(crate) fn demands(&self, key: &Key) -> Demands {
        let mut rules =
            if matches!(key, Key::Link { .. }) { self.total.clone() } else { self.part.clone() };
        let own = self.thresholds.iter().find(|threshold| threshold.is_of(key));
        let mildest = rules.iter().map(|rule| rule.depth).fold(1.0, f64::min);
        if let Some(depth) = own.and_then(|own| own.depth) {
            for rule in &mut rules {
                rule.depth = (rule.depth * depth / mildest).min(1.0);
            }
        }
        let bps = own.and_then(|own| own.min_bps).unwrap_or(self.min_bps);
        let ignored = own.is_some_and(|own| own.ignore);
        let floor = if ignored { f64::INFINITY } else { bps * 60.0 / 8.0 };
        Demands { rules, floor }
    }

    /// Whether they make sense.
    ///
    /// # Errors
    /// The first that does not, and what it must be.
    pub fn check(&self) -> Result<(), ParameterError> {
        let fail =
            |parameter, found: String, demand| Err(ParameterError { parameter, found, demand });
        if !(1..=12).contains(&self.weeks) {
            return fail("weeks", self.weeks.to_string(), "from 1 to 12 are held");
        }
        if !(30..=1440).contains(&self.level_minutes) {
            return fail("level_minutes", self.level_minutes.to_string(), "from 30 to 1440");
        }
        if self.level_lag_minutes > 240 {
            return fail("level_lag_minutes", self.level_lag_minutes.to_string(), "at most 240");
        }
        for (parameter, rules) in [("total", &self.total), ("part", &self.part)] {
            if rules.is_empty() {
                return fail(parameter, "empty".into(), "at least one rule is needed");
            }
            for rule in rules {
                let minutes = (1..=120).contains(&rule.minutes);
                if !minutes || !(0.01..=1.0).contains(&rule.depth) {
                    let found = format!("{} min, {}", rule.minutes, rule.depth);
                    return fail(parameter, found, "1 to 120 minutes and a depth of 0.01 to 1");
                }
            }
        }
        if !(1.0..=100.0).contains(&self.min_score) {
            return fail("min_score", self.min_score.to_string(), "from 1 to 100");
        }
        if !(0.0..=1e15).contains(&self.min_bps) {
            return fail("min_bps", self.min_bps.to_string(), "a rate in bit/s");
        }
        if !(0.0..=1.0).contains(&self.min_share) {
            return fail("min_share", self.min_share.to_string(), "from 0 to 1");
        }
        if !(1..=180).contains(&self.close_minutes) {
            return fail("close_minutes", self.close_minutes.to_string(), "from 1 to 180");
        }
        if !(0.05..=0.95).contains(&self.close_share) {
            return fail("close_share", self.close_share.to_string(), "from 0.05 to 0.95");
        }
        if !(1..=24 * 28).contains(&self.accept_hours) {
            return fail("accept_hours", self.accept_hours.to_string(), "from 1 to 672");
        }
        if !(1..=720).contains(&self.join_minutes) {
            return fail("join_minutes", self.join_minutes.to_string(), "from 1 to 720");
        }
        for Threshold { depth, min_bps, .. } in &self.thresholds {
            if let Some(depth) = depth.filter(|depth| !(0.01..=0.95).contains(depth)) {
                return fail("depth", depth.to_string(), "from 0.01 to 0.95");
            }
            if let Some(bps) = min_bps.filter(|bps| !(0.0..=1e15).contains(bps)) {
                return fail("min_bps", bps.to_string(), "a rate in bit/s");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_make_sense_and_nonsense_is_named() {
        assert_eq!(Parameters::default().check(), Ok(()));
        let broken = Parameters { close_share: f64::NAN, ..Parameters::default() };
        assert_eq!(
            broken.check().unwrap_err().to_string(),
            "close_share is NaN: from 0.05 to 0.95"
        );
        let broken = Parameters { part: vec![], ..Parameters::default() };
        assert_eq!(broken.check().unwrap_err().parameter, "part");
    }

    #[test]
    fn the_first_threshold_that_is_of_a_series_holds() {
        let threshold = |links: &[&str], categories: &[&str]| Threshold {
            links: links.iter().map(|link| (*link).into()).collect(),
            categories: categories.iter().map(|category| (*category).into()).collect(),
            ..Threshold::default()
        };
        let parameters = Parameters {
            thresholds: vec![
                Threshold { depth: Some(0.16), ..threshold(&["a"], &[]) },
                Threshold { ignore: true, ..threshold(&[], &[]) },
                Threshold { depth: Some(0.10), ..threshold(&["a"], &["p2p"]) },
                Threshold { min_bps: Some(8e6), ..threshold(&[], &["p2p", "web"]) },
            ],
            ..Parameters::default()
        };
        let link = |link: &str| Key::Link { link: link.into(), direction: "in".into() };
        let part = |link: &str, category: &str| Key::LinkCategory {
            link: link.into(),
            direction: "in".into(),
            category: category.into(),
        };
        let of = |key: &Key| {
            let demands = parameters.demands(key);
            // Products of such numbers are seldom exact.
            ((demands.rules.last().unwrap().depth * 1e6).round() / 1e6, demands.floor)
        };
        assert_eq!(of(&link("a")), (0.16, 7.5e6));
        assert!((parameters.demands(&link("a")).rules[0].depth - 0.8).abs() < 1e-9);
        assert_eq!(of(&link("b")).1, f64::INFINITY);
        assert_eq!(of(&part("a", "p2p")), (0.10, 7.5e6));
        assert_eq!(of(&part("b", "web")), (0.20, 6e7));
        assert_eq!(of(&part("b", "voip")), (0.20, 7.5e6));
        let all = Key::Category { direction: "in".into(), category: "web".into() };
        assert_eq!(of(&all).1, 6e7);
    }
}
