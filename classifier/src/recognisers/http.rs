//! HTTP/1 (RFC 9112) and cleartext HTTP/2 by prior knowledge (RFC 9113, section 3.4).
//!
//! The first request's host names the flow. A request is read to the end of its headers before it is
//! answered for, so that recognisers of what merely uses HTTP, asked before this one, see them too.
//!
//! A status line is enough whatever was asked before it, for servers answer odd requests too. A request
//! line without a version is HTTP/0.9's (RFC 1945, section 4.1): likely, and known where HTML answers.

use super::Scratch;
use super::text::{self, Start};
use crate::class::{Confidence, Evidence, Protocol};
use crate::host::{host_name, host_of_authority};
use crate::recogniser::{Answer, Finding, View};
use crate::stream::MAX_PREFIX;

/// Methods of RFC 9110, PATCH (RFC 5789), WebDAV (RFC 4918, 3253, 3648, 3744, 4791, 5323, 5842), QUERY,
/// and the two of caches.
const METHODS: &[&[u8]] = &[
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"DELETE ",
    b"CONNECT ",
    b"OPTIONS ",
    b"TRACE ",
    b"PATCH ",
    b"PROPFIND ",
    b"PROPPATCH ",
    b"MKCOL ",
    b"COPY ",
    b"MOVE ",
    b"LOCK ",
    b"UNLOCK ",
    b"SEARCH ",
    b"REPORT ",
    b"CHECKOUT ",
    b"CHECKIN ",
    b"UNCHECKOUT ",
    b"VERSION-CONTROL ",
    b"MKWORKSPACE ",
    b"UPDATE ",
    b"LABEL ",
    b"MERGE ",
    b"BASELINE-CONTROL ",
    b"MKACTIVITY ",
    b"ORDERPATCH ",
    b"ACL ",
    b"MKCALENDAR ",
    b"BIND ",
    b"UNBIND ",
    b"REBIND ",
    b"QUERY ",
    b"PURGE ",
    b"BAN ",
];
/// What an HTTP/2 client sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A page's start in answer to HTTP/0.9, which knows no header.
const PAGES: &[&[u8]] = &[b"<html", b"<!doctype html"];
/// A status line's start that is enough to know it: `HTTP/1.1 200`.
const STATUS: usize = 12;

/// Asks whether this is HTTP.
pub(super) fn ask<'a>(view: &View<'a>, _scratch: &mut Scratch) -> Answer<'a> {
    let answer = match view.payload {
        // A client that ends its body with a line too many (RFC 9112, section 2.2).
        [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] if view.from_start => message(view, rest),
        [b'\r'] if view.from_start => Answer::Unsure,
        payload => message(view, payload),
    };
    match answer {
        // In the middle of a body a later segment may still start with a header.
        Answer::No if !view.from_start => Answer::Unsure,
        // A server may know what to do with a request that this module does not.
        Answer::No if view.answered == 0 && is_line(view.payload) => Answer::Unsure,
        Answer::No if view.answered == 0 && view.sent <= 2 && is_broken(view) => Answer::Unsure,
        answer => answer,
    }
}

/// Whether this starts with a line of text whose first word is in capitals, as methods are: what a
/// server could still answer in HTTP.
fn is_line(payload: &[u8]) -> bool {
    let Some(line) = text::first_line(payload) else { return false };
    let word = line.iter().take_while(|octet| matches!(octet, b'A'..=b'Z' | b'-' | b'_')).count();
    let ends = matches!(line.get(word), Some(b' '));
    word >= 3 && ends && line.iter().all(|octet| !octet.is_ascii_control())
}

/// Whether this may be a request all the same, on HTTP's own port: text without a method that is known,
/// or something with the protocol's name in it. The server's answer tells.
fn is_broken(view: &View<'_>) -> bool {
    let head = view.payload.get(..64.min(view.payload.len())).unwrap_or_default();
    let words = |octets: &[u8]| octets.iter().all(|octet| *octet >= b' ' && *octet != 0x7f);
    let line = head.split(|octet| matches!(octet, b'\r' | b'\n')).next().unwrap_or_default();
    let is_text =
        line.len() >= 4 && words(line) && line.is_ascii() | text::has_word(head, b"HTTP/");
    view.ends.responder.port() == 80 && (is_text || text::has_word(head, b"HTTP/1"))
}

