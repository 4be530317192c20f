//! Statements that the engine would run though they reach outside the database, and no grant stops them.
//!
//! Grants ([`crate::access`]) refuse nearly all; the kernel ([`crate::confine`]) refuses what they let through,
//! where it can. This is for kernels that cannot: the scalar function `file`, `INTO OUTFILE`, `FROM INFILE`,
//! disks made in a statement, backups to other hosts, programs. It looks at words, outside strings and
//! comments, and knows no grammar: a new way into the file system would have to be added here.

/// Functions, engines and places of backups that are outside and that no grant refuses, in lower case.
const OUTSIDE: [&str; 8] = [
    "file",
    "disk",
    "executable",
    "executablepool",
    "eval",
    "catboostevaluate",
    "s3",
    "azureblobstorage",
];

/// What reaches outside the database, in the statement's own words.
pub(crate) fn outside(sql: &str) -> Option<String> {
    let mut words = Words(sql).peekable();
    let backup = matches!(words.peek(), Some(Token::Word(word))
        if word.eq_ignore_ascii_case("BACKUP") || word.eq_ignore_ascii_case("RESTORE"));
    while let Some(token) = words.next() {
        let Token::Word(word) = token else { continue };
        let lower = word.to_ascii_lowercase();
        let next = words.peek();
        match (lower.as_str(), next) {
            // A backup's folder is checked by the engine, against the one that was named at the start.
            ("file", Some(Token::Open)) if backup => {}
            (name, Some(Token::Open)) if OUTSIDE.contains(&name) => return Some(word),
            ("into", Some(Token::Word(next))) if next.eq_ignore_ascii_case("OUTFILE") => {
                return Some("INTO OUTFILE".to_owned());
            }
            ("from", Some(Token::Word(next))) if next.eq_ignore_ascii_case("INFILE") => {
                return Some("FROM INFILE".to_owned());
            }
            _ => {}
        }
    }
    None
}

/// What a statement consists of, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// A keyword or a name, quoted or not.
    Word(String),
    /// An opening parenthesis.
    Open,
    /// Anything else, strings included.
    Other,
}

/// Reads tokens; comments and white space are none.
struct Words<'a>(&'a str);

impl Iterator for Words<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            self.0 = self.0.trim_start_matches(|c: char| c.is_whitespace() || c == '\0');
            let first = self.0.chars().next()?;
            if self.skip_comment() {
                continue;
            }
            return Some(match first {
                '\'' => {
                    self.quoted('\'');
                    Token::Other
                }
                '`' | '"' => Token::Word(self.quoted(first)),
                '$' => self.heredoc(),
                '(' => {
                    self.skip(1);
                    Token::Open
                }
                c if c == '_' || c.is_alphabetic() => Token::Word(self.bare()),
                other => {
                    self.skip(other.len_utf8());
                    Token::Other
                }
            });
        }
    }
}

impl Words<'_> {
    fn skip(&mut self, octets: usize) {
        self.0 = self.0.get(octets..).unwrap_or_default();
    }

    /// `-- …`, `#! …` and `# …` to the end of the line, `/* … */`.
    fn skip_comment(&mut self) -> bool {
        let end = if self.0.starts_with("/*") {
            self.0.find("*/").map(|at| at + 2)
        } else if ["--", "#!", "# "].iter().any(|start| self.0.starts_with(start)) {
            self.0.find('\n')
        } else {
            return false;
        };
        self.skip(end.unwrap_or(self.0.len()));
        true
    }

    /// To the closing quote; a backslash or a doubled quote keeps it open.
    fn quoted(&mut self, quote: char) -> String {
        let mut text = String::new();
        let mut characters = self.0.char_indices().skip(1).peekable();
        let mut end = self.0.len();
        while let Some((at, character)) = characters.next() {
            if character == '\\' {
                text.extend(characters.next().map(|(_, escaped)| escaped));
            } else if character == quote {
                if characters.next_if(|(_, next)| *next == quote).is_none() {
                    end = at + quote.len_utf8();
                    break;
                }
                text.push(quote);
            } else {
                text.push(character);
            }
        }
        self.skip(end);
        text
    }

    fn bare(&mut self) -> String {
        let ends = |c: char| !(c == '_' || c.is_alphanumeric());
        let end = self.0.find(ends).unwrap_or(self.0.len());
        let word = self.0.get(..end).unwrap_or_default().to_owned();
        self.skip(end);
        word
    }

    /// `$tag$ … $tag$`, a string.
    fn heredoc(&mut self) -> Token {
        let ends = |c: char| !(c == '_' || c.is_alphanumeric());
        let rest = self.0.get(1..).unwrap_or_default();
        let mark = rest.find(ends).filter(|end| rest.get(*end..).unwrap_or("").starts_with('$'));
        let Some(tag) = mark.and_then(|end| self.0.get(..end + 2)) else {
            self.skip(1);
            return Token::Other;
        };
        let body = self.0.get(tag.len()..).unwrap_or_default();
        let end = body.find(tag).map_or(self.0.len(), |at| at + 2 * tag.len());
        self.skip(end);
        Token::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outside_is_found() {
        for (sql, found) in [
            ("SELECT file('/etc/passwd')", "file"),
            ("SELECT 1, `file` /* a */ ('/etc/passwd')", "file"),
            ("SELECT \"fi\\le\"('/etc/passwd')", "file"),
            ("explain select lower(file\n('x'))", "file"),
            ("SELECT 'it''s', file('x')", "file"),
            ("SELECT '\\'', file('x')", "file"),
            ("SELECT 1 -- a\n, file('x')", "file"),
            ("SELECT $a$ ' $a$, file('x')", "file"),
            ("SELECT 1$ , file('x')", "file"),
            ("SELECT 1 into -- a\n outFile '/tmp/x'", "INTO OUTFILE"),
            ("INSERT INTO t FROM INFILE '/etc/passwd' FORMAT TSV", "FROM INFILE"),
            (
                "CREATE TABLE t (a UInt8) ENGINE = MergeTree SETTINGS disk = disk(type = web)",
                "disk",
            ),
            ("CREATE TABLE t (a UInt8) ENGINE = Executable('x', 'TSV')", "Executable"),
            ("BACKUP DATABASE d TO S3('http://h/b')", "S3"),
            ("SELECT file('x') -- BACKUP", "file"),
        ] {
            assert_eq!(outside(sql).as_deref(), Some(found), "{sql}");
        }
    }

    #[test]
    fn what_is_inside_is_not() {
        for sql in [
            "SELECT 1",
            "",
            "SELECT 'file(', \"a\" FROM t WHERE s = 'INTO OUTFILE'",
            "SELECT file, url FROM t WHERE disk = 1 AND (file) = 2",
            "SELECT /* file('x') */ 1 -- file('x')",
            "SELECT $x$ file('a') $x$",
            "SELECT profile('a'), file_name(1), `my file`(2)",
            "BACKUP DATABASE d TO File('one')",
            "RESTORE DATABASE d AS e FROM File('one')",
            "SELECT 'not closed, file('",
            "SELECT $",
            "INSERT INTO t (file) VALUES",
        ] {
            assert_eq!(outside(sql), None, "{sql}");
        }
    }
}
