//! Budgets of tokens, money and time. A model that loops, or a task that it cannot solve, must not cost more than
//! the miner allows.

use std::str::FromStr;
use std::time::{Duration, Instant};

use harness::gateway::price::{Price, dollars};

use crate::model::source::TokenUsage;

/// Limits of a run or a task. An absent limit means unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// Tokens of questions and replies together.
    pub tokens: Option<u64>,
    /// US dollars.
    pub cost_usd: Option<f64>,
    /// Seconds of wall-clock time.
    pub seconds: Option<u64>,
}

/// The text is not a budget.
#[derive(Debug, thiserror::Error)]
#[error("'{}' is not a budget: write some of tokens=N,cost=USD,seconds=N", .0.escape_debug())]
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

/// The usage with its cost, unless the provider stated a cost itself.
pub(crate) fn priced(usage: TokenUsage, price: Price) -> TokenUsage {
    let cost = price.cost_usd(usage.input_tokens, usage.output_tokens);
    TokenUsage { cost_usd: usage.cost_usd.or(Some(cost)), ..usage }
}

/// Measures what is spent of a budget, and reserves parts of it for requests that run at the same time.
#[derive(Clone, Debug)]
pub struct BudgetMeter {
    budget: Budget,
    spent: TokenUsage,
    since: Instant,
    /// What the requests that are under way may still spend.
    reserved: Vec<Reservation>,
    /// The highest cost of one request so far, in US dollars.
    highest_cost_usd: Option<f64>,
}

/// A part of a budget that is reserved for one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reservation {
    /// Longest reply that the budget allows, in tokens.
    pub max_output_tokens: u64,
    tokens: u64,
    cost_usd: f64,
}

impl BudgetMeter {
    /// Starts with an unspent budget.
    pub fn start(budget: Budget) -> Self {
        Self {
            budget,
            spent: TokenUsage::default(),
            since: Instant::now(),
            reserved: Vec::new(),
            highest_cost_usd: None,
        }
    }

    /// Reserves what a request may spend at most. Returns none if that does not fit alongside the requests that are
    /// under way. A request that runs alone may use all that is left.
    pub fn reserve(&mut self, most: TokenUsage) -> Option<Reservation> {
        let cost_usd = most.cost_usd.or(self.highest_cost_usd).unwrap_or(f64::INFINITY);
        let reserved_tokens = self.reserved.iter().map(|request| request.tokens).sum();
        let reserved_usd: f64 = self.reserved.iter().map(|request| request.cost_usd).sum();
        let tokens_left = self.tokens_left().map(|left| left.saturating_sub(reserved_tokens));
        let spent_usd = self.spent.cost_usd.unwrap_or(0.0);
        let fits = tokens_left.is_none_or(|left| most.tokens() <= left)
            && self.budget.cost_usd.is_none_or(|usd| spent_usd + reserved_usd + cost_usd <= usd);
        if !fits && !self.reserved.is_empty() {
            return None;
        }
        let output_left = tokens_left.map(|left| left.saturating_sub(most.input_tokens));
        let max_output_tokens = output_left.unwrap_or(u64::MAX).min(most.output_tokens);
        let reservation = Reservation { max_output_tokens, tokens: most.tokens(), cost_usd };
        self.reserved.push(reservation);
        Some(reservation)
    }

    /// Ends a reservation and adds what the request has spent.
    pub fn settle(&mut self, reservation: Reservation, usage: TokenUsage) {
        let same = self.reserved.iter().position(|reserved| *reserved == reservation);
        if let Some(index) = same {
            self.reserved.swap_remove(index);
        }
        self.spend(usage);
    }

    /// Adds usage.
    pub fn spend(&mut self, usage: TokenUsage) {
        if let Some(cost) = usage.cost_usd {
            self.highest_cost_usd = Some(self.highest_cost_usd.map_or(cost, |most| most.max(cost)));
        }
        self.spent += usage;
    }

    /// The usage so far.
    pub const fn spent(&self) -> TokenUsage {
        self.spent
    }

    /// A description of the exhausted limit, or none if no limit is exhausted.
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

    /// Remaining tokens, if they are limited.
    pub fn tokens_left(&self) -> Option<u64> {
        self.budget.tokens.map(|tokens| tokens.saturating_sub(self.spent.tokens()))
    }

    /// Remaining time, if it is limited.
    pub fn time_left(&self) -> Option<Duration> {
        let limit = Duration::from_secs(self.budget.seconds?);
        Some(limit.saturating_sub(self.since.elapsed()))
    }

