//! The words of a verdict: protocol, service, category, and how sure it is and why.

use std::fmt;
use std::str::FromStr;

use crate::service_id::ServiceId;

/// A word that is not one of a list's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a {list}")]
pub struct UnknownWord {
    /// The list: "category" or "protocol".
    pub list: &'static str,
    /// The word that is not in it.
    pub word: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $list:literal, $($(#[$item:meta])* $variant:ident = $word:literal,)+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$item])* $variant,)+ }

        impl $name {
            /// Every one, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word used in output, configuration, API and database alike.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(self.name()) }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { list: $list, word: word.to_owned() }),
                }
            }
        }
    };
}

words! {
    /// What traffic is for. P2P and direct download are never merged.
    Category, "category",
    /// Peer-to-peer file sharing and streaming.
    P2p = "p2p",
    /// One-click hosters, cyberlockers, debrid services, bulk FTP.
    DirectDownload = "direct-download",
    /// Browsing, and HTTP to services without a category of their own.
    Web = "web",
    /// Video and audio, live or on demand.
    Streaming = "streaming",
    /// Operating system, application and package updates.
    SoftwareUpdate = "software-update",
    /// Game play, game downloads and their launchers.
    Gaming = "gaming",
    /// Telephony and meetings.
    Voip = "voip",
    /// Chat and social messaging.
    Messaging = "messaging",
    /// Synchronised and backed-up storage.
    CloudStorage = "cloud-storage",
    /// NNTP and Usenet providers.
    Usenet = "usenet",
    /// SMTP, IMAP, POP3 and web mail.
    Mail = "mail",
    /// Tunnels whose inside cannot be seen.
    Vpn = "vpn",
    /// SSH, RDP, VNC and their like.
    RemoteAccess = "remote-access",
    /// Name resolution in any form.
    Dns = "dns",
    /// What keeps networks and machines running: ICMP, NTP, routing, databases, directories, plants, ARP
    /// and other non-IP.
    Network = "network",
    /// Nothing was recognised.
    Unknown = "unknown",
}

