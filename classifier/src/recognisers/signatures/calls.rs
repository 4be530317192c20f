//! Calls, chains of coins, and the transports that they brought along.

use super::{Message, Rule};
use crate::class::Protocol;

pub(super) const TCP: &[Rule] = &[(Protocol::Monero, levin)];

pub(super) const UDP: &[Rule] = &[
    (Protocol::Telegram, telegram_call),
    (Protocol::Agora, agora),
    (Protocol::Iax, iax),
    (Protocol::Kcp, kcp),
    (Protocol::Skype, teams),
];

/// Teams' relays, on their ports: a kind, and the identifier of a call in words.
fn teams(message: Message<'_>) -> bool {
    let identifier = message.octets.get(1..37).unwrap_or_default();
    let written = identifier.iter().enumerate().all(|(place, octet)| match place {
        8 | 13 | 18 | 23 => *octet == b'-',
        _ => octet.is_ascii_hexdigit(),
    });
    (3478..=3481).any(|port| message.port(port))
        && message.length() == 37
        && message.u8(0) == Some(3)
        && !identifier.is_empty()
        && written
}

/// A call over one of Telegram's reflectors: the peer's tag of 16 octets, then twelve of ones where
/// the client asks the reflector itself.
fn telegram_call(message: Message<'_>) -> bool {
    let tag = message.octets.get(..16).unwrap_or_default();
    message.has(16, &[0xff; 12])
        && message.length() >= 32
        && message.length().is_multiple_of(4)
        && !tag.windows(2).any(|pair| matches!(pair, [0xff, 0xff] | [0, 0]))
}

/// Agora's real-time network: the handshake's table of tags, the server's name or the peer's number.
fn agora(message: Message<'_>) -> bool {
    message.u8(0) == Some(0)
        && message.u16(4) == Some(0)
        && matches!(message.u8(6), Some(0x20..=0x23))
        && message.u16(11).is_some_and(|tags| (1..=32).contains(&tags))
        && (message.has(13, b"SNI\0") || message.has(13, b"PEID"))
}

/// Asterisk's protocol (RFC 5456, section 8.1.1), on its port: a full frame that controls a call, and
/// information elements that fill it.
fn iax(message: Message<'_>) -> bool {
    let mut rest = message.octets.get(12..).unwrap_or_default();
    while let [_, length, after @ ..] = rest {
        let Some(next) = after.get(usize::from(*length)..) else { return false };
        rest = next;
    }
    message.port(4569)
        && message.u16(0).is_some_and(|call| call > 0x8000)
        && message.u8(10) == Some(6)
        && message.u8(11).is_some_and(|command| (1..=40).contains(&command))
        && rest.is_empty()
}

/// KCP: segments of 24 octets and their data, of one conversation, that fill the datagram. Some games
/// number a conversation with eight octets instead of four.
fn kcp(message: Message<'_>) -> bool {
    is_kcp(message, 0) || is_kcp(message, 4)
}

fn is_kcp(message: Message<'_>, more: usize) -> bool {
    let mut at = 0;
    while let Some(data) = message.u32_le(at + 20 + more) {
        let same = message.u32_le(at) == message.u32_le(0)
            && message.u32_le(at + more) == message.u32_le(more)
            && message.u32(at) != Some(0);
        // Push, acknowledgment, window asked for, window told: only the first has data.
        let known = match message.u8(at + 4 + more) {
            Some(81) => (1..=1500).contains(&data),
            Some(82..=84) => data == 0 && message.u8(at + 5 + more) == Some(0),
            _ => false,
        };
        if !same || !known {
            return false;
        }
        at += 24 + more + data as usize;
    }
    at > 0 && at as u64 == message.length()
}

/// Levin, which Monero's nodes speak: its signature, and the length of what follows.
fn levin(message: Message<'_>) -> bool {
    message.starts(b"\x01\x21\x01\x01\x01\x01\x01\x01")
        && message.u32_le(12) == Some(0)
        && message.octets.len() >= 33
}
