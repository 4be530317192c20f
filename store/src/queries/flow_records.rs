//! Records of single flows.

use std::net::Ipv6Addr;

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::{Dimension, Export, ExportQuery, Filter, Format, Statement, TimeRange};
use crate::schema::Single;
use crate::{Error, Store};

/// Most records of an answer that is not a file.
pub const MAX_FLOW_RECORDS: u32 = 10_000;

/// A record of a flow, or of a part of a long one, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Row, Serialize)]
pub struct NewFlowRecord {
    /// First packet, in milliseconds since the Unix epoch.
    pub first: i64,
    /// Last packet.
    pub last: i64,
    /// The link of its first packet.
    pub link: String,
    /// What it is for.
    pub category: String,
    /// What is spoken.
    pub protocol: String,
    /// Whose it is.
    pub service: String,
    /// Who saw it.
    pub probe: String,
    /// How sure that is, of 100.
    pub confidence: u8,
    /// IANA's number of the transport protocol.
    pub transport: u8,
    /// Who began it; IPv4 addresses are mapped (RFC 4291, section 2.5.5.2).
    pub initiator: Ipv6Addr,
    /// Its port.
    pub initiator_port: u16,
    /// The other end.
    pub responder: Ipv6Addr,
    /// Its port.
    pub responder_port: u16,
    /// Octets on the wire from the initiator.
    pub initiator_octets: u64,
    /// Packets from it.
    pub initiator_packets: u64,
    /// Octets on the wire from the responder.
    pub responder_octets: u64,
    /// Packets from it.
    pub responder_packets: u64,
    /// Why it was reported: flowEndReason of IPFIX in words.
    pub end_reason: String,
    /// For how many flows it stands: itself, or those that it was drawn from.
    pub stands_for: u32,
}

/// A record of a flow, as it is read.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
#[allow(missing_docs, reason = "as in NewFlowRecord")]
pub struct FlowRecordRow {
    pub first_ms: i64,
    pub last_ms: i64,
    pub link: String,
    pub category: String,
    pub protocol: String,
    pub service: String,
    pub probe: String,
    pub confidence: u8,
    pub transport: u8,
    /// As text, IPv4 as such.
    pub initiator: String,
    pub initiator_port: u16,
    pub responder: String,
    pub responder_port: u16,
    pub initiator_octets: u64,
    pub initiator_packets: u64,
    pub responder_octets: u64,
    pub responder_packets: u64,
    pub end_reason: String,
    pub stands_for: u32,
}

/// Which records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowRecordQuery {
    /// Those whose last packet is in it.
    pub range: TimeRange,
    /// Links, categories, protocols, services and probes; no directions and no networks.
    pub filter: Filter,
    /// At most so many, the heaviest first; at most [`MAX_FLOW_RECORDS`] but in files.
    pub limit: Option<u32>,
}

impl FlowRecordQuery {
    fn sql(&self, times: &str) -> Result<String, Error> {
        let wrong =
            |dimension: &Dimension| matches!(dimension, Dimension::Asn | Dimension::Direction);
        if let Some(dimension) = self.filter.dimensions().find(wrong) {
            return Err(Error::BadQuery(format!(
                "records of flows cannot be filtered by {}: use link, category, protocol, service or \
                 probe",
                dimension.name()
            )));
        }
        let text =
            |side: &str| format!("replaceRegexpOne(toString(r.{side}), '^::ffff:', '') AS {side}");
        Ok(format!(
            "SELECT {times}, toString(r.link) AS link, toString(r.category) AS category, \
             toString(r.protocol) AS protocol, toString(r.service) AS service, \
             toString(r.probe) AS probe, confidence, transport, {}, initiator_port, {}, \
             responder_port, initiator_octets, initiator_packets, responder_octets, \
             responder_packets, toString(r.end_reason) AS end_reason, stands_for \
             FROM {} AS r WHERE r.last >= toDateTime64({}, 3, 'UTC') AND \
             r.last < toDateTime64({}, 3, 'UTC'){} \
             ORDER BY initiator_octets + responder_octets DESC, r.last, initiator_port{}",
            text("initiator"),
            text("responder"),
            Single::FlowRecords.name(),
            self.range.from.unix_timestamp(),
            self.range.to.unix_timestamp(),
            self.filter.condition()?,
            self.limit.map_or_else(String::new, |limit| format!(" LIMIT {limit}")),
        ))
    }
}

impl Store {
    /// Writes records of flows.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Denied`] or [`Error::Query`].
    pub async fn add_flow_records(&self, records: &[NewFlowRecord]) -> Result<(), Error> {
        self.add("write records of flows", Single::FlowRecords, records).await
    }

    /// Records of flows, the heaviest first.
    ///
    /// # Errors
    /// [`Error::BadQuery`], and as [`Store::add_flow_records`].
    pub async fn flow_records(&self, query: &FlowRecordQuery) -> Result<Vec<FlowRecordRow>, Error> {
        let limit = query.limit.unwrap_or(MAX_FLOW_RECORDS).min(MAX_FLOW_RECORDS);
        let query = FlowRecordQuery { limit: Some(limit), ..query.clone() };
        let times = "toUnixTimestamp64Milli(r.first) AS first_ms, toUnixTimestamp64Milli(r.last) AS last_ms";
        let statement = query.filter.bind(Statement::new(query.sql(times)?))?;
        self.ask("list records of flows", statement).await
    }

    /// Begins an export of records of flows.
    ///
    /// # Errors
    /// As [`Store::export`].
    pub async fn export_flow_records(
        &self,
        query: &FlowRecordQuery,
        format: Format,
    ) -> Result<Export, Error> {
        let statement = query.sql("r.first AS first, r.last AS last")?;
        let FlowRecordQuery { range, filter, .. } = query.clone();
        let query = ExportQuery { range, step_secs: None, group_by: Vec::new(), filter, format };
        self.export_statement(query, statement)
    }
}
