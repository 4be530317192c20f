//! pcapng (draft-ietf-opsawg-pcapng): blocks of sections, interfaces and packets.
//!
//! Read are section headers, interface descriptions with the resolution and offset of their timestamps,
//! and packets in enhanced, simple and obsolete packet blocks; all else is skipped. Interfaces may have
//! different link types, which libpcap refuses.

use super::pcap_file::MAX_CAPTURED;
use super::record::{Next, Order};
use crate::decode::LinkLayer;
use crate::time::Timestamp;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// Type, length, and the length again.
const AROUND: usize = 12;
/// The longest block: a packet with options of 64 kB several times over. libpcap's own bound.
const MAX_BLOCK: usize = 16 << 20;
/// Interfaces of a section: what a 16-bit number in an obsolete packet block can tell apart.
const MAX_INTERFACES: usize = 65_536;

/// Where in the file's sections reading is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PcapngFile {
    order: Order,
    interfaces: Vec<Interface>,
    /// That of the first interface whose link type is decoded; `None` before it.
    layer: Option<LinkLayer>,
}

/// How an interface's packets are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interface {
    layer: LinkLayer,
    snap_octets: u32,
    /// Units of its timestamps in a second (option 9, if_tsresol).
    resolution: u64,
    /// Seconds to add to them (option 14, if_tsoffset).
    offset: i64,
}

impl Interface {
    /// Nanoseconds since the epoch, saturating.
    fn timestamp(&self, units: u64) -> Timestamp {
        match (self.resolution, self.offset) {
            (1_000_000, 0) => Timestamp::from_nanos(units.saturating_mul(1_000)),
            (1_000_000_000, 0) => Timestamp::from_nanos(units),
            (resolution, offset) => {
                let since = u128::from(units) * 1_000_000_000 / u128::from(resolution.max(1));
                let offset = i128::from(offset) * 1_000_000_000;
                let nanos = i128::try_from(since).unwrap_or(i128::MAX).saturating_add(offset);
                Timestamp::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
            }
        }
    }
}

impl PcapngFile {
    /// Reads up to the first interface whose link type is decoded, without which no packet can be read; `None` for whatever is
    /// not plainly of this format.
    pub(super) fn read_header(file: &[u8]) -> Option<Self> {
        (file.first_chunk()? == &SECTION.to_be_bytes()).then_some(())?;
        let mut this = Self { order: Order::Big, interfaces: Vec::new(), layer: None };
        let mut at = 0;
        while this.layer.is_none() {
            match this.next(file.get(at..)?) {
                Next::Skip(length) => at += length,
                Next::Frame { .. } | Next::More { .. } | Next::Bad(_) => return None,
            }
        }
        // The first pass was only a look.
        Some(Self { interfaces: Vec::new(), ..this })
    }

    /// The link layer of the first interface that is decoded.
    pub(super) fn layer(&self) -> LinkLayer {
        self.layer.unwrap_or(LinkLayer::Ethernet)
    }

    /// Octets of the block at the beginning of these, as it says.
    #[inline]
    pub(super) fn length(&self, rest: &[u8]) -> Option<usize> {
        let length = self.order.u32(*rest.get(4..8)?.first_chunk()?) as usize;
        (AROUND..=MAX_BLOCK).contains(&length).then_some(length)
    }

    /// What stands at the beginning of these octets.
    pub(super) fn next(&mut self, rest: &[u8]) -> Next {
        let Some([kind, length, after]) = words(rest) else {
            return Next::More { wanted: AROUND, of: "block header" };
        };
        // A section's block says itself in which order it is; its type reads the same in both.
        let section = kind == SECTION.to_be_bytes();
        if section {
            self.order = match (Order::Big.u32(after), Order::Little.u32(after)) {
                (BYTE_ORDER_MAGIC, _) => Order::Big,
                (_, BYTE_ORDER_MAGIC) => Order::Little,
                _ => return Next::Bad("a section header without its byte-order magic".to_owned()),
            };
        }
        let length = self.order.u32(length) as usize;
        if !(AROUND..=MAX_BLOCK).contains(&length) || !length.is_multiple_of(4) {
            return Next::Bad(format!("a block of {length} octets"));
        }
        let Some(block) = rest.get(..length) else {
            return Next::More { wanted: length, of: "block" };
        };
        if block.last_chunk().map(|word| self.order.u32(*word) as usize) != Some(length) {
            return Next::Bad(format!("a block of {length} octets does not end with its length"));
        }
        let body =
            Fields { octets: block.get(8..length - 4).unwrap_or_default(), order: self.order };
        let read = match self.order.u32(kind) {
            _ if section => self.section(body),
            INTERFACE => self.interface(body),
            ENHANCED_PACKET | OBSOLETE_PACKET | SIMPLE_PACKET => {
                return self.packet(self.order.u32(kind), body, length);
            }
            _ => Some(Ok(())),
        };
        match read {
            Some(Ok(())) => Next::Skip(length),
            Some(Err(reason)) => Next::Bad(reason),
            None => Next::Bad(format!("a block of {length} octets is too short for its type")),
        }
    }

