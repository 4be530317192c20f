//! Capture files: pcap with micro- and nanoseconds, and pcapng, also compressed with gzip or Zstandard.
//!
//! Regular files of these formats are mapped and read where they lie; standard input, named pipes and compressed
//! files are read as streams; regular files in the formats of other programs are libpcap's.

use std::path::{Path, PathBuf};

use pcap::{Capture, Offline, Precision};

use super::mapped::{MappedFile, ReadError};
use super::pcap_file::PcapFile;
use super::stream::{Opened, Stream, is_compressed};
use super::{Batch, Frame, SourceError, frame};
use crate::decode::LinkLayer;

/// Frames that [`Savefile::next_frame`] reads ahead.
const READ_AHEAD: usize = 256;

/// An open capture file.
pub struct Savefile {
    reading: Reading,
    layer: LinkLayer,
    path: PathBuf,
    packets: u64,
    /// Frames are shown as they come: a pipe's writer may write slowly.
    is_stream: bool,
    /// What [`Savefile::next_frame`] has read, and its next place.
    ahead: (Batch, usize),
}

enum Reading {
    Mapped(Box<MappedFile>),
    Stream(Box<Stream>),
    /// With the error that followed the last batch: libpcap tells it once.
    Libpcap(Capture<Offline>, Option<String>),
}

impl Savefile {
    /// Opens a capture file; `-` is standard input.
    ///
    /// # Errors
    /// The file is missing, unreadable, empty, no capture, or of a link type that is not decoded.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let is_regular = path != Path::new("-") && readable(path)?;
        let unreadable = |source| SourceError::Unreadable { path: path.to_owned(), source };
        let mapped = if is_regular { MappedFile::open(path).map_err(unreadable)? } else { None };
        let (reading, layer) = match mapped {
            Some(file) => {
                let layer = file.layer();
                (Reading::Mapped(Box::new(file)), layer)
            }
            None if is_regular && !is_compressed(path).map_err(unreadable)? => by_libpcap(path)?,
            None => by_stream(path)?,
        };
        Ok(Self {
            reading,
            layer,
            path: path.to_owned(),
            packets: 0,
            is_stream: !is_regular,
            ahead: (Batch::default(), 0),
        })
    }

    /// What its frames begin with; where there are several link types, what the first interface's do, and each
    /// batch tells its own.
    pub const fn link_layer(&self) -> LinkLayer {
        self.layer
    }

    /// Whether it is standard input or a named pipe: reading may wait for whoever writes it.
    pub const fn is_stream(&self) -> bool {
        self.is_stream
    }

    /// Fills a batch with the next frames, at most so many; an empty one is the end of the file. Not to
    /// be mixed with [`Savefile::next_frame`], which reads ahead.
    ///
    /// # Errors
    /// The file is cut short within a packet, or damaged. What came before that has been shown.
    pub fn fill(&mut self, batch: &mut Batch, max: usize) -> Result<(), SourceError> {
        let filled = match &mut self.reading {
            Reading::Mapped(file) => file.fill(batch, max),
            Reading::Stream(stream) => stream.fill(batch, max),
            Reading::Libpcap(capture, error) => {
                batch.begin_copied();
                batch.takes(self.layer);
                fill_by_libpcap(capture, error, batch, max)
            }
        };
        match filled {
            Ok(()) => {
                self.packets += batch.len() as u64;
                Ok(())
            }
            Err(ReadError::Io(source)) => {
                Err(SourceError::Unreadable { path: self.path.clone(), source })
            }
            Err(ReadError::Damaged(reason)) => {
                Err(SourceError::Damaged { path: self.path.clone(), packets: self.packets, reason })
            }
        }
    }

    /// Asks memory for one frame more of those that the next [`Savefile::fill`] will read. To be called
    /// about once a frame, while the frames of a batch are dealt with; it changes nothing but how
    /// soon memory answers.
    #[inline]
    pub fn look_ahead(&mut self) {
        if let Reading::Mapped(file) = &mut self.reading {
            file.look_ahead();
        }
    }

    /// The next frame; `None` at the end of the file.
    ///
    /// # Errors
    /// The file is cut short within a packet, or damaged.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, SourceError> {
        let (mut batch, mut place) = std::mem::take(&mut self.ahead);
        if place >= batch.len() {
            let max = if self.is_stream { 1 } else { READ_AHEAD };
            self.fill(&mut batch, max)?;
            place = 0;
        }
        self.ahead = (batch, place + 1);
        Ok(self.ahead.0.get(place))
    }
}

fn by_stream(path: &Path) -> Result<(Reading, LinkLayer), SourceError> {
    let name = || match path == Path::new("-") {
        true => "standard input".into(),
        false => path.to_owned(),
    };
    match Stream::open(path) {
        Ok(Opened::Stream(stream)) => {
            let layer = stream.layer();
            Ok((Reading::Stream(stream), layer))
        }
        Ok(Opened::Empty) => Err(SourceError::Empty(name())),
        Ok(Opened::Other(begin)) => {
            Err(match PcapFile::link_type(&begin).map(LinkLayer::from_dlt) {
                Some(Err(source)) => {
                    SourceError::LinkType { name: name().display().to_string(), source }
                }
                _ => SourceError::NotACapture {
                    path: name(),
                    reason: "unknown file format".to_owned(),
                },
            })
        }
        Err(source) => Err(SourceError::Unreadable { path: name(), source }),
    }
}

fn by_libpcap(path: &Path) -> Result<(Reading, LinkLayer), SourceError> {
    if path.to_str().is_none() {
        let reason = "libpcap's wrapper takes only names in UTF-8; give the file another name";
        let source = std::io::Error::other(reason);
        return Err(SourceError::Unreadable { path: path.to_owned(), source });
    }
    // libpcap converts microseconds to the nanoseconds asked for, whatever the file's magic.
    let capture = Capture::from_file_with_precision(path, Precision::Nano).map_err(|error| {
        SourceError::NotACapture { path: path.to_owned(), reason: words(error) }
    })?;
    let layer = LinkLayer::from_dlt(capture.get_datalink().0)
        .map_err(|source| SourceError::LinkType { name: path.display().to_string(), source })?;
    Ok((Reading::Libpcap(capture, None), layer))
}

fn fill_by_libpcap(
    capture: &mut Capture<Offline>,
    left: &mut Option<String>,
    batch: &mut Batch,
    max: usize,
) -> Result<(), ReadError> {
    if let Some(error) = left.take() {
        return Err(ReadError::Damaged(error));
    }
    while batch.len() < max {
        match capture.next_packet() {
            Ok(packet) => batch.push(&frame(&packet)),
            Err(pcap::Error::NoMorePackets) => break,
            Err(error) if batch.is_empty() => return Err(ReadError::Damaged(words(error))),
            Err(error) => {
                *left = Some(words(error));
                break;
            }
        }
    }
    Ok(())
}

/// What libpcap would not say well, or not at all. Whether it is a regular file.
fn readable(path: &Path) -> Result<bool, SourceError> {
    let unreadable = |source| SourceError::Unreadable { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
    }
    // A pipe is opened once only: its writer would take the first closing for the end.
    if metadata.is_file() {
        std::fs::File::open(path).map_err(unreadable)?;
        if metadata.len() == 0 {
            return Err(SourceError::Empty(path.to_owned()));
        }
    }
    Ok(metadata.is_file())
}

/// libpcap's own words, without the wrapper's.
pub(super) fn words(error: pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => text,
        other => other.to_string(),
    }
}
