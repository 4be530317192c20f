//! How the probe is doing.

use etiage_aggregator::{INTERVAL_SECS, LiveSnapshot};
use etiage_store::spool::SpoolStats;
use etiage_store::{DamageCounts, Finding, Size};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::live::{Dropped, Feed, Sight};
use super::receivers::{self, ReceiverHealth};
use super::size::{self, Sizes};
use crate::serve::tls::Certificates;
use crate::settings::{Settings, StoreKind};
use crate::timestamps::{format_time, format_unix};

/// Most pieces of damage that are told in words.
const MAX_DAMAGE: usize = 5;
/// An interval is written a few seconds after it ended; this much later something is wrong.
const MAX_LAG_SECS: i64 = 60;
/// Packets that may belong to no link before anything is made of it.
const FEW_PACKETS: u64 = 1_000;
/// One new flow in so many may go unprobed.
const UNPROBED_PART: u64 = 100;

/// How the probe is doing. Counters count from the start of the program.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// Whether everything works, or something needs a look.
    status: Status,
    /// What needs a look, in words; empty when the status is `ok`.
    reasons: Vec<String>,
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: String,
    /// When the program was started, RFC 3339, UTC.
    #[schema(example = "2026-11-21T10:00:00Z", format = DateTime)]
    started: String,
    /// The probe's name.
    #[schema(example = "probe-1")]
    probe: String,
    /// What was captured.
    capture: Capture,
    /// The flow tables.
    flows: Flows,
    /// What was learnt of names and peers.
    knowledge: Learnt,
    /// The store and the way to it.
    store: StoreHealth,
    /// Each configured link.
    links: Vec<LinkHealth>,
    /// Each receiver of alerts.
    alerts: Vec<ReceiverHealth>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// Everything works.
    Ok,
    /// Something needs a look: `reasons` says what.
    Degraded,
}

/// What was captured.
#[derive(Debug, Serialize, ToSchema)]
struct Capture {
    /// Packets received, all links together.
    packets: u64,
    /// Octets received: whole frames without FCS.
    octets: u64,
    /// Packets per second over the last second.
    packets_per_second: u64,
    /// Frames whose headers could not be decoded: counted as such.
    undecodable: u64,
    /// Packets counted in a later interval than their own.
    late: u64,
    /// Packets whose time cannot be true: counted at the time of the packet before.
    implausible_time: u64,
    /// Capture threads that cannot keep up and do not inspect new flows.
    unprobed_workers: u64,
    /// Capture threads that cannot keep up and sample new flows.
    sampling_workers: u64,
    /// Flows that were not inspected, or not to their verdict, for lack of time or memory: counted by port and
    /// by what is known of their ends.
    uninspected_flows: u64,
    /// The old name of `uninspected_flows`; it goes with version 0.2.
    unprobed_flows: u64,
    /// Flows without a verdict that made room for others under inspection. Those that were unanswered are
    /// inspected again once they are answered.
    unsettled_evicted: u64,
    /// Packets that are counted under no class: others stand for them.
    sampled_packets: u64,
    /// Packets of no configured link.
    unmapped: u64,
    /// Packets whose direction nothing told: counted as `in`.
    undetermined: u64,
    /// Packets lost.
    dropped: Dropped,
}

/// The flow tables.
#[derive(Debug, Serialize, ToSchema)]
struct Flows {
    /// Flows in the tables now.
    active: u64,
    /// Flows that the tables can hold.
    capacity: u64,
    /// Flows begun.
    started: u64,
}

/// What was learnt of names and peers.
#[derive(Debug, Serialize, ToSchema)]
struct Learnt {
    /// Host names of servers, from DNS answers.
    names: u64,
    /// Peers of peer-to-peer networks.
    peers: u64,
    /// Names, peers and the like that made room for others before they were old.
    evicted: u64,
}

