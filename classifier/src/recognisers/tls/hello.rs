//! ClientHello and ServerHello (RFC 8446, section 4.1; RFC 5246, section 7.4.1), for the names in them.
//!
//! Parsers take a message's body, whole or cut; of a cut one they tell what comes before the cut. They
//! return `None` for what no TLS stack would send, never panic, and copy nothing.

use crate::host::host_name;
use etiage_capture::Cursor;

/// Handshake type of a ClientHello.
pub(crate) const CLIENT_HELLO: u8 = 1;
/// Handshake type of a ServerHello.
pub(crate) const SERVER_HELLO: u8 = 2;

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
const TLS13: u16 = 0x0304;

/// What a hello shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hello<'a> {
    /// The server's name (RFC 6066, section 3); `None` if absent or not a host name.
    pub(crate) host: Option<&'a str>,
    /// The first application protocol offered, or the one chosen (RFC 7301).
    pub(crate) alpn: Option<&'a [u8]>,
    /// The message was read to its end.
    pub(crate) whole: bool,
    /// A ServerHello that chose TLS 1.3: what follows, the certificate too, is encrypted.
    pub(crate) tls13: bool,
}

/// Reads a ClientHello's body; `whole` tells whether `body` is all of it.
pub(crate) fn client_hello(body: &[u8], whole: bool) -> Option<Hello<'_>> {
    let mut hello = Hello::default();
    let mut cursor = Cursor::new(body);
    let end = client_fields(&mut cursor, &mut hello);
    finish(hello, end, cursor, whole)
}

/// Reads a ServerHello's body; `whole` tells whether `body` is all of it.
pub(crate) fn server_hello(body: &[u8], whole: bool) -> Option<Hello<'_>> {
    let mut hello = Hello::default();
    let mut cursor = Cursor::new(body);
    let end = server_fields(&mut cursor, &mut hello);
    finish(hello, end, cursor, whole)
}

/// How a parser ended.
enum End {
    /// At the last field.
    Done,
    /// The octets ended before.
    Cut,
    /// No such message exists.
    Wrong,
}

fn finish<'a>(
    mut hello: Hello<'a>,
    end: End,
    cursor: Cursor<'_>,
    whole: bool,
) -> Option<Hello<'a>> {
    match end {
        // Octets after the extensions are an error (RFC 8446, section 4.2).
        End::Done if cursor.is_empty() => {
            hello.whole = true;
            Some(hello)
        }
        End::Done | End::Wrong => None,
        End::Cut => (!whole).then_some(hello),
    }
}

fn client_fields<'a>(cursor: &mut Cursor<'a>, hello: &mut Hello<'a>) -> End {
    let Some(version) = cursor.u16() else { return End::Cut };
    if !known_version(version) {
        return End::Wrong;
    }
    let Some(_random) = cursor.take(32) else { return End::Cut };
    let Some(session) = cursor.vec8() else { return cut_unless_over_32(*cursor) };
    if session.len() > 32 {
        return End::Wrong;
    }
    let Some(suites) = cursor.vec16() else { return End::Cut };
    if suites.is_empty() || suites.len() % 2 != 0 {
        return End::Wrong;
    }
    let Some(compressions) = cursor.vec8() else { return End::Cut };
    if compressions.is_empty() {
        return End::Wrong;
    }
    extensions(cursor, hello, |kind, value, hello| match kind {
        SERVER_NAME => hello.host = server_name(value),
        ALPN => hello.alpn = first_protocol(value),
        _ => {}
    })
}

fn server_fields<'a>(cursor: &mut Cursor<'a>, hello: &mut Hello<'a>) -> End {
    let Some(version) = cursor.u16() else { return End::Cut };
    if !known_version(version) {
        return End::Wrong;
    }
    let Some(_random) = cursor.take(32) else { return End::Cut };
    let Some(session) = cursor.vec8() else { return cut_unless_over_32(*cursor) };
    if session.len() > 32 {
        return End::Wrong;
    }
    let Some(_suite) = cursor.u16() else { return End::Cut };
    let Some(_compression) = cursor.u8() else { return End::Cut };
    extensions(cursor, hello, |kind, value, hello| match kind {
        ALPN => hello.alpn = first_protocol(value),
        SUPPORTED_VERSIONS => hello.tls13 = Cursor::new(value).u16() == Some(TLS13),
        _ => {}
    })
}

/// SSL 3.0 to TLS 1.2, which TLS 1.3 also claims to be (RFC 8446, section 4.1.2).
const fn known_version(version: u16) -> bool {
    matches!(version, 0x0300..=0x0303)
}

/// A session id that the octets end in: cut, unless its length says that it is none.
fn cut_unless_over_32(mut cursor: Cursor<'_>) -> End {
    if cursor.u8().is_some_and(|length| length > 32) { End::Wrong } else { End::Cut }
}

fn extensions<'a>(
    cursor: &mut Cursor<'a>,
    hello: &mut Hello<'a>,
    mut each: impl FnMut(u16, &'a [u8], &mut Hello<'a>),
) -> End {
    // Before TLS 1.2 a hello without extensions ends here.
    if cursor.is_empty() {
        return End::Done;
    }
    let Some(length) = cursor.u16() else { return End::Cut };
    let (mut list, cut) = match cursor.take(length.into()) {
        Some(list) => (Cursor::new(list), false),
        None => (*cursor, true),
    };
    while !list.is_empty() {
        let kind = list.u16();
        let value = list.vec16();
        let (Some(kind), Some(value)) = (kind, value) else {
            return if cut { End::Cut } else { End::Wrong };
        };
        each(kind, value, hello);
    }
    if cut { End::Cut } else { End::Done }
}

