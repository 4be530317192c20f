//! Initial packet protection (RFC 9001, sections 5.2 to 5.4; RFC 9369, section 3.3): keys that anybody
//! on the path can derive from the client's first destination connection id.

use ring::{aead, hkdf};

use super::packet::{Kind, Packet, Version};

/// Initial salts of drafts 29 to 32, of version 1, of version 2.
const DRAFT29_SALT: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0,
    0x43, 0x90, 0xa8, 0x99,
];
const V1_SALT: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];
const V2_SALT: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
    0xf9, 0xbd, 0x2e, 0xd9,
];
/// Octets of a sample, of a packet number at most, of an AEAD tag.
const SAMPLE: usize = 16;
const MAX_NUMBER: usize = 4;

/// The keys that protect a client's Initial packets.
pub(super) struct Keys {
    key: aead::LessSafeKey,
    iv: [u8; aead::NONCE_LEN],
    header: aead::quic::HeaderProtectionKey,
}

impl Keys {
    /// The keys for this destination connection id; `None` cannot happen, and costs nothing to allow.
    pub(super) fn client(version: Version, destination: &[u8]) -> Option<Self> {
        let (salt, labels): (_, [&[u8]; 3]) = match version {
            Version::Draft29 => (DRAFT29_SALT, [b"quic key", b"quic iv", b"quic hp"]),
            Version::One => (V1_SALT, [b"quic key", b"quic iv", b"quic hp"]),
            Version::Two => (V2_SALT, [b"quicv2 key", b"quicv2 iv", b"quicv2 hp"]),
        };
        let [key_label, iv_label, header_label] = labels;
        let initial = hkdf::Salt::new(hkdf::HKDF_SHA256, &salt).extract(destination);
        let secret: [u8; 32] = expand(&initial, b"client in")?;
        let secret = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &secret);
        let key: [u8; 16] = expand(&secret, key_label)?;
        let header: [u8; 16] = expand(&secret, header_label)?;
        Some(Self {
            key: aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_128_GCM, &key).ok()?),
            iv: expand(&secret, iv_label)?,
            header: aead::quic::HeaderProtectionKey::new(&aead::quic::AES_128, &header).ok()?,
        })
    }

    /// The frames of an Initial packet; `None` if these are not its keys. `buffer` takes a copy of the
    /// packet, which is decrypted in place.
    pub(super) fn open<'b>(
        &self,
        packet: &Packet<'_>,
        buffer: &'b mut Vec<u8>,
    ) -> Option<&'b [u8]> {
        let Kind::Initial { number_at } = packet.kind else { return None };
        let sample = packet.octets.get(number_at + MAX_NUMBER..)?.get(..SAMPLE)?;
        let [first_mask, number_mask @ ..] = self.header.new_mask(sample).ok()?;
        buffer.clear();
        buffer.extend_from_slice(packet.octets);
        let first = buffer.first_mut()?;
        *first ^= first_mask & 0x0f;
        let number_length = usize::from(*first & 3) + 1;
        let (header, payload) = buffer.split_at_mut_checked(number_at + number_length)?;
        let mut number = 0u64;
        for (octet, mask) in header.get_mut(number_at..)?.iter_mut().zip(number_mask) {
            *octet ^= mask;
            // A client's first packets have numbers near zero: none was truncated.
            number = number << 8 | u64::from(*octet);
        }
        let mut nonce = self.iv;
        for (octet, part) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
            *octet ^= part;
        }
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let opened = self.key.open_in_place(nonce, aead::Aad::from(&*header), payload).ok()?;
        Some(opened)
    }
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446, section 7.1).
fn expand<const N: usize>(secret: &hkdf::Prk, label: &[u8]) -> Option<[u8; N]> {
    const PREFIX: &[u8] = b"tls13 ";
    let length = u16::try_from(N).ok()?.to_be_bytes();
    let label_length = [u8::try_from(PREFIX.len() + label.len()).ok()?];
    let mut out = [0; N];
    let info = [&length[..], &label_length, PREFIX, label, &[0]];
    secret.expand(&info, Length(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    impl Keys {
        /// Protects a packet: a header that ends with a packet number of four octets, and frames.
        pub(in super::super) fn seal(&self, header: &[u8], frames: &[u8]) -> Vec<u8> {
            let number_at = header.len() - MAX_NUMBER;
            let mut nonce = self.iv;
            for (octet, part) in nonce[8..].iter_mut().zip(&header[number_at..]) {
                *octet ^= part;
            }
            let mut sealed = frames.to_vec();
            let nonce = aead::Nonce::assume_unique_for_key(nonce);
            self.key.seal_in_place_append_tag(nonce, aead::Aad::from(header), &mut sealed).unwrap();
            let mask = self.header.new_mask(&sealed[..SAMPLE]).unwrap();
            let mut packet = [header, &sealed].concat();
            packet[0] ^= mask[0] & 0x0f;
            for (octet, mask) in packet[number_at..].iter_mut().zip(&mask[1..]) {
                *octet ^= mask;
            }
            packet
        }
    }
}
