//! Scores: from passed cases to a number between 0 and 100.

use std::collections::BTreeMap;

use platform::api::TaskScore;
use tasks::{Tally, TaskId, Verdict};

use crate::trial::place::{RoundShape, TrialPlace};

/// The scores of an agent's trials.
///
/// They stand in a row in the order of their numbers: a map by task would need three times the memory, which is most of
/// what a large round needs.
#[derive(Clone, Debug)]
pub struct TrialScores {
    shape: RoundShape,
    /// Empty before the first score
    scores: Vec<Option<TaskScore>>,
}

impl TrialScores {
    /// No scores yet of an agent with these trials.
    pub const fn new(shape: RoundShape) -> Self {
        Self { shape, scores: Vec::new() }
    }

    /// The trials that the agent can have scores of.
    pub const fn shape(&self) -> RoundShape {
        self.shape
    }

    /// The score of a trial, if it has one.
    pub fn get(&self, place: TrialPlace) -> Option<&TaskScore> {
        self.scores.get(self.shape.slot(place))?.as_ref()
    }

    /// Sets the score of a trial that the round has.
    pub fn insert(&mut self, place: TrialPlace, score: TaskScore) {
        if self.scores.is_empty() {
            self.scores = vec![None; self.shape.slots()];
        }
        self.scores[self.shape.slot(place)] = Some(score);
    }

    /// Takes the score of a trial back.
    pub fn remove(&mut self, place: TrialPlace) {
        if let Some(score) = self.scores.get_mut(self.shape.slot(place)) {
            *score = None;
        }
    }

    /// The scores with their trials, in the order of the trials' numbers.
    pub fn iter(&self) -> impl Iterator<Item = (TrialPlace, &TaskScore)> {
        let scores = self.scores.iter().enumerate();
        scores.filter_map(|(slot, score)| Some((self.shape.place(slot), score.as_ref()?)))
    }

    /// The number of trials that have a score.
    pub fn count(&self) -> usize {
        self.scores.iter().flatten().count()
    }

    /// Returns the score on each of the round's tasks of which all trials have one: the sum of their cases, which is the
    /// mean of their scores, because all trials of a task have the same cases.
    pub fn by_task<'a>(
        &self,
        tasks: impl IntoIterator<Item = &'a TaskId>,
    ) -> BTreeMap<TaskId, TaskScore> {
        let complete = tasks.into_iter().enumerate().filter_map(|(task, id)| {
            let repetitions = 1..=self.shape.repeat;
            let trials = repetitions.map(|repetition| self.get(TrialPlace { task, repetition }));
            Some((id.clone(), together(&trials.collect::<Option<Vec<_>>>()?)))
        });
        complete.collect()
    }
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

    #[test]
    fn a_task_has_a_score_when_all_its_trials_have_one() {
        let ids: Vec<TaskId> = ["a", "b"].map(|id| id.parse().unwrap()).into();
        let score = |passed| TaskScore {
            verdict: if passed == 10 { Verdict::Accepted } else { Verdict::WrongAnswer },
            score: f64::from(passed * 10),
            passed,
            total: 10,
            cost_micro_usd: None,
            repetitions: Vec::new(),
        };
        let place = |task, repetition| TrialPlace { task, repetition };
        let mut trials = TrialScores::new(RoundShape { tasks: 2, repeat: 2 });
        assert_eq!((trials.get(place(1, 2)), trials.count()), (None, 0));
        for (task, repetition, passed) in [(0, 1, 10), (1, 2, 5), (0, 2, 9)] {
            trials.insert(place(task, repetition), score(passed));
        }
        let all: Vec<_> = trials.iter().map(|(place, score)| (place, score.passed)).collect();
        assert_eq!(all, [(place(0, 1), 10), (place(0, 2), 9), (place(1, 2), 5)]);
        let by_task = trials.by_task(&ids);
        assert_eq!(by_task.keys().collect::<Vec<_>>(), [&ids[0]]);
        let both = TaskScore { total: 20, score: 95.0, repetitions: vec![10, 9], ..score(19) };
        assert_eq!(by_task[&ids[0]], both);
        trials.remove(place(0, 2));
        assert_eq!((trials.by_task(&ids).len(), trials.count()), (0, 2));
    }
}
