use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Expr {
    parse(text, |_, _| Ok(())).unwrap_or_else(|problems| panic!("{text}: {problems:?}"))
}

/// Offset, length and message of everything that is wrong.
fn wrong(text: &str) -> Vec<(usize, usize, String)> {
    let check = |field: Dimension, value: &str| match value {
        "nope" => Err(format!("`nope` is not a {}", word(field))),
        _ => Ok(()),
    };
    let problems = parse(text, check).expect_err(text);
    problems.into_iter().map(|problem| (problem.offset, problem.length, problem.message)).collect()
}

#[test]
fn what_is_written_is_what_is_read() {
    let text =
        r#"link = "transit a" and category in (p2p, direct-download) and not service = youtube"#;
    let expr = read(text);
    assert_eq!(expr.to_string(), text);
    let Expr::And(parts) = expr else { panic!("{expr:?}") };
    assert_eq!(parts.len(), 3);
    let one = Predicate { field: Dimension::Service, test: Test::Equal("youtube".to_owned()) };
    assert_eq!(parts[2], Expr::Not(Box::new(Expr::Is(one))));
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    for (text, printed) in [
        ("link=a or link=b and link=c", "link = a or link = b and link = c"),
        ("(link=a or link=b) and link=c", "(link = a or link = b) and link = c"),
        ("not link=a and link=b", "not link = a and link = b"),
        ("not (link=a and link=b)", "not (link = a and link = b)"),
        ("((link=a))", "link = a"),
        ("LINK NOT IN(a,b)", "link not in (a, b)"),
        (
            "asn=AS64500 OR network!=\"Example Net\"",
            "network = AS64500 or network != \"Example Net\"",
        ),
        ("service ~ you* and service !~ \"*e d\"", "service ~ you* and service !~ \"*e d\""),
        (r#"link = "a\"b\\c" "#, r#"link = "a\"b\\c""#),
        ("link = \"and\"", "link = \"and\""),
        ("not not link = a", "not not link = a"),
        (
            "direction = in or direction not in (in, out)",
            "direction = in or direction not in (in, out)",
        ),
    ] {
        assert_eq!(read(text).to_string(), printed, "{text}");
    }
}

#[test]
fn errors_say_exactly_where() {
    for (text, offset, length, message) in [
        ("", 0, 0, "the filter is empty"),
        ("lnk = a", 0, 3, "`lnk` is not a field"),
        ("link a", 5, 1, "`a` stands where a comparison of link belongs"),
        ("link =", 6, 0, "the filter ends where a value of link is missing"),
        ("link = a link = b", 9, 4, "`link` stands where `and` or `or` belongs"),
        ("link = a)", 8, 1, "this `)` closes nothing"),
        ("(link = a", 9, 0, "the filter ends where `and`, `or` or `)` is missing"),
        ("link in a", 8, 1, "`a` stands where `(` and values belongs"),
        ("link in ()", 9, 1, "`)` stands where a value of link belongs"),
        ("link in (a b)", 11, 1, "`b` stands where `,` or `)` belongs"),
        ("link not a", 9, 1, "`a` stands where `in` belongs"),
        ("link = or", 7, 2, "`or` as a value stands in \"…\""),
        ("link = \"a", 7, 2, "the value's second `\"` is missing"),
        ("link = a && link = b", 9, 1, "`&` means nothing here; write `and`"),
        ("é = a", 0, 2, "`é` means nothing here; a value with it stands in \"…\""),
        ("link = \"é\" x", 12, 1, "`x` stands where `and` or `or` belongs"),
        ("link < a", 5, 1, "`<` means nothing here; only =, !=, ~, !~, in and not in compare"),
        (
            r#"link = "a\n""#,
            9,
            2,
            r#"`\n` means nothing; a backslash stands before `"` and `\` only"#,
        ),
        ("service ~ a*b", 10, 3, "`a*b` is not a pattern"),
        ("service ~ \"**\"", 10, 4, "`**` is not a pattern"),
        ("service = \"\"", 10, 2, "a value has 1 to 128 octets, not 0"),
    ] {
        let found = wrong(text);
        assert_eq!((found[0].0, found[0].1), (offset, length), "{text}: {found:?}");
        assert!(found[0].2.starts_with(message), "{text}: {found:?}");
    }
}

#[test]
fn every_wrong_value_is_told() {
    let found = wrong("link = nope and service in (a, nope) and category = nope or");
    assert_eq!(found[0], (7, 4, "`nope` is not a link".to_owned()));
    assert_eq!((found[1].0, found[2].0), (31, 52));
    assert_eq!(found[3].2, "the filter ends where a field, `not` or `(` is missing");
}

#[test]
fn there_are_bounds() {
    let deep = |levels: usize| format!("{}link = a{}", "(".repeat(levels), ")".repeat(levels));
    assert!(parse(&deep(MAX_DEPTH), |_, _| Ok(())).is_ok());
    assert!(wrong(&deep(MAX_DEPTH + 1))[0].2.contains("nested more than 32 deep"));
    assert!(wrong(&format!("{}link = a", "not ".repeat(900)))[0].2.contains("nested more than 32"));
    let many = vec!["link=a"; MAX_PREDICATES + 1].join(" or ");
    assert!(wrong(&many)[0].2.contains("more than 128 comparisons"));
    let long = format!("link = {}", "a".repeat(MAX_TEXT));
    assert!(wrong(&long)[0].2.contains("octets; at most 4096"));
    assert!(
        wrong(&format!("link = {}", "a".repeat(129)))[0].2.contains("1 to 128 octets, not 129")
    );
}

#[test]
fn conditions_hold_no_text_of_the_user() {
    let expr =
        read("link = \"x' OR 1=1 --\" and not (service ~ You* or network not in (1, other))");
    let condition = expr.condition().unwrap();
    assert_eq!(
        condition.sql,
        "(link IN {filter_0:Array(String)} AND NOT ((startsWith(lowerUTF8(service), \
         {filter_1:String}) OR asn NOT IN {filter_2:Array(UInt32)})))"
    );
    assert_eq!(condition.parameters[1].1, crate::Parameter::Text("you".to_owned()));
    assert_eq!(condition.parameters[2].1, crate::Parameter::Numbers(vec![1, u32::MAX]));
}

#[test]
fn networks_have_numbers_and_names() {
    let names = [(64_500, "Example Net"), (64_501, "example net"), (64_502, "Other Net")];
    let resolve = |text: &str| {
        let mut expr = read(text);
        expr.resolve_networks(|| names.iter().copied()).map(|()| expr.to_string())
    };
    assert_eq!(
        resolve("network = AS7 and network = none").unwrap(),
        "network in (7) and network in (0)"
    );
    assert_eq!(resolve("network = \"EXAMPLE NET\"").unwrap(), "network in (64500, 64501)");
    assert_eq!(resolve("network !~ \"* net\"").unwrap(), "network not in (64500, 64501, 64502)");
    assert_eq!(resolve("network in (5, \"Other Net\")").unwrap(), "network in (5, 64502)");
    assert!(resolve("not network = nobody").unwrap_err().contains("`nobody` is neither"));
    // Nothing is met: nothing is let through, or everything.
    let mut none = read("network ~ zzz or network !~ zzz");
    none.resolve_networks(|| names.iter().copied()).unwrap();
    assert_eq!(none.condition().unwrap().sql, "(false OR true)");
    let mut many = read("network ~ net");
    let thousands = || (0..3_000).map(|number| (number, "net"));
    assert!(many.resolve_networks(thousands).unwrap_err().contains("more than 2000 networks"));
}

#[test]
fn what_is_known_of_some_dimensions_alone() {
    let only = |text: &str| {
        let known = [Dimension::Link, Dimension::Probe];
        read(text).only(&known).map(|expr| expr.to_string())
    };
    for (text, left) in [
        ("link = a and service = b", Some("link = a")),
        ("link = a or service = b", None),
        ("not (link = a or service = b)", Some("not link = a")),
        ("not (link = a and service = b)", None),
        ("not (link = a and link = b)", Some("not link = a or not link = b")),
        ("service = b", None),
        ("(link = a or link = b) and probe = c", Some("(link = a or link = b) and probe = c")),
    ] {
        assert_eq!(only(text).as_deref(), left, "{text}");
    }
}

#[test]
fn completions_know_what_is_next() {
    for (text, from, to, typed, slot) in [
        ("|", 0, 0, "", Slot::Start),
        ("ca|", 0, 2, "ca", Slot::Start),
        ("ca|te", 0, 4, "ca", Slot::Start),
        ("link |", 5, 5, "", Slot::Operator(Dimension::Link)),
        ("link =|", 6, 6, "", Slot::Value(Dimension::Link)),
        ("link = tr|", 7, 9, "tr", Slot::Value(Dimension::Link)),
        ("link = \"tr|", 7, 10, "tr", Slot::Value(Dimension::Link)),
        ("link = \"tr|a\"", 7, 12, "tr", Slot::Value(Dimension::Link)),
        ("link not |", 9, 9, "", Slot::In),
        ("link in |", 8, 8, "", Slot::ListOpen),
        ("link in (|", 9, 9, "", Slot::Value(Dimension::Link)),
        ("link in (a |", 11, 11, "", Slot::ListNext),
        ("link in (a, b|)", 12, 13, "b", Slot::Value(Dimension::Link)),
        ("link = a |", 9, 9, "", Slot::Next { open: 0 }),
        ("(link = a |", 10, 10, "", Slot::Next { open: 1 }),
        ("link = a and |", 13, 13, "", Slot::Start),
        ("link = a and not |", 17, 17, "", Slot::Start),
        ("network ~ |", 10, 10, "", Slot::Value(Dimension::Asn)),
    ] {
        let cursor = text.find('|').unwrap();
        let completion = complete(&text.replace('|', ""), cursor);
        let expected = Completion { from, to, typed: typed.to_owned(), slot };
        assert_eq!(completion, Some(expected), "{text}");
    }
    assert_eq!(complete("link = = ", 9), None);
    assert_eq!(complete("é", 1), None, "within a character");
    assert_eq!(complete("a", 7), None, "beyond the end");
}

/// Any expression within the bounds.
fn expressions() -> impl Strategy<Value = Expr> {
    let field = proptest::sample::select(Dimension::ALL.to_vec());
    let value = || "[a-z0-9*.-]{1,8}|and|IN|[ \"\\\\éß=(),a]{1,6}";
    let pattern = "\\*?[a-zé\" \\\\]{1,6}\\*?";
    let values = || proptest::collection::vec(value(), 1..4);
    let test = prop_oneof![
        value().prop_map(Test::Equal),
        value().prop_map(Test::Unequal),
        values().prop_map(Test::In),
        values().prop_map(Test::NotIn),
        pattern.prop_map(Test::Like),
        pattern.prop_map(Test::Unlike),
    ];
    let leaf = (field, test).prop_map(|(field, test)| Expr::Is(Predicate { field, test }));
    leaf.prop_recursive(5, 40, 4, |inner| {
        let parts = || proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            parts().prop_map(Expr::And),
            parts().prop_map(Expr::Or),
            inner.prop_map(|inner| Expr::Not(Box::new(inner))),
        ]
    })
}

proptest! {
    #[test]
    fn print_then_parse_is_the_identity(expr in expressions()) {
        let text = expr.to_string();
        prop_assert_eq!(parse(&text, |_, _| Ok(())), Ok(expr), "{}", text);
    }

    /// Whatever is typed, nothing fails but with an error inside the text, and what is read can be printed.
    #[test]
    fn any_text_is_an_expression_or_errors(
        text in "\\PC{0,40}|([a-z]{2,8}|link|=|!=|~|in|not|and|or|\\(|\\)|,|\"| |é){0,20}",
        cursor in 0_usize..60,
    ) {
        match parse(&text, |_, _| Ok(())) {
            Ok(expr) => prop_assert_eq!(read(&expr.to_string()), expr),
            Err(problems) => {
                for problem in problems {
                    let end = problem.offset + problem.length;
                    prop_assert!(text.get(problem.offset..end).is_some(), "{:?}", problem);
                }
            }
        }
        if let Some(found) = complete(&text, cursor) {
            prop_assert!(text.get(found.from..found.to).is_some(), "{:?}", found);
        }
    }
}
