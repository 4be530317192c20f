//! Databases, queues and stores.

use super::{Message, Rule};
use crate::class::Protocol;
use crate::recognisers::text;

pub(super) const TCP: &[Rule] = &[
    (Protocol::Mqtt, mqtt),
    (Protocol::Amqp, amqp),
    (Protocol::Redis, redis),
    (Protocol::MySql, mysql),
    (Protocol::PostgreSql, postgresql),
    (Protocol::MongoDb, mongodb),
    (Protocol::Tds, tds),
    (Protocol::OracleTns, oracle),
    (Protocol::Memcached, memcached),
    (Protocol::Cassandra, cassandra),
    (Protocol::Kafka, kafka),
    (Protocol::Git, git),
];

pub(super) const UDP: &[Rule] = &[(Protocol::Memcached, memcached_datagram)];

/// CONNECT (MQTT 3.1, 3.1.1 and 5.0, section 3.1), and its answer.
fn mqtt(message: Message<'_>) -> bool {
    let name = (2..=5).find(|at| message.u8(at - 1).is_some_and(|length| length < 0x80));
    let connects = name.is_some_and(|at| {
        message.has(at, b"\0\x04MQTT") && matches!(message.u8(at + 6), Some(4 | 5))
            || message.has(at, b"\0\x06MQIsdp\x03")
    });
    message.u8(0) == Some(0x10) && connects
        || matches!(*message.octets, [0x20, 2, 0 | 1, 0..=5]) && message.port(1883)
        || is_kept_alive(message)
}

/// Only keep-alives, and their answers (section 3.12).
fn is_kept_alive(message: Message<'_>) -> bool {
    let heads = message.view.heads;
    let asks = |head: &[u8]| !head.is_empty() && head.chunks(2).all(|two| two == [0xc0, 0]);
    let answers = |head: &[u8]| !head.is_empty() && head.chunks(2).all(|two| two == [0xd0, 0]);
    asks(heads.initiator) && answers(heads.responder)
}

/// The protocol header of AMQP 0-9-1, 0-10 and 1.0; or a frame of 0-9-1, with a class's number at its
/// start and the mark at its end.
fn amqp(message: Message<'_>) -> bool {
    let size = message.u32(3).and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
    let class = matches!(message.u16(7), Some(10 | 20 | 40 | 50 | 60 | 85 | 90));
    if matches!(message.u8(0), Some(1 | 2))
        && class
        && (4..1 << 16).contains(&size)
        && message.u8(7 + size) == Some(0xce)
    {
        return true;
    }
    message.starts_any(&[b"AMQP\0\0\x09\x01", b"AMQP\x01\x01\0\x0a", b"AMQP\x01\x01\x08\0"])
        || message.starts_any(&[b"AMQP\0\x01\0\0", b"AMQP\x02\x01\0\0", b"AMQP\x03\x01\0\0"])
}

/// A request is an array of strings, an answer one of few words (RESP).
fn redis(message: Message<'_>) -> bool {
    let answers: &[&[u8]] =
        &[b"+PONG\r\n", b"-NOAUTH ", b"-WRONGTYPE ", b"-WRONGPASS ", b"-MOVED ", b"-LOADING "];
    let counted = |octets: &[u8], mark: u8| {
        let (first, rest) = octets.split_first()?;
        let (number, rest) = text::number(rest).filter(|_| *first == mark)?;
        Some((number as usize, rest.strip_prefix(b"\r\n")?.to_owned()))
    };
    let array = || {
        let (_, rest) = counted(message.octets, b'*')?;
        let (length, rest) = counted(&rest, b'$')?;
        rest.get(length..)?.starts_with(b"\r\n").then_some(())
    };
    let string = || {
        let (length, rest) = counted(message.octets, b'$')?;
        (rest.get(length..)? == b"\r\n").then_some(())
    };
    // The same words mean mail elsewhere.
    let words: &[&[u8]] = &[b"-ERR ", b"+OK\r\n", b"$-1\r\n", b"*0\r\n"];
    let on_port = message.port(6379) && message.starts_any(words);
    on_port
        || message.starts_any(answers)
        || array().is_some()
        || string().is_some() && length_of(message) > 8
}

const fn length_of(message: Message<'_>) -> usize {
    message.octets.len()
}

/// The server's greeting, version 10.
fn mysql(message: Message<'_>) -> bool {
    let length = message.u32_le(0);
    if length.is_none_or(|length| u64::from(length) + 4 != message.length())
        || message.u8(4) != Some(10)
    {
        return false;
    }
    let version = message.c_string(5).filter(|(version, _)| version.len() >= 5);
    version.is_some_and(|(version, rest)| {
        version.first().is_some_and(u8::is_ascii_digit)
            && version.contains(&b'.')
            && rest.u8(12) == Some(0)
    })
}

