//! What agents may spend on a model. All amounts are integers, and a request's highest cost is reserved before the
//! request is sent, so no number of requests at the same time spends more than there is.

use std::str::FromStr;

use platform::api::ModelUsage;
use serde::Serialize;

use super::price::{Price, dollars};

/// Prices in millionths of a US dollar for a million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TokenPrices {
    /// Of input
    pub input: u64,
    /// Of output
    pub output: u64,
}

impl From<Price> for TokenPrices {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a price is at most a million US dollars"
    )]
    fn from(price: Price) -> Self {
        let micro = |usd: f64| (usd * 1e6).ceil() as u64;
        Self { input: micro(price.input_usd), output: micro(price.output_usd) }
    }
}

impl TokenPrices {
    /// The cost of tokens in millionths of a US dollar, rounded up.
    pub fn cost(self, input_tokens: u64, output_tokens: u64) -> u64 {
        let cost = u128::from(input_tokens) * u128::from(self.input)
            + u128::from(output_tokens) * u128::from(self.output);
        u64::try_from(cost.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }

    /// The number of output tokens that this much pays for.
    fn affordable(self, micro_usd: u64) -> u64 {
        let tokens = u128::from(micro_usd) * 1_000_000;
        let tokens = tokens.checked_div(u128::from(self.output)).unwrap_or(u128::MAX);
        u64::try_from(tokens).unwrap_or(u64::MAX)
    }
}

/// The limits of a trial or of a round. An absent one does not limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ModelBudget {
    /// Requests
    pub calls: Option<u64>,
    /// Tokens of requests
    pub input_tokens: Option<u64>,
    /// Tokens of responses
    pub output_tokens: Option<u64>,
    /// Cost in millionths of a US dollar
    pub micro_usd: Option<u64>,
    /// Time that the model takes, in seconds
    pub seconds: Option<u64>,
}

impl ModelBudget {
    /// The budget of a trial whose validator states none.
    pub const TRIAL: Self = Self {
        calls: Some(64),
        input_tokens: Some(400_000),
        output_tokens: Some(64_000),
        micro_usd: None,
        seconds: Some(240),
    };
}

/// The text is not a budget.
#[derive(Debug, thiserror::Error)]
#[error(
    "'{}' is not a budget: write some of calls=N,input=TOKENS,output=TOKENS,cost=USD,seconds=N",
    .0.escape_debug()
)]
pub struct ParseModelBudgetError(String);

impl FromStr for ModelBudget {
    type Err = ParseModelBudgetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseModelBudgetError(text.to_owned());
        let mut budget = Self::default();
        for part in text.split(',') {
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            let number = || value.trim().parse().map_err(|_| wrong());
            match name.trim() {
                "calls" => budget.calls = Some(number()?),
                "input" => budget.input_tokens = Some(number()?),
                "output" => budget.output_tokens = Some(number()?),
                "seconds" => budget.seconds = Some(number()?),
                "cost" => {
                    let usd = dollars(value).ok_or_else(wrong)?;
                    #[allow(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "at most a million US dollars"
                    )]
                    let micro_usd = (usd * 1e6).floor() as u64;
                    budget.micro_usd = Some(micro_usd);
                }
                _ => return Err(wrong()),
            }
        }
        Ok(budget)
    }
}

