//! A record: one batch with a header that says where it ends and whether it is whole.
//!
//! ```text
//! mark 4 | length 4 | sequence 8 | taken 4 | rows 4 | octets 8 | checksum of payload 4 | of header 4
//! ```
//!
//! All numbers little-endian, checksums CRC-32 (ISO-HDLC, as in Ethernet). The mark lets a reader find
//! the next record behind a damaged one. Nothing here panics, whatever the octets are.

use std::sync::Arc;

use etiage_aggregator::{Batch, Direction, NetworkVolume, Observation, RoundTrips, Volume};
use serde::{Deserialize, Serialize};

use crate::rows;

/// Octets of a record before its payload.
pub(super) const HEADER: usize = 40;
/// A batch of as many rows as an interval can have is a tenth of this.
pub(super) const MAX_PAYLOAD: usize = 32 << 20;
const MARK: [u8; 4] = *b"EtRc";

/// What a record says of its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Octets of the payload.
    pub(super) length: u32,
    /// Number of the record: they count from 1 and never come again.
    pub(super) sequence: u64,
    /// When it was taken, in seconds since the Unix epoch.
    pub(super) taken: u32,
    /// Rows of the batch.
    pub(super) rows: u32,
    /// Octets that the batch counts.
    pub(super) octets: u64,
    /// Checksum of the payload.
    pub(super) checksum: u32,
}

impl Header {
    fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend(MARK);
        out.extend(self.length.to_le_bytes());
        out.extend(self.sequence.to_le_bytes());
        out.extend(self.taken.to_le_bytes());
        out.extend(self.rows.to_le_bytes());
        out.extend(self.octets.to_le_bytes());
        out.extend(self.checksum.to_le_bytes());
        let checksum = crc32fast::hash(out.get(start..).unwrap_or_default());
        out.extend(checksum.to_le_bytes());
    }

    /// The header at the start of these octets, if they are one.
    fn read(octets: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER] = octets.first_chunk()?;
        let (checked, checksum) = header.split_last_chunk::<4>()?;
        if !checked.starts_with(&MARK) || crc32fast::hash(checked) != u32::from_le_bytes(*checksum)
        {
            return None;
        }
        let header = Self {
            length: u32_at(checked, 4)?,
            sequence: u64_at(checked, 8)?,
            taken: u32_at(checked, 16)?,
            rows: u32_at(checked, 20)?,
            octets: u64_at(checked, 24)?,
            checksum: u32_at(checked, 32)?,
        };
        (header.length as usize <= MAX_PAYLOAD).then_some(header)
    }
}

/// Four octets as a number.
pub(super) fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|number| u32::from_le_bytes(*number))
}

/// Eight octets as a number.
pub(super) fn u64_at(octets: &[u8], at: usize) -> Option<u64> {
    octets.get(at..)?.first_chunk().map(|number| u64::from_le_bytes(*number))
}

/// Appends a batch as a record; `None`, and nothing appended, if it is too large for one.
pub(super) fn write(batch: &Batch, sequence: u64, taken: u32, out: &mut Vec<u8>) -> Option<Header> {
    // Serialising into memory fails for types that have no length, of which there are none.
    let payload = postcard::to_allocvec(&Stored::of(batch)?).ok()?;
    if payload.len() > MAX_PAYLOAD {
        return None;
    }
    let header = Header {
        length: u32::try_from(payload.len()).ok()?,
        sequence,
        taken,
        rows: u32::try_from(rows::count(batch)).unwrap_or(u32::MAX),
        octets: octets_of(batch),
        checksum: crc32fast::hash(&payload),
    };
    header.write(out);
    out.extend(payload);
    Some(header)
}

/// The batch in a payload whose checksum was right; `None` if it is none all the same.
pub(super) fn decode(payload: &[u8]) -> Option<Batch> {
    postcard::from_bytes::<Stored>(payload).ok()?.batch()
}

/// Octets that a batch counts.
pub(crate) fn octets_of(batch: &Batch) -> u64 {
    batch.volumes.iter().fold(0, |sum, volume| volume.octets.saturating_add(sum))
}

