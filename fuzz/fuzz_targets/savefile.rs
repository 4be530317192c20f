//! Any octets as a capture file: frames lie within it, in whichever format and compression it seems to be.

#![no_main]

use etiage_capture::source::{Batch, Savefile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let path = etiage_fuzz::file(octets);
    let Ok(mut savefile) = Savefile::open(&path) else { return };
    let mut batch = Batch::default();
    while savefile.fill(&mut batch, 16).is_ok() && !batch.is_empty() {
        for frame in batch.frames() {
            assert!(frame.data.len() <= 262_144);
        }
        savefile.look_ahead();
    }
});
