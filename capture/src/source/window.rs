//! Parts of a file, mapped into memory: the one place of this crate that needs `unsafe`.
//!
//! # Why mapped, and why in parts
//! A mapped file is read where the page cache holds it; reading it block by block costs a copy of every
//! octet, which is more than all that is done with a packet whose flow is settled. In parts, because
//! the pages that a process has mapped count as its own memory: a window's worth is held at a time,
//! however large the file.
//!
//! # What can go wrong
//! Where another program cuts a file short while it is mapped, the kernel answers the next look at the
//! missing pages with SIGBUS, and that ends this process. Windows shorten the time in which that can
//! happen: each is bounded by the file's length when it is mapped, and a file that has shrunk by then is told
//! as damaged. Captures that others may still cut can be given by a pipe.

use std::fs::File;
use std::io;

use memmap2::{Mmap, MmapOptions};

/// Octets mapped at a time: large enough that mapping costs nothing a packet, small enough to be
/// forgotten beside a flow table.
pub(super) const WINDOW: usize = 8 << 20;

/// A part of a file, readable as octets.
#[derive(Debug)]
pub(crate) struct Window(Mmap);

impl Window {
    /// Maps `length` octets from `offset` on, which must be within the file.
    pub(super) fn map(file: &File, offset: u64, length: usize) -> io::Result<Self> {
        let mut options = MmapOptions::new();
        // All of a window is read, once, and at once: the kernel may fill the page table in one go.
        options.offset(offset).len(length).populate();
        // SAFETY: the octets are only read, by parsers that check every length against the slice's, and
        // take any value for data. That another process may change them meanwhile makes a packet
        // wrong, not this program; that it may cut the file short ends it, as the module says.
        #[allow(unsafe_code)]
        let map = unsafe { options.map(file) }?;
        Ok(Self(map))
    }

    /// The octets.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.0
    }
}
