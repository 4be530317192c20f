//! The table of docs/reliability.md: each fault test adds its own row.

use std::fs::OpenOptions;
use std::io::Write;

/// What a fault did to the appliance.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// What was done to it.
    pub fault: &'a str,
    /// How many times.
    pub times: u32,
    /// Octets that were received and are in no table.
    pub lost: u64,
    /// Octets that are in a table twice.
    pub doubled: u64,
    /// Seconds from the fault's end until all was well again; none where nothing has to recover.
    pub recovery: Option<f64>,
    /// Of how many octets.
    pub of: u64,
}

/// Adds a row to the file that `ETIAGE_RELIABILITY` names, if it is set: `make faults` does.
pub fn report(outcome: Outcome<'_>) {
    let Some(path) = std::env::var_os("ETIAGE_RELIABILITY") else { return };
    let Outcome { fault, times, lost, doubled, recovery, of } = outcome;
    let recovery = recovery.map_or("–".to_owned(), |seconds| format!("{seconds:.1}"));
    let row = format!("| {fault} | {times} | {of} | {lost} | {doubled} | {recovery} |\n");
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    // One write: tests of several programs append at the same time.
    file.write_all(row.as_bytes()).unwrap();
}
