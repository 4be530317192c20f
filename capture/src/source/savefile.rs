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
            match std::fs::File::open(&path).and_then(|file| file.metadata()) {
                Err(source) => return Err(SourceError::Unreadable { path, source }),
                Ok(metadata) if metadata.is_file() && metadata.len() == 0 => {
                    return Err(SourceError::Empty(path));
                }
                Ok(_) => {}
            }
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

/// libpcap's own words, without the wrapper's.
pub(super) fn words(error: pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => text,
        other => other.to_string(),
    }
}
