//! Any frame on any link layer has an answer, and its lengths agree.

#![no_main]

use etiage_capture::{Content, decode};
use etiage_fuzz::{Choices, LAYERS};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let layer = Choices::new(octets).one_of(&LAYERS);
    let frame = octets.get(1..).unwrap_or_default();
    if let Content::Packet(packet, _) = decode(layer, frame).content {
        assert!(packet.payload_octets as usize >= packet.payload.len());
        assert!(
            packet.payload.is_empty() || frame.as_ptr_range().contains(&packet.payload.as_ptr())
        );
    }
});
