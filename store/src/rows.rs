//! Batches as the tables' rows.

use clickhouse::Row;
use etiage_aggregator::Batch;
use serde::Serialize;

use crate::schema::Family;
use crate::tier::Tier;

/// The start of the interval that a batch belongs to, in the tier that takes it.
fn start(batch: &Batch) -> u32 {
    Tier::of_batch(batch.seconds).floor(batch.start)
}

/// A row of `volumes_…`.
#[derive(Row, Serialize)]
pub(crate) struct VolumeRow<'a> {
    time: u32,
    link: &'a str,
    direction: &'a str,
    category: &'a str,
    protocol: &'a str,
    service: &'a str,
    probe: &'a str,
    octets: u64,
    packets: u64,
    flows: u64,
}

/// A row of `networks_…`.
#[derive(Row, Serialize)]
pub(crate) struct NetworkRow<'a> {
    time: u32,
    link: &'a str,
    direction: &'a str,
    category: &'a str,
    asn: u32,
    octets: u64,
    packets: u64,
    flows: u64,
}

/// A row of `observations_…`.
#[derive(Row, Serialize)]
pub(crate) struct ObservationRow<'a> {
    time: u32,
    link: &'a str,
    probe: &'a str,
    batches: u64,
    packets: u64,
    octets: u64,
    active_flows: u64,
    dropped_kernel: u64,
    late: u64,
    table_full: u64,
    unprobed_flows: u64,
    sampled_packets: u64,
    half_open_evicted: u64,
}

/// A row of `round_trips_…`.
#[derive(Row, Serialize)]
pub(crate) struct RoundTripRow<'a> {
    time: u32,
    link: &'a str,
    category: &'a str,
    bin_us: u32,
    probe: &'a str,
    samples: u64,
}

/// How many rows, over all tables, a batch becomes.
pub(crate) fn count(batch: &Batch) -> usize {
    let bins: usize = batch.round_trips.iter().map(|round_trips| round_trips.bins.len()).sum();
    batch.volumes.len() + batch.observations.len() + batch.networks.len() + bins
}

pub(crate) fn volumes(batch: &Batch) -> impl Iterator<Item = VolumeRow<'_>> {
    batch.volumes.iter().map(|volume| VolumeRow {
        time: start(batch),
        link: &volume.link,
        direction: volume.direction.name(),
        category: &volume.category,
        protocol: &volume.protocol,
        service: &volume.service,
        probe: &batch.probe,
        octets: volume.octets,
        packets: volume.packets,
        flows: volume.flows,
    })
}

/// Networks are kept from 1 min on: a finer batch is counted in its minute.
pub(crate) fn networks(batch: &Batch) -> impl Iterator<Item = NetworkRow<'_>> {
    let tier = Family::Networks.at_least(Tier::of_batch(batch.seconds));
    batch.networks.iter().map(move |network| NetworkRow {
        time: tier.floor(batch.start),
        link: &network.link,
        direction: network.direction.name(),
        category: &network.category,
        asn: network.asn,
        octets: network.octets,
        packets: network.packets,
        flows: network.flows,
    })
}

pub(crate) fn observations(batch: &Batch) -> impl Iterator<Item = ObservationRow<'_>> {
    batch.observations.iter().map(|observation| ObservationRow {
        time: start(batch),
        link: &observation.link,
        probe: &batch.probe,
        batches: 1,
        packets: observation.packets,
        octets: observation.octets,
        active_flows: observation.active_flows,
        dropped_kernel: observation.dropped_kernel,
        late: observation.late,
        table_full: observation.table_full,
        unprobed_flows: observation.unprobed_flows,
        sampled_packets: observation.sampled_packets,
        half_open_evicted: observation.half_open_evicted,
    })
}

pub(crate) fn round_trips(batch: &Batch) -> impl Iterator<Item = RoundTripRow<'_>> {
    let tier = Family::RoundTrips.at_least(Tier::of_batch(batch.seconds));
    batch.round_trips.iter().flat_map(move |round_trips| {
        round_trips.bins.iter().map(move |&(bin_us, samples)| RoundTripRow {
            time: tier.floor(batch.start),
            link: &round_trips.link,
            category: &round_trips.category,
            bin_us,
            probe: &batch.probe,
            samples,
        })
    })
}
