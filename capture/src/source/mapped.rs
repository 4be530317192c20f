//! Savefiles that are mapped into memory and read where they lie.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::batch::{Batch, FrameAt};
use super::pcap_file::{HEADER, PcapFile};
use super::pcapng_file::PcapngFile;
use super::record::Next;
use super::window::{WINDOW, Window};
use crate::decode::LinkLayer;
use crate::prefetch::prefetch;

/// A format that is read here.
#[derive(Debug)]
pub(super) enum Format {
    Pcap(PcapFile),
    Pcapng(PcapngFile),
}

/// Why no more frames of a batch are read for now.
enum Pause {
    /// There are enough.
    Full,
    /// The next one has another link layer.
    OtherLayer,
    /// So many octets must be there to tell what follows.
    More { wanted: usize, of: &'static str },
}

impl Format {
    /// By a file's first octets, and where its frames_at begin; `None` if it is of another format, or too few
    /// octets are there.
    pub(super) fn of(file: &[u8]) -> Option<(Self, usize)> {
        match PcapFile::read_header(file) {
            Some(pcap) => Some((Self::Pcap(pcap), HEADER)),
            None => PcapngFile::read_header(file).map(|pcapng| (Self::Pcapng(pcapng), 0)),
        }
    }

    /// What the first interface's frames begin with.
    pub(super) fn layer(&self) -> LinkLayer {
        match self {
            Self::Pcap(file) => file.layer(),
            Self::Pcapng(file) => file.layer(),
        }
    }

    #[inline]
    pub(super) fn next(&mut self, rest: &[u8]) -> Next {
        match self {
            Self::Pcap(file) => file.next(rest),
            Self::Pcapng(file) => file.next(rest),
        }
    }

    /// Octets from here to the next record, if this one is sound; nothing is checked but bounds.
    #[inline]
    fn length(&self, rest: &[u8]) -> Option<usize> {
        match self {
            Self::Pcap(file) => file.length(rest),
            Self::Pcapng(file) => file.length(rest),
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
    scout: Scout,
}

/// Walks before the reader from record to record and asks memory for what stands there: where a record is
/// is known only once the one before it has been read, so each would be waited for otherwise.
#[derive(Clone, Copy, Debug, Default)]
struct Scout {
    /// Where in the window it is.
    at: usize,
    /// Records that it is before the reader.
    ahead: usize,
}

/// As far as the scout goes: its lines must still be in the second-level cache when they are read.
const SCOUTED: usize = 256;

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
        let Some((format, at)) = Format::of(octets) else { return Ok(None) };
        let window = Arc::new(window);
        let scout = Scout::default();
        Ok(Some(Self { file, length, format, window, offset: 0, at, error: None, scout }))
    }

    pub(super) fn layer(&self) -> LinkLayer {
        self.format.layer()
    }

    /// Fills a batch with at most so many frames; none at the end of the file.
    pub(super) fn fill(&mut self, batch: &mut Batch, max: usize) -> Result<(), ReadError> {
        batch.begin_mapped(&self.window);
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        while batch.len() < max {
            // A batch is of one window: its end is the batch's, but a first frame is looked for.
            match self.read(batch, max) {
                Ok(Pause::Full) => {}
                Ok(_) if !batch.is_empty() => break,
                Ok(Pause::OtherLayer) => {}
                Ok(Pause::More { wanted, of }) => {
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
                    batch.begin_mapped(&self.window);
                }
                Err(error) if batch.is_empty() => return Err(error),
                Err(error) => {
                    self.error = Some(error);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Asks memory for one record more than is asked for already. Meant to be called between packets, so
    /// that memory answers while the processor counts.
    #[inline]
    pub(super) fn look_ahead(&mut self) {
        let Self { window, format, at, scout, .. } = self;
        if scout.at < *at {
            *scout = Scout { at: *at, ahead: 0 };
        }
        if scout.ahead >= SCOUTED {
            return;
        }
        let octets = window.octets();
        let Some(length) = format.length(octets.get(scout.at..).unwrap_or_default()) else {
            return;
        };
        scout.at = scout.at.saturating_add(length);
        scout.ahead += 1;
        // The record's header and the packet's headers.
        prefetch(octets, scout.at);
        prefetch(octets, scout.at.saturating_add(64));
    }

    /// Reads frames until there are enough, one has another link layer, or what follows needs more of the
    /// file than the window shows.
    fn read(&mut self, batch: &mut Batch, max: usize) -> Result<Pause, ReadError> {
        let Self { window, format, at, scout, .. } = self;
        let octets = window.octets();
        while batch.frames_at.len() < max {
            match format.next(octets.get(*at..).unwrap_or_default()) {
                Next::Frame { timestamp, octets, start, captured, length, layer } => {
                    if !batch.takes(layer) {
                        return Ok(Pause::OtherLayer);
                    }
                    scout.ahead = scout.ahead.saturating_sub(1);
                    batch.frames_at.push(FrameAt {
                        timestamp,
                        octets,
                        captured,
                        start: *at + start,
                    });
                    *at += length;
                }
                Next::Skip(length) => *at += length,
                Next::More { wanted, of } => return Ok(Pause::More { wanted, of }),
                Next::Bad(reason) => return Err(ReadError::Damaged(reason)),
            }
        }
        Ok(Pause::Full)
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
        (self.offset, self.at, self.scout) = (offset, 0, Scout::default());
        Ok(())
    }
}

/// How much to map of so many octets that are left.
fn size(left: u64, wanted: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(WINDOW.max(wanted))
}