/// A start message or a request for encryption (protocol version 3.0), or messages whose lengths fill
/// the segment.
fn postgresql(message: Message<'_>) -> bool {
    let starts = message.is_long(message.u32(0))
        && matches!(message.u32(4), Some(0x0003_0000 | 0x0003_0002 | 0x04d2_162e..=0x04d2_1630));
    let startup = starts && (message.length() <= 16 || message.holds(b"user\0"));
    let ready = message.octets.len().checked_sub(6).is_some_and(|at| {
        message.has(at, b"Z\0\0\0\x05")
            && message.u8(0).is_some_and(|kind| kind.is_ascii_uppercase())
    });
    let query = message.u8(0) == Some(b'Q')
        && message.u32(1).map(u64::from).is_some_and(|length| length + 1 == message.length())
        && message
            .c_string(5)
            .is_some_and(|(query, rest)| query.len() >= 4 && rest.octets.is_empty());
    startup || ready || query || message.starts(b"R\0\0\0\x08\0\0\0\0S\0\0\0")
}

/// The wire protocol's header: the length of the message, two numbers, and what it is.
fn mongodb(message: Message<'_>) -> bool {
    message.is_long(message.u32_le(0))
        && message.length() > 20
        && matches!(message.u32_le(12), Some(1 | 2001..=2007 | 2010..=2013))
}

/// A prelogin, whose first option is the version, or a login (MS-TDS, section 2.2).
fn tds(message: Message<'_>) -> bool {
    let whole = message.is_long(message.u16(2)) && message.u8(1) == Some(1);
    let prelogin = message.u8(0) == Some(0x12)
        && message.u8(8) == Some(0)
        && message.u8(9) == Some(0)
        && message.u16(11) == Some(6);
    let login = message.u8(0) == Some(0x10)
        && message.u32_le(8).is_some_and(|length| u64::from(length) + 8 == message.length());
    let answers = message.starts(b"\x04\x01") && message.u8(8) == Some(0) && message.port(1433);
    whole && (prelogin || login || answers && message.u16(11) == Some(6))
}

/// Transparent Network Substrate: connect, with its description in words.
fn oracle(message: Message<'_>) -> bool {
    message.is_long(message.u16(0))
        && message.u16(2) == Some(0)
        && message.u8(4) == Some(1)
        && (message.holds(b"(CONNECT_DATA=") || message.holds(b"(DESCRIPTION="))
}

/// Both protocols of memcached, the one of words and the binary one.
fn memcached(message: Message<'_>) -> bool {
    let answers: &[&[u8]] = &[b"STORED\r\n", b"NOT_FOUND\r\n", b"STAT pid ", b"VERSION 1."];
    let stores = |line: &[u8]| {
        let mut words = line.split(|octet| *octet == b' ');
        let command = words.next().unwrap_or_default();
        let numbers = words.skip(1).take(3).filter(|word| text::number(word).is_some()).count();
        matches!(command, b"set" | b"add" | b"replace" | b"append" | b"VALUE") && numbers >= 2
    };
    let gets = message.starts_any(&[b"get ", b"gets ", b"stats"]) && message.port(11211);
    let line = text::first_line(message.octets).filter(|line| text::is_printable(line));
    let body = message.u32(8).is_some_and(|body| u64::from(body) + 24 == message.length());
    let binary = matches!(message.u8(0), Some(0x80 | 0x81))
        && message.u8(1).is_some_and(|code| code <= 0x25)
        && message.u8(5) == Some(0)
        && body
        && message.port(11211);
    line.is_some_and(|line| gets || stores(line) || message.starts_any(answers)) || binary
}

/// Over UDP a header comes before: number, sequence, how many datagrams, zero.
fn memcached_datagram(message: Message<'_>) -> bool {
    message.u16(2) == Some(0)
        && message.u16(4).is_some_and(|count| count >= 1)
        && message.u16(6) == Some(0)
        && memcached(message.after(8))
}

/// CQL's native protocol: the start of it names its version.
fn cassandra(message: Message<'_>) -> bool {
    matches!(message.u8(0), Some(3..=5 | 0x83..=0x85))
        && message.u8(4).is_some_and(|code| code <= 0x10)
        && message.u32(5).is_some_and(|body| u64::from(body) + 9 == message.length())
        && (message.holds(b"CQL_VERSION") || message.port(9042))
}

/// A request's header: length, key, version, correlation, the client's name.
fn kafka(message: Message<'_>) -> bool {
    let name = message.u16(12).map(usize::from).filter(|length| (1..=200).contains(length));
    let named = name
        .is_some_and(|length| message.octets.get(14..14 + length).is_some_and(text::is_printable));
    message.u32(0).is_some_and(|length| u64::from(length) + 4 == message.length())
        && message.u16(4).is_some_and(|key| key <= 74)
        && message.u16(6).is_some_and(|version| version <= 17)
        && named
}

/// Git's own transport: a line with its length in hexadecimal, and what is asked for.
fn git(message: Message<'_>) -> bool {
    message.octets.iter().take(4).all(u8::is_ascii_hexdigit)
        && (message.has(4, b"git-upload-pack /") || message.has(4, b"git-receive-pack /"))
}