words! {
    /// What is spoken on the wire.
    Protocol, "protocol",
    /// Nothing was recognised.
    Unknown = "unknown",
    /// A frame without IP: ARP, LLDP, spanning tree.
    NonIp = "non-ip",
    /// A later fragment whose first fragment was not seen.
    Fragment = "fragment",
    /// A frame whose headers are cut short or contradict themselves.
    Undecodable = "undecodable",
    /// BitTorrent in any form: peer wire, uTP, DHT, trackers, local discovery, web seeds.
    BitTorrent = "bittorrent",
    /// eDonkey2000 and eMule, Kad included.
    Edonkey = "edonkey",
    /// Gnutella and Gnutella2.
    Gnutella = "gnutella",
    /// Direct Connect, NMDC and ADC.
    DirectConnect = "directconnect",
    /// Soulseek.
    Soulseek = "soulseek",
    /// FastTrack: Kazaa, Grokster, iMesh.
    FastTrack = "fasttrack",
    /// libp2p, on which IPFS and others are built.
    Libp2p = "libp2p",
    /// Bitcoin and the networks that took over its framing.
    Bitcoin = "bitcoin",
    /// Ethereum's discovery of nodes (devp2p).
    Ethereum = "ethereum",
    /// Monero's nodes.
    Monero = "monero",
    /// HTTP/1 and cleartext HTTP/2 (RFC 9112, RFC 9113), WebSocket included.
    Http = "http",
    /// TLS over TCP (RFC 8446, RFC 5246).
    Tls = "tls",
    /// QUIC versions 1 and 2 (RFC 9000, RFC 9369), and gQUIC.
    Quic = "quic",
    /// DTLS over UDP (RFC 9147, RFC 6347).
    Dtls = "dtls",
    /// DNS over UDP or TCP (RFC 1035), mDNS and LLMNR.
    Dns = "dns",
    /// Secure Shell (RFC 4253).
    Ssh = "ssh",
    /// Network Time Protocol (RFC 5905).
    Ntp = "ntp",
    /// FTP's control connection (RFC 959).
    Ftp = "ftp",
    /// FTP's data connections.
    FtpData = "ftp-data",
    /// Simple Mail Transfer Protocol (RFC 5321).
    Smtp = "smtp",
    /// Internet Message Access Protocol (RFC 9051).
    Imap = "imap",
    /// Post Office Protocol version 3 (RFC 1939).
    Pop3 = "pop3",
    /// Network News Transfer Protocol (RFC 3977).
    Nntp = "nntp",
    /// STUN and TURN (RFC 8489, RFC 8656).
    Stun = "stun",
    /// Real-time transport and its control protocol (RFC 3550).
    Rtp = "rtp",
    /// Session Initiation Protocol (RFC 3261).
    Sip = "sip",
    /// WireGuard.
    WireGuard = "wireguard",
    /// OpenVPN over UDP or TCP.
    OpenVpn = "openvpn",
    /// IPsec: IKE, ESP and AH (RFC 7296, RFC 4303).
    Ipsec = "ipsec",
    /// Remote Desktop Protocol.
    Rdp = "rdp",
    /// SMB/CIFS.
    Smb = "smb",
    /// DHCP for IPv4 and IPv6.
    Dhcp = "dhcp",
    /// Simple Network Management Protocol.
    Snmp = "snmp",
    /// Simple Service Discovery Protocol.
    Ssdp = "ssdp",
    /// Border Gateway Protocol (RFC 4271).
    Bgp = "bgp",
    /// MQTT.
    Mqtt = "mqtt",
    /// Advanced message queuing, 0-9-1 and 1.0.
    Amqp = "amqp",
    /// Redis and its relatives (RESP).
    Redis = "redis",
    /// MySQL and MariaDB.
    MySql = "mysql",
    /// PostgreSQL.
    PostgreSql = "postgresql",
    /// MongoDB.
    MongoDb = "mongodb",
    /// Microsoft SQL Server's tabular data stream.
    Tds = "tds",
    /// Oracle's transparent network substrate.
    OracleTns = "oracle-tns",
    /// memcached.
    Memcached = "memcached",
    /// Cassandra's query language.
    Cassandra = "cassandra",
    /// Apache Kafka.
    Kafka = "kafka",
    /// Git's own transport.
    Git = "git",
    /// LDAP, over UDP too (RFC 4511).
    Ldap = "ldap",
    /// Kerberos 5 (RFC 4120).
    Kerberos = "kerberos",
    /// RADIUS (RFC 2865).
    Radius = "radius",
    /// Diameter (RFC 6733).
    Diameter = "diameter",
    /// NetBIOS names and datagrams (RFC 1002).
    NetBios = "netbios",
    /// Network file system, mounts and locks.
    Nfs = "nfs",
    /// Any other program of ONC RPC (RFC 5531).
    Rpc = "rpc",
    /// DCE/RPC.
    Dcerpc = "dcerpc",
    /// Andrew file system.
    Afs = "afs",
    /// Service location protocol (RFC 2608).
    Slp = "slp",
    /// rsync's own transport.
    Rsync = "rsync",
    /// IPMI over LAN.
    Ipmi = "ipmi",
    /// Trivial file transfer (RFC 1350).
    Tftp = "tftp",
    /// Syslog (RFC 5424, RFC 3164).
    Syslog = "syslog",
    /// NetFlow and IPFIX.
    Netflow = "netflow",
    /// sFlow.
    Sflow = "sflow",
    /// collectd's measurements.
    Collectd = "collectd",
    /// CoAP (RFC 7252).
    Coap = "coap",
    /// Modbus over TCP.
    Modbus = "modbus",
    /// DNP3 (IEEE 1815).
    Dnp3 = "dnp3",
    /// Siemens' S7.
    S7 = "s7",
    /// BACnet over IP.
    Bacnet = "bacnet",
    /// Measurements of power grids (IEEE C37.118).
    Synchrophasor = "synchrophasor",
    /// OpenFlow: switches and their controllers.
    OpenFlow = "openflow",
    /// Weave of Nest's devices.
    Weave = "weave",
    /// Tuya's devices in the local network.
    Tuya = "tuya",
    /// SOME/IP: the parts of a car.
    SomeIp = "some-ip",
    /// Data distribution service's wire protocol (RTPS).
    Rtps = "rtps",
    /// Web services' dynamic discovery.
    WsDiscovery = "ws-discovery",
    /// Checkmk's agents.
    CheckMk = "checkmk",
    /// Files to many at once, by multicast.
    Uftp = "uftp",
    /// NetWare's core protocol.
    Ncp = "ncp",
    /// DB2's distributed relational database architecture.
    Drda = "drda",
    /// KCP, a reliable transport over UDP.
    Kcp = "kcp",
    /// Routers among themselves: OSPF, PIM, EIGRP, VRRP, RIP, BFD.
    Routing = "routing",
    /// Access points and their controllers (RFC 5415).
    Capwap = "capwap",
    /// GPRS tunnelling.
    Gtp = "gtp",
    /// Miners and their pools.
    Stratum = "stratum",
    /// Financial information exchange.
    Fix = "fix",
    /// SOCKS 4 and 5.
    Socks = "socks",
    /// PPTP's control connection (RFC 2637).
    Pptp = "pptp",
    /// L2TP (RFC 2661).
    L2tp = "l2tp",
    /// Tailscale's discovery of ways; its tunnels are WireGuard.
    Tailscale = "tailscale",
    /// Telnet (RFC 854).
    Telnet = "telnet",
    /// Remote framebuffer, VNC (RFC 6143).
    Vnc = "vnc",
    /// X11.
    X11 = "x11",
    /// TeamViewer.
    TeamViewer = "teamviewer",
    /// Real-time streaming's control (RFC 2326, RFC 7826).
    Rtsp = "rtsp",
    /// Real-time messaging: Flash video, and streams to broadcasters.
    Rtmp = "rtmp",
    /// H.323's call signalling.
    H323 = "h323",
    /// Zoom's media.
    Zoom = "zoom",
    /// Discord's voice.
    Discord = "discord",
    /// Asterisk's calls (IAX2, RFC 5456).
    Iax = "iax",
    /// Agora's real-time network.
    Agora = "agora",
    /// TeamSpeak 3.
    TeamSpeak = "teamspeak",
    /// Internet relay chat (RFC 2812).
    Irc = "irc",
    /// XMPP (RFC 6120).
    Xmpp = "xmpp",
    /// WhatsApp's messages.
    WhatsApp = "whatsapp",
    /// Telegram's MTProto.
    Telegram = "telegram",
    /// Queries and play of Valve's and id's engines.
    SourceEngine = "source-engine",
    /// RakNet: Minecraft's Bedrock edition, Roblox.
    RakNet = "raknet",
    /// Minecraft's Java edition.
    Minecraft = "minecraft",
    /// Dropbox in the local network.
    DropboxLan = "dropbox-lan",
    /// Skype's own network of peers, up to 2017; Teams' own messages to its relays.
    Skype = "skype",
    /// Calls over imo.
    Imo = "imo",
    /// Viber's messages and calls.
    Viber = "viber",
    /// Cisco's telephones and their controllers (SCCP).
    Skinny = "skinny",
    /// Bigo Live and Likee: live and short films.
    Bigo = "bigo",
    /// Spotify's own connection to its access points, and its devices in the local network.
    Spotify = "spotify",
    /// Xbox Live between consoles.
    XboxLive = "xbox-live",
    /// Tribler's overlays (IPv8).
    Tribler = "tribler",
    /// Tor between clients and relays, where its TLS can be told.
    Tor = "tor",
    /// Secure socket tunnelling in clear (MS-SSTP).
    Sstp = "sstp",
    /// IPv6 in UDP: Teredo (RFC 4380), AYIYA.
    IpTunnel = "ip-tunnel",
    /// NoMachine's remote screens.
    NoMachine = "nomachine",
    /// Android's debug bridge.
    Adb = "adb",
    /// Elasticsearch between its nodes.
    Elasticsearch = "elasticsearch",
    /// Servlets behind a web server (AJP 1.3).
    Ajp = "ajp",
    /// Instruments (HiSLIP, IVI-6.1).
    Hislip = "hislip",
    /// OPC's unified architecture (OPC 10000-6).
    OpcUa = "opc-ua",
    /// EtherNet/IP: controllers and their devices.
    EthernetIp = "ethernet-ip",
    /// TP-Link's devices in the local network.
    TpLink = "tp-link",
    /// Measurements of throughput: iperf 2, netperf, Ookla's.
    SpeedTest = "speed-test",
    /// MPEG transport streams over UDP or RTP: television.
    MpegTs = "mpeg-ts",
    /// Secure Reliable Transport.
    Srt = "srt",
    /// BGP monitoring protocol.
    Bmp = "bmp",
    /// Syncthing's block exchange, and its discovery.
    Syncthing = "syncthing",
    /// A file transfer of Magic Wormhole.
    MagicWormhole = "magic-wormhole",
    /// The overlay of Nebula.
    Nebula = "nebula",
    /// Zabbix, agents and servers.
    Zabbix = "zabbix",
    /// TACACS+.
    Tacacs = "tacacs",
    /// IEC 60870-5-104.
    Iec104 = "iec-104",
    /// Packet forwarding control of mobile cores.
    Pfcp = "pfcp",
    /// ICMP and ICMPv6, IGMP included.
    Icmp = "icmp",
    /// Tunnels, routing and any other IP protocol without a flow inside that could be read.
    OtherIp = "other-ip",
}