/// The first host name of a server name list (RFC 6066, section 3).
fn server_name(value: &[u8]) -> Option<&str> {
    let mut list = Cursor::new(Cursor::new(value).vec16()?);
    while !list.is_empty() {
        let kind = list.u8()?;
        let name = list.vec16()?;
        if kind == 0 {
            return host_name(name);
        }
    }
    None
}

/// The first protocol of a list that is not reserved to be ignored (RFC 7301; RFC 8701, section 2).
fn first_protocol(value: &[u8]) -> Option<&[u8]> {
    let mut list = Cursor::new(Cursor::new(value).vec16()?);
    while !list.is_empty() {
        let protocol = list.vec8()?;
        let grease = matches!(protocol, [a, b] if a == b && a & 0x0f == 0x0a);
        if !grease && !protocol.is_empty() {
            return Some(protocol);
        }
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An extension.
    pub(crate) fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), value].concat()
    }

    fn vec16(value: &[u8]) -> Vec<u8> {
        [&(value.len() as u16).to_be_bytes()[..], value].concat()
    }

    /// A server name extension.
    pub(crate) fn sni(name: &str) -> Vec<u8> {
        let entry = [&[0][..], &vec16(name.as_bytes())].concat();
        extension(SERVER_NAME, &vec16(&entry))
    }

    /// An ALPN extension.
    pub(crate) fn alpn(protocols: &[&[u8]]) -> Vec<u8> {
        let list: Vec<u8> = protocols
            .iter()
            .flat_map(|protocol| [&[protocol.len() as u8][..], protocol].concat())
            .collect();
        extension(ALPN, &vec16(&list))
    }

    /// The body of a ClientHello with these extensions.
    pub(crate) fn client_body(extensions: &[Vec<u8>]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0]);
        body.extend([0, 4, 0x0a, 0x0a, 0x13, 0x01]);
        body.extend([1, 0]);
        body.extend(vec16(&extensions.concat()));
        body
    }

    /// The body of a ServerHello with these extensions.
    pub(crate) fn server_body(extensions: &[Vec<u8>]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([9; 32]);
        body.extend([0, 0xc0, 0x2f, 0]);
        body.extend(vec16(&extensions.concat()));
        body
    }

    #[test]
    fn names_and_protocols_are_read() {
        let body = client_body(&[
            extension(0x0a0a, &[]),
            sni("www.example.com"),
            alpn(&[&[0x1a, 0x1a], b"h2", b"http/1.1"]),
        ]);
        let hello = client_hello(&body, true).unwrap();
        assert_eq!(hello.host, Some("www.example.com"));
        assert_eq!(hello.alpn, Some(&b"h2"[..]));
        assert!(hello.whole);
    }

    #[test]
    fn absent_empty_or_odd_names_are_none() {
        for extensions in [
            vec![],
            vec![extension(SERVER_NAME, &[])],
            vec![extension(SERVER_NAME, &[0, 0])],
            vec![extension(SERVER_NAME, &[0, 9, 0, 0, 1])],
            vec![sni("192.0.2.1")],
            vec![sni("")],
            vec![sni("a b")],
            vec![extension(SERVER_NAME, &[0, 5, 7, 0, 2, b'a', b'b'])],
        ] {
            let body = client_body(&extensions);
            assert_eq!(client_hello(&body, true).unwrap().host, None, "{extensions:?}");
        }
    }

    #[test]
    fn a_hello_without_an_extension_block_is_whole() {
        let body = client_body(&[]);
        let without = &body[..body.len() - 2];
        assert!(client_hello(without, true).unwrap().whole);
    }

    #[test]
    fn cut_at_any_octet_it_tells_what_came_before() {
        let body = client_body(&[sni("example.com"), alpn(&[b"h2"])]);
        let name_ends = body.len() - alpn(&[b"h2"]).len();
        for length in 0..body.len() {
            let hello = client_hello(&body[..length], false).unwrap();
            assert_eq!(hello.host.is_some(), length >= name_ends, "{length}");
            // Exactly before the extension block a hello may end.
            let complete = length == name_ends - sni("example.com").len() - 2;
            assert_eq!(hello.whole, complete, "{length}");
            assert_eq!(client_hello(&body[..length], true).is_some(), complete, "{length}");
        }
        assert!(client_hello(&[&body[..], &[0]].concat(), true).is_none(), "one octet too many");
    }

    #[test]
    fn what_no_stack_sends_is_none() {
        let body = client_body(&[]);
        for (place, octet) in [(0, 2), (1, 4), (34, 33), (36, 3)] {
            let mut wrong = body.clone();
            wrong[place] = octet;
            assert!(client_hello(&wrong, true).is_none(), "{place}");
        }
    }

    #[test]
    fn a_server_hello_tells_its_version_and_protocol() {
        let body = server_body(&[extension(SUPPORTED_VERSIONS, &[3, 4])]);
        assert!(server_hello(&body, true).unwrap().tls13);
        let body = server_body(&[alpn(&[b"imap"])]);
        let hello = server_hello(&body, true).unwrap();
        assert_eq!((hello.tls13, hello.alpn), (false, Some(&b"imap"[..])));
        for length in 0..body.len() {
            assert_eq!(server_hello(&body[..length], true).is_some(), length == 38, "{length}");
        }
    }
}
