//! Chance, always the same: random numbers by a seed, and noise with a memory.

/// SplitMix64 (Steele, Lea, Flood 2014). Written out here because the crate `rand` does not promise that
/// its generators give the same numbers in its next version, and a simulated year has to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// A stream of its own for each seed and each place in the model.
    pub(crate) fn new(seed: u64, place: &[u64]) -> Self {
        let mixed = place.iter().fold(mix(seed ^ GOLDEN), |state, part| {
            mix(state.wrapping_add(GOLDEN) ^ mix(part.wrapping_add(1)))
        });
        Self(mixed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// From 0 to 1, 1 not included.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Between the two.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Mean 0, standard deviation 1, nearly normal: the sum of four even numbers, never beyond 3.5. Rare
    /// giants would be events, and events are made on purpose.
    pub(crate) fn normal(&mut self) -> f64 {
        let bits = self.next();
        let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xffff).sum();
        (sum as f64 / 65_535.0 - 2.0) * 3_f64.sqrt()
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// How restless traffic is, as fractions of the rate (standard deviations).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Of a link as a whole, with a memory of [`Noise::memory_secs`].
    pub link: f64,
    /// Of a category on a link, on top of the link's and independent of other categories'.
    pub category: f64,
    /// Of a service on a link, on top of its category's.
    pub service: f64,
    /// Without memory, of a category in a bin of 5 minutes; a shorter bin is more restless, a longer one
    /// less, by the square root.
    pub white: f64,
    /// How long until two moments are hardly alike.
    pub memory_secs: f64,
}

impl Default for Noise {
    /// 3 % autocorrelated and 1.5 % white noise.
    fn default() -> Self {
        Self { link: 0.03, category: 0.03, service: 0.05, white: 0.015, memory_secs: 3600.0 }
    }
}

impl Noise {
    /// None at all: the model's mean.
    pub const NONE: Self =
        Self { link: 0.0, category: 0.0, service: 0.0, white: 0.0, memory_secs: 3600.0 };

    /// The white noise of a bin of this length; at most 5 %.
    pub(crate) fn white_of(&self, step: u32) -> f64 {
        (self.white * (300.0 / f64::from(step.max(1))).sqrt()).min(self.white.max(0.05))
    }

    /// How much of the last bin's deviation is left in the next, and how much is new.
    pub(crate) fn memory_of(&self, step: u32) -> Memory {
        let kept = (-f64::from(step) / self.memory_secs).exp();
        Memory { kept, new: (1.0 - kept * kept).sqrt() }
    }
}

/// The two factors of an autoregressive process of order 1 whose deviation is 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    kept: f64,
    new: f64,
}

impl Memory {
    /// The next value of a process.
    pub(crate) fn next(self, last: &mut f64, rng: &mut Rng) -> f64 {
        *last = *last * self.kept + rng.normal() * self.new;
        *last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_splitmix64() {
        // The reference implementation's first outputs for the seed 1234567.
        let mut rng = Rng(1_234_567);
        assert_eq!(rng.next(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn noise_has_the_deviation_and_the_memory_it_says() {
        let mut rng = Rng::new(1, &[2, 3]);
        let memory = Noise::default().memory_of(300);
        let (mut state, count) = (0.0, 200_000);
        let values: Vec<f64> = (0..count).map(|_| memory.next(&mut state, &mut rng)).collect();
        let mean = values.iter().sum::<f64>() / f64::from(count);
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / f64::from(count);
        let pairs = values.iter().zip(values.iter().skip(1));
        let along = pairs.map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>() / f64::from(count);
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
        // exp(-300 s / 3600 s)
        assert!((along / variance - 0.920).abs() < 0.01, "{}", along / variance);
    }

    #[test]
    fn places_have_streams_of_their_own() {
        let first = |place: &[u64]| Rng::new(7, place).next();
        assert_ne!(first(&[1, 2]), first(&[2, 1]));
        assert_ne!(first(&[1]), first(&[1, 0]));
        assert_ne!(Rng::new(7, &[1]).next(), Rng::new(8, &[1]).next());
    }
}