/// What a reader finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A whole record, and where in the octets it ends.
    Record {
        /// Its header.
        header: Header,
        /// Its payload.
        payload: &'a [u8],
        /// Where the next one begins.
        end: usize,
    },
    /// Octets that are no record.
    Damage {
        /// Where they begin.
        start: usize,
        /// Where a record begins again, or where everything ends.
        end: usize,
    },
}

/// Reads records one after the other, and over what is damaged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Records<'a> {
    octets: &'a [u8],
    at: usize,
    /// Records count upwards: one that does not is damage.
    after: u64,
    /// What counts as far as this is another segment's, which the disk has written to a wrong place; so is what
    /// counts less than the segment's first.
    below: u64,
}

impl<'a> Records<'a> {
    /// From a place in the octets, for records whose sequence is greater than `after`.
    pub(super) const fn new(octets: &'a [u8], at: usize, after: u64) -> Self {
        Self { octets, at, after, below: u64::MAX }
    }

    /// Only records whose sequence is at least `first` and less than `below`: a segment's own.
    pub(super) const fn within(mut self, first: u64, below: u64) -> Self {
        if first > self.after {
            self.after = first - 1;
        }
        self.below = below;
        self
    }

    fn record_at(&self, at: usize) -> Option<(Header, &'a [u8])> {
        let rest = self.octets.get(at..)?;
        let header = Header::read(rest)?;
        let payload = rest.get(HEADER..)?.get(..header.length as usize)?;
        let own = header.sequence > self.after && header.sequence < self.below;
        let whole = own && crc32fast::hash(payload) == header.checksum;
        whole.then_some((header, payload))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        let start = self.at;
        if start >= self.octets.len() {
            return None;
        }
        if let Some((header, payload)) = self.record_at(start) {
            self.at = start + HEADER + payload.len();
            self.after = header.sequence;
            return Some(Found::Record { header, payload, end: self.at });
        }
        let rest = self.octets.get(start + 1..).unwrap_or_default();
        let mark = rest
            .windows(MARK.len())
            .enumerate()
            .filter(|(_, window)| *window == MARK)
            .map(|(offset, _)| start + 1 + offset)
            .find(|at| self.record_at(*at).is_some());
        self.at = mark.unwrap_or(self.octets.len());
        Some(Found::Damage { start, end: self.at })
    }
}

/// A batch as it lies on disk. A type of its own, in which each name stands once: what the aggregator
/// does to its types must not change how files are read. Whoever changes this changes the version in
/// the segment's header.
#[derive(Serialize, Deserialize)]
struct Stored {
    words: Vec<String>,
    probe: u32,
    start: u32,
    seconds: u32,
    volumes: Vec<StoredVolume>,
    round_trips: Vec<StoredRoundTrips>,
    observations: Vec<StoredObservation>,
    networks: Vec<StoredNetwork>,
}

#[derive(Serialize, Deserialize)]
struct StoredVolume {
    link: u32,
    out: bool,
    protocol: u32,
    service: u32,
    category: u32,
    octets: u64,
    packets: u64,
    flows: u64,
}

#[derive(Serialize, Deserialize)]
struct StoredRoundTrips {
    link: u32,
    category: u32,
    bins: Vec<(u32, u64)>,
}

#[derive(Serialize, Deserialize)]
struct StoredObservation {
    link: u32,
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

#[derive(Serialize, Deserialize)]
struct StoredNetwork {
    link: u32,
    out: bool,
    category: u32,
    asn: u32,
    octets: u64,
    packets: u64,
    flows: u64,
}

/// Numbers for words, in order of their first use.
#[derive(Default)]
struct Numbers<'a> {
    words: Vec<String>,
    numbers: std::collections::HashMap<&'a str, u32>,
}

impl<'a> Numbers<'a> {
    fn of(&mut self, word: &'a str) -> u32 {
        let next = self.words.len() as u32;
        *self.numbers.entry(word).or_insert_with(|| {
            self.words.push(word.to_owned());
            next
        })
    }
}

