//! The last resort: well-known ports, where no recogniser had enough to look at.

use etiage_capture::Transport;

use crate::class::{Class, Confidence, Evidence, Protocol, Verdict};
use crate::recogniser::FlowEnds;

/// IANA's ports of the protocols that are worth a guess: a flow whose payload was cut away, encrypted
/// from the middle, or never sent. Peer-to-peer has none: its ports are anybody's.
const PORTS: &[(Transport, u16, Protocol)] = &[
    (Transport::TCP, 21, Protocol::Ftp),
    (Transport::TCP, 22, Protocol::Ssh),
    (Transport::TCP, 25, Protocol::Smtp),
    (Transport::TCP, 53, Protocol::Dns),
    (Transport::UDP, 53, Protocol::Dns),
    (Transport::UDP, 67, Protocol::Dhcp),
    (Transport::TCP, 80, Protocol::Http),
    (Transport::TCP, 88, Protocol::Kerberos),
    (Transport::UDP, 88, Protocol::Kerberos),
    (Transport::TCP, 110, Protocol::Pop3),
    (Transport::TCP, 119, Protocol::Nntp),
    (Transport::UDP, 123, Protocol::Ntp),
    (Transport::TCP, 143, Protocol::Imap),
    (Transport::UDP, 161, Protocol::Snmp),
    (Transport::TCP, 179, Protocol::Bgp),
    (Transport::TCP, 443, Protocol::Tls),
    (Transport::UDP, 443, Protocol::Quic),
    (Transport::TCP, 445, Protocol::Smb),
    (Transport::TCP, 465, Protocol::Smtp),
    (Transport::UDP, 500, Protocol::Ipsec),
    (Transport::TCP, 563, Protocol::Nntp),
    (Transport::TCP, 587, Protocol::Smtp),
    (Transport::TCP, 853, Protocol::Dns),
    (Transport::TCP, 993, Protocol::Imap),
    (Transport::TCP, 995, Protocol::Pop3),
    (Transport::UDP, 1900, Protocol::Ssdp),
    // What BFD's echo carries is the sender's own business (RFC 5881, section 4).
    (Transport::UDP, 3785, Protocol::Routing),
    (Transport::TCP, 3306, Protocol::MySql),
    (Transport::TCP, 3389, Protocol::Rdp),
    (Transport::UDP, 4500, Protocol::Ipsec),
    (Transport::UDP, 5353, Protocol::Dns),
    (Transport::TCP, 8080, Protocol::Http),
];

/// Ports of services that encrypt in ways of their own, above the system's range: XMPP and Telegram,
/// alternative web ports, proxies, databases, tunnels.
const ENCRYPTED: &[u16] = &[
    1080, 1194, 1433, 1521, 1723, 3306, 3389, 5060, 5061, 5222, 5223, 5228, 5269, 5432, 5900, 6379,
    6667, 6697, 8000, 8080, 8081, 8388, 8443, 8888, 9001, 9030, 9443, 51820,
];

/// Whether this port is a known service's: below 1024, or one of those that encrypt.
pub(crate) fn is_service(port: u16) -> bool {
    port < 1024 || ENCRYPTED.contains(&port)
}

/// What the ports suggest; the responder's port first, as the initiator's is mostly ephemeral.
pub(crate) fn guess(ends: &FlowEnds) -> Option<Verdict> {
    [ends.responder.port(), ends.initiator.port()].into_iter().find_map(|port| {
        let known = |(transport, known, _): &&(Transport, u16, Protocol)| {
            *transport == ends.transport && *known == port
        };
        PORTS.iter().find(known).map(|(_, _, protocol)| Verdict {
            class: Class::of(*protocol),
            confidence: Confidence::GUESS,
            evidence: Evidence::PORT,
        })
    })
}
