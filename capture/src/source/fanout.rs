//! Several sockets share an interface's packets: Linux's `PACKET_FANOUT` (packet(7)), on libpcap's own
//! sockets.
//!
//! The kernel chooses the socket by a hash of the flow that is the same for both directions. A datagram's
//! fragments have one hash, of addresses alone. The kernel could put fragments together first
//! (`PACKET_FANOUT_FLAG_DEFRAG`), but then what is counted is no longer what crossed the wire.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{PACKET_FANOUT, PACKET_FANOUT_FLAG_UNIQUEID, PACKET_FANOUT_HASH, SOL_PACKET, c_int};

/// A group of sockets, by the number that the kernel gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group(u16);

impl Group {
    /// Makes a group, with this socket as its first member.
    pub(super) fn found(socket: BorrowedFd<'_>) -> io::Result<Self> {
        // The kernel chooses a number that nobody uses (since Linux 4.12).
        set(socket, (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID) << 16)?;
        // Its lower half is the number.
        Ok(Self(get(socket)? as u16))
    }

    /// Adds a socket.
    pub(super) fn join(self, socket: BorrowedFd<'_>) -> io::Result<()> {
        set(socket, PACKET_FANOUT_HASH << 16 | u32::from(self.0))
    }
}

fn set(socket: BorrowedFd<'_>, value: u32) -> io::Result<()> {
    let value = value.cast_signed();
    // SAFETY: the descriptor is open for as long as it is borrowed, and the kernel reads one integer,
    // which lives across the call.
    #[allow(unsafe_code)]
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            SOL_PACKET,
            PACKET_FANOUT,
            (&raw const value).cast(),
            size_of::<c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn get(socket: BorrowedFd<'_>) -> io::Result<u32> {
    let mut value: c_int = 0;
    let mut length = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is open for as long as it is borrowed, and the kernel writes at most
    // `length` octets to an integer of that length, which lives across the call.
    #[allow(unsafe_code)]
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            SOL_PACKET,
            PACKET_FANOUT,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    if result == 0 { Ok(value.cast_unsigned()) } else { Err(io::Error::last_os_error()) }
}