impl Protocol {
    /// The category of this protocol where no service says otherwise.
    pub const fn category(self) -> Category {
        match self {
            Self::BitTorrent
            | Self::Edonkey
            | Self::Gnutella
            | Self::DirectConnect
            | Self::Soulseek
            | Self::FastTrack
            | Self::Libp2p
            | Self::Bitcoin
            | Self::Ethereum
            | Self::Monero
            | Self::Syncthing
            | Self::MagicWormhole
            | Self::Tribler => Category::P2p,
            Self::Http | Self::Tls | Self::Quic | Self::Git => Category::Web,
            Self::FtpData => Category::DirectDownload,
            Self::Dns => Category::Dns,
            Self::Ssh
            | Self::Rdp
            | Self::Telnet
            | Self::Vnc
            | Self::X11
            | Self::TeamViewer
            | Self::NoMachine => Category::RemoteAccess,
            Self::Rtsp | Self::Rtmp | Self::Bigo | Self::Spotify | Self::MpegTs | Self::Srt => {
                Category::Streaming
            }
            Self::Irc | Self::Xmpp | Self::WhatsApp | Self::Telegram | Self::Viber => {
                Category::Messaging
            }
            Self::SourceEngine | Self::RakNet | Self::Minecraft | Self::XboxLive => {
                Category::Gaming
            }
            Self::DropboxLan => Category::CloudStorage,
            Self::Smtp | Self::Imap | Self::Pop3 => Category::Mail,
            Self::Nntp => Category::Usenet,
            Self::Stun
            | Self::Rtp
            | Self::Sip
            | Self::Dtls
            | Self::H323
            | Self::Zoom
            | Self::Discord
            | Self::Iax
            | Self::Agora
            | Self::TeamSpeak
            | Self::Skype
            | Self::Imo
            | Self::Skinny => Category::Voip,
            Self::WireGuard
            | Self::OpenVpn
            | Self::Ipsec
            | Self::Socks
            | Self::Pptp
            | Self::L2tp
            | Self::Tailscale
            | Self::Tor
            | Self::Sstp
            | Self::Nebula
            | Self::IpTunnel => Category::Vpn,
            // FTP's control connection moves commands, not files.
            Self::Ftp
            | Self::Ntp
            | Self::Smb
            | Self::Dhcp
            | Self::Snmp
            | Self::Ssdp
            | Self::Bgp
            | Self::Bmp
            | Self::Zabbix
            | Self::Tacacs
            | Self::Iec104
            | Self::Pfcp
            | Self::Icmp
            | Self::OtherIp
            | Self::Mqtt
            | Self::Amqp
            | Self::Redis
            | Self::MySql
            | Self::PostgreSql
            | Self::MongoDb
            | Self::Tds
            | Self::OracleTns
            | Self::Memcached
            | Self::Cassandra
            | Self::Kafka
            | Self::Ldap
            | Self::Kerberos
            | Self::Radius
            | Self::Diameter
            | Self::NetBios
            | Self::Nfs
            | Self::Rpc
            | Self::Dcerpc
            | Self::Afs
            | Self::Slp
            | Self::Rsync
            | Self::Ipmi
            | Self::Tftp
            | Self::Syslog
            | Self::Netflow
            | Self::Sflow
            | Self::Collectd
            | Self::Coap
            | Self::Modbus
            | Self::Dnp3
            | Self::S7
            | Self::Bacnet
            | Self::Synchrophasor
            | Self::OpenFlow
            | Self::Weave
            | Self::Tuya
            | Self::SomeIp
            | Self::Rtps
            | Self::WsDiscovery
            | Self::CheckMk
            | Self::Uftp
            | Self::Ncp
            | Self::Drda
            | Self::Kcp
            | Self::Routing
            | Self::Capwap
            | Self::Gtp
            | Self::Stratum
            | Self::Fix
            | Self::Adb
            | Self::Elasticsearch
            | Self::Ajp
            | Self::Hislip
            | Self::OpcUa
            | Self::EthernetIp
            | Self::TpLink
            | Self::SpeedTest
            | Self::NonIp => Category::Network,
            Self::Unknown | Self::Fragment | Self::Undecodable => Category::Unknown,
        }
    }
}

