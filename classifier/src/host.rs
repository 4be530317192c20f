//! Host names as the wire shows them, checked before anything is looked up by them.

/// Longest name in its textual form (RFC 1035, section 2.3.4: 255 octets on the wire).
const MAX_NAME: usize = 253;
/// Longest label (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;

/// A host name without its trailing dot: letters, digits, `-`, `_` in labels joined by dots.
/// `None` for anything else, IP literals included: they name nobody.
pub(crate) fn host_name(octets: &[u8]) -> Option<&str> {
    let octets = octets.strip_suffix(b".").unwrap_or(octets);
    if octets.len() > MAX_NAME {
        return None;
    }
    let mut last: &[u8] = &[];
    for label in octets.split(|octet| *octet == b'.') {
        let allowed = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        if label.is_empty() || label.len() > MAX_LABEL || !label.iter().all(allowed) {
            return None;
        }
        last = label;
    }
    // No top-level domain is a number: this is an IPv4 address, in any of its notations.
    let hexadecimal = last.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(b"0x"));
    if hexadecimal || last.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(octets).ok()
}

/// The host of an `authority`: what is left of `host:port` (RFC 3986, section 3.2) without its port.
pub(crate) fn host_of_authority(authority: &[u8]) -> Option<&str> {
    let mut parts = authority.rsplitn(2, |octet| *octet == b':');
    let (last, before) = (parts.next()?, parts.next());
    match before {
        Some(host) if last.iter().all(u8::is_ascii_digit) => host_name(host),
        Some(_) => None,
        None => host_name(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_only() {
        for good in
            ["example.com", "a-b_c.Example.COM", "localhost", "xn--bcher-kva.example", "1.de"]
        {
            assert_eq!(host_name(good.as_bytes()), Some(good));
        }
        assert_eq!(host_name(b"example.com."), Some("example.com"));
        for bad in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "192.0.2.1",
            "2130706433",
            "0x7f.0x1",
            "[::1]",
            "::1",
            "a b",
            "ex\u{e4}mple.com",
            "a/b",
            "*.example.com",
            "a:80",
            "a\0b",
        ] {
            assert_eq!(host_name(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn is_bounded_as_dns_bounds_it() {
        let label = "a".repeat(MAX_LABEL);
        assert!(host_name(label.as_bytes()).is_some());
        assert!(host_name(format!("{label}a").as_bytes()).is_none());
        let longest = format!("{label}.{label}.{label}.{}", "b".repeat(MAX_NAME - 3 * 64));
        assert!(host_name(longest.as_bytes()).is_some());
        assert!(host_name(format!("{longest}b").as_bytes()).is_none());
    }

    #[test]
    fn an_authority_loses_its_port() {
        assert_eq!(host_of_authority(b"example.com:8080"), Some("example.com"));
        assert_eq!(host_of_authority(b"example.com"), Some("example.com"));
        assert_eq!(host_of_authority(b"example.com:"), Some("example.com"));
        for bad in ["[2001:db8::1]:443", "2001:db8::1", "192.0.2.1:80", "a:b", ":80", ""] {
            assert_eq!(host_of_authority(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
