//! Scores: from passed cases to a number between 0 and 100.

use platform::api::TaskScore;

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

fn two_decimals(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use tasks::{Tally, Verdict};

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
