//! Prices of tokens.

use std::str::FromStr;

/// Price of a million tokens, for providers that do not state the cost of a reply. A built-in price list would soon be
/// outdated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// US dollars for a million input tokens.
    pub input_usd: f64,
    /// US dollars for a million output tokens.
    pub output_usd: f64,
}

/// The text is not a price.
#[derive(Debug, thiserror::Error)]
#[error(
    "'{}' is not a price: write IN,OUT in US dollars for a million tokens, such as 0.40,1.60",
    .0.escape_debug()
)]
pub struct ParsePriceError(String);

impl FromStr for Price {
    type Err = ParsePriceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once(',');
        let price = parts.and_then(|(input, output)| {
            Some(Self { input_usd: dollars(input)?, output_usd: dollars(output)? })
        });
        price.ok_or_else(|| ParsePriceError(text.to_owned()))
    }
}

/// Parses an amount of US dollars, at most a million.
pub fn dollars(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|usd: &f64| (0.0..=1e6).contains(usd))
}

impl Price {
    /// The cost of tokens, in US dollars.
    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^53 tokens")]
    pub fn cost_usd(self, input_tokens: u64, output_tokens: u64) -> f64 {
        (input_tokens as f64 * self.input_usd + output_tokens as f64 * self.output_usd) / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_prices() {
        let price = "0.4,1.6".parse::<Price>().unwrap();
        assert_eq!(price, Price { input_usd: 0.4, output_usd: 1.6 });
        for wrong in ["", "1", "1,x", "-1,1", "inf,1", "1,2e6"] {
            assert!(wrong.parse::<Price>().is_err(), "{wrong} was accepted");
        }
    }
}
