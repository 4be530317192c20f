//! Text into words.

use super::MAX_TEXT;
use super::problem::Problem;

/// A word of the language, with where it is, in octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) length: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A field, a keyword or a bare value.
    Word(String),
    /// A value in quotation marks, without them; whether the second one is there.
    Quoted(String, bool),
    Equal,
    Unequal,
    Like,
    Unlike,
    Open,
    Close,
    Comma,
    End,
}

/// What may stand in a value without quotation marks.
pub(super) fn is_bare(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(character, '_' | '-' | '.' | ':' | '+' | '/' | '@' | '*')
}

/// Words that cannot be values without quotation marks, in any case. `in` can: it is a direction.
pub(super) fn is_reserved(word: &str) -> bool {
    ["and", "or", "not"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

/// All words, the end of the text as the last; or the first thing that is none.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, Problem> {
    if text.len() > MAX_TEXT {
        let message = format!("the filter has {} octets; at most {MAX_TEXT}", text.len());
        return Err(Problem::new(0, text.len(), message));
    }
    let mut tokens = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, character)) = rest.next() {
        if character.is_whitespace() {
            continue;
        }
        let mut followed = |wanted: char| rest.next_if(|(_, next)| *next == wanted).is_some();
        let kind = match character {
            '(' => Kind::Open,
            ')' => Kind::Close,
            ',' => Kind::Comma,
            '~' => Kind::Like,
            '=' => Kind::Equal,
            '!' if followed('=') => Kind::Unequal,
            '!' if followed('~') => Kind::Unlike,
            '"' => quoted(&mut rest)?,
            bare if is_bare(bare) => {
                let mut word = String::from(bare);
                while let Some((_, next)) = rest.next_if(|(_, next)| is_bare(*next)) {
                    word.push(next);
                }
                Kind::Word(word)
            }
            other => return Err(stranger(start, other)),
        };
        let end = rest.peek().map_or(text.len(), |(next, _)| *next);
        tokens.push(Token { kind, start, length: end - start });
    }
    tokens.push(Token { kind: Kind::End, start: text.len(), length: 0 });
    Ok(tokens)
}

type Rest<'a> = std::iter::Peekable<std::str::CharIndices<'a>>;

/// What follows a quotation mark, up to the next.
fn quoted(rest: &mut Rest<'_>) -> Result<Kind, Problem> {
    let mut value = String::new();
    while let Some((at, character)) = rest.next() {
        match character {
            '"' => return Ok(Kind::Quoted(value, true)),
            '\\' => match rest.next() {
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                Some((_, other)) => {
                    let message = format!(
                        "`\\{other}` means nothing; a backslash stands before `\"` and `\\` only"
                    );
                    return Err(Problem::new(at, 1 + other.len_utf8(), message));
                }
                None => break,
            },
            other if other.is_control() => {
                let message = "a control character cannot be part of a value".to_owned();
                return Err(Problem::new(at, other.len_utf8(), message));
            }
            other => value.push(other),
        }
    }
    Ok(Kind::Quoted(value, false))
}

fn stranger(at: usize, character: char) -> Problem {
    let hint = match character {
        '&' => "; write `and`",
        '|' => "; write `or`",
        '!' => "; write `not`, or `!=` or `!~` between a field and a value",
        '\'' => "; values stand in \"…\"",
        '<' | '>' => "; only =, !=, ~, !~, in and not in compare",
        _ => "; a value with it stands in \"…\"",
    };
    Problem::new(at, character.len_utf8(), format!("`{character}` means nothing here{hint}"))
}
