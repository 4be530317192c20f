//! The packet generator: a capture's frames on an interface, again and again, at a rate.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use etiage_capture::source::Savefile;

use crate::raw_socket::{BATCH, RawSocket, interface_number};

/// Octets of frames that are loaded at most: they should stay in the processor's caches or near them.
const MAX_OCTETS: usize = 64_000_000;
/// Ethernet's header with a VLAN tag: what an interface sends besides its MTU.
const HEADER: usize = 18;
/// A pause that is slept; a shorter one is waited out.
const SLEEP: Duration = Duration::from_micros(200);

/// Sends the frames of a capture on an interface, again and again, at a rate (as root)
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The capture, of Ethernet
    capture: PathBuf,
    #[arg(long, value_name = "NAME")]
    interface: String,
    /// Packets a second; as many as can be sent where absent
    #[arg(long, value_name = "N")]
    rate: Option<u64>,
    #[arg(long, value_name = "N", default_value_t = 5)]
    seconds: u64,
    /// Stop after the last frame, however many seconds are left
    #[arg(long)]
    once: bool,
}

/// Runs the command: prints packets and octets sent, and the seconds that it took.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let interface = &arguments.interface;
    let shown = || format!("interface {interface}");
    let largest = interface_number(interface, "mtu").with_context(shown)?;
    let frames = load(arguments, usize::try_from(largest)? + HEADER)?;
    let socket = RawSocket::open(interface).with_context(shown)?;
    let (mut packets, mut octets, mut next) = (0_u64, 0_u64, 0_usize);
    let (started, time) = (Instant::now(), Duration::from_secs(arguments.seconds));
    let most = if arguments.once { frames.len() as u64 } else { u64::MAX };
    let mut elapsed = Duration::ZERO;
    while elapsed < time && packets < most {
        let due = arguments.rate.map_or(u64::MAX, |rate| due(rate, elapsed));
        let wanted = due.min(most) - packets;
        if wanted == 0 {
            pause(arguments.rate.unwrap_or(u64::MAX));
        } else {
            let batch = usize::try_from(wanted).map_or(BATCH, |wanted| wanted.min(BATCH));
            let ring = frames.iter().cycle().skip(next).take(batch).map(Vec::as_slice);
            let sent = match socket.send(ring) {
                Ok(sent) => sent,
                Err(error) if error.kind() == ErrorKind::Interrupted => 0,
                // The interface's queue is full.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => 0,
                Err(error) => return Err(error).with_context(shown),
            };
            let sent_frames = frames.iter().cycle().skip(next).take(sent);
            octets += sent_frames.map(|frame| frame.len() as u64).sum::<u64>();
            packets += sent as u64;
            next = (next + sent) % frames.len();
        }
        elapsed = started.elapsed();
    }
    println!("{packets} {octets} {:.6}", elapsed.as_secs_f64());
    Ok(())
}

fn load(arguments: &Arguments, largest: usize) -> Result<Vec<Vec<u8>>> {
    let mut savefile = Savefile::open(&arguments.capture)?;
    let (mut frames, mut octets) = (Vec::new(), 0);
    while let Some(frame) = savefile.next_frame()?.filter(|_| octets < MAX_OCTETS) {
        if (HEADER..=largest).contains(&frame.data.len()) {
            octets += frame.data.len();
            frames.push(frame.data.to_vec());
        }
    }
    ensure!(!frames.is_empty(), "{}: no frame that can be sent", arguments.capture.display());
    Ok(frames)
}

/// Packets that should have been sent by now.
fn due(rate: u64, elapsed: Duration) -> u64 {
    let due = u128::from(rate) * elapsed.as_nanos() / 1_000_000_000;
    u64::try_from(due).unwrap_or(u64::MAX)
}

/// Waits about until the next packet is due.
fn pause(rate: u64) {
    let gap = Duration::from_nanos(1_000_000_000 / rate.max(1));
    if gap > SLEEP {
        thread::sleep(gap.min(Duration::from_millis(1)));
    } else {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_due_with_time() {
        assert_eq!(due(1_000_000, Duration::from_millis(1)), 1_000);
        assert_eq!(due(u64::MAX, Duration::from_secs(60)), u64::MAX);
    }
}