    /// A section begins: interfaces are counted anew.
    fn section(&mut self, mut body: Fields<'_>) -> Option<Result<(), String>> {
        body.u32()?;
        let (major, minor) = (body.u16()?, body.u16()?);
        self.interfaces.clear();
        // Minor version 2 was written by mistake for 0.
        if major != 1 || !matches!(minor, 0 | 2) {
            return Some(Err(format!("version {major}.{minor} of pcapng is not known")));
        }
        Some(Ok(()))
    }

    fn interface(&mut self, mut body: Fields<'_>) -> Option<Result<(), String>> {
        let link_type = body.u16()?;
        body.u16()?;
        let snap_octets = match body.u32()? {
            0 => MAX_CAPTURED,
            stated => stated.min(MAX_CAPTURED),
        };
        let layer = match LinkLayer::from_dlt(link_type.into()) {
            Ok(layer) => {
                self.layer.get_or_insert(layer);
                layer
            }
            Err(_) => LinkLayer::Undecoded,
        };
        if self.interfaces.len() >= MAX_INTERFACES {
            return Some(Err(format!("more than {MAX_INTERFACES} interfaces")));
        }
        let mut interface = Interface { layer, snap_octets, resolution: 1_000_000, offset: 0 };
        while !body.octets.is_empty() {
            let (code, length) = (body.u16()?, usize::from(body.u16()?));
            let mut value = Fields { octets: body.take(length)?, order: self.order };
            body.take(length.next_multiple_of(4) - length)?;
            match code {
                0 => break,
                9 => interface.resolution = resolution(*value.octets.first()?)?,
                14 => interface.offset = value.u64()? as i64,
                _ => {}
            }
        }
        self.interfaces.push(interface);
        Some(Ok(()))
    }

    fn packet(&self, kind: u32, body: Fields<'_>, length: usize) -> Next {
        match self.read_packet(kind, body, length) {
            Some(next) => next,
            None => {
                Next::Bad(format!("a packet block of {length} octets is too short for its packet"))
            }
        }
    }

    fn read_packet(&self, kind: u32, mut body: Fields<'_>, length: usize) -> Option<Next> {
        let all = body.octets.len();
        let id = match kind {
            ENHANCED_PACKET => body.u32()?,
            OBSOLETE_PACKET => {
                let id = body.u16()?;
                body.u16()?;
                id.into()
            }
            // A simple packet is the first interface's.
            _ => 0,
        };
        let Some(interface) = self.interfaces.get(id as usize) else {
            return Some(Next::Bad(format!("a packet of interface {id}, which is not described")));
        };
        let (timestamp, captured, octets) = if kind == SIMPLE_PACKET {
            let octets = body.u32()?;
            // It has no time, and its captured length is not written down.
            (interface.timestamp(0), octets.min(interface.snap_octets), octets)
        } else {
            let (high, low) = (body.u32()?, body.u32()?);
            let timestamp = interface.timestamp(u64::from(high) << 32 | u64::from(low));
            (timestamp, body.u32()?, body.u32()?)
        };
        if captured > MAX_CAPTURED {
            return Some(Next::Bad(format!(
                "a packet of {captured} captured octets, more than the {MAX_CAPTURED} that there can be"
            )));
        }
        let start = 8 + all - body.octets.len();
        body.take(captured as usize)?;
        Some(Next::Frame { timestamp, octets, start, captured, length, layer: interface.layer })
    }
}

/// Units in a second: a power of two if the first bit is set, else of ten; `None` past 64 bits.
fn resolution(value: u8) -> Option<u64> {
    let base: u64 = if value & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(u32::from(value & 0x7f))
}

/// The first three words of a block.
fn words(rest: &[u8]) -> Option<[[u8; 4]; 3]> {
    let (words, _) = rest.first_chunk::<AROUND>()?.as_chunks::<4>();
    words.try_into().ok()
}

/// Numbers of a block, one after the other, in the section's order.
struct Fields<'a> {
    octets: &'a [u8],
    order: Order,
}

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.octets.split_at_checked(count)?;
        self.octets = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(self.order.u16(*self.take(2)?.first_chunk()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(self.order.u32(*self.take(4)?.first_chunk()?))
    }

    fn u64(&mut self) -> Option<u64> {
        let octets: &[u8; 8] = self.take(8)?.first_chunk()?;
        Some(match self.order {
            Order::Big => u64::from_be_bytes(*octets),
            Order::Little => u64::from_le_bytes(*octets),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_of_every_resolution() {
        let nanos = |resolution, offset, units| {
            Interface { layer: LinkLayer::Ethernet, snap_octets: 0, resolution, offset }
                .timestamp(units)
                .as_nanos()
        };
        assert_eq!(nanos(1_000_000, 0, 1_327_000_000_123_456), 1_327_000_000_123_456_000);
        assert_eq!(nanos(1_000_000_000, 0, 7), 7);
        assert_eq!(nanos(1, 0, 5), 5_000_000_000);
        assert_eq!(nanos(1 << 10, 2, 512), 2_500_000_000);
        assert_eq!(nanos(10u64.pow(12), 0, 1_999), 1);
        assert_eq!(nanos(1_000, -9, 1_000), 0, "before the epoch");
        assert_eq!(nanos(1, i64::MAX, u64::MAX), u64::MAX, "past what 64 bits hold");
        assert_eq!((resolution(6), resolution(0x8a)), (Some(1_000_000), Some(1024)));
        assert_eq!((resolution(20), resolution(0x80 | 64)), (None, None));
    }
}