/// What octets are counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class {
    /// What is spoken.
    pub protocol: Protocol,
    /// Whose it is; [`ServiceId::NONE`] where no name was seen or no rule knows it.
    pub service: ServiceId,
    /// What it is for.
    pub category: Category,
}

impl Class {
    /// A protocol in its own category, of no known service.
    pub const fn of(protocol: Protocol) -> Self {
        Self { protocol, service: ServiceId::NONE, category: protocol.category() }
    }
}

/// How sure a verdict is, in percent: how many of a hundred such verdicts one expects to be right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Confidence(pub u8);

/// A finding at least this sure ends the questions to other recognisers.
pub const SETTLED: Confidence = Confidence(90);

impl Confidence {
    /// Nothing was recognised.
    pub const NONE: Self = Self(0);
    /// A well-known port, and nothing that contradicts it.
    pub const GUESS: Self = Self(30);
    /// The protocol is known and its name can still come: too low to end the questions.
    pub const PENDING: Self = Self(SETTLED.0 - 1);
    /// Circumstances: a learnt name or endpoint, a shape.
    pub const LIKELY: Self = Self(80);
    /// The protocol's own framing, checked.
    pub const CERTAIN: Self = Self(99);
}

/// Why a verdict was reached: a set of facts, printed joined by `+`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Evidence(u32);

