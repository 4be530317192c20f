//! What could be typed next.

use super::lexer::is_bare;
use super::parser::slot_after;
use super::slot::Slot;

/// What is being typed, and what it could become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Where the word begins that is being typed, in octets.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// What of it stands before the cursor, without a quotation mark.
    pub typed: String,
    /// What can stand there.
    pub slot: Slot,
}

/// What could stand where the cursor is, counted in octets. `None` where the text before it makes no sense.
pub fn complete(text: &str, cursor: usize) -> Option<Completion> {
    let (before, after) = text.split_at_checked(cursor)?;
    let from = word_start(before);
    let (sense, typed) = before.split_at_checked(from)?;
    let quoted = typed.starts_with('"');
    let rest = if quoted {
        // The mark that closes it, unless other words come before the next mark.
        let inside = after.split_once('"').map(|(inside, _)| inside);
        inside.filter(|text| !text.contains(['(', ')', ','])).map_or(0, |text| text.len() + 1)
    } else {
        after.find(|character| !is_bare(character)).unwrap_or(after.len())
    };
    let slot = slot_after(sense)?;
    let typed = typed.trim_start_matches('"').replace("\\\"", "\"").replace("\\\\", "\\");
    Some(Completion { from, to: cursor + rest, typed, slot })
}

/// Where the word begins whose end the text is: a quotation mark that is not closed, or what is bare.
fn word_start(before: &str) -> usize {
    let mut open = None;
    let mut characters = before.char_indices();
    while let Some((at, character)) = characters.next() {
        match (character, open) {
            ('"', None) => open = Some(at),
            ('"', Some(_)) => open = None,
            ('\\', Some(_)) => {
                characters.next();
            }
            _ => {}
        }
    }
    open.unwrap_or_else(|| before.trim_end_matches(is_bare).len())
}
