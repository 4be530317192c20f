//! Savefiles that are mapped into memory and read where they lie.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::batch::{Batch, Record};
use super::pcap_file::PcapFile;
use super::pcapng_file::PcapngFile;
use super::window::{WINDOW, Window};
use crate::decode::LinkLayer;
use crate::time::Timestamp;

/// In which order a file's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Big,
    Little,
}

impl Order {
    pub(super) const fn u16(self, octets: [u8; 2]) -> u16 {
        match self {
            Self::Big => u16::from_be_bytes(octets),
            Self::Little => u16::from_le_bytes(octets),
        }
    }

    pub(super) const fn u32(self, octets: [u8; 4]) -> u32 {
        match self {
            Self::Big => u32::from_be_bytes(octets),
            Self::Little => u32::from_le_bytes(octets),
        }
    }
}

/// What stands at a place of a savefile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A frame.
    Frame {
        timestamp: Timestamp,
        /// Octets on the wire.
        octets: u32,
        /// Where its octets begin, from the place on.
        start: usize,
        /// How many they are.
        captured: u32,
        /// Octets up to what follows.
        length: usize,
    },
    /// Nothing to show in so many octets.
    Skip(usize),
    /// So many octets must be there to tell.
    More { wanted: usize, of: &'static str },
    /// It cannot be read.
    Bad(String),
}

#[derive(Debug)]
enum Format {
    Pcap(PcapFile),
    Pcapng(PcapngFile),
}

impl Format {
    #[inline]
    fn next(&mut self, rest: &[u8]) -> Next {
        match self {
            Self::Pcap(file) => file.next(rest),
            Self::Pcapng(file) => file.next(rest),
        }
    }
}

/// Why a file cannot be read further.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The file cannot be mapped.
    Io(io::Error),
    /// It is cut short, or holds nonsense.
    Damaged(String),
}

/// An open savefile of a format that is read here.
#[derive(Debug)]
pub(super) struct MappedFile {
    file: File,
    length: u64,
    format: Format,
    window: Arc<Window>,
    /// Where in the file the window begins.
    offset: u64,
    /// Where in the window reading is.
    at: usize,
    /// What was found after the frames of the last batch.
    error: Option<ReadError>,
}

impl MappedFile {
    /// Opens a regular file; `None` if it is of a format that libpcap must read.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let length = metadata.len();
        if !metadata.is_file() || length == 0 {
            return Ok(None);
        }
        let window = Window::map(&file, 0, size(length, 0))?;
        let octets = window.octets();
        let (format, at) = match (PcapFile::read_header(octets), PcapngFile::read_header(octets)) {
            (Some(pcap), _) => (Format::Pcap(pcap), super::pcap_file::HEADER),
            (None, Some(pcapng)) => (Format::Pcapng(pcapng), 0),
            (None, None) => return Ok(None),
        };
        let window = Arc::new(window);
        Ok(Some(Self { file, length, format, window, offset: 0, at, error: None }))
    }

    pub(super) fn layer(&self) -> LinkLayer {
        match &self.format {
            Format::Pcap(file) => file.layer(),
            Format::Pcapng(file) => file.layer(),
        }
    }

    /// Fills a batch with at most so many frames; none at the end of the file.
    pub(super) fn fill(&mut self, batch: &mut Batch, max: usize) -> Result<(), ReadError> {
        let mut records = batch.begin_mapped(&self.window);
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        while records.len() < max {
            // A batch is of one window: its end is the batch's, but a first frame is looked for.
            match self.read(records, max) {
                Ok(None) => {}
                Ok(Some(_)) if !records.is_empty() => break,
                Ok(Some((wanted, of))) => {
                    let there = self.length - self.offset - self.at as u64;
                    if there == 0 {
                        break;
                    }
                    if there < wanted as u64 {
                        return Err(ReadError::Damaged(format!(
                            "truncated dump file; tried to read {wanted} {of} bytes, only got {there}"
                        )));
                    }
                    self.move_window(wanted).map_err(ReadError::Io)?;
                    records = batch.begin_mapped(&self.window);
                }
                Err(error) if records.is_empty() => return Err(error),
                Err(error) => {
                    self.error = Some(error);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Reads frames until there are enough (`None`), or what follows needs more of the file than the
    /// window shows.
    fn read(
        &mut self,
        records: &mut Vec<Record>,
        max: usize,
    ) -> Result<Option<(usize, &'static str)>, ReadError> {
        let Self { window, format, at, .. } = self;
        let octets = window.octets();
        while records.len() < max {
            match format.next(octets.get(*at..).unwrap_or_default()) {
                Next::Frame { timestamp, octets, start, captured, length } => {
                    records.push(Record { timestamp, octets, captured, start: *at + start });
                    *at += length;
                }
                Next::Skip(length) => *at += length,
                Next::More { wanted, of } => return Ok(Some((wanted, of))),
                Next::Bad(reason) => return Err(ReadError::Damaged(reason)),
            }
        }
        Ok(None)
    }

    /// Maps what follows, at least `wanted` octets of it.
    fn move_window(&mut self, wanted: usize) -> io::Result<()> {
        let offset = self.offset + self.at as u64;
        // What another program has cut off meanwhile must not be looked at.
        self.length = self.length.min(self.file.metadata()?.len());
        let size = size(self.length.saturating_sub(offset), wanted);
        if size < wanted {
            return Err(io::Error::other("the file is being cut short by another program"));
        }
        self.window = Arc::new(Window::map(&self.file, offset, size)?);
        (self.offset, self.at) = (offset, 0);
        Ok(())
    }
}

/// How much to map of so many octets that are left.
fn size(left: u64, wanted: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(WINDOW.max(wanted))
}
