//! Metrics for Prometheus: the same counters that the live view reads, no second set of books.

use std::fmt;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use etiage_aggregator::{LiveSnapshot, PROBE_LENGTH_BINS, Step};
use etiage_alerts::{Delivery, ReceiverStats};
use etiage_classifier::KnowledgeStats;
use etiage_store::spool::SpoolStats;
use etiage_store::{DamageCounts, Dropped, FlowRecordStats, FlowRecords, WriterStats};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::served::Served;
use crate::params::RawPairs;
use crate::problem::{ApiError, UnknownParameter};
use crate::state::ApiState;

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Counters and gauges for Prometheus, as OpenMetrics text.
///
/// Counters count from the start of the program. Octets are whole frames on the wire, without FCS.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "now",
    responses(
        (status = 200, description = "OpenMetrics text; the older text format where that is not asked for",
         content((String = "application/openmetrics-text"), (String = "text/plain"))),
        UnknownParameter,
    )
)]
pub(crate) async fn metrics(
    State(state): State<ApiState>,
    RawPairs(pairs): RawPairs,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    pairs.finish()?;
    let settings = state.settings();
    let mut registry = Registry::with_prefix("etiage");
    registry.register_collector(Box::new(Snapshot {
        live: settings.live.snapshot(),
        writer: settings.writer.stats(),
        dropped: settings.store.dropped(),
        damage: settings.store.damage_counts(),
        knowledge: settings.knowledge.stats(),
        version: settings.version.to_string(),
        probe: settings.probe.to_string(),
        started: settings.started.unix_timestamp(),
        streams: state.streams().count() as u64,
        served: Served::of(&state),
        receivers: settings.alerts.as_ref().map(Delivery::stats).unwrap_or_default(),
        flow_records: settings.flow_records.as_ref().map(FlowRecords::stats),
    }));
    let mut body = String::with_capacity(8 * 1024);
    text::encode(&mut body, &registry).map_err(|error| ApiError::Internal(error.into()))?;
    let accepted = request.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let open = accepted.is_some_and(|accept| accept.contains("application/openmetrics-text"));
    let kind = if open { OPEN_METRICS } else { PLAIN };
    Ok(([(header::CONTENT_TYPE, kind)], body).into_response())
}

/// Everything that is told, at one moment.
#[derive(Debug)]
struct Snapshot {
    live: LiveSnapshot,
    writer: WriterStats,
    dropped: Dropped,
    damage: DamageCounts,
    knowledge: KnowledgeStats,
    version: String,
    probe: String,
    started: i64,
    streams: u64,
    served: Served,
    receivers: Vec<ReceiverStats>,
    /// Where flows are recorded.
    flow_records: Option<FlowRecordStats>,
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

/// One metric with the values of all its label sets.
fn family<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    kind: MetricType,
    (name, help): (&str, &str),
    values: impl IntoIterator<Item = (Labels<'a>, u64)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
    for (labels, value) in values {
        if labels.is_empty() {
            sample(&mut metric, kind, value)?;
        } else {
            sample(&mut metric.encode_family(&labels.as_slice())?, kind, value)?;
        }
    }
    Ok(())
}

/// One value of a counter or, for any other type, a gauge.
fn sample(metric: &mut MetricEncoder<'_>, kind: MetricType, value: u64) -> fmt::Result {
    match kind {
        MetricType::Counter => metric.encode_counter::<Labels<'_>, _, u64>(&value, None),
        _ => metric.encode_gauge(&value),
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        let build = vec![("version", self.version.as_str()), ("probe", self.probe.as_str())];
        let info = ("build_info", "The program that answers");
        family(encoder, MetricType::Gauge, info, [(build, 1)])?;
        let started = u64::try_from(self.started).unwrap_or(0);
        let start = ("start_time_seconds", "When the program started, Unix time");
        family(encoder, MetricType::Gauge, start, [(vec![], started)])?;
        self.links(encoder)?;
        self.categories(encoder)?;
        self.capture(encoder)?;
        self.flows(encoder)?;
        self.engine(encoder)?;
        self.alerts(encoder)?;
        self.flow_records(encoder)?;
        self.served(encoder)?;
        self.store(encoder)
    }
}

impl Snapshot {
    fn links(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let both = self.live.links.iter().flat_map(|link| {
            let labels = |way| vec![("link", &*link.name), ("direction", way)];
            [(labels("in"), link.incoming), (labels("out"), link.outgoing)]
        });
        let both: Vec<_> = both.collect();
        let packets = both.iter().map(|(labels, counted)| (labels.clone(), counted.packets));
        let octets = both.iter().map(|(labels, counted)| (labels.clone(), counted.octets));
        let name = ("packets", "Packets that crossed a link");
        family(encoder, MetricType::Counter, name, packets)?;
        let name = ("octets", "Octets that crossed a link");
        family(encoder, MetricType::Counter, name, octets)?;
        let nanos = self.live.links.iter().filter_map(|link| Some((link, link.last_packet?)));
        let last = nanos.map(|(link, nanos)| (vec![("link", &*link.name)], nanos / 1_000_000_000));
        let name =
            ("link_last_packet_timestamp_seconds", "Time of a link's last packet, Unix time");
        family(encoder, MetricType::Gauge, name, last)
    }

