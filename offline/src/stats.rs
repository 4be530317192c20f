//! What `etiage classify --stats` prints: the engine's numbers about itself.

use std::io::{self, Write};

use etiage_aggregator::{MeterStats, PROBE_LENGTH_BINS, Step};

/// Prints them for people. Costs are of the packets that were timed, one in 1,024; flows and octets are those
/// at the end of each recording.
pub(crate) fn print(stats: &MeterStats, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\nstage         ns a packet      timed")?;
    for (stage, cost) in Step::ALL.into_iter().zip(stats.steps) {
        let each = cost.nanos.checked_div(cost.packets).unwrap_or_default();
        writeln!(out, "{:<12} {each:>12} {:>10}", stage.name(), cost.packets)?;
    }
    write!(out, "\nknown after packets")?;
    for most in PROBE_LENGTH_BINS {
        let label = if most == u32::MAX { "more".to_owned() } else { format!("<={most}") };
        write!(out, "{label:>9}")?;
    }
    writeln!(out)?;
    for (protocol, flows) in stats.probe_lengths.iter() {
        write!(out, "{:<19}", protocol.name())?;
        for flows in flows {
            write!(out, "{flows:>9}")?;
        }
        writeln!(out)?;
    }
    let table = stats.table;
    writeln!(
        out,
        "\n{} flows of {} in the table at the end, {} of them half-open; {} half-open made room; {} kB",
        table.flows,
        table.capacity,
        table.half_open,
        table.half_open_evicted,
        table.octets / 1000,
    )?;
    writeln!(
        out,
        "{} flows without a final verdict, in {} kB",
        stats.open_flows,
        stats.open_octets / 1000
    )
}
