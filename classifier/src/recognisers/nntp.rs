//! Network News Transfer Protocol (RFC 3977, 4643), articles in yEnc included.

use etiage_capture::Side;

use super::Scratch;
use super::text::{self, Start};
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};

/// Segments of a greeting that are waited for.
const MAX_GREETING: u16 = 6;
/// Commands that no other protocol with numbered answers has.
const COMMANDS: &[&str] = &[
    "ARTICLE",
    "BODY",
    "HEAD",
    "STAT",
    "GROUP",
    "AUTHINFO",
    "CAPABILITIES",
    "MODE READER",
    "XOVER",
    "OVER",
    "XZVER",
    "XFEATURE",
    "XHDR",
    "LIST",
    "LISTGROUP",
    "NEWGROUPS",
    "NEWNEWS",
    "POST",
    "IHAVE",
    "DATE",
    "STARTTLS",
    "COMPRESS",
    "MODE STREAM",
    "CHECK",
    "TAKETHIS",
];
/// What an article's answer starts with: article, head, body.
const ARTICLE: &[&[u8]] = &[b"220 ", b"221 ", b"222 "];

/// An article, or a request for one, in a stream whose start was not seen.
const ARTICLE_SEEN: Confidence = Confidence(95);
/// A greeting that names news; the client has not answered it yet.
const GREETING: Confidence = Confidence(95);

pub(super) fn ask<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let found =
        |confidence, evidence| Answer::Match(Finding::new(Protocol::Nntp, confidence, evidence));
    let line = text::first_line(view.payload).unwrap_or_default();
    if !view.from_start {
        let framed = match view.side {
            Side::Responder => is_article(view.payload, line) || has_yenc(view.payload),
            Side::Initiator => is_fetch(line) || has_yenc(view.payload),
        };
        return if framed { found(ARTICLE_SEEN, Evidence::FRAMING) } else { Answer::Unsure };
    }
    match view.side {
        Side::Responder => match text::start_any(view.payload, &[b"200 ", b"201 "]) {
            Start::Whole if names_news(line) => found(GREETING, Evidence::HANDSHAKE),
            Start::Whole if view.sent < MAX_GREETING => Answer::Unsure,
            Start::Whole => Answer::No,
            start => text::not_yet(start, view),
        },
        Side::Initiator => {
            let greeted =
                text::start_any(view.heads.responder, &[b"200 ", b"201 "]) == Start::Whole;
            let known = text::is_command(line, COMMANDS);
            match (line.is_empty(), known) {
                (false, true) if greeted => found(Confidence::CERTAIN, Evidence::HANDSHAKE),
                (false, true) if view.answered == 0 => Answer::Unsure,
                (true, _) if view.payload.len() < 64 => Answer::Unsure,
                _ => Answer::No,
            }
        }
    }
}

/// A greeting that names the protocol or a known server.
fn names_news(line: &[u8]) -> bool {
    [&b"NNTP"[..], b"InterNetNews", b"INN ", b"usenet", b"NNRP", b"news"]
        .iter()
        .any(|word| text::has_word(line, word))
}

/// `222 0 <part@host>`: number and message identifier.
fn is_article(payload: &[u8], line: &[u8]) -> bool {
    let numbered = line.get(4..).and_then(text::number);
    text::start_any(payload, ARTICLE) == Start::Whole
        && numbered.is_some_and(|(_, rest)| is_message_id(rest.trim_ascii()))
}

/// A request for an article by its message identifier.
fn is_fetch(line: &[u8]) -> bool {
    let commands = ["ARTICLE", "BODY", "HEAD", "STAT"];
    let argument = line.iter().position(|octet| *octet == b' ').and_then(|at| line.get(at + 1..));
    text::is_command(line, &commands)
        && argument.is_some_and(|argument| is_message_id(argument.trim_ascii()))
}

fn is_message_id(text: &[u8]) -> bool {
    text.len() >= 5 && text.starts_with(b"<") && text.contains(&b'@') && text.contains(&b'>')
}

/// The line that opens a yEnc block, which Usenet alone uses.
fn has_yenc(payload: &[u8]) -> bool {
    text::has_word(payload, b"\r\n=ybegin ") || payload.starts_with(b"=ybegin ")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said};
    use super::*;

    #[test]
    fn greeting_and_command_settle() {
        let mut flow = Flow::tcp(119);
        assert_eq!(flow.server(ask, b"200 welcome\r\n"), Said::Unsure);
        assert_eq!(flow.client(ask, b"AUTHINFO USER x\r\n").settled(), Some(Protocol::Nntp));
        let said = Flow::tcp(119).server(ask, b"201 news.example NNTP ready (no posting)\r\n");
        assert_eq!(said.settled(), Some(Protocol::Nntp));
    }

    #[test]
    fn ftp_and_http_are_not_news() {
        assert_eq!(Flow::tcp(21).server(ask, b"220 ready\r\n"), Said::No);
        let mut flow = Flow::tcp(21);
        assert_eq!(flow.server(ask, b"20"), Said::Unsure);
        assert_eq!(flow.server(ask, b"0 ok\r\n"), Said::Unsure);
        assert_eq!(flow.client(ask, b"USER x\r\n"), Said::No);
        assert_eq!(Flow::tcp(80).client(ask, b"HEAD / HTTP/1.1\r\n"), Said::Unsure);
        let mut http = Flow::tcp(80);
        http.client(ask, b"HEAD / HTTP/1.1\r\n");
        assert_eq!(http.server(ask, b"HTTP/1.1 200 OK\r\n"), Said::No);
    }

    #[test]
    fn articles_are_known_midway() {
        let article = b"222 0 <part1@host.example>\r\n=ybegin part=1 line=128 size=9 name=a\r\n";
        assert!(Flow::tcp(119).midway().server(ask, article).settled().is_some());
        assert!(Flow::tcp(119).midway().client(ask, b"BODY <a@b>\r\n").settled().is_some());
        let inside = b"x: y\r\n\r\n=ybegin part=1 line=128 size=9 name=a\r\n";
        assert!(Flow::tcp(119).midway().server(ask, inside).settled().is_some());
        assert_eq!(Flow::tcp(119).midway().server(ask, b"222 nothing\r\n"), Said::Unsure);
    }
}
