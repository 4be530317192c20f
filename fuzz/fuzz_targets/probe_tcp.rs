//! Any octets, shown to the probe over TCP that the first octet chooses.

#![no_main]

use etiage_capture::Transport;
use etiage_classifier::probes::TCP;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| etiage_fuzz::probe::ask(TCP, Transport::TCP, octets));
