//! Rows of ten seconds added up to rows of a minute: what a full spool does before it drops anything.
//!
//! Nothing is lost of the sums; what is lost is resolution. Batches that are coarser already pass
//! through as they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use etiage_aggregator::{Batch, Direction, NetworkVolume, Observation, RoundTrips, Volume};

const MINUTE: u32 = 60;

type VolumeKey = (Arc<str>, Direction, Arc<str>, Arc<str>, Arc<str>);
type NetworkKey = (Arc<str>, Direction, Arc<str>, u32);

#[derive(Default)]
struct Minute {
    volumes: BTreeMap<VolumeKey, (u64, u64, u64)>,
    round_trips: BTreeMap<(Arc<str>, Arc<str>), BTreeMap<u32, u64>>,
    observations: BTreeMap<Arc<str>, Observation>,
    /// Active flows of a link by interval: several workers' add up, several intervals' do not.
    active: BTreeMap<(Arc<str>, u32), u64>,
    networks: BTreeMap<NetworkKey, (u64, u64, u64)>,
}

/// Adds batches up; what comes out is in order of time.
#[derive(Default)]
pub(super) struct Merger {
    minutes: BTreeMap<(u32, Arc<str>), Minute>,
    others: Vec<Batch>,
}

impl Merger {
    pub(super) fn add(&mut self, batch: Batch) {
        if batch.seconds >= MINUTE || !MINUTE.is_multiple_of(batch.seconds) {
            self.others.push(batch);
            return;
        }
        let Batch { probe, start, volumes, round_trips, observations, networks, .. } = batch;
        let minute = self.minutes.entry((start - start % MINUTE, probe)).or_default();
        for row in volumes {
            let Volume { link, direction, protocol, service, category, octets, packets, flows } =
                row;
            let key = (link, direction, category, protocol, service);
            add(minute.volumes.entry(key).or_default(), (octets, packets, flows));
        }
        for row in networks {
            let NetworkVolume { link, direction, category, asn, octets, packets, flows } = row;
            let key = (link, direction, category, asn);
            add(minute.networks.entry(key).or_default(), (octets, packets, flows));
        }
        for RoundTrips { link, category, bins } in round_trips {
            let sums = minute.round_trips.entry((link, category)).or_default();
            for (bin, samples) in bins {
                let sum = sums.entry(bin).or_default();
                *sum = sum.saturating_add(samples);
            }
        }
        for seen in observations {
            let active = minute.active.entry((seen.link.clone(), start)).or_default();
            *active = active.saturating_add(seen.active_flows);
            let sum = minute.observations.entry(seen.link.clone()).or_default();
            sum.link = seen.link;
            for (sum, more) in [
                (&mut sum.packets, seen.packets),
                (&mut sum.octets, seen.octets),
                (&mut sum.dropped_kernel, seen.dropped_kernel),
                (&mut sum.late, seen.late),
                (&mut sum.table_full, seen.table_full),
                (&mut sum.unprobed_flows, seen.unprobed_flows),
                (&mut sum.half_open_evicted, seen.half_open_evicted),
                (&mut sum.sampled_packets, seen.sampled_packets),
            ] {
                *sum = sum.saturating_add(more);
            }
        }
    }

    pub(super) fn finish(self) -> Vec<Batch> {
        let merged =
            self.minutes.into_iter().map(|((start, probe), minute)| {
                let Minute { volumes, round_trips, mut observations, active, networks } = minute;
                for ((link, _), flows) in active {
                    if let Some(seen) = observations.get_mut(&link) {
                        seen.active_flows = seen.active_flows.max(flows);
                    }
                }
                let volume = |(key, sums): (VolumeKey, (u64, u64, u64))| {
                    let (link, direction, category, protocol, service) = key;
                    let (octets, packets, flows) = sums;
                    Volume { link, direction, protocol, service, category, octets, packets, flows }
                };
                let network = |(key, sums): (NetworkKey, (u64, u64, u64))| {
                    let (link, direction, category, asn) = key;
                    let (octets, packets, flows) = sums;
                    NetworkVolume { link, direction, category, asn, octets, packets, flows }
                };
                let round_trips = round_trips.into_iter().map(|((link, category), bins)| {
                    RoundTrips { link, category, bins: bins.into_iter().collect() }
                });
                Batch {
                    probe,
                    start,
                    seconds: MINUTE,
                    volumes: volumes.into_iter().map(volume).collect(),
                    round_trips: round_trips.collect(),
                    observations: observations.into_values().collect(),
                    networks: networks.into_iter().map(network).collect(),
                }
            });
        let mut all: Vec<Batch> = merged.chain(self.others).collect();
        all.sort_by_key(|batch| batch.start);
        all
    }
}

fn add(sums: &mut (u64, u64, u64), more: (u64, u64, u64)) {
    sums.0 = sums.0.saturating_add(more.0);
    sums.1 = sums.1.saturating_add(more.1);
    sums.2 = sums.2.saturating_add(more.2);
}
