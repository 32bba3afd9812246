//! Money: whole millionths of a US dollar, read with its unit and never rounded, wrapped or guessed.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Millionths in one dollar.
const MICROS: u64 = 1_000_000;
/// Millionths in one cent, the smallest amount that a delegation carries.
const MICROS_PER_CENT: u64 = 10_000;

/// An amount of US dollars, the currency that models are priced in. Never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(u64);

/// Why a text is no amount of money, or an amount cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MoneyError {
    /// A bare number.
    #[error("spend `{0}` without unit: write `{0}usd`")]
    NoUnit(String),
    /// A unit that nothing is priced in.
    #[error("spend `{0}` in an unknown unit: only US dollars can be metered, write for example `150usd`")]
    UnknownUnit(String),
    /// Not a decimal number with at most six digits after the point.
    #[error("spend `{0}` is no amount: write digits, at most six after a point, and `usd`, as in `0.25usd`")]
    Malformed(String),
    /// More than can be counted.
    #[error("spend `{0}` is more than can be counted: write at most `18000000000000usd`")]
    TooMuch(String),
    /// A delegation carries whole cents.
    #[error("spend `{0}` is no whole number of cents, and a delegation carries whole cents: round it")]
    BelowCent(Money),
}

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// This many millionths of a dollar.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The amount in millionths of a dollar.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// This many cents; `None` if that is more than can be counted.
    pub fn from_cents(cents: u64) -> Option<Self> {
        cents.checked_mul(MICROS_PER_CENT).map(Self)
    }

    /// The amount in whole cents.
    ///
    /// # Errors
    /// [`MoneyError::BelowCent`] if it is no whole number of them.
    pub fn cents(self) -> Result<u64, MoneyError> {
        if self.0.checked_rem(MICROS_PER_CENT) == Some(0) {
            Ok(self.0.checked_div(MICROS_PER_CENT).unwrap_or_default())
        } else {
            Err(MoneyError::BelowCent(self))
        }
    }

    /// The sum; `None` if it is more than can be counted.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference; `None` if it would be negative.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        match text.strip_prefix(digits) {
            Some("usd") => {}
            Some("") => return Err(MoneyError::NoUnit(text.to_owned())),
            _ => return Err(MoneyError::UnknownUnit(text.to_owned())),
        }
        let malformed = || MoneyError::Malformed(text.to_owned());
        let too_much = || MoneyError::TooMuch(text.to_owned());
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(malformed()),
            Some(parts) => parts,
            None => (digits, ""),
        };
        let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !only_digits(whole) || !only_digits(fraction) || fraction.len() > 6 {
            return Err(malformed());
        }
        let whole: u64 = whole.parse().map_err(|_| too_much())?;
        let fraction: u64 = format!("{fraction:0<6}").parse().map_err(|_| malformed())?;
        let micros = whole.checked_mul(MICROS).and_then(|micros| micros.checked_add(fraction));
        micros.map(Self).ok_or_else(too_much)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.checked_div(MICROS).unwrap_or_default();
        match self.0.checked_rem(MICROS).unwrap_or_default() {
            0 => write!(out, "{whole}usd"),
            fraction => write!(out, "{whole}.{}usd", format!("{fraction:06}").trim_end_matches('0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Money, MoneyError};
    use proptest::prelude::{any, prop_assert_eq, proptest};

    #[test]
    fn an_amount_is_read_exactly() {
        for (text, micros) in [
            ("150usd", 150_000_000),
            ("0.25usd", 250_000),
            ("0.000001usd", 1),
            ("0usd", 0),
            ("1.5usd", 1_500_000),
        ] {
            assert_eq!(text.parse(), Ok(Money::from_micros(micros)), "{text}");
        }
    }

    #[test]
    fn an_amount_without_unit_says_so_and_how_to_write_it() {
        let error = "150".parse::<Money>().unwrap_err();
        assert_eq!(error.to_string(), "spend `150` without unit: write `150usd`");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in
            ["usd", "-1usd", "+1usd", "1.usd", ".5usd", "1e3usd", "1 usd", "0.0000001usd", "1,5usd", "٣usd"]
        {
            assert_eq!(text.parse::<Money>(), Err(MoneyError::Malformed(text.to_owned())), "{text}");
        }
        for text in ["1eur", "1USD", "1usdusd"] {
            assert_eq!(text.parse::<Money>(), Err(MoneyError::UnknownUnit(text.to_owned())), "{text}");
        }
        for text in ["18446744073710usd", "99999999999999999999usd"] {
            assert_eq!(text.parse::<Money>(), Err(MoneyError::TooMuch(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn cents_are_exact_or_refused() {
        assert_eq!(Money::from_micros(150_000_000).cents(), Ok(15_000));
        assert_eq!(Money::from_micros(1).cents(), Err(MoneyError::BelowCent(Money::from_micros(1))));
        assert_eq!(Money::from_cents(u64::MAX), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(micros in any::<u64>()) {
            let money = Money::from_micros(micros);
            prop_assert_eq!(money.to_string().parse(), Ok(money));
        }
    }
}
