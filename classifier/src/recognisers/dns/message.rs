//! DNS messages (RFC 1035, section 4): the header, the question, the addresses in the answers.
//!
//! Limits, each where a hostile message would bite: a name has at most 255 octets (section 2.3.4); a
//! compression pointer must point before the name it is in, and a name follows at most
//! [`MAX_POINTERS`] of them; at most [`MAX_ADDRESSES`] are told of one message.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::host::host_name;
use etiage_capture::Cursor;

/// Octets of a header.
pub(super) const HEADER: usize = 12;
/// Pointers followed in one name: a name of 255 octets has at most 127 labels.
const MAX_POINTERS: usize = 128;
/// Longest name in its wire form (RFC 1035, section 2.3.4).
const MAX_NAME: usize = 255;
/// Addresses told of one message: more do not fit a datagram without EDNS.
const MAX_ADDRESSES: usize = 32;
/// Questions of a message: one, but for mDNS (RFC 6762, section 5.3), where a datagram holds few.
const MAX_QUESTIONS: u16 = 255;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
const INTERNET: u16 = 1;

/// A message's fixed header (RFC 1035, section 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) id: u16,
    flags: u16,
    questions: u16,
    answers: u16,
    authorities: u16,
    additionals: u16,
}

/// Flag bits of the header.
const RESPONSE: u16 = 0x8000;
const AUTHORITATIVE: u16 = 0x0400;
const TRUNCATED: u16 = 0x0200;
const RESERVED: u16 = 0x0040;

impl Header {
    /// Reads a header, as any DNS software would send it.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let header = Self {
            id: cursor.u16()?,
            flags: cursor.u16()?,
            questions: cursor.u16()?,
            answers: cursor.u16()?,
            authorities: cursor.u16()?,
            additionals: cursor.u16()?,
        };
        // Query, status, notify and update (RFC 6895, section 2.2).
        let known = matches!(header.opcode(), 0 | 2 | 4 | 5) && header.flags & RESERVED == 0;
        (known && header.questions <= MAX_QUESTIONS).then_some(header)
    }

    /// Whether this answers.
    pub(super) const fn is_response(self) -> bool {
        self.flags & RESPONSE != 0
    }

    /// Whether it has one question, as every header of unicast DNS.
    pub(super) const fn asks_once(self) -> bool {
        self.questions == 1
    }

    /// Whether it asks one thing or answers it, so that the one can be told to belong to the other.
    pub(super) const fn is_exchange(self) -> bool {
        self.opcode() == 0 && self.questions == 1
    }

    /// Whether what did not fit was left out: who asked does not use it, and asks again over TCP.
    const fn is_truncated(self) -> bool {
        self.flags & TRUNCATED != 0
    }

    const fn opcode(self) -> u16 {
        self.flags >> 11 & 0xf
    }

    const fn code(self) -> u16 {
        self.flags & 0xf
    }

    /// A plain query or the answer to one: what a message off the well-known ports must be.
    pub(super) const fn is_plain(self) -> bool {
        let query = self.answers == 0
            && self.authorities == 0
            && self.additionals <= 2
            && self.code() == 0
            && self.flags & (AUTHORITATIVE | TRUNCATED) == 0;
        self.opcode() == 0 && self.questions == 1 && (self.is_response() || query)
    }

    /// Whether it says anything.
    const fn is_empty(self) -> bool {
        self.questions == 0 && self.answers == 0 && self.authorities == 0
    }
}

/// How a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With its last record.
    Exact,
    /// Within a record after the question.
    Cut,
    /// Other octets follow its last record.
    Trailing,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The header.
    pub(super) header: Header,
    /// How it ends.
    pub(super) end: End,
    /// The first question's name, in lower case, each label with a dot behind it.
    pub(super) name: Vec<u8>,
    /// The first question's type.
    pub(super) kind: u16,
    /// Addresses of that name, where they answer: A and AAAA records, over the aliases that lead to
    /// them, and the hints of HTTPS records (RFC 9460, section 7.3).
    pub(super) addresses: Vec<IpAddr>,
    /// The question's class is the internet's and its type an assigned one.
    pub(super) common: bool,
}

