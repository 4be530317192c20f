//! Sources of frames: savefiles, mapped or by libpcap, and live interfaces, by libpcap.

mod batch;
mod fanout;
mod live;
mod mapped;
mod pair;
mod pcap_file;
mod pcapng_file;
mod record;
mod savefile;
mod stream;
mod window;

use std::path::PathBuf;

pub use batch::Batch;
pub use live::{LiveDrops, LiveSettings, LiveSource, Received, pin_to_core};
pub use pair::pair_hash;
pub use savefile::Savefile;

use crate::decode::UnsupportedLinkType;
use crate::time::Timestamp;

/// One captured frame, its octets borrowed from the source until the next one is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// When it was captured.
    pub timestamp: Timestamp,
    /// Octets on the wire without FCS: never the length that was captured.
    pub octets: u32,
    /// The octets that were captured.
    pub data: &'a [u8],
}

/// Why a source cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be opened.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// There is nothing in the file, not even a capture's header.
    #[error("{} is empty: a capture has a header even without packets", .0.display())]
    Empty(PathBuf),
    /// It is no capture file.
    #[error("{} is not a capture that libpcap reads (pcap or pcapng): {reason}", path.display())]
    NotACapture {
        /// The file.
        path: PathBuf,
        /// libpcap's words.
        reason: String,
    },
    /// The capture ends within a packet, or holds nonsense from some packet on.
    #[error("{} is damaged after {packets} packets, which were counted: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Packets read before.
        packets: u64,
        /// What is wrong.
        reason: String,
    },
    /// The link type is not decoded.
    #[error("{name}: {source}")]
    LinkType {
        /// The file or interface.
        name: String,
        /// Which link type it is.
        source: UnsupportedLinkType,
    },
    /// The interface cannot be captured on.
    #[error("cannot capture on interface {interface}: {reason}")]
    Interface {
        /// The interface.
        interface: String,
        /// libpcap's words, and what to do.
        reason: String,
    },
}

/// A libpcap timestamp with nanosecond precision.
fn timestamp(header: &pcap::PacketHeader) -> Timestamp {
    let secs = u64::try_from(header.ts.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(header.ts.tv_usec).unwrap_or(0);
    Timestamp::from_nanos(secs.saturating_mul(1_000_000_000).saturating_add(nanos))
}

fn frame<'a>(packet: &pcap::Packet<'a>) -> Frame<'a> {
    Frame { timestamp: timestamp(packet.header), octets: packet.header.len, data: packet.data }
}