macro_rules! evidence {
    ($($(#[$doc:meta])* $name:ident = $bit:literal $word:literal,)+) => {
        impl Evidence {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)+
            const WORDS: &'static [(Self, &'static str)] = &[$((Self::$name, $word),)+];
        }
    };
}

evidence! {
    /// The protocol's handshake or greeting.
    HANDSHAKE = 0 "handshake",
    /// Message framing in the middle of a conversation.
    FRAMING = 1 "framing",
    /// TLS server name indication (RFC 6066), in TLS or QUIC.
    SNI = 2 "sni",
    /// HTTP's Host header.
    HOST = 3 "host",
    /// A name in the server's certificate.
    CERTIFICATE = 4 "certificate",
    /// A name learnt from a DNS answer for this server's address, that was asked for.
    DNS_NAME = 5 "dns-name",
    /// Application-layer protocol negotiation (RFC 7301).
    ALPN = 6 "alpn",
    /// A well-known port.
    PORT = 7 "port",
    /// An endpoint learnt from a tracker, a DHT answer or an earlier flow.
    PEER = 8 "peer",
    /// Announced by another flow, as FTP announces its data connections.
    RELATED = 9 "related",
    /// Sizes, entropy or direction of the packets.
    SHAPE = 10 "shape",
    /// The IP protocol number.
    TRANSPORT = 11 "transport",
    /// BitTorrent: micro transport protocol (BEP 29).
    UTP = 12 "utp",
    /// BitTorrent: distributed hash table (BEP 5).
    DHT = 13 "dht",
    /// BitTorrent: tracker over HTTP (BEP 3) or UDP (BEP 15).
    TRACKER = 14 "tracker",
    /// BitTorrent: local service discovery (BEP 14).
    LSD = 15 "lsd",
    /// BitTorrent: message stream encryption.
    MSE = 16 "mse",
    /// The client program names itself.
    USER_AGENT = 17 "user-agent",
    /// The same endpoint spoke this protocol in another flow, minutes ago.
    ENDPOINT = 18 "endpoint",
    /// Others were told, or found, the same; this client was not seen to ask.
    OTHERS = 19 "others",
    /// The answer's question was not seen: those of this client take another way.
    ONE_WAY = 20 "one-way",
}