impl Message {
    /// The host that was asked for.
    pub(super) fn host(&self) -> Option<&str> {
        host_name(&self.name)
    }
}

/// Reads a message; `None` if these octets are none.
pub(super) fn read(octets: &[u8]) -> Option<Message> {
    let mut cursor = Cursor::new(octets);
    let header = Header::read(&mut cursor)?;
    if header.is_empty() {
        return None;
    }
    let mut asked = Vec::new();
    let mut asked_kind = 0;
    let mut common = true;
    for place in 0..header.questions {
        let labels = |label: &[u8]| {
            if place == 0 {
                extend(&mut asked, label);
            }
        };
        name(octets, &mut cursor, labels)?;
        let (kind, class) = (cursor.u16()?, cursor.u16()?);
        if place == 0 {
            asked_kind = kind;
        }
        // Below 256 and 256 to 511: types and meta types in use (RFC 6895, section 3.1).
        common &= (1..512).contains(&kind) && class == INTERNET;
    }
    let mut addresses = Vec::new();
    let end = records(octets, cursor, header, &asked, &mut addresses);
    if !header.is_response() || header.code() != 0 || header.is_truncated() {
        addresses.clear();
    }
    Some(Message { header, end, name: asked, kind: asked_kind, addresses, common })
}

/// Adds a label in the form that names are compared in.
fn extend(name: &mut Vec<u8>, label: &[u8]) {
    name.extend(label.iter().map(u8::to_ascii_lowercase));
    name.push(b'.');
}

/// Reads the records, and of the answers the addresses of the name that was asked for. An answer of
/// another name is nobody's business: only an alias (RFC 1034, section 3.6.2) leads from one to the next.
fn records(
    octets: &[u8],
    mut cursor: Cursor<'_>,
    header: Header,
    asked: &[u8],
    found: &mut Vec<IpAddr>,
) -> End {
    let rest = u32::from(header.authorities) + u32::from(header.additionals);
    let (mut wanted, mut owner) = (asked.to_vec(), Vec::new());
    for place in 0..u32::from(header.answers) + rest {
        let answers = place < u32::from(header.answers);
        owner.clear();
        let label = |label: &[u8]| {
            if answers {
                extend(&mut owner, label);
            }
        };
        let record = || {
            name(octets, &mut cursor, label)?;
            let (kind, class, _ttl) = (cursor.u16()?, cursor.u16()?, cursor.u32()?);
            let value = cursor.vec16()?;
            Some((kind, class, value, octets.len().checked_sub(cursor.rest().len())?))
        };
        let Some((kind, class, value, end)) = record() else { return End::Cut };
        if !answers || class != INTERNET || owner != wanted {
            continue;
        }
        match kind {
            A | AAAA => addresses(value, found),
            SVCB | HTTPS => {
                let _ = hints(octets, value, found);
            }
            CNAME => {
                let mut alias = Vec::new();
                let start = end.saturating_sub(value.len());
                let mut target = Cursor::new(octets.get(start..).unwrap_or_default());
                if name(octets, &mut target, |label| extend(&mut alias, label)).is_some() {
                    wanted = alias;
                }
            }
            _ => {}
        }
    }
    if cursor.is_empty() { End::Exact } else { End::Trailing }
}

/// The address hints of a service binding (RFC 9460, sections 2.2 and 7.3).
fn hints(octets: &[u8], value: &[u8], found: &mut Vec<IpAddr>) -> Option<()> {
    let mut cursor = Cursor::new(value);
    let _priority = cursor.u16()?;
    name(octets, &mut cursor, |_| {})?;
    while !cursor.is_empty() {
        let (key, value) = (cursor.u16()?, cursor.vec16()?);
        match key {
            4 => value.chunks(4).for_each(|address| addresses(address, found)),
            6 => value.chunks(16).for_each(|address| addresses(address, found)),
            _ => {}
        }
    }
    Some(())
}

