//! Runs a program and measures all of it: wall time, processor time, peak memory.

// Rust's library waits for a child without asking what it used: wait4(2) tells, and only of this child.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// What a program took, from its start to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) wall: Duration,
    /// In user and kernel together, all threads.
    pub(crate) cpu: Duration,
    /// Peak of resident memory, pages of mapped files included.
    pub(crate) peak_octets: u64,
    pub(crate) status: ExitStatus,
}

/// Starts a program and waits for its end.
pub(crate) fn measure(command: &mut Command) -> io::Result<Usage> {
    let started = Instant::now();
    let child = command.spawn()?;
    let (status, used) = wait4(&child)?;
    let wall = started.elapsed();
    let cpu = duration(used.ru_utime) + duration(used.ru_stime);
    // In units of 1024 octets (getrusage(2)).
    let peak_octets = u64::try_from(used.ru_maxrss).unwrap_or(0) * 1024;
    Ok(Usage { wall, cpu, peak_octets, status })
}

fn wait4(child: &Child) -> io::Result<(ExitStatus, libc::rusage)> {
    let id = child.id().cast_signed();
    let mut status = 0;
    let mut used = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers are to live locals of the types that wait4 writes. The child has not
        // been waited for: `child` is borrowed, and nothing else here waits.
        let done = unsafe { libc::wait4(id, &mut status, 0, used.as_mut_ptr()) };
        if done == id {
            // SAFETY: rusage is plain integers, for which zeroes are valid too.
            return Ok((ExitStatus::from_raw(status), unsafe { used.assume_init() }));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

fn duration(time: libc::timeval) -> Duration {
    let secs = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(secs) + Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_measured_to_its_end() {
        let script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 3";
        let used = measure(Command::new("sh").args(["-c", script])).unwrap();
        assert_eq!(used.status.code(), Some(3));
        assert!(used.cpu > Duration::ZERO && used.wall > Duration::ZERO, "{used:?}");
        assert!(used.peak_octets > 100_000, "{used:?}");
    }
}
