//! Amounts of simulated 'TAO', in integers of 1e-9 TAO.

use std::fmt;
use std::str::FromStr;

/// Rao in one TAO.
const RAO_PER_TAO: u64 = 1_000_000_000;

/// An amount of simulated 'TAO', in rao: units of 1e-9 TAO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rao(pub u64);

/// Formats the amount in TAO without trailing zeros: `50`, `33.333333333`.
impl fmt::Display for Rao {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / RAO_PER_TAO, self.0 % RAO_PER_TAO);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{fraction:09}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// The text is not an amount of TAO.
#[derive(Debug, thiserror::Error)]
#[error("'{}' is not an amount of TAO; expected a decimal with at most 9 places", .0.escape_debug())]
pub struct ParseRaoError(String);

impl FromStr for Rao {
    type Err = ParseRaoError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
            let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
            if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
                return None;
            }
            let whole: u64 = whole.parse().ok()?;
            let fraction: u64 = format!("{fraction:0<9}").parse().ok()?;
            whole.checked_mul(RAO_PER_TAO)?.checked_add(fraction)
        };
        parse().map(Self).ok_or_else(|| ParseRaoError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_amounts_exactly_or_rejects_them() {
        for (text, rao) in
            [("100", 100_000_000_000), ("0.5", 500_000_000), ("1.000000001", 1_000_000_001)]
        {
            assert_eq!(text.parse::<Rao>().unwrap(), Rao(rao));
        }
        for wrong in ["", "-1", "1e3", ".5", "1.", "1.0000000001", "99999999999", "1,5", "+1"] {
            assert!(wrong.parse::<Rao>().is_err(), "{wrong:?} was accepted");
        }
    }
}