/// The limit that leaves no room for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the budget of {0} is spent, or reserved for requests that are under way")]
pub struct BudgetExhausted(pub &'static str);

/// What is spent of a budget, and what is reserved for requests under way.
#[derive(Clone, Debug)]
pub struct BudgetLedger {
    budget: ModelBudget,
    spent: ModelUsage,
    reserved: ModelUsage,
}

/// What a request may use at most, as reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedUsage(ModelUsage);

impl ReservedUsage {
    /// Longest response, in tokens.
    pub const fn max_output_tokens(self) -> u64 {
        self.0.output_tokens
    }

    /// All that is reserved, as if it were used.
    pub const fn whole(self) -> ModelUsage {
        self.0
    }
}

impl BudgetLedger {
    /// An unspent budget.
    pub fn new(budget: ModelBudget) -> Self {
        Self { budget, spent: ModelUsage::default(), reserved: ModelUsage::default() }
    }

    /// What requests have used.
    pub const fn spent(&self) -> ModelUsage {
        self.spent
    }

    /// The longest response that a request with so many tokens may have, or the limit that leaves no room for it.
    pub fn room(
        &self,
        input_tokens: u64,
        most_output: u64,
        prices: TokenPrices,
    ) -> Result<u64, BudgetExhausted> {
        let used = self.spent.plus(self.reserved);
        let left = |limit: Option<u64>, used: u64| limit.map(|limit| limit.saturating_sub(used));
        if left(self.budget.calls, used.calls) == Some(0) {
            return Err(BudgetExhausted("calls"));
        }
        if self.time_left_ms() == Some(0) {
            return Err(BudgetExhausted("model time"));
        }
        if left(self.budget.input_tokens, used.input_tokens).is_some_and(|left| left < input_tokens)
        {
            return Err(BudgetExhausted("input tokens"));
        }
        let mut output = most_output;
        if let Some(left) = left(self.budget.output_tokens, used.output_tokens) {
            output = output.min(left);
        }
        if output == 0 {
            return Err(BudgetExhausted("output tokens"));
        }
        if let Some(left) = left(self.budget.micro_usd, used.cost_micro_usd) {
            let for_input = prices.cost(input_tokens, 0);
            output = output.min(prices.affordable(left.saturating_sub(for_input)));
            if for_input > left || output == 0 || prices.cost(input_tokens, output) > left {
                return Err(BudgetExhausted("money"));
            }
        }
        Ok(output)
    }

    /// Reserves what a request may use at most. `room` has found that it fits.
    pub fn reserve(
        &mut self,
        input_tokens: u64,
        output_tokens: u64,
        prices: TokenPrices,
    ) -> ReservedUsage {
        let cost_micro_usd = prices.cost(input_tokens, output_tokens);
        let usage =
            ModelUsage { calls: 1, input_tokens, output_tokens, cost_micro_usd, model_ms: 0 };
        self.reserved = self.reserved.plus(usage);
        ReservedUsage(usage)
    }

    /// Ends a reservation and counts what the request used.
    pub fn settle(&mut self, reserved: ReservedUsage, used: ModelUsage) {
        self.reserved = self.reserved.minus(reserved.0);
        self.spent = self.spent.plus(used);
    }

    /// Counts what was used without a reservation: recorded responses, and what an earlier run spent.
    pub fn spend(&mut self, used: ModelUsage) {
        self.spent = self.spent.plus(used);
    }

    /// How much longer the model may take, in milliseconds, if that is limited.
    pub fn time_left_ms(&self) -> Option<u64> {
        let limit = self.budget.seconds?.saturating_mul(1000);
        Some(limit.saturating_sub(self.spent.model_ms))
    }

    /// What is left of each limit.
    pub fn left(&self) -> ModelBudget {
        let used = self.spent.plus(self.reserved);
        let left = |limit: Option<u64>, used: u64| limit.map(|limit| limit.saturating_sub(used));
        ModelBudget {
            calls: left(self.budget.calls, used.calls),
            input_tokens: left(self.budget.input_tokens, used.input_tokens),
            output_tokens: left(self.budget.output_tokens, used.output_tokens),
            micro_usd: left(self.budget.micro_usd, used.cost_micro_usd),
            seconds: self.time_left_ms().map(|ms| ms / 1000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICES: TokenPrices = TokenPrices { input: 1_000_000, output: 10_000_000 };

    fn ledger(budget: &str) -> BudgetLedger {
        BudgetLedger::new(budget.parse().unwrap())
    }

    #[test]
    fn parses_budgets() {
        let budget =
            "calls=3, input=10,output=20,cost=0.01,seconds=5".parse::<ModelBudget>().unwrap();
        let expected = ModelBudget {
            calls: Some(3),
            input_tokens: Some(10),
            output_tokens: Some(20),
            micro_usd: Some(10_000),
            seconds: Some(5),
        };
        assert_eq!(budget, expected);
        for wrong in ["", "calls", "calls=x", "cost=-1", "cost=inf", "days=1", "tokens=1"] {
            assert!(wrong.parse::<ModelBudget>().is_err(), "{wrong} was accepted");
        }
    }

    #[test]
    fn costs_are_rounded_up() {
        let prices = TokenPrices::from("0.4,1.6".parse::<Price>().unwrap());
        assert_eq!(prices, TokenPrices { input: 400_000, output: 1_600_000 });
        assert_eq!(prices.cost(1, 0), 1);
        assert_eq!(prices.cost(1_000_000, 1_000_000), 2_000_000);
        assert_eq!(TokenPrices { input: u64::MAX, output: 0 }.cost(u64::MAX, 0), u64::MAX);
    }

    #[test]
    fn each_limit_leaves_no_room_when_it_is_reached() {
        for (budget, limit) in [
            ("calls=1", "calls"),
            ("input=149", "input tokens"),
            ("output=20", "output tokens"),
            ("cost=0.0003", "money"),
        ] {
            let mut ledger = ledger(budget);
            let room = ledger.room(75, 20, PRICES).unwrap();
            assert_eq!(room, 20, "{budget}");
            let _ = ledger.reserve(75, room, PRICES);
            assert_eq!(ledger.room(75, 20, PRICES), Err(BudgetExhausted(limit)), "{budget}");
        }
        let mut timed = ledger("seconds=1");
        timed.spend(ModelUsage { model_ms: 999, ..ModelUsage::default() });
        assert_eq!((timed.room(1, 1, PRICES), timed.time_left_ms()), (Ok(1), Some(1)));
        timed.spend(ModelUsage { model_ms: 1, ..ModelUsage::default() });
        assert_eq!(timed.room(1, 1, PRICES), Err(BudgetExhausted("model time")));
    }

    #[test]
    fn a_response_is_shortened_to_what_is_left() {
        assert_eq!(ledger("output=50").room(1, 80, PRICES), Ok(50));
        // 100 micro-dollars: 20 for the input, 8 tokens of output for the rest.
        assert_eq!(ledger("cost=0.0001").room(20, 80, PRICES), Ok(8));
        assert_eq!(ledger("cost=0.0001").room(101, 80, PRICES), Err(BudgetExhausted("money")));
        let free = TokenPrices::default();
        assert_eq!(ledger("cost=0").room(101, 80, free), Ok(80));
    }

    #[test]
    fn what_a_request_did_not_use_is_there_again() {
        let mut ledger = ledger("input=100,output=100");
        let reserved = ledger.reserve(60, 100, PRICES);
        assert!(ledger.room(1, 1, PRICES).is_err());
        ledger.settle(
            reserved,
            ModelUsage { calls: 1, input_tokens: 50, output_tokens: 10, ..ModelUsage::default() },
        );
        assert_eq!(ledger.room(50, 100, PRICES), Ok(90));
        assert_eq!(ledger.room(51, 100, PRICES), Err(BudgetExhausted("input tokens")));
        assert_eq!(ledger.left().output_tokens, Some(90));
    }

    #[test]
    fn many_requests_at_the_same_time_overspend_by_nothing() {
        let mut ledger = ledger("cost=0.01");
        let mut reserved = Vec::new();
        while let Ok(output) = ledger.room(100, 50, PRICES) {
            reserved.push(ledger.reserve(100, output, PRICES));
        }
        assert_eq!(reserved.len(), 17, "16 whole responses, and a shorter one of what is left");
        for reserved in reserved {
            ledger.settle(reserved, reserved.whole());
        }
        assert!(ledger.spent().cost_micro_usd <= 10_000, "{:?}", ledger.spent());
    }
}
