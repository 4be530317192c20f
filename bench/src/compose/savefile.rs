//! Writes capture files.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

/// Octets captured of a packet at most, as the header states it: what tcpdump writes.
const SNAP_OCTETS: u32 = 262_144;
/// Ethernet, in libpcap's numbers.
const ETHERNET: u32 = 1;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) packets: u64,
    /// Octets on the wire.
    pub(crate) octets: u64,
    /// Octets in the file, without headers.
    pub(crate) captured: u64,
}

/// A capture being written: pcap with microseconds, Ethernet, little-endian.
pub(crate) struct Writer<W: Write> {
    out: W,
    written: Written,
}

impl Writer<BufWriter<File>> {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self::new(BufWriter::with_capacity(1 << 20, file))?)
    }
}

impl<W: Write> Writer<W> {
    /// Begins a capture with its header.
    pub(crate) fn new(mut out: W) -> io::Result<Self> {
        for word in [0xa1b2_c3d4, 4 << 16 | 2, 0, 0, SNAP_OCTETS, ETHERNET] {
            out.write_all(&u32::to_le_bytes(word))?;
        }
        Ok(Self { out, written: Written::default() })
    }

    /// Adds a packet: its time since the Unix epoch, its octets on the wire, and those captured.
    pub(crate) fn write(&mut self, at: Duration, octets: u32, data: &[u8]) -> io::Result<()> {
        let captured = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let secs = u32::try_from(at.as_secs()).unwrap_or(u32::MAX);
        for word in [secs, at.subsec_micros(), captured, octets] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.out.write_all(data)?;
        self.written.packets += 1;
        self.written.octets += u64::from(octets);
        self.written.captured += u64::from(captured);
        Ok(())
    }

    /// Ends the capture.
    pub(crate) fn finish(mut self) -> io::Result<Written> {
        self.out.flush()?;
        Ok(self.written)
    }
}
