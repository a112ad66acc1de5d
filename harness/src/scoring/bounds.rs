//! What an agent can still reach: exact bounds of its score while trials are missing, because each scores 0 to 100.

use std::collections::BTreeSet;

use tasks::{Sha256, TaskId};

use crate::scoring::draws::Draws;
use crate::scoring::rank::ScoredTask;
use crate::scoring::score::{TrialScores, two_decimals};
use crate::trial::place::TrialPlace;

/// The bounds of an agent's score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreBounds {
    /// Its score if every missing trial scores 0
    pub low: f64,
    /// Its score if every missing trial scores 100
    pub high: f64,
}

/// Returns the bounds of an agent's score on the round's tasks, with two decimals.
pub fn bounds(trials: &TrialScores, tasks: &[ScoredTask]) -> ScoreBounds {
    bounds_on(trials, tasks.iter().enumerate())
}

/// Returns the bounds on some of the round's tasks, each with its place.
fn bounds_on<'a>(
    trials: &TrialScores,
    tasks: impl Iterator<Item = (usize, &'a ScoredTask)>,
) -> ScoreBounds {
    let (mut gained, mut missing, mut all) = (0.0, 0.0, 0.0);
    for (task, ScoredTask { weight, .. }) in tasks {
        for repetition in 1..=trials.shape().repeat {
            let weight = f64::from(*weight);
            all += weight;
            match trials.get(TrialPlace { task, repetition }) {
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
    screened: &BTreeSet<TaskId>,
) -> Option<f64> {
    let tasks = tasks.iter().enumerate().filter(|(_, task)| screened.contains(&task.id));
    let complete = tasks.clone().all(|(task, _)| {
        (1..=trials.shape().repeat)
            .all(|repetition| trials.get(TrialPlace { task, repetition }).is_some())
    });
    complete.then(|| bounds_on(trials, tasks).low)
}

#[cfg(test)]
mod tests {
    use platform::api::TaskScore;
    use tasks::{Family, Verdict};

    use super::*;
    use crate::trial::place::RoundShape;

    fn task(id: &str, weight: u32) -> ScoredTask {
        ScoredTask { id: id.parse().unwrap(), family: Family::Strings, weight }
    }

    /// Scores of trials on the tasks `a`, `b` and `c`: each with its task, its repetition and how many of ten cases passed.
    fn trials(repeat: u32, passed: &[(&str, u32, u32)]) -> TrialScores {
        let mut scores = TrialScores::new(RoundShape { tasks: 3, repeat });
        for (id, repetition, passed) in passed {
            let task = ["a", "b", "c"].iter().position(|known| known == id).unwrap();
            let score = TaskScore {
                verdict: Verdict::WrongAnswer,
                score: f64::from(passed * 10),
                passed: *passed,
                total: 10,
                cost_micro_usd: None,
                repetitions: Vec::new(),
            };
            scores.insert(TrialPlace { task, repetition: *repetition }, score);
        }
        scores
    }

    #[test]
    fn missing_trials_score_between_0_and_100() {
        let tasks = [task("a", 1), task("b", 3)];
        let check = |passed: &[(&str, u32, u32)], repeat, low, high| {
            assert_eq!(bounds(&trials(repeat, passed), &tasks), ScoreBounds { low, high });
        };
        check(&[], 1, 0.0, 100.0);
        check(&[("a", 1, 5)], 1, 12.5, 87.5);
        check(&[("b", 1, 5)], 1, 37.5, 62.5);
        check(&[("a", 1, 10), ("b", 1, 0)], 1, 25.0, 25.0);
        check(&[("a", 1, 10), ("b", 1, 0)], 2, 12.5, 62.5);
        check(&[("b", 2, 10)], 2, 37.5, 100.0);
        assert_eq!(bounds(&trials(1, &[]), &[]), ScoreBounds { low: 0.0, high: 0.0 });
        // A trial without cases scores 0, as in the ranking.
        let mut empty = trials(1, &[]);
        let place = TrialPlace { task: 0, repetition: 1 };
        let score = trials(1, &[("a", 1, 0)]).get(place).unwrap().clone();
        empty.insert(place, TaskScore { total: 0, ..score });
        assert_eq!(bounds(&empty, &tasks), ScoreBounds { low: 0.0, high: 75.0 });
    }

    #[test]
    fn screening_needs_all_its_trials() {
        let tasks = [task("a", 1), task("b", 3), task("c", 1)];
        let check = |drawn: [&str; 2], passed: &[(&str, u32, u32)], repeat, score| {
            let drawn = drawn.map(|id| id.parse().unwrap()).into();
            assert_eq!(screen_score(&trials(repeat, passed), &tasks, &drawn), score);
        };
        check(["a", "b"], &[("a", 1, 5)], 1, None);
        check(["a", "b"], &[("a", 1, 2), ("b", 1, 10)], 1, Some(80.0));
        check(["a", "b"], &[("a", 1, 2), ("b", 1, 10)], 2, None);
        check(["b", "c"], &[("a", 1, 2), ("b", 1, 10)], 1, None);
        check(["b", "c"], &[("b", 1, 10), ("c", 1, 0)], 1, Some(75.0));
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
