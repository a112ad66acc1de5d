//! What a run may use up: tokens, money, time. A model that loops, or a task that nobody can solve, must not
//! cost more than the miner said beforehand.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::source::Usage;

/// The most that may be used. What is not said has no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// Tokens, of questions and answers together.
    pub tokens: Option<u64>,
    /// US dollars.
    pub cost_usd: Option<f64>,
    /// Seconds on the clock.
    pub seconds: Option<u64>,
}

/// The text is no budget.
#[derive(Debug, thiserror::Error)]
#[error("'{}' is no budget: write some of tokens=N,cost=USD,seconds=N", .0.escape_debug())]
pub struct ParseBudgetError(String);

impl FromStr for Budget {
    type Err = ParseBudgetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseBudgetError(text.to_owned());
        let mut budget = Self::default();
        for part in text.split(',') {
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            let whole = || value.trim().parse().map_err(|_| wrong());
            match name.trim() {
                "tokens" => budget.tokens = Some(whole()?),
                "seconds" => budget.seconds = Some(whole()?),
                "cost" => budget.cost_usd = Some(dollars(value).ok_or_else(wrong)?),
                _ => return Err(wrong()),
            }
        }
        Ok(budget)
    }
}

/// What a million tokens cost, for providers that do not say what an answer cost. There is no list of prices
/// here: it would be wrong in a month.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// US dollars for a million tokens of questions.
    pub input_usd: f64,
    /// US dollars for a million tokens of answers.
    pub output_usd: f64,
}

/// The text is no price.
#[derive(Debug, thiserror::Error)]
#[error(
    "'{}' is no price: write IN,OUT in US dollars for a million tokens, such as 0.40,1.60",
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

fn dollars(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|usd: &f64| usd.is_finite() && *usd >= 0.0)
}

impl Price {
    /// The same usage with what it cost, unless the provider said that itself.
    #[must_use]
    pub fn applied_to(self, usage: Usage) -> Usage {
        #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^53 tokens")]
        let cost = |tokens: u64, usd: f64| tokens as f64 * usd / 1e6;
        let cost =
            cost(usage.input_tokens, self.input_usd) + cost(usage.output_tokens, self.output_usd);
        Usage { cost_usd: usage.cost_usd.or(Some(cost)), ..usage }
    }
}

/// What has been used of a budget.
#[derive(Clone, Debug)]
pub struct Meter {
    budget: Budget,
    spent: Usage,
    since: Instant,
}

impl Meter {
    /// A budget of which nothing is used.
    pub fn start(budget: Budget) -> Self {
        Self { budget, spent: Usage::default(), since: Instant::now() }
    }

    /// Counts what was used.
    pub fn spend(&mut self, usage: Usage) {
        self.spent += usage;
    }

    /// What was used so far.
    pub const fn spent(&self) -> Usage {
        self.spent
    }

    /// What is used up, in words; nothing if there is something left of everything.
    pub fn used_up(&self) -> Option<String> {
        let Budget { tokens, cost_usd, .. } = self.budget;
        if tokens.is_some_and(|tokens| self.spent.tokens() >= tokens) {
            return Some(format!("{} tokens are used", self.spent.tokens()));
        }
        let cost = self.spent.cost_usd.unwrap_or(0.0);
        if cost_usd.is_some_and(|usd| cost >= usd) {
            return Some(format!("${cost:.4} are spent"));
        }
        if self.time_left() == Some(Duration::ZERO) {
            return Some(format!("{} s are over", self.since.elapsed().as_secs()));
        }
        None
    }

    /// Tokens that are left, if they are limited.
    pub fn tokens_left(&self) -> Option<u64> {
        self.budget.tokens.map(|tokens| tokens.saturating_sub(self.spent.tokens()))
    }

    /// Time that is left, if it is limited.
    pub fn time_left(&self) -> Option<Duration> {
        let limit = Duration::from_secs(self.budget.seconds?);
        Some(limit.saturating_sub(self.since.elapsed()))
    }

    /// Whether money is limited but nobody says what was paid.
    pub const fn is_blind(&self) -> bool {
        self.budget.cost_usd.is_some() && self.spent.cost_usd.is_none() && self.spent.tokens() > 0
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = if self.guessed { "about " } else { "" };
        write!(f, "{about}{} tokens", self.tokens())?;
        match self.cost_usd {
            Some(cost) => write!(f, ", ${cost:.4}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(input_tokens: u64, output_tokens: u64) -> Usage {
        Usage { input_tokens, output_tokens, ..Usage::default() }
    }

    #[test]
    fn budgets_and_prices_are_written_plainly() {
        let budget = "tokens=10, cost=0.5,seconds=3".parse::<Budget>().unwrap();
        assert_eq!(budget, Budget { tokens: Some(10), cost_usd: Some(0.5), seconds: Some(3) });
        for wrong in ["", "10", "tokens=", "tokens=-1", "cost=nan", "cost=inf", "cost=-1", "days=1"]
        {
            assert!(wrong.parse::<Budget>().is_err(), "{wrong} was accepted");
        }
        let price = "0.4,1.6".parse::<Price>().unwrap();
        assert_eq!(price, Price { input_usd: 0.4, output_usd: 1.6 });
        for wrong in ["", "1", "1,x", "-1,1"] {
            assert!(wrong.parse::<Price>().is_err(), "{wrong} was accepted");
        }
    }

    #[test]
    fn each_limit_is_kept_by_itself() {
        let used_up = |budget: &str, spent: Usage| {
            let mut meter = Meter::start(budget.parse().unwrap());
            assert_eq!(meter.used_up().is_some(), budget == "seconds=0", "{budget}");
            meter.spend(spent);
            meter.used_up()
        };
        assert_eq!(used_up("tokens=10", usage(4, 5)), None);
        assert!(used_up("tokens=10", usage(4, 6)).unwrap().contains("10 tokens"));
        let paid = |cost| Usage { cost_usd: Some(cost), ..usage(1, 1) };
        assert_eq!(used_up("cost=0.5", paid(0.4)), None);
        assert!(used_up("cost=0.5", paid(0.5)).unwrap().contains("$0.5"));
        assert!(used_up("seconds=0", usage(0, 0)).unwrap().contains("s are over"));
        assert_eq!(used_up("seconds=1000", usage(1, 1)), None);
    }

    #[test]
    fn a_price_counts_unless_the_provider_says_what_was_paid() {
        let price = Price { input_usd: 2.0, output_usd: 10.0 };
        let cost = price.applied_to(usage(1_000_000, 500_000)).cost_usd.unwrap();
        assert!((cost - 7.0).abs() < 1e-9, "{cost}");
        let said = Usage { cost_usd: Some(1.0), ..usage(1_000_000, 0) };
        assert_eq!(price.applied_to(said), said);
    }

    #[test]
    fn a_limit_of_money_that_cannot_be_kept_is_noticed() {
        let mut meter = Meter::start("cost=1".parse().unwrap());
        assert!(!meter.is_blind());
        meter.spend(usage(1, 1));
        assert!(meter.is_blind());
    }
}
