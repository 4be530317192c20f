//! Mail: SMTP (RFC 5321), IMAP (RFC 9051), POP3 (RFC 1939).
//!
//! Each is known by its server's greeting where that names it, else by greeting and command
//! together.

use etiage_capture::Side;

use super::Scratch;
use super::text::{self, Start};
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};

/// Segments of a greeting that are waited for.
const MAX_GREETING: u16 = 6;
/// What a mail client says after SMTP's greeting.
const HELLO: &[&str] = &["EHLO", "HELO", "LHLO"];
/// What an IMAP client says after its tag.
const IMAP_COMMANDS: &[&str] = &[
    "CAPABILITY",
    "LOGIN",
    "AUTHENTICATE",
    "STARTTLS",
    "ID",
    "NOOP",
    "SELECT",
    "EXAMINE",
    "LIST",
    "LOGOUT",
    "NAMESPACE",
    "ENABLE",
];
const POP3_COMMANDS: &[&str] =
    &["CAPA", "USER", "APOP", "AUTH", "STLS", "STAT", "LIST", "UIDL", "RETR", "QUIT", "NOOP"];
/// A tag is a few letters and digits.
const MAX_TAG: usize = 16;

/// A greeting that names the protocol; the client has not answered it yet.
const GREETING: Confidence = Confidence(97);
/// A mail's sender or receiver in a command, without the server's side.
const ENVELOPE: Confidence = Confidence(95);

fn found<'a>(protocol: Protocol, confidence: Confidence) -> Answer<'a> {
    Answer::Match(Finding::new(protocol, confidence, Evidence::HANDSHAKE))
}

/// What a server's greeting says: `starts` is how it starts, `named` whether it names the protocol.
fn greeting<'a>(view: &View<'a>, start: Start, protocol: Protocol, named: bool) -> Answer<'a> {
    match start {
        Start::Whole if named => found(protocol, GREETING),
        Start::Whole if view.sent < MAX_GREETING => Answer::Unsure,
        Start::Whole => Answer::No,
        start => text::not_yet(start, view),
    }
}

/// What a client's first line says, where the server's greeting was `greeted`.
fn command<'a>(view: &View<'a>, protocol: Protocol, greeted: bool, known: bool) -> Answer<'a> {
    match (text::first_line(view.payload).is_some(), known) {
        (true, true) if greeted => found(protocol, Confidence::CERTAIN),
        // The greeting is not in view (yet); the command alone is not enough.
        (true, true) if view.answered == 0 => Answer::Unsure,
        (false, _) if view.payload.len() < 64 && text::may_grow(view) => Answer::Unsure,
        _ => Answer::No,
    }
}

pub(super) fn smtp<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let line = text::first_line(view.payload).unwrap_or_default();
    match view.side {
        Side::Responder => {
            let start = text::start_any(view.payload, &[b"220 ", b"220-"]);
            let named = [&b"SMTP"[..], b"Postfix", b"Exim", b"Sendmail"]
                .iter()
                .any(|word| text::has_word(line, word));
            greeting(view, start, Protocol::Smtp, named)
        }
        Side::Initiator => {
            let envelope = text::is_command(line, &["MAIL", "RCPT"])
                && (text::has_word(line, b" FROM:<") || text::has_word(line, b" TO:<"));
            if envelope && !view.from_start {
                return found(Protocol::Smtp, ENVELOPE);
            }
            let hello = text::is_command(line, HELLO);
            if hello && text::has_word(view.payload, b"\r\nMAIL FROM:") {
                // Only one direction crosses this link.
                return found(Protocol::Smtp, ENVELOPE);
            }
            let greeted = view.heads.responder.starts_with(b"220");
            command(view, Protocol::Smtp, greeted, hello)
        }
    }
}

