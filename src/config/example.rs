//! What `etiage.toml` says of the defaults is what the code does; and no text stops the program.

use std::path::Path;

use super::parse;

const FILE: &str = include_str!("../../etiage.toml");

/// Commented keys that show an example: without them the feature is off, or the value comes from elsewhere.
const EXAMPLES: &[(&str, &str)] = &[
    ("", "local_prefixes"),
    ("", "services"),
    ("process", "user"),
    ("process", "group"),
    ("store", "engine_library"),
    ("store", "url"),
    ("store", "database"),
    ("store", "user"),
    ("store", "password_file"),
    ("store", "cluster"),
    ("store", "max_size"),
    ("store", "backups"),
    ("api", "token_file"),
    ("api", "viewer_token_file"),
    ("api", "hosts"),
    ("api", "certificate"),
    ("api", "key"),
    // Its default depends on what is captured.
    ("detection", "enabled"),
    ("detection", "time_zone"),
    ("alerts", "public_url"),
    ("link", "capacity"),
    ("link", "neighbour_asn"),
    ("link", "ratio_policy"),
    ("link", "price"),
    ("link", "commit"),
    ("link", "burst_price"),
    ("link", "billed_by"),
    ("link", "billing_offset"),
    ("link", "vlan"),
    ("link", "neighbour_mac"),
    ("link", "prefixes"),
];

/// The lines of the file with the section they are in; whether it is one that is commented out itself.
fn lines() -> impl Iterator<Item = (usize, &'static str, bool, &'static str)> {
    let (mut section, mut commented) = ("", false);
    FILE.lines().enumerate().map(move |(number, line)| {
        let header = line.trim_start_matches("# ").strip_prefix('[');
        if let Some(name) = header.and_then(|rest| rest.trim_start_matches('[').split(']').next()) {
            commented = line.starts_with('#');
            if !commented {
                section = name;
            }
        } else if line.trim().is_empty() {
            commented = false;
        }
        (number, section, commented, line)
    })
}

fn key(line: &str) -> Option<&str> {
    let (key, _) = line.strip_prefix("# ")?.split_once(" = ")?;
    let is_key = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'_';
    key.bytes().all(is_key).then_some(key)
}

#[test]
fn a_commented_key_shows_the_default_or_is_known_as_an_example() {
    let told = |text: &str| match parse(text, "etiage.toml", Path::new("/etc/etiage")) {
        // The rules are no matter of this file, and their maps have no order.
        Ok(config) => {
            let text = format!("{config:?}");
            let (before, rules) = text.split_once("rules: ").unwrap();
            let (_, after) = rules.split_once("local_prefixes: ").unwrap();
            format!("{before}{after}")
        }
        Err(failure) => panic!("{failure}"),
    };
    let plain = told(FILE);
    let (mut defaults, mut wrong) = (0, Vec::new());
    let mut examples = Vec::new();
    for (number, section, commented, line) in lines() {
        let Some(key) = key(line).filter(|_| !commented) else { continue };
        if EXAMPLES.contains(&(section, key)) {
            examples.push((section, key));
            continue;
        }
        let with = FILE.lines().enumerate().map(|(at, other)| match at == number {
            // As long as before: places in the file are part of the result.
            true => line.replacen('#', " ", 1),
            false => other.to_owned(),
        });
        let with = with.collect::<Vec<_>>().join("\n") + "\n";
        if told(&with) != plain {
            wrong.push(format!("[{section}] {line}"));
        }
        defaults += 1;
    }
    assert!(wrong.is_empty(), "these are not the defaults: {wrong:#?}");
    assert!(defaults >= 25, "{defaults} defaults only: has the file another form?");
    for example in EXAMPLES {
        assert!(examples.contains(example), "{example:?} is not in the file any more");
    }
}

/// Marsaglia's xorshift: the same numbers everywhere.
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 33) as usize
}

/// The file with lines uncommented, cut, doubled, swapped and changed: it is taken, or refused in words.
#[test]
fn a_broken_configuration_is_refused_in_words() {
    let seeds = FILE.lines().chain(include_str!("../../fixtures/demo.toml").lines());
    let seeds: Vec<&str> = seeds.collect();
    let values = [
        "\"\"",
        "-1",
        "18446744073709551616",
        "[]",
        "{}",
        "\"9999999999999y\"",
        "1e400",
        "\"\\u0000\"",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..4_000 {
        let mut text = String::new();
        for _ in 0..1 + next(&mut state) % 40 {
            let line = seeds[next(&mut state) % seeds.len()].trim_start_matches("# ");
            let line = match (next(&mut state) % 8, line.split_once(" = ")) {
                (0, _) => line.chars().take(next(&mut state) % 30).collect(),
                (1, Some((key, _))) => {
                    format!("{key} = {}", values[next(&mut state) % values.len()])
                }
                (2, _) => line.replace(['0', '"'], "9"),
                _ => line.to_owned(),
            };
            text.push_str(&line);
            text.push('\n');
        }
        if let Err(failure) = parse(&text, "broken.toml", Path::new("/nowhere")) {
            assert!(!failure.to_string().is_empty(), "{text}");
        }
    }
}
