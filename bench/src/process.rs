//! Other processes: started, looked at, ended.

use std::fs;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// How long a program may take to end when told to.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that is ended with this value, whatever happens.
pub(crate) struct Ended(pub(crate) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill(); // It may have ended already.
        let _ = self.0.wait();
    }
}

/// Runs a command to its end, which must be a good one.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let shown = || format!("{program} {}", arguments.join(" "));
    let output = Command::new(program).args(arguments).output().with_context(shown)?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {}", shown(), words.trim());
    Ok(())
}

/// Sends a signal and waits for the end.
pub(crate) fn stop(child: &mut Child, signal: &str) -> Result<()> {
    run("kill", &["-s", signal, &child.id().to_string()])?;
    let began = Instant::now();
    while child.try_wait()?.is_none() {
        if began.elapsed() > PATIENCE {
            bail!("it does not end");
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The processes that a process has started.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|&id| status(id, "PPid:") == Some(parent.into())).collect()
}

/// Resident memory of a process, in octets.
pub(crate) fn resident(id: u32) -> Option<u64> {
    // In units of 1024 octets, though it says kB.
    status(id, "VmRSS:").map(|kibi| kibi * 1024)
}

/// A number from the kernel's account of a process.
fn status(id: u32, field: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}