    /// Returns whether money is limited but the cost is unknown.
    pub const fn is_blind(&self) -> bool {
        self.budget.cost_usd.is_some() && self.spent.cost_usd.is_none() && self.spent.tokens() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(input_tokens: u64, output_tokens: u64) -> TokenUsage {
        TokenUsage { input_tokens, output_tokens, ..TokenUsage::default() }
    }

    #[test]
    fn parses_budgets() {
        let budget = "tokens=10, cost=0.5,seconds=3".parse::<Budget>().unwrap();
        assert_eq!(budget, Budget { tokens: Some(10), cost_usd: Some(0.5), seconds: Some(3) });
        for wrong in ["", "10", "tokens=", "tokens=-1", "cost=nan", "cost=inf", "cost=-1", "days=1"]
        {
            assert!(wrong.parse::<Budget>().is_err(), "{wrong} was accepted");
        }
    }

    #[test]
    fn each_limit_is_enforced() {
        let used_up = |budget: &str, spent: TokenUsage| {
            let mut meter = BudgetMeter::start(budget.parse().unwrap());
            assert_eq!(meter.used_up().is_some(), budget == "seconds=0", "{budget}");
            meter.spend(spent);
            meter.used_up()
        };
        assert_eq!(used_up("tokens=10", usage(4, 5)), None);
        assert!(used_up("tokens=10", usage(4, 6)).unwrap().contains("10 tokens"));
        let paid = |cost| TokenUsage { cost_usd: Some(cost), ..usage(1, 1) };
        assert_eq!(used_up("cost=0.5", paid(0.4)), None);
        assert!(used_up("cost=0.5", paid(0.5)).unwrap().contains("$0.5"));
        assert!(used_up("seconds=0", usage(0, 0)).unwrap().contains("s are over"));
        assert_eq!(used_up("seconds=1000", usage(1, 1)), None);
    }

    #[test]
    fn requests_at_the_same_time_share_a_budget() {
        let mut meter = BudgetMeter::start("tokens=100".parse().unwrap());
        let first = meter.reserve(usage(10, 40)).unwrap();
        let second = meter.reserve(usage(10, 40)).unwrap();
        assert_eq!((first.max_output_tokens, meter.reserve(usage(1, 1))), (40, None));
        meter.settle(first, usage(10, 10));
        let third = meter.reserve(usage(10, 20)).unwrap();
        assert_eq!(meter.reserve(usage(1, 1)), None);
        meter.settle(second, usage(10, 40));
        meter.settle(third, usage(10, 10));
        // A request that runs alone gets what is left after its question.
        assert_eq!(meter.reserve(usage(4, 40)).unwrap().max_output_tokens, 6);
    }

    #[test]
    fn requests_at_the_same_time_share_a_limit_of_money() {
        let paid = |cost| TokenUsage { cost_usd: Some(cost), ..usage(1, 1) };
        let mut meter = BudgetMeter::start("cost=1".parse().unwrap());
        let first = meter.reserve(paid(0.6)).unwrap();
        assert_eq!(meter.reserve(paid(0.6)), None);
        meter.settle(first, paid(0.3));
        assert!(meter.reserve(paid(0.6)).is_some());
        // Before the first reply the cost of a request is unknown.
        let mut meter = BudgetMeter::start("cost=1".parse().unwrap());
        let first = meter.reserve(usage(1, 1)).unwrap();
        assert_eq!(meter.reserve(usage(1, 1)), None);
        meter.settle(first, paid(0.2));
        assert!((0..4).all(|_| meter.reserve(usage(1, 1)).is_some()));
        assert_eq!(meter.reserve(usage(1, 1)), None);
    }

    #[test]
    fn a_stated_cost_takes_precedence_over_the_price() {
        let price = Price { input_usd: 2.0, output_usd: 10.0 };
        let cost = priced(usage(1_000_000, 500_000), price).cost_usd.unwrap();
        assert!((cost - 7.0).abs() < 1e-9, "{cost}");
        let stated = TokenUsage { cost_usd: Some(1.0), ..usage(1_000_000, 0) };
        assert_eq!(priced(stated, price), stated);
    }

    #[test]
    fn detects_a_money_limit_without_a_known_cost() {
        let mut meter = BudgetMeter::start("cost=1".parse().unwrap());
        assert!(!meter.is_blind());
        meter.spend(usage(1, 1));
        assert!(meter.is_blind());
    }
}
