//! Tor's connections to its relays, by the names that its clients make up.
//!
//! A relay's link is TLS whose client asks for a name of its own invention: `www.`, 8 to 20 letters of
//! base 32, `.com` or `.net`, never looked up, and no application protocol. A real site's name looks so
//! now and then; what tells is that letters and digits are mixed as nobody would, that no resolver was
//! seen to give this client the address under it, and that browsers always negotiate a protocol. What
//! is left as a false positive is an old program that asks a site with digits all over its name, having
//! its address from elsewhere: hence likely, and no more.

use crate::recogniser::View;

/// Whether a client that offers no application protocol asks for a name that Tor would invent.
pub(super) fn asks(view: &View<'_>, host: &str) -> bool {
    is_invented(host) && {
        let (client, server) = (view.source().ip(), view.destination().ip());
        let name = view.knowledge.name(view.now, client, server);
        name.is_none_or(|name| &*name.host != host)
    }
}

/// The shape of the name: digits in two places at least, few vowels, and somewhere three consonants.
fn is_invented(host: &str) -> bool {
    let name = host
        .strip_prefix("www.")
        .and_then(|rest| rest.strip_suffix(".com").or_else(|| rest.strip_suffix(".net")));
    let Some(name) = name.map(str::as_bytes).filter(|name| (8..=20).contains(&name.len())) else {
        return false;
    };
    if !name.iter().all(|octet| matches!(octet, b'a'..=b'z' | b'2'..=b'7')) {
        return false;
    }
    let vowel = |octet: &u8| b"aeiou".contains(octet);
    let consonants = |octets: &[u8]| octets.iter().all(|o| o.is_ascii_lowercase() && !vowel(o));
    let runs = name.split(|octet| !octet.is_ascii_digit()).filter(|run| !run.is_empty()).count();
    let vowels = name.iter().filter(|octet| vowel(octet)).count();
    runs >= 2 && vowels * 3 <= name.len() && name.windows(3).any(consonants)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_names_are_told_from_those_of_sites() {
        for invented in ["www.k4fhd7xqm2.com", "www.x3bq5gpzhl6kdw.net", "www.a2b3cdfg.com"] {
            assert!(is_invented(invented), "{invented}");
        }
        for site in [
            "www.wikipedia.com",
            "www.site24x7.com",
            "www.mp3juices2u.com",
            "www.365online7.com",
            "www.k4fhd7x.com",
            "www.k4fhd7xqm2k4fhd7xqm2k.com",
            "www.k4fhd7xqm2.org",
            "k4fhd7xqm2.com",
            "www.K4FHD7XQM2.com",
            "www.k4-hd7xqm2.com",
            "www.web2017.com",
            "www..com",
        ] {
            assert!(!is_invented(site), "{site}");
        }
    }
}
