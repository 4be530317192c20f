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
    /// Its protocol's name, or its module's.
    pub name: &'static str,
    /// The protocol whose own recogniser this is: once it has seen the payload and said no, neither port nor
    /// endpoint make a flow that protocol.
    pub protocol: Option<Protocol>,
    /// Asks it about what is in view.
    pub ask: Ask,
}

/// How a recogniser is asked about what is in view.
pub type Ask = for<'a> fn(&View<'a>, &mut Scratch) -> Answer<'a>;

impl Recogniser {
    /// A protocol's own: its no contradicts the protocol's port and endpoint. Named as the protocol is.
    const fn own(protocol: Protocol, ask: Ask) -> Self {
        Self { name: protocol.name(), protocol: Some(protocol), ask }
    }

    /// One of several for a protocol, or one for several protocols: its no contradicts nothing.
    const fn other(name: &'static str, ask: Ask) -> Self {
        Self { name, protocol: None, ask }
    }
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
    Recogniser::other("expected", expected::ask),
    // Most connections are TLS, and nothing else looks like it.
    Recogniser::own(Protocol::Tls, tls::ask),
    Recogniser::own(Protocol::BitTorrent, bittorrent::ask),
    Recogniser::other("bittorrent_http", bittorrent_http::ask),
    Recogniser::other("webtorrent", webtorrent::ask),
    Recogniser::own(Protocol::Ssh, ssh::ask),
    Recogniser::own(Protocol::Ftp, ftp::ask),
    Recogniser::own(Protocol::Smtp, mail::smtp),
    Recogniser::own(Protocol::Imap, mail::imap),
    Recogniser::own(Protocol::Pop3, mail::pop3),
    Recogniser::own(Protocol::Nntp, nntp::ask),
    Recogniser::own(Protocol::Edonkey, edonkey::tcp),
    Recogniser::own(Protocol::DirectConnect, directconnect::tcp),
    Recogniser::own(Protocol::Gnutella, gnutella::tcp),
    Recogniser::own(Protocol::Soulseek, soulseek::ask),
    Recogniser::own(Protocol::FastTrack, gossip::fasttrack),
    Recogniser::own(Protocol::Bitcoin, gossip::bitcoin),
    Recogniser::own(Protocol::Libp2p, gossip::libp2p),
    Recogniser::own(Protocol::Ethereum, gossip::ethereum_tcp),
    Recogniser::own(Protocol::Sip, infrastructure::sip),
    Recogniser::own(Protocol::Rdp, infrastructure::rdp),
    Recogniser::own(Protocol::Smb, infrastructure::smb),
    Recogniser::own(Protocol::Bgp, infrastructure::bgp),
    Recogniser::own(Protocol::Stun, stun::tcp),
    Recogniser::own(Protocol::OpenVpn, vpn::openvpn),
    Recogniser::own(Protocol::Http, http::ask),
    Recogniser::own(Protocol::Dns, dns::ask),
    Recogniser::other("signatures", signatures::ask),
    // Nothing is fixed in these: whatever has a shape of its own comes before it.
    Recogniser::other("edonkey_hidden", edonkey_hidden::tcp),
    Recogniser::other("skype_servers", skype::tcp),
    Recogniser::other("mse", mse::ask),
];

/// Recognisers over UDP.
pub static UDP: &[Recogniser] = &[
    Recogniser::other("expected", expected::ask),
    Recogniser::own(Protocol::Quic, quic::ask),
    Recogniser::own(Protocol::Dns, dns::ask),
    Recogniser::other("dht", dht::ask),
    Recogniser::other("tracker", tracker::ask),
    Recogniser::other("lsd", tracker::ask_lsd),
    Recogniser::own(Protocol::Stun, stun::udp),
    Recogniser::own(Protocol::Dtls, dtls::ask),
    Recogniser::own(Protocol::Ntp, ntp::ask),
    Recogniser::own(Protocol::Sip, infrastructure::sip),
    Recogniser::own(Protocol::Ssdp, infrastructure::ssdp),
    Recogniser::own(Protocol::Dhcp, infrastructure::dhcp),
    Recogniser::own(Protocol::Snmp, infrastructure::snmp),
    Recogniser::own(Protocol::WireGuard, vpn::wireguard),
    Recogniser::own(Protocol::OpenVpn, vpn::openvpn),
    Recogniser::own(Protocol::Ipsec, vpn::ipsec),
    Recogniser::own(Protocol::DirectConnect, directconnect::udp),
    Recogniser::own(Protocol::Gnutella, gnutella::udp),
    Recogniser::own(Protocol::Edonkey, edonkey::udp),
    Recogniser::own(Protocol::Ethereum, gossip::ethereum),
    Recogniser::other("signatures", signatures::ask),
    Recogniser::own(Protocol::Rtp, rtp::ask),
    // Few bits are fixed in uTP's header: everything stricter comes before it.
    Recogniser::other("utp", utp::ask),
    Recogniser::other("edonkey_hidden", edonkey_hidden::udp),
    Recogniser::own(Protocol::Skype, skype::udp),
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
