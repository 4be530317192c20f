//! Standard input, through a pipe whose end is ours: who reads it can be stopped while nobody writes.
//!
//! libpcap reads standard input without an end: a thread that waits in it waits for ever.

use std::fs::File;
use std::io::{self, ErrorKind, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::thread;

use nix::unistd::dup2_stdin;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::appliance::Stop;

/// How often it is looked whether all has come to its end.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// As much as a pipe holds.
const OCTETS: usize = 64 << 10;

/// Puts a pipe in the place of standard input, into which a thread copies what comes, until it is stopped.
pub(crate) fn stdin(stop: Stop) -> io::Result<()> {
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (reader, writer) = io::pipe()?;
    dup2_stdin(&reader)?;
    thread::Builder::new().name("stdin".to_owned()).spawn(move || copy(input, writer, &stop))?;
    Ok(())
}

/// Ends with the input, with the stop, and when nobody reads.
fn copy(mut input: File, mut output: PipeWriter, stop: &Stop) {
    let mut octets = vec![0; OCTETS];
    while !stop.is_set() {
        let mut ready = [PollFd::new(&input, PollFlags::IN)];
        if matches!(poll(&mut ready, Some(&LOOK)), Ok(0) | Err(_)) {
            continue;
        }
        let read = match input.read(&mut octets) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let Some(read) = octets.get(..read).filter(|read| !read.is_empty()) else { return };
        if output.write_all(read).is_err() {
            return;
        }
    }
}
