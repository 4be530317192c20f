//! Short flows that nobody needs: answered DNS exchanges, each from an address and port of its own.

use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;

use crate::raw_socket::{BATCH, RawSocket};

/// How long the sender rests when it is ahead.
const REST: Duration = Duration::from_millis(1);
/// The resolver that answers (RFC 5737).
const RESOLVER: [u8; 4] = [203, 0, 113, 53];

/// Sends answered DNS exchanges, each a flow of its own (as root)
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[arg(long, value_name = "NAME")]
    interface: String,
    /// Exchanges a second, of two packets each
    #[arg(long, value_name = "N", default_value_t = 25_000)]
    rate: u64,
    #[arg(long, value_name = "N", default_value_t = 5)]
    seconds: u64,
}

/// Runs the command: prints the exchanges sent, and the seconds that it took.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let shown = || format!("interface {}", arguments.interface);
    let socket = RawSocket::open(&arguments.interface).with_context(shown)?;
    let (started, time) = (Instant::now(), Duration::from_secs(arguments.seconds));
    let mut sent = 0_u64;
    while started.elapsed() < time {
        let due = started.elapsed().as_millis() as u64 * arguments.rate / 1000;
        if due <= sent {
            thread::sleep(REST);
            continue;
        }
        let batch = (due - sent).min(BATCH as u64 / 2);
        let frames: Vec<Vec<u8>> = (sent..sent + batch).flat_map(exchange).collect();
        let mut left = frames.as_slice();
        while !left.is_empty() {
            match socket.send(left.iter().map(Vec::as_slice)) {
                Ok(done) => left = left.get(done..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The interface's queue is full.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
                Err(error) => return Err(error).with_context(shown),
            }
        }
        sent += batch;
    }
    println!("{sent} {:.6}", started.elapsed().as_secs_f64());
    Ok(())
}

/// The question and the answer of one exchange; its number makes it unlike any other.
fn exchange(number: u64) -> [Vec<u8>; 2] {
    let [.., a, b, c, d] = number.to_be_bytes();
    // Some sixteen million subscribers of 100.64.0.0/10 and ports above 1024.
    let subscriber = [100, 64 | (a & 0x3f), b, c];
    let port = 1024 + u16::from(d) * 251;
    let id = number as u16;
    let question = message(id, 0x0100, 0, number);
    let answer = message(id, 0x8180, 1, number);
    [
        datagram((subscriber, port), (RESOLVER, 53), &question),
        datagram((RESOLVER, 53), (subscriber, port), &answer),
    ]
}

/// A DNS message (RFC 1035, section 4.1) that asks, or tells, the address of a name.
fn message(id: u16, flags: u16, answers: u16, number: u64) -> Vec<u8> {
    let mut octets = Vec::with_capacity(64);
    for word in [id, flags, 1, answers, 0, 0] {
        octets.extend(word.to_be_bytes());
    }
    let label = format!("h{number:011}");
    octets.push(label.len() as u8);
    octets.extend(label.as_bytes());
    octets.extend(b"\x07example\0\0\x01\0\x01");
    if answers > 0 {
        // A pointer to the name, type A, class IN, a minute, four octets.
        octets.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        octets.extend([198, 51, 100, number as u8]);
    }
    octets
}

/// An Ethernet frame with IPv4 and UDP; no checksums, as nobody here verifies them.
fn datagram(from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16;
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    frame.extend((length + 28).to_be_bytes());
    frame.extend([0, 1, 0, 0, 64, 17, 0, 0]);
    frame.extend(from.0);
    frame.extend(to.0);
    for word in [from.1, to.1, length + 8, 0] {
        frame.extend(word.to_be_bytes());
    }
    frame.extend(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanges_are_flows_of_their_own_and_end_as_they_began() {
        let ends = |frame: &[u8]| (frame[26..30].to_vec(), frame[34..36].to_vec());
        let mut seen = std::collections::HashSet::new();
        for number in 0..100_000 {
            let [question, answer] = exchange(number);
            assert!(seen.insert(ends(&question)), "{number}");
            assert_eq!(question[26..30], answer[30..34]);
            assert_eq!(question[34..36], answer[36..38]);
            assert_eq!(question[42..44], answer[42..44], "the same id");
        }
    }
}
