//! Scores: from passed cases to a number between 0 and 100.

use std::collections::BTreeMap;

use platform::api::TaskScore;
use tasks::{Tally, TaskId, Verdict};

/// The score of each trial of an agent, by its task and the number of the repetition, from 1.
pub type TrialScores = BTreeMap<(TaskId, u32), TaskScore>;

/// Returns an agent's score on each task of which it has `repeat` trials: the sum of their cases, which is the mean of
/// their scores, because all trials of a task have the same cases.
pub fn task_scores(trials: &TrialScores, repeat: u32) -> BTreeMap<TaskId, TaskScore> {
    let mut by_task = BTreeMap::<&TaskId, Vec<&TaskScore>>::new();
    for ((task, _), score) in trials {
        by_task.entry(task).or_default().push(score);
    }
    let complete =
        by_task.into_iter().filter(|(_, trials)| u32::try_from(trials.len()) == Ok(repeat));
    complete.map(|(task, trials)| (task.clone(), together(&trials))).collect()
}

fn together(trials: &[&TaskScore]) -> TaskScore {
    if let [only] = trials {
        return (*only).clone();
    }
    // A forged report may state any counts.
    let sum = |count: fn(&TaskScore) -> u32| {
        trials.iter().fold(0_u32, |sum, trial| sum.saturating_add(count(trial)))
    };
    let (passed, total) = (sum(|trial| trial.passed), sum(|trial| trial.total));
    let wrong = trials.iter().map(|trial| trial.verdict).find(|verdict| verdict.is_wrong());
    TaskScore {
        verdict: wrong.unwrap_or(Verdict::Accepted),
        score: Tally { passed, total }.score(),
        passed,
        total,
        cost_micro_usd: trials
            .iter()
            .map(|trial| trial.cost_micro_usd)
            .try_fold(0_u64, |sum, cost| Some(sum.saturating_add(cost?))),
        repetitions: trials.iter().map(|trial| trial.passed).collect(),
    }
}

/// The mean of an agent's task scores, each with its task's weight, two decimals. It is computed from the
/// counts of cases, so that rounding happens once.
pub fn agent_score<'a>(tasks: impl IntoIterator<Item = (&'a TaskScore, u32)>) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (task, weight) in tasks {
        let weight = f64::from(weight);
        weights += weight;
        if task.total > 0 {
            sum += weight * f64::from(task.passed) / f64::from(task.total);
        }
    }
    if weights == 0.0 { 0.0 } else { two_decimals(100.0 * sum / weights) }
}

/// A score in hundredths of a point.
#[allow(clippy::cast_possible_truncation, reason = "it is between 0 and 10,000")]
pub(crate) fn hundredths(score: f64) -> i64 {
    (score.clamp(0.0, 100.0) * 100.0).round() as i64
}

/// Rounds to two decimals.
pub(crate) fn two_decimals(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tasks: &[(u32, u32, u32)], score: f64) {
        let tasks: Vec<_> = tasks
            .iter()
            .map(|(passed, total, weight)| {
                let (passed, total) = (*passed, *total);
                let verdict = Verdict::Accepted;
                (
                    TaskScore {
                        verdict,
                        score: Tally { passed, total }.score(),
                        passed,
                        total,
                        cost_micro_usd: None,
                        repetitions: Vec::new(),
                    },
                    *weight,
                )
            })
            .collect();
        let weighted = tasks.iter().map(|(task, weight)| (task, *weight));
        assert!((agent_score(weighted) - score).abs() < 1e-9, "{tasks:?}");
    }

    #[test]
    fn score_is_the_mean_over_tasks_and_not_over_cases() {
        check(&[(10, 10, 1), (0, 1, 1)], 50.0);
        check(&[(1, 3, 1)], 33.33);
        check(&[(2, 3, 1)], 66.67);
        check(&[(1, 3, 1), (1, 3, 1), (1, 3, 1)], 33.33);
        check(&[(1, 1, 3), (0, 1, 1)], 75.0);
        check(&[], 0.0);
        check(&[(0, 0, 1)], 0.0);
    }
}
