//! What an agent can still reach: exact bounds of its score while trials are missing, because each scores 0 to 100.

use std::collections::BTreeSet;

use tasks::{Sha256, TaskId};

use crate::scoring::draws::Draws;
use crate::scoring::rank::ScoredTask;
use crate::scoring::score::{TrialScores, two_decimals};

/// The bounds of an agent's score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreBounds {
    /// Its score if every missing trial scores 0
    pub low: f64,
    /// Its score if every missing trial scores 100
    pub high: f64,
}

/// Returns the bounds of an agent's score, with two decimals.
pub fn bounds(trials: &TrialScores, tasks: &[ScoredTask], repeat: u32) -> ScoreBounds {
    let (mut gained, mut missing, mut all) = (0.0, 0.0, 0.0);
    for ScoredTask { id, weight, .. } in tasks {
        for repetition in 1..=repeat {
            let weight = f64::from(*weight);
            all += weight;
            match trials.get(&(id.clone(), repetition)) {
                Some(score) if score.total > 0 => {
                    gained += weight * f64::from(score.passed) / f64::from(score.total);
                }
                Some(_) => {}
                None => missing += weight,
            }
        }
    }
    let of_all = |part: f64| if all == 0.0 { 0.0 } else { two_decimals(100.0 * part / all) };
    ScoreBounds { low: of_all(gained), high: of_all(gained + missing) }
}

/// Returns the tasks of a screening: `count` of the round's, drawn from its commitment.
pub fn screened(commitment: &Sha256, tasks: &[TaskId], count: usize) -> BTreeSet<TaskId> {
    let mut draws = Draws::new(commitment, "screen");
    let mut left: Vec<_> = tasks.iter().collect();
    let mut chosen = BTreeSet::new();
    while chosen.len() < count && !left.is_empty() {
        chosen.insert(left.swap_remove(draws.below(left.len())).clone());
    }
    chosen
}

/// Returns an agent's score on the tasks of a screening; `None` while one of its trials on them is missing.
pub fn screen_score(
    trials: &TrialScores,
    tasks: &[ScoredTask],
    repeat: u32,
    screened: &BTreeSet<TaskId>,
) -> Option<f64> {
    let tasks: Vec<_> = tasks.iter().filter(|task| screened.contains(&task.id)).cloned().collect();
    let complete = tasks.iter().all(|task| {
        (1..=repeat).all(|repetition| trials.contains_key(&(task.id.clone(), repetition)))
    });
    complete.then(|| bounds(trials, &tasks, repeat).low)
}

#[cfg(test)]
mod tests {
    use platform::api::TaskScore;
    use tasks::{Family, Verdict};

    use super::*;

    fn task(id: &str, weight: u32) -> ScoredTask {
        ScoredTask { id: id.parse().unwrap(), family: Family::Strings, weight }
    }

    fn trials(passed: &[(&str, u32, u32)]) -> TrialScores {
        let score = |(id, repetition, passed): &(&str, u32, u32)| {
            let score = TaskScore {
                verdict: Verdict::WrongAnswer,
                score: f64::from(passed * 10),
                passed: *passed,
                total: 10,
                cost_micro_usd: None,
                repetitions: Vec::new(),
            };
            ((id.parse().unwrap(), *repetition), score)
        };
        passed.iter().map(score).collect()
    }

    #[test]
    fn missing_trials_score_between_0_and_100() {
        let tasks = [task("a", 1), task("b", 3)];
        let check = |passed: &[(&str, u32, u32)], repeat, low, high| {
            assert_eq!(bounds(&trials(passed), &tasks, repeat), ScoreBounds { low, high });
        };
        check(&[], 1, 0.0, 100.0);
        check(&[("a", 1, 5)], 1, 12.5, 87.5);
        check(&[("b", 1, 5)], 1, 37.5, 62.5);
        check(&[("a", 1, 10), ("b", 1, 0)], 1, 25.0, 25.0);
        check(&[("a", 1, 10), ("b", 1, 0)], 2, 12.5, 62.5);
        assert_eq!(bounds(&trials(&[]), &[], 1), ScoreBounds { low: 0.0, high: 0.0 });
        // A trial without cases scores 0, as in the ranking.
        let mut empty = trials(&[("a", 1, 0)]);
        for score in empty.values_mut() {
            score.total = 0;
        }
        assert_eq!(bounds(&empty, &tasks, 1), ScoreBounds { low: 0.0, high: 75.0 });
    }

    #[test]
    fn screening_needs_all_its_trials() {
        let tasks = [task("a", 1), task("b", 3), task("c", 1)];
        let screened = BTreeSet::from(["a".parse().unwrap(), "b".parse().unwrap()]);
        let check = |passed: &[(&str, u32, u32)], repeat, score| {
            assert_eq!(screen_score(&trials(passed), &tasks, repeat, &screened), score);
        };
        check(&[("a", 1, 5)], 1, None);
        check(&[("a", 1, 2), ("b", 1, 10)], 1, Some(80.0));
        check(&[("a", 1, 2), ("b", 1, 10)], 2, None);
    }

    #[test]
    fn screening_draws_tasks_from_the_commitment() {
        let ids: Vec<TaskId> = ["a", "b", "c", "d", "e"].map(|id| id.parse().unwrap()).to_vec();
        let drawn = |round: &str, count| screened(&Sha256::of(round.as_bytes()), &ids, count);
        assert_eq!(drawn("x", 2), drawn("x", 2));
        assert_eq!((drawn("x", 2).len(), drawn("x", 9).len()), (2, 5));
        let rounds = ["1", "2", "3", "4", "5", "6", "7", "8"];
        let different: BTreeSet<_> = rounds.map(|round| drawn(round, 2)).into_iter().collect();
        assert!(different.len() > 2, "the same tasks in every round");
    }
}
