//! Another classifier's words in ours: nDPI's protocol names, and the protocols that mean the same.
//!
//! A name not listed here is of a protocol that only one of the two knows, or of a service or
//! application, which says nothing of the protocol: such a label is not judged.

use etiage_classifier::Protocol;

/// nDPI's protocol, and what it may be called here: one of the words.
///
/// STUN, DTLS and RTP share one port and so one flow (RFC 7983). What begins in the clear and goes on
/// with STARTTLS has a second name in nDPI. Routing protocols have numbers of IP's own.
const PROTOCOLS: &[(&str, &str)] = &[
    ("AJP", "ajp"),
    ("AMQP", "amqp"),
    ("AVASTSecureDNS", "dns"),
    ("BACnet", "bacnet"),
    ("BFD", "routing"),
    ("BGP", "bgp"),
    ("BITCOIN", "bitcoin"),
    ("BitTorrent", "bittorrent"),
    ("CAPWAP", "capwap"),
    ("CHECKMK", "checkmk"),
    ("COAP", "coap"),
    ("Cassandra", "cassandra"),
    ("CiscoSkinny", "skinny"),
    ("DCERPC", "dcerpc"),
    ("DHCP", "dhcp"),
    ("DHCPV6", "dhcp"),
    ("DNP3", "dnp3"),
    ("DNS", "dns"),
    ("DNScrypt", "dns"),
    ("DRDA", "drda"),
    ("DTLS", "dtls stun rtp"),
    ("Diameter", "diameter"),
    ("DirectConnect", "directconnect"),
    ("Discord", "discord rtp stun"),
    ("Dropbox", "dropbox-lan"),
    ("EIGRP", "routing other-ip"),
    ("ETHEREUM", "ethereum"),
    ("Elasticsearch", "elasticsearch"),
    ("EthernetIP", "ethernet-ip"),
    ("FIX", "fix"),
    ("FTPS", "ftp"),
    ("FTP_CONTROL", "ftp"),
    ("FTP_DATA", "ftp-data"),
    ("GRE", "other-ip"),
    ("GTP", "gtp"),
    ("Git", "git"),
    ("Gnutella", "gnutella"),
    ("H323", "h323"),
    ("HSRP", "routing"),
    ("HTTP", "http"),
    ("HTTP2", "http"),
    ("HTTP_Connect", "http"),
    ("HTTP_Proxy", "http"),
    ("HiSLIP", "hislip"),
    ("IAX", "iax"),
    ("ICMP", "icmp"),
    ("ICMPV6", "icmp"),
    ("IEEE-C37118", "synchrophasor"),
    ("IGMP", "icmp"),
    ("IMAP", "imap"),
    ("IMAPS", "imap tls"),
    ("IMO", "imo"),
    ("IPSec", "ipsec"),
    ("IP_PIM", "routing other-ip"),
    ("IRC", "irc"),
    ("Jabber", "xmpp"),
    ("KCP", "kcp"),
    ("Kafka", "kafka"),
    ("Kerberos", "kerberos"),
    ("L2TP", "l2tp"),
    ("LDAP", "ldap"),
    ("LDP", "routing"),
    ("LLMNR", "dns"),
    ("MDNS", "dns"),
    ("MQTT", "mqtt"),
    ("Memcached", "memcached"),
    ("Mining", "stratum"),
    ("Modbus", "modbus"),
    ("Monero", "monero"),
    ("MongoDB", "mongodb"),
    ("MsSQL-TDS", "tds"),
    ("MySQL", "mysql"),
    ("NFS", "nfs rpc"),
    ("NTP", "ntp"),
    ("NestLogSink", "weave"),
    ("NetBIOS", "netbios smb"),
    ("NetFlow", "netflow"),
    ("NoMachine", "nomachine"),
    ("OPC-UA", "opc-ua"),
    ("OSPF", "routing other-ip"),
    ("OpenFlow", "openflow"),
    ("OpenVPN", "openvpn"),
    ("Oracle", "oracle-tns"),
    ("POP3", "pop3"),
    ("POPS", "pop3 tls"),
    ("PPTP", "pptp"),
    ("PostgreSQL", "postgresql"),
    ("QUIC", "quic"),
    ("RDP", "rdp"),
    ("RESP", "redis"),
    ("RMCP", "ipmi"),
    ("RSYNC", "rsync"),
    ("RTCP", "rtp stun dtls"),
    ("RTMP", "rtmp"),
    ("RTP", "rtp stun dtls"),
    ("RTPS", "rtps"),
    ("RTSP", "rtsp"),
    ("RX", "afs"),
    ("Radius", "radius"),
    ("RakNet", "raknet"),
    ("S7Comm", "s7"),
    ("S7CommPlus", "s7"),
    ("SCTP", "other-ip"),
    ("SD-RTN", "agora"),
    ("SIP", "sip"),
    ("SMTP", "smtp"),
    ("SMTPS", "smtp tls"),
    ("SNMP", "snmp"),
    ("SOAP", "http"),
    ("SOCKS", "socks"),
    ("SOMEIP", "some-ip"),
    ("SRTP", "rtp stun dtls"),
    ("SSDP", "ssdp"),
    ("SSH", "ssh"),
    ("STUN", "stun dtls rtp"),
    ("Service_Location_Protocol", "slp"),
    ("Soulseek", "soulseek"),
    ("Syslog", "syslog"),
    ("TFTP", "tftp"),
    ("TLS", "tls"),
    ("TPLINK_SHP", "tp-link"),
    ("Tailscale", "tailscale wireguard"),
    ("TeamSpeak", "teamspeak"),
    ("TeamViewer", "teamviewer"),
    ("Telegram", "telegram"),
    ("Telnet", "telnet"),
    ("Teredo", "ip-tunnel"),
    ("TuyaLP", "tuya"),
    ("UFTP", "uftp"),
    ("Usenet", "nntp"),
    ("VNC", "vnc"),
    ("VRRP", "routing other-ip"),
    ("Viber", "viber"),
    ("WSD", "ws-discovery"),
    ("WebSocket", "http"),
    ("WhatsApp", "whatsapp"),
    ("WireGuard", "wireguard"),
    ("X11", "x11"),
    ("Zoom", "zoom rtp stun"),
    ("collectd", "collectd"),
    ("eDonkey", "edonkey"),
    ("sFlow", "sflow"),
];

