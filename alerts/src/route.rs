//! For whom an event is.

use std::time::Duration;

use etiage_detector::{Kind, Severity};

use crate::Event;

/// Which events go to which receivers. What is not asked for matches everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What it is called.
    pub name: String,
    /// The names of its receivers.
    pub receivers: Vec<String>,
    /// Events as bad as this, or worse.
    pub severity: Severity,
    /// Of one of these kinds; of any, where there is none.
    pub kinds: Vec<Kind>,
    /// Seen on one of these links.
    pub links: Vec<String>,
    /// In which one of these categories takes part.
    pub categories: Vec<String>,
    /// No update sooner after what was told before, unless the event has become worse; `None`: no updates.
    pub update_every: Option<Duration>,
}

impl Route {
    /// One that takes everything to these receivers.
    pub fn everything(name: &str, receivers: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            receivers,
            severity: Severity::Info,
            kinds: Vec::new(),
            links: Vec::new(),
            categories: Vec::new(),
            update_every: Some(Self::UPDATE_EVERY),
        }
    }

    /// How often there are updates unless the route says otherwise.
    pub const UPDATE_EVERY: Duration = Duration::from_secs(30 * 60);

    /// Whether an event is for this route's receivers.
    pub fn takes(&self, event: &Event) -> bool {
        let any = |wanted: &[String], found: &[String]| {
            wanted.is_empty() || wanted.iter().any(|name| found.contains(name))
        };
        event.severity >= self.severity
            && (self.kinds.is_empty() || self.kinds.contains(&event.kind))
            && any(&self.links, &event.links)
            && any(&self.categories, &event.categories)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_must_hold() {
        let event = Event::sample(0); // a warning, shutdown, on transit-1 and ix-1, direct-download
        let route = Route::everything("all", vec!["x".to_owned()]);
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert!(route.takes(&event));
        for (takes, route) in [
            (true, Route { severity: Severity::Warning, ..route.clone() }),
            (false, Route { severity: Severity::Critical, ..route.clone() }),
            (true, Route { kinds: vec![Kind::Surge, Kind::Shutdown], ..route.clone() }),
            (false, Route { kinds: vec![Kind::Surge], ..route.clone() }),
            (true, Route { links: owned(&["ix-1"]), ..route.clone() }),
            (false, Route { links: owned(&["ix-2"]), ..route.clone() }),
            (true, Route { categories: owned(&["p2p", "direct-download"]), ..route.clone() }),
            (false, Route { categories: owned(&["p2p"]), ..route.clone() }),
            (
                false,
                Route {
                    links: owned(&["ix-1"]),
                    categories: owned(&["p2p"]),
                    kinds: vec![Kind::Shutdown],
                    ..route.clone()
                },
            ),
        ] {
            assert_eq!(route.takes(&event), takes, "{route:?}");
        }
    }
}
