//! What a month costs.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use utoipa::ToSchema;

/// Money in millionths of a unit, with its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    micros: u64,
    /// Three capital letters, as ISO 4217 has them.
    currency: [u8; 3],
}

/// A text that is no amount of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write an amount and its currency: 0.35 EUR")]
pub struct MoneyError;

impl Money {
    /// The currency's three letters.
    pub fn currency(&self) -> String {
        self.currency.iter().map(|byte| char::from(*byte)).collect()
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (amount, currency) = text.trim().split_once(' ').ok_or(MoneyError)?;
        let currency: [u8; 3] = currency.trim().as_bytes().try_into().map_err(|_| MoneyError)?;
        let (whole, part) = amount.split_once('.').unwrap_or((amount, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = !whole.is_empty() && whole.len() <= 9 && part.len() <= 6;
        let capitals = currency.iter().all(u8::is_ascii_uppercase);
        if !fits || !digits(whole) || !digits(part) || !capitals {
            return Err(MoneyError);
        }
        let number = |text: &str| text.parse::<u64>().map_err(|_| MoneyError);
        let micros = number(whole)? * 1_000_000 + number(&format!("{part:0<6}"))?;
        Ok(Self { micros, currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06}", self.micros / 1_000_000, self.micros % 1_000_000);
        let kept = text.trim_end_matches('0').trim_end_matches('.');
        write!(formatter, "{kept} {}", self.currency())
    }
}

/// Which rate of the month is billed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BilledBy {
    /// The higher of the two directions' percentiles.
    #[default]
    Max,
    /// The percentile of both directions' sums, bin by bin.
    Sum,
    /// The percentile of what comes in.
    In,
    /// The percentile of what goes out.
    Out,
}

impl BilledBy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Max, Self::Sum, Self::In, Self::Out];

    /// The word of the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Sum => "sum",
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

impl FromStr for BilledBy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|by| by.name() == text);
        found.ok_or("use max (the higher direction), sum (both added), in or out")
    }
}

/// What the contract says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tariff {
    /// Of one Mbit/s in a month.
    pub price: Money,
    /// Paid whether it is used or not, in bit/s.
    pub commit_bps: u64,
    /// Of one Mbit/s above the commit; the price, where there is none of its own. The currency is the
    /// price's.
    pub burst_price: Option<Money>,
    /// Which rate is billed.
    pub billed_by: BilledBy,
}

/// What a month costs, or would if it ended now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Bill {
    /// Which rate is billed: `max` (the higher of the directions' 95th percentiles), `sum` (the 95th
    /// percentile of both directions' sums), `in` or `out`.
    pub billed_by: BilledBy,
    /// The rate that is billed, in bit/s.
    pub billed_bps: f64,
    /// What is paid for in any case, in bit/s.
    pub commit_bps: u64,
    /// The part above it, in bit/s.
    pub burst_bps: f64,
    /// For the commit.
    pub commit_amount: f64,
    /// For the part above it.
    pub burst_amount: f64,
    /// Both, to the hundredth.
    pub amount: f64,
    /// Three letters.
    #[schema(example = "EUR")]
    pub currency: String,
}

impl Tariff {
    /// The bill for a bin's octets as the billed rate. Exact: rounded once, to hundredths, half up.
    pub(crate) fn bill(&self, billed_octets: u64) -> Bill {
        // Bits in a bin of 300 s, so that no rate is rounded before it is multiplied.
        let bits = u128::from(billed_octets) * 8;
        let commit = u128::from(self.commit_bps) * u128::from(crate::BIN_SECS);
        let burst = bits.saturating_sub(commit);
        let burst_price = self.burst_price.unwrap_or(self.price);
        let commit_cents = cents(commit, self.price);
        let burst_cents = cents(burst, burst_price);
        let amount = |cents: u128| cents as f64 / 100.0;
        Bill {
            billed_by: self.billed_by,
            billed_bps: crate::bins::bps(billed_octets),
            commit_bps: self.commit_bps,
            burst_bps: burst as f64 / f64::from(crate::BIN_SECS),
            commit_amount: amount(commit_cents),
            burst_amount: amount(burst_cents),
            amount: amount(commit_cents + burst_cents),
            currency: self.price.currency(),
        }
    }
}

/// Hundredths: bits in a bin ÷ 300 s ÷ 10⁶ × price.
fn cents(bits: u128, price: Money) -> u128 {
    let micros_squared =
        bits.saturating_mul(u128::from(price.micros)) / u128::from(crate::BIN_SECS);
    (micros_squared + 5_000_000_000) / 10_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tariff(commit_bps: u64, burst_price: Option<&str>) -> Tariff {
        Tariff {
            price: "0.35 EUR".parse().unwrap(),
            commit_bps,
            burst_price: burst_price.map(|price| price.parse().unwrap()),
            billed_by: BilledBy::Max,
        }
    }

    /// 37.5 GB in five minutes.
    const GIGABIT: u64 = 37_500_000_000;

    #[test]
    fn bills_by_hand() {
        // 12 Gbit/s at 0.35 the megabit.
        let plain = tariff(0, None).bill(12 * GIGABIT);
        assert_eq!((plain.amount, plain.burst_amount, plain.billed_bps), (4200.0, 4200.0, 12e9));
        // 10 of them committed: 3,500.00, and 2,000 Mbit/s at 0.50: 1,000.00.
        let burst = tariff(10_000_000_000, Some("0.50 EUR")).bill(12 * GIGABIT);
        assert_eq!((burst.commit_amount, burst.burst_amount), (3500.0, 1000.0));
        assert_eq!((burst.amount, burst.burst_bps), (4500.0, 2e9));
        // Less than committed.
        let idle = tariff(10_000_000_000, None).bill(GIGABIT);
        assert_eq!((idle.amount, idle.burst_amount), (3500.0, 0.0));
        // 1.234567 Gbit/s: 432.09845 is 432.10.
        assert_eq!(tariff(0, None).bill(46_296_262_500).amount, 432.10);
        assert_eq!(plain.currency, "EUR");
    }

    #[test]
    fn money_is_read_to_the_millionth() {
        let money: Money = "0.35 EUR".parse().unwrap();
        assert_eq!((money.micros, money.to_string()), (350_000, "0.35 EUR".to_owned()));
        assert_eq!("12 USD".parse::<Money>().unwrap().to_string(), "12 USD");
        for bad in [
            "",
            "0.35",
            "EUR",
            "0.35EUR",
            "-1 EUR",
            "1,5 EUR",
            "1 eur",
            "1 EURO",
            "0.1234567 EUR",
            ".5 EUR",
            "1e3 EUR",
            "9999999999 EUR",
        ] {
            assert!(bad.parse::<Money>().is_err(), "{bad}");
        }
    }
}
