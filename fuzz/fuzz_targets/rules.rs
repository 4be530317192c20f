//! Any text as a file of service rules is taken, or refused with an error; what is taken can be asked.

#![no_main]

use etiage_classifier::Rules;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = str::from_utf8(octets) else { return };
    match Rules::default().with_file(text, "services.toml") {
        Ok(rules) => {
            for service in rules.services() {
                assert_eq!(rules.name(service.id), &*service.name);
                for suffix in &service.suffixes {
                    assert!(rules.lookup(suffix).is_some(), "{suffix}");
                }
            }
            let _ = rules.lookup(text);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
