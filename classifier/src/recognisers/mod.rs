//! The recognisers: one protocol each, asked in the order of these lists.
//!
//! A recogniser is a pure function of what it is shown and of its part of the flow's [`Scratch`]. It says
//! `Match` only when the protocol's own framing was checked, `Unsure` while more payload could settle
//! it, `No` as soon as it cannot be its protocol. It never panics, whatever the octets are.
//!
//! Order matters only where two recognisers could match the same octets: the stricter one comes first.

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

use crate::class::Protocol;
use crate::recogniser::{Answer, View};

/// A recogniser and its name, for tests and statistics.
pub struct Recogniser {
    /// Its module's name.
    pub name: &'static str,
    /// The protocol whose own recogniser this is: once it has seen the payload and said no, neither port nor
    /// endpoint make a flow that protocol.
    pub protocol: Option<Protocol>,
    /// Asks it about what is in view.
    pub ask: for<'a> fn(&View<'a>, &mut Scratch) -> Answer<'a>,
}

/// What recognisers remember of a flow between packets.
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

/// Recognisers over TCP.
pub static TCP: &[Recogniser] = &[
    Recogniser { name: "expected", protocol: None, ask: expected::ask },
    // Most connections are TLS, and nothing else looks like it.
    Recogniser { name: "tls", protocol: None, ask: tls::ask },
    Recogniser { name: "bittorrent", protocol: None, ask: bittorrent::ask },
    Recogniser { name: "bittorrent_http", protocol: None, ask: bittorrent_http::ask },
    Recogniser { name: "webtorrent", protocol: None, ask: webtorrent::ask },
    Recogniser { name: "ssh", protocol: None, ask: ssh::ask },
    Recogniser { name: "ftp", protocol: None, ask: ftp::ask },
    Recogniser { name: "smtp", protocol: None, ask: mail::smtp },
    Recogniser { name: "imap", protocol: None, ask: mail::imap },
    Recogniser { name: "pop3", protocol: None, ask: mail::pop3 },
    Recogniser { name: "nntp", protocol: None, ask: nntp::ask },
    Recogniser { name: "edonkey", protocol: None, ask: edonkey::tcp },
    Recogniser { name: "directconnect", protocol: None, ask: directconnect::tcp },
    Recogniser { name: "gnutella", protocol: None, ask: gnutella::tcp },
    Recogniser { name: "soulseek", protocol: None, ask: soulseek::ask },
    Recogniser { name: "fasttrack", protocol: None, ask: gossip::fasttrack },
    Recogniser { name: "bitcoin", protocol: None, ask: gossip::bitcoin },
    Recogniser { name: "libp2p", protocol: None, ask: gossip::libp2p },
    Recogniser { name: "ethereum", protocol: None, ask: gossip::ethereum_tcp },
    Recogniser { name: "sip", protocol: None, ask: infrastructure::sip },
    Recogniser { name: "rdp", protocol: None, ask: infrastructure::rdp },
    Recogniser { name: "smb", protocol: None, ask: infrastructure::smb },
    Recogniser { name: "bgp", protocol: None, ask: infrastructure::bgp },
    Recogniser { name: "stun", protocol: None, ask: stun::tcp },
    Recogniser { name: "openvpn", protocol: None, ask: vpn::openvpn },
    Recogniser { name: "http", protocol: None, ask: http::ask },
    Recogniser { name: "dns", protocol: None, ask: dns::ask },
    Recogniser { name: "signatures", protocol: None, ask: signatures::ask },
    // Nothing is fixed in these: whatever has a shape of its own comes before it.
    Recogniser { name: "edonkey_hidden", protocol: None, ask: edonkey_hidden::tcp },
    Recogniser { name: "skype_servers", protocol: None, ask: skype::tcp },
    Recogniser { name: "mse", protocol: None, ask: mse::ask },
];

/// Recognisers over UDP.
pub static UDP: &[Recogniser] = &[
    Recogniser { name: "expected", protocol: None, ask: expected::ask },
    Recogniser { name: "quic", protocol: None, ask: quic::ask },
    Recogniser { name: "dns", protocol: None, ask: dns::ask },
    Recogniser { name: "dht", protocol: None, ask: dht::ask },
    Recogniser { name: "tracker", protocol: None, ask: tracker::ask },
    Recogniser { name: "lsd", protocol: None, ask: tracker::ask_lsd },
    Recogniser { name: "stun", protocol: None, ask: stun::udp },
    Recogniser { name: "dtls", protocol: None, ask: dtls::ask },
    Recogniser { name: "ntp", protocol: None, ask: ntp::ask },
    Recogniser { name: "sip", protocol: None, ask: infrastructure::sip },
    Recogniser { name: "ssdp", protocol: None, ask: infrastructure::ssdp },
    Recogniser { name: "dhcp", protocol: None, ask: infrastructure::dhcp },
    Recogniser { name: "snmp", protocol: None, ask: infrastructure::snmp },
    Recogniser { name: "wireguard", protocol: None, ask: vpn::wireguard },
    Recogniser { name: "openvpn", protocol: None, ask: vpn::openvpn },
    Recogniser { name: "ipsec", protocol: None, ask: vpn::ipsec },
    Recogniser { name: "directconnect", protocol: None, ask: directconnect::udp },
    Recogniser { name: "gnutella", protocol: None, ask: gnutella::udp },
    Recogniser { name: "edonkey", protocol: None, ask: edonkey::udp },
    Recogniser { name: "ethereum", protocol: None, ask: gossip::ethereum },
    Recogniser { name: "signatures", protocol: None, ask: signatures::ask },
    Recogniser { name: "rtp", protocol: None, ask: rtp::ask },
    // Few bits are fixed in uTP's header: everything stricter comes before it.
    Recogniser { name: "utp", protocol: None, ask: utp::ask },
    Recogniser { name: "edonkey_hidden", protocol: None, ask: edonkey_hidden::udp },
    Recogniser { name: "skype", protocol: None, ask: skype::udp },
];

/// A flow keeps one bit for each that still asks.
const _: () = assert!(TCP.len() <= u64::BITS as usize && UDP.len() <= u64::BITS as usize);

/// The recognisers for a transport; `None` where the transport itself is the verdict.
pub(crate) fn for_transport(transport: Transport) -> Option<&'static [Recogniser]> {
    match transport {
        Transport::TCP => Some(TCP),
        Transport::UDP => Some(UDP),
        _ => None,
    }
}