fn message<'a>(view: &View<'_>, payload: &'a [u8]) -> Answer<'a> {
    match text::start(payload, PREFACE) {
        Start::Whole => return Answer::Match(found()),
        Start::Partly => return Answer::Unsure,
        Start::Other => {}
    }
    let on_port = view.source().port() == 80 && view.answered > 0;
    match text::start(payload, b"HTTP/1.") {
        Start::Whole => return response(view, payload),
        // A damaged version, in answer and from the port.
        Start::Other
            if on_port
                && matches!(payload, [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', ..]) =>
        {
            return Answer::Match(found());
        }
        Start::Partly => return Answer::Unsure,
        Start::Other => {}
    }
    match text::start_any(payload, METHODS) {
        Start::Whole => request(view, payload),
        Start::Partly => Answer::Unsure,
        Start::Other => page(view, payload),
    }
}

/// HTML in answer to a request of HTTP/0.9.
fn page<'a>(view: &View<'_>, payload: &[u8]) -> Answer<'a> {
    let asked = text::first_line(view.heads.get(view.side.other())).is_some_and(is_simple);
    if !asked || !view.from_start {
        return Answer::No;
    }
    let page = PAGES.iter().any(|page| {
        let start = payload.get(..page.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(page))
    });
    if page { Answer::Match(found()) } else { Answer::No }
}

/// A request line of HTTP/0.9: GET and a path.
fn is_simple(line: &[u8]) -> bool {
    let path = line.strip_prefix(b"GET ").filter(|path| path.starts_with(b"/"));
    path.is_some_and(|path| path.iter().all(u8::is_ascii_graphic))
}

fn found<'a>() -> Finding<'a> {
    Finding::certain(Protocol::Http, Evidence::HANDSHAKE)
}

/// A status line (RFC 9112, section 4).
fn response<'a>(view: &View<'_>, payload: &[u8]) -> Answer<'a> {
    match payload.get(..STATUS) {
        Some([.., b'0'..=b'9', b' ', b'1'..=b'9', b'0'..=b'9', b'0'..=b'9']) => {
            // The request, which has the name, is seen later only where the ways differ.
            Answer::Match(if view.answered == 0 { found().with_more() } else { found() })
        }
        Some(_) => Answer::No,
        None => Answer::Unsure,
    }
}

/// A request line (RFC 9112, section 3) and the headers after it.
fn request<'a>(view: &View<'_>, payload: &'a [u8]) -> Answer<'a> {
    // Nothing more can come: the segment stands alone, was cut, or the stream's prefix is full.
    let last = !view.from_start
        || payload.len() + 2 >= MAX_PREFIX
        || (view.payload.len() as u64) < u64::from(view.wire_octets);
    let Some(end) = payload.iter().position(|octet| *octet == b'\n') else {
        let text = payload.iter().all(|octet| !octet.is_ascii_control());
        return match (text, last) {
            (true, false) => Answer::Unsure,
            // A target of thousands of octets, or a packet cut in it.
            (true, true) => Answer::Match(Finding { confidence: Confidence::PENDING, ..found() }),
            (false, _) => partial_line_end(payload),
        };
    };
    let (line, headers) = payload.split_at_checked(end).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let Some(target) = target(line) else {
        return if is_simple(line) { Answer::Match(simple()) } else { Answer::No };
    };
    let (header, complete) = host_header(headers.get(1..).unwrap_or_default());
    // A target with an authority overrides the header (RFC 9112, section 3.2.2).
    let host = authority(line, target).or(header);
    let finding = match host {
        Some(host) => found().named(host, Evidence::HOST),
        None => found(),
    };
    Answer::Match(if complete || last {
        finding
    } else {
        Finding { confidence: Confidence::PENDING, ..finding }.with_more()
    })
}