    fn categories(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let both = self.live.categories.iter().flat_map(|gauge| {
            let labels = |way| vec![("category", gauge.category.name()), ("direction", way)];
            [(labels("in"), gauge.incoming), (labels("out"), gauge.outgoing)]
        });
        let both: Vec<_> = both.collect();
        let packets = both.iter().map(|(labels, counted)| (labels.clone(), counted.packets));
        let octets = both.iter().map(|(labels, counted)| (labels.clone(), counted.octets));
        let name = ("class_packets", "Packets counted under a category");
        family(encoder, MetricType::Counter, name, packets)?;
        let name = ("class_octets", "Octets counted under a category");
        family(encoder, MetricType::Counter, name, octets)
    }

    fn capture(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let live = &self.live;
        for (name, help, value) in [
            ("received_packets", "Packets received, all links together", live.received.packets),
            ("received_octets", "Octets received, all links together", live.received.octets),
            ("unmapped_packets", "Packets of no configured link", live.unmapped.packets),
            ("unmapped_octets", "Octets of no configured link", live.unmapped.octets),
            (
                "undetermined_packets",
                "Packets whose direction nothing told: counted as in",
                live.undetermined,
            ),
            ("undecodable_packets", "Frames whose headers could not be decoded", live.undecodable),
            ("late_packets", "Packets counted in a later interval than their own", live.late),
            (
                "implausible_time_packets",
                "Packets whose time cannot be true: counted at the time of the packet before",
                live.implausible,
            ),
        ] {
            family(encoder, MetricType::Counter, (name, help), [(vec![], value)])?;
        }
        for (name, help, value) in [
            (
                "uninspected_flows",
                "Flows not inspected, or not to their verdict, for lack of time or memory",
                live.unprobed_flows,
            ),
            // Old names, for one version.
            ("unprobed_flows", "The old name of uninspected_flows", live.unprobed_flows),
            (
                "half_open_evicted_flows",
                "The old name of unanswered_evicted_flows",
                live.half_open_evicted,
            ),
            (
                "unsettled_evicted_flows",
                "Flows without a verdict that made room for others under inspection",
                live.unsettled_evicted,
            ),
            (
                "unanswered_evicted_flows",
                "Unanswered flows that made room for others",
                live.half_open_evicted,
            ),
            (
                "sampled_packets",
                "Packets counted under no class: those of other flows stand for them",
                live.sampled_packets,
            ),
        ] {
            family(encoder, MetricType::Counter, (name, help), [(vec![], value)])?;
        }
        let dropped = live.dropped;
        let reasons = [
            ("kernel", dropped.kernel),
            ("interface", dropped.interface),
            ("queue", dropped.queue),
            ("table_full", dropped.table_full),
        ];
        let reasons = reasons.map(|(reason, value)| (vec![("reason", reason)], value));
        let help = "Packets lost, or counted without a flow of their own (table_full)";
        family(encoder, MetricType::Counter, ("dropped_packets", help), reasons)
    }

    fn flows(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let live = &self.live;
        let name = ("flows_started", "Flows begun");
        family(encoder, MetricType::Counter, name, [(vec![], live.flows_started)])?;
        for (name, help, value) in [
            ("flows_active", "Flows in the flow tables", live.active_flows),
            ("flow_table_capacity", "Flows that the flow tables can hold", live.flow_capacity),
            (
                "workers_unprobing",
                "Capture threads that do not inspect new flows, for lack of time",
                live.unprobed_workers,
            ),
            (
                "workers_sampling",
                "Capture threads that sample new flows, for lack of more time",
                live.sampling_workers,
            ),
            ("flows_unanswered", "Flows of one packet, or of requests only", live.half_open_flows),
            ("flows_half_open", "The old name of flows_unanswered", live.half_open_flows),
            ("flows_open", "Flows that are still inspected or watched", live.open_flows),
            ("flow_octets", "Octets of the flow tables and of open flows", live.flow_octets),
            ("known_names", "Host names learnt of servers", self.knowledge.names as u64),
            ("known_peers", "Peers learnt of peer-to-peer networks", self.knowledge.peers as u64),
            ("live_streams", "Live streams that are open", self.streams),
        ] {
            family(encoder, MetricType::Gauge, (name, help), [(vec![], value)])?;
        }
        let evicted = ("knowledge_evicted", "Names and peers that made room for others");
        family(encoder, MetricType::Counter, evicted, [(vec![], self.knowledge.evicted)])
    }

