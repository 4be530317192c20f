//! EtherTypes: tags, labels and shims between an Ethernet header and an IP packet.

use super::sane::{is_sane_ethernet, is_sane_ip};
use super::{Content, Decoder, Undecodable};
use crate::cursor::Cursor;

/// VLAN tags and MPLS labels that are skipped, so that no frame of nothing but tags costs much.
const MAX_TAGS: usize = 16;

impl Decoder {
    /// What follows an EtherType (or, below 0x600, an IEEE 802.3 length).
    pub(super) fn ethertype<'a>(
        &mut self,
        mut ethertype: u16,
        rest: &'a [u8],
    ) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(rest);
        for _ in 0..MAX_TAGS {
            match ethertype {
                0x0800 | 0x86dd => return self.ip(cursor.rest()),
                // IEEE 802.1Q, 802.1ad, and the numbers that came before 802.1ad.
                0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                    let tag = cursor.u16()? & 0x0fff;
                    if self.depth == 0 && self.outer.vlan.is_none() {
                        self.outer.vlan = Some(tag);
                    }
                    ethertype = cursor.u16()?;
                }
                0x8847 | 0x8848 => return self.mpls(cursor.rest()),
                0x8864 => {
                    // RFC 2516, section 4: version and type, code 0 (session), session, length.
                    cursor.take(6)?;
                    return self.ppp(cursor.rest());
                }
                // Cisco metadata: version, length in words, options.
                0x8909 => {
                    cursor.u8()?;
                    let words = usize::from(cursor.u8()?);
                    cursor.take(words * 4)?;
                    ethertype = cursor.u16()?;
                }
                // VN-tag, and IEEE 802.1BR's E-tag.
                0x8926 => {
                    cursor.take(4)?;
                    ethertype = cursor.u16()?;
                }
                0x893f => {
                    cursor.take(6)?;
                    ethertype = cursor.u16()?;
                }
                // IEEE 802.1ah: service identifier, then the customer's frame.
                0x88e7 => {
                    cursor.take(4)?;
                    return self.customer(cursor.rest());
                }
                // FabricPath: forwarding tag and time to live, then the customer's frame.
                0x8903 => {
                    cursor.take(2)?;
                    return self.customer(cursor.rest());
                }
                // TRILL (RFC 6325, section 3): options are counted in words.
                0x22f3 => {
                    let options = usize::from(cursor.u16()? >> 6 & 0x1f);
                    cursor.take(4 + options * 4)?;
                    return self.customer(cursor.rest());
                }
                0x88e5 => {
                    // IEEE 802.1AE, clause 9: what is encrypted or changed cannot be read.
                    let control = cursor.u8()?;
                    if control & 0x8c != 0 {
                        return Some(Content::NonIp);
                    }
                    cursor.take(if control & 0x20 == 0 { 5 } else { 13 })?;
                    ethertype = cursor.u16()?;
                }
                0x894f => return self.nsh(cursor.rest()),
                0..0x0600 => {
                    // LLC with SNAP and no organisation: an EtherType follows (RFC 1042).
                    if !cursor.rest().starts_with(&[0xaa, 0xaa, 0x03, 0, 0, 0]) {
                        return Some(Content::NonIp);
                    }
                    cursor.take(6)?;
                    ethertype = cursor.u16()?;
                }
                // ARP, reverse ARP, slow protocols, link discovery: a tunnel may hold them.
                0x0806 | 0x8035 | 0x8809 | 0x88cc => {
                    self.is_link_control = true;
                    return Some(Content::NonIp);
                }
                _ => return Some(Content::NonIp),
            }
        }
        Some(Content::Undecodable(Undecodable::Malformed))
    }

    /// A customer's frame within a provider's.
    fn customer<'a>(&mut self, frame: &'a [u8]) -> Option<Content<'a>> {
        self.deeper()?;
        self.ethernet(frame)
    }

    /// A label stack (RFC 3032). Nothing says what follows it: an IP packet, an Ethernet frame after a
    /// pseudowire's control word, or one without (RFC 4448), whose first octet may look like either of them
    /// (RFC 8469). So what follows has to make sense; the first nibble decides where nothing does.
    pub(super) fn mpls<'a>(&mut self, rest: &'a [u8]) -> Option<Content<'a>> {
        let mut cursor = Cursor::new(rest);
        for _ in 0..MAX_TAGS {
            if cursor.u32()? & 0x100 == 0 {
                continue;
            }
            let inner = cursor.rest();
            let nibble = inner.first()? >> 4;
            let after_word = inner.get(4..).unwrap_or_default();
            return if matches!(nibble, 4 | 6) && is_sane_ip(inner) {
                self.ip(inner)
            } else if nibble == 0 && is_sane_ethernet(after_word) {
                self.customer(after_word)
            } else if is_sane_ethernet(inner) {
                self.customer(inner)
            } else {
                match nibble {
                    4 | 6 => self.ip(inner),
                    0 => self.customer(after_word),
                    _ => Some(Content::NonIp),
                }
            };
        }
        Some(Content::Undecodable(Undecodable::Malformed))
    }

    /// A network service header (RFC 8300, section 2).
    pub(super) fn nsh<'a>(&mut self, rest: &'a [u8]) -> Option<Content<'a>> {
        self.deeper()?;
        let mut cursor = Cursor::new(rest);
        // The length counts the whole header in words.
        let words = usize::from(cursor.u16()? & 0x3f);
        cursor.u8()?;
        let next = cursor.u8()?;
        cursor.take((words * 4).checked_sub(4)?)?;
        self.next_protocol(next, cursor.rest())
    }

    /// As the network service header and VXLAN-GPE number what follows them (RFC 8300, section 11.2.5).
    pub(super) fn next_protocol<'a>(&mut self, number: u8, rest: &'a [u8]) -> Option<Content<'a>> {
        match number {
            1 | 2 => self.ip(rest),
            3 => self.ethernet(rest),
            4 => self.nsh(rest),
            5 => self.mpls(rest),
            _ => Some(Content::NonIp),
        }
    }
}
