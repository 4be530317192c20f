//! Capture files: pcap with micro- and nanoseconds, and pcapng.

use std::path::{Path, PathBuf};

use pcap::{Capture, Offline, Precision};

use super::{Frame, SourceError, frame};
use crate::decode::LinkLayer;

/// An open capture file.
pub struct Savefile {
    capture: Capture<Offline>,
    layer: LinkLayer,
    path: PathBuf,
    packets: u64,
}

impl Savefile {
    /// Opens a capture file; `-` is standard input.
    ///
    /// # Errors
    /// The file is missing, unreadable, empty, no capture, or of a link type that is not decoded.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let path = path.to_owned();
        if path != Path::new("-") {
            readable(&path)?;
        }
        // libpcap converts microseconds to the nanoseconds asked for, whatever the file's magic.
        let capture =
            Capture::from_file_with_precision(&path, Precision::Nano).map_err(|error| {
                SourceError::NotACapture { path: path.clone(), reason: words(error) }
            })?;
        let layer = LinkLayer::from_dlt(capture.get_datalink().0)
            .map_err(|source| SourceError::LinkType { name: path.display().to_string(), source })?;
        Ok(Self { capture, layer, path, packets: 0 })
    }

    /// What its frames begin with.
    pub const fn link_layer(&self) -> LinkLayer {
        self.layer
    }

    /// The next frame; `None` at the end of the file.
    ///
    /// # Errors
    /// The file is cut short within a packet, or damaged.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, SourceError> {
        match self.capture.next_packet() {
            Ok(packet) => {
                self.packets += 1;
                Ok(Some(frame(&packet)))
            }
            Err(pcap::Error::NoMorePackets) => Ok(None),
            Err(error) => Err(SourceError::Damaged {
                path: self.path.clone(),
                packets: self.packets,
                reason: words(error),
            }),
        }
    }
}

/// What libpcap would not say well, or not at all.
fn readable(path: &Path) -> Result<(), SourceError> {
    let unreadable = |source| SourceError::Unreadable { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
    }
    if path.to_str().is_none() {
        let reason = "libpcap's wrapper takes only names in UTF-8; give the file another name";
        return Err(unreadable(std::io::Error::other(reason)));
    }
    // A pipe is opened once only: its writer would take the first closing for the end.
    if metadata.is_file() {
        std::fs::File::open(path).map_err(unreadable)?;
        if metadata.len() == 0 {
            return Err(SourceError::Empty(path.to_owned()));
        }
    }
    Ok(())
}

/// libpcap's own words, without the wrapper's.
pub(super) fn words(error: pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => text,
        other => other.to_string(),
    }
}
