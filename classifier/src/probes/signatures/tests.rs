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
    let expected = flow.knowledge.expected(flow.now, flow.ends.initiator);
    assert_eq!(expected, Some(Protocol::Tftp));
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
    let probe =
        b"<?xml version=\"1.0\"?><e xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\">";
    udp(Protocol::WsDiscovery, 3702, probe);
    none(Transport::UDP, 9000, probe);
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
