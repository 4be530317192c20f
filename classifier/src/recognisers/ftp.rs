//! FTP's control connection (RFC 959, 2428, 4217), and the data connections that it announces.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use etiage_capture::{PerSide, Side};

use super::Scratch;
use super::text::{self, Start};
use crate::class::{Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};

/// What clients of FTP send first, and clients of mail do not.
const COMMANDS: &[&str] =
    &["USER", "AUTH TLS", "AUTH SSL", "AUTH GSSAPI", "FEAT", "SYST", "OPTS UTF8", "CLNT", "HOST"];
/// What stands in the middle of a conversation, and in no other protocol so.
const MIDWAY: &[&str] =
    &["PASV", "EPSV", "PORT", "EPRT", "RETR", "STOR", "TYPE I", "TYPE A", "MLSD"];

/// What is remembered of a flow.
#[derive(Debug, Default)]
pub(super) struct Memory {
    known: bool,
    /// How many octets of each side's stream have been read for announcements.
    read: PerSide<u16>,
}

pub(super) fn ask<'a>(view: &View<'a>, scratch: &mut Scratch) -> Answer<'a> {
    let memory = &mut scratch.ftp;
    if !memory.known {
        match recognise(view) {
            Start::Whole => memory.known = true,
            Start::Partly => return Answer::Unsure,
            Start::Other => return Answer::No,
        }
    }
    let finding = Finding::certain(Protocol::Ftp, Evidence::HANDSHAKE);
    let encrypted = learn(view, memory);
    Answer::Match(if encrypted { finding } else { finding.with_lessons() })
}

/// A greeting that names FTP, or a greeting and one of its commands.
fn recognise(view: &View<'_>) -> Start {
    let line = text::first_line(view.payload);
    let greeting = |octets: &[u8]| text::start_any(octets, &[b"220 ", b"220-"]);
    match view.side {
        Side::Responder => {
            let start = greeting(view.payload);
            let mail = text::has_word(view.payload, b"SMTP");
            let named = text::has_word(view.payload, b"FTP") && line.is_some();
            match start {
                Start::Whole if mail => Start::Other,
                Start::Whole if named => Start::Whole,
                // Welcomes of several lines are long; the client's command decides.
                Start::Whole if view.sent < 8 => Start::Partly,
                Start::Partly if text::may_grow(view) => Start::Partly,
                _ if is_announcement(view.payload) => Start::Whole,
                _ => Start::Other,
            }
        }
        Side::Initiator => {
            let greeted = greeting(view.heads.responder) == Start::Whole;
            match line {
                Some(line) if text::is_command(line, COMMANDS) => {
                    // POP3 has USER too: its server said +OK before.
                    if greeted { Start::Whole } else { Start::Partly }
                }
                Some(line) if greeted && is_active(line) => Start::Whole,
                Some(line) if !view.from_start && text::is_command(line, MIDWAY) => Start::Partly,
                None if view.payload.len() < 16 => Start::Partly,
                _ => Start::Other,
            }
        }
    }
}

/// The client's PORT, with the address and port that it listens at.
fn is_active(line: &[u8]) -> bool {
    line.strip_prefix(b"PORT ").is_some_and(|rest| six_numbers(Some(rest)).is_some())
}

/// The server's answer to PASV or EPSV: reason enough where the greeting was not seen.
fn is_announcement(payload: &[u8]) -> bool {
    let passive = payload.starts_with(b"227 ") && six_numbers(payload.get(4..)).is_some();
    passive || payload.starts_with(b"229 ") && extended_port(payload.get(4..)).is_some()
}

/// Reads the lines that were not read yet; whether what follows is encrypted.
fn learn(view: &View<'_>, memory: &mut Memory) -> bool {
    let read = memory.read.get_mut(view.side);
    let unread = if view.from_start {
        view.payload.get(usize::from(*read)..).unwrap_or_default()
    } else {
        view.payload
    };
    let whole = unread.iter().rposition(|octet| *octet == b'\n').map_or(0, |end| end + 1);
    if view.from_start {
        *read = read.saturating_add(u16::try_from(whole).unwrap_or(u16::MAX));
    }
    let mut encrypted = false;
    for line in unread.get(..whole).into_iter().flat_map(text::lines) {
        match view.side {
            Side::Responder => {
                // Accepted security (RFC 4217): from here on nothing can be read.
                encrypted |= line.starts_with(b"234");
                learn_passive(view, line);
            }
            Side::Initiator => learn_active(view, line),
        }
    }
    encrypted
}

/// What the server announces: it will listen.
fn learn_passive(view: &View<'_>, line: &[u8]) {
    let server = view.source();
    if line.starts_with(b"227") {
        if let Some(announced) = six_numbers(line.get(3..)) {
            expect(view, announced);
            // Behind address translation the address told is not the one connected to.
            expect(view, SocketAddr::new(server.ip(), announced.port()));
        }
    } else if line.starts_with(b"229")
        && let Some(port) = extended_port(line.get(3..))
    {
        expect(view, SocketAddr::new(server.ip(), port));
    }
}

/// What the client announces: it will listen.
fn learn_active(view: &View<'_>, line: &[u8]) {
    let client = view.source();
    if text::is_command(line, &["PORT"]) {
        if let Some(announced) = six_numbers(line.get(4..)) {
            expect(view, announced);
            expect(view, SocketAddr::new(client.ip(), announced.port()));
        }
    } else if text::is_command(line, &["EPRT"])
        && let Some(announced) = extended_endpoint(line.get(5..))
    {
        expect(view, announced);
        expect(view, SocketAddr::new(client.ip(), announced.port()));
    }
}

fn expect(view: &View<'_>, endpoint: SocketAddr) {
    if endpoint.port() != 0 && !endpoint.ip().is_unspecified() {
        view.knowledge.expect(view.now, endpoint, Protocol::FtpData, view.word());
    }
}