/// A request of HTTP/0.9, the answer to which makes it certain.
fn simple<'a>() -> Finding<'a> {
    Finding::new(Protocol::Http, Confidence::LIKELY, Evidence::FRAMING).with_more()
}

/// A line whose CR came without its LF yet.
fn partial_line_end<'a>(payload: &[u8]) -> Answer<'a> {
    match payload {
        [line @ .., b'\r'] if target(line).is_some() => Answer::Unsure,
        _ => Answer::No,
    }
}

/// The target between method and version; `None` if the line is not HTTP/1's.
fn target(line: &[u8]) -> Option<&[u8]> {
    let (before, version) = line.split_at_checked(line.len().checked_sub(b" HTTP/1.1".len())?)?;
    let [b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0'..=b'9'] = version else {
        return None;
    };
    let target = before.splitn(2, |octet| *octet == b' ').nth(1)?;
    let printable = target.iter().all(|octet| !octet.is_ascii_control());
    (!target.is_empty() && printable).then_some(target)
}

/// The host in a target of absolute form, or in CONNECT's (RFC 9112, sections 3.2.2 and 3.2.3).
fn authority<'a>(line: &[u8], target: &'a [u8]) -> Option<&'a str> {
    if line.starts_with(b"CONNECT ") {
        return host_of_authority(target);
    }
    let after = |scheme: &[u8]| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let rest = after(b"http://").or_else(|| after(b"https://")).or_else(|| after(b"ws://"))?;
    let authority = rest.split(|octet| matches!(octet, b'/' | b'?' | b'#')).next()?;
    // User information ends at the last `@`.
    host_of_authority(authority.rsplit(|octet| *octet == b'@').next()?)
}

