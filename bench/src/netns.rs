//! Two network namespaces with a veth pair between them.

use std::process::Command;

use anyhow::Result;

use crate::process;

/// The pair; gone with this value.
pub(crate) struct Wire {
    near: String,
    far: String,
}

/// The largest a veth interface takes: recordings hold what offloading made of segments.
const MTU: &str = "65535";

impl Wire {
    /// Makes it. IPv6 is off, so that no packet crosses it but those that are sent.
    pub(crate) fn new() -> Result<Self> {
        let id = std::process::id();
        let wire = Self { near: format!("etiage-n{id}"), far: format!("etiage-f{id}") };
        let (near, far) = (wire.near_interface(), wire.far_interface());
        for namespace in [&wire.near, &wire.far] {
            ip(&["netns", "add", namespace])?;
            ip(&["-n", namespace, "link", "set", "lo", "up"])?;
            let quiet = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; \
                         echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6";
            process::run("ip", &["netns", "exec", namespace, "sh", "-c", quiet])?;
        }
        let peer = ["type", "veth", "peer", "name", far, "netns", &wire.far];
        ip(&[&["-n", &wire.near, "link", "add", near][..], &peer].concat())?;
        for (namespace, interface) in [(&wire.near, near), (&wire.far, far)] {
            ip(&["-n", namespace, "link", "set", interface, "mtu", MTU, "arp", "off", "up"])?;
        }
        Ok(wire)
    }

    /// The sender's interface.
    pub(crate) const fn near_interface(&self) -> &'static str {
        "near0"
    }

    /// The receiver's interface.
    pub(crate) const fn far_interface(&self) -> &'static str {
        "far0"
    }

    /// A command in the sender's namespace.
    pub(crate) fn inside_near(&self, program: &str) -> Command {
        inside(&self.near, program)
    }

    /// A command in the receiver's namespace.
    pub(crate) fn inside_far(&self, program: &str) -> Command {
        inside(&self.far, program)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        for namespace in [&self.near, &self.far] {
            let _ = ip(&["netns", "del", namespace]); // It may never have been made.
        }
    }
}

fn inside(namespace: &str, program: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, program]);
    command
}

fn ip(arguments: &[&str]) -> Result<()> {
    process::run("ip", arguments)
}
