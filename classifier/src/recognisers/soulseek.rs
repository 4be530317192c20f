//! Soulseek, after museek's and Nicotine+'s description of the protocol.
//!
//! Messages are a length of four octets, a code and a body, little-endian. The code has four octets
//! between client and server and between peers, one octet in what opens a connection between peers.

use super::Scratch;
use super::le::{le32, string32};
use super::text;
use crate::class::{Confidence, Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};

const LOGIN: u32 = 1;
const PIERCE: u8 = 0;
const PEER: u8 = 1;
/// Where its servers listen.
const SERVERS: &[u16] = &[2240, 2242, 2271];
/// Names have at most thirty characters; UTF-8 makes them longer.
const MAX_NAME: usize = 64;
/// The client's hash of name and password, in hexadecimal.
const HASH: usize = 32;

/// A login, its answer, or a peer's introduction, whole and with fields that fit.
const OPENING: Confidence = Confidence(97);
/// Messages whose lengths lead from one to the next, on a port of Soulseek's servers.
const SERVER_MESSAGES: Confidence = Confidence(92);
/// One such message: the next one can tell.
const SERVER_MESSAGE: Confidence = Confidence(80);
/// A pierced firewall, and a message of a peer behind it.
const PIERCED: Confidence = Confidence(92);
/// A pierced firewall alone: of its octets only the length and the code are fixed.
const PIERCE_ALONE: Confidence = Confidence(70);

fn found<'a>(confidence: Confidence, evidence: Evidence) -> Answer<'a> {
    Answer::Match(Finding::new(Protocol::Soulseek, confidence, evidence))
}

pub(super) fn ask<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let by_opening = opening(view);
    // The framing alone is too weak to be told from others', but for the ports of its servers.
    if matches!(by_opening, Answer::Match(_))
        || !SERVERS.iter().any(|port| view.ends.has_port(*port))
    {
        return by_opening;
    }
    let evidence = Evidence::FRAMING.with(Evidence::PORT);
    match messages(view.payload) {
        Some(2..) => found(SERVER_MESSAGES, evidence),
        Some(1) => {
            let finding = Finding::new(Protocol::Soulseek, SERVER_MESSAGE, evidence);
            Answer::Match(finding.with_more())
        }
        _ => by_opening,
    }
}

/// What opens a connection: a login and its answer, or a peer's first message.
fn opening<'a>(view: &View<'a>) -> Answer<'a> {
    if !view.from_start {
        return Answer::Unsure;
    }
    let (Some(length), Some(body)) = (le32(view.payload), view.payload.get(4..)) else {
        return Answer::Unsure;
    };
    if length == 0 || length > MAX_MESSAGE {
        return Answer::No;
    }
    let Some((message, rest)) = body.split_at_checked(length as usize) else {
        return if length <= MAX_OPENING { Answer::Unsure } else { Answer::No };
    };
    if is_login(message) || is_peer_init(message) {
        return found(OPENING, Evidence::HANDSHAKE);
    }
    // The server's answer, where the login is in the other stream.
    let other = view.heads.get(view.side.other());
    if is_login_answer(message) && is_login_start(other) {
        return found(OPENING, Evidence::HANDSHAKE);
    }
    // A pierced firewall proves itself by the message that follows it.
    if message.len() == 5 && message.first() == Some(&PIERCE) {
        return match peer_message(rest) {
            Some(true) => found(PIERCED, Evidence::FRAMING),
            Some(false) => {
                let finding = Finding::new(Protocol::Soulseek, PIERCE_ALONE, Evidence::HANDSHAKE);
                Answer::Match(finding.with_more())
            }
            None => Answer::No,
        };
    }
    Answer::No
}

/// How many messages between client and server fill the payload; `None` if anything else does.
fn messages(mut rest: &[u8]) -> Option<usize> {
    let mut count = 0;
    while !rest.is_empty() {
        let (message, next) = string32(rest)?;
        // Login to privileges, and the codes of distributed search.
        let known = matches!(le32(message)?, 1..=160 | 1001..=1003);
        if !known {
            return None;
        }
        count += 1;
        rest = next;
    }
    Some(count)
}

/// Largest message that may stand first in a stream.
const MAX_MESSAGE: u32 = 64 * 1024;
/// What opens a connection is short.
const MAX_OPENING: u32 = 1024;

fn name(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = string32(octets)?;
    ((1..=MAX_NAME).contains(&name.len()) && text::is_printable(name)).then_some((name, rest))
}

/// Login: name, password, version, hash.
fn is_login(message: &[u8]) -> bool {
    fn parse(message: &[u8]) -> Option<bool> {
        let (code, rest) = (le32(message)?, message.get(4..)?);
        let (_, rest) = name(rest)?;
        let (_, rest) = string32(rest)?;
        let (version, rest) = (le32(rest)?, rest.get(4..)?);
        let (hash, _) = string32(rest)?;
        let hashed = hash.len() == HASH && hash.iter().all(u8::is_ascii_hexdigit);
        Some(code == LOGIN && (100..1000).contains(&version) && hashed)
    }
    parse(message) == Some(true)
}

