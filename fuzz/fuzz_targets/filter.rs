//! Any text as a filter: it is read, or each of its problems lies within it; what was read means the same when it is
//! written and read again.

#![no_main]

use etiage_store::filter::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = str::from_utf8(octets) else { return };
    match parse(text, |_, _| Ok(())) {
        Ok(filter) => {
            let again = parse(&filter.to_string(), |_, _| Ok(()));
            assert_eq!(again.as_ref(), Ok(&filter));
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
});