/// What stands behind the dot, where it is a protocol rather than a service: the flow may be called
/// after either.
const INNER: &[(&str, &str)] = &[
    ("BitTorrent", "bittorrent"),
    ("DoH_DoT", "dns"),
    ("Gnutella", "gnutella"),
    ("RDP", "rdp"),
    ("RTP", "rtp"),
    ("SMBv1", "smb"),
    ("SMBv23", "smb"),
];

/// The protocol of a label: what stands before the dot.
pub(crate) fn master(label: &str) -> &str {
    label.split_once('.').map_or(label, |(master, _)| master)
}

/// The protocols that a label may be called here; none if it cannot be compared.
pub(crate) fn protocols(label: &str) -> Vec<Protocol> {
    let words = |table: &[(&str, &'static str)], name: &str| {
        table.iter().find(|(known, _)| *known == name).map_or("", |(_, words)| *words)
    };
    let inner = label.split_once('.').map_or("", |(_, inner)| inner);
    let words = [words(PROTOCOLS, master(label)), words(INNER, inner)];
    words.iter().flat_map(|words| words.split(' ')).filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_their_protocols() {
        assert_eq!(protocols("TLS.Google"), [Protocol::Tls]);
        assert_eq!(protocols("HTTP.BitTorrent"), [Protocol::Http, Protocol::BitTorrent]);
        assert!(protocols("NetBIOS.SMBv1").contains(&Protocol::Smb));
        assert_eq!(protocols("Spotify"), []);
        assert_eq!(master("TLS.Google"), "TLS");
    }

    #[test]
    fn every_word_is_a_protocol() {
        for (name, words) in PROTOCOLS.iter().chain(INNER) {
            for word in words.split(' ') {
                assert!(word.parse::<Protocol>().is_ok(), "{name}: {word}");
            }
        }
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
