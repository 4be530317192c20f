//! The names in a certificate (RFC 5280): a walk over the few DER elements that lead to them.
//!
//! Not a recogniser of its own: TLS shows certificates in clear up to version 1.2.

use crate::host::host_name;
use etiage_capture::Cursor;

/// The bit of a tag that says that elements are inside (X.690, section 8.1.2.5).
const CONSTRUCTED: u8 = 0x20;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
/// `[3] EXPLICIT` extensions of a TBSCertificate (RFC 5280, section 4.1).
const EXTENSIONS: u8 = 0xa3;
/// `[2] IMPLICIT IA5String` dNSName of a GeneralName (RFC 5280, section 4.2.1.6).
const DNS_NAME: u8 = 0x82;
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// Elements looked at on one level: a subject has a dozen, and so has the extension list; of the
/// hundreds of alternative names the first good one is enough.
const MAX_ELEMENTS: usize = 64;

/// The host name that a certificate is for: its subject's common name if that is a host name, else
/// the first alternative name. A wildcard's `*.` is left out. A certificate that is cut short gives
/// the name that comes before the cut.
pub(crate) fn name_of(certificate: &[u8]) -> Option<&str> {
    let mut fields = Fields(Cursor::new(open(open(certificate, SEQUENCE)?, SEQUENCE)?));
    // [0] version, serial number, signature, issuer, validity, subject: the third sequence after the
    // signature's. The version is absent in v1 certificates.
    let mut sequences = fields.by_ref().filter(|(tag, _)| *tag == SEQUENCE);
    let subject = sequences.nth(3).and_then(|(_, subject)| common_name(subject));
    subject.or_else(|| {
        let (_, extensions) = fields.find(|(tag, _)| *tag == EXTENSIONS)?;
        alternative_name(open(extensions, SEQUENCE)?)
    })
}

fn common_name(subject: &[u8]) -> Option<&str> {
    let sets = Fields(Cursor::new(subject)).take(MAX_ELEMENTS).filter(|(tag, _)| *tag == SET);
    let attributes = sets.filter_map(|(_, set)| open(set, SEQUENCE));
    attributes
        .filter_map(|attribute| {
            let mut fields = Fields(Cursor::new(attribute));
            let kind = fields.next()?;
            let (_, value) = fields.next()?;
            if kind == (OBJECT_ID, COMMON_NAME) { server_name(value) } else { None }
        })
        // The most specific one comes last (RFC 4514, section 2.1 prints them in reverse).
        .last()
}

fn alternative_name(extensions: &[u8]) -> Option<&str> {
    let mut list = Fields(Cursor::new(extensions)).take(MAX_ELEMENTS);
    let names = list.find_map(|(tag, extension)| {
        let mut fields = Fields(Cursor::new(extension));
        if tag != SEQUENCE || fields.next()? != (OBJECT_ID, SUBJECT_ALT_NAME) {
            return None;
        }
        // A BOOLEAN `critical` may come between.
        fields.find(|(tag, _)| *tag == OCTET_STRING).map(|(_, value)| value)
    })?;
    let mut names = Fields(Cursor::new(open(names, SEQUENCE)?)).take(MAX_ELEMENTS);
    names.find_map(|(tag, name)| if tag == DNS_NAME { server_name(name) } else { None })
}

/// A host name with at least one dot: a common name of one word is a product's or a person's.
fn server_name(octets: &[u8]) -> Option<&str> {
    let name = host_name(octets.strip_prefix(b"*.").unwrap_or(octets))?;
    name.contains('.').then_some(name)
}

/// The inside of the first element, which must have this tag; as much as there is.
fn open(octets: &[u8], tag: u8) -> Option<&[u8]> {
    let mut cursor = Cursor::new(octets);
    if cursor.u8()? != tag {
        return None;
    }
    let length = length(&mut cursor)?;
    let rest = cursor.rest();
    Some(rest.get(..length).unwrap_or(rest))
}

/// The elements of a sequence. One that is cut short still comes, as much of it as there is, if it
/// holds other elements; half a name would be another name.
struct Fields<'a>(Cursor<'a>);

impl<'a> Iterator for Fields<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.0.u8()?;
        let length = length(&mut self.0)?;
        let rest = self.0.rest();
        let holds_elements = tag & CONSTRUCTED != 0 || tag == OCTET_STRING;
        let length = if holds_elements { length.min(rest.len()) } else { length };
        Some((tag, self.0.take(length)?))
    }
}