/// The Host header among these lines, and whether the end of the headers is there.
fn host_header(headers: &[u8]) -> (Option<&str>, bool) {
    let mut host = None;
    let mut rest = headers;
    while let Some(end) = rest.iter().position(|octet| *octet == b'\n') {
        let (line, after) = rest.split_at_checked(end).unwrap_or_default();
        rest = after.get(1..).unwrap_or_default();
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return (host, true);
        }
        let mut parts = line.splitn(2, |octet| *octet == b':');
        if let (Some(name), Some(value)) = (parts.next(), parts.next())
            && name.eq_ignore_ascii_case(b"host")
        {
            let value = value.trim_ascii();
            host = host.or_else(|| host_of_authority(value)).or_else(|| host_name(value));
        }
    }
    (host, false)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use etiage_capture::{PerSide, Side, Timestamp, Transport};
    use proptest::prelude::*;

    use super::*;
    use crate::knowledge::Knowledge;
    use crate::recogniser::FlowEnds;

    fn view(payload: &[u8], from_start: bool, answered: u16, check: impl FnOnce(Answer<'_>)) {
        let ends = FlowEnds {
            initiator: SocketAddr::from(([192, 0, 2, 1], 50000)),
            responder: SocketAddr::from(([198, 51, 100, 1], 8000)),
            transport: Transport::TCP,
        };
        let view = View {
            now: Timestamp::from_secs(1),
            ends: &ends,
            side: Side::Initiator,
            payload,
            from_start,
            wire_octets: payload.len() as u32,
            sent: 1,
            answered,
            heads: PerSide { initiator: &[], responder: &[] },
            knowledge: &Knowledge::with_capacity(1),
        };
        check(ask(&view, &mut Scratch::default()));
    }

    fn host(request: &str) -> Option<String> {
        let mut host = None;
        view(request.as_bytes(), true, 0, |answer| match answer {
            Answer::Match(found) => {
                assert_eq!((found.protocol, found.more), (Protocol::Http, false), "{request:?}");
                assert_eq!(found.evidence.has(Evidence::HOST), found.host.is_some());
                host = found.host.map(|host| host.into_owned());
            }
            other => panic!("{request:?}: {other:?}"),
        });
        host
    }

    #[test]
    fn a_request_is_named_by_its_host() {
        let check = |request: &str, expected: Option<&str>| {
            assert_eq!(host(request).as_deref(), expected, "{request:?}");
        };
        check("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", Some("a.example"));
        check("GET / HTTP/1.1\nX: y\nhOST:a.example:8080 \n\n", Some("a.example"));
        check("PROPFIND /x HTTP/1.1\r\nHost: a.example\r\n\r\nbody", Some("a.example"));
        check("\r\nGET / HTTP/1.0\r\nHost: a.example\r\n\r\n", Some("a.example"));
        check("CONNECT b.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n", Some("b.example"));
        check("GET http://u@b.example:1/x HTTP/1.1\r\nHost: a.example\r\n\r\n", Some("b.example"));
        check("GET http://[::1]/ HTTP/1.1\r\nHost: a.example\r\n\r\n", Some("a.example"));
        check("GET / HTTP/1.1\r\nX-Host: a.example\r\nHost: 192.0.2.1\r\n\r\n", None);
        check("GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", None);
        check("GET / HTTP/1.1\r\nHost: ba d.example\r\n\r\nHost: b.example\r\n", None);
        check("GET / HTTP/1.0\r\n\r\n", None);
        check("GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", Some("a.example"));
    }

    #[test]
    fn cut_at_any_octet_it_waits_and_never_denies() {
        let request = b"GET /path HTTP/1.1\r\nAccept: */*\r\nHost: a.example\r\n\r\n";
        let line = 20;
        for length in 1..request.len() {
            view(&request[..length], true, 0, |answer| match answer {
                Answer::Unsure => assert!(length < line, "{length}"),
                Answer::Match(found) => {
                    assert!(length >= line && found.more && found.confidence < crate::SETTLED);
                    assert!(found.host.is_none_or(|host| host == "a.example"));
                }
                Answer::No => panic!("{length}"),
            });
        }
    }

    #[test]
    fn a_request_longer_than_a_prefix_tells_what_it_has() {
        let long =
            format!("GET / HTTP/1.1\r\nHost: a.example\r\nCookie: {}", "c".repeat(MAX_PREFIX));
        assert_eq!(host(long.get(..MAX_PREFIX).unwrap()).as_deref(), Some("a.example"));
        let target = format!("GET /{}", "t".repeat(MAX_PREFIX));
        assert_eq!(host(target.get(..MAX_PREFIX).unwrap()), None);
    }

    #[test]
    fn a_response_alone_is_http_without_a_name() {
        let response = b"HTTP/1.1 200 OK\r\n";
        for (answered, more) in [(0, true), (1, false)] {
            view(response, true, answered, |answer| {
                assert_eq!(answer, Answer::Match(Finding { more, ..found() }));
            });
        }
        for length in 1..STATUS {
            view(&response[..length], true, 0, |answer| assert_eq!(answer, Answer::Unsure));
        }
    }

    #[test]
    fn prior_knowledge_http2_is_http() {
        view(PREFACE, true, 0, |answer| assert_eq!(answer, Answer::Match(found())));
        for length in 1..PREFACE.len() {
            view(&PREFACE[..length], true, 0, |answer| assert_eq!(answer, Answer::Unsure));
        }
    }

    #[test]
    fn its_relatives_are_denied() {
        for other in [
            "RTSP/1.0 200 OK\r\n",
            "OPTIONS rtsp://a.example/ RTSP/1.0\r\n",
            "ICY 200 OK\r\n",
            "SOURCE /x ICE/1.0\r\n",
            "OPTIONS sip:a@b.example SIP/2.0\r\n",
            "GNUTELLA CONNECT/0.6\r\n",
            "HTTP/1.1 abc\r\n",
            "HTTP/2.0 200\r\n",
            "GET /\0 HTTP/1.1\r\n",
            "GET  HTTP/1.1\r\n",
            "GETTY / HTTP/1.1\r\n",
            "get / HTTP/1.1\r\n",
            "GET \x01",
        ] {
            view(other.as_bytes(), true, 1, |answer| assert_eq!(answer, Answer::No, "{other:?}"));
        }
    }

    /// What a server's first octets are called after a request.
    fn answered(request: &[u8], answer: &[u8]) -> Option<(Protocol, Confidence)> {
        let ends = FlowEnds {
            initiator: SocketAddr::from(([192, 0, 2, 1], 50000)),
            responder: SocketAddr::from(([198, 51, 100, 1], 8000)),
            transport: Transport::TCP,
        };
        let view = View {
            now: Timestamp::from_secs(1),
            ends: &ends,
            side: Side::Responder,
            payload: answer,
            from_start: true,
            wire_octets: answer.len() as u32,
            sent: 1,
            answered: 1,
            heads: PerSide { initiator: request, responder: answer },
            knowledge: &Knowledge::with_capacity(1),
        };
        match ask(&view, &mut Scratch::default()) {
            Answer::Match(found) => Some((found.protocol, found.confidence)),
            _ => None,
        }
    }

    #[test]
    fn an_odd_request_waits_for_its_answer() {
        let odd: [&[u8]; 4] = [
            b"GET / HTTP/1\n",
            b"GET HTTP/1.1\r\n\r\n",
            b"RPC_IN_DATA /rpc/rpcproxy.dll?a:593 HTTP/1.1\r\n",
            b"DELETE / HTTP/1\r\n",
        ];
        for request in odd {
            view(request, true, 0, |answer| assert_eq!(answer, Answer::Unsure, "{request:?}"));
            view(request, true, 1, |answer| assert_eq!(answer, Answer::No, "{request:?}"));
            let http = Some((Protocol::Http, Confidence::CERTAIN));
            assert_eq!(answered(request, b"HTTP/1.1 200 OK\r\n"), http);
            assert_eq!(answered(request, b"SSH-2.0-x\r\n"), None);
        }
        for other in [&b"get / HTTP/1\n"[..], b"\0\0\n", b"A b\n", b"GET /\x01\n"] {
            view(other, true, 0, |answer| assert_eq!(answer, Answer::No, "{other:?}"));
        }
    }

    #[test]
    fn without_a_version_a_request_is_likely_and_a_page_makes_it_certain() {
        for request in [&b"GET /a.html\r\n"[..], b"GET /\n"] {
            view(request, true, 0, |answer| assert_eq!(answer, Answer::Match(simple())));
            let http = Some((Protocol::Http, Confidence::CERTAIN));
            assert_eq!(answered(request, b"<HTML><body>"), http);
            assert_eq!(answered(request, b"<!DOCTYPE html>\n"), http);
            assert_eq!(answered(request, b"<xml>"), None);
        }
        view(b"GET key\r\n", true, 1, |answer| assert_eq!(answer, Answer::No));
        assert_eq!(answered(b"HELO a\r\n", b"<html>"), None);
    }

    #[test]
    fn in_the_middle_it_waits_for_a_header_at_a_segments_start() {
        view(b"\xff\xd8 a picture's middle", false, 0, |answer| assert_eq!(answer, Answer::Unsure));
        view(b"GET / HTTP/1.1\r\nHost: a.example\r\nCookie: c", false, 0, |answer| {
            assert_eq!(answer, Answer::Match(found().named("a.example", Evidence::HOST)));
        });
    }

    proptest! {
        #[test]
        fn nothing_panics(octets in prop::collection::vec(any::<u8>(), 1..300), from_start: bool) {
            view(&octets, from_start, 0, |_| {});
        }

        #[test]
        fn nothing_panics_near_a_request(place in 0..60usize, octet: u8, length in 1..60usize) {
            let mut request = *b"GET http://a.example/ HTTP/1.1\r\nHost: a.example:80\r\nX: y\r\n\r\n";
            let place = place.min(request.len() - 1);
            request[place] = octet;
            view(&request[..length.min(request.len())], true, 0, |_| {});
        }
    }
}
