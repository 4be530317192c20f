//! Which host names are ours.

use std::net::IpAddr;

/// The host names this server answers for. A web page on another host can make a browser send requests
/// here by pointing its own name to this address (DNS rebinding); its Host header gives it away.
#[derive(Clone, Debug)]
pub struct AllowedHosts {
    /// `None` where any name is right.
    names: Option<Vec<String>>,
}

impl AllowedHosts {
    /// For a server that listens on this address. On loopback: `localhost`, loopback addresses and
    /// the given names. Elsewhere any name is right, since the token protects it.
    pub fn for_address(address: IpAddr, names: &[String]) -> Self {
        let lower = || names.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { names: address.is_loopback().then(lower) }
    }

    /// Any name is right.
    pub const fn any() -> Self {
        Self { names: None }
    }

    pub(crate) fn allows(&self, host: &str) -> bool {
        let Some(names) = &self.names else { return true };
        let host = without_port(host).to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            || names.iter().any(|name| name == host)
    }
}

/// The host of `host:port`, without the brackets of an IPv6 address (RFC 3986, section 3.2.2).
fn without_port(authority: &str) -> &str {
    if let Some(inside) = authority.strip_prefix('[') {
        return inside.split_once(']').map_or(authority, |(address, _)| address);
    }
    authority.split_once(':').map_or(authority, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_on_loopback() {
        let hosts =
            AllowedHosts::for_address(IpAddr::from([127, 0, 0, 1]), &["Etiage.Example.net".into()]);
        for host in [
            "localhost",
            "localhost:8420",
            "LOCALHOST.:8420",
            "127.0.0.1:8420",
            "[::1]:8420",
            "[::1]",
            "etiage.example.net:8420",
        ] {
            assert!(hosts.allows(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1:8420",
            "[::2]",
            "127.0.0.1.evil",
            "[::1",
        ] {
            assert!(!hosts.allows(host), "{host}");
        }
    }

    #[test]
    fn hosts_elsewhere() {
        let hosts = AllowedHosts::for_address(IpAddr::from([192, 0, 2, 1]), &[]);
        assert!(hosts.allows("anything.example"));
    }
}
