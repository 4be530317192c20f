//! Records of single flows.

use etiage_store::{FlowRecordRow, TimeRange};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::timestamps::format_time;

/// Records of flows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlowRecords {
    /// Start of the range, RFC 3339, UTC.
    #[schema(example = "2026-11-21T10:00:00Z", format = DateTime)]
    from: String,
    /// End of the range, exclusive, RFC 3339, UTC.
    #[schema(example = "2026-11-21T11:00:00Z", format = DateTime)]
    to: String,
    /// The heaviest first.
    records: Vec<RecordedFlow>,
}

/// A flow, or a part of a long one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordedFlow {
    /// First packet, RFC 3339, UTC.
    #[schema(format = DateTime)]
    first: String,
    /// Last packet, RFC 3339, UTC.
    #[schema(format = DateTime)]
    last: String,
    /// The link of its first packet.
    #[schema(example = "transit-1")]
    link: String,
    /// What it is for.
    #[schema(example = "direct-download")]
    category: String,
    /// What is spoken.
    #[schema(example = "http")]
    protocol: String,
    /// Whose it is.
    #[schema(example = "1fichier")]
    service: String,
    /// Who saw it.
    #[schema(example = "probe-1")]
    probe: String,
    /// How sure that is, of 100.
    #[schema(example = 100)]
    confidence: u8,
    /// IANA's number of the transport protocol.
    #[schema(example = 6)]
    transport: u8,
    /// Who began it.
    initiator: RecordedEnd,
    /// The other end.
    responder: RecordedEnd,
    /// `idle`, `active` (it goes on: this is what it had so far), `end-of-flow`, `forced` or
    /// `lack-of-resources`: flowEndReason of IPFIX.
    #[schema(example = "end-of-flow")]
    end_reason: String,
    /// For how many flows it stands: 1 for a heavy one, N for one that was drawn from N others.
    #[schema(example = 1)]
    stands_for: u32,
}

/// One end of a flow, and what it sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordedEnd {
    /// Its address; of a local one the network alone, unless it is configured otherwise.
    #[schema(example = "203.0.113.0")]
    address: String,
    /// Its port.
    #[schema(example = 443)]
    port: u16,
    /// Octets on the wire.
    octets: u64,
    /// Packets.
    packets: u64,
}

impl FlowRecords {
    pub(crate) fn new(range: TimeRange, records: Vec<FlowRecordRow>) -> Self {
        Self {
            from: format_time(range.from),
            to: format_time(range.to),
            records: records.into_iter().map(RecordedFlow::from).collect(),
        }
    }
}

impl From<FlowRecordRow> for RecordedFlow {
    fn from(row: FlowRecordRow) -> Self {
        Self {
            first: moment(row.first_ms),
            last: moment(row.last_ms),
            link: row.link,
            category: row.category,
            protocol: row.protocol,
            service: row.service,
            probe: row.probe,
            confidence: row.confidence,
            transport: row.transport,
            initiator: RecordedEnd {
                address: row.initiator,
                port: row.initiator_port,
                octets: row.initiator_octets,
                packets: row.initiator_packets,
            },
            responder: RecordedEnd {
                address: row.responder,
                port: row.responder_port,
                octets: row.responder_octets,
                packets: row.responder_packets,
            },
            end_reason: row.end_reason,
            stands_for: row.stands_for,
        }
    }
}

fn moment(millis: i64) -> String {
    let nanos = i128::from(millis) * 1_000_000;
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanos);
    format_time(moment.unwrap_or(OffsetDateTime::UNIX_EPOCH))
}
