//! How sure a score is: a 95 % interval by a bootstrap over tasks, with the repetitions of a task nested in it.
//!
//! The tasks of a round stand for all tasks that could have been asked, so the tasks are drawn again with replacement,
//! and of each drawn task its repetitions. The deviations of the drawn scores are widened by what the percentile
//! bootstrap of a mean is known to lack for few tasks: `sqrt(n / (n - 1)) * t / z` (Hesterberg 2015, "What Teachers
//! Should Know About the Bootstrap", section 3.2).

use platform::api::ScoreInterval;
use tasks::Sha256;

use crate::scoring::draws::Draws;
use crate::scoring::score::two_decimals;

/// Number of scores that are drawn for each agent. The ends of the interval are the 50th from either side.
const RESAMPLES: usize = 2_000;
/// Scores of [`RESAMPLES`] that lie outside the interval, on each side.
const OUTSIDE: usize = RESAMPLES / 40;
/// The 97.5th percentile of the normal distribution.
const Z: f64 = 1.959_964;

/// An agent's trials of one task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskSample {
    /// The task's weight in the score
    pub weight: f64,
    /// The score of each repetition, 0 to 100
    pub scores: Vec<f64>,
}

/// The tasks and repetitions that are drawn, the same for every agent of a round.
pub struct Resamples {
    tasks: usize,
    repeat: usize,
    /// For each resample and each of its tasks: the task, then the repetitions
    picks: Vec<u32>,
}

impl Resamples {
    /// Draws them for a round of so many tasks and repetitions.
    pub fn draw(commitment: &Sha256, tasks: usize, repeat: usize) -> Self {
        let mut draws = Draws::new(commitment, "interval");
        let mut picks = Vec::new();
        // One task does not show how tasks differ.
        if tasks > 1 {
            picks.reserve(RESAMPLES * tasks * (1 + repeat));
            for _ in 0..RESAMPLES * tasks {
                picks.push(draws.below(tasks));
                // With one repetition there is nothing to choose.
                picks
                    .extend((1..=repeat).map(|_| if repeat > 1 { draws.below(repeat) } else { 0 }));
            }
        }
        let picks = picks.into_iter().map(|pick| u32::try_from(pick).expect("few tasks"));
        Self { tasks, repeat, picks: picks.collect() }
    }

    /// Returns the interval around an agent's score; `None` if the round has one task only.
    pub fn interval(&self, samples: &[TaskSample]) -> Option<ScoreInterval> {
        debug_assert_eq!(samples.len(), self.tasks);
        let weights: f64 = samples.iter().map(|sample| sample.weight).sum();
        if self.picks.is_empty() || weights == 0.0 {
            return None;
        }
        let mean: f64 = samples
            .iter()
            .map(|s| s.weight * s.scores.iter().sum::<f64>() / count(s.scores.len()))
            .sum::<f64>()
            / weights;
        let mut drawn: Vec<f64> = self
            .picks
            .chunks_exact(self.tasks * (1 + self.repeat))
            .map(|resample| self.score(resample, samples))
            .collect();
        drawn.sort_by(f64::total_cmp);
        let widening = widening(self.tasks);
        let end = |drawn: f64| two_decimals((mean + widening * (drawn - mean)).clamp(0.0, 100.0));
        Some(ScoreInterval { low: end(drawn[OUTSIDE]), high: end(drawn[RESAMPLES - 1 - OUTSIDE]) })
    }

    fn score(&self, resample: &[u32], samples: &[TaskSample]) -> f64 {
        let (mut sum, mut weights) = (0.0, 0.0);
        for pick in resample.chunks_exact(1 + self.repeat) {
            let sample = &samples[pick[0] as usize];
            let scores: f64 = pick[1..].iter().map(|index| sample.scores[*index as usize]).sum();
            sum += sample.weight * scores / count(self.repeat);
            weights += sample.weight;
        }
        if weights == 0.0 { 0.0 } else { sum / weights }
    }
}

/// The factor by which the deviations of drawn means of `tasks` values are too small.
fn widening(tasks: usize) -> f64 {
    let n = count(tasks);
    (n / (n - 1.0)).sqrt() * student(n - 1.0) / Z
}

/// The 97.5th percentile of Student's t, by the first terms of its expansion in 1/`freedom` (Abramowitz and Stegun
/// 26.7.5). From 4 degrees of freedom on, it is within 1 % of the exact one.
fn student(freedom: f64) -> f64 {
    let (z, z3, z5, z7) = (Z, Z.powi(3), Z.powi(5), Z.powi(7));
    let first = (z3 + z) / 4.0;
    let second = (5.0 * z5 + 16.0 * z3 + 3.0 * z) / 96.0;
    let third = (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / 384.0;
    z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

/// A number of tasks or repetitions.
fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("few tasks and repetitions"))
}
