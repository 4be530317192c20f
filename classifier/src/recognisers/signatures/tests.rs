use super::super::testing::{Flow, Said};
use super::*;

fn tcp(protocol: Protocol, port: u16, octets: &[u8]) {
    let said = Flow::tcp(port).client(ask, octets);
    assert_eq!(said.settled(), Some(protocol), "{octets:02x?}");
    let half = Flow::tcp(port).client(ask, octets.get(..3).unwrap_or_default());
    assert_eq!(half, Said::Unsure, "three octets of {protocol}");
}

fn udp(protocol: Protocol, port: u16, octets: &[u8]) {
    let said = Flow::udp(port).client(ask, octets);
    assert_eq!(said.settled(), Some(protocol), "{octets:02x?}");
    let half = Flow::udp(port).client(ask, octets.get(..3).unwrap_or_default());
    assert_eq!(half, Said::Unsure, "three octets of {protocol}");
}

fn none(transport: Transport, port: u16, octets: &[u8]) {
    let mut flow = if transport == Transport::TCP { Flow::tcp(port) } else { Flow::udp(port) };
    assert_eq!(flow.client(ask, octets).matched(), None, "{octets:02x?}");
}

#[test]
fn databases_and_queues() {
    tcp(Protocol::Mqtt, 9000, b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02ab");
    tcp(Protocol::Mqtt, 1883, b"\x20\x02\0\0");
    tcp(Protocol::Amqp, 9000, b"AMQP\0\0\x09\x01");
    tcp(Protocol::Redis, 9000, b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n");
    tcp(Protocol::Redis, 9000, b"+PONG\r\n");
    tcp(
        Protocol::MySql,
        9000,
        b"\x1d\0\0\0\x0a8.0.36\0\x05\0\0\0abcdefgh\0\xff\xff\x08\x02\0\xff\xc1\x15",
    );
    tcp(Protocol::PostgreSql, 9000, b"\0\0\0\x08\x04\xd2\x16\x2f");
    tcp(Protocol::PostgreSql, 9000, b"\0\0\0\x13\0\x03\0\0user\0joe\0\0\0");
    tcp(Protocol::PostgreSql, 9000, b"Q\0\0\0\x0dselect 1\0");
    tcp(Protocol::PostgreSql, 9000, b"C\0\0\0\x09done\0Z\0\0\0\x05I");
    tcp(Protocol::MongoDb, 9000, b"\x18\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x03\0\0");
    tcp(Protocol::Tds, 9000, b"\x12\x01\0\x13\0\0\x01\0\0\0\x06\0\x06\xff\x0f\0\x07\xd0\0");
    let connect = b"\0\x27\0\0\x01\0\0\0\x01\x36\x01\x2c\0\0\x08\0\x7f\xff(DESCRIPTION=(HOST=a))";
    let mut connect = connect.to_vec();
    connect[1] = connect.len() as u8;
    tcp(Protocol::OracleTns, 9000, &connect);
    tcp(Protocol::Memcached, 11211, b"get key\r\n");
    tcp(Protocol::Memcached, 9000, b"set key 0 900 5\r\nvalue\r\n");
    udp(Protocol::Memcached, 11211, b"\0\x01\0\0\0\x01\0\0stats\r\n");
    tcp(Protocol::Cassandra, 9000, b"\x04\0\0\0\x01\0\0\0\x16\0\x01\0\x0bCQL_VERSION\0\x053.0.0");
    tcp(Protocol::Kafka, 9000, b"\0\0\0\x0e\0\x12\0\x03\0\0\0\x01\0\x04joey");
    tcp(Protocol::Git, 9418, b"0032git-upload-pack /p.git\0host=a.example\0");
    none(Transport::TCP, 9000, b"\x20\x02\0\0");
    none(Transport::TCP, 9000, b"get key\r\n");
    none(Transport::TCP, 9000, b"+OK ready\r\n");
    none(Transport::TCP, 110, b"-ERR no\r\n");
}

#[test]
fn directories_and_remote_procedures() {
    tcp(Protocol::Ldap, 9000, b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\0\x80\0");
    tcp(Protocol::Ldap, 9000, b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\0\x04\0\x04\0");
    let request = b"\x6a\x15\x30\x13\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\xa4\x07aaaaaaa";
    udp(Protocol::Kerberos, 9000, request);
    tcp(Protocol::Kerberos, 9000, &[&[0, 0, 0, 0x40][..], request].concat());
    let radius = b"\x01\x07\0\x20aaaaaaaaaaaaaaaa\x01\x05joe\x02\x07hello";
    udp(Protocol::Radius, 9000, radius);
    none(Transport::UDP, 9000, &radius[..31]);
    tcp(Protocol::Diameter, 9000, b"\x01\0\0\x14\x80\0\x01\x01\0\0\0\0aaaabbbb");
    let name = [&[0x20][..], &[b'C'; 32], &[0]].concat();
    let query = [&b"\x12\x34\x01\x10\0\x01\0\0\0\0\0\0"[..], &name, b"\0\x20\0\x01"].concat();
    udp(Protocol::NetBios, 137, &query);
    let datagram = [&b"\x11\x02\x12\x34\xc0\0\x02\x01\0\x8a\0\xbb\0\0"[..], &name].concat();
    udp(Protocol::NetBios, 138, &datagram);
    let call = |program: u32| {
        let words = [7, 0, 2, program, 3, 1, 0, 0, 0, 0];
        words.iter().flat_map(|word: &u32| word.to_be_bytes()).collect::<Vec<_>>()
    };
    udp(Protocol::Nfs, 9000, &call(100_003));
    udp(Protocol::Rpc, 9000, &call(100_000));
    tcp(Protocol::Nfs, 9000, &[&[0x80, 0, 0, 40][..], &call(100_003)].concat());
    udp(Protocol::Rpc, 9000, &[7u32, 1, 0, 0, 0, 0].map(u32::to_be_bytes).concat());
    udp(Protocol::Rpc, 9000, &[7u32, 1, 1, 1, 5].map(u32::to_be_bytes).concat());
    // An acknowledgement of RakNet, which ends within a number.
    let raknet = b"\xc0\0\x05\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0";
    none(Transport::UDP, 9000, raknet);
    tcp(Protocol::Dcerpc, 9000, b"\x05\0\x0b\x03\x10\0\0\0\x48\0\0\0\x01\0\0\0");
    udp(Protocol::Slp, 427, b"\x02\x01\0\0\x13\0\0\0\0\0\0\x01\0\x02en\0\0\0");
    tcp(Protocol::Rsync, 873, b"@RSYNCD: 31.0\n");
}

#[test]
fn screens_tunnels_and_files() {
    tcp(Protocol::Vnc, 9000, b"RFB 003.008\n");
    tcp(Protocol::Telnet, 9000, b"\xff\xfd\x18\xff\xfd\x20");
    none(Transport::TCP, 9000, b"\xff\xfd\x18");
    tcp(Protocol::X11, 6010, b"l\0\x0b\0\0\0\x12\0\x10\0\0\0");
    tcp(Protocol::TeamViewer, 5938, b"\x17\x24\x0a\x20\0");
    tcp(Protocol::Pptp, 9000, b"\0\x9c\0\x01\x1a\x2b\x3c\x4d\0\x01\0\0");
    udp(Protocol::L2tp, 9000, b"\xc8\x02\0\x14\0\0\0\0\0\0\0\0\x80\x08\0\0\0\0\0\x01");
    udp(Protocol::Tailscale, 9000, &[&b"TS\xf0\x9f\x92\xac"[..], &[7; 60]].concat());
    udp(Protocol::Ipmi, 623, b"\x06\0\xff\x07\0\0\0\0");
    let mut first = b"\xff\xff\xff\xff\0\x40\0\x01".to_vec();
    first.resize(1232, 0);
    udp(Protocol::Rdp, 3389, &first);
    let mut flow = Flow::udp(69);
    assert_eq!(flow.client(ask, b"\0\x01boot.img\0octet\0").settled(), Some(Protocol::Tftp));
    assert_eq!(flow.announced(flow.ends.initiator), Some(Protocol::Tftp));
    none(Transport::UDP, 69, b"\0\x01boot.img\0octal\0");
}

#[test]
fn socks_needs_both_sides() {
    let mut five = Flow::tcp(1080);
    assert_eq!(five.client(ask, b"\x05\x01\0"), Said::Unsure);
    assert_eq!(five.server(ask, b"\x05\0").settled(), Some(Protocol::Socks));
    let mut four = Flow::tcp(1080);
    assert_eq!(four.client(ask, b"\x04\x01\0\x50\xc0\0\x02\x01joe\0"), Said::Unsure);
    assert_eq!(four.server(ask, b"\0\x5a\0\0\0\0\0\0").settled(), Some(Protocol::Socks));
    let mut other = Flow::tcp(1080);
    assert_eq!(other.client(ask, b"\x05\x01\0"), Said::Unsure);
    assert_eq!(other.server(ask, b"hello").matched(), None);
}

#[test]
fn talk_films_and_games() {
    tcp(Protocol::Rtsp, 9000, b"OPTIONS rtsp://a.example/f RTSP/1.0\r\n");
    none(Transport::TCP, 9000, b"OPTIONS * HTTP/1.1\r\n");
    tcp(Protocol::Rtmp, 9000, &[&b"\x03\0\0\0\x01\0\0\0\0"[..], &[7; 1100]].concat());
    tcp(Protocol::Irc, 9000, b"NICK joe\r\nUSER joe 0 * :Joe\r\n");
    tcp(Protocol::Irc, 9000, b":irc.example 001 joe :Welcome\r\n");
    none(Transport::TCP, 9000, b"USER joe\r\n");
    tcp(
        Protocol::Xmpp,
        9000,
        b"<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    tcp(Protocol::WhatsApp, 443, b"WA\x06\x03\0\0\x24aaaa");
    tcp(Protocol::WhatsApp, 443, b"ED\0\x01\0\0\x02abWA\x06\x03");
    tcp(Protocol::Telegram, 443, b"\xee\xee\xee\xee\x04\0\0\0abcd");
    tcp(Protocol::H323, 9000, b"\x03\0\0\x10\x08\x02\0\x01\x05\x04\x03\x88\x93\xa5\x28\0");
    tcp(Protocol::Minecraft, 9000, b"\x10\0\xf2\x05\x09localhost\x63\xdd\x01\x01\0");
    tcp(Protocol::Stratum, 9000, b"{\"id\": 1, \"method\": \"mining.subscribe\"}\n");
    tcp(Protocol::Fix, 9000, b"8=FIX.4.2\x019=65\x0135=A\x01");
    let rtp = |number: u8| {
        [&b"\0\x14\x80\x08\0"[..], &[number], b"\0\0\0\x01\0\0\0\x09abcdefgh"].concat()
    };
    tcp(Protocol::Rtp, 9000, &[rtp(1), rtp(2)].concat());
    none(Transport::TCP, 9000, &[rtp(1), rtp(3)].concat());
    udp(Protocol::Zoom, 8801, b"\x05\0\x02\0\x4f\x83\x78\x04\x15\x01\0\0");
    none(Transport::UDP, 8811, b"\x05\0\x02\0\x4f\x83\x78\x04\x15\x01\0\0");
    udp(Protocol::SourceEngine, 27015, b"\xff\xff\xff\xffTSource Engine Query\0");
    udp(Protocol::SourceEngine, 27015, b"\xff\xff\xff\xffU\x01\x02\x03\x04");
    let magic = b"\0\xff\xff\0\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78";
    udp(Protocol::RakNet, 19132, &[&b"\x01aaaaaaaa"[..], magic, b"bbbbbbbb"].concat());
    udp(Protocol::TeamSpeak, 9987, b"TS3INIT1\0\x65\0\0\x88");
    udp(Protocol::Discord, 50000, &[&b"\0\x01\0\x46abcd"[..], &[0; 66]].concat());
    udp(Protocol::DropboxLan, 17500, b"{\"host_int\": 12345}");
    let newer = b"{\"version\": [2, 0], \"port\": 17500, \"host_int\": 12345}";
    udp(Protocol::DropboxLan, 17500, newer);
}

#[test]
fn plants_and_networks() {
    tcp(
        Protocol::S7,
        102,
        b"\x03\0\0\x19\x02\xf0\x80\x32\x01\0\0\0\0\0\x08\0\0\xf0\0\0\x01\0\x01\x01\xe0",
    );
    tcp(Protocol::Modbus, 502, b"\0\x01\0\0\0\x06\x01\x03\0\0\0\x0a");
    none(Transport::TCP, 503, b"\0\x01\0\0\0\x06\x01\x03\0\0\0\x0a");
    // IEEE 1815: reset of a link, with its check sum.
    tcp(Protocol::Dnp3, 20000, b"\x05\x64\x05\xc0\x01\0\0\x04\xe9\x21");
    none(Transport::TCP, 20000, b"\x05\x64\x05\xc0\x01\0\0\x04\xe9\x20");
    udp(Protocol::Syslog, 9000, b"<34>Oct 11 22:14:15 a su: x");
    udp(Protocol::Syslog, 9000, b"<165>1 2003-10-11T22:14:15Z a b - - - x");
    none(Transport::UDP, 9000, b"<34>hello world");
    udp(Protocol::Bacnet, 47808, b"\x81\x0a\0\x0a\x01\x20\xff\xff\0\xff");
    let records = [&[0, 5, 0, 1][..], &[7; 68]].concat();
    udp(Protocol::Netflow, 9000, &records);
    let ipfix = [&b"\0\x0a\0\x1caaaaaaaaaaaa\0\x02\0\x0c"[..], &[1; 8]].concat();
    udp(Protocol::Netflow, 9000, &ipfix);
    let sflow = [5u32, 1, 0xc000_0201, 0, 1, 100, 1, 1, 4, 7];
    udp(Protocol::Sflow, 6343, &sflow.map(u32::to_be_bytes).concat());
    udp(Protocol::Coap, 5683, b"\x40\x01\x12\x34\xb4test");
    none(Transport::UDP, 5685, b"\x40\x01\x12\x34\xb4test");
    udp(Protocol::Routing, 520, &[&b"\x02\x02\0\0"[..], &[0; 20]].concat());
    udp(Protocol::Routing, 3784, &[&b"\x20\xc0\x03\x18"[..], &[0; 20]].concat());
    udp(Protocol::Gtp, 2152, b"\x30\xff\0\x04\0\0\0\x01abcd");
    let part = |kind: u8, text: &[u8]| [&[0, kind, 0, text.len() as u8 + 4][..], text].concat();
    let parts = [part(0, b"host\0"), part(2, b"cpu\0"), part(4, b"cpu\0")].concat();
    udp(Protocol::Collectd, 25826, &parts);
}

#[test]
fn devices_and_controllers() {
    tcp(Protocol::OpenFlow, 6633, b"\x04\x02\0\x08\0\0\x01\x9a");
    none(Transport::TCP, 9000, b"\x04\x02\0\x08\0\0\x01\x9a");
    none(Transport::TCP, 6633, b"\x04\x02\0\x08\0\0\x01\x9a\x01\0\0\x08");
    let phasor = b"\xaa\x41\0\x12\0\xf1\0\0\0\0\0\0\0\0\0\x05\xd7\xd0";
    tcp(Protocol::Synchrophasor, 4712, phasor);
    udp(Protocol::Synchrophasor, 9000, phasor);
    none(Transport::UDP, 4712, b"\xaa\x41\0\x12\0\xf1\0\0\0\0\0\0\0\0\0\x05\xd7\xd1");
    tcp(
        Protocol::Weave,
        9000,
        b"\x32\0\0\x13\x09\x03\0\0\x36\x9e\x27\0\0\x30\xb4\x18\x04\0\0\0\x02\x30\xb4\x18\x11",
    );
    tcp(Protocol::Ncp, 524, b"tNcP\0\0\0\x10\x33\x33\x9c\x2a\x03\0\0\0");
    none(Transport::TCP, 524, b"tNcP\0\0\0\x11\x33\x33\x9c\x2a\x03\0\0\0");
    tcp(Protocol::Drda, 9000, b"\0\x0a\xd0\x01\0\x01\0\x04\x10\x41");
    none(Transport::TCP, 9000, b"\0\x0a\xd0\x01\0\x01\0\x05\x10\x41");
    tcp(Protocol::CheckMk, 6556, b"<<<check_mk>>>\n");
    udp(
        Protocol::Uftp,
        1044,
        b"\x40\x01\0\x01\x0a\0\0\x01\x96\xf4\xc3\x04\0\x9d\0\0\x01\x06\0\x14\0\0\x05\x14\
          \x57\xa6\x5c\x1d\0\x05\x7a\x51\xe6\x04\x04\x01\xe6\x05\x05\x38",
    );
    udp(Protocol::Rtps, 7410, b"RTPS\x02\x02\x01\x01\x01\x4eDDSPING");
    let recogniser =
        b"<?xml version=\"1.0\"?><e xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\">";
    udp(Protocol::WsDiscovery, 3702, recogniser);
    none(Transport::UDP, 9000, recogniser);
    let call = b"\x01\x02\x80\x01\0\0\0\x08\0\x01\0\x02\x01\x01\0\0";
    udp(Protocol::SomeIp, 9000, call);
    none(Transport::UDP, 9000, b"\x01\x02\x80\x01\0\0\0\x09\0\x01\0\x02\x01\x01\0\0");
    udp(
        Protocol::Tuya,
        6667,
        b"\0\0\x55\xaa\0\0\0\0\0\0\0\x13\0\0\0\x0c\0\0\0\0\x11\x22\x33\x44\0\0\xaa\x55",
    );
    udp(Protocol::Routing, 6696, b"\x2a\x02\0\x02\0\0");
    none(Transport::UDP, 6697, b"\x2a\x02\0\x02\0\0");
}

#[test]
fn calls_and_chains() {
    tcp(
        Protocol::Monero,
        9000,
        b"\x01\x21\x01\x01\x01\x01\x01\x01\x06\x01\0\0\0\0\0\0\x01\xe9\x03\0\0\0\0\0\0\
          \x01\0\0\0\x01\0\0\0",
    );
    let reflector = b"\x2f\xe4\x9f\xa7\x6c\x4e\xb4\x33\xcb\xcd\x82\xa1\xbb\xea\x62\x1e\
          \xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    udp(Protocol::Telegram, 533, reflector);
    none(Transport::UDP, 533, &[0xff; 32]);
    none(Transport::UDP, 533, &reflector[..28]);
    udp(
        Protocol::Agora,
        8130,
        b"\0\x5a\x38\x4c\0\0\x21\0\0\0\0\0\x04SNI\0\x1c\x0023-248.edge.agora.io",
    );
    udp(Protocol::Iax, 4569, b"\x80\x04\0\0\0\0\0\x01\0\0\x06\x01\x0b\x02\0\x02");
    none(Transport::UDP, 4569, b"\x80\x04\0\0\0\0\0\x01\0\0\x06\x01\x0b\x03\0\x02");
    let acknowledges = b"\x0a\0\0\0\x52\0\x7f\0\x14\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0";
    udp(Protocol::Kcp, 8000, acknowledges);
    none(Transport::UDP, 8000, &acknowledges[..23]);
    let wider = [&acknowledges[..4], b"wxyz", &acknowledges[4..]].concat();
    udp(Protocol::Kcp, 8000, &wider);
    none(Transport::UDP, 8000, &wider[..27]);
    udp(Protocol::Skype, 3478, b"\x033bf6fa15-6841-4607-8c27-9ec9b9ed93b1");
    none(Transport::UDP, 3482, b"\x033bf6fa15-6841-4607-8c27-9ec9b9ed93b1");
    none(Transport::UDP, 3478, b"\x033bf6fa15-6841-4607-8c27-9ec9b9ed93b");
    tcp(Protocol::Quic, 443, b"1QTV0\xc6\0\0\0CHLO\x09\0\0\0");
    none(Transport::TCP, 443, b"1QTV0\xc6\0\0\0CHL");
    udp(
        Protocol::Afs,
        7021,
        b"\x84\xa8\xd2\x8d\x2a\x03\x12\xa4\0\0\0\x01\0\0\0\x01\0\0\0\x01\x01\x05\0\x02\xcd\x13\
          \0\x49",
    );
    let frame = b"\x01\0\x01\0\0\0\x04\0\x3c\0\x50\xce";
    tcp(Protocol::Amqp, 9000, frame);
    none(Transport::TCP, 9000, b"\x01\0\x01\0\0\0\x04\0\x3c\0\x50\xcf");
    tcp(Protocol::S7, 102, b"\x03\0\0\x08\x02\xf0\x80\x72\x01");
    tcp(
        Protocol::S7,
        102,
        b"\x03\0\0\x0b\x06\xe0\0\0\0\x01\0\x03\0\0\x0c\x02\xf0\x80\x32\x01\0\0\0",
    );
}

#[test]
fn discord_tells_addresses() {
    let mut asks = *b"\0\x01\0\x46\0\x1a\x7e\x73";
    let padded = |head: &[u8]| {
        let mut octets = head.to_vec();
        octets.resize(72, 0);
        octets.extend(b"\x8b\x19");
        octets
    };
    udp(Protocol::Discord, 50003, &padded(&asks));
    asks[1] = 2;
    none(Transport::UDP, 50003, &padded(&asks));
    udp(Protocol::Discord, 50003, &padded(b"\0\x02\0\x46\0\x1a\x7e\x7385.154.2.145"));
    none(Transport::UDP, 50003, &padded(b"\0\x02\0\x46\0\x1a\x7e\x7385.154.2"));
}

#[test]
fn modbus_of_any_function_fills_its_segment() {
    tcp(Protocol::Modbus, 502, b"\0\0\0\0\0\x06\x01\0\0\0\0\0");
    none(Transport::TCP, 502, b"\0\0\0\0\0\x06\x01\0\0\0\0\0\0");
}

#[test]
fn applications() {
    tcp(Protocol::Viber, 4244, b"\x0c\0\x0a\0\0\0abcdef");
    none(Transport::TCP, 4244, b"\x0d\0\x0a\0\0\0abcdef");
    none(Transport::TCP, 9000, b"\x0c\0\x0a\0\0\0abcdef");
    udp(Protocol::Viber, 7985, b"\xed\xf6\x09\0\xb3\x39\x92\x99\x63\x01\0\0abcdefgh");
    none(Transport::UDP, 7985, b"\xed\xf6\x09\0\xb3\x39\x92\x99\x63\x01\0\0abcdefg");
    udp(Protocol::Imo, 9000, b"\x09\x02\xdc\x9a\x02\0\0\0\0\0");
    udp(Protocol::Imo, 9000, b"\0\x09\x03\x21\x9a\x02\0\0\0\0\0");
    none(Transport::UDP, 9000, b"\x09\x02\xdc\x9a\x02\0\0\0\0\0\0");
    none(Transport::UDP, 9000, b"\x09\x02\0\0\0\0\0\0\0\0");
    tcp(Protocol::Bigo, 9000, b"\x0c\0\0\0\x02\x88\x27\0\xc8\0\x05\x09");
    none(Transport::TCP, 9000, b"\x0d\0\0\0\x02\x88\x27\0\xc8\0\x05\x09");
    tcp(Protocol::Spotify, 4070, b"\0\x04\0\0\0\x0c\x52\x0f\x50\x02\xa0\x01");
    none(Transport::TCP, 4070, b"\0\x04\0\0\0\x0d\x52\x0f\x50\x02\xa0\x01");
    udp(Protocol::Spotify, 57621, b"SpotUdp0abcd");
    let telephone = b"\x04\0\0\0\x14\0\0\0\x26\0\0\0";
    tcp(Protocol::Skinny, 2000, telephone);
    none(Transport::TCP, 2001, telephone);
    none(Transport::TCP, 2000, &telephone[..11]);
    tcp(Protocol::NoMachine, 4000, b"NXSH-8.10.1\n");
    tcp(
        Protocol::Sstp,
        9000,
        b"SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1",
    );
    udp(Protocol::XboxLive, 3074, b"\0\0\0\0\x0c\x58\x76\0\0\0ab");
    none(Transport::UDP, 3075, b"\0\0\0\0\x0c\x58\x76\0\0\0ab");
    let overlay = b"\0\x02\x7e\x31\x36\x85\xc1\x91\x2a\x14\x12\x79\xf8\x24\x8f\xc8\xdb\x58\x99\xc5\
          \xdf\x5a\x03";
    udp(Protocol::Tribler, 9000, overlay);
    none(Transport::UDP, 9000, &overlay[..21]);
    let greeting = b"\0\0\0\xff\0\0\0\0\0\0\0\0\x49\x96\x02\xd2\xff\xff\xff\xff";
    udp(Protocol::Kcp, 22101, greeting);
    none(Transport::UDP, 22101, &greeting[..19]);
}

#[test]
fn instruments_and_measurements() {
    let bridge = b"CNXN\0\0\0\x01\0\0\x04\0\0\0\0\0\0\0\0\0\xbc\xb1\xa7\xb1";
    tcp(Protocol::Adb, 5555, bridge);
    none(Transport::TCP, 5555, &[&bridge[..23], &[0xb0]].concat());
    tcp(Protocol::Elasticsearch, 9300, b"ES\0\0\0\x13abcdefgh\x01\0\x5c\xc6\x63\0\0abcd");
    none(Transport::TCP, 9300, b"ES\0\0\0\x13abcdefgh\x01\0\x5c\xc6\x63\0\0abc");
    tcp(Protocol::Ajp, 8009, b"\x12\x34\0\x01\x0a");
    tcp(Protocol::Ajp, 8009, b"AB\0\x01\x09");
    none(Transport::TCP, 8009, b"AB\0\x01\x0a");
    tcp(Protocol::Hislip, 4880, b"HS\0\0\x01\0RS\0\0\0\0\0\0\0\x07hislip0");
    none(Transport::TCP, 4880, b"HS\0\0\x01\0RS\0\0\0\0\0\0\0\x08hislip0");
    tcp(Protocol::OpcUa, 4840, b"ACKF\x0c\0\0\0abcd");
    none(Transport::TCP, 4840, b"ACKF\x0d\0\0\0abcd");
    let registers = [&b"\x65\0\x04\0"[..], &[0; 20], &[1, 0, 0, 0]].concat();
    tcp(Protocol::EthernetIp, 44818, &registers);
    udp(Protocol::EthernetIp, 44818, &registers);
    none(Transport::TCP, 44817, &registers);
    none(Transport::TCP, 44818, &registers[..27]);
    let asks = b"\xd0\xf2\x81\xf8\x8b\xff\x9a\xf7\xd5\xef\x94\xb6\xd1\xb4";
    udp(Protocol::TpLink, 9999, asks);
    tcp(Protocol::TpLink, 9999, &[&b"\0\0\0\x0e"[..], asks].concat());
    tcp(Protocol::SpeedTest, 8080, b"HI 8e17cb65-c5b4-4b39-addc-97006aa14537\n");
    tcp(Protocol::SpeedTest, 8080, b"HELLO 2.9 (2.9.2) 2021-11-30.2159.ffae0e0\n");
    none(Transport::TCP, 8080, b"HI there, this is somebody who has come to talk\n");
    tcp(Protocol::SpeedTest, 9000, b"netperf\0netperf\0netperf\0");
    let counted = [&[0, 0, 0, 7][..], &[0; 36], b"678901234567890123456789"].concat();
    udp(Protocol::SpeedTest, 5001, &counted);
    none(Transport::UDP, 5001, &counted[..63]);
    none(Transport::UDP, 5001, &[&counted[..63], b"8"].concat());
}

#[test]
fn tunnels_and_routers() {
    let bubble = [&b"\x60\0\0\0\0\0\x3b\x15\x20\x01\0\0"[..], &[7; 28]].concat();
    udp(Protocol::IpTunnel, 32900, &bubble);
    none(Transport::UDP, 32900, &bubble[..39]);
    udp(Protocol::IpTunnel, 9000, &[&b"\0\x01\0\0abcdefgh\0\0\0abcdef"[..], &bubble].concat());
    let other = [&b"\x60\0\0\0\0\0\x3b\x15\x20\x01\x0d\xb8"[..], &[7; 28]].concat();
    none(Transport::UDP, 32900, &other);
    udp(Protocol::IpTunnel, 3544, &other);
    udp(Protocol::IpTunnel, 5072, b"\x41\x52\x11\x29\x4a\xf6\x4b\xfd");
    udp(Protocol::Routing, 1985, &[&[0, 0, 16, 3][..], &[10; 16]].concat());
    none(Transport::UDP, 1986, &[&[0, 0, 16, 3][..], &[10; 16]].concat());
    let hello = [&[0, 1, 0, 14, 10, 0, 0, 1, 0, 0, 1, 0, 0, 4][..], &[0; 4]].concat();
    tcp(Protocol::Routing, 646, &hello);
    none(Transport::TCP, 646, &hello[..17]);
    udp(Protocol::Dns, 9000, &[&b"r6fnvWj8"[..], &[7; 40]].concat());
    none(Transport::UDP, 9000, &[&b"r6fnvWj8"[..], &[7; 39]].concat());
    let keepalive = [&[0xff; 16][..], &[0, 19, 4]].concat();
    let midway = [&b"\x0a\x01\x02\x03"[..], &keepalive].concat();
    tcp(Protocol::Bgp, 179, &midway);
    none(Transport::TCP, 180, &midway);
    none(Transport::TCP, 179, &midway[..22]);
}

#[test]
fn of_a_start_that_was_missed_or_damaged() {
    let path = b"\x42\x03\x1d\xa9\x07\x98\x72\x44\x5c\x41r\x08Bus17Cmd\x11\x32\xff{\"a\":1}";
    udp(Protocol::Coap, 17500, path);
    none(Transport::UDP, 17500, &path[..24]);
    udp(Protocol::Syslog, 514, b"<W33>Jul 19 11:1:35 AP-DOT-NET-3 x");
    none(Transport::UDP, 515, b"<W33>Jul 19 11:1:35 AP-DOT-NET-3 x");
    let part = b"\0\0\0\x0ahost.\0\0\x08\0\x0cabcdefgh";
    udp(Protocol::Collectd, 25826, part);
    none(Transport::UDP, 25827, part);
    let name = b"\0\0\0\xaa FHFAEBEECACACACACACACACACACACAAA\0\0\x20\0\x01";
    udp(Protocol::NetBios, 137, name);
    none(Transport::UDP, 136, name);
    let object = [&b"\x04\0\x20\0\x10"[..], &[0; 29], b"\0\xa0\x24\x42\xdf\x7d"].concat();
    udp(Protocol::Dcerpc, 34964, &object);
    none(Transport::UDP, 34964, &object[..39]);
    udp(Protocol::H323, 1719, b"\x02\x20\0\0\0\x06\0\x08\x91\x4a\0\x04\0\x11");
    none(Transport::UDP, 1719, b"\x02\x20\0\0\0\x06\0\x08\x91\x4a");
    let wrapped = [
        &b"\x01\0\0\x1f"[..],
        &[9; 28],
        b"\0\xff\xff\0\xfe\xfe\xfe\xfe\xfd\xfd\xfd\xfd\x12\x34\x56\x78",
        &[5; 40],
    ];
    udp(Protocol::RakNet, 53385, &wrapped.concat());
    let keys = [&b"\0\0\x03\x0c\x0a\x14abcdefghijklmnop\0\0\0\x7e"[..], b"curve25519-sha256"];
    tcp(Protocol::Ssh, 22, &keys.concat());
    let hello = [&b"\x80\x1c\x01\0\x02\0\x03\0\0\0\x10\x07\0\xc0"[..], &[7; 16]].concat();
    tcp(Protocol::Tls, 443, &hello);
    none(Transport::TCP, 443, &hello[..29]);
    tcp(Protocol::TeamViewer, 9000, b"\x17\x24\x0a\x07\0abcdefg");
    none(Transport::TCP, 9000, b"\x17\x24\x0a\x08\0abcdefg");
    tcp(Protocol::Redis, 6379, b"-ERR unknown command '$0'\r\n");
    none(Transport::TCP, 110, b"-ERR unknown command\r\n");
    tcp(Protocol::Irc, 6667, b":irc.example.org 670  :STARTTLS\r\n");
    tcp(Protocol::Socks, 8855, b"\x05\x01\0\x05\x01\0\x01\x4a\x7d\x83\x67\0\x50");
    let rtp = |number: u8, time: u8| {
        [&b"\0\x14\x80\x08\0"[..], &[number, 0, 0, 0, time], b"\0\0\0\0abcdefgh"].concat()
    };
    tcp(Protocol::Rtp, 9000, &[rtp(1, 1), rtp(2, 161)].concat());
    none(Transport::TCP, 9000, &[rtp(1, 1), rtp(2, 1)].concat());
    let mut alive = Flow::tcp(9000);
    assert_eq!(alive.client(ask, b"\xc0\0").matched(), None);
    assert_eq!(alive.server(ask, b"\xd0\0").settled(), Some(Protocol::Mqtt));
}

#[test]
fn television_transfers_and_monitoring() {
    let packet = [&[0x47, 0x40, 0, 0x10][..], &[0xff; 184]].concat();
    for packets in [2, 3, 7] {
        udp(Protocol::MpegTs, 5000, &packet.repeat(packets));
        let rtp = [&[0x80, 33, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3][..], &packet.repeat(packets)].concat();
        udp(Protocol::MpegTs, 5004, &rtp);
    }
    let cut = [&packet.repeat(2)[..], &[0x47]].concat();
    for other in [&packet[..], &cut, &[0x47; 377]] {
        none(Transport::UDP, 5000, other);
    }
    let srt = |version: u8, kind: [u8; 4]| {
        let header =
            [&[0x80, 0, 0, 0][..], &[0; 12], &[0, 0, 0, version, 0, 0, 0, 2, 1, 2, 3, 4]].concat();
        [&header[..], &[0, 0, 5, 0xdc, 0, 0, 0x20, 0], &kind, &[0; 24]].concat()
    };
    udp(Protocol::Srt, 9000, &srt(4, [0, 0, 0, 1]));
    udp(Protocol::Srt, 9000, &srt(5, [0xff, 0xff, 0xff, 0xff]));
    none(Transport::UDP, 9000, &srt(3, [0, 0, 0, 1]));
    udp(Protocol::Syncthing, 21027, b"\x2e\xa7\xd9\x0b\x0a\x20abcdefgh");
    udp(Protocol::Nebula, 4242, b"\x11\0\0\0\x12\x34\x56\x78\0\0\0\0\x12\x34\x56\x78abc");
    udp(Protocol::Nebula, 50_000, b"\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01abc");
    none(Transport::UDP, 50_000, b"\x11\0\0\0\x12\x34\x56\x78\0\0\0\0\x12\x34\x56\x78abc");
    udp(Protocol::Pfcp, 8805, b"\x20\x01\0\x08\0\0\x01\0\0\x60\0\0");
    none(Transport::UDP, 8805, b"\x20\x01\0\x09\0\0\x01\0\0\x60\0\0");
    tcp(Protocol::Bmp, 11019, b"\x03\0\0\0\x10\x04\0\x02\0\x06router");
    let monitoring =
        [&b"\x03\0\0\0\x47\0"[..], &[0; 42], &[0xff; 16], &[0, 23, 2, 0, 0, 0, 0]].concat();
    tcp(Protocol::Bmp, 11019, &monitoring);
    none(Transport::TCP, 11019, b"\x03\0\0\0\x10\x04\0\x09\0\x06router");
    tcp(Protocol::MagicWormhole, 40_000, b"transit sender 0123456789abcdef ready\n\n");
    tcp(Protocol::Zabbix, 10051, b"ZBXD\x01\x10\0\0\0\0\0\0\0{");
    tcp(Protocol::Tacacs, 49, b"\xc0\x01\x01\0\x12\x34\x56\x78\0\0\0\x04abcd");
    none(Transport::TCP, 50, b"\xc0\x01\x01\0\x12\x34\x56\x78\0\0\0\x04abcd");
    tcp(Protocol::Iec104, 2404, b"\x68\x04\x07\0\0\0");
    tcp(Protocol::Http, 8080, b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64");
    none(Transport::TCP, 8080, b"\0\0\x07\x04\0\0\0\0\0\0\x03\0\0\0\x64");
}
