//! How far a ranking can be trusted: an interval around each score, which agents no test separates, and what difference
//! the round could have distinguished from chance.

use std::collections::{BTreeMap, BTreeSet};

use platform::api::{ScoreInterval, TaskScore};
use tasks::{Sha256, TaskId};

use crate::scoring::comparison::CoinTosses;
use crate::scoring::interval::{Resamples, TaskSample};
use crate::scoring::median::median;
use crate::scoring::score::{hundredths, two_decimals};

/// The scores of an agent on each task.
pub(crate) type Scores = BTreeMap<TaskId, TaskScore>;

/// How far a ranking can be trusted.
pub(crate) struct Uncertainty {
    /// Of each agent, in the order of the ranks
    pub agents: Vec<AgentUncertainty>,
    /// The difference between two scores that the round could just have distinguished from chance, in points
    pub resolution: Option<f64>,
}

/// How far an agent's place can be trusted.
pub(crate) struct AgentUncertainty {
    pub interval: Option<ScoreInterval>,
    pub p_above: Option<f64>,
    pub group: String,
}

/// Everything that is drawn for a round, once for all its agents.
pub(crate) struct RoundEvidence {
    /// The tasks with their weights
    tasks: Vec<(TaskId, u32)>,
    tosses: CoinTosses,
    alpha: f64,
}

impl RoundEvidence {
    /// What is drawn for a round of these agents.
    pub fn draw<'a>(
        commitment: &Sha256,
        agents: impl Iterator<Item = &'a Scores>,
        weight: impl Fn(&TaskId) -> u32,
        alpha: f64,
    ) -> Self {
        // All agents of a round have the same tasks, but a forged report may say otherwise.
        let ids: BTreeSet<_> = agents.flat_map(BTreeMap::keys).collect();
        let tasks: Vec<_> = ids.into_iter().map(|id| (id.clone(), weight(id))).collect();
        let tosses = CoinTosses::draw(commitment, tasks.len());
        Self { tasks, tosses, alpha }
    }

    /// The probability below which two agents count as different.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The sum of all weights, in the unit of [`Self::weighted`] for one point.
    pub fn unit(&self) -> i64 {
        100 * self.tasks.iter().map(|(_, weight)| i64::from(*weight)).sum::<i64>().max(1)
    }

    /// An agent's scores on each task in hundredths of a point, times the task's weight.
    pub fn weighted(&self, score: impl Fn(&TaskId) -> Option<f64>) -> Vec<i64> {
        let one = |(id, weight): &(TaskId, u32)| {
            hundredths(score(id).unwrap_or_default()) * i64::from(*weight)
        };
        self.tasks.iter().map(one).collect()
    }

    /// The probability of these differences, or larger ones, between equally good agents.
    pub fn p(&self, differences: &[i64]) -> f64 {
        self.tosses.p(differences)
    }

    /// Assesses a ranking.
    pub fn assess(&self, commitment: &Sha256, agents: &[&Scores], repeat: usize) -> Uncertainty {
        let resamples = Resamples::draw(commitment, self.tasks.len(), repeat);
        let score = |scores: &Scores, id: &TaskId| scores.get(id).map(|task| task.score);
        let weighted: Vec<_> =
            agents.iter().map(|scores| self.weighted(|id| score(scores, id))).collect();
        let difference = |a: usize, b: usize| -> Vec<i64> {
            weighted[a].iter().zip(&weighted[b]).map(|(a, b)| a - b).collect()
        };
        let p = |a: usize, b: usize| self.tosses.p(&difference(a, b));
        let groups = groups(agents.len(), |a, b| p(a, b) < self.alpha);
        let neighbours = 1..agents.len();
        let least = neighbours.filter_map(|below| {
            self.tosses.least_separated(&difference(below - 1, below), self.alpha)
        });
        #[allow(clippy::cast_precision_loss, reason = "scores are small numbers")]
        let least: Vec<_> = least.map(|least| least as f64 / self.unit() as f64).collect();
        let agent = |(index, group): (usize, String)| AgentUncertainty {
            interval: resamples.interval(&self.samples(agents[index], repeat)),
            p_above: index.checked_sub(1).map(|above| p(above, index)),
            group,
        };
        Uncertainty {
            agents: groups.into_iter().enumerate().map(agent).collect(),
            resolution: (!least.is_empty()).then(|| two_decimals(median(&least))),
        }
    }

    /// An agent's scores as the interval takes them: a score for each repetition.
    fn samples(&self, scores: &Scores, repeat: usize) -> Vec<TaskSample> {
        let sample = |(id, weight): &(TaskId, u32)| {
            let weight = f64::from(*weight);
            let score = |passed: u32, total: u32| {
                if total == 0 { 0.0 } else { 100.0 * f64::from(passed) / f64::from(total) }
            };
            let scores = match scores.get(id) {
                Some(task) if task.repetitions.len() == repeat => {
                    let total = task.total / u32::try_from(repeat).unwrap_or(1);
                    task.repetitions.iter().map(|passed| score(*passed, total)).collect()
                }
                Some(task) => vec![score(task.passed, task.total); repeat],
                None => vec![0.0; repeat],
            };
            TaskSample { weight, scores }
        };
        self.tasks.iter().map(sample).collect()
    }
}

