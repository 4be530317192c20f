//! `[flow_records]`: whether single flows are recorded, and which.

use etiage_aggregator::{FlowRecordSettings, LocalAddresses};

use super::section::{Located, Section};
use super::units::Octets;

/// What `[flow_records]` says: which flows have a record, if any has.
pub(super) fn read(section: &mut Section<'_, '_, '_, '_>) -> Option<FlowRecordSettings> {
    let default = FlowRecordSettings::default();
    let heavy = section.parsed::<Octets>("heavy");
    let sample = section.integer("sample", (0, 1_000_000_000));
    let local = section.parsed::<LocalAddresses>("local_addresses");
    section.boolean("enabled", false).then_some(FlowRecordSettings {
        heavy: heavy.map_or(default.heavy, |Located { value: Octets(octets), .. }| octets),
        sample: sample.map_or(default.sample, |sample| sample.value as u32),
        local_addresses: local.map_or(default.local_addresses, |local| local.value),
    })
}
