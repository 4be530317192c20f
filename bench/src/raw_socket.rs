//! Sends frames as they are, many a system call: a generator must outrun what it measures.

// AF_PACKET's address and sendmmsg(2) are in no safe library that this project uses already.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::ptr;

/// Frames a system call: beyond this the call itself no longer counts.
pub(crate) const BATCH: usize = 64;

/// A raw socket bound to an interface, for sending only.
pub(crate) struct RawSocket(OwnedFd);

impl RawSocket {
    pub(crate) fn open(interface: &str) -> io::Result<Self> {
        let index = interface_number(interface, "ifindex")?;
        // SAFETY: socket(2) takes no pointers. Protocol 0: nothing is received.
        let socket =
            unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just opened, and nobody else has it.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(socket) });
        socket.bind(index)?;
        socket.bypass_queues()?;
        Ok(socket)
    }

    fn bind(&self, index: i32) -> io::Result<()> {
        // SAFETY: sockaddr_ll is plain integers, for which zeroes are valid.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = index;
        // SAFETY: the pointer is to a live local of the size that is told.
        let done = unsafe {
            libc::bind(
                self.0.as_raw_fd(),
                ptr::from_ref(&address).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        };
        result(done).map(drop)
    }

    /// Past the traffic shaper: it only costs time.
    fn bypass_queues(&self) -> io::Result<()> {
        let on: libc::c_int = 1;
        // SAFETY: the pointer is to a live local of the size that is told.
        let done = unsafe {
            libc::setsockopt(
                self.0.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_QDISC_BYPASS,
                ptr::from_ref(&on).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        result(done).map(drop)
    }

    /// Sends up to [`BATCH`] frames; says how many were sent.
    pub(crate) fn send<'a>(&self, frames: impl Iterator<Item = &'a [u8]>) -> io::Result<usize> {
        let mut parts: Vec<libc::iovec> = frames
            .take(BATCH)
            .map(|frame| libc::iovec {
                iov_base: frame.as_ptr().cast_mut().cast(),
                iov_len: frame.len(),
            })
            .collect();
        let mut messages: Vec<libc::mmsghdr> = parts
            .iter_mut()
            .map(|part| {
                // SAFETY: mmsghdr is integers and pointers, for which zeroes are valid.
                let mut message: libc::mmsghdr = unsafe { zeroed() };
                message.msg_hdr.msg_iov = part;
                message.msg_hdr.msg_iovlen = 1;
                message
            })
            .collect();
        // SAFETY: each message points to its part, and each part to its frame. All of them live until
        // the call returns: `parts` and `messages` are locals, the frames are borrowed for 'a. The
        // kernel reads the frames and writes only to `messages`.
        let sent = unsafe {
            libc::sendmmsg(self.0.as_raw_fd(), messages.as_mut_ptr(), messages.len() as u32, 0)
        };
        result(sent)
    }
}

/// A number that the kernel tells of an interface.
pub(crate) fn interface_number(interface: &str, what: &str) -> io::Result<i32> {
    let file = Path::new("/sys/class/net").join(interface).join(what);
    fs::read_to_string(file)?.trim().parse().map_err(io::Error::other)
}

fn result(returned: libc::c_int) -> io::Result<usize> {
    usize::try_from(returned).map_err(|_| io::Error::last_os_error())
}
