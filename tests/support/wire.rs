//! Two network namespaces with a veth pair between them: a wire to capture on.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// `near0` in one namespace, `far0` in the other; gone with the test.
pub struct Wire {
    pub near: String,
    pub far: String,
}

fn ip(arguments: &str) -> Result<(), String> {
    let output =
        Command::new("ip").args(arguments.split(' ')).output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("ip {arguments}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

impl Wire {
    /// A wire, or none, with a message, where namespaces are not allowed.
    pub fn lay() -> Option<Self> {
        match Self::new() {
            Ok(wire) => Some(wire),
            Err(reason) => {
                super::skipped(&format!("network namespaces cannot be made here ({reason})"));
                None
            }
        }
    }

    fn new() -> Result<Self, String> {
        let id = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let wire = Self { near: format!("etiage-n{id}"), far: format!("etiage-f{id}") };
        let Self { near, far } = &wire;
        for namespace in [near, far] {
            ip(&format!("netns add {namespace}"))?;
            ip(&format!("-n {namespace} link set lo up"))?;
        }
        ip(&format!("-n {near} link add near0 type veth peer name far0 netns {far}"))?;
        for (namespace, interface, address) in
            [(near, "near0", "100.64.9.1/24"), (far, "far0", "198.51.100.9/24")]
        {
            ip(&format!("-n {namespace} addr add {address} dev {interface}"))?;
            ip(&format!("-n {namespace} link set {interface} up"))?;
        }
        ip(&format!("-n {near} route add default dev near0"))?;
        ip(&format!("-n {far} route add default dev far0"))?;
        Ok(wire)
    }

    /// A program in one of the namespaces.
    pub fn inside(namespace: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, program]);
        command
    }

    /// Moves the calling thread into one of the namespaces.
    pub fn enter(namespace: &str) {
        let file = File::open(format!("/run/netns/{namespace}")).unwrap();
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        for namespace in [&self.near, &self.far] {
            let _ = ip(&format!("netns del {namespace}")); // It may never have been made.
        }
    }
}
