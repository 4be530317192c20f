//! What the formats of savefiles have in common.

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
        /// What it begins with.
        layer: LinkLayer,
    },
    /// Nothing to show in so many octets.
    Skip(usize),
    /// So many octets must be there to tell.
    More { wanted: usize, of: &'static str },
    /// It cannot be read.
    Bad(String),
}
