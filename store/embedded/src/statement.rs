//! The little this program must know of a statement: whether it is an INSERT, and its format.

/// Whether settings and parameters may be called so.
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether the first word is INSERT. A statement that begins with a comment is not looked into:
/// it is then run whole, with its data in the text.
pub(crate) fn is_insert(sql: &str) -> bool {
    sql.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("INSERT"))
}

/// Cuts the trailing `FORMAT name` off an INSERT.
pub(crate) fn split_format(sql: &str) -> (&str, Option<&str>) {
    let whole = sql.trim().trim_end_matches(';').trim_end();
    let cut = || {
        let (rest, format) = whole.rsplit_once(char::is_whitespace)?;
        let (rest, keyword) =
            rest.trim_end().rsplit_once(|c: char| c.is_whitespace() || c == ')')?;
        let end = whole.len().min(rest.len() + 1);
        let statement = whole.get(..end)?;
        (keyword.eq_ignore_ascii_case("FORMAT") && is_identifier(format))
            .then_some((statement.trim_end(), Some(format)))
    };
    cut().unwrap_or((whole, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_cut_off() {
        let cases = [
            ("INSERT INTO t FORMAT CSV", "INSERT INTO t", Some("CSV")),
            ("INSERT INTO t(a,b)FORMAT RowBinary ; ", "INSERT INTO t(a,b)", Some("RowBinary")),
            ("insert into t\n  format\n TSV", "insert into t", Some("TSV")),
            ("INSERT INTO t", "INSERT INTO t", None),
            ("INSERT INTO format", "INSERT INTO format", None),
            ("INSERT INTO t SELECT 1", "INSERT INTO t SELECT 1", None),
            ("INSERT INTO `é` FORMAT CSV", "INSERT INTO `é`", Some("CSV")),
            ("", "", None),
        ];
        for (sql, statement, format) in cases {
            assert_eq!(split_format(sql), (statement, format), "{sql}");
        }
    }

    #[test]
    fn inserts_are_known() {
        assert!(is_insert(" insert into t"));
        assert!(!is_insert("INSERTED"));
        assert!(!is_insert("SELECT 1"));
        assert!(!is_insert(""));
    }

    #[test]
    fn names_are_identifiers() {
        assert!(is_identifier("max_execution_time"));
        for name in ["", "a b", "1a", "a=1", "a'", "é", "a;"] {
            assert!(!is_identifier(name), "{name}");
        }
    }
}
