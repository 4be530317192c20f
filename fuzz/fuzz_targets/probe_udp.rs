//! Any octets, shown to the probe over UDP that the first octet chooses.

#![no_main]

use etiage_capture::Transport;
use etiage_classifier::probes::UDP;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| etiage_fuzz::probe::ask(UDP, Transport::UDP, octets));
