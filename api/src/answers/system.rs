//! How the system itself is doing, over time and in detail.

use etiage_store::{Error, LossPoint, Losses, ProbeReport, Store, TableSize, TimeRange};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::health::Health;
use crate::problem::chain;
use crate::timestamps::{format_time, format_unix};

/// How the system itself is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct System {
    /// Start of the range of `probes` and `drops`, RFC 3339, UTC.
    #[schema(format = DateTime)]
    from: String,
    /// End of the range, exclusive.
    #[schema(format = DateTime)]
    to: String,
    /// What /api/v1/health says.
    health: Health,
    /// The probes that reported within the range; `null` while the database does not answer.
    probes: Option<Vec<Probe>>,
    /// What was received and lost over time; `null` while the database does not answer.
    drops: Option<Drops>,
    /// The database's tables, the largest first; `null` while it does not answer.
    tables: Option<Vec<Table>>,
    /// Live streams.
    streams: Streams,
    /// People who are logged in.
    sessions: usize,
}

/// What a probe reported over the range.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Probe {
    /// Its name.
    #[schema(example = "probe-1")]
    probe: String,
    /// Start of its last interval, RFC 3339, UTC.
    #[schema(format = DateTime)]
    last_interval: String,
    /// Seconds since then.
    seconds_since: i64,
    /// Packets received.
    packets: u64,
    /// Octets received.
    octets: u64,
    /// Packets that the kernel dropped.
    dropped_kernel: u64,
    /// Packets counted in a later interval than their own.
    late: u64,
    /// Packets whose flow the full table did not take.
    table_full: u64,
    /// Flows that were not inspected, for lack of time or memory.
    uninspected_flows: u64,
    /// The old name of `uninspected_flows`; it goes with version 0.2.
    unprobed_flows: u64,
    /// Packets that others stood for.
    sampled_packets: u64,
}

/// What was received and lost over time; `null` in buckets that were not watched.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Drops {
    /// Length of a bucket in seconds.
    step_seconds: u32,
    /// Start of each bucket, RFC 3339, UTC.
    buckets: Vec<String>,
    /// Packets received.
    packets: Vec<Option<u64>>,
    /// Packets that the kernel dropped.
    dropped_kernel: Vec<Option<u64>>,
    /// Packets counted in a later interval than their own.
    late: Vec<Option<u64>>,
    /// Packets whose flow the full table did not take.
    table_full: Vec<Option<u64>>,
    /// Flows that were not inspected.
    uninspected_flows: Vec<Option<u64>>,
    /// The old name of `uninspected_flows`; it goes with version 0.2.
    unprobed_flows: Vec<Option<u64>>,
    /// Packets that others stood for.
    sampled_packets: Vec<Option<u64>>,
}

/// A table of the database.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Table {
    /// Its name.
    #[schema(example = "volumes_10s")]
    table: String,
    /// Its rows.
    rows: u64,
    /// Octets on disk, compressed.
    octets: u64,
    /// Start of its oldest interval, RFC 3339, UTC; `null` where it has none.
    oldest: Option<String>,
    /// Start of its newest interval.
    newest: Option<String>,
}

/// Live streams.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Streams {
    /// Open now.
    pub(crate) open: usize,
    /// That may be open at the same time.
    pub(crate) limit: usize,
}

/// What only the database knows; each is `None` where it did not answer.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    probes: Option<Vec<ProbeReport>>,
    losses: Option<Losses>,
    tables: Option<Vec<TableSize>>,
}

impl Stored {
    /// Asks for it all, losses by `step` seconds.
    pub(crate) async fn read(store: &Store, range: TimeRange, step: u32) -> Self {
        let (probes, losses, tables) =
            tokio::join!(store.probes(range), store.losses(range, step), store.tables());
        Self { probes: known(probes), losses: known(losses), tables: known(tables) }
    }
}

impl System {
    pub(crate) fn new(
        (range, now): (TimeRange, OffsetDateTime),
        health: Health,
        stored: Stored,
        streams: Streams,
        sessions: usize,
    ) -> Self {
        let Stored { probes, losses, tables } = stored;
        Self {
            from: format_time(range.from),
            to: format_time(range.to),
            health,
            probes: probes.map(|probes| probes.into_iter().map(|own| probe(own, now)).collect()),
            drops: losses.map(|losses| drops(&losses)),
            tables: tables.map(|tables| tables.into_iter().map(table).collect()),
            streams,
            sessions,
        }
    }
}

/// What the database answered, if it did.
fn known<T>(answer: Result<T, Error>) -> Option<T> {
    answer.map_err(|error| tracing::debug!("api: system: {}", chain(&error))).ok()
}

fn probe(report: ProbeReport, now: OffsetDateTime) -> Probe {
    Probe {
        probe: report.name,
        last_interval: format_unix(report.last_interval.into()),
        seconds_since: now.unix_timestamp().saturating_sub(report.last_interval.into()).max(0),
        packets: report.packets,
        octets: report.octets,
        dropped_kernel: report.dropped_kernel,
        late: report.late,
        table_full: report.table_full,
        uninspected_flows: report.unprobed_flows,
        unprobed_flows: report.unprobed_flows,
        sampled_packets: report.sampled_packets,
    }
}

fn drops(losses: &Losses) -> Drops {
    let step = i64::from(losses.step_secs.max(1));
    let (from, to) = (losses.range.from.unix_timestamp(), losses.range.to.unix_timestamp());
    let mut drops = Drops { step_seconds: losses.step_secs, ..Drops::default() };
    let mut points = losses.points.iter().peekable();
    let mut at = from;
    while at < to {
        let point = points.next_if(|point| i64::from(point.bucket) == at);
        drops.buckets.push(format_unix(at));
        let mut push = |values: fn(&mut Drops) -> &mut Vec<Option<u64>>,
                        of: fn(&LossPoint) -> u64| {
            values(&mut drops).push(point.map(of));
        };
        push(|drops| &mut drops.packets, |point| point.packets);
        push(|drops| &mut drops.dropped_kernel, |point| point.dropped_kernel);
        push(|drops| &mut drops.late, |point| point.late);
        push(|drops| &mut drops.table_full, |point| point.table_full);
        push(|drops| &mut drops.uninspected_flows, |point| point.unprobed_flows);
        push(|drops| &mut drops.unprobed_flows, |point| point.unprobed_flows);
        push(|drops| &mut drops.sampled_packets, |point| point.sampled_packets);
        at += step;
    }
    drops
}

fn table(size: TableSize) -> Table {
    let time = |seconds: u32| (seconds > 0).then(|| format_unix(seconds.into()));
    Table {
        table: size.name,
        rows: size.rows,
        octets: size.octets,
        oldest: time(size.oldest),
        newest: time(size.newest),
    }
}
