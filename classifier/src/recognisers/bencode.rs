//! Bencoding (BEP 3), as far as BitTorrent's messages need it: walked in place, nothing is copied.

/// A message nests a handful deep: the DHT's lists of values in a dictionary in a dictionary.
const MAX_DEPTH: u32 = 16;
/// Integers have at most twenty characters, lengths fewer.
const MAX_DIGITS: usize = 20;

/// A value, its containers still encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// An integer that fits.
    Integer(i64),
    /// A string of octets.
    Text(&'a [u8]),
    /// What stands between `l` and its `e`.
    List(&'a [u8]),
    /// What stands between `d` and its `e`.
    Dict(&'a [u8]),
}

impl<'a> Value<'a> {
    pub(super) const fn text(self) -> Option<&'a [u8]> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) const fn integer(self) -> Option<i64> {
        if let Self::Integer(integer) = self { Some(integer) } else { None }
    }

    pub(super) const fn dict(self) -> Option<Pairs<'a>> {
        if let Self::Dict(body) = self { Some(Pairs { rest: body }) } else { None }
    }

    pub(super) const fn list(self) -> Option<Items<'a>> {
        if let Self::List(body) = self { Some(Items { rest: body }) } else { None }
    }
}

/// The whole input as one dictionary that ends where the input ends.
pub(super) fn whole_dict(input: &[u8]) -> Option<Pairs<'_>> {
    let mut rest = input;
    let value = next_value(&mut rest)?;
    if rest.is_empty() { value.dict() } else { None }
}

/// A dictionary that may be cut short: its pairs end with the last whole one.
pub(super) fn open_dict(input: &[u8]) -> Option<Pairs<'_>> {
    input.strip_prefix(b"d").map(|rest| Pairs { rest })
}

/// The pairs of a dictionary; ends at the first that is not well formed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pairs<'a> {
    rest: &'a [u8],
}

impl<'a> Pairs<'a> {
    /// The value under a key.
    pub(super) fn get(self, key: &[u8]) -> Option<Value<'a>> {
        { self }.find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = text(&mut self.rest)?;
        Some((key, next_value(&mut self.rest)?))
    }
}

/// The items of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        next_value(&mut self.rest)
    }
}

fn next_value<'a>(rest: &mut &'a [u8]) -> Option<Value<'a>> {
    match rest.first()? {
        b'0'..=b'9' => text(rest).map(Value::Text),
        b'i' => integer(rest).map(Value::Integer),
        b'l' => container(rest).map(Value::List),
        b'd' => container(rest).map(Value::Dict),
        _ => None,
    }
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = number(rest, b':')?;
    let (text, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(text)
}

fn integer(rest: &mut &[u8]) -> Option<i64> {
    *rest = rest.strip_prefix(b"i")?;
    let negative = rest.first() == Some(&b'-');
    if negative {
        *rest = rest.get(1..)?;
    }
    let value = i64::try_from(number(rest, b'e')?).ok()?;
    Some(if negative { -value } else { value })
}

/// Digits up to `end`, which is taken too.
fn number(rest: &mut &[u8], end: u8) -> Option<u64> {
    let mut value = 0u64;
    for (at, octet) in rest.iter().enumerate().take(MAX_DIGITS + 1) {
        if *octet == end {
            *rest = rest.get(at + 1..).filter(|_| at > 0)?;
            return Some(value);
        }
        let digit = octet.is_ascii_digit().then(|| u64::from(octet - b'0'))?;
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    None
}

/// What stands between a container's first octet and its `e`, which must be there. The walk keeps
/// one bit a level (is it a dictionary?) and whether a key comes next, so that depth costs no
/// stack.
fn container<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let body = rest.get(1..)?;
    let mut walk = *rest;
    let (mut depth, mut dicts, mut keys_next) = (0u32, 0u32, 0u32);
    loop {
        let level = 1u32 << depth;
        let in_dict = depth > 0 && dicts & level != 0;
        let key_next = in_dict && keys_next & level != 0;
        match walk.first()? {
            b'0'..=b'9' => {
                text(&mut walk)?;
            }
            b'e' if depth > 0 && (!in_dict || key_next) => {
                walk = walk.get(1..)?;
                depth -= 1;
                if depth == 0 {
                    let length = body.len().checked_sub(walk.len())?.checked_sub(1)?;
                    *rest = walk;
                    return body.get(..length);
                }
                keys_next ^= (1 << depth) & dicts;
                continue;
            }
            _ if key_next => return None,
            b'i' => {
                integer(&mut walk)?;
            }
            opening @ (b'l' | b'd') => {
                walk = walk.get(1..)?;
                depth += 1;
                if depth >= MAX_DEPTH {
                    return None;
                }
                let level = 1u32 << depth;
                dicts = if *opening == b'd' { dicts | level } else { dicts & !level };
                keys_next |= level;
                continue;
            }
            _ => return None,
        }
        // A key or a value of this level was taken: in a dictionary the other comes next.
        keys_next ^= level & dicts;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_a_nested_dictionary_to_its_end() {
        let dict = whole_dict(b"d1:ad2:id3:abce1:lli-5el1:xed1:k1:vee1:q4:pinge").unwrap();
        assert_eq!(dict.get(b"a").unwrap().dict().unwrap().get(b"id"), Some(Value::Text(b"abc")));
        let items: Vec<_> = dict.get(b"l").unwrap().list().unwrap().collect();
        assert_eq!(items, [Value::Integer(-5), Value::List(b"1:x"), Value::Dict(b"1:k1:v")]);
        assert_eq!(dict.get(b"q"), Some(Value::Text(b"ping")));
        assert_eq!(dict.get(b"z"), None);
    }

    #[test]
    fn refuses_what_is_not_well_formed() {
        let whole: &[u8] = b"d1:ad2:id3:abce1:lli-5el1:xed1:k1:vee1:q4:pinge";
        for length in 0..whole.len() {
            assert!(whole_dict(&whole[..length]).is_none(), "cut at {length}");
        }
        for wrong in [
            &b"d1:ai1eex"[..],
            b"di1e1:ae",
            b"d1:ae",
            b"d1:a1:b1:ce",
            b"i1e",
            b"l1:ae",
            b"d-1:ae",
            b"d1:ai--1ee",
            b"d99999999999999999999999:a1:be",
            b"d:1:be",
            b"d1:aiee",
        ] {
            assert!(whole_dict(wrong).is_none(), "{:?}", wrong.escape_ascii().to_string());
        }
        let deep = [[b'l'; 64].as_slice(), &[b'e'; 64]].concat();
        assert!(next_value(&mut deep.as_slice()).is_none());
    }

    #[test]
    fn a_cut_dictionary_still_gives_its_whole_pairs() {
        let dict = open_dict(b"d8:intervali1800e5:peers6:abcdef6:peers618:abc").unwrap();
        assert_eq!(dict.get(b"peers"), Some(Value::Text(b"abcdef")));
        assert_eq!(dict.get(b"peers6"), None);
    }

    proptest! {
        #[test]
        fn never_panics(octets in proptest::collection::vec(
            prop_oneof![Just(b'd'), Just(b'l'), Just(b'e'), Just(b'i'), Just(b':'), b'0'..=b'9', any::<u8>()],
            0..200,
        )) {
            if let Some(pairs) = whole_dict(&octets) {
                prop_assert!(pairs.count() <= octets.len());
            }
        }
    }
}
