//! The probes: one protocol each, asked in the order of these lists.
//!
//! A probe is a pure function of what it is shown and of its part of the flow's [`Scratch`]. It says
//! `Match` only when the protocol's own framing was checked, `Unsure` while more payload could settle
//! it, `No` as soon as it cannot be its protocol. It never panics, whatever the octets are.
//!
//! Order matters only where two probes could match the same octets: the stricter one comes first.

mod bencode;
mod bittorrent;
mod bittorrent_http;
mod dht;
mod directconnect;
mod dtls;
mod edonkey;
mod edonkey_hidden;
mod edonkey_peers;
mod expected;
mod ftp;
mod gnutella;
mod gossip;
#[cfg(test)]
mod hidden_tests;
mod infrastructure;
mod le;
mod mail;
mod mse;
mod nntp;
mod ntp;
mod peers;
pub(crate) mod random;
mod rtp;
mod signatures;
mod skype;
mod soulseek;
mod ssh;
mod stun;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod tracker;
mod utp;
mod vpn;
mod webtorrent;

pub(crate) mod dns;
mod http;
mod quic;
mod tls;
mod x509;

#[cfg(test)]
pub(crate) use tls::hello::tests as hello_tests;

use etiage_capture::Transport;

use crate::probe::{Answer, View};

/// A probe and its name, for tests and statistics.
pub struct Probe {
    /// Its module's name.
    pub name: &'static str,
    /// Asks it about what is in view.
    pub ask: for<'a> fn(&View<'a>, &mut Scratch) -> Answer<'a>,
}

/// What probes remember of a flow between packets.
#[derive(Default)]
pub struct Scratch {
    quic: quic::Memory,
    bittorrent_http: bittorrent_http::Memory,
    dns: dns::Memory,
    edonkey_hidden: edonkey_hidden::Memory,
    ftp: ftp::Memory,
    mse: mse::Memory,
    rtp: rtp::Memory,
    tracker: tracker::Memory,
    utp: utp::Memory,
    vpn: vpn::Memory,
    webtorrent: webtorrent::Memory,
}

impl Scratch {
    /// Whether the flow began like BitTorrent's encrypted handshake.
    pub(crate) const fn has_hidden_handshake(&self) -> bool {
        self.mse.has_shape()
    }

    /// Octets beyond its own.
    pub(crate) fn octets(&self) -> usize {
        self.quic.octets()
    }
}

/// Probes over TCP.
pub static TCP: &[Probe] = &[
    Probe { name: "expected", ask: expected::ask },
    // Most connections are TLS, and nothing else looks like it.
    Probe { name: "tls", ask: tls::ask },
    Probe { name: "bittorrent", ask: bittorrent::ask },
    Probe { name: "bittorrent_http", ask: bittorrent_http::ask },
    Probe { name: "webtorrent", ask: webtorrent::ask },
    Probe { name: "ssh", ask: ssh::ask },
    Probe { name: "ftp", ask: ftp::ask },
    Probe { name: "smtp", ask: mail::smtp },
    Probe { name: "imap", ask: mail::imap },
    Probe { name: "pop3", ask: mail::pop3 },
    Probe { name: "nntp", ask: nntp::ask },
    Probe { name: "edonkey", ask: edonkey::tcp },
    Probe { name: "directconnect", ask: directconnect::tcp },
    Probe { name: "gnutella", ask: gnutella::tcp },
    Probe { name: "soulseek", ask: soulseek::ask },
    Probe { name: "fasttrack", ask: gossip::fasttrack },
    Probe { name: "bitcoin", ask: gossip::bitcoin },
    Probe { name: "libp2p", ask: gossip::libp2p },
    Probe { name: "ethereum", ask: gossip::ethereum_tcp },
    Probe { name: "sip", ask: infrastructure::sip },
    Probe { name: "rdp", ask: infrastructure::rdp },
    Probe { name: "smb", ask: infrastructure::smb },
    Probe { name: "bgp", ask: infrastructure::bgp },
    Probe { name: "stun", ask: stun::tcp },
    Probe { name: "openvpn", ask: vpn::openvpn },
    Probe { name: "http", ask: http::ask },
    Probe { name: "dns", ask: dns::ask },
    Probe { name: "signatures", ask: signatures::ask },
    // Nothing is fixed in these: whatever has a shape of its own comes before it.
    Probe { name: "edonkey_hidden", ask: edonkey_hidden::tcp },
    Probe { name: "skype_servers", ask: skype::tcp },
    Probe { name: "mse", ask: mse::ask },
];

/// Probes over UDP.
pub static UDP: &[Probe] = &[
    Probe { name: "expected", ask: expected::ask },
    Probe { name: "quic", ask: quic::ask },
    Probe { name: "dns", ask: dns::ask },
    Probe { name: "dht", ask: dht::ask },
    Probe { name: "tracker", ask: tracker::ask },
    Probe { name: "lsd", ask: tracker::ask_lsd },
    Probe { name: "stun", ask: stun::udp },
    Probe { name: "dtls", ask: dtls::ask },
    Probe { name: "ntp", ask: ntp::ask },
    Probe { name: "sip", ask: infrastructure::sip },
    Probe { name: "ssdp", ask: infrastructure::ssdp },
    Probe { name: "dhcp", ask: infrastructure::dhcp },
    Probe { name: "snmp", ask: infrastructure::snmp },
    Probe { name: "wireguard", ask: vpn::wireguard },
    Probe { name: "openvpn", ask: vpn::openvpn },
    Probe { name: "ipsec", ask: vpn::ipsec },
    Probe { name: "directconnect", ask: directconnect::udp },
    Probe { name: "gnutella", ask: gnutella::udp },
    Probe { name: "edonkey", ask: edonkey::udp },
    Probe { name: "ethereum", ask: gossip::ethereum },
    Probe { name: "signatures", ask: signatures::ask },
    Probe { name: "rtp", ask: rtp::ask },
    // Few bits are fixed in uTP's header: everything stricter comes before it.
    Probe { name: "utp", ask: utp::ask },
    Probe { name: "edonkey_hidden", ask: edonkey_hidden::udp },
    Probe { name: "skype", ask: skype::udp },
];

/// The probes for a transport; `None` where the transport itself is the verdict.
pub(crate) fn for_transport(transport: Transport) -> Option<&'static [Probe]> {
    match transport {
        Transport::TCP => Some(TCP),
        Transport::UDP => Some(UDP),
        _ => None,
    }
}
