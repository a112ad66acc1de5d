//! What of private tasks can be checked without knowing them.

use super::is_score;
use crate::api::private_tasks::PrivateTasks;
use crate::api::rankings::{Ranking, Round};

/// How much a score with two decimals may differ from the exact one.
const HALF_A_HUNDREDTH: f64 = 0.005 + 1e-6;

impl Round {
    /// The ids of private tasks are those of the file that the round states, and as many as it states.
    pub(super) fn check_private(&self, problems: &mut Vec<String>) {
        let found = self.tasks.iter().filter(|task| task.is_private());
        let Some(PrivateTasks { name, tasks, sha256 }) = &self.private else {
            problems.extend(found.map(|task| {
                format!("{task} is a private task, but the round states no private tasks")
            }));
            return;
        };
        problems.extend(PrivateTasks::check_name(name).err());
        let found: Vec<_> = found.collect();
        if found.is_empty() || u32::try_from(found.len()) != Ok(*tasks) {
            problems.push(format!(
                "the round states {tasks} private tasks, but its tasks have {}",
                found.len()
            ));
        }
        if let Some(task) = found.into_iter().find(|task| !task.is_private_of(sha256)) {
            problems.push(format!("{task} is not a private task of the file {}", sha256.short()));
        }
    }
}

impl Ranking {
    /// Public and private score are there if the round has private tasks. All private tasks have the same weight, so
    /// that their score follows from their cases.
    pub(super) fn check_private(&self, round: &Round, problems: &mut Vec<String>) {
        let miner = &self.miner_id;
        let (public, private) = match (&round.private, self.public_score, self.private_score) {
            (None, None, None) => return,
            (Some(_), Some(public), Some(private)) => (public, private),
            _ => {
                problems.push(format!(
                    "'{miner}' must have a public and a private score if there are private tasks, else none"
                ));
                return;
            }
        };
        let own = self.tasks.iter().filter(|(task, _)| task.is_private());
        let shares: Vec<_> =
            own.map(|(_, score)| f64::from(score.passed) / f64::from(score.total.max(1))).collect();
        #[expect(clippy::cast_precision_loss, reason = "far fewer tasks than that")]
        let mean = 100.0 * shares.iter().sum::<f64>() / shares.len().max(1) as f64;
        if !is_score(private) || (private - mean).abs() > HALF_A_HUNDREDTH {
            problems
                .push(format!("the private score of '{miner}' is not that of its private tasks"));
        }
        let (low, high) = (public.min(private) - 0.01, public.max(private) + 0.01);
        if !is_score(public) || !(low..=high).contains(&self.score) {
            problems.push(format!(
                "the score of '{miner}' is not between its public and its private score"
            ));
        }
    }
}
