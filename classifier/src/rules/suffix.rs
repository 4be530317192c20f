//! What a host suffix may look like (RFC 1035, section 2.3.4; RFC 5890 for names beyond ASCII).

/// The longest a host name can be, as text without a trailing dot.
pub(super) const MAX_OCTETS: usize = 253;
/// The longest a label can be.
const MAX_LABEL: usize = 63;

/// Why this is not a host suffix; `None` where it is one.
pub(super) fn fault(suffix: &str) -> Option<&'static str> {
    if suffix.is_empty() {
        return Some("it is empty");
    }
    if suffix.len() > MAX_OCTETS {
        return Some("it is longer than 253 octets");
    }
    if suffix.contains("://") || suffix.contains('/') {
        return Some("give the host only, without scheme and path");
    }
    if suffix.contains('*') {
        return Some("leave the wildcard out: a suffix covers every name under it");
    }
    if suffix.contains(':') {
        return Some("give the host only, without port");
    }
    if suffix.starts_with('.') {
        return Some("leave the leading dot out");
    }
    if suffix.ends_with('.') {
        return Some("leave the trailing dot out");
    }
    if !suffix.is_ascii() {
        return Some("write names beyond ASCII in punycode (xn--...)");
    }
    if suffix.bytes().any(|octet| octet.is_ascii_uppercase()) {
        return Some("write it in lower case");
    }
    if !suffix.contains('.') {
        return Some("a single label would take a whole top-level domain");
    }
    if !suffix.split('.').all(is_label) {
        return Some(
            "a label has 1 to 63 letters, digits, hyphens or underscores, and no hyphen at its ends",
        );
    }
    if suffix
        .rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().all(|octet| octet.is_ascii_digit()))
    {
        return Some("services are known by name, not by address");
    }
    None
}

/// Underscores are no part of host names, yet appear in names that are looked up.
fn is_label(label: &str) -> bool {
    let allowed = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
    (1..=MAX_LABEL).contains(&label.len())
        && label.bytes().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn suffixes_are_plain_lower_case_host_names() {
        for good in
            ["a.b", "1fichier.com", "dl-6.1fichier.com", "xn--bcher-kva.example", "_x.co.uk"]
        {
            assert_eq!(fault(good), None, "{good}");
        }
        for (bad, why) in [
            ("", "it is empty"),
            ("https://1fichier.com", "without scheme"),
            ("1fichier.com/path", "without scheme and path"),
            ("1fichier.com:443", "without port"),
            ("*.1fichier.com", "wildcard"),
            (".1fichier.com", "leading dot"),
            ("1fichier.com.", "trailing dot"),
            ("1Fichier.com", "lower case"),
            ("bücher.example", "punycode"),
            ("com", "single label"),
            ("a..b", "a label has"),
            ("a b.com", "a label has"),
            ("-a.com", "a label has"),
            ("192.0.2.1", "not by address"),
        ] {
            assert!(fault(bad).is_some_and(|fault| fault.contains(why)), "{bad}: {:?}", fault(bad));
        }
    }

    #[test]
    fn lengths_are_those_of_the_dns() {
        let label = "a".repeat(63);
        assert_eq!(fault(&format!("{label}.com")), None);
        assert!(fault(&format!("{label}a.com")).is_some());
        let longest = [label.as_str(), &label, &label, &"a".repeat(61)].join(".");
        assert_eq!((longest.len(), fault(&longest)), (253, None));
        assert!(fault(&format!("a{longest}")).is_some());
    }
}