/// The store and the way to it.
#[derive(Debug, Serialize, ToSchema)]
struct StoreHealth {
    /// Who runs the database.
    kind: StoreKind,
    /// The database's version.
    #[schema(example = "26.7.3.1")]
    version: String,
    /// Octets on disk, compressed; `null` while the database does not answer.
    disk_octets: Option<u64>,
    /// Rows in all tables; `null` while the database does not answer.
    disk_rows: Option<u64>,
    /// Rows that the database has not acknowledged yet.
    queued_rows: u64,
    /// Rows that the database acknowledged.
    written_rows: u64,
    /// Inserts that failed; each is repeated.
    failed_inserts: u64,
    /// Rows given up: the spool was full, or it could not be written and memory was.
    dropped_rows: u64,
    /// Octets that those rows counted.
    dropped_octets: u64,
    /// What the last insert failed with; `null` when it did not.
    last_error: Option<String>,
    /// Start of the last interval that was written, RFC 3339, UTC.
    #[schema(example = "2026-11-21T10:00:00Z", format = DateTime)]
    last_interval: Option<String>,
    /// Seconds since the end of that interval; 0 if it ends in the future, `null` before the first.
    lag_seconds: Option<i64>,
    /// What is damaged; `/api/v1/damage` says where and what to do.
    damage: DamageHealth,
    /// Rows on disk until the database has acknowledged them; `null` where they are kept in memory.
    spool: Option<SpoolHealth>,
    /// Seconds since what was acknowledged was forced to disk; `null` where the database is a server.
    mark_seconds: Option<u64>,
    /// Why it is not forced to disk again; `null` when it is.
    mark_error: Option<String>,
    /// Settings of a server with which it may lose acknowledged rows when its power is cut.
    weak_settings: Vec<String>,
}

/// What is damaged.
#[derive(Debug, Serialize, ToSchema)]
struct DamageHealth {
    /// Parts that the engine set aside or could not read.
    parts: u64,
    /// Tables that were missing.
    tables: u64,
    /// Days of tables of which rows are missing.
    missing_days: u64,
    /// Octets counted in these, over all tables.
    missing_octets: u64,
    /// Questions that failed because something could not be read.
    failed_reads: u64,
    /// Whether tables were compared with the ledger of what was written, since the start.
    compared: bool,
}

impl From<DamageCounts> for DamageHealth {
    fn from(counts: DamageCounts) -> Self {
        let DamageCounts { parts, tables, days, octets, failed_reads, compared } = counts;
        let (missing_days, missing_octets) = (days, octets);
        Self { parts, tables, missing_days, missing_octets, failed_reads, compared }
    }
}

/// The spool: rows on disk until the database has acknowledged them.
#[derive(Debug, Serialize, ToSchema)]
struct SpoolHealth {
    /// Octets that it takes.
    octets: u64,
    /// Octets that it may take.
    max_octets: u64,
    /// Batches that wait in it.
    records: u64,
    /// Their rows.
    rows: u64,
    /// Seconds since the oldest of them was taken; `null` if none waits.
    oldest_seconds: Option<i64>,
    /// Batches that the database acknowledged and has not on disk for certain: they are kept until then.
    unforced_records: u64,
    /// Acknowledged batches sent once more: the database was taken back to what was on disk.
    rewound_records: u64,
    /// Batches that it held when the program started.
    recovered_records: u64,
    /// Rows that were added up to rows of a minute: it was full.
    merged_rows: u64,
    /// Rows dropped: it was full of such rows.
    dropped_rows: u64,
    /// Files in it with damage; what is whole in them is used.
    corrupt_segments: u64,
    /// Groups of rows that the database refused for their content, set aside.
    refused_groups: u64,
    /// Rows in these.
    refused_rows: u64,
    /// Why it cannot be written, so that rows are kept in memory; `null` when it can.
    error: Option<String>,
}

/// One link's health.
#[derive(Debug, Serialize, ToSchema)]
struct LinkHealth {
    /// The link's name.
    #[schema(example = "transit-1")]
    name: String,
    /// Time of its last packet, RFC 3339, UTC; `null` before the first.
    #[schema(example = "2026-11-21T10:00:00Z", format = DateTime)]
    last_packet: Option<String>,
    /// Packets towards our network.
    in_packets: u64,
    /// Octets towards our network.
    in_octets: u64,
    /// Packets out of our network.
    out_packets: u64,
    /// Octets out of our network.
    out_octets: u64,
}