/// A login of which only the start is known.
fn is_login_start(head: &[u8]) -> bool {
    head.get(4..).and_then(le32) == Some(LOGIN)
        && head.get(8..).is_some_and(|rest| name(rest).is_some())
}

/// Success and a greeting, or failure and its reason.
fn is_login_answer(message: &[u8]) -> bool {
    let code = le32(message) == Some(LOGIN);
    let success = message.get(4).is_some_and(|success| *success <= 1);
    code && success
        && message.get(5..).and_then(string32).is_some_and(|(text, _)| text::is_printable(text))
}

/// What opens a connection between peers: name, kind (peer, file, distributed), token.
fn is_peer_init(message: &[u8]) -> bool {
    let Some((&PEER, rest)) = message.split_first() else { return false };
    let Some((_, rest)) = name(rest) else { return false };
    let Some((kind, token)) = string32(rest) else { return false };
    matches!(kind, b"P" | b"F" | b"D") && token.len() == 4
}

/// Whether a peer message starts here: `Some(false)` if nothing is here yet, `None` if it is
/// another's.
fn peer_message(rest: &[u8]) -> Option<bool> {
    let (Some(length), Some(code)) = (le32(rest), rest.get(4..).and_then(le32)) else {
        return Some(false);
    };
    // Shares, searches, user information, folders, transfers.
    let known = matches!(code, 4 | 5 | 8 | 9 | 15 | 16 | 36 | 37 | 40..=44 | 46 | 50..=52);
    (known && (4..=1 << 24).contains(&length)).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Flow, Said, truncations};
    use super::*;

    fn string(text: &[u8]) -> Vec<u8> {
        [&(text.len() as u32).to_le_bytes()[..], text].concat()
    }

    fn framed(message: Vec<u8>) -> Vec<u8> {
        string(&message)
    }

    fn login() -> Vec<u8> {
        let hash = string(b"0123456789abcdef0123456789abcdef");
        framed(
            [
                &[1, 0, 0, 0][..],
                &string(b"joe"),
                &string(b"secret"),
                &[160, 0, 0, 0],
                &hash,
                &[1, 0, 0, 0],
            ]
            .concat(),
        )
    }

    #[test]
    fn a_login_and_its_answer_settle() {
        let login = login();
        truncations(ask, || Flow::tcp(2242), &login, |length| length == login.len());
        let mut flow = Flow::tcp(2242);
        flow.client(ask, &login);
        let answer = framed([&[1, 0, 0, 0, 1][..], &string(b"welcome"), &[1, 2, 3, 4]].concat());
        assert_eq!(flow.server(ask, &answer).settled(), Some(Protocol::Soulseek));
        assert_eq!(Flow::tcp(2243).server(ask, &answer), Said::No);
    }

    #[test]
    fn midway_a_servers_messages_count_to_their_ends() {
        let ping = framed(vec![32, 0, 0, 0]);
        let status = framed([&[7, 0, 0, 0][..], &string(b"joe"), &[2, 0, 0, 0, 0]].concat());
        let two = [ping.clone(), status].concat();
        assert!(Flow::tcp(2242).midway().client(ask, &two).settled().is_some());
        let said = Flow::tcp(2242).midway().client(ask, &ping);
        assert!(said.matched().is_some() && said.settled().is_none());
        assert_eq!(Flow::tcp(2242).midway().client(ask, &two[..two.len() - 1]), Said::Unsure);
        assert_eq!(Flow::tcp(50000).midway().client(ask, &two), Said::Unsure);
    }

    #[test]
    fn opening_a_peer_connection_settles() {
        let init = framed([&[PEER][..], &string(b"joe"), &string(b"F"), &[0; 4]].concat());
        truncations(ask, || Flow::tcp(2234), &init, |length| length == init.len());
        let wrong = framed([&[PEER][..], &string(b"joe"), &string(b"X"), &[0; 4]].concat());
        assert_eq!(Flow::tcp(2234).client(ask, &wrong), Said::No);
    }

    #[test]
    fn a_pierced_firewall_needs_what_follows() {
        let mut flow = Flow::tcp(2234);
        let pierce = [5, 0, 0, 0, PIERCE, 9, 9, 9, 9];
        assert!(flow.client(ask, &pierce).settled().is_none());
        assert!(flow.client(ask, &[4, 0, 0, 0, 4, 0, 0, 0]).settled().is_some());
        assert_eq!(Flow::tcp(1).client(ask, &[&pierce[..], &[9; 8]].concat()), Said::No);
        assert_eq!(Flow::tcp(1).client(ask, &[0xff; 64]), Said::No);
    }
}
