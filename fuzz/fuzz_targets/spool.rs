//! Any octets as a spool's segment or file of open intervals are read as far as they are whole.

#![no_main]

use etiage_store::spool::check_octets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| check_octets(octets));
