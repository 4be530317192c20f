//! What the recognisers of text protocols share.

use memchr::{memchr, memchr2_iter};

use crate::recogniser::{Answer, View};

/// How a payload compares with a literal at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// The literal is there.
    Whole,
    /// The payload is shorter, and the same as far as it goes.
    Partly,
    /// Something else is there.
    Other,
}

/// Compares the payload's start with a literal.
pub(super) fn start(payload: &[u8], literal: &[u8]) -> Start {
    if payload.starts_with(literal) {
        Start::Whole
    } else if literal.starts_with(payload) {
        Start::Partly
    } else {
        Start::Other
    }
}

/// The best of several literals: whole before partly before other.
pub(super) fn start_any(payload: &[u8], literals: &[&[u8]]) -> Start {
    let starts = literals.iter().map(|literal| start(payload, literal));
    starts.fold(Start::Other, |best, one| match (best, one) {
        (Start::Whole, _) | (_, Start::Whole) => Start::Whole,
        (Start::Partly, _) | (_, Start::Partly) => Start::Partly,
        _ => Start::Other,
    })
}

/// What to say where a literal is not there: a stream's start may still grow into it.
pub(super) fn not_yet<'a>(start: Start, view: &View<'_>) -> Answer<'a> {
    if start == Start::Partly && may_grow(view) { Answer::Unsure } else { Answer::No }
}

/// Whether more of this payload may be shown later: a stream known from its start.
pub(super) fn may_grow(view: &View<'_>) -> bool {
    view.from_start && view.ends.transport == etiage_capture::Transport::TCP
}

/// The lines of a text, without their ends; the last may be unfinished.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (line, after) = match memchr(b'\n', text) {
            Some(end) => (text.get(..end)?, text.get(end + 1..)),
            None => (text, None),
        };
        rest = after;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    })
}

/// Whether `text` holds `word`, upper and lower case alike.
pub(super) fn has_word(text: &[u8], word: &[u8]) -> bool {
    let Some(first) = word.first() else { return true };
    let last = (text.len() + 1).saturating_sub(word.len());
    let starts = text.get(..last).unwrap_or_default();
    memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), starts).any(|at| {
        text.get(at..at + word.len()).is_some_and(|place| place.eq_ignore_ascii_case(word))
    })
}

/// Whether a line starts with one of these commands, upper and lower case alike, followed by a
/// space or the line's end.
pub(super) fn is_command(line: &[u8], commands: &[&str]) -> bool {
    commands.iter().any(|command| match line.split_at_checked(command.len()) {
        Some((head, rest)) => {
            head.eq_ignore_ascii_case(command.as_bytes())
                && matches!(rest.first(), None | Some(b' '))
        }
        None => false,
    })
}

/// A decimal number at the text's start, and what follows it.
pub(super) fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.iter().take_while(|octet| octet.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits)?;
    std::str::from_utf8(number).ok()?.parse().ok().map(|number| (number, rest))
}

/// The first line, if its end is in view.
pub(super) fn first_line(text: &[u8]) -> Option<&[u8]> {
    let end = memchr(b'\n', text)?;
    let line = text.get(..end)?;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// The value of a header field, upper and lower case alike, among lines.
pub(super) fn header<'a>(text: &'a [u8], name: &str) -> Option<&'a [u8]> {
    lines(text).skip(1).take_while(|line| !line.is_empty()).find_map(|line| {
        let (field, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":")?;
        field.eq_ignore_ascii_case(name.as_bytes()).then(|| value.trim_ascii())
    })
}

/// Whether all octets are printable, spaces included; UTF-8 beyond ASCII counts as printable.
pub(super) fn is_printable(text: &[u8]) -> bool {
    text.iter().all(|octet| *octet >= b' ' && *octet != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_starts() {
        assert_eq!(start(b"SSH-2.0-x", b"SSH-"), Start::Whole);
        assert_eq!(start(b"SS", b"SSH-"), Start::Partly);
        assert_eq!(start(b"ST", b"SSH-"), Start::Other);
        assert_eq!(start_any(b"HS", &[b"CSUP", b"HSUP"]), Start::Partly);
    }

    #[test]
    fn reads_lines_commands_numbers_and_headers() {
        let text = b"GET / HTTP/1.1\r\nHost: a\r\nX-Y:  z \r\n\r\nX-Z: body";
        assert_eq!(first_line(text), Some(&b"GET / HTTP/1.1"[..]));
        assert_eq!(header(text, "x-y"), Some(&b"z"[..]));
        assert_eq!(header(text, "X-Z"), None);
        assert_eq!(first_line(b"no end"), None);
        assert!(is_command(b"user joe", &["USER"]) && is_command(b"QUIT", &["QUIT"]));
        assert!(!is_command(b"USERS", &["USER"]) && !is_command(b"US", &["USER"]));
        assert_eq!(number(b"6881,x"), Some((6881, &b",x"[..])));
        assert_eq!(number(b"x"), None);
        assert_eq!(number(b"99999999999"), None);
    }
}
