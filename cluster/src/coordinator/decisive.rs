//! Which trials decide a place with money: those whose score, if it were another one, would let another agent pass.
//!
//! A trial of an agent with a reward is decisive if the agent would not keep its place without the trial's points. A trial
//! of any agent is decisive if full points would bring it to the place of an agent with a reward. Pure.

use std::collections::{BTreeMap, BTreeSet};

use harness::round::book::ScoresByAgent;
use harness::trial::instance::RoundTask;
use harness::trial::place::TrialSlot;

/// Differences of scores that rounding to two decimals can hide.
const ROUNDING: f64 = 0.01;

/// What decides.
pub struct PlaceMoney<'a> {
    /// The scores of all trials
    pub scores: &'a ScoresByAgent,
    /// The agents that get a reward for their place
    pub paid: &'a BTreeSet<usize>,
    /// The tasks
    pub tasks: &'a [RoundTask],
    /// Repetitions
    pub repeat: u32,
}

impl PlaceMoney<'_> {
    /// The decisive trials.
    pub fn decisive(&self) -> BTreeSet<TrialSlot> {
        let weights: f64 = self.tasks.iter().map(|task| f64::from(task.task.weight)).sum();
        let shares: Vec<f64> = self
            .tasks
            .iter()
            .map(|task| f64::from(task.task.weight) / weights / f64::from(self.repeat))
            .collect();
        let totals: BTreeMap<usize, f64> = self
            .scores
            .iter()
            .map(|(agent, trials)| {
                let points = trials.iter().map(|(place, score)| shares[place.task] * score.score);
                (*agent, points.sum())
            })
            .collect();
        let mut all: Vec<(f64, usize)> = totals.iter().map(|(agent, sum)| (*sum, *agent)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let paid: Vec<_> = all.iter().copied().filter(|(_, a)| self.paid.contains(a)).collect();
        let mut found = BTreeSet::new();
        for (agent, trials) in self.scores {
            let total = totals[agent];
            let below = self
                .paid
                .contains(agent)
                .then(|| neighbour(all.iter().rev(), *agent, |sum| sum <= total + ROUNDING))
                .flatten();
            let above = neighbour(paid.iter(), *agent, |sum| sum >= total - ROUNDING);
            for (place, score) in trials.iter() {
                let share = shares[place.task];
                let low = total - share * score.score - ROUNDING;
                let high = total + share * (100.0 - score.score) + ROUNDING;
                let falls = below.is_some_and(|below| low <= below);
                let rises = above.is_some_and(|above| high >= above);
                if falls || rises {
                    found.insert(TrialSlot { agent: *agent, place });
                }
            }
        }
        found
    }
}

/// The first score in this order that fits, of another agent.
fn neighbour<'a>(
    mut sorted: impl Iterator<Item = &'a (f64, usize)>,
    agent: usize,
    fits: impl Fn(f64) -> bool,
) -> Option<f64> {
    sorted.find(|(sum, other)| *other != agent && fits(*sum)).map(|(sum, _)| *sum)
}

#[cfg(test)]
mod tests {
    use harness::scoring::score::TrialScores;
    use harness::trial::place::{RoundShape, TrialPlace};
    use platform::api::TaskScore;
    use tasks::{Seed, Verdict};

    use super::*;

    /// Scores of agents on the same number of tasks of equal weight, and the decisive trials as `agent/task`.
    fn check(scores: &[&[u32]], paid: &[usize], expected: &[(usize, usize)]) {
        let ids = ["reverse_string", "two_sum", "fizz_buzz", "caesar_cipher"];
        let all = tasks::all();
        let chosen = all.iter().filter(|task| task.weight == 1).take(ids.len());
        let tasks: Vec<_> = chosen.map(|task| RoundTask::new(task.clone(), Seed(1))).collect();
        let tasks = &tasks[..scores[0].len()];
        let score = |passed: &u32| TaskScore {
            verdict: Verdict::Accepted,
            score: f64::from(*passed),
            passed: *passed,
            total: 100,
            cost_micro_usd: None,
            repetitions: Vec::new(),
        };
        let scores: ScoresByAgent = scores
            .iter()
            .enumerate()
            .map(|(agent, trials)| {
                let mut own = TrialScores::new(RoundShape { tasks: tasks.len(), repeat: 1 });
                for (task, passed) in trials.iter().enumerate() {
                    own.insert(TrialPlace { task, repetition: 1 }, score(passed));
                }
                (agent, own)
            })
            .collect();
        let paid = &paid.iter().copied().collect();
        let decisive = PlaceMoney { scores: &scores, paid, tasks, repeat: 1 }.decisive();
        let found: Vec<_> = decisive.iter().map(|slot| (slot.agent, slot.place.task)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn trials_decide_that_could_change_who_is_paid() {
        // The winner of two is so far ahead that no single trial decides.
        check(&[&[100, 100, 100], &[0, 0, 0]], &[0], &[]);
        // Without its first trial the winner is passed; with its first one the second passes.
        check(&[&[100, 50], &[0, 60]], &[0], &[(0, 0), (1, 0)]);
        // Level agents: every trial with points that could be lost, or that are not all there yet.
        check(&[&[100, 100], &[100, 100]], &[0], &[(0, 0), (0, 1), (1, 0), (1, 1)]);
        // Places without money do not count.
        check(&[&[100, 100, 100, 100], &[10, 10, 0, 0], &[10, 0, 0, 0]], &[0], &[]);
        check(&[&[50, 50]], &[0], &[]);
        check(&[&[50, 50], &[50, 50]], &[], &[]);
    }
}
