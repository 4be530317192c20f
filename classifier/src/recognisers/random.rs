//! Whether octets look like chance: what encryption gives, and text, framing and padding do not.

/// Fewer octets than these say nothing.
const MIN_LENGTH: usize = 8;
/// Octets that are looked at; more would not make it surer.
const MAX_LENGTH: usize = 1024;
/// The bound on either half-octet's chi-square, of 15 degrees of freedom: chance exceeds it less
/// than once in a million.
const MAX_CHI_SQUARE: usize = 60;

/// Whether nothing speaks against these octets having been drawn by chance: as many bits set as not,
/// as many octets beyond ASCII as within, and no value of either half-octet preferred. Fewer than eight octets always look so.
pub(crate) fn looks_random(octets: &[u8]) -> bool {
    let octets = octets.get(..MAX_LENGTH).unwrap_or(octets);
    let length = octets.len();
    if length < MIN_LENGTH {
        return true;
    }
    let (mut high, mut low) = ([0usize; 16], [0usize; 16]);
    let (mut ones, mut above_ascii) = (0usize, 0usize);
    for octet in octets {
        for (bins, half) in [(&mut high, octet >> 4), (&mut low, octet & 15)] {
            if let Some(bin) = bins.get_mut(usize::from(half)) {
                *bin += 1;
            }
        }
        ones += octet.count_ones() as usize;
        above_ascii += usize::from(octet >> 7);
    }
    // The standard deviation of the set bits of n octets is the root of 2 n: five of them.
    let off = ones.abs_diff(4 * length);
    let even = |bins: &[usize; 16]| {
        let squares: usize = bins.iter().map(|count| count * count).sum();
        16 * squares <= (MAX_CHI_SQUARE + length) * length
    };
    // Half of the octets are beyond ASCII: four and a half of that count's standard deviations.
    let text = (2 * above_ascii).abs_diff(length);
    off * off <= 25 * 2 * length && text * text <= 20 * length && even(&high) && even(&low)
}

#[cfg(test)]
mod tests {
    use super::super::testing::noise;
    use super::*;

    #[test]
    fn noise_of_any_length_looks_random() {
        for seed in 1..2000 {
            let octets = noise(seed, (seed % 1400) as usize);
            assert!(looks_random(&octets), "{seed}");
        }
    }

    #[test]
    fn text_numbers_and_padding_do_not() {
        let text = b"Accept: text/html, */*; User-Agent: Mozilla/5.0 (X11; Linux x86_64)";
        assert!(!looks_random(text));
        assert!(!looks_random(b"GET / HTTP/1.1\r\nHost: example.com\r\n"));
        assert!(!looks_random(&[0; 16]));
        assert!(!looks_random(b"0123456789abcdef0123456789abcdef"));
        let padded = [noise(7, 96), vec![0; 64]].concat();
        assert!(!looks_random(&padded));
        let counters: Vec<u8> = (0..64u32).flat_map(u32::to_be_bytes).collect();
        assert!(!looks_random(&counters));
    }
}