/// The probe's health as it is now.
pub(crate) async fn health(settings: &Settings, sizes: Sizes, feed: &Feed) -> Health {
    let live = settings.live.snapshot();
    // What was known of it before it went is not how it is.
    let absent = settings.store.absence();
    let size = size::known(sizes).await.filter(|_| absent.is_none());
    let store = store_health(settings, size);
    let alerts = receivers::receivers(settings);
    let mut reasons = reasons(&store, absent, &live);
    reasons.extend(damage_reasons(&settings.store.damage()));
    let event = feed.borrow().clone();
    let event = event.as_deref();
    reasons.extend(sight(&live, event.map(|event| event.sight).unwrap_or_default()));
    reasons.extend(receivers::reasons(&alerts));
    if let Some(error) = settings.certificates.as_ref().and_then(Certificates::error) {
        reasons.push(format!("the certificate before goes on being served: {error}"));
    }
    let knowledge = settings.knowledge.stats();
    let packets_per_second = event.map_or(0, |event| event.packets_per_second);
    Health {
        status: if reasons.is_empty() { Status::Ok } else { Status::Degraded },
        reasons,
        version: settings.version.to_string(),
        started: format_time(settings.started),
        probe: settings.probe.to_string(),
        capture: capture(&live, packets_per_second),
        flows: Flows {
            active: live.active_flows,
            capacity: live.flow_capacity,
            started: live.flows_started,
        },
        knowledge: Learnt {
            names: knowledge.names as u64,
            peers: knowledge.peers as u64,
            evicted: knowledge.evicted,
        },
        store,
        links: links(&live),
        alerts,
    }
}

fn store_health(settings: &Settings, size: Option<Size>) -> StoreHealth {
    let writer = settings.writer.stats();
    let now = settings.clock.now();
    let lag = |start: u32| {
        let end = i64::from(start) + i64::from(INTERVAL_SECS);
        now.unix_timestamp().saturating_sub(end).max(0)
    };
    StoreHealth {
        kind: settings.store_kind,
        version: settings.store.version().to_owned(),
        disk_octets: size.map(|size| size.bytes),
        disk_rows: size.map(|size| size.rows),
        queued_rows: writer.queued_rows,
        written_rows: writer.written_rows,
        failed_inserts: writer.failed_inserts,
        dropped_rows: writer.dropped_rows,
        dropped_octets: writer.dropped_octets,
        last_error: writer.last_error,
        last_interval: writer.last_written_interval.map(|start| format_unix(start.into())),
        lag_seconds: writer.last_written_interval.map(lag),
        damage: settings.store.damage_counts().into(),
        spool: writer.spool.map(|spool| spool_health(&spool, writer.spool_error, now)),
        mark_seconds: writer.mark.as_ref().map(|(seconds, _)| *seconds),
        mark_error: writer.mark.and_then(|(_, error)| error),
        weak_settings: settings.store.weak().to_vec(),
    }
}

fn spool_health(spool: &SpoolStats, error: Option<String>, now: OffsetDateTime) -> SpoolHealth {
    let age = |taken: u32| now.unix_timestamp().saturating_sub(taken.into()).max(0);
    SpoolHealth {
        octets: spool.bytes,
        max_octets: spool.max_bytes,
        records: spool.records,
        rows: spool.rows,
        oldest_seconds: spool.oldest.map(age),
        unforced_records: spool.unforced_records,
        rewound_records: spool.rewound_records,
        recovered_records: spool.recovered_records,
        merged_rows: spool.merged_rows,
        dropped_rows: spool.dropped_rows,
        corrupt_segments: spool.corrupt_segments,
        refused_groups: spool.refused_groups,
        refused_rows: spool.refused_rows,
        error,
    }
}

fn damage_reasons(findings: &[Finding]) -> Vec<String> {
    let mut reasons: Vec<String> =
        findings.iter().take(MAX_DAMAGE).map(|finding| format!("damage: {finding}")).collect();
    if findings.len() > MAX_DAMAGE {
        let more = findings.len() - MAX_DAMAGE;
        reasons.push(format!("damage in {more} more places: `etiage doctor` lists them"));
    }
    reasons
}

