//! What the targets share: reading a fuzzer's octets as choices, addresses, packets and frames.

pub mod recogniser;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::OnceLock;

use etiage_capture::{Cursor, LinkLayer, Side, Timestamp, Transport};
use tempfile::TempDir;

/// A file that holds these octets; there is one a process, written anew each time.
pub fn file(octets: &[u8]) -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder"));
    let path = folder.path().join("input");
    fs::write(&path, octets).expect("the temporary file is written");
    path
}

/// Link layers to choose from.
pub const LAYERS: [LinkLayer; 15] = LinkLayer::ALL;

/// Ports that mean something to a recogniser or to the decoder, and one that does not.
const PORTS: [u16; 16] =
    [21, 25, 53, 80, 119, 123, 443, 1900, 2152, 3478, 4662, 4789, 5060, 6881, 6969, 50000];

/// A fuzzer's octets, read as choices; past their end, every choice is the first.
#[derive(Clone, Copy)]
pub struct Choices<'a>(Cursor<'a>);

impl<'a> Choices<'a> {
    /// All of them still to be read.
    pub const fn new(octets: &'a [u8]) -> Self {
        Self(Cursor::new(octets))
    }

    /// Whether all were read.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// One octet.
    pub fn octet(&mut self) -> u8 {
        self.0.u8().unwrap_or(0)
    }

    /// Two octets.
    pub fn word(&mut self) -> u16 {
        self.0.u16().unwrap_or(0)
    }

    /// Four octets.
    pub fn number(&mut self) -> u32 {
        self.0.u32().unwrap_or(0)
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.octet()) % from.len()]
    }

    /// A piece of up to 2047 octets, most often a short one: its length, then as much as there is.
    pub fn piece(&mut self) -> &'a [u8] {
        let length = match self.octet() {
            short @ ..240 => usize::from(short),
            long => usize::from(long & 7) << 8 | usize::from(self.octet()),
        };
        let length = length.min(self.0.rest().len());
        self.0.take(length).unwrap_or_default()
    }

    /// A port: one of a few that mean something.
    pub fn port(&mut self) -> u16 {
        self.one_of(&PORTS)
    }

    /// One of four addresses of either version.
    pub fn address(&mut self, v6: bool) -> IpAddr {
        let host = self.octet() & 3;
        if v6 {
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host.into()).into()
        } else {
            Ipv4Addr::new(192, 0, 2, host).into()
        }
    }

    /// An endpoint.
    pub fn endpoint(&mut self, v6: bool) -> SocketAddr {
        SocketAddr::new(self.address(v6), self.port())
    }

    /// One of the two sides.
    pub fn side(&mut self) -> Side {
        if self.octet() & 1 == 0 { Side::Initiator } else { Side::Responder }
    }

    /// A step of stream time: mostly none or little, sometimes far, also backwards.
    pub fn step(&mut self, from: Timestamp) -> Timestamp {
        let octet = self.octet();
        let amount = u64::from(octet & 0x0f);
        let nanos = match octet >> 4 {
            0..8 => amount * 1_000_000,
            8..12 => amount * 1_000_000_000,
            12 | 13 => amount * 20_000_000_000,
            14 => {
                return Timestamp::from_nanos(
                    from.as_nanos().saturating_sub(amount * 3_000_000_000),
                );
            }
            _ => u64::from(self.number()) << 32,
        };
        Timestamp::from_nanos(from.as_nanos().saturating_add(nanos))
    }
}

/// Writes an IP packet with a TCP or UDP header around a payload, or octets as they are.
pub fn ip_packet(choices: &mut Choices<'_>) -> Vec<u8> {
    let kind = choices.octet();
    if kind & 3 == 3 {
        return choices.piece().to_vec();
    }
    let transport = if kind & 1 == 0 { Transport::TCP } else { Transport::UDP };
    let v6 = kind & 4 != 0;
    let (source, destination) = (choices.endpoint(v6), choices.endpoint(v6));
    let mut segment = [source.port().to_be_bytes(), destination.port().to_be_bytes()].concat();
    if transport == Transport::TCP {
        let (sequence, flags) = (choices.word(), choices.octet());
        segment.extend(u32::from(sequence).to_be_bytes());
        segment.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        segment.extend(choices.piece());
    } else {
        let payload = choices.piece();
        segment.extend((payload.len() as u16 + 8).to_be_bytes());
        segment.extend([0, 0]);
        segment.extend(payload);
    }
    // More fragments and an offset, now and then.
    let fragment =
        if kind & 0x18 == 0x18 { u16::from(kind & 0x20) << 8 | u16::from(kind >> 6) } else { 0 };
    let mut packet = Vec::new();
    match (source.ip(), destination.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.extend([0x45, 0]);
            packet.extend((segment.len() as u16 + 20).to_be_bytes());
            packet.extend([0, 1]);
            packet.extend(fragment.to_be_bytes());
            packet.extend([64, transport.0, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
        }
        (from, to) => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend((segment.len() as u16).to_be_bytes());
            packet.extend([transport.0, 64]);
            for address in [from, to] {
                if let IpAddr::V6(address) = address {
                    packet.extend(address.octets());
                }
            }
        }
    }
    packet.extend(segment);
    packet
}
