//! pass@k: the probability that at least one of k samples is right.
//!
//! The estimator is the unbiased one of Chen et al., "Evaluating Large Language Models Trained on Code"
//! (2021): for a problem with `n` samples of which `c` are right it is 1 - C(n-c, k) / C(n, k), and the result is the mean
//! over the problems. The interval around it comes from a bootstrap over the problems.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;

/// The usual values of k.
pub const KS: [u32; 3] = [1, 10, 100];
/// How often the problems are resampled for an interval.
const RESAMPLES: usize = 2_000;
/// Seed of the resampling: the same counts give the same interval everywhere.
const SEED: u64 = 0;

/// The number of samples of a problem, and how many of them are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleCounts {
    /// All samples
    pub samples: u32,
    /// The right ones
    pub right: u32,
}

/// pass@k over a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PassAt {
    /// The k
    pub k: u32,
    /// The estimate, from 0 to 1
    pub estimate: f64,
    /// The interval that holds 95% of the estimates over resampled problems
    pub interval: [f64; 2],
}

/// Estimates pass@k for every usual k for which each problem has enough samples.
pub fn pass_at(problems: &[SampleCounts]) -> Vec<PassAt> {
    let fewest = problems.iter().map(|counts| counts.samples).min().unwrap_or(0);
    KS.iter().copied().filter(|k| *k <= fewest).map(|k| one(problems, k)).collect()
}

fn one(problems: &[SampleCounts], k: u32) -> PassAt {
    let each: Vec<f64> = problems.iter().map(|counts| estimate(*counts, k)).collect();
    let mut random = StdRng::seed_from_u64(SEED);
    let mut resample = || {
        let drawn = (0..each.len()).map(|_| each[random.random_range(0..each.len())]);
        mean(drawn, each.len())
    };
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| resample()).collect();
    means.sort_by(f64::total_cmp);
    let outside = RESAMPLES / 40;
    PassAt {
        k,
        estimate: mean(each.iter().copied(), each.len()),
        interval: [means[outside], means[RESAMPLES - 1 - outside]],
    }
}

#[allow(clippy::cast_precision_loss, reason = "a benchmark has far fewer than 2^52 problems")]
fn mean(numbers: impl Iterator<Item = f64>, count: usize) -> f64 {
    numbers.sum::<f64>() / count as f64
}

fn estimate(SampleCounts { samples, right }: SampleCounts, k: u32) -> f64 {
    let wrong = samples - right;
    if wrong < k {
        return 1.0;
    }
    // C(n-c, k) / C(n, k) as a product, which neither overflows nor rounds much.
    let none_right = (wrong + 1..=samples).map(|i| 1.0 - f64::from(k) / f64::from(i));
    1.0 - none_right.product::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(counts: &[(u32, u32)], expected: &[(u32, f64)]) {
        let counts: Vec<_> = counts
            .iter()
            .map(|(samples, right)| SampleCounts { samples: *samples, right: *right })
            .collect();
        let got = pass_at(&counts);
        assert_eq!(got.len(), expected.len(), "{got:?}");
        for (got, (k, estimate)) in got.iter().zip(expected) {
            assert_eq!(got.k, *k);
            assert!((got.estimate - estimate).abs() < 1e-12, "{got:?}, expected {estimate}");
            let [low, high] = got.interval;
            assert!(low <= got.estimate && got.estimate <= high, "{got:?}");
        }
    }

    #[test]
    fn estimates_sampling_without_replacement() {
        check(&[(1, 1)], &[(1, 1.0)]);
        check(&[(1, 0), (1, 1)], &[(1, 0.5)]);
        check(&[(10, 3)], &[(1, 0.3), (10, 1.0)]);
        // 1 - C(10, 10) / C(20, 10)
        check(&[(20, 10)], &[(1, 0.5), (10, 1.0 - 1.0 / 184_756.0)]);
        check(&[(10, 0)], &[(1, 0.0), (10, 0.0)]);
    }

    #[test]
    fn omits_a_k_for_which_a_problem_has_too_few_samples() {
        check(&[(10, 10), (9, 0)], &[(1, 0.5)]);
        check(&[], &[]);
        check(&[(0, 0), (5, 5)], &[]);
    }

    #[test]
    fn interval_is_as_wide_as_the_problems_differ() {
        let half: Vec<_> = (0..100).map(|i| SampleCounts { samples: 1, right: i % 2 }).collect();
        let [low, high] = pass_at(&half)[0].interval;
        // Two standard errors of a fair coin in a hundred throws are a tenth.
        assert!((0.38..0.44).contains(&low) && (0.56..0.62).contains(&high), "{low}..{high}");
        // The same everywhere: the 51st estimate of 2,000 from each end.
        let mixed: Vec<_> = (0..97).map(|i| SampleCounts { samples: 97, right: i }).collect();
        let [low, high] = pass_at(&mixed)[0].interval;
        let expected = [0.439_897_970_028_695_85, 0.550_536_720_161_547_4];
        assert!((low - expected[0]).abs() < 1e-12, "{low}..{high}");
        assert!((high - expected[1]).abs() < 1e-12, "{low}..{high}");
        let alike = vec![SampleCounts { samples: 2, right: 1 }; 50];
        let [low, high] = pass_at(&alike)[0].interval;
        assert!((low - 0.5).abs() < 1e-12 && (high - 0.5).abs() < 1e-12, "{low}..{high}");
    }
}