fn reasons(store: &StoreHealth, absent: Option<&'static str>, live: &LiveSnapshot) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(reason) = absent {
        reasons.push(format!("{reason}; rows are kept until it answers"));
    } else if store.disk_octets.is_none() {
        reasons.push("the store does not answer; rows are kept until it does".to_owned());
    }
    if let Some(error) = &store.last_error {
        reasons.push(format!("the last insert failed and is repeated: {error}"));
    }
    if let Some(error) = &store.mark_error {
        reasons.push(format!("what the store acknowledged cannot be forced to disk: {error}"));
    }
    if store.queued_rows > 0 && store.lag_seconds.is_some_and(|lag| lag > MAX_LAG_SECS) {
        reasons.push(format!("{} rows wait for the store", store.queued_rows));
    }
    if let Some(spool) = &store.spool {
        if let Some(error) = &spool.error {
            reasons.push(format!("{error}; rows are kept in memory"));
        }
        for (count, what) in [
            (spool.merged_rows, "rows were added up to minutes, for the spool was full"),
            (spool.corrupt_segments, "files of the spool are damaged; the rest of them is used"),
            (spool.refused_rows, "rows are refused by the database, and set aside in the spool"),
        ] {
            if count > 0 {
                reasons.push(format!("{count} {what}, since the start"));
            }
        }
    }
    // Some packets may be of none: an interface sees more than its links. All of them is a mistake.
    let received = live.received.packets;
    if received >= FEW_PACKETS && received == live.unmapped.packets {
        reasons.push(format!(
            "none of the {received} packets received belongs to a [[link]]: look at its interface, VLAN, \
             neighbour and prefixes"
        ));
    }
    for (lost, what) in [
        (store.dropped_rows, "rows were given up before the store took them"),
        (live.dropped.kernel, "packets were dropped by the kernel: the capture ring was full"),
        (live.dropped.interface, "packets were dropped by the interface or its driver"),
        (live.dropped.queue, "packets were dropped for a full queue"),
        (live.dropped.table_full, "packets found the flow table full"),
    ] {
        if lost > 0 {
            reasons.push(format!("{lost} {what}, since the start"));
        }
    }
    reasons
}

/// What the classifier does not look at.
fn sight(live: &LiveSnapshot, minute: Sight) -> Vec<String> {
    let mut reasons = Vec::new();
    for (workers, what) in [
        (live.unprobed_workers, "do not probe new flows"),
        (live.sampling_workers, "count one new flow for several"),
    ] {
        if workers > 0 {
            reasons.push(format!("{workers} capture threads cannot keep up and {what}"));
        }
    }
    let Sight { begun, unprobed } = minute;
    if unprobed.saturating_mul(UNPROBED_PART) > begun {
        let looked = begun.saturating_sub(unprobed).saturating_mul(100) / begun.max(1);
        reasons.push(format!(
            "the classifier is looking at only {looked} % of new flows: {unprobed} of {begun} in the \
             last minute were not probed, or not to their verdict, for want of time or memory"
        ));
    }
    reasons
}

fn capture(live: &LiveSnapshot, packets_per_second: u64) -> Capture {
    Capture {
        packets: live.received.packets,
        octets: live.received.octets,
        packets_per_second,
        undecodable: live.undecodable,
        late: live.late,
        implausible_time: live.implausible,
        unprobed_workers: live.unprobed_workers,
        sampling_workers: live.sampling_workers,
        uninspected_flows: live.unprobed_flows,
        unprobed_flows: live.unprobed_flows,
        unsettled_evicted: live.unsettled_evicted,
        sampled_packets: live.sampled_packets,
        unmapped: live.unmapped.packets,
        undetermined: live.undetermined,
        dropped: live.dropped.into(),
    }
}

fn links(live: &LiveSnapshot) -> Vec<LinkHealth> {
    let secs = |nanos: u64| i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX);
    let link = live.links.iter().map(|link| LinkHealth {
        name: link.name.to_string(),
        last_packet: link.last_packet.map(|nanos| format_unix(secs(nanos))),
        in_packets: link.incoming.packets,
        in_octets: link.incoming.octets,
        out_packets: link.outgoing.packets,
        out_octets: link.outgoing.octets,
    });
    link.collect()
}

#[cfg(test)]
mod tests {
    use etiage_aggregator::Live;

    use super::*;

    #[test]
    fn flows_that_are_not_looked_at_are_a_reason_from_one_in_a_hundred_on() {
        let live = Live::new(Vec::new()).snapshot();
        let reasons = |begun, unprobed| sight(&live, Sight { begun, unprobed });
        assert_eq!(reasons(0, 0), Vec::<String>::new());
        assert_eq!(reasons(60_000, 600), Vec::<String>::new());
        let [reason] = &reasons(60_000, 15_000)[..] else { panic!() };
        assert!(
            reason.starts_with("the classifier is looking at only 75 % of new flows: 15000 of")
        );
        let live = LiveSnapshot { unprobed_workers: 2, sampling_workers: 1, ..live };
        assert_eq!(sight(&live, Sight::default()).len(), 2);
    }
}
