//! Reads a capture with libpcap and counts, nothing else: the floor for whatever reads with libpcap.

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(file) = std::env::args().nth(1) else {
        eprintln!("usage: libpcap-loop CAPTURE");
        return ExitCode::from(2);
    };
    match count(&file) {
        Ok((packets, octets)) => {
            println!("{packets} packets {octets} octets");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{file}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn count(file: &str) -> Result<(u64, u64), pcap::Error> {
    let mut capture = pcap::Capture::from_file(file)?;
    let (mut packets, mut octets) = (0, 0);
    loop {
        match capture.next_packet() {
            Ok(packet) => {
                packets += 1;
                octets += u64::from(packet.header.len);
            }
            Err(pcap::Error::NoMorePackets) => return Ok((packets, octets)),
            Err(error) => return Err(error),
        }
    }
}
