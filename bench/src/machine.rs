//! What the measuring was done on, and with which versions: the head of every table.

use std::fs;

use crate::program::debian_version;

/// The packages of the programs that are compared.
const PACKAGES: [&str; 6] =
    ["libndpi-bin", "softflowd", "nfdump", "tcpdump", "libpcap0.8", "tcpreplay"];

/// Prints machine, kernel and versions, and how busy the machine is.
pub(crate) fn print() {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim())
    };
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "{} (family {}, model {}), {cores} cores, Linux {}, load before the run {}",
        field("model name").unwrap_or("unknown processor"),
        field("cpu family").unwrap_or("?"),
        field("model").unwrap_or("?"),
        kernel.trim(),
        load.split(' ').next().unwrap_or("?"),
    );
    let versions = PACKAGES.iter().map(|package| match debian_version(package) {
        Some(version) => format!("{package} {version}"),
        None => format!("{package} missing"),
    });
    println!("etiage {}, {}", env!("CARGO_PKG_VERSION"), versions.collect::<Vec<_>>().join(", "));
}
