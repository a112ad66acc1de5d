//! Whether two agents differ: a paired permutation test over tasks.
//!
//! If two agents are equally good, which of them did better on a task is a coin toss. The test tosses the coin for every
//! task many times, and counts how often the difference is at least as large as the one that was seen.

use tasks::Sha256;

use crate::scoring::draws::Draws;

/// Up to this many tasks with a difference, every outcome of the coins is counted.
const ENUMERATED: usize = 12;
/// With more, so many outcomes are: the one that was seen, and drawn ones. So the smallest p is 0.0001.
const OUTCOMES: usize = 10_000;
/// Tasks whose coins are in one byte.
const BYTE: usize = 8;

/// The coins that are tossed, the same for every pair of a round.
pub struct CoinTosses {
    bytes: usize,
    /// For each outcome, a bit per task
    rows: Vec<u8>,
}

impl CoinTosses {
    /// Draws them for a round of so many tasks.
    pub fn draw(commitment: &Sha256, tasks: usize) -> Self {
        let bytes = tasks.div_ceil(BYTE);
        let mut draws = Draws::new(commitment, "comparison");
        let mut rows = Vec::with_capacity(bytes * OUTCOMES);
        if tasks > ENUMERATED {
            // The outcome that was seen: no sign is changed.
            rows.resize(bytes, 0);
            for _ in 1..OUTCOMES {
                let mut left = bytes;
                while left > 0 {
                    let word = draws.word().to_be_bytes();
                    let some = left.min(word.len());
                    rows.extend(&word[..some]);
                    left -= some;
                }
            }
        }
        Self { bytes, rows }
    }

    /// Returns the probability of a difference at least as large, in either direction, between equally good agents.
    /// `differences` are the weighted differences of two agents on each task.
    pub fn p(&self, differences: &[i64]) -> f64 {
        let seen = differences.iter().sum::<i64>().abs();
        let sums = self.sums(differences);
        share(sums.iter().filter(|sum| **sum >= seen).count(), sums.len())
    }

    /// Returns the smallest total difference of these two agents that would have had a p below `level`; `None` if none
    /// would have had.
    pub fn least_separated(&self, differences: &[i64], level: f64) -> Option<i64> {
        let mut sums = self.sums(differences);
        let largest = *sums.iter().max()?;
        // So many outcomes may be as large as the least separated difference; the next largest one must be smaller.
        let allowed = (0..sums.len()).rev().find(|count| share(*count, sums.len()) < level)?;
        let (_, next, _) = sums.select_nth_unstable_by_key(allowed, |sum| std::cmp::Reverse(*sum));
        let least = *next + 1;
        (least <= largest).then_some(least)
    }

    /// The absolute sum of the differences under each outcome of the coins.
    fn sums(&self, differences: &[i64]) -> Vec<i64> {
        let some: Vec<_> = differences.iter().copied().filter(|d| *d != 0).collect();
        if some.len() <= ENUMERATED {
            let signed = |coins: usize| {
                let sign =
                    |(index, d): (usize, &i64)| if coins >> index & 1 == 1 { -d } else { *d };
                some.iter().enumerate().map(sign).sum::<i64>().abs()
            };
            return (0..1 << some.len()).map(signed).collect();
        }
        let tables: Vec<_> = differences.chunks(BYTE).map(signed_sums).collect();
        let row = |row: &[u8]| {
            row.iter().zip(&tables).map(|(coins, table)| table[usize::from(*coins)]).sum::<i64>()
        };
        self.rows.chunks_exact(self.bytes).map(|coins| row(coins).abs()).collect()
    }
}

/// The sum of up to eight differences for each byte of coins.
fn signed_sums(differences: &[i64]) -> [i64; 256] {
    std::array::from_fn(|coins| {
        let sign = |(index, d): (usize, &i64)| if coins >> index & 1 == 1 { -d } else { *d };
        differences.iter().enumerate().map(sign).sum()
    })
}

fn share(part: usize, of: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).expect("at most 10,000 outcomes"));
    number(part) / number(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(differences: &[i64], p: f64, least: Option<i64>) {
        let tosses = CoinTosses::draw(&Sha256::of(b"round"), differences.len());
        let found = tosses.p(differences);
        assert!((found - p).abs() < 1e-9, "{differences:?}: {found}");
        assert_eq!(tosses.least_separated(differences, 0.05), least, "{differences:?}");
    }

    #[test]
    fn counts_every_outcome_of_few_differences() {
        check(&[], 1.0, None);
        check(&[0, 0, 0], 1.0, None);
        // Of 2 outcomes, both are as large.
        check(&[5], 1.0, None);
        // Five tasks: 2 of 32 outcomes, which is not below 0.05.
        check(&[1; 5], 2.0 / 32.0, None);
        // Six: 2 of 64 outcomes reach 6, and 12 more reach 4.
        check(&[1; 6], 2.0 / 64.0, Some(5));
        check(&[-1; 6], 2.0 / 64.0, Some(5));
        check(&[1, 1, 1, 1, 1, -1], 14.0 / 64.0, Some(5));
        // A p that is exactly the level does not separate.
        let tosses = CoinTosses::draw(&Sha256::of(b"round"), 6);
        assert_eq!(tosses.least_separated(&[1; 6], 2.0 / 64.0), None);
    }

    #[test]
    fn draws_outcomes_of_many_differences() {
        let tosses = CoinTosses::draw(&Sha256::of(b"round"), 100);
        let p = |differences: &[i64]| tosses.p(differences);
        assert!((p(&[1; 100]) - 1e-4).abs() < 1e-12, "only the outcome that was seen is as large");
        // 60 to 40: the normal approximation with a correction for steps gives 0.057.
        let mut mixed = [1; 100];
        mixed[..40].fill(-1);
        assert!((p(&mixed) - 0.057).abs() < 0.01, "{}", p(&mixed));
        let even: Vec<_> = (0..100).map(|index| if index % 2 == 0 { 3 } else { -3 }).collect();
        assert!((p(&even) - 1.0).abs() < 1e-12);
        // 1.96 standard deviations of 10, in steps of 2.
        let least = tosses.least_separated(&mixed, 0.05).unwrap();
        assert!((17..=23).contains(&least), "{least}");
    }

    #[test]
    fn a_larger_difference_never_has_a_larger_p() {
        let tosses = CoinTosses::draw(&Sha256::of(b"round"), 20);
        let mut differences: Vec<i64> = (0..20).map(|index| (index * 7 % 11) - 3).collect();
        let mut before = tosses.p(&differences);
        for step in 0..200 {
            differences[step % 20] += 1;
            let p = tosses.p(&differences);
            assert!(p <= before, "step {step}: {before} then {p}");
            before = p;
        }
    }
}
