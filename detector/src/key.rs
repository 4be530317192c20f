//! Which series there are.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Which series. Directions are `in` or `out`, as everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "kebab-case")]
pub enum Key {
    /// A link's total.
    Link {
        /// The link.
        link: Arc<str>,
        /// Which way.
        direction: Arc<str>,
    },
    /// A category on a link.
    LinkCategory {
        /// The link.
        link: Arc<str>,
        /// Which way.
        direction: Arc<str>,
        /// The category.
        category: Arc<str>,
    },
    /// A category over all links.
    Category {
        /// Which way.
        direction: Arc<str>,
        /// The category.
        category: Arc<str>,
    },
    /// A service over all links.
    Service {
        /// Which way.
        direction: Arc<str>,
        /// The service.
        service: Arc<str>,
    },
    /// A remote network over all links.
    Network {
        /// Which way.
        direction: Arc<str>,
        /// Its AS number.
        asn: u32,
    },
}

impl Key {
    /// The link, of a series of one link.
    pub const fn link(&self) -> Option<&Arc<str>> {
        match self {
            Self::Link { link, .. } | Self::LinkCategory { link, .. } => Some(link),
            _ => None,
        }
    }

    /// Which way.
    pub const fn direction(&self) -> &Arc<str> {
        match self {
            Self::Link { direction, .. }
            | Self::LinkCategory { direction, .. }
            | Self::Category { direction, .. }
            | Self::Service { direction, .. }
            | Self::Network { direction, .. } => direction,
        }
    }
}
