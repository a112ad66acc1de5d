//! Rewards: how a pool of simulated 'TAO' is split, in integers of 1e-9 TAO, so that the rewards
//! always add up to the pool.

use std::fmt;
use std::str::FromStr;

use platform::api::Rao;

use crate::choice::choices;
use crate::scoring::score::hundredths;

/// How the pool is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payout {
    /// In proportion to the scores
    Proportional,
    /// All of it to the first
    WinnerTakesAll,
    /// All of it to the holder of the first place, who loses it only to an agent that is better by evidence
    Gated,
}

choices!(Payout, "a payout", Proportional: "proportional", WinnerTakesAll: "winner-takes-all", Gated: "gated");

/// The probability of a difference between equally good agents below which they count as different.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alpha(f64);

/// The text is not such a probability.
#[derive(Debug, thiserror::Error)]
#[error("'{}' is not a level of significance; expected a number from 0.0001 to 0.5, such as 0.05", .0.escape_debug())]
pub struct ParseAlphaError(String);

impl Alpha {
    /// The number.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl Default for Alpha {
    fn default() -> Self {
        Self(0.05)
    }
}

impl TryFrom<f64> for Alpha {
    type Error = ParseAlphaError;

    fn try_from(number: f64) -> Result<Self, ParseAlphaError> {
        let is_level = (0.0001..=0.5).contains(&number);
        if is_level { Ok(Self(number)) } else { Err(ParseAlphaError(number.to_string())) }
    }
}

impl FromStr for Alpha {
    type Err = ParseAlphaError;

    fn from_str(text: &str) -> Result<Self, ParseAlphaError> {
        let number = text.parse::<f64>().ok().and_then(|number| Self::try_from(number).ok());
        number.ok_or_else(|| ParseAlphaError(text.to_owned()))
    }
}

impl fmt::Display for Alpha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How much is paid, and how it is split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RewardPolicy {
    /// The amount that is split
    pub pool: Rao,
    /// How it is split
    pub payout: Payout,
    /// From which probability on two agents count as different
    pub alpha: Alpha,
}

/// Splits the pool over agents in the order of their ranks, by their scores (0 to 100, two decimals; 0
/// for one that may earn nothing; with [`Payout::Gated`], for all but the holder of the first place). What rounding leaves over goes to the largest remainders, and among
/// equal ones to the better rank.
pub fn split(policy: RewardPolicy, scores: &[f64]) -> Vec<Rao> {
    let RewardPolicy { pool, payout, .. } = policy;
    // Scores have two decimals, so a hundredth is the unit in which they are whole.
    let whole = |score: &f64| u128::try_from(hundredths(*score)).expect("it is not negative");
    let mut weights: Vec<u128> = scores.iter().map(whole).collect();
    if payout == Payout::WinnerTakesAll {
        let winner = weights.iter().position(|weight| *weight > 0);
        for (index, weight) in weights.iter_mut().enumerate() {
            *weight = u128::from(Some(index) == winner);
        }
    }
    let sum: u128 = weights.iter().sum();
    if sum == 0 {
        return vec![Rao(0); scores.len()];
    }
    let pool_rao = u128::from(pool.0);
    let share = |weight: u128| u64::try_from(pool_rao * weight / sum).expect("less than the pool");
    let mut shares: Vec<u64> = weights.iter().map(|weight| share(*weight)).collect();
    let left = pool.0 - shares.iter().sum::<u64>();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by_key(|index| std::cmp::Reverse(pool_rao * weights[*index] % sum));
    for index in by_remainder.into_iter().take(usize::try_from(left).expect("fewer than agents")) {
        shares[index] += 1;
    }
    shares.into_iter().map(Rao).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pool: &str, payout: Payout, scores: &[f64], rewards: &[&str]) {
        let pool: Rao = pool.parse().unwrap();
        let split = split(RewardPolicy { pool, payout, alpha: Alpha::default() }, scores);
        assert_eq!(split.iter().map(ToString::to_string).collect::<Vec<_>>(), rewards);
        let paid: u64 = split.iter().map(|share| share.0).sum();
        assert!(paid == pool.0 || scores.iter().all(|score| *score == 0.0), "{paid} was paid");
    }

    #[test]
    fn rewards_add_up_to_the_pool() {
        check("100", Payout::Proportional, &[100.0, 100.0], &["50", "50"]);
        check("100", Payout::Proportional, &[100.0, 0.0], &["100", "0"]);
        check(
            "100",
            Payout::Proportional,
            &[50.0, 50.0, 50.0],
            &["33.333333334", "33.333333333", "33.333333333"],
        );
        check("0.000000001", Payout::Proportional, &[1.0, 99.0], &["0", "0.000000001"]);
        // The largest remainder is that of the smallest score: 5.19, 3.30 and 1.51 rao.
        check(
            "0.00000001",
            Payout::Proportional,
            &[55.0, 35.0, 16.0],
            &["0.000000005", "0.000000003", "0.000000002"],
        );
        check("100", Payout::WinnerTakesAll, &[60.0, 40.0], &["100", "0"]);
        check("100", Payout::WinnerTakesAll, &[0.0, 40.0, 40.0], &["0", "100", "0"]);
        check("100", Payout::Proportional, &[0.0, 0.0], &["0", "0"]);
        check("100", Payout::WinnerTakesAll, &[0.0], &["0"]);
        check("1", Payout::Proportional, &[], &[]);
        check("18446744073.709551615", Payout::Proportional, &[100.0], &["18446744073.709551615"]);
    }
}