impl Evidence {
    /// No evidence.
    pub const NONE: Self = Self(0);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every fact of `other` is in this set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (fact, word) in Self::WORDS {
            if self.has(*fact) {
                if !first {
                    f.write_str("+")?;
                }
                f.write_str(word)?;
                first = false;
            }
        }
        if first { f.write_str("none") } else { Ok(()) }
    }
}

/// What a flow is, how sure that is, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What its octets are counted under.
    pub class: Class,
    /// How sure.
    pub confidence: Confidence,
    /// Why.
    pub evidence: Evidence,
}

impl Verdict {
    /// Nothing was recognised.
    pub const UNKNOWN: Self = Self {
        class: Class::of(Protocol::Unknown),
        confidence: Confidence::NONE,
        evidence: Evidence::NONE,
    };

    /// Whether the flow itself showed a host name, that a rule knows or not.
    pub fn is_named(&self) -> bool {
        [Evidence::SNI, Evidence::HOST, Evidence::CERTIFICATE]
            .iter()
            .any(|fact| self.evidence.has(*fact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_parse_back() {
        for category in Category::ALL {
            assert_eq!(category.name().parse(), Ok(*category));
        }
        for protocol in Protocol::ALL {
            assert_eq!(protocol.name().parse(), Ok(*protocol));
        }
        let error = "pear-to-pear".parse::<Category>().unwrap_err();
        assert_eq!(error.to_string(), "`pear-to-pear` is not a category");
    }

    #[test]
    fn evidence_prints_its_facts() {
        assert_eq!(Evidence::NONE.to_string(), "none");
        assert_eq!(Evidence::SNI.with(Evidence::HANDSHAKE).to_string(), "handshake+sni");
    }
}
