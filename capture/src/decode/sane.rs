//! Whether octets make sense as a header, where nothing before them says what they are.

/// Whether these octets can be an IP packet's: fields that agree with each other, and in IPv4 a right checksum.
/// A packet may be cut, and may have octets after it.
pub(super) fn is_sane_ip(octets: &[u8]) -> bool {
    match octets.first().map(|first| first >> 4) {
        Some(4) => is_sane_ipv4(octets),
        Some(6) => is_sane_ipv6(octets),
        _ => false,
    }
}

fn is_sane_ipv4(octets: &[u8]) -> bool {
    let Some([first, _, high, low, ..]) = octets.first_chunk::<20>() else { return false };
    let header = usize::from(first & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([*high, *low]));
    let Some(header) = octets.get(..header).filter(|header| header.len() >= 20) else {
        return false;
    };
    // RFC 1071: with a right checksum the words add up to all ones.
    let (words, _) = header.as_chunks::<2>();
    let sum: u32 = words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    total >= header.len() && (folded & 0xffff) + (folded >> 16) == 0xffff
}

fn is_sane_ipv6(octets: &[u8]) -> bool {
    let Some(&[_, _, _, _, high, low, next, ..]) = octets.first_chunk::<40>() else { return false };
    let length = u16::from_be_bytes([high, low]);
    // Extension headers, ICMP, TCP, UDP, tunnels, IPsec, OSPF, PIM, SCTP, UDP-Lite.
    let known = matches!(
        next,
        0 | 4 | 6 | 17 | 41 | 43 | 44 | 47 | 50 | 51 | 58 | 59 | 60 | 89 | 103 | 132 | 136
    );
    // Ethernet pads to 60 octets, and some devices leave a frame check sequence.
    let there = octets.len() - 40;
    known && (length > 0 || next == 59) && there <= usize::from(length).max(46) + 4
}

/// Whether these octets can be an Ethernet frame's: an EtherType that is known, and an IP packet that agrees.
pub(super) fn is_sane_ethernet(octets: &[u8]) -> bool {
    let Some((header, rest)) = octets.split_first_chunk::<14>() else { return false };
    let [.., high, low] = *header;
    let version = rest.first().map(|first| first >> 4);
    match u16::from_be_bytes([high, low]) {
        0x0800 => version == Some(4),
        0x86dd => version == Some(6),
        0x0806 => rest.starts_with(&[0, 1, 8, 0]),
        0x8100 | 0x88a8 | 0x8847 | 0x8863 | 0x8864 | 0x8809 | 0x88cc | 0x8902 => true,
        _ => false,
    }
}
