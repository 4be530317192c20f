//! Captures to measure with: many small recordings become one large one.
//!
//! Every copy of a recording gets addresses of its own, the same for both directions, so that its flows
//! are flows of their own; its times are moved, and all copies are interleaved by time, as on a link.
//! Checksums are not made right again: nothing that is measured here looks at them.
//! The same recordings always give the same files, octet for octet.

mod rewrite;
mod savefile;
mod source;

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;

use self::rewrite::Instance;
pub(crate) use self::savefile::{Writer, Written};
use self::source::Recorded;
pub(crate) use self::source::{Source, load_all};

/// Stream time that a composed capture takes.
const SPAN: Duration = Duration::from_secs(60);
/// Longest time of a recording in it: longer ones are played faster.
const LONGEST: Duration = Duration::from_secs(20);
/// When the composed captures begin: 2026-01-01T00:00:00Z.
const BEGIN: Duration = Duration::from_secs(1_767_225_600);
/// Packets of each flow that the capture of short flows holds.
const SHORT: u32 = 8;

/// Composes captures from recordings
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Captures, or folders that are searched for them
    #[arg(required = true, value_name = "PATH")]
    recordings: Vec<PathBuf>,
    /// Write mixed.pcap and short.pcap into this folder
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    out: PathBuf,
    /// Octets of packets that mixed.pcap holds at least, in millions
    #[arg(long, value_name = "MB", default_value_t = 500)]
    megabytes: u64,
    /// Packets that short.pcap holds at least
    #[arg(long, value_name = "N", default_value_t = 900_000)]
    packets: u64,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let sources = load_all(&arguments.recordings)?;
    std::fs::create_dir_all(&arguments.out)
        .with_context(|| format!("cannot make {}", arguments.out.display()))?;
    let octets = arguments.megabytes.saturating_mul(1_000_000);
    let mixed = copies(&sources, |once| octets.div_ceil(once.captured.max(1)))?;
    compose(&sources, mixed, &arguments.out.join("mixed.pcap"))?;
    let short: Vec<Source> = sources.into_iter().map(|source| source.shortened(SHORT)).collect();
    let repeated = copies(&short, |once| arguments.packets.div_ceil(once.packets.max(1)))?;
    compose(&short, repeated, &arguments.out.join("short.pcap"))
}

/// What one copy of every recording amounts to.
struct Once {
    packets: u64,
    captured: u64,
}

/// How often everything is copied. Whole copies of all only: so each recording keeps its share.
fn copies(sources: &[Source], needed: impl FnOnce(&Once) -> u64) -> Result<u32> {
    let packets = sources.iter().map(|source| source.packets.len() as u64).sum();
    let captured = sources.iter().map(Source::captured).sum();
    ensure!(packets > 0, "there is no packet in these recordings");
    u32::try_from(needed(&Once { packets, captured })).context("too many copies")
}

fn compose(sources: &[Source], copies: u32, path: &Path) -> Result<()> {
    let mut writer = Writer::create(path)?;
    let mut flows = HashSet::new();
    let round = Round { first: 0, copies, begin: BEGIN };
    round.write(sources, &mut writer, |instance, packet| {
        flows.extend(packet.flow.map(|flow| (instance, flow)));
    })?;
    let written = writer.finish()?;
    println!(
        "{}: {} packets, {} octets captured of {}, {} flows, {copies} copies of {} recordings",
        path.display(),
        written.packets,
        written.captured,
        written.octets,
        flows.len(),
        sources.len(),
    );
    Ok(())
}

/// Copies of all recordings, interleaved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    /// The number of its first copy.
    pub(crate) first: u32,
    /// How often each recording is in it.
    pub(crate) copies: u32,
    /// Its first moment, since the Unix epoch.
    pub(crate) begin: Duration,
}

/// A packet's place in a round.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// Nanoseconds since its begin.
    at: u64,
    /// Which copy, counted from the round's first.
    copy: u32,
    packet: u32,
}

impl Round {
    /// The round after this one: new copies at a later time.
    pub(crate) fn next(self, sources: &[Source]) -> Self {
        let first = self.first.wrapping_add(self.copies.wrapping_mul(sources.len() as u32));
        Self { first, begin: self.begin + SPAN, ..self }
    }

    /// Writes its packets in the order of their times, and shows each to `seen`.
    pub(crate) fn write<W: Write>(
        self,
        sources: &[Source],
        writer: &mut Writer<W>,
        mut seen: impl FnMut(Instance, &Recorded),
    ) -> io::Result<()> {
        let mut frame = Vec::new();
        for entry in self.entries(sources) {
            let instance = self.instance(entry.copy);
            let source = sources.get(entry.copy as usize % sources.len());
            let Some((source, packet)) = source
                .and_then(|source| Some((source, source.packets.get(entry.packet as usize)?)))
            else {
                continue;
            };
            frame.clear();
            frame.extend_from_slice(source.frame(packet));
            packet.places.rewrite(&mut frame, instance);
            writer.write(self.begin + Duration::from_nanos(entry.at), packet.octets, &frame)?;
            seen(instance, packet);
        }
        Ok(())
    }

    fn instance(self, copy: u32) -> Instance {
        Instance(self.first.wrapping_add(copy))
    }

    fn entries(self, sources: &[Source]) -> Vec<Entry> {
        let mut entries = Vec::new();
        let all = (0..self.copies).flat_map(|_| sources);
        for (source, copy) in all.zip(0..) {
            let start = self.instance(copy).start(SPAN.saturating_sub(source.span));
            for (packet, index) in source.packets.iter().zip(0..) {
                entries.push(Entry { at: start + packet.at, copy, packet: index });
            }
        }
        entries.sort_unstable();
        entries
    }
}

#[cfg(test)]
mod tests;