/// A definite length (X.690, section 8.1.3) of at most three octets: certificates are under 16 MB.
fn length(cursor: &mut Cursor<'_>) -> Option<usize> {
    match cursor.u8()? {
        short @ 0..=0x7f => Some(short.into()),
        0x81 => cursor.u8().map(usize::from),
        0x82 => cursor.u16().map(usize::from),
        0x83 => cursor.u24().map(|length| length as usize),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn der(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
        let value = parts.concat();
        let mut element = vec![tag];
        match value.len() {
            length @ 0..=0x7f => element.push(length as u8),
            length @ 0x80..=0xff => element.extend([0x81, length as u8]),
            length => element.extend([0x82, (length >> 8) as u8, length as u8]),
        }
        element.extend(value);
        element
    }

    fn attribute(kind: &[u8], value: &str) -> Vec<u8> {
        let parts = [der(OBJECT_ID, &[kind.to_vec()]), der(0x0c, &[value.as_bytes().to_vec()])];
        der(SET, &[der(SEQUENCE, &parts)])
    }

    /// A certificate with this common name and these alternative names.
    pub(crate) fn certificate(common: &str, alternatives: &[&str]) -> Vec<u8> {
        let names: Vec<_> =
            alternatives.iter().map(|name| der(DNS_NAME, &[name.as_bytes().to_vec()])).collect();
        let critical = der(0x01, &[vec![0xff]]);
        let basic = der(SEQUENCE, &[der(OBJECT_ID, &[vec![0x55, 0x1d, 0x13]]), critical.clone()]);
        let alternative = der(
            SEQUENCE,
            &[
                der(OBJECT_ID, &[SUBJECT_ALT_NAME.to_vec()]),
                critical,
                der(OCTET_STRING, &[der(SEQUENCE, &names)]),
            ],
        );
        let issuer = der(SEQUENCE, &[attribute(COMMON_NAME, "ca.example.net")]);
        let organisation = attribute(&[0x55, 0x04, 0x0a], "www.organisation.example");
        let subject = der(SEQUENCE, &[organisation, attribute(COMMON_NAME, common)]);
        let body = der(
            SEQUENCE,
            &[
                der(0xa0, &[der(0x02, &[vec![2]])]),
                der(0x02, &[vec![1; 16]]),
                der(SEQUENCE, &[der(OBJECT_ID, &[vec![0x2a]])]),
                issuer,
                der(SEQUENCE, &[der(0x17, &[vec![b'2'; 13]]), der(0x17, &[vec![b'3'; 13]])]),
                subject,
                der(SEQUENCE, &[der(0x03, &[vec![0; 300]])]),
                der(EXTENSIONS, &[der(SEQUENCE, &[basic, alternative])]),
            ],
        );
        der(SEQUENCE, &[body, der(SEQUENCE, &[]), der(0x03, &[vec![0; 256]])])
    }

    #[test]
    fn the_common_name_comes_first_then_the_alternatives() {
        let check = |common, alternatives: &[&str], expected| {
            assert_eq!(name_of(&certificate(common, alternatives)), expected, "{common}");
        };
        check("*.1fichier.com", &["1fichier.com"], Some("1fichier.com"));
        check("Example Server", &["*.example.org", "example.com"], Some("example.org"));
        check("localhost", &["", "bad name", "a.example"], Some("a.example"));
        check("localhost", &[], None);
        check("192.0.2.1", &["192.0.2.1"], None);
    }

    #[test]
    fn cut_at_any_octet_it_gives_the_name_or_none() {
        let whole = certificate("Example Server", &["a.example.org"]);
        for length in 0..whole.len() {
            let name = name_of(&whole[..length]);
            assert!(name.is_none_or(|name| name == "a.example.org"), "{name:?}");
        }
        let extensions_end = whole.len() - 2 - 260;
        assert_eq!(name_of(&whole[..extensions_end]), Some("a.example.org"));
    }

    #[test]
    fn lengths_that_lie_are_no_names() {
        for wrong in [&[0x30, 0x80][..], &[0x30, 0x84, 0, 0, 0, 1], &[0x30], &[0x31, 0], &[]] {
            assert_eq!(name_of(wrong), None);
        }
    }
}
