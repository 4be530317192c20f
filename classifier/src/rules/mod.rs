//! Services: whose a host name is, and what it is for.

use crate::class::Category;

/// A service's place in the rules; [`ServiceId::NONE`] for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u16);

impl ServiceId {
    /// No service is known.
    pub const NONE: Self = Self(0);
}

/// The service rules.
#[derive(Debug, Default)]
pub struct Rules {}

impl Rules {
    /// The service of a host name, by its longest known suffix.
    pub fn lookup(&self, _host: &str) -> Option<ServiceId> {
        None
    }

    /// The category of a service; `None` for [`ServiceId::NONE`].
    pub fn category(&self, _service: ServiceId) -> Option<Category> {
        None
    }

    /// The name of a service; `"none"` for [`ServiceId::NONE`].
    pub fn name(&self, _service: ServiceId) -> &str {
        "none"
    }
}