impl Stored {
    fn of(batch: &Batch) -> Option<Self> {
        // Every field is named: one that is added must be stored too.
        let Batch { probe, start, seconds, volumes, round_trips, observations, networks } = batch;
        let mut numbers = Numbers::default();
        let stored = Self {
            probe: numbers.of(probe),
            start: *start,
            seconds: *seconds,
            volumes: volumes.iter().map(|volume| numbers.volume(volume)).collect(),
            round_trips: round_trips
                .iter()
                .map(|RoundTrips { link, category, bins }| StoredRoundTrips {
                    link: numbers.of(link),
                    category: numbers.of(category),
                    bins: bins.clone(),
                })
                .collect(),
            observations: observations.iter().map(|seen| numbers.observation(seen)).collect(),
            networks: networks.iter().map(|network| numbers.network(network)).collect(),
            words: Vec::new(),
        };
        Some(Self { words: numbers.words, ..stored })
    }

    fn batch(self) -> Option<Batch> {
        let words: Vec<Arc<str>> = self.words.into_iter().map(Into::into).collect();
        let word = |number: u32| words.get(number as usize).cloned();
        let way = |out| if out { Direction::Out } else { Direction::In };
        let volume = |row: StoredVolume| {
            Some(Volume {
                link: word(row.link)?,
                direction: way(row.out),
                protocol: word(row.protocol)?,
                service: word(row.service)?,
                category: word(row.category)?,
                octets: row.octets,
                packets: row.packets,
                flows: row.flows,
            })
        };
        let round_trips = |row: StoredRoundTrips| {
            let (link, category) = (word(row.link)?, word(row.category)?);
            Some(RoundTrips { link, category, bins: row.bins })
        };
        let observation = |row: StoredObservation| {
            Some(Observation {
                link: word(row.link)?,
                packets: row.packets,
                octets: row.octets,
                active_flows: row.active_flows,
                dropped_kernel: row.dropped_kernel,
                late: row.late,
                table_full: row.table_full,
                unprobed_flows: row.unprobed_flows,
                sampled_packets: row.sampled_packets,
                half_open_evicted: row.half_open_evicted,
            })
        };
        let network = |row: StoredNetwork| {
            Some(NetworkVolume {
                link: word(row.link)?,
                direction: way(row.out),
                category: word(row.category)?,
                asn: row.asn,
                octets: row.octets,
                packets: row.packets,
                flows: row.flows,
            })
        };
        Some(Batch {
            probe: word(self.probe)?,
            start: self.start,
            seconds: self.seconds,
            volumes: self.volumes.into_iter().map(volume).collect::<Option<_>>()?,
            round_trips: self.round_trips.into_iter().map(round_trips).collect::<Option<_>>()?,
            observations: self.observations.into_iter().map(observation).collect::<Option<_>>()?,
            networks: self.networks.into_iter().map(network).collect::<Option<_>>()?,
        })
    }
}

impl<'a> Numbers<'a> {
    fn volume(&mut self, volume: &'a Volume) -> StoredVolume {
        let Volume { link, direction, protocol, service, category, octets, packets, flows } =
            volume;
        StoredVolume {
            link: self.of(link),
            out: *direction == Direction::Out,
            protocol: self.of(protocol),
            service: self.of(service),
            category: self.of(category),
            octets: *octets,
            packets: *packets,
            flows: *flows,
        }
    }

    fn observation(&mut self, observation: &'a Observation) -> StoredObservation {
        let Observation {
            link,
            packets,
            octets,
            active_flows,
            dropped_kernel,
            late,
            table_full,
            unprobed_flows,
            half_open_evicted,
            sampled_packets,
        } = observation;
        StoredObservation {
            link: self.of(link),
            packets: *packets,
            octets: *octets,
            active_flows: *active_flows,
            dropped_kernel: *dropped_kernel,
            late: *late,
            table_full: *table_full,
            unprobed_flows: *unprobed_flows,
            sampled_packets: *sampled_packets,
            half_open_evicted: *half_open_evicted,
        }
    }

    fn network(&mut self, network: &'a NetworkVolume) -> StoredNetwork {
        let NetworkVolume { link, direction, category, asn, octets, packets, flows } = network;
        StoredNetwork {
            link: self.of(link),
            out: *direction == Direction::Out,
            category: self.of(category),
            asn: *asn,
            octets: *octets,
            packets: *packets,
            flows: *flows,
        }
    }
}