    fn engine(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let costs = Step::ALL.into_iter().zip(&self.live.steps);
        let costs: Vec<_> =
            costs.map(|(stage, cost)| (vec![("stage", stage.name())], cost)).collect();
        let help = "Packets timed in a stage, one in 1,024";
        let timed = costs.iter().map(|(labels, cost)| (labels.clone(), cost.packets));
        family(encoder, MetricType::Counter, ("stage_timed_packets", help), timed)?;
        let help = "Nanoseconds that these took, reading the clock included";
        let nanos = costs.iter().map(|(labels, cost)| (labels.clone(), cost.nanos));
        family(encoder, MetricType::Counter, ("stage_nanoseconds", help), nanos)?;
        let bins = PROBE_LENGTH_BINS
            .map(|most| if most == u32::MAX { "more".to_owned() } else { most.to_string() });
        let flows = self.live.probe_lengths.iter().flat_map(|(protocol, flows)| {
            let labels = move |bin| vec![("protocol", protocol.name()), ("packets", bin)];
            bins.iter().zip(flows).map(move |(bin, flows)| (labels(bin.as_str()), flows))
        });
        let help = "Flows by the packets it took to know them: at most so many, and more than the \
                    bin before";
        family(encoder, MetricType::Counter, ("flows_known", help), flows)
    }

    fn alerts(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let of = |value: fn(&ReceiverStats) -> u64| {
            let receivers = self.receivers.iter();
            receivers.map(move |stats| (vec![("receiver", stats.name.as_str())], value(stats)))
        };
        let name = ("alerts_waiting", "Messages that wait for a receiver of alerts");
        family(encoder, MetricType::Gauge, name, of(|stats| stats.waiting))?;
        let name = ("alerts_firing", "Events that a receiver was told of and that are not over");
        family(encoder, MetricType::Gauge, name, of(|stats| stats.firing))?;
        let name = ("alerts_delivered", "Messages that a receiver has taken");
        family(encoder, MetricType::Counter, name, of(|stats| stats.delivered))?;
        let name = ("alerts_failed_tries", "Tries that failed; what failed is tried again");
        family(encoder, MetricType::Counter, name, of(|stats| stats.failed_tries))?;
        let dropped = self.receivers.iter().flat_map(|stats| {
            let labels = |reason| vec![("receiver", stats.name.as_str()), ("reason", reason)];
            [
                (labels("refused"), stats.refused),
                (labels("expired"), stats.expired),
                (labels("overflow"), stats.overflowed),
                (labels("silenced"), stats.silenced),
            ]
        });
        let name = ("alerts_dropped", "Messages that a receiver was never told");
        family(encoder, MetricType::Counter, name, dropped)
    }

    fn flow_records(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let Some(stats) = self.flow_records else { return Ok(()) };
        let name = ("flow_records_written", "Records of flows that the database has");
        family(encoder, MetricType::Counter, name, [(vec![], stats.written)])?;
        let help = "Records of flows that too many waited for, or that the database did not take";
        family(
            encoder,
            MetricType::Counter,
            ("flow_records_dropped", help),
            [(vec![], stats.dropped)],
        )
    }

    fn served(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let served = &self.served;
        let (open, waiting) = served.connections;
        for (name, help, value) in [
            ("api_connections", "Connections of the API's clients", open),
            ("api_connections_waiting", "Those of them without a complete request", waiting),
            (
                "api_questions_running",
                "Questions that the database works on",
                served.questions.running,
            ),
            ("api_questions_waiting", "Questions that wait for it", served.questions.waiting),
        ] {
            family(encoder, MetricType::Gauge, (name, help), [(vec![], value as u64)])?;
        }
        for (name, help, value) in [
            (
                "api_questions",
                "Questions that had a place at the database",
                served.questions.admitted,
            ),
            (
                "api_questions_joined",
                "Questions that were answered with the answer of another like them",
                served.joined,
            ),
            ("api_wrong_tokens", "Wrong tokens that were presented", served.wrong_tokens.0),
            (
                "api_wrong_tokens_slowed",
                "Those of them that were told to wait",
                served.wrong_tokens.1,
            ),
            ("api_streams_refused", "Live streams that were one too many", served.streams_refused),
        ] {
            family(encoder, MetricType::Counter, (name, help), [(vec![], value)])?;
        }
        let by = |(reason, count)| (vec![("reason", reason)], count);
        let refused = served.questions_refused().into_iter().map(by);
        let name = ("api_questions_refused", "Questions that had no turn");
        family(encoder, MetricType::Counter, name, refused)?;
        let refused = served.refused.iter().copied().map(by);
        let name = ("api_connections_refused", "Connections that were refused or ended");
        family(encoder, MetricType::Counter, name, refused)
    }