fn addresses(octets: &[u8], found: &mut Vec<IpAddr>) {
    let four = <[u8; 4]>::try_from(octets).map(|octets| IpAddr::from(Ipv4Addr::from(octets)));
    let address = four.or_else(|_| {
        <[u8; 16]>::try_from(octets).map(|octets| IpAddr::from(Ipv6Addr::from(octets)))
    });
    // Blocklists answer with 0.0.0.0, `::` or the client itself: those are nobody's addresses.
    if let Ok(address) = address
        && !address.is_unspecified()
        && !address.is_loopback()
        && !address.is_multicast()
        && found.len() < MAX_ADDRESSES
    {
        found.push(address);
    }
}

/// Reads a name (RFC 1035, sections 3.1 and 4.1.4), label by label; the cursor ends behind it.
fn name(message: &[u8], cursor: &mut Cursor<'_>, mut each: impl FnMut(&[u8])) -> Option<()> {
    let mut here = Cursor::new(cursor.rest());
    // Every pointer must point before what was read so far: none is followed twice.
    let mut before = message.len().saturating_sub(here.rest().len());
    let mut pointers = 0;
    let mut length = 1;
    loop {
        let count = here.u8()?;
        let pointed = match count {
            0 => None,
            1..=63 => {
                each(here.take(count.into())?);
                length += 1 + usize::from(count);
                if length > MAX_NAME {
                    return None;
                }
                continue;
            }
            0xc0.. => Some(usize::from(u16::from_be_bytes([count & 0x3f, here.u8()?]))),
            _ => return None,
        };
        if pointers == 0 {
            let read = cursor.rest().len() - here.rest().len();
            cursor.take(read)?;
        }
        let Some(place) = pointed else { return Some(()) };
        pointers += 1;
        if place >= before || place < HEADER || pointers > MAX_POINTERS {
            return None;
        }
        before = place;
        here = Cursor::new(message.get(place..)?);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A name in wire form.
    pub(in super::super) fn wire(name: &str) -> Vec<u8> {
        let labels = name.split('.').filter(|label| !label.is_empty());
        let mut octets: Vec<u8> = labels
            .flat_map(|label| [&[label.len() as u8][..], label.as_bytes()].concat())
            .collect();
        octets.push(0);
        octets
    }

    fn header(flags: u16, counts: [u16; 4]) -> Vec<u8> {
        [0x1234, flags].into_iter().chain(counts).flat_map(u16::to_be_bytes).collect()
    }

    /// A query for a name.
    pub(in super::super) fn query(name: &str, kind: u16) -> Vec<u8> {
        let tail = [kind.to_be_bytes(), [0, 1]].concat();
        [header(0x0100, [1, 0, 0, 0]), wire(name), tail].concat()
    }

    /// A record, its name a pointer to the question.
    pub(in super::super) fn record(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = (value.len() as u16).to_be_bytes();
        [&[0xc0, 12][..], &kind.to_be_bytes(), &[0, 1, 0, 0, 1, 0], &length, value].concat()
    }

    /// An answer to the query for a name.
    pub(in super::super) fn response(name: &str, kind: u16, records: &[Vec<u8>]) -> Vec<u8> {
        let tail = [kind.to_be_bytes(), [0, 1]].concat();
        let counts = [1, records.len() as u16, 0, 0];
        [header(0x8180, counts), wire(name), tail, records.concat()].concat()
    }

    #[test]
    fn addresses_belong_to_the_name_that_was_asked_for() {
        let octets = response(
            "WWW.Example.com",
            1,
            &[
                record(5, &wire("cdn.example.net")),
                of("cdn.example.net", &record(1, &[192, 0, 2, 7])),
                of(
                    "CDN.example.net",
                    &record(28, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
                ),
                of("cdn.example.net", &record(1, &[0, 0, 0, 0])),
                of("cdn.example.net", &record(1, &[1, 2, 3])),
                of("other.example.net", &record(1, &[192, 0, 2, 66])),
                record(1, &[192, 0, 2, 67]),
            ],
        );
        let message = read(&octets).unwrap();
        assert_eq!((message.host(), message.kind), (Some("www.example.com"), 1));
        assert_eq!(message.name, b"www.example.com.");
        let expected: [IpAddr; 2] = ["192.0.2.7".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        assert_eq!((message.addresses.as_slice(), message.end), (&expected[..], End::Exact));
    }

    /// The same record of another name than the question's.
    fn of(name: &str, record: &[u8]) -> Vec<u8> {
        [&wire(name), &record[2..]].concat()
    }

    #[test]
    fn what_was_cut_short_or_is_no_answer_tells_no_address() {
        let octets = response("a.example", 1, &[record(1, &[192, 0, 2, 7])]);
        let told = |change: fn(&mut Vec<u8>)| {
            let mut octets = octets.clone();
            change(&mut octets);
            read(&octets).unwrap().addresses.len()
        };
        assert_eq!(told(|_| {}), 1);
        assert_eq!(told(|octets| octets[2] |= 0x02), 0, "truncated");
        assert_eq!(told(|octets| octets[2] &= 0x7f), 0, "a query");
        assert_eq!(told(|octets| octets[3] |= 3), 0, "no such name");
        let ttl = octets.len() - 10;
        for value in [[0; 4], [0xff; 4]] {
            let mut octets = octets.clone();
            octets[ttl..ttl + 4].copy_from_slice(&value);
            assert_eq!(read(&octets).unwrap().addresses.len(), 1, "whatever its time to live");
        }
    }

    #[test]
    fn https_records_hint_at_addresses() {
        let value = [
            &[0, 1, 0][..],
            &[0, 1, 0, 3, 2, b'h', b'3'],
            &[0, 4, 0, 8, 192, 0, 2, 1, 192, 0, 2, 2],
        ];
        let octets = response("a.example", HTTPS, &[record(HTTPS, &value.concat())]);
        assert_eq!(read(&octets).unwrap().addresses.len(), 2);
    }

    #[test]
    fn cut_at_any_octet_it_says_so() {
        let octets = response("a.example", 1, &[record(1, &[192, 0, 2, 7])]);
        let question_ends = query("a.example", 1).len();
        for length in 0..octets.len() {
            let message = read(&octets[..length]);
            assert_eq!(message.is_some(), length >= question_ends, "{length}");
            assert!(
                message.is_none_or(|message| {
                    message.end == End::Cut && message.addresses.is_empty()
                })
            );
        }
        let more = [&octets[..], &[0]].concat();
        assert_eq!(read(&more).unwrap().end, End::Trailing);
    }

    #[test]
    fn pointers_end() {
        let with_name =
            |name: &[u8]| [header(0x0100, [1, 0, 0, 0]), name.to_vec(), vec![0, 1, 0, 1]].concat();
        assert!(read(&with_name(&[1, b'a', 0])).is_some());
        assert!(read(&with_name(&[0xc0, 12])).is_none(), "to itself");
        assert!(read(&with_name(&[0xc0, 14])).is_none(), "forward");
        assert!(read(&with_name(&[1, b'a', 0xc0, 12])).is_none(), "a loop");
        assert!(read(&with_name(&[0xc0, 4])).is_none(), "into the header");
        assert!(read(&with_name(&[0x40])).is_none(), "reserved label type");
        // A chain of pointers, each to the one before: bounded, and none is followed twice.
        let mut chain = response("a", 1, &[]);
        chain[7] = 1;
        let mut target = HEADER;
        let value_start = chain.len() + 12;
        let mut value = Vec::new();
        for _ in 0..200 {
            value.extend([0xc0 | (target >> 8) as u8, target as u8]);
            target = value_start + value.len() - 2;
        }
        chain.extend(record(16, &value));
        let ok = [&chain[..], &record(1, &[192, 0, 2, 7])].concat();
        assert_eq!(read(&ok).unwrap().end, End::Trailing, "one record is counted");
        let last = (0xc000 | target as u16).to_be_bytes();
        let mut bad = [&chain[..], &last, &record(1, &[192, 0, 2, 7])[2..]].concat();
        bad[7] = 2;
        assert_eq!(read(&bad).unwrap().end, End::Cut, "too many pointers");
    }

    #[test]
    fn a_name_has_at_most_255_octets() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
        assert!(read(&query(&longest, 1)).is_some());
        assert!(read(&query(&format!("{longest}b"), 1)).is_none());
    }

    #[test]
    fn addresses_are_bounded() {
        let octets = response("a.example", 1, &vec![record(1, &[192, 0, 2, 7]); 100]);
        assert_eq!(read(&octets).unwrap().addresses.len(), MAX_ADDRESSES);
    }
}
