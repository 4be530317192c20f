//! Protocols that one message gives away: each a strict rule on its octets, all asked by one recogniser a
//! transport, so that many rules cost a flow one question a packet.
//!
//! A rule says yes only to octets of which at least four are fixed, or a length that fits the message
//! exactly and more; where less is fixed, the protocol's port must agree.

mod apps;
mod calls;
mod data;
mod devices;
mod office;
mod plant;
mod streams;
mod talk;

use etiage_capture::Transport;

use super::{Scratch, text};
use crate::class::{Evidence, Protocol};
use crate::recogniser::{Answer, Finding, View};

/// Packets with payload of either side after which no rule is asked any more.
const MAX_ASKED: u16 = 6;

/// What a rule looks at.
#[derive(Clone, Copy)]
struct Message<'a> {
    octets: &'a [u8],
    view: &'a View<'a>,
}

/// A protocol and what its messages are known by.
type Rule = (Protocol, fn(Message<'_>) -> bool);

/// Over TCP.
const TCP: &[&[Rule]] = &[
    streams::TCP,
    data::TCP,
    office::TCP,
    talk::TCP,
    plant::TCP,
    devices::TCP,
    calls::TCP,
    apps::TCP,
];
/// Over UDP.
const UDP: &[&[Rule]] = &[
    streams::UDP,
    talk::UDP,
    office::UDP,
    plant::UDP,
    data::UDP,
    devices::UDP,
    calls::UDP,
    apps::UDP,
];

pub(super) fn ask<'a>(view: &View<'a>, _: &mut Scratch) -> Answer<'a> {
    let rules = if view.ends.transport == Transport::TCP { TCP } else { UDP };
    let message = Message { octets: view.payload, view };
    let known = rules.iter().copied().flatten().find(|(_, is)| is(message));
    if let Some((protocol, _)) = known {
        if *protocol == Protocol::Tftp {
            // The answer comes from a port that the server chooses (RFC 1350, section 4).
            view.knowledge.expect(view.now, view.source(), Protocol::Tftp, view.word());
        }
        return Answer::Match(Finding::certain(*protocol, Evidence::FRAMING));
    }
    // The other side may speak more plainly, or the next message.
    let asked = view.sent.saturating_add(view.answered);
    let waits = view.ends.transport == Transport::UDP || text::may_grow(view) || !view.from_start;
    if waits && asked < MAX_ASKED { Answer::Unsure } else { Answer::No }
}

impl<'a> Message<'a> {
    fn u8(self, at: usize) -> Option<u8> {
        self.octets.get(at).copied()
    }

    fn u16(self, at: usize) -> Option<u16> {
        self.octets.get(at..)?.first_chunk().map(|octets| u16::from_be_bytes(*octets))
    }

    fn u32(self, at: usize) -> Option<u32> {
        self.octets.get(at..)?.first_chunk().map(|octets| u32::from_be_bytes(*octets))
    }

    fn u16_le(self, at: usize) -> Option<u16> {
        self.u16(at).map(u16::swap_bytes)
    }

    fn u32_le(self, at: usize) -> Option<u32> {
        self.u32(at).map(u32::swap_bytes)
    }

    fn starts(self, literal: &[u8]) -> bool {
        self.octets.starts_with(literal)
    }

    fn starts_any(self, literals: &[&[u8]]) -> bool {
        literals.iter().any(|literal| self.starts(literal))
    }

    fn has(self, at: usize, literal: &[u8]) -> bool {
        self.octets.get(at..).is_some_and(|rest| rest.starts_with(literal))
    }

    fn holds(self, word: &[u8]) -> bool {
        text::has_word(self.octets, word)
    }

    fn port(self, port: u16) -> bool {
        self.view.ends.has_port(port)
    }

    fn after(self, at: usize) -> Self {
        Self { octets: self.octets.get(at..).unwrap_or_default(), view: self.view }
    }

    /// Octets of the message as sent: of a datagram that was cut, more than there are.
    fn length(self) -> u64 {
        match self.view.ends.transport {
            Transport::TCP => self.octets.len() as u64,
            _ => u64::from(self.view.wire_octets).max(self.octets.len() as u64),
        }
    }

    /// Whether a length field says what the message has.
    fn is_long(self, length: Option<impl Into<u64>>) -> bool {
        length.is_some_and(|length| length.into() == self.length())
    }

    /// A text up to a NUL, and what follows it.
    fn c_string(self, at: usize) -> Option<(&'a [u8], Self)> {
        let rest = self.octets.get(at..)?;
        let end = rest.iter().position(|octet| *octet == 0)?;
        let text = rest.get(..end)?;
        text::is_printable(text).then(|| (text, self.after(at + end + 1)))
    }
}

/// A value's tag and length in BER (X.690), the value as far as it is there, and what follows it.
fn ber(octets: &[u8]) -> Option<(u8, usize, &[u8], &[u8])> {
    let (&[tag, first], mut rest) = octets.split_first_chunk()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let count = usize::from(first & 0x7f);
        let (digits, after) = rest.split_at_checked(count).filter(|_| (1..=4).contains(&count))?;
        length = digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit));
        rest = after;
    }
    let (value, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
    Some((tag, length, value, after))
}

/// Whether type-length-value fields of one octet each, lengths counting both, fill these octets.
fn is_chain(mut octets: &[u8]) -> Option<usize> {
    let mut count = 0;
    while let [_, length, ..] = *octets {
        octets = octets.get(usize::from(length).max(2)..).filter(|_| length >= 2)?;
        count += 1;
    }
    octets.is_empty().then_some(count)
}

#[cfg(test)]
mod tests;