    fn store(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let writer = &self.writer;
        let name = ("store_queued_rows", "Rows that the database has not acknowledged yet");
        family(encoder, MetricType::Gauge, name, [(vec![], writer.queued_rows)])?;
        for (name, help, value) in [
            ("store_written_rows", "Rows that the database acknowledged", writer.written_rows),
            (
                "store_failed_inserts",
                "Inserts that failed; each is repeated",
                writer.failed_inserts,
            ),
            ("store_dropped_rows", "Rows given up, for a full spool or queue", writer.dropped_rows),
            ("store_dropped_octets", "Octets counted in rows given up", writer.dropped_octets),
        ] {
            family(encoder, MetricType::Counter, (name, help), [(vec![], value)])?;
        }
        let dropped = self.dropped;
        for (name, help, value) in [
            ("store_aged_out_rows", "Rows dropped, for a database over max_size", dropped.rows),
            ("store_aged_out_octets", "What those rows took on disk", dropped.bytes),
        ] {
            family(encoder, MetricType::Counter, (name, help), [(vec![], value)])?;
        }
        let damage = self.damage;
        for (name, help, value) in [
            ("store_damaged_parts", "Parts that the database could not read", damage.parts),
            ("store_missing_tables", "Tables that were missing", damage.tables),
            ("store_missing_days", "Days of tables of which rows are missing", damage.days),
            ("store_missing_octets", "Octets counted in the missing rows", damage.octets),
        ] {
            family(encoder, MetricType::Gauge, (name, help), [(vec![], value)])?;
        }
        let name = ("store_failed_reads", "Questions that failed for damage");
        family(encoder, MetricType::Counter, name, [(vec![], damage.failed_reads)])?;
        writer.spool.map_or(Ok(()), |spool| self.spool(encoder, &spool))
    }

    fn spool(&self, encoder: &mut DescriptorEncoder<'_>, spool: &SpoolStats) -> fmt::Result {
        let oldest = spool.oldest.unwrap_or(0).into();
        let broken = u64::from(self.writer.spool_error.is_some());
        for (name, help, value) in [
            ("spool_octets", "Octets that the spool takes on disk", spool.bytes),
            ("spool_max_octets", "Octets that the spool may take", spool.max_bytes),
            ("spool_records", "Batches that wait in the spool", spool.records),
            ("spool_rows", "Rows of the batches that wait in the spool", spool.rows),
            (
                "spool_oldest_timestamp_seconds",
                "When the oldest waiting batch was taken, Unix time; 0 if none waits",
                oldest,
            ),
            (
                "spool_unforced_records",
                "Batches acknowledged and not yet on the database's disk for certain",
                spool.unforced_records,
            ),
            ("spool_unwritable", "1 while the spool cannot be written", broken),
        ] {
            family(encoder, MetricType::Gauge, (name, help), [(vec![], value)])?;
        }
        for (name, help, value) in [
            ("spool_merged_rows", "Rows added up to minutes, for a full spool", spool.merged_rows),
            ("spool_dropped_rows", "Rows dropped, for a full spool", spool.dropped_rows),
            ("spool_dropped_octets", "Octets counted in these", spool.dropped_octets),
            ("spool_corrupt_segments", "Files of the spool with damage", spool.corrupt_segments),
            ("spool_corrupt_octets", "Octets of that damage", spool.corrupt_bytes),
            ("spool_torn_octets", "Octets that a crash had left half-written", spool.torn_bytes),
            ("spool_rewound_records", "Acknowledged batches sent again", spool.rewound_records),
            ("spool_recovered_records", "Batches found at the start", spool.recovered_records),
            ("spool_refused_groups", "Groups that the database refused", spool.refused_groups),
            ("spool_refused_rows", "Rows that the database refused", spool.refused_rows),
            ("spool_failed_writes", "Writes to the spool that failed", spool.failed_writes),
        ] {
            family(encoder, MetricType::Counter, (name, help), [(vec![], value)])?;
        }
        Ok(())
    }
}
