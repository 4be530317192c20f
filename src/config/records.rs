//! `[flow_records]`: whether single flows are recorded, and which.

use std::str::FromStr;

use super::section::{Located, Section};
use super::units::Octets;

/// Which flows have a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlowRecordSettings {
    pub(crate) enabled: bool,
    /// Flows of so many octets and more.
    pub(crate) heavy: u64,
    /// Of the others one in so many; 0 for none.
    pub(crate) sample: u32,
    pub(crate) local_addresses: LocalAddresses,
}

impl Default for FlowRecordSettings {
    fn default() -> Self {
        let local_addresses = LocalAddresses::Truncated;
        Self { enabled: false, heavy: 10_000_000, sample: 1_000, local_addresses }
    }
}

/// How addresses of our own network are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LocalAddresses {
    /// Their /24 or /48.
    Truncated,
    /// As they are.
    Clear,
}

impl LocalAddresses {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Clear => "clear",
        }
    }
}

impl FromStr for LocalAddresses {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Truncated, Self::Clear]
            .into_iter()
            .find(|known| known.name() == text)
            .ok_or("write truncated or clear")
    }
}

pub(super) fn read(section: &mut Section<'_, '_, '_, '_>) -> FlowRecordSettings {
    let default = FlowRecordSettings::default();
    let heavy = section.parsed::<Octets>("heavy");
    let sample = section.integer("sample", (0, 1_000_000_000));
    let local = section.parsed::<LocalAddresses>("local_addresses");
    FlowRecordSettings {
        enabled: section.boolean("enabled", default.enabled),
        heavy: heavy.map_or(default.heavy, |Located { value: Octets(octets), .. }| octets),
        sample: sample.map_or(default.sample, |sample| sample.value as u32),
        local_addresses: local.map_or(default.local_addresses, |local| local.value),
    }
}
