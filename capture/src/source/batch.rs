//! Frames by the thousand: what a source hands over at once.

use std::sync::Arc;

use super::Frame;
use super::window::Window;
use crate::decode::LinkLayer;
use crate::time::Timestamp;

/// Frames that were read together. A batch is filled again and again, and keeps its memory.
///
/// It owns what its frames borrow, so that it can be given to another thread.
#[derive(Debug, Default)]
pub struct Batch {
    octets: Octets,
    pub(super) frames_at: Vec<FrameAt>,
    /// What all its frames begin with.
    pub(super) layer: LinkLayer,
}

/// Where the octets of a batch's frames are.
#[derive(Debug)]
pub(super) enum Octets {
    /// In the file itself.
    Mapped(Arc<Window>),
    /// Copied out of libpcap's buffer.
    Copied(Vec<u8>),
}

impl Default for Octets {
    fn default() -> Self {
        Self::Copied(Vec::new())
    }
}

impl Octets {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Mapped(window) => window.octets(),
            Self::Copied(octets) => octets,
        }
    }
}

/// A frame, its octets by their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameAt {
    pub(super) timestamp: Timestamp,
    /// Octets on the wire.
    pub(super) octets: u32,
    /// Octets that were captured.
    pub(super) captured: u32,
    /// Where they are.
    pub(super) start: usize,
}

impl FrameAt {
    fn frame<'a>(&self, octets: &'a [u8]) -> Frame<'a> {
        let end = self.start.saturating_add(self.captured as usize);
        // Sources write only frames_at that lie within their octets.
        let data = octets.get(self.start..end).unwrap_or_default();
        Frame { timestamp: self.timestamp, octets: self.octets, data }
    }
}

impl Batch {
    /// What all its frames begin with.
    pub const fn layer(&self) -> LinkLayer {
        self.layer
    }

    /// Frames in it.
    pub const fn len(&self) -> usize {
        self.frames_at.len()
    }

    /// Whether it holds none.
    pub const fn is_empty(&self) -> bool {
        self.frames_at.is_empty()
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.frames_at.clear();
    }

    /// The frame at a place.
    pub fn get(&self, place: usize) -> Option<Frame<'_>> {
        self.frames_at.get(place).map(|record| record.frame(self.octets.as_slice()))
    }

    /// All frames, in the order of the capture.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = Frame<'_>> {
        let octets = self.octets.as_slice();
        self.frames_at.iter().map(|record| record.frame(octets))
    }

    /// Empties it, for frames of a window of the file.
    pub(super) fn begin_mapped(&mut self, window: &Arc<Window>) {
        self.frames_at.clear();
        self.octets = Octets::Mapped(window.clone());
    }

    /// Whether a frame of this link layer may be added: a batch has one, its first frame's.
    #[inline]
    pub(super) fn takes(&mut self, layer: LinkLayer) -> bool {
        if self.frames_at.is_empty() {
            self.layer = layer;
        }
        self.layer == layer
    }

    /// Empties it, for frames that are copied.
    pub(super) fn begin_copied(&mut self) {
        self.frames_at.clear();
        match &mut self.octets {
            Octets::Copied(octets) => octets.clear(),
            mapped @ Octets::Mapped(_) => *mapped = Octets::default(),
        }
    }

    /// Copies a frame into it.
    pub(super) fn push(&mut self, frame: &Frame<'_>) {
        let Octets::Copied(octets) = &mut self.octets else { return };
        self.frames_at.push(FrameAt {
            timestamp: frame.timestamp,
            octets: frame.octets,
            captured: frame.data.len() as u32,
            start: octets.len(),
        });
        octets.extend_from_slice(frame.data);
    }
}
