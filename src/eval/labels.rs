//! Another classifier's words in ours: nDPI's protocol names, and the protocols that mean the same.
//!
//! A name not listed here is of a protocol that only one of the two knows, or of a service or
//! application, which says nothing of the protocol: such a label is not judged.

use etiage_classifier::Protocol;

/// nDPI's protocol, and what it may be called here.
const PROTOCOLS: &[(&str, &[Protocol])] = {
    use Protocol::*;
    // STUN, DTLS and RTP share one port and so one flow (RFC 7983): each of them is right.
    const MEDIA: &[Protocol] = &[Stun, Dtls, Rtp];
    &[
        ("BGP", &[Bgp]),
        ("BitTorrent", &[BitTorrent]),
        ("DHCP", &[Dhcp]),
        ("DHCPV6", &[Dhcp]),
        ("DNS", &[Dns]),
        ("AVASTSecureDNS", &[Dns]),
        ("LLMNR", &[Dns]),
        ("MDNS", &[Dns]),
        ("DTLS", MEDIA),
        ("STUN", MEDIA),
        ("RTP", MEDIA),
        ("RTCP", MEDIA),
        ("SRTP", MEDIA),
        ("DirectConnect", &[DirectConnect]),
        ("eDonkey", &[Edonkey]),
        ("FTP_CONTROL", &[Ftp]),
        ("FTPS", &[Ftp]),
        ("FTP_DATA", &[FtpData]),
        ("Gnutella", &[Gnutella]),
        ("GRE", &[OtherIp]),
        ("IP_PIM", &[OtherIp]),
        ("OSPF", &[OtherIp]),
        ("SCTP", &[OtherIp]),
        ("VRRP", &[OtherIp]),
        ("HTTP", &[Http]),
        ("HTTP2", &[Http]),
        ("HTTP_Connect", &[Http]),
        ("HTTP_Proxy", &[Http]),
        ("SOAP", &[Http]),
        ("WebSocket", &[Http]),
        ("ICMP", &[Icmp]),
        ("ICMPV6", &[Icmp]),
        ("IGMP", &[Icmp]),
        // A session that begins in the clear and goes on with STARTTLS has two names in nDPI.
        ("IMAP", &[Imap]),
        ("IMAPS", &[Imap, Tls]),
        ("POP3", &[Pop3]),
        ("POPS", &[Pop3, Tls]),
        ("SMTP", &[Smtp]),
        ("SMTPS", &[Smtp, Tls]),
        ("IPSec", &[Ipsec]),
        ("NTP", &[Ntp]),
        ("OpenVPN", &[OpenVpn]),
        ("QUIC", &[Quic]),
        ("RDP", &[Rdp]),
        ("SIP", &[Sip]),
        ("SNMP", &[Snmp]),
        ("Soulseek", &[Soulseek]),
        ("SSDP", &[Ssdp]),
        ("SSH", &[Ssh]),
        ("TLS", &[Tls]),
        ("Usenet", &[Nntp]),
        ("WireGuard", &[WireGuard]),
    ]
};

/// What stands behind the dot, where it is a protocol rather than a service: the flow may be called
/// after either.
const INNER: &[(&str, &[Protocol])] = &[
    ("BitTorrent", &[Protocol::BitTorrent]),
    ("DoH_DoT", &[Protocol::Dns]),
    ("Gnutella", &[Protocol::Gnutella]),
    ("RDP", &[Protocol::Rdp]),
    ("RTP", &[Protocol::Rtp]),
    ("SMBv1", &[Protocol::Smb]),
    ("SMBv23", &[Protocol::Smb]),
];

/// The protocol of a label: what stands before the dot.
pub(super) fn master(label: &str) -> &str {
    label.split_once('.').map_or(label, |(master, _)| master)
}

/// The protocols that a label may be called here; none if it cannot be compared.
pub(super) fn protocols(label: &str) -> Vec<Protocol> {
    let of = |table: &[(&str, &'static [Protocol])], name: &str| {
        table.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, protocols)| *protocols)
    };
    let inner = label.split_once('.').map_or("", |(_, inner)| inner);
    [of(PROTOCOLS, master(label)), of(INNER, inner)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_their_protocols() {
        assert_eq!(protocols("TLS.Google"), [Protocol::Tls]);
        assert_eq!(protocols("HTTP.BitTorrent"), [Protocol::Http, Protocol::BitTorrent]);
        assert_eq!(protocols("NetBIOS.SMBv1"), [Protocol::Smb]);
        assert_eq!(protocols("WhatsApp"), []);
        assert_eq!(master("TLS.Google"), "TLS");
    }

    #[test]
    fn every_name_is_listed_once() {
        for table in [PROTOCOLS, INNER] {
            let mut names: Vec<_> = table.iter().map(|(name, _)| name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), table.len());
        }
    }
}
