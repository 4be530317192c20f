//! Values with units: durations, rates, sizes.

use std::str::FromStr;
use std::time::Duration;

/// Splits "60s" into its number and its unit.
fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, unit.trim()))
}

/// A duration with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

impl FromStr for Span {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "write a duration with its unit: 500ms, 60s, 5m, 1h";
        let (number, unit) = split(text).ok_or(FORM)?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(FORM),
        };
        number.checked_mul(millis).map(Duration::from_millis).map(Self).ok_or("too long")
    }
}

/// A rate in bit/s with an SI prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BitRate(pub(super) u64);

impl FromStr for BitRate {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "write bits per second with an SI prefix: 500M, 10G, 1T";
        let (number, unit) = split(text).ok_or(FORM)?;
        let factor = match unit.trim_end_matches("bit/s").trim_end_matches("bps").trim() {
            "" => 1,
            "k" => 1_000,
            "M" => 1_000_000,
            "G" => 1_000_000_000,
            "T" => 1_000_000_000_000,
            _ => return Err(FORM),
        };
        let rate = number.checked_mul(factor).filter(|rate| *rate > 0);
        rate.map(Self).ok_or("must be more than 0 and less than an exabit per second")
    }
}

/// A size in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Octets(pub(super) u64);

impl FromStr for Octets {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "write a size with its unit: 512kB, 64MB, 1GB (or KiB, MiB, GiB)";
        let (number, unit) = split(text).ok_or(FORM)?;
        let factor = match unit {
            "B" => 1,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(FORM),
        };
        number.checked_mul(factor).map(Self).ok_or("too large")
    }
}

/// Bits per second as people write them.
pub(crate) fn bit_rate(bps: u64) -> String {
    let prefixes = [(1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
    for (factor, prefix) in prefixes {
        if bps >= factor {
            let rate = bps as f64 / factor as f64;
            return format!("{rate:.4} {prefix}bit/s").replace(".0000", "");
        }
    }
    format!("{bps} bit/s")
}

/// Octets as people write them, with at most two decimals.
pub(crate) fn size(octets: u64) -> String {
    for (factor, unit) in [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if octets >= factor {
            let size = format!("{:.2}", octets as f64 / factor as f64);
            return format!("{} {unit}", size.trim_end_matches('0').trim_end_matches('.'));
        }
    }
    format!("{octets} octets")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_carry_their_unit() {
        assert_eq!("60s".parse(), Ok(Span(Duration::from_secs(60))));
        assert_eq!("5 m".parse(), Ok(Span(Duration::from_secs(300))));
        assert_eq!("10G".parse(), Ok(BitRate(10_000_000_000)));
        assert_eq!("100 Mbit/s".parse(), Ok(BitRate(100_000_000)));
        assert_eq!("64MiB".parse(), Ok(Octets(67_108_864)));
        for bad in [
            "",
            "60",
            "s",
            "-1s",
            "1.5s",
            "60 s s",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
        for bad in ["", "0", "G", "10GB", "18446744073709551615T"] {
            assert!(bad.parse::<BitRate>().is_err(), "{bad}");
        }
        assert!("64".parse::<Octets>().is_err());
        assert_eq!(bit_rate(10_000_000_000), "10 Gbit/s");
        assert_eq!(bit_rate(2_500_000_000), "2.5000 Gbit/s");
        for (octets, text) in [
            (0, "0 octets"),
            (1023, "1023 octets"),
            (1 << 10, "1 KiB"),
            (100 << 20, "100 MiB"),
            ((1 << 30) + (64 << 20), "1.06 GiB"),
            (3 << 29, "1.5 GiB"),
        ] {
            assert_eq!(size(octets), text);
        }
    }
}