pub(super) fn imap<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let line = text::first_line(view.payload).unwrap_or_default();
    match view.side {
        Side::Responder => {
            let start = text::start_any(view.payload, &[b"* OK ", b"* PREAUTH ", b"* BYE "]);
            let named = text::has_word(line, b"IMAP") || text::has_word(line, b"[CAPABILITY ");
            greeting(view, start, Protocol::Imap, named)
        }
        Side::Initiator => {
            let tag = line.iter().take_while(|octet| octet.is_ascii_alphanumeric()).count();
            let rest = line.get(tag..).and_then(|rest| rest.strip_prefix(b" "));
            let known = (1..=MAX_TAG).contains(&tag)
                && rest.is_some_and(|rest| text::is_command(rest, IMAP_COMMANDS));
            let greeted = view.heads.responder.starts_with(b"* ");
            command(view, Protocol::Imap, greeted, known)
        }
    }
}

pub(super) fn pop3<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let line = text::first_line(view.payload).unwrap_or_default();
    match view.side {
        Side::Responder => {
            let start = text::start_any(view.payload, &[b"+OK ", b"+OK\r\n"]);
            let named = text::has_word(line, b"POP3") || text::has_word(line, b" POP ");
            // Redis answers +OK as well, but only when asked.
            greeting(view, start, Protocol::Pop3, named && view.answered == 0)
        }
        Side::Initiator => {
            let greeted = view.heads.responder.starts_with(b"+OK");
            command(view, Protocol::Pop3, greeted, text::is_command(line, POP3_COMMANDS))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said};
    use super::*;

    #[test]
    fn greetings_that_name_their_protocol_settle() {
        let said = Flow::tcp(25).server(smtp, b"220 mx.example ESMTP\r\n");
        assert_eq!(said.settled(), Some(Protocol::Smtp));
        let said = Flow::tcp(143).server(imap, b"* OK [CAPABILITY IMAP4rev1] ready\r\n");
        assert_eq!(said.settled(), Some(Protocol::Imap));
        let said = Flow::tcp(110).server(pop3, b"+OK Dovecot POP3 ready.\r\n");
        assert_eq!(said.settled(), Some(Protocol::Pop3));
    }

    #[test]
    fn bare_greetings_wait_for_the_command() {
        let mut flow = Flow::tcp(25);
        assert_eq!(flow.server(smtp, b"220 mx\r\n"), Said::Unsure);
        assert_eq!(flow.client(smtp, b"EHL"), Said::Unsure);
        assert_eq!(flow.client(smtp, b"O me.example\r\n").settled(), Some(Protocol::Smtp));
        let mut flow = Flow::tcp(143);
        assert_eq!(flow.server(imap, b"* OK ready\r\n"), Said::Unsure);
        assert_eq!(flow.client(imap, b"a001 login joe x\r\n").settled(), Some(Protocol::Imap));
        let mut flow = Flow::tcp(110);
        assert_eq!(flow.server(pop3, b"+OK <1@x>\r\n"), Said::Unsure);
        assert_eq!(flow.client(pop3, b"CAPA\r\n").settled(), Some(Protocol::Pop3));
    }

    #[test]
    fn others_are_not_mail() {
        assert_eq!(Flow::tcp(21).server(smtp, b"421 busy\r\n"), Said::No);
        let mut ftp = Flow::tcp(21);
        assert_eq!(ftp.server(smtp, b"220 ready\r\n"), Said::Unsure);
        assert_eq!(ftp.client(smtp, b"USER x\r\n"), Said::No);
        let mut redis = Flow::tcp(6379);
        assert_eq!(redis.client(pop3, b"*1\r\n$4\r\nPING\r\n"), Said::No);
        assert_eq!(Flow::tcp(80).client(imap, b"GET / HTTP/1.1\r\n"), Said::No);
        assert_eq!(Flow::tcp(143).server(imap, b"* O"), Said::Unsure);
        assert_eq!(Flow::tcp(143).midway().server(imap, b"* O"), Said::No);
    }

    #[test]
    fn an_envelope_midway_is_smtp() {
        let said = Flow::tcp(25).midway().client(smtp, b"MAIL FROM:<a@b.example>\r\n");
        assert_eq!(said.settled(), Some(Protocol::Smtp));
        let mut flow = Flow::tcp(25);
        assert_eq!(flow.client(smtp, b"EHLO me\r\n"), Said::Unsure);
        assert_eq!(flow.client(smtp, b"MAIL FROM:<a@b>\r\n").settled(), Some(Protocol::Smtp));
    }
}