/// `h1,h2,h3,h4,p1,p2` somewhere in a text.
fn six_numbers(text: Option<&[u8]>) -> Option<SocketAddr> {
    let text = text?;
    let start = text.iter().position(u8::is_ascii_digit)?;
    let mut rest = text.get(start..)?;
    let mut numbers = [0u8; 6];
    for (place, number) in numbers.iter_mut().enumerate() {
        if place > 0 {
            rest = rest.strip_prefix(b",")?;
        }
        let (value, after) = text::number(rest.trim_ascii_start())?;
        *number = u8::try_from(value).ok()?;
        rest = after;
    }
    let [a, b, c, d, high, low] = numbers;
    let port = u16::from_be_bytes([high, low]);
    Some(SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), port))
}

/// `(|||port|)`, whatever the delimiter (RFC 2428, section 3).
fn extended_port(text: Option<&[u8]>) -> Option<u16> {
    let text = text?;
    let open = text.iter().position(|octet| *octet == b'(')?;
    let (delimiter, rest) = text.get(open + 1..)?.split_first()?;
    let rest = rest.strip_prefix(&[*delimiter, *delimiter])?;
    let (port, rest) = text::number(rest)?;
    rest.starts_with(&[*delimiter, b')']).then(|| u16::try_from(port).ok()).flatten()
}

/// `|1|192.0.2.1|6446|` or `|2|2001:db8::1|6446|` (RFC 2428, section 2).
fn extended_endpoint(text: Option<&[u8]>) -> Option<SocketAddr> {
    let (delimiter, rest) = text?.split_first()?;
    let mut fields = rest.split(|octet| octet == delimiter).skip(1);
    let address: IpAddr = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let port = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    Some(SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said};
    use super::*;

    fn expected(flow: &Flow, endpoint: &str) -> bool {
        let endpoint = endpoint.parse().unwrap();
        flow.announced(endpoint) == Some(Protocol::FtpData)
    }

    #[test]
    fn a_greeting_that_names_ftp_settles_and_mail_does_not() {
        let said = Flow::tcp(21).server(ask, b"220 ProFTPD Server ready\r\n");
        assert_eq!(said.settled(), Some(Protocol::Ftp));
        assert!(said.teaches());
        assert_eq!(Flow::tcp(21).server(ask, b"220 mx.example ESMTP Postfix\r\n"), Said::No);
        assert_eq!(Flow::tcp(21).server(ask, b"22"), Said::Unsure);
        assert_eq!(Flow::tcp(21).server(ask, b"200 news ready\r\n"), Said::No);
    }

    #[test]
    fn a_bare_greeting_waits_for_the_command() {
        let mut flow = Flow::tcp(2121);
        assert_eq!(flow.server(ask, b"220 ready\r\n"), Said::Unsure);
        assert_eq!(flow.client(ask, b"USER anonymous\r\n").settled(), Some(Protocol::Ftp));
        let mut flow = Flow::tcp(2121);
        assert_eq!(flow.server(ask, b"220 ready\r\n"), Said::Unsure);
        assert_eq!(flow.client(ask, b"EHLO me\r\n"), Said::No);
        assert_eq!(Flow::tcp(110).client(ask, b"USER joe\r\n"), Said::Unsure, "POP3 may be");
        let mut flow = Flow::tcp(2121);
        assert_eq!(flow.server(ask, b"220 ready\r\n"), Said::Unsure);
        assert_eq!(flow.client(ask, b"PORT 10,0,0,200,78,33\r\n").settled(), Some(Protocol::Ftp));
    }

    #[test]
    fn passive_answers_announce_the_servers_endpoint_each_once() {
        let mut flow = Flow::tcp(21);
        flow.server(ask, b"220 FTP\r\n");
        flow.server(ask, b"227 Entering Passive Mode (10,0,0,5,195,80");
        assert!(!expected(&flow, "10.0.0.5:50000"), "the line is not whole yet");
        flow.server(ask, b").\r\n");
        assert!(expected(&flow, "10.0.0.5:50000"));
        assert!(expected(&flow, "198.51.100.2:50000"), "the address behind the translation");
        flow.server(ask, b"229 Entering Extended Passive Mode (|||50001|)\r\n");
        assert!(expected(&flow, "198.51.100.2:50001"));
        assert!(!expected(&flow, "192.0.2.1:50000"));
    }

    #[test]
    fn active_commands_announce_the_clients_endpoint() {
        let mut flow = Flow::tcp(21);
        flow.server(ask, b"220 FTP\r\n");
        flow.client(ask, b"PORT 192,0,2,1,200,1\r\n");
        assert!(expected(&flow, "192.0.2.1:51201"));
        flow.client(ask, b"EPRT |2|2001:db8::9|6446|\r\n");
        assert!(expected(&flow, "[2001:db8::9]:6446"));
        for wrong in [&b"PORT 1,2,3,4,5\r\n"[..], b"PORT 1,2,3,4,5,256\r\n", b"EPRT |1|x|1|\r\n"] {
            assert!(flow.client(ask, wrong).settled().is_some());
        }
    }

    #[test]
    fn encryption_ends_the_lessons_and_midway_answers_start_them() {
        let mut flow = Flow::tcp(21);
        assert!(flow.server(ask, b"220 FTP\r\n").teaches());
        assert!(flow.client(ask, b"AUTH TLS\r\n").teaches());
        assert!(!flow.server(ask, b"234 go ahead\r\n").teaches());
        let mut flow = Flow::tcp(21).midway();
        assert!(flow.server(ask, b"229 Extended (|||50007|)\r\n").teaches());
        assert!(expected(&flow, "198.51.100.2:50007"));
    }
}