/// Names the groups of agents that are not separated. A group is a run of ranks whose first agent is not separated from
/// any other of them, and which is not part of another group.
fn groups(agents: usize, separated: impl Fn(usize, usize) -> bool) -> Vec<String> {
    // The first and the last agent of each group.
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for first in 0..agents {
        let reached = runs.last().map_or(first, |(_, last)| (*last).max(first));
        let last = (reached + 1..agents).take_while(|next| !separated(first, *next)).last();
        match (last, runs.last()) {
            (None, Some((_, known))) if *known >= first => {}
            (last, _) => runs.push((first, last.unwrap_or(reached))),
        }
    }
    let mut names = Vec::with_capacity(agents);
    let mut begin = 0;
    for agent in 0..agents {
        while runs[begin].1 < agent {
            begin += 1;
        }
        let end = (begin..runs.len()).take_while(|run| runs[*run].0 <= agent).last();
        let end = end.unwrap_or(begin);
        names.push(match (letters(begin), letters(end)) {
            (first, last) if first == last => first,
            (first, last) => format!("{first}-{last}"),
        });
    }
    names
}

/// `a` to `z`, then `aa` and so on, as spreadsheets name columns.
fn letters(mut index: usize) -> String {
    let mut name = Vec::new();
    loop {
        name.push(b'a' + u8::try_from(index % 26).expect("a letter"));
        match (index / 26).checked_sub(1) {
            Some(next) => index = next,
            None => break,
        }
    }
    name.reverse();
    String::from_utf8(name).expect("letters are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups of scores that are separated by at least 10.
    fn check(scores: &[i64], names: &[&str]) {
        assert_eq!(groups(scores.len(), |a, b| scores[a] - scores[b] >= 10), names, "{scores:?}");
    }

    #[test]
    fn agents_that_are_not_separated_share_a_group() {
        check(&[], &[]);
        check(&[5], &["a"]);
        check(&[90, 50], &["a", "b"]);
        check(&[90, 90, 90], &["a", "a", "a"]);
        check(&[90, 85, 80, 40], &["a", "a-b", "b", "c"]);
        check(&[90, 85, 80, 75, 70], &["a", "a-b", "b-c", "c-d", "d"]);
        check(&[90, 88, 86, 84, 50, 49], &["a", "a", "a", "a", "b", "b"]);
    }

    #[test]
    fn names_groups_like_columns() {
        for (index, name) in [(0, "a"), (25, "z"), (26, "aa"), (51, "az"), (52, "ba"), (702, "aaa")]
        {
            assert_eq!(letters(index), name);
        }
    }
}
